//! Two `wake` in one workspace take turns.

use std::path::Path;

use super::layout::Layout;
use crate::error::{Error, Result};
use crate::fs::Lock;

/// The environment variable by which a `wake` that an operation starts learns whose workspaces are being built: their
/// tops, one a line, the innermost first. wake sets it for every operation ([`mark`]).
pub const VARIABLE: &str = "WAKE_WORKSPACE_LOCK";

/// The right to work in a workspace, until dropped. The kernel takes it back from a process that dies.
#[derive(Debug)]
pub struct ProcessLock {
    _lock: Lock,
}

impl ProcessLock {
    /// Takes the lock of a workspace whose `.wake/` exists; calls `waiting` once if another process holds it, then waits
    /// for it. `enclosing` is the value of [`VARIABLE`] in wake's own environment.
    ///
    /// Inside an operation of the same workspace the wait would never end: that is a user error.
    pub fn acquire(
        layout: &Layout,
        enclosing: Option<&str>,
        waiting: impl FnOnce(),
    ) -> Result<Self> {
        if enclosing.is_some_and(|tops| tops.lines().any(|top| Path::new(top) == layout.top())) {
            return Err(is_inside(layout.top()));
        }
        let file = layout.lock_file();
        let lock = match Lock::try_acquire(&file)? {
            Some(lock) => lock,
            None => {
                waiting();
                Lock::acquire(&file)?
            }
        };
        Ok(Self { _lock: lock })
    }
}

/// The value of [`VARIABLE`] for the operations of a workspace; `enclosing` as in [`ProcessLock::acquire`].
pub fn mark(top: &Path, enclosing: Option<&str>) -> String {
    match enclosing {
        Some(tops) => format!("{}\n{tops}", top.display()),
        None => top.display().to_string(),
    }
}

fn is_inside(top: &Path) -> Error {
    Error::user(format!(
        "An operation of the workspace `{}` cannot run `wake` in it",
        top.display()
    ))
    .cause("the `wake` that runs the operation holds the workspace until it is done")
    .hint("depend on the module that the operation wants to build")
}
