//! TARGET: `PATH`, `PATH:MODULE`, `:MODULE`, `PATH/...`, `ns/name[:MODULE]` when no such path exists.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs;
use crate::fs::path;

/// What one TARGET on the command line means.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Target {
    /// A package by its directory, absolute with links resolved.
    Directory {
        directory: PathBuf,
        module: Option<String>,
    },
    /// Every member below a directory.
    Below { directory: PathBuf },
    /// A package by `namespace/name` or `name`.
    Named {
        name: String,
        module: Option<String>,
    },
}

impl Target {
    /// Reads a TARGET relative to `start`, an absolute directory with links resolved.
    pub fn parse(text: &str, start: &Path) -> Result<Self> {
        if let Some(above) = text.strip_suffix("/...").or((text == "...").then_some(".")) {
            return match directory(above, start) {
                Some(directory) => Ok(Self::Below { directory }),
                None => Err(missing(text, above)),
            };
        }
        let (place, module) = match text.rsplit_once(':') {
            Some((place, module)) => (place, Some(module.to_owned())),
            None => (text, None),
        };
        if module.as_deref() == Some("") {
            return Err(
                Error::user(format!("`{text}` names no module behind the colon")).hint(FORMS),
            );
        }
        if place.is_empty() {
            if module.is_none() {
                return Err(Error::user("An empty target names nothing").hint(FORMS));
            }
            return Ok(Self::Directory {
                directory: start.to_owned(),
                module,
            });
        }
        match directory(place, start) {
            Some(directory) => Ok(Self::Directory { directory, module }),
            None if place.starts_with(['/', '.']) => Err(missing(text, place)),
            None => Ok(Self::Named {
                name: place.to_owned(),
                module,
            }),
        }
    }
}

const FORMS: &str =
    "a target is `PATH`, `PATH:MODULE`, `:MODULE`, `PATH/...` or `namespace/name:MODULE`";

fn directory(text: &str, start: &Path) -> Option<PathBuf> {
    let directory = path::clean(&start.join(text));
    if !fs::is_directory(&directory) {
        return None;
    }
    fs::canonicalize(&directory).ok()
}

fn missing(text: &str, place: &str) -> Error {
    Error::user(format!("The target `{text}` is not there"))
        .cause(format!("there is no directory `{place}`"))
        .hint(FORMS)
}
