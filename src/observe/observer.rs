//! The observer: a few threads, for as long as wake lives. Some carry the filter and do nothing but start programs; the
//! others are asked by the kernel about the calls of all that descends from them, and note them in the trace of the
//! program that they belong to: the one whose process group the caller is in. That lasts when parents end. Who makes a
//! group of its own is seen doing it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};

use super::fast::{Copies, Handing, Log, Originals, Way, place};
use super::filter;
use super::paths::Seen;
use super::server::Server;
use super::trace::{Deeds, Gap};
use super::watched::{Shared, Starting, Watched, lock};
use crate::fs;
use crate::sandbox::orphans;

/// Lets the kernel wake the observer on the processor of the caller, which waits for it (Linux 6.6): seven microseconds
/// instead of forty.
const SYNC_WAKE_UP: u64 = 1;

/// How long one who writes down what they do may be kept from going on before they are taken for dead.
const PATIENCE: Duration = Duration::from_secs(2);

/// The most threads that answer, and that start programs: each answers some fifty thousand calls a second, and starts some
/// two thousand programs.
const MOST_THREADS: usize = 4;

/// See the module.
pub struct Observer {
    shared: Arc<Shared>,
    starts: Mutex<Sender<Work>>,
    /// Programs that have the rights of their owners do not get them: only so may a user who is not root observe.
    loses_rights: bool,
    cookie: u64,
    asking: Asking,
}

/// Whose calls the kernel asks about which others write down themselves, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asking {
    Nobody,
    /// Those of the loaders of programs.
    Loaders(String),
    All(String),
}

/// How programs are observed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct How {
    /// Where copies of the C library are kept with which programs write down themselves what they do. `None`: the kernel
    /// asks about everything.
    pub copies: Option<PathBuf>,
    /// Whether they may be put in place in a mount namespace, where that is possible: else, programs are handed them.
    pub may_mount: bool,
}

type Work = Box<dyn FnOnce() + Send>;

/// What the process that is just being started tells, and is marked with.
pub struct Mark {
    group: Arc<AtomicI32>,
    cookie: u64,
}

impl Mark {
    /// The sixth argument for calls that nobody need be asked about.
    pub fn cookie(&self) -> u64 {
        self.cookie
    }

    /// Tells the process group, from the new process itself, which shares this memory.
    pub fn tell_group(&self, group: i32) {
        self.group.store(group, Ordering::Release);
    }
}

/// The observer of this process, started when it is first asked for; or why there is none.
pub fn observer(how: &How) -> Result<&'static Observer, &'static str> {
    static FAST: OnceLock<Result<Observer, String>> = OnceLock::new();
    static HANDED: OnceLock<Result<Observer, String>> = OnceLock::new();
    static SLOW: OnceLock<Result<Observer, String>> = OnceLock::new();
    let cell = match (&how.copies, how.may_mount) {
        (Some(_), true) => &FAST,
        (Some(_), false) => &HANDED,
        (None, _) => &SLOW,
    };
    let observer = cell.get_or_init(|| Observer::start(how).map_err(|error| reason(&error)));
    observer.as_ref().map_err(String::as_str)
}

fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EBUSY) => "another program observes wake by seccomp already".to_owned(),
        Some(libc::ENOSYS | libc::EINVAL) => {
            "the kernel has no seccomp user notification (Linux 5.5)".to_owned()
        }
        Some(libc::EACCES | libc::EPERM) => "seccomp filters are not permitted here".to_owned(),
        _ => error.to_string(),
    }
}

/// Whether nobody may read the memory of other processes, or only root may and this is not root.
fn is_reading_forbidden() -> bool {
    let scope = fs::read(Path::new("/proc/sys/kernel/yama/ptrace_scope")).unwrap_or_default();
    match scope.first() {
        Some(b'3') => true,
        Some(b'2') => !rustix::process::geteuid().is_root(),
        _ => false,
    }
}

