//! Random graphs and random edits, on the imitated disk, clock and runner: after each build everything must be as a clean
//! build leaves it, nothing else may be touched, and no operation may run without need.
//!
//! `case` says what can happen, `oracle` what must come of it without asking the evaluator. A case that fails is shrunk
//! and printed; its seed is kept in `model_tests/failed.txt`, from where it is tried first.

mod case;
mod oracle;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::test_runner::{
    Config, FileFailurePersistence, RngAlgorithm, TestCaseError, TestRng, TestRunner,
};

use crate::event::Reason;

use super::imitation::{Imitation, TOP};
use super::model::{Heard, Spec, Targets, attempt, preview};
use super::state::State;
use super::{Options, Summary};
use case::{Build, Case, Check, Edit, SOURCES, Step, Trouble, source, specs, targets, tool};
use oracle::{Clean, End, Memories, below, clean_build};

/// What went wrong with a case.
type Verdict = Result<(), String>;

struct Player {
    steps: Vec<Step>,
    world: Imitation,
    state: State,
    story: Vec<String>,
    /// What each source said before it was last changed.
    before: [Option<String>; SOURCES],
    /// Files in target directories that no operation has made.
    foreign: BTreeSet<String>,
    /// Every output of any graph so far.
    made_ever: BTreeSet<String>,
    memories: Memories,
    /// Whether the memories are exact, so that every needless run is a fault.
    is_exact: bool,
    /// Whether wake may not know all that it made.
    has_lost: bool,
    /// Whether a directory could not be removed when it became empty.
    has_failed: bool,
}

impl Player {
    fn new(case: &Case) -> Self {
        let world = Imitation::new(case.tick);
        for (index, text) in case.sources.iter().enumerate() {
            world.edit(&source(index), &text.render(&case.steps));
        }
        for number in 0..2 {
            world.edit(&tool(number), "tool 0");
        }
        Self {
            steps: case.steps.clone(),
            state: State::in_memory(Path::new(TOP)),
            story: Vec::new(),
            before: std::array::from_fn(|index| world.text(&source(index))),
            foreign: BTreeSet::new(),
            made_ever: BTreeSet::new(),
            memories: Memories::default(),
            is_exact: case.tick == 0,
            has_lost: false,
            has_failed: false,
            world,
        }
    }

    fn step(&mut self, number: u8) -> &mut Step {
        let count = self.steps.len();
        &mut self.steps[usize::from(number) % count]
    }

    fn output(&self, number: u8, which: u8) -> String {
        let step = &self.steps[usize::from(number) % self.steps.len()];
        let outputs = step.outputs(targets(false));
        outputs[usize::from(which) % outputs.len()].clone()
    }

    fn edit(&mut self, edit: &Edit) {
        self.story.push(format!("{edit:?}"));
        match edit {
            Edit::Sleep => self.world.sleep(),
            Edit::Jump(by) => {
                self.world.jump(i64::from(*by) * 100);
                self.is_exact = false;
            }
            Edit::Touch(_)
            | Edit::Write(..)
            | Edit::Replace(..)
            | Edit::Secretly(..)
            | Edit::Revert(_)
            | Edit::Delete(_)
            | Edit::Link(..)
            | Edit::Directory(..)
            | Edit::Move(..)
            | Edit::Tool(..) => self.edit_source(edit),
            Edit::DeleteOutput(_)
            | Edit::ChangeOutput(..)
            | Edit::OutputBecomesDirectory(_)
            | Edit::OutputBecomesFile(_)
            | Edit::DeleteTarget
            | Edit::Foreign(_) => self.edit_output(edit),
            _ => self.edit_step(edit),
        }
    }

    fn edit_source(&mut self, edit: &Edit) {
        let index = |number: &u8| usize::from(*number) % SOURCES;
        let world = &self.world;
        let (number, to) = match edit {
            Edit::Touch(number)
            | Edit::Revert(number)
            | Edit::Delete(number)
            | Edit::Write(number, _)
            | Edit::Replace(number, _)
            | Edit::Secretly(number, ..)
            | Edit::Directory(number, _) => (index(number), None),
            Edit::Link(number, to) | Edit::Move(number, to) => (index(number), Some(index(to))),
            Edit::Tool(number, version) => {
                return world.edit(&tool(*number), &format!("tool {version}"));
            }
            _ => return,
        };
        let path = source(number);
        let text = world.text(&path);
        let render = |text: &case::Text| text.render(&self.steps);
        match edit {
            Edit::Touch(_) if text.is_some() => return world.touch(&path),
            Edit::Write(_, new) => world.edit(&path, &render(new)),
            Edit::Replace(_, new) => world.replace(&path, &render(new)),
            Edit::Secretly(_, new, back) if text.is_some() => {
                world.edit_secretly(&path, &render(new), i64::from(*back) * 500);
            }
            Edit::Revert(_) => match self.before[number].clone() {
                Some(before) => world.edit(&path, &before),
                None => world.delete(&path),
            },
            Edit::Delete(_) => world.delete(&path),
            Edit::Directory(_, new) => {
                world.delete(&path);
                world.edit(&format!("{path}/inside"), &render(new));
            }
            Edit::Link(..) => world.link(&path, &source(to.unwrap_or(0))),
            Edit::Move(..) if world.is_there(&path) && to != Some(number) => {
                world.move_over(&path, &source(to.unwrap_or(0)));
            }
            _ => return,
        }
        self.before[number] = text;
    }

