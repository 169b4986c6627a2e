//! Random graphs and random edits against a clean build, on the imitated disk, clock and runner.

use std::path::Path;

use crate::event::Reason;

use super::imitation::{Imitation, TOP};
use super::model::{Spec, build, preview};
use super::state::State;

/// A small generator: the same seed gives the same case on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 11).unwrap() % bound
    }

    fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }
}

const SOURCES: usize = 5;

/// One operation of the model; positions of others are smaller than its own.
#[derive(Clone)]
struct Step {
    sources: Vec<usize>,
    inputs: Vec<usize>,
    order_only: Vec<usize>,
    scans: bool,
    is_tree: bool,
    two_outputs: bool,
    flag: usize,
    is_there: bool,
    /// It belongs to the other instance.
    is_away: bool,
}

fn source(index: usize) -> String {
    format!("src/s{index}")
}

/// Where a step writes.
fn place(index: usize, step: &Step) -> String {
    let target = if step.is_away { "away" } else { "out" };
    format!("{target}/{index}")
}

fn outputs(index: usize, step: &Step) -> Vec<String> {
    let place = place(index, step);
    let first = if step.is_tree { "a/" } else { "a" };
    let mut outputs = vec![format!("{place}/{first}")];
    if step.two_outputs {
        outputs.push(format!("{place}/b"));
    }
    outputs
}

fn random_steps(random: &mut Random) -> Vec<Step> {
    let count = 2 + random.below(6);
    let mut steps = Vec::new();
    for index in 0..count {
        let mut some = |bound: usize, percent| -> Vec<usize> {
            (0..bound).filter(|_| random.chance(percent)).collect()
        };
        let (sources, inputs, order_only) = (some(SOURCES, 25), some(index, 35), some(index, 15));
        steps.push(Step {
            sources,
            inputs,
            order_only,
            scans: random.chance(50),
            is_tree: random.chance(20),
            two_outputs: random.chance(30),
            flag: 0,
            is_there: true,
            is_away: random.chance(30),
        });
    }
    steps
}

fn specs(steps: &[Step]) -> Vec<Spec> {
    let made = |list: &[usize]| -> Vec<String> {
        let there = list.iter().filter(|&&index| steps[index].is_there);
        there
            .flat_map(|&index| outputs(index, &steps[index]))
            .collect()
    };
    let there = steps.iter().enumerate().filter(|(_, step)| step.is_there);
    there
        .map(|(index, step)| {
            let mut inputs: Vec<String> = step.sources.iter().map(|&s| source(s)).collect();
            inputs.extend(made(&step.inputs));
            let order_only = made(&step.order_only);
            let verb = if step.scans { "scan" } else { "read" };
            let path = |path: &String| format!("{TOP}/{path}");
            let mut arguments = vec![format!("flag:{}", step.flag)];
            arguments.extend(inputs.iter().map(|input| format!("{verb}:{}", path(input))));
            if !step.scans {
                arguments.extend(
                    order_only
                        .iter()
                        .map(|input| format!("read:{}", path(input))),
                );
            }
            for output in outputs(index, step) {
                let verb = if output.ends_with('/') {
                    "tree"
                } else {
                    "write"
                };
                arguments.push(format!("{verb}:{}", path(&output)));
            }
            let depfile = step.scans.then(|| format!("{}/deps", place(index, step)));
            arguments.extend(depfile.iter().map(|file| format!("depfile:{}", path(file))));
            Spec {
                title: format!("step {index}"),
                arguments,
                inputs,
                order_only,
                outputs: outputs(index, step),
                depfile,
                ..Spec::default()
            }
        })
        .collect()
}