impl Observer {
    fn start(how: &How) -> io::Result<Self> {
        if is_reading_forbidden() {
            return Err(io::Error::other(
                "kernel.yama.ptrace_scope forbids to look at other processes",
            ));
        }
        // What relative paths are relative to is asked there.
        if fs::link_target(Path::new("/proc/self/cwd")).is_none() {
            return Err(io::Error::other("`/proc` is not mounted"));
        }
        let originals = match &how.copies {
            Some(cache) => Originals::find(cache).map(Arc::new),
            None => Err("there is no directory to keep copies of the C library in".to_owned()),
        };
        let cookie = match &originals {
            Ok(originals) => originals.cookie,
            Err(_) => cookie(),
        };
        let shared = Arc::<Shared>::default();
        let (starts, orders) = channel();
        let orders = Arc::new(Mutex::new(orders));
        let begun = begin(cookie, Arc::clone(&orders))?;
        let listener = Arc::new(begun.listener?);
        set_sync_wake_up(&listener);
        serve(&listener, &shared)?;
        let mut observer = Self {
            shared,
            starts: Mutex::new(starts),
            loses_rights: begun.loses_rights,
            cookie,
            asking: Asking::Nobody,
        };
        observer.asking = match originals {
            Ok(originals) => observer.write_down(&originals, how.may_mount)?,
            Err(cause) => Asking::All(cause),
        };
        observer.multiply(orders)?;
        Ok(observer)
    }

    /// Has more threads start programs: those that such a thread begins have its filter, and its place in the tree of
    /// mounts. One that starts a program waits until it is executed.
    fn multiply(&self, orders: Arc<Mutex<Receiver<Work>>>) -> io::Result<()> {
        let begin = move || {
            for number in 1..threads() {
                let orders = Arc::clone(&orders);
                let starter = std::thread::Builder::new().name(format!("starter {number}"));
                starter.spawn(move || carry_out(&orders))?;
            }
            Ok(())
        };
        self.carry_out(begin)?
    }

    pub fn asking(&self) -> &Asking {
        &self.asking
    }

    /// What a program belongs to that is about to start. `busy`: the directory in which others work at the same time.
    pub fn watch(&self, busy: &Path) -> Arc<Watched> {
        let generation = self
            .shared
            .log
            .get()
            .map_or(0, |log| lock(log).generation());
        Watched::new(busy, generation)
    }

