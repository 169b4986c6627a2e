//! The handle that `wake.getPkg` returns: what a package sees of another one, as far as that is known.
//!
//! What is not known yet ends the evaluation; it begins anew when it is.

use std::rc::Rc;

use jrsonnet_evaluator::{ObjValueBuilder, Val};

use super::package::text_or_null;
use super::request::{check_depth, plain};
use super::{Made, late, tagged};
use crate::declare::model::{PackageRequest, Source};
use crate::error::Error;
use crate::jsonnet::error::raise;
use crate::jsonnet::json::to_value;
use crate::jsonnet::protocol::Answered;
use crate::jsonnet::session::{Evaluated, Scope};

/// The fields of a handle; the last two are there to be refused with a hint.
const FIELDS: [&str; 7] = [
    "name",
    "version",
    "namespace",
    "exports",
    "pkgs",
    "inputs",
    "modules",
];

/// The value that stands for a package that the scope's package asks for.
pub(super) fn handle(scope: &Rc<Scope>, request: Rc<PackageRequest>) -> Evaluated<Val> {
    let mut builder = tagged(&scope.session, Made::Request(Rc::clone(&request)));
    for name in FIELDS {
        let (scope, request) = (Rc::clone(scope), Rc::clone(&request));
        builder
            .field(name)
            .hide()
            .try_thunk(late(move || read(&scope, &request, name)))?;
    }
    Ok(Val::Obj(builder.build()))
}

fn read(scope: &Rc<Scope>, request: &Rc<PackageRequest>, field: &str) -> Evaluated<Val> {
    if matches!(field, "inputs" | "modules") {
        return Err(raise(
            Error::user(format!(
                "`{field}` of `{}` cannot be read by another package",
                request.label()
            ))
            .hint("a package shows others its `exports`"),
        ));
    }
    let asking = &scope.package.directory;
    let answered = (scope.session.given.knowledge).answer(asking, request, field == "exports")?;
    let Answered { info, exports, .. } = answered;
    Ok(match field {
        "name" => Val::string(info.name.as_str()),
        "version" => text_or_null(info.version.clone()),
        "namespace" => text_or_null(info.namespace.clone()),
        "pkgs" => pkgs(scope, request, answered)?,
        _ => exports.as_ref().map(to_value).unwrap_or_default(),
    })
}

/// What the package itself asks for: a handle for each.
fn pkgs(scope: &Rc<Scope>, outer: &PackageRequest, answered: &Answered) -> Evaluated<Val> {
    let mut builder = ObjValueBuilder::with_capacity(answered.pkgs.len());
    for (key, request) in &answered.pkgs {
        let from = Source::Of(Box::new(outer.clone()), key.clone());
        let mut inner = plain(request.wanted.clone(), from, outer.at.clone());
        inner.when.clone_from(&request.when);
        check_depth(&inner).map_err(raise)?;
        let inner = Rc::new(inner);
        builder.field(key.as_str()).value(handle(scope, inner)?);
    }
    Ok(Val::Obj(builder.build()))
}
