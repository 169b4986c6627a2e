//! The one place that touches `std::fs`: every error names the path and what was attempted.
//!
//! It knows nothing of packages or operations. [`stamp`] tells cheaply whether a file may have changed, [`fingerprint`]
//! what it contains.

#![expect(
    clippy::disallowed_methods,
    reason = "this module is what the others must use instead"
)]

pub mod fifo;
pub mod fingerprint;
pub mod lock;
pub mod path;
pub mod place;
pub mod sections;
pub mod stamp;
pub mod tree;

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

pub use fingerprint::{Content, ContentKind, Fingerprint};
pub use lock::Lock;
pub use stamp::Stamp;

use crate::error::{Error, Result};

fn fail<T>(result: io::Result<T>, attempt: &str, path: &Path) -> Result<T> {
    result.map_err(|error| Error::io(format!("Cannot {attempt} `{}`", path.display()), &error))
}

/// Opens a file, and refuses at once what has no end or whose other end nobody may ever open. `/dev/null` is an empty
/// file.
fn open_file(path: &Path) -> io::Result<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    // Without the flag a named pipe that nobody writes to would be waited for here, for ever.
    let file = options
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)?;
    let kind = file.metadata()?.file_type();
    let is_null = path == Path::new("/dev/null");
    if kind.is_file() || kind.is_dir() || is_null {
        Ok(file)
    } else {
        Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is a pipe or a device",
        ))
    }
}

fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = open_file(path)?;
    let size = file.metadata()?.len();
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
    file.read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The whole file.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fail(read_file(path), "read", path)
}

/// The whole file, or `None` where there is none.
pub fn read_if_exists(path: &Path) -> Result<Option<Vec<u8>>> {
    match read_file(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absence(&error) => Ok(None),
        Err(error) => fail(Err(error), "read", path),
    }
}

/// Whether `error` says that the path does not exist.
pub fn is_absence(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Whether anything is there, links followed.
pub fn exists(path: &Path) -> bool {
    std::fs::metadata(path).is_ok()
}

/// Whether anything is there, a link that leads nowhere included.
pub fn is_occupied(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

pub fn is_file(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file())
}

pub fn is_directory(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_dir())
}

/// Whether `path` is a symbolic link.
pub fn is_link(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink())
}

/// What a symbolic link says; `None` if `path` is none.
pub fn link_target(path: &Path) -> Option<PathBuf> {
    std::fs::read_link(path).ok()
}

/// Whether `path` is a file that the invoker may execute.
pub fn is_executable(path: &Path) -> bool {
    std::fs::metadata(path)
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// The absolute path without links.
pub fn canonicalize(path: &Path) -> Result<PathBuf> {
    fail(std::fs::canonicalize(path), "find", path)
}

/// Names in a directory with whether each is a directory (links not followed), sorted by bytes.
pub fn list(path: &Path) -> Result<Vec<(OsString, bool)>> {
    let mut names = Vec::new();
    for entry in fail(std::fs::read_dir(path), "list", path)? {
        let entry = fail(entry, "list", path)?;
        let kind = fail(entry.file_type(), "list", path)?;
        names.push((entry.file_name(), kind.is_dir()));
    }
    names.sort();
    Ok(names)
}

/// As [`list`]; nothing of a directory that is not there.
pub fn list_if_exists(path: &Path) -> Result<Vec<(OsString, bool)>> {
    if is_directory(path) {
        list(path)
    } else {
        Ok(Vec::new())
    }
}

/// Makes `path` a symbolic link that says `target`, whatever link was there before.
pub fn link(path: &Path, target: &Path) -> Result<()> {
    if link_target(path).as_deref() == Some(target) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        create_directories(parent)?;
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    remove_file(&temporary)?;
    fail(std::os::unix::fs::symlink(target, &temporary), "link", path)?;
    rename(&temporary, path)
}

/// Creates a directory and its parents.
pub fn create_directories(path: &Path) -> Result<()> {
    fail(std::fs::create_dir_all(path), "create the directory", path)
}

/// Replaces `path` by `content` at once: readers see the old file or the new one. The data is on disk before the name.
pub fn write_atomic(path: &Path, content: &[u8]) -> Result<()> {
    write_atomic_with(path, |file| file.write_all(content))
}

/// As [`write_atomic`], for content that is written piece by piece.
pub fn write_atomic_with(
    path: &Path,
    write: impl FnOnce(&mut io::BufWriter<std::fs::File>) -> io::Result<()>,
) -> Result<()> {
    fail(replace_with(path, write, |_| Ok(true)), "write", path).map(drop)
}

/// Writes a file beside `path` and renames it over that, if `is_right` says so of what is ready. Returns what it said.
fn replace_with(
    path: &Path,
    write: impl FnOnce(&mut io::BufWriter<std::fs::File>) -> io::Result<()>,
    is_right: impl FnOnce(&std::fs::File) -> io::Result<bool>,
) -> io::Result<bool> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}.new", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let result = (|| {
        let mut file = io::BufWriter::new(std::fs::File::create(&temporary)?);
        write(&mut file)?;
        file.flush()?;
        file.get_ref().sync_data()?;
        let is_right = is_right(file.get_ref())?;
        if is_right {
            std::fs::rename(&temporary, path)?;
        }
        Ok(is_right)
    })();
    if !matches!(result, Ok(true)) {
        let _ = std::fs::remove_file(&temporary);
    }
    result
}