    fn edit_output(&mut self, edit: &Edit) {
        match edit {
            Edit::DeleteOutput(number) => self.world.delete(&self.output(*number, 0)),
            Edit::ChangeOutput(number, which) => {
                let output = self.output(*number, *which);
                let path = match output.ends_with('/') {
                    true => format!("{output}leaf0"),
                    false => output,
                };
                if self.world.text(&path).is_some() {
                    self.world.edit(&path, "by hand");
                }
            }
            Edit::OutputBecomesDirectory(number) => {
                let output = self.output(*number, 0);
                if self.world.is_there(&output) && !output.ends_with('/') {
                    self.world.replace_by_directory(&output);
                }
            }
            Edit::OutputBecomesFile(number) => {
                let output = self.output(*number, 0);
                if self.world.is_there(&output) && output.ends_with('/') {
                    self.world.replace(&output, "by hand");
                }
            }
            Edit::DeleteTarget => {
                self.world.delete("out");
                self.foreign.retain(|path| !below(path, "out"));
            }
            Edit::Foreign(number) => {
                let path = format!("out/{}/a", 20 + number);
                if !self.made_ever.contains(&path) {
                    self.world.edit(&path, "foreign");
                    self.foreign.insert(path);
                }
            }
            _ => {}
        }
    }

    fn edit_step(&mut self, edit: &Edit) {
        match *edit {
            Edit::SetFlag(number, flag) => self.step(number).flag = flag,
            Edit::SetEnvironment(number, value) => self.step(number).environment = value,
            Edit::SetStdin(number, value) => self.step(number).stdin = value,
            Edit::SetTool(number, tool) => self.step(number).tool = tool,
            Edit::SetKind(number, kind) => self.step(number).kind = kind,
            Edit::SetScans(number, scans) => self.step(number).scans = scans,
            Edit::ToggleThere(number) => self.step(number).is_there ^= true,
            Edit::ToggleAway(number) => self.step(number).is_away ^= true,
            Edit::ToggleSecond(number) => self.step(number).has_second ^= true,
            Edit::ToggleSource(number, bit) => self.step(number).sources ^= 1 << (bit % 8),
            Edit::ToggleInput(number, bit) => self.step(number).inputs ^= 1 << (bit % 8),
            Edit::ToggleOrderOnly(number, bit) => self.step(number).order_only ^= 1 << (bit % 8),
            Edit::Relax(number, bit) => {
                let (step, bit) = (self.step(number), 1 << (bit % 8));
                let (inputs, order_only) = (step.inputs & bit, step.order_only & bit);
                step.inputs = step.inputs & !bit | order_only;
                step.order_only = step.order_only & !bit | inputs;
            }
            Edit::Swap(one, other) => {
                let (place, other_place) = (self.step(one).place, self.step(other).place);
                self.step(one).place = other_place;
                self.step(other).place = place;
            }
            Edit::Rename(number, place) => {
                let place = 20 + place;
                if self.steps.iter().all(|step| step.place != place) {
                    self.step(number).place = place;
                }
            }
            _ => {}
        }
    }

    /// A new process: what it knows is what is in the log.
    fn reopen(&mut self, log: Vec<u8>) -> bool {
        let (state, is_whole) = State::of_bytes(Path::new(TOP), log).unwrap();
        self.state = state;
        is_whole
    }

    fn specs(&self, build: &Build) -> Vec<Spec> {
        specs(&self.steps, targets(build.is_other_flavor))
    }

    fn check(&self, build: &Build) -> super::Check {
        match build.check {
            // Where two changes can have one time, it is known to overlook some.
            Check::Timestamp if self.world.tick == 0 => super::Check::Timestamp,
            Check::Hash => super::Check::Hash,
            _ => super::Check::Default,
        }
    }

