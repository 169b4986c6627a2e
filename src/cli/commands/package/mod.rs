//! `wake pkg …`: what people do with packages, one file for each command.

mod add;
mod list;
mod outdated;
mod publish;
mod remove;
mod resolve;
mod tree;
mod update;
mod vendor;
mod verify;
mod why;

use std::process::ExitCode;

use serde::Serialize;

use crate::cli::options::Declarations;
use crate::cli::package_options::{Package, PackageCommand};
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::{Error, Result};
use crate::event::Subscriber;
use crate::pkg::change::{Addition, Place};
use crate::pkg::overview::Overview;
use crate::pkg::resolution::{self, Context};
use crate::report::{self, ConsoleOptions, FirstError, Verbosity};

pub(super) fn run(options: &Package, console: ConsoleOptions) -> Result<ExitCode> {
    let declarations = options.declarations;
    match &options.command {
        PackageCommand::Resolve {
            is_lock_only,
            events,
            parameters,
        } => resolve::run(
            declarations,
            *is_lock_only,
            events.as_deref(),
            parameters,
            console,
        ),
        PackageCommand::Tree(format) => tree::run(declarations, *format, console),
        PackageCommand::Why { name, format } => why::run(declarations, name, *format, console),
        PackageCommand::List(format) => list::run(declarations, *format, console),
        PackageCommand::Outdated(format) => outdated::run(declarations, *format, console),
        PackageCommand::Add {
            request,
            from,
            key,
            kind,
        } => {
            let addition = Addition {
                request,
                from: from.as_deref(),
                key: key.as_deref(),
                kind: kind.as_deref(),
            };
            add::run(declarations, &addition, console)
        }
        PackageCommand::Remove { name, kind } => {
            remove::run(declarations, name, kind.as_deref(), console)
        }
        PackageCommand::Update { names, precise } => {
            update::run(declarations, names, precise.as_ref(), console)
        }
        PackageCommand::Verify { repairs } => verify::run(declarations, *repairs, console),
        PackageCommand::Vendor { directory } => vendor::run(declarations, directory, console),
        PackageCommand::Publish {
            index,
            namespace,
            yank,
        } => {
            let place = Place {
                index,
                namespace: namespace.as_deref(),
            };
            publish::run(declarations, place, yank.as_ref(), console)
        }
    }
}

/// Opens the workspace, does something with its packages, and closes it.
fn packages<T>(
    declarations: Declarations,
    fetches_all: bool,
    console: ConsoleOptions,
    work: impl FnOnce(&Context<'_>, &mut dyn Subscriber) -> Result<T>,
) -> Result<T> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), fetches_all);
    let done = session.packages(&policy, |context| work(context, &mut subscribers))?;
    session.close()?;
    Ok(done)
}

/// The packages of the workspace, for commands that only tell of them: nothing is fetched that is not needed to find
/// them.
fn overview(declarations: Declarations, console: ConsoleOptions) -> Result<Overview> {
    packages(declarations, false, console, resolution::resolve)
}

/// One document.
fn json(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| {
        Error::internal("Packages cannot be written as JSON").cause(error.to_string())
    })?;
    Ok(text + "\n")
}

/// Says what was done, unless nobody wants to know.
fn say(console: ConsoleOptions, text: &str) {
    if console.verbosity != Verbosity::Quiet {
        report::say(&format!("{text}\n"));
    }
}
