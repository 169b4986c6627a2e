//! How fast versions are solved: a made-up index of packages with realistic shapes, and shapes that are hard.
//!
//! ```text
//! cargo bench --bench resolve                   indexes of 1,000 and 10,000 packages, and the hard shapes
//! cargo bench --bench resolve -- 3000           another size, or several
//! cargo bench --bench resolve -- --write DIR 1000
//!                                               no measurement: writes a workspace that asks for the index, for the command
//! ```
//!
//! All facts are known, as they are when a resolution is repeated. Each line is the best of several runs.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table and writes its tree"
)]

mod index;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use index::{Index, Random};
use semver::Version;
use wake::declare::model::Versions;
use wake::pkg::facts::{Candidate, Demand, Facts, Subject};
use wake::pkg::requirement::Requirement;
use wake::pkg::solve::{Preferred, Problem, Root, Solved, solve};

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Of 10,000 requirements.
const NARROW: usize = 5;

fn main() {
    let mut sizes = Vec::new();
    let mut directory = None;
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--write" => directory = arguments.next().map(PathBuf::from),
            size => sizes.extend(size.parse::<usize>()),
        }
    }
    if let Some(directory) = directory {
        let size = sizes.first().copied().unwrap_or(1_000);
        Index::new(size, NARROW)
            .write(&directory)
            .expect("a directory that can be written");
        return;
    }
    println!("{:<37} {:>9} {:>9}  answer", "work", "time", "budget");
    let is_default = sizes.is_empty();
    if is_default {
        sizes = vec![1_000, 10_000];
    }
    for size in sizes {
        measure_index(size, NARROW);
    }
    if is_default {
        measure_index(10_000, 10 * NARROW);
        measure_hard_shapes();
    }
}

/// 20 ms at 1,000 packages, 200 ms at 10,000.
fn measure_index(size: usize, narrow: usize) {
    let budget = Duration::from_micros(20 * size as u64);
    let index = Index::new(size, narrow);
    let (facts, roots) = (index.facts(), index.roots());
    let mut world = World {
        facts,
        roots,
        preferred: Preferred::default(),
    };
    let solved = world.measure(&format!("{size} packages, {narrow} narrow"), budget);
    if let Solved::Solution(solution) = solved {
        world.preferred = solution.as_preferred();
        world.measure(&format!("{size} packages, {narrow} narrow, locked"), budget);
    }
}

fn measure_hard_shapes() {
    let second = Duration::from_secs(1);
    for holes in [4, 6, 8, 10] {
        pigeons(holes).measure(&format!("{} pigeons, {holes} holes", holes + 1), second);
    }
    for count in [20, 100, 300] {
        staircase(count).measure(&format!("staircase of {count}"), second);
    }
    for count in [50, 200] {
        random(count, 1).measure(&format!("{count} random packages, narrow"), second);
        random(count, 2).measure(&format!("{count} random packages, wider"), second);
    }
    diamonds(14).measure("14 diamonds, each version in a scope", second);
}

struct World {
    facts: Facts,
    roots: Vec<Root>,
    preferred: Preferred,
}

impl World {
    fn new() -> Self {
        Self {
            facts: Facts::default(),
            roots: Vec::new(),
            preferred: Preferred::default(),
        }
    }

    fn publish(&mut self, name: &str, version: Version, demands: Vec<Demand>) {
        let candidate = Candidate {
            version,
            demands,
            size: None,
            is_yanked: false,
            published: None,
            artifacts: Vec::new(),
        };
        self.facts
            .add(&subject(name), &Requirement::any(), vec![candidate]);
    }

    fn ask(&mut self, demand: Demand) {
        self.roots.push(Root {
            by: Arc::from("app"),
            demand,
            is_member: true,
        });
    }

    /// The best of several runs.
    fn measure(&self, name: &str, budget: Duration) -> Solved {
        let answered = BTreeSet::new();
        let problem = Problem {
            facts: &self.facts,
            roots: &self.roots,
            preferred: &self.preferred,
            admits: &|_, candidate| match candidate.is_yanked {
                true => Err("is yanked".to_owned()),
                false => Ok(()),
            },
            answered: &answered,
        };
        let mut best = Duration::MAX;
        let mut solved = None;
        let started = Instant::now();
        while solved.is_none() || started.elapsed() < Duration::from_secs(1) {
            let start = Instant::now();
            let answer = solve(&problem);
            best = best.min(start.elapsed());
            solved = Some(answer);
        }
        let solved = solved.expect("one run at least");
        let milliseconds = |time: Duration| format!("{:.1} ms", time.as_secs_f64() * 1e3);
        let verdict = if best > budget { "  over budget" } else { "" };
        println!(
            "{name:<37} {:>9} {:>9}  {}{verdict}",
            milliseconds(best),
            milliseconds(budget),
            outline(&solved),
        );
        solved
    }
}

