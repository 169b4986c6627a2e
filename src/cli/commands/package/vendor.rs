//! `wake pkg vendor`: copies of all packages in the workspace.

use std::path::Path;
use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::event::{Event, Subscriber};
use crate::pkg::change::{self, Carried};
use crate::report::text::count;
use crate::report::{self, ConsoleOptions, FirstError};

pub(super) fn run(
    declarations: Declarations,
    directory: &Path,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let mut subscribers = report::subscribers(console, None, &FirstError::default())?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let policy = session.policy(&Parameters::new(), true);
    let carried = session.packages(&policy, |context| {
        change::vendor(context, directory, &mut subscribers)
    })?;
    session.close()?;
    let Some(carried) = carried else {
        super::say(console, "Nothing to vendor: all packages are path packages");
        return Ok(ExitCode::SUCCESS);
    };
    let lacking = &carried.vendored.lacking;
    if !lacking.is_empty() {
        subscribers.event(&Event::Warning {
            text: format!(
                "Not vendored, since this machine needs no copy: {}",
                lacking.join(", ")
            ),
        });
    }
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
