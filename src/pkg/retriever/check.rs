//! What a retriever answers, checked: a pure function of bytes. It knows nothing of processes and of the disk.
//!
//! All errors are of the kind `Failed`: a retriever is a program that was run and did not do what it has to. Neither
//! what the user has written nor the machine need be wrong.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::Value;

use super::protocol::{Artifact, Candidate, Fetched, Required, Wanted};
use crate::declare::model::{is_name, version_of};
use crate::error::{Error, Kind, Result};
use crate::evaluate::exec::output::shorten;
use crate::pkg::requirement::Requirement;

/// Bytes at each end of an answer that are shown.
const SHOWN: usize = 200;

/// What is wrong, without who said it.
type Checked<T> = std::result::Result<T, String>;

/// The versions of each of `wanted`, from the bytes of an answer.
///
/// # Errors
/// `Failed`: what is wrong with it, and its beginning.
pub fn candidates(origin: &str, wanted: &[Wanted], answer: &[u8]) -> Result<Vec<Vec<Candidate>>> {
    let check = || -> Checked<Vec<Vec<Candidate>>> {
        let lists = list(parse(answer)?, "the answer")?;
        count(
            lists.len(),
            wanted.len(),
            "list of versions",
            "lists of versions",
        )?;
        lists
            .into_iter()
            .zip(wanted)
            .map(|(versions, wanted)| {
                let name = wanted.label();
                versions_of(&name, versions)
            })
            .collect()
    };
    check().map_err(|wrong| refuse(origin, &wrong, answer))
}

/// Whether an answer to `fetch` is what it has to be: the directories that were asked for, in order.
///
/// # Errors
/// As [`candidates`].
pub fn fetched(origin: &str, packages: &[Fetched], answer: &[u8]) -> Result<()> {
    let check = || -> Checked<()> {
        let directories = list(parse(answer)?, "the answer")?;
        count(
            directories.len(),
            packages.len(),
            "directory",
            "directories",
        )?;
        for (directory, package) in directories.iter().zip(packages) {
            let is_same = directory
                .as_str()
                .is_some_and(|said| Path::new(said) == package.into);
            if !is_same {
                let (name, into) = (name(package), package.into.display());
                return Err(format!(
                    "`{name}` is said to be in {directory}, not in `{into}`"
                ));
            }
        }
        Ok(())
    };
    check().map_err(|wrong| refuse(origin, &wrong, answer))
}

fn refuse(origin: &str, wrong: &str, answer: &[u8]) -> Error {
    let error = Error::new(
        Kind::Failed,
        format!("Retriever `{origin}` answers what is not protocol 1"),
    )
    .cause(wrong);
    if answer.is_empty() {
        error
    } else {
        error.cause(format!("it answered:\n{}", shorten(answer, SHOWN)))
    }
}

fn parse(answer: &[u8]) -> Checked<Value> {
    if answer.trim_ascii().is_empty() {
        return Err("the answer is empty".to_owned());
    }
    serde_json::from_slice(answer).map_err(|error| {
        if error.is_eof() {
            format!("the answer ends too early: {error}")
        } else {
            format!("the answer is not JSON: {error}")
        }
    })
}

fn list(value: Value, what: &str) -> Checked<Vec<Value>> {
    match value {
        Value::Array(values) => Ok(values),
        other => Err(format!("{what} is {}, not a list", kind(&other))),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn count(found: usize, wanted: usize, one: &str, several: &str) -> Checked<()> {
    let what = if found == 1 { one } else { several };
    let much = if found < wanted { "few" } else { "many" };
    if found == wanted {
        Ok(())
    } else {
        Err(format!(
            "it has too {much} answers: {found} {what} for {wanted} asked for"
        ))
    }
}

/// What messages call a package that is fetched.
pub(super) fn name(package: &Fetched) -> String {
    format!("{}@{}", package.label(), package.version)
}

fn versions_of(name: &str, versions: Value) -> Checked<Vec<Candidate>> {
    let mut seen = BTreeSet::new();
    let versions = list(versions, &format!("what is answered for `{name}`"))?;
    versions
        .into_iter()
        .map(|version| {
            let candidate = candidate(version).map_err(|wrong| format!("of `{name}`, {wrong}"))?;
            if seen.insert(candidate.version.clone()) {
                Ok(candidate)
            } else {
                Err(format!(
                    "of `{name}`, version `{}` is there twice",
                    candidate.version
                ))
            }
        })
        .collect()
}

fn candidate(value: Value) -> Checked<Candidate> {
    if !value.is_object() {
        return Err(format!("a version is {}, not an object", kind(&value)));
    }
    let Some(version) = value
        .get("version")
        .and_then(Value::as_str)
        .map(str::to_owned)
    else {
        return Err("a version has no string `version`".to_owned());
    };
    version_of(&version)
        .map_err(|error| format!("`{version}` is not a semantic version: {error}"))?;
    let check = || -> Checked<Candidate> {
        let candidate: Candidate =
            serde_json::from_value(value).map_err(|error| error.to_string())?;
        candidate.pkgs.values().try_for_each(required)?;
        candidate
            .published
            .iter()
            .try_for_each(|when| published(when))?;
        artifacts(&candidate.artifacts)?;
        Ok(candidate)
    };
    check().map_err(|wrong| format!("version `{version}`: {wrong}"))
}

fn required(required: &Required) -> Checked<()> {
    let text = match required {
        Required::Same(text) => text,
        Required::From { req, from, .. } => match from.as_deref() {
            None | Some("global") => req,
            Some(from) => return Err(format!("`from` is `{from}`, and can only be `global`")),
        },
    };
    let (label, requirement) = match text.split_once('@') {
        Some((label, requirement)) => (label, Some(requirement)),
        None => (text.as_str(), None),
    };
    let names = label
        .split_once('/')
        .map_or(vec![label], |(namespace, name)| vec![namespace, name]);
    if let Some(wrong) = names.into_iter().find(|name| !is_name(name)) {
        return Err(format!("`{wrong}` in `{text}` is not a name"));
    }
    match Requirement::of(requirement) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("in `{text}`, {}", error.report().message)),
    }
}

fn published(when: &str) -> Checked<()> {
    let is_date =
        when.parse::<jiff::Timestamp>().is_ok() || when.parse::<jiff::civil::Date>().is_ok();
    if is_date {
        Ok(())
    } else {
        Err(format!(
            "`published` is `{when}`, which is no date like `2026-01-31` or `2026-01-31T12:00:00Z`"
        ))
    }
}

fn artifacts(artifacts: &[Artifact]) -> Checked<()> {
    let mut seen = BTreeSet::new();
    for artifact in artifacts {
        let name = &artifact.name;
        if !is_word(name) {
            return Err(format!("`{name}` is not the name of an artifact"));
        }
        if !seen.insert(name) {
            return Err(format!("artifact `{name}` is there twice"));
        }
        if let Some(digest) = artifact.digest.as_ref().filter(|digest| !is_word(digest)) {
            return Err(format!("`{digest}` is not a digest"));
        }
        let is_value = |value: &Value| {
            let mut values = value
                .as_array()
                .map_or(vec![value], |values| values.iter().collect());
            values.retain(|value| !value.is_string());
            values.is_empty()
        };
        if let Some((key, _)) = artifact.when.iter().find(|(_, value)| !is_value(value)) {
            return Err(format!(
                "`when.{key}` of artifact `{name}` is neither a string nor a list of strings"
            ));
        }
    }
    Ok(())
}

/// Something that a line of the lock can hold: visible characters without spaces.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|character| character.is_ascii_graphic())
}
