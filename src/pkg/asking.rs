//! Asking retrievers for facts that lack: one call per retriever and round, all at the same time.

use std::collections::{BTreeMap, BTreeSet};

use super::PackageIndex;
use super::answers;
use super::facts::{Demand, GLOBAL, Origin};
use super::frontier::earliest;
use super::requirement::Requirement;
use super::resolve::Resolver;
use super::retriever::Retriever;
use super::retriever::protocol::{Candidate, Wanted};
use crate::declare::model::{Exec, Permission, Program, Source};
use crate::error::{Error, Location, Result};
use crate::event::{Event, Subscriber};

/// Who asks a retriever, and how.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) asking: PackageIndex,
    pub(super) exec: Exec,
    pub(super) at: Option<Location>,
    /// What a package that is executed may do: what all grant it who ask it.
    pub(super) granted: BTreeSet<Permission>,
}

/// Which retrievers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Those that nobody can put another one in the place of.
    First,
    /// Those that come from the global namespace, too: what was executed cannot be taken back.
    Last,
}

/// What is asked of one retriever in one round.
type Batch = (Origin, Retriever, Vec<Demand>);

impl Resolver<'_> {
    /// Asks for facts that lack, and for those that the versions so found will most likely lack: solving again and again
    /// to find that out would take longer. Returns whether any was learned; retrievers that are not there yet are noted
    /// as needs.
    ///
    /// # Errors
    /// A retriever that fails; one that may not be asked.
    pub(super) fn learn(
        &mut self,
        lacking: Vec<Demand>,
        when: When,
        subscriber: &mut dyn Subscriber,
    ) -> Result<bool> {
        let mut lacking = lacking;
        let mut is_learned = false;
        while !lacking.is_empty() {
            self.round += 1;
            subscriber.event(&Event::Resolving {
                round: self.round,
                lacking: lacking.len(),
            });
            let learned = self.ask_for(lacking, when, subscriber)?;
            is_learned |= !learned.is_empty();
            lacking = self.anticipated(&learned);
        }
        Ok(is_learned)
    }

    /// Asks for facts, with one call for each retriever. Returns what was answered.
    pub(super) fn ask_for(
        &mut self,
        lacking: Vec<Demand>,
        when: When,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Vec<Demand>> {
        let by_origin = self.by_origin(lacking, when);
        if self.policy.mode.is_offline {
            let first = by_origin.values().flatten().next();
            return first.map_or(Ok(Vec::new()), |demand| Err(self.may_not_ask(demand)));
        }
        let mut batches = Vec::new();
        let mut learned = Vec::new();
        for (origin, demands) in by_origin {
            if let Some(retriever) = self.retriever(&origin)? {
                let is_cheap = self.outside.tools.is_cheap(&retriever);
                let asked = if is_cheap {
                    of_all(&demands)
                } else {
                    demands.clone()
                };
                learned.extend(demands);
                batches.push((origin, retriever, asked));
            }
        }
        for (origin, _, demands) in &batches {
            subscriber.event(&Event::RetrieverAsked {
                retriever: origin.to_string(),
                packages: demands.iter().map(asked_for).collect(),
            });
        }
        let tools = self.outside.tools;
        let answers = at_once(&batches, |(_, retriever, demands)| {
            let wanted: Vec<Wanted> = demands.iter().map(wanted).collect();
            tools.candidates(retriever, &wanted)
        });
        self.pass_on(subscriber);
        self.take_in(&batches, answers)?;
        Ok(learned)
    }

    /// The demands that can be asked now, by whom to ask.
    fn by_origin(&self, lacking: Vec<Demand>, when: When) -> BTreeMap<Origin, Vec<Demand>> {
        let mut by_origin: BTreeMap<Origin, Vec<Demand>> = BTreeMap::new();
        for demand in lacking {
            let origin = demand.subject.origin.clone();
            if &*origin != GLOBAL && (when == When::Last || !self.is_from_global(&origin)) {
                by_origin.entry(origin).or_default().push(demand);
            }
        }
        by_origin
    }

    /// Adds what was answered to the facts, also where another retriever has failed.
    fn take_in(
        &mut self,
        batches: &[Batch],
        answers: Vec<Result<Vec<Vec<Candidate>>>>,
    ) -> Result<()> {
        let mut errors = Vec::new();
        for ((origin, _, demands), answer) in batches.iter().zip(answers) {
            match answer.and_then(|answer| answers::candidates(origin, answer)) {
                Ok(answer) => {
                    for (demand, found) in demands.iter().zip(answer) {
                        self.facts.add(&demand.subject, &demand.requirement, found);
                    }
                }
                Err(error) => errors.push(self.at_asker(origin, error)),
            }
        }
        earliest(errors).map_or(Ok(()), Err)
    }

    /// The error of a retriever, at the place where it is asked.
    pub(super) fn at_asker(&self, origin: &Origin, error: Error) -> Error {
        let asked = self.origins.get(origin);
        error.at_if_absent(asked.and_then(|asked| asked.at.as_ref()))
    }

    /// What the versions ask for that the solver would choose if nothing else counted, as far as it is not known.
    fn anticipated(&self, learned: &[Demand]) -> Vec<Demand> {
        let mut seen = BTreeSet::new();
        let mut lacking = Vec::new();
        for demand in learned {
            let candidates = self.facts.candidates(&demand.subject).iter().rev();
            let mut fitting = candidates.filter(|one| {
                let standing = self.standing(&demand.subject, &one.version);
                demand.requirement.matches(&one.version)
                    && self.policy.admits(&demand.subject, one, standing).is_ok()
            });
            let chosen = fitting.next().map_or(&[][..], |one| one.demands.as_slice());
            for next in chosen {
                let replaced = &self.packages.decisions.replaced;
                if &*next.subject.origin != GLOBAL
                    && !replaced.contains_key(&*next.subject.label)
                    && !self.facts.is_known(&next.subject, &next.requirement)
                    && seen.insert((&next.subject, &next.requirement))
                {
                    lacking.push(next.clone());
                }
            }
        }
        lacking
    }

    /// Passes on what retrievers have said.
    pub(super) fn pass_on(&self, subscriber: &mut dyn Subscriber) {
        for line in self.outside.tools.take_said() {
            subscriber.event(&Event::RetrieverSaid { line });
        }
    }

    /// Whether a retriever is what a global name leads to.
    fn is_from_global(&self, origin: &Origin) -> bool {
        let asked = self.origins.get(origin).map(|asked| &asked.exec.program);
        matches!(asked, Some(Program::Package(request)) if request.from == Source::Global)
    }

    fn may_not_ask(&self, demand: &Demand) -> Error {
        let flag = self.policy.mode.flag();
        Error::user(format!("`{}` is not in `wake.lock`", asked_for(demand)))
            .cause(format!(
                "`{flag}` forbids to ask `{}`",
                demand.subject.origin
            ))
            .hint(format!("run once without `{flag}`"))
            .at_if_absent(demand.at.as_ref())
    }
}

