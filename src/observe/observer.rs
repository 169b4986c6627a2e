//! The observer: a few threads, for as long as wake lives. One carries the filter and does nothing but start programs; the
//! others are asked by the kernel about the calls of all that descends from them, and note them in the trace of the
//! program that they belong to: the one whose process group the caller is in. That lasts when parents end. Who makes a
//! group of its own is seen doing it.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use super::call::{self, Call, Named};
use super::caller::{Caller, Unread};
use super::filter;
use super::paths::Seen;
use super::trace::{Deeds, Gap, There, Trace};
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

#[derive(Default)]
struct Shared {
    belongings: Mutex<Belongings>,
    /// Paths outside of the busy directories that were looked at once.
    looked: Mutex<HashSet<Vec<u8>>>,
    /// Set when the kernel asks nobody any more.
    failed: OnceLock<String>,
}

/// More paths than this are not kept.
const MOST_LOOKED: usize = 200_000;

impl Shared {
    fn is_first_look(&self, path: &[u8]) -> bool {
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
struct Belongings {
    /// By process group.
    groups: HashMap<i32, Arc<Watched>>,
    /// What is just being started, with the address of its path in wake's own memory, by which it is known.
    starting: Option<(u64, Arc<Watched>)>,
}

/// One program that is observed with all that descends from it.
pub struct Watched {
    trace: Mutex<Trace>,
    /// Below this directory it is noted whether something was there when it was first touched; elsewhere, of what is
    /// changed, and the first time that any program touches it: mostly, nobody works there.
    busy: PathBuf,
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

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

/// Sockets at which the C library asks who users are: like the files that say the same, and never for more.
const NAME_SERVICES: [&[u8]; 4] = [
    b"/run/nscd/",
    b"/var/run/nscd/",
    b"/var/lib/sss/pipes/",
    b"/run/systemd/userdb/",
];

/// What is at a path. What cannot be looked at is not there for whoever asks, either.
fn look(path: &Path) -> There {
    match fs::stamp::lstat(path) {
        Ok(status) if status.mode != 0 => There::Something(status.stamp.ctime),
        _ => There::Nothing,
    }
}

/// Carries out one order after the other.
fn carry_out(orders: &Receiver<Work>) {
    while let Ok(work) = orders.recv() {
        work();
    }
}

/// Answers the kernel.
struct Server<'a> {
    listener: &'a OwnedFd,
    shared: &'a Shared,
    /// What the call at hand touches.
    notes: Notes,
}

/// What one call touches: at most two paths.
#[derive(Default)]
struct Notes {
    paths: [(Vec<u8>, Deeds); 2],
    count: usize,
    gap: Option<Gap>,
    /// A socket that is connected.
    socket: bool,
    /// Where the link leads that is made.
    target: Option<Vec<u8>>,
}

impl Notes {
    fn clear(&mut self) {
        self.count = 0;
        self.gap = None;
        self.socket = false;
        self.target = None;
    }

    /// The text of the next path, to be filled.
    fn text(&mut self) -> &mut Vec<u8> {
        &mut self.paths[self.count].0
    }

    /// Takes the text for what is done with it.
    fn take(&mut self, deeds: Deeds) {
        self.paths[self.count].1 = deeds;
        self.count += 1;
    }

    fn paths(&self) -> &[(Vec<u8>, Deeds)] {
        &self.paths[..self.count]
    }
}

impl<'a> Server<'a> {
    fn new(listener: &'a OwnedFd, shared: &'a Shared) -> Self {
        Self {
            listener,
            shared,
            notes: Notes::default(),
        }
    }

    /// Answers until that is not possible any more.
    fn serve(mut self) -> io::Error {
        loop {
            let answered = self.receive().and_then(|asked| self.answer(&asked));
            match answered {
                Ok(()) => {}
                // The caller was killed meanwhile, or a signal came.
                Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EINTR)) => {}
                Err(error) => return error,
            }
        }
    }

