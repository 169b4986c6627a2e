//! `wake pkg why`: who asks for a package, and by whom members come to it.

use std::process::ExitCode;

use crate::cli::options::{Declarations, TextFormat};
use crate::error::Result;
use crate::pkg::ways::Ways;
use crate::report::{self, ConsoleOptions, packages_why};

/// How many ways are told.
const MOST_WAYS: usize = 20;

pub(super) fn run(
    declarations: Declarations,
    name: &str,
    format: TextFormat,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let overview = super::overview(declarations, console)?;
    let named = overview.named(name)?.into_iter();
    let answers: Vec<(usize, Ways)> = named
        .map(|package| (package, overview.ways(package, MOST_WAYS)))
        .collect();
    report::data(&match format {
        TextFormat::Text => packages_why::text(&overview, &answers),
        TextFormat::Json => super::json(&packages_why::json(&overview, &answers))?,
    })?;
    Ok(ExitCode::SUCCESS)
}
