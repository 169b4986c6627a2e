//! Which std plugin a recipe's `Language` stands for.

use serde_json::{Map, Value};

use crate::error::{Error, Result, suggestion};

const PLUGINS: [(&str, &str); 9] = [
    ("C", "c"),
    ("C++", "cpp"),
    ("C#", "csharp"),
    ("Command", "command"),
    ("Go", "go"),
    ("Java", "java"),
    ("JavaScript", "javascript"),
    ("Python", "python"),
    ("Rust", "rust"),
];

/// The language of recipes that are plugins: they need none themselves.
pub const JSONNET: &str = "Jsonnet";

/// Languages of which nothing is built: their packages are plugins, of wake and of Soup.
const UNBUILT: [&str; 2] = [JSONNET, "Wren"];

/// The name of the std plugin for a recipe; `None`: its language has no tasks. `label` names the module in errors.
pub fn plugin(recipe: &Map<String, Value>, label: &str) -> Result<Option<&'static str>> {
    let names = PLUGINS.iter().map(|(language, _)| *language);
    let names = names.chain([JSONNET]);
    let Some(language) = recipe.get("Language") else {
        let known: Vec<String> = names.map(|name| format!("`{name}`")).collect();
        return Err(
            Error::user(format!("The recipe of `{label}` has no `Language`")).hint(format!(
                "add `Language: 'C++'`, or another of {}",
                known.join(", ")
            )),
        );
    };
    let Some(language) = language.as_str() else {
        return Err(Error::user(format!(
            "`Language` of `{label}` must be a string"
        )));
    };
    if UNBUILT.contains(&language) {
        return Ok(None);
    }
    match PLUGINS.iter().find(|(name, _)| *name == language) {
        Some((_, plugin)) => Ok(Some(plugin)),
        None => {
            let error = Error::user(format!("`{label}` has the unknown language `{language}`"));
            Err(match suggestion(language, names) {
                Some(hint) => error.hint(hint),
                None => error,
            })
        }
    }
}
