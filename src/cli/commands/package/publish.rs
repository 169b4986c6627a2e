//! `wake pkg publish`: the package here becomes a version in an index.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::error::Result;
use crate::pkg::change::{self, Place, Yank};
use crate::report::ConsoleOptions;

pub(super) fn run(
    declarations: Declarations,
    place: Place<'_>,
    yank: Option<&Yank>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let shown = place.index.display();
    let told = super::packages(declarations, false, console, |context, subscriber| {
        let Some(yank) = yank else {
            let (label, published) = change::publish(context, place, subscriber)?;
            return Ok(match published.is_new {
                true => format!(
                    "Published `{label}` to `{shown}`: {} bytes, {}",
                    published.size, published.digest
                ),
                false => format!("`{label}` is in `{shown}` already, with the same content"),
            });
        };
        let (label, is_changed) = change::yank(context, place, yank)?;
        let state = match yank.is_yanked {
            true => "yanked",
            false => "not yanked",
        };
        Ok(match is_changed {
            true => format!("`{label}` is {state} in `{shown}` now"),
            false => format!("`{label}` was {state} in `{shown}` already"),
        })
    })?;
    super::say(console, &told);
    Ok(ExitCode::SUCCESS)
}
