//! The store: packages by what they contain, shared by all workspaces of a user.
//!
//! It knows nothing of names and versions, of where packages come from, and of which are wanted.
//!
//! ## On disk
//!
//! ```text
//! <cache directory>/wake/store/
//!   lock                  shared by those who use the store, held alone by those who clean up
//!   pkgs/<id>/            a package: exactly the files of its listing, read-only
//!   listings/<id>         its listing (`listing.rs`)
//!   uses/<id>             its size in bytes, in digits; modified when the package was used last, give or take an hour
//!   workspaces/<hash>     what a workspace uses (`workspaces.rs`)
//!   new/                  what is being made or removed
//! ```
//!
//! What is in `new/` belongs to a process that shares the lock; if nobody does, it is left over from one that died, and
//! the next one that opens the store removes it.
//!
//! A package is made in `new/` and renamed when it is complete and on disk, so what is below `pkgs/` is whole at any
//! time; its listing and size are there before it. Only its top directory is made read-only afterwards: who is not root
//! cannot move a directory that is. The kernel lets go of the lock of a process that dies.

mod collect;
mod export;
mod id;
mod listing;
mod put;
#[cfg(test)]
mod tests;
mod verify;
mod workspaces;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

pub use collect::{Collected, Limits};
pub use export::files_below;
pub use id::PackageId;
pub use put::Stored;
pub use verify::{Damage, Difference};

use crate::error::{Error, Result};
use crate::fs::{self, Lock, tree};

const PACKAGES: &str = "pkgs";
const LISTINGS: &str = "listings";
const USES: &str = "uses";
const WORKSPACES: &str = "workspaces";
const NEW: &str = "new";
const ALL: [&str; 5] = [PACKAGES, LISTINGS, USES, WORKSPACES, NEW];

const CACHE_HINT: &str = "set `XDG_CACHE_HOME` to a directory that you may write to";

/// The store of a user. While it is open, nobody else evicts anything from it.
#[derive(Debug)]
pub struct Store {
    directory: PathBuf,
    lock: Lock,
    is_writable: bool,
}

impl Store {
    /// As [`Self::open`]; `None`: there is no cache directory.
    ///
    /// # Errors
    /// As [`Self::open`], and `Environment`, if there is no cache directory.
    pub fn of_user(cache_directory: Option<&Path>) -> Result<Self> {
        let Some(directory) = cache_directory else {
            return Err(
                Error::environment("There is no place for the store of packages")
                    .cause("neither `XDG_CACHE_HOME` nor `HOME` is set")
                    .hint(CACHE_HINT),
            );
        };
        Self::open(directory)
    }

    /// Opens the store in the user's cache directory, and creates it where it is missing. Waits while another process
    /// evicts. A store that may only be read is opened for reading.
    ///
    /// # Errors
    /// `Environment`, if there is no store and none can be made.
    pub fn open(cache_directory: &Path) -> Result<Self> {
        let directory = cache_directory.join("wake/store");
        for part in ALL {
            fs::create_directories(&directory.join(part))
                .map_err(|error| unusable(&error, cache_directory))?;
        }
        let store = Self {
            lock: Lock::share(&directory.join("lock"))
                .map_err(|error| unusable(&error, cache_directory))?,
            is_writable: ALL
                .iter()
                .all(|part| tree::is_writable(&directory.join(part))),
            directory,
        };
        if store.is_writable && !store.leftovers()?.is_empty() {
            if store.lock.try_exclude()? {
                store.remove_leftovers()?;
            }
            store.lock.readmit()?;
        }
        Ok(store)
    }

    /// The directory of a package that is there. Only that it is there is checked: see [`Self::verify`].
    pub fn get(&self, id: &PackageId) -> Option<PathBuf> {
        let place = self.place(PACKAGES, id);
        fs::is_directory(&place).then_some(place)
    }

    /// The id that `files` of the directory `staged` have as a package, and their size in bytes.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub fn id_of(staged: &Path, files: &[String]) -> Result<(PackageId, u64)> {
        let survey = listing::survey(staged, files)?;
        Ok((survey.listing.id(), survey.size))
    }

    /// Removes a package that is damaged, so that it can be put again. One that is not there is no error.
    ///
    /// # Errors
    /// `Environment`, if the store cannot be written.
    pub fn remove(&self, id: &PackageId) -> Result<()> {
        match self.set_aside(id)? {
            Some(aside) => tree::remove_read_only(&aside),
            None => Ok(()),
        }
    }

    /// Takes a package out of the store by renaming it, its listing and size with it. Returns where it is now.
    fn set_aside(&self, id: &PackageId) -> Result<Option<PathBuf>> {
        let (place, aside) = (self.place(PACKAGES, id), self.temporary());
        if !fs::is_occupied(&place) {
            return Ok(None);
        }
        // Before the package: as soon as it is gone, somebody else may put it again.
        fs::remove_file(&self.place(LISTINGS, id))?;
        fs::remove_file(&self.place(USES, id))?;
        if fs::is_directory(&place) {
            tree::set_mode(&place, 0o700)?;
        }
        match fs::rename(&place, &aside) {
            Ok(()) => Ok(Some(aside)),
            // Somebody else was faster.
            Err(_) if !fs::is_occupied(&place) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn place(&self, part: &str, id: &PackageId) -> PathBuf {
        self.directory.join(part).join(id.to_string())
    }

    /// A name that nobody else uses.
    fn temporary(&self) -> PathBuf {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        // Processes in different containers can have the same id, hence the time.
        let time = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
        let name = format!("{}-{:x}-{count}", std::process::id(), time.as_nanos());
        self.directory.join(NEW).join(name)
    }

    /// Replaces a small file of the store.
    fn write(&self, part: &str, name: &str, content: &[u8]) -> Result<()> {
        let temporary = self.temporary();
        let result = fs::write(&temporary, content)
            .and_then(|()| tree::synchronize(&temporary))
            .and_then(|()| fs::rename(&temporary, &self.directory.join(part).join(name)));
        if result.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        result
    }

    /// Names in a part of the store.
    fn names(&self, part: &str) -> Result<Vec<String>> {
        let names = fs::list(&self.directory.join(part))?.into_iter();
        Ok(names
            .filter_map(|(name, _)| name.into_string().ok())
            .collect())
    }

    fn leftovers(&self) -> Result<Vec<PathBuf>> {
        let directory = self.directory.join(NEW);
        let names = fs::list(&directory)?.into_iter();
        Ok(names.map(|(name, _)| directory.join(name)).collect())
    }

    /// What processes left that died. The lock must be held alone.
    fn remove_leftovers(&self) -> Result<()> {
        for path in self.leftovers()? {
            tree::remove_read_only(&path)?;
        }
        Ok(())
    }
}

fn unusable(error: &Error, cache_directory: &Path) -> Error {
    let directory = cache_directory.display();
    let message = format!("The store of packages in `{directory}` cannot be opened");
    because(message, error).hint(CACHE_HINT)
}

/// An error of the machine in words of the store, with what can be done about it.
fn because(message: impl Into<String>, error: &Error) -> Error {
    let outer = error.clone().as_cause_of(message);
    let causes = &error.report().causes;
    let has_cause = |words: &str| causes.iter().any(|cause| cause == words);
    if has_cause("no space left on the device") {
        outer.hint("`wake cache gc` removes packages that no workspace uses")
    } else if has_cause("the file system is read-only") {
        outer.hint(CACHE_HINT)
    } else {
        outer
    }
}
