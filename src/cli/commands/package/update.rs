//! `wake pkg update`: newer versions than the lock has.

use std::process::ExitCode;

use semver::Version;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::pkg::change;
use crate::report::{self, ConsoleOptions, FirstError};

pub(super) fn run(
    declarations: Declarations,
    names: &[String],
    precise: Option<&Version>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), true);
    let is_changed = session.packages(&policy, |context| {
        change::update(context, names, precise, &mut subscribers)
    })?;
    session.close()?;
    if !is_changed {
        super::say(
            console,
            "Nothing to update: `wake.lock` has the newest versions that are admitted",
        );
    }
    Ok(ExitCode::SUCCESS)
}