/// Writes a plain file, replacing what is there; not atomic.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    fail(std::fs::write(path, content), "write", path)
}

/// Writes `content` unless the file has it already. Returns whether it wrote.
pub fn write_if_changed(path: &Path, content: &[u8]) -> Result<bool> {
    if read_if_exists(path)?.as_deref() == Some(content) {
        return Ok(false);
    }
    write_atomic(path, content)?;
    Ok(true)
}

/// Copies content and permission bits.
pub fn copy(from: &Path, to: &Path) -> Result<()> {
    match open_file(from).and_then(|_| std::fs::copy(from, to)) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::io(
            format!("Cannot copy `{}` to `{}`", from.display(), to.display()),
            &error,
        )),
    }
}

pub fn rename(from: &Path, to: &Path) -> Result<()> {
    std::fs::rename(from, to).map_err(|error| {
        Error::io(
            format!("Cannot move `{}` to `{}`", from.display(), to.display()),
            &error,
        )
    })
}

/// Removes a file or link. One that is not there is no error.
pub fn remove_file(path: &Path) -> Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if !is_absence(&error) => fail(Err(error), "remove", path),
        _ => Ok(()),
    }
}

/// Removes whatever is at `path`: a file, a link, or a directory with all below it. Nothing there is no error.
pub fn remove_all(path: &Path) -> Result<()> {
    let result = match std::fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if !is_absence(&error) => fail(Err(error), "remove", path),
        _ => Ok(()),
    }
}

/// Removes a directory if it is empty. Returns whether it is gone.
pub fn remove_if_empty(path: &Path) -> bool {
    std::fs::remove_dir(path).is_ok()
}

/// Opens a file for appending, creating it where it is missing.
pub fn open_append(path: &Path) -> Result<std::fs::File> {
    let options = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .read(true)
        .mode(0o644)
        .clone();
    fail(options.open(path), "open", path)
}

/// Opens a file for reading.
pub fn open(path: &Path) -> Result<std::fs::File> {
    fail(open_file(path), "open", path)
}

/// The terminal that controls this process, if there is one.
pub fn open_terminal() -> Option<std::fs::File> {
    let mut options = std::fs::OpenOptions::new();
    options.read(true).custom_flags(libc::O_NOCTTY);
    options.open("/dev/tty").ok()
}

/// Whether `path` is a directory in which nothing is, and can be listed.
pub fn is_empty_directory(path: &Path) -> bool {
    std::fs::read_dir(path).is_ok_and(|mut entries| entries.next().is_none())
}

/// Creates or empties a file for writing.
pub fn create(path: &Path) -> Result<std::fs::File> {
    fail(std::fs::File::create(path), "create", path)
}

/// Maps a file of wake's own into memory, or `None` where there is none. An empty file is an empty map. What lies in its
/// place and is no file, such as a directory or a link to nothing, is removed: it would be in the way for ever.
///
/// wake replaces the files that it maps by rename only and never shortens them, so a map does not fault.
pub fn map(path: &Path) -> Result<Option<memmap2::Mmap>> {
    Ok(open_mapped(path)?.map(|(_, map)| map))
}

/// As [`map`], with the file, for what is to be read without becoming a part of this process's memory.
pub fn open_mapped(path: &Path) -> Result<Option<(std::fs::File, memmap2::Mmap)>> {
    if is_occupied(path) && !is_file(path) {
        remove_all(path)?;
        return Ok(None);
    }
    let file = match open_file(path) {
        Ok(file) => file,
        Err(error) if is_absence(&error) => return Ok(None),
        Err(error) => return fail(Err(error), "open", path),
    };
    #[expect(unsafe_code, reason = "a memory map of a file")]
    // SAFETY: the files mapped are wake's own state, replaced by rename and only ever appended to.
    let map = unsafe { memmap2::Mmap::map(&file) };
    fail(map, "map", path).map(|map| Some((file, map)))
}
