//! `wake pkg update`: newer versions than the lock has.

use std::collections::BTreeSet;

use semver::Version;

use crate::error::{Error, Result, suggestion};
use crate::event::Subscriber;
use crate::pkg::lock::{Entry, Lock};
use crate::pkg::policy::{Policy, Renewed};
use crate::pkg::resolution::{self, Context};
use crate::pkg::resolve::Resolver;

/// How many versions are named where the one that is wanted is not there.
const MOST_VERSIONS: usize = 12;

/// Chooses versions anew: of all packages, or of those that are named, one of them `precise`. Returns whether the lock
/// has changed.
///
/// # Errors
/// A name is not locked, a version is not there, or nothing satisfies all requirements.
pub fn update(
    context: &Context<'_>,
    names: &[String],
    precise: Option<&Version>,
    subscriber: &mut dyn Subscriber,
) -> Result<bool> {
    let mode = context.policy.mode;
    if mode.is_offline {
        let flag = mode.flag();
        return Err(Error::user("Newer versions cannot be asked for")
            .cause(format!("`{flag}` forbids to execute retrievers"))
            .hint(format!("run it without `{flag}`")));
    }
    let locked = resolution::locked(context)?;
    let labels = names
        .iter()
        .map(|name| label(locked.as_ref(), name))
        .collect::<Result<BTreeSet<String>>>()?;
    let mut policy = context.policy.clone();
    if let (Some(version), Some(label)) = (precise, labels.first()) {
        if labels.len() > 1 {
            return Err(Error::user("`--precise` is for one package")
                .cause(format!("{} are named", labels.len()))
                .hint("update them one after the other"));
        }
        policy.precise.insert(label.clone(), version.clone());
    }
    policy.renewed = match labels.is_empty() {
        true => Renewed::All,
        false => Renewed::Named(labels),
    };
    let renewing = Context {
        policy: &policy,
        ..*context
    };
    let (mut resolver, _) = resolution::open_with(&renewing, locked.clone())?;
    let settled = resolver.settle(subscriber);
    settled.map_err(|error| about_precise(&resolver, &policy, error))?;
    resolver.refuse_undeclared()?;
    let is_changed = resolver.lock() != locked;
    resolution::finish(&renewing, &mut resolver, subscriber)?;
    Ok(is_changed)
}

/// The label of the package that is meant by its label or its name alone.
fn label(locked: Option<&Lock>, name: &str) -> Result<String> {
    let Some(locked) = locked else {
        return Err(Error::user(format!("`{name}` is not in `wake.lock`"))
            .cause("there is no `wake.lock`")
            .hint("`wake pkg resolve` makes it"));
    };
    let bare = |entry: &Entry| {
        let name = entry.name.rsplit('/').next();
        name.unwrap_or_default().to_owned()
    };
    let is_named = locked.of(name).next().is_some();
    let entries = locked.entries.iter();
    let meant: Vec<&Entry> = entries
        .filter(|entry| entry.name == name || !is_named && bare(entry) == name)
        .collect();
    let labels: BTreeSet<&str> = meant.iter().map(|entry| entry.name.as_str()).collect();
    if labels.len() > 1 {
        let labels: Vec<String> = labels.iter().map(|one| format!("`{one}`")).collect();
        return Err(
            Error::user(format!("More than one package is called `{name}`"))
                .hint(format!("name one of {}", labels.join(", "))),
        );
    }
    let Some(first) = meant.first() else {
        let versioned = locked.entries.iter().filter(|one| one.version.is_some());
        let mut known: Vec<&str> = versioned.map(|one| one.name.as_str()).collect();
        known.dedup();
        return Err(Error::user(format!("`{name}` is not in `wake.lock`"))
            .hint_option(suggestion(name, known)));
    };
    match meant.iter().find(|entry| entry.version.is_some()) {
        Some(entry) => Ok(entry.name.clone()),
        None => Err(
            Error::user(format!("`{}` has no versions", first.name)).cause(format!(
                "it is the package in `{}`, used as it is",
                first.path().unwrap_or_default()
            )),
        ),
    }
}

/// What keeps a precise version from being chosen: it is not there, or something admits only others.
fn about_precise(resolver: &Resolver<'_>, policy: &Policy, error: Error) -> Error {
    let Some((label, version)) = policy.precise.first_key_value() else {
        return error;
    };
    let subjects = resolver.facts.subjects();
    let mut known: Vec<&Version> = subjects
        .filter(|subject| *subject.label == **label)
        .flat_map(|subject| resolver.facts.candidates(subject))
        .map(|candidate| &candidate.version)
        .collect();
    known.sort();
    if known.is_empty() {
        return error;
    }
    if known.contains(&version) {
        return error.as_cause_of(format!("`{label}` cannot become `{version}`"));
    }
    let newest = known.iter().rev().take(MOST_VERSIONS);
    let shown: Vec<String> = newest.map(|one| format!("`{one}`")).collect();
    let more = match known.len().checked_sub(MOST_VERSIONS) {
        Some(more @ 1..) => format!(" and {more} older ones"),
        _ => String::new(),
    };
    Error::user(format!("`{label}` has no version `{version}`"))
        .hint(format!("there is {}{more}", shown.join(", ")))
}
