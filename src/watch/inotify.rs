//! Notices from the kernel's inotify.
//!
//! A change of a local file is in the queue before the system call that made it returns. So who drains the queue knows of
//! everything that anybody has finished before. Not told are writes through a memory map, until the file that is mapped is
//! closed, and writes through another name (a hard link) that lies in a directory which is not watched.
//!
//! Opening and reading is not asked for: what a build reads would fill the queue.

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

use super::notice::{Attention, Notice, Queue, Watch, What};

/// Bytes that are read at once: some hundreds of notices.
const BUFFER: usize = 16 << 10;

/// See the module.
pub struct Inotify {
    descriptor: OwnedFd,
}

impl Inotify {
    /// A queue in which nothing is.
    ///
    /// # Errors
    /// `EMFILE`: the user has too many of them.
    pub fn new() -> io::Result<Self> {
        let descriptor = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        Ok(Self { descriptor })
    }
}

impl Queue for Inotify {
    fn watch(&mut self, directory: &Path, attention: Attention) -> io::Result<Watch> {
        let mut wanted = WatchFlags::CREATE
            | WatchFlags::DELETE
            | WatchFlags::MOVED_FROM
            | WatchFlags::MOVED_TO
            | WatchFlags::DELETE_SELF
            | WatchFlags::MOVE_SELF
            | WatchFlags::ATTRIB;
        if attention == Attention::Contents {
            // The second tells of what was written through a map, at last.
            wanted |= WatchFlags::MODIFY | WatchFlags::CLOSE_WRITE;
        }
        // Two names of one directory (bind mounts) share a watch, which must not lose what the first one asked for.
        let how = WatchFlags::ONLYDIR | WatchFlags::DONT_FOLLOW | WatchFlags::MASK_ADD;
        Ok(inotify::add_watch(
            &self.descriptor,
            directory,
            wanted | how,
        )?)
    }

    fn unwatch(&mut self, watch: Watch) {
        // It fails where the directory is gone, and its watch with it.
        let _ = inotify::remove_watch(&self.descriptor, watch);
    }

    fn drain(&mut self, each: &mut dyn FnMut(Notice)) -> io::Result<()> {
        let mut buffer = [MaybeUninit::uninit(); BUFFER];
        let mut reader = inotify::Reader::new(&self.descriptor, &mut buffer);
        loop {
            match reader.next() {
                Ok(event) => {
                    let name = event.file_name().map_or(&[][..], std::ffi::CStr::to_bytes);
                    if let Some(notice) = notice(event.wd(), event.events(), name) {
                        each(notice);
                    }
                }
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn descriptor(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

/// What an event says; `None` where it only says that a watch has ended, which something else said before.
fn notice(watch: Watch, events: ReadFlags, name: &[u8]) -> Option<Notice> {
    if events.contains(ReadFlags::QUEUE_OVERFLOW) {
        return Some(Notice::Lost);
    }
    let gone = ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::UNMOUNT;
    let entry = ReadFlags::CREATE | ReadFlags::DELETE | ReadFlags::MOVED_FROM | ReadFlags::MOVED_TO;
    let what = if events.intersects(gone) {
        What::Itself
    } else if events.intersects(entry) {
        What::Entry
    } else if events.contains(ReadFlags::IGNORED) {
        return None;
    } else if events.contains(ReadFlags::CLOSE_WRITE) {
        What::Closed
    } else {
        What::Changed
    };
    let name = name.to_owned();
    Some(Notice::Happened { watch, what, name })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fs;

    fn drained(queue: &mut Inotify) -> Vec<Notice> {
        let mut notices = Vec::new();
        queue.drain(&mut |notice| notices.push(notice)).unwrap();
        notices
    }

    /// Catches a kind of change that is not asked for, and a queue that tells later than the change was made.
    #[test]
    fn each_change_is_told_at_once() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        let (inner, outer) = (top.join("inner"), top.join("outer"));
        fs::create_directories(&inner).unwrap();
        let file = inner.join("a");
        fs::write(&file, b"").unwrap();
        let mut queue = Inotify::new().unwrap();
        let watch = queue.watch(&inner, Attention::Contents).unwrap();
        assert_eq!(queue.watch(&inner, Attention::Entries).unwrap(), watch);
        let mut told = |change: &dyn Fn()| {
            change();
            drained(&mut queue)
        };
        let happened = |what, name: &str| Notice::Happened {
            watch,
            what,
            name: name.as_bytes().to_vec(),
        };
        assert_eq!(told(&|| drop(fs::read(&file))), []);
        let changed = told(&|| fs::write(&file, b"1").unwrap());
        assert!(
            changed.contains(&happened(What::Changed, "a")),
            "{changed:?}"
        );
        let executable = rustix::fs::Mode::from_raw_mode(0o755);
        let changed = told(&|| rustix::fs::chmod(&file, executable).unwrap());
        assert_eq!(changed, [happened(What::Changed, "a")]);
        let moved = told(&|| fs::rename(&file, &inner.join("b")).unwrap());
        let entry = |name| happened(What::Entry, name);
        assert_eq!(moved, [entry("a"), entry("b")]);
        let moved = told(&|| fs::rename(&inner, &outer).unwrap());
        assert_eq!(moved, [happened(What::Itself, "")]);
        let removed = told(&|| fs::remove_all(&outer).unwrap());
        assert_eq!(removed.first(), Some(&entry("b")));
        assert_eq!(removed.last(), Some(&happened(What::Itself, "")));
    }

    /// Catches an overflow that is taken for silence.
    #[test]
    fn what_the_kernel_could_not_keep_is_told_as_lost() {
        let most = fs::read(Path::new("/proc/sys/fs/inotify/max_queued_events")).unwrap();
        let most: usize = String::from_utf8(most).unwrap().trim().parse().unwrap();
        if most > 1 << 20 {
            return eprintln_skipped("the queue of this machine is too long to be filled");
        }
        let directory = tempfile::tempdir().unwrap();
        let mut queue = Inotify::new().unwrap();
        queue
            .watch(
                &directory.path().canonicalize().unwrap(),
                Attention::Contents,
            )
            .unwrap();
        let names = [directory.path().join("a"), directory.path().join("b")];
        fs::write(&names[0], b"").unwrap();
        for turn in 0..=most / 2 {
            fs::rename(&names[turn % 2], &names[1 - turn % 2]).unwrap();
        }
        let notices = drained(&mut queue);
        assert!(notices.contains(&Notice::Lost), "{} notices", notices.len());
        assert_eq!(drained(&mut queue), []);
    }

    fn eprintln_skipped(why: &str) {
        crate::report::say(&format!("skipped: {why}\n"));
    }
}
