//! From a `PKG` to what it declares: identity, files, `pkgs`, names of modules, what it executes.
//!
//! It knows nothing of what modules are: see [`super::module`].

use std::path::Path;
use std::rc::Rc;

use jrsonnet_evaluator::{ObjValue, Thunk, Val};

use super::error::raise;
use super::execution;
use super::functions::wake_object;
use super::import::{Owner, PackageFile};
use super::json::type_name;
use super::knowledge::is_unresolved;
use super::library::package::PackageValue;
use super::library::{Made, made_of, paths};
use super::pattern;
use super::protocol::Read;
use super::session::{Evaluated, Scope, Session, body_of_function, call};
use super::static_imports;
use crate::declare::model::{Declaration, DeclaredPlugin, PackageDirectory, PackageRequest};
use crate::error::{Error, suggestion};
use crate::fs;

/// The result of a package's `PKG`.
pub(super) struct Declared {
    pub(super) scope: Rc<Scope>,
    pub(super) package: Rc<PackageValue>,
}

/// Evaluates `PKG` up to its `wake.pkg`, anew each time: what failed once for want of a package would fail for ever.
pub(super) fn declared(session: &Rc<Session>, package: &PackageDirectory) -> Evaluated<Declared> {
    let scope = Scope::new(session, package);
    let file = package.directory.join("PKG");
    let display = scope.display(&file);
    session.work_on(&format!("`{display}`"));
    let source = PackageFile::source(file.clone(), Owner::Package(Rc::clone(&scope.package)));
    if !fs::is_file(&file) {
        session.read_file(&file).map_err(raise)?;
        return Err(raise(Error::user(format!("There is no `{display}`"))));
    }
    let found = fs::canonicalize(&file).map_err(raise)?;
    if !found.starts_with(&package.directory) {
        return Err(raise(Error::user(format!(
            "`{display}` is a link that leaves its directory"
        ))));
    }
    let function = match session.state()?.import_resolved(source)? {
        Val::Func(function) => function,
        other => {
            return Err(raise(
                Error::user(format!(
                    "`{display}` must be a function, not {}",
                    type_name(session, &other)
                ))
                .hint("begin it with `function(wake)`"),
            ));
        }
    };
    let result = call(session, &function, &[Val::Obj(wake_object(&scope))])?;
    match made_of(session, &result) {
        Some(Made::Package(value)) => Ok(Declared {
            scope,
            package: value,
        }),
        _ => Err(raise(
            Error::user(format!(
                "The function of `{display}` must return a `wake.pkg`, not {}",
                type_name(session, &result)
            ))
            .at_if_absent(body_of_function(session, &function).as_ref()),
        )),
    }
}

/// What a package declares.
pub(super) fn declare(
    session: &Rc<Session>,
    directory: &PackageDirectory,
) -> Evaluated<Declaration> {
    let Declared { scope, package } = declared(session, directory)?;
    let mut gathered = Gathered::default();
    let pkgs = gathered.add(requests(session, &package))?;
    let files = match &package.files {
        Some(files) => gathered.add(files_of(&scope, &package, files))?,
        None => None,
    };
    let is_plugin = match &package.plugin {
        Some(plugin) => {
            let value = plugin.evaluate();
            gathered.add(value.map(|value| !matches!(value, Val::Null)))?
        }
        None => false,
    };
    session.work_on(&format!("`exec` of `{}`", package.info.label()));
    let exec = gathered.add(execution::of_package(&scope, &package))?;
    let modules = object_of(session, &package, "modules", package.modules.as_ref());
    let modules = modules.map(|modules| modules.fields().iter().map(ToString::to_string).collect());
    let modules = gathered.add(modules)?;
    gathered.end()?;
    Ok(Declaration {
        info: package.info.clone(),
        language: None,
        files,
        pkgs,
        modules,
        plugin: is_plugin.then_some(DeclaredPlugin::Pkg),
        exec,
        imports: static_imports::of_package(&scope).map_err(raise)?,
        at: package.at.clone(),
    })
}

/// Lets an evaluation go on after something that waits for a package, so that all that is waited for is known at once.
#[derive(Default)]
struct Gathered {
    unresolved: Option<jrsonnet_evaluator::Error>,
}

impl Gathered {
    /// The value; a default where it waits for a package. Other errors stay.
    fn add<T: Default>(&mut self, value: Evaluated<T>) -> Evaluated<T> {
        match value {
            Err(error) if is_unresolved(&error) => {
                self.unresolved.get_or_insert(error);
                Ok(T::default())
            }
            value => value,
        }
    }

    /// Ends the evaluation if something waits.
    fn end(self) -> Evaluated<()> {
        self.unresolved.map_or(Ok(()), Err)
    }
}

/// An object argument of `wake.pkg`; an empty one where it is not given.
pub(super) fn object_of(
    session: &Session,
    package: &PackageValue,
    name: &str,
    given: Option<&Thunk<Val>>,
) -> Evaluated<ObjValue> {
    match given.map_or(Ok(Val::Null), Thunk::evaluate)? {
        Val::Null => Ok(ObjValue::new_empty()),
        Val::Obj(object) if made_of(session, &Val::Obj(object.clone())).is_none() => Ok(object),
        other => Err(raise(
            Error::user(format!(
                "`{name}` of `wake.pkg` must be an object, not {}",
                type_name(session, &other)
            ))
            .at_if_absent(package.at.as_ref()),
        )),
    }
}

