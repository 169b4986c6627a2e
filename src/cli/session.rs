//! What every command that works on a workspace needs: the workspace, its lock, its state, evaluation processes.
//!
//! Opens in that order and closes in the opposite one. Commands take a [`Session`], call one stage after the other, and
//! return an exit status; they print through `report`.

use std::collections::BTreeMap;

use super::options::{BuildOptions, Common};
use crate::error::Result;
use crate::evaluate::state::State;
use crate::event::{Event, Subscriber};
use crate::generate::{self, Context, Prepared, Purpose};
use crate::jsonnet::client::{self, Evaluators};
use crate::workspace::layout::Layout;
use crate::workspace::process_lock::ProcessLock;
use crate::workspace::{Workspace, parameters};

/// An open workspace.
pub struct Session {
    pub workspace: Workspace,
    pub layout: Layout,
    pub state: State,
    environment: BTreeMap<String, String>,
    evaluators: Evaluators,
    jobs: usize,
    lock: Option<ProcessLock>,
}

impl Session {
    /// Finds the workspace from the working directory, waits for its lock and opens its state.
    pub fn open(common: &Common, build: &BuildOptions, subscriber: &mut dyn Subscriber) -> Result<Self> {
        let workspace = Workspace::discover(&common.directory)?;
        let layout = Layout::new(&workspace.top);
        subscriber.event(&Event::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: workspace.top.display().to_string(),
            jobs: build.jobs,
        });
        layout.create()?;
        let nested = common.environment.get(crate::workspace::process_lock::VARIABLE).map(String::as_str);
        let lock = ProcessLock::acquire(&layout, nested, || {
            subscriber.event(&Event::WaitingForLock { path: layout.lock_file().display().to_string() });
        })?;
        let (state, discarded) = State::open(&layout.state_directory(), &workspace.top)?;
        if let Some(discarded) = discarded {
            subscriber.event(&Event::StateDiscarded {
                path: crate::fs::path::display(&discarded.path, &workspace.top),
                cause: discarded.cause,
            });
        }
        let evaluators = Evaluators::new(client::Options {
            program: common.program.clone(),
            memory: build.evaluation_memory,
            timeout: build.evaluation_timeout,
            host: parameters::host(),
            environment: common.environment.clone(),
        });
        Ok(Self {
            workspace,
            layout,
            state,
            environment: common.environment.clone(),
            evaluators,
            jobs: build.jobs,
            lock: Some(lock),
        })
    }

    /// The graph for what the command line asks for.
    pub fn prepare(
        &mut self,
        build: &BuildOptions,
        purpose: Purpose,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Prepared> {
        let host_parameters = parameters::host_defaults();
        let request = generate::Request {
            targets: build.targets(&self.workspace)?,
            parameters: parameters::combine(&host_parameters, &self.workspace, &build.parameters),
            host_parameters,
            purpose,
            trust_saved: build.skip_generate,
        };
        let evaluators = &self.evaluators;
        let ask = |request: &_| evaluators.ask(request);
        let context = Context {
            workspace: &self.workspace,
            layout: &self.layout,
            environment: &self.environment,
            ask: &ask,
            threads: self.jobs.min(std::thread::available_parallelism().map_or(1, usize::from)),
        };
        generate::prepare(&context, &mut self.state, &request, subscriber)
    }

    /// Lets other processes work in the workspace; nothing may be changed after that.
    pub fn unlock(&mut self) {
        self.lock = None;
    }
}
