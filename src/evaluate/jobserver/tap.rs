//! The pipe that tokens are in: taken and returned without waiting. What they are for is the business of others.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::OFlags;
use rustix::io::{Errno, ioctl_fionread, read, write};

use crate::fs::fifo::{self, Inherited};

/// See the module. Its descriptors are its own, so that it does not wait while others who have the pipe do.
#[derive(Debug)]
pub(super) struct Tap {
    read: OwnedFd,
    write: OwnedFd,
}

/// What came of taking.
#[derive(Debug)]
pub(super) enum Taken {
    Some(usize),
    /// Others have them all.
    Nothing,
    /// There will never be any: why.
    Gone(io::Error),
}

impl Tap {
    /// A named pipe of somebody else.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            // In this order: where nobody else has it open, writing needs a reader.
            read: fifo::open_pipe(path, OFlags::RDONLY)?,
            write: fifo::open_pipe(path, OFlags::WRONLY)?,
        })
    }

    /// A pipe that was inherited.
    pub(super) fn of(pipe: &Inherited) -> io::Result<Self> {
        Self::reopen(pipe.read, pipe.write)
    }

    /// The pipe behind two descriptors.
    pub(super) fn reopen(from: BorrowedFd<'_>, to: BorrowedFd<'_>) -> io::Result<Self> {
        Ok(Self {
            read: fifo::reopen(from, OFlags::RDONLY)?,
            write: fifo::reopen(to, OFlags::WRONLY)?,
        })
    }

    /// Two ends as they are.
    #[cfg(test)]
    pub(super) fn of_ends(read: OwnedFd, write: OwnedFd) -> Self {
        Self { read, write }
    }

    /// Fills as much of `buffer` as there is.
    pub(super) fn take(&self, buffer: &mut [u8]) -> Taken {
        loop {
            return match read(&self.read, &mut *buffer) {
                Ok(0) => Taken::Gone(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "its pipe is closed",
                )),
                Ok(count) => Taken::Some(count),
                Err(Errno::INTR) => continue,
                Err(Errno::AGAIN) => Taken::Nothing,
                Err(error) => Taken::Gone(error.into()),
            };
        }
    }

    /// Returns tokens, each as it was.
    pub(super) fn put(&self, mut tokens: &[u8]) -> io::Result<()> {
        while !tokens.is_empty() {
            match write(&self.write, tokens) {
                Ok(count) => tokens = &tokens[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// How many tokens are there.
    pub(super) fn count(&self) -> io::Result<usize> {
        Ok(usize::try_from(ioctl_fionread(&self.read)?).unwrap_or(usize::MAX))
    }
}

impl AsFd for Tap {
    /// Readable when there is a token.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.read.as_fd()
    }
}
