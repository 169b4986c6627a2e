//! What a case of the model is made of: plain values that can be made at random, shrunk and written down. Numbers that
//! point to a source or a step are taken modulo how many there are, so that every value means something.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::imitation::TOP;
use super::super::model::{Spec, TARGETS, Targets};
use crate::graph::Action;

pub(super) const SOURCES: usize = 5;
const TOOLS: u8 = 2;

/// A workspace, and what happens to it.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// How many changes of the disk share a time; 0: none.
    pub(super) tick: i64,
    pub(super) steps: Vec<Step>,
    pub(super) sources: Vec<Text>,
    pub(super) rounds: Vec<Round>,
}

/// Some edits, then a build.
#[derive(Clone, Debug)]
pub(super) struct Round {
    pub(super) edits: Vec<Edit>,
    pub(super) trouble: Trouble,
    pub(super) build: Build,
    /// Whether another build follows, which must find nothing to do.
    pub(super) again: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Build {
    pub(super) jobs: usize,
    /// How long operations take, in turn.
    pub(super) pace: Vec<u8>,
    /// Into the target directories of the other flavor.
    pub(super) is_other_flavor: bool,
    pub(super) check: Check,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Check {
    Default,
    Hash,
    Timestamp,
}

/// A build before the one that is looked at, in which something goes wrong.
#[derive(Clone, Debug)]
pub(super) enum Trouble {
    None,
    /// It stops after so many failures.
    StopsAtFailures(usize),
    /// Wake is killed after so many changes of the disk.
    DiesAfterChanges(usize),
    /// The same, and of what this build wrote to its log only a part, in percent, has reached the disk.
    PowerFails(usize, usize),
    /// Wake is killed in the middle of a run, after so many.
    DiesInRun(usize),
    /// It is asked to stop in the middle of a run, after so many.
    StopsInRun(usize),
    /// A source is edited or deleted in a run, after so many: before it reads, or after that.
    Meanwhile(usize, bool, u8, Option<Text>),
    /// After so many changes of the disk, so many fail.
    Fails(usize, usize),
}

/// What a source says.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) version: u8,
    pub(super) includes: Option<u8>,
    pub(super) includes_output: Option<u8>,
    /// Whoever reads it fails.
    pub(super) fails: bool,
    /// Whoever reads it has one of two results.
    pub(super) is_coarse: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Tree,
    /// One file, from standard output.
    Stdout,
    /// Written by wake itself.
    Write,
    /// Of its first source, by wake itself.
    Copy,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    None,
    Source(u8),
    /// What another step makes.
    Made(u8),
}

/// One operation. It can use the outputs of those before it.
#[derive(Clone)]
pub(super) struct Step {
    pub(super) kind: Kind,
    /// Bits: which sources, which steps.
    pub(super) sources: u8,
    pub(super) inputs: u8,
    pub(super) order_only: u8,
    /// It has a depfile; 2: which is one of its outputs.
    pub(super) scans: u8,
    pub(super) has_second: bool,
    pub(super) flag: u8,
    pub(super) environment: u8,
    pub(super) stdin: u8,
    pub(super) tool: Tool,
    /// Which directory it writes to: unique among the steps.
    pub(super) place: u8,
    pub(super) is_there: bool,
    /// It belongs to the other instance.
    pub(super) is_away: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Edit {
    Sleep,
    Jump(i8),
    Touch(u8),
    Write(u8, Text),
    /// By a new file that is renamed over the old one.
    Replace(u8, Text),
    /// Its mtime stays, or becomes older.
    Secretly(u8, Text, u8),
    /// To what it was before the latest change of it.
    Revert(u8),
    Delete(u8),
    Link(u8, u8),
    /// It becomes a directory with a file in it.
    Directory(u8, Text),
    /// One is renamed over another.
    Move(u8, u8),
    Tool(u8, u8),
    /// By hand: an output is deleted, edited, and becomes a directory or a file.
    DeleteOutput(u8),
    ChangeOutput(u8, u8),
    OutputBecomesDirectory(u8),
    OutputBecomesFile(u8),
    DeleteTarget,
    /// A file that nobody knows, where a step may write later.
    Foreign(u8),
    SetFlag(u8, u8),
    SetEnvironment(u8, u8),
    SetStdin(u8, u8),
    SetTool(u8, Tool),
    SetKind(u8, Kind),
    SetScans(u8, u8),
    ToggleThere(u8),
    ToggleAway(u8),
    ToggleSecond(u8),
    ToggleSource(u8, u8),
    ToggleInput(u8, u8),
    ToggleOrderOnly(u8, u8),
    /// An input becomes order-only, or the reverse.
    Relax(u8, u8),
    /// Two steps exchange their places.
    Swap(u8, u8),
    /// To a place where nobody wrote before.
    Rename(u8, u8),
}

pub(super) fn source(index: usize) -> String {
    format!("src/s{index}")
}

pub(super) fn tool(index: u8) -> String {
    format!("src/t{}", index % TOOLS)
}

/// The target directories of a flavor.
pub(super) fn targets(is_other_flavor: bool) -> Targets<'static> {
    match is_other_flavor {
        false => TARGETS,
        true => ["out.r", "away.r"],
    }
}

/// In a line, so that a case can be read.
impl std::fmt::Debug for Text {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let include = |mark: &str, number: Option<u8>| {
            number.map_or_else(String::new, |number| format!(" {mark}{number}"))
        };
        write!(
            formatter,
            "\"v{}{}{}{}{}\"",
            self.version,
            include("@s", self.includes),
            include("@step ", self.includes_output),
            if self.fails { " ERROR" } else { "" },
            if self.is_coarse { " COARSE" } else { "" },
        )
    }
}

