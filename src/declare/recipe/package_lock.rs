//! `PackageLock.sml`, the lock of Soup: which packages that a recipe names are directories.
//!
//! ```text
//! Version: 5  Closures: { Root: { 'C++': { Name: { Version: '../name/', Build: 'Build0' } } }, Build0: { Wren: {…} } }
//! Version: 6  Closure: { 'C++': { Name: { Version: '../name/' } } }  Builds: { Build0: {…} }  Tools: { Tool0: {…} }
//! ```
//!
//! Only paths count: versions are what `wake.lock` is for.

use super::document::Document;
use super::reference::is_short_version;
use crate::declare::sml::{Entry, Value, ValueKind};
use crate::error::{Error, Result};

/// Its names: newer versions of Soup spell it small. Where a directory has both, the first counts.
pub(super) const FILES: [&str; 2] = ["PackageLock.sml", "package-lock.sml"];

const HINT: &str = "run `soup restore` again, or remove the file: wake needs it only for names that stand for directories";

/// The paths that a lock gives.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct PackageLock {
    packages: Vec<Locked>,
}

/// A package that is a directory.
#[derive(Debug, PartialEq, Eq)]
struct Locked {
    /// Whether it stands in the closure of a `Build` or `Tool`.
    is_host: bool,
    language: String,
    /// `Name` or `User|Name`.
    label: String,
    /// Relative to the directory of the lock.
    path: String,
}

impl PackageLock {
    /// # Errors
    /// `User`: it is no lock that wake knows.
    pub(super) fn parse(file: &str, bytes: &[u8]) -> Result<Self> {
        Self::read(file, bytes).map_err(|error| match error.report().hint {
            None => error.hint(HINT),
            Some(_) => error,
        })
    }

    fn read(file: &str, bytes: &[u8]) -> Result<Self> {
        let document = Document::parse(file, bytes)?;
        let reader = Reader {
            document: &document,
        };
        let version = document.table.get("Version").map(|value| &value.kind);
        let mut lock = Self::default();
        match version {
            Some(ValueKind::Integer(5)) => {
                for closure in reader.table("Closures")? {
                    reader.closure(closure.key != "Root", &closure.value, &mut lock)?;
                }
            }
            Some(ValueKind::Integer(6)) => {
                if let Some(closure) = document.table.get("Closure") {
                    reader.closure(false, closure, &mut lock)?;
                }
                for key in ["Builds", "Tools"] {
                    for closure in reader.table(key)? {
                        reader.closure(true, &closure.value, &mut lock)?;
                    }
                }
            }
            _ => return Err(reader.unknown_version()),
        }
        Ok(lock)
    }

    /// The directory that a name stands for, if it stands for one.
    pub(super) fn path(
        &self,
        user: Option<&str>,
        name: &str,
        language: Option<&str>,
        is_host: bool,
    ) -> Option<&str> {
        let label = match user {
            Some(user) => format!("{user}|{name}"),
            None => name.to_owned(),
        };
        let is_meant = |locked: &&Locked| {
            let is_language = language.is_none_or(|language| locked.language == language);
            locked.label == label && is_language && locked.is_host == is_host
        };
        Some(&*self.packages.iter().find(is_meant)?.path)
    }
}

struct Reader<'a> {
    document: &'a Document,
}

impl Reader<'_> {
    fn table(&self, key: &str) -> Result<&[Entry]> {
        match self.document.table.get(key) {
            Some(value) => self.document.entries(key, "a table of closures", value),
            None => Ok(&[]),
        }
    }

    /// Takes in the packages of a closure, by language.
    fn closure(&self, is_host: bool, value: &Value, lock: &mut PackageLock) -> Result<()> {
        for language in self.entries("a closure", "a table of languages", value)? {
            for package in self.entries(&language.key, "a table of packages", &language.value)? {
                let fields =
                    self.entries(&package.key, "a table with a `Version`", &package.value)?;
                let version = fields.iter().find(|entry| entry.key == "Version");
                let Some(version) = version else {
                    let error =
                        Error::user(format!("`{}` is locked without a `Version`", package.key));
                    let at = self.document.location(package.key_span);
                    return Err(error.at(at));
                };
                if let Some(path) = self.path(&version.value)? {
                    lock.packages.push(Locked {
                        is_host,
                        language: language.key.clone(),
                        label: package.key.clone(),
                        path,
                    });
                }
            }
        }
        Ok(())
    }

    /// What is no version is a path.
    fn path(&self, value: &Value) -> Result<Option<String>> {
        match &value.kind {
            ValueKind::String(text) if semver::Version::parse(text).is_ok() => Ok(None),
            ValueKind::String(text) if is_short_version(text) => Ok(None),
            ValueKind::String(text) if !text.is_empty() => Ok(Some(text.clone())),
            ValueKind::Version(_) | ValueKind::Integer(_) | ValueKind::Decimal(_) => Ok(None),
            _ => Err(self
                .document
                .wrong_type("Version", "a version or a path", value)),
        }
    }

    fn entries<'a>(&self, key: &str, wanted: &str, value: &'a Value) -> Result<&'a [Entry]> {
        self.document.entries(key, wanted, value)
    }

    fn unknown_version(&self) -> Error {
        let document = self.document;
        match document.table.get("Version") {
            Some(value) => Error::user(format!(
                "`{}` has the version `{}`",
                document.file,
                document.written(value.span)
            ))
            .at(document.location(value.span))
            .cause("wake reads the versions 5 and 6"),
            None => Error::user(format!("`{}` has no `Version`", document.file)),
        }
    }
}
