//! Pipes that have a name, and pipes that another process has opened. It knows nothing of what goes through them.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_getfl, fstat, mkfifoat, open};
use rustix::io::{FdFlags, fcntl_getfd};

/// Makes a named pipe that only the user may open.
///
/// # Errors
/// That of the system: something is there, or the file system has no pipes.
pub fn make(path: &Path) -> io::Result<()> {
    Ok(mkfifoat(CWD, path, Mode::RUSR | Mode::WUSR)?)
}

/// Opens a named pipe; nobody is waited for.
///
/// # Errors
/// That of the system, or `InvalidInput`: it is no pipe. Without a reader there is nothing to write to.
pub fn open_pipe(path: &Path, access: OFlags) -> io::Result<OwnedFd> {
    let pipe = open(
        path,
        access | OFlags::NONBLOCK | OFlags::CLOEXEC,
        Mode::empty(),
    )?;
    match FileType::from_raw_mode(fstat(&pipe)?.st_mode) {
        FileType::Fifo => Ok(pipe),
        _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no pipe")),
    }
}

/// Opens the pipe behind a descriptor once more: so it can be made not to wait without this being noticed by others who
/// have the descriptor.
///
/// # Errors
/// As [`open_pipe`]; also where there is no `/proc`.
pub fn reopen(descriptor: BorrowedFd<'_>, access: OFlags) -> io::Result<OwnedFd> {
    use std::os::fd::AsRawFd;
    let path = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
    open_pipe(Path::new(&path), access)
}

/// The two ends of a pipe that were inherited from the process that started this one.
#[derive(Debug)]
pub struct Inherited {
    /// Not owned: whoever is started by this process inherits them, too.
    pub read: BorrowedFd<'static>,
    pub write: BorrowedFd<'static>,
}

impl Inherited {
    /// Takes descriptors by their numbers, if they are what somebody says that they are: numbers may be closed, or mean
    /// something else by now.
    ///
    /// # Errors
    /// `InvalidInput` with the reason.
    pub fn of(read: i32, write: i32) -> io::Result<Self> {
        let (reader, writer) = (inherited(read)?, inherited(write)?);
        let wrong = |text: String| Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        let (from, to) = (fstat(reader)?, fstat(writer)?);
        for (number, status) in [(read, &from), (write, &to)] {
            if FileType::from_raw_mode(status.st_mode) != FileType::Fifo {
                return wrong(format!("descriptor {number} is no pipe"));
            }
        }
        if (from.st_dev, from.st_ino) != (to.st_dev, to.st_ino) {
            return wrong(format!(
                "descriptors {read} and {write} are different pipes"
            ));
        }
        let access = |pipe| Ok::<_, io::Error>(fcntl_getfl(pipe)? & OFlags::ACCMODE);
        if access(reader)? == OFlags::WRONLY || access(writer)? == OFlags::RDONLY {
            return wrong(format!(
                "descriptor {read} cannot be read, or {write} not written"
            ));
        }
        Ok(Self {
            read: reader,
            write: writer,
        })
    }
}

/// A descriptor by its number, if it is open and was inherited.
fn inherited(number: i32) -> io::Result<BorrowedFd<'static>> {
    let closed = || {
        io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("descriptor {number} is closed"),
        )
    };
    if number < 0 {
        return Err(closed());
    }
    #[expect(unsafe_code, reason = "a number that another process wrote down")]
    // SAFETY: only its flags are asked for until it is known to be open. Every descriptor that this process opens itself
    // has FD_CLOEXEC, so one without it was inherited, and nothing in this process closes it.
    let descriptor = unsafe { BorrowedFd::borrow_raw(number) };
    match fcntl_getfd(descriptor) {
        Ok(flags) if !flags.contains(FdFlags::CLOEXEC) => Ok(descriptor),
        _ => Err(closed()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::{AsFd, AsRawFd};

    use super::*;

    #[test]
    fn what_is_no_pipe_is_not_taken_for_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("fifo");
        make(&path).unwrap();
        open_pipe(&path, OFlags::RDWR).unwrap();
        assert!(make(&path).is_err());
        // Nobody reads, so there is nobody to write to: this must not wait.
        assert!(open_pipe(&path, OFlags::WRONLY).is_err());
        crate::fs::write(&directory.path().join("file"), b"+++").unwrap();
        let error = open_pipe(&directory.path().join("file"), OFlags::RDONLY).unwrap_err();
        assert_eq!(error.to_string(), "it is no pipe");
    }

    #[test]
    fn descriptors_that_are_not_what_was_said_are_refused() {
        let told = |read, write| Inherited::of(read, write).unwrap_err().to_string();
        assert_eq!(told(-1, 4), "descriptor -1 is closed");
        assert_eq!(told(1_000_000, 4), "descriptor 1000000 is closed");
        // What this process opened itself cannot be what it was told of when it was started.
        let (reader, writer) = std::io::pipe().unwrap();
        let (read, write) = (reader.as_raw_fd(), writer.as_raw_fd());
        assert_eq!(told(read, write), format!("descriptor {read} is closed"));
    }

    #[test]
    fn a_pipe_that_is_opened_again_does_not_make_others_wait_or_not_wait() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let own = reopen(reader.as_fd(), OFlags::RDONLY).unwrap();
        assert_eq!(
            rustix::io::read(&own, &mut [0]).unwrap_err(),
            rustix::io::Errno::AGAIN
        );
        assert!(!fcntl_getfl(&reader).unwrap().contains(OFlags::NONBLOCK));
    }
}
