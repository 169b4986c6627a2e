//! `wake pkg vendor`: copies of all packages in the workspace, which the lock knows of.

use std::path::{Component, Path};

use crate::error::{Error, Result};
use crate::event::Subscriber;
use crate::fs;
use crate::fs::path;
use crate::pkg::policy::{LockUse, Policy};
use crate::pkg::resolution::{self, Context};
use crate::pkg::store::Store;
use crate::pkg::vendor::{self as copies, Vendored};

/// What was copied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// Relative to the workspace's top.
    pub directory: String,
    pub vendored: Vendored,
    /// Another directory that was used so far, and is not any more.
    pub before: Option<String>,
}

/// Fetches all packages, copies them to `directory`, absolute or relative to where wake was started, and has them taken
/// from there from now on. `None`: there are none.
///
/// # Errors
/// `User`: the directory is not below the workspace's top, or contains something else; the lock may not change. Else as
/// [`resolution::resolve`].
pub fn vendor(
    context: &Context<'_>,
    directory: &Path,
    subscriber: &mut dyn Subscriber,
) -> Result<Option<Carried>> {
    let place = place(context, directory)?;
    refuse_unwritable(context, &place)?;
    let policy = Policy {
        fetches_all: true,
        ..context.policy.clone()
    };
    let fetching = Context {
        policy: &policy,
        ..*context
    };
    fetch(&fetching, subscriber)?;
    let Some(mut lock) = resolution::locked(context)? else {
        return Ok(None);
    };
    if lock.entries.iter().all(|entry| entry.version.is_none()) {
        return Ok(None);
    }
    let store = Store::of_user(context.cache_directory)?;
    let vendored = copies::vendor(&store, &lock, &context.layout.top().join(&place))?;
    let before = lock.vendor.replace(place.clone());
    let text = lock.to_text();
    fs::write_if_changed(&context.layout.package_lock(), text.as_bytes())?;
    Ok(Some(Carried {
        before: before.filter(|before| *before != place),
        directory: place,
        vendored,
    }))
}

/// Fetches all packages: from the copies that there are, unless one of them is damaged.
fn fetch(context: &Context<'_>, subscriber: &mut dyn Subscriber) -> Result<()> {
    let locked = resolution::locked(context)?;
    let recorded = locked.as_ref().and_then(|lock| lock.vendor.clone());
    let mut trusted = locked;
    if let (Some(lock), Some(recorded)) = (&mut trusted, &recorded)
        && !copies::are_as_locked(lock, &context.layout.top().join(recorded))
    {
        lock.vendor = None;
    }
    let (mut resolver, _) = resolution::open_with(context, trusted)?;
    resolver.settle(subscriber)?;
    resolver.refuse_undeclared()?;
    resolver.locked.vendor = recorded;
    resolution::finish(context, &mut resolver, subscriber).map(drop)
}

/// The directory relative to the workspace's top, below which it must lie.
fn place(context: &Context<'_>, directory: &Path) -> Result<String> {
    let top = context.layout.top();
    let absolute = path::clean(&context.workspace.start.join(directory));
    let wrong = |cause: &str| {
        Error::user(format!(
            "`{}` cannot hold copies of packages",
            directory.display()
        ))
        .cause(cause)
        .hint("name a directory below the workspace's top, like `vendor`")
    };
    let relative = resolved(&absolute)
        .strip_prefix(top)
        .map_err(|_| wrong("it lies outside of the workspace"))?
        .to_owned();
    let relative = relative.to_str().ok_or_else(|| wrong("it is not UTF-8"))?;
    let is_hidden = |component: Component<'_>| {
        let name = component.as_os_str();
        name == ".wake" || name == ".git"
    };
    if relative.is_empty() {
        return Err(wrong("it is the workspace's top"));
    }
    if Path::new(relative).components().any(is_hidden) {
        return Err(wrong(
            "what is in `.wake` or `.git` is not kept along with the workspace",
        ));
    }
    Ok(relative.to_owned())
}

/// A path without links, as far as something is there.
fn resolved(absolute: &Path) -> std::path::PathBuf {
    let mut there = absolute;
    while let Some(parent) = there.parent() {
        if let Ok(found) = fs::canonicalize(there) {
            let rest = absolute.strip_prefix(there).unwrap_or(Path::new(""));
            return path::clean(&found.join(rest));
        }
        there = parent;
    }
    absolute.to_owned()
}

/// Refuses to record another directory where the lock may not change.
fn refuse_unwritable(context: &Context<'_>, place: &str) -> Result<()> {
    let locked = resolution::locked(context)?;
    let is_recorded = locked.is_some_and(|lock| lock.vendor.as_deref() == Some(place));
    let flag = match context.policy.mode.lock {
        LockUse::Keep => "--locked",
        LockUse::Trust => "--frozen",
        LockUse::Update => return Ok(()),
    };
    match is_recorded {
        true => Ok(()),
        false => Err(Error::user(format!(
            "`wake.lock` does not name `{place}` as the directory of copies"
        ))
        .cause(format!("`{flag}` forbids to change it"))
        .hint(format!("run it once without `{flag}`"))),
    }
}
