//! From a module's function to its recipe or its `wake.module`, and what that depends on.

use std::rc::Rc;

use jrsonnet_evaluator::error::ErrorKind;
use jrsonnet_evaluator::function::FuncVal;
use jrsonnet_evaluator::{ObjValue, Val};
use serde_json::{Map, Value};

use super::declaration::{Declared, declared, object_of};
use super::error::{describe, raise};
use super::functions::wake_object;
use super::json::{to_json, to_value, type_name};
use super::knowledge::is_unresolved;
use super::library::module::{DependencyValue, ModuleValue, RecipeValue};
use super::library::package::{PackageValue, own};
use super::library::{Made, made_of};
use super::session::{Evaluated, Session, body_of_function, call};
use crate::declare::model::{Dependency, Module, ModuleBody, PackageDirectory, PackageRef};
use crate::error::{Error, Location, suggestion};

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
    let result = call(session, &function, &arguments)?;
    match made_of(session, &result) {
        Some(Made::Recipe(recipe)) => Ok(Body::Recipe(recipe)),
        Some(Made::Module(module)) => Ok(Body::Module(module)),
        _ => Err(raise(
            Error::user(format!(
                "The function of the module `{label}` must return a `wake.recipe` or a `wake.module`, not {}",
                type_name(session, &result)
            ))
            .at_if_absent(body_of_function(session, &function).as_ref()),
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
    // A hidden field is no module.
    let value = match modules.has_field(module.into()) {
        true => modules.get(module.into())?,
        false => None,
    };
    match value {
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

/// What the function of a module declares.
pub(super) fn module_of(
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
                shared_keys: Vec::new(),
                at: recipe.at.clone(),
            })
        }
        Body::Module(value) => Ok(Module {
            body: ModuleBody::Operation,
            dependencies: dependencies_of(session, &declared.package, &value)?,
            shared_keys: Vec::new(),
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
    let mut dependencies = recipe.dependencies.clone().unwrap_or_default();
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
    at: Option<&Location>,
) -> jrsonnet_evaluator::Error {
    if let ErrorKind::Other(other) = error.error_mut()
        && let Some(known) = other.downcast_ref::<Error>()
    {
        *other = Rc::new(anyhow::Error::new(known.clone().at_if_absent(at)));
    } else if error.trace().0.is_empty() && !is_unresolved(&error) {
        return raise(describe(error.error()).at_if_absent(at));
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
        Some(Val::Func(function)) => call(session, function, &[to_value(&session.given.config)])
            .and_then(|config| to_json(session, &config, "config")),
        Some(config) => to_json(session, config, "config"),
    };
    Ok(Dependency {
        kind: kind.to_owned(),
        key: key.map(ToOwned::to_owned),
        package: value.package.clone(),
        module: value.module.clone(),
        config: config.map_err(|error| place_at(error, value.at.as_ref()))?,
        language: None,
        at: value.at.clone(),
    })
}
