//! A golden file: what each case of a test file came to when somebody said that it is right. JSON, an object of cases.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use super::Change;
use crate::error::{Error, Location, Result};
use crate::fs;

/// What a golden file has, and what it is to have.
#[derive(Debug, Default)]
pub(super) struct Golden {
    entries: Map<String, Value>,
}

impl Golden {
    /// What is there; nothing where there is no file.
    ///
    /// # Errors
    /// `User`: it is not the JSON of an object.
    pub(super) fn read(path: &Path, shown: &str) -> Result<Self> {
        let Some(bytes) = fs::read_if_exists(path)? else {
            return Ok(Self::default());
        };
        let text = String::from_utf8_lossy(&bytes);
        let hint = "`wake plugin test --update` writes it anew";
        match serde_json::from_str(&text) {
            Ok(Value::Object(entries)) => Ok(Self { entries }),
            Ok(_) => Err(Error::user(format!("`{shown}` is no object of cases")).hint(hint)),
            Err(error) => {
                let line_start: usize = text
                    .split_inclusive('\n')
                    .take(error.line().saturating_sub(1))
                    .map(str::len)
                    .sum();
                let place = line_start + error.column().saturating_sub(1);
                Err(Error::user(format!("`{shown}` cannot be read"))
                    .cause(error.to_string())
                    .at(Location::of_bytes(shown, &text, place, place + 1))
                    .hint(hint))
            }
        }
    }

    pub(super) fn get(&self, case: &str) -> Option<&Value> {
        self.entries.get(case)
    }

    /// Returns whether that changes something.
    pub(super) fn set(&mut self, case: &str, value: Value) -> bool {
        let before = self.entries.insert(case.to_owned(), value);
        before.as_ref() != self.entries.get(case)
    }

    /// The cases that are not among `used`.
    pub(super) fn stale(&self, used: &BTreeSet<&str>) -> Vec<String> {
        let names = self.entries.keys();
        names
            .filter(|name| !used.contains(name.as_str()))
            .cloned()
            .collect()
    }

    pub(super) fn remove(&mut self, case: &str) {
        self.entries.remove(case);
    }

    /// Writes the file, or removes it if it would be empty. Returns what that changed.
    pub(super) fn write(mut self, path: &Path, shown: &str) -> Result<Option<Change>> {
        if self.entries.is_empty() {
            let is_there = fs::is_occupied(path);
            fs::remove_file(path)?;
            return Ok(is_there.then(|| Change::Removed(shown.to_owned())));
        }
        self.entries.sort_keys();
        let text = format!("{:#}\n", Value::Object(self.entries));
        let is_new = fs::write_if_changed(path, text.as_bytes())?;
        Ok(is_new.then(|| Change::Wrote(shown.to_owned())))
    }
}
