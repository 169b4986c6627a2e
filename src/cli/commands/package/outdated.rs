//! `wake pkg outdated`: the packages of which there are newer versions.

use std::process::ExitCode;

use crate::cli::options::{Declarations, TextFormat};
use crate::error::Result;
use crate::pkg::outdated::outdated;
use crate::report::{self, ConsoleOptions, Verbosity, packages_table};

pub(super) fn run(
    declarations: Declarations,
    format: TextFormat,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let found = super::packages(declarations, false, console, outdated)?;
    match format {
        TextFormat::Json => {
            report::data(&super::json(&packages_table::outdated_json(&found))?)?;
        }
        TextFormat::Text if found.is_empty() => {
            if console.verbosity != Verbosity::Quiet {
                report::say("No package has a newer version\n");
            }
        }
        TextFormat::Text => report::data(&packages_table::outdated(&found))?,
    }
    Ok(ExitCode::SUCCESS)
}
