//! A document in SML with what errors need to point into it. It knows no key.

use crate::declare::sml::{self, Entry, Span, Table, Value, ValueKind};
use crate::error::{Error, Location, Result};

/// A parsed document and its text.
#[derive(Debug)]
pub struct Document {
    /// Its name in messages.
    pub file: String,
    pub text: String,
    pub table: Table,
}

impl Document {
    /// # Errors
    /// `User`: the bytes are no SML.
    pub fn parse(file: &str, bytes: &[u8]) -> Result<Self> {
        Ok(Self {
            table: sml::parse(file, bytes)?,
            file: file.to_owned(),
            text: String::from_utf8_lossy(bytes).into_owned(),
        })
    }

    /// The place of something in the document.
    pub fn location(&self, span: Span) -> Location {
        Location::of_bytes(self.file.as_str(), &self.text, span.start, span.end)
    }

    /// What stands at a place.
    pub fn written(&self, span: Span) -> &str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// The error of a value that is not `wanted` ("a string").
    pub fn wrong_type(&self, key: &str, wanted: &str, value: &Value) -> Error {
        Error::user(format!("`{key}` takes {wanted}, not {}", value.type_name()))
            .at(self.location(value.span))
    }

    /// # Errors
    /// `User`: the value is no string.
    pub fn string<'a>(&self, key: &str, value: &'a Value) -> Result<&'a str> {
        match &value.kind {
            ValueKind::String(text) => Ok(text),
            _ => Err(self.wrong_type(key, "a string", value)),
        }
    }

    /// # Errors
    /// `User`: the value is no table. `wanted` says what it should be one of.
    pub fn entries<'a>(&self, key: &str, wanted: &str, value: &'a Value) -> Result<&'a [Entry]> {
        match &value.kind {
            ValueKind::Table(table) => Ok(&table.entries),
            _ => Err(self.wrong_type(key, wanted, value)),
        }
    }

    /// # Errors
    /// `User`: the value is no array. `wanted` says what it should be one of.
    pub fn items<'a>(&self, key: &str, wanted: &str, value: &'a Value) -> Result<&'a [Value]> {
        match &value.kind {
            ValueKind::Array(items) => Ok(items),
            _ => Err(self.wrong_type(key, wanted, value)),
        }
    }
}
