//! `wake pkg verify`: whether the packages on disk are what the lock says.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::error::{Error, Kind, Result};
use crate::pkg::change::{self, Verified};
use crate::report::ConsoleOptions;
use crate::report::text::count;

pub(super) fn run(
    declarations: Declarations,
    repairs: bool,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let verified = super::packages(declarations, true, console, |context, subscriber| {
        change::verify(context, repairs, subscriber)
    })?;
    if verified.damaged.is_empty() {
        let packages = count(verified.packages, "package");
        super::say(console, &format!("Verified {packages}: all as locked"));
        return Ok(ExitCode::SUCCESS);
    }
    if !verified.is_repaired {
        return Err(damaged(&verified));
    }
    let differences = verified.differences().map(|line| format!("\n  {line}"));
    super::say(
        console,
        &format!("Repaired:{}", differences.collect::<String>()),
    );
    Ok(ExitCode::SUCCESS)
}

fn damaged(verified: &Verified) -> Error {
    let error = Error::new(Kind::Failed, "What is on disk is not what `wake.lock` says");
    verified
        .differences()
        .fold(error, Error::cause)
        .hint("`wake pkg verify`, without `--no-repair` and `--offline`, fetches it again")
}
