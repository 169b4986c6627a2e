//! Evaluate: runs the operations of a graph that are out of date, and nothing else (DESIGN §5).
//!
//! [`evaluate`] is the whole stage. `survey` looks at files in parallel, `fresh` decides, `schedule` owns what happens
//! when, with `queue` for the order, `room` and `jobserver` for how much at once; `perform` runs one operation on a worker
//! of the `crew` with `outputs` and `exec`, `state` remembers. [`preview`] tells what would run, [`causes`] what ran and
//! what led to it. It emits events and never prints; it reads no arguments, no environment and no declarations.

pub mod background;
pub mod causes;
mod crew;
#[cfg(test)]
mod damage_tests;
pub mod depfile;
pub mod exec;
pub mod explain;
pub mod files;
pub mod forecast;
#[cfg(test)]
mod forecast_tests;
pub mod fresh;
pub mod growth;
#[cfg(test)]
mod imitation;
pub mod interrupt;
pub mod jobserver;
#[cfg(test)]
mod model;
#[cfg(test)]
mod model_tests;
pub mod observed;
pub mod outputs;
pub mod perform;
pub mod prepare;
pub mod pressure;
pub mod preview;
pub mod queue;
pub mod results;
pub mod room;
pub mod schedule;
pub mod stale;
mod start;
pub mod state;
pub mod survey;
pub mod suspend;
#[cfg(test)]
mod tests;
pub mod wanted;
pub mod world;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, Result};
use crate::event::{Event, Subscriber, Summary};
use crate::graph::Graph;
use crate::observe;

pub use background::Background;
pub use files::Check;
pub use growth::{Growth, Step};
pub use interrupt::Interrupt;
pub use preview::{Preview, Question, preview};
pub use results::name;
pub use state::State;
pub use wanted::Wanted;
pub use world::{Real, World};

/// What an evaluation is asked for.
#[derive(Clone)]
pub struct Options {
    /// How many operations run at once, at least 1.
    pub jobs: usize,
    /// Start nothing more beside others while the load of the machine is as high.
    pub load_limit: Option<f64>,
    pub jobserver: jobserver::Plan,
    /// Start nothing more after so many failures; 0: never stop. Failed tests do not count.
    pub keep_going: usize,
    /// Run everything that is wanted.
    pub force: bool,
    pub check: Check,
    pub wanted: Wanted,
    /// Appended to the arguments of every test.
    pub test_arguments: Vec<String>,
    /// Instead of what tests declare.
    pub test_timeout: Option<Duration>,
    /// Variables that every process gets and that are in no key: wake's own.
    pub marks: Vec<(String, String)>,
    /// Between the request to end and the order.
    pub grace: Duration,
    /// A directory for temporary files, of which wake owns everything: `.wake/tmp`.
    pub private: PathBuf,
    /// What tools keep between runs, `.wake/cache`: what is read there is no dependency.
    pub caches: PathBuf,
    /// Where outputs of processes go that are too long to show, `.wake/logs`; one file an operation.
    pub logs: PathBuf,
    /// Note what operations touch, where that is possible.
    pub observe: Option<observe::How>,
    /// Reading of the workspace, or making, what is not declared is an error, where it is observed.
    pub is_strict: bool,
    /// How many operations of a pool run at once; 1 for those that are not named.
    pub pools: BTreeMap<String, usize>,
    pub interrupt: Interrupt,
}

impl Options {
    /// The defaults of `wake build`.
    pub fn new(private: PathBuf, interrupt: Interrupt) -> Self {
        Self {
            jobs: std::thread::available_parallelism().map_or(1, usize::from),
            load_limit: None,
            jobserver: jobserver::Plan::default(),
            keep_going: 1,
            force: false,
            check: Check::Default,
            wanted: Wanted::Build,
            test_arguments: Vec::new(),
            test_timeout: None,
            marks: Vec::new(),
            grace: Duration::from_secs(2),
            caches: private.with_file_name("cache"),
            logs: private.with_file_name("logs"),
            private,
            observe: None,
            is_strict: false,
            pools: BTreeMap::new(),
            interrupt,
        }
    }
}

/// Begins to observe, if that was not begun yet and is possible, and says how, or why not.
pub fn begin_observing(how: &observe::How) -> Event {
    match observe::observer(how) {
        Ok(observer) => Event::Observed {
            asking: observer.asking().clone(),
        },
        Err(cause) => Event::NotObserved {
            cause: cause.to_owned(),
        },
    }
}

/// Brings everything that is wanted up to date. A failed operation is no error: it is in the summary.
///
/// The caller holds the workspace's lock, sends the first and the last event of the run, exits 130 if the summary says
/// interrupted, ends what left its process group ([`crate::sandbox::orphans`]), and lets the state compact itself at the end
/// ([`State::compact`]).
///
/// # Errors
/// `Environment`: the state could not be written, or a stale output not removed. Nothing that was recorded is lost.
/// `Internal`: the graph was made with another state.
pub fn evaluate(
    graph: &Graph,
    state: &mut State,
    world: &dyn World,
    options: &Options,
    subscriber: &mut dyn Subscriber,
) -> Result<Summary> {
    check_origin(graph, state)?;
    schedule::run(graph, state, world, options, None, subscriber)
}

/// As [`evaluate`], of a graph that may grow meanwhile: it ends when `growth` has no more.
///
/// # Errors
/// Those of [`evaluate`].
pub fn evaluate_growing(
    graph: &Graph,
    state: &mut State,
    world: &dyn World,
    options: &Options,
    growth: &mut dyn Growth,
    subscriber: &mut dyn Subscriber,
) -> Result<Summary> {
    check_origin(graph, state)?;
    schedule::run(graph, state, world, options, Some(growth), subscriber)
}

fn check_origin(graph: &Graph, state: &State) -> Result<()> {
    let meta = graph.meta();
    if meta.state == state.name() && meta.paths as usize <= state.path_count() {
        return Ok(());
    }
    Err(Error::internal(
        "The graph was generated with another state",
    ))
}
