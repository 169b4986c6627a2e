//! Which files make up a package: its declaration, what that imports and executes, and `files`.
//!
//! It knows nothing of what becomes of them.

use std::path::Path;

use crate::declare::model::{Declaration, Program};
use crate::error::Result;
use crate::jsonnet::pattern;
use crate::workspace::discover::{PKG, declaration_in};

/// What belongs to whoever builds a package by itself, and not to the package.
const OF_WORKSPACE: [&str; 5] = [
    "PackageLock.sml",
    "package-lock.sml",
    "RootRecipe.sml",
    "root-recipe.sml",
    "wake.lock",
];

/// The name of the file in a directory that declares the package there.
pub(super) fn declaration_file(directory: &Path) -> &'static str {
    declaration_in(directory).unwrap_or(PKG)
}

/// The files of the package in a directory, relative to it, sorted. A recipe does not say which: all that a pattern finds
/// belong to it, so nothing hidden and nothing of packages below. `besides` is a directory that does not.
///
/// # Errors
/// The directory cannot be listed; a file is a link that leaves it.
pub(super) fn files_of(
    directory: &Path,
    declaration: &Declaration,
    besides: Option<&Path>,
) -> Result<Vec<String>> {
    let file = declaration_file(directory);
    let mut files = match &declaration.files {
        Some(files) => files.clone(),
        None if file != PKG => all(directory, besides)?,
        None => Vec::new(),
    };
    files.push(file.to_owned());
    files.extend(declaration.imports.iter().cloned());
    if let Some(Program::File(file)) = declaration.exec.as_ref().map(|exec| &exec.program)
        && !file.starts_with("pkgs/")
    {
        files.push(file.clone());
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn all(directory: &Path, besides: Option<&Path>) -> Result<Vec<String>> {
    let exclude = OF_WORKSPACE.map(str::to_owned);
    let (mut files, _) = pattern::matches(directory, &["**".to_owned()], &exclude, directory)?;
    if let Some(below) = besides.and_then(|besides| besides.strip_prefix(directory).ok()) {
        files.retain(|file| !Path::new(file).starts_with(below));
    }
    Ok(files)
}
