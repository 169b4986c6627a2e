//! `wake.pkgInfo`, `wake.pkg`, and the `pkg` that functions of a package get.

use std::rc::Rc;

use jrsonnet_evaluator::{Thunk, Val};

use super::{Made, late, made_of, opaque, tagged};
use crate::declare::model::{PackageInfo, version_of};
use crate::error::{Error, Location};
use crate::jsonnet::error::raise;
use crate::jsonnet::functions::{Call, wake_object};
use crate::jsonnet::json::{to_value, type_name};
use crate::jsonnet::session::{Evaluated, Scope, call};

/// What `wake.pkg` declares; nothing but the identity is evaluated yet.
pub(in crate::jsonnet) struct PackageValue {
    pub(in crate::jsonnet) info: PackageInfo,
    pub(in crate::jsonnet) files: Option<Thunk<Val>>,
    pub(in crate::jsonnet) pkgs: Option<Thunk<Val>>,
    pub(in crate::jsonnet) modules: Option<Thunk<Val>>,
    pub(in crate::jsonnet) inputs: Option<Thunk<Val>>,
    pub(in crate::jsonnet) exports: Option<Thunk<Val>>,
    pub(in crate::jsonnet) exec: Option<Thunk<Val>>,
    pub(in crate::jsonnet) plugin: Option<Thunk<Val>>,
    pub(in crate::jsonnet) at: Option<Location>,
}

/// `wake.pkgInfo(name, version, namespace)`. Whether the version is one or a requirement shows when it is used.
pub(in crate::jsonnet) fn package_info(call: &Call<'_>) -> Evaluated<Val> {
    let info = PackageInfo {
        name: call.needed_text(0)?,
        version: call.text(1)?,
        namespace: call.text(2)?,
    };
    info.check_names().map_err(|error| call.fail(error))?;
    let mut builder = tagged(call.session(), Made::Info(info.clone(), call.at.clone()));
    builder.field("name").value(info.name);
    builder.field("version").value(text_or_null(info.version));
    builder
        .field("namespace")
        .value(text_or_null(info.namespace));
    Ok(Val::Obj(builder.build()))
}

/// `wake.pkg(…)`.
pub(in crate::jsonnet) fn package(call: &Call<'_>) -> Evaluated<Val> {
    let given = call.needed(0)?;
    let Some(Made::Info(info, at)) = made_of(call.session(), &given) else {
        return Err(call.wrong("pkgInfo", "a `wake.pkgInfo`", &given));
    };
    if let Some(version) = &info.version {
        version_of(version).map_err(|why| {
            raise(
                Error::user(format!("`{version}` is not a version"))
                    .cause(why)
                    .hint("a package has a version like `1.2.3`")
                    .at_if_absent(at.as_ref()),
            )
        })?;
    }
    let directory = &call.scope.package.directory;
    call.session().given.knowledge.identify(directory, &info);
    let package = PackageValue {
        info,
        files: call.lazy(1),
        pkgs: call.lazy(2),
        modules: call.lazy(3),
        inputs: call.lazy(4),
        exports: call.lazy(5),
        exec: call.lazy(6),
        plugin: call.lazy(7),
        at: call.at.clone(),
    };
    Ok(opaque(call.session(), Made::Package(Rc::new(package))))
}

/// The `pkg` argument of the functions of a package.
pub(in crate::jsonnet) fn own(scope: &Rc<Scope>, package: &Rc<PackageValue>) -> Evaluated<Val> {
    let mut builder = tagged(&scope.session, Made::Own);
    builder
        .field("name")
        .hide()
        .value(package.info.name.as_str());
    builder
        .field("version")
        .hide()
        .value(text_or_null(package.info.version.clone()));
    builder
        .field("namespace")
        .hide()
        .value(text_or_null(package.info.namespace.clone()));
    for (name, field) in [("pkgs", &package.pkgs), ("modules", &package.modules)] {
        let field = field.clone();
        let object = late(move || match field {
            Some(field) => field.evaluate(),
            None => Ok(to_value(&serde_json::json!({}))),
        });
        builder.field(name).hide().try_thunk(object)?;
    }
    for name in ["inputs", "exports"] {
        let (scope, package) = (Rc::clone(scope), Rc::clone(package));
        builder
            .field(name)
            .hide()
            .try_thunk(late(move || work_out(&scope, &package, name)))?;
    }
    Ok(Val::Obj(builder.build()))
}

/// The value of `inputs` or `exports`.
pub(in crate::jsonnet) fn work_out(
    scope: &Rc<Scope>,
    package: &Rc<PackageValue>,
    name: &str,
) -> Evaluated<Val> {
    let given = match name {
        "inputs" => &package.inputs,
        _ => &package.exports,
    };
    let value = given.as_ref().map_or(Ok(Val::Null), Thunk::evaluate)?;
    match value {
        Val::Null => Ok(Val::Null),
        Val::Func(function) => {
            let wake = Val::Obj(wake_object(scope));
            call(&scope.session, &function, &[wake, own(scope, package)?])
        }
        other => Err(raise(
            Error::user(format!(
                "`{name}` of `wake.pkg` must be a function, not {}",
                type_name(&scope.session, &other)
            ))
            .hint(format!("write `{name}=function(wake, pkg) …`"))
            .at_if_absent(package.at.as_ref()),
        )),
    }
}

pub(super) fn text_or_null(text: Option<String>) -> Val {
    text.map_or(Val::Null, Val::from)
}