    /// Notes what a call is about to do, and lets it.
    ///
    /// If the caller waited until it was let go on, then what was read of it was its own. So that is noted only then; and
    /// since its trace is locked meanwhile, it cannot be over before it is noted.
    fn answer(&mut self, asked: &libc::seccomp_notif) -> io::Result<()> {
        self.notes.clear();
        let pid = i32::try_from(asked.pid).unwrap_or(0);
        let Some((watched, group)) = self.whose(Caller(pid), &asked.data) else {
            return self.let_go_on(asked.id);
        };
        self.read(Caller(pid), group, &watched, &asked.data);
        let mut trace = lock(&watched.trace);
        let mut there = [None; 2];
        for ((text, deeds), there) in self.notes.paths().iter().zip(&mut there) {
            let path = Path::new(OsStr::from_bytes(text));
            let is_asked = || {
                deeds.changes()
                    || path.starts_with(&watched.busy)
                    || self.shared.is_first_look(text)
            };
            // A socket that is there now counts, whatever was there before.
            if self.notes.socket || !trace.knows(text) && is_asked() {
                *there = Some(look(path));
            }
        }
        self.let_go_on(asked.id)?;
        let mut target = self.notes.target.take();
        for ((text, deeds), there) in self.notes.paths().iter().zip(there) {
            let is_foreign = self.notes.socket
                && there.is_some_and(|there| there != There::Nothing)
                && !trace.changed(text)
                && !NAME_SERVICES.iter().any(|root| text.starts_with(root));
            trace.note(text, *deeds, there);
            if let Some(target) = target.take() {
                trace.links.entry(text.clone()).or_default().insert(target);
            }
            if is_foreign {
                let path = String::from_utf8_lossy(text).into_owned();
                trace.miss(Gap::Socket(path));
            }
        }
        if let Some(gap) = self.notes.gap.take() {
            trace.miss(gap);
        }
        Ok(())
    }

    fn receive(&self) -> io::Result<libc::seccomp_notif> {
        #[expect(unsafe_code, reason = "there is no safe wrapper")]
        // SAFETY: the kernel wants zeros, and fills a structure of the size that is part of the request's number.
        unsafe {
            let mut asked: libc::seccomp_notif = std::mem::zeroed();
            let request = libc::SECCOMP_IOCTL_NOTIF_RECV;
            match libc::ioctl(self.listener.as_raw_fd(), request, &raw mut asked) {
                0 => Ok(asked),
                _ => Err(io::Error::last_os_error()),
            }
        }
    }

