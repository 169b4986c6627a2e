//! `wake pkg publish`: the package here becomes a version in an index.

use std::path::Path;

use semver::Version;

use super::known;
use crate::declare::model::{Declaration, PackageRequest, Source};
use crate::error::{Error, Result};
use crate::event::Subscriber;
use crate::fs;
use crate::fs::path;
use crate::pkg::globals::Definition;
use crate::pkg::index;
use crate::pkg::lock::Lock;
use crate::pkg::publish::{self, Published};
use crate::pkg::requirement::Requirement;
use crate::pkg::resolution::{self, Context};
use crate::pkg::resolve::Resolver;
use crate::workspace::discover;

/// A version that is marked, and whether it is to be chosen no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yank {
    pub version: Version,
    pub is_yanked: bool,
}

/// Resolves, and publishes the package here into the index in a directory, absolute or relative to where wake was
/// started. Returns its label and version, too.
///
/// # Errors
/// As [`publish::publish`]; what it asks for is not pinned by a digest.
pub fn publish(
    context: &Context<'_>,
    index: &Path,
    subscriber: &mut dyn Subscriber,
) -> Result<(String, Published)> {
    let directory = here(context)?;
    let index = path::clean(&context.workspace.start.join(index));
    let (mut resolver, _) = resolution::open(context)?;
    known::member(context, &mut resolver, directory)?;
    resolver.settle(subscriber)?;
    resolver.refuse_undeclared()?;
    let declaration = known::declaration(context, &mut resolver, directory)?;
    let flaws = unpinned(&resolver, &declaration, &index);
    let label = declaration.info.label();
    if !flaws.is_empty() {
        let error = Error::user(format!("`{label}` cannot be published"));
        return Err(flaws.into_iter().fold(error, Error::cause).hint(
            "`wake pkg resolve` fetches what is asked for and puts the digests into `wake.lock`; \
             what the workspace has by path must be published first",
        ));
    }
    resolution::finish(context, &mut resolver, subscriber)?;
    let published = publish::publish(directory, &declaration, &index, context.layout.top())?;
    let version = declaration.info.version.unwrap_or_default();
    Ok((format!("{label}@{version}"), published))
}

/// Marks a version of the package here. Returns its label and version, and whether that changed anything.
///
/// # Errors
/// As [`publish::yank`].
pub fn yank(context: &Context<'_>, index: &Path, yank: &Yank) -> Result<(String, bool)> {
    let directory = here(context)?;
    let index = path::clean(&context.workspace.start.join(index));
    let (mut resolver, _) = resolution::open(context)?;
    let info = known::declaration(context, &mut resolver, directory)?.info;
    let is_changed = publish::yank(&index, &info, &yank.version, yank.is_yanked)?;
    Ok((format!("{}@{}", info.label(), yank.version), is_changed))
}

/// The directory of the package here, whatever declares it.
fn here<'a>(context: &Context<'a>) -> Result<&'a Path> {
    let directory = context.workspace.package_here();
    match discover::is_package(directory) {
        true => Ok(directory),
        false => known::here(context),
    }
}

/// What the package asks the global namespace for and neither a digest nor the index says what it is. What it asks of
/// others is the matter of [`publish::publish`].
fn unpinned(resolver: &Resolver<'_>, declaration: &Declaration, index: &Path) -> Vec<String> {
    let mut flaws = Vec::new();
    let lock = resolver.lock().unwrap_or_default();
    for (key, request) in &declaration.pkgs {
        if request.from != Source::Global || is_in_index(request, index) {
            continue;
        }
        let label = request.wanted.label();
        let definition = resolver.packages.decisions.globals.get(&label);
        let flaw = match definition {
            Some(Definition::Retriever(_)) if is_pinned(&lock, &label, request) => continue,
            Some(Definition::Retriever(_)) => format!("`{label}` has no digest in `wake.lock`"),
            _ => format!("`{label}` is in the workspace by path, and not in the index"),
        };
        let at = request.at.as_ref();
        let at = at.map_or_else(|| "`PKG`".to_owned(), ToString::to_string);
        flaws.push(format!("{at}: `{key}`: {flaw}"));
    }
    flaws
}

/// Whether everything in the lock that may answer a request has a digest.
fn is_pinned(lock: &Lock, label: &str, request: &PackageRequest) -> bool {
    let Ok(requirement) = Requirement::of(request.wanted.version.as_deref()) else {
        return false;
    };
    let admitted = lock.of(label).filter(|entry| {
        let version = entry.version.as_ref();
        version.is_some_and(|version| requirement.matches(version))
    });
    let mut digests = admitted.map(|entry| entry.digest).peekable();
    digests.peek().is_some() && digests.all(|digest| digest.is_some())
}

/// Whether the index has a version that answers a request.
fn is_in_index(request: &PackageRequest, index: &Path) -> bool {
    let wanted = &request.wanted;
    let Ok(requirement) = Requirement::of(wanted.version.as_deref()) else {
        return false;
    };
    let Ok(file) = index::file(wanted.namespace.as_deref(), &wanted.name) else {
        return false;
    };
    let content = fs::read_if_exists(&index.join(&file)).ok().flatten();
    let content = content.unwrap_or_default();
    let found = index::lines(&file, &content, |version| requirement.matches(version));
    found.is_ok_and(|lines| !lines.is_empty())
}
