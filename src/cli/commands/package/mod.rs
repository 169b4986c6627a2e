//! `wake pkg …`: what people do with packages, one file for each command.

mod add;
mod publish;
mod remove;
mod resolve;
mod update;
mod vendor;
mod verify;

use std::process::ExitCode;

use crate::cli::package_options::{Package, PackageCommand};
use crate::error::Result;
use crate::pkg::change::Addition;
use crate::report::{self, ConsoleOptions, Verbosity};

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
        PackageCommand::Add { request, from, key } => {
            let addition = Addition {
                request,
                from: from.as_deref(),
                key: key.as_deref(),
            };
            add::run(declarations, &addition, console)
        }
        PackageCommand::Remove { name } => remove::run(declarations, name, console),
        PackageCommand::Update { names, precise } => {
            update::run(declarations, names, precise.as_ref(), console)
        }
        PackageCommand::Verify { repairs } => verify::run(declarations, *repairs, console),
        PackageCommand::Vendor { directory } => vendor::run(declarations, directory, console),
        PackageCommand::Publish { index, yank } => {
            publish::run(declarations, index, yank.as_ref(), console)
        }
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Says what was done, unless nobody wants to know.
fn say(console: ConsoleOptions, text: &str) {
    if console.verbosity != Verbosity::Quiet {
        report::say(&format!("{text}\n"));
    }
}
