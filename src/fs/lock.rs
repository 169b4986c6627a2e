//! A lock file held by one process at a time; the kernel lets go of it when the process dies.

use std::fs::File;
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

use crate::error::{Error, Result};

/// Held until dropped.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// Takes the lock at once, or returns `None` while another process holds it.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let file = super::open_append(path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(rustix::io::Errno::WOULDBLOCK) => Ok(None),
            Err(error) => Err(Error::io(
                format!("Cannot lock `{}`", path.display()),
                &error.into(),
            )),
        }
    }

    /// Waits for the lock.
    pub fn acquire(path: &Path) -> Result<Self> {
        let file = super::open_append(path)?;
        loop {
            match flock(&file, FlockOperation::LockExclusive) {
                Ok(()) => return Ok(Self { _file: file }),
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => {
                    return Err(Error::io(
                        format!("Cannot lock `{}`", path.display()),
                        &error.into(),
                    ));
                }
            }
        }
    }
}
