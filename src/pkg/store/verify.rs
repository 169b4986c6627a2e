//! Whether a package in the store is still what its id says.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use rayon::prelude::*;

use super::id::PackageId;
use super::listing::{self, Entry, Listing};
use super::{LISTINGS, PACKAGES, Store};
use crate::error::{Error, Result};
use crate::fs;

/// What is wrong with a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// Sorted by path; never empty.
    pub differences: Vec<Difference>,
}

/// One thing that is not as it was put.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The package is not in the store.
    Absent,
    Missing(String),
    /// A file or directory that does not belong to the package.
    Added(String),
    Changed(String),
    /// What is there, and why it cannot be read.
    Unreadable(String, String),
    /// Something, but the listing that would tell what is damaged, too.
    Unlisted,
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => write!(formatter, "it is not in the store"),
            Self::Missing(path) => write!(formatter, "`{path}` is missing"),
            Self::Added(path) => write!(formatter, "`{path}` does not belong to it"),
            Self::Changed(path) => write!(formatter, "`{path}` has changed"),
            Self::Unreadable(path, why) => write!(formatter, "`{path}` cannot be read: {why}"),
            Self::Unlisted => write!(
                formatter,
                "it has changed, and the list of its files is lost"
            ),
        }
    }
}

impl Store {
    /// Reads a package and computes its id anew. `None`: it is what it should be.
    ///
    /// # Errors
    /// `Environment`, if its directory cannot be listed.
    pub fn verify(&self, id: &PackageId) -> Result<Option<Damage>> {
        let damage = |differences| Ok(Some(Damage { differences }));
        let Some(package) = self.get(id) else {
            return damage(vec![Difference::Absent]);
        };
        let Found {
            entries,
            mut differences,
            directories,
        } = find(&package)?;
        let found = Listing { entries };
        if let Some(listing) = self.listing(id)? {
            differences.extend(compare(&listing, &found, &differences));
            let expected = listing.directories();
            let added = directories
                .iter()
                .filter(|directory| !expected.contains(directory.as_str()));
            differences.extend(added.cloned().map(Difference::Added));
        } else if found.id() != *id {
            differences.push(Difference::Unlisted);
        }
        differences.sort_by_key(ToString::to_string);
        match differences.is_empty() {
            true => Ok(None),
            false => damage(differences),
        }
    }

    /// The listing that was put with a package, unless it is lost.
    fn listing(&self, id: &PackageId) -> Result<Option<Listing>> {
        let bytes = fs::read_if_exists(&self.place(LISTINGS, id))?.unwrap_or_default();
        let text = String::from_utf8(bytes).unwrap_or_default();
        Ok(Listing::parse(&text).filter(|listing| listing.id() == *id))
    }

    /// Ids of all packages that are there.
    ///
    /// # Errors
    /// `Environment`, if the store cannot be listed.
    pub fn ids(&self) -> Result<BTreeSet<PackageId>> {
        let names = self.names(PACKAGES)?;
        Ok(names.iter().filter_map(|name| name.parse().ok()).collect())
    }
}

/// What is in the directory of a package.
struct Found {
    entries: BTreeMap<String, Entry>,
    /// What is there and cannot be an entry.
    differences: Vec<Difference>,
    directories: Vec<String>,
}

fn find(package: &Path) -> Result<Found> {
    let (mut files, mut directories, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    for entry in walkdir::WalkDir::new(package).min_depth(1) {
        let entry = entry.map_err(|error| {
            Error::io(
                format!("Cannot list `{}`", package.display()),
                &error.into(),
            )
        })?;
        let below = entry.path().strip_prefix(package).unwrap_or(entry.path());
        match below.to_str() {
            Some(path) if entry.file_type().is_dir() => directories.push(path.to_owned()),
            Some(path) => files.push(path.to_owned()),
            None => differences.push(Difference::Added(below.display().to_string())),
        }
    }
    let taken: Vec<_> = files
        .par_iter()
        .map(|path| listing::take(package, path, None))
        .collect();
    let mut entries = BTreeMap::new();
    for (path, taken) in files.into_iter().zip(taken) {
        match taken {
            Ok((entry, _)) => drop(entries.insert(path, entry)),
            Err(error) => differences.push(Difference::Unreadable(path, why(&error))),
        }
    }
    Ok(Found {
        entries,
        differences,
        directories,
    })
}

fn why(error: &Error) -> String {
    let report = error.report();
    report.causes.first().unwrap_or(&report.message).clone()
}

fn compare(listing: &Listing, found: &Listing, known: &[Difference]) -> Vec<Difference> {
    let is_known = |path: &str| {
        known
            .iter()
            .any(|one| matches!(one, Difference::Unreadable(known, _) if known == path))
    };
    let mut differences = Vec::new();
    for (path, entry) in &listing.entries {
        match found.entries.get(path) {
            Some(there) if there == entry => {}
            Some(_) => differences.push(Difference::Changed(path.clone())),
            None if is_known(path) => {}
            None => differences.push(Difference::Missing(path.clone())),
        }
    }
    let added = found
        .entries
        .keys()
        .filter(|path| !listing.entries.contains_key(*path));
    differences.extend(added.cloned().map(Difference::Added));
    differences
}
