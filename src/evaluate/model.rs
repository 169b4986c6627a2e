//! Graphs from a few words, and builds of them, for tests.

use std::collections::BTreeMap;

use crate::event::{Event, Reason, Subscriber};
use crate::graph::freeze::{Meta, freeze};
use crate::graph::key::{self, Declared, Terse};
use crate::graph::{
    Action, Cold, Command, FileId, Graph, Instance, InstanceId, Operation, ResponseFile, Root,
    Stdin,
};

use super::interrupt::Interrupt;
use super::state::State;
use super::world::World;
use super::{Options, Summary};

/// An operation in a few words; paths relative to the top.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) title: String,
    pub(super) arguments: Vec<String>,
    pub(super) inputs: Vec<String>,
    pub(super) order_only: Vec<String>,
    pub(super) outputs: Vec<String>,
    pub(super) depfile: Option<String>,
    pub(super) is_test: bool,
    /// Instead of running a program.
    pub(super) action: Option<Action>,
    pub(super) environment: BTreeMap<String, String>,
    /// Standard input: a text.
    pub(super) stdin: Option<String>,
    /// The output that receives standard output.
    pub(super) stdout: Option<String>,
    /// The program, a file of the workspace, instead of the one that is given for all.
    pub(super) tool: Option<String>,
}

/// The target directories of the two instances of a graph.
pub(super) type Targets<'a> = [&'a str; 2];

/// What [`build`] builds in.
pub(super) const TARGETS: Targets<'static> = ["out", "away"];

/// The graph of these operations: those with outputs in `away` in an instance that has it as its target directory, the
/// others in one with `out`.
pub(super) fn graph(state: &mut State, executable: &str, specs: &[Spec]) -> Graph {
    frozen(state, executable, specs, false)
}

/// As [`graph`]; if it is partial, more operations of the same instances may come.
pub(super) fn frozen(
    state: &mut State,
    executable: &str,
    specs: &[Spec],
    is_partial: bool,
) -> Graph {
    frozen_in(TARGETS, state, executable, specs, is_partial)
}

/// As [`frozen`], with other target directories.
fn frozen_in(
    targets: Targets<'_>,
    state: &mut State,
    executable: &str,
    specs: &[Spec],
    is_partial: bool,
) -> Graph {
    let operations: Vec<Operation> = specs
        .iter()
        .map(|spec| operation(targets, state, executable, spec))
        .collect();
    let root = |token: &str, directory: &str| Root {
        token: token.to_owned(),
        directory: directory.to_owned(),
    };
    let meta = Meta {
        state: state.name(),
        paths: FileId::from_index(state.path_count()).0,
        instances: targets
            .map(|directory| Instance {
                label: "test".to_owned(),
                target_directory: directory.to_owned(),
                roots: vec![root("package", ""), root("target", directory)],
                declared: "PKG:1:1".to_owned(),
                requested: true,
                executable: None,
                is_partial,
            })
            .into(),
        ..Meta::default()
    };
    Graph::of(&freeze(&operations, &meta).expect("no contradiction"))
}

fn operation(targets: Targets<'_>, state: &mut State, executable: &str, spec: &Spec) -> Operation {
    let executable = match &spec.tool {
        Some(tool) => state.top().join(tool).display().to_string(),
        None => executable.to_owned(),
    };
    let mut files = |paths: &[String]| -> Vec<FileId> {
        paths
            .iter()
            .map(|path| state.intern(path.as_bytes()))
            .collect()
    };
    let (inputs, order_only) = (files(&spec.inputs), files(&spec.order_only));
    let outputs = files(&spec.outputs);
    let stdout = files(spec.stdout.as_slice()).pop();
    let tool = files(spec.tool.as_slice()).pop();
    let run = Action::Run(Command {
        executable,
        arguments: spec.arguments.clone(),
        working_directory: "$(package)".to_owned(),
        environment: spec.environment.clone(),
        path: "/usr/bin:/bin".to_owned(),
        stdin: spec.stdin.clone().map_or(Stdin::Nothing, Stdin::Text),
        stdout,
        response_file: ResponseFile::Auto,
        console: false,
        caches: Vec::new(),
        network: false,
        timeout: None,
    });
    let cold = Cold {
        title: spec.title.clone(),
        action: spec.action.clone().unwrap_or(run),
        depfile: spec
            .depfile
            .as_ref()
            .map(|path| state.intern(path.as_bytes())),
        pool: None,
        declared: "PKG:2:3".to_owned(),
    };
    let mut terse = Terse::default();
    let declared = Declared {
        tool,
        inputs: &inputs,
        outputs: &outputs,
    };
    key::describe(&cold, declared, |file| state.display(file), &mut terse);
    let identity = match outputs.first() {
        Some(&output) => output,
        None => state.intern(format!("out#{}", spec.title).as_bytes()),
    };
    let is_away = spec
        .outputs
        .first()
        .is_some_and(|path| path.starts_with(&format!("{}/", targets[1])));
    Operation {
        instance: InstanceId(u32::from(is_away)),
        identity,
        inputs,
        order_only,
        outputs,
        key: terse.finish(),
        tool,
        weight: 1,
        is_test: spec.is_test,
        cold,
    }
}