    fn attempt(
        &mut self,
        build: &Build,
        adjust: impl FnOnce(&mut Options),
    ) -> (crate::error::Result<Summary>, Heard) {
        let specs = self.specs(build);
        let outputs = specs.iter().flat_map(|spec| &spec.outputs);
        let outputs = outputs.map(|path| path.trim_end_matches('/').to_owned());
        self.made_ever.extend(outputs);
        self.world.set_pace(&build.pace);
        let targets = targets(build.is_other_flavor);
        let check = self.check(build);
        let ended = attempt(targets, &specs, &mut self.state, &self.world, |options| {
            options.jobs = build.jobs;
            options.check = check;
            adjust(options);
        });
        self.story.push(format!("build: {}", ended.1.tell()));
        ended
    }

    /// A build in which something goes wrong.
    fn disturbed(&mut self, build: &Build, trouble: &Trouble) -> Verdict {
        let log = self.log();
        let begun = log.len();
        if !self.reopen(log) {
            return Err("wake wrote a log that it cannot read".to_owned());
        }
        let (world, log) = (&self.world, self.state.memory());
        let mut keep_going = 0;
        let mut stops_after = None;
        let mut part = 100;
        match trouble {
            Trouble::None => return Ok(()),
            Trouble::StopsAtFailures(failures) => keep_going = *failures,
            Trouble::DiesAfterChanges(changes) => world.die_after_changes(*changes, log),
            Trouble::PowerFails(changes, percent) => {
                world.die_after_changes(*changes, log);
                part = *percent;
            }
            Trouble::DiesInRun(runs) => world.die_after(*runs, &self.state),
            Trouble::StopsInRun(runs) => stops_after = Some(*runs),
            Trouble::Meanwhile(runs, is_early, number, text) => {
                let number = usize::from(*number) % SOURCES;
                let path = source(number);
                self.before[number] = world.text(&path);
                let text = text.as_ref().map(|text| text.render(&self.steps));
                world.meddle(*runs, *is_early, &path, text.as_deref());
            }
            Trouble::Fails(changes, times) => {
                world.fail_after_changes(*changes, *times);
                self.has_failed = true;
            }
        }
        self.story.push(format!("{trouble:?}"));
        let interrupt = super::Interrupt::new().unwrap();
        if let Some(runs) = stops_after {
            world.stop_after(runs, interrupt.clone());
        }
        let (result, heard) = self.attempt(build, |options| {
            options.keep_going = keep_going;
            options.interrupt = interrupt;
        });
        self.memories.doubt();
        no_bug(&heard)?;
        if let (Err(error), Trouble::StopsAtFailures(_) | Trouble::Meanwhile(..)) =
            (&result, trouble)
        {
            return Err(format!("the build failed: {error}"));
        }
        let is_whole = match self.world.revive() {
            None => true,
            Some(mut log) => {
                let length = begun + log.len().saturating_sub(begun) * part / 100;
                log.truncate(length);
                self.has_lost |= part < 100;
                self.reopen(log) || part < 100
            }
        };
        // What was in the way of an operation that was killed is lost, as it would be had it succeeded.
        let world = &self.world;
        self.foreign
            .retain(|path| world.text(path).as_deref() == Some("foreign"));
        match is_whole {
            true => Ok(()),
            false => Err("a log cut between two entries cannot be read".to_owned()),
        }
    }

    fn log(&self) -> Vec<u8> {
        self.state.memory().lock().unwrap().clone()
    }

    /// A build that is looked at from all sides. `is_exact`: no operation may run without need.
    fn undisturbed(&mut self, build: &Build, is_exact: bool) -> Verdict {
        let specs = self.specs(build);
        let (targets, others) = (
            targets(build.is_other_flavor),
            targets(!build.is_other_flavor),
        );
        let foreign = match build.is_other_flavor {
            false => self.foreign.clone(),
            true => BTreeSet::new(),
        };
        let clean = clean_build(&specs, &self.world, targets, &foreign, &mut self.memories);
        let untouched = |world: &Imitation| {
            ["src", others[0], others[1]].map(|directory| world.tree(directory))
        };
        let before = untouched(&self.world);
        let log = self.log();
        if !self.reopen(log) {
            return Err("wake wrote a log that it cannot read".to_owned());
        }
        // A preview looks at files, and what was seen is known to the build after it: not before each.
        let foreseen = build.jobs.is_multiple_of(2).then(|| {
            let check = self.check(build);
            preview(targets, &specs, &mut self.state, &self.world, check)
        });
        let (result, heard) = self.attempt(build, |_| {});
        no_bug(&heard)?;
        result.map_err(|error| format!("the build failed: {error}"))?;
        foreseen.map_or(Ok(()), |foreseen| check_foreseen(&foreseen, &heard))?;
        compare("what is no output", &untouched(&self.world), &before)?;
        let mut private = self.world.tree(".wake/tmp");
        private.remove(".wake/tmp/");
        compare("what is left in `.wake/tmp`", &private, &BTreeMap::new())?;
        check_ends(&specs, &clean, &heard)?;
        self.check_files(&specs, &clean, targets)?;
        if is_exact {
            let ran: BTreeSet<String> = heard.ran().into_iter().collect();
            let needless: Vec<&String> = ran.difference(&clean.due).collect();
            compare("what ran without need", &needless, &Vec::new())?;
        }
        for (spec, end) in specs.iter().zip(&clean.ends) {
            for output in spec.outputs.iter().filter(|_| *end == End::Made) {
                self.foreign.remove(output.trim_end_matches('/'));
            }
        }
        Ok(())
    }

