//! The error of a resolution in which nothing goes on: who waits for what, as a graph.

use std::collections::BTreeSet;

use super::PackageIndex;
use super::asking::asked_for;
use super::decisions::Answerer;
use super::facts::{Demand, GLOBAL};
use super::frontier::earliest;
use super::resolve::Resolver;
use crate::declare::model::{PackageRequest, Program, Source};
use crate::error::Error;
use crate::pkg::near::did_you_mean;

impl Resolver<'_> {
    /// Requests of packages that count and that nothing answers.
    pub(super) fn unanswered(&self) -> Vec<(PackageIndex, PackageRequest)> {
        let mut requests = self.requests();
        let is_release = |index: PackageIndex| self.packages.get(index).release.is_some();
        let of_releases = self.hidden.iter().filter(|(index, _)| is_release(*index));
        requests.extend(of_releases.cloned());
        requests.retain(|(asking, request)| {
            self.counts(*asking) && !self.is_answered(*asking, request)
        });
        requests
    }

    /// Whether a request is answered, fetched or not; one by path is looked at when it is needed.
    fn is_answered(&self, asking: PackageIndex, request: &PackageRequest) -> bool {
        let decisions = &self.packages.decisions;
        let origin = match decisions.answerer(request) {
            Answerer::Path => return true,
            Answerer::Nobody => return false,
            Answerer::Origin(origin) => origin,
        };
        let asker = self.packages.get(asking).release.as_ref();
        let label = self.packages.label(asking);
        (self.packages.demanded(asking, request, origin))
            .is_ok_and(|demand| decisions.answer(asker, &label, &demand).is_some())
    }

    /// Nothing goes on: why, or who waits for whom.
    pub(super) fn stuck(&mut self) -> Error {
        let declarations = self.waiting();
        if let Some(error) = self.impossible(&declarations) {
            return error;
        }
        let mut waiting = self.unanswered();
        waiting.extend(declarations);
        let place = |request: &PackageRequest| {
            let at = request.at.as_ref();
            at.map(|at| (at.file.clone(), at.line, at.column))
        };
        waiting.sort_by_cached_key(|(index, request)| {
            (place(request), self.packages.label(*index), request.label())
        });
        waiting.dedup_by(|one, other| one.0 == other.0 && one.1.is_same(&other.1));
        self.explain(&waiting)
    }

    /// What evaluations wait for although it can never come, whatever else is resolved.
    fn impossible(&mut self, waiting: &[(PackageIndex, PackageRequest)]) -> Option<Error> {
        let mut errors = Vec::new();
        for (asking, request) in waiting {
            let found = self.packages.find(*asking, request);
            let needs = std::mem::take(&mut self.packages.needs);
            errors.extend(found.err().filter(|_| needs.is_empty()));
        }
        earliest(errors)
    }

    /// Says of each request that nothing answers who makes it, and why it cannot be answered.
    fn explain(&self, waiting: &[(PackageIndex, PackageRequest)]) -> Error {
        let is_lone = |request: &PackageRequest| {
            request.from == Source::Global
                && !self
                    .packages
                    .decisions
                    .globals
                    .contains_key(&request.wanted.label())
        };
        let lone = waiting.iter().find(|(_, request)| is_lone(request));
        if let Some((asking, request)) = lone {
            let by = format!("`{}`", self.packages.label(*asking));
            let label = request.wanted.label();
            let error = match self.packages.get(*asking).is_recipe {
                true => self.not_found(&label, &by),
                false => self.not_defined(&label, &by),
            };
            return error.at_if_absent(request.at.as_ref());
        }
        let mut lacking = self.lacking.iter();
        if let Some(demand) = lacking.find(|demand| &*demand.subject.origin == GLOBAL) {
            return self.not_defined(&demand.subject.label, &self.askers(demand));
        }
        let mut error = Error::user("The packages cannot be resolved: nothing can go on");
        for (asking, request) in waiting {
            let place = request.at.as_ref().map(|at| format!("  ({at})"));
            error = error
                .cause(format!(
                    "`{}` waits for `{}`{}{}",
                    self.packages.label(*asking),
                    request.label(),
                    finder(request),
                    place.unwrap_or_default()
                ))
                .at_if_absent(request.at.as_ref());
        }
        for demand in self.lacking.iter().filter(|demand| demand.at.is_none()) {
            error = error.cause(format!(
                "{} waits for `{}`, which `{}` must find first",
                self.askers(demand),
                asked_for(demand),
                demand.subject.origin
            ));
        }
        for release in &self.wanted {
            error = error.cause(format!(
                "`{release}` is to be fetched by `{}`, which is not there",
                release.subject.origin
            ));
        }
        error.hint("break the circle: one of them must be found without the others")
    }

    /// The chosen versions that ask for something.
    fn askers(&self, demand: &Demand) -> String {
        let solution = self.packages.decisions.solution.iter();
        let chosen = solution.flat_map(|solution| solution.chosen());
        let is_asking = |subject, version| {
            let candidate = self.facts.candidate(subject, version);
            let mut demands = candidate.into_iter().flat_map(|one| &one.demands);
            demands.any(|one| one.is_same(demand))
        };
        let asking = chosen.filter(|one| is_asking(&one.subject, &one.version));
        let names: Vec<String> = asking.map(|release| format!("`{release}`")).collect();
        match names.is_empty() {
            true => "a version that was considered".to_owned(),
            false => names.join(", "),
        }
    }

    /// The names that are defined, and those of packages.
    pub(super) fn known_names(&self) -> BTreeSet<String> {
        let packages = &self.packages;
        let globals = packages.decisions.globals.keys().cloned();
        let labels = packages.indexes().map(|index| packages.label(index));
        globals.chain(labels).collect()
    }

    /// A name that a recipe asks for and nothing answers.
    fn not_found(&self, label: &str, by: &str) -> Error {
        let mut error = Error::user(format!("`{label}` is not there")).cause(format!(
            "{by} asks for it by name, and no package of the workspace is called so"
        ));
        let named = self.packages.referenced(label);
        for index in &named {
            let place = &self.packages.get(*index).display;
            error = error.cause(format!("`{}` is in `{place}`", self.packages.label(*index)));
        }
        if !named.is_empty() {
            return error.hint(format!(
                "say which is meant by its path, or whose: `'owner|{label}'`"
            ));
        }
        let known = self.known_names();
        let offer = did_you_mean(label, known.iter().map(String::as_str));
        error.hint(offer.unwrap_or_else(|| {
            format!("reference it by its path: `'../{label}/'`; or name an index in `RootRecipe.sml` that has it: `Registry: '…'`")
        }))
    }

    /// A name that nobody defines, and who asks for it.
    fn not_defined(&self, label: &str, by: &str) -> Error {
        let known = self.known_names();
        let error = Error::user(format!("`{label}` is not there")).cause(format!(
            "{by} asks for it from the global namespace, and nobody defines it"
        ));
        let offer = did_you_mean(label, known.iter().map(String::as_str));
        error.hint(offer.unwrap_or_else(|| {
            "say where it comes from: `from='../path'`, or `from=wake.exec(wake.std.crates)`; or define it with `global=true`".to_owned()
        }))
    }
}

/// Who must be there before a request can be answered.
fn finder(request: &PackageRequest) -> String {
    match &request.from {
        Source::Retriever(exec) => match &exec.program {
            Program::Package(retriever) => {
                format!(", which `{}` must find first", retriever.label())
            }
            Program::Std(_) | Program::File(_) => String::new(),
        },
        Source::Global | Source::Path(_) | Source::Of(..) => String::new(),
    }
}
