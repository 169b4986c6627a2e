//! What was found: the chosen versions, and which of them answers what is asked for.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use pubgrub::{Map, VersionSet};
use semver::Version;

use super::modes::Statement;
use super::universe::{Dependency, HOST, MAIN, Node, Universe};
use super::{Preferred, Root};
use crate::pkg::facts::{Demand, Subject};
use crate::pkg::requirement::Requirement;

/// Where versions are chosen together: the main scope, that of the host, or one that a request with `versions='any'`
/// opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Scope(u32);

/// What the scope of the host is called.
pub const HOST_SCOPE: &str = "host";

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::HOST => formatter.write_str(HOST_SCOPE),
            Self(number) => number.fmt(formatter),
        }
    }
}

impl Scope {
    /// The scope of path packages.
    pub const MAIN: Self = Self(MAIN);
    /// The scope of `Build` and `Tool` dependencies of recipes. It has no number among the others, so that theirs do not
    /// depend on whether it is used.
    pub const HOST: Self = Self(u32::MAX);

    /// The main scope is 0; others are numbered as a walk from the path packages meets them.
    pub fn number(self) -> u32 {
        self.0
    }
}

/// A version that is needed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Chosen {
    pub scope: Scope,
    pub subject: Subject,
    pub version: Version,
}

/// Who asks.
#[derive(Clone, Copy, Debug)]
pub enum Who<'a> {
    /// A path package, by its label.
    Root(&'a str),
    Chosen(&'a Chosen),
}

/// The versions that meet all requirements: just those that something needs.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Solution {
    /// Sorted.
    chosen: Vec<Chosen>,
    /// For each chosen version.
    answers: Vec<Answers>,
    root_answers: BTreeMap<Arc<str>, Answers>,
}

/// What is asked for, whether of the host's scope, and which of the chosen versions answers it: sorted.
type Answers = Vec<((Subject, Requirement, bool), usize)>;

impl Solution {
    /// The chosen versions, sorted.
    pub fn chosen(&self) -> &[Chosen] {
        &self.chosen
    }

    /// What answers what a chosen version asks for.
    pub fn below(&self, chosen: &Chosen) -> impl Iterator<Item = &Chosen> {
        let place = self.chosen.binary_search(chosen).ok();
        let answers = place.map_or(&[][..], |place| &self.answers[place]);
        answers.iter().map(|(_, place)| &self.chosen[*place])
    }

    /// The chosen versions as [`Problem::preferred`](super::Problem::preferred) has them, the largest first.
    pub fn as_preferred(&self) -> Preferred {
        let mut preferred = Preferred::default();
        for chosen in &self.chosen {
            let of_scope = preferred.of_mut(chosen.scope);
            let versions = of_scope.entry(chosen.subject.clone()).or_default();
            versions.push(chosen.version.clone());
        }
        preferred.sort();
        preferred
    }

    /// What answers a request of a chosen version, wherever that says that it comes from.
    pub fn answer_from_anywhere(&self, chosen: &Chosen, demand: &Demand) -> Option<&Chosen> {
        let answers = &self.answers[self.chosen.binary_search(chosen).ok()?];
        let mut answers = answers.iter();
        let (_, place) = answers.find(|((subject, requirement, is_host), _)| {
            subject.label == demand.subject.label
                && *requirement == demand.requirement
                && *is_host == demand.is_host
        })?;
        Some(&self.chosen[*place])
    }

    /// What answers a demand. `None`: nobody who is chosen asks so, or it is none of the solver's.
    pub fn answer(&self, who: Who, demand: &Demand) -> Option<&Chosen> {
        let answers = match who {
            Who::Root(label) => self.root_answers.get(label)?,
            Who::Chosen(chosen) => &self.answers[self.chosen.binary_search(chosen).ok()?],
        };
        let wanted = (&demand.subject, &demand.requirement, &demand.is_host);
        let place = answers.binary_search_by(|((subject, requirement, is_host), _)| {
            (subject, requirement, is_host).cmp(&wanted)
        });
        Some(&self.chosen[answers[place.ok()?].1])
    }
}

/// A solution as the walk from the roots finds it.
pub(super) struct Found<'a> {
    pub(super) stops: Vec<Stop<'a>>,
    root_answers: Vec<(&'a Root, usize)>,
    statements: Vec<Statement>,
    /// Whether it is found again when its versions are preferred.
    pub(super) is_settled: bool,
}

/// A chosen version, and how the walk came to it first.
pub(super) struct Stop<'a> {
    scope: u32,
    pub(super) subject: &'a Subject,
    pub(super) version: &'a Version,
    /// The stop that asks for it, or the path package.
    pub(super) asker: Option<usize>,
    pub(super) root: Option<&'a Root>,
    pub(super) demand: &'a Demand,
    answers: Vec<(&'a Demand, usize)>,
}

impl<'a> Found<'a> {
    /// Walks from the roots over the versions that PubGrub chose. Nearer stops come first.
    pub(super) fn new(
        universe: &mut Universe<'a>,
        chosen: &Map<Node, u32>,
        has_backtracked: bool,
    ) -> Self {
        universe.take_statements();
        let mut walk = Walk {
            chosen,
            stops: Vec::new(),
            nodes: Vec::new(),
            numbers: Map::default(),
            choices: Map::default(),
        };
        let dependencies = universe.dependencies(Node::Root, 0);
        let root_answers = walk
            .visit(universe, None, &dependencies)
            .filter_map(|(dependency, stop)| Some((dependency.root?, stop)))
            .collect();
        let mut next = 0;
        while let Some((node, place)) = walk.nodes.get(next).copied() {
            let dependencies = universe.dependencies(node, place);
            let answers = walk.visit(universe, Some(next), &dependencies);
            let answers = answers.map(|(dependency, stop)| (dependency.demand, stop));
            walk.stops[next].answers = answers.collect();
            next += 1;
        }
        Self {
            root_answers,
            statements: universe.take_statements(),
            is_settled: walk.has_best_choices(universe)
                && (!has_backtracked || walk.is_in_main_scope()),
            stops: walk.stops,
        }
    }

