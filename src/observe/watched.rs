//! What the threads of the observer share: whose trace each process is noted in.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::call::{self, Call};
use super::fast::{Handing, Log, Record};
use super::said;
use super::trace::{Gap, There, Trace};

#[derive(Default)]
pub(super) struct Shared {
    pub(super) belongings: Mutex<Belongings>,
    /// Paths outside of the busy directories that were looked at once.
    pub(super) looked: Mutex<HashSet<Vec<u8>>>,
    /// Set when the kernel asks nobody any more.
    pub(super) failed: OnceLock<String>,
    /// What programs write down themselves, if they do.
    pub(super) log: OnceLock<Mutex<Log>>,
    /// How they are given what they need for that, if it is not put in place, and whether they are to be.
    pub(super) handing: OnceLock<Handing>,
    pub(super) is_handing: AtomicBool,
}

impl Shared {
    pub(super) fn is_first_look(&self, path: &[u8]) -> bool {
        let mut looked = lock(&self.looked);
        let is_first = looked.len() < MOST_LOOKED && !looked.contains(path);
        if is_first {
            looked.insert(path.to_vec());
        }
        is_first
    }

    /// Whose a process group is; `None`: nobody's, as those are that outlived their program.
    pub(super) fn whose(&self, group: i32) -> Option<Arc<Watched>> {
        let belongings = lock(&self.belongings);
        let starting = belongings.starting.iter();
        let mut starting = starting.filter(|one| one.group.load(Ordering::Acquire) == group);
        starting
            .next()
            .map(|starting| &starting.watched)
            .or_else(|| belongings.groups.get(&group))
            .map(Arc::clone)
    }

    /// Has the programs that run now ask about everything from here on: one is about to be confined to calls that it
    /// foresees, and what it would write down takes others.
    pub(super) fn close_log(&self) {
        if let Some(log) = self.log.get() {
            lock(log).close();
        }
    }

    /// Notes what programs have written down since the last time. Returns the groups of those that have begun to and not
    /// ended.
    pub(super) fn drain(&self) -> Vec<i32> {
        let Some(log) = self.log.get() else {
            return Vec::new();
        };
        let oldest = || {
            let belongings = lock(&self.belongings);
            belongings
                .all()
                .map(|watched| watched.generation)
                .min()
                .unwrap_or(u64::MAX)
        };
        // One program after the other writes many.
        let mut last: Option<(i32, Arc<Watched>)> = None;
        let mut text = Vec::new();
        let drained = lock(log).drain(&oldest, &mut |record| {
            if last
                .as_ref()
                .is_none_or(|(group, _)| *group != record.group)
            {
                last = self.whose(record.group).map(|whose| (record.group, whose));
            }
            if let Some((_, watched)) = &last {
                note(&record, &mut lock(&watched.trace), &mut text);
            }
        });
        if drained.is_lost {
            let belongings = lock(&self.belongings);
            for watched in belongings.all() {
                lock(&watched.trace).miss(Gap::Lost);
            }
        }
        drained.unfinished
    }
}

/// Notes what a program has written down.
fn note(record: &Record<'_>, trace: &mut Trace, text: &mut Vec<u8>) {
    let [second, third, fourth] = record.arguments.map(u64::from);
    // What is written down is relative to the working directory, if it is relative.
    let directory = libc::AT_FDCWD as u32;
    let arguments = [u64::from(directory), second, third, fourth, 0, 0];
    let number = libc::c_long::from(record.number);
    let Some(Call::Touches([Some(named), None])) = call::decode(number, &arguments) else {
        return;
    };
    text.clear();
    if !record.path.starts_with(b"/") {
        if record.path.is_empty() {
            return;
        }
        if !record.directory.starts_with(b"/") {
            if said::leads_up(record.path) {
                trace.miss(Gap::Nameless("a path from a deleted directory"));
            }
            return;
        }
        text.extend_from_slice(record.directory);
        text.push(b'/');
    }
    text.extend_from_slice(record.path);
    let found = match record.found {
        -1 => Some(There::Nothing),
        0 => None,
        time => Some(There::Something(time)),
    };
    trace.note(text, named.deeds, found);
}

/// More paths than this are not kept.
const MOST_LOOKED: usize = 200_000;

/// Whose trace a process is noted in.
#[derive(Default)]
pub(super) struct Belongings {
    /// By process group.
    pub(super) groups: HashMap<i32, Arc<Watched>>,
    /// What is just being started.
    pub(super) starting: Vec<Starting>,
}

/// What is just being started.
pub(super) struct Starting {
    /// Its process group, once its process is there.
    pub(super) group: Arc<AtomicI32>,
    pub(super) watched: Arc<Watched>,
}

impl Belongings {
    fn all(&self) -> impl Iterator<Item = &Arc<Watched>> {
        let starting = self.starting.iter().map(|starting| &starting.watched);
        self.groups.values().chain(starting)
    }
}

/// One program that is observed with all that descends from it.
pub struct Watched {
    pub(super) trace: Mutex<Trace>,
    /// Below this directory it is noted whether something was there when it was first touched; elsewhere, of what is
    /// changed, and the first time that any program touches it: mostly, nobody works there.
    pub(super) busy: PathBuf,
    /// The number of the log that it found when it began.
    pub(super) generation: u64,
}

impl Watched {
    /// One that has not begun. `busy`: the directory in which others work at the same time.
    pub(super) fn new(busy: &Path, generation: u64) -> Arc<Self> {
        Arc::new(Self {
            trace: Mutex::default(),
            busy: busy.to_owned(),
            generation,
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
