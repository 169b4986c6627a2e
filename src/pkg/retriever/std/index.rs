//! `wake.std.index`: packages in a directory, or in a folder that a web server serves. Only what is asked for is read.
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
//! archive has one directory at its top, `<name>-<version>`, with the `PKG` in it.
//!
//! Keys may be added; readers pass over those that they do not know. What old readers would misunderstand gets a new `v`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use semver::Version;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::config::Config;
use super::http::{AT_ONCE, is_address, shown};
use super::source::{Access, Source};
use super::{Finder, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::archive::Strip;
use crate::pkg::archive::digest::Digest;
use crate::pkg::requirement::Requirement;
use crate::pkg::retriever::protocol::{Artifact, Candidate, Fetched, Required, Wanted};

/// The version of the format.
pub(in crate::pkg) const FORMAT: u32 = 1;
/// What stands for no namespace.
pub(in crate::pkg) const NO_NAMESPACE: &str = "_";
/// The directory of the archives.
pub(in crate::pkg) const ARCHIVES: &str = "archives";
/// Bytes of the versions of one package.
const LARGEST: u64 = 64 << 20;

/// One line: a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::pkg) struct Line {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pkg) v: Option<u32>,
    pub(in crate::pkg) version: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(in crate::pkg) pkgs: BTreeMap<String, Required>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pkg) size: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(in crate::pkg) yanked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pkg) published: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::pkg) artifacts: Vec<Form>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(in crate::pkg) archive: Option<Archive>,
}

/// An artifact of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(in crate::pkg) struct Form {
    #[serde(flatten)]
    artifact: Artifact,
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
}

/// The archive of a version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(in crate::pkg) struct Archive {
    pub(in crate::pkg) path: String,
    pub(in crate::pkg) digest: String,
}

/// What every line must have, read without the rest.
#[derive(Deserialize)]
struct Head<'a> {
    v: Option<u32>,
    #[serde(borrow)]
    version: std::borrow::Cow<'a, str>,
}

