//! `wake build`: prepares a graph and evaluates it.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use super::watched;
use crate::cli::ahead::Ahead;
use crate::cli::options::{self, Build, Monitor};
use crate::cli::runner::Runner;
use crate::cli::session::{Asked, Session, how_to_observe};
use crate::error::{Error, Kind, Result};
use crate::evaluate::interrupt::Listening;
use crate::evaluate::{Background, Check, Interrupt, Options, Step, Wanted, jobserver};
use crate::event::{Event, Foreseen, Shared, Subscriber, Summary};
use crate::fs;
use crate::generate::early::Evaluation;
use crate::generate::{self, Purpose};
use crate::graph::Graph;
use crate::observe::{self, How};
use crate::pkg::policy::LockUse;
use crate::report::{self, ConsoleOptions, FirstError, Trace};

pub(super) fn run(options: &Build, console: ConsoleOptions) -> Result<ExitCode> {
    if let Some(code) = watched::answered(options, console)? {
        return Ok(code);
    }
    let mut building = Building::begin(options, console)?;
    if options.is_dry_run {
        return building.foresee(Purpose::Build, &Wanted::Build);
    }
    let graph = building.prepare(Purpose::Build)?;
    let summary = building.build(&graph, Wanted::Build)?;
    building.finish(&summary).map(ExitCode::from)
}

/// A build under way: what `build`, `run` and `test` have in common.
pub(super) struct Building<'a> {
    options: &'a Build,
    began: Instant,
    /// The time of the disk when it began.
    began_at: i64,
    pub(super) session: Session,
    pub(super) subscribers: Shared,
    pub(super) files: FirstError,
    interrupt: Interrupt,
    /// Until operations run there is nothing to bring to an end: an interrupt ends the process at once.
    ends_at_once: RefCell<Option<Listening>>,
    /// How many operations ran before the graph was known, and are not known as such by what evaluates it.
    early: Cell<usize>,
    /// What evaluates a part of the graph already, and the graph as that becomes it.
    background: Option<(Background, Graph)>,
    /// How many operations run at once at most, and with whom that is shared.
    jobs: usize,
    plan: jobserver::Plan,
    /// How many operations of a pool run at once.
    pools: BTreeMap<String, usize>,
    /// Whether operations may run while others are generated.
    runs_ahead: bool,
    /// Whether operations are observed.
    how: Option<How>,
    /// What tests are given; see [`Options`].
    pub(super) test_arguments: Vec<String>,
    pub(super) test_timeout: Option<Duration>,
}

impl<'a> Building<'a> {
    /// Opens the workspace and the files that the run writes about itself.
    pub(super) fn begin(options: &'a Build, console: ConsoleOptions) -> Result<Self> {
        let interrupt = Interrupt::on_signals()?;
        let files = FirstError::default();
        let mut subscribers = report::subscribers(console, options.events.as_deref(), &files)?;
        if let Some(path) = &options.trace {
            subscribers.push(Box::new(Trace::create(path, files.clone())?));
        }
        let subscribers = Shared::new(subscribers);
        let begun = Self::begin_with(options, interrupt, subscribers, files, || {})?;
        Ok(Self {
            // Whether a lock that must not change would is known when all is generated.
            runs_ahead: !options.skip_evaluate
                && options.declarations.resolution.mode.lock != LockUse::Keep,
            ..begun
        })
    }

    /// As [`Self::begin`], with what hears of it, and nothing runs before [`Self::build`]; `files` has what of that fails. `last` is done where an interrupt ends the
    /// process at once.
    pub(super) fn begin_with(
        options: &'a Build,
        interrupt: Interrupt,
        mut subscribers: Shared,
        files: FirstError,
        last: impl Fn() + Send + 'static,
    ) -> Result<Self> {
        let (began, began_at) = (Instant::now(), crate::fs::stamp::now());
        let ends_at_once = interrupt.listen(move || {
            last();
            std::process::exit(Kind::Interrupted.exit_code().into())
        });
        let mut sharing = options.sharing.clone();
        let (jobs, plan) = sharing.open();
        let session = Session::open(options.declarations, jobs, &mut subscribers)?;
        if let Some(text) = sharing.warning {
            subscribers.event(&Event::Warning { text });
        }
        let how = how(options.monitor, &session, &mut subscribers)?;
        let mut pools = session.place.workspace.pools();
        pools.extend(options.pools.clone());
        Ok(Self {
            jobs,
            plan,
            pools,
            options,
            began,
            began_at,
            session,
            subscribers,
            files,
            interrupt,
            ends_at_once: RefCell::new(Some(ends_at_once)),
            early: Cell::new(0),
            background: None,
            runs_ahead: false,
            how,
            test_arguments: Vec::new(),
            test_timeout: None,
        })
    }

