//! The observer: a few threads, for as long as wake lives. One carries the filter and does nothing but start programs; the
//! others are asked by the kernel about the calls of all that descends from them, and note them in the trace of the
//! program that they belong to: the one whose process group the caller is in. That lasts when parents end. Who makes a
//! group of its own is seen doing it.

use std::io;
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock};

use super::filter;
use super::paths::Seen;
use super::server::Server;
use super::trace::Gap;
use super::watched::{Shared, Watched, lock};
use crate::fs;
use crate::sandbox::orphans;

/// Lets the kernel wake the observer on the processor of the caller, which waits for it (Linux 6.6): seven microseconds
/// instead of forty.
const SYNC_WAKE_UP: u64 = 1;

/// The most threads that answer: each answers some fifty thousand calls a second.
const SERVERS: usize = 4;

/// See the module.
pub struct Observer {
    shared: Arc<Shared>,
    starts: Mutex<Sender<Work>>,
    /// Programs that have the rights of their owners do not get them: only so may a user who is not root observe.
    loses_rights: bool,
}

type Work = Box<dyn FnOnce() + Send>;

/// The observer of this process, started when it is first asked for; or why there is none.
pub fn observer() -> Result<&'static Observer, &'static str> {
    static OBSERVER: OnceLock<Result<Observer, String>> = OnceLock::new();
    let observer = OBSERVER.get_or_init(|| Observer::start().map_err(|error| reason(&error)));
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
    fn start() -> io::Result<Self> {
        if is_reading_forbidden() {
            return Err(io::Error::other(
                "kernel.yama.ptrace_scope forbids to look at other processes",
            ));
        }
        // What relative paths are relative to is asked there.
        if fs::link_target(Path::new("/proc/self/cwd")).is_none() {
            return Err(io::Error::other("`/proc` is not mounted"));
        }
        let shared = Arc::<Shared>::default();
        let (starts, orders) = channel();
        let (said, says) = channel();
        let starter = std::thread::Builder::new().name("starter".to_owned());
        starter.spawn(move || {
            let listener = filter::install();
            let is_usable = listener.is_ok();
            let loses_rights = rustix::thread::no_new_privs().unwrap_or(true);
            let _ = said.send(listener.map(|listener| (listener, loses_rights)));
            if is_usable {
                carry_out(&orders);
            }
        })?;
        let gone = |_| io::Error::other("the thread that starts programs has ended");
        let (listener, loses_rights) = says.recv().map_err(gone)??;
        #[expect(unsafe_code, reason = "there is no safe wrapper")]
        // SAFETY: the request takes a number. A kernel that does not know it refuses, and is slower.
        unsafe {
            libc::ioctl(
                listener.as_raw_fd(),
                libc::SECCOMP_IOCTL_NOTIF_SET_FLAGS,
                SYNC_WAKE_UP,
            );
        }
        let listener = Arc::new(listener);
        let count =
            std::thread::available_parallelism().map_or(1, |count| count.get().min(SERVERS));
        for number in 0..count {
            let (listener, serving) = (Arc::clone(&listener), Arc::clone(&shared));
            let server = std::thread::Builder::new().name(format!("observer {number}"));
            server.spawn(move || {
                let error = Server::new(&listener, &serving).serve();
                let _ = serving.failed.set(error.to_string());
            })?;
        }
        Ok(Self {
            shared,
            starts: Mutex::new(starts),
            loses_rights,
        })
    }

    /// Runs `start`, which starts one program, on the thread with the filter, and waits for it. `path`: the address in
    /// wake's memory of the path that the new process executes.
    pub fn start_program<T: Send>(
        &self,
        path: u64,
        watched: &Arc<Watched>,
        start: impl FnOnce() -> T + Send,
    ) -> io::Result<T> {
        let (done, result) = channel();
        let shared = &self.shared;
        let work = move || {
            lock(&shared.belongings).starting = Some((path, Arc::clone(watched)));
            let started = start();
            lock(&shared.belongings).starting = None;
            let _ = done.send(started);
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
        let own = rustix::process::getpgrp().as_raw_nonzero().get();
        let belongings = lock(&self.shared.belongings);
        let groups = belongings.groups.iter().filter(|(_, whose)| is_it(whose));
        let mut groups: Vec<i32> = groups.map(|(group, _)| *group).collect();
        drop(belongings);
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
        if let Some(cause) = self.shared.failed.get() {
            trace.miss(Gap::Failed(cause.clone()));
        }
        Seen::new(trace, self.loses_rights)
    }
}

/// Carries out one order after the other.
fn carry_out(orders: &Receiver<Work>) {
    while let Ok(work) = orders.recv() {
        work();
    }
}