fn outline(solved: &Solved) -> String {
    match solved {
        Solved::Solution(solution) => format!("{} versions", solution.chosen().len()),
        Solved::Lacking(demands, _) => format!("{} facts are lacking", demands.len()),
        Solved::Conflict(conflict) => format!(
            "a conflict of {} requirements",
            conflict.links.len() + conflict.others.len()
        ),
        Solved::TooHard(too_hard) => format!("given up after {} steps", too_hard.steps),
    }
}

/// One more pigeon than holes: a pigeon has a version for each hole, and no two fit into one.
fn pigeons(holes: usize) -> World {
    let mut world = World::new();
    for pigeon in 0..=holes {
        for hole in 1..=holes {
            let pairs = (0..=holes).filter(|other| *other != pigeon).map(|other| {
                let pair = format!("hole{hole}-{}-{}", pigeon.min(other), pigeon.max(other));
                let side = 1 + usize::from(pigeon > other);
                demand(&pair, &format!("=1.{side}.0"), None)
            });
            let pairs = pairs.collect();
            world.publish(
                &format!("pigeon{pigeon}"),
                Version::new(1, hole as u64, 0),
                pairs,
            );
            for other in pigeon + 1..=holes {
                for side in 1..=2 {
                    let pair = format!("hole{hole}-{pigeon}-{other}");
                    world.publish(&pair, Version::new(1, side, 0), Vec::new());
                }
            }
        }
        world.ask(demand(&format!("pigeon{pigeon}"), "*", None));
    }
    world
}

/// Each version asks for the same version of the next package or an older one; the last has none that is old enough.
fn staircase(count: usize) -> World {
    let mut world = World::new();
    for number in 0..count {
        for version in 0..20 {
            let next = format!("step{}", number + 1);
            let asks = demand(&next, &format!("<=1.{version}.0"), None);
            world.publish(
                &format!("step{number}"),
                Version::new(1, version, 0),
                vec![asks],
            );
        }
    }
    world.publish(&format!("step{count}"), Version::new(1, 20, 0), Vec::new());
    world.ask(demand("step0", "*", None));
    world
}

/// Each of ten versions of a package asks for a few versions of others: too much, or nearly.
fn random(count: usize, width: usize) -> World {
    let mut world = World::new();
    let mut random = Random(count as u64 * 31 + width as u64);
    for number in 0..count {
        for version in 0..10 {
            let demands = (0..4).map(|_| {
                let other = random.between(0, count - 1);
                let least = random.between(0, 9);
                let text = format!(">=1.{least}.0, <=1.{}.0", least + width);
                demand(&format!("random{other}"), &text, None)
            });
            let demands = demands.collect();
            world.publish(
                &format!("random{number}"),
                Version::new(1, version, 0),
                demands,
            );
        }
    }
    for number in 0..3 {
        world.ask(demand(&format!("random{number}"), "*", None));
    }
    world
}

/// Every package asks for the next two, and each answer opens a scope: two to the power of their number.
fn diamonds(count: usize) -> World {
    let mut world = World::new();
    for number in 0..count {
        let asks = (1..=2).map(|next| {
            demand(
                &format!("diamond{}", number + next),
                "*",
                Some(Versions::Any),
            )
        });
        world.publish(
            &format!("diamond{number}"),
            Version::new(1, 0, 0),
            asks.collect(),
        );
    }
    for number in count..count + 2 {
        world.publish(
            &format!("diamond{number}"),
            Version::new(1, 0, 0),
            Vec::new(),
        );
    }
    world.ask(demand("diamond0", "*", Some(Versions::Any)));
    world
}

fn subject(name: &str) -> Subject {
    Subject {
        label: Arc::from(name),
        origin: Arc::from("index"),
    }
}

fn demand(name: &str, requirement: &str, versions: Option<Versions>) -> Demand {
    Demand {
        subject: subject(name),
        requirement: Requirement::parse(requirement).expect("a requirement"),
        versions,
        is_host: false,
        at: None,
    }
}