/// A text for a source: a few letters, sometimes an include, sometimes one that makes its readers fail.
fn random_text(random: &mut Random, steps: &[Step]) -> String {
    let mut text = format!("v{}", random.below(3));
    if random.chance(30) {
        text.push_str(&format!(" @{}", source(random.below(SOURCES))));
    }
    if random.chance(12) {
        let index = random.below(steps.len());
        let inside = if steps[index].is_tree { "leaf0" } else { "" };
        text.push_str(&format!(" @{}{inside}", outputs(index, &steps[index])[0]));
    }
    if random.chance(7) {
        text.push_str(" ERROR");
    }
    if random.chance(25) {
        text.push_str(" COARSE");
    }
    text
}

fn clean_build(steps: &[Step], world: &Imitation) -> Imitation {
    let clean = Imitation::new(0);
    for index in 0..SOURCES {
        if let Some(text) = world.text(&source(index)) {
            clean.edit(&source(index), &text);
        }
    }
    clean.sleep();
    let mut state = State::in_memory(Path::new(TOP));
    build(&specs(steps), &mut state, &clean, |_| {});
    clean
}

struct Case {
    random: Random,
    seed: u64,
    steps: Vec<Step>,
    world: Imitation,
    state: State,
    story: Vec<String>,
    /// Operations that the last build did not come to, because something they need failed: they keep what they have.
    skipped: Vec<String>,
}

impl Case {
    fn new(seed: u64) -> Self {
        let mut random = Random(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1);
        let steps = random_steps(&mut random);
        let world = Imitation::new(if random.chance(40) { 50 } else { 0 });
        for index in 0..SOURCES {
            let text = random_text(&mut random, &steps);
            world.edit(&source(index), &text);
        }
        Self {
            random,
            seed,
            steps,
            world,
            state: State::in_memory(Path::new(TOP)),
            story: Vec::new(),
            skipped: Vec::new(),
        }
    }

    /// One edit. Returns whether a build after it must run nothing if everything was up to date.
    fn edit(&mut self) -> bool {
        let file = source(self.random.below(SOURCES));
        let index = self.random.below(self.steps.len());
        let output = outputs(index, &self.steps[index])[0].clone();
        let choice = self.random.below(12);
        self.story
            .push(format!("edit {choice}: {file} or {output}"));
        match choice {
            0 => self.world.touch(&file),
            1 => self.steps[index].flag = self.random.below(3),
            2 => self.world.delete(output.trim_end_matches('/')),
            3 if !output.ends_with('/') && self.world.text(&output).is_some() => {
                self.world.edit(&output, "by hand");
            }
            4 => self.steps[index].is_there = !self.steps[index].is_there,
            5 => {
                let text = self.world.text(&file).unwrap_or_default();
                let other = if text.starts_with("v1") { "v2" } else { "v1" };
                let text = text.replacen(&text[..2], other, 1);
                self.world.edit_secretly(&file, &text, 0);
            }
            6 => self.steps[index].two_outputs = !self.steps[index].two_outputs,
            7 => self.world.sleep(),
            8 => self.steps[index].is_away = !self.steps[index].is_away,
            // A file becomes a directory of the same name, or the reverse.
            9 => self.steps[index].is_tree = !self.steps[index].is_tree,
            _ => {
                let text = random_text(&mut self.random, &self.steps);
                self.world.edit(&file, &text);
            }
        }
        matches!(choice, 0 | 7)
    }

    fn build(&mut self) -> (super::Summary, Vec<String>) {
        self.build_with(|_| {})
    }

    fn build_with(
        &mut self,
        adjust: impl FnOnce(&mut super::Options),
    ) -> (super::Summary, Vec<String>) {
        let (specs, jobs) = (specs(&self.steps), 1 + 2 * self.random.below(2));
        let (summary, heard) = build(&specs, &mut self.state, &self.world, |options| {
            options.jobs = jobs;
            adjust(options);
        });
        self.skipped = heard.skipped();
        self.story.push(format!("build: {}", heard.tell()));
        (summary, heard.ran())
    }

