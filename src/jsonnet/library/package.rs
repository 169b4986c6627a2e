//! `wake.pkgInfo`, `wake.pkg`, `wake.getPkg`, and the `pkg` that functions of a package get.

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use jrsonnet_evaluator::{Thunk, Val};

use super::{Made, late, made_of, opaque, tagged};
use crate::declare::model::{PackageInfo, PackageRequest, Source};
use crate::error::{Error, Location, suggestion};
use crate::jsonnet::error::raise;
use crate::jsonnet::functions::{Call, wake_object};
use crate::jsonnet::json::{to_value, type_name};
use crate::jsonnet::protocol::Answered;
use crate::jsonnet::session::{Evaluated, Scope, Session, call};

/// What `versions` of `wake.getPkg` may be.
const VERSIONS: [&str; 4] = ["onePerMajor", "one", "onePerMinor", "any"];

/// What `wake.pkg` declares; nothing but the identity is evaluated yet.
pub(in crate::jsonnet) struct PackageValue {
    pub(in crate::jsonnet) info: PackageInfo,
    pub(in crate::jsonnet) files: Option<Thunk<Val>>,
    pub(in crate::jsonnet) pkgs: Option<Thunk<Val>>,
    pub(in crate::jsonnet) modules: Option<Thunk<Val>>,
    pub(in crate::jsonnet) inputs: Option<Thunk<Val>>,
    pub(in crate::jsonnet) exports: Option<Thunk<Val>>,
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
    check_names(&info).map_err(|error| call.fail(error))?;
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
        semver::Version::parse(version).map_err(|error| {
            raise(
                Error::user(format!("`{version}` is not a version"))
                    .cause(error.to_string())
                    .hint("a package has a version like `1.2.3`")
                    .at_if_absent(at.as_ref()),
            )
        })?;
    }
    let package = PackageValue {
        info,
        files: call.lazy(1),
        pkgs: call.lazy(2),
        modules: call.lazy(3),
        inputs: call.lazy(4),
        exports: call.lazy(5),
        plugin: call.lazy(7),
        at: call.at.clone(),
    };
    Ok(opaque(call.session(), Made::Package(Rc::new(package))))
}

/// `wake.getPkg(…)`: a handle, at once.
pub(in crate::jsonnet) fn get_package(call: &Call<'_>) -> Evaluated<Val> {
    if let Some(versions) = call
        .text(4)?
        .filter(|versions| !VERSIONS.contains(&versions.as_str()))
    {
        return Err(call.fail(
            Error::user(format!(
                "`versions` of `wake.getPkg` cannot be `{versions}`"
            ))
            .hint_option(suggestion(&versions, VERSIONS)),
        ));
    }
    let request = Rc::new(PackageRequest {
        wanted: wanted(call)?,
        from: source(call)?,
        global: None,
        permissions: Vec::new(),
        versions: None,
        when: BTreeMap::new(),
        replace: false,
        at: call.at.clone(),
    });
    let session = call.session();
    let mut builder = tagged(session, Made::Request(Rc::clone(&request)));
    for name in [
        "name",
        "version",
        "namespace",
        "exports",
        "pkgs",
        "inputs",
        "modules",
    ] {
        let (session, request) = (Rc::clone(session), Rc::clone(&request));
        builder
            .field(name)
            .hide()
            .try_thunk(late(move || read_of_other(&session, &request, name)))?;
    }
    Ok(Val::Obj(builder.build()))
}

/// What is read of a handle; a package that is not there yet ends the evaluation.
fn read_of_other(session: &Session, request: &PackageRequest, field: &str) -> Evaluated<Val> {
    if matches!(field, "pkgs" | "inputs" | "modules") {
        return Err(raise(
            Error::user(format!(
                "`{field}` of `{}` cannot be read by another package",
                request.wanted.label()
            ))
            .hint("a package shows others its `exports`"),
        ));
    }
    let Some(Answered { info, exports, .. }) = session.answer(request, field == "exports") else {
        return Err(raise(Error::user(format!(
            "`{}` is not resolved yet",
            request.wanted.label()
        ))));
    };
    Ok(match field {
        "name" => Val::string(info.name.as_str()),
        "version" => text_or_null(info.version.clone()),
        "namespace" => text_or_null(info.namespace.clone()),
        _ => exports.as_ref().map(to_value).unwrap_or_default(),
    })
}

fn wanted(call: &Call<'_>) -> Evaluated<PackageInfo> {
    let given = call.needed(0)?;
    let (wanted, at) = match (&given, made_of(call.session(), &given)) {
        (_, Some(Made::Info(info, at))) => (info, at),
        (Val::Str(text), _) => (parse_request(&text.clone().into_flat()), None),
        _ => {
            let expected = "a string like `namespace/name@requirement` or a `wake.pkgInfo`";
            return Err(call.wrong("req", expected, &given));
        }
    };
    check_names(&wanted)
        .and_then(|()| check_requirement(&wanted))
        .map_err(|error| call.fail(error.at_if_absent(at.as_ref())))?;
    Ok(wanted)
}

/// `namespace/name@requirement`, all but the name optional.
fn parse_request(text: &str) -> PackageInfo {
    let (label, version) = match text.split_once('@') {
        Some((label, version)) => (label, Some(version.trim().to_owned())),
        None => (text, None),
    };
    let (namespace, name) = match label.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name),
        None => (None, label),
    };
    PackageInfo {
        name: name.to_owned(),
        namespace,
        version,
    }
}

fn check_names(info: &PackageInfo) -> Result<(), Error> {
    let named = [
        ("name", Some(&info.name)),
        ("namespace", info.namespace.as_ref()),
    ];
    for (what, name) in named {
        if let Some(name) = name.filter(|name| !is_name(name)) {
            return Err(Error::user(format!("`{name}` cannot be the {what} of a package")).hint(
                "a name has letters, digits, `.`, `_`, `+` and `-`, and begins with a letter or a digit",
            ));
        }
    }
    Ok(())
}

fn is_name(name: &str) -> bool {
    name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._+-".contains(character))
}

fn check_requirement(wanted: &PackageInfo) -> Result<(), Error> {
    let Some(requirement) = &wanted.version else {
        return Ok(());
    };
    match semver::VersionReq::parse(requirement) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::user(format!("`{requirement}` is not a requirement"))
            .cause(error.to_string())
            .hint("write `^1.2`, `>=2, <4`, `=1.2.3`, …")),
    }
}

fn source(call: &Call<'_>) -> Evaluated<Source> {
    let Some(from) = call.value(1)? else {
        return Ok(Source::Global);
    };
    if let Val::Str(path) = &from {
        let path = path.clone().into_flat();
        if path.is_empty() || Path::new(&*path).is_absolute() {
            return Err(call.fail(
                Error::user(format!("`from` of `wake.getPkg` is `{path}`"))
                    .hint("write the path from this package's directory, like `../terminal`"),
            ));
        }
        return Ok(Source::Path(path.to_string()));
    }
    match made_of(call.session(), &from) {
        Some(Made::Global) => Ok(Source::Global),
        _ => Err(call.wrong(
            "from",
            "a relative path, `wake.GLOBAL` or a `wake.exec`",
            &from,
        )),
    }
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

fn text_or_null(text: Option<String>) -> Val {
    text.map_or(Val::Null, Val::from)
}
