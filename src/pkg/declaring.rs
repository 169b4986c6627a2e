//! Evaluates declarations, and what they want to know of each other: a declaration that reads the `exports` of a
//! package ends, and is evaluated again when these are known.
//!
//! It knows nothing of how packages get on disk.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use serde_json::Value;

use super::packages::{Ask, unexpected};
use super::{PackageIndex, Packages, contents, frontier};
use crate::declare::model::{Declaration, PackageRequest};
use crate::error::Result;
use crate::event::Subscriber;
use crate::jsonnet::protocol::{Answer, Answered, Outcome, Read, Request};
use crate::workspace::evaluations::Evaluations;

/// What is evaluated of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Step {
    Declare(PackageIndex),
    Exports(PackageIndex),
}

impl Step {
    fn package(self) -> PackageIndex {
        match self {
            Self::Declare(package) | Self::Exports(package) => package,
        }
    }
}

/// The evaluations of one resolution: those that ended, and those that wait.
#[derive(Debug, Default)]
pub struct Declaring {
    /// What each package was told of those it asks for.
    answers: HashMap<PackageIndex, Vec<(PackageRequest, Answered)>>,
    exports: HashMap<PackageIndex, Value>,
    /// Steps that cannot go on, and the requests that must be answered first.
    waiting: BTreeMap<Step, Vec<PackageRequest>>,
    /// Declarations of earlier runs.
    pub saved: Arc<Evaluations>,
}

impl Declaring {
    /// Evaluates what can be evaluated: every package that is on disk and not declared, and what waits and can go on.
    /// Returns whether anything was.
    ///
    /// # Errors
    /// Those of an evaluation process, and of `exports` that cannot be had. A declaration's own error is kept with its
    /// package.
    pub fn run(
        &mut self,
        packages: &mut Packages,
        threads: usize,
        ask: &Ask<'_>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<bool> {
        let mut is_progress = false;
        loop {
            let mut steps = self.going_on(packages)?;
            // Packages that are asked for are only now looked for in the store.
            let undeclared = packages.undeclared().into_iter().map(Step::Declare);
            steps.extend(undeclared.filter(|step| !self.waiting.contains_key(step)));
            if steps.is_empty() {
                return Ok(is_progress);
            }
            is_progress = true;
            self.drive(steps, packages, threads, ask, subscriber)?;
        }
    }

    fn drive(
        &mut self,
        steps: Vec<Step>,
        packages: &mut Packages,
        threads: usize,
        ask: &Ask<'_>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let mut begun: HashSet<Step> = steps.iter().copied().collect();
        let jobs = steps.into_iter();
        let jobs = jobs
            .map(|step| (step, self.request(step, packages)))
            .collect();
        let saved = Arc::clone(&self.saved);
        let work = |(step, request): &(Step, Request)| match step {
            Step::Declare(_) => {
                let known = saved.recall(&saved.key(request));
                known.map_or_else(|| ask(request), Ok)
            }
            Step::Exports(_) => ask(request),
        };
        frontier::drive(threads, jobs, work, |(step, request), outcome, more| {
            for found in self.absorb(step, &request, outcome, packages, subscriber)? {
                let step = Step::Declare(found);
                if !packages.is_declared(found)
                    && !self.waiting.contains_key(&step)
                    && begun.insert(step)
                {
                    more.push((step, self.request(step, packages)));
                }
            }
            Ok(())
        })
    }

    fn request(&self, step: Step, packages: &Packages) -> Request {
        let package = packages.directory(step.package());
        let answers = self
            .answers
            .get(&step.package())
            .cloned()
            .unwrap_or_default();
        match step {
            Step::Declare(_) => Request::Declare { package, answers },
            Step::Exports(_) => Request::Exports { package, answers },
        }
    }

