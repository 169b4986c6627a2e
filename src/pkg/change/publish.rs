//! `wake pkg publish`: the package here becomes a version in an index.

use std::path::Path;

use semver::Version;

use super::known;
use crate::declare::model::{Declaration, PackageInfo, PackageRequest, Source};
use crate::declare::recipe::Recipes;
use crate::error::{Error, Result};
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::fs::path;
use crate::pkg::contents::declaration_file;
use crate::pkg::globals::Definition;
use crate::pkg::index;
use crate::pkg::lock::Lock;
use crate::pkg::publish::{self, Published};
use crate::pkg::requirement::Requirement;
use crate::pkg::resolution::{self, Context};
use crate::pkg::resolve::Resolver;
use crate::workspace::discover::{self, PKG};

/// A version that is marked, and whether it is to be chosen no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Yank {
    pub version: Version,
    pub is_yanked: bool,
}

/// Where a package goes.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The directory of the index, absolute or relative to where wake was started.
    pub index: &'a Path,
    /// Whose a package is that does not say it itself.
    pub namespace: Option<&'a str>,
}

/// Resolves, and publishes the package here. Returns its label and version, too.
///
/// # Errors
/// As [`publish::publish`]; what it asks for is not pinned by a digest.
pub fn publish(
    context: &Context<'_>,
    place: Place<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<(String, Published)> {
    let directory = here(context)?;
    let index = path::clean(&context.workspace.start.join(place.index));
    let (mut resolver, _) = resolution::open(context)?;
    known::member(context, &mut resolver, directory)?;
    resolver.settle(subscriber)?;
    resolver.refuse_undeclared()?;
    let mut declaration = known::declaration(context, &mut resolver, directory)?;
    declaration.info = owned(declaration.info, directory, place.namespace)?;
    let recipe = detached(context, directory, &mut declaration, subscriber)?;
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
    let package = publish::Package {
        directory,
        declaration: &declaration,
        recipe: recipe.as_deref(),
    };
    let published = publish::publish(&package, &index, context.layout.top())?;
    let version = declaration.info.version.unwrap_or_default();
    Ok((format!("{label}@{version}"), published))
}

/// Marks a version of the package here. Returns its label and version, and whether that changed anything.
///
/// # Errors
/// As [`publish::yank`].
pub fn yank(context: &Context<'_>, place: Place<'_>, yank: &Yank) -> Result<(String, bool)> {
    let directory = here(context)?;
    let index = path::clean(&context.workspace.start.join(place.index));
    let (mut resolver, _) = resolution::open(context)?;
    let info = known::declaration(context, &mut resolver, directory)?.info;
    let info = owned(info, directory, place.namespace)?;
    let is_changed = publish::yank(&index, &info, &yank.version, yank.is_yanked)?;
    Ok((format!("{}@{}", info.label(), yank.version), is_changed))
}

/// What a package is called in an index.
fn owned(info: PackageInfo, directory: &Path, namespace: Option<&str>) -> Result<PackageInfo> {
    let Some(namespace) = namespace.filter(|one| info.namespace.as_deref() != Some(*one)) else {
        return Ok(info);
    };
    if declaration_file(directory) == PKG {
        let said = info.namespace.as_deref();
        return Err(Error::user(format!(
            "`--namespace {namespace}` is not what `{PKG}` says"
        ))
        .cause(match said {
            Some(said) => format!("the namespace of `{}` is `{said}`", info.label()),
            None => format!("`{}` has no namespace", info.label()),
        })
        .hint(format!(
            "wake.pkgInfo('{}', …, namespace='{namespace}')",
            info.name
        )));
    }
    let info = PackageInfo {
        namespace: Some(namespace.to_owned()),
        ..info
    };
    info.check_names()?;
    Ok(info)
}

/// Takes a package out of its workspace: what holds for it there and not elsewhere is put into its recipe, whose text is
/// returned if that changes it.
fn detached(
    context: &Context<'_>,
    directory: &Path,
    declaration: &mut Declaration,
    subscriber: &mut dyn Subscriber,
) -> Result<Option<String>> {
    let recipes = Recipes::new(context.workspace);
    if declaration_file(directory) == PKG {
        let shared = recipes.shared_keys(directory);
        if !shared.is_empty() {
            let label = declaration.info.label();
            let shared = shared.join("`, `");
            let text = format!(
                "`{label}` is published without what `RootRecipe.sml` shares with its recipes: `{shared}`"
            );
            subscriber.event(&Event::Warning { text });
        }
        return Ok(None);
    }
    let published = recipes.published(directory, &declaration.info)?;
    let file = declaration.at.as_ref().map(|at| at.file.clone());
    declaration.pkgs = published.pkgs;
    for (_, request) in &mut declaration.pkgs {
        if let (Some(at), Some(file)) = (&mut request.at, &file) {
            at.file.clone_from(file);
        }
    }
    Ok(published.text)
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
