//! Edits of the text of a `Recipe.sml`: the references in `Dependencies`.
//!
//! Pure functions from text to text, as those for a `PKG`. What stays is kept byte for byte ([`sml::edit`]).

use crate::declare::recipe::reference::Reference;
use crate::declare::sml::{self, Span, Table, Value, ValueKind, edit};
use crate::error::{Error, Location, Result};

const DEPENDENCIES: &str = "Dependencies";

/// A reference that stands in a recipe.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// `Runtime`, …
    pub kind: String,
    /// Its number in the array of this kind.
    pub index: usize,
    pub reference: Reference,
    pub at: Location,
    /// Where the reference itself is written: of an item that is a table, in this.
    span: Span,
    is_between_angles: bool,
}

/// The references of a recipe, in order. What is none is left out.
///
/// # Errors
/// `User`: the text is no SML.
pub fn items(file: &str, text: &str) -> Result<Vec<Item>> {
    let table = sml::parse(file, text.as_bytes())?;
    let kinds = table.get(DEPENDENCIES).and_then(of_table);
    let mut found = Vec::new();
    for kind in kinds.iter().flat_map(|kinds| &kinds.entries) {
        let ValueKind::Array(values) = &kind.value.kind else {
            continue;
        };
        for (index, value) in values.iter().enumerate() {
            let value = of_table(value)
                .and_then(|table| table.get("Reference"))
                .unwrap_or(value);
            let written = match &value.kind {
                ValueKind::String(text) => text.clone(),
                ValueKind::Package(package) => package.to_string(),
                _ => continue,
            };
            let Ok(reference) = Reference::parse(&written) else {
                continue;
            };
            found.push(Item {
                kind: kind.key.clone(),
                index,
                reference,
                at: Location::of_bytes(file, text, value.span.start, value.span.end),
                span: value.span,
                is_between_angles: matches!(value.kind, ValueKind::Package(_)),
            });
        }
    }
    Ok(found)
}

fn of_table(value: &Value) -> Option<&Table> {
    match &value.kind {
        ValueKind::Table(table) => Some(table),
        _ => None,
    }
}

/// Adds a reference to the dependencies of a kind.
///
/// # Errors
/// `User`, with the place: `Dependencies` is no table, or that of the kind no array.
pub fn add(file: &str, text: &str, kind: &str, reference: &Reference) -> Result<String> {
    let item = sml::write::quoted(&reference.to_string());
    edit::append(file, text, &[DEPENDENCIES, kind], &item)
        .map_err(|error| error.hint(format!("add it to `{DEPENDENCIES}` by hand: `{item}`")))
}

/// Removes one of [`items`].
///
/// # Errors
/// `Internal`: it is none of this text.
pub fn remove(file: &str, text: &str, item: &Item) -> Result<String> {
    edit::remove(file, text, &[DEPENDENCIES, &item.kind], item.index)
}

/// Replaces the reference of one of [`items`], in its spelling: between quotes, or angles.
///
/// # Errors
/// `Internal`: it is none of this text.
pub fn replace(file: &str, text: &str, item: &Item, reference: &Reference) -> Result<String> {
    let written = reference.to_string();
    let between_angles = item.is_between_angles.then(|| {
        let inside = match written
            .strip_prefix('[')
            .and_then(|rest| rest.split_once(']'))
        {
            Some((language, rest)) => format!("({language}){rest}"),
            None => written.clone(),
        };
        edit::replace_at(file, text, item.span, &format!("<{inside}>"))
    });
    match between_angles {
        Some(Ok(result)) => Ok(result),
        // What angles cannot say, quotes can.
        _ => edit::replace_at(file, text, item.span, &sml::write::quoted(&written)),
    }
}

/// The item of a kind that says the same.
///
/// # Errors
/// `Internal`: there is none.
pub fn find(file: &str, text: &str, kind: &str, reference: &Reference) -> Result<Item> {
    let mut items = items(file, text)?.into_iter();
    let found = items.find(|item| item.kind == kind && item.reference == *reference);
    found.ok_or_else(|| Error::internal(format!("`{reference}` is not in `{file}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "Recipe.sml";

    fn reference(text: &str) -> Reference {
        Reference::parse(text).unwrap()
    }

    /// Catches an edit of another item than the one that was found.
    #[test]
    fn each_reference_can_be_replaced_and_removed() {
        let text = "Name: 'a' # c\nDependencies: {\n  Runtime: [\n    '../b/' # b\n    7\n    <(C#)u|n@1>\n  ]\n  \
                    Build: [{ Reference: 'u|tool' }]\n}\n";
        let found = items(FILE, text).unwrap();
        let shown: Vec<String> = found
            .iter()
            .map(|item| format!("{} {} {}", item.kind, item.index, item.reference))
            .collect();
        assert_eq!(
            shown,
            ["Runtime 0 ../b/", "Runtime 2 [C#]u|n@1", "Build 0 u|tool"]
        );
        let replaced =
            |index: usize, new: &str| replace(FILE, text, &found[index], &reference(new)).unwrap();
        assert_eq!(
            replaced(1, "[C#]u|n@2.0.1"),
            text.replace("n@1>", "n@2.0.1>")
        );
        assert_eq!(replaced(1, "n@2"), text.replace("<(C#)u|n@1>", "'n@2'"));
        assert_eq!(
            replaced(2, "u|tool@3"),
            text.replace("'u|tool'", "'u|tool@3'")
        );
        assert_eq!(
            remove(FILE, text, &found[0]).unwrap(),
            text.replace("    '../b/' # b\n", "")
        );
        assert_eq!(
            remove(FILE, text, &found[2]).unwrap(),
            text.replace("{ Reference: 'u|tool' }", "")
        );
    }

    #[test]
    fn what_is_added_goes_to_its_kind() {
        let added = add(FILE, "Name: 'a'\n", "Test", &reference("u|n")).unwrap();
        assert_eq!(
            added,
            "Name: 'a'\nDependencies: {\n    Test: [\n        'u|n'\n    ]\n}\n"
        );
        assert_eq!(
            find(FILE, &added, "Test", &reference("u|n")).unwrap().index,
            0
        );
        let error = add(FILE, "Dependencies: []", "Test", &reference("u|n")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "Recipe.sml:1:15: `Dependencies` must be a table, not an array"
        );
    }
}
