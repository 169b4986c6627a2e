//! An object of a test file, read field by field with errors that say where. It does not know what the fields are for.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use crate::error::{Error, Result, suggestion};

/// An object and what it is called in messages. `null` counts as not given.
pub(super) struct Fields<'a> {
    object: &'a Map<String, Value>,
    subject: String,
}

impl<'a> Fields<'a> {
    /// # Errors
    /// `User`: it is no object, or has a field that is not `known`.
    pub(super) fn of(value: &'a Value, subject: &str, known: &[&str]) -> Result<Self> {
        let Value::Object(object) = value else {
            return Err(Error::user(format!(
                "{} must be an object, not {}",
                capital(subject),
                kind(value)
            )));
        };
        for name in object.keys() {
            if !known.contains(&name.as_str()) {
                return Err(Error::user(format!("`{name}` is no field of {subject}"))
                    .hint_option(suggestion(name, known.iter().copied())));
            }
        }
        Ok(Self {
            object,
            subject: subject.to_owned(),
        })
    }

    pub(super) fn subject(&self) -> &str {
        &self.subject
    }

    /// "`recipe` of the case `x` must be an object, not a list".
    pub(super) fn wrong(&self, name: &str, expected: &str, value: &Value) -> Error {
        Error::user(format!(
            "`{name}` of {} must be {expected}, not {}",
            self.subject,
            kind(value)
        ))
    }

    pub(super) fn is_null(&self, name: &str) -> bool {
        self.object.get(name) == Some(&Value::Null)
    }

    pub(super) fn any(&self, name: &str) -> Option<&'a Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    pub(super) fn object(&self, name: &str) -> Result<Option<Map<String, Value>>> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::Object(object)) => Ok(Some(object.clone())),
            Some(other) => Err(self.wrong(name, "an object", other)),
        }
    }

    pub(super) fn list(&self, name: &str) -> Result<Option<Vec<Value>>> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::Array(list)) => Ok(Some(list.clone())),
            Some(other) => Err(self.wrong(name, "a list", other)),
        }
    }

    pub(super) fn text(&self, name: &str) -> Result<Option<String>> {
        match self.any(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(other) => Err(self.wrong(name, "a string", other)),
        }
    }

    pub(super) fn needed_text(&self, name: &str) -> Result<String> {
        self.text(name)?
            .ok_or_else(|| Error::user(format!("There is no `{name}` in {}", self.subject)))
    }

    pub(super) fn texts(&self, name: &str) -> Result<Option<Vec<String>>> {
        let Some(list) = self.list(name)? else {
            return Ok(None);
        };
        let texts = list.iter().enumerate().map(|(index, item)| match item {
            Value::String(text) => Ok(text.clone()),
            other => Err(self.wrong(&format!("{name}[{index}]"), "a string", other)),
        });
        texts.collect::<Result<_>>().map(Some)
    }

    /// An object of strings; empty where it is not given.
    pub(super) fn text_table(&self, name: &str) -> Result<BTreeMap<String, String>> {
        let object = self.object(name)?.unwrap_or_default();
        let entries = object.into_iter().map(|(key, value)| match value {
            Value::String(text) => Ok((key, text)),
            other => Err(self.wrong(&format!("{name}.{key}"), "a string", &other)),
        });
        entries.collect()
    }
}

/// What a value is, with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// With a capital first letter.
fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(letters).collect()
    })
}
