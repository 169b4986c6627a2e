//! `RootRecipe.sml`: marks the top of a workspace, names its members, and sets what its packages share.
//!
//! It may be empty. `Members` and `Parameters` are read here; every other key is a property that the packages share.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::parameters;
use crate::declare::model::Parameters;
use crate::declare::sml::{self, Entry, Span, Table, Value, ValueKind};
use crate::error::{Error, Location, Result};
use crate::fs;

/// Its name.
pub const FILE: &str = "RootRecipe.sml";

/// What a `RootRecipe.sml` says.
#[derive(Clone, Debug, Default)]
pub struct RootRecipe {
    /// Absolute.
    pub path: PathBuf,
    /// BLAKE3 of the file.
    pub hash: [u8; 32],
    /// The patterns of `Members`, relative to the top.
    pub members: Vec<MemberPattern>,
    /// `Parameters`.
    pub parameters: Parameters,
    /// All other keys.
    pub properties: Map<String, Json>,
}

/// One item of `Members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPattern {
    pub text: String,
    pub at: Location,
}

impl RootRecipe {
    /// The root recipe of a workspace, if it has one.
    pub fn read(top: &Path) -> Result<Option<Self>> {
        let path = top.join(FILE);
        let Some(bytes) = fs::read_if_exists(&path)? else {
            return Ok(None);
        };
        Self::parse(path, &bytes).map(Some)
    }

    /// What the content of the file at `path` says.
    pub fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self> {
        let table = sml::parse(FILE, bytes)?;
        let reader = Reader {
            text: &String::from_utf8_lossy(bytes),
        };
        let mut root_recipe = Self {
            path,
            hash: *blake3::hash(bytes).as_bytes(),
            ..Self::default()
        };
        for entry in &table.entries {
            match entry.key.as_str() {
                "Members" => root_recipe.members = reader.members(&entry.value)?,
                "Parameters" => root_recipe.parameters = reader.parameters(&entry.value)?,
                name if parameters::NAMES.contains(&name) => return Err(reader.misplaced(entry)),
                _ => drop(
                    root_recipe
                        .properties
                        .insert(entry.key.clone(), entry.value.to_json()),
                ),
            }
        }
        Ok(root_recipe)
    }
}

/// Reads known keys, with errors that point into the file.
struct Reader<'a> {
    text: &'a str,
}

impl Reader<'_> {
    fn location(&self, span: Span) -> Location {
        Location::of_bytes(FILE, self.text, span.start, span.end)
    }

    fn members(&self, value: &Value) -> Result<Vec<MemberPattern>> {
        let ValueKind::Array(items) = &value.kind else {
            return Err(self.wrong_type("Members", "an array of path patterns", value));
        };
        items.iter().map(|item| self.member(item)).collect()
    }

    fn member(&self, item: &Value) -> Result<MemberPattern> {
        match &item.kind {
            ValueKind::String(text) => Ok(MemberPattern {
                text: text.clone(),
                at: self.location(item.span),
            }),
            _ => Err(self.wrong_type("Members", "strings only", item)),
        }
    }

    fn parameters(&self, value: &Value) -> Result<Parameters> {
        let ValueKind::Table(Table { entries }) = &value.kind else {
            return Err(self.wrong_type("Parameters", "a table", value));
        };
        entries
            .iter()
            .map(|entry| {
                if parameters::NAMES.contains(&entry.key.as_str())
                    && !matches!(entry.value.kind, ValueKind::String(_))
                {
                    return Err(self.wrong_type(&entry.key, "a string", &entry.value));
                }
                Ok((entry.key.clone(), entry.value.to_json()))
            })
            .collect()
    }

    fn wrong_type(&self, key: &str, wanted: &str, value: &Value) -> Error {
        Error::user(format!("`{key}` takes {wanted}, not {}", value.type_name()))
            .at(self.location(value.span))
    }

    /// A parameter beside `Parameters` would be a shared property that changes nothing.
    fn misplaced(&self, entry: &Entry) -> Error {
        Error::user(format!(
            "`{}` is a parameter and stands outside of `Parameters`",
            entry.key
        ))
        .at(self.location(entry.key_span))
        .hint(format!("write `Parameters: {{ {}: … }}`", entry.key))
    }
}