    /// The graph of the targets, and `compile_commands.json` for it.
    pub(super) fn prepare(&mut self, purpose: Purpose) -> Result<Graph> {
        let asked = self.asked(purpose);
        let (mut runner, mut background) = (self.runner(), None);
        let (ends_at_once, early) = (&self.ends_at_once, &self.early);
        let mut ahead = Ahead {
            runner: runner.clone(),
            subscribers: self.subscribers.clone(),
            background: &mut background,
            interrupt: self.session.interrupt(),
            ends_at_once,
            early,
        };
        let run: &mut generate::Run<'_> = &mut |graph, state, files, subscriber| {
            *ends_at_once.borrow_mut() = None;
            let summary = runner.run(graph, state, Wanted::Files(files), subscriber)?;
            early.set(early.get() + summary.ran);
            Ok(summary)
        };
        let ahead = self.runs_ahead.then_some(&mut ahead as &mut dyn Evaluation);
        let subscribers = &mut self.subscribers;
        let mut prepared = (self.session).prepare_with(&asked, run, ahead, subscribers)?;
        self.background = background.zip(prepared.grown.take());
        if self.options.has_compile_commands {
            let top = &self.session.place.workspace.top;
            let updated = generate::compile_commands::update(top, &prepared, &self.session.state);
            self.or_abandon(updated)?;
        }
        Ok(prepared.graph)
    }

    /// Has what is evaluated already come to its end if something is wrong: nothing more is started.
    pub(super) fn or_abandon<T>(&mut self, result: Result<T>) -> Result<T> {
        if let Some((background, _)) = self.background.take_if(|_| result.is_err()) {
            let state = &mut self.session.state;
            background.give_back(state, Step::Abandoned);
            // The first error is told.
            let _ = background.end(state);
        }
        result
    }

    /// Runs what is out of date. The summary has the time since the beginning.
    pub(super) fn build(&mut self, graph: &Graph, wanted: Wanted) -> Result<Summary> {
        let mut summary = Summary::default();
        if let Some((background, grown)) = self.background.take() {
            let state = &mut self.session.state;
            background.give_back(state, Step::Whole(grown, wanted));
            summary = background.end(state)?;
        } else if !self.options.skip_evaluate {
            *self.ends_at_once.borrow_mut() = None;
            let mut runner = self.runner();
            let state = &mut self.session.state;
            summary = runner.run(graph, state, wanted, &mut self.subscribers)?;
        }
        // What ran before the graph was known is up to date by now.
        let early = self.early.take();
        summary.ran += early;
        summary.up_to_date = summary.up_to_date.saturating_sub(early);
        if summary.ran > 0 {
            self.session.set_last_build(self.began_at)?;
        }
        summary.milliseconds = self.began.elapsed().as_secs_f64() * 1000.0;
        Ok(summary)
    }

    fn asked(&self, purpose: Purpose) -> Asked<'a> {
        Asked {
            targets: &self.options.targets,
            parameters: &self.options.parameters,
            purpose,
            trust_saved: self.options.skip_generate,
        }
    }

    /// Tells what would run and why, runs nothing, and ends the run. What tasks must read is not made either: then what
    /// would make it is all that is known.
    pub(super) fn foresee(mut self, purpose: Purpose, wanted: &Wanted) -> Result<ExitCode> {
        let asked = self.asked(purpose);
        let runner = self.runner();
        let mut partial = None;
        let run: &mut generate::Run<'_> = &mut |graph, state, files, subscriber| {
            let preview = runner.foresee(graph, state, &Wanted::Files(files), subscriber)?;
            if preview.steps.is_empty() {
                return Ok(Summary::default());
            }
            partial = Some(preview);
            Err(Error::new(Kind::Failed, "Tasks would wait for operations"))
        };
        let prepared = (self.session).prepare_with(&asked, run, None, &mut self.subscribers);
        let is_partial = partial.is_some();
        let preview = match (partial, prepared) {
            (Some(preview), _) => preview,
            (None, prepared) => {
                let (graph, state) = (prepared?.graph, &mut self.session.state);
                runner.foresee(&graph, state, wanted, &mut self.subscribers)?
            }
        };
        let perhaps = preview.steps.iter().filter(|step| step.after.is_some());
        let perhaps = perhaps.count();
        let summary = Summary {
            up_to_date: preview.up_to_date,
            milliseconds: self.began.elapsed().as_secs_f64() * 1000.0,
            foreseen: Some(Foreseen {
                certain: preview.steps.len() - perhaps,
                perhaps,
                is_partial,
            }),
            ..Summary::default()
        };
        // The session is not closed: that would write down what was seen.
        self.subscribers.event(&Event::Finished(summary));
        self.files.check()?;
        Ok(ExitCode::SUCCESS)
    }

    fn runner(&self) -> Runner {
        let layout = &self.session.place.layout;
        let options = Options {
            jobs: self.jobs,
            load_limit: self.options.load_limit,
            jobserver: self.plan.clone(),
            pools: self.pools.clone(),
            keep_going: self.options.keep_going,
            force: self.options.force,
            check: match self.options.check {
                options::Check::Default => Check::Default,
                options::Check::Hash => Check::Hash,
                options::Check::Timestamp => Check::Timestamp,
            },
            observe: self.how.clone(),
            is_strict: self.options.monitor == Monitor::Strict,
            test_arguments: self.test_arguments.clone(),
            test_timeout: self.test_timeout,
            marks: vec![self.session.mark()],
            ..Options::new(layout.temporary_directory(), self.interrupt.clone())
        };
        Runner {
            options,
            state_directory: layout.state_directory(),
        }
    }

    /// Tells the end of the run and closes the workspace. Returns the exit code.
    pub(super) fn finish(mut self, summary: &Summary) -> Result<u8> {
        self.session.close()?;
        self.subscribers.event(&Event::Finished(summary.clone()));
        self.files.check()?;
        Ok(exit_code(summary))
    }
}

