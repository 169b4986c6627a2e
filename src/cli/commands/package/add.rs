//! `wake pkg add`: a package more in the declaration here.

use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::error::Result;
use crate::pkg::change::{self, Addition};
use crate::pkg::edit;
use crate::report::ConsoleOptions;

pub(super) fn run(
    declarations: Declarations,
    addition: &Addition<'_>,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let added = super::packages(declarations, false, console, |context, subscriber| {
        change::add(context, addition, subscriber)
    })?;
    let file = &added.file;
    let text = match (&added.kind, &added.version) {
        (Some(kind), _) => format!("Added `{}` to `{kind}` of `{file}`", added.key),
        (None, Some(version)) => {
            let label = &added.label;
            format!("Added `{label}@{version}` to `{file}` as `{}`", added.key)
        }
        (None, None) => format!("Added `{}` to `{file}` as `{}`", added.label, added.key),
    };
    super::say(console, &text);
    if added.kind.is_none() {
        let handle = edit::handle(&added.key);
        super::say(
            console,
            &format!("A module depends on it with `wake.getModule({handle})`"),
        );
    }
    Ok(ExitCode::SUCCESS)
}
