//! `wake.getPkg`: from its arguments to what is asked for.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::rc::Rc;

use jrsonnet_evaluator::Val;
use serde_json::Value;

use super::module::{ExecValue, Executed};
use super::{Made, handle, made_of};
use crate::declare::model::{
    PackageInfo, PackageRequest, Permission, Program, RESOLVER, Source, Versions,
};
use crate::error::{Error, Location, suggestion};
use crate::jsonnet::error::raise;
use crate::jsonnet::execution;
use crate::jsonnet::functions::Call;
use crate::jsonnet::session::Evaluated;
use crate::pkg::requirement::Requirement;

/// What `versions` may be.
const VERSIONS: [(&str, Versions); 4] = [
    ("onePerMajor", Versions::OnePerMajor),
    ("one", Versions::One),
    ("onePerMinor", Versions::OnePerMinor),
    ("any", Versions::Any),
];

/// What `permissions` may hold.
const PERMISSIONS: [&str; 4] = ["network", "home", "defineGlobal", "env:NAME"];

/// How deep a request may nest as JSON. Whoever reads JSON gives up at 128, and a request is part of something larger.
const DEEPEST: usize = 100;

/// The largest `override`.
const HIGHEST_OVERRIDE: f64 = 100.0;

/// `wake.getPkg(…)`: a handle, at once.
pub(in crate::jsonnet) fn get_package(call: &Call<'_>) -> Evaluated<Val> {
    let wanted = wanted(call)?;
    let from = source(call, &wanted)?;
    let replace = call.flag(6)?;
    if replace && !matches!(from, Source::Path(_)) {
        return Err(call.fail(
            Error::user(
                "`replace` of `wake.getPkg` is only for a package that is asked for by path",
            )
            .hint("let `from` be the path of the package that answers all requests for the name"),
        ));
    }
    let request = PackageRequest {
        wanted,
        from,
        global: global(call)?,
        permissions: permissions(call)?,
        versions: versions(call)?,
        when: when(call)?,
        replace,
        is_host: false,
        at: call.at.clone(),
    };
    check_depth(&request).map_err(raise)?;
    handle::handle(call.scope, Rc::new(request))
}

/// Refuses a request that holds too many others: what asks and answers for it reads it by recursion.
pub(super) fn check_depth(request: &PackageRequest) -> Result<(), Error> {
    if depth(request) <= DEEPEST {
        return Ok(());
    }
    Err(Error::user(format!(
        "The request for `{}` is nested too deeply",
        request.label()
    ))
    .cause(
        "it comes from a retriever that comes from a retriever, and so on, or has a deep `config`",
    )
    .at_if_absent(request.at.as_ref()))
}

/// How deep the request nests when it is written as JSON.
fn depth(request: &PackageRequest) -> usize {
    match &request.from {
        Source::Path(_) | Source::Global => 2,
        Source::Of(outer, _) => 3 + depth(outer),
        Source::Retriever(exec) => {
            let program = match &exec.program {
                Program::Package(package) => 1 + depth(package),
                Program::Std(_) | Program::File(_) => 1,
            };
            3 + program.max(depth_of_value(&exec.config))
        }
    }
}

fn depth_of_value(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth_of_value).max().unwrap_or(0),
        Value::Object(fields) => 1 + fields.values().map(depth_of_value).max().unwrap_or(0),
        _ => 1,
    }
}

/// A request that says nothing but what and from where.
pub(in crate::jsonnet) fn plain(
    wanted: PackageInfo,
    from: Source,
    at: Option<Location>,
) -> PackageRequest {
    PackageRequest {
        wanted,
        from,
        global: None,
        permissions: Vec::new(),
        versions: None,
        when: BTreeMap::new(),
        replace: false,
        is_host: false,
        at,
    }
}

