//! What is probably wrong with a recipe that is read without an error: keys that are nearly those that wake knows. Whatever
//! else stands in a recipe is for its language, or shared.

use super::sml::{self, Entry, Table, ValueKind};
use crate::error::{Error, Location, Result, near, suggestion};

/// The keys that wake itself reads.
const KEYS: [&str; 5] = ["Name", "Language", "Version", "Type", "Dependencies"];
/// The kinds of dependencies that differ from `Runtime`.
const KINDS: [&str; 4] = ["Runtime", "Build", "Tool", "Test"];

/// The keys of a root recipe that are not shared.
const ROOT_KEYS: [&str; 4] = ["Members", "OutputRoot", "Parameters", "Registry"];

/// Warnings about a recipe, in the order of its text. `file` is for messages.
///
/// # Errors
/// `User`: it is no SML.
pub fn mistakes(file: &str, text: &str) -> Result<Vec<Error>> {
    let table = sml::parse(file, text.as_bytes())?;
    let mut found = near_misses(file, text, &table, &KEYS, |key| {
        format!("`{key}` is no key that wake knows")
    });
    if let Some(ValueKind::Table(kinds)) = table.get("Dependencies").map(|value| &value.kind) {
        found.extend(near_misses(file, text, kinds, &KINDS, |kind| {
            format!("The dependencies of `{kind}` are taken as those of `Runtime`")
        }));
    }
    Ok(found)
}

/// Warnings about a `RootRecipe.sml`, in the order of its text.
///
/// # Errors
/// `User`: it is no SML.
pub fn root_mistakes(file: &str, text: &str) -> Result<Vec<Error>> {
    let table = sml::parse(file, text.as_bytes())?;
    Ok(near_misses(file, text, &table, &ROOT_KEYS, |key| {
        format!("`{key}` is taken as a property that packages share")
    }))
}

/// Warnings about keys that are nearly one of `known`, and not one of them.
fn near_misses(
    file: &str,
    text: &str,
    table: &Table,
    known: &[&str],
    message: impl Fn(&str) -> String,
) -> Vec<Error> {
    let warn = |entry: &Entry| {
        let key = entry.key.as_str();
        let names = || known.iter().copied();
        if known.contains(&key) || near(key, names()).is_empty() {
            return None;
        }
        let span = entry.key_span;
        let place = Location::of_bytes(file, text, span.start, span.end);
        let error = Error::user(message(key)).at(place);
        Some(error.hint_option(suggestion(key, names())))
    };
    table.entries.iter().filter_map(warn).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_keys_are_told_and_others_are_not() {
        let text = "Nme: 'a'\nSource: []\nDependencies: { Biuld: [], Other: [], Test: [] }\n";
        let found = mistakes("Recipe.sml", text).unwrap();
        let shown: Vec<String> = found.iter().map(ToString::to_string).collect();
        assert_eq!(
            shown,
            [
                "Recipe.sml:1:1: `Nme` is no key that wake knows",
                "Recipe.sml:3:17: The dependencies of `Biuld` are taken as those of `Runtime`",
            ]
        );
    }
}
