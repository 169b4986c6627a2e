//! From facts to versions: a pure function (DESIGN §3, §3.4), on top of PubGrub.
//!
//! It knows nothing of retrievers, files and the loop: what it lacks it names, and is called again with more.
//!
//! - `places`: sets of candidates, by their place among the versions of a subject
//! - `groups`: which versions exclude each other
//! - `modes`: which rule applies to which subject
//! - `universe`: subjects, requirements and scopes as small numbers, made when they are first met
//! - `search`: one run of PubGrub
//! - `solution`: what was found, without what nothing needs
//! - `conflict`, `explain`, `propose`: why nothing was found, in words, and what to change

mod conflict;
mod explain;
mod groups;
mod modes;
mod places;
mod propose;
mod search;
mod solution;
mod universe;

#[cfg(test)]
mod oracle;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use semver::Version;

use super::facts::{Candidate, Demand, Facts, Subject};

pub use conflict::{Asker, Conflict, Link, Missing, OnlyOne, Reason, TooHard};
pub use propose::{Proposal, Proposed, propose};
pub use solution::{Chosen, HOST_SCOPE, Scope, Solution, Who};

use modes::Modes;
use search::{Outcome, Pass, Steps};

/// What is to be solved.
#[derive(Clone, Copy)]
pub struct Problem<'a> {
    pub facts: &'a Facts,
    /// What path packages ask for, in any order.
    pub roots: &'a [Root],
    /// Versions to prefer: the locked ones. Others are tried largest first.
    pub preferred: &'a Preferred,
    /// Which candidates may be chosen at all; if not, why not, as the end of a sentence: `is yanked`.
    pub admits: &'a dyn Fn(&Subject, &Candidate) -> Result<(), String>,
    /// Labels that path packages answer: demands for them are none of the solver's.
    pub answered: &'a BTreeSet<Arc<str>>,
}

/// Versions to prefer of each subject, best first. Those of one scope are tried before those of the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferred {
    /// In all scopes but that of the host.
    pub main: BTreeMap<Subject, Vec<Version>>,
    pub host: BTreeMap<Subject, Vec<Version>>,
}

impl Preferred {
    /// Those of a scope.
    pub fn of_mut(&mut self, scope: Scope) -> &mut BTreeMap<Subject, Vec<Version>> {
        match scope {
            Scope::HOST => &mut self.host,
            _ => &mut self.main,
        }
    }

    /// Whether a version is preferred in any scope.
    pub fn contains(&self, subject: &Subject, version: &Version) -> bool {
        let maps = [&self.main, &self.host].into_iter();
        let mut versions = maps.filter_map(|map| map.get(subject)).flatten();
        versions.any(|one| one == version)
    }

    /// Puts the largest versions first, each once.
    pub fn sort(&mut self) {
        for versions in self.main.values_mut().chain(self.host.values_mut()) {
            versions.sort_by(|one, another| another.cmp(one));
            versions.dedup();
        }
    }
}

/// One thing that a path package asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Root {
    /// The label of the path package.
    pub by: Arc<str>,
    pub demand: Demand,
    /// A member's word on `versions` is final.
    pub is_member: bool,
}

/// What solving ends with.
#[derive(Debug)]
pub enum Solved {
    Solution(Solution),
    /// Facts that must be asked for first: sorted by subject and requirement, none twice; and what was chosen as if nobody
    /// asked for these, if anything can be.
    Lacking(Vec<Demand>, Option<Solution>),
    Conflict(Conflict),
    /// Given up after a number of steps.
    TooHard(TooHard),
}

/// The versions that meet all requirements: locked ones first, else the largest. The same requirements in any order
/// give the same answer.
pub fn solve(problem: &Problem) -> Solved {
    solve_within(problem, search::STEPS)
}

/// As [`solve`], within a number of steps.
///
/// What a search finds may hold versions that are there for one choice only, which another version meets as well. Solving
/// again with what was found as locked drops them, so that a solution, once locked, is the solution.
fn solve_within(problem: &Problem, steps: u64) -> Solved {
    const TIMES: usize = 4;
    let steps = Steps::new(steps);
    let (solved, mut is_settled) = attempt(problem, &steps);
    let Solved::Solution(mut solution) = solved else {
        return solved;
    };
    for _ in 0..TIMES {
        if is_settled {
            break;
        }
        let preferred = solution.as_preferred();
        let locked = Problem {
            preferred: &preferred,
            ..*problem
        };
        let Solved::Solution(again) = attempt(&locked, &steps).0 else {
            break;
        };
        is_settled = again == solution;
        solution = again;
    }
    Solved::Solution(solution)
}

/// Solves, and says whether what was found is found again once it is locked.
fn attempt(problem: &Problem, steps: &Steps) -> (Solved, bool) {
    let mut modes = Modes::of_roots(problem.roots);
    let mut is_settled = true;
    // What is tried after the first conflict may fail for reasons that are further from what was asked for.
    let mut first_conflict = None;
    let solved = loop {
        let used = modes.clone();
        let (outcome, lacking) = Pass::new(problem, problem.roots, &used).run(steps);
        match outcome {
            Outcome::Found(found) if !lacking.is_empty() => {
                break Solved::Lacking(lacking, Some(found.into_solution()));
            }
            Outcome::TooHard(_) if !lacking.is_empty() => break Solved::Lacking(lacking, None),
            Outcome::Found(found) => {
                is_settled &= found.is_settled;
                if !modes.learn(found.statements()) {
                    break match conflict::two_origins(&found) {
                        Some(conflict) => Solved::Conflict(conflict),
                        None => Solved::Solution(found.into_solution()),
                    };
                }
            }
            Outcome::NoSolution(proof) => {
                let is_open = modes.retreat(&proof.statements);
                if first_conflict.is_none() {
                    first_conflict = Some(conflict::shortest(problem, &used, *proof));
                }
                if !is_open && let Some(conflict) = first_conflict {
                    break Solved::Conflict(conflict);
                }
            }
            Outcome::TooHard(names) => break Solved::TooHard(TooHard::new(names, steps)),
        }
        is_settled = false;
    };
    (solved, is_settled)
}
