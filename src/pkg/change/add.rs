//! `wake pkg add`: a package more in `pkgs`, or in the dependencies of a recipe.

use std::path::Path;

use semver::Version;

use super::attempt::{Attempt, attempt};
use super::known::Known;
use super::recipe;
use super::remove::refuse_kind;
use crate::declare::model::{PackageInfo, PackageRequest};
use crate::error::{Error, Result, suggestion};
use crate::event::{Silent, Subscriber};
use crate::fs;
use crate::fs::path;
use crate::pkg::edit;
use crate::pkg::policy::{Policy, Renewed};
use crate::pkg::requirement::Requirement;
use crate::pkg::resolution::{self, Context};
use crate::pkg::resolve::Resolver;
use crate::pkg::retriever::std as retrievers;
use crate::workspace::discover;

/// Retrievers of `wake.std` that need no config: packages whose namespace is called so come from them.
const WITHOUT_CONFIG: [&str; 3] = ["crates", "npm", "pypi"];

/// What is to be added, as typed.
#[derive(Clone, Copy, Debug)]
pub struct Addition<'a> {
    /// `namespace/name@requirement`.
    pub request: &'a str,
    /// A path, a retriever of `wake.std` and its config, or `global`.
    pub from: Option<&'a str>,
    /// `None`: the name.
    pub key: Option<&'a str>,
    /// What a recipe needs it for; `None`: `Runtime`.
    pub kind: Option<&'a str>,
}

/// What was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    pub label: String,
    /// Of a recipe: the reference as it is written.
    pub key: String,
    /// Of a recipe.
    pub kind: Option<String>,
    /// The declaration for people.
    pub file: String,
    /// The version that was chosen; `None`: a path package answers.
    pub version: Option<Version>,
}

/// Adds a package to the declaration here, and resolves.
///
/// # Errors
/// It is there already, `PKG` cannot be edited, or it cannot be resolved: then `PKG` and lock are as before.
pub fn add(
    context: &Context<'_>,
    addition: &Addition<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<Added> {
    attempt(context, |attempt| match attempt.is_recipe {
        true => recipe::add(context, addition, attempt, subscriber),
        false => add_to_pkg(context, addition, attempt, subscriber),
    })
}

fn add_to_pkg(
    context: &Context<'_>,
    addition: &Addition<'_>,
    attempt: &mut Attempt,
    subscriber: &mut dyn Subscriber,
) -> Result<Added> {
    refuse_kind(addition.kind)?;
    let wanted = PackageInfo::parse(addition.request);
    wanted.check_names()?;
    Requirement::of(wanted.version.as_deref())?;
    let label = wanted.label();
    let key = addition.key.unwrap_or(&wanted.name).to_owned();
    check_key(&key)?;
    let known = Known::of(context, &attempt.directory)?;
    refuse_known(&known, &label, &key, addition.key.is_some())?;
    let from = match addition.from {
        Some(text) => given(context, &attempt.directory, text)?,
        None => usual(&attempt.directory, &wanted, &known)?,
    };
    let request = edit::quoted(&wanted.to_string(), '\'');
    let call = format!("wake.getPkg({request}, from={from})");
    attempt.write(edit::add(&attempt.shown, &attempt.text, &key, &call)?)?;
    let asked = Wanted {
        label: label.clone(),
        has_requirement: wanted.version.is_some(),
        is_it: &|known, _| known == key,
    };
    let version = resolve(context, attempt, &asked, subscriber, |attempt, version| {
        let requirement = requirement(version);
        let (shown, text) = (&attempt.shown, &attempt.text);
        attempt.write(edit::replace_requirement(
            shown,
            text,
            &key,
            "",
            &requirement,
        )?)
    })?;
    Ok(Added {
        label,
        key: key.clone(),
        kind: None,
        file: attempt.shown.clone(),
        version,
    })
}

/// The request that was added.
pub(super) struct Wanted<'a> {
    pub(super) label: String,
    /// Whether it says which versions are right.
    pub(super) has_requirement: bool,
    /// Whether it is one of the declaration's `pkgs`, by key and request.
    pub(super) is_it: &'a dyn Fn(&str, &PackageRequest) -> bool,
}