    /// Files and directories are those that a clean build leaves; only what was not tried keeps what it has.
    fn check_files(&self, specs: &[Spec], clean: &Clean, targets: Targets<'_>) -> Verdict {
        let ended = |end: End| {
            let ends = specs.iter().zip(&clean.ends);
            ends.filter(move |(_, other)| **other == end)
                .map(|(spec, _)| spec)
        };
        let is_of = |path: &str, spec: &Spec| {
            let mut outputs = spec.outputs.iter().chain(&spec.depfile);
            outputs.any(|output| below(path, output))
        };
        let makes = |path: &str, spec: &Spec| {
            let mut outputs = spec.outputs.iter();
            outputs.any(|output| below(path, output))
        };
        let is_open = |path: &str| {
            let mut untried = ended(End::Skipped).chain(ended(End::Refused));
            untried.any(|spec| is_of(path, spec))
                || self.has_lost && !ended(End::Made).any(|spec| makes(path, spec))
        };
        for target in targets {
            let files = |world: &Imitation| -> BTreeMap<String, String> {
                let tree = world.tree(target).into_iter();
                tree.filter(|(path, _)| !path.ends_with('/') && !is_open(path))
                    .map(|(path, text)| (path, String::from_utf8_lossy(&text).into_owned()))
                    .collect()
            };
            compare("the outputs", &files(&self.world), &files(&clean.world))?;
            let leads_somewhere = |directory: &str| {
                let mut outputs = specs.iter().flat_map(|spec| &spec.outputs);
                let mut foreign = self.foreign.iter();
                outputs.any(|output| below(output, directory) || below(directory, output))
                    || foreign.any(|file| below(file, directory))
            };
            let tree = self.world.tree(target);
            let empty = tree
                .keys()
                .filter(|path| path.ends_with('/') && path.trim_end_matches('/') != target)
                .find(|path| !leads_somewhere(path));
            if let Some(path) = empty.filter(|_| !self.has_lost && !self.has_failed) {
                return Err(format!("`{path}` is left, and nothing is in it"));
            }
        }
        Ok(())
    }

    /// Where a file is as new as the operation that was first seen to read it, by its time, wake may run that once more,
    /// to be sure; then never again.
    fn again(&mut self, build: &Build) -> Verdict {
        self.story.push("again".to_owned());
        if !self.is_exact {
            self.world.sleep();
            self.undisturbed(build, false)?;
            self.world.sleep();
        }
        let specs = self.specs(build);
        let targets = targets(build.is_other_flavor);
        let clean = clean_build(
            &specs,
            &self.world,
            targets,
            &self.foreign.clone(),
            &mut self.memories,
        );
        let ends = specs.iter().zip(&clean.ends);
        let failing: BTreeSet<String> = ends
            .filter(|(_, end)| **end == End::Failed)
            .map(|(spec, _)| spec.title.clone())
            .collect();
        let log = self.log();
        self.reopen(log);
        let (result, heard) = self.attempt(build, |_| {});
        result.map_err(|error| format!("the build failed: {error}"))?;
        let ran: BTreeSet<String> = heard.ran().into_iter().collect();
        let again: Vec<&String> = ran.difference(&failing).collect();
        compare("what ran again", &again, &Vec::new())
    }

    fn play(&mut self, case: &Case) -> Verdict {
        let first = Build {
            jobs: 1,
            pace: Vec::new(),
            is_other_flavor: false,
            check: Check::Default,
        };
        self.undisturbed(&first, self.is_exact)?;
        for round in &case.rounds {
            round.edits.iter().for_each(|edit| self.edit(edit));
            self.disturbed(&round.build, &round.trouble)?;
            // A stamp that stands for a content is another content than that which was read.
            self.is_exact &= round.build.check != Check::Timestamp;
            self.undisturbed(&round.build, self.is_exact)?;
            if round.again {
                self.again(&round.build)?;
            }
        }
        Ok(())
    }
}

