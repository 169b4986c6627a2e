//! `wake pkg remove`: a package less in the `PKG` here.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::pkg::change;
use crate::report::{self, ConsoleOptions, FirstError};

pub(super) fn run(
    declarations: Declarations,
    name: &str,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), false);
    let removed = session.packages(&policy, |context| {
        change::remove(context, name, &mut subscribers)
    })?;
    session.close()?;
    let (key, file) = (&removed.key, &removed.file);
    let what = match removed.label {
        Some(label) if label != *key => format!("`{key}` (`{label}`)"),
        _ => format!("`{key}`"),
    };
    super::say(console, &format!("Removed {what} from `{file}`"));
    Ok(ExitCode::SUCCESS)
}
