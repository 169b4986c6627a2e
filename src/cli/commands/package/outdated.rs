//! `wake pkg outdated`: the packages of which there are newer versions.

use std::process::ExitCode;

use crate::cli::options::{Declarations, TextFormat};
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::pkg::outdated::Outdated;
use crate::report::{self, ConsoleOptions, FirstError, Verbosity, packages_table};

pub(super) fn run(
    declarations: Declarations,
    format: TextFormat,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let found = find(declarations, console)?;
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

fn find(declarations: Declarations, console: ConsoleOptions) -> Result<Vec<Outdated>> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), false);
    let found = session.outdated(&policy, &mut subscribers)?;
    session.close()?;
    Ok(found)
}
