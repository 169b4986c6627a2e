//! Stamps: what the file system says of a file without reading it.
//!
//! A stamp that is unchanged *and not racy* means that the content is unchanged. It is racy when the file was changed
//! so shortly before it was looked at that a second change could have left the same stamp: file systems without
//! multigrain times advance their clock once a tick.

use std::ffi::CStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, Stat, open, statat};
use rustix::io::Errno;
use rustix::time::ClockId;

use bytemuck::{Pod, Zeroable};

/// Times in nanoseconds since the epoch. All zero: nothing is there.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
pub struct Stamp {
    pub mtime: i64,
    pub ctime: i64,
    pub size: u64,
    pub inode: u64,
    pub device: u64,
}

impl Stamp {
    /// The stamp of a path where nothing is.
    pub const ABSENT: Self = Self {
        mtime: 0,
        ctime: 0,
        size: 0,
        inode: 0,
        device: 0,
    };

    pub fn is_absent(&self) -> bool {
        *self == Self::ABSENT
    }

    /// Whether a change right after `seen` (nanoseconds, the clock of the file system) could have left this stamp:
    /// the last change is not at least `granularity` nanoseconds older. Never where the granularity is 0.
    pub fn is_racy(&self, seen: i64, granularity: i64) -> bool {
        granularity > 0 && !self.is_absent() && self.ctime.saturating_add(granularity) > seen
    }
}

/// What `lstat` says: the stamp, and the mode (`st_mode`), 0 where nothing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Status {
    pub stamp: Stamp,
    pub mode: u32,
}

impl Status {
    pub fn is_directory(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFDIR
    }

    /// Whether something is there that keeps no content: a pipe, a socket or a device.
    pub fn is_special(&self) -> bool {
        self.mode != 0 && !self.is_directory() && !self.is_link() && !self.is_file()
    }

    pub fn is_link(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFLNK
    }

    pub fn is_file(&self) -> bool {
        self.mode & libc::S_IFMT == libc::S_IFREG
    }

    pub fn is_executable(&self) -> bool {
        self.mode & 0o111 != 0
    }
}

fn status(path: &Path, follow: bool) -> std::io::Result<Status> {
    let flags = if follow {
        AtFlags::empty()
    } else {
        AtFlags::SYMLINK_NOFOLLOW
    };
    of_result(statat(CWD, path.as_os_str().as_bytes(), flags))
}

fn of_result(result: rustix::io::Result<Stat>) -> std::io::Result<Status> {
    let stat = match result {
        Ok(stat) => stat,
        Err(Errno::NOENT | Errno::NOTDIR) => return Ok(Status::default()),
        Err(error) => return Err(error.into()),
    };
    let nanoseconds = |seconds: i64, nanoseconds: i64| {
        seconds
            .saturating_mul(1_000_000_000)
            .saturating_add(nanoseconds)
    };
    #[allow(
        clippy::useless_conversion,
        clippy::unnecessary_fallible_conversions,
        reason = "the field types differ between architectures"
    )]
    Ok(Status {
        stamp: Stamp {
            mtime: nanoseconds(
                stat.st_mtime,
                i64::try_from(stat.st_mtime_nsec).unwrap_or(0),
            ),
            ctime: nanoseconds(
                stat.st_ctime,
                i64::try_from(stat.st_ctime_nsec).unwrap_or(0),
            ),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            inode: stat.st_ino,
            device: stat.st_dev,
        },
        mode: stat.st_mode,
    })
}

/// The status of each of `names` in `directory`, links themselves: told in order, and only up to the first that cannot be
/// looked at. The directory is opened once, so its path is resolved once.
pub fn lstat_in(directory: &Path, names: &[&CStr], each: &mut dyn FnMut(Status)) {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = match open(directory, flags, Mode::empty()) {
        Ok(directory) => directory,
        Err(Errno::NOENT | Errno::NOTDIR) => {
            names.iter().for_each(|_| each(Status::default()));
            return;
        }
        Err(_) => return,
    };
    for name in names {
        match of_result(statat(&directory, *name, AtFlags::SYMLINK_NOFOLLOW)) {
            Ok(status) => each(status),
            Err(_) => return,
        }
    }
}

/// The status of a path, a link itself if it is one. Absence is no error.
pub fn lstat(path: &Path) -> std::io::Result<Status> {
    status(path, false)
}

/// The status of what a path leads to. Absence and dangling links are no error.
pub fn stat(path: &Path) -> std::io::Result<Status> {
    status(path, true)
}

/// The clock that the file system stamps with, in nanoseconds since the epoch: coarse, as the kernel's own stamps are.
pub fn now() -> i64 {
    time(ClockId::RealtimeCoarse)
}

/// The time of day, in nanoseconds since the epoch. It may be later than what the file system stamps with right after.
pub fn time_of_day() -> i64 {
    time(ClockId::Realtime)
}

fn time(clock: ClockId) -> i64 {
    let time = rustix::time::clock_gettime(clock);
    time.tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(time.tv_nsec)
}

/// How old a change must be to be told from the next one, in nanoseconds: one tick of the slowest kernel clock, doubled.
pub const GRANULARITY: i64 = 20_000_000;

/// How old a change must be to be told from the next one, on any file system: found out by trying for one of them, of
/// others the worst is assumed.
pub struct Clock {
    directory: PathBuf,
    /// Device and granularity of the directory's file system, found out when first needed.
    found: OnceLock<(u64, i64)>,
}

impl Clock {
    /// `directory`: any that wake may write to, such as that of its state.
    pub fn new(directory: &Path) -> Self {
        Self {
            directory: directory.to_owned(),
            found: OnceLock::new(),
        }
    }

    /// Of a device on which no two changes have the same stamp.
    #[cfg(test)]
    pub fn exact(device: u64) -> Self {
        Self {
            directory: PathBuf::new(),
            found: OnceLock::from((device, 0)),
        }
    }

    /// In nanoseconds, for changes on `device`; 0 as in [`granularity`].
    pub fn granularity(&self, device: u64) -> i64 {
        let (own, found) = *self.found.get_or_init(|| {
            let status = stat(&self.directory).unwrap_or_default();
            (status.stamp.device, granularity(&self.directory))
        });
        if device == own { found } else { GRANULARITY }
    }
}

/// How the name of a file begins that is only there to find out how fine the clock of a file system is.
const PROBE: &str = ".clock.";

/// Whether a file of that name is there only to find out how fine the clock is: nobody depends on it.
pub fn is_probe(name: &[u8]) -> bool {
    name.starts_with(PROBE.as_bytes())
}

/// How old a change must be in `directory` to be told from the next one: 0 where the file system gives a new time to
/// every change that follows a look (multigrain times, Linux 6.13), found out by trying.
fn granularity(directory: &Path) -> i64 {
    let probe = directory.join(format!("{PROBE}{}", std::process::id()));
    let distinct = (|| {
        let mut last = None;
        for round in 0..4_u8 {
            super::write(&probe, &[round]).ok()?;
            let stamp = lstat(&probe).ok()?.stamp;
            if last == Some((stamp.mtime, stamp.ctime)) {
                return Some(false);
            }
            last = Some((stamp.mtime, stamp.ctime));
        }
        Some(true)
    })();
    let _ = super::remove_file(&probe);
    if distinct == Some(true) {
        0
    } else {
        GRANULARITY
    }
}
