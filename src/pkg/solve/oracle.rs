//! Random small universes, solved by trying everything.

use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};

use super::groups::groups;
use super::tests::{World, candidate, demand, subject};
use super::*;
use crate::declare::model::Versions;
use crate::pkg::requirement::Requirement;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const VERSIONS: [&str; 6] = ["0.1.0", "0.2.0", "1.0.0", "1.1.0", "1.2.0", "2.0.0"];
const REQUIREMENTS: [&str; 9] = [
    "", "^1", "^2", ">=1 <3", "=1.0.0", "^1 || ^2", "<1", "^0.1", "<1.2",
];

/// `name requirement`, in some worlds how many versions there may be, and sometimes of the host.
fn demands(modes: &'static [&'static str], count: usize) -> impl Strategy<Value = Vec<Demand>> {
    let words = (
        select(&NAMES[..]),
        select(&REQUIREMENTS[..]),
        select(modes),
        select(&["", "", "host"][..]),
    );
    let one = words.prop_map(|(name, requirement, mode, host)| {
        demand(&format!("{name} {requirement} {mode} {host}"))
    });
    proptest::collection::vec(one, 0..count)
}

/// A world in which versions state `modes`, and path packages `root_modes`.
fn worlds(
    modes: &'static [&'static str],
    root_modes: &'static [&'static str],
) -> impl Strategy<Value = World> {
    let package = subsequence(&VERSIONS[..], 0..5).prop_flat_map(move |versions| {
        let count = versions.len();
        let demands = proptest::collection::vec(demands(modes, 3), count);
        demands.prop_map(move |demands| {
            let candidates = versions.iter().zip(demands);
            candidates
                .map(|(version, demands)| candidate(version, demands))
                .collect::<Vec<_>>()
        })
    });
    let packages = proptest::collection::vec(package, NAMES.len());
    (packages, demands(root_modes, 4)).prop_map(|(packages, wanted)| {
        let mut world = World::default();
        for (name, candidates) in NAMES.iter().zip(packages) {
            world
                .facts
                .add(&subject(name), &Requirement::any(), candidates);
        }
        world.roots = wanted.into_iter().map(root).collect();
        world
    })
}

fn root(demand: Demand) -> Root {
    Root {
        by: Arc::from("app"),
        demand,
        is_member: true,
    }
}

/// Versions that meet all requirements in the main scope and in that of the host, by trying all. What versions state is
/// not looked at.
fn brute_force(world: &World, modes: &Modes) -> Option<Preferred> {
    let open = world.roots.iter();
    let open = open.map(|root| (root.demand.is_host, &root.demand));
    let mut chosen = Preferred::default();
    meet(world, modes, open.collect(), &mut chosen).then_some(chosen)
}

fn scope(is_host: bool) -> Scope {
    match is_host {
        true => Scope::HOST,
        false => Scope::MAIN,
    }
}

fn meet<'a>(
    world: &'a World,
    modes: &Modes,
    mut open: Vec<(bool, &'a Demand)>,
    chosen: &mut Preferred,
) -> bool {
    let Some((is_host, demand)) = open.pop() else {
        return true;
    };
    let of_scope = chosen.of_mut(scope(is_host));
    let of_subject = of_scope.entry(demand.subject.clone()).or_default().clone();
    if of_subject
        .iter()
        .any(|version| demand.requirement.matches(version))
    {
        return meet(world, modes, open, chosen);
    }
    let candidates = world.facts.candidates(&demand.subject);
    for candidate in candidates
        .iter()
        .filter(|one| demand.requirement.matches(&one.version))
    {
        let mut more = of_subject.clone();
        more.push(candidate.version.clone());
        if !are_apart(modes.of(&demand.subject), &mut more) {
            continue;
        }
        let before = chosen.clone();
        let of_scope = chosen.of_mut(scope(is_host));
        of_scope.insert(demand.subject.clone(), more);
        let below = candidate.demands.iter();
        let below = below.map(|demand| (is_host || demand.is_host, demand));
        let open = open.iter().copied().chain(below).collect();
        if meet(world, modes, open, chosen) {
            return true;
        }
        *chosen = before;
    }
    false
}

