//! `wake pkg publish`: the package here becomes a version in an index.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::pkg::change::{self, Yank};
use crate::report::{self, ConsoleOptions, FirstError};

pub(super) fn run(
    declarations: Declarations,
    index: &Path,
    yank: Option<&Yank>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), false);
    let shown = index.display();
    let told = session.packages(&policy, |context| {
        let Some(yank) = yank else {
            let (label, published) = change::publish(context, index, &mut subscribers)?;
            return Ok(match published.is_new {
                true => format!(
                    "Published `{label}` to `{shown}`: {} bytes, {}",
                    published.size, published.digest
                ),
                false => format!("`{label}` is in `{shown}` already, with the same content"),
            });
        };
        let (label, is_changed) = change::yank(context, index, yank)?;
        let state = match yank.is_yanked {
            true => "yanked",
            false => "not yanked",
        };
        Ok(match is_changed {
            true => format!("`{label}` is {state} in `{shown}` now"),
            false => format!("`{label}` was {state} in `{shown}` already"),
        })
    })?;
    session.close()?;
    super::say(console, &told);
    Ok(ExitCode::SUCCESS)
}
