//! Where the tokens of a build come from: a jobserver of its own, or the one of the make that started it. It is open as
//! long as it exists, and knows nothing of who holds which token.
//!
//! A jobserver of wake's own is a named pipe in its private directory, and two descriptors of the same pipe that every
//! process inherits. Processes are told of the descriptors: make before 4.4 and GCC before 13 know nothing else, and such a
//! make ends when it reads of a named pipe. Those of Ninja are told of the name: it knows nothing else. `Style` is for
//! whoever knows better.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;

use crate::fs::fifo::{self, Inherited};

use super::makeflags::{self, Place};
use super::tap::Tap;

/// What operations are told of a jobserver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// By the tool.
    #[default]
    Auto,
    /// The name of a pipe, also where the tool may not understand it.
    Fifo,
    /// Descriptors.
    Pipe,
}

/// What a token of wake's own looks like: as those of make.
pub(super) const TOKEN: u8 = b'+';

/// Programs that understand the name of a pipe and no descriptors.
const KNOW_ONLY_NAMES: [&str; 2] = ["ninja", "ninja-build"];

/// The first number for descriptors that processes inherit: below, scripts redirect.
const FIRST: i32 = 100;

/// See the module.
#[derive(Debug)]
pub struct Supply {
    pub(super) tap: Tap,
    /// How many tokens there are in all, where it is wake's own.
    pub(super) total: Option<usize>,
    /// With the token that everybody has.
    jobs: Option<usize>,
    /// What processes are told by the name of the pipe, if it has one that can be told.
    by_name: Option<Place>,
    /// What they are told by descriptors, if they inherit any.
    by_number: Option<Place>,
    style: Style,
    /// Keeps open what the processes inherit.
    _inherited: Option<(OwnedFd, OwnedFd)>,
}

impl Supply {
    /// Begins to serve `jobs` jobs in all. `path`: where the named pipe is to be; its directory exists.
    ///
    /// # Errors
    /// That of the system: no descriptor is left.
    pub fn serve(jobs: usize, path: &Path, style: Style) -> io::Result<Self> {
        let name = makeflags::can_name(path).then_some(path);
        // Not every file system has named pipes.
        let name = name.filter(|path| fifo::make(path).is_ok());
        let (read, write) = match name {
            Some(path) => {
                // The first one must be able to do both: whoever opens one end would wait for the other, or be refused.
                let both = fifo::open_pipe(path, OFlags::RDWR)?;
                (
                    fifo::reopen(both.as_fd(), OFlags::RDONLY)?,
                    fifo::reopen(both.as_fd(), OFlags::WRONLY)?,
                )
            }
            None => {
                let (read, write) = std::io::pipe()?;
                (read.into(), write.into())
            }
        };
        let tap = Tap::reopen(read.as_fd(), write.as_fd())?;
        let inherited = (bequeath(&read)?, bequeath(&write)?);
        let total = jobs.saturating_sub(1);
        tap.put(&vec![TOKEN; total])?;
        Ok(Self {
            tap,
            total: Some(total),
            jobs: Some(jobs),
            by_name: name.map(|path| Place::Fifo(path.to_owned())),
            by_number: Some(Place::Pipe(
                inherited.0.as_raw_fd(),
                inherited.1.as_raw_fd(),
            )),
            style,
            _inherited: Some(inherited),
        })
    }

    /// Joins the jobserver that another process offers.
    ///
    /// # Errors
    /// Why it cannot be used.
    pub fn join(place: &Place, jobs: Option<usize>) -> io::Result<Self> {
        let tap = match place {
            Place::Fifo(path) => Tap::open(path)?,
            Place::Pipe(read, write) => Tap::of(&Inherited::of(*read, *write)?)?,
        };
        let is_fifo = matches!(place, Place::Fifo(_));
        Ok(Self {
            tap,
            total: None,
            jobs,
            by_name: is_fifo.then(|| place.clone()),
            by_number: (!is_fifo).then(|| place.clone()),
            style: Style::Auto,
            _inherited: None,
        })
    }

    /// One of another process, from a tap alone.
    #[cfg(test)]
    pub(super) fn of_others(tap: Tap) -> Self {
        Self {
            tap,
            total: None,
            jobs: None,
            by_name: None,
            by_number: None,
            style: Style::Auto,
            _inherited: None,
        }
    }

    /// The value of `MAKEFLAGS` for a process.
    pub fn makeflags(&self, executable: &Path) -> Option<String> {
        let program = executable.file_name().and_then(|name| name.to_str());
        let prefers_name = match self.style {
            Style::Auto => program.is_some_and(|name| KNOW_ONLY_NAMES.contains(&name)),
            Style::Fifo => true,
            Style::Pipe => false,
        };
        let (name, number) = (self.by_name.as_ref(), self.by_number.as_ref());
        let place = match prefers_name {
            true => name.or(number),
            false => number.or(name),
        };
        place.map(|place| makeflags::format(self.jobs, place))
    }

    /// The descriptors that processes are told of and must inherit, sorted.
    pub fn descriptors(&self) -> Vec<i32> {
        match self.by_number {
            Some(Place::Pipe(read, write)) => vec![read.min(write), read.max(write)],
            _ => Vec::new(),
        }
    }

    /// How many jobs there are in all, if that is known.
    pub fn jobs(&self) -> Option<usize> {
        self.jobs
    }
}

/// The pipe of `descriptor` as one that waits and that processes inherit.
fn bequeath(descriptor: &OwnedFd) -> io::Result<OwnedFd> {
    set_waiting(descriptor.as_fd())?;
    let high = rustix::io::fcntl_dupfd_cloexec(descriptor, FIRST);
    // Where so many descriptors may not be open, the next best.
    let copy = high.or_else(|_| rustix::io::fcntl_dupfd_cloexec(descriptor, 3))?;
    rustix::io::fcntl_setfd(&copy, rustix::io::FdFlags::empty())?;
    Ok(copy)
}

fn set_waiting(descriptor: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::io::ioctl_fionbio(descriptor, false)?)
}

/// Where the named pipe of a build is, below its private directory.
pub(super) fn fifo_path(private: &Path) -> PathBuf {
    private.join("jobserver")
}
