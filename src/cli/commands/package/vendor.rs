//! `wake pkg vendor`: copies of all packages in the workspace.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::error::Result;
use crate::event::Event;
use crate::pkg::change::{self, Carried};
use crate::report::ConsoleOptions;
use crate::report::text::count;

pub(super) fn run(
    declarations: Declarations,
    directory: &Path,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let carried = super::packages(declarations, true, console, |context, subscriber| {
        let carried = change::vendor(context, directory, subscriber)?;
        let lacking = carried.iter().flat_map(|one| &one.vendored.lacking);
        let lacking: Vec<&str> = lacking.map(String::as_str).collect();
        if !lacking.is_empty() {
            subscriber.event(&Event::Warning {
                text: format!(
                    "Not vendored, since this machine needs no copy: {}",
                    lacking.join(", ")
                ),
            });
        }
        Ok(carried)
    })?;
    let Some(carried) = carried else {
        super::say(console, "Nothing to vendor: all packages are path packages");
        return Ok(ExitCode::SUCCESS);
    };
    super::say(console, &told(&carried));
    Ok(ExitCode::SUCCESS)
}

fn told(carried: &Carried) -> String {
    let vendored = &carried.vendored;
    let copied = count(vendored.copied.len(), "package");
    let mut text = format!("Vendored in `{}`: {copied} copied", carried.directory);
    if vendored.kept > 0 {
        text.push_str(&format!(", {} there already", vendored.kept));
    }
    if !vendored.removed.is_empty() {
        text.push_str(&format!(", {} removed", vendored.removed.len()));
    }
    if let Some(before) = &carried.before {
        text.push_str(&format!("\nThe copies in `{before}` are not used any more"));
    }
    text
}