    /// A build of which it was foretold what it runs: all that runs, and nothing for sure that does not.
    fn foretold_build(&mut self) {
        let steps = preview(&specs(&self.steps), &mut self.state, &self.world);
        let (_, ran) = self.build();
        let is_certain = |reason: &Reason| !matches!(reason, Reason::InputMayChange { .. });
        let missed = ran
            .iter()
            .find(|title| steps.iter().all(|(step, _)| step != *title));
        let wrong = steps.iter().find(|(title, reason)| {
            is_certain(reason) && !ran.contains(title) && !self.skipped.contains(title)
        });
        assert!(
            missed.is_none() && wrong.is_none(),
            "seed {}: {missed:?} was not foretold, {wrong:?} did not run\n{}",
            self.seed,
            self.story.join("\n")
        );
    }

    /// A build in which something goes wrong: it stops at the first failure, the process dies, or a file is edited in
    /// the middle.
    fn disturbed_build(&mut self) {
        if self.random.chance(20) {
            self.build_with(|options| options.keep_going = 1);
            return;
        }
        if self.random.chance(50) {
            let runs = self.random.below(3);
            self.world.die_after(runs, &self.state);
        } else {
            let file = source(self.random.below(SOURCES));
            let text = random_text(&mut self.random, &self.steps);
            self.story.push(format!("meanwhile {file}: {text}"));
            self.world.edit_meanwhile(&file, &text);
        }
        self.build();
        if let Some(log) = self.world.revive() {
            self.story.push("died".to_owned());
            let (state, is_whole) = State::of_bytes(Path::new(TOP), log).unwrap();
            assert!(is_whole);
            self.state = state;
        }
    }

    fn check_against_clean(&mut self) {
        let clean = clean_build(&self.steps, &self.world);
        self.compare(&clean, "out");
        self.compare(&clean, "away");
    }

    fn compare(&self, clean: &Imitation, target: &str) {
        let (clean, here) = (clean.tree(target), self.world.tree(target));
        let files = |tree: &std::collections::BTreeMap<String, Vec<u8>>| -> Vec<(String, Vec<u8>)> {
            let kept = |path: &String| {
                let owners = self.skipped.iter();
                let mut places =
                    owners.map(|title| title.replace("step ", &format!("{target}/")) + "/");
                places.any(|place| path.starts_with(&place))
            };
            let files = tree
                .iter()
                .filter(|(path, _)| !path.ends_with('/') && !kept(path));
            files
                .map(|(path, text)| (path.clone(), text.clone()))
                .collect()
        };
        assert_eq!(
            files(&here),
            files(&clean),
            "seed {}: not what a clean build leaves\n{}",
            self.seed,
            self.story.join("\n")
        );
    }

    fn check_nothing_runs(&mut self) {
        // In the same tick as an edit wake may run once more, to be sure; not after it.
        self.world.sleep();
        if self.world.tick > 0 {
            self.build();
            self.world.sleep();
        }
        let (summary, ran) = self.build();
        assert_eq!(
            summary.ran,
            0,
            "seed {}: {ran:?} ran again\n{}",
            self.seed,
            self.story.join("\n")
        );
    }

    fn run(&mut self) {
        self.build();
        self.check_against_clean();
        for _ in 0..5 {
            let edits = 1 + self.random.below(2);
            for _ in 0..edits {
                self.edit();
            }
            if self.random.chance(25) {
                self.disturbed_build();
            }
            // A preview looks at files, and what was seen is known to the build after it: not before each.
            if self.seed.is_multiple_of(2) {
                self.foretold_build();
            } else {
                self.build();
            }
            self.check_against_clean();
            if self.random.chance(40) {
                self.check_nothing_runs();
            }
        }
    }
}

/// Catches anything that makes an incremental build differ from a clean one. For long:
/// `WAKE_MODEL_CASES=20000 cargo test --release any_edits`.
#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the number of cases is for whoever runs the tests"
)]
fn any_edits_lead_to_what_a_clean_build_leaves() {
    let cases = std::env::var("WAKE_MODEL_CASES")
        .ok()
        .and_then(|cases| cases.parse().ok())
        .unwrap_or(600);
    for seed in 1..=cases {
        Case::new(seed).run();
    }
}
