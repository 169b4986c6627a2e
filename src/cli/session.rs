//! What every command that works on a workspace needs: the workspace, its lock, its state, evaluation processes.
//!
//! Opened in that order and closed in the opposite one. Commands take a [`Session`], call one stage after the other and
//! return an exit status.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::environment;
use super::options::{Declarations, Evaluation, Resolution};
use super::runner::Runner;
use crate::declare::model::Parameters;
use crate::declare::recipe::Recipes;
use crate::error::{Error, Result};
use crate::evaluate::state::State;
use crate::evaluate::{Interrupt, Options, Wanted};
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::generate::{self, Prepared, Purpose, early};
use crate::jsonnet::client::{self, Evaluators};
use crate::jsonnet::protocol::Setup;
use crate::observe::How;
use crate::pkg::Ask;
use crate::pkg::policy::Policy;
use crate::pkg::resolution::Context;
use crate::pkg::retriever::Running;
use crate::pkg::retriever::run;
use crate::workspace::layout::Layout;
use crate::workspace::process_lock::{self, ProcessLock};
use crate::workspace::target::Target;
use crate::workspace::{Workspace, parameters, user_config};

/// An open workspace. Nobody else changes it while this exists.
pub(super) struct Session {
    pub(super) place: Place,
    pub(super) state: State,
    evaluators: Evaluators,
    recipes: Recipes,
    _lock: ProcessLock,
}

/// What stays the same as long as a workspace is open.
pub(super) struct Place {
    pub(super) workspace: Workspace,
    pub(super) layout: Layout,
    environment: BTreeMap<String, String>,
    /// See [`Context::build`].
    build: String,
    retrievers: Running,
    pub(super) cache_directory: Option<PathBuf>,
    pub(super) policy: Policy,
}

impl Place {
    pub(super) fn context<'a>(&'a self, ask: &'a Ask<'a>) -> Context<'a> {
        Context {
            workspace: &self.workspace,
            layout: &self.layout,
            environment: &self.environment,
            build: &self.build,
            ask,
            threads: processors(),
            tools: &self.retrievers,
            policy: &self.policy,
            cache_directory: self.cache_directory.as_deref(),
        }
    }
}

/// What a graph is asked for with.
pub(super) struct Asked<'a> {
    /// As typed.
    pub(super) targets: &'a [String],
    pub(super) parameters: &'a Parameters,
    pub(super) purpose: Purpose,
    /// See [`generate::Request::trust_saved`].
    pub(super) trust_saved: bool,
}

impl Session {
    /// Finds the workspace around the working directory, waits for its lock and opens its state.
    pub(super) fn open(
        declarations: Declarations,
        jobs: usize,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Self> {
        let environment = environment::environment();
        let config_directory = user_config::config_directory(&environment);
        let workspace = Workspace::discover(&environment::working_directory()?)?
            .configured(config_directory.as_deref())?;
        let layout = workspace.layout();
        subscriber.event(&Event::Started {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            workspace: workspace.top.display().to_string(),
            jobs,
        });
        layout.create()?;
        let enclosing = environment.get(process_lock::VARIABLE).map(String::as_str);
        let lock = ProcessLock::acquire(&layout, enclosing, || {
            subscriber.event(&Event::WaitingForLock {
                path: layout.lock_file().display().to_string(),
            });
        })?;
        let (state, discarded) = State::open(&layout.state_directory(), &workspace.top)?;
        if let Some(discarded) = discarded {
            subscriber.event(&Event::StateDiscarded {
                path: fs::path::display(&discarded.path, &workspace.top),
                cause: discarded.cause,
            });
        }
        subscriber.event(&Event::Opened);
        Ok(Self {
            recipes: Recipes::new(&workspace),
            evaluators: evaluators(declarations.evaluation, &environment)?,
            place: Place {
                build: build()?,
                retrievers: retrievers(declarations.resolution, &layout, &environment)?,
                cache_directory: cache_directory(&environment),
                policy: policy(declarations.resolution, &workspace),
                workspace,
                layout,
                environment,
            },
            state,
            _lock: lock,
        })
    }

    /// The place for what ends evaluations of declarations and tasks before their time.
    pub(super) fn interrupt(&self) -> Arc<OnceLock<Interrupt>> {
        self.evaluators.interrupt()
    }

    /// The graph for what is asked for, in a command that does not build: only what tasks must read to know the graph is
    /// made.
    pub(super) fn prepare(
        &mut self,
        asked: &Asked<'_>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Prepared> {
        let (mark, layout) = (self.mark(), self.place.layout.clone());
        let run: &mut generate::Run<'_> = &mut |graph, state, files, subscriber| {
            // Only now: until something runs, a signal ends the process at once.
            let interrupt = Interrupt::on_signals()?;
            let mut runner = Runner {
                options: Options {
                    marks: vec![mark.clone()],
                    ..Options::new(layout.temporary_directory(), interrupt)
                },
                state_directory: layout.state_directory(),
            };
            runner.run(graph, state, Wanted::Files(files), subscriber)
        };
        self.prepare_with(asked, run, None, subscriber)
    }

