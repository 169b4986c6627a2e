//! Two wakes in one workspace take turns.
//!
//! A wake that an operation starts in the workspace that is being built would wait for itself: it is told so at once. It
//! is known by [`VARIABLE`], which the evaluator sets for operations and which is in no key.

use super::layout::Layout;
use crate::error::{Error, Result};
use crate::fs::Lock;

/// Holds the workspaces' tops that are being built, joined by colons.
pub const VARIABLE: &str = "WAKE_WORKSPACE_LOCK";

/// Held until dropped.
#[derive(Debug)]
pub struct ProcessLock {
    _lock: Lock,
}

impl ProcessLock {
    /// Takes the lock of a workspace. `nested` is the value of [`VARIABLE`]; `wait` is called once if another wake holds
    /// the lock.
    pub fn acquire(layout: &Layout, nested: Option<&str>, wait: impl FnOnce()) -> Result<Self> {
        let top = layout.top().to_string_lossy();
        if nested.is_some_and(|tops| tops.split(':').any(|held| held == top)) {
            return Err(Error::user(format!(
                "wake is already at work in `{top}`, and has started this wake"
            ))
            .hint("let the operation depend on what it needs instead of building it"));
        }
        let file = layout.lock_file();
        let lock = match Lock::try_acquire(&file)? {
            Some(lock) => lock,
            None => {
                wait();
                Lock::acquire(&file)?
            }
        };
        Ok(Self { _lock: lock })
    }
}
