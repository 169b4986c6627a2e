//! The lookout: what is watched, what has happened since the last look, and whether the last build still holds. Shared by
//! the thread that hears the kernel, those that answer, and the one that builds.
//!
//! A **vouch** is what the builder leaves when it has looked at everything and found all up to date. It is taken back by
//! anything that happens to what is watched. So that nothing falls in between:
//!
//! 1. The builder watches, then begins ([`Lookout::begin`]), then looks at the disk.
//! 2. [`Lookout::vouch`] drains the queue and refuses if anything has happened since it began.
//! 3. [`Lookout::answer`] drains the queue, too: what anybody has finished changing before they ask is known by then.

use std::collections::{BTreeSet, HashMap};
use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::io::Errno;

use super::debounce::Burst;
use super::filesystem;
use super::message::{Answer, Request};
use super::notice::{Attention, Notice, Queue, Watch, What};
use super::scope::{Area, Scope};
use crate::workspace::front::{Front, Surroundings};

/// So many changed files are named.
const MOST_NAMED: usize = 100;

/// Why changes may be missed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blindness {
    /// The kernel gives the user no queue: why.
    NoQueue(String),
    /// The kernel watches no more directories for the user.
    Limit { watched: usize, wanted: usize },
    /// A file system that does not tell what others change.
    FileSystem { name: String, directory: PathBuf },
    /// A directory that cannot be watched: why.
    Refused { directory: PathBuf, cause: String },
}

/// What has happened since the builder began.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// Some of the files that changed.
    pub sources: BTreeSet<PathBuf>,
    /// Some of the files that changed and that wake or its operations usually write.
    pub outputs: BTreeSet<PathBuf>,
    /// What a wake remembers.
    pub state: bool,
    /// Nobody knows what.
    pub is_lost: bool,
    /// Other directories may have to be watched.
    pub is_moved: bool,
    burst: Burst,
}

impl Pending {
    /// Whether there is a reason to build.
    pub fn is_change(&self) -> bool {
        !self.sources.is_empty() || self.is_lost
    }

    fn is_nothing(&self) -> bool {
        !self.is_change() && self.outputs.is_empty() && !self.state
    }
}

/// What the builder vouches for.
pub struct Vouch {
    /// What was built.
    pub key: [u8; 32],
    /// What to tell who asks for it.
    pub answer: Answer,
    /// What depends on who asks: variables, and tools in their `PATH`.
    pub front: Front,
    pub top: PathBuf,
}

/// Why a wait ended.
#[derive(Debug)]
pub enum Woken {
    /// Something happened, and the burst is over.
    Changed,
    /// The time is over.
    Late,
    /// [`Lookout::end`] was called.
    Ended,
}

/// See the module.
pub struct Lookout {
    inner: Mutex<Inner>,
    bell: Condvar,
}

struct Inner {
    queue: Result<Box<dyn Queue>, String>,
    scope: Scope,
    /// The directories that each watch is about: several where one is mounted at several places.
    watches: HashMap<Watch, Vec<u32>>,
    pending: Pending,
    vouch: Option<Vouch>,
    is_ended: bool,
}

