//! A lock file held by one process, or shared by several; the kernel lets go of it when the process dies.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, Result};

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the lock at once, or returns `None` while another process holds it.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let lock = Self::opened(path, super::open_append(path)?);
        Ok(lock.try_exclude()?.then_some(lock))
    }

    /// Waits for the lock.
    pub fn acquire(path: &Path) -> Result<Self> {
        let lock = Self::opened(path, super::open_append(path)?);
        lock.exclude()?;
        Ok(lock)
    }

    /// Waits until nobody excludes others, and holds the lock together with those who share it. A file that may not
    /// be written is good enough.
    pub fn share(path: &Path) -> Result<Self> {
        let file =
            super::open_append(path).or_else(|error| super::open(path).map_err(|_| error))?;
        let lock = Self::opened(path, file);
        lock.readmit()?;
        Ok(lock)
    }

    /// Excludes all others at once, or returns false: then nothing is held any more, not even a share.
    pub fn try_exclude(&self) -> Result<bool> {
        self.turn_into(FlockOperation::NonBlockingLockExclusive)
    }

    /// Waits until nobody else holds the lock. A share that is held is given up meanwhile.
    pub fn exclude(&self) -> Result<()> {
        self.turn_into(FlockOperation::LockExclusive).map(drop)
    }

    /// Shares the lock again.
    pub fn readmit(&self) -> Result<()> {
        self.turn_into(FlockOperation::LockShared).map(drop)
    }

    fn opened(path: &Path, file: File) -> Self {
        Self {
            file,
            path: path.to_owned(),
        }
    }

    fn turn_into(&self, operation: FlockOperation) -> Result<bool> {
        loop {
            match flock(&self.file, operation) {
                Ok(()) => return Ok(true),
                Err(rustix::io::Errno::WOULDBLOCK) => return Ok(false),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    return Err(Error::io(
                        format!("Cannot lock `{}`", self.path.display()),
                        &error.into(),
                    ));
                }
            }
        }
    }
}
