//! Requests and their answers: what is evaluated of a package, and in which order.
//!
//! It knows nothing of processes. What tasks do is in [`super::tasks`], what a `wake.module` runs in
//! [`super::operation_module`].

use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::function::FuncVal;
use jrsonnet_evaluator::trace::PathResolver;
use jrsonnet_evaluator::{ObjValue, State, Thunk, Val};
use serde_json::{Map, Value};

use super::error::{raise, translate};
use super::functions::wake_object;
use super::import::{Imports, Owner, PackageFile};
use super::json::{to_json, to_value, type_name};
use super::library::module::{DependencyValue, ModuleValue, RecipeValue};
use super::library::package::{PackageValue, own, work_out};
use super::library::{Made, made_of, paths};
use super::protocol::{Answer, Outcome, Read, Request, Setup};
use super::session::{Evaluated, Given, Scope, Session, call};
use super::{operation_module, pattern, tasks};
use crate::declare::model::{
    Declaration, Dependency, Module, ModuleBody, PackageDirectory, PackageRef, PackageRequest,
    Parameters,
};
use crate::error::{Error, suggestion};
use crate::fs;

/// Evaluates one request. `working` hears what is being evaluated.
pub(super) fn evaluate(
    setup: &Rc<Setup>,
    request: &Request,
    working: Box<dyn Fn(&str)>,
) -> Outcome {
    let session = Session::new(given(setup, request), working);
    session.set_state(state(&session));
    let evaluated = answer(&session, request);
    let waiting = session.take_waiting();
    let result = match evaluated {
        Ok(answer) => Ok(answer),
        Err(_) if !waiting.is_empty() => Ok(Answer::Waiting(waiting)),
        Err(error) => Err(with_traced(&session, translate(&session, &error))),
    };
    session.end();
    Outcome {
        result,
        reads: session.take_reads(),
    }
}

fn given(setup: &Rc<Setup>, request: &Request) -> Given {
    let (top, parameters, config, answers) = match request {
        Request::Setup(_) => (PathBuf::new(), None, Value::Null, Vec::new()),
        Request::Declare { package } => (package.top.clone(), None, Value::Null, Vec::new()),
        Request::Exports { package, answers } => {
            (package.top.clone(), None, Value::Null, answers.clone())
        }
        Request::Module {
            package,
            config,
            parameters,
            answers,
            ..
        } => (
            package.top.clone(),
            Some(parameters.clone()),
            config.clone(),
            answers.clone(),
        ),
        Request::Generate(input) => (
            input.package.top.clone(),
            Some(input.parameters.clone()),
            input.config.clone(),
            input.answers.clone(),
        ),
        Request::Eval { top, .. } => (
            top.clone(),
            Some(Parameters::new()),
            Value::Null,
            Vec::new(),
        ),
    };
    Given {
        setup: Rc::clone(setup),
        top,
        parameters,
        config,
        answers,
    }
}

/// The library's state of a session.
fn state(session: &Rc<Session>) -> State {
    let library =
        jrsonnet_stdlib::ContextInitializer::new(PathResolver::Relative(session.given.top.clone()));
    library.settings_mut().trace_printer = Box::new(Tracer(Rc::clone(session)));
    let mut builder = State::builder();
    builder.import_resolver(Imports::new(session));
    builder.context_initializer(library);
    builder.build()
}

/// Keeps what `std.trace` says for the error message.
struct Tracer(Rc<Session>);

impl jrsonnet_stdlib::TracePrinter for Tracer {
    fn print_trace(
        &self,
        location: jrsonnet_evaluator::function::CallLocation<'_>,
        text: jrsonnet_evaluator::IStr,
    ) {
        let place = location.0.and_then(|span| self.0.locate(span));
        self.0.trace(match place {
            Some(place) => format!("{place}: {text}"),
            None => text.to_string(),
        });
    }
}

/// What `std.trace` said helps to understand an error.
fn with_traced(session: &Session, error: Error) -> Error {
    (session.take_traced().into_iter())
        .fold(error, |error, line| error.cause(format!("trace: {line}")))
}

fn answer(session: &Rc<Session>, request: &Request) -> Evaluated<Answer> {
    match request {
        Request::Setup(_) => Ok(Answer::Ready),
        Request::Declare { package } => declare(session, package).map(Answer::Declaration),
        Request::Exports { package, .. } => exports(session, package).map(Answer::Value),
        Request::Module {
            package, module, ..
        } => module_of(session, package, module).map(Answer::Module),
        Request::Generate(input) => match &input.body {
            ModuleBody::Recipe(properties) => tasks::generate(session, input, properties),
            ModuleBody::Operation => operation_module::generate(session, input),
        }
        .map(Answer::Generated),
        Request::Eval {
            file,
            library_path,
            arguments,
            ..
        } => super::script::evaluate(session, file, library_path, arguments).map(Answer::Value),
    }
}

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
    let result = call(&function, &[Val::Obj(wake_object(&scope))])?;
    match made_of(session, &result) {
        Some(Made::Package(value)) => Ok(Declared {
            scope,
            package: value,
        }),
        _ => Err(raise(Error::user(format!(
            "The function of `{display}` must return a `wake.pkg`, not {}",
            type_name(session, &result)
        )))),
    }
}

