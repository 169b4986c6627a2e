//! What `RootRecipe.sml` and `LocalUserConfig.sml` both have: `Parameters` and `Registry`.

use std::path::Path;

use super::parameters;
use crate::declare::model::Parameters;
use crate::declare::recipe::document::Document;
use crate::declare::sml::{Entry, Value, ValueKind};
use crate::error::{Error, Result};
use crate::fs::path;

/// The value of `Parameters`.
pub(super) fn parameters(document: &Document, value: &Value) -> Result<Parameters> {
    let entries = document.entries("Parameters", "a table", value)?.iter();
    entries
        .map(|entry| {
            let is_string = matches!(entry.value.kind, ValueKind::String(_));
            if parameters::NAMES.contains(&entry.key.as_str()) && !is_string {
                return Err(document.wrong_type(&entry.key, "a string", &entry.value));
            }
            Ok((entry.key.clone(), entry.value.to_json()))
        })
        .collect()
}

/// A parameter beside `Parameters` would be a shared property that changes nothing.
pub(super) fn misplaced(document: &Document, entry: &Entry) -> Error {
    Error::user(format!(
        "`{}` is a parameter and stands outside of `Parameters`",
        entry.key
    ))
    .at(document.location(entry.key_span))
    .hint(format!("write `Parameters: {{ {}: … }}`", entry.key))
}

/// The value of `Registry`: an address, or a path, which begins with `directory` unless it is absolute.
pub(super) fn registry(document: &Document, value: &Value, directory: &Path) -> Result<String> {
    let wrong = || {
        document.wrong_type(
            "Registry",
            "the address of an index, or its path, as a string",
            value,
        )
    };
    let ValueKind::String(text) = &value.kind else {
        return Err(wrong());
    };
    if text.is_empty() {
        return Err(Error::user("`Registry` is empty")
            .at(document.location(value.span))
            .hint("write the address of an index, or its path"));
    }
    Ok(match text.contains("://") {
        true => text.clone(),
        false => path::clean(&directory.join(text)).display().to_string(),
    })
}
