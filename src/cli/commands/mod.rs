//! One thin file for each command: options in, one stage called, an exit code out.

mod build;
mod clean;
mod completions;
mod eval;
mod graph;
mod init;
mod run;
mod target;
mod test;
mod version;
mod why;

use super::options::{Command, Invocation};
use crate::error::Result;

/// Does what was asked. Returns the exit code.
pub(super) fn dispatch(invocation: Invocation) -> Result<u8> {
    let console = invocation.console;
    match invocation.command {
        Command::Build(options) => build::run(&options, console),
        Command::Run(options) => run::run(&options, console),
        Command::Test(options) => test::run(&options, console),
        Command::Init(options) => init::run(&options, console),
        Command::Target(options) => target::run(&options, console),
        Command::Clean(options) => clean::run(&options, console),
        Command::Why(options) => why::run(&options, console),
        Command::Graph(options) => graph::run(&options, console),
        Command::Eval(options) => eval::run(&options),
        Command::Completions(shell) => completions::run(shell),
        Command::Version(format) => version::run(format),
        Command::Evaluate => Ok(crate::jsonnet::worker::main()),
    }
}
