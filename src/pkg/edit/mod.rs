//! Edits of the text of a `PKG`: what `wake pkg add`, `remove` and `update` change, with comments and layout kept.
//!
//! Pure functions from text to text. They know nothing of packages and versions, and evaluate nothing: they look for
//! the one call of `wake.pkg` and the object that is literally its `pkgs`. What is computed otherwise is not guessed:
//! the error shows the line to write by hand. After each edit the result is read again, and must differ from what was
//! there in nothing but what was asked for.

mod insert;
mod outline;
pub mod recipe;
mod remove;
mod requirement;
mod scan;
#[cfg(test)]
mod tests;

use crate::error::{Error, Location, Result};
use outline::{Document, Pkgs, Shape};

/// Adds the field `key` to `pkgs`, after those that are there; `call` is its value, `wake.getPkg(…)` with single quotes.
/// Quotes, commas, indentation and the name of `wake` are as in the rest of the text. `file` is for messages.
///
/// # Errors
/// `User`, with the place: the key is there already, or `pkgs` is not literally an object.
pub fn add(file: &str, text: &str, key: &str, call: &str) -> Result<String> {
    let by_hand = format!("{}: {call},", bare_or_quoted(key, '\''));
    let hint = || format!("add it to `pkgs` by hand: `{by_hand}`");
    let document = Document::read(file, text)?;
    let place = document.pkgs().map_err(|error| error.hint(hint()))?;
    if let Pkgs::Object(list) = &place
        && let Some(item) = document.field(list, key)
    {
        let report = document.fail(item.first, format!("`{key}` is in `pkgs` already"));
        return Err(report.hint("choose another key, or remove it first"));
    }
    let field = insert::field(&document, &place, key, call)?;
    let result = insert::insert(&document, &place, &field);
    check(&document, &result, |shape| {
        let tokens = Document::read(file, &field)?.texts();
        shape.fields.push(tokens);
        Ok(())
    })
    .map_err(|error| error.hint(hint()))?;
    Ok(result)
}

/// Removes the field `key` of `pkgs`, with the comments behind it and directly above it.
///
/// # Errors
/// `User`, with the place: there is no such field, or `pkgs` is not literally an object.
pub fn remove(file: &str, text: &str, key: &str) -> Result<String> {
    let hint = || format!("remove `{key}` from `pkgs` by hand");
    let document = Document::read(file, text)?;
    let place = document.pkgs().map_err(|error| error.hint(hint()))?;
    let found = match &place {
        Pkgs::Object(list) => {
            let mut items = list.items.iter();
            items
                .position(|item| document.name(item).as_deref() == Some(key))
                .map(|index| (list, index))
        }
        _ => None,
    };
    let Some((list, index)) = found else {
        return Err(document.no_such_key(&place, key));
    };
    let result = remove::remove(&document, list, index);
    check(&document, &result, |shape| {
        shape.fields.remove(index);
        Ok(())
    })
    .map_err(|error| error.hint(hint()))?;
    Ok(result)
}

/// Replaces the requirement `old` of the `getPkg` that is the field `key` of `pkgs` by `new`.
///
/// # Errors
/// `User`, with the place: there is no such field, its requirement is not literally there, or it is another one.
pub fn replace_requirement(
    file: &str,
    text: &str,
    key: &str,
    old: &str,
    new: &str,
) -> Result<String> {
    let document = Document::read(file, text)?;
    requirement::replace(&document, key, old, new)
}

/// Refuses a result that differs in anything but what `change` makes of the shape.
fn check(
    before: &Document<'_>,
    result: &str,
    change: impl FnOnce(&mut Shape) -> Result<()>,
) -> Result<()> {
    let mut expected = before.shape()?;
    change(&mut expected)?;
    let after = Document::read(before.file, result).and_then(|document| document.shape());
    if after.is_ok_and(|shape| shape == expected) {
        return Ok(());
    }
    let start = Location::of_bytes(before.file, before.text, 0, 0);
    Err(Error::user("`pkgs` is written in a way that wake cannot edit").at(start))
}

const KEYWORDS: [&str; 18] = [
    "assert",
    "else",
    "error",
    "false",
    "for",
    "function",
    "if",
    "import",
    "importstr",
    "importbin",
    "in",
    "local",
    "null",
    "self",
    "super",
    "tailstrict",
    "then",
    "true",
];

/// A key as it is written in an object.
fn bare_or_quoted(key: &str, quote: char) -> String {
    let is_word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let is_bare = !key.is_empty()
        && key.bytes().all(is_word)
        && !key.starts_with(|first: char| first.is_ascii_digit())
        && !KEYWORDS.contains(&key);
    if is_bare {
        key.to_owned()
    } else {
        quoted(key, quote)
    }
}

/// How the package of `key` is reached in a module: `pkg.pkgs.lua`.
pub fn handle(key: &str) -> String {
    match bare_or_quoted(key, '\'') {
        bare if bare == key => format!("pkg.pkgs.{bare}"),
        quoted => format!("pkg.pkgs[{quoted}]"),
    }
}

/// A text as jsonnet writes it.
pub fn quoted(text: &str, quote: char) -> String {
    let escaped = text.replace('\\', "\\\\").replace('\n', "\\n");
    let escaped = escaped.replace(quote, &format!("\\{quote}"));
    format!("{quote}{escaped}{quote}")
}