/// In a line, without what is as usual.
impl std::fmt::Debug for Step {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:?} in {}", self.kind, self.place)?;
        let numbers = [
            ("sources", self.sources),
            ("inputs", self.inputs),
            ("order_only", self.order_only),
            ("scans", self.scans),
            ("flag", self.flag),
            ("environment", self.environment),
            ("stdin", self.stdin),
            ("has_second", self.has_second.into()),
            ("is_away", self.is_away.into()),
            ("is_missing", (!self.is_there).into()),
        ];
        for (name, number) in numbers.iter().filter(|(_, number)| *number > 0) {
            write!(formatter, " {name} {number:b}")?;
        }
        match self.tool {
            Tool::None => Ok(()),
            tool => write!(formatter, " tool {tool:?}"),
        }
    }
}

impl Text {
    pub(super) fn render(&self, steps: &[Step]) -> String {
        let mut text = format!("v{}", self.version);
        if let Some(included) = self.includes {
            text.push_str(&format!(" @{}", source(usize::from(included) % SOURCES)));
        }
        if let Some(index) = self.includes_output {
            let step = &steps[usize::from(index) % steps.len()];
            let inside = match step.kind {
                Kind::Tree => "leaf0",
                _ => "",
            };
            text.push_str(&format!(" @{}{inside}", step.outputs(TARGETS)[0]));
        }
        if self.fails {
            text.push_str(" ERROR");
        }
        if self.is_coarse {
            text.push_str(" COARSE");
        }
        text
    }
}

impl Step {
    pub(super) fn outputs(&self, targets: Targets<'_>) -> Vec<String> {
        let place = self.directory(targets);
        let first = match self.kind {
            Kind::Tree => "a/",
            _ => "a",
        };
        let mut outputs = vec![format!("{place}/{first}")];
        if self.runs() && self.has_second {
            outputs.push(format!("{place}/b"));
        }
        if self.runs() && self.scans == 2 {
            outputs.push(format!("{place}/deps"));
        }
        outputs
    }