impl Lookout {
    /// One that watches nothing yet; without a queue it never will.
    pub fn new(queue: io::Result<Box<dyn Queue>>) -> Self {
        Self {
            inner: Mutex::new(Inner {
                queue: queue.map_err(|error| error.to_string()),
                scope: Scope::default(),
                watches: HashMap::new(),
                pending: Pending::default(),
                vouch: None,
                is_ended: false,
            }),
            bell: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what has happened by now, because everything is going to be looked at. Returns what it was.
    pub fn begin(&self) -> Pending {
        let mut inner = self.lock();
        inner.drain();
        inner.vouch = None;
        std::mem::take(&mut inner.pending)
    }

    /// What has happened by now.
    pub fn pending(&self) -> Pending {
        let mut inner = self.lock();
        inner.drain();
        inner.pending.clone()
    }

    /// Watches this and nothing else from now on. Returns whether any of it was not watched before, so that changes of it
    /// may have been missed, and why others will be.
    pub fn watch(&self, scope: Scope) -> (bool, Option<Blindness>) {
        let mut inner = self.lock();
        // What is in the queue is about the directories of before.
        inner.drain();
        inner.watch(scope)
    }

    /// How many directories are watched.
    pub fn watched(&self) -> usize {
        self.lock().watches.len()
    }

    /// The directories in which something counts.
    pub fn directories(&self) -> Vec<PathBuf> {
        let inner = self.lock();
        let directories = inner.scope.directories().iter();
        let counting = directories.filter(|directory| !directory.is_only_on_the_way());
        counting.map(|directory| directory.path.clone()).collect()
    }

    /// Vouches until something happens, if nothing has happened since [`Self::begin`]. The caller holds the workspace's
    /// lock, so what happened to the state is its own doing. Returns whether it does vouch.
    pub fn vouch(&self, vouch: Vouch) -> bool {
        let mut inner = self.lock();
        inner.drain();
        inner.pending.state = false;
        let holds = inner.pending.is_nothing();
        if holds {
            inner.pending = Pending::default();
            inner.vouch = Some(vouch);
        }
        holds
    }

    /// Forgets what has happened to the state: for callers who hold the workspace's lock, and have done it themselves.
    pub fn forget_state(&self) {
        self.lock().forget(|pending| pending.state = false);
    }

    /// Forgets what has happened to outputs, too, because they are going to be looked at.
    pub fn forget_outputs(&self) {
        self.lock().forget(|pending| {
            pending.state = false;
            pending.outputs.clear();
        });
    }

    /// What there is to say to a request.
    pub fn answer(&self, request: &Request) -> Answer {
        let mut inner = self.lock();
        if inner.drain() {
            self.bell.notify_all();
        }
        match &inner.vouch {
            Some(vouch) if vouch.key == request.key => {
                let around = Surroundings {
                    top: &vouch.top,
                    environment: &request.environment,
                };
                match vouch.front.holds_here(around) {
                    true => vouch.answer.clone(),
                    false => Answer::Unknown,
                }
            }
            _ => Answer::Unknown,
        }
    }

    /// Takes in what the kernel has to tell.
    pub fn hear(&self) {
        if self.lock().drain() {
            self.bell.notify_all();
        }
    }

    /// Something happened that nobody told in full.
    pub fn lose(&self) {
        self.lock().note_lost();
        self.bell.notify_all();
    }

    /// Lets time pass, whatever happens meanwhile; until [`Lookout::end`].
    pub fn pause(&self, time: Duration) {
        let limit = Instant::now() + time;
        let mut inner = self.lock();
        while !inner.is_ended
            && let Some(rest) = limit.checked_duration_since(Instant::now())
        {
            let waited = self.bell.wait_timeout(inner, rest);
            inner = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Ends all waiting.
    pub fn end(&self) {
        self.lock().is_ended = true;
        self.bell.notify_all();
    }

    /// Waits until something has happened and a burst of it is over, but not longer than `most`.
    pub fn wait(&self, most: Option<Duration>) -> Woken {
        let limit = most.map(|most| Instant::now() + most);
        let mut inner = self.lock();
        loop {
            let now = Instant::now();
            if inner.is_ended {
                return Woken::Ended;
            }
            let rest = inner.pending.burst.remains(now);
            if rest == Some(Duration::ZERO) {
                return Woken::Changed;
            }
            let until_late = limit.map(|limit| limit.saturating_duration_since(now));
            if until_late == Some(Duration::ZERO) && rest.is_none() {
                return Woken::Late;
            }
            let waited = match rest.or(until_late) {
                Some(time) => {
                    let waited = self.bell.wait_timeout(inner, time);
                    waited
                        .map(|(inner, _)| inner)
                        .map_err(|error| error.into_inner().0)
                }
                None => self.bell.wait(inner).map_err(PoisonError::into_inner),
            };
            inner = waited.unwrap_or_else(|inner| inner);
        }
    }

    /// Does something with the queue's descriptor, if there is one.
    pub fn with_queue<T>(&self, work: impl FnOnce(&dyn Queue) -> T) -> Option<T> {
        self.lock().queue.as_deref().ok().map(work)
    }
}

impl Inner {
    fn forget(&mut self, what: impl FnOnce(&mut Pending)) {
        self.drain();
        what(&mut self.pending);
        if self.pending.is_nothing() {
            self.pending.burst = Burst::default();
        }
    }

    /// Takes in what the queue holds. Returns whether any of it means something.
    fn drain(&mut self) -> bool {
        let Ok(queue) = &mut self.queue else {
            return false;
        };
        let mut notices = Vec::new();
        let drained = queue.drain(&mut |notice| notices.push(notice));
        if drained.is_err() {
            notices.push(Notice::Lost);
        }
        let mut means = false;
        for notice in notices {
            means |= self.take_in(&notice);
        }
        means
    }

    fn take_in(&mut self, notice: &Notice) -> bool {
        let Notice::Happened { watch, what, name } = notice else {
            self.note_lost();
            return true;
        };
        let directories = self.watches.get(watch).cloned().unwrap_or_default();
        if *what == What::Itself {
            // Wherever it is now, it is not what the path leads to.
            self.watches.remove(watch);
            if let Ok(queue) = &mut self.queue {
                queue.unwatch(*watch);
            }
        }
        let mut means = false;
        for directory in directories {
            if let Some(meaning) = self.scope.meaning(directory, *what, name) {
                means = true;
                self.pending.is_moved |= meaning.is_move;
                match meaning.area {
                    Area::Sources => note(&mut self.pending.sources, &self.scope, directory, name),
                    Area::Outputs => note(&mut self.pending.outputs, &self.scope, directory, name),
                    Area::State => self.pending.state = true,
                }
            }
        }
        if means {
            self.pending.burst.note(Instant::now());
            self.vouch = None;
        }
        means
    }

    fn note_lost(&mut self) {
        self.pending.is_lost = true;
        self.pending.is_moved = true;
        self.pending.burst.note(Instant::now());
        self.vouch = None;
    }

    fn watch(&mut self, scope: Scope) -> (bool, Option<Blindness>) {
        let mut blindness = None;
        let mut watches: HashMap<Watch, Vec<u32>> = HashMap::new();
        let mut is_gone = false;
        let Ok(queue) = &mut self.queue else {
            let cause = self.queue.as_ref().err().cloned().unwrap_or_default();
            self.scope = scope;
            return (true, Some(Blindness::NoQueue(cause)));
        };
        for (number, directory) in (0_u32..).zip(scope.directories()) {
            let path = &directory.path;
            if directory.is_essential
                && let Some(name) = filesystem::untold(path)
            {
                let directory = path.clone();
                blindness.get_or_insert(Blindness::FileSystem { name, directory });
            }
            match queue.watch(path, directory.attention()) {
                Ok(watch) => watches.entry(watch).or_default().push(number),
                Err(error) if error.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => {
                    blindness = Some(Blindness::Limit {
                        watched: watches.len(),
                        wanted: scope.directories().len(),
                    });
                    break;
                }
                Err(error) if is_absence(&error) => is_gone = true,
                Err(_) if directory.is_only_on_the_way() || !directory.is_essential => {}
                Err(error) => {
                    let (directory, cause) = (path.clone(), error.to_string());
                    blindness.get_or_insert(Blindness::Refused { directory, cause });
                }
            }
        }
        for watch in self.watches.keys() {
            if !watches.contains_key(watch) {
                queue.unwatch(*watch);
            }
        }
        let path = |scope: &Scope, number: &u32| scope.directories()[*number as usize].path.clone();
        let is_known = |watch: &Watch, numbers: &Vec<u32>| {
            let before = self.watches.get(watch);
            before.is_some_and(|before| {
                before.len() == numbers.len()
                    && before.iter().zip(numbers).all(|(old, new)| {
                        path(&self.scope, old) == path(&scope, new)
                            && attention(&self.scope, *old) == attention(&scope, *new)
                    })
            })
        };
        let is_new = !watches
            .iter()
            .all(|(watch, numbers)| is_known(watch, numbers));
        self.watches = watches;
        self.scope = scope;
        if is_gone {
            // It went while it was being followed: it is to be followed anew.
            self.note_lost();
        }
        (is_new, blindness)
    }
}

fn note(files: &mut BTreeSet<PathBuf>, scope: &Scope, directory: u32, name: &[u8]) {
    if files.len() < MOST_NAMED {
        let directory = &scope.directories()[directory as usize].path;
        // Without the slash at the end that an empty name leaves.
        files.insert(
            directory
                .join(OsStr::from_bytes(name))
                .components()
                .collect(),
        );
    }
}

fn attention(scope: &Scope, directory: u32) -> Attention {
    scope.directories()[directory as usize].attention()
}

/// Whether a directory is no longer what it was when its path was followed.
fn is_absence(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    [Errno::NOENT, Errno::NOTDIR, Errno::LOOP]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}