/// The visible fields of `pkgs`.
fn requests(
    session: &Rc<Session>,
    package: &PackageValue,
) -> Evaluated<Vec<(String, PackageRequest)>> {
    session.within_pkgs(|| {
        let object = object_of(session, package, "pkgs", package.pkgs.as_ref())?;
        let mut gathered = Gathered::default();
        let mut requests = Vec::new();
        for key in object.fields() {
            let asked = request(session, package, &object, &key).map(Some);
            let asked = gathered.add(asked)?;
            requests.extend(asked.map(|asked| (key.to_string(), asked)));
        }
        gathered.end().map(|()| requests)
    })
}

fn request(
    session: &Session,
    package: &PackageValue,
    pkgs: &ObjValue,
    key: &str,
) -> Evaluated<PackageRequest> {
    session.work_on(&format!("`pkgs.{key}` of `{}`", package.info.label()));
    let value = pkgs.get(key.into())?.unwrap_or_default();
    match made_of(session, &value) {
        Some(Made::Request(request)) => Ok((*request).clone()),
        _ => Err(raise(
            Error::user(format!(
                "`pkgs.{key}` must be a `wake.getPkg`, not {}",
                type_name(session, &value)
            ))
            .at_if_absent(package.at.as_ref()),
        )),
    }
}

/// What a package asks for as `pkgs.<key>`: for imports.
pub(super) fn request_of(
    session: &Rc<Session>,
    directory: &PackageDirectory,
    key: &str,
) -> Evaluated<PackageRequest> {
    session.for_import(&directory.directory, || {
        let Declared { package, .. } = declared(session, directory)?;
        session.within_pkgs(|| request_by_key(session, &package, key))
    })
}

fn request_by_key(
    session: &Session,
    package: &PackageValue,
    key: &str,
) -> Evaluated<PackageRequest> {
    let pkgs = object_of(session, package, "pkgs", package.pkgs.as_ref())?;
    if !pkgs.has_field_include_hidden(key.into()) {
        let keys = pkgs.fields();
        let label = package.info.label();
        return Err(raise(
            Error::user(format!("`pkgs` of `{label}` has no `{key}`"))
                .hint_option(suggestion(key, keys.iter().map(|key| &**key))),
        ));
    }
    request(session, package, &pkgs, key)
}

/// `files`: paths and patterns, or the list that `wake.dir` made.
fn files_of(
    scope: &Rc<Scope>,
    package: &PackageValue,
    files: &Thunk<Val>,
) -> Evaluated<Option<Vec<String>>> {
    let fail = |error: Error| raise(error.at_if_absent(package.at.as_ref()));
    let wrong = |value: &Val| {
        let found = type_name(&scope.session, value);
        fail(Error::user(format!(
            "`files` of `wake.pkg` must be a list of paths and patterns, not {found}"
        )))
    };
    let items = match files.evaluate()? {
        Val::Null => return Ok(None),
        Val::Arr(items) => items,
        other => return Err(wrong(&other)),
    };
    let mut names = Vec::new();
    let mut patterns = Vec::new();
    for item in items.iter() {
        let item = item?;
        let Some(text) = item.as_str() else {
            return Err(wrong(&item));
        };
        // A file may be called `[a].c`: what is there is a file, what is not is a pattern.
        let is_there = file_is_there(scope, &text).map_err(fail)?;
        match is_there {
            true => names.push(fs::path::clean(Path::new(&*text)).display().to_string()),
            false if pattern::is_pattern(&text) => patterns.push(text.to_string()),
            false => {
                return Err(fail(
                    Error::user(format!(
                        "There is no file `{text}` in `{}`",
                        package.info.label()
                    ))
                    .cause("`files` of `wake.pkg` names it")
                    .hint_option(hint_for_directory(scope, &text)),
                ));
            }
        }
    }
    if !patterns.is_empty() {
        names.extend(paths::list(scope, patterns, Vec::new()).map_err(fail)?);
    }
    names.sort();
    names.dedup();
    Ok(Some(names))
}

/// How to name what is in a directory.
fn hint_for_directory(scope: &Scope, text: &str) -> Option<String> {
    let text = text.trim_end_matches('/');
    let is_directory = fs::is_directory(&scope.package.directory.join(text));
    is_directory.then(|| format!("for all files of the directory write `{text}/**`"))
}

/// Whether `text` names a file inside the package.
pub(super) fn file_is_there(scope: &Scope, text: &str) -> Result<bool, Error> {
    let directory = &scope.package.directory;
    let path = fs::path::clean(&directory.join(text));
    let leaves = || {
        Error::user(format!("`{text}` leaves the package"))
            .hint("a package names only files of its own directory")
    };
    if !path.starts_with(directory) {
        return Err(leaves());
    }
    let exists = fs::is_file(&path);
    scope.session.record(Read::Existence {
        path: path.clone(),
        exists,
    });
    if exists && !fs::canonicalize(&path)?.starts_with(directory) {
        return Err(leaves());
    }
    Ok(exists)
}
