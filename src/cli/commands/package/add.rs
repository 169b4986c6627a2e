//! `wake pkg add`: a package more in the `PKG` here.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::error::Result;
use crate::pkg::change::{self, Addition};
use crate::report::ConsoleOptions;

pub(super) fn run(
    declarations: Declarations,
    addition: &Addition<'_>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let added = super::packages(declarations, false, console, |context, subscriber| {
        change::add(context, addition, subscriber)
    })?;
    let label = match &added.version {
        Some(version) => format!("{}@{version}", added.label),
        None => added.label,
    };
    super::say(
        console,
        &format!("Added `{label}` to `{}` as `{}`", added.file, added.key),
    );
    Ok(ExitCode::SUCCESS)
}
