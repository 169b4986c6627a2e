//! One run of PubGrub over the universe: it finds versions, the proof that there are none, or gives up.

use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::fmt;
use std::sync::Arc;

use pubgrub::{
    Dependencies, DependencyProvider, DerivationTree, External, Map, PackageResolutionStatistics,
    PubGrubError, VersionSet,
};

use super::modes::{Modes, Statement};
use super::places::{Places, operations};
use super::solution::Found;
use super::universe::{MAIN, Node, Universe};
use super::{Problem, Root};
use crate::pkg::facts::Demand;

/// After how many steps solving is given up: less than a second. Time is not looked at, so that the answer is the same
/// everywhere.
pub(super) const STEPS: u64 = 40_000_000;
/// What a round of PubGrub costs besides the sets that it combines and compares, each of which is a step.
const ROUND: u64 = 32;

/// How many steps may be taken.
pub(super) struct Steps {
    most: u64,
    taken: Cell<u64>,
    /// What [`operations`] was when it was last looked at.
    before: Cell<u64>,
}

impl Steps {
    pub(super) fn new(most: u64) -> Self {
        Self {
            most,
            taken: Cell::new(0),
            before: Cell::new(operations()),
        }
    }

    pub(super) fn most(&self) -> u64 {
        self.most
    }

    /// Takes what was done since the last round, and this one.
    fn take(&self) -> Result<(), Exhausted> {
        let now = operations();
        let done = now - self.before.replace(now);
        self.taken.set(self.taken.get() + done + ROUND);
        match self.taken.get() > self.most {
            true => Err(Exhausted),
            false => Ok(()),
        }
    }
}

/// No steps are left.
#[derive(Debug)]
pub(super) struct Exhausted;

impl fmt::Display for Exhausted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("no steps are left")
    }
}

impl std::error::Error for Exhausted {}

/// What a run ends with.
pub(super) enum Outcome<'a> {
    Found(Found<'a>),
    NoSolution(Box<Proof<'a>>),
    /// The names most in conflict, worst first.
    TooHard(Vec<Arc<str>>),
}

/// Why there is no solution.
pub(super) struct Proof<'a> {
    pub(super) universe: Universe<'a>,
    /// The facts that it rests on.
    pub(super) leaves: Vec<Leaf>,
    /// What all versions state that were tried.
    pub(super) statements: Vec<Statement>,
}

/// These versions of a node ask for one of those of another.
pub(super) struct Leaf {
    pub(super) asker: Node,
    pub(super) versions: Places,
    pub(super) node: Node,
    pub(super) places: Places,
}

/// A run.
pub(super) struct Pass<'a> {
    universe: Universe<'a>,
}

impl<'a> Pass<'a> {
    pub(super) fn new(problem: &'a Problem<'a>, roots: &'a [Root], modes: &'a Modes) -> Self {
        Self {
            universe: Universe::new(problem, roots, modes),
        }
    }

    /// The outcome, and the facts that are lacking to be sure of it, unless there is no solution.
    pub(super) fn run(self, steps: &Steps) -> (Outcome<'a>, Vec<Demand>) {
        let search = Search {
            universe: RefCell::new(self.universe),
            conflicts: RefCell::default(),
            rounds: Cell::new(0),
            steps,
        };
        let result = pubgrub::resolve(&search, Node::Root, 0_u32);
        let names = search.most_in_conflict();
        let rounds = search.rounds.get();
        let mut universe = search.universe.into_inner();
        let outcome = match result {
            Ok(chosen) => {
                let chosen: Map<Node, u32> = chosen.into_iter().collect();
                // Without a conflict there is a round for each decision, and one that finds nothing to decide.
                let has_backtracked = rounds != chosen.len() + 1;
                Outcome::Found(Found::new(&mut universe, &chosen, has_backtracked))
            }
            Err(PubGrubError::NoSolution(tree)) => {
                let proof = Proof {
                    leaves: leaves(tree),
                    statements: universe.take_statements(),
                    universe,
                };
                return (Outcome::NoSolution(Box::new(proof)), Vec::new());
            }
            Err(_) => Outcome::TooHard(names),
        };
        (outcome, universe.lacking())
    }
}

