//! `wake pkg tree`: the packages as a tree, members first.

use std::process::ExitCode;

use crate::cli::options::{Declarations, TextFormat};
use crate::error::Result;
use crate::report::{self, ConsoleOptions, Verbosity, packages_tree};

pub(super) fn run(
    declarations: Declarations,
    format: TextFormat,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let overview = super::overview(declarations, console)?;
    let has_requirements = matches!(console.verbosity, Verbosity::Verbose(_));
    report::data(&match format {
        TextFormat::Text => packages_tree::tree(&overview, has_requirements),
        TextFormat::Json => super::json(&overview)?,
    })?;
    Ok(ExitCode::SUCCESS)
}
