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
}

impl Facts {
    /// Whether the versions that a requirement admits are known.
    pub fn is_known(&self, subject: &Subject, requirement: &Requirement) -> bool {
        self.asked(subject)
            .is_some_and(|asked| asked.contains(requirement))
    }

    /// The requirements whose versions are known. `None`: nothing was asked for.
    pub fn asked(&self, subject: &Subject) -> Option<&BTreeSet<Requirement>> {
        self.asked.get(subject)
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
        let known = self.candidates.entry(subject.clone()).or_default();
        for candidate in found {
            if let Err(place) = known.binary_search_by(|one| one.version.cmp(&candidate.version)) {
                known.insert(place, candidate);
            }
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
        let candidates = self.candidates.get_mut(subject)?;
        let place = candidates
            .binary_search_by(|one| one.version.cmp(version))
            .ok()?;
        Some(std::mem::replace(&mut candidates[place].demands, demands))
    }
}
