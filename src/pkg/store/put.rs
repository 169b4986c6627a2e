//! Putting a package into the store: at once, for good, and as often as one likes.

use std::path::{Path, PathBuf};

use rayon::prelude::*;

use super::id::PackageId;
use super::listing::{self, Listing, Survey};
use super::{LISTINGS, PACKAGES, Store, USES, because};
use crate::error::{Kind, Result};
use crate::fs::{self, tree};

/// A package that is in the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub id: PackageId,
    /// Absolute if the cache directory is.
    pub directory: PathBuf,
    /// Bytes of its files.
    pub size: u64,
}

/// What a put does, in this order. After each the process may die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The empty directory is there.
    Begin,
    /// A file is about to be copied.
    File,
    /// All files are there.
    Copied,
    /// They are on disk.
    Durable,
    /// The listing is there.
    Listed,
    /// The size is there.
    Sized,
    /// The package has its name.
    Named,
}

impl Store {
    /// Copies `files` of the directory `staged` (relative to it, sorted: the declaration, what it imports, its `files`)
    /// into the store, and nothing else. A package that is there already is left as it is.
    ///
    /// Links are kept as they are if they stay inside the package.
    ///
    /// # Errors
    /// `User`, if a file is missing or cannot be part of a package: a link that leaves it, a device, a pipe, a socket, a
    /// setuid program, a directory. `Environment`, if the store cannot be written. The store is as before.
    pub fn put(&self, staged: &Path, files: &[String]) -> Result<Stored> {
        self.put_step_by_step(staged, files, &|_| Ok(()))
            .map_err(|error| match error.kind() {
                Kind::User => error,
                _ => because("The package cannot be put into the store", &error),
            })
    }

    /// `step` is told what has been done, and may fail.
    pub(super) fn put_step_by_step(
        &self,
        staged: &Path,
        files: &[String],
        step: &(dyn Fn(Step) -> Result<()> + Sync),
    ) -> Result<Stored> {
        let survey = listing::survey(staged, files)?;
        let id = survey.listing.id();
        if let Some(directory) = self.get(&id) {
            self.touch(&id)?;
            return Ok(Stored {
                id,
                directory,
                size: survey.size,
            });
        }
        let temporary = Temporary(self.temporary());
        tree::create_directory(&temporary.0)?;
        step(Step::Begin)?;
        // What has been written counts, should someone change what is staged meanwhile.
        let Survey { listing, size } =
            listing::copy(staged, files, &temporary.0, &|| step(Step::File))?;
        step(Step::Copied)?;
        settle(&temporary.0, &listing)?;
        step(Step::Durable)?;
        let id = listing.id();
        self.write(LISTINGS, &id.to_string(), listing.to_text().as_bytes())?;
        step(Step::Listed)?;
        self.write(USES, &id.to_string(), format!("{size}\n").as_bytes())?;
        step(Step::Sized)?;
        let directory = self.place(PACKAGES, &id);
        // A file or a link is no package, whoever has put it there.
        if fs::is_file(&directory) || fs::is_link(&directory) {
            fs::remove_file(&directory)?;
        }
        // Where another wake was faster, the same package is there.
        let is_first = tree::rename_to_free(&temporary.0, &directory)?;
        step(Step::Named)?;
        if is_first {
            tree::set_mode(&directory, 0o555)?;
        }
        for part in [LISTINGS, USES, PACKAGES] {
            tree::synchronize(&self.directory.join(part))?;
        }
        Ok(Stored {
            id,
            directory,
            size,
        })
    }
}

/// Makes directories read-only but for that of the package, and waits until all is on disk. Every file has been written
/// before the first is waited for, so the file system can write many of them at once.
fn settle(package: &Path, listing: &Listing) -> Result<()> {
    let files: Vec<&String> = listing
        .entries
        .iter()
        .filter(|(_, entry)| !matches!(entry, listing::Entry::Link(_)))
        .map(|(path, _)| path)
        .collect();
    files
        .par_iter()
        .try_for_each(|path| tree::synchronize(&package.join(path)))?;
    for directory in listing.directories() {
        let directory = package.join(directory);
        tree::set_mode(&directory, 0o555)?;
        tree::synchronize(&directory)?;
    }
    tree::set_mode(package, 0o755)?;
    tree::synchronize(package)
}

/// A directory that is gone when the put is over, unless it has got its name.
struct Temporary(PathBuf);

impl Drop for Temporary {
    fn drop(&mut self) {
        // What cannot be removed now is removed as a left-over.
        let _ = tree::remove_read_only(&self.0);
    }
}
