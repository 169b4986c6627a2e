//! The socket of a workspace's watcher, `.wake/watcher`: made so that only its user can use it, and found at any depth.
//!
//! An address of a socket has no more than 108 bytes. Where the path is longer, the directory is opened and the address
//! goes through `/proc/self/fd`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

/// The longest path that is an address as it is, with the byte that ends it.
const LONGEST: usize = 107;

/// So many may wait for an answer.
const BACKLOG: i32 = 64;

/// An address, and what must stay open for it to be one.
struct Address {
    address: SocketAddrUnix,
    _directory: Option<OwnedFd>,
}

fn address(path: &Path) -> io::Result<Address> {
    if path.as_os_str().len() <= LONGEST {
        return Ok(Address {
            address: SocketAddrUnix::new(path)?,
            _directory: None,
        });
    }
    let (Some(directory), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(io::ErrorKind::InvalidInput.into());
    };
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let directory = rustix::fs::open(directory, flags, Mode::empty())?;
    let through = PathBuf::from(format!("/proc/self/fd/{}", directory.as_raw_fd()));
    Ok(Address {
        address: SocketAddrUnix::new(through.join(name))?,
        _directory: Some(directory),
    })
}

fn socket() -> io::Result<OwnedFd> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    Ok(socket)
}

/// Makes the socket at `path`, where nothing may be. Only this user can connect to it.
///
/// # Errors
/// Something is there, or it cannot be made.
pub fn bind(path: &Path) -> io::Result<UnixListener> {
    let socket = socket()?;
    // The file gets the mode of the socket: there is no moment in which others could connect.
    rustix::fs::fchmod(&socket, Mode::RUSR | Mode::WUSR)?;
    rustix::net::bind(&socket, &address(path)?.address)?;
    rustix::net::listen(&socket, BACKLOG)?;
    Ok(UnixListener::from(socket))
}

/// Connects to the socket at `path`, without waiting.
///
/// # Errors
/// There is none, nobody listens any more, too many wait, or it belongs to somebody else.
pub fn connect(path: &Path) -> io::Result<UnixStream> {
    let socket = socket()?;
    rustix::net::connect(&socket, &address(path)?.address)?;
    check_user(&socket)?;
    let stream = UnixStream::from(socket);
    stream.set_nonblocking(false)?;
    Ok(stream)
}

/// Whether the other end of a connection belongs to the same user.
///
/// # Errors
/// It does not, or nobody knows.
pub fn check_user(socket: impl AsFd) -> io::Result<()> {
    match socket_peercred(socket)?.uid == rustix::process::geteuid() {
        true => Ok(()),
        false => Err(io::ErrorKind::PermissionDenied.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;
    use crate::fs;

    /// Catches a workspace that lies too deep to be watched, and a socket that others can use.
    #[test]
    fn sockets_are_private_and_found_at_any_depth() {
        let directory = tempfile::tempdir().unwrap();
        let deep = directory.path().join("x".repeat(100)).join("y".repeat(200));
        fs::create_directories(&deep).unwrap();
        for directory in [directory.path(), &deep] {
            let path = directory.join("watcher");
            assert!(connect(&path).is_err());
            let listener = bind(&path).unwrap();
            let status = fs::stamp::lstat(&path).unwrap();
            assert_eq!(status.mode & 0o777, 0o600);
            let mut client = connect(&path).unwrap();
            let (mut server, _) = listener.accept().unwrap();
            check_user(&server).unwrap();
            client.write_all(b"?").unwrap();
            let mut byte = [0];
            server.read_exact(&mut byte).unwrap();
            assert!(bind(&path).is_err());
            drop((listener, server));
            let refused = connect(&path).unwrap_err();
            assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        }
    }
}
