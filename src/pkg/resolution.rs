//! The resolution of a workspace from its files to its files: what is kept is opened, the loop runs, and what came of it
//! is written: the lock, the links in `.wake/pkgs/`, what declarations said.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::declaring::Declaring;
use super::fetching::link_packages;
use super::lock::{Lock, PATH};
use super::overview::Overview;
use super::policy::{LockUse, Policy, Renewed};
use super::resolve::{Outside, Resolver};
use super::store::PackageId;
use super::{Ask, PackageIndex, Packages, Tools};
use crate::error::{Error, Result};
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::fs::path;
use crate::fs::stamp::Clock;
use crate::jsonnet;
use crate::jsonnet::protocol::Read;
use crate::workspace::evaluations::Evaluations;
use crate::workspace::front::{self, Front, Surroundings};
use crate::workspace::layout::Layout;
use crate::workspace::{Workspace, host, layout};

/// What resolving and generating need from outside.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    pub workspace: &'a Workspace,
    pub layout: &'a Layout,
    pub environment: &'a BTreeMap<String, String>,
    /// Tells this wake from one that was built from other sources.
    pub build: &'a str,
    pub ask: &'a Ask<'a>,
    pub threads: usize,
    pub tools: &'a dyn Tools,
    pub policy: &'a Policy,
    /// Where the store is; `None`: there is no place for one.
    pub cache_directory: Option<&'a Path>,
}

impl Context<'_> {
    /// Tells what could have changed without leaving a trace in its stamps.
    pub fn clock(&self) -> Clock {
        Clock::new(&self.layout.state_directory())
    }
}

/// How the lock is shown in messages.
const LOCK: &str = "wake.lock";

/// Opens a resolution: its members are declared when it settles. Also returns what finding them read.
///
/// # Errors
/// The lock cannot be read, or members are wrong.
pub fn open<'a>(context: &Context<'a>) -> Result<(Resolver<'a>, Vec<Read>)> {
    open_with(context, locked(context)?)
}

/// What is locked; `None`: there is no lock.
///
/// # Errors
/// The lock cannot be read.
pub(super) fn locked(context: &Context<'_>) -> Result<Option<Lock>> {
    Lock::load(&context.layout.package_lock(), LOCK)
}

/// As [`open`], with something else for a lock.
pub(super) fn open_with<'a>(
    context: &Context<'a>,
    locked: Option<Lock>,
) -> Result<(Resolver<'a>, Vec<Read>)> {
    let mut packages = Packages::new(context.workspace.top.clone());
    let members = context.workspace.members_declared()?;
    let directories = members.directories.into_iter();
    let roots: Vec<_> = directories.map(|one| packages.add(one)).collect();
    packages.decisions.cache_directory = context.cache_directory.map(Path::to_owned);
    let saved = Evaluations::open(
        &context.layout.declarations_file(),
        &context.workspace.top,
        context.environment,
        salt(context),
    )?;
    let mut declaring = Declaring::default();
    declaring.saved = Arc::new(saved);
    let outside = Outside {
        layout: context.layout,
        ask: context.ask,
        tools: context.tools,
        threads: context.threads,
    };
    let policy = context.policy.clone();
    let resolver = Resolver::new(outside, policy, packages, roots, locked, declaring);
    Ok((resolver, members.reads))
}

/// Resolves a workspace from beginning to end, and says what there is.
///
/// # Errors
/// As [`Resolver::settle`] and [`finish`]; a path package that members reach cannot be declared.
pub fn resolve(context: &Context<'_>, subscriber: &mut dyn Subscriber) -> Result<Overview> {
    let file = context.layout.resolution_file();
    if let Some(overview) = recall(context, &file, &key(context))? {
        return Ok(overview);
    }
    resolve_anew(context, subscriber)
}