fn declare(session: &Rc<Session>, directory: &PackageDirectory) -> Evaluated<Declaration> {
    let Declared { scope, package } = declared(session, directory)?;
    let pkgs = requests(session, &package)?;
    let files = match &package.files {
        Some(files) => files_of(&scope, &package, files)?,
        None => None,
    };
    let is_plugin = match &package.plugin {
        Some(plugin) => !matches!(plugin.evaluate()?, Val::Null),
        None => false,
    };
    let modules = object_of(session, &package, "modules", package.modules.as_ref())?;
    Ok(Declaration {
        info: package.info.clone(),
        files,
        pkgs,
        modules: modules.fields().iter().map(ToString::to_string).collect(),
        is_plugin,
        at: package.at.clone(),
    })
}

/// An object argument of `wake.pkg`; an empty one where it is not given.
fn object_of(
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
        (object.fields().into_iter())
            .map(|key| Ok((key.to_string(), request(session, package, &object, &key)?)))
            .collect()
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
    let Declared { package, .. } = declared(session, directory)?;
    session.within_pkgs(|| {
        let pkgs = object_of(session, &package, "pkgs", package.pkgs.as_ref())?;
        if !pkgs.has_field_include_hidden(key.into()) {
            let keys = pkgs.fields();
            return Err(raise(
                Error::user(format!(
                    "`pkgs` of `{}` has no `{key}`",
                    package.info.label()
                ))
                .hint_option(suggestion(key, keys.iter().map(|key| &**key))),
            ));
        }
        request(session, &package, &pkgs, key)
    })
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
                    .cause("`files` of `wake.pkg` names it"),
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

/// Whether `text` names a file inside the package.
fn file_is_there(scope: &Scope, text: &str) -> Result<bool, Error> {
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
    if !pattern::is_pattern(text) || exists {
        scope.session.record(Read::Existence {
            path: path.clone(),
            exists,
        });
    }
    if exists && !fs::canonicalize(&path)?.starts_with(directory) {
        return Err(leaves());
    }
    Ok(exists)
}

fn exports(session: &Rc<Session>, directory: &PackageDirectory) -> Evaluated<Value> {
    let Declared { scope, package } = declared(session, directory)?;
    let label = package.info.label();
    session.work_on(&format!("`exports` of `{label}`"));
    let value = work_out(&scope, &package, "exports")?;
    to_json(session, &value, "exports")
}

/// What a module function returns.
pub(super) enum Body {
    Recipe(Rc<RecipeValue>),
    Module(Rc<ModuleValue>),
}

/// Calls the function of a module.
pub(super) fn body_of(session: &Rc<Session>, declared: &Declared, module: &str) -> Evaluated<Body> {
    let Declared { scope, package } = declared;
    let label = format!("{}:{module}", package.info.label());
    let modules = object_of(session, package, "modules", package.modules.as_ref())?;
    let function = module_function(session, package, &modules, module)?;
    session.work_on(&format!("the module `{label}`"));
    let arguments = [
        Val::Obj(wake_object(scope)),
        own(scope, package)?,
        to_value(&session.given.config),
    ];
    let result = call(&function, &arguments)?;
    match made_of(session, &result) {
        Some(Made::Recipe(recipe)) => Ok(Body::Recipe(recipe)),
        Some(Made::Module(module)) => Ok(Body::Module(module)),
        _ => Err(raise(
            Error::user(format!(
                "The function of the module `{label}` must return a `wake.recipe` or a `wake.module`, not {}",
                type_name(session, &result)
            ))
            .at_if_absent(package.at.as_ref()),
        )),
    }
}

fn module_function(
    session: &Session,
    package: &PackageValue,
    modules: &ObjValue,
    module: &str,
) -> Evaluated<FuncVal> {
    let label = package.info.label();
    match modules.get(module.into())? {
        Some(Val::Func(function)) => Ok(function),
        Some(other) => Err(raise(
            Error::user(format!(
                "The module `{module}` of `{label}` must be a function, not {}",
                type_name(session, &other)
            ))
            .hint(format!("write `{module}: function(wake, pkg, config) …`"))
            .at_if_absent(package.at.as_ref()),
        )),
        None => Err(raise(
            no_module(&label, modules, module).at_if_absent(package.at.as_ref()),
        )),
    }
}

fn no_module(label: &str, modules: &ObjValue, module: &str) -> Error {
    let names = modules.fields();
    Error::user(format!("`{label}` has no module `{module}`"))
        .hint_option(suggestion(module, names.iter().map(|name| &**name)))
}

fn module_of(
    session: &Rc<Session>,
    directory: &PackageDirectory,
    module: &str,
) -> Evaluated<Module> {
    let declared = declared(session, directory)?;
    match body_of(session, &declared, module)? {
        Body::Recipe(recipe) => {
            let (properties, dependencies) = recipe_of(session, &declared.package, &recipe)?;
            Ok(Module {
                body: ModuleBody::Recipe(properties),
                dependencies,
                at: recipe.at.clone(),
            })
        }
        Body::Module(value) => Ok(Module {
            body: ModuleBody::Operation,
            dependencies: dependencies_of(session, &declared.package, &value)?,
            at: value.at.clone(),
        }),
    }
}

/// The properties of a recipe but `Dependencies`, and those.
fn recipe_of(
    session: &Session,
    package: &PackageValue,
    recipe: &RecipeValue,
) -> Evaluated<(Value, Vec<Dependency>)> {
    let mut properties = Map::new();
    let mut dependencies = Vec::new();
    for (name, value) in recipe.properties.iter() {
        if &*name == "Dependencies" {
            dependencies = recipe_dependencies(session, package, recipe, &value?)?;
        } else {
            let value = value.and_then(|value| to_json(session, &value, &name));
            let value = value.map_err(|error| place_at(error, recipe.at.as_ref()))?;
            properties.insert(name.to_string(), value);
        }
    }
    Ok((Value::Object(properties), dependencies))
}

/// Gives wake's own errors a place where they have none.
pub(super) fn place_at(
    mut error: jrsonnet_evaluator::Error,
    at: Option<&crate::error::Location>,
) -> jrsonnet_evaluator::Error {
    use jrsonnet_evaluator::error::ErrorKind;
    if let ErrorKind::Other(other) = error.error_mut()
        && let Some(known) = other.downcast_ref::<Error>()
    {
        *other = Rc::new(anyhow::Error::new(known.clone().at_if_absent(at)));
    }
    error
}

fn recipe_dependencies(
    session: &Session,
    package: &PackageValue,
    recipe: &RecipeValue,
    given: &Val,
) -> Evaluated<Vec<Dependency>> {
    let wrong = |path: &str, expected: &str, value: &Val| {
        raise(
            Error::user(format!(
                "`{path}` must be {expected}, not {}",
                type_name(session, value)
            ))
            .at_if_absent(recipe.at.as_ref()),
        )
    };
    let Val::Obj(kinds) = given else {
        return Err(wrong("Dependencies", "an object of lists", given));
    };
    let mut dependencies = Vec::new();
    for (kind, list) in kinds.iter() {
        let list = list?;
        let path = format!("Dependencies.{kind}");
        let Val::Arr(items) = &list else {
            return Err(wrong(&path, "a list of `wake.getModule`", &list));
        };
        for (index, item) in items.iter().enumerate() {
            let item = item?;
            match made_of(session, &item) {
                Some(Made::Dependency(value)) => {
                    dependencies.push(dependency(session, package, &kind, None, &value)?);
                }
                _ => {
                    return Err(wrong(
                        &format!("{path}[{index}]"),
                        "a `wake.getModule`",
                        &item,
                    ));
                }
            }
        }
    }
    Ok(dependencies)
}

fn dependencies_of(
    session: &Session,
    package: &PackageValue,
    module: &ModuleValue,
) -> Evaluated<Vec<Dependency>> {
    let Some(modules) = &module.modules else {
        return Ok(Vec::new());
    };
    let mut dependencies = Vec::new();
    for (key, value) in modules.iter() {
        let value = value?;
        match made_of(session, &value) {
            Some(Made::Dependency(value)) => {
                dependencies.push(dependency(session, package, "Runtime", Some(&key), &value)?);
            }
            _ => {
                return Err(raise(
                    Error::user(format!(
                        "`modules.{key}` must be a `wake.getModule`, not {}",
                        type_name(session, &value)
                    ))
                    .at_if_absent(module.at.as_ref()),
                ));
            }
        }
    }
    Ok(dependencies)
}

fn dependency(
    session: &Session,
    package: &PackageValue,
    kind: &str,
    key: Option<&str>,
    value: &DependencyValue,
) -> Evaluated<Dependency> {
    if value.package == PackageRef::Own {
        let modules = object_of(session, package, "modules", package.modules.as_ref())?;
        if !modules.has_field(value.module.as_str().into()) {
            let error = no_module(&package.info.label(), &modules, &value.module);
            return Err(raise(error.at_if_absent(value.at.as_ref())));
        }
    }
    let config = match &value.config {
        None => Ok(Value::Object(Map::new())),
        Some(Val::Func(function)) => call(function, &[to_value(&session.given.config)])
            .and_then(|config| to_json(session, &config, "config")),
        Some(config) => to_json(session, config, "config"),
    };
    Ok(Dependency {
        kind: kind.to_owned(),
        key: key.map(ToOwned::to_owned),
        package: value.package.clone(),
        module: value.module.clone(),
        config: config.map_err(|error| place_at(error, value.at.as_ref()))?,
        at: value.at.clone(),
    })
}