fn wanted(call: &Call<'_>) -> Evaluated<PackageInfo> {
    let given = call.needed(0)?;
    let (wanted, at) = match (&given, made_of(call.session(), &given)) {
        (_, Some(Made::Resolver)) => {
            return Ok(PackageInfo {
                name: RESOLVER.to_owned(),
                ..PackageInfo::default()
            });
        }
        (_, Some(Made::Info(info, at))) => (info, at),
        (Val::Str(text), _) => (PackageInfo::parse(&text.clone().into_flat()), None),
        _ => {
            let expected = "a string like `namespace/name@requirement` or a `wake.pkgInfo`";
            return Err(call.wrong("req", expected, &given));
        }
    };
    wanted
        .check_names()
        .and_then(|()| Requirement::of(wanted.version.as_deref()))
        .map_err(|error| call.fail(error.at_if_absent(at.as_ref())))?;
    Ok(wanted)
}

fn source(call: &Call<'_>, wanted: &PackageInfo) -> Evaluated<Source> {
    let Some(from) = call.value(1)? else {
        return Ok(Source::Global);
    };
    let is_resolver = wanted.namespace.is_none() && wanted.name == RESOLVER;
    match (&from, made_of(call.session(), &from)) {
        (_, Some(Made::Exec(exec))) => retriever(call, &exec),
        _ if is_resolver => Err(call.wrong("from", "a `wake.exec` or `null`", &from)),
        (Val::Str(path), _) => path_source(call, &path.clone().into_flat()),
        (_, Some(Made::Global)) => Ok(Source::Global),
        (_, made) => {
            let expected = "a relative path, `wake.GLOBAL` or a `wake.exec`";
            let is_program = matches!(made, Some(Made::Retriever(_) | Made::Request(_)));
            let error = call.wrong_error("from", expected, &from);
            let hint = is_program.then(|| "write `from=wake.exec(…)` around it".to_owned());
            Err(call.fail(error.hint_option(hint)))
        }
    }
}

fn path_source(call: &Call<'_>, path: &str) -> Evaluated<Source> {
    if path.is_empty() || Path::new(path).is_absolute() {
        return Err(call.fail(
            Error::user(format!("`from` of `wake.getPkg` is `{path}`"))
                .hint("write the path from this package's directory, like `../terminal`"),
        ));
    }
    Ok(Source::Path(path.to_owned()))
}

/// A package, or one of `wake.std`, that is executed to find and fetch packages.
fn retriever(call: &Call<'_>, exec: &ExecValue) -> Evaluated<Source> {
    let program = match &exec.program {
        Executed::Std(name) => Program::Std((*name).to_owned()),
        Executed::Package(request) => Program::Package(Box::new((**request).clone())),
        Executed::Path(path) => {
            return Err(call.fail(
                Error::user(format!("`from` of `wake.getPkg` executes the file `{path}`"))
                    .cause("a retriever is a package, so that it can be found, fetched and confined")
                    .hint("make a package with `exec=wake.exec(…)` of the file, ask for it in `pkgs`, and execute that"),
            ));
        }
    };
    let executed = execution::of_retriever(call.session(), exec, program)?;
    Ok(Source::Retriever(Box::new(executed)))
}

/// `null`, `false`, `true` or `{override: 1..100}`.
fn global(call: &Call<'_>) -> Evaluated<Option<u8>> {
    let Some(given) = call.value(2)? else {
        return Ok(None);
    };
    let object = match (&given, made_of(call.session(), &given)) {
        (Val::Bool(is_global), _) => return Ok(is_global.then_some(0)),
        (Val::Obj(object), None) => object,
        _ => return Err(call.wrong("global", "a boolean or `{override: 1..100}`", &given)),
    };
    if let Some(name) = object.fields().iter().find(|name| &***name != "override") {
        return Err(call.fail(
            Error::user(format!("`global` of `wake.getPkg` has no field `{name}`"))
                .hint_option(suggestion(name, ["override"])),
        ));
    }
    let value = object.get("override".into())?.unwrap_or_default();
    match value.as_num() {
        Some(number) if number.fract() == 0.0 && (1.0..=HIGHEST_OVERRIDE).contains(&number) => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "it is an integer from 1 to 100"
            )]
            Ok(Some(number as u8))
        }
        Some(number) => Err(call.fail(
            Error::user(format!(
                "`global.override` of `wake.getPkg` cannot be {number}"
            ))
            .hint("it is an integer from 1 to 100, the highest wins; `global=true` comes after all of them"),
        )),
        None => Err(call.wrong("global.override", "an integer from 1 to 100", &value)),
    }
}

