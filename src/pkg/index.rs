//! The format of an index: a directory of packages, or a folder that a web server serves.
//!
//! It knows nothing of who reads or writes it.
//!
//! # The format
//!
//! ```text
//! <namespace or _>/<name>.jsonl     the versions of a package, one a line
//! archives/…                        the archives that these name
//! ```
//!
//! A line is a JSON object:
//!
//! | key | is |
//! |---|---|
//! | `v` | the version of this format; 1, if it is missing. Lines of a later one are passed over, as if they were not there |
//! | `version` | semver; each in one line only |
//! | `pkgs`, `size`, `yanked`, `published`, `artifacts` | as in the answer of a retriever; `size` is that of the archive |
//! | `archive` | `{"path", "digest"}`: the path relative to the index, and what the bytes there must be |
//!
//! An artifact may have a `path` besides its `digest`: then it is the archive for those who want this artifact. An
//! archive has one directory at its top, `<name>-<version>`, with the `PKG` or `Recipe.sml` in it.
//!
//! Keys may be added; readers pass over those that they do not know. What old readers would misunderstand gets a new `v`.

use std::collections::BTreeMap;

use semver::Version;
use serde::{Deserialize, Serialize};

use super::retriever::protocol::{Artifact, Candidate, Required};
use crate::error::{Error, Result};

/// The version of the format.
pub(super) const FORMAT: u32 = 1;
/// What stands for no namespace.
pub(super) const NO_NAMESPACE: &str = "_";
/// The directory of the archives.
pub(super) const ARCHIVES: &str = "archives";

/// One line: a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) v: Option<u32>,
    pub(super) version: String,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) pkgs: BTreeMap<String, Required>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) size: Option<u64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) yanked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) published: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) artifacts: Vec<Form>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) archive: Option<Archive>,
}

/// An artifact of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Form {
    #[serde(flatten)]
    artifact: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// The archive of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Archive {
    pub(super) path: String,
    pub(super) digest: String,
}

/// What says whether the rest of a line can be understood.
#[derive(Deserialize)]
struct Head {
    v: Option<u32>,
}

/// The file of a package, relative to the index.
///
/// # Errors
/// The name or the namespace cannot be in an index.
pub(super) fn file(namespace: Option<&str>, name: &str) -> Result<String> {
    let is_name = |text: &str| {
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._+-".contains(&byte);
        !text.is_empty() && !text.starts_with('.') && text.bytes().all(is_allowed)
    };
    let is_namespace = |text: &str| is_name(text) && ![NO_NAMESPACE, ARCHIVES].contains(&text);
    match namespace {
        Some(namespace) if !is_namespace(namespace) => {
            let namespace = namespace.escape_debug();
            Err(Error::user(format!(
                "An index has no namespace `{namespace}`"
            )))
        }
        _ if !is_name(name) => {
            let name = name.escape_debug();
            Err(Error::user(format!(
                "An index has no package named `{name}`"
            )))
        }
        namespace => Ok(format!(
            "{}/{name}.jsonl",
            namespace.unwrap_or(NO_NAMESPACE)
        )),
    }
}

/// The directory at the top of an archive.
pub(super) fn top(name: &str, version: &str) -> String {
    format!("{name}-{version}")
}

/// The lines of a file that this wake understands, for which `is_wanted` says so. `file` is for messages.
///
/// # Errors
/// A line is malformed.
pub(super) fn lines(
    file: &str,
    content: &[u8],
    mut is_wanted: impl FnMut(&Version) -> bool,
) -> Result<Vec<(Version, Line)>> {
    let mut found = Vec::new();
    for (number, text) in content.split(|byte| *byte == b'\n').enumerate() {
        let line = line(text).map_err(|(column, cause)| {
            let at = format!("{file}:{}:{column}", number + 1);
            Error::user(format!("`{at}` is not a line of an index")).cause(cause)
        })?;
        found.extend(line.filter(|(version, _)| is_wanted(version)));
    }
    Ok(found)
}

/// One line; `None`: an empty one, or one of a later version of the format. An error has the column and the cause.
fn line(text: &[u8]) -> std::result::Result<Option<(Version, Line)>, (usize, String)> {
    if text.trim_ascii().is_empty() {
        return Ok(None);
    }
    let line: Line = match serde_json::from_slice(text) {
        Ok(line) => line,
        Err(_) if is_later(text) => return Ok(None),
        Err(error) => {
            let place = format!(" at line {} column {}", error.line(), error.column());
            return Err((error.column(), error.to_string().replace(&place, "")));
        }
    };
    if line.v.is_some_and(|v| v > FORMAT) {
        return Ok(None);
    }
    match Version::parse(&line.version) {
        Ok(version) => Ok(Some((version, line))),
        Err(error) => Err((1, format!("version `{}`: {error}", line.version))),
    }
}

/// Whether a line is of a later version of the format.
fn is_later(text: &[u8]) -> bool {
    let head = serde_json::from_slice::<Head>(text);
    head.is_ok_and(|head| head.v.is_some_and(|v| v > FORMAT))
}

impl Line {
    /// The archive of the version, or of one of its artifacts.
    pub(super) fn archive(&self, artifact: Option<&str>) -> Option<Archive> {
        let Some(artifact) = artifact else {
            return self.archive.clone();
        };
        let form = self
            .artifacts
            .iter()
            .find(|form| form.artifact.name == artifact)?;
        match (&form.path, &form.artifact.digest) {
            (Some(path), Some(digest)) => Some(Archive {
                path: path.clone(),
                digest: digest.clone(),
            }),
            _ => None,
        }
    }
}

impl From<Line> for Candidate {
    fn from(line: Line) -> Self {
        Self {
            version: line.version,
            pkgs: line.pkgs,
            size: line.size,
            yanked: line.yanked,
            published: line.published,
            artifacts: line
                .artifacts
                .into_iter()
                .map(|form| form.artifact)
                .collect(),
        }
    }
}

/// Whether a path of an index stays in it, however it is read.
pub(super) fn is_inside(path: &str) -> bool {
    let is_plain = |part: &str| !["", ".", ".."].contains(&part);
    !path.contains(['\\', '\0']) && path.split('/').all(is_plain)
}
