//! What `std.native` knows: work on paths and tables that jsonnet itself would do a character or an element at a time.
//!
//! | `std.native(…)` | arguments | result |
//! |---|---|---|
//! | `wake.firsts` | list of strings | the list, where only the first of equal elements is left |
//! | `wake.lasts` | list of strings | the list, where only the last of equal elements is left |
//! | `wake.normal` | path | the path without `.`, `//` and inner `..` |
//! | `wake.extension` | path | what is behind the last dot of its last part, or `''` |
//! | `wake.below` | root, path or list of paths | the same with relative paths below the root, as text with tokens |
//! | `wake.isPlain` | list of paths | whether it holds neither a pattern nor the target directory of a named dependency |
//! | `wake.substitute` | list of texts, lists, tables | see [`substitute`] |
//! | `wake.misfits` | object, kinds by field | the names of the fields that are not of their kind |
//! | `wake.strangers` | object, kinds by field | the names of the fields that have no kind |
//!
//! They are pure: they know neither the session nor the machine. Authors of plugins reach them through
//! `wake/paths.libsonnet` and `wake/check.libsonnet`.

use std::collections::HashSet;

use jrsonnet_evaluator::function::builtin;
use jrsonnet_evaluator::function::builtin::StaticBuiltin;
use jrsonnet_evaluator::val::ArrValue;
use jrsonnet_evaluator::{IStr, ObjValue, ObjValueBuilder, Val};

use super::error::raise;
use super::session::Evaluated;
use super::substitution::{Substitution, Values};
use crate::error::Error;

/// Makes the natives known to code that sees this library.
pub(super) fn add_to(library: &jrsonnet_stdlib::ContextInitializer) {
    for (name, native) in all() {
        library.add_native(name, native);
    }
}

/// All natives, by name.
fn all() -> [(&'static str, &'static dyn StaticBuiltin); 9] {
    [
        ("wake.firsts", firsts::INST),
        ("wake.lasts", lasts::INST),
        ("wake.normal", normal::INST),
        ("wake.extension", extension::INST),
        ("wake.below", below::INST),
        ("wake.isPlain", is_plain::INST),
        ("wake.substitute", substitute::INST),
        ("wake.misfits", misfits::INST),
        ("wake.strangers", strangers::INST),
    ]
}

#[builtin]
fn firsts(list: ArrValue) -> Evaluated<ArrValue> {
    let texts = texts(&list)?;
    let mut seen: HashSet<&str> = HashSet::with_capacity(texts.len());
    let kept: Vec<&IStr> = texts.iter().filter(|text| seen.insert(text)).collect();
    Ok(match kept.len() == texts.len() {
        true => list,
        false => kept.into_iter().map(value).collect(),
    })
}

#[builtin]
fn lasts(list: ArrValue) -> Evaluated<ArrValue> {
    let texts = texts(&list)?;
    let mut seen: HashSet<&str> = HashSet::with_capacity(texts.len());
    let backwards = texts.iter().rev().filter(|text| seen.insert(text));
    let mut kept: Vec<Val> = backwards.map(value).collect();
    kept.reverse();
    Ok(kept.into())
}

#[builtin]
fn normal(path: IStr) -> String {
    normalized(&path)
}

#[builtin]
fn extension(path: IStr) -> String {
    let name = path.rsplit('/').next().unwrap_or_default();
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.unwrap_or_default().to_owned()
}

#[builtin]
fn below(root: IStr, path: Val) -> Evaluated<Val> {
    match path {
        Val::Str(path) => Ok(placed(&root, path.into_flat())),
        Val::Arr(paths) => {
            let placed = texts(&paths)?.into_iter().map(|path| placed(&root, path));
            Ok(Val::Arr(placed.collect()))
        }
        _ => Err(no_texts()),
    }
}

#[builtin]
fn is_plain(list: ArrValue) -> Evaluated<bool> {
    let special = |path: &IStr| match path.starts_with("$(") {
        true => path.starts_with("$(target "),
        false => path.contains('*'),
    };
    Ok(!texts(&list)?.iter().any(special))
}

/// Replaces `$(NAMEs)`, `$(NAME 0)` for every NAME of `lists` and `$(NAME KEY)` for every NAME of `tables` (objects of
/// strings, where `null` counts as nothing) in `texts`, once. A text that is `$(NAMEs)` alone becomes one text each,
/// elsewhere they are joined by spaces. `$$` is a dollar and stays, as do all other tokens.
///
/// Returns `{texts, strays}`; strays are the tokens `$(NAME …)` for which there is nothing.
#[builtin]
fn substitute(list: ArrValue, lists: ObjValue, tables: ObjValue) -> Evaluated<ObjValue> {
    let mut substitution = Substitution::new(values(&lists, &tables)?);
    for text in texts(&list)? {
        substitution.add(&text);
    }
    let mut result = ObjValueBuilder::with_capacity(2);
    let array = |texts: Vec<String>| texts.into_iter().map(Val::from).collect::<ArrValue>();
    result
        .field("texts")
        .value(Val::Arr(array(substitution.texts)));
    result
        .field("strays")
        .value(Val::Arr(array(substitution.strays)));
    Ok(result.build())
}

#[builtin]
fn misfits(object: ObjValue, kinds: ObjValue) -> Evaluated<ArrValue> {
    let mut names = Vec::new();
    for name in object.fields() {
        let Some(kind) = kinds.get(name.clone())? else {
            continue;
        };
        let value = object.get(name.clone())?.unwrap_or_default();
        if !is_of_kind(&value, &kind)? {
            names.push(Val::string(name));
        }
    }
    Ok(names.into())
}