    /// Takes in an evaluation. Returns the packages by path that it leads to.
    fn absorb(
        &mut self,
        step: Step,
        request: &Request,
        outcome: Result<Outcome>,
        packages: &mut Packages,
        subscriber: &mut dyn Subscriber,
    ) -> std::result::Result<Vec<PackageIndex>, frontier::Failure> {
        self.waiting.remove(&step);
        let index = step.package();
        let is_staged = packages.get(index).is_staged;
        if let (Step::Declare(_), Ok(outcome), false) = (step, &outcome, is_staged)
            && matches!(outcome.result, Ok(Answer::Declaration(_)))
        {
            self.saved.remember(self.saved.key(request), outcome);
        }
        if outcome.is_err() {
            // Nobody knows what it read, so nothing that this leads to can be used again.
            let path = &packages.get(index).directory;
            let path = path.join(contents::declaration_file(path));
            packages.reads.push(Read::File { path, hash: None });
        }
        let answer = outcome.and_then(|outcome| {
            if !is_staged {
                packages.reads.extend(outcome.reads);
            }
            outcome.result
        });
        match (step, answer) {
            (_, Ok(Answer::Waiting(requests))) => {
                self.waiting.insert(step, requests);
                Ok(Vec::new())
            }
            (Step::Declare(_), Ok(Answer::Declaration(declaration))) => {
                Ok(packages.declared(index, Ok(declaration), subscriber))
            }
            (Step::Declare(_), Err(error)) => {
                let declaration: Result<Declaration> = Err(error);
                Ok(packages.declared(index, declaration, subscriber))
            }
            (Step::Exports(_), Ok(Answer::Value(value))) => {
                self.exports.insert(index, value);
                Ok(Vec::new())
            }
            (Step::Exports(_), Err(error)) => Err(error.into()),
            (_, Ok(answer)) => Err(unexpected(&answer).into()),
        }
    }

    /// The steps whose requests are all answered by now, and the `exports` that others wait for.
    fn going_on(&mut self, packages: &mut Packages) -> Result<Vec<Step>> {
        let mut steps = Vec::new();
        for (step, requests) in self.waiting.clone() {
            let mut is_answered = true;
            for request in &requests {
                is_answered &= self.answer(step, request, packages, &mut steps)?;
            }
            if is_answered {
                steps.push(step);
            }
        }
        steps.sort_unstable();
        steps.dedup();
        Ok(steps)
    }

    /// Answers one request that a step waits for, as far as it can be. A request that was answered before is one for the
    /// `exports`.
    fn answer(
        &mut self,
        step: Step,
        request: &PackageRequest,
        packages: &mut Packages,
        steps: &mut Vec<Step>,
    ) -> Result<bool> {
        let asking = step.package();
        let Ok(package) = packages.find(asking, request) else {
            return Ok(false);
        };
        // Where a staged package lies, it does not stay.
        if !packages.is_declared(package) || packages.get(package).is_staged {
            return Ok(false);
        }
        packages.check(package, request)?;
        packages.connect(asking, package, request);
        let known = self.answers.entry(asking).or_default();
        let given = known.iter_mut().find(|(known, _)| known.is_same(request));
        let Some((_, given)) = given else {
            let declaration = packages.declaration(package)?;
            let answered = Answered {
                info: declaration.info.clone(),
                directory: packages.directory(package),
                pkgs: declaration.pkgs.clone(),
                exports: self.exports.get(&package).cloned(),
            };
            known.push((request.clone(), answered));
            return Ok(true);
        };
        given.exports = self.exports.get(&package).cloned();
        if given.exports.is_none() && !self.waiting.contains_key(&Step::Exports(package)) {
            steps.push(Step::Exports(package));
        }
        Ok(given.exports.is_some())
    }

    /// Forgets what was evaluated with answers that are no longer those that would be given. Returns whether there was any.
    pub fn refresh(&mut self, packages: &mut Packages) -> bool {
        let mut stale = Vec::new();
        for (asking, answers) in &self.answers {
            let is_same = |(request, answered): &(PackageRequest, Answered)| {
                packages.find(*asking, request).is_ok_and(|found| {
                    packages.get(found).directory == answered.directory.directory
                })
            };
            if !answers.iter().all(is_same) {
                stale.push(*asking);
            }
        }
        for package in &stale {
            self.answers.remove(package);
            self.forget(*package);
            packages.forget_declaration(*package);
        }
        !stale.is_empty()
    }

    /// Forgets what was evaluated of a package whose files lie elsewhere now.
    pub fn forget(&mut self, package: PackageIndex) {
        self.waiting.remove(&Step::Declare(package));
        self.waiting.remove(&Step::Exports(package));
        self.exports.remove(&package);
    }

    /// The packages whose evaluation waits, and for what.
    pub fn waiting(&self) -> impl Iterator<Item = (PackageIndex, &PackageRequest)> {
        let steps = self.waiting.iter();
        steps.flat_map(|(step, requests)| requests.iter().map(|request| (step.package(), request)))
    }
}
