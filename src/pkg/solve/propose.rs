//! One change to what a path package asks for that ends a conflict: found by solving, and checked by solving again.

use std::sync::Arc;

use semver::Version;

use super::conflict::Conflict;
use super::explain::wanted;
use super::groups::groups;
use super::modes::DEFAULT;
use super::solution::Who;
use super::{Problem, Root, Solved, solve_within};
use crate::error::Location;
use crate::pkg::facts::{Demand, Subject};
use crate::pkg::requirement::Requirement;

/// How many steps each attempt may take.
const STEPS: u64 = 5_000_000;
/// Of how many requirements a change is tried.
const ROOTS: usize = 8;

/// A change that was checked to help.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The label of the path package that asks.
    pub by: Arc<str>,
    /// Where it asks.
    pub at: Option<Location>,
    /// What it asks for.
    pub label: Arc<str>,
    /// The requirements as written, and as they should be.
    pub from: String,
    pub to: String,
}

impl Proposal {
    /// In words.
    pub fn hint(&self) -> String {
        let from = wanted(&self.label, &self.from);
        let to = wanted(&self.label, &self.to);
        match &self.at {
            Some(at) => format!("change `{from}` to `{to}` in {at}"),
            None => format!("change `{from}` to `{to}` in `{}`", self.by),
        }
    }
}

/// Whether there is a change that helps.
#[derive(Clone, Debug, PartialEq)]
pub enum Proposed {
    Found(Proposal),
    /// Facts that must be asked for first: sorted, none twice.
    Lacking(Vec<Demand>),
    None,
}

/// The smallest change to one requirement of a path package that ends a conflict.
pub fn propose(problem: &Problem, conflict: &Conflict) -> Proposed {
    let roots = conflict.roots.iter().take(ROOTS);
    let attempts: Vec<Attempt> = roots
        .filter_map(|root| problem.roots.iter().position(|other| other == root))
        .map(|number| Attempt { problem, number })
        .collect();
    let mut lacking = Vec::new();
    let mut helpful: Vec<(Size, &Attempt, Version)> = Vec::new();
    for attempt in &attempts {
        match attempt.chosen_with(Requirement::any()) {
            Ok(Some(version)) => helpful.push((attempt.size(&version), attempt, version)),
            Ok(None) => {}
            Err(demands) => lacking.extend(demands),
        }
    }
    helpful.sort_by_key(|(size, ..)| *size);
    if lacking.is_empty() {
        for (_, attempt, version) in helpful {
            match attempt.checked(&version) {
                Ok(Some(proposal)) => return Proposed::Found(proposal),
                Ok(None) => {}
                Err(demands) => lacking.extend(demands),
            }
        }
    }
    match lacking.is_empty() {
        true => Proposed::None,
        false => Proposed::Lacking(sorted(lacking)),
    }
}

/// How far a version is from what was asked for: breaking steps, whether backwards, versions.
type Size = (u32, bool, usize);

/// Another requirement for one of the roots.
struct Attempt<'a> {
    problem: &'a Problem<'a>,
    number: usize,
}

impl Attempt<'_> {
    fn root(&self) -> &Root {
        &self.problem.roots[self.number]
    }

    fn subject(&self) -> &Subject {
        &self.root().demand.subject
    }

    /// The version that is chosen if the root has another requirement, if that helps; or the facts that are lacking.
    fn chosen_with(&self, requirement: Requirement) -> Result<Option<Version>, Vec<Demand>> {
        let mut roots = self.problem.roots.to_vec();
        roots[self.number].demand.requirement = requirement;
        let root = &roots[self.number];
        let problem = Problem {
            roots: &roots,
            ..*self.problem
        };
        match solve_within(&problem, STEPS) {
            Solved::Solution(solution) => {
                let chosen = solution.answer(Who::Root(&root.by), &root.demand);
                Ok(chosen.map(|chosen| chosen.version.clone()))
            }
            Solved::Lacking(demands, _) => Err(demands),
            Solved::Conflict(_) | Solved::TooHard(_) => Ok(None),
        }
    }

    fn size(&self, version: &Version) -> Size {
        let candidates = self.problem.facts.candidates(self.subject());
        let requirement = &self.root().demand.requirement;
        let meets = |place: &usize| requirement.matches(&candidates[*place].version);
        let Some(wanted) = (0..candidates.len()).rev().find(meets) else {
            return (0, false, 0);
        };
        let groups = groups(DEFAULT, candidates.iter().map(|one| &one.version));
        let found = candidates.partition_point(|one| one.version < *version);
        let steps = groups[found].abs_diff(groups[wanted]);
        (steps, found < wanted, found.abs_diff(wanted))
    }

    /// The shortest requirement that leads to a version and helps.
    fn checked(&self, version: &Version) -> Result<Option<Proposal>, Vec<Demand>> {
        for text in [short(version), format!("^{version}"), format!("={version}")] {
            let Ok(requirement) = Requirement::parse(&text) else {
                continue;
            };
            if self.chosen_with(requirement)?.as_ref() == Some(version) {
                let root = self.root();
                return Ok(Some(Proposal {
                    by: root.by.clone(),
                    at: root.demand.at.clone(),
                    label: root.demand.subject.label.clone(),
                    from: root.demand.requirement.text().to_owned(),
                    to: text,
                }));
            }
        }
        Ok(None)
    }
}

/// `^2`, `^0.3`, `^0.0.4`.
fn short(version: &Version) -> String {
    match (version.major, version.minor) {
        (0, 0) => format!("^{version}"),
        (0, minor) => format!("^0.{minor}"),
        (major, _) => format!("^{major}"),
    }
}

fn sorted(mut demands: Vec<Demand>) -> Vec<Demand> {
    let key = |demand: &Demand| (demand.subject.clone(), demand.requirement.clone());
    demands.sort_by_key(key);
    demands.dedup_by_key(|demand| key(demand));
    demands
}
