//! Subjects, requirements and scopes as small numbers, made when the search first meets them; and who asks whom.
//!
//! It decides nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use pubgrub::{Map, VersionSet};
use semver::Version;

use super::groups::groups;
use super::modes::{Modes, Statement};
use super::places::Places;
use super::{Preferred, Problem, Root};
use crate::declare::model::Versions;
use crate::pkg::facts::{Candidate, Demand, Subject};
use crate::pkg::requirement::Requirement;

/// The scope of path packages.
pub(super) const MAIN: u32 = 0;
/// The scope of what is executed while others are built: `Build` and `Tool` dependencies, and what these need.
pub(super) const HOST: u32 = 1;

/// What PubGrub calls a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Node {
    /// All path packages together; its only version is 0.
    Root,
    /// One version is chosen: a place among the candidates of the subject.
    Group {
        scope: u32,
        subject: u32,
        group: u32,
    },
    /// A requirement that versions of several groups meet: one of these groups is chosen. Whoever asks the same in a scope
    /// gets the same answer.
    Choice { scope: u32, asked: u32 },
}

impl fmt::Display for Node {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{self:?}")
    }
}

/// The locked versions of each subject.
type Locked = BTreeMap<Subject, Vec<Version>>;

/// What is known of a subject.
pub(super) struct Known<'a> {
    pub(super) subject: &'a Subject,
    pub(super) candidates: &'a [Candidate],
    /// Those that may be chosen.
    admitted: Places,
    /// Best first: in all scopes but that of the host, and in that.
    preferred: [Vec<u32>; 2],
    /// For each candidate.
    pub(super) groups: Vec<u32>,
    is_any: bool,
    /// None of the solver's.
    is_answered: bool,
}

/// A requirement of a subject.
struct Asked {
    subject: u32,
    /// Whether the facts answer it.
    is_known: bool,
    /// The candidates that meet it.
    places: Places,
    /// Their groups, smallest first.
    groups: Vec<u32>,
}

/// The scope of a subject of which there may be any number of versions, and what is below.
struct Opened {
    above: u32,
    /// `u32::MAX`: the scope is always there.
    subject: u32,
    /// The scope of the host, or below it.
    is_host: bool,
}

/// A demand that the solver has to answer, and with what.
pub(super) struct Dependency<'a> {
    /// Whose demand it is, if a path package's.
    pub(super) root: Option<&'a Root>,
    pub(super) demand: &'a Demand,
    pub(super) node: Node,
    pub(super) places: Places,
}

impl Dependency<'_> {
    /// The places that a version of a node asks for. A version that asks for itself needs nothing; one that asks for
    /// another of its own group cannot be.
    pub(super) fn places_for(&self, asker: Node, version: u32) -> Option<Places> {
        match self.node == asker {
            true if self.places.contains(&version) => None,
            true => Some(Places::empty()),
            false => Some(self.places.clone()),
        }
    }
}

/// Who asks: a node, and for [`Node::Root`] which of the path packages.
type Asker = (Node, u32);

impl Known<'_> {
    /// The preferred candidates in a scope, best first.
    pub(super) fn preferred_in(&self, scope: u32) -> impl Iterator<Item = u32> {
        self.preferred[usize::from(scope == HOST)].iter().copied()
    }
}

/// All that the search has met so far.
pub(super) struct Universe<'a> {
    problem: &'a Problem<'a>,
    modes: &'a Modes,
    /// In an order that does not depend on how they were given.
    pub(super) roots: Vec<&'a Root>,
    subjects: Vec<Known<'a>>,
    subject_numbers: Map<&'a Subject, u32>,
    asked: Vec<Asked>,
    asked_numbers: Map<(u32, &'a str), u32>,
    scopes: Vec<Opened>,
    /// By who asks, in which of the scopes that are always there or below, and for what.
    scope_numbers: Map<(Asker, u32, u32), u32>,
    lacking: Vec<&'a Demand>,
    statements: Vec<Statement>,
}

