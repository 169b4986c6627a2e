//! `wake pkg resolve`: brings the lock and `.wake/pkgs/` up to date.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::report::{self, ConsoleOptions, FirstError};

pub(super) fn run(
    declarations: Declarations,
    is_lock_only: bool,
    events: Option<&Path>,
    parameters: &Parameters,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let files = FirstError::default();
    let mut subscribers = report::subscribers(console, events, &files)?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(parameters, !is_lock_only);
    session.resolve(&policy, &mut subscribers)?;
    session.close()?;
    files.check()?;
    Ok(ExitCode::SUCCESS)
}
