//! The arguments of `wake pkg` and `wake cache`, checked once.

use std::path::PathBuf;

use semver::Version;

use super::options::{Declarations, TextFormat, parameters};
use super::package_args::{RawCache, RawPackage};
use super::values::{age, size};
use crate::declare::model::Parameters;
use crate::error::{Error, Result};
use crate::pkg::change::Yank;

/// A command of `wake pkg`.
#[derive(Debug)]
pub struct Package {
    pub command: PackageCommand,
    pub declarations: Declarations,
}

/// What to do with packages.
#[derive(Debug)]
pub enum PackageCommand {
    Resolve {
        is_lock_only: bool,
        events: Option<PathBuf>,
        parameters: Parameters,
    },
    Tree(TextFormat),
    Why {
        name: String,
        format: TextFormat,
    },
    List(TextFormat),
    Outdated(TextFormat),
    Add {
        request: String,
        from: Option<String>,
        key: Option<String>,
        kind: Option<String>,
    },
    Remove {
        name: String,
        kind: Option<String>,
    },
    Update {
        names: Vec<String>,
        precise: Option<Version>,
    },
    Verify {
        repairs: bool,
    },
    Vendor {
        directory: PathBuf,
    },
    Publish {
        index: PathBuf,
        namespace: Option<String>,
        /// Instead of publishing.
        yank: Option<Yank>,
    },
}

/// `wake cache gc`.
#[derive(Debug)]
pub struct CacheGc {
    /// Seconds.
    pub age: Option<u64>,
    /// Bytes.
    pub size: Option<u64>,
}

impl Package {
    pub(super) fn check(raw: RawPackage) -> Result<Self> {
        let (command, declarations) = match raw {
            RawPackage::Resolve(raw) => (
                PackageCommand::Resolve {
                    is_lock_only: raw.lock_only,
                    events: raw.events,
                    parameters: parameters(raw.parameters)?,
                },
                raw.declarations,
            ),
            RawPackage::Tree(raw) => (PackageCommand::Tree(raw.format), raw.declarations),
            RawPackage::List(raw) => (PackageCommand::List(raw.format), raw.declarations),
            RawPackage::Outdated(raw) => (PackageCommand::Outdated(raw.format), raw.declarations),
            RawPackage::Why(raw) => (
                PackageCommand::Why {
                    name: raw.name,
                    format: raw.format,
                },
                raw.declarations,
            ),
            RawPackage::Add(raw) => (
                PackageCommand::Add {
                    request: raw.request,
                    from: raw.from,
                    key: raw.key,
                    kind: raw.kind,
                },
                raw.declarations,
            ),
            RawPackage::Remove(raw) => (
                PackageCommand::Remove {
                    name: raw.name,
                    kind: raw.kind,
                },
                raw.declarations,
            ),
            RawPackage::Update(raw) => (
                PackageCommand::Update {
                    precise: raw
                        .precise
                        .map(|text| version("--precise", &text))
                        .transpose()?,
                    names: raw.names,
                },
                raw.declarations,
            ),
            RawPackage::Verify(raw) => (
                PackageCommand::Verify {
                    repairs: !raw.no_repair,
                },
                raw.declarations,
            ),
            RawPackage::Vendor(raw) => (
                PackageCommand::Vendor {
                    directory: raw.copies,
                },
                raw.declarations,
            ),
            RawPackage::Publish(raw) => (
                PackageCommand::Publish {
                    index: raw.index,
                    namespace: raw.namespace,
                    yank: match (raw.yank, raw.unyank) {
                        (Some(text), _) => Some(Yank {
                            version: version("--yank", &text)?,
                            is_yanked: true,
                        }),
                        (_, Some(text)) => Some(Yank {
                            version: version("--unyank", &text)?,
                            is_yanked: false,
                        }),
                        _ => None,
                    },
                },
                raw.declarations,
            ),
        };
        Ok(Self {
            command,
            declarations: Declarations::check(&declarations)?,
        })
    }
}

impl CacheGc {
    pub(super) fn check(RawCache::Gc(raw): RawCache) -> Result<Self> {
        let seconds = raw.age.map(|text| age("--age", &text)).transpose()?;
        Ok(Self {
            age: seconds.map(i64::unsigned_abs),
            size: raw.size.map(|text| size("--size", &text)).transpose()?,
        })
    }
}

fn version(flag: &str, text: &str) -> Result<Version> {
    Version::parse(text).map_err(|error| {
        Error::user(format!("`{flag}` must be a version, not `{text}`"))
            .cause(error.to_string())
            .hint("a version has three numbers, like `1.2.3`")
    })
}