    /// What the chosen versions state.
    pub(super) fn statements(&self) -> &[Statement] {
        &self.statements
    }

    pub(super) fn into_solution(self) -> Solution {
        let scopes = self.scopes_as_met();
        let chosen = |stop: &Stop| Chosen {
            scope: Scope(scopes[&stop.scope]),
            subject: stop.subject.clone(),
            version: stop.version.clone(),
        };
        let mut sorted: Vec<(Chosen, usize)> = self.stops.iter().map(chosen).zip(0..).collect();
        sorted.sort();
        let mut places = vec![0; sorted.len()];
        for (place, (_, stop)) in sorted.iter().enumerate() {
            places[*stop] = place;
        }
        let answer = |demand: &Demand, stop: usize| {
            let Demand {
                subject,
                requirement,
                is_host,
                ..
            } = demand;
            let wanted = (subject.clone(), requirement.clone(), *is_host);
            (wanted, places[stop])
        };
        let mut root_answers: BTreeMap<Arc<str>, Answers> = BTreeMap::new();
        for (root, stop) in &self.root_answers {
            let answers = root_answers.entry(root.by.clone()).or_default();
            answers.push(answer(&root.demand, *stop));
        }
        let answers_of = |(_, stop): &(Chosen, usize)| {
            let answers = self.stops[*stop].answers.iter();
            answers
                .map(|(demand, stop)| answer(demand, *stop))
                .collect()
        };
        // The walk visits what is asked for in order, so answers are sorted.
        Solution {
            answers: sorted.iter().map(answers_of).collect(),
            chosen: sorted.into_iter().map(|(chosen, _)| chosen).collect(),
            root_answers,
        }
    }

    /// Numbers for the scopes that do not depend on what the search met before it found the solution.
    fn scopes_as_met(&self) -> BTreeMap<u32, u32> {
        let mut scopes = BTreeMap::from([(MAIN, Scope::MAIN.0), (HOST, Scope::HOST.0)]);
        let mut next = MAIN + 1;
        for stop in &self.stops {
            scopes.entry(stop.scope).or_insert_with(|| {
                next += 1;
                next - 1
            });
        }
        scopes
    }
}

struct Walk<'a, 'b> {
    chosen: &'b Map<Node, u32>,
    stops: Vec<Stop<'a>>,
    /// For each stop its node and place.
    nodes: Vec<(Node, u32)>,
    numbers: Map<Node, usize>,
    /// The groups that were chosen for requirements: by scope and number of the requirement.
    choices: Map<(u32, u32), u32>,
}

impl<'a> Walk<'a, '_> {
    /// Whether no requirement with a choice is met as well by a larger version, which something else needs.
    fn has_best_choices(&self, universe: &Universe) -> bool {
        self.choices.iter().all(|((scope, asked), chosen)| {
            let larger = universe.groups_for(*asked).iter();
            let mut larger = larger.rev().take_while(|group| *group > chosen);
            larger.all(|group| {
                let (node, places) = universe.chosen_group(*scope, *asked, *group);
                let needed = self.numbers.get(&node).map(|stop| self.nodes[*stop].1);
                !needed.is_some_and(|place| places.contains(&place))
            })
        })
    }

    fn is_in_main_scope(&self) -> bool {
        self.stops.iter().all(|stop| stop.scope == MAIN)
    }

    /// What one asks for, and the stops that answer it.
    fn visit<'d>(
        &mut self,
        universe: &Universe<'a>,
        asker: Option<usize>,
        dependencies: &'d [Dependency<'a>],
    ) -> impl Iterator<Item = (&'d Dependency<'a>, usize)> + use<'a, 'd> {
        let mut stops = Vec::with_capacity(dependencies.len());
        for dependency in dependencies {
            let stop = self.stop_of(universe, asker, dependency);
            stops.extend(stop.map(|stop| (dependency, stop)));
        }
        stops.into_iter()
    }

    fn stop_of(
        &mut self,
        universe: &Universe<'a>,
        asker: Option<usize>,
        dependency: &Dependency<'a>,
    ) -> Option<usize> {
        let place = *self.chosen.get(&dependency.node)?;
        let node = match dependency.node {
            Node::Choice { scope, asked } => {
                self.choices.insert((scope, asked), place);
                universe.chosen_group(scope, asked, place).0
            }
            node => node,
        };
        let Node::Group { scope, subject, .. } = node else {
            return None;
        };
        if let Some(stop) = self.numbers.get(&node) {
            return Some(*stop);
        }
        let place = *self.chosen.get(&node)?;
        let stop = self.stops.len();
        self.numbers.insert(node, stop);
        self.nodes.push((node, place));
        self.stops.push(Stop {
            scope,
            subject: universe.subject(subject),
            version: &universe.candidate(subject, place).version,
            asker,
            root: dependency.root,
            demand: dependency.demand,
            answers: Vec::new(),
        });
        Some(stop)
    }
}