/// Resolves with the new request. One without a requirement gets that of the version that was chosen: `require` writes it.
pub(super) fn resolve(
    context: &Context<'_>,
    attempt: &mut Attempt,
    wanted: &Wanted<'_>,
    subscriber: &mut dyn Subscriber,
    require: impl FnOnce(&mut Attempt, &Version) -> Result<()>,
) -> Result<Option<Version>> {
    let policy = Policy {
        renewed: Renewed::Named([wanted.label.clone()].into()),
        ..context.policy.clone()
    };
    let asking = Context {
        policy: &policy,
        ..*context
    };
    let locked = resolution::locked(context)?;
    let (mut resolver, _) = resolution::open_with(&asking, locked.clone())?;
    resolver.settle(subscriber)?;
    resolver.refuse_undeclared()?;
    let version = answer(&mut resolver, attempt, wanted)?;
    if let (false, Some(version)) = (wanted.has_requirement, &version) {
        require(attempt, version)?;
        // What was chosen is as locked now, so nobody is asked again.
        (resolver, _) = resolution::open_with(context, resolver.lock())?;
        resolver.settle(&mut Silent)?;
        resolver.locked = locked.unwrap_or_default();
    }
    resolution::finish(context, &mut resolver, subscriber)?;
    Ok(version)
}

/// The version that the new request is answered with.
///
/// # Errors
/// Nothing answers it, or a path package that is another one.
fn answer(
    resolver: &mut Resolver<'_>,
    attempt: &Attempt,
    wanted: &Wanted<'_>,
) -> Result<Option<Version>> {
    let packages = &mut resolver.packages;
    let here = packages
        .at(&attempt.directory)
        .ok_or_else(|| Error::internal("The package that was edited is gone"))?;
    let mut pkgs = packages.declaration(here)?.pkgs.iter();
    let found = pkgs.find(|(key, request)| (wanted.is_it)(key, request));
    let Some((_, request)) = found.cloned() else {
        let (label, shown) = (&wanted.label, &attempt.shown);
        return Err(Error::user(format!(
            "`{shown}` does not ask for `{label}` after the edit"
        ))
        .cause("something in it hides or replaces what was added")
        .hint("add it by hand"));
    };
    match packages.find(here, &request) {
        Ok(found) => {
            let release = packages.get(found).release.as_ref();
            let version = release.map(|release| release.version.clone());
            if version.is_none() {
                packages.check(found, &request)?;
            }
            Ok(version)
        }
        Err(error) => {
            let releases = std::mem::take(&mut packages.needs).releases;
            let release = releases.into_iter().next();
            release.map(|one| Some(one.version)).ok_or(error)
        }
    }
}

/// `^1.2.3`, whatever the version was built as.
fn requirement(version: &Version) -> String {
    let version = Version {
        build: semver::BuildMetadata::EMPTY,
        ..version.clone()
    };
    format!("^{version}")
}

fn check_key(key: &str) -> Result<()> {
    if key.is_empty() || key.contains('/') || key.chars().any(char::is_control) {
        return Err(Error::user(format!(
            "`{}` cannot be a key of `pkgs`",
            key.escape_debug()
        ))
        .hint("files of the package are imported as `pkgs/<key>/<path>`"));
    }
    Ok(())
}

/// Refuses a key that is there, and a package that is there under another one, unless the key was chosen.
fn refuse_known(known: &Known, label: &str, key: &str, is_chosen: bool) -> Result<()> {
    let same_key = known.pkgs.iter().find(|(one, _)| one == key);
    let same_name = known
        .pkgs
        .iter()
        .find(|(_, request)| request.wanted.label() == label);
    let fail = |request: &PackageRequest, message: String, hint: String| {
        Err(Error::user(message)
            .hint(hint)
            .at_if_absent(request.at.as_ref()))
    };
    match (same_key, same_name) {
        (Some((_, request)), _) if request.wanted.label() == label => fail(
            request,
            format!("`{label}` is in `pkgs` already"),
            format!("`wake pkg update {label}` chooses a newer version; `--key` adds it once more"),
        ),
        (Some((_, request)), _) => fail(
            request,
            format!(
                "`{key}` is in `pkgs` already, for `{}`",
                request.wanted.label()
            ),
            format!("choose another key for `{label}` with `--key`"),
        ),
        (_, Some((other, request))) if !is_chosen => fail(
            request,
            format!("`{label}` is in `pkgs` already, as `{other}`"),
            format!("`wake pkg update {label}` chooses a newer version; `--key` adds it once more"),
        ),
        _ => Ok(()),
    }
}

