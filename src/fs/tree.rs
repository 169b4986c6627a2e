//! What trees are made and unmade of: links, modes, times, and what is on disk for good.
//!
//! It knows nothing of what a tree contains, and why.

#![expect(clippy::disallowed_methods, reason = "part of crate::fs")]

use std::fs::File;
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::fail;
use crate::error::{Error, Result};

/// Creates a file that only its owner may touch; one that is there already is an error.
pub fn create_new(path: &Path) -> Result<File> {
    let mut options = std::fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    fail(file, "create", path)
}

/// Creates a directory that only its owner may touch. Returns whether it was not there.
pub fn create_directory(path: &Path) -> Result<bool> {
    match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => fail(Err(error), "create the directory", path),
    }
}

/// Opens a plain file: no link, and nothing that has to be waited for.
pub fn open_plain(path: &Path) -> Result<File> {
    let mut options = std::fs::OpenOptions::new();
    let file = options
        .read(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path);
    fail(file, "open", path)
}

/// The text of a link.
pub fn read_link(path: &Path) -> Result<PathBuf> {
    fail(std::fs::read_link(path), "read the link", path)
}

pub fn create_link(target: &str, path: &Path) -> Result<()> {
    fail(
        std::os::unix::fs::symlink(target, path),
        "create the link",
        path,
    )
}

/// Replaces a file of the user's at once, which keeps the permissions `mode`. Returns whether it still said `before`; if
/// not, it is as it was: that is looked at last, when all is on disk, since writing takes long enough for an editor.
///
/// # Errors
/// It is read-only: that it could be renamed over does not make it wake's to change. It cannot be written.
pub fn replace(path: &Path, before: &[u8], after: &[u8], mode: u32) -> Result<bool> {
    if mode & 0o222 == 0 {
        let subject = format!("Cannot write `{}`", path.display());
        return Err(Error::environment(subject).cause("it is read-only"));
    }
    let write = |file: &mut io::BufWriter<File>| io::Write::write_all(file, after);
    let is_right = |file: &File| {
        file.set_permissions(std::fs::Permissions::from_mode(mode))?;
        Ok(super::read_file(path)? == before)
    };
    fail(super::replace_with(path, write, is_right), "write", path)
}

/// Sets the permission bits of a file or directory, whatever the umask is.
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    let permissions = std::fs::Permissions::from_mode(mode);
    fail(
        std::fs::set_permissions(path, permissions),
        "set the permissions of",
        path,
    )
}

/// Waits until the content of a file, or the names in a directory, are on disk.
pub fn synchronize(path: &Path) -> Result<()> {
    fail(
        File::open(path).and_then(|file| file.sync_all()),
        "write",
        path,
    )
}

/// When a file was modified last, or `None` where there is none.
pub fn modified(path: &Path) -> Result<Option<SystemTime>> {
    match std::fs::symlink_metadata(path).and_then(|metadata| metadata.modified()) {
        Ok(time) => Ok(Some(time)),
        Err(error) if super::is_absence(&error) => Ok(None),
        Err(error) => fail(Err(error), "look at", path),
    }
}

/// Says that a file was modified at `time`.
pub fn set_modified(path: &Path, time: SystemTime) -> Result<()> {
    let file = std::fs::OpenOptions::new().write(true).open(path);
    fail(
        file.and_then(|file| file.set_modified(time)),
        "set the time of",
        path,
    )
}

/// As [`super::rename`], of a directory to where another one may be: returns false where there is one that is not empty.
pub fn rename_to_free(from: &Path, to: &Path) -> Result<bool> {
    match std::fs::rename(from, to) {
        Ok(()) => Ok(true),
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists
            ) =>
        {
            Ok(false)
        }
        Err(error) => Err(Error::io(
            format!("Cannot move `{}` to `{}`", from.display(), to.display()),
            &error,
        )),
    }
}

/// As [`super::remove_all`], for trees whose directories may be read-only.
pub fn remove_read_only(path: &Path) -> Result<()> {
    for entry in walkdir::WalkDir::new(path) {
        // What cannot be listed is reported by the removal.
        if let Ok(entry) = entry
            && entry.file_type().is_dir()
        {
            let _ = set_mode(entry.path(), 0o700);
        }
    }
    super::remove_all(path)
}

/// Whether names may be added to a directory.
pub fn is_writable(directory: &Path) -> bool {
    rustix::fs::access(directory, rustix::fs::Access::WRITE_OK).is_ok()
}

/// Bytes of the files below a directory, as far as they can be seen.
pub fn size(directory: &Path) -> u64 {
    walkdir::WalkDir::new(directory)
        .into_iter()
        .filter_map(|entry| entry.ok()?.metadata().ok())
        .filter(|metadata| metadata.is_file())
        .map(|metadata| metadata.len())
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches an edit that is lost because it was made while wake wrote, and a new file that is left beside the old.
    #[test]
    fn what_was_changed_meanwhile_is_not_replaced() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("Recipe.sml");
        std::fs::write(&path, "theirs").unwrap();
        assert!(!replace(&path, b"before", b"after", 0o640).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"theirs");
        assert!(replace(&path, b"theirs", b"after", 0o640).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), b"after");
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
        assert!(replace(&path, b"after", b"again", 0o440).is_err());
        assert_eq!(directory.path().read_dir().unwrap().count(), 1);
    }
}
