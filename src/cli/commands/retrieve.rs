//! `wake __retrieve NAME`: this process is a retriever of `wake.std` for another wake.

use std::process::ExitCode;

use crate::cli::{environment, working_directory};
use crate::error::Result;
use crate::pkg::retriever::std::{Surroundings, serve};
use crate::report::{self, ConsoleOptions};

pub(super) fn run(name: &str, console: ConsoleOptions) -> Result<ExitCode> {
    let surroundings = Surroundings {
        directory: working_directory()?,
        environment: environment(),
    };
    let (requests, responses) = (std::io::stdin().lock(), std::io::stdout().lock());
    let served = serve(name, &surroundings, requests, responses);
    // The protocol knows one way to fail, whoever is at fault.
    Ok(served.map_or_else(
        |error| {
            report::say(&report::error::render(&error, console.style));
            ExitCode::FAILURE
        },
        |()| ExitCode::SUCCESS,
    ))
}
