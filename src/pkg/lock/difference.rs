//! What has changed from one lock to another, for people.

use std::collections::BTreeSet;
use std::fmt;

use semver::Version;

use super::{Entry, Lock, Requires, VERSIONS, write};

/// All that has changed, sorted by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Difference {
    pub changes: Vec<Change>,
}

/// What has become of one package.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    Added(Entry),
    Removed(Entry),
    /// Old and new: another version, or something else of the same version.
    Changed(Box<Entry>, Box<Entry>),
}

impl Lock {
    /// What must change for `self` to become `new`.
    pub fn diff(&self, new: &Self) -> Difference {
        let names: BTreeSet<&str> = [self, new]
            .iter()
            .flat_map(|lock| lock.entries.iter().map(|entry| entry.name.as_str()))
            .collect();
        let mut changes = Vec::new();
        for name in names {
            changes.extend(pair(self.of(name).collect(), new.of(name).collect()));
        }
        Difference { changes }
    }
}

/// Tells which of the new entries of a name takes the place of which old one: what is most alike first.
fn pair(mut old: Vec<&Entry>, mut new: Vec<&Entry>) -> Vec<Change> {
    let mut changes = Vec::new();
    for is_alike in [is_same, is_compatible, is_at_same_place] {
        old.retain(
            |one| match new.iter().position(|other| is_alike(one, other)) {
                Some(place) => {
                    let other = new.remove(place);
                    if *one != other {
                        changes.push(Change::Changed(
                            Box::new((*one).clone()),
                            Box::new(other.clone()),
                        ));
                    }
                    false
                }
                None => true,
            },
        );
    }
    changes.extend(old.into_iter().cloned().map(Change::Removed));
    changes.extend(new.into_iter().cloned().map(Change::Added));
    changes.sort_by(|a, b| a.entry().key().cmp(&b.entry().key()));
    changes
}

fn is_same(a: &Entry, b: &Entry) -> bool {
    a.is_same(b)
}

/// Cargo's rule: the first number that is not zero is the same.
fn is_compatible(a: &Entry, b: &Entry) -> bool {
    let line = |version: &Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    is_at_same_place(a, b) && a.version.as_ref().map(line) == b.version.as_ref().map(line)
}

fn is_at_same_place(a: &Entry, b: &Entry) -> bool {
    let artifact = |entry: &Entry| entry.artifact.as_ref().map(|one| one.name.clone());
    a.scope == b.scope && artifact(a) == artifact(b)
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for change in &self.changes {
            writeln!(formatter, "{change}")?;
        }
        Ok(())
    }
}

impl Change {
    /// The entry, the new one if there are two.
    pub fn entry(&self) -> &Entry {
        match self {
            Self::Added(entry) | Self::Removed(entry) => entry,
            Self::Changed(_, entry) => entry,
        }
    }
}

/// One line: `+ acme/base 1.2.0 (crates)`, `- …`, `~ acme/base 1.2.0 → 1.3.0`.
impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Added(entry) => write!(formatter, "+ {}", described(entry)),
            Self::Removed(entry) => write!(formatter, "- {}", described(entry)),
            Self::Changed(old, new) if old.version != new.version => write!(
                formatter,
                "~ {}{} {} → {}",
                new.name,
                place(new),
                version(old),
                version(new)
            ),
            Self::Changed(old, new) => {
                let facts = facts(old).into_iter().zip(facts(new));
                let changed = facts.filter(|(old, new)| old != new);
                let mut changed: Vec<String> = changed
                    .map(|((name, old), (_, new))| format!("{name} {old} → {new}"))
                    .collect();
                changed.extend(requires(old, new));
                let (label, place) = (new.label(), place(new));
                write!(formatter, "~ {label}{place}: {}", changed.join(", "))
            }
        }
    }
}

fn described(entry: &Entry) -> String {
    match entry.path() {
        Some(path) => format!("{} (at {path})", entry.name),
        None => {
            let (name, place) = (&entry.name, place(entry));
            format!("{name}{place} {} ({})", version(entry), entry.origin)
        }
    }
}

fn version(entry: &Entry) -> String {
    match (&entry.version, entry.path()) {
        (Some(version), _) => version.to_string(),
        (None, path) => format!("at {}", path.unwrap_or_default()),
    }
}

fn place(entry: &Entry) -> String {
    let artifact = entry.artifact.iter().map(|artifact| artifact.name.as_str());
    let parts: Vec<&str> = entry.scope.as_deref().into_iter().chain(artifact).collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(" [{}]", parts.join(", ")),
    }
}

/// All that can change while the version stays, with its name; but for what it asks for.
fn facts(entry: &Entry) -> [(&'static str, String); 5] {
    let digest = entry.digest.map_or_else(|| "-".to_owned(), |id| id.short());
    let when = entry.artifact.as_ref().map(write::artifact);
    [
        ("origin", entry.origin.to_string()),
        ("digest", digest),
        (
            "size",
            entry
                .size
                .map_or_else(|| "-".to_owned(), |size| size.to_string()),
        ),
        ("artifact", when.unwrap_or_default().to_string()),
        ("replace", entry.replace.to_string()),
    ]
}

/// What is asked for no more, and what anew; if nothing but the order has changed, that.
fn requires(old: &Entry, new: &Entry) -> Option<String> {
    if old.requires == new.requires {
        return None;
    }
    let only = |sign: char, one: &Entry, other: &Entry| -> Vec<String> {
        let requires = one.requires.iter();
        requires
            .filter(|asked| !other.requires.contains(asked))
            .map(|asked| format!("{sign}{}", required(asked)))
            .collect()
    };
    let mut changed = only('-', old, new);
    changed.extend(only('+', new, old));
    Some(match changed.is_empty() {
        true => "requires the same in another order".to_owned(),
        false => format!("requires {}", changed.join(" ")),
    })
}

fn required(asked: &Requires) -> String {
    let mut text = format!("{}@{}", asked.name, asked.requirement);
    if let Some(origin) = &asked.origin {
        text.push_str(&format!(" ({origin})"));
    }
    let known = VERSIONS
        .iter()
        .find(|(known, _)| Some(*known) == asked.versions);
    if let Some((_, versions)) = known {
        text.push_str(&format!(" [{versions}]"));
    }
    if asked.is_host {
        text.push_str(" (host)");
    }
    text
}
