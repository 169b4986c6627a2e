//! `wake pkg update`: newer versions than the lock has.

use std::process::ExitCode;

use semver::Version;

use crate::cli::options::Declarations;
use crate::error::Result;
use crate::pkg::change;
use crate::report::ConsoleOptions;

pub(super) fn run(
    declarations: Declarations,
    names: &[String],
    precise: Option<&Version>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let is_changed = super::packages(declarations, true, console, |context, subscriber| {
        change::update(context, names, precise, subscriber)
    })?;
    if !is_changed {
        super::say(
            console,
            "Nothing to update: `wake.lock` has the newest versions that are admitted",
        );
    }
    Ok(ExitCode::SUCCESS)
}