/// Whether a text is meant as a path.
pub(super) fn is_path(text: &str) -> bool {
    matches!(text, "." | "..") || ["./", "../", "/"].iter().any(|one| text.starts_with(one))
}

/// `from` as `--from` says it.
fn given(context: &Context<'_>, directory: &Path, text: &str) -> Result<String> {
    let text = text.trim();
    let end = text
        .find(|character: char| character.is_whitespace() || character == '{')
        .unwrap_or(text.len());
    let (name, config) = (&text[..end], text[end..].trim());
    if is_path(text) {
        return by_path(directory, &context.workspace.start.join(text), text);
    }
    if text == "global" {
        return Ok("wake.GLOBAL".to_owned());
    }
    if !retrievers::names().any(|known| known == name) {
        let hint = match fs::is_directory(&context.workspace.start.join(text)) {
            true => Some(format!("write `./{text}` for the directory")),
            false => suggestion(name, retrievers::names().chain(["global"])),
        };
        return Err(Error::user(format!("`--from` cannot be `{text}`"))
            .cause("it is no path that begins with `./` or `../`, no retriever of `wake.std`, and not `global`")
            .hint_option(hint));
    }
    if config.is_empty() {
        return Ok(format!("wake.exec(wake.std.{name})"));
    }
    if !config.starts_with('{') || !config.ends_with('}') {
        return Err(
            Error::user(format!("The config of `{name}` cannot be `{config}`")).hint(format!(
                "write an object: --from '{name} {{key: \"value\"}}'"
            )),
        );
    }
    Ok(format!("wake.exec(wake.std.{name}, config={config})"))
}

/// `from` where nothing is said of it.
fn usual(directory: &Path, wanted: &PackageInfo, known: &Known) -> Result<String> {
    let namespace = wanted.namespace.as_deref().unwrap_or_default();
    if WITHOUT_CONFIG.contains(&namespace) {
        return Ok(format!("wake.exec(wake.std.{namespace})"));
    }
    match only_path(known, &wanted.label())? {
        None => Ok("wake.GLOBAL".to_owned()),
        Some(only) => by_path(directory, only, &only.display().to_string()),
    }
}

/// The directory of the path package of a name, if there is one.
///
/// # Errors
/// There are several.
pub(super) fn only_path<'a>(known: &'a Known, label: &str) -> Result<Option<&'a Path>> {
    match known.paths_of(label).as_slice() {
        [] => Ok(None),
        [only] => Ok(Some(only)),
        several => {
            let error = Error::user(format!("There is more than one `{label}` in the workspace"));
            let error = several.iter().fold(error, |error, one| {
                error.cause(format!("one is in `{}`", one.display()))
            });
            Err(error.hint("say which with `--from PATH`"))
        }
    }
}

/// `from` for the package in a directory. `shown` is how messages call it.
fn by_path(directory: &Path, target: &Path, shown: &str) -> Result<String> {
    Ok(edit::quoted(&relative(directory, target, shown)?, '\''))
}

/// The path of the package in a directory, relative to another one.
///
/// # Errors
/// There is no package.
pub(super) fn relative(directory: &Path, target: &Path, shown: &str) -> Result<String> {
    let target = path::clean(target);
    if !discover::is_package(&target) {
        let cause = match fs::is_directory(&target) {
            true => "the directory has no `PKG` and no `Recipe.sml`",
            false => "there is no such directory",
        };
        return Err(Error::user(format!("There is no package in `{shown}`"))
            .cause(cause)
            .hint("`--from` is relative to where wake is started"));
    }
    let relative = path::relative(&fs::canonicalize(&target)?, directory);
    let relative = relative
        .to_str()
        .ok_or_else(|| Error::user(format!("`{shown}` is not UTF-8")))?;
    Ok(match relative {
        "" => ".".to_owned(),
        _ if relative == ".." || relative.starts_with("../") => relative.to_owned(),
        _ => format!("./{relative}"),
    })
}