/// Whether versions may stand side by side.
fn are_apart(mode: Versions, versions: &mut [Version]) -> bool {
    versions.sort();
    let mut groups = groups(mode, versions.iter());
    groups.dedup();
    groups.len() == versions.len()
}

/// Every requirement is met, in a scope that fits; versions of a scope may stand side by side; nothing is unneeded.
fn check(world: &World, solution: &Solution) {
    let mut statements = Vec::new();
    let mut needed = BTreeSet::new();
    let mut asked = Vec::new();
    for root in &world.roots {
        asked.push((Who::Root("app"), Scope::MAIN, &root.demand));
    }
    for chosen in solution.chosen() {
        let candidate = world
            .facts
            .candidate(&chosen.subject, &chosen.version)
            .unwrap();
        for demand in &candidate.demands {
            asked.push((Who::Chosen(chosen), chosen.scope, demand));
            statements.extend(demand.versions.map(|versions| modes::Statement {
                of: demand.subject.clone(),
                versions,
                by: (chosen.subject.clone(), chosen.version.clone()),
            }));
        }
    }
    let mut modes = Modes::of_roots(&world.roots);
    modes.learn(&statements);
    for (who, scope, demand) in asked {
        let answer = solution.answer(who, demand).expect("an answer");
        assert_eq!(answer.subject, demand.subject);
        assert!(demand.requirement.matches(&answer.version));
        if modes.of(&demand.subject) != Versions::Any {
            // What is opened below the host's scope stays below it.
            let is_opened = ![Scope::MAIN, Scope::HOST].contains(&scope);
            let is_right = match demand.is_host {
                true => answer.scope == Scope::HOST || is_opened && answer.scope == scope,
                false => answer.scope == scope,
            };
            assert!(is_right, "a scope that nobody asked for");
        }
        needed.insert(answer);
    }
    assert_eq!(needed.len(), solution.chosen().len(), "unneeded versions");
    for (scope, subject) in solution
        .chosen()
        .iter()
        .map(|one| (one.scope, &one.subject))
    {
        let same = solution.chosen().iter();
        let same = same.filter(|one| one.scope == scope && one.subject == *subject);
        let mut versions: Vec<Version> = same.map(|one| one.version.clone()).collect();
        assert!(are_apart(modes.of(subject), &mut versions), "{versions:?}");
    }
}

/// The same world, in another order.
fn shuffled(world: &World, by: &[Index]) -> World {
    let mut shuffled = world.clone();
    let mut by = by.iter().cycle();
    let mut shuffle = |length: usize| by.next().unwrap().index(length.max(1));
    let middle = shuffle(shuffled.roots.len());
    shuffled.roots.rotate_left(middle);
    for name in NAMES {
        for candidate in world.facts.candidates(&subject(name)) {
            let mut demands = candidate.demands.clone();
            demands.reverse();
            let middle = shuffle(demands.len());
            demands.rotate_left(middle);
            shuffled
                .facts
                .correct(&subject(name), &candidate.version, demands);
        }
    }
    shuffled
}

/// Solves with no facts at first, and adds those that are lacking: just the versions that are asked for, if `is_sparse`.
fn in_rounds(world: &World, is_sparse: bool) -> Solved {
    let mut growing = World {
        facts: Facts::default(),
        ..world.clone()
    };
    for _ in 0..1_000 {
        let Solved::Lacking(demands, _) = growing.solved() else {
            return growing.solved();
        };
        let is_known = |one: &Demand| growing.facts.is_known(&one.subject, &one.requirement);
        assert!(!demands.iter().any(is_known), "asked for what is known");
        for demand in demands {
            let mut found = world.facts.candidates(&demand.subject).to_vec();
            if is_sparse {
                found.retain(|one| demand.requirement.matches(&one.version));
            }
            growing
                .facts
                .add(&demand.subject, &demand.requirement, found);
        }
    }
    panic!("rounds without end");
}

/// What two ways of solving must agree on.
fn outline(solved: Solved) -> Option<Solution> {
    match solved {
        Solved::Solution(solution) => Some(solution),
        Solved::Conflict(_) => None,
        Solved::Lacking(demands, _) => panic!("lacking {demands:?}"),
        Solved::TooHard(_) => panic!("small worlds are easy"),
    }
}

