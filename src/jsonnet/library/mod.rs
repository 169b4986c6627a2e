//! What the functions of `wake` make: values that jsonnet passes around and wake recognises.
//!
//! Such a value is an object whose hidden field [`TAG`] is a number: the place of what was made in the session. So a
//! value that stands in the wrong place can be named, and nothing that jsonnet code writes by hand passes for one.

mod handle;
pub(super) mod message;
pub(super) mod module;
pub(super) mod operation;
pub(super) mod package;
pub(super) mod paths;
pub(super) mod request;

use std::rc::Rc;

use jrsonnet_evaluator::val::ThunkValue;
use jrsonnet_evaluator::{ObjValueBuilder, Thunk, Val};
use jrsonnet_gcmodule::Trace;

use super::error::raise;
use super::json::to_value;
use super::protocol::OperationSpec;
use super::session::{Evaluated, Scope, Session};
use crate::declare::model::{PackageInfo, PackageRequest};
use crate::error::{Error, Location};
use crate::event::Level;

/// The hidden field that marks what wake made.
const TAG: &str = "$wake";

/// The names of `wake.std`.
const RETRIEVERS: [&str; 6] = ["index", "git", "archive", "crates", "npm", "pypi"];

/// Something that a function of `wake` made.
#[derive(Clone)]
pub(super) enum Made {
    Info(PackageInfo, Option<Location>),
    Package(Rc<package::PackageValue>),
    /// The `pkg` that a package's own functions get.
    Own,
    Request(Rc<PackageRequest>),
    Module(Rc<module::ModuleValue>),
    Recipe(Rc<module::RecipeValue>),
    Dependency(Rc<module::DependencyValue>),
    Exec(Rc<module::ExecValue>),
    File(Rc<module::FileValue>),
    Operation(Rc<OperationSpec>),
    Message(Level, String, Option<Location>),
    Global,
    /// `wake.resolver`.
    Resolver,
    /// One of `wake.std`.
    Retriever(&'static str),
}

impl Made {
    /// What it is, for messages.
    pub(super) fn article(&self) -> String {
        match self {
            Self::Info(..) => "a `wake.pkgInfo`",
            Self::Package(_) => "a `wake.pkg`",
            Self::Own => "the package itself (`pkg`)",
            Self::Request(_) => "a package (`wake.getPkg`)",
            Self::Module(_) => "a `wake.module`",
            Self::Recipe(_) => "a `wake.recipe`",
            Self::Dependency(_) => "a module (`wake.getModule`)",
            Self::Exec(_) => "a `wake.exec`",
            Self::File(_) => "a file (`wake.file`)",
            Self::Operation(_) => "an operation",
            Self::Message(..) => "a message",
            Self::Global => "`wake.GLOBAL`",
            Self::Resolver => "`wake.resolver`",
            Self::Retriever(_) => "a retriever of `wake.std`",
        }
        .to_owned()
    }
}

/// The builder of a value that stands for `made`.
pub(super) fn tagged(session: &Session, made: Made) -> ObjValueBuilder {
    let mut builder = ObjValueBuilder::with_capacity(8);
    let number = session.keep(made);
    // There are never as many values as a double has exact integers.
    let number = Val::try_num(number).unwrap_or_default();
    builder.field(TAG).hide().value(number);
    builder
}

/// The value that stands for `made` and shows nothing of it.
pub(super) fn opaque(session: &Session, made: Made) -> Val {
    Val::Obj(tagged(session, made).build())
}

/// What a value stands for, if wake made it.
pub(super) fn made_of(session: &Session, value: &Val) -> Option<Made> {
    let Val::Obj(object) = value else {
        return None;
    };
    if !object.has_field_include_hidden(TAG.into()) {
        return None;
    }
    let number = object.get(TAG.into()).ok()??.as_num()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a forged number finds nothing or anything, and harms nobody"
    )]
    session.made(number as usize)
}

/// A field whose value is worked out when it is read.
#[derive(Trace)]
struct Late {
    #[trace(skip)]
    compute: Box<dyn FnOnce() -> Evaluated<Val>>,
}

impl ThunkValue for Late {
    type Output = Val;

    fn get(self: Box<Self>) -> Evaluated<Val> {
        (self.compute)()
    }
}

/// A value that is worked out when it is read.
pub(super) fn late(compute: impl FnOnce() -> Evaluated<Val> + 'static) -> Thunk<Val> {
    Thunk::new(Late {
        compute: Box::new(compute),
    })
}

/// `wake.GLOBAL`, `wake.resolver` and `wake.std`.
pub(super) fn constants(scope: &Rc<Scope>) -> [(&'static str, Val); 3] {
    let session = &scope.session;
    let mut retrievers = ObjValueBuilder::with_capacity(RETRIEVERS.len());
    for name in RETRIEVERS {
        retrievers
            .field(name)
            .value(opaque(session, Made::Retriever(name)));
    }
    [
        ("GLOBAL", opaque(session, Made::Global)),
        ("resolver", opaque(session, Made::Resolver)),
        ("std", Val::Obj(retrievers.build())),
    ]
}

/// `wake.parameters` and `wake.host`: what is the same for a whole evaluation, but not to be read everywhere.
pub(super) fn readings(scope: &Rc<Scope>) -> [(&'static str, Thunk<Val>); 2] {
    let (for_parameters, for_host) = (Rc::clone(&scope.session), Rc::clone(&scope.session));
    [
        ("parameters", late(move || parameters(&for_parameters))),
        ("host", late(move || host(&for_host))),
    ]
}

fn parameters(session: &Session) -> Evaluated<Val> {
    session.forbid_in_pkgs("wake.parameters")?;
    let Some(parameters) = &session.given.parameters else {
        return Err(raise(
            Error::user("`wake.parameters` cannot be read here")
                .cause("a package is declared once, for all parameters")
                .hint("read it inside a function of `modules`"),
        ));
    };
    let mut builder = ObjValueBuilder::with_capacity(parameters.len());
    for (name, value) in parameters {
        builder.field(name.as_str()).value(to_value(value));
    }
    Ok(Val::Obj(builder.build()))
}

fn host(session: &Session) -> Evaluated<Val> {
    session.forbid_in_pkgs("wake.host")?;
    Ok(host_value(session))
}

/// `wake.host` and `ctx.host`.
pub(super) fn host_value(session: &Session) -> Val {
    let host = &session.given.setup.host;
    let mut builder = ObjValueBuilder::with_capacity(4);
    builder.field("kernel").value(host.kernel.as_str());
    builder
        .field("distribution")
        .value(host.distribution.as_str());
    builder.field("codename").value(host.codename.as_str());
    builder
        .field("architecture")
        .value(host.architecture.as_str());
    Val::Obj(builder.build())
}
