//! Which rule of DESIGN §3.4 applies to a subject: the strictest that is stated by those who ask for it, but the word of a
//! member is final.
//!
//! What versions state counts only while they are chosen, so rules and solution depend on each other: solving begins with
//! what path packages say, and is repeated with what the chosen versions say, until nothing is new.

use std::collections::{BTreeMap, BTreeSet};

use semver::Version;

use super::Root;
use crate::declare::model::Versions;
use crate::pkg::facts::Subject;

/// What applies to subjects of which nobody says anything.
pub(super) const DEFAULT: Versions = Versions::OnePerMajor;

/// A version says how many versions there may be of what it asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Statement {
    pub(super) of: Subject,
    pub(super) versions: Versions,
    pub(super) by: (Subject, Version),
}

/// The rules of one attempt.
#[derive(Clone, Debug, Default)]
pub(super) struct Modes {
    stated: BTreeMap<Subject, Versions>,
    /// Path packages stated them: a member has the last word, what others say can be tightened.
    rooted: BTreeMap<Subject, IsFinal>,
    /// What only chosen versions state and what admits more than the default.
    loosened: BTreeSet<Subject>,
    /// Nobody who is chosen stated them after all.
    settled: BTreeSet<Subject>,
    /// The versions that made rules stricter.
    tightened_by: BTreeMap<Subject, (Subject, Version)>,
    /// Versions that state what cannot be met.
    banned: BTreeSet<(Subject, Version)>,
    /// What was stated before a version made a rule stricter, and that version.
    tightened: Vec<(BTreeMap<Subject, Versions>, (Subject, Version))>,
}

type IsFinal = bool;

impl Modes {
    /// What path packages state.
    pub(super) fn of_roots(roots: &[Root]) -> Self {
        let mut modes = Self::default();
        for is_member in [true, false] {
            for root in roots.iter().filter(|root| root.is_member == is_member) {
                let subject = &root.demand.subject;
                let Some(versions) = root.demand.versions else {
                    continue;
                };
                if !is_member && modes.rooted.get(subject) == Some(&true) {
                    continue;
                }
                let stated = modes.stated.entry(subject.clone()).or_insert(versions);
                *stated = versions.min(*stated);
                modes.rooted.insert(subject.clone(), is_member);
            }
        }
        modes
    }

    /// The rule for a subject.
    pub(super) fn of(&self, subject: &Subject) -> Versions {
        self.stated.get(subject).copied().unwrap_or(DEFAULT)
    }

    /// The version because of which the rule for a subject is stricter than what path packages state.
    pub(super) fn tightened_by(&self, subject: &Subject) -> Option<&(Subject, Version)> {
        self.tightened_by.get(subject)
    }

    /// Whether a version may not be chosen, because of what it states.
    pub(super) fn is_banned(&self, subject: &Subject, version: &Version) -> bool {
        !self.banned.is_empty() && self.banned.contains(&(subject.clone(), version.clone()))
    }

    /// Takes in what the chosen versions state. Returns whether to solve again.
    pub(super) fn learn(&mut self, statements: &[Statement]) -> bool {
        let before = self.stated.clone();
        let strictest = strictest(statements);
        let mut is_new = self.forget_unsaid(&strictest);
        for (subject, statement) in strictest {
            if self.is_fixed(subject) {
                continue;
            }
            let versions = statement.versions;
            match self.stated.get(subject) {
                Some(stated) if *stated <= versions => {}
                None if versions == DEFAULT => {}
                None if versions > DEFAULT => {
                    self.loosen(subject, versions);
                    is_new = true;
                }
                _ => {
                    self.stated.insert(subject.clone(), versions);
                    self.tightened.push((before.clone(), statement.by.clone()));
                    self.tightened_by
                        .insert(subject.clone(), statement.by.clone());
                    is_new = true;
                }
            }
        }
        is_new
    }

    /// Nothing meets all requirements: takes in what admits more of what versions state that were tried, else forbids the
    /// version that made a rule stricter last. Returns whether to solve again.
    pub(super) fn retreat(&mut self, tried: &[Statement]) -> bool {
        let mut is_new = false;
        for (subject, statement) in strictest(tried) {
            let is_open = !self.is_fixed(subject) && !self.stated.contains_key(subject);
            if is_open && statement.versions > DEFAULT {
                self.loosen(subject, statement.versions);
                is_new = true;
            }
        }
        if !is_new && let Some((before, by)) = self.tightened.pop() {
            self.stated = before;
            self.banned.insert(by);
            is_new = true;
        }
        is_new
    }

    fn is_fixed(&self, subject: &Subject) -> bool {
        self.rooted.get(subject) == Some(&true) || self.settled.contains(subject)
    }

    fn loosen(&mut self, subject: &Subject, versions: Versions) {
        self.stated.insert(subject.clone(), versions);
        self.loosened.insert(subject.clone());
    }

    /// Takes back what admits more than the default, if nobody who is chosen states it. Returns whether anything was.
    fn forget_unsaid(&mut self, said: &BTreeMap<&Subject, &Statement>) -> bool {
        let unsaid = |subject: &&Subject| !said.contains_key(*subject);
        let unsaid: Vec<Subject> = self.loosened.iter().filter(unsaid).cloned().collect();
        for subject in &unsaid {
            self.stated.remove(subject);
            self.loosened.remove(subject);
            self.settled.insert(subject.clone());
        }
        !unsaid.is_empty()
    }
}

fn strictest(statements: &[Statement]) -> BTreeMap<&Subject, &Statement> {
    let mut strictest: BTreeMap<&Subject, &Statement> = BTreeMap::new();
    for statement in statements {
        let known = strictest.entry(&statement.of).or_insert(statement);
        *known = statement.min(known);
    }
    strictest
}