/// As [`resolve`], also if nothing has changed since the last time: what is on disk is made so again.
///
/// # Errors
/// As [`resolve`].
pub(super) fn resolve_anew(
    context: &Context<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<Overview> {
    let (mut resolver, mut reads) = open(context)?;
    resolver.settle(subscriber)?;
    resolver.refuse_undeclared()?;
    resolver.survey(subscriber)?;
    resolver.refuse_unusable()?;
    reads.push(finish(context, &mut resolver, subscriber)?);
    let overview = Overview::of(&mut resolver);
    reads.append(&mut resolver.packages.reads);
    let fetched = overview.packages.iter();
    let fetched = fetched.filter(|one| one.fetched && !one.origin.starts_with(PATH));
    reads.extend(fetched.filter_map(|package| {
        let link = layout::package_link(&package.name, package.version.as_deref()?);
        Some(Read::Existence {
            path: context.layout.top().join(link),
            exists: true,
        })
    }));
    let kept = Kept {
        key: key(context),
        front: front::save(reads, &context.clock(), context.layout.top()),
        overview,
    };
    let text = serde_json::to_vec(&kept)
        .map_err(|error| Error::internal("A resolution cannot be kept").cause(error.to_string()))?;
    fs::write_atomic(&context.layout.resolution_file(), &text)?;
    Ok(kept.overview)
}

/// The latest resolution, as `.wake/state/resolution-1` keeps it: JSON, good as long as nothing it was made from has
/// changed.
#[derive(Serialize, Deserialize)]
struct Kept {
    key: String,
    front: Front,
    overview: Overview,
}

/// What a resolution depends on besides what it read.
fn key(context: &Context<'_>) -> String {
    let text = format!(
        "{} {:?} {:?}",
        salt(context),
        context.policy,
        context.workspace.top
    );
    blake3::hash(text.as_bytes()).to_hex().to_string()
}

/// What was resolved before, if it would be resolved so again without asking anybody.
fn recall(context: &Context<'_>, file: &Path, key: &str) -> Result<Option<Overview>> {
    if context.policy.renewed != Renewed::None || context.policy.published_by.is_some() {
        return Ok(None);
    }
    let Some(text) = fs::read_if_exists(file)? else {
        return Ok(None);
    };
    let around = Surroundings {
        top: &context.workspace.top,
        environment: context.environment,
    };
    let kept: Option<Kept> = serde_json::from_slice(&text).ok();
    let kept = kept.filter(|kept| kept.key == key && kept.front.holds(around));
    Ok(kept.map(|kept| kept.overview))
}

/// What else than files declarations depend on.
pub fn salt(context: &Context<'_>) -> String {
    format!(
        "{} {} {:?} {:?}",
        env!("CARGO_PKG_VERSION"),
        context.build,
        jsonnet::library_digest(),
        host::host()
    )
}

/// Writes what a settled resolution came to. Returns what it read of the lock.
///
/// # Errors
/// The lock would change, and may not; a file cannot be written.
pub fn finish(
    context: &Context<'_>,
    resolver: &mut Resolver<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<Read> {
    let file = context.layout.package_lock();
    let declared = resolver.refuse_undeclared();
    match resolver.lock() {
        // What a broken declaration asks for would be lost, and locked anew when it is mended.
        Some(_) if declared.is_err() && context.policy.mode.lock != LockUse::Keep => {}
        Some(lock) => write_lock(context, resolver, &lock, &file, subscriber)?,
        None => {}
    }
    link(context, resolver)?;
    let reached = resolver.packages.reached(&resolver.members);
    let is_release = |index: &&PackageIndex| resolver.packages.get(**index).release.is_some();
    let fetched = reached.iter().filter(is_release).count();
    let by_path = reached.len() - fetched;
    if let Some(store) = resolver.packages.decisions.opened_store() {
        store.use_by(context.layout.top(), &used(resolver))?;
    }
    subscriber.event(&Event::Resolved { by_path, fetched });
    let declarations = context.layout.declarations_file();
    resolver
        .declaring
        .saved
        .save(&declarations, &context.clock())?;
    let content = fs::read_if_exists(&file)?;
    Ok(Read::File {
        path: file,
        hash: content.map(|content| *blake3::hash(&content).as_bytes()),
    })
}

/// What the workspace uses of the store: all that is chosen. What is asked for now may need less, and what is asked for
/// next must not have been removed.
fn used(resolver: &Resolver<'_>) -> BTreeSet<PackageId> {
    let decisions = &resolver.packages.decisions;
    let chosen = decisions.solution.iter().flat_map(|one| one.chosen());
    chosen
        .filter_map(|release| decisions.ids.get(&release.key()).copied())
        .collect()
}

/// Makes the links of `.wake/pkgs/` to the packages that are there: files of packages are looked at through them.
///
/// # Errors
/// A link cannot be made.
pub fn link(context: &Context<'_>, resolver: &Resolver<'_>) -> Result<()> {
    let layout = context.layout;
    let mut links = BTreeMap::new();
    let decisions = &resolver.packages.decisions;
    let chosen = decisions.solution.iter();
    for release in chosen.flat_map(|solution| solution.chosen()) {
        // Also those that nobody needs now: what is linked must not depend on what is built.
        if let Some(directory) = decisions.directory(release) {
            links.insert(PathBuf::from(release.place()), directory);
        }
    }
    for index in resolver.packages.reached(&resolver.members) {
        let package = resolver.packages.get(index);
        // A link to a directory around it would be a circle.
        let is_around = layout.wake_directory().starts_with(&package.directory);
        if package.release.is_some() {
            continue;
        }
        if let (false, Some(declaration)) = (is_around, resolver.packages.declared_of(index)) {
            let info = &declaration.info;
            let version = info.version.as_deref().unwrap_or("0.0.0");
            let link = PathBuf::from(layout::package_link(&info.label(), version));
            let parent = layout.top().join(link.parent().unwrap_or(Path::new("")));
            let target = path::relative(&package.directory, &parent);
            // What is fetched is used through its link.
            links.entry(link).or_insert(target);
        }
    }
    link_packages(layout.top(), &layout.packages_directory(), &links)
}

fn write_lock(
    context: &Context<'_>,
    resolver: &Resolver<'_>,
    lock: &Lock,
    file: &Path,
    subscriber: &mut dyn Subscriber,
) -> Result<()> {
    let difference = resolver.locked.diff(lock);
    let changes: Vec<String> = difference.changes.iter().map(ToString::to_string).collect();
    match context.policy.mode.lock {
        LockUse::Trust => return Ok(()),
        LockUse::Keep => {
            if is_only_filled_in(&resolver.locked, lock) {
                return Ok(());
            }
            let error =
                Error::user("`wake.lock` is not up to date, and `--locked` forbids to change it");
            let error = changes.into_iter().fold(error, Error::cause);
            return Err(error.hint("run `wake pkg resolve` and commit the lock"));
        }
        LockUse::Update => {}
    }
    if fs::write_if_changed(file, lock.to_text().as_bytes())? {
        subscriber.event(&Event::LockWritten {
            path: LOCK.to_owned(),
            changes,
        });
    }
    Ok(())
}

/// Whether a new lock differs from the old one in nothing but digests and sizes that were not known before.
fn is_only_filled_in(old: &Lock, new: &Lock) -> bool {
    let mut filled = new.clone();
    for (entry, before) in filled.entries.iter_mut().zip(&old.entries) {
        if before.digest.is_none() {
            entry.digest = None;
            entry.size = before.size;
        }
    }
    filled == *old
}