    /// Lets programs write into a log what they do, once it is seen that one can. It is begun only now that it is clear
    /// that nobody else observes wake: to whoever did, mounting would look like something to hide.
    fn write_down(&self, originals: &Arc<Originals>, may_mount: bool) -> io::Result<Asking> {
        let can_mount = rustix::thread::capabilities(None)
            .is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN));
        let mounted = match may_mount && can_mount {
            true => self.write_down_by(Way::Mounted, originals)?,
            false => Err("a mount namespace needs `CAP_SYS_ADMIN`".to_owned()),
        };
        let Err(cause) = mounted else {
            return Ok(Asking::Nobody);
        };
        let handed = self.write_down_by(Way::Handed, originals)?;
        Ok(handed.map_or_else(Asking::All, |()| Asking::Loaders(cause)))
    }

    fn write_down_by(
        &self,
        way: Way,
        originals: &Arc<Originals>,
    ) -> io::Result<Result<(), String>> {
        let copies = match originals.copies(way) {
            Ok(copies) => Arc::new(copies),
            Err(cause) => return Ok(Err(cause)),
        };
        if let Err(cause) = self.prepare(originals, &copies, way)? {
            return Ok(Err(cause));
        }
        if copies.are_tried {
            return Ok(Ok(()));
        }
        let works = self.try_it().unwrap_or(false);
        copies.note_tried(works);
        if works {
            return Ok(Ok(()));
        }
        match way {
            Way::Mounted => {
                let leaving = Arc::clone(originals);
                self.carry_out(move || place::leave(&leaving))?;
            }
            Way::Handed => self.shared.is_handing.store(false, Ordering::Release),
        }
        Ok(Err(
            "its copies of the C library do not work here".to_owned()
        ))
    }

    /// Has programs find the copies, and a log.
    fn prepare(
        &self,
        originals: &Arc<Originals>,
        copies: &Arc<Copies>,
        way: Way,
    ) -> io::Result<Result<(), String>> {
        let directory = match way {
            Way::Mounted => {
                let entering = (Arc::clone(originals), Arc::clone(copies));
                match self.carry_out(move || place::enter(&entering.0, &entering.1))? {
                    Ok(directory) => Some(directory),
                    Err(error) => {
                        return Ok(Err(format!("a mount namespace is not possible: {error}")));
                    }
                }
            }
            Way::Handed => None,
        };
        match Log::new(directory, PATIENCE) {
            // Of copies that did not work there is one already, which is as good.
            Ok(log) => _ = self.shared.log.set(Mutex::new(log)),
            Err(error) => return Ok(Err(error.to_string())),
        }
        if way == Way::Handed {
            match Handing::new(originals, copies) {
                Ok(handing) => _ = self.shared.handing.set(handing),
                Err(cause) => return Ok(Err(cause)),
            }
            self.shared.is_handing.store(true, Ordering::Release);
        }
        Ok(Ok(()))
    }

    /// Starts a program, and sees whether it works and is heard of.
    fn try_it(&self) -> io::Result<bool> {
        use std::io::Write;
        let start = || {
            let mut shell = Command::new("/bin/sh");
            shell
                .args(["-c", "read go && test -e /etc"])
                .process_group(0);
            shell
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            shell.spawn()
        };
        let mut shell = self.carry_out(start)??;
        let group = i32::try_from(shell.id()).unwrap_or(0);
        let watched = self.watch(Path::new("/"));
        lock(&self.shared.belongings)
            .groups
            .insert(group, Arc::clone(&watched));
        if let Some(mut input) = shell.stdin.take() {
            input.write_all(b"\n")?;
        }
        let works = shell.wait()?.success();
        self.shared.drain();
        let is_noted = lock(&watched.trace).noted.contains_key(b"/etc".as_slice());
        let is_used = self.shared.log.get().is_some_and(|log| lock(log).is_used());
        lock(&self.shared.belongings).groups.remove(&group);
        Ok(works && is_noted && is_used)
    }

    /// Runs `start`, which starts one program, on the thread with the filter, and waits for it. The new process tells its
    /// group by the mark, and executes what is at the path.
    pub fn start_program<T: Send>(
        &self,
        path: &Path,
        watched: &Arc<Watched>,
        start: impl FnOnce(&Mark) -> T + Send,
    ) -> io::Result<T> {
        lock(&watched.trace).note(path.as_os_str().as_bytes(), Deeds::EXECUTED, None);
        let shared = &self.shared;
        let mark = Mark {
            group: Arc::default(),
            cookie: self.cookie,
        };
        self.carry_out(|| {
            lock(&shared.belongings).starting.push(Starting {
                group: Arc::clone(&mark.group),
                watched: Arc::clone(watched),
            });
            let started = start(&mark);
            let mut belongings = lock(&shared.belongings);
            let is_it = |starting: &Starting| Arc::ptr_eq(&starting.group, &mark.group);
            belongings.starting.retain(|starting| !is_it(starting));
            let group = mark.group.load(Ordering::Acquire);
            if group != 0 {
                belongings.groups.insert(group, Arc::clone(watched));
            }
            started
        })
    }

    /// Does something on the thread with the filter, and waits for it.
    fn carry_out<T: Send>(&self, work: impl FnOnce() -> T + Send) -> io::Result<T> {
        let (done, result) = channel();
        let work = move || {
            let _ = done.send(work());
        };
        let work: Box<dyn FnOnce() + Send + '_> = Box::new(work);
        #[expect(unsafe_code, reason = "the other thread is waited for")]
        // SAFETY: what the work borrows outlives it: this function does not return before `done` is dropped, which
        // happens when the work has run, or was dropped with the channel.
        let work: Work = unsafe { std::mem::transmute(work) };
        let gone = || io::Error::other("the thread that starts programs has ended");
        lock(&self.starts).send(work).map_err(|_| gone())?;
        result.recv().map_err(|_| gone())
    }

    /// What was observed of a program that has ended, and of all that descends from it. From now on, what is left of it
    /// is nobody's.
    pub fn finish(&self, watched: &Arc<Watched>, leader: i32) -> Seen {
        let is_it = |whose: &Arc<Watched>| Arc::ptr_eq(whose, watched);
        let unfinished = self.shared.drain();
        let own = rustix::process::getpgrp().as_raw_nonzero().get();
        let belongings = lock(&self.shared.belongings);
        let groups = belongings.groups.iter().filter(|(_, whose)| is_it(whose));
        let mut groups: Vec<i32> = groups.map(|(group, _)| *group).collect();
        drop(belongings);
        let is_unfinished = groups.iter().any(|group| unfinished.contains(group));
        groups.retain(|group| *group != leader && *group != own);
        // Before they are forgotten: what still does something is either noted or seen running.
        let is_left = groups.iter().any(|group| orphans::runs(*group));
        lock(&self.shared.belongings)
            .groups
            .retain(|_, whose| !is_it(whose));
        let mut trace = std::mem::take(&mut *lock(&watched.trace));
        if is_left {
            trace.miss(Gap::LeftBehind);
        }
        if is_unfinished {
            trace.miss(Gap::Unfinished);
        }
        if let Some(cause) = self.shared.failed.get() {
            trace.miss(Gap::Failed(cause.clone()));
        }
        Seen::new(trace, self.loses_rights)
    }
}

