//! Reading a lock: whatever a merge by lines leaves is read, everything else is refused with its place.

use std::collections::BTreeMap;
use std::path::{Component, Path};
use std::sync::Arc;

use serde::Deserialize;
use serde_json::Value;

use super::{Artifact, Entry, FIRST_SCHEMA, Lock, PATH, Requires, SCHEMA, VERSIONS};
use crate::declare::model::{NAMES, is_label, version_of};
use crate::error::{Error, Location, Result, suggestion};
use crate::pkg::requirement::Requirement;

pub(super) const RESTORE: &str =
    "restore it from version control, or remove it and run `wake pkg resolve`, which chooses anew";
/// What `git` and others leave around the two sides of a conflict.
const MARKERS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

impl Lock {
    /// Reads what a lock file contains; `file` is its path for messages.
    ///
    /// # Errors
    /// `User`, with the place: an empty file, markers of a merge conflict, another format, a line that is no package, two
    /// lines for one package.
    pub fn parse(text: &str, file: &str) -> Result<Self> {
        let mut lines = lines(text, file);
        if let Some(line) = lines.iter().find(|line| line.is_marker()) {
            return Err(line.fail("`wake.lock` has a merge conflict", "").hint(
                "keep the lines of both sides, remove the markers, then run `wake pkg resolve`",
            ));
        }
        if lines.is_empty() {
            let error = Error::user(format!("`{file}` is empty")).hint(RESTORE);
            return Err(error.at(Location::of_bytes(file, text, 0, 0)));
        }
        let vendor = header(&lines.remove(0))?;
        let mut entries = Vec::with_capacity(lines.len());
        for line in lines {
            entries.push((entry(&line)?, line));
        }
        entries.sort_by(|(a, _), (b, _)| a.key().cmp(&b.key()));
        for pair in entries.windows(2) {
            if pair[0].0.is_same(&pair[1].0) {
                return Err(twice(&pair[0], &pair[1]));
            }
        }
        let entries = entries.into_iter().map(|(entry, _)| entry).collect();
        Ok(Self { entries, vendor })
    }
}

/// A line that is not blank, and where it is.
struct Line<'a> {
    file: &'a str,
    all: &'a str,
    start: usize,
    text: &'a str,
}

fn lines<'a>(all: &'a str, file: &'a str) -> Vec<Line<'a>> {
    let mut start = 0;
    let mut lines = Vec::new();
    for line in all.split_inclusive('\n') {
        let text = line.trim_end();
        if !text.is_empty() {
            lines.push(Line {
                file,
                all,
                start,
                text,
            });
        }
        start += line.len();
    }
    lines
}

impl Line<'_> {
    fn is_marker(&self) -> bool {
        MARKERS.iter().any(|marker| self.text.starts_with(marker))
    }

    fn location(&self, from: usize, to: usize) -> Location {
        Location::of_bytes(self.file, self.all, self.start + from, self.start + to)
    }

    /// An error that points at the string `part` of the line, or at the whole line if it is not in it.
    fn fail(&self, message: impl Into<String>, part: &str) -> Error {
        let written = Value::from(part).to_string();
        let (from, to) = match self.text.find(&written) {
            Some(place) if !part.is_empty() => (place, place + written.len()),
            _ => (0, self.text.len()),
        };
        Error::user(message).at(self.location(from, to))
    }

    /// What the JSON library refuses, at the place that it says; an unknown key at the key.
    fn fail_json(&self, message: &str, error: &serde_json::Error) -> Error {
        let cause = error.to_string();
        let cause = cause.split(" at line ").next().unwrap_or_default();
        let unknown = cause.strip_prefix("unknown field `");
        if let Some(key) = unknown.and_then(|rest| rest.split('`').next()) {
            return self
                .fail(message, key)
                .cause(format!("it has the unknown key `{key}`"))
                .hint("use a newer wake, if a newer one wrote it");
        }
        let place = error.column().saturating_sub(1);
        Error::user(message)
            .at(self.location(place, place))
            .cause(cause)
    }
}

/// Checks the first line and returns what it says of vendored packages.
fn header(line: &Line<'_>) -> Result<Option<String>> {
    let first: BTreeMap<String, Value> = serde_json::from_str(line.text).unwrap_or_default();
    let Some(schema) = first.get("wake.lock").and_then(Value::as_u64) else {
        return Err(line
            .fail("The lock does not say what format it has", "")
            .cause(format!(
                "the first line must be `{{\"wake.lock\":{FIRST_SCHEMA}}}`"
            ))
            .hint(RESTORE));
    };
    if schema > SCHEMA {
        return Err(line
            .fail(format!("The lock has the format {schema}"), "")
            .cause(format!("this wake reads formats up to {SCHEMA}"))
            .hint("use a newer wake"));
    }
    if schema < FIRST_SCHEMA {
        return Err(line
            .fail(
                format!("The lock has the format {schema}, which never was"),
                "",
            )
            .hint(RESTORE));
    }
    let known = ["wake.lock", "vendor"];
    match first.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(line
            .fail(
                format!("The first line of the lock has the unknown key `{key}`"),
                key,
            )
            .hint("use a newer wake, if a newer one wrote it")),
        None => vendored(line, first.get("vendor")),
    }
}