    fn directory(&self, targets: Targets<'_>) -> String {
        format!("{}/{}", targets[usize::from(self.is_away)], self.place)
    }

    fn runs(&self) -> bool {
        !matches!(self.kind, Kind::Write | Kind::Copy)
    }

    fn spec(&self, index: usize, steps: &[Step], targets: Targets<'_>) -> Spec {
        let title = format!("step {index}");
        let outputs = self.outputs(targets);
        match self.kind {
            Kind::Write => Spec {
                title,
                outputs,
                action: Some(Action::WriteFile {
                    content: format!("flag {}", self.flag),
                    executable: self.flag == 2,
                }),
                ..Spec::default()
            },
            Kind::Copy => Spec {
                title,
                outputs,
                inputs: vec![source(self.sources.trailing_zeros() as usize % SOURCES)],
                action: Some(Action::CopyFile),
                ..Spec::default()
            },
            Kind::File | Kind::Tree | Kind::Stdout => {
                let spec = self.running(index, steps, targets);
                Spec {
                    title,
                    outputs,
                    ..spec
                }
            }
        }
    }

    fn running(&self, index: usize, steps: &[Step], targets: Targets<'_>) -> Spec {
        let made = |bits: u8| -> Vec<String> {
            let chosen =
                (0..index).filter(|other| bits & (1 << other) != 0 && steps[*other].is_there);
            chosen
                .flat_map(|other| steps[other].outputs(targets))
                .collect()
        };
        let sources = (0..SOURCES).filter(|other| self.sources & (1 << other) != 0);
        let mut inputs: Vec<String> = sources.map(source).collect();
        inputs.extend(made(self.inputs));
        let order_only = made(self.order_only & !self.inputs);
        let scans = self.scans > 0;
        let verb = if scans { "scan" } else { "read" };
        let path = |path: &String| format!("{TOP}/{path}");
        let mut arguments = vec![format!("flag:{}", self.flag)];
        arguments.extend(inputs.iter().map(|input| format!("{verb}:{}", path(input))));
        let read = order_only.iter().filter(|_| !scans);
        arguments.extend(read.map(|input| format!("read:{}", path(input))));
        let place = self.directory(targets);
        let by_stdout = (self.kind == Kind::Stdout).then(|| format!("{place}/a"));
        let depfile = scans.then(|| format!("{place}/deps"));
        for output in self.outputs(targets) {
            if by_stdout.as_ref() == Some(&output) || depfile.as_ref() == Some(&output) {
                continue;
            }
            let verb = match output.ends_with('/') {
                true => "tree",
                false => "write",
            };
            arguments.push(format!("{verb}:{}", path(&output)));
        }
        arguments.extend(depfile.iter().map(|file| format!("depfile:{}", path(file))));
        let variable = ("V_X".to_owned(), self.environment.to_string());
        Spec {
            arguments,
            inputs,
            order_only,
            depfile,
            stdout: by_stdout,
            environment: BTreeMap::from_iter((self.environment > 0).then_some(variable)),
            stdin: (self.stdin > 0).then(|| format!("stdin {}", self.stdin)),
            tool: self.tool(index, steps, targets),
            ..Spec::default()
        }
    }

    fn tool(&self, index: usize, steps: &[Step], targets: Targets<'_>) -> Option<String> {
        match self.tool {
            Tool::Made(other) if index > 0 => {
                let maker = &steps[usize::from(other) % index];
                let is_usable = maker.is_there && maker.kind != Kind::Tree;
                is_usable.then(|| maker.outputs(targets)[0].clone())
            }
            Tool::Source(number) => Some(tool(number)),
            Tool::None | Tool::Made(_) => None,
        }
    }
}

/// The operations of those steps that are there.
pub(super) fn specs(steps: &[Step], targets: Targets<'_>) -> Vec<Spec> {
    let there = steps.iter().enumerate().filter(|(_, step)| step.is_there);
    there
        .map(|(index, step)| step.spec(index, steps, targets))
        .collect()
}

