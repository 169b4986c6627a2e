//! From a `wake.exec` to the plain data of what is executed: arguments, `config` as JSON, `env` as text (DESIGN §2.1).
//!
//! It knows nothing of who executes it, and when.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use jrsonnet_evaluator::{ObjValue, Val};
use serde_json::Value;

use super::declaration::{file_is_there, object_of};
use super::error::raise;
use super::json::{to_json, type_name};
use super::library::module::{ExecValue, Executed, FileValue};
use super::library::package::PackageValue;
use super::library::{Made, made_of};
use super::module::place_at;
use super::session::{Evaluated, Scope, Session};
use crate::declare::model::{Exec, Program};
use crate::error::{Error, suggestion};
use crate::fs;

/// The longest value of an environment variable, in bytes.
const LONGEST_VARIABLE: usize = 4096;

/// What the path of a `wake.file` is where it stands in `env`.
type PlaceFile<'a> = dyn Fn(&FileValue) -> Result<String, Error> + 'a;

/// What a retriever is executed with.
pub(super) fn of_retriever(
    session: &Session,
    exec: &ExecValue,
    program: Program,
) -> Evaluated<Exec> {
    let place = |file: &FileValue| {
        Err(Error::user(format!(
            "`{}` is a file of this package: a retriever cannot read it",
            file.path
        ))
        .hint("give its content in `config`, with `importstr`"))
    };
    executed(session, exec, program, &place).map_err(|error| place_at(error, exec.at.as_ref()))
}

/// `exec` of `wake.pkg`: what runs when the package itself is executed.
pub(super) fn of_package(scope: &Rc<Scope>, package: &PackageValue) -> Evaluated<Option<Exec>> {
    let session = &scope.session;
    let value = match &package.exec {
        Some(exec) => exec.evaluate()?,
        None => Val::Null,
    };
    let exec = match (&value, made_of(session, &value)) {
        (Val::Null, _) => return Ok(None),
        (_, Some(Made::Exec(exec))) => exec,
        _ => {
            return Err(raise(
                Error::user(format!(
                    "`exec` of `wake.pkg` must be a `wake.exec`, not {}",
                    type_name(session, &value)
                ))
                .hint("write `exec=wake.exec('./main.py')`")
                .at_if_absent(package.at.as_ref()),
            ));
        }
    };
    let place = |file: &FileValue| match (&file.from, file.is_dump) {
        (None, false) => own_file(scope, package, &file.path),
        _ => Err(Error::user(format!(
            "`wake.file('{}', from=…)` has no place here",
            file.path
        ))
        .cause("a package that is executed is nothing but its files")),
    };
    program(scope, package, &exec)
        .and_then(|program| executed(session, &exec, program, &place))
        .map(Some)
        .map_err(|error| place_at(error, exec.at.as_ref()))
}

fn program(scope: &Rc<Scope>, package: &PackageValue, exec: &ExecValue) -> Evaluated<Program> {
    let path = match &exec.program {
        Executed::Std(name) => return Ok(Program::Std((*name).to_owned())),
        Executed::Package(request) => {
            return Ok(Program::Package(Box::new((**request).clone())));
        }
        Executed::Path(path) => path,
    };
    let Some(rest) = path.strip_prefix("pkgs/") else {
        return own_file(scope, package, path)
            .map(Program::File)
            .map_err(raise);
    };
    let cleaned = fs::path::clean(Path::new(rest));
    let parts = cleaned.to_str().and_then(|path| path.split_once('/'));
    let Some((key, _)) = parts.filter(|(key, _)| *key != "..") else {
        return Err(raise(
            Error::user(format!("`exec` of `wake.pkg` cannot be `{path}`"))
                .hint("write `pkgs/<key>/<path>` for a file of a package in `pkgs`"),
        ));
    };
    check_key(&scope.session, package, key)?;
    Ok(Program::File(format!("pkgs/{}", cleaned.display())))
}

