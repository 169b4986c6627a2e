//! A lock as text.

use std::fmt;

use serde_json::{Map, Value, json};

use super::{Artifact, Entry, Lock, Requires, VERSIONS};

impl Lock {
    /// What the file contains; the same for equal locks.
    pub fn to_text(&self) -> String {
        self.to_string()
    }
}

impl fmt::Display for Lock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let schema = self.schema();
        match &self.vendor {
            None => writeln!(formatter, "{{\"wake.lock\":{schema}}}")?,
            Some(vendor) => {
                let vendor = json!(vendor);
                writeln!(formatter, "{{\"wake.lock\":{schema},\"vendor\":{vendor}}}")?;
            }
        }
        let mut entries: Vec<&Entry> = self.entries.iter().collect();
        entries.sort_by(|a, b| a.key().cmp(&b.key()));
        for entry in entries {
            writeln!(formatter, "{}", line(entry))?;
        }
        Ok(())
    }
}

/// The order of the keys is part of the format.
fn line(entry: &Entry) -> Value {
    let digest = match (&entry.digest, &entry.version) {
        (Some(digest), _) => Some(digest.to_string()),
        (None, Some(_)) => Some("-".to_owned()),
        (None, None) => None,
    };
    let requires: Vec<Value> = entry.requires.iter().map(requirement).collect();
    let fields = [
        ("name", Some(json!(entry.name))),
        (
            "version",
            entry
                .version
                .as_ref()
                .map(|version| json!(version.to_string())),
        ),
        ("origin", Some(json!(&*entry.origin))),
        ("scope", entry.scope.as_ref().map(|scope| json!(scope))),
        ("digest", digest.map(Value::String)),
        ("size", entry.size.map(|size| json!(size))),
        (
            "requires",
            (!requires.is_empty()).then_some(Value::Array(requires)),
        ),
        ("artifact", entry.artifact.as_ref().map(artifact)),
        ("replace", entry.replace.then_some(Value::Bool(true))),
    ];
    Value::Object(present(fields))
}

/// What a package asks for, as the lock writes it.
pub(super) fn requirement(requires: &Requires) -> Value {
    let text = format!("{}@{}", requires.name, requires.requirement);
    let is_plain = !requires.is_host && !requires.is_hidden;
    if is_plain && requires.origin.is_none() && requires.versions.is_none() {
        return Value::String(text);
    }
    Value::Object(present([
        ("req", Some(Value::String(text))),
        (
            "from",
            requires.origin.as_deref().map(|origin| json!(origin)),
        ),
        (
            "versions",
            requires.versions.and_then(|versions| {
                let known = VERSIONS.iter().find(|(known, _)| *known == versions);
                known.map(|(_, text)| json!(text))
            }),
        ),
        ("host", requires.is_host.then_some(Value::Bool(true))),
        ("hidden", requires.is_hidden.then_some(Value::Bool(true))),
    ]))
}

/// An artifact, as the lock writes it.
pub(super) fn artifact(artifact: &Artifact) -> Value {
    json!({ "name": artifact.name, "when": artifact.when })
}

fn present<const N: usize>(fields: [(&str, Option<Value>); N]) -> Map<String, Value> {
    fields
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
}
