//! TARGET on the command line: text to what is meant, as far as the disk can say. Whether there is such a package or
//! module is for `generate` to find out.

use std::path::{Path, PathBuf};

use super::Workspace;
use crate::error::{Error, Result};
use crate::fs;

/// What a TARGET means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// `PATH`, `PATH:MODULE`, `:MODULE`: the package at a directory (absolute, links resolved). No module: its `root`.
    Directory {
        directory: PathBuf,
        module: Option<String>,
    },
    /// `PATH/...`: every member at or below a directory (absolute, links resolved).
    Below { directory: PathBuf },
    /// `ns/name`, `ns/name:MODULE`, or either without `ns/`.
    Named {
        name: String,
        module: Option<String>,
    },
}

/// The forms, for hints.
const FORMS: &str =
    "a target is `PATH`, `PATH:MODULE`, `:MODULE`, `PATH/...` or `namespace/name[:MODULE]`";

impl Target {
    /// The target that `text` stands for; paths are relative to where wake was started, `:MODULE` means the package that
    /// this is in. A directory whose name contains a colon wins over a module after a colon.
    ///
    /// A user error if the text has none of the forms or its path does not exist.
    pub fn parse(text: &str, workspace: &Workspace) -> Result<Self> {
        if text.is_empty() || text.contains('\0') {
            return Err(wrong(text, "is no target"));
        }
        if let Some(directory) = directory(text, workspace)? {
            return Ok(Self::Directory {
                directory,
                module: None,
            });
        }
        if let Some(path) = below(text) {
            let directory = directory(path, workspace)?;
            return directory
                .map(|directory| Self::Below { directory })
                .ok_or_else(|| wrong(text, &format!("names no directory: there is no `{path}`")));
        }
        let (path, module) = match text.rsplit_once(':') {
            Some((_, "")) => return Err(wrong(text, "has no module after its `:`")),
            Some((path, module)) => (path, Some(module)),
            None => (text, None),
        };
        if module.is_some_and(|module| module.contains('/')) {
            return Err(wrong(text, "names no directory"));
        }
        let module = module.map(str::to_owned);
        if path.is_empty() {
            return Ok(Self::Directory {
                directory: workspace.package_here().to_owned(),
                module,
            });
        }
        if let Some(directory) = directory(path, workspace)? {
            return Ok(Self::Directory { directory, module });
        }
        if fs::exists(&workspace.start.join(path)) {
            return Err(wrong(
                text,
                "names a file, and a target is the directory of a package",
            ));
        }
        if is_name(path) {
            return Ok(Self::Named {
                name: path.to_owned(),
                module,
            });
        }
        Err(wrong(text, "names no directory"))
    }
}

/// The path of `PATH/...`; `...` alone means here.
fn below(text: &str) -> Option<&str> {
    match text.strip_suffix("...")? {
        "" => Some("."),
        "/" => Some("/"),
        path => path.strip_suffix('/'),
    }
}

/// The directory at a path, if there is one.
fn directory(path: &str, workspace: &Workspace) -> Result<Option<PathBuf>> {
    let path = workspace.start.join(Path::new(path));
    if fs::is_directory(&path) {
        fs::canonicalize(&path).map(Some)
    } else {
        Ok(None)
    }
}

/// Whether text can be `name` or `namespace/name` and cannot be meant as a path.
fn is_name(text: &str) -> bool {
    let mut parts = text.split('/');
    let is_part =
        |part: &str| !part.is_empty() && !part.starts_with('.') && !part.contains(char::is_control);
    parts.clone().count() <= 2 && parts.all(is_part)
}

fn wrong(text: &str, what: &str) -> Error {
    Error::user(format!("The target `{}` {what}", text.escape_debug())).hint(FORMS)
}
