//! `wake.std.index`: packages in a directory, or in a folder that a web server serves. Only what is asked for is read.
//!
//! The format is that of `pkg::index`.

use std::path::PathBuf;

use rayon::prelude::*;
use semver::Version;
use serde_json::Value;

use super::config::Config;
use super::http::{AT_ONCE, is_address, shown};
use super::source::{Access, Source};
use super::{Finder, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::archive::Strip;
use crate::pkg::archive::digest::Digest;
use crate::pkg::index::{self, Line};
use crate::pkg::requirement::Requirement;
use crate::pkg::retriever::protocol::{Candidate, Fetched, Wanted};

/// Bytes of the versions of one package.
const LARGEST: u64 = 64 << 20;

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
        let source = self.source(&index::file(namespace, name)?);
        match self.access.read(&source, LARGEST)? {
            Some(content) => index::lines(&source.shown(), &content, is_wanted),
            None => Ok(Vec::new()),
        }
    }

    fn versions(&self, wanted: &Wanted) -> Result<Vec<Candidate>> {
        let requirement = Requirement::parse(&wanted.requirement)?;
        let lines = self.lines(wanted.namespace.as_deref(), &wanted.name, |version| {
            requirement.lists(version)
        })?;
        Ok(lines.into_iter().map(|(_, line)| line.into()).collect())
    }

    /// Unpacks a version.
    fn bring(&self, package: &Fetched) -> Result<()> {
        let (namespace, name) = (package.namespace.as_deref(), package.name.as_str());
        let file = self.source(&index::file(namespace, name)?).shown();
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
        if !index::is_inside(&archive.path) {
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
        let top = index::top(name, &package.version);
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
