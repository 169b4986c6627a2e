//! One thin file for each command: options in, one stage called, an exit code out.

pub mod completions;
pub mod eval;
pub mod init;
pub mod version;

use std::process::ExitCode;

use super::options::{Command, Invocation};
use crate::error::{Error, Result};

/// Does what was asked. Returns the exit code of a command that did its work.
pub(super) fn dispatch(invocation: Invocation) -> Result<ExitCode> {
    match invocation.command {
        Command::Init(options) => init::run(&options, invocation.console),
        Command::Completions(shell) => completions::run(shell),
        Command::Version(format) => version::run(format),
        other => Err(Error::internal(format!("No stage does `{other:?}`"))),
    }
}
