//! What the kernel tells of watched directories, as values. It knows nothing of what they mean.

use std::io;
use std::os::fd::BorrowedFd;
use std::path::Path;

/// The kernel's number for a directory that is watched.
pub type Watch = i32;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// Something in the directory, or what is known of it, is not what it was.
    Changed,
    /// Something in the directory that could be written was closed: it may have been written through a map, or not at all.
    Closed,
    /// Something in the directory appeared, vanished, or was moved.
    Entry,
    /// The directory itself went away: it was removed or moved, or its file system was unmounted.
    Itself,
}

/// One thing that the kernel told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Happened {
        watch: Watch,
        what: What,
        /// Of what in the directory; empty: of the directory itself.
        name: Vec<u8>,
    },
    /// There was more than the kernel could keep.
    Lost,
}

/// How much of a directory is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attention {
    /// What comes and goes in it, and with it.
    Entries,
    /// Also each change of what is in it.
    Contents,
}

/// Where notices come from.
pub trait Queue: Send {
    /// Watches a directory, which is not reached through a link. The same directory has the same number again.
    ///
    /// # Errors
    /// `ENOSPC`: no more directories can be watched. It is not there, or no directory, or may not be read.
    fn watch(&mut self, directory: &Path, attention: Attention) -> io::Result<Watch>;

    /// Watches no more. That nobody watched is no error.
    fn unwatch(&mut self, watch: Watch);

    /// Hands over everything that has happened by now, in the order in which it did. Does not wait.
    ///
    /// # Errors
    /// The queue cannot be read; nothing is known of what happened.
    fn drain(&mut self, each: &mut dyn FnMut(Notice)) -> io::Result<()>;

    /// Readable when there is something to drain.
    fn descriptor(&self) -> BorrowedFd<'_>;
}
