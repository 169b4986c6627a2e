//! What `cargo` keeps of a registry's index: for each crate a file with a record a version.
//!
//! Cargo does not specify the file. What is relied on is what every version of it has written so far: the records are
//! the JSON lines of the index, each between NUL bytes or line ends. A file in which none is found is an error, never
//! "no versions".

use std::path::{Path, PathBuf};

use semver::Version;
use serde::{Deserialize, Deserializer};

use crate::error::{Error, Result};
use crate::fs;

/// A version of a crate, as the index has it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    #[serde(rename = "vers", deserialize_with = "version")]
    pub(super) version: Version,
    #[serde(rename = "deps", default)]
    pub(super) dependencies: Vec<Dependency>,
    /// SHA-256 of the archive, in hexadecimal digits.
    #[serde(rename = "cksum")]
    pub(super) checksum: String,
    #[serde(default)]
    pub(super) yanked: bool,
    /// RFC 3339.
    #[serde(rename = "pubtime", default)]
    pub(super) published: Option<String>,
}

#[derive(Clone, Debug, Deserialize)]
pub(super) struct Dependency {
    /// What the crate calls it.
    pub(super) name: String,
    /// Its own name, if that is another.
    #[serde(default)]
    pub(super) package: Option<String>,
    pub(super) req: String,
    /// The features that are asked of it.
    #[serde(default)]
    pub(super) features: Vec<String>,
    #[serde(default)]
    pub(super) optional: bool,
    #[serde(default)]
    pub(super) target: Option<String>,
    /// `normal`, `build` or `dev`; `None` is normal.
    #[serde(default)]
    pub(super) kind: Option<String>,
    /// Another registry than that of the crate.
    #[serde(default)]
    pub(super) registry: Option<String>,
}

fn version<'a, D: Deserializer<'a>>(deserializer: D) -> std::result::Result<Version, D::Error> {
    let text = String::deserialize(deserializer)?;
    Version::parse(&text).map_err(serde::de::Error::custom)
}

/// A registry as it lies below cargo's home.
#[derive(Clone, Debug)]
pub(super) struct Index {
    directory: PathBuf,
    /// Where the archives of its crates are.
    pub(super) archives: PathBuf,
}

/// The indexes that cargo keeps in its home.
pub(super) fn indexes(home: &Path) -> Vec<Index> {
    let registry = home.join("registry");
    let names = fs::list(&registry.join("index")).unwrap_or_default();
    let index = |(name, _)| Index {
        directory: registry.join("index").join(&name).join(".cache"),
        archives: registry.join("cache").join(name),
    };
    let mut all: Vec<Index> = names.into_iter().map(index).collect();
    all.retain(|index| fs::is_directory(&index.directory));
    all
}

impl Index {
    fn file(&self, name: &str) -> PathBuf {
        let name = name.to_ascii_lowercase();
        let directory = match name.len() {
            1 => self.directory.join("1"),
            2 => self.directory.join("2"),
            3 => self.directory.join("3").join(&name[..1]),
            _ => self.directory.join(&name[..2]).join(&name[2..4]),
        };
        directory.join(name)
    }

    /// When cargo wrote what it knows of a crate, in nanoseconds; `None`: it knows of none.
    pub(super) fn written(&self, name: &str) -> Option<i64> {
        let (stamp, _) = fs::fingerprint::stamp_of(&self.file(name)).ok()?;
        (!stamp.is_absent()).then_some(stamp.mtime)
    }

    /// The versions of a crate, by the name that it has itself. None if there is no such crate.
    ///
    /// # Errors
    /// Cargo keeps them in a way that is not understood.
    pub(super) fn records(&self, name: &str) -> Result<Vec<Record>> {
        let path = self.file(name);
        let Some(bytes) = fs::read_if_exists(&path)? else {
            return Ok(Vec::new());
        };
        let records = records(&bytes);
        if records.is_empty() {
            let message = format!("What `cargo` keeps of the crate `{name}` cannot be read");
            return Err(Error::environment(message)
                .cause(format!("no version is found in `{}`", path.display()))
                .hint("remove the file, so that cargo writes it again; a cargo that is much newer than this wake may write it differently"));
        }
        Ok(records)
    }
}

fn records(bytes: &[u8]) -> Vec<Record> {
    let pieces = bytes.split(|byte| matches!(byte, 0 | b'\n'));
    let lines = pieces.filter(|piece| piece.first() == Some(&b'{'));
    lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches records that the header hides, and a record that this wake does not understand and that hides the others.
    #[test]
    fn records_lie_between_other_bytes() {
        let file = b"\x03\x02\x00\x00\x00etag: \"x\"\x001.0.0\0{\"name\":\"a\",\"vers\":\"1.0.0\",\"cksum\":\"00\",\"deps\":[]}\0\
            1.1.0\0{\"name\":\"a\",\"vers\":\"1.1.0\",\"cksum\":7}\0{\"name\":\"a\",\"vers\":\"1.2.0\",\"cksum\":\"01\",\"yanked\":true,\"v\":2}\n";
        let found: Vec<String> = records(file)
            .iter()
            .map(|record| format!("{} {}", record.version, record.yanked))
            .collect();
        assert_eq!(found, ["1.0.0 false", "1.2.0 true"]);
    }
}
