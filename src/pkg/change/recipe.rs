//! `wake pkg add` and `remove` for a package that is declared by a recipe.

use std::path::Path;

use semver::Version;

use super::add::{self, Added, Addition};
use super::attempt::Attempt;
use super::known::Known;
use super::remove::Removed;
use crate::declare::model::PackageInfo;
use crate::declare::recipe::reference::{Malformed, Reference, Target, is_short_version};
use crate::error::{Error, Result, suggestion};
use crate::event::Subscriber;
use crate::fs::path;
use crate::pkg::edit::recipe::{self as edit, Item};
use crate::pkg::resolution::{self, Context};

/// The kind that is meant where none is said.
const RUNTIME: &str = "Runtime";

/// Adds a reference to the recipe here, and resolves.
pub(super) fn add(
    context: &Context<'_>,
    addition: &Addition<'_>,
    attempt: &mut Attempt,
    subscriber: &mut dyn Subscriber,
) -> Result<Added> {
    if addition.key.is_some() {
        return Err(Error::user("A recipe has no keys for its packages")
            .hint("leave out `--key`; `--kind` says what the package is for"));
    }
    let kind = addition.kind.unwrap_or(RUNTIME);
    let known = Known::of(context, &attempt.directory)?;
    let reference = asked(context, addition, attempt, &known)?;
    refuse_known(attempt, kind, &reference)?;
    attempt.write(edit::add(&attempt.shown, &attempt.text, kind, &reference)?)?;
    let mut written = reference.clone();
    let wanted = add::Wanted {
        label: label(&reference),
        has_requirement: !matches!(reference.target, Target::Name { version: None, .. }),
        is_it: &|key, request| {
            let is_host = matches!(kind, "Build" | "Tool");
            let text = reference.to_string();
            request.is_host == is_host && (key == text || key == format!("{text} ({kind})"))
        },
    };
    let version = add::resolve(context, attempt, &wanted, subscriber, |attempt, version| {
        written = with_version(&reference, version);
        let (shown, text) = (&attempt.shown, &attempt.text);
        let item = edit::find(shown, text, kind, &reference)?;
        attempt.write(edit::replace(shown, text, &item, &written)?)
    })?;
    Ok(Added {
        label: label(&reference),
        key: written.to_string(),
        kind: Some(kind.to_owned()),
        file: attempt.shown.clone(),
        version,
    })
}

/// Removes a reference from the recipe here, and resolves.
pub(super) fn remove(
    context: &Context<'_>,
    name: &str,
    kind: Option<&str>,
    attempt: &mut Attempt,
    subscriber: &mut dyn Subscriber,
) -> Result<Removed> {
    let items = edit::items(&attempt.shown, &attempt.text)?;
    let item = meant(&items, name, kind, &attempt.shown)?;
    attempt.write(edit::remove(&attempt.shown, &attempt.text, item)?)?;
    resolution::resolve(context, subscriber)?;
    Ok(Removed {
        key: item.reference.to_string(),
        label: None,
        file: attempt.shown.clone(),
    })
}

/// The reference that is to be written.
fn asked(
    context: &Context<'_>,
    addition: &Addition<'_>,
    attempt: &Attempt,
    known: &Known,
) -> Result<Reference> {
    let reference = parse(addition.request)?;
    if reference.is_built_in() {
        return Err(Error::user(format!("`{reference}` comes with wake"))
            .hint("nothing has to be added for it"));
    }
    let by_path = |path: &std::path::Path, shown: &str| {
        let path = add::relative(&attempt.directory, path, shown)?;
        Ok(Reference {
            language: reference.language.clone(),
            target: Target::Path(format!("{path}/")),
        })
    };
    let start = &context.workspace.start;
    let has_version = match &reference.target {
        Target::Path(path) if addition.from.is_none() => return by_path(&start.join(path), path),
        Target::Path(_) => true,
        Target::Name { version, .. } => version.is_some(),
    };
    match addition.from.map(str::trim) {
        Some("global") => Ok(reference),
        Some(text) if add::is_path(text) => by_path(&start.join(text), text),
        Some(text) => Err(
            Error::user(format!("`--from` cannot be `{text}` for a recipe"))
                .cause("a recipe asks for packages by path, or by name alone")
                .hint("name a path, or say in `RootRecipe.sml` which `Registry` has the package"),
        ),
        None if has_version => Ok(reference),
        None => match add::only_path(known, &label(&reference))? {
            Some(path) => by_path(path, &path.display().to_string()),
            None => Ok(reference),
        },
    }
}

