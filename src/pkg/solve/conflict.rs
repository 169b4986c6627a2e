//! Why nothing meets all requirements: the proof, cut down to what a reader needs.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use pubgrub::{Map, VersionSet};
use semver::Version;

use super::modes::Modes;
use super::places::Places;
use super::search::{Outcome, Pass, Proof, Steps};
use super::solution::Found;
use super::universe::{Dependency, Node, Universe};
use super::{Problem, Root};
use crate::declare::model::Versions;
use crate::error::Location;
use crate::pkg::facts::{Candidate, Demand, Subject};
use crate::pkg::near::did_you_mean;
use crate::pkg::requirement::Requirement;

/// How many steps cutting down may take.
const STEPS: u64 = 5_000_000;

/// Requirements that cannot all be met.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// What path packages ask for that cannot be met together: without one of them it could.
    pub roots: Vec<Root>,
    /// From the path packages down to where requirements collide, if the best versions are chosen.
    pub links: Vec<Link>,
    /// What excludes the other versions.
    pub others: Vec<Link>,
    pub reason: Reason,
    /// Who says that there is one version of what they collide in, if somebody does.
    pub only_one: Option<Box<OnlyOne>>,
}

/// Someone says that there is one version of a subject.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OnlyOne {
    pub by: Asker,
    pub label: Arc<str>,
    pub at: Option<Location>,
}

/// Who asks for what.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    pub asker: Asker,
    pub demand: Demand,
}

/// A path package, or versions that ask for the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asker {
    Root(Arc<str>),
    /// Smallest first.
    Versions(Subject, Vec<Version>),
}

/// Where requirements collide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// No version meets a requirement.
    Nothing(Missing),
    /// No version meets all requirements.
    Clash(Subject),
    /// It takes more than one subject to see it.
    Several,
    /// A label is answered from two origins.
    Origins(Subject, Subject),
}

/// A requirement that no version meets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    pub subject: Subject,
    /// As written.
    pub requirement: String,
    /// All versions that may be chosen, smallest first.
    pub versions: Vec<Version>,
    /// Versions that meet it, and why they may not be chosen.
    pub refused: Vec<(Version, String)>,
    /// Names of the same origin that look alike, as a question.
    pub suggestion: Option<String>,
}

/// Solving was given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TooHard {
    /// The labels most in conflict, worst first.
    pub names: Vec<Arc<str>>,
    pub steps: u64,
}

impl TooHard {
    pub(super) fn new(names: Vec<Arc<str>>, steps: &Steps) -> Self {
        Self {
            names,
            steps: steps.most(),
        }
    }
}

/// The conflict that a proof shows, with as few requirements of path packages as possible.
pub(super) fn shortest(problem: &Problem, modes: &Modes, proof: Proof) -> Conflict {
    let steps = Steps::new(STEPS);
    let mut conflict = Chain::of(proof).conflict(problem, modes);
    let mut next = 0;
    // All before `next` are needed for any conflict among those that are left.
    while next < conflict.roots.len() && conflict.roots.len() > 1 {
        let mut fewer = conflict.roots.clone();
        fewer.remove(next);
        match Pass::new(problem, &fewer, modes).run(&steps).0 {
            Outcome::NoSolution(proof) => conflict = Chain::of(*proof).conflict(problem, modes),
            Outcome::Found(_) | Outcome::TooHard(_) => next += 1,
        }
    }
    conflict
}

/// One label that is answered from two origins, if there is one.
pub(super) fn two_origins(found: &Found) -> Option<Conflict> {
    let mut first: Map<&str, usize> = Map::default();
    for (number, stop) in found.stops.iter().enumerate() {
        let earlier = *first.entry(&stop.subject.label).or_insert(number);
        let other = found.stops[earlier].subject;
        if other != stop.subject {
            let ways = [earlier, number].map(|number| way_to(found, number));
            let roots = ways.iter().filter_map(|(root, _)| *root).cloned();
            return Some(Conflict {
                roots: roots.collect(),
                reason: Reason::Origins(other.clone(), stop.subject.clone()),
                links: ways.into_iter().flat_map(|(_, links)| links).collect(),
                others: Vec::new(),
                only_one: None,
            });
        }
    }
    None
}

/// How a walk came to a stop.
fn way_to<'a>(found: &Found<'a>, number: usize) -> (Option<&'a Root>, Vec<Link>) {
    let mut links = Vec::new();
    let mut stop = &found.stops[number];
    loop {
        let before = stop.asker.map(|number| &found.stops[number]);
        let asker = match (before, stop.root) {
            (Some(before), _) => {
                Asker::Versions(before.subject.clone(), vec![before.version.clone()])
            }
            (None, Some(root)) => Asker::Root(root.by.clone()),
            (None, None) => break,
        };
        let demand = stop.demand.clone();
        links.insert(0, Link { asker, demand });
        match before {
            Some(before) => stop = before,
            None => break,
        }
    }
    (stop.root, links)
}

