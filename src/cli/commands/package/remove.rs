//! `wake pkg remove`: a package less in the declaration here.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::error::Result;
use crate::pkg::change;
use crate::report::ConsoleOptions;

pub(super) fn run(
    declarations: Declarations,
    name: &str,
    kind: Option<&str>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let removed = super::packages(declarations, false, console, |context, subscriber| {
        change::remove(context, name, kind, subscriber)
    })?;
    let (key, file) = (&removed.key, &removed.file);
    let what = match removed.label {
        Some(label) if label != *key => format!("`{key}` (`{label}`)"),
        _ => format!("`{key}`"),
    };
    super::say(console, &format!("Removed {what} from `{file}`"));
    Ok(ExitCode::SUCCESS)
}
