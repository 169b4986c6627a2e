//! A recipe as those have it who fetch its package: by itself, without the workspace in which it was written.

use std::path::Path;

use serde_json::Value as Json;

use super::answer::Recipes;
use super::document::Document;
use crate::declare::model::{PackageDirectory, PackageInfo, PackageRequest};
use crate::declare::sml::{self, Entry, Span, Table, Value, ValueKind};
use crate::error::{Error, Result};
use crate::fs;
use crate::jsonnet::protocol::{Answer, Request};
use crate::workspace::discover::{RECIPE, declaration_in};
use crate::workspace::layout;

/// What is published of a recipe.
#[derive(Debug)]
pub struct Published {
    /// What the package asks for: names without an owner are in its namespace, and nothing is asked for just to test it.
    pub pkgs: Vec<(String, PackageRequest)>,
    /// The text of the recipe where it is another one than is written: with the properties that the workspace shares.
    pub text: Option<String>,
}

impl Recipes {
    /// What is published of the recipe in a directory of the workspace, as the package `info`.
    ///
    /// # Errors
    /// `User`: it cannot be read in that namespace.
    pub fn published(&self, directory: &Path, info: &PackageInfo) -> Result<Published> {
        let version = info.version.as_deref().unwrap_or_default();
        let package = PackageDirectory {
            directory: directory.to_owned(),
            top: self.top.clone(),
            granted: Some(Vec::new()),
            place: Some(layout::package_link(&info.label(), version).into()),
        };
        let text = self.whole_text(&package)?;
        let request = Request::Declare {
            package,
            answers: Vec::new(),
        };
        let answer = self.answer(&request).map(|outcome| outcome.result);
        match answer.transpose()? {
            Some(Answer::Declaration(declaration)) => Ok(Published {
                pkgs: declaration.pkgs,
                text,
            }),
            _ => Err(Error::internal("A recipe was not read as one")),
        }
    }

    /// The keys of what the workspace shares with the packages below its top.
    pub fn shared_keys(&self, directory: &Path) -> Vec<&str> {
        match directory.starts_with(&self.top) {
            true => self.shared.keys().map(String::as_str).collect(),
            false => Vec::new(),
        }
    }

    /// The text of a recipe with all that holds for it; `None`: that is the one that is written.
    fn whole_text(&self, package: &PackageDirectory) -> Result<Option<String>> {
        let name = declaration_in(&package.directory).unwrap_or(RECIPE);
        let file = package.directory.join(name);
        let mut table = Document::parse(&package.display(&file), &fs::read(&file)?)?.table;
        let shared: Vec<_> = self
            .shared_keys(&package.directory)
            .into_iter()
            .filter(|key| table.get(key).is_none())
            .filter_map(|key| Some(entry(key, self.shared.get(key)?)))
            .collect();
        if shared.is_empty() {
            return Ok(None);
        }
        table.entries.extend(shared);
        Ok(Some(sml::write(&table)))
    }
}

fn entry(key: &str, value: &Json) -> Entry {
    Entry {
        key: key.to_owned(),
        key_span: Span::default(),
        value: value_of(value),
    }
}

fn value_of(json: &Json) -> Value {
    let kind = match json {
        Json::Bool(boolean) => ValueKind::Boolean(*boolean),
        Json::Number(number) => match number.as_i64() {
            Some(integer) => ValueKind::Integer(integer),
            None => ValueKind::Decimal(number.as_f64().unwrap_or_default()),
        },
        Json::String(text) => ValueKind::String(text.clone()),
        Json::Array(items) => ValueKind::Array(items.iter().map(value_of).collect()),
        Json::Object(fields) => ValueKind::Table(Table {
            entries: fields
                .iter()
                .map(|(key, value)| entry(key, value))
                .collect(),
        }),
        // SML cannot say it, so it comes from no `RootRecipe.sml`.
        Json::Null => ValueKind::String(String::new()),
    };
    Value {
        kind,
        span: Span::default(),
    }
}