/// What is executed must be fetched: a visible field of `pkgs`.
fn check_key(session: &Session, package: &PackageValue, key: &str) -> Evaluated<()> {
    let pkgs = object_of(session, package, "pkgs", package.pkgs.as_ref())?;
    if pkgs.has_field(key.into()) {
        return Ok(());
    }
    let label = package.info.label();
    if pkgs.has_field_include_hidden(key.into()) {
        return Err(raise(
            Error::user(format!("`pkgs.{key}` of `{label}` is hidden"))
                .cause("what is executed must be locked and fetched")
                .hint(format!("write `{key}:` instead of `{key}::`")),
        ));
    }
    let keys = pkgs.fields();
    Err(raise(
        Error::user(format!("`pkgs` of `{label}` has no `{key}`"))
            .hint_option(suggestion(key, keys.iter().map(|key| &**key))),
    ))
}

/// A file of the package, relative to its directory.
fn own_file(scope: &Rc<Scope>, package: &PackageValue, path: &str) -> Result<String, Error> {
    if !file_is_there(scope, path)? {
        return Err(Error::user(format!(
            "There is no file `{path}` in `{}`",
            package.info.label()
        ))
        .hint("`exec` of `wake.pkg` is a file of the package, `pkgs/<key>/<path>` or a package"));
    }
    Ok(fs::path::clean(Path::new(path)).display().to_string())
}

fn executed(
    session: &Session,
    exec: &ExecValue,
    program: Program,
    place: &PlaceFile<'_>,
) -> Evaluated<Exec> {
    if let Some(argument) = (exec.arguments.iter()).find(|argument| argument.contains('\0')) {
        return Err(raise(Error::user(format!(
            "The argument `{}` holds a zero byte",
            argument.escape_default()
        ))));
    }
    Ok(Exec {
        program,
        config: config(session, exec)?,
        args: exec.arguments.clone(),
        env: environment(session, exec.environment.as_ref(), place)?,
    })
}

/// `config` as JSON, `null` if there is none.
pub(super) fn config(session: &Session, exec: &ExecValue) -> Evaluated<Value> {
    match &exec.config {
        Some(config) => to_json(session, &config.evaluate()?, "config"),
        None => Ok(Value::Null),
    }
}

/// A file becomes its path, an integer its decimal string, a list of strings is joined by spaces.
pub(super) fn environment(
    session: &Session,
    given: Option<&ObjValue>,
    place: &PlaceFile<'_>,
) -> Evaluated<BTreeMap<String, String>> {
    let mut environment = BTreeMap::new();
    let Some(given) = given else {
        return Ok(environment);
    };
    for (name, value) in given.iter() {
        if name.is_empty() || name.contains(['=', '\0']) {
            return Err(raise(Error::user(format!(
                "`{}` cannot be the name of an environment variable",
                name.escape_default()
            ))));
        }
        let text = variable(session, &name, &value?, place)?;
        if text.len() > LONGEST_VARIABLE {
            return Err(raise(Error::user(format!(
                "`env.{name}` is longer than {LONGEST_VARIABLE} bytes"
            ))));
        }
        if text.contains('\0') {
            return Err(raise(Error::user(format!(
                "`env.{name}` holds a zero byte"
            ))));
        }
        environment.insert(name.to_string(), text);
    }
    Ok(environment)
}

fn variable(
    session: &Session,
    name: &str,
    value: &Val,
    place: &PlaceFile<'_>,
) -> Evaluated<String> {
    if let Some(Made::File(file)) = made_of(session, value) {
        return place(&file).map_err(raise);
    }
    let wrong = || {
        raise(Error::user(format!(
            "`env.{name}` must be a file, an integer, a string or a list of strings, not {}",
            type_name(session, value)
        )))
    };
    if let Val::Obj(_) | Val::Func(_) = value {
        return Err(wrong());
    }
    match to_json(session, value, &format!("env.{name}"))? {
        Value::String(text) => Ok(text),
        Value::Number(number) if number.is_i64() => Ok(number.to_string()),
        Value::Array(items) => {
            let texts: Option<Vec<&str>> = items.iter().map(Value::as_str).collect();
            texts.map(|texts| texts.join(" ")).ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}
