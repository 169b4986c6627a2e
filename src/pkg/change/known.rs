//! What is declared in a workspace before anything is changed, as far as it can be had without asking anybody.

use std::path::{Path, PathBuf};

use crate::declare::model::{Declaration, PackageRequest};
use crate::error::{Error, Result};
use crate::event::Silent;
use crate::fs;
use crate::fs::path;
use crate::pkg::PackageIndex;
use crate::pkg::resolution::{self, Context};
use crate::pkg::resolve::Resolver;
use crate::workspace::discover::{PKG, declaration_in, has_recipe};

/// What is declared.
pub(super) struct Known {
    /// The `pkgs` of the package that it is about; nothing, where its declaration is broken or waits for others.
    pub(super) pkgs: Vec<(String, PackageRequest)>,
    /// Labels and directories of the other path packages.
    paths: Vec<(String, PathBuf)>,
}

impl Known {
    /// What the package in `directory` and all others declare.
    ///
    /// # Errors
    /// The lock or the members are wrong; the package is no member.
    pub(super) fn of(context: &Context<'_>, directory: &Path) -> Result<Self> {
        let (mut resolver, _) = resolution::open(context)?;
        let here = member(context, &mut resolver, directory)?;
        let packages = &resolver.packages;
        let declared = packages.declared_of(here);
        let others = packages.indexes().filter(|index| *index != here);
        let paths = others.filter(|index| packages.get(*index).release.is_none());
        let paths = paths.filter_map(|index| {
            let label = packages.declared_of(index)?.info.label();
            Some((label, packages.get(index).directory.clone()))
        });
        Ok(Self {
            pkgs: declared.map(|one| one.pkgs.clone()).unwrap_or_default(),
            paths: paths.collect(),
        })
    }

    /// The directories of the path packages of a name.
    pub(super) fn paths_of(&self, label: &str) -> Vec<&Path> {
        let paths = self.paths.iter();
        paths
            .filter(|(known, _)| known == label)
            .map(|(_, directory)| directory.as_path())
            .collect()
    }
}

/// The directory of the package that the invoker is in, and its declaration: `PKG` or `Recipe.sml`.
///
/// # Errors
/// It has none.
pub(super) fn declared_here<'a>(context: &Context<'a>) -> Result<(&'a Path, &'static str)> {
    let directory = context.workspace.package_here();
    match declaration_in(directory) {
        Some(name) if name != PKG => Ok((directory, name)),
        _ => Ok((here(context)?, PKG)),
    }
}

/// The directory of the package that the invoker is in.
///
/// # Errors
/// It has no `PKG`.
pub(super) fn here<'a>(context: &Context<'a>) -> Result<&'a Path> {
    let directory = context.workspace.package_here();
    if fs::is_file(&directory.join(PKG)) {
        return Ok(directory);
    }
    let shown = path::display(directory, &context.workspace.top);
    let error = Error::user(format!("There is no `{PKG}` in `{shown}`"));
    Err(match has_recipe(directory) {
        true => error.hint(format!("a package that is published has a `{PKG}`")),
        false => error.hint(
            "change to the directory of a package, name it with `-C`, or make one with `wake init`",
        ),
    })
}

/// Declares what can be declared without asking anybody, and returns the package in `directory`.
///
/// # Errors
/// It is no member of the workspace.
pub(super) fn member(
    context: &Context<'_>,
    resolver: &mut Resolver<'_>,
    directory: &Path,
) -> Result<PackageIndex> {
    let packages = &mut resolver.packages;
    let declaring = &mut resolver.declaring;
    declaring.run(packages, context.threads, context.ask, &mut Silent)?;
    let Some(here) = packages.at(directory) else {
        // One that cannot be declared may be what leads there.
        resolver.refuse_undeclared()?;
        return Err(context.workspace.no_member(directory));
    };
    Ok(here)
}

/// The declaration of the package in `directory`: resolves as far as that takes.
///
/// # Errors
/// It is no member, or cannot be declared.
pub(super) fn declaration(
    context: &Context<'_>,
    resolver: &mut Resolver<'_>,
    directory: &Path,
) -> Result<Declaration> {
    let here = member(context, resolver, directory)?;
    if !resolver.packages.is_declared(here) {
        resolver.settle(&mut Silent)?;
    }
    resolver.packages.declaration(here).cloned()
}
