//! Packages that a plugin under test imports from: those that its `PKG` finds by a path. Nothing is looked up or fetched.

use std::path::{Path, PathBuf};

use super::files::directory_of;
use crate::declare::model::{Declaration, PackageRequest, Source};
use crate::error::{Error, Result};
use crate::fs;
use crate::jsonnet::client::Evaluators;
use crate::jsonnet::protocol::{Answer, Answered, Request};
use crate::pkg::packages::unexpected;

/// What the evaluation of a plugin may know of a package. One that is known already is asked for its `exports`.
///
/// # Errors
/// `User`: it is not found by a path, or its `exports` are read.
pub(super) fn answer(
    evaluators: &Evaluators,
    request: &PackageRequest,
    is_known: bool,
    top: &Path,
) -> Result<Answered> {
    let refused = |cause: &str| {
        let name = match &request.from {
            Source::Of(_, key) => key.clone(),
            _ => request.wanted.label(),
        };
        Error::user(format!("The plugin needs the package `{name}`")).cause(cause)
    };
    if is_known {
        return Err(refused("a test cannot read what it exports"));
    }
    let directory = directory_for(evaluators, request, top)?
        .ok_or_else(|| refused("a test has only packages that are found by a path"))?;
    let declaration = declare(evaluators, &directory, top)?;
    Ok(Answered {
        info: declaration.info,
        directory: directory_of(top, &directory),
        pkgs: declaration.pkgs,
        exports: None,
    })
}

/// Where the package of a request is; `None` if that is not said by a path.
fn directory_for(
    evaluators: &Evaluators,
    request: &PackageRequest,
    top: &Path,
) -> Result<Option<PathBuf>> {
    let (asking, key) = match &request.from {
        Source::Path(path) if path.starts_with('/') => return Ok(Some(PathBuf::from(path))),
        Source::Of(asking, key) => (asking, key),
        _ => return Ok(None),
    };
    let Some(directory) = directory_for(evaluators, asking, top)? else {
        return Ok(None);
    };
    let declaration = declare(evaluators, &directory, top)?;
    let asked = declaration.pkgs.iter().find(|(name, _)| name == key);
    match asked.map(|(_, request)| &request.from) {
        Some(Source::Path(path)) => {
            let path = fs::path::clean(&directory.join(path));
            fs::canonicalize(&path).map(Some)
        }
        _ => Ok(None),
    }
}

fn declare(evaluators: &Evaluators, directory: &Path, top: &Path) -> Result<Declaration> {
    let request = Request::Declare {
        package: directory_of(top, directory),
        answers: Vec::new(),
    };
    match evaluators.ask(&request)?.result? {
        Answer::Declaration(declaration) => Ok(declaration),
        Answer::Waiting(_) => Err(Error::user(format!(
            "`pkgs` of `{}` needs other packages",
            fs::path::display(directory, top)
        ))
        .cause("a test has only packages that are found by a path")),
        other => Err(unexpected(&other)),
    }
}