/// What is asked for, in wake's spelling or in Soup's.
fn parse(text: &str) -> Result<Reference> {
    if add::is_path(text) || text.contains(['|', '[']) {
        return Reference::parse(text).map_err(|Malformed { cause, hint }| {
            Error::user(format!("`{text}` is no reference"))
                .cause(cause)
                .hint(hint)
        });
    }
    let wanted = PackageInfo::parse(text);
    wanted.check_names()?;
    let version = wanted.version.as_deref();
    let short = version.map(|version| version.strip_prefix('^').unwrap_or(version));
    if let Some(wrong) = short.filter(|version| !is_short_version(version)) {
        return Err(Error::user(format!("A recipe cannot ask for `{wrong}`"))
            .cause("`@1.2` in a recipe admits what `^1.2` does; there are no other requirements")
            .hint(format!(
                "write `{}@1.2`, or leave the version out",
                wanted.label()
            )));
    }
    Ok(Reference {
        language: None,
        target: Target::Name {
            user: wanted.namespace,
            name: wanted.name,
            version: short.map(ToOwned::to_owned),
        },
    })
}

/// What the package is called in wake; of a path: that.
fn label(reference: &Reference) -> String {
    match &reference.target {
        Target::Path(path) => path.clone(),
        Target::Name { user, name, .. } => crate::declare::model::label(user.as_deref(), name),
    }
}

fn with_version(reference: &Reference, version: &Version) -> Reference {
    let mut reference = reference.clone();
    if let Target::Name {
        version: wanted, ..
    } = &mut reference.target
    {
        let Version {
            major,
            minor,
            patch,
            ..
        } = version;
        *wanted = Some(format!("{major}.{minor}.{patch}"));
    }
    reference
}

/// Refuses a package that is there already.
fn refuse_known(attempt: &Attempt, kind: &str, reference: &Reference) -> Result<()> {
    let wanted = label(reference);
    let items = edit::items(&attempt.shown, &attempt.text)?;
    let same = |item: &&Item| {
        let is_same = match (&item.reference.target, &reference.target) {
            (Target::Path(one), Target::Path(other)) => {
                path::clean(Path::new(one)) == path::clean(Path::new(other))
            }
            _ => label(&item.reference).eq_ignore_ascii_case(&wanted),
        };
        item.kind == kind && is_same
    };
    let Some(item) = items.iter().find(same) else {
        return Ok(());
    };
    let is_path = matches!(reference.target, Target::Path(_));
    let hint = format!("`wake pkg update {wanted}` chooses a newer version");
    Err(Error::user(format!("`{wanted}` is in `{kind}` already"))
        .at(item.at.clone())
        .hint_option((!is_path).then_some(hint)))
}

fn trimmed(label: &str) -> &str {
    label.trim_end_matches('/')
}

/// The item that is called so: by its text, the package's name with its namespace, or its name alone.
fn meant<'a>(items: &'a [Item], name: &str, kind: Option<&str>, file: &str) -> Result<&'a Item> {
    let name = trimmed(name);
    let of_kind = |item: &&Item| kind.is_none_or(|kind| item.kind == kind);
    let bare = |item: &Item| match &item.reference.target {
        Target::Path(path) => trimmed(path).rsplit('/').next().map(ToOwned::to_owned),
        Target::Name { name, .. } => Some(name.clone()),
    };
    let label = name.replace('|', "/");
    let tests: [&dyn Fn(&Item) -> bool; 3] = [
        &|item| trimmed(&item.reference.to_string()) == name,
        &|item| trimmed(&self::label(&item.reference)) == label,
        &|item| bare(item).as_deref() == Some(name),
    ];
    for is_it in tests {
        let found: Vec<&Item> = items
            .iter()
            .filter(of_kind)
            .filter(|item| is_it(item))
            .collect();
        match found.as_slice() {
            [] => {}
            [only] => return Ok(only),
            several => {
                let several: Vec<String> = several
                    .iter()
                    .map(|item| format!("`{}` in `{}`", item.reference, item.kind))
                    .collect();
                return Err(
                    Error::user(format!("`{name}` is in `{file}` more than once"))
                        .cause(format!("there is {}", several.join(" and ")))
                        .hint("say which: by its whole reference, and `--kind`"),
                );
            }
        }
    }
    let names: Vec<String> = items
        .iter()
        .filter(of_kind)
        .map(|item| trimmed(&self::label(&item.reference)).to_owned())
        .collect();
    Err(Error::user(format!(
        "There is no `{name}` in the dependencies of `{file}`"
    ))
    .hint_option(suggestion(name, names.iter().map(String::as_str))))
}
