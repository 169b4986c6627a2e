//! Changing what a `getPkg` asks for.

use super::outline::{Document, List, Pkgs, literal};
use super::scan::Kind;
use crate::error::Result;

/// Replaces the requirement of the field `key` of `pkgs`.
pub(super) fn replace(document: &Document<'_>, key: &str, old: &str, new: &str) -> Result<String> {
    let hint = format!("write `{new}` in place of `{old}` by hand");
    let open = call(document, key)?;
    replaced(document, &document.list(open), old, new).map_err(|error| error.hint(hint))
}

/// The bracket of the call that is the value of a field.
fn call(document: &Document<'_>, key: &str) -> Result<usize> {
    let place = document.pkgs()?;
    let item = match &place {
        Pkgs::Object(list) => document.field(list, key),
        _ => None,
    };
    let Some(item) = item else {
        return Err(document.no_such_key(&place, key));
    };
    let value = document.value(item).unwrap_or(item.first);
    match is_call(document, value + 2, "getPkg") {
        true => Ok(value + 3),
        false => Err(document.fail(value, format!("`{key}` is not literally a `wake.getPkg`"))),
    }
}

/// Whether the token `name` is that of a call of a function of `wake`.
fn is_call(document: &Document<'_>, name: usize, function: &str) -> bool {
    document.at(name) == function && document.at(name - 1) == "." && document.at(name + 1) == "("
}

fn replaced(document: &Document<'_>, arguments: &List, old: &str, new: &str) -> Result<String> {
    let Some((first, last)) = document.argument(arguments, "req", 0) else {
        return Err(document.fail(arguments.open, "The call has no requirement"));
    };
    if first == last {
        return in_text(document, first, old, new, |content| {
            Some(content.find('@').map_or(content.len(), |at| at + 1))
        });
    }
    if is_call(document, first + 2, "pkgInfo") && document.token(first + 3).partner == last {
        let info = document.list(first + 3);
        if let Some((version, end)) = document.argument(&info, "version", 1)
            && version == end
        {
            return in_text(document, version, old, new, |_| Some(0));
        }
    }
    Err(document.fail(first, "The requirement is computed, so wake cannot edit it"))
}

/// Replaces what begins at `start` of the content of a string.
fn in_text(
    document: &Document<'_>,
    index: usize,
    old: &str,
    new: &str,
    start: impl Fn(&str) -> Option<usize>,
) -> Result<String> {
    let token = document.token(index);
    let content = literal(document.at(index)).filter(|_| token.kind == Kind::Text);
    let Some((content, start)) = content.and_then(|content| Some((content, start(content)?)))
    else {
        return Err(document.fail(index, "The requirement is computed, so wake cannot edit it"));
    };
    let found = content[start..].trim();
    let is_any = |text: &str| matches!(text.trim(), "" | "*");
    if found != old.trim() && !(is_any(found) && is_any(old)) {
        return Err(document.fail(index, format!("The requirement is `{found}`, not `{old}`")));
    }
    let begin = token.start + 1 + start;
    let new = match content[..start].is_empty() || content[..start].ends_with('@') {
        true => new.to_owned(),
        false => format!("@{new}"),
    };
    Ok(document.with(begin..token.end - 1, &new).0)
}
