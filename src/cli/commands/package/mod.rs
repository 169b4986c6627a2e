//! `wake pkg …`: what people do with packages, one file for each command.

mod resolve;

use std::process::ExitCode;

use crate::cli::package_options::{Package, PackageCommand};
use crate::error::Result;
use crate::report::ConsoleOptions;

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
        _ => Ok(ExitCode::SUCCESS),
    }
}
