//! What the scheduler gathers before an operation starts: what a worker needs without the graph, and what must be known
//! when it is done. A part of `Scheduler`; it changes no state of an operation.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::event::Reason;
use crate::fs::Fingerprint;
use crate::graph::{Action, Cold, FileId, Graph, OperationId};

use super::explain;
use super::files::{self, Check};
use super::fresh::{self, Difference};
use super::outputs::{Form, Output};
use super::prepare::{Expander, Job, Read};
use super::queue::Queue;
use super::room::Share;
use super::schedule::Scheduler;
use super::state::{NONE, State};

/// What is kept of an operation while it runs.
pub(super) struct Running {
    pub(super) job: Job,
    pub(super) cold: Cold,
    pub(super) reason: Reason,
    /// Version numbers of the declared files that count, as they were when it was examined.
    pub(super) declared: Vec<u32>,
    pub(super) order_only_counts: bool,
}

impl Scheduler<'_> {
    /// Everything that a worker needs, and what must be known when it is done.
    pub(super) fn prepare(&mut self, operation: OperationId) -> Result<Running> {
        let cold = self.graph.cold(operation);
        self.check_inputs(operation)?;
        let expander = Expander {
            graph: self.graph,
            state: self.state,
            operation,
        };
        let work = expander.work(&cold, self.shop.options)?;
        let outputs = self.outputs(operation);
        let order_only_counts = cold.depfile.is_none() && matches!(cold.action, Action::Run(_));
        let declared = self.counting(operation, order_only_counts);
        let depfile = cold.depfile.map(|file| self.state.absolute(file));
        let job = Job {
            operation,
            work,
            outputs,
            keeps_depfile: cold
                .depfile
                .is_some_and(|file| self.graph.outputs(operation).contains(&file)),
            depfile,
            reads: self.readable(operation),
            target: self.target(operation),
            test_directory: self.test_directory(operation),
            log: self.digits(operation) + ".log",
        };
        let difference = self.differences.remove(&operation);
        let difference = difference.unwrap_or(Difference::Forced);
        let (graph, files) = (self.graph, &self.files);
        let reason = explain::reason(graph, self.state, files, operation, difference);
        Ok(Running {
            job,
            cold,
            reason,
            declared,
            order_only_counts,
        })
    }

    /// Refuses to run an operation whose declared files are not there and will not be, or cannot be read: whether those
    /// have changed would never be known.
    fn check_inputs(&self, operation: OperationId) -> Result<()> {
        let declared = self.graph.inputs(operation).iter();
        for &file in declared.chain(self.graph.order_only(operation)) {
            if self.files.content(self.state, file).is_absent() {
                let path = self.state.display(file);
                let declared = self.graph.cold(operation).declared;
                return Err(Error::user(format!("Its input `{path}` does not exist"))
                    .cause(format!("declared at {declared}"))
                    .hint("make the file, or correct its name"));
            }
            self.check_readable(operation, file)?;
        }
        Ok(())
    }

    fn check_readable(&self, operation: OperationId, file: FileId) -> Result<()> {
        if self.survey.check == Check::Timestamp || !self.files.is_unread(self.state, file) {
            return Ok(());
        }
        let path = self.state.absolute(file);
        let Err(error) = self.survey.world.fingerprint(&path) else {
            return Ok(());
        };
        let path = self.state.display(file);
        let declared = self.graph.cold(operation).declared;
        Err(
            Error::io(format!("Its input `{path}` cannot be read"), &error)
                .cause(format!("declared at {declared}")),
        )
    }

    /// The outputs of an operation with what is there now.
    fn outputs(&mut self, operation: OperationId) -> Vec<Output> {
        let is_shared = self.graph.makes_directory(operation);
        let files = self.graph.outputs(operation);
        let mut outputs = Vec::with_capacity(files.len());
        for &file in files {
            let is_tree = self.state.path(file).ends_with(b"/");
            let form = match (is_shared, is_tree) {
                (true, _) => Form::Directory,
                (false, true) => Form::Tree,
                (false, false) => Form::File,
            };
            let number = self.files.current(file);
            let old = match number {
                NONE => Fingerprint::default(),
                number => {
                    let version = self.state.version(number);
                    Fingerprint {
                        stamp: version.stamp,
                        content: version.content,
                    }
                }
            };
            outputs.push(Output {
                file,
                path: self.state.absolute(file),
                name: self.state.display(file),
                form,
                old,
                is_ours: self.is_ours(operation, file),
            });
        }
        outputs
    }

    /// Where a test may write: made anew for it, below its target directory.
    fn test_directory(&self, operation: OperationId) -> Option<PathBuf> {
        if !self.graph.is_test(operation) {
            return None;
        }
        let digits = self.digits(operation);
        Some(self.target(operation).join(".test").join(digits))
    }

    fn target(&self, operation: OperationId) -> PathBuf {
        let target = &self.graph.instance(operation).target_directory;
        self.state.top().join(target)
    }

    /// What files of its own are named after.
    fn digits(&self, operation: OperationId) -> String {
        let identity = self.state.path(self.graph.identity(operation));
        blake3::hash(identity).to_hex()[..20].to_owned()
    }

    /// Whether wake made what is at a file: decides what happens to it when the operation fails. Mostly the operation itself
    /// made it last time; only otherwise all others are asked.
    fn is_ours(&mut self, operation: OperationId, file: FileId) -> bool {
        let identity = self.graph.identity(operation);
        if self.files.content(self.state, file).is_absent() {
            // What appears there from now on is somebody else's.
            return false;
        }
        if self.state.written_by(identity).contains(&file) {
            return true;
        }
        let state = &*self.state;
        let ours = self.ours.get_or_insert_with(|| {
            let mut ours = vec![false; state.path_count()];
            for identity in state.identities() {
                for file in state.written_by(identity) {
                    ours[file.index()] = true;
                }
            }
            ours
        });
        ours.get(file.index()).copied().unwrap_or(false)
    }

    /// The files that are compared again after the run.
    fn readable(&self, operation: OperationId) -> Vec<Read> {
        fresh::counting(self.graph, operation, true)
            .filter(|file| !self.survey.bare.contains(*file))
            .filter_map(|file| self.read(file))
            .collect()
    }

    /// A file as it was looked at, unless nobody has.
    pub(super) fn read(&self, file: FileId) -> Option<Read> {
        let number = self.files.current(file);
        let version = (number != NONE).then(|| self.state.version(number))?;
        // Nobody is expected to edit what an operation has just made.
        let is_sure = !version.racy
            || self.survey.check == Check::Timestamp
            || files::split(self.state.path(file)).1.is_some()
            || self.graph.maker(file).is_some();
        Some(Read {
            file,
            path: self.state.absolute(file),
            stamp: version.stamp,
            content: (!is_sure).then_some(version.content),
        })
    }

    fn counting(&self, operation: OperationId, order_only_counts: bool) -> Vec<u32> {
        fresh::counting(self.graph, operation, order_only_counts)
            .map(|file| self.files.current(file))
            .collect()
    }
}

/// What an operation takes of `limit` jobs.
pub(super) fn share(
    graph: &Graph,
    state: &State,
    queue: &Queue,
    operation: OperationId,
    limit: usize,
) -> Share {
    let cold = graph.cold(operation);
    let weight = usize::try_from(graph.weight(operation)).unwrap_or(limit);
    let expected = queue.forecast();
    Share {
        weight: weight.clamp(1, limit),
        is_alone: matches!(&cold.action, Action::Run(command) if command.console),
        pool: cold.pool,
        expected: expected.map_or_else(Default::default, |forecast| {
            forecast.of(graph, state, operation)
        }),
    }
}
