//! `wake pkg add`: a package more in `pkgs`.

use std::path::Path;

use semver::Version;

use super::attempt::{Attempt, attempt};
use super::known::Known;
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
}

/// What was added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Added {
    pub label: String,
    pub key: String,
    /// The `PKG` for people.
    pub file: String,
    /// The version that was chosen; `None`: a path package answers.
    pub version: Option<Version>,
}

/// Adds a package to the `PKG` here, and resolves.
///
/// # Errors
/// It is there already, `PKG` cannot be edited, or it cannot be resolved: then `PKG` and lock are as before.
pub fn add(
    context: &Context<'_>,
    addition: &Addition<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<Added> {
    let wanted = PackageInfo::parse(addition.request);
    wanted.check_names()?;
    Requirement::of(wanted.version.as_deref())?;
    let label = wanted.label();
    let key = addition.key.unwrap_or(&wanted.name).to_owned();
    check_key(&key)?;
    attempt(context, |attempt| {
        let known = Known::of(context, &attempt.directory)?;
        refuse_known(&known, &label, &key, addition.key.is_some())?;
        let from = match addition.from {
            Some(text) => given(context, &attempt.directory, text)?,
            None => usual(&attempt.directory, &wanted, &known)?,
        };
        let request = edit::quoted(&wanted.to_string(), '\'');
        let call = format!("wake.getPkg({request}, from={from})");
        attempt.write(edit::add(&attempt.shown, &attempt.text, &key, &call)?)?;
        let version = resolve(context, attempt, &wanted, &key, subscriber)?;
        Ok(Added {
            label: label.clone(),
            key: key.clone(),
            file: attempt.shown.clone(),
            version,
        })
    })
}

/// Resolves with the new request. One without a requirement gets that of the version that was chosen.
fn resolve(
    context: &Context<'_>,
    attempt: &mut Attempt,
    wanted: &PackageInfo,
    key: &str,
    subscriber: &mut dyn Subscriber,
) -> Result<Option<Version>> {
    let policy = Policy {
        renewed: Renewed::Named([wanted.label()].into()),
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
    let version = answer(&mut resolver, &attempt.directory, key)?;
    if let (None, Some(version)) = (&wanted.version, &version) {
        let requirement = requirement(version);
        attempt.write(edit::replace_requirement(
            &attempt.shown,
            &attempt.text,
            key,
            "",
            &requirement,
        )?)?;
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
fn answer(resolver: &mut Resolver<'_>, directory: &Path, key: &str) -> Result<Option<Version>> {
    let packages = &mut resolver.packages;
    let here = packages
        .at(directory)
        .ok_or_else(|| Error::internal("The package that was edited is gone"))?;
    let mut pkgs = packages.declaration(here)?.pkgs.iter();
    let Some((_, request)) = pkgs.find(|(known, _)| known == key).cloned() else {
        return Err(Error::user(format!("`pkgs` has no `{key}` after the edit"))
            .cause("something in `PKG` hides or replaces it")
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

/// `from` as `--from` says it.
fn given(context: &Context<'_>, directory: &Path, text: &str) -> Result<String> {
    let text = text.trim();
    let end = text
        .find(|character: char| character.is_whitespace() || character == '{')
        .unwrap_or(text.len());
    let (name, config) = (&text[..end], text[end..].trim());
    if matches!(text, "." | "..") || ["./", "../", "/"].iter().any(|one| text.starts_with(one)) {
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
    let label = wanted.label();
    match known.paths_of(&label).as_slice() {
        [] => Ok("wake.GLOBAL".to_owned()),
        [only] => by_path(directory, only, &only.display().to_string()),
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
    let target = path::clean(target);
    if !discover::is_package(&target) {
        let cause = match fs::is_directory(&target) {
            true => "the directory has no `PKG`",
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
    let relative = match relative {
        "" => ".".to_owned(),
        _ if relative == ".." || relative.starts_with("../") => relative.to_owned(),
        _ => format!("./{relative}"),
    };
    Ok(edit::quoted(&relative, '\''))
}