/// Everything a build told.
#[derive(Default)]
pub(super) struct Heard(pub(super) Vec<Event>);

impl Subscriber for Heard {
    fn event(&mut self, event: &Event) {
        self.0.push(event.clone());
    }
}

impl Heard {
    /// The titles of what ran, in order.
    pub(super) fn ran(&self) -> Vec<String> {
        let titles = self.0.iter().filter_map(|event| match event {
            Event::OperationStarted { title, .. } => Some(title.clone()),
            _ => None,
        });
        titles.collect()
    }
}

impl Heard {
    /// The titles of what was not run because something it needs failed.
    pub(super) fn skipped(&self) -> Vec<String> {
        let titles = self.0.iter().filter_map(|event| match event {
            Event::OperationSkipped { title, .. } => Some(title.clone()),
            _ => None,
        });
        titles.collect()
    }

    /// The titles of what failed.
    pub(super) fn failed(&self) -> Vec<String> {
        let titles = self.0.iter().filter_map(|event| match event {
            Event::OperationFinished { title, outcome, .. } if !outcome.is_success() => {
                Some(title.clone())
            }
            _ => None,
        });
        titles.collect()
    }

    /// What happened, in a line.
    pub(super) fn tell(&self) -> String {
        let parts = self.0.iter().filter_map(|event| match event {
            Event::OperationStarted { title, reason, .. } => Some(format!("{title} {reason:?}")),
            Event::OperationFinished { outcome, .. } => Some(format!("{outcome:?}")),
            Event::OperationSkipped { title, .. } => Some(format!("{title} skipped")),
            Event::StaleRemoved { path } => Some(format!("stale {path}")),
            _ => None,
        });
        parts.collect::<Vec<_>>().join(", ")
    }
}

/// Builds with one job and without stopping at failures.
pub(super) fn build(
    specs: &[Spec],
    state: &mut State,
    world: &dyn World,
    adjust: impl FnOnce(&mut Options),
) -> (Summary, Heard) {
    let (result, heard) = attempt(TARGETS, specs, state, world, adjust);
    (result.unwrap(), heard)
}

/// As [`build`], with other target directories, and where the evaluation itself may fail.
pub(super) fn attempt(
    targets: Targets<'_>,
    specs: &[Spec],
    state: &mut State,
    world: &dyn World,
    adjust: impl FnOnce(&mut Options),
) -> (crate::error::Result<Summary>, Heard) {
    let graph = frozen_in(targets, state, "/bin/sh", specs, false);
    state.flush().unwrap();
    let private = state.top().join(".wake/tmp");
    let mut options = Options::new(private, Interrupt::new().unwrap());
    options.jobs = 1;
    options.keep_going = 0;
    adjust(&mut options);
    let mut heard = Heard::default();
    let result = super::evaluate(&graph, state, world, &options, &mut heard);
    (result, heard)
}

/// What would run, in the order of the graph, by title, and why.
pub(super) fn preview(
    targets: Targets<'_>,
    specs: &[Spec],
    state: &mut State,
    world: &dyn World,
    check: super::Check,
) -> Vec<(String, Reason)> {
    let graph = frozen_in(targets, state, "/bin/sh", specs, false);
    let question = super::Question {
        wanted: &super::Wanted::Build,
        force: false,
        check,
    };
    let preview = super::preview(&graph, state, world, &question).unwrap();
    let steps = preview.steps.into_iter();
    steps
        .map(|step| (graph.cold(step.operation).title, step.reason))
        .collect()
}
