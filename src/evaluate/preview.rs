//! What would run now, and why, without running anything. What an operation that would run makes is not known before it
//! has run: what reads it is said to run perhaps.

use std::collections::HashSet;

use crate::error::Result;
use crate::event::{Event, Reason, Subscriber};
use crate::graph::{FileId, Graph, OperationId};

use super::Options;
use super::explain;
use super::files::{Check, Files};
use super::fresh::{Difference, View};
use super::prepare::{self, Expander};
use super::results;
use super::stale;
use super::state::State;
use super::survey;
use super::wanted::{Selection, Wanted};
use super::world::World;

/// What is asked.
pub struct Question<'a> {
    pub wanted: &'a Wanted,
    /// Everything that is wanted would run.
    pub force: bool,
    pub check: Check,
}

/// An operation that would run, or would run perhaps: then its reason is [`Reason::InputMayChange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    pub operation: OperationId,
    pub reason: Reason,
    /// The operation that makes what it waits for, if that is why it would run perhaps.
    pub after: Option<OperationId>,
}

/// What would become of all that is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preview {
    /// In an order in which they could run.
    pub steps: Vec<Step>,
    pub up_to_date: usize,
    /// Files that nothing makes any more and that would be removed.
    pub removed: Vec<String>,
}

impl Preview {
    /// What it says of one operation; nothing where that is up to date.
    pub fn step(&self, operation: OperationId) -> Option<&Step> {
        let steps = &self.steps;
        let found = steps.binary_search_by_key(&operation, |step| step.operation);
        found.ok().map(|index| &steps[index])
    }

    /// Tells all of it.
    pub fn tell(
        &self,
        graph: &Graph,
        state: &State,
        options: &Options,
        subscriber: &mut dyn Subscriber,
    ) {
        subscriber.event(&Event::Planned {
            operations: self.steps.len() + self.up_to_date,
        });
        for path in &self.removed {
            subscriber.event(&Event::StaleForeseen { path: path.clone() });
        }
        for step in &self.steps {
            let operation = step.operation;
            let cold = graph.cold(operation);
            let expander = Expander {
                graph,
                state,
                operation,
            };
            let work = expander.work(&cold, options);
            subscriber.event(&Event::OperationForeseen {
                operation: results::name(graph, state, operation),
                title: cold.title,
                instance: graph.instance(operation).label.clone(),
                reason: step.reason.clone(),
                command: work.map_or_else(|_| String::new(), |work| prepare::command_line(&work)),
            });
        }
    }
}

/// What would run. Nothing is written: what is seen of files is kept in memory by `state`.
///
/// # Errors
/// `Internal`: the graph was made with another state.
pub fn preview(
    graph: &Graph,
    state: &mut State,
    world: &dyn World,
    question: &Question<'_>,
) -> Result<Preview> {
    super::check_origin(graph, state)?;
    let selection = Selection::new(question.wanted, graph);
    let wanted: Vec<OperationId> = graph
        .operations()
        .filter(|&operation| selection.contains(graph, operation))
        .collect();
    let files = survey::look_at_all(graph, state, world, question.check, &wanted);
    let stale = stale_files(graph, state, world);
    let mut preview = Preview {
        removed: stale.iter().map(|&file| state.display(file)).collect(),
        ..Preview::default()
    };
    let mut running = Running {
        is_running: vec![false; graph.operation_count()],
        trees: Vec::new(),
        removed: stale
            .iter()
            .map(|&file| trimmed(state.path(file)).to_vec())
            .collect(),
    };
    for operation in wanted {
        let view = View {
            graph,
            state,
            files: &files,
        };
        match foresee(&view, question, operation, &running) {
            None => preview.up_to_date += 1,
            Some(foreseen) => {
                running.add(graph, state, operation);
                let step = step(graph, state, &files, operation, foreseen);
                preview.steps.push(step);
            }
        }
    }
    Ok(preview)
}

/// The operations that would run, certainly or perhaps.
struct Running {
    is_running: Vec<bool>,
    /// The directories that they own whole.
    trees: Vec<(FileId, OperationId)>,
    /// Paths, without a final slash, that would be removed with all below them before anything runs.
    removed: HashSet<Vec<u8>>,
}

impl Running {
    fn add(&mut self, graph: &Graph, state: &State, operation: OperationId) {
        self.is_running[operation.index()] = true;
        let outputs = graph.outputs(operation).iter();
        let trees = outputs.filter(|&&output| state.path(output).ends_with(b"/"));
        self.trees.extend(trees.map(|&tree| (tree, operation)));
    }

