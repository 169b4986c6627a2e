//! `wake.lock`: what a resolution chose, for people, version control and the next resolution.
//!
//! It knows nothing of how versions are chosen, and of whether an entry is up to date.
//!
//! ## Format 1
//!
//! UTF-8 text, one JSON object a line without spaces, each line ended by a line feed. The first line is
//! `{"wake.lock":1}`, the number of the format, 2 if something is asked for with `host`; with the key `vendor` if the workspace carries copies of its packages: their
//! directory, relative to its top. Then comes one line for every package, sorted by name, version, scope,
//! artifact and origin. The keys of a line, in this order, those with a default left out where they have it:
//!
//! - `name`: `namespace/name`, or `name`
//! - `version`: semver. A path package has none
//! - `origin`: where it comes from, as messages write it; of a path package `path:` and its directory, relative to the
//!   workspace's top where there is such a path
//! - `scope`: the scope that it was chosen in, `host` for that of the host; default: the main one
//! - `digest`: its id in the store, 64 hex digits, or `-` as long as nobody has fetched it. A path package has none
//! - `size`: bytes of its files; default: not known
//! - `requires`: what it asks for, in the order of its keys: `namespace/name@requirement` of the same origin, else
//!   `{"req":…,"from":origin,"versions":…,"host":true,"hidden":true}`, where all but `req` may be missing; `host`: as a
//!   `Build` or `Tool` dependency of a recipe; `hidden`: no visible field of `pkgs` asks so, but a module that was built;
//!   default: nothing
//! - `artifact`: `{"name":…,"when":{parameter:[value,…]}}`, if the version has several; each has a line of its own
//! - `replace`: `true` for a path package that answers every request for its name
//!
//! A reader takes lines in any order, with CRLF too, so that a merge by lines is a lock; it refuses keys that it does
//! not know. Whatever adds a key or changes the meaning of one raises the number, and older wakes refuse the file.

mod difference;
mod parse;
#[cfg(test)]
mod tests;
mod write;

use std::collections::BTreeMap;
use std::path::Path;

use semver::Version;

use super::facts::Origin;
use super::requirement::Requirement;
use super::store::PackageId;
use crate::declare::model::Versions;
use crate::error::{Error, Result};
use crate::fs;

pub use difference::{Change, Difference};

/// The number of the newest format that this wake reads and writes.
pub const SCHEMA: u64 = 2;
/// The number of the oldest one, in which nothing is asked for in the scope of the host.
const FIRST_SCHEMA: u64 = 1;
/// What the origin of a path package begins with.
pub const PATH: &str = "path:";

/// What `wake.lock` says.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Lock {
    /// Sorted, none twice.
    pub entries: Vec<Entry>,
    /// The directory of packages that the workspace carries with it, relative to its top.
    pub vendor: Option<String>,
}

/// One package, or one artifact of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// `namespace/name`, or `name`.
    pub name: String,
    /// `None`: a path package.
    pub version: Option<Version>,
    /// As `facts::Subject` has it; of a path package `path:../terminal`.
    pub origin: Origin,
    /// `None`: the main one.
    pub scope: Option<String>,
    /// `None`: not known yet, or a path package.
    pub digest: Option<PackageId>,
    /// Bytes of its files, if known.
    pub size: Option<u64>,
    pub requires: Vec<Requires>,
    pub artifact: Option<Artifact>,
    /// Answers every request for its name.
    pub replace: bool,
}

/// What a package asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Requires {
    /// `namespace/name`, or `name`.
    pub name: String,
    pub requirement: Requirement,
    /// `None`: that of the package which asks.
    pub origin: Option<Origin>,
    /// `None`: not said.
    pub versions: Option<Versions>,
    /// As a `Build` or `Tool` dependency of a recipe.
    pub is_host: bool,
    /// Only a module asks so: no visible field of `pkgs` does.
    pub is_hidden: bool,
}

/// Which form of a version a line is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    pub name: String,
    /// Parameters with the values that it is for.
    pub when: BTreeMap<String, Vec<String>>,
}

impl Lock {
    /// Of entries in any order.
    pub fn new(mut entries: Vec<Entry>) -> Self {
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        Self {
            entries,
            vendor: None,
        }
    }

    /// Reads a lock file; `None` where there is none. `shown` is its path for messages.
    ///
    /// # Errors
    /// As [`Self::parse`], and `Environment`, if it cannot be read.
    pub fn load(path: &Path, shown: &str) -> Result<Option<Self>> {
        let Some(bytes) = fs::read_if_exists(path)? else {
            return Ok(None);
        };
        let text = String::from_utf8(bytes).map_err(|error| {
            Error::user(format!("`{shown}` is not UTF-8"))
                .cause(error.to_string())
                .hint(parse::RESTORE)
        })?;
        Self::parse(&text, shown).map(Some)
    }

    /// The oldest format that can say it.
    fn schema(&self) -> u64 {
        let mut requires = self.entries.iter().flat_map(|entry| &entry.requires);
        match requires.any(|one| one.is_host) {
            true => SCHEMA,
            false => FIRST_SCHEMA,
        }
    }

    /// The packages of a name, smallest version first.
    pub fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Entry> {
        let first = self
            .entries
            .partition_point(|entry| entry.name.as_str() < name);
        self.entries[first..]
            .iter()
            .take_while(move |entry| entry.name == name)
    }
}

impl Entry {
    /// The directory of a path package, relative to the workspace's top or absolute.
    pub fn path(&self) -> Option<&str> {
        self.origin.strip_prefix(PATH)
    }

    /// `namespace/name@1.2.3`, or `namespace/name` of a path package.
    pub fn label(&self) -> String {
        match &self.version {
            Some(version) => format!("{}@{version}", self.name),
            None => self.name.clone(),
        }
    }

    /// What entries are sorted by.
    fn key(&self) -> Key<'_> {
        let artifact = self.artifact.as_ref().map(|one| one.name.as_str());
        Key(
            &self.name,
            self.version.as_ref(),
            self.scope.as_deref(),
            artifact,
            &self.origin,
        )
    }

    /// Whether a lock cannot have both: one version has one origin. Path packages may share a name.
    pub fn is_same(&self, other: &Self) -> bool {
        let (mut own, mut others) = (self.key(), other.key());
        if self.version.is_some() {
            (own.4, others.4) = ("", "");
        }
        own == others
    }
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a>(
    &'a str,
    Option<&'a Version>,
    Option<&'a str>,
    Option<&'a str>,
    &'a str,
);

/// How `versions` of `wake.getPkg` is written.
const VERSIONS: [(Versions, &str); 4] = [
    (Versions::One, "one"),
    (Versions::OnePerMajor, "onePerMajor"),
    (Versions::OnePerMinor, "onePerMinor"),
    (Versions::Any, "any"),
];