/// What the thread that starts programs has come to.
struct Begun {
    listener: io::Result<OwnedFd>,
    loses_rights: bool,
}

/// Begins the thread that starts programs.
fn begin(cookie: u64, orders: Arc<Mutex<Receiver<Work>>>) -> io::Result<Begun> {
    let (said, says) = channel();
    let starter = std::thread::Builder::new().name("starter 0".to_owned());
    starter.spawn(move || {
        let listener = filter::install(cookie);
        let is_usable = listener.is_ok();
        let _ = said.send(Begun {
            listener,
            loses_rights: rustix::thread::no_new_privs().unwrap_or(true),
        });
        if is_usable {
            carry_out(&orders);
        }
    })?;
    let gone = |_| io::Error::other("the thread that starts programs has ended");
    says.recv().map_err(gone)
}

fn set_sync_wake_up(listener: &OwnedFd) {
    #[expect(unsafe_code, reason = "there is no safe wrapper")]
    // SAFETY: the request takes a number. A kernel that does not know it refuses, and is slower.
    unsafe {
        libc::ioctl(
            listener.as_raw_fd(),
            libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS,
            SYNC_WAKE_UP,
        );
    }
}

/// Begins the threads that answer.
fn serve(listener: &Arc<OwnedFd>, shared: &Arc<Shared>) -> io::Result<()> {
    for number in 0..threads() {
        let (listener, serving) = (Arc::clone(listener), Arc::clone(shared));
        let server = std::thread::Builder::new().name(format!("observer {number}"));
        server.spawn(move || {
            let error = Server::new(&listener, &serving).serve();
            let _ = serving.failed.set(error.to_string());
        })?;
    }
    Ok(())
}

/// A number that no program has by chance.
fn cookie() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one("cookie")
}

/// How many threads of each kind there are.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |count| count.get().min(MOST_THREADS))
}

/// Carries out one order after the other.
fn carry_out(orders: &Mutex<Receiver<Work>>) {
    let next = || lock(orders).recv();
    while let Ok(work) = next() {
        work();
    }
}
