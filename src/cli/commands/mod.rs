//! One thin file for each command: options in, one stage called, an exit code out.

mod build;
mod cache_gc;
mod check;
mod clean;
mod completions;
mod confined;
mod doctor;
mod eval;
mod files;
mod fmt;
mod graph;
mod init;
mod lint;
mod package;
mod plugin_reference;
mod plugin_test;
mod retrieve;
mod run;
mod target;
mod test;
mod version;
mod watch;
mod watched;
mod why;

use std::process::ExitCode;

use super::options::{Command, Declarations, Invocation};
use super::plugin_options::Plugin;
use super::session::{Asked, Session};
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::event::Subscriber;
use crate::generate::Purpose;
use crate::graph::Graph;
use crate::report::{self, ConsoleOptions, FirstError, Verbosity};

/// Does what was asked. Returns the exit code of a command that did its work.
pub(super) fn dispatch(invocation: Invocation) -> Result<ExitCode> {
    let console = invocation.console;
    match invocation.command {
        Command::Build(options) => build::run(&options, console),
        Command::Run(options) => run::run(&options, console),
        Command::Test(options) => test::run(&options, console),
        Command::Watch(options) => watch::run(options, console),
        Command::Init(options) => init::run(&options, console),
        Command::Target(options) => target::run(&options, console),
        Command::Clean(options) => clean::run(&options, console),
        Command::Check(options) => check::run(&options, console),
        Command::Why(options) => why::run(&options, console),
        Command::Graph(options) => graph::run(&options, console),
        Command::Package(options) => package::run(&options, console),
        Command::Plugin(Plugin::Test(options)) => plugin_test::run(&options, console),
        Command::Plugin(Plugin::Reference) => plugin_reference::run(),
        Command::CacheGc(options) => cache_gc::run(&options, console),
        Command::Eval(options) => eval::run(&options),
        Command::Format(options) => fmt::run(&options, console),
        Command::Lint(options) => lint::run(&options, console),
        Command::Doctor => doctor::run(),
        Command::Completions(shell) => completions::run(shell),
        Command::Version(format) => version::run(format),
        Command::Confined => Ok(confined::run()),
        Command::Evaluate => Ok(crate::jsonnet::worker::main()),
        Command::Retrieve(name) => retrieve::run(&name, console),
    }
}

/// The graph of targets, and the session that it belongs to, for commands whose result is data.
fn graph_of(
    targets: &[String],
    parameters: &Parameters,
    declarations: Declarations,
    console: ConsoleOptions,
) -> Result<(Session, Graph)> {
    let mut subscribers = quiet(console)?;
    let mut session = Session::open(declarations, 1, &mut subscribers)?;
    let asked = Asked {
        targets,
        parameters,
        purpose: Purpose::Build,
        trust_saved: false,
    };
    let graph = session.prepare(&asked, &mut subscribers)?.graph;
    Ok((session, graph))
}

/// The console of commands whose result is data: failures only.
fn quiet(console: ConsoleOptions) -> Result<Vec<Box<dyn Subscriber + Send>>> {
    let verbosity = Verbosity::Quiet;
    report::subscribers(
        ConsoleOptions {
            verbosity,
            ..console
        },
        None,
        &FirstError::default(),
    )
}