const NONE: &[&str] = &[""];
const SIDE_BY_SIDE: &[&str] = &["", "", "one", "major", "minor"];
const ALL: &[&str] = &["", "", "", "one", "major", "minor", "any"];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    /// Catches a solution that is missed, and one that is none.
    #[test]
    fn there_is_a_solution_if_trying_all_finds_one(world in worlds(NONE, SIDE_BY_SIDE)) {
        let expected = brute_force(&world, &Modes::of_roots(&world.roots));
        let found = outline(world.solved());
        prop_assert_eq!(found.is_some(), expected.is_some());
        if let Some(solution) = found {
            check(&world, &solution);
        }
    }

    /// Catches rules that are broken by what only chosen versions state, and scopes that leak.
    #[test]
    fn whatever_is_stated_solutions_keep_the_rules(world in worlds(ALL, ALL)) {
        if let Some(solution) = outline(world.solved()) {
            check(&world, &solution);
        }
    }

    #[test]
    fn the_order_of_requirements_does_not_matter(
        world in worlds(ALL, ALL),
        by in proptest::collection::vec(any::<Index>(), 1..20),
    ) {
        let other = shuffled(&world, &by);
        prop_assert_eq!(outline(world.solved()), outline(other.solved()));
    }

    /// Catches a locked version that is left without need: any solution, once locked, is kept.
    #[test]
    fn locked_versions_stay_if_they_can(mut world in worlds(NONE, SIDE_BY_SIDE)) {
        if let Some(locked) = brute_force(&world, &Modes::of_roots(&world.roots)) {
            world.preferred = locked;
            for chosen in world.solution().chosen() {
                let locked = world.preferred.of_mut(chosen.scope);
                prop_assert!(locked[&chosen.subject].contains(&chosen.version));
            }
        }
    }

    /// Catches a solution that is not found again once it is locked.
    #[test]
    fn a_solution_that_is_locked_is_the_solution(mut world in worlds(ALL, ALL)) {
        if let Some(solution) = outline(world.solved()) {
            world.preferred = solution.as_preferred();
            prop_assert_eq!(world.solution(), solution);
        }
    }

    /// Catches a loop without end, and an answer that hangs on what was known when.
    #[test]
    fn facts_that_come_in_rounds_give_the_same(world in worlds(ALL, ALL), is_sparse in any::<bool>()) {
        prop_assert_eq!(outline(in_rounds(&world, is_sparse)), outline(world.solved()));
    }

    /// Catches a proposal that does not help, and a chain that is none.
    #[test]
    fn a_proposal_solves_the_conflict(world in worlds(NONE, SIDE_BY_SIDE)) {
        let Solved::Conflict(conflict) = world.solved() else {
            return Ok(());
        };
        prop_assert!(!conflict.links.is_empty() && !conflict.roots.is_empty());
        prop_assert!(conflict.roots.iter().all(|root| world.roots.contains(root)));
        if let Proposed::Found(proposal) = world.with(|problem| propose(problem, &conflict)) {
            let changed = (0..world.roots.len()).any(|number| {
                let mut changed = world.clone();
                let demand = &mut changed.roots[number].demand;
                let is_meant = demand.subject.label == proposal.label
                    && demand.requirement.text() == proposal.from;
                demand.requirement = Requirement::parse(&proposal.to).unwrap();
                is_meant && matches!(changed.solved(), Solved::Solution(_))
            });
            prop_assert!(changed, "{}", proposal.hint());
        }
    }

    /// Catches a chain with a link that the conflict does not need.
    #[test]
    fn without_one_of_its_roots_a_conflict_is_gone(world in worlds(NONE, SIDE_BY_SIDE)) {
        let Solved::Conflict(conflict) = world.solved() else {
            return Ok(());
        };
        let modes = Modes::of_roots(&world.roots);
        for number in 0..conflict.roots.len() {
            let mut fewer = world.clone();
            fewer.roots.clone_from(&conflict.roots);
            prop_assert!(brute_force(&fewer, &modes).is_none());
            fewer.roots.remove(number);
            prop_assert!(brute_force(&fewer, &modes).is_some());
        }
    }
}