/// What PubGrub asks.
struct Search<'a, 'b> {
    universe: RefCell<Universe<'a>>,
    /// How often each node was in conflict.
    conflicts: RefCell<Map<Node, u32>>,
    /// How often PubGrub looked for something to decide.
    rounds: Cell<usize>,
    steps: &'b Steps,
}

impl Search<'_, '_> {
    fn most_in_conflict(&self) -> Vec<Arc<str>> {
        const NAMES: usize = 5;
        let universe = self.universe.borrow();
        let mut names: Map<&Arc<str>, u32> = Map::default();
        for (node, count) in self.conflicts.borrow().iter() {
            if let Some(known) = universe.known(*node) {
                *names.entry(&known.subject.label).or_default() += count;
            }
        }
        let mut names: Vec<_> = names.into_iter().collect();
        names.sort_by_key(|(name, count)| (Reverse(*count), *name));
        let names = names.into_iter().take(NAMES);
        names.map(|(name, _)| name.clone()).collect()
    }
}

impl DependencyProvider for Search<'_, '_> {
    type P = Node;
    type V = u32;
    type VS = Places;
    /// Conflicts first; choices last, when others have left them less; else what has the fewest versions left.
    type Priority = (u32, bool, Reverse<u32>);
    type M = String;
    type Err = Exhausted;

    fn prioritize(
        &self,
        node: &Node,
        places: &Places,
        statistics: &PackageResolutionStatistics,
    ) -> Self::Priority {
        let conflicts = statistics.conflict_count();
        if conflicts > 0 {
            self.conflicts.borrow_mut().insert(*node, conflicts);
        }
        let is_group = !matches!(node, Node::Choice { .. });
        (conflicts, is_group, Reverse(places.len()))
    }

    fn choose_version(&self, node: &Node, places: &Places) -> Result<Option<u32>, Exhausted> {
        let universe = self.universe.borrow();
        let Some(known) = universe.known(*node) else {
            return Ok(Some(0));
        };
        let scope = match *node {
            Node::Choice { scope, .. } | Node::Group { scope, .. } => scope,
            Node::Root => MAIN,
        };
        let mut preferred = known.preferred_in(scope);
        let preferred = match *node {
            Node::Choice { asked, .. } => preferred
                .filter(|place| universe.meets(asked, *place))
                .map(|place| known.groups[place as usize])
                .find(|group| places.contains(group)),
            _ => preferred.find(|place| places.contains(place)),
        };
        Ok(preferred.or_else(|| places.last()))
    }

    fn get_dependencies(
        &self,
        node: &Node,
        place: &u32,
    ) -> Result<Dependencies<Node, Places, String>, Exhausted> {
        let mut universe = self.universe.borrow_mut();
        if let Node::Choice { scope, asked } = *node {
            let chosen = universe.chosen_group(scope, asked, *place);
            return Ok(Dependencies::Available(std::iter::once(chosen).collect()));
        }
        let dependencies = universe.dependencies(*node, *place).into_iter();
        let dependencies = dependencies.filter_map(|dependency| {
            let places = dependency.places_for(*node, *place)?;
            Some((dependency.node, places))
        });
        Ok(Dependencies::Available(dependencies.collect()))
    }

    fn should_cancel(&self) -> Result<(), Exhausted> {
        self.rounds.set(self.rounds.get() + 1);
        self.steps.take()
    }
}

/// The facts that a proof rests on. Takes the tree apart without recursion, since it may be deep.
fn leaves(tree: DerivationTree<Node, Places, String>) -> Vec<Leaf> {
    let mut leaves = Vec::new();
    let mut trees = vec![Arc::new(tree)];
    while let Some(tree) = trees.pop() {
        // One that is shared is looked at when the last one to share it comes.
        match Arc::into_inner(tree) {
            Some(DerivationTree::Derived(derived)) => {
                trees.extend([derived.cause1, derived.cause2]);
            }
            Some(DerivationTree::External(External::FromDependencyOf(
                asker,
                versions,
                node,
                places,
            ))) => leaves.push(Leaf {
                asker,
                versions,
                node,
                places,
            }),
            Some(DerivationTree::External(_)) | None => {}
        }
    }
    leaves
}
