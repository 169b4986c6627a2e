//! `wake pkg list`: the packages as a table.

use std::process::ExitCode;

use crate::cli::options::{Declarations, TextFormat};
use crate::error::Result;
use crate::report::{self, ConsoleOptions, packages_table};

pub(super) fn run(
    declarations: Declarations,
    format: TextFormat,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let overview = super::overview(declarations, console)?;
    report::data(&match format {
        TextFormat::Text => packages_table::list(&overview),
        TextFormat::Json => super::json(&overview)?,
    })?;
    Ok(ExitCode::SUCCESS)
}