fn text() -> impl Strategy<Value = Text> {
    let rarely = |percent: f64| prop::bool::weighted(percent);
    (
        0..3_u8,
        prop::option::weighted(0.3, any::<u8>()),
        prop::option::weighted(0.12, any::<u8>()),
        rarely(0.07),
        rarely(0.25),
    )
        .prop_map(
            |(version, includes, includes_output, fails, is_coarse)| Text {
                version,
                includes,
                includes_output,
                fails,
                is_coarse,
            },
        )
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        10 => Just(Kind::File),
        4 => Just(Kind::Tree),
        2 => Just(Kind::Stdout),
        1 => Just(Kind::Write),
        1 => Just(Kind::Copy),
    ]
}

fn some_tool() -> impl Strategy<Value = Tool> {
    prop_oneof![
        8 => Just(Tool::None),
        1 => any::<u8>().prop_map(Tool::Source),
        1 => any::<u8>().prop_map(Tool::Made),
    ]
}

/// Few bits of eight.
fn bits() -> impl Strategy<Value = u8> {
    (any::<u8>(), any::<u8>()).prop_map(|(one, other)| one & other)
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let inputs = (
        bits(),
        bits(),
        bits().prop_flat_map(|bits| prop_oneof![Just(0), Just(bits)]),
    );
    let how = (0..3_u8, 0..3_u8, 0..2_u8, 0..2_u8, some_tool());
    let scans = prop_oneof![3 => Just(0_u8), 3 => Just(1), 1 => Just(2)];
    let bools = (prop::bool::weighted(0.3), prop::bool::weighted(0.3));
    let step = (kind(), inputs, how, scans, bools).prop_map(|(kind, inputs, how, scans, bools)| {
        let (sources, inputs, order_only) = inputs;
        let (flag, _, environment, stdin, tool) = how;
        let (has_second, is_away) = bools;
        Step {
            kind,
            sources,
            inputs,
            order_only,
            scans,
            has_second,
            flag,
            environment,
            stdin,
            tool,
            place: 0,
            is_there: true,
            is_away,
        }
    });
    prop::collection::vec(step, 2..8).prop_map(|mut steps| {
        for (place, step) in (0..).zip(&mut steps) {
            step.place = place;
        }
        steps
    })
}

