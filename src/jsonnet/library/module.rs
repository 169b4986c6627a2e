//! `wake.module`, `wake.recipe`, `wake.getModule`, `wake.exec` and `wake.file`: they only keep what they are given.

use std::rc::Rc;

use jrsonnet_evaluator::function::FuncVal;
use jrsonnet_evaluator::{ObjValue, Thunk, Val};

use super::{Made, made_of, opaque};
use crate::declare::model::{Dependency, PackageRef, PackageRequest};
use crate::declare::recipe::from_file;
use crate::error::{Error, Location};
use crate::jsonnet::functions::Call;
use crate::jsonnet::json::to_value;
use crate::jsonnet::session::Evaluated;

/// A `wake.module`.
pub(in crate::jsonnet) struct ModuleValue {
    pub(in crate::jsonnet) modules: Option<ObjValue>,
    pub(in crate::jsonnet) files: Option<FuncVal>,
    pub(in crate::jsonnet) outputs: Option<FuncVal>,
    pub(in crate::jsonnet) exec: Option<FuncVal>,
    pub(in crate::jsonnet) at: Option<Location>,
}

/// A `wake.recipe`.
pub(in crate::jsonnet) struct RecipeValue {
    pub(in crate::jsonnet) properties: ObjValue,
    /// What it depends on, where it was read from a file. `properties` has no `Dependencies` then.
    pub(in crate::jsonnet) dependencies: Option<Vec<Dependency>>,
    pub(in crate::jsonnet) at: Option<Location>,
}

/// A `wake.getModule`.
pub(in crate::jsonnet) struct DependencyValue {
    pub(in crate::jsonnet) package: PackageRef,
    pub(in crate::jsonnet) module: String,
    /// JSON, or a function of the parent's config.
    pub(in crate::jsonnet) config: Option<Val>,
    pub(in crate::jsonnet) at: Option<Location>,
}

/// A `wake.exec`.
pub(in crate::jsonnet) struct ExecValue {
    pub(in crate::jsonnet) program: Executed,
    pub(in crate::jsonnet) config: Option<Thunk<Val>>,
    pub(in crate::jsonnet) arguments: Vec<String>,
    pub(in crate::jsonnet) environment: Option<ObjValue>,
    pub(in crate::jsonnet) at: Option<Location>,
}

/// The first argument of `wake.exec`.
pub(in crate::jsonnet) enum Executed {
    /// A path or a name.
    Path(String),
    Package(Rc<PackageRequest>),
    /// One of `wake.std`.
    Std(&'static str),
}

/// A `wake.file`.
pub(in crate::jsonnet) struct FileValue {
    pub(in crate::jsonnet) path: String,
    pub(in crate::jsonnet) from: Option<Thunk<Val>>,
    /// Whether the content is the JSON of `from`.
    pub(in crate::jsonnet) is_dump: bool,
    pub(in crate::jsonnet) at: Option<Location>,
}

pub(in crate::jsonnet) fn module(call: &Call<'_>) -> Evaluated<Val> {
    let function =
        |index| -> Evaluated<_> { Ok(call.value(index)?.and_then(|value| value.as_func())) };
    let module = ModuleValue {
        modules: call.value(0)?.and_then(|value| value.as_obj()),
        files: function(1)?,
        outputs: function(2)?,
        exec: function(3)?,
        at: call.at.clone(),
    };
    Ok(opaque(call.session(), Made::Module(Rc::new(module))))
}

pub(in crate::jsonnet) fn recipe(call: &Call<'_>) -> Evaluated<Val> {
    let given = call.needed(0)?;
    if let Val::Str(path) = &given {
        return recipe_of_file(call, &path.clone().into_flat());
    }
    let (Val::Obj(properties), None) = (&given, made_of(call.session(), &given)) else {
        return Err(call.wrong("properties", "an object", &given));
    };
    let recipe = RecipeValue {
        properties: properties.clone(),
        dependencies: None,
        at: call.at.clone(),
    };
    Ok(opaque(call.session(), Made::Recipe(Rc::new(recipe))))
}

/// The recipe in a file of the package.
fn recipe_of_file(call: &Call<'_>, path: &str) -> Evaluated<Val> {
    let (read, reads) = from_file(&call.scope.package, path);
    for read in reads {
        call.session().record(read);
    }
    let read = read.map_err(|error| call.fail(error))?;
    let properties = to_value(&serde_json::Value::Object(read.properties));
    let Val::Obj(properties) = properties else {
        return Err(call.fail(Error::internal("A table is no object")));
    };
    let recipe = RecipeValue {
        properties,
        dependencies: Some(read.dependencies),
        at: call.at.clone(),
    };
    Ok(opaque(call.session(), Made::Recipe(Rc::new(recipe))))
}

pub(in crate::jsonnet) fn get_module(call: &Call<'_>) -> Evaluated<Val> {
    let given = call.needed(0)?;
    let package = match made_of(call.session(), &given) {
        Some(Made::Own) => PackageRef::Own,
        Some(Made::Request(request)) => PackageRef::Requested((*request).clone()),
        _ => {
            let expected = "`pkg` or a package of `pkg.pkgs`";
            return Err(call.wrong("pkg", expected, &given));
        }
    };
    let dependency = DependencyValue {
        package,
        module: call.text(1)?.unwrap_or_else(|| "root".to_owned()),
        config: call.value(2)?,
        at: call.at.clone(),
    };
    Ok(opaque(
        call.session(),
        Made::Dependency(Rc::new(dependency)),
    ))
}

pub(in crate::jsonnet) fn exec(call: &Call<'_>) -> Evaluated<Val> {
    let given = call.needed(0)?;
    let program = match (&given, made_of(call.session(), &given)) {
        (Val::Str(path), _) => Executed::Path(path.clone().into_flat().to_string()),
        (_, Some(Made::Request(request))) => Executed::Package(request),
        (_, Some(Made::Retriever(name))) => Executed::Std(name),
        _ => return Err(call.wrong("path", "a path, a name or a package", &given)),
    };
    let exec = ExecValue {
        program,
        config: call.lazy(1),
        arguments: call.texts(2)?,
        environment: call.value(3)?.and_then(|value| value.as_obj()),
        at: call.at.clone(),
    };
    Ok(opaque(call.session(), Made::Exec(Rc::new(exec))))
}

pub(in crate::jsonnet) fn file(call: &Call<'_>) -> Evaluated<Val> {
    let file = FileValue {
        path: call.needed_text(0)?,
        from: call.lazy(1),
        is_dump: call.flag(2)?,
        at: call.at.clone(),
    };
    Ok(opaque(call.session(), Made::File(Rc::new(file))))
}