/// Does something with each, all at the same time: retrievers mostly wait for the network.
pub(super) fn at_once<B: Sync, T: Send>(
    batches: &[B],
    call: impl Fn(&B) -> Result<T> + Sync,
) -> Vec<Result<T>> {
    let call = &call;
    std::thread::scope(|scope| {
        let calls = batches.iter().map(|batch| scope.spawn(move || call(batch)));
        let calls: Vec<_> = calls.collect();
        let bug = |_| Error::internal("A bug in wake ended the call of a retriever");
        let ended = calls.into_iter();
        ended
            .map(|call| call.join().map_err(bug).and_then(|result| result))
            .collect()
    })
}

/// The demands for all versions of the subjects of others, but where a pre-release is named.
fn of_all(demands: &[Demand]) -> Vec<Demand> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for demand in demands {
        let is_special = demand.requirement.text().contains('-');
        let requirement = if is_special {
            demand.requirement.clone()
        } else {
            Requirement::any()
        };
        if seen.insert((&demand.subject, requirement.clone())) {
            all.push(Demand {
                requirement,
                ..demand.clone()
            });
        }
    }
    all
}

/// `ns/name@req`.
pub(super) fn asked_for(demand: &Demand) -> String {
    format!("{}@{}", demand.subject.label, demand.requirement)
}

fn wanted(demand: &Demand) -> Wanted {
    let (namespace, name) = split(&demand.subject.label);
    Wanted {
        namespace,
        name,
        requirement: demand.requirement.text().to_owned(),
    }
}

/// Namespace and name of a label.
pub(super) fn split(label: &str) -> (Option<String>, String) {
    match label.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, label.to_owned()),
    }
}