    /// Whether a file would be removed before anything runs.
    fn removes(&self, state: &State, file: FileId) -> bool {
        let path = trimmed(state.path(file));
        let mut ends = path.iter().enumerate().filter(|(_, byte)| **byte == b'/');
        !self.removed.is_empty()
            && (self.removed.contains(path)
                || ends.any(|(end, _)| self.removed.contains(&path[..end])))
    }

    /// The one of them that makes a file, or the directory that it lies in.
    fn maker(&self, view: &View<'_>, file: FileId) -> Option<OperationId> {
        if let Some(maker) = view.graph.maker(file) {
            return self.is_running[maker.index()].then_some(maker);
        }
        let path = view.state.path(file);
        let is_in = |tree: FileId| stale::is_below(path, view.state.path(tree));
        let tree = self.trees.iter().find(|(tree, _)| is_in(*tree));
        tree.map(|(_, maker)| *maker)
    }
}

/// Why an operation would run.
enum Foreseen {
    Certain(Difference),
    /// It read this version of a file that would be removed.
    Removed(u32),
    /// If this file, which that operation makes, comes out different.
    Perhaps(FileId, OperationId),
}

/// `running`: the operations before it that would run.
fn foresee(
    view: &View<'_>,
    question: &Question<'_>,
    operation: OperationId,
    running: &Running,
) -> Option<Foreseen> {
    let rerun = matches!(question.wanted, Wanted::Test { rerun: true, .. });
    if question.force || (rerun && view.graph.is_test(operation)) {
        return Some(Foreseen::Certain(Difference::Forced));
    }
    let difference = view.difference(operation, view.graph.key(operation));
    // What is different now may be made as it was.
    let is_settled = match difference {
        None => false,
        Some(Difference::Read(_)) => !is_all_made(view, operation, running),
        Some(_) => true,
    };
    if let (true, Some(difference)) = (is_settled, difference) {
        return Some(Foreseen::Certain(difference));
    }
    if let Some(number) = removed_read(view, operation, running) {
        return Some(Foreseen::Removed(number));
    }
    let made = made_anew(view, operation, running);
    let perhaps = made.map(|(file, maker)| Foreseen::Perhaps(file, maker));
    perhaps.or(difference.map(Foreseen::Certain))
}

/// The first version that an operation read last time of a file that would be removed.
fn removed_read(view: &View<'_>, operation: OperationId, running: &Running) -> Option<u32> {
    let result = view.state.result(view.graph.identity(operation))?;
    result.reads().find(|&number| {
        let version = view.state.version(number);
        !version.content.is_absent() && running.removes(view.state, version.file)
    })
}

/// The first file that an operation read last time and that one which would run makes, with that one.
fn made_anew(
    view: &View<'_>,
    operation: OperationId,
    running: &Running,
) -> Option<(FileId, OperationId)> {
    let result = view.state.result(view.graph.identity(operation))?;
    result.reads().find_map(|number| {
        let file = view.state.version(number).file;
        Some((file, running.maker(view, file)?))
    })
}

/// Whether everything that is not as the operation read it is made by operations that would run.
fn is_all_made(view: &View<'_>, operation: OperationId, running: &Running) -> bool {
    let result = view.state.result(view.graph.identity(operation));
    let mut reads = result.into_iter().flat_map(|result| result.reads());
    reads.all(|number| {
        view.files.is_current(view.state, number)
            || running
                .maker(view, view.state.version(number).file)
                .is_some()
    })
}

fn step(
    graph: &Graph,
    state: &mut State,
    files: &Files,
    operation: OperationId,
    foreseen: Foreseen,
) -> Step {
    match foreseen {
        Foreseen::Certain(difference) => Step {
            operation,
            reason: explain::reason(graph, state, files, operation, difference),
            after: None,
        },
        Foreseen::Removed(number) => {
            let version = state.version(number);
            Step {
                operation,
                reason: Reason::InputChanged {
                    path: state.display(version.file),
                    old: version.content.short(),
                    new: "absent".to_owned(),
                },
                after: None,
            }
        }
        Foreseen::Perhaps(file, maker) => Step {
            operation,
            reason: Reason::InputMayChange {
                path: state.display(file),
                by: results::name(graph, state, maker),
            },
            after: Some(maker),
        },
    }
}

/// The files that would be removed because nothing makes them any more, as far as they are there.
fn stale_files(graph: &Graph, state: &State, world: &dyn World) -> Vec<FileId> {
    let mut stale = stale::stale_files(graph, state);
    stale.retain(|&file| {
        let status = world.status(&state.absolute(file));
        status.is_ok_and(|status| status.mode != 0)
    });
    stale
}

fn trimmed(path: &[u8]) -> &[u8] {
    path.strip_suffix(b"/").unwrap_or(path)
}