fn edit() -> impl Strategy<Value = Edit> {
    let (one, two) = (any::<u8>, || (any::<u8>(), any::<u8>()));
    let of_files = prop_oneof![
        2 => one().prop_map(Edit::Touch),
        8 => (one(), text()).prop_map(|(file, text)| Edit::Write(file, text)),
        2 => (one(), text()).prop_map(|(file, text)| Edit::Replace(file, text)),
        2 => (one(), text(), 0..2_u8).prop_map(|(file, text, back)| Edit::Secretly(file, text, back)),
        4 => one().prop_map(Edit::Revert),
        1 => one().prop_map(Edit::Delete),
        2 => two().prop_map(|(file, to)| Edit::Link(file, to)),
        1 => (one(), text()).prop_map(|(file, text)| Edit::Directory(file, text)),
        1 => two().prop_map(|(file, to)| Edit::Move(file, to)),
        1 => (one(), 0..3_u8).prop_map(|(tool, version)| Edit::Tool(tool, version)),
        2 => Just(Edit::Sleep),
        1 => any::<i8>().prop_map(Edit::Jump),
    ];
    let of_outputs = prop_oneof![
        3 => one().prop_map(Edit::DeleteOutput),
        3 => two().prop_map(|(step, which)| Edit::ChangeOutput(step, which)),
        1 => one().prop_map(Edit::OutputBecomesDirectory),
        1 => one().prop_map(Edit::OutputBecomesFile),
        1 => Just(Edit::DeleteTarget),
        1 => (0..4_u8).prop_map(Edit::Foreign),
    ];
    let of_commands = prop_oneof![
        3 => (one(), 0..3_u8).prop_map(|(step, flag)| Edit::SetFlag(step, flag)),
        1 => (one(), 0..3_u8).prop_map(|(step, value)| Edit::SetEnvironment(step, value)),
        1 => (one(), 0..3_u8).prop_map(|(step, value)| Edit::SetStdin(step, value)),
        1 => (one(), some_tool()).prop_map(|(step, tool)| Edit::SetTool(step, tool)),
        2 => (one(), kind()).prop_map(|(step, kind)| Edit::SetKind(step, kind)),
        1 => (one(), 0..3_u8).prop_map(|(step, scans)| Edit::SetScans(step, scans)),
    ];
    let of_the_graph = prop_oneof![
        4 => one().prop_map(Edit::ToggleThere),
        2 => one().prop_map(Edit::ToggleAway),
        2 => one().prop_map(Edit::ToggleSecond),
        2 => two().prop_map(|(step, other)| Edit::ToggleSource(step, other)),
        2 => two().prop_map(|(step, other)| Edit::ToggleInput(step, other)),
        1 => two().prop_map(|(step, other)| Edit::ToggleOrderOnly(step, other)),
        1 => two().prop_map(|(step, other)| Edit::Relax(step, other)),
        2 => two().prop_map(|(one, other)| Edit::Swap(one, other)),
        1 => (one(), 0..4_u8).prop_map(|(step, place)| Edit::Rename(step, place)),
    ];
    prop_oneof![4 => of_files, 1 => of_outputs, 1 => of_commands, 2 => of_the_graph]
}

fn trouble() -> impl Strategy<Value = Trouble> {
    prop_oneof![
        12 => Just(Trouble::None),
        1 => (1..3_usize).prop_map(Trouble::StopsAtFailures),
        2 => (0..40_usize).prop_map(Trouble::DiesAfterChanges),
        1 => (0..40_usize, 0..100_usize).prop_map(|(after, part)| Trouble::PowerFails(after, part)),
        1 => (0..4_usize).prop_map(Trouble::DiesInRun),
        1 => (0..4_usize).prop_map(Trouble::StopsInRun),
        3 => (0..3_usize, any::<bool>(), any::<u8>(), prop::option::weighted(0.7, text()))
            .prop_map(|(after, early, file, text)| Trouble::Meanwhile(after, early, file, text)),
        1 => (0..30_usize, 1..4_usize).prop_map(|(after, times)| Trouble::Fails(after, times)),
    ]
}

fn round() -> impl Strategy<Value = Round> {
    let check = prop_oneof![
        8 => Just(Check::Default),
        1 => Just(Check::Hash),
        1 => Just(Check::Timestamp),
    ];
    let jobs = prop_oneof![3 => Just(1_usize), 1 => 2..5_usize];
    let pace = prop::collection::vec(0..4_u8, 0..4);
    let build = (jobs, pace, prop::bool::weighted(0.1), check).prop_map(
        |(jobs, pace, is_other_flavor, check)| Build {
            jobs,
            pace,
            is_other_flavor,
            check,
        },
    );
    let edits = prop::collection::vec(edit(), 0..4);
    (edits, trouble(), build, prop::bool::weighted(0.3)).prop_map(
        |(edits, trouble, build, again)| Round {
            edits,
            trouble,
            build,
            again,
        },
    )
}

/// Any case.
pub(super) fn case() -> impl Strategy<Value = Case> {
    let tick = prop_oneof![2 => Just(0_i64), 1 => Just(50)];
    let sources = prop::collection::vec(text(), SOURCES);
    let rounds = prop::collection::vec(round(), 1..7);
    (tick, steps(), sources, rounds).prop_map(|(tick, steps, sources, rounds)| Case {
        tick,
        steps,
        sources,
        rounds,
    })
}