impl<'a> Universe<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, roots: &'a [Root], modes: &'a Modes) -> Self {
        let mut roots: Vec<&Root> = roots.iter().collect();
        roots.sort_by(|one, another| {
            let by = |root: &'a Root| (in_order(&root.demand), &root.by);
            by(one).cmp(&by(another))
        });
        Self {
            problem,
            modes,
            roots,
            subjects: Vec::new(),
            subject_numbers: Map::default(),
            asked: Vec::new(),
            asked_numbers: Map::default(),
            scopes: [false, true]
                .map(|is_host| Opened {
                    above: MAIN,
                    subject: u32::MAX,
                    is_host,
                })
                .into(),
            scope_numbers: Map::default(),
            lacking: Vec::new(),
            statements: Vec::new(),
        }
    }

    /// What is asked for by a version of a node. Demands whose facts are lacking count as met, and are noted.
    pub(super) fn dependencies(&mut self, node: Node, place: u32) -> Vec<Dependency<'a>> {
        match node {
            Node::Root => self.dependencies_of_roots(),
            Node::Group { scope, subject, .. } => {
                let candidate = self.candidate(subject, place);
                self.note_statements(subject, candidate);
                let mut demands: Vec<&Demand> = candidate.demands.iter().collect();
                demands.sort_by(|one, another| in_order(one).cmp(&in_order(another)));
                let asker = (node, 0);
                let of = |demand| self.dependency(asker, scope, demand);
                demands.into_iter().filter_map(of).collect()
            }
            // See `chosen_group`.
            Node::Choice { .. } => Vec::new(),
        }
    }

    fn dependencies_of_roots(&mut self) -> Vec<Dependency<'a>> {
        let roots = self.roots.clone();
        let by: BTreeSet<&str> = roots.iter().map(|root| &*root.by).collect();
        let by: Vec<&str> = by.into_iter().collect();
        let of = |root: &&'a Root| {
            let number = by.binary_search(&&*root.by).unwrap_or_default();
            let asker = (Node::Root, count(number));
            let dependency = self.dependency(asker, MAIN, &root.demand)?;
            Some(Dependency {
                root: Some(root),
                ..dependency
            })
        };
        roots.iter().filter_map(of).collect()
    }

    /// What the choice of a group for a requirement means.
    pub(super) fn chosen_group(&self, scope: u32, asked: u32, group: u32) -> (Node, Places) {
        let Asked {
            subject, places, ..
        } = &self.asked[asked as usize];
        let groups = &self.subjects[*subject as usize].groups;
        let start = count(groups.partition_point(|one| *one < group));
        let end = count(groups.partition_point(|one| *one <= group));
        let node = Node::Group {
            scope,
            subject: *subject,
            group,
        };
        (node, places.intersection(&Places::between(start, end)))
    }

    /// What is known of the subject that a node is about.
    pub(super) fn known(&self, node: Node) -> Option<&Known<'a>> {
        let subject = match node {
            Node::Root => return None,
            Node::Group { subject, .. } => subject,
            Node::Choice { asked, .. } => self.asked[asked as usize].subject,
        };
        Some(&self.subjects[subject as usize])
    }

    /// Whether a candidate meets a requirement.
    pub(super) fn meets(&self, asked: u32, place: u32) -> bool {
        self.asked[asked as usize].places.contains(&place)
    }

    /// The groups that meet a requirement, smallest first.
    pub(super) fn groups_for(&self, asked: u32) -> &[u32] {
        &self.asked[asked as usize].groups
    }

    pub(super) fn candidate(&self, subject: u32, place: u32) -> &'a Candidate {
        &self.subjects[subject as usize].candidates[place as usize]
    }

    pub(super) fn subject(&self, number: u32) -> &'a Subject {
        self.subjects[number as usize].subject
    }

    /// The demands met so far whose facts are lacking: sorted, none twice.
    pub(super) fn lacking(&self) -> Vec<Demand> {
        let mut lacking = self.lacking.clone();
        lacking.sort_by(|one, another| in_order(one).cmp(&in_order(another)));
        lacking.dedup_by_key(|demand| (&demand.subject, &demand.requirement));
        lacking.into_iter().cloned().collect()
    }

    /// What the versions state whose dependencies were looked at since this was last called.
    pub(super) fn take_statements(&mut self) -> Vec<Statement> {
        std::mem::take(&mut self.statements)
    }

    fn dependency(
        &mut self,
        asker: Asker,
        scope: u32,
        demand: &'a Demand,
    ) -> Option<Dependency<'a>> {
        let subject = self.number_of(&demand.subject);
        if self.subjects[subject as usize].is_answered {
            return None;
        }
        let asked = self.asked_of(subject, &demand.requirement);
        if !self.asked[asked as usize].is_known {
            self.lacking.push(demand);
            return None;
        }
        let is_host = demand.is_host && !self.scopes[scope as usize].is_host;
        let scope = if is_host { HOST } else { scope };
        let scope = self.scope_of(asker, scope, asked);
        let Asked { places, groups, .. } = &self.asked[asked as usize];
        let (node, places) = match groups.as_slice() {
            [] | [_] => {
                let group = groups.first().copied().unwrap_or_default();
                let node = Node::Group {
                    scope,
                    subject,
                    group,
                };
                (node, places.clone())
            }
            several => (
                Node::Choice { scope, asked },
                several.iter().copied().collect(),
            ),
        };
        Some(Dependency {
            root: None,
            demand,
            node,
            places,
        })
    }

    fn note_statements(&mut self, subject: u32, candidate: &Candidate) {
        let stated = candidate.demands.iter().filter_map(|demand| {
            let is_ours = !self.problem.answered.contains(&demand.subject.label);
            let versions = demand.versions.filter(|_| is_ours)?;
            Some((demand.subject.clone(), versions))
        });
        let by = self.subjects[subject as usize].subject;
        self.statements
            .extend(stated.map(|(of, versions)| Statement {
                of,
                versions,
                by: (by.clone(), candidate.version.clone()),
            }));
    }

    fn number_of(&mut self, subject: &'a Subject) -> u32 {
        if let Some(number) = self.subject_numbers.get(subject) {
            return *number;
        }
        let number = count(self.subjects.len());
        self.subjects.push(self.known_of(subject));
        self.subject_numbers.insert(subject, number);
        number
    }

    fn known_of(&self, subject: &'a Subject) -> Known<'a> {
        let problem = self.problem;
        let candidates = problem.facts.candidates(subject);
        let is_admitted = |candidate: &Candidate| {
            (problem.admits)(subject, candidate).is_ok()
                && !self.modes.is_banned(subject, &candidate.version)
        };
        let place_of = |version: &Version| {
            let place = candidates.binary_search_by(|one| one.version.cmp(version));
            place.ok().map(count)
        };
        let preferred = |first: &'a Locked, second: &'a Locked| {
            let versions = [first, second]
                .into_iter()
                .filter_map(|one| one.get(subject));
            versions.flatten().filter_map(place_of).collect()
        };
        let Preferred { main, host } = problem.preferred;
        let mode = self.modes.of(subject);
        Known {
            subject,
            candidates,
            admitted: (0..)
                .zip(candidates)
                .filter(|(_, candidate)| is_admitted(candidate))
                .map(|(place, _)| place)
                .collect(),
            preferred: [preferred(main, host), preferred(host, main)],
            groups: groups(mode, candidates.iter().map(|candidate| &candidate.version)),
            is_any: mode == Versions::Any,
            is_answered: problem.answered.contains(&subject.label),
        }
    }

    fn asked_of(&mut self, subject: u32, requirement: &'a Requirement) -> u32 {
        let key = (subject, requirement.text());
        if let Some(number) = self.asked_numbers.get(&key) {
            return *number;
        }
        let number = count(self.asked.len());
        let known = &self.subjects[subject as usize];
        let places: Places = known
            .admitted
            .iter()
            .filter(|place| requirement.matches(&known.candidates[*place as usize].version))
            .collect();
        let mut groups: Vec<u32> = places
            .iter()
            .map(|place| known.groups[place as usize])
            .collect();
        groups.dedup();
        self.asked.push(Asked {
            subject,
            is_known: self.problem.facts.is_known(known.subject, requirement),
            places,
            groups,
        });
        self.asked_numbers.insert(key, number);
        number
    }

    /// The scope in which a requirement is answered.
    fn scope_of(&mut self, asker: Asker, scope: u32, asked: u32) -> u32 {
        let subject = self.asked[asked as usize].subject;
        if !self.subjects[subject as usize].is_any {
            return scope;
        }
        // What comes back on the way down does not open a further scope, so the way ends.
        let mut above = scope;
        while above != MAIN {
            let opened = &self.scopes[above as usize];
            if opened.subject == subject {
                return above;
            }
            above = opened.above;
        }
        let next = count(self.scopes.len());
        let key = (asker, scope, asked);
        let number = *self.scope_numbers.entry(key).or_insert(next);
        if number == next {
            self.scopes.push(Opened {
                above: scope,
                subject,
                is_host: self.scopes[scope as usize].is_host,
            });
        }
        number
    }
}

/// What demands are sorted by.
fn in_order(demand: &Demand) -> impl Ord + use<'_> {
    let at = demand.at.as_ref();
    (
        &demand.subject,
        &demand.requirement,
        demand.is_host,
        demand.versions,
        at.map(|at| (&at.file, at.line, at.column)),
    )
}

fn count(number: usize) -> u32 {
    u32::try_from(number).expect("fewer than four thousand million of anything")
}