#[builtin]
fn strangers(object: ObjValue, kinds: ObjValue) -> ArrValue {
    let fields = object.fields().into_iter();
    let strange = fields.filter(|name| !kinds.has_field(name.clone()));
    strange.map(Val::string).collect()
}

/// Whether a value is what a table of fields says.
fn is_of_kind(value: &Val, kind: &Val) -> Evaluated<bool> {
    let is_text = |value: &Val| matches!(value, Val::Str(_));
    let is_object = |value: &Val| matches!(value, Val::Obj(_));
    Ok(match kind.as_str().as_deref().unwrap_or_default() {
        "any" => true,
        "string" => is_text(value),
        "boolean" => matches!(value, Val::Bool(_)),
        "seconds" => value
            .as_num()
            .is_some_and(|number| number > 0.0 && number.fract() == 0.0),
        "strings" => is_list_of(value, is_text)?,
        "objects" => is_list_of(value, is_object)?,
        "stringsOrObjects" => is_list_of(value, is_text)? || is_list_of(value, is_object)?,
        "stringTable" => match value {
            Val::Obj(table) => all_are(table.iter().map(|(_, value)| value), is_text)?,
            _ => false,
        },
        other => {
            return Err(raise(Error::user(format!(
                "`{other}` is no kind of field that `wake/check.libsonnet` knows"
            ))));
        }
    })
}

fn is_list_of(value: &Val, test: impl Fn(&Val) -> bool) -> Evaluated<bool> {
    match value {
        Val::Arr(items) => all_are(items.iter(), test),
        _ => Ok(false),
    }
}

fn all_are(
    mut values: impl Iterator<Item = Evaluated<Val>>,
    test: impl Fn(&Val) -> bool,
) -> Evaluated<bool> {
    values.try_fold(true, |all, value| Ok(all && test(&value?)))
}

/// The lists and tables of [`substitute`].
fn values(lists: &ObjValue, tables: &ObjValue) -> Evaluated<Values> {
    let mut values = Values::default();
    for (name, list) in lists.iter() {
        let Val::Arr(list) = list? else {
            return Err(no_texts());
        };
        values.lists.insert(name.to_string(), texts(&list)?);
    }
    for (name, table) in tables.iter() {
        let Val::Obj(table) = table? else {
            return Err(no_texts());
        };
        let mut entries = Vec::new();
        for (key, value) in table.iter() {
            if let Val::Str(value) = value? {
                entries.push((key.to_string(), value.into_flat()));
            }
        }
        let entries = entries.into_iter().collect();
        values.tables.insert(name.to_string(), entries);
    }
    Ok(values)
}

fn texts(list: &ArrValue) -> Evaluated<Vec<IStr>> {
    let mut texts = Vec::with_capacity(list.len());
    for item in list.iter() {
        match item? {
            Val::Str(text) => texts.push(text.into_flat()),
            _ => return Err(no_texts()),
        }
    }
    Ok(texts)
}

fn no_texts() -> jrsonnet_evaluator::Error {
    raise(Error::user(
        "A list of paths or texts holds something else than strings",
    ))
}

fn value(text: &IStr) -> Val {
    Val::string(text.clone())
}

fn placed(root: &IStr, path: IStr) -> Val {
    if path.starts_with("$(") || path.starts_with('/') {
        return Val::string(path);
    }
    let relative = normalized(&path);
    if relative.is_empty() {
        return Val::string(root.clone());
    }
    let slash = if path.ends_with('/') { "/" } else { "" };
    // A dollar of a name is no token.
    let literal = relative.replace('$', "$$");
    Val::from(format!("{root}/{literal}{slash}"))
}

/// The path without `.`, `//` and inner `..`; `..` at its start stays.
fn normalized(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(value: &Val) -> String {
        value
            .as_str()
            .map_or_else(String::new, |text| text.to_string())
    }

    #[test]
    fn a_path_is_placed_as_text_with_tokens() {
        let root = IStr::from("$(package)");
        let cases = [
            ("src/a.c", "$(package)/src/a.c"),
            ("./src//x/../a.c", "$(package)/src/a.c"),
            (".", "$(package)"),
            ("", "$(package)"),
            ("html/", "$(package)/html/"),
            ("../b/c", "$(package)/../b/c"),
            ("../../b", "$(package)/../../b"),
            ("cost$.txt", "$(package)/cost$$.txt"),
            ("$(target)/a.o", "$(target)/a.o"),
            ("/usr/lib/libz.so", "/usr/lib/libz.so"),
        ];
        for (path, expected) in cases {
            assert_eq!(shown(&placed(&root, path.into())), expected, "{path}");
        }
    }

    #[test]
    fn of_equal_elements_the_first_or_the_last_is_left() {
        let list = || {
            ["b", "a", "b", "c", "a"]
                .map(Val::from)
                .into_iter()
                .collect()
        };
        let all = |kept: ArrValue| -> String {
            let kept = kept.iter().map(|item| shown(&item.unwrap_or_default()));
            kept.collect()
        };
        assert_eq!(all(firsts(list()).unwrap()), "bac");
        assert_eq!(all(lasts(list()).unwrap()), "bca");
        assert!(firsts([Val::Null].into_iter().collect()).is_err());
    }

    #[test]
    fn an_extension_is_that_of_the_last_part() {
        for (path, expected) in [("a.b/c", ""), ("a/x.tar.gz", "gz"), (".c", "c"), ("a.", "")] {
            assert_eq!(extension(path.into()), expected, "{path}");
        }
    }
}
