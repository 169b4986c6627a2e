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
use super::session::{Evaluated, Scope, Session};
use crate::declare::model::PackageDirectory;
use crate::error::Error;
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
    let path = fs::canonicalize(file).map_err(raise)?;
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
    apply_tla(session.state()?, &given, Val::Func(function))
}
