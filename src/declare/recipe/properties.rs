//! The keys of a recipe that mean something to wake itself: `Name`, `Version`, `Language` and `Type`.

use serde_json::{Map, Value as Json};

use super::document::Document;
use super::reference::{is_language, is_short_version};
use crate::declare::model::{self, PackageInfo};
use crate::declare::sml::{Value, ValueKind};
use crate::error::{self, Error, Location, Result};

/// The key of what a recipe depends on; no property that tasks see.
pub const DEPENDENCIES: &str = "Dependencies";

/// The properties that a document gives, as tasks see them: all but `Dependencies`. `Language` is a plain name, and
/// `Version` has all its parts.
///
/// # Errors
/// `User`: a known key has a wrong value.
pub fn of_document(document: &Document) -> Result<Map<String, Json>> {
    let entries = document.table.entries.iter();
    let entries = entries.filter(|entry| entry.key != DEPENDENCIES);
    entries
        .map(|entry| {
            Ok((
                entry.key.clone(),
                property(document, &entry.key, &entry.value)?,
            ))
        })
        .collect()
}

/// One property as tasks see it.
///
/// # Errors
/// `User`: a known key has a wrong value.
pub fn property(document: &Document, key: &str, value: &Value) -> Result<Json> {
    Ok(match key {
        "Language" => language(document, value)?.into(),
        "Version" => version(document, value)?.into(),
        "Name" | "Type" => document.string(key, value)?.into(),
        _ => value.to_json(),
    })
}

/// What a recipe is, and where it says so. `properties` are all that hold for it.
///
/// # Errors
/// `User`: it has no name, or one that cannot be a name.
pub(super) fn identity(
    document: &Document,
    properties: &Map<String, Json>,
    namespace: Option<String>,
) -> Result<(PackageInfo, Location)> {
    let Some(name) = document.table.get("Name") else {
        return Err(no_name(document));
    };
    let at = document.location(name.span);
    let version = properties.get("Version").and_then(Json::as_str);
    let info = PackageInfo {
        name: document.string("Name", name)?.to_owned(),
        namespace,
        version: version.map(ToOwned::to_owned),
    };
    info.check_names().map_err(|error| error.at(at.clone()))?;
    Ok((info, at))
}

fn no_name(document: &Document) -> Error {
    let error = Error::user(format!("`{}` has no `Name`", document.file));
    let mut entries = document.table.entries.iter();
    match entries.find(|entry| !error::near("Name", [&*entry.key]).is_empty()) {
        Some(near) => error
            .at(document.location(near.key_span))
            .hint(format!("write `Name` instead of `{}`", near.key)),
        None => error.hint("add `Name: 'my-package'`"),
    }
}

/// The name in `'C++|0'`, `(C++@0)` or `'C++'`. There is one version of each language, whatever is asked for.
fn language(document: &Document, value: &Value) -> Result<String> {
    let (name, version) = match &value.kind {
        ValueKind::Language(reference) => (&*reference.name, Some(&*reference.version)),
        ValueKind::String(text) => match text.split_once('|') {
            Some((name, version)) => (name, Some(version)),
            None => (&**text, None),
        },
        _ => return Err(document.wrong_type("Language", "a language such as `'C++|0'`", value)),
    };
    let wrong = |cause: String| {
        Error::user("`Language` is no language")
            .at(document.location(value.span))
            .cause(cause)
            .hint("write `'C++|0'`, `(C++@0)` or `'C++'`")
    };
    if name.is_empty() {
        return Err(wrong("its name is empty".to_owned()));
    }
    if !is_language(name) {
        return Err(wrong(format!("`{name}` cannot be the name of one")));
    }
    match version.filter(|version| !is_short_version(version)) {
        Some("") => Err(wrong("its version is empty".to_owned())),
        Some(version) => Err(wrong(format!("`{version}` is no version"))),
        None => Ok(name.to_owned()),
    }
}

/// The plain name of the language that a recipe of a `PKG` gives; what is wrong with it is said when it is looked up.
pub(super) fn simplify_language(properties: &mut Map<String, Json>) {
    let Some(Json::String(language)) = properties.get_mut("Language") else {
        return;
    };
    if let Some((name, version)) = language.split_once('|')
        && is_language(name)
        && is_short_version(version)
    {
        *language = name.to_owned();
    }
}

/// `1.2.3`, also where only `1.2` or `1` is written.
fn version(document: &Document, value: &Value) -> Result<String> {
    let written = match &value.kind {
        ValueKind::String(text) | ValueKind::Version(text) => text,
        // Of a number, 1.10 would be left as 1.1.
        ValueKind::Integer(_) | ValueKind::Decimal(_) => document.written(value.span),
        _ => return Err(document.wrong_type("Version", "a version such as `1.2.3`", value)),
    };
    let mut version = written.to_owned();
    if is_short_version(written) {
        for _ in written.split('.').count()..3 {
            version.push_str(".0");
        }
    }
    match model::version_of(&version) {
        Ok(_) => Ok(version),
        Err(cause) => Err(Error::user(format!("`{written}` is no version"))
            .at(document.location(value.span))
            .cause(cause)
            .hint("write three numbers, as in `Version: 1.2.3`")),
    }
}
