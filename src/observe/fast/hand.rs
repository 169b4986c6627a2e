//! Hands programs the copy of the C library where nothing can be put in the loader's place: the loader asks the observer
//! to open the library, as for every file, and is given the copy's descriptor by the kernel (`SECCOMP_IOCTL_NOTIF_ADDFD`,
//! Linux 5.14). So it needs no rights, and the loader itself goes on asking. Who is no loader gets the library.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::copies::{Copies, Originals};
use super::image;
use crate::fs;
use crate::observe::caller::Caller;

/// See the module.
pub(in super::super) struct Handing {
    /// The path by which copies open the log; there is nothing.
    log: Vec<u8>,
    /// The device and inode of the library.
    library: (u64, u64),
    copy: PathBuf,
    /// Where the loader makes system calls: the offset in the page behind each, and the code before.
    calls: HashSet<(u64, Code)>,
}

/// So many bytes of code tell one place from all others of the same offset.
type Code = [u8; 24];

/// What a program is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Handed {
    Log,
    Library,
}

/// The end of the path of a library that may be the one.
const SUFFIX: &[u8] = b"/libc.so.6";

/// The size of a page, or less.
const PAGE: u64 = 4096;

/// The instruction.
const SYSCALL: [u8; 2] = [0x0f, 0x05];

impl Handing {
    /// Of copies that are there.
    ///
    /// # Errors
    /// Why they cannot be handed over.
    pub(in super::super) fn new(originals: &Originals, copies: &Copies) -> Result<Self, String> {
        let library = fs::stamp::stat(&originals.library).map_err(|error| error.to_string())?;
        let loader = fs::read(&originals.loader).map_err(|error| error.to_string())?;
        let mut calls = HashSet::new();
        for (code, address) in image::code_of(&loader)? {
            for (at, window) in code.windows(size_of::<Code>()).enumerate() {
                if let Ok(window) = Code::try_from(window)
                    && window.ends_with(&SYSCALL)
                {
                    let behind = address + (at + window.len()) as u64;
                    calls.insert((behind % PAGE, window));
                }
            }
        }
        Ok(Self {
            log: copies.log().into_os_string().into_vec(),
            library: (library.stamp.device, library.stamp.inode),
            copy: copies.library(),
            calls,
        })
    }

    /// What a program is given that opens a path, by what the kernel says of its call.
    pub(in super::super) fn what(
        &self,
        path: &[u8],
        caller: Caller,
        data: &libc::seccomp_data,
    ) -> Option<Handed> {
        if path == self.log {
            return Some(Handed::Log);
        }
        let is_library = || {
            let status = fs::stamp::stat(Path::new(OsStr::from_bytes(path))).unwrap_or_default();
            (status.stamp.device, status.stamp.inode) == self.library
        };
        let is_it = path.ends_with(SUFFIX) && self.is_loader(caller, data) && is_library();
        is_it.then_some(Handed::Library)
    }

    /// Whether it is the loader that makes a call.
    fn is_loader(&self, caller: Caller, data: &libc::seccomp_data) -> bool {
        let behind = data.instruction_pointer;
        let mut code = Code::default();
        let start = behind.saturating_sub(code.len() as u64);
        let count = caller.read(start, &mut code);
        count == Ok(code.len()) && self.calls.contains(&(behind % PAGE, code))
    }

    /// The copy, opened anew: who is given it reads it from its beginning.
    pub(in super::super) fn copy(&self) -> io::Result<File> {
        fs::open(&self.copy).map_err(io::Error::other)
    }
}

/// Ends the call `id` with a descriptor for `file`. `closes`: it is closed when the program executes another one.
///
/// # Errors
/// The kernel's: then the call waits still, or its caller is gone (`ENOENT`).
pub(in super::super) fn hand(
    listener: &OwnedFd,
    id: u64,
    file: &impl AsFd,
    closes: bool,
) -> io::Result<()> {
    let given = libc::seccomp_notif_addfd {
        id,
        flags: libc::SECCOMP_ADDFD_FLAG_SEND as u32,
        srcfd: file.as_fd().as_raw_fd().cast_unsigned(),
        newfd: 0,
        newfd_flags: if closes { libc::O_CLOEXEC as u32 } else { 0 },
    };
    #[expect(unsafe_code, reason = "there is no safe wrapper")]
    // SAFETY: the kernel reads the structure, whose size is part of the request's number.
    let result = unsafe {
        let request = libc::SECCOMP_IOCTL_NOTIF_ADDFD;
        libc::ioctl(listener.as_raw_fd(), request, &raw const given)
    };
    match result {
        0.. => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
