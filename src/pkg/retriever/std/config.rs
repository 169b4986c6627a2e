//! What a retriever of `wake.std` is told by its config: keys that are known, of the types that are meant.
//!
//! It knows nothing of what the values are for.

use serde_json::{Map, Value};

use crate::error::{Error, Result, suggestion};

/// A table whose keys are all known.
#[derive(Clone, Copy, Debug)]
pub struct Config<'a> {
    /// What messages call it: "the config of `wake.std.index`".
    subject: &'a str,
    /// `None` for `null`, which is as `{}`.
    table: Option<&'a Map<String, Value>>,
}

impl<'a> Config<'a> {
    /// # Errors
    /// `config` is neither a table nor `null`, or it has a key that is not one of `known`.
    pub fn of(subject: &'a str, config: &'a Value, known: &[&str]) -> Result<Self> {
        let table = match config {
            Value::Null => None,
            Value::Object(table) => Some(table),
            other => return Err(wrong(subject, "must be a table", other)),
        };
        for key in table.into_iter().flat_map(Map::keys) {
            if !known.contains(&key.as_str()) {
                return Err(
                    Error::user(format!("{} has no key `{key}`", capital(subject)))
                        .hint_option(suggestion(key, known.iter().copied())),
                );
            }
        }
        Ok(Self { subject, table })
    }

    /// The value of a key; `null` is as none.
    pub fn value(&self, key: &str) -> Option<&'a Value> {
        self.table?.get(key).filter(|value| !value.is_null())
    }

    /// # Errors
    /// The value is no text, or empty.
    pub fn text(&self, key: &str) -> Result<Option<&'a str>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
            Some(other) => Err(self.wrong(key, "must be a text", other)),
        }
    }

    /// # Errors
    /// The value is missing, no text, or empty.
    pub fn needed_text(&self, key: &str) -> Result<&'a str> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// # Errors
    /// The value is no table.
    pub fn table(&self, key: &str) -> Result<Option<&'a Map<String, Value>>> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Object(table)) => Ok(Some(table)),
            Some(other) => Err(self.wrong(key, "must be a table", other)),
        }
    }

    /// The error for a key that must be there.
    pub fn missing(&self, key: &str) -> Error {
        Error::user(format!("{} lacks `{key}`", capital(self.subject)))
    }

    /// The error for a value that is not what it must be.
    pub fn wrong(&self, key: &str, rule: &str, value: &Value) -> Error {
        wrong(&format!("`{key}` in {}", self.subject), rule, value)
    }
}

fn wrong(subject: &str, rule: &str, value: &Value) -> Error {
    let mut shown = value.to_string();
    if shown.chars().count() > 60 {
        shown = shown.chars().take(59).chain(['…']).collect();
    }
    Error::user(format!("{} {rule}, not `{shown}`", capital(subject)))
}

fn capital(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().map(|first| first.to_uppercase());
    first.into_iter().flatten().chain(characters).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Catches a misspelt key that is silently without effect.
    #[test]
    fn wrong_configs_are_told_what_is_wrong() {
        let complaint = |config: Value| {
            let config = Config::of("the config of `wake.std.index`", &config, &["path", "url"]);
            let error = config
                .and_then(|config| config.needed_text("path").map(str::to_owned))
                .unwrap_err();
            let hint = error.report().hint.clone().unwrap_or_default();
            format!("{error}; {hint}")
        };
        let messages = [
            json!({"pth": "x"}),
            json!({}),
            json!(null),
            json!({"path": 7}),
            json!({"path": ""}),
            json!(["path"]),
        ]
        .map(complaint);
        assert_eq!(
            messages,
            [
                "The config of `wake.std.index` has no key `pth`; did you mean `path`?",
                "The config of `wake.std.index` lacks `path`; ",
                "The config of `wake.std.index` lacks `path`; ",
                "`path` in the config of `wake.std.index` must be a text, not `7`; ",
                "`path` in the config of `wake.std.index` must be a text, not `\"\"`; ",
                "The config of `wake.std.index` must be a table, not `[\"path\"]`; ",
            ]
        );
    }
}
