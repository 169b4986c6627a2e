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
    /// Answered in the scope of the host, if it is asked for outside of it (DESIGN §3.4).
    pub is_host: bool,
    /// Where `getPkg` is called; `None`: a retriever says so.
    pub at: Option<Location>,
}

impl Demand {
    /// Whether two demands ask for the same, wherever they stand.
    pub fn is_same(&self, other: &Self) -> bool {
        self.subject == other.subject
            && self.requirement == other.requirement
            && self.is_host == other.is_host
    }

    /// Whether two demands ask for the same versions of a name in the same scope, wherever they come from.
    pub fn asks_same(&self, other: &Self) -> bool {
        self.subject.label == other.subject.label
            && self.requirement == other.requirement
            && self.is_host == other.is_host
    }
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
    /// What versions ask for as it was said, where their demands are others: those that ask the global namespace, and
    /// those of which more was found out.
    said: BTreeMap<(Subject, Version), Vec<Demand>>,
    /// What versions turned out to ask for besides.
    found_out: BTreeMap<(Subject, Version), Vec<Demand>>,
    globals: Globals,
    /// Grows with every change.
    changes: u64,
}

/// Where global names lead; `None`: to a path package.
pub type Globals = BTreeMap<Arc<str>, Option<Origin>>;

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

    /// Says where global names lead: demands of them are demands there, or none where a path package answers.
    pub fn redirect(&mut self, globals: Globals) {
        if self.globals == globals {
            return;
        }
        self.changes += 1;
        self.globals = globals;
        let keys: Vec<_> = self.said.keys().cloned().collect();
        for (subject, version) in keys {
            self.work_out(&subject, &version);
        }
    }

    /// The global names that are asked for, by versions that are chosen and others.
    pub fn global_names(&self) -> BTreeSet<Arc<str>> {
        let demands = self.said.values().chain(self.found_out.values()).flatten();
        let global = demands.filter(|demand| is_global(demand));
        global.map(|demand| demand.subject.label.clone()).collect()
    }

    /// What a version asks for as its retriever or its declaration says it.
    pub fn said(&self, subject: &Subject, version: &Version) -> &[Demand] {
        let said = self.said.get(&(subject.clone(), version.clone()));
        let candidate = || self.candidate(subject, version);
        said.or_else(|| candidate().map(|candidate| &candidate.demands))
            .map_or(&[], Vec::as_slice)
    }

    /// Adds what a version turned out to ask for, beside what is said of it.
    pub fn find_out(&mut self, subject: &Subject, version: &Version, demand: Demand) {
        let key = (subject.clone(), version.clone());
        let found_out = self.found_out.get(&key);
        if found_out.is_some_and(|known| known.iter().any(|one| one.is_same(&demand))) {
            return;
        }
        let said = self.said(subject, version).to_vec();
        self.said.entry(key.clone()).or_insert(said);
        self.found_out.entry(key).or_default().push(demand);
        self.work_out(subject, version);
    }

    /// Works out what a version asks for, from what is said of it and what was found out.
    fn work_out(&mut self, subject: &Subject, version: &Version) {
        self.changes += 1;
        let key = (subject.clone(), version.clone());
        let Some(said) = self.said.get(&key) else {
            return;
        };
        let more = self.found_out.get(&key).into_iter().flatten();
        let more = more.filter(|one| !said.iter().any(|said| said.is_same(one)));
        let demands = said.iter().chain(more);
        let demands = demands.filter_map(|demand| redirected(demand, &self.globals));
        let demands = demands.collect();
        let candidates = self.candidates.get_mut(subject);
        let place = |known: &[Candidate]| known.binary_search_by(|one| one.version.cmp(version));
        if let Some(known) = candidates
            && let Ok(place) = place(known)
        {
            known[place].demands = demands;
        }
    }

    fn insert(&mut self, subject: &Subject, candidate: Candidate) {
        self.changes += 1;
        let known = self.candidates.entry(subject.clone()).or_default();
        let Err(place) = known.binary_search_by(|one| one.version.cmp(&candidate.version)) else {
            return;
        };
        let version = candidate.version.clone();
        if candidate.demands.iter().any(is_global) {
            let key = (subject.clone(), version.clone());
            self.said.insert(key, candidate.demands.clone());
        }
        known.insert(place, candidate);
        self.work_out(subject, &version);
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
        let forecast = self.candidate(subject, version)?;
        let forecast = forecast.demands.clone();
        let key = (subject.clone(), version.clone());
        let forecast = self.said.insert(key, demands).unwrap_or(forecast);
        self.work_out(subject, version);
        Some(forecast)
    }
}

fn is_global(demand: &Demand) -> bool {
    &*demand.subject.origin == GLOBAL
}

/// A demand with the origin that a global name leads to; what nobody defines stays as it is. `None`: a path package
/// answers it.
fn redirected(demand: &Demand, globals: &Globals) -> Option<Demand> {
    let mut demand = demand.clone();
    if is_global(&demand)
        && let Some(definition) = globals.get(&demand.subject.label)
    {
        demand.subject.origin = definition.clone()?;
    }
    Some(demand)
}