/// A proof as who asks for what.
struct Chain<'a> {
    universe: Universe<'a>,
    /// Sorted by who asks.
    edges: Vec<Edge<'a>>,
    /// The versions that ask for the same.
    versions: BTreeMap<Same<'a>, Vec<u32>>,
    /// The groups that a choice was between.
    choices: Map<Node, Vec<Node>>,
}

/// What makes edges one link: who asks, which of the path packages, for what, and whether of the host's scope.
type Same<'a> = (Node, Option<&'a str>, &'a Subject, &'a Requirement, bool);

/// One version asks for something.
struct Edge<'a> {
    asker: Node,
    version: u32,
    places: Places,
    dependency: Dependency<'a>,
}

impl<'a> Chain<'a> {
    fn of(proof: Proof<'a>) -> Self {
        let Proof {
            mut universe,
            leaves,
            ..
        } = proof;
        let mut choices: Map<Node, Vec<Node>> = Map::default();
        let mut asked: BTreeMap<(Node, u32), Vec<(Node, Places)>> = BTreeMap::new();
        for leaf in leaves {
            if let Node::Choice { .. } = leaf.asker {
                choices.entry(leaf.asker).or_default().push(leaf.node);
                continue;
            }
            for version in leaf.versions.iter() {
                let asked = asked.entry((leaf.asker, version)).or_default();
                asked.push((leaf.node, leaf.places.clone()));
            }
        }
        for groups in choices.values_mut() {
            groups.sort();
            groups.dedup();
        }
        let edges: Vec<Edge> = asked
            .into_iter()
            .flat_map(|((asker, version), asked)| edges(&mut universe, asker, version, &asked))
            .collect();
        let mut versions: BTreeMap<Same, Vec<u32>> = BTreeMap::new();
        for edge in &edges {
            versions.entry(edge.same()).or_default().push(edge.version);
        }
        Self {
            universe,
            edges,
            versions,
            choices,
        }
    }

    fn conflict(self, problem: &Problem, modes: &Modes) -> Conflict {
        let best = self.best();
        let (collision, place) = self.collision(&best);
        let chain = match collision.is_empty() {
            true => best,
            false => self.ways_to(&best, &collision),
        };
        let reason = match place {
            None => Reason::Several,
            Some(edge) if edge.is_unmet() => Reason::Nothing(missing(problem, edge.demand())),
            Some(edge) => Reason::Clash(edge.demand().subject.clone()),
        };
        let roots = self.edges.iter().filter_map(|edge| edge.dependency.root);
        let mut told = BTreeSet::new();
        let links = self.links(chain, &mut told);
        let others = self.links(&self.edges, &mut told);
        Conflict {
            roots: roots.cloned().collect(),
            links,
            others,
            only_one: match &reason {
                Reason::Clash(subject) => only_one(problem, modes, subject),
                _ => None,
            },
            reason,
        }
    }

