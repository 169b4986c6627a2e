//! Copying a package out of the store.

use std::path::Path;

use super::id::PackageId;
use super::listing::{self, Entry, Listing};
use super::{PACKAGES, Store};
use crate::error::{Error, Result};
use crate::fs::tree;

impl Store {
    /// Copies a package to `into`, which must not exist yet: files and directories that their owner may change.
    ///
    /// # Errors
    /// `Environment`, if the package is not there or is damaged, or if `into` cannot be written; `into` may be there then.
    pub fn export(&self, id: &PackageId, into: &Path) -> Result<()> {
        let package = self.place(PACKAGES, id);
        let files = files_below(&package)?;
        if !tree::create_directory(into)? {
            let into = into.display();
            return Err(Error::environment(format!("`{into}` is there already")));
        }
        let copied = listing::copy(&package, &files, into, &|| Ok(()))?.listing;
        if copied.id() != *id {
            return Err(Error::environment(format!(
                "The package `{}` in the store is damaged",
                package.display()
            ))
            .hint("`wake pkg verify` says what has changed, and fetches it again"));
        }
        set_modes(into, &copied)
    }
}

fn set_modes(package: &Path, listing: &Listing) -> Result<()> {
    for (path, entry) in &listing.entries {
        match entry {
            Entry::File(_) => tree::set_mode(&package.join(path), 0o644)?,
            Entry::Executable(_) => tree::set_mode(&package.join(path), 0o755)?,
            Entry::Link(_) => {}
        }
    }
    let mut directories = listing.directories().into_iter().chain([""]);
    directories.try_for_each(|directory| tree::set_mode(&package.join(directory), 0o755))
}

/// All files and links below a directory, relative to it, sorted: what to put if it is a whole package.
///
/// # Errors
/// `User`, if a name is not UTF-8; `Environment`, if the directory cannot be listed.
pub fn files_below(directory: &Path) -> Result<Vec<String>> {
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(directory).min_depth(1) {
        let entry = entry.map_err(|error| {
            Error::io(
                format!("Cannot list `{}`", directory.display()),
                &error.into(),
            )
        })?;
        if entry.file_type().is_dir() {
            continue;
        }
        let path = entry.path().strip_prefix(directory).unwrap_or(entry.path());
        let path = path.to_str().ok_or_else(|| {
            Error::user(format!("`{}` cannot be part of a package", path.display()))
                .cause("its name is not UTF-8")
        })?;
        files.push(path.to_owned());
    }
    files.sort();
    Ok(files)
}
