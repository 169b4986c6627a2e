//! What packages want to know of each other while they are evaluated: names, versions, exports.
//!
//! A step that reads what is not known ends and says so; it is asked for again when that is known.

use serde_json::Value;

use super::{Answered, Instances, Job, Step};
use crate::declare::model::PackageRequest;
use crate::error::{Error, Result};
use crate::jsonnet::protocol::Request;
use crate::pkg::PackageIndex;

impl Instances<'_> {
    /// The package whose declaration a step evaluates.
    pub(super) fn package_of(&self, step: Step) -> PackageIndex {
        match step {
            Step::Exports(package) => package,
            Step::Module(index) | Step::Generate(index) => self.all[index].package,
        }
    }

    /// Asks for a step, with all that is known by now.
    pub(super) fn ask(&mut self, step: Step) {
        let package = self.packages.directory(self.package_of(step));
        let answers = self
            .answers
            .get(&self.package_of(step))
            .map(|known| {
                known
                    .iter()
                    .map(|(request, _, answer)| (request.clone(), answer.clone()))
                    .collect()
            })
            .unwrap_or_default();
        let request = match step {
            Step::Exports(_) => Request::Exports { package, answers },
            Step::Module(index) => {
                let instance = &self.all[index];
                Request::Module {
                    package,
                    module: instance.module.clone(),
                    config: instance.config.clone(),
                    parameters: instance.parameters.clone(),
                    answers,
                }
            }
            Step::Generate(index) => {
                let Some(input) = self.input(index, answers) else {
                    return;
                };
                Request::Generate(Box::new(input))
            }
        };
        self.jobs.push(Job(step, request));
    }

    /// Finds out what a step waits for: what a package declares first, its exports if it asks again although it was
    /// `given` the former.
    pub(super) fn answer(
        &mut self,
        step: Step,
        given: &[(PackageRequest, Answered)],
        wanted: Vec<PackageRequest>,
    ) -> Result<()> {
        // One more than is waited for, so that nothing goes on before all are asked for.
        *self.unanswered.entry(step).or_default() += 1;
        for request in &wanted {
            let package = self.packages.require(self.package_of(step), request)?;
            self.packages
                .connect(self.package_of(step), package, request);
            let was_given = given.iter().find(|(known, _)| known.is_same(request));
            match was_given {
                None => self.learn(step, request, package)?,
                Some((_, Answered { exports: None, .. })) => self.await_exports(step, package),
                Some(_) => {
                    return Err(Error::internal(format!(
                        "`{}` is asked for again and again",
                        request.label()
                    ))
                    .at_if_absent(request.at.as_ref()));
                }
            }
        }
        self.answered(step);
        Ok(())
    }

    /// Remembers for the package of a step what a declared package is, and its exports if they are known.
    pub(super) fn learn(
        &mut self,
        step: Step,
        request: &PackageRequest,
        package: PackageIndex,
    ) -> Result<()> {
        self.packages.check(package, request)?;
        let declaration = self.packages.declaration(package)?;
        let (info, pkgs) = (declaration.info.clone(), declaration.pkgs.clone());
        let directory = self.packages.directory(package);
        let exports = self.exports.get(&package).cloned();
        let known = self.answers.entry(self.package_of(step)).or_default();
        if !known.iter().any(|(known, _, _)| known.is_same(request)) {
            known.push((
                request.clone(),
                package,
                Answered {
                    info,
                    directory,
                    pkgs,
                    exports,
                },
            ));
        }
        Ok(())
    }

    /// Makes a step wait for the exports of a package, unless they are known by now.
    fn await_exports(&mut self, step: Step, package: PackageIndex) {
        if self.exports.contains_key(&package) {
            return;
        }
        *self.unanswered.entry(step).or_default() += 1;
        let waiting = self.waiting_for_exports.entry(package).or_default();
        waiting.push(step);
        if waiting.len() == 1 {
            self.ask(Step::Exports(package));
        }
    }

    /// The exports of a package are known: tells all that ask for the package, and goes on with those that waited.
    pub(super) fn exported(&mut self, package: PackageIndex, exports: Value) {
        for (_, _, answer) in self
            .answers
            .values_mut()
            .flatten()
            .filter(|(_, asked, _)| *asked == package)
        {
            answer.exports = Some(exports.clone());
        }
        self.exports.insert(package, exports);
        for step in self
            .waiting_for_exports
            .remove(&package)
            .unwrap_or_default()
        {
            self.answered(step);
        }
    }

    /// One answer that a step waited for is there; after the last one it is asked for again.
    pub(super) fn answered(&mut self, step: Step) {
        if let Some(unanswered) = self.unanswered.get_mut(&step) {
            *unanswered -= 1;
            if *unanswered == 0 {
                self.unanswered.remove(&step);
                self.ask(step);
            }
        }
    }
}

/// What a request was sent with.
pub(super) fn given(request: &Request) -> &[(PackageRequest, Answered)] {
    match request {
        Request::Declare { answers, .. }
        | Request::Exports { answers, .. }
        | Request::Module { answers, .. } => answers,
        Request::Generate(input) => &input.answers,
        Request::Setup(_)
        | Request::Eval { .. }
        | Request::Format { .. }
        | Request::Lint { .. } => &[],
        Request::Try(trial) => &trial.input.answers,
    }
}
