//! The disk, the clock and the runner, as the evaluator sees them: real, or imitated in memory by tests.

use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::fingerprint::Part;
use crate::fs::stamp::{self, Clock, Status};
use crate::fs::{self, Fingerprint, Stamp, fingerprint};

use super::exec::{self, Ended, Process};
use super::interrupt::Interrupt;
use super::pressure::{self, Strain};

/// Paths are absolute. Errors name the path.
pub trait World: Sync {
    /// What is at a path, a link itself if it is one.
    fn status(&self, path: &Path) -> std::io::Result<Status>;
    /// What is at these names in a directory, told to `each` in their order; where one cannot be looked at, it and those
    /// behind it are left out.
    fn statuses(&self, directory: &Path, names: &[&CStr], each: &mut dyn FnMut(Status)) {
        let path = |name: &CStr| directory.join(OsStr::from_bytes(name.to_bytes()));
        let statuses = names.iter().map_while(|name| self.status(&path(name)).ok());
        statuses.for_each(each);
    }
    /// What tells that it changed.
    fn stamp(&self, path: &Path) -> std::io::Result<Stamp>;
    /// Stamp and content.
    fn fingerprint(&self, path: &Path) -> std::io::Result<Fingerprint>;
    /// Stamp and content of a part of what is there.
    fn part(&self, path: &Path, part: Part) -> std::io::Result<Fingerprint>;
    /// The clock that the disk stamps with, in nanoseconds.
    fn now(&self) -> i64;
    /// The time of day in nanoseconds, precise enough to tell which of two operations ended first.
    fn time_of_day(&self) -> i64 {
        self.now()
    }
    /// How old a change on this device must be to be told from the next one, in nanoseconds.
    fn granularity(&self, device: u64) -> i64;
    /// A whole file, or `None` where there is none.
    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>>;
    fn write(&self, path: &Path, content: &[u8], executable: bool) -> Result<()>;
    fn copy(&self, from: &Path, to: &Path) -> Result<()>;
    /// With parents; one that is there is no error.
    fn create_directories(&self, path: &Path) -> Result<()>;
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;
    /// Whatever is there, with all below it; nothing there is no error.
    fn remove(&self, path: &Path) -> Result<()>;
    /// Removes a directory if it is empty; returns whether it is gone.
    fn remove_if_empty(&self, path: &Path) -> bool;
    /// Whether it is a directory in which nothing is.
    fn is_empty_directory(&self, path: &Path) -> bool;
    /// The path without links, of something that is there.
    fn canonicalize(&self, path: &Path) -> Result<PathBuf>;
    /// Ends the processes that an evaluation which was killed has left behind: those that have this environment variable
    /// with this line in it.
    fn end_leftovers(&self, variable: &str, line: &str) -> Result<()>;
    /// How the machine is doing; a machine that says nothing has enough of everything.
    fn strain(&self) -> Strain {
        Strain::default()
    }
    /// Runs a process to its end.
    fn run(&self, process: &Process, interrupt: &Interrupt) -> Ended;
}

/// This machine.
pub struct Real {
    clock: Clock,
}

impl Real {
    /// `directory`: any directory of the workspace that wake may write to, such as that of its state.
    pub fn new(directory: &Path) -> Self {
        Self {
            clock: Clock::new(directory),
        }
    }
}

impl World for Real {
    fn status(&self, path: &Path) -> std::io::Result<Status> {
        stamp::lstat(path)
    }

    fn statuses(&self, directory: &Path, names: &[&CStr], each: &mut dyn FnMut(Status)) {
        stamp::lstat_in(directory, names, each);
    }

    fn stamp(&self, path: &Path) -> std::io::Result<Stamp> {
        fingerprint::stamp_of(path).map(|(stamp, _)| stamp)
    }

    fn fingerprint(&self, path: &Path) -> std::io::Result<Fingerprint> {
        fingerprint::fingerprint(path)
    }

    fn part(&self, path: &Path, part: Part) -> std::io::Result<Fingerprint> {
        fingerprint::part(path, part)
    }

    fn now(&self) -> i64 {
        stamp::now()
    }

    fn time_of_day(&self) -> i64 {
        stamp::time_of_day()
    }

    fn granularity(&self, device: u64) -> i64 {
        self.clock.granularity(device)
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        fs::read_if_exists(path)
    }

    fn write(&self, path: &Path, content: &[u8], executable: bool) -> Result<()> {
        fs::write(path, content)?;
        if executable {
            let all = rustix::fs::Mode::from_raw_mode(0o755);
            rustix::fs::chmod(path, all).map_err(|error| {
                let subject = format!("Cannot make `{}` executable", path.display());
                Error::io(subject, &error.into())
            })?;
        }
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        fs::copy(from, to)
    }

    fn create_directories(&self, path: &Path) -> Result<()> {
        fs::create_directories(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> Result<()> {
        fs::remove_all(path)
    }

    fn remove_if_empty(&self, path: &Path) -> bool {
        fs::remove_if_empty(path)
    }

    fn is_empty_directory(&self, path: &Path) -> bool {
        fs::is_empty_directory(path)
    }

    fn canonicalize(&self, path: &Path) -> Result<PathBuf> {
        fs::canonicalize(path)
    }

    fn end_leftovers(&self, variable: &str, line: &str) -> Result<()> {
        crate::sandbox::orphans::end_marked(variable, line)
    }

    fn strain(&self) -> Strain {
        pressure::look()
    }

    fn run(&self, process: &Process, interrupt: &Interrupt) -> Ended {
        let mut ended = exec::run(process, interrupt);
        ended.memory_kib = pressure::beyond_own(ended.memory_kib);
        ended
    }
}
