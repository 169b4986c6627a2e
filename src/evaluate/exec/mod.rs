//! Processes: starts one without a shell, keeps what it prints, sees it end, and leaves nothing of it behind. It knows
//! no graphs, no operations and no state.
//!
//! Each process leads a process group. Its end is seen by its pidfd, not by the end of its pipe, so one that leaves a
//! daemon behind does not hang the build; what is left of the group is then killed. What has left the group is adopted
//! ([`crate::sandbox::orphans`]) and killed at the end of the build. All of them stop and go on together with wake
//! ([`super::suspend`]).

mod child;
mod memory;
pub mod output;
mod refusal;
pub mod response;
mod start;
#[cfg(test)]
mod tests;

use std::os::fd::RawFd;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::Error;
use crate::event::Outcome;
use crate::graph::ResponseFile;
use crate::observe::{How, Seen};

use super::interrupt::Interrupt;
use output::{Log, Printed};

/// What a process reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Input {
    #[default]
    Nothing,
    File(PathBuf),
    Text(Vec<u8>),
}

/// A process to run; all paths absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub executable: PathBuf,
    pub arguments: Vec<String>,
    pub directory: PathBuf,
    /// Exactly this, sorted by name.
    pub environment: Vec<(String, String)>,
    pub input: Input,
    /// Where standard output goes; else it is kept together with standard error.
    pub stdout: Option<PathBuf>,
    /// Descriptors that it inherits besides its streams, with their numbers, sorted: nothing else is inherited, whether or
    /// not it is marked to be closed.
    pub inherited: Vec<RawFd>,
    /// Gets the three standard streams of wake itself, and stays in its process group.
    pub console: bool,
    pub timeout: Option<Duration>,
    /// Between the request to end and the order.
    pub grace: Duration,
    pub response_file: ResponseFile,
    /// Where a response file is written.
    pub temporary: PathBuf,
    /// Where all that it prints goes, if it is too much to keep.
    pub log: Option<Log>,
    /// Who prints more bytes than this has no end, and is stopped.
    pub most_printed: u64,
    /// How it is noted what it touches, if that is to be, and is possible.
    pub observed: Option<Watch>,
}

/// How it is noted what a process touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watch {
    pub how: How,
    /// The directory in which others work at the same time.
    pub busy: PathBuf,
}

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ended {
    pub outcome: Outcome,
    /// Standard output and standard error, in the order they came.
    pub printed: Printed,
    /// Of the largest process, in KiB.
    pub memory_kib: u64,
    /// What it touched, if that was to be observed and could be.
    pub observed: Option<Seen>,
}

impl Ended {
    /// It could not be run.
    pub fn unusable(error: &Error) -> Self {
        Self {
            outcome: Outcome::unusable(error),
            printed: Printed::default(),
            memory_kib: 0,
            observed: None,
        }
    }
}

/// Descriptors that wake itself has open, and more.
const OWN_DESCRIPTORS: u64 = 64;
/// Descriptors for one process: its pipe, its pidfd, its standard input and output, a file with all that it prints, and what is
/// opened to hash its outputs.
const DESCRIPTORS: u64 = 8;

/// Raises the limit of open files, as far as the user may, to what `jobs` processes at once need. Processes inherit it,
/// so it is left alone where it suffices, as it does for the usual limit and fewer than about a hundred jobs.
pub fn make_room(jobs: usize) {
    memory::note_count();
    let wanted = (jobs as u64).saturating_mul(DESCRIPTORS) + OWN_DESCRIPTORS;
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(wanted, |maximum| maximum.min(wanted));
    if limit.current.is_some_and(|current| current < wanted) {
        let raised = Rlimit {
            current: Some(wanted),
            ..limit
        };
        // Without it, what cannot be started says so.
        let _ = setrlimit(Resource::Nofile, raised);
    }
}

/// Runs a process to its end, or until `interrupt` asks to stop.
pub fn run(process: &Process, interrupt: &Interrupt) -> Ended {
    match response::arguments(process) {
        Ok(arguments) => child::run(process, &arguments, interrupt),
        Err(error) => Ended::unusable(&error),
    }
}