/// How operations are observed, if they can be. Whoever asks for it hears here if not; else that is seen, and said, when
/// the first operation starts.
///
/// # Errors
/// `Environment`: they cannot be, and must.
fn how(monitor: Monitor, session: &Session, subscribers: &mut Shared) -> Result<Option<How>> {
    if monitor == Monitor::Off {
        return Ok(None);
    }
    let how = how_to_observe(session.place.cache_directory.as_deref());
    let mut cause = obstacle(session);
    if monitor != Monitor::IfPossible && cause.is_none() {
        cause = observe::observer(&how).err().map(ToOwned::to_owned);
    }
    let Some(cause) = cause else {
        return Ok(Some(how));
    };
    subscribers.event(&match monitor {
        Monitor::Strict => {
            return Err(Error::environment("Operations cannot be observed")
                .cause(cause)
                .hint("what they touch is not seen, so build without `--strict`"));
        }
        Monitor::Wanted => Event::Warning {
            text: format!("operations are not observed: {cause}"),
        },
        _ => Event::NotObserved { cause },
    });
    Ok(None)
}

/// Why operations of this workspace cannot be observed.
fn obstacle(session: &Session) -> Option<String> {
    // Paths are compared as the kernel resolves them.
    let temporary = session.place.layout.temporary_directory();
    let own = temporary.parent()?;
    let places = ["", "out", "cache", "tmp"].map(|name| own.join(name));
    let link = places.iter().find(|place| fs::is_link(place))?;
    Some(format!("`{}` is a link", link.display()))
}

/// What a summary means for whoever waits for the process.
pub(super) fn exit_code(summary: &Summary) -> u8 {
    if summary.interrupted {
        Kind::Interrupted.exit_code()
    } else if summary.failed > 0 && summary.failed == summary.refused {
        Kind::User.exit_code()
    } else if summary.failed > 0 || summary.tests_failed > 0 {
        Kind::Failed.exit_code()
    } else {
        0
    }
}