    fn let_go_on(&self, id: u64) -> io::Result<()> {
        let mut answer = libc::seccomp_notif_resp {
            id,
            val: 0,
            error: 0,
            flags: libc::SECCOMP_USER_NOTIF_FLAG_CONTINUE as u32,
        };
        #[expect(unsafe_code, reason = "there is no safe wrapper")]
        // SAFETY: the kernel reads the structure, whose size is part of the request's number.
        let result = unsafe {
            let request = libc::SECCOMP_IOCTL_NOTIF_SEND;
            libc::ioctl(self.listener.as_raw_fd(), request, &raw mut answer)
        };
        match result {
            0 => Ok(()),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// Reads what a call is about to do.
    fn read(
        &mut self,
        caller: Caller,
        group: i32,
        watched: &Arc<Watched>,
        data: &libc::seccomp_data,
    ) {
        let is_native =
            data.arch == filter::HERE && data.nr.cast_unsigned() < filter::SMALL_POINTERS;
        let call = match is_native {
            true => call::decode(libc::c_long::from(data.nr), &data.args),
            false => Some(Call::Misses(Gap::Foreign)),
        };
        let read = call.map_or(Ok(()), |call| self.read_call(call, caller, group, watched));
        if read == Err(Unread::Closed) {
            self.notes.gap = Some(Gap::Closed);
        }
    }

    /// Whose trace the caller is noted in, and its process group. Nobody's are those that outlived their program.
    fn whose(&self, caller: Caller, data: &libc::seccomp_data) -> Option<(Arc<Watched>, i32)> {
        let group = caller.group()?;
        let mut belongings = lock(&self.shared.belongings);
        let is_new = belongings.starting.as_ref().is_some_and(|(path, _)| {
            i64::from(data.nr) == libc::SYS_execve && data.args[0] == *path
        });
        if is_new && let Some((_, watched)) = belongings.starting.take() {
            belongings.groups.insert(group, Arc::clone(&watched));
            return Some((watched, group));
        }
        let watched = belongings.groups.get(&group).map(Arc::clone)?;
        Some((watched, group))
    }

    fn read_call(
        &mut self,
        call: Call,
        caller: Caller,
        group: i32,
        watched: &Arc<Watched>,
    ) -> Result<(), Unread> {
        match call {
            Call::Touches(named) => {
                for named in named.into_iter().flatten() {
                    self.touch(named, caller)?;
                }
            }
            Call::Opens { named, how } => {
                let mut bytes = [0; 24];
                if caller.read(how, &mut bytes) == Ok(bytes.len()) {
                    let number = |at: usize| {
                        u64::from_ne_bytes(std::array::from_fn(|index| bytes[at + index]))
                    };
                    if number(16) & libc::RESOLVE_IN_ROOT != 0 {
                        self.notes.gap = Some(Gap::Elsewhere("openat2"));
                    }
                    let deeds = call::opened(number(0) as i32);
                    self.touch(Named { deeds, ..named }, caller)?;
                }
            }
            Call::Links { target, named } => {
                let mut text = Vec::new();
                self.touch(named, caller)?;
                if caller.text(target, &mut text).is_ok() {
                    self.notes.target = Some(text);
                }
            }
            Call::Socket {
                address,
                length,
                binds,
            } => self.socket(address, length, binds, caller)?,
            Call::Groups {
                process,
                group: wanted,
            } => self.regroup(caller, group, process, wanted, watched),
            Call::Misses(gap) => self.notes.gap = Some(gap),
        }
        Ok(())
    }

    /// Reads a path.
    fn touch(&mut self, named: Named, caller: Caller) -> Result<(), Unread> {
        match absolute(named, caller, self.notes.text()) {
            Ok(Found::Path) => self.notes.take(named.deeds),
            Ok(Found::OutOfNowhere) => {
                self.notes.gap = Some(Gap::Nameless("a path from a deleted directory"));
            }
            // The kernel will refuse it, too.
            Ok(Found::Nothing) | Err(Unread::Invalid) => {}
            Err(Unread::Closed) => return Err(Unread::Closed),
        }
        Ok(())
    }

    fn socket(
        &mut self,
        address: u64,
        length: u64,
        binds: bool,
        caller: Caller,
    ) -> Result<(), Unread> {
        let mut bytes = [0; size_of::<libc::sockaddr_un>()];
        let length = usize::try_from(length).unwrap_or(0).min(bytes.len());
        let read = match caller.read(address, &mut bytes[..length]) {
            Err(Unread::Invalid) => return Ok(()),
            other => other?,
        };
        let family = u16::from_ne_bytes([bytes[0], bytes[1]]);
        // Those whose name begins with a zero byte, or that have none, are no files.
        if read < 4 || i32::from(family) != libc::AF_UNIX || bytes[2] == 0 {
            return Ok(());
        }
        let name = bytes[2..read].split(|&byte| byte == 0).next();
        let text = self.notes.text();
        text.clear();
        text.extend_from_slice(name.unwrap_or_default());
        if complete(libc::AT_FDCWD, caller, text)? {
            self.notes.socket = !binds;
            self.notes.take(match binds {
                true => Deeds::CREATED | Deeds::WRITTEN | Deeds::ITSELF,
                false => Deeds::LOOKED,
            });
        }
        Ok(())
    }

    /// A process changes its group, or is put into another one: whose it is stays.
    fn regroup(
        &self,
        caller: Caller,
        group: i32,
        process: i32,
        wanted: i32,
        watched: &Arc<Watched>,
    ) {
        let process = match process {
            0 => caller.process(),
            other => Some(other),
        };
        let Some(process) = process else { return };
        let new = if wanted == 0 { process } else { wanted };
        let mut belongings = lock(&self.shared.belongings);
        // It may join the group of another program, where it is not told from that one's.
        match belongings.groups.get(&new) {
            Some(other) if !Arc::ptr_eq(other, watched) => {
                lock(&other.trace)
                    .miss(Gap::Nameless("a process of another operation in its group"));
                lock(&watched.trace)
                    .miss(Gap::Nameless("a process in the group of another operation"));
            }
            Some(_) => {}
            None if new != group => {
                belongings.groups.insert(new, Arc::clone(watched));
            }
            None => {}
        }
    }
}

/// What the bytes of a path mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Found {
    /// An absolute path.
    Path,
    /// No file that has a name.
    Nothing,
    /// It leads out of a directory that is gone.
    OutOfNowhere,
}

/// Reads a path from the caller's memory into `text`, as an absolute one.
fn absolute(named: Named, caller: Caller, text: &mut Vec<u8>) -> Result<Found, Unread> {
    text.clear();
    if named.address != 0 {
        caller.text(named.address, text)?;
        if text.starts_with(b"/") {
            of_process(caller, text)?;
            return Ok(Found::Path);
        }
        if text.is_empty()
            && (named.directory < 0 || !named.deeds.changes() && !named.deeds.has(Deeds::EXECUTED))
        {
            // Nothing, or a file that was opened by its name before.
            return Ok(Found::Nothing);
        }
    } else if named.directory < 0 {
        return Ok(Found::Nothing);
    }
    let leads_up = text.starts_with(b"..") || text.windows(3).any(|part| part == b"/..");
    Ok(match complete(named.directory, caller, text)? {
        true => Found::Path,
        false if leads_up => Found::OutOfNowhere,
        false => Found::Nothing,
    })
}

/// Puts the directory that a path is relative to before it. Returns whether it has a name.
fn complete(directory: i32, caller: Caller, text: &mut Vec<u8>) -> Result<bool, Unread> {
    if text.starts_with(b"/") {
        return Ok(true);
    }
    let Some(directory) = caller.directory(directory)? else {
        return Ok(false);
    };
    if !text.is_empty() {
        text.splice(0..0, directory.iter().copied().chain([b'/']));
    } else {
        text.extend(directory);
    }
    Ok(true)
}

/// Paths through `/proc/self` lead to the caller's own directories and files: what they are is known only now.
fn of_process(caller: Caller, text: &mut Vec<u8>) -> Result<(), Unread> {
    let Some(rest) = text.strip_prefix(b"/proc/") else {
        return match text.strip_prefix(b"/dev/fd/") {
            Some(rest) => {
                let inner = [b"/proc/self/fd/", rest].concat();
                *text = inner;
                of_process(caller, text)
            }
            None => Ok(()),
        };
    };
    let mut parts = rest.splitn(2, |&byte| byte == b'/');
    let (whose, inside) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let process = match whose {
        b"self" | b"thread-self" => caller.0.to_string(),
        digits if !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => {
            String::from_utf8_lossy(digits).into_owned()
        }
        _ => return Ok(()),
    };
    let mut parts = inside.split(|&byte| byte == b'/');
    let link = match parts.next() {
        Some(b"fd") => {
            let number = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
            format!("/proc/{process}/fd/{number}")
        }
        Some(name @ (b"cwd" | b"root" | b"exe")) => {
            format!("/proc/{process}/{}", String::from_utf8_lossy(name))
        }
        _ => return Ok(()),
    };
    let rest: Vec<&[u8]> = parts.collect();
    if let Some(target) = caller.follow(Path::new(&link))? {
        let mut path = target;
        for part in rest {
            path.push(b'/');
            path.extend(part);
        }
        *text = path;
    }
    Ok(())
}