/// The file of a package, relative to the index.
///
/// # Errors
/// The name or the namespace cannot be in an index.
pub(in crate::pkg) fn file(namespace: Option<&str>, name: &str) -> Result<String> {
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
pub(in crate::pkg) fn top(name: &str, version: &str) -> String {
    format!("{name}-{version}")
}

/// The lines of a file that this wake understands, for which `is_wanted` says so. `file` is for messages.
pub(in crate::pkg) fn lines(
    file: &str,
    content: &[u8],
    mut is_wanted: impl FnMut(&Version) -> bool,
) -> Result<Vec<(Version, Line)>> {
    let mut found = Vec::new();
    for (number, text) in content.split(|byte| *byte == b'\n').enumerate() {
        if text.trim_ascii().is_empty() {
            continue;
        }
        let wrong = |column: usize, cause: String| {
            let at = format!("{file}:{}:{column}", number + 1);
            Error::user(format!("`{at}` is not a line of an index")).cause(cause)
        };
        let malformed = |error: serde_json::Error| {
            let cause = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            wrong(error.column(), cause.replace(&place, ""))
        };
        let head: Head<'_> = serde_json::from_slice(text).map_err(malformed)?;
        if head.v.is_some_and(|v| v > FORMAT) {
            continue;
        }
        let version = Version::parse(&head.version)
            .map_err(|error| wrong(1, format!("version `{}`: {error}", head.version)))?;
        if is_wanted(&version) {
            let line = serde_json::from_slice(text).map_err(malformed)?;
            found.push((version, line));
        }
    }
    Ok(found)
}

/// A directory or a served folder.
#[derive(Debug)]
enum Place {
    Directory(PathBuf),
    /// Without a slash at the end.
    Folder(String),
}

#[derive(Debug)]
struct Index {
    place: Place,
    access: Access,
}

/// See the top of the file. The config is `{path: …}` or `{url: …}`.
pub(super) fn open(config: &Value, surroundings: &Surroundings) -> Result<Box<dyn Finder>> {
    let config = Config::of("the config of `wake.std.index`", config, &["path", "url"])?;
    let place = match (config.text("path")?, config.text("url")?) {
        (Some(path), None) => {
            let directory = surroundings.directory.join(path);
            if !fs::is_directory(&directory) {
                return Err(Error::user(format!("Index `{path}` is no directory")).hint(
                    "`path` in the config of `wake.std.index` is relative to the workspace's top",
                ));
            }
            Place::Directory(directory)
        }
        (None, Some(url)) if is_address(url) && !url.contains(['?', '#']) => {
            Place::Folder(url.trim_end_matches('/').to_owned())
        }
        (None, Some(url)) => {
            let url = shown(url);
            return Err(
                Error::user(format!("Index `{url}` is no address of a folder"))
                    .hint("write `https://…` or `http://…`, without `?` and `#`"),
            );
        }
        (Some(_), Some(_)) => {
            return Err(Error::user(
                "The config of `wake.std.index` has both `path` and `url`",
            ));
        }
        (None, None) => {
            return Err(config
                .missing("path")
                .hint("`{path: 'directory'}` or `{url: 'https://…'}`"));
        }
    };
    let access = Access::new(surroundings);
    Ok(Box::new(Index { place, access }))
}

impl Finder for Index {
    fn candidates(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        self.each(wanted, |wanted| self.versions(wanted))
    }

    fn fetch(&self, packages: &[Fetched]) -> Result<()> {
        self.each(packages, |package| self.bring(package))?;
        Ok(())
    }

    fn reads(&self) -> Vec<PathBuf> {
        match &self.place {
            Place::Directory(directory) => vec![directory.clone()],
            Place::Folder(_) => Vec::new(),
        }
    }
}

impl Index {
    /// Does `work` for each of `items`, some at the same time.
    fn each<T: Sync, U: Send>(
        &self,
        items: &[T],
        work: impl Fn(&T) -> Result<U> + Sync,
    ) -> Result<Vec<U>> {
        match self.place {
            Place::Directory(_) => items.par_iter().map(&work).collect(),
            Place::Folder(_) => {
                let threads = rayon::ThreadPoolBuilder::new()
                    .num_threads(AT_ONCE.min(items.len().max(1)))
                    .build()
                    .map_err(|error| {
                        Error::environment("Cannot start threads").cause(error.to_string())
                    })?;
                threads.install(|| items.par_iter().with_max_len(1).map(&work).collect())
            }
        }
    }

    /// What is at a path of the index.
    fn source(&self, path: &str) -> Source {
        match &self.place {
            Place::Directory(directory) => Source::File(directory.join(path)),
            Place::Folder(base) => Source::Address(format!("{base}/{}", encoded(path))),
        }
    }

    /// The lines about a package.
    fn lines(
        &self,
        namespace: Option<&str>,
        name: &str,
        is_wanted: impl FnMut(&Version) -> bool,
    ) -> Result<Vec<(Version, Line)>> {
        let source = self.source(&file(namespace, name)?);
        match self.access.read(&source, LARGEST)? {
            Some(content) => lines(&source.shown(), &content, is_wanted),
            None => Ok(Vec::new()),
        }
    }

    fn versions(&self, wanted: &Wanted) -> Result<Vec<Candidate>> {
        let requirement = Requirement::parse(&wanted.requirement)?;
        let lines = self.lines(wanted.namespace.as_deref(), &wanted.name, |version| {
            requirement.matches(version)
        })?;
        Ok(lines.into_iter().map(|(_, line)| line.into()).collect())
    }

    /// Unpacks a version.
    fn bring(&self, package: &Fetched) -> Result<()> {
        let (namespace, name) = (package.namespace.as_deref(), package.name.as_str());
        let file = self.source(&file(namespace, name)?).shown();
        let version = Version::parse(&package.version).map_err(|error| {
            Error::user(format!("`{}` is not a version", package.version)).cause(error.to_string())
        })?;
        let found = self.lines(namespace, name, |known| *known == version)?;
        let Some((_, line)) = found.into_iter().next() else {
            return Err(Error::user(format!("`{file}` has no version `{version}`")));
        };
        let archive = line.archive(package.artifact.as_deref()).ok_or_else(|| {
            let what = match &package.artifact {
                Some(artifact) => format!("artifact `{artifact}` of version `{version}`"),
                None => format!("version `{version}`"),
            };
            Error::user(format!("`{file}` names no archive for {what}"))
        })?;
        if !is_inside(&archive.path) {
            let path = archive.path.escape_debug();
            let message = format!("`{file}` names an archive outside of the index, `{path}`");
            return Err(Error::user(message));
        }
        let digest = Digest::parse(&archive.digest)
            .map_err(|error| error.cause(format!("`{file}` says so of version `{version}`")))?;
        let source = self.source(&archive.path);
        let unpacked = self
            .access
            .unpack(&source, &digest, &package.into, Strip::Top)?;
        let top = top(name, &package.version);
        if unpacked.top.as_ref() == Some(&top) {
            return Ok(());
        }
        let found = match unpacked.top {
            Some(found) => format!("what lies at its top is `{}`", found.escape_debug()),
            None => "more than one directory lies at its top".to_owned(),
        };
        let message = format!("`{}` is not an archive of `{top}`", source.shown());
        Err(Error::user(message).cause(found))
    }
}

impl Line {
    /// The archive of the version, or of one of its artifacts.
    fn archive(&self, artifact: Option<&str>) -> Option<Archive> {
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
fn is_inside(path: &str) -> bool {
    let is_plain = |part: &str| !["", ".", ".."].contains(&part);
    !path.contains(['\\', '\0']) && path.split('/').all(is_plain)
}

/// A path as a part of an address.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}
