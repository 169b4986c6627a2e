//! Answers the kernel: reads what a call is about to do, notes it, and lets it go on.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::call::{self, Call, Named};
use super::caller::{Caller, Unread};
use super::fast::{Handed, hand};
use super::filter;
use super::said::{Said, absolute, complete};
use super::trace::{Deeds, Gap, There};
use super::watched::{Shared, Watched, lock};
use crate::fs;

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

/// Answers the kernel.
pub(super) struct Server<'a> {
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
    pub(super) fn new(listener: &'a OwnedFd, shared: &'a Shared) -> Self {
        Self {
            listener,
            shared,
            notes: Notes::default(),
        }
    }

    /// Answers until that is not possible any more.
    pub(super) fn serve(mut self) -> io::Error {
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
        let Some((watched, group)) = self.whose(Caller(pid)) else {
            return self.let_go_on(asked.id);
        };
        self.read(Caller(pid), group, &watched, &asked.data);
        let given = self.given(Caller(pid), &asked.data);
        // What it wrote down itself was before this.
        self.shared.drain();
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
        self.end(asked, given)?;
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

    /// What the caller is given instead of what it opens.
    fn given(&mut self, caller: Caller, data: &libc::seccomp_data) -> Option<OwnedFd> {
        let handing = self.shared.handing.get()?;
        let is_handing = self.shared.is_handing.load(Ordering::Acquire);
        if !is_handing || data.arch != filter::HERE || i64::from(data.nr) != libc::SYS_openat {
            return None;
        }
        let [(path, _)] = self.notes.paths() else {
            return None;
        };
        match handing.what(path, caller, data)? {
            Handed::Log => {
                // It is the recorder that asks.
                self.notes.clear();
                let log = lock(self.shared.log.get()?);
                log.file()?.try_clone_to_owned().ok()
            }
            Handed::Library => handing.copy().ok().map(OwnedFd::from),
        }
    }

    /// Ends a call: the caller is given something, or goes on.
    fn end(&self, asked: &libc::seccomp_notif, given: Option<OwnedFd>) -> io::Result<()> {
        let closes = asked.data.args[2] & libc::O_CLOEXEC as u64 != 0;
        match given.map(|file| hand(self.listener, asked.id, &file, closes)) {
            Some(Ok(())) => Ok(()),
            // The caller has no room for it, or the kernel is too old.
            Some(Err(_)) | None => self.let_go_on(asked.id),
        }
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

    /// Whose trace the caller is noted in, and its process group.
    fn whose(&self, caller: Caller) -> Option<(Arc<Watched>, i32)> {
        let group = caller.group()?;
        Some((self.shared.whose(group)?, group))
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
            Call::Confines => self.shared.close_log(),
            Call::Misses(gap) => self.notes.gap = Some(gap),
        }
        Ok(())
    }

    /// Reads a path.
    fn touch(&mut self, named: Named, caller: Caller) -> Result<(), Unread> {
        match absolute(named, caller, self.notes.text()) {
            Ok(Said::Path) => self.notes.take(named.deeds),
            Ok(Said::OutOfNowhere) => {
                self.notes.gap = Some(Gap::Nameless("a path from a deleted directory"));
            }
            // The kernel will refuse it, too.
            Ok(Said::Nothing) | Err(Unread::Invalid) => {}
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