    /// The graph for what is asked for. See [`generate::prepare`].
    pub(super) fn prepare_with(
        &mut self,
        asked: &Asked<'_>,
        run: &mut generate::Run<'_>,
        evaluation: Option<&mut dyn early::Evaluation>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Prepared> {
        let host_parameters = parameters::host_defaults();
        let targets = asked.targets.iter();
        let request = generate::Request {
            targets: targets
                .map(|text| Target::parse(text, &self.place.workspace))
                .collect::<Result<_>>()?,
            parameters: parameters::combine(
                &host_parameters,
                &self.place.workspace,
                asked.parameters,
            ),
            host_parameters,
            purpose: asked.purpose,
            trust_saved: asked.trust_saved,
        };
        let (recipes, evaluators) = (&self.recipes, &self.evaluators);
        let ask = |request: &_| recipes.ask(request, |request| evaluators.ask(request));
        generate::prepare(
            &self.place.context(&ask),
            &mut self.state,
            &request,
            run,
            evaluation,
            subscriber,
        )
    }

    /// How packages are to be found: as the command line says.
    pub(super) fn policy(&self, parameters: &Parameters, fetches_all: bool) -> Policy {
        let host = parameters::host_defaults();
        Policy {
            parameters: parameters::combine(&host, &self.place.workspace, parameters),
            fetches_all,
            ..self.place.policy.clone()
        }
    }

    /// Does something with the packages of the workspace.
    pub(super) fn packages<T>(
        &mut self,
        policy: &Policy,
        work: impl FnOnce(&Context<'_>) -> Result<T>,
    ) -> Result<T> {
        let (recipes, evaluators) = (&self.recipes, &self.evaluators);
        let ask = |request: &_| recipes.ask(request, |request| evaluators.ask(request));
        work(&Context {
            policy,
            ..self.place.context(&ask)
        })
    }

    /// The directories below that of all outputs that belong to modules which members declare.
    pub(super) fn declared(&self, subscriber: &mut dyn Subscriber) -> Result<Vec<PathBuf>> {
        let (recipes, evaluators) = (&self.recipes, &self.evaluators);
        let ask = |request: &_| recipes.ask(request, |request| evaluators.ask(request));
        generate::declared(&self.place.context(&ask), subscriber)
    }

    /// The variable by which a wake inside an operation knows that it is one.
    pub(super) fn mark(&self) -> (String, String) {
        let enclosing = self
            .place
            .environment
            .get(process_lock::VARIABLE)
            .map(String::as_str);
        let value = process_lock::mark(self.place.layout.top(), enclosing);
        (process_lock::VARIABLE.to_owned(), value)
    }

    /// Ends the work in the workspace, and lets others at it.
    pub(super) fn close(self) -> Result<()> {
        self.close_after(|| {})
    }

    /// As [`Self::close`]; does something when nothing more is written, and before others are let at it.
    pub(super) fn close_after(self, last: impl FnOnce()) -> Result<()> {
        let compacted = self.state.compact();
        last();
        compacted
    }

    /// Says when the latest build that ran something began, in nanoseconds since the epoch; 0: there was none.
    pub(super) fn last_build(&self) -> Result<i64> {
        let text = fs::read_if_exists(&self.last_build_file())?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&text).trim().parse().unwrap_or(0))
    }

    /// Remembers when the latest build that ran something began.
    pub(super) fn set_last_build(&self, began: i64) -> Result<()> {
        fs::write_atomic(&self.last_build_file(), format!("{began}\n").as_bytes())
    }

    fn last_build_file(&self) -> PathBuf {
        self.place.layout.state_directory().join("last-build")
    }
}

/// Processes that evaluate, as many as processors; none is started before it is needed.
pub(super) fn evaluators(
    limits: Evaluation,
    environment: &BTreeMap<String, String>,
) -> Result<Evaluators> {
    let setup = Setup {
        host: parameters::host(),
        environment: environment.clone(),
        memory: limits.memory,
    };
    Ok(Evaluators::new(evaluation(limits)?, setup, processors()))
}

/// How processes that evaluate are started and limited.
pub(super) fn evaluation(limits: Evaluation) -> Result<client::Options> {
    Ok(client::Options {
        memory: limits.memory,
        timeout: limits.timeout,
        program: environment::program()?,
    })
}

/// Retrievers as processes.
fn retrievers(
    resolution: Resolution,
    layout: &Layout,
    environment: &BTreeMap<String, String>,
) -> Result<Running> {
    Ok(Running::new(run::Surroundings {
        program: environment::program()?,
        environment: environment.clone(),
        temporary: layout.temporary_directory(),
        limits: run::Limits::default(),
        is_sandboxed: !resolution.is_unconfined,
    }))
}

fn policy(resolution: Resolution, workspace: &Workspace) -> Policy {
    let host = parameters::host_defaults();
    Policy {
        mode: resolution.mode,
        published_by: resolution.published_by,
        parameters: parameters::combine(&host, workspace, &Parameters::new()),
        registry: workspace.registry().map(ToOwned::to_owned),
        ..Policy::default()
    }
}

/// The user's cache directory: that of the environment, else the usual one below the home directory.
pub(super) fn cache_directory(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let value = environment.get(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    absolute("XDG_CACHE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".cache")))
}

/// How operations are observed, by what this user has.
pub(super) fn how_to_observe(cache_directory: Option<&Path>) -> How {
    How {
        copies: cache_directory.map(|cache| cache.join("wake/observe")),
        may_mount: true,
    }
}

/// What the file system says of wake's own file.
pub(super) fn build() -> Result<String> {
    let program = environment::program()?;
    let status = fs::stamp::stat(&program)
        .map_err(|error| Error::io(format!("Cannot look at `{}`", program.display()), &error))?;
    Ok(format!("{:?}", status.stamp))
}

fn processors() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