/// The directory of vendored packages, which must lie in the workspace.
fn vendored(line: &Line<'_>, written: Option<&Value>) -> Result<Option<String>> {
    match written {
        None => Ok(None),
        Some(Value::String(path)) if is_inside(path) => Ok(Some(path.clone())),
        Some(other) => Err(line
            .fail(
                format!("The lock names {other} as the directory of vendored packages"),
                "",
            )
            .hint("it must be a path below the workspace's top; `wake pkg vendor DIR` writes it")),
    }
}

fn is_inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// A line as JSON; what the strings mean is not checked yet.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: String,
    version: Option<String>,
    origin: String,
    scope: Option<String>,
    digest: Option<String>,
    size: Option<u64>,
    #[serde(default)]
    requires: Vec<Value>,
    artifact: Option<WrittenArtifact>,
    #[serde(default)]
    replace: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenArtifact {
    name: String,
    #[serde(default)]
    when: BTreeMap<String, Vec<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequirement {
    req: String,
    from: Option<String>,
    versions: Option<String>,
    #[serde(default)]
    host: bool,
    #[serde(default)]
    hidden: bool,
}

fn entry(line: &Line<'_>) -> Result<Entry> {
    let written: Written = serde_json::from_str(line.text)
        .map_err(|error| line.fail_json("The line is not a package of a lock", &error))?;
    check_name(line, &written.name)?;
    check_kind(line, &written)?;
    let version = match &written.version {
        Some(version) => Some(version_of(version).map_err(|why| {
            line.fail(format!("`{version}` is not a version"), version)
                .cause(why)
        })?),
        None => None,
    };
    let digest = match written.digest.as_deref() {
        None | Some("-") => None,
        Some(digest) => Some(digest.parse().map_err(|error: Error| {
            error.at_if_absent(line.fail("", digest).report().at.as_ref())
        })?),
    };
    let requires = written.requires.iter();
    Ok(Entry {
        version,
        digest,
        requires: requires
            .map(|value| requirement(line, value))
            .collect::<Result<_>>()?,
        name: written.name,
        origin: Arc::from(written.origin),
        scope: written.scope,
        size: written.size,
        artifact: written.artifact.map(|artifact| Artifact {
            name: artifact.name,
            when: artifact.when,
        }),
        replace: written.replace,
    })
}

/// Path packages have neither version nor digest, others have both.
fn check_kind(line: &Line<'_>, written: &Written) -> Result<()> {
    let name = &written.name;
    let wrong = |message: String| Err(line.fail(message, name));
    let is_path = written.origin.starts_with(PATH);
    match (&written.version, &written.digest) {
        (Some(_), _) | (_, Some(_)) if is_path => wrong(format!(
            "`{name}` lies at a path and has a version or a digest"
        )),
        (None, _) if !is_path => wrong(format!("`{name}` has no version")),
        (_, None) if !is_path => wrong(format!("`{name}` has no digest")),
        _ if written.replace && !is_path => wrong(format!(
            "`{name}` replaces others and does not lie at a path"
        )),
        _ if written.origin.is_empty() => wrong(format!("`{name}` has no origin")),
        _ => Ok(()),
    }
}

/// `namespace/name`, or `name`.
fn check_name(line: &Line<'_>, name: &str) -> Result<()> {
    if is_label(name) {
        return Ok(());
    }
    Err(line
        .fail(format!("`{name}` is not the name of a package"), name)
        .cause(format!("it must be `namespace/name` or `name`; {NAMES}")))
}

fn requirement(line: &Line<'_>, value: &Value) -> Result<Requires> {
    let written = match value {
        Value::String(text) => WrittenRequirement {
            req: text.clone(),
            from: None,
            versions: None,
            host: false,
            hidden: false,
        },
        other => serde_json::from_value(other.clone()).map_err(|error| {
            line.fail(
                "The line has something in `requires` that is no requirement",
                "requires",
            )
            .cause(error.to_string())
        })?,
    };
    let text = &written.req;
    let (name, requirement) = text.split_once('@').unwrap_or((text, "*"));
    check_name(line, name)?;
    let parsed = Requirement::parse(requirement)
        .map_err(|error| error.at_if_absent(line.fail("", text).report().at.as_ref()))?;
    let versions = written.versions.as_deref().map(|versions| {
        let known = VERSIONS.iter().find(|(_, text)| *text == versions);
        known.map(|(versions, _)| *versions).ok_or_else(|| {
            let names = VERSIONS.iter().map(|(_, text)| *text);
            line.fail(format!("`versions` cannot be `{versions}`"), versions)
                .hint_option(suggestion(versions, names))
        })
    });
    Ok(Requires {
        name: name.to_owned(),
        requirement: parsed,
        origin: written.from.map(Arc::from),
        versions: versions.transpose()?,
        is_host: written.host,
        is_hidden: written.hidden,
    })
}

fn twice(first: &(Entry, Line<'_>), second: &(Entry, Line<'_>)) -> Error {
    let (first, second) = match first.1.start < second.1.start {
        true => (first, second),
        false => (second, first),
    };
    let earlier = first.1.location(0, 0);
    second
        .1
        .fail(
            format!("`{}` is locked twice", second.0.label()),
            &second.0.name,
        )
        .cause(format!("the other line is {earlier}"))
        .hint("keep one of the two lines, then run `wake pkg resolve`")
}
