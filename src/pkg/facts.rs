//! What is known of the versions of packages: pure data. Facts are added, and never taken back while a resolution runs.
//!
//! It knows nothing of where facts come from, and of decisions.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use semver::Version;

use super::requirement::Requirement;
use crate::declare::model::Versions;
use crate::error::Location;

/// Where versions of a package come from, as the lock and messages write it: `crates`, `index({"path":"../index"})`,
/// `acme/fetcher`. Equal texts are the same retriever with the same config, arguments and environment.
pub type Origin = Arc<str>;

/// The origin of what a retriever says to ask of the global namespace.
pub const GLOBAL: &str = "global";

/// What versions are chosen of: a package from an origin. The same label from two origins is two subjects, and an error
/// if both are in a solution.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Subject {
    /// `namespace/name`, or `name`.
    pub label: Arc<str>,
    pub origin: Origin,
}

/// One thing that a package asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Demand {
    pub subject: Subject,
    pub requirement: Requirement,
    /// `None`: not said.
    pub versions: Option<Versions>,
    /// Where `getPkg` is called; `None`: a retriever says so.
    pub at: Option<Location>,
}

/// One version of a subject.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    pub version: Version,
    /// What the version asks for: the retriever's forecast, or what its fetched declaration says.
    pub demands: Vec<Demand>,
    /// Bytes, if the retriever says so.
    pub size: Option<u64>,
    pub is_yanked: bool,
    /// Seconds since the epoch, if the retriever says so.
    pub published: Option<i64>,
    pub artifacts: Vec<Artifact>,
}

/// One form of a version for some parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Artifact {
    pub name: String,
    /// Parameters with the values it is for.
    pub when: BTreeMap<String, Vec<String>>,
    pub digest: Option<String>,
}

/// All that is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Sorted by version, none twice.
    candidates: BTreeMap<Subject, Vec<Candidate>>,
    /// What was asked for: a retriever may answer with just the versions that match.
    asked: BTreeMap<Subject, BTreeSet<Requirement>>,
    /// Versions that a requirement may be answered with although nobody was asked: those of the lock.
    trusted: BTreeMap<Subject, Vec<Version>>,
    /// What versions that ask the global namespace ask for, before [`Self::redirect`].
    unredirected: BTreeMap<(Subject, Version), Vec<Demand>>,
    globals: BTreeMap<Arc<str>, Origin>,
    /// Grows with every change.
    changes: u64,
}

impl Facts {
    /// A number that is another one after every change.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Whether the versions that a requirement admits are known.
    pub fn is_known(&self, subject: &Subject, requirement: &Requirement) -> bool {
        let trusted = self.trusted.get(subject);
        trusted.is_some_and(|trusted| trusted.iter().any(|one| requirement.matches(one)))
            || self.asked.get(subject).is_some_and(|asked| {
                // Who asks for all gets no pre-releases, which only a requirement that names one admits.
                asked.contains(requirement)
                    || !requirement.text().contains('-') && asked.contains(&Requirement::any())
            })
    }

    /// Adds a version of the lock: it is known, and what it answers need not be asked.
    pub fn trust(&mut self, subject: &Subject, candidate: Candidate) {
        let trusted = self.trusted.entry(subject.clone()).or_default();
        trusted.push(candidate.version.clone());
        self.insert(subject, candidate);
    }

    /// Has everything asked for that was not asked yet. Returns whether that makes a difference.
    pub fn distrust(&mut self) -> bool {
        self.changes += 1;
        !std::mem::take(&mut self.trusted).is_empty()
    }

    /// Says where global names lead: demands of them are demands there.
    pub fn redirect(&mut self, globals: &BTreeMap<Arc<str>, Origin>) {
        if self.globals == *globals {
            return;
        }
        self.changes += 1;
        self.globals.clone_from(globals);
        for ((subject, version), demands) in &self.unredirected {
            let candidates = self.candidates.entry(subject.clone()).or_default();
            if let Ok(place) = candidates.binary_search_by(|one| one.version.cmp(version)) {
                candidates[place].demands = redirected(demands, &self.globals);
            }
        }
    }

    fn insert(&mut self, subject: &Subject, mut candidate: Candidate) {
        self.changes += 1;
        let known = self.candidates.entry(subject.clone()).or_default();
        let Err(place) = known.binary_search_by(|one| one.version.cmp(&candidate.version)) else {
            return;
        };
        if candidate.demands.iter().any(is_global) {
            let key = (subject.clone(), candidate.version.clone());
            let demands = redirected(&candidate.demands, &self.globals);
            let before = std::mem::replace(&mut candidate.demands, demands);
            self.unredirected.insert(key, before);
        }
        known.insert(place, candidate);
    }

    /// The known versions, smallest first.
    pub fn candidates(&self, subject: &Subject) -> &[Candidate] {
        self.candidates.get(subject).map_or(&[], Vec::as_slice)
    }

    /// One version.
    pub fn candidate(&self, subject: &Subject, version: &Version) -> Option<&Candidate> {
        let candidates = self.candidates(subject);
        let place = candidates.binary_search_by(|one| one.version.cmp(version));
        place.ok().map(|place| &candidates[place])
    }

    /// All subjects of which versions are known.
    pub fn subjects(&self) -> impl Iterator<Item = &Subject> {
        self.candidates.keys()
    }

    /// Adds what was answered for a requirement. A version that is known already stays as it is.
    pub fn add(&mut self, subject: &Subject, requirement: &Requirement, found: Vec<Candidate>) {
        self.changes += 1;
        self.candidates.entry(subject.clone()).or_default();
        for candidate in found {
            self.insert(subject, candidate);
        }
        let asked = self.asked.entry(subject.clone()).or_default();
        asked.insert(requirement.clone());
    }

    /// Replaces what a version asks for by what its declaration says. Returns the forecast.
    pub fn correct(
        &mut self,
        subject: &Subject,
        version: &Version,
        demands: Vec<Demand>,
    ) -> Option<Vec<Demand>> {
        let key = (subject.clone(), version.clone());
        let demands = if demands.iter().any(is_global) {
            let redirected = redirected(&demands, &self.globals);
            self.unredirected.insert(key, demands);
            redirected
        } else {
            self.unredirected.remove(&key);
            demands
        };
        self.changes += 1;
        let candidates = self.candidates.get_mut(subject)?;
        let place = candidates
            .binary_search_by(|one| one.version.cmp(version))
            .ok()?;
        Some(std::mem::replace(&mut candidates[place].demands, demands))
    }
}

fn is_global(demand: &Demand) -> bool {
    &*demand.subject.origin == GLOBAL
}

/// Demands with the origins that global names lead to; what nobody defines stays as it is.
fn redirected(demands: &[Demand], globals: &BTreeMap<Arc<str>, Origin>) -> Vec<Demand> {
    let mut demands = demands.to_vec();
    for demand in demands.iter_mut().filter(|demand| is_global(demand)) {
        if let Some(origin) = globals.get(&demand.subject.label) {
            demand.subject.origin = Arc::clone(origin);
        }
    }
    demands
}
