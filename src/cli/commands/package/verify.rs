//! `wake pkg verify`: whether the packages on disk are what the lock says.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::{Error, Kind, Result};
use crate::pkg::change::{self, Verified};
use crate::report::text::count;
use crate::report::{self, ConsoleOptions, FirstError};

pub(super) fn run(
    declarations: Declarations,
    repairs: bool,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), true);
    let verified = session.packages(&policy, |context| {
        change::verify(context, repairs, &mut subscribers)
    })?;
    session.close()?;
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