fn permissions(call: &Call<'_>) -> Evaluated<Vec<Permission>> {
    let given = match call.value(3)? {
        None => return Ok(Vec::new()),
        Some(Val::Arr(_)) => call.texts(3)?,
        Some(other) => return Err(call.wrong("permissions", "a list of strings", &other)),
    };
    let permissions: Result<BTreeSet<Permission>, Error> =
        given.iter().map(|text| permission(text)).collect();
    let permissions = permissions.map_err(|error| call.fail(error))?;
    Ok(permissions.into_iter().collect())
}

fn permission(text: &str) -> Result<Permission, Error> {
    match (text, text.strip_prefix("env:")) {
        ("network", _) => Ok(Permission::Network),
        ("home", _) => Ok(Permission::Home),
        ("defineGlobal", _) => Ok(Permission::DefineGlobal),
        (_, Some(name)) if is_variable(name) => Ok(Permission::Environment(name.to_owned())),
        (_, Some(name)) => Err(Error::user(format!(
            "`{name}` cannot be the name of an environment variable"
        ))
        .hint("a permission to read one is written `env:NAME`")),
        _ => Err(Error::user(format!("There is no permission `{text}`"))
            .hint_option(suggestion(text, PERMISSIONS))),
    }
}

/// Whether an environment variable can have this name.
fn is_variable(name: &str) -> bool {
    !name.is_empty() && !name.contains(['=', '\0', ' ', '*'])
}

fn versions(call: &Call<'_>) -> Evaluated<Option<Versions>> {
    let Some(given) = call.text(4)? else {
        return Ok(None);
    };
    match VERSIONS.iter().find(|(name, _)| *name == given) {
        Some((_, versions)) => Ok(Some(*versions)),
        None => Err(call.fail(
            Error::user(format!("`versions` of `wake.getPkg` cannot be `{given}`"))
                .hint_option(suggestion(&given, VERSIONS.map(|(name, _)| name))),
        )),
    }
}

/// `{System: ['Linux'], Architecture: 'x86_64'}`: values sorted, none twice.
fn when(call: &Call<'_>) -> Evaluated<BTreeMap<String, Vec<String>>> {
    let Some(given) = call.value(5)? else {
        return Ok(BTreeMap::new());
    };
    let (Val::Obj(object), None) = (&given, made_of(call.session(), &given)) else {
        return Err(call.wrong("when", "an object of parameters", &given));
    };
    let mut when = BTreeMap::new();
    for (name, value) in object.iter() {
        let value = value?;
        let wrong = |value: &Val| {
            call.wrong(
                &format!("when.{name}"),
                "a string or a list of strings",
                value,
            )
        };
        let mut values = match &value {
            Val::Str(text) => vec![text.clone().into_flat().to_string()],
            Val::Arr(items) => (items.iter())
                .map(|item| {
                    let item = item?;
                    let text = item.as_str().ok_or_else(|| wrong(&item))?;
                    Ok(text.to_string())
                })
                .collect::<Evaluated<_>>()?,
            other => return Err(wrong(other)),
        };
        if values.is_empty() {
            return Err(call.fail(
                Error::user(format!("`when.{name}` of `wake.getPkg` is an empty list"))
                    .cause("so the package would never be fetched"),
            ));
        }
        values.sort();
        values.dedup();
        when.insert(name.to_string(), values);
    }
    Ok(when)
}
