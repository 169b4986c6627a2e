//! `wake pkg add`: a package more in the `PKG` here.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::pkg::change::{self, Addition};
use crate::report::{self, ConsoleOptions, FirstError};

pub(super) fn run(
    declarations: Declarations,
    addition: &Addition<'_>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), false);
    let added = session.packages(&policy, |context| {
        change::add(context, addition, &mut subscribers)
    })?;
    session.close()?;
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
