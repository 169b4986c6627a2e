//! The threads of a watcher: one hears the kernel, one answers those who ask through the socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};

use super::lookout::Lookout;
use super::message::{self, Answer, Request};
use super::socket;
use crate::error::{Error, Result};
use crate::evaluate::Interrupt;
use crate::fs;

/// So long whoever asks may take to say what, and to listen.
const PATIENCE: Duration = Duration::from_millis(100);

/// Says when file systems are mounted or unmounted.
const MOUNTS: &str = "/proc/self/mountinfo";

/// A thread that ends when this is dropped.
pub struct Service {
    stop: Interrupt,
    thread: Option<JoinHandle<()>>,
}

impl Service {
    fn start(name: &str, work: impl FnOnce(&Interrupt) + Send + 'static) -> Result<Self> {
        let stop = Interrupt::new()?;
        let heard = stop.clone();
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || work(&heard))
            .map_err(|error| Error::io("Cannot start a thread", &error))?;
        let thread = Some(thread);
        Ok(Self { stop, thread })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.request();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Waits for descriptors. Returns whether each is ready; an error is taken for readiness.
fn ready(descriptors: &[(BorrowedFd<'_>, PollFlags)]) -> Vec<bool> {
    let fds = descriptors.iter();
    let mut fds: Vec<PollFd<'_>> = fds
        .map(|(descriptor, flags)| PollFd::from_borrowed_fd(*descriptor, *flags))
        .collect();
    loop {
        match poll(&mut fds, None) {
            Err(rustix::io::Errno::INTR) => {}
            _ => return fds.iter().map(|fd| !fd.revents().is_empty()).collect(),
        }
    }
}

/// Hears what the kernel tells, as long as the service lives.
///
/// # Errors
/// `Environment`: there are no more threads or descriptors.
pub fn hear(lookout: &Arc<Lookout>) -> Result<Service> {
    let lookout = Arc::clone(lookout);
    let queue = lookout.with_queue(|queue| queue.descriptor().try_clone_to_owned());
    let queue = queue.transpose();
    let queue = queue.map_err(|error| Error::io("Cannot watch for changes", &error))?;
    // What lies below a mount point becomes something else without a notice. Where this cannot be read, nothing is mounted.
    let mounts = fs::open(Path::new(MOUNTS)).ok();
    Service::start("notices", move |stop| {
        loop {
            let mut descriptors = vec![(stop.end(), PollFlags::IN)];
            let queue_at = descriptors.len();
            descriptors.extend(queue.as_ref().map(|queue| (queue.as_fd(), PollFlags::IN)));
            let mounts_at = descriptors.len();
            descriptors.extend(
                mounts
                    .as_ref()
                    .map(|mounts| (mounts.as_fd(), PollFlags::PRI)),
            );
            let ready = ready(&descriptors);
            if ready[0] {
                return;
            }
            if queue.is_some() && ready[queue_at] {
                lookout.hear();
            }
            if mounts.is_some() && ready[mounts_at] {
                lookout.lose();
            }
        }
    })
}

/// Answers at a socket, which is removed at the end.
pub struct Reception {
    path: PathBuf,
    /// What the socket is in the directory, as long as nobody replaces it.
    inode: (u64, u64),
    _service: Service,
}

impl Reception {
    /// Opens one at `path`. A socket that is there is taken for one whose watcher has died: the caller excludes others.
    ///
    /// # Errors
    /// `Environment`: the socket cannot be made.
    pub fn open(path: &Path, lookout: &Arc<Lookout>) -> Result<Self> {
        fs::remove_file(path)?;
        let failed = |error: io::Error| {
            Error::io(
                format!("Cannot make the socket `{}`", path.display()),
                &error,
            )
        };
        let listener = socket::bind(path).map_err(failed)?;
        let lookout = Arc::clone(lookout);
        let service = Service::start("answers", move |stop| answer_all(&listener, stop, &lookout))?;
        Ok(Self {
            path: path.to_owned(),
            inode: inode(path),
            _service: service,
        })
    }

    /// Whether whoever looks for the socket finds this one.
    pub fn is_there(&self) -> bool {
        inode(&self.path) == self.inode
    }
}

impl Drop for Reception {
    fn drop(&mut self) {
        if self.is_there() {
            // One that stays is found to have nobody behind it.
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn inode(path: &Path) -> (u64, u64) {
    let stamp = fs::stamp::lstat(path).unwrap_or_default().stamp;
    (stamp.device, stamp.inode)
}

fn answer_all(listener: &UnixListener, stop: &Interrupt, lookout: &Lookout) {
    loop {
        let listening = (listener.as_fd(), PollFlags::IN);
        let ready = ready(&[(stop.end(), PollFlags::IN), listening]);
        if ready[0] {
            return;
        }
        if let Ok((stream, _)) = listener.accept() {
            // Who hangs up, or says nothing that can be understood, gets no answer.
            let _ = answer(stream, lookout);
        }
    }
}

fn answer(mut stream: UnixStream, lookout: &Lookout) -> io::Result<()> {
    socket::check_user(&stream)?;
    stream.set_nonblocking(false)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let request: Request = message::read(&mut stream)?;
    message::write(&mut stream, &lookout.answer(&request))
}

/// Asks the watcher at `path`, if there is one, and waits no longer than `patience` for each part of the answer.
pub fn ask(path: &Path, request: &Request, patience: Duration) -> Answer {
    let answer = (|| {
        let mut stream = socket::connect(path)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        message::write(&mut stream, request)?;
        message::read(&mut stream)
    })();
    answer.unwrap_or(Answer::Unknown)
}
