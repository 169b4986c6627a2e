//! `wake pkg remove`: a package less in `pkgs`, or in the dependencies of a recipe.

use super::attempt::attempt;
use super::known::Known;
use super::recipe;
use crate::error::{Error, Result, suggestion};
use crate::event::Subscriber;
use crate::pkg::edit;
use crate::pkg::resolution::{self, Context};

/// What was removed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Removed {
    /// Of a recipe: the reference as it was written.
    pub key: String,
    /// `None`: the declaration could not say it.
    pub label: Option<String>,
    /// The declaration for people.
    pub file: String,
}

/// Removes a package, by its key or name, from the declaration here, and resolves; `kind` is for recipes. A module that still uses it is the matter of the
/// next build.
///
/// # Errors
/// It is not there, `PKG` cannot be edited, or what is left cannot be resolved: then `PKG` and lock are as before.
pub fn remove(
    context: &Context<'_>,
    name: &str,
    kind: Option<&str>,
    subscriber: &mut dyn Subscriber,
) -> Result<Removed> {
    attempt(context, |attempt| {
        if attempt.is_recipe {
            return recipe::remove(context, name, kind, attempt, subscriber);
        }
        refuse_kind(kind)?;
        let known = Known::of(context, &attempt.directory)?;
        let key = key(&known, name)?;
        let result = edit::remove(&attempt.shown, &attempt.text, &key);
        attempt.write(result.map_err(|error| error.hint_option(near(&known, name)))?)?;
        resolution::resolve(context, subscriber)?;
        let mut pkgs = known.pkgs.iter();
        let removed = pkgs.find(|(one, _)| *one == key);
        Ok(Removed {
            label: removed.map(|(_, request)| request.label()),
            key,
            file: attempt.shown.clone(),
        })
    })
}

/// Refuses `--kind` where there are no kinds.
pub(super) fn refuse_kind(kind: Option<&str>) -> Result<()> {
    match kind {
        Some(_) => Err(Error::user("`--kind` is for recipes")
            .cause("in a `PKG` the modules say what a package is for")
            .hint("leave it out")),
        None => Ok(()),
    }
}

/// The key that is meant: one that is called so, else that of the package that is; `name` itself, if none is known.
fn key(known: &Known, name: &str) -> Result<String> {
    if known.pkgs.iter().any(|(key, _)| key == name) {
        return Ok(name.to_owned());
    }
    let named = |is_meant: &dyn Fn(&str, &str) -> bool| -> Vec<&str> {
        let pkgs = known.pkgs.iter();
        pkgs.filter(|(_, request)| is_meant(&request.wanted.label(), &request.wanted.name))
            .map(|(key, _)| key.as_str())
            .collect()
    };
    let mut keys = named(&|label, _| label == name);
    if keys.is_empty() {
        keys = named(&|_, bare| bare == name);
    }
    match keys.as_slice() {
        [] => Ok(name.to_owned()),
        [only] => Ok((*only).to_owned()),
        several => {
            let several: Vec<String> = several.iter().map(|key| format!("`{key}`")).collect();
            Err(Error::user(format!("`{name}` is in `pkgs` more than once"))
                .hint(format!("name the key: {}", several.join(" or "))))
        }
    }
}

fn near(known: &Known, name: &str) -> Option<String> {
    let keys = known.pkgs.iter().map(|(key, _)| key.clone());
    let labels = known.pkgs.iter().map(|(_, request)| request.label());
    let mut names: Vec<String> = keys.chain(labels).collect();
    names.sort();
    names.dedup();
    let is_there = names.iter().any(|one| one == name);
    suggestion(name, names.iter().map(String::as_str)).filter(|_| !is_there)
}
