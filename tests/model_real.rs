//! Random graphs and random edits with the binary and a real file system: after each build the outputs are what the
//! sources say, nothing else is there, and another build finds nothing to do. Slow, so small: what is decided is tried
//! thoroughly on an imitated disk (`src/evaluate/model_tests.rs`); here it meets the kernel and a shell.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;
use proptest::test_runner::{Config, FileFailurePersistence, RngAlgorithm, TestRng, TestRunner};

use crate::support::Stage;

const SOURCES: usize = 4;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    File,
    Tree,
    /// It also reads `src/h`, if that is there, and says so in a depfile.
    Scans,
}

#[derive(Clone, Debug)]
struct Step {
    kind: Kind,
    /// Bits: which sources, which steps before it.
    sources: u8,
    inputs: u8,
    flag: u8,
    has_second: bool,
    is_there: bool,
    is_in_library: bool,
}

#[derive(Clone, Debug)]
enum Edit {
    Write(u8, u8),
    /// By renaming over it.
    Swap(u8, u8),
    /// With the time of before.
    Keep(u8, u8),
    /// Whoever reads it fails.
    Break(u8),
    Link(u8, u8),
    Header(Option<u8>),
    DeleteOutput(u8),
    ChangeOutput(u8),
    OutputBecomesDirectory(u8),
    DeleteTarget,
    SetFlag(u8, u8),
    SetKind(u8, Kind),
    ToggleThere(u8),
    ToggleLibrary(u8),
    ToggleSecond(u8),
    ToggleSource(u8, u8),
    ToggleInput(u8, u8),
    ToggleFlavor,
}

/// A signal that wake gets in the middle of a run: from the operation that reads this source.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    None,
    Killed(u8),
    Interrupted(u8),
}

#[derive(Clone, Debug)]
struct Round {
    edits: Vec<Edit>,
    trouble: Trouble,
    again: bool,
}

type Case = (Vec<Step>, Vec<Round>);

/// What becomes of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
enum End {
    /// With this text.
    Made(String),
    Failed,
    Skipped,
}

struct Player {
    stage: Stage,
    /// Builds are observed, and nobody declares the sources that are read.
    is_undeclared: bool,
    steps: Vec<Step>,
    declared: BTreeMap<String, String>,
    is_release: bool,
}

fn source(number: u8) -> String {
    format!("src/s{}", usize::from(number) % SOURCES)
}

impl Step {
    fn name(&self, index: usize) -> String {
        let library = if self.is_in_library { "@lib" } else { "" };
        format!("S{index}{library}")
    }

    /// Relative to its target directory.
    fn outputs(&self, index: usize) -> Vec<String> {
        let mut outputs = match self.kind {
            Kind::Tree => vec![format!("d{index}/a/")],
            _ => vec![format!("d{index}/a")],
        };
        if self.has_second {
            outputs.push(format!("d{index}/b"));
        }
        outputs
    }
}

impl Player {
    fn step(&mut self, number: u8) -> &mut Step {
        let count = self.steps.len();
        &mut self.steps[usize::from(number) % count]
    }

    /// The earlier steps that it uses. What is in the library cannot use what is in the package itself.
    fn used(&self, index: usize) -> Vec<usize> {
        let step = &self.steps[index];
        let used = (0..index).filter(|&other| {
            let maker = &self.steps[other];
            let is_visible = maker.is_in_library || !step.is_in_library;
            step.inputs & (1 << other) != 0 && maker.is_there && is_visible
        });
        used.collect()
    }

    fn sources(&self, index: usize) -> Vec<String> {
        let bits = self.steps[index].sources;
        let numbers = (0..4_u8).filter(|number| bits & (1 << number) != 0);
        numbers.map(source).collect()
    }

    fn declaration(&self, index: usize) -> String {
        let step = &self.steps[index];
        let (mut inputs, hidden) = match self.is_undeclared {
            false => (self.sources(index), String::new()),
            true => (Vec::new(), self.sources(index).join(" ")),
        };
        for other in self.used(index) {
            let maker = &self.steps[other];
            let prefix = match maker.is_in_library && !step.is_in_library {
                true => "lib:",
                false => ":",
            };
            inputs.push(format!("{prefix}{}", maker.outputs(other)[0]));
        }
        let mut outputs = step.outputs(index);
        let first = match step.kind {
            Kind::Tree => "mkdir -p @0; o=@0f",
            _ => "o=@0",
        };
        let header = match step.kind {
            Kind::Scans => {
                outputs.push(format!("d{index}/x.d"));
                format!("; echo x: src/h > @t/d{index}/x.d; test ! -e src/h || cat src/h >> $o")
            }
            _ => String::new(),
        };
        let second = if step.has_second { " && cp $o @1" } else { "" };
        let flag = step.flag;
        let script = format!(
            "{first}; echo {flag} > $o; for i in {hidden} @i; do if test -d $i; then cat $i/f; else cat $i; fi; done >> $o\
             {header}; if grep -q KILL $o; then kill -9 $PPID; exit 1; fi; if grep -q STOP $o; then kill -INT $PPID; \
             exit 1; fi; ! grep -q BAD $o{second}"
        );
        format!(
            "{}: {} -> {} = {script}",
            step.name(index),
            inputs.join(" "),
            outputs.join(" ")
        )
    }

