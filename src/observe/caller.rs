//! A process that waits for the observer: its memory, its descriptors and its working directory, as they are while it
//! waits. It knows no system calls.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::fs;

/// The longest path that the kernel takes, with its zero byte.
pub(super) const LONGEST: usize = libc::PATH_MAX as usize;

/// The size of a page, or less: no part of one is readable without all of it.
const PAGE: usize = 4096;

/// See the module. Any thread's number means its process.
#[derive(Clone, Copy, Debug)]
pub(super) struct Caller(pub(super) i32);

/// Why a path could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It lies nowhere, or has no end: the kernel will refuse it, too.
    Invalid,
    /// Nobody may look.
    Closed,
}

impl Caller {
    /// The text at an address, without its zero byte.
    pub(super) fn text(self, address: u64, text: &mut Vec<u8>) -> Result<(), Unread> {
        text.clear();
        while text.len() < LONGEST {
            let start = text.len();
            let at = address + start as u64;
            let rest = PAGE - (at as usize % PAGE);
            // Most are short, and what is copied costs.
            let count = rest
                .min(LONGEST - start)
                .min(if start == 0 { 256 } else { PAGE });
            text.resize(start + count, 0);
            let read = self.read(at, &mut text[start..])?;
            text.truncate(start + read);
            if let Some(end) = text[start..].iter().position(|&byte| byte == 0) {
                text.truncate(start + end);
                return Ok(());
            }
            if read < count {
                break;
            }
        }
        Err(Unread::Invalid)
    }

    /// Fills a buffer from an address; returns how much could be.
    pub(super) fn read(self, address: u64, buffer: &mut [u8]) -> Result<usize, Unread> {
        let local = libc::iovec {
            iov_base: buffer.as_mut_ptr().cast(),
            iov_len: buffer.len(),
        };
        let remote = libc::iovec {
            iov_base: address as *mut libc::c_void,
            iov_len: buffer.len(),
        };
        #[expect(unsafe_code, reason = "there is no safe wrapper")]
        // SAFETY: the kernel writes at most `buffer.len()` bytes to `buffer`, and nowhere else.
        let result =
            unsafe { libc::process_vm_readv(self.0, &raw const local, 1, &raw const remote, 1, 0) };
        match usize::try_from(result) {
            Ok(read) => Ok(read),
            Err(_) => Err(match io::Error::last_os_error().raw_os_error() {
                Some(libc::EPERM | libc::EACCES) => Unread::Closed,
                _ => Unread::Invalid,
            }),
        }
    }

    /// What a descriptor means, or the working directory for `AT_FDCWD`: an absolute path; `None` for what has none, or
    /// has it no more.
    pub(super) fn directory(self, descriptor: i32) -> Result<Option<Vec<u8>>, Unread> {
        let link = match descriptor {
            libc::AT_FDCWD => format!("/proc/{}/cwd", self.0),
            number if number < 0 => return Ok(None),
            number => format!("/proc/{}/fd/{number}", self.0),
        };
        self.follow(Path::new(&link))
    }

    /// What a link of `/proc` leads to.
    pub(super) fn follow(self, link: &Path) -> Result<Option<Vec<u8>>, Unread> {
        let target = match rustix::fs::readlink(link, Vec::with_capacity(256)) {
            Ok(target) => target.into_bytes(),
            Err(rustix::io::Errno::ACCESS | rustix::io::Errno::PERM) => return Err(Unread::Closed),
            Err(_) => return Ok(None),
        };
        if !target.starts_with(b"/") {
            return Ok(None);
        }
        let is_gone = target.ends_with(b" (deleted)")
            && !fs::is_occupied(Path::new(OsStr::from_bytes(&target)));
        Ok((!is_gone).then_some(target))
    }

    /// The number of its process group.
    pub(super) fn group(self) -> Option<i32> {
        let pid = rustix::process::Pid::from_raw(self.0)?;
        let group = rustix::process::getpgid(Some(pid)).ok()?;
        Some(group.as_raw_nonzero().get())
    }

    /// The number of the process that a thread belongs to.
    pub(super) fn process(self) -> Option<i32> {
        let text =
            String::from_utf8(fs::read(format!("/proc/{}/status", self.0).as_ref()).ok()?).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Tgid:"))?;
        line.trim().parse().ok()
    }
}
