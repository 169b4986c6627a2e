//! `wake run`: builds a target, then becomes its program.

use std::process::ExitCode;

use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use super::build::Building;
use crate::cli::options::Run;
use crate::error::{Error, Result};
use crate::evaluate::Wanted;
use crate::generate::Purpose;
use crate::graph::Graph;
use crate::report::{ConsoleOptions, Verbosity};

pub(super) fn run(options: &Run, mut console: ConsoleOptions) -> Result<ExitCode> {
    // What the program prints is what counts: a build that goes well shows its progress to people, and no more.
    if console.verbosity == Verbosity::Normal && !options.build.is_dry_run {
        console.is_silent_when_idle = true;
        if !console.is_live {
            console.verbosity = Verbosity::Quiet;
        }
    }
    let mut building = Building::begin(&options.build, console)?;
    if options.build.is_dry_run {
        return building.foresee(Purpose::Build, &Wanted::Build);
    }
    let graph = building.prepare(Purpose::Build)?;
    let program = program(&graph, &building);
    let program = building.or_abandon(program)?;
    let summary = building.build(&graph, Wanted::Build)?;
    // This gives up the lock and ends the evaluation processes before the program starts.
    let code = building.finish(&summary)?;
    if code != 0 || options.build.sharing.is_dry_run {
        return Ok(ExitCode::from(code));
    }
    crate::sandbox::orphans::disown();
    let error = Command::new(&program).args(&options.arguments).exec();
    Err(Error::io(
        format!("Cannot start `{}`", program.display()),
        &error,
    ))
}

/// The program of the requested module.
fn program(graph: &Graph, building: &Building<'_>) -> Result<PathBuf> {
    let requested = graph
        .meta()
        .instances
        .iter()
        .find(|instance| instance.requested);
    let Some(instance) = requested else {
        return Err(Error::internal("The graph has no requested module"));
    };
    match instance.executable {
        Some(file) => Ok(building.session.state.absolute(file)),
        None => Err(
            Error::user(format!("`{}` makes no program", instance.label))
                .cause(format!("it is declared at {}", instance.declared))
                .hint("name a module with `Type: 'Executable'`: `wake run PATH:MODULE`"),
        ),
    }
}
