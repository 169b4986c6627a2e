//! `wake eval`: any jsonnet file, with the library path and the arguments that the command line gives.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::function::builtin::ParamName;
use jrsonnet_evaluator::function::{FuncVal, TlaArg};
use jrsonnet_evaluator::gc::GcHashMap;
use jrsonnet_evaluator::{IStr, Val, apply_tla};
use serde_json::Value;

use super::error::raise;
use super::functions::wake_object;
use super::import::{Owner, PackageFile};
use super::json::to_json;
use super::protocol::Argument;
use super::session::{Evaluated, Scope, Session, body_of_function};
use crate::declare::model::PackageDirectory;
use crate::error::{Error, near, suggestion};
use crate::fs;

/// The value of a file; a function is called with the top-level arguments, and with `wake` if it takes it.
pub(super) fn evaluate(
    session: &Rc<Session>,
    file: &Path,
    library_path: &[PathBuf],
    arguments: &[Argument],
) -> Evaluated<Value> {
    let display = fs::path::display(file, &session.given.top);
    session.work_on(&format!("`{display}`"));
    let path = file_of(file, &display).map_err(raise)?;
    let owner = Owner::Nobody(Rc::new(library_path.to_vec()));
    set_external(session, arguments)?;
    let value = session
        .state()?
        .import_resolved(PackageFile::source(path.clone(), owner))?;
    let value = match value {
        Val::Func(function) => call(session, function, &path, arguments)?,
        value => value,
    };
    to_json(session, &value, &display)
}

/// Where a file is that somebody named.
fn file_of(file: &Path, display: &str) -> Result<PathBuf, Error> {
    if fs::is_directory(file) {
        return Err(
            Error::user(format!("`{display}` is a directory")).hint("name a file of jsonnet")
        );
    }
    if !fs::exists(file) {
        let directory = file.parent().filter(|path| !path.as_os_str().is_empty());
        let names = fs::list_if_exists(directory.unwrap_or(Path::new(".")))?;
        let names = names.iter().filter_map(|(name, _)| name.to_str());
        let near = near(
            &file.file_name().unwrap_or_default().to_string_lossy(),
            names,
        );
        let hint = near.first().map(|name| format!("did you mean `{name}`?"));
        return Err(Error::user(format!("There is no file `{display}`")).hint_option(hint));
    }
    fs::canonicalize(file)
}

/// Defines the variables of `--ext-str` and `--ext-code`.
fn set_external(session: &Session, arguments: &[Argument]) -> Evaluated<()> {
    let state = session.state()?;
    let library = state.context_initializer().as_any();
    let Some(library) = library.downcast_ref::<jrsonnet_stdlib::ContextInitializer>() else {
        return Err(raise(Error::internal(
            "The standard library has no variables",
        )));
    };
    for argument in arguments.iter().filter(|argument| !argument.is_top_level) {
        let (name, value) = (argument.name.as_str(), argument.value.as_str());
        match argument.is_code {
            true => library.add_ext_code(name, value)?,
            false => library.add_ext_str(name.into(), value.into()),
        }
    }
    Ok(())
}

fn call(
    session: &Rc<Session>,
    function: FuncVal,
    path: &Path,
    arguments: &[Argument],
) -> Evaluated<Val> {
    let mut given: GcHashMap<IStr, TlaArg> = GcHashMap::new();
    for argument in arguments.iter().filter(|argument| argument.is_top_level) {
        let value = match argument.is_code {
            true => {
                let name = format!("<{}>", argument.name);
                TlaArg::Val(
                    session
                        .state()?
                        .evaluate_snippet(name, argument.value.as_str())?,
                )
            }
            false => TlaArg::String(argument.value.as_str().into()),
        };
        given.insert(argument.name.as_str().into(), value);
    }
    let takes_wake = (function.params().iter())
        .any(|parameter| parameter.name().as_str() == ParamName::new_static("wake").as_str());
    if takes_wake {
        let directory = path.parent().unwrap_or(Path::new("/")).to_owned();
        let package = PackageDirectory {
            directory,
            top: session.given.top.clone(),
            granted: None,
            place: None,
        };
        let wake = Val::Obj(wake_object(&Scope::new(session, &package)));
        given.insert("wake".into(), TlaArg::Val(wake));
    }
    check_arguments(&function, &given).map_err(|error| {
        raise(error.at_if_absent(body_of_function(session, &function).as_ref()))
    })?;
    apply_tla(session.state()?, &given, Val::Func(function))
}

/// Says of arguments what the library would say without a place.
fn check_arguments(function: &FuncVal, given: &GcHashMap<IStr, TlaArg>) -> Result<(), Error> {
    let parameters = function.params();
    let names = || (parameters.iter()).filter_map(|parameter| parameter.name().as_str());
    for name in given.keys() {
        if !names().any(|known| known == &**name) {
            return Err(Error::user(format!(
                "The function of the file has no parameter `{name}`"
            ))
            .hint_option(suggestion(name, names())));
        }
    }
    let missing = (parameters.iter())
        .filter(|parameter| !parameter.has_default())
        .filter_map(|parameter| parameter.name().as_str())
        .find(|name| !given.keys().any(|known| &**known == *name));
    match missing {
        Some(name) => Err(Error::user(format!(
            "Nothing is given for the parameter `{name}` of the function of the file"
        ))
        .hint("only `wake` is given by itself; `wake eval` gives others with `--tla-str` and `--tla-code`")),
        None => Ok(()),
    }
}
