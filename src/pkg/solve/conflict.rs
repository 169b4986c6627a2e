//! Why nothing meets all requirements: the proof, cut down to what a reader needs.

use std::collections::BTreeMap;
use std::sync::Arc;

use pubgrub::{Map, VersionSet};
use semver::Version;

use super::modes::Modes;
use super::places::Places;
use super::search::{Outcome, Pass, Proof, Steps};
use super::solution::Found;
use super::universe::{Dependency, Node, Universe};
use super::{Problem, Root};
use crate::error;
use crate::pkg::facts::{Candidate, Demand, Subject};

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
    let mut conflict = Chain::of(proof).conflict(problem);
    let mut next = 0;
    // All before `next` are needed for any conflict among those that are left.
    while next < conflict.roots.len() && conflict.roots.len() > 1 {
        let mut fewer = conflict.roots.clone();
        fewer.remove(next);
        match Pass::new(problem, &fewer, modes).run(&steps).0 {
            Outcome::NoSolution(proof) => conflict = Chain::of(*proof).conflict(problem),
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
    edges: Vec<Edge<'a>>,
    /// The groups that a choice was between.
    choices: Map<Node, Vec<Node>>,
}

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
        let mut edges = Vec::new();
        for ((asker, version), asked) in asked {
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
        }
        for groups in choices.values_mut() {
            groups.sort();
            groups.dedup();
        }
        Self {
            universe,
            edges,
            choices,
        }
    }

    fn conflict(self, problem: &Problem) -> Conflict {
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
        let mut links = self.links(&chain);
        let mut others = self.links(&self.edges.iter().collect::<Vec<_>>());
        others.retain(|link| !links.iter().any(|other| link.is_part_of(other)));
        links.dedup();
        Conflict {
            roots: roots.cloned().collect(),
            links,
            others,
            reason,
        }
    }

    /// What path packages ask for and, from there down, the best version of each group.
    fn best(&self) -> Vec<&Edge<'a>> {
        let mut best = Vec::new();
        let mut nodes = vec![Node::Root];
        let mut next = 0;
        while let Some(node) = nodes.get(next).copied() {
            next += 1;
            let asks = self.edges.iter().filter(|edge| edge.asker == node);
            let version = asks.clone().map(|edge| edge.version).max();
            for edge in asks.filter(|edge| Some(edge.version) == version) {
                best.push(edge);
                for node in self.groups_of(edge) {
                    if !nodes.contains(&node) {
                        nodes.push(node);
                    }
                }
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

    /// Edges as links: versions that ask for the same are one.
    fn links(&self, edges: &[&Edge<'a>]) -> Vec<Link> {
        edges
            .iter()
            .map(|edge| self.link(edge))
            .fold(Vec::new(), |mut links: Vec<Link>, link| {
                if !links.iter().any(|other| link.is_part_of(other)) {
                    links.push(link);
                }
                links
            })
    }

    fn link(&self, edge: &Edge) -> Link {
        let demand = edge.demand();
        let asker = match (edge.asker, edge.dependency.root) {
            (Node::Group { subject, .. }, _) => {
                let same = self.edges.iter().filter(|other| {
                    other.asker == edge.asker
                        && other.demand().subject == demand.subject
                        && other.demand().requirement == demand.requirement
                });
                let version_of = |edge: &Edge| {
                    let candidate = self.universe.candidate(subject, edge.version);
                    candidate.version.clone()
                };
                let subject = self.universe.subject(subject).clone();
                Asker::Versions(subject, same.map(version_of).collect())
            }
            (_, root) => Asker::Root(root.map_or_else(Arc::default, |root| root.by.clone())),
        };
        Link {
            asker,
            demand: demand.clone(),
        }
    }
}

impl<'a> Edge<'a> {
    fn demand(&self) -> &'a Demand {
        self.dependency.demand
    }

    /// Whether no version at all meets it.
    fn is_unmet(&self) -> bool {
        self.dependency.places.is_empty()
    }
}

impl Link {
    fn is_part_of(&self, other: &Self) -> bool {
        self.asker == other.asker
            && self.demand.subject == other.demand.subject
            && self.demand.requirement == other.demand.requirement
    }
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
        suggestion: error::suggestion(&subject.label, siblings.map(|other| &*other.label)),
    }
}