    /// Brings the operations of the stage up to what the steps say.
    fn declare(&mut self) {
        let mut wanted = BTreeMap::new();
        for (index, step) in self.steps.iter().enumerate() {
            if step.is_there {
                wanted.insert(step.name(index), self.declaration(index));
            }
        }
        for name in self
            .declared
            .keys()
            .filter(|name| !wanted.contains_key(*name))
        {
            self.stage.tell(&format!("drop {name}"));
        }
        for (name, declaration) in &wanted {
            if self.declared.get(name) != Some(declaration) {
                self.stage.tell(&format!("op {declaration}"));
            }
        }
        self.declared = wanted;
    }

    fn edit(&mut self, edit: &Edit) {
        match edit {
            Edit::DeleteOutput(_) | Edit::ChangeOutput(_) | Edit::OutputBecomesDirectory(_) => {
                self.edit_output(edit);
            }
            Edit::SetFlag(number, flag) => self.step(*number).flag = *flag,
            Edit::SetKind(number, kind) => self.step(*number).kind = *kind,
            Edit::ToggleThere(number) => self.step(*number).is_there ^= true,
            Edit::ToggleLibrary(number) => self.step(*number).is_in_library ^= true,
            Edit::ToggleSecond(number) => self.step(*number).has_second ^= true,
            Edit::ToggleSource(number, bit) => self.step(*number).sources ^= 1 << (bit % 4),
            Edit::ToggleInput(number, bit) => self.step(*number).inputs ^= 1 << (bit % 4),
            _ => self.edit_file(edit),
        }
    }

    fn edit_file(&mut self, edit: &Edit) {
        let line = match edit {
            Edit::Write(number, text) => format!("file {} v{text}", source(*number)),
            Edit::Swap(number, text) => format!("swap {} v{text}", source(*number)),
            Edit::Keep(number, text) => format!("keep {} v{text}", source(*number)),
            Edit::Break(number) => format!("file {} BAD", source(*number)),
            Edit::Link(number, to) => {
                format!("ln s{} {}", usize::from(*to) % SOURCES, source(*number))
            }
            Edit::Header(Some(text)) => format!("file src/h h{text}"),
            Edit::Header(None) if self.stage.space().exists("src/h") => "rm src/h".to_owned(),
            Edit::DeleteTarget if self.stage.space().exists(".wake/out") => {
                "rm .wake/out".to_owned()
            }
            Edit::ToggleFlavor => {
                self.is_release ^= true;
                format!(
                    "flavor {}",
                    if self.is_release { "Release" } else { "Debug" }
                )
            }
            _ => return,
        };
        self.stage.tell(&line);
        if let Edit::Link(number, _) = edit {
            let path = source(*number);
            if std::fs::read(self.stage.space().path(&path)).is_err() {
                // A circle.
                self.stage.tell(&format!("rm {path}\nfile {path} v0"));
            }
        }
    }

    fn edit_output(&mut self, edit: &Edit) {
        let (Edit::DeleteOutput(number)
        | Edit::ChangeOutput(number)
        | Edit::OutputBecomesDirectory(number)) = edit
        else {
            return;
        };
        let index = usize::from(*number) % self.steps.len();
        let step = &self.steps[index];
        let library = if step.is_in_library { "lib:" } else { "" };
        let path = format!("{library}{}", step.outputs(index)[0].trim_end_matches('/'));
        let made = self.stage.made(&path);
        match edit {
            _ if made.symlink_metadata().is_err() => {}
            Edit::DeleteOutput(_) => {
                self.stage.tell(&format!("outrm {path}"));
            }
            Edit::ChangeOutput(_) if made.is_file() => {
                self.stage.tell(&format!("out {path} by hand"));
            }
            Edit::OutputBecomesDirectory(_) if made.is_file() => {
                self.stage.tell(&format!("outrm {path}\noutdir {path}"));
            }
            _ => {}
        }
    }

