//! `wake target`: prints where a module's files go.

use std::process::ExitCode;

use crate::cli::options::Target;
use crate::cli::session::{Asked, Session};
use crate::error::{Error, Result};
use crate::generate::Purpose;
use crate::report::{self, ConsoleOptions};

pub(super) fn run(options: &Target, console: ConsoleOptions) -> Result<ExitCode> {
    let mut subscribers = super::quiet(console)?;
    let mut session = Session::open(options.declarations, 1, &mut subscribers)?;
    let targets: Vec<String> = options.target.iter().cloned().collect();
    let asked = Asked {
        targets: &targets,
        parameters: &options.parameters,
        purpose: Purpose::Build,
        trust_saved: false,
    };
    let graph = session.prepare(&asked, &mut subscribers)?.graph;
    let requested = graph
        .meta()
        .instances
        .iter()
        .filter(|instance| instance.requested);
    let mut text = String::new();
    for instance in requested {
        let directory = session.place.workspace.top.join(&instance.target_directory);
        text += &format!("{}\n", directory.display());
    }
    if text.is_empty() {
        return Err(Error::internal("The graph has no requested module"));
    }
    session.close()?;
    report::data(&text)?;
    Ok(ExitCode::SUCCESS)
}
