//! Placing files and links where nothing is: what is there is never replaced, and the last name never followed.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::fail;
use crate::error::Result;

/// Creates a file for writing.
///
/// # Errors
/// Something is there.
pub fn file(path: &Path, is_executable: bool) -> Result<File> {
    let opened = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if is_executable { 0o755 } else { 0o644 })
        .open(path);
    fail(opened, "create", path)
}

/// Makes a symbolic link.
///
/// # Errors
/// Something is there.
pub fn link(path: &Path, target: &Path) -> Result<()> {
    let made = std::os::unix::fs::symlink(target, path);
    fail(made, "make the link", path)
}

/// Creates one directory, whose parent exists.
///
/// # Errors
/// Something is there.
pub fn directory(path: &Path) -> Result<()> {
    fail(std::fs::create_dir(path), "create the directory", path)
}

/// Where a symbolic link leads, as written; `None`: it is no link.
///
/// # Errors
/// Nothing is there, or it cannot be read.
pub fn target(path: &Path) -> Result<Option<PathBuf>> {
    match std::fs::read_link(path) {
        Ok(target) => Ok(Some(target)),
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(None),
        Err(error) => fail(Err(error), "read the link", path),
    }
}

/// A file without a name, for reading and writing, on the file system of `directory`: gone when it is closed.
///
/// # Errors
/// The directory cannot be written.
pub fn nameless(directory: &Path) -> Result<File> {
    let path = directory.join(format!(".{}.nameless", std::process::id()));
    let opened = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .and_then(|file| std::fs::remove_file(&path).map(|()| file));
    fail(opened, "create", &path)
}