    /// What each step comes to, by reading the sources.
    fn ends(&self) -> Vec<Option<End>> {
        let read = |path: &str| std::fs::read_to_string(self.stage.space().path(path));
        let mut ends: Vec<Option<End>> = Vec::new();
        for (index, step) in self.steps.iter().enumerate() {
            if !step.is_there {
                ends.push(None);
                continue;
            }
            let mut text = format!("{}\n", step.flag);
            for path in self.sources(index) {
                text.push_str(&read(&path).unwrap());
            }
            let mut is_skipped = false;
            for other in self.used(index) {
                match &ends[other] {
                    Some(End::Made(made)) => text.push_str(made),
                    _ => is_skipped = true,
                }
            }
            if step.kind == Kind::Scans {
                text.push_str(&read("src/h").unwrap_or_default());
            }
            ends.push(Some(match (is_skipped, text.contains("BAD")) {
                (true, _) => End::Skipped,
                (false, true) => End::Failed,
                (false, false) => End::Made(text),
            }));
        }
        ends
    }

    /// What each build must leave, and what may be there besides.
    fn check_outputs(&mut self, ends: &[Option<End>]) -> Result<(), String> {
        for library in [false, true] {
            let target = self.stage.made(if library { "lib:" } else { "" });
            let mut wanted: BTreeMap<String, String> = BTreeMap::new();
            let mut kept = BTreeSet::new();
            for (index, end) in ends.iter().enumerate() {
                let step = &self.steps[index];
                if step.is_in_library != library {
                    continue;
                }
                for output in step.outputs(index) {
                    match end {
                        Some(End::Made(text)) if output.ends_with('/') => {
                            wanted.insert(format!("{output}f"), text.clone());
                        }
                        Some(End::Made(text)) => {
                            wanted.insert(output, text.clone());
                        }
                        Some(End::Skipped) => {
                            kept.insert(output);
                        }
                        _ => {}
                    }
                }
            }
            let is: BTreeMap<String, String> = files(&target)
                .into_iter()
                .filter(|(path, _)| !kept.iter().any(|kept| Path::new(path).starts_with(kept)))
                .collect();
            if is != wanted {
                return Err(format!(
                    "the outputs are {is:#?}\nand should be {wanted:#?}"
                ));
            }
        }
        Ok(())
    }

    fn build(&mut self) -> crate::support::Run {
        let arguments = [
            "build",
            "-k",
            "0",
            "--no-compile-commands",
            "--events",
            "../events",
            "--explain",
        ];
        self.stage.wake(&arguments)
    }

    fn check_build(&mut self, again: bool) -> Result<(), String> {
        let ends = self.ends();
        let run = self.build();
        let failing: Vec<String> = (0..ends.len())
            .filter(|&index| ends[index] == Some(End::Failed))
            .map(|index| self.steps[index].name(index))
            .collect();
        let code = i32::from(!failing.is_empty());
        if run.status != code || run.failed() != failing {
            let failed = run.failed();
            return Err(format!(
                "exit code {}, failed {failed:?}, and should be {code}, {failing:?}\n{}",
                run.status, run.stderr
            ));
        }
        self.check_outputs(&ends)
            .map_err(|error| format!("{error}\n{}", run.stderr))?;
        if again {
            let run = self.build();
            if run.ran() != failing {
                return Err(format!("{:?} ran again\n{}", run.ran(), run.stderr));
            }
        }
        Ok(())
    }

    /// A build in which wake gets a signal from an operation, if there is one that reads the source.
    fn disturb(&mut self, trouble: Trouble) -> Result<(), String> {
        let (number, word) = match trouble {
            Trouble::None => return Ok(()),
            Trouble::Killed(number) => (number, "KILL"),
            Trouble::Interrupted(number) => (number, "STOP"),
        };
        let path = source(number);
        let before = self.stage.space().read(&path);
        self.stage.tell(&format!("file {path} {word}"));
        let run = self.build();
        self.stage.space().file(&path, before);
        match run.status {
            0 | 1 | 130 | 137 => Ok(()),
            code => Err(format!("exit code {code} after a signal\n{}", run.stderr)),
        }
    }

    fn play((steps, rounds): &Case, number: usize) -> Result<usize, String> {
        let mut player = Self {
            stage: Stage::new(),
            is_undeclared: number % 3 == 2,
            steps: steps.clone(),
            declared: BTreeMap::new(),
            is_release: false,
        };
        if number.is_multiple_of(3) {
            player.stage.tell("no-monitor");
        }
        for number in 0..4 {
            player.stage.tell(&format!("file {} v0", source(number)));
        }
        player.declare();
        player.check_build(true)?;
        for round in rounds {
            round.edits.iter().for_each(|edit| player.edit(edit));
            player.declare();
            player.disturb(round.trouble)?;
            player.check_build(round.again)?;
        }
        Ok(rounds.len())
    }
}

/// All files below a directory; of directories in the place of a file, that they are there.
fn files(target: &Path) -> BTreeMap<String, String> {
    let entries = walkdir::WalkDir::new(target).min_depth(1).into_iter();
    let files = entries
        .flatten()
        .filter(|entry| !entry.file_type().is_dir());
    files
        .map(|entry| {
            let path = entry.path().strip_prefix(target).unwrap();
            let text = std::fs::read_to_string(entry.path()).unwrap_or_default();
            (path.display().to_string(), text)
        })
        .collect()
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![2 => Just(Kind::File), 1 => Just(Kind::Tree), 1 => Just(Kind::Scans)]
}

