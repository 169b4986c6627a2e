//! Puts the copies of the C library and of the loader where programs find them: in a mount namespace of the calling
//! thread, which all that it starts inherits. Outside of it nothing changes, and it ends with them.
//!
//! The kernel finds the copy of the loader under the loader's own name. That opens the copy of the library instead of the
//! library; whoever reads the loader's file gets the original one. So no program sees that it is observed but by its
//! memory map, and no variable of the environment is needed.

use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{
    MountFlags, MountPropagationFlags, UnmountFlags, mount, mount_bind, mount_change, unmount,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use super::copies::{Copies, Originals};

/// Puts them in place for all that the calling thread starts from now on. Returns the directory for the log.
///
/// # Errors
/// The kernel's: mostly, that it is not permitted.
pub(in super::super) fn enter(originals: &Originals, copies: &Copies) -> io::Result<OwnedFd> {
    #[expect(unsafe_code, reason = "the thread gets a working directory of its own")]
    // SAFETY: no descriptors are unshared; nothing else in this thread depends on what it had in common with others.
    unsafe {
        unshare_unsafe(UnshareFlags::NEWNS)?;
    }
    // What is mounted outside is seen; what is mounted here is not seen outside.
    mount_change(
        "/",
        MountPropagationFlags::REC | MountPropagationFlags::DOWNSTREAM,
    )?;
    let run = copies.run();
    mount(
        "wake",
        &run,
        "tmpfs",
        MountFlags::NOSUID | MountFlags::NODEV,
        c"mode=0700,size=50%",
    )?;
    let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
    let directory = openat(CWD, &run, flags, Mode::empty())?;
    let make = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
    drop(openat(CWD, copies.original(), make, Mode::RUSR)?);
    mount_bind(&originals.loader, copies.original())?;
    mount_bind(copies.loader(), &originals.loader)?;
    Ok(directory)
}

/// Takes the copy of the loader away again.
pub(in super::super) fn leave(originals: &Originals) {
    let _ = unmount(&originals.loader, UnmountFlags::DETACH);
}
