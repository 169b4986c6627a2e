//! Protocol 1: one JSON request on standard input, one JSON response on standard output (DESIGN §3.1). Plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::declare::model::label;

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

/// What is wanted of it.
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

impl Wanted {
    /// `namespace/name`, or `name`.
    pub fn label(&self) -> String {
        label(self.namespace.as_deref(), &self.name)
    }
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

impl Fetched {
    /// `namespace/name`, or `name`.
    pub fn label(&self) -> String {
        label(self.namespace.as_deref(), &self.name)
    }
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

/// A requirement: `ns/name@req`, asked of the same retriever with the same config, or with a word on where from and what
/// for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Required {
    Same(String),
    From {
        req: String,
        /// `global`; `None`: of the same retriever.
        #[serde(skip_serializing_if = "Option::is_none")]
        from: Option<String>,
        /// As a `Build` or `Tool` dependency of a recipe.
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        host: bool,
    },
}

impl<'de> Deserialize<'de> for Required {
    /// As `#[serde(untagged)]` does it, without the copy that this makes of everything first: there are tens of
    /// thousands of requirements in a large index.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Place {
            req: String,
            from: Option<String>,
            #[serde(default)]
            host: bool,
        }
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Required;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("\"ns/name@req\" or {\"req\", \"from\", \"host\"}")
            }

            fn visit_str<E>(self, text: &str) -> Result<Required, E> {
                Ok(Required::Same(text.to_owned()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Required, A::Error> {
                let Place { req, from, host } =
                    Place::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Required::From { req, from, host })
            }
        }
        deserializer.deserialize_any(Either)
    }
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
