//! Recipes that are plugins: `Language: 'Jsonnet'`, whose one `Source` has the tasks.

use super::document::Document;
use super::tracked::Tracked;
use crate::declare::model::{MADE, PackageDirectory};
use crate::declare::sml::{Span, Value, ValueKind};
use crate::error::{Error, Result};
use crate::fs::{self, path};
use crate::jsonnet::static_imports;

const HINT: &str =
    "write `Source: ['plugin.libsonnet']`: a plugin is one file, which imports what else it needs";

/// The file of a plugin, and the files of the package that it imports, all relative to its directory.
///
/// # Errors
/// `User`: `Source` is not one file of the package; an import leaves a fetched package.
pub(super) fn files(
    document: &Document,
    package: &PackageDirectory,
    tracked: &mut Tracked,
) -> Result<(String, Vec<String>)> {
    let (span, source) = source(document)?;
    if source.starts_with(MADE) {
        return Ok((source.to_owned(), Vec::new()));
    }
    let at = || document.location(span);
    let clean = path::clean(std::path::Path::new(source));
    let file = path::clean(&package.directory.join(source));
    let leaves = || {
        Error::user(format!("The plugin `{source}` lies outside of its package"))
            .at(at())
            .hint(HINT)
    };
    if !file.starts_with(&package.directory) {
        return Err(leaves());
    }
    if !tracked.is_file(&file) {
        return Err(Error::user(format!("There is no file `{source}`"))
            .at(at())
            .cause("it is the `Source` of a plugin")
            .hint(HINT));
    }
    if !fs::canonicalize(&file)?.starts_with(&package.directory) {
        return Err(leaves());
    }
    let found = static_imports::of_file(package, &file)?;
    tracked.reads.extend(found.reads);
    let clean = clean.strip_prefix(&package.directory).unwrap_or(&clean);
    Ok((clean.display().to_string(), found.files))
}

/// The one string in `Source`, and its place.
fn source(document: &Document) -> Result<(Span, &str)> {
    let Some(value) = document.table.get("Source") else {
        return Err(Error::user(format!(
            "`{}` is a plugin and has no `Source`",
            document.file
        ))
        .hint(HINT));
    };
    let items = document.items("Source", "an array with one file", value)?;
    match items {
        [
            Value {
                kind: ValueKind::String(text),
                span,
            },
        ] => Ok((*span, text)),
        _ => Err(Error::user("`Source` of a plugin is one file")
            .at(document.location(value.span))
            .hint(HINT)),
    }
}