    /// What path packages ask for and, from there down, the best version of each group.
    fn best(&self) -> Vec<&Edge<'a>> {
        let mut best = Vec::new();
        let mut nodes = VecDeque::from([Node::Root]);
        let mut seen = BTreeSet::from([Node::Root]);
        while let Some(node) = nodes.pop_front() {
            let start = self.edges.partition_point(|edge| edge.asker < node);
            let end = self.edges.partition_point(|edge| edge.asker <= node);
            let asks = &self.edges[start..end];
            let version = asks.iter().map(|edge| edge.version).max();
            for edge in asks.iter().filter(|edge| Some(edge.version) == version) {
                best.push(edge);
                let groups = self.groups_of(edge).into_iter();
                nodes.extend(groups.filter(|node| seen.insert(*node)));
            }
        }
        best
    }

    fn groups_of(&self, edge: &Edge) -> Vec<Node> {
        let node = edge.dependency.node;
        self.choices.get(&node).cloned().unwrap_or(vec![node])
    }

    /// Requirements that exclude each other at sight, and one of them.
    fn collision<'e>(&self, edges: &[&'e Edge<'a>]) -> (Vec<&'e Edge<'a>>, Option<&'e Edge<'a>>) {
        if let Some(edge) = edges.iter().find(|edge| edge.places.is_empty()) {
            return (vec![edge], Some(edge));
        }
        for (number, edge) in edges.iter().enumerate() {
            let is_other = |other: &&&Edge| {
                other.dependency.node == edge.dependency.node
                    && other.places.is_disjoint(&edge.places)
            };
            if let Some(other) = edges[number..].iter().find(is_other) {
                return (vec![edge, other], Some(edge));
            }
        }
        for edge in edges {
            let same = edges.iter().copied();
            let same = same.filter(|other| other.dependency.node == edge.dependency.node);
            let common = same.clone().fold(Places::full(), |common, edge| {
                common.intersection(&edge.places)
            });
            if common.is_empty() {
                return (same.collect(), Some(edge));
            }
        }
        (Vec::new(), None)
    }

    /// Of the edges those on a way from a path package to some of them, in order.
    fn ways_to<'e>(&self, edges: &[&'e Edge<'a>], ends: &[&'e Edge<'a>]) -> Vec<&'e Edge<'a>> {
        let mut way: Vec<&Edge> = ends.to_vec();
        let mut next = 0;
        while let Some(edge) = way.get(next).copied() {
            next += 1;
            let mut before = edges
                .iter()
                .filter(|before| self.groups_of(before).contains(&edge.asker));
            if let Some(before) = before.next()
                && !way.iter().any(|other| std::ptr::eq(*other, *before))
            {
                way.push(before);
            }
        }
        let is_on_way = |edge: &&&Edge| way.iter().any(|other| std::ptr::eq(*other, **edge));
        edges.iter().filter(is_on_way).copied().collect()
    }

    /// Edges as links, without those that were told: versions that ask for the same are one.
    fn links<'e>(
        &self,
        edges: impl IntoIterator<Item = &'e Edge<'a>>,
        told: &mut BTreeSet<Same<'a>>,
    ) -> Vec<Link>
    where
        'a: 'e,
    {
        let edges = edges.into_iter();
        let new = edges.filter(|edge| told.insert(edge.same()));
        new.map(|edge| self.link(edge)).collect()
    }

    fn link(&self, edge: &Edge<'a>) -> Link {
        let asker = match (edge.asker, edge.dependency.root) {
            (Node::Group { subject, .. }, _) => {
                let versions = self.versions[&edge.same()].iter();
                let versions = versions.map(|place| self.universe.candidate(subject, *place));
                let versions = versions.map(|candidate| candidate.version.clone());
                Asker::Versions(self.universe.subject(subject).clone(), versions.collect())
            }
            (_, root) => Asker::Root(root.map_or_else(Arc::default, |root| root.by.clone())),
        };
        Link {
            asker,
            demand: edge.demand().clone(),
        }
    }
}

/// What a version asks for, of that which a proof rests on.
fn edges<'a>(
    universe: &mut Universe<'a>,
    asker: Node,
    version: u32,
    asked: &[(Node, Places)],
) -> Vec<Edge<'a>> {
    let mut edges = Vec::new();
    for dependency in universe.dependencies(asker, version) {
        let Some(places) = dependency.places_for(asker, version) else {
            continue;
        };
        let target = (dependency.node, places);
        if asked.contains(&target) {
            edges.push(Edge {
                asker,
                version,
                places: target.1,
                dependency,
            });
        }
    }
    edges
}

impl<'a> Edge<'a> {
    fn demand(&self) -> &'a Demand {
        self.dependency.demand
    }

    fn same(&self) -> Same<'a> {
        let Demand {
            subject,
            requirement,
            is_host,
            ..
        } = self.demand();
        let by = self.dependency.root.map(|root| &*root.by);
        (self.asker, by, subject, requirement, *is_host)
    }

    /// Whether no version at all meets it.
    fn is_unmet(&self) -> bool {
        self.dependency.places.is_empty()
    }
}

fn only_one(problem: &Problem, modes: &Modes, subject: &Subject) -> Option<Box<OnlyOne>> {
    if modes.of(subject) != Versions::One {
        return None;
    }
    let (by, at) = match modes.tightened_by(subject) {
        Some((by, version)) => (Asker::Versions(by.clone(), vec![version.clone()]), None),
        None => {
            let mut roots = problem.roots.iter();
            let root = roots.find(|root| {
                root.demand.subject == *subject && root.demand.versions == Some(Versions::One)
            })?;
            (Asker::Root(root.by.clone()), root.demand.at.clone())
        }
    };
    let label = subject.label.clone();
    Some(Box::new(OnlyOne { by, label, at }))
}

fn missing(problem: &Problem, demand: &Demand) -> Missing {
    let subject = &demand.subject;
    let admits = |candidate: &Candidate| (problem.admits)(subject, candidate);
    let candidates = problem.facts.candidates(subject);
    let refused = candidates.iter().filter_map(|candidate| {
        let reason = admits(candidate).err()?;
        let is_meant = demand.requirement.matches(&candidate.version);
        is_meant.then(|| (candidate.version.clone(), reason))
    });
    let versions = candidates
        .iter()
        .filter(|candidate| admits(candidate).is_ok());
    let siblings = problem.facts.subjects().filter(|other| {
        other.origin == subject.origin && !problem.facts.candidates(other).is_empty()
    });
    Missing {
        subject: subject.clone(),
        requirement: demand.requirement.text().to_owned(),
        versions: versions
            .map(|candidate| candidate.version.clone())
            .collect(),
        refused: refused.collect(),
        suggestion: did_you_mean(&subject.label, siblings.map(|other| &*other.label)),
    }
}