fn step() -> impl Strategy<Value = Step> {
    let bits = || (any::<u8>(), any::<u8>()).prop_map(|(one, other)| one & other);
    let bools = (prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    (kind(), bits(), any::<u8>(), 0..3_u8, bools).prop_map(
        |(kind, sources, inputs, flag, bools)| Step {
            kind,
            sources,
            inputs,
            flag,
            has_second: bools.0,
            is_there: true,
            is_in_library: bools.1,
        },
    )
}

/// Mostly such as change no declaration: those are dear.
fn edit() -> impl Strategy<Value = Edit> {
    let one = any::<u8>;
    let of_files = prop_oneof![
        6 => (one(), 0..3_u8).prop_map(|(file, text)| Edit::Write(file, text)),
        2 => (one(), 0..3_u8).prop_map(|(file, text)| Edit::Swap(file, text)),
        2 => (one(), 0..3_u8).prop_map(|(file, text)| Edit::Keep(file, text)),
        2 => one().prop_map(Edit::Break),
        2 => (one(), one()).prop_map(|(file, to)| Edit::Link(file, to)),
        2 => prop::option::of(0..3_u8).prop_map(Edit::Header),
        2 => one().prop_map(Edit::DeleteOutput),
        2 => one().prop_map(Edit::ChangeOutput),
        1 => one().prop_map(Edit::OutputBecomesDirectory),
        1 => Just(Edit::DeleteTarget),
        1 => Just(Edit::ToggleFlavor),
    ];
    let of_steps = prop_oneof![
        2 => (one(), 0..3_u8).prop_map(|(step, flag)| Edit::SetFlag(step, flag)),
        2 => (one(), kind()).prop_map(|(step, kind)| Edit::SetKind(step, kind)),
        4 => one().prop_map(Edit::ToggleThere),
        1 => one().prop_map(Edit::ToggleLibrary),
        2 => one().prop_map(Edit::ToggleSecond),
        1 => (one(), one()).prop_map(|(step, bit)| Edit::ToggleSource(step, bit)),
        1 => (one(), one()).prop_map(|(step, bit)| Edit::ToggleInput(step, bit)),
    ];
    prop_oneof![3 => of_files, 1 => of_steps]
}

fn case() -> impl Strategy<Value = Case> {
    let trouble = prop_oneof![
        8 => Just(Trouble::None),
        1 => any::<u8>().prop_map(Trouble::Killed),
        1 => any::<u8>().prop_map(Trouble::Interrupted),
    ];
    let edits = prop::collection::vec(edit(), 1..4);
    let round =
        (edits, trouble, prop::bool::weighted(0.3)).prop_map(|(edits, trouble, again)| Round {
            edits,
            trouble,
            again,
        });
    (
        prop::collection::vec(step(), 2..5),
        prop::collection::vec(round, 8..16),
    )
}

/// How many workspaces there are, each with a dozen rounds of edits and builds.
const CASES: usize = 28;

/// Catches what the imitation of the disk does not have: real stamps, real processes, signals, and everything between
/// the declaration and the operation.
#[test]
fn any_edits_of_real_files_lead_to_what_the_sources_say() {
    let (next, rounds) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let cases = std::env::var("WAKE_MODEL_CASES").ok();
    let cases = cases.and_then(|cases| cases.parse().ok()).unwrap_or(CASES);
    let play = || {
        let numbers = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
        let mut numbers = numbers.take_while(|&number| number < cases);
        numbers.try_for_each(|number| play_one(number, &rounds))
    };
    let played = std::thread::scope(|scope| {
        let players = [scope.spawn(play), scope.spawn(play)];
        players.map(|player| player.join().unwrap())
    });
    let error = played.into_iter().find_map(Result::err);
    assert_eq!(error, None);
    let rounds = rounds.into_inner();
    assert!(rounds >= cases * 8, "only {rounds} rounds");
}

fn play_one(number: usize, rounds: &AtomicUsize) -> Result<(), String> {
    let config = Config {
        cases: 1,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/model_real.txt",
        ))),
        max_shrink_iters: 100,
        ..Config::default()
    };
    let mut seed = [7; 32];
    seed[..8].copy_from_slice(&(number as u64).to_le_bytes());
    let random = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let result = TestRunner::new_with_rng(config, random).run(&case(), |case| {
        let played = Player::play(&case, number).map_err(TestCaseError::fail)?;
        rounds.fetch_add(played, Ordering::Relaxed);
        Ok(())
    });
    result.map_err(|error| format!("case {number}: {error}"))
}