fn no_bug(heard: &Heard) -> Verdict {
    match heard.tell().contains("a bug in wake") {
        true => Err("a bug in wake".to_owned()),
        false => Ok(()),
    }
}

fn compare<T: PartialEq + std::fmt::Debug>(what: &str, is: &T, should: &T) -> Verdict {
    match is == should {
        true => Ok(()),
        false => Err(format!("{what}: {is:#?}\nand should be {should:#?}")),
    }
}

/// Failed is what fails in a clean build, and skipped what is skipped there.
fn check_ends(specs: &[Spec], clean: &Clean, heard: &Heard) -> Verdict {
    let titles = |end: End| -> BTreeSet<String> {
        let ends = specs.iter().zip(&clean.ends);
        ends.filter(|(_, other)| **other == end)
            .map(|(spec, _)| spec.title.clone())
            .collect()
    };
    let told = |titles: Vec<String>| titles.into_iter().collect();
    let mut failed = titles(End::Failed);
    failed.extend(titles(End::Refused));
    compare("what failed", &told(heard.failed()), &failed)?;
    compare(
        "what was skipped",
        &told(heard.skipped()),
        &titles(End::Skipped),
    )
}

fn verdict(case: &Case) -> Result<(), TestCaseError> {
    let mut player = Player::new(case);
    player
        .play(case)
        .map_err(|cause| TestCaseError::fail(format!("{cause}\n{}", player.story.join("\n"))))
}

/// Where the seeds of failed cases are kept.
const FAILED: &str = "src/evaluate/model_tests/failed.txt";

/// How many series of cases there are, each from a seed of its own: whoever has time takes the next one, so what is tried
/// does not depend on the machine.
const SERIES: usize = 40;

#[expect(
    clippy::disallowed_methods,
    reason = "the number of cases is for whoever runs the tests"
)]
fn wanted(variable: &str, default: usize) -> usize {
    let value = std::env::var(variable).ok();
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Plays cases of a series; returns how many were played to their ends.
fn play_series(series: usize, cases: usize) -> usize {
    let config = Config {
        cases: u32::try_from(cases).unwrap(),
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(FAILED))),
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&(series as u64).to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let played = AtomicUsize::new(0);
    let result = TestRunner::new_with_rng(config, random).run(&case::case(), |case| {
        verdict(&case)?;
        played.fetch_add(1, Ordering::Relaxed);
        Ok(())
    });
    if let Err(error) = result {
        panic!("series {series}: {error}");
    }
    played.into_inner()
}

/// What ran was foreseen, and what was foreseen for certain ran, or was not started.
fn check_foreseen(foreseen: &[(String, Reason)], heard: &Heard) -> Verdict {
    let (ran, skipped, failed) = (heard.ran(), heard.skipped(), heard.failed());
    let is_foreseen = |title: &&String| foreseen.iter().any(|(step, _)| step == *title);
    let missed: Vec<&String> = ran.iter().filter(|title| !is_foreseen(title)).collect();
    compare("what ran and was not foreseen", &missed, &Vec::new())?;
    let is_certain = |reason: &Reason| !matches!(reason, Reason::InputMayChange { .. });
    let was_tried = |title: &String| {
        [&ran, &skipped, &failed]
            .iter()
            .any(|all| all.contains(title))
    };
    let wrong = foreseen
        .iter()
        .filter(|(title, reason)| is_certain(reason) && !was_tried(title));
    let wrong: Vec<&String> = wrong.map(|(title, _)| title).collect();
    compare("what was foreseen and did not run", &wrong, &Vec::new())
}

/// Catches anything that makes an incremental build differ from a clean one. For long:
/// `WAKE_MODEL_CASES=200000 WAKE_MODEL_SEED=1000 cargo test --release any_edits`.
#[test]
fn any_edits_lead_to_what_a_clean_build_leaves() {
    let cases = wanted("WAKE_MODEL_CASES", 10_000);
    let first = wanted("WAKE_MODEL_SEED", 0);
    let (next, played) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let series = next.fetch_add(1, Ordering::Relaxed);
                    if series >= SERIES {
                        break;
                    }
                    let count = play_series(first + series, cases.div_ceil(SERIES));
                    played.fetch_add(count, Ordering::Relaxed);
                }
            });
        }
    });
    let played = played.into_inner();
    assert!(played >= cases, "{played} of {cases} cases were played");
}
