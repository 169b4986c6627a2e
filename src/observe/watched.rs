//! What the threads of the observer share: whose trace each process is noted in.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::trace::Trace;

#[derive(Default)]
pub(super) struct Shared {
    pub(super) belongings: Mutex<Belongings>,
    /// Paths outside of the busy directories that were looked at once.
    pub(super) looked: Mutex<HashSet<Vec<u8>>>,
    /// Set when the kernel asks nobody any more.
    pub(super) failed: OnceLock<String>,
}

/// More paths than this are not kept.
const MOST_LOOKED: usize = 200_000;

impl Shared {
    pub(super) fn is_first_look(&self, path: &[u8]) -> bool {
        let mut looked = lock(&self.looked);
        let is_first = looked.len() < MOST_LOOKED && !looked.contains(path);
        if is_first {
            looked.insert(path.to_vec());
        }
        is_first
    }
}

/// Whose trace a process is noted in.
#[derive(Default)]
pub(super) struct Belongings {
    /// By process group.
    pub(super) groups: HashMap<i32, Arc<Watched>>,
    /// What is just being started, with the address of its path in wake's own memory, by which it is known.
    pub(super) starting: Option<(u64, Arc<Watched>)>,
}

/// One program that is observed with all that descends from it.
pub struct Watched {
    pub(super) trace: Mutex<Trace>,
    /// Below this directory it is noted whether something was there when it was first touched; elsewhere, of what is
    /// changed, and the first time that any program touches it: mostly, nobody works there.
    pub(super) busy: PathBuf,
}

impl Watched {
    /// One that has not begun. `busy`: the directory in which others work at the same time.
    pub fn new(busy: &Path) -> Arc<Self> {
        Arc::new(Self {
            trace: Mutex::default(),
            busy: busy.to_owned(),
        })
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("Watched")
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
