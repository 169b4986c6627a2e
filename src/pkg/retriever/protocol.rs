//! Protocol 1: one JSON request on standard input, one JSON response on standard output (DESIGN §3.1). Plain data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the protocol that this wake speaks.
pub const VERSION: u32 = 1;

/// What a retriever reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Request {
    pub protocol: u32,
    #[serde(flatten)]
    pub method: Method,
    pub config: Value,
    pub env: BTreeMap<String, String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "method", rename_all = "lowercase")]
pub enum Method {
    /// Which versions are there? Answered with a list of [`Candidate`]s for each request, in order.
    Candidates { requests: Vec<Wanted> },
    /// Puts the files of packages into directories. Answered with the list of these directories, in order.
    Fetch { packages: Vec<Fetched> },
}

/// A package whose versions are wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Wanted {
    pub namespace: Option<String>,
    pub name: String,
    /// As `pkg::requirement` reads it. A retriever may leave out versions that it does not admit.
    pub requirement: String,
}

/// A package whose files are wanted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fetched {
    pub namespace: Option<String>,
    pub name: String,
    pub version: String,
    /// The artifact for this machine, if the version has artifacts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<String>,
    /// An empty directory that exists, absolute.
    pub into: PathBuf,
}

/// One version, as a retriever answers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Candidate {
    /// Semver.
    pub version: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub pkgs: BTreeMap<String, Required>,
    /// Bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub yanked: bool,
    /// RFC 3339, or a date alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub published: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub artifacts: Vec<Artifact>,
}

/// A requirement: `ns/name@req`, asked of the same retriever with the same config, or with a word on where from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Required {
    Same(String),
    From {
        req: String,
        /// `global`.
        from: String,
    },
}

/// One form of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Artifact {
    pub name: String,
    /// Parameters with the values it is for: a value or a list of them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}
