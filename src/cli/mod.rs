//! Arguments and surroundings in, one command, an exit code out. The only part that reads arguments, environment and
//! working directory.

mod ahead;
mod args;
pub mod commands;
mod environment;
pub mod options;
mod package_args;
pub mod package_options;
mod plugin_args;
pub mod plugin_options;
mod runner;
mod session;
mod sharing;
mod usage;
mod values;

use std::ffi::OsString;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;

use clap::Parser;
use clap::error::ErrorKind;

pub use environment::{environment, working_directory};

use crate::error::{Error, Result};
use crate::report::Style;

/// What remains for `main`: the result, and how an error is to look.
pub struct Ended {
    /// The exit code.
    pub result: Result<ExitCode>,
    pub style: Style,
}

/// Does what the arguments of this process say.
pub fn run() -> Ended {
    let environment = environment();
    let looks = options::Looks::of(&environment, crate::report::stderr_is_terminal());
    let typed = environment::arguments();
    let arguments = match args::Arguments::try_parse_from(&typed) {
        Ok(arguments) => arguments,
        Err(said) => return usage(&said, &typed, looks.style(args::When::Auto)),
    };
    tell_of_panics();
    let style = looks.style(arguments.global.color);
    let directory = arguments.global.directory.clone();
    let result = contained(|| {
        if let Some(directory) = directory {
            environment::enter(&directory)?;
        }
        commands::dispatch(options::Invocation::check(arguments, looks, &environment)?)
    });
    Ended { result, style }
}

/// Help and version, which clap prints, and arguments that it did not accept.
fn usage(said: &clap::Error, typed: &[OsString], style: Style) -> Ended {
    if said.use_stderr() && said.kind() != ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let result = Err(usage::error(said, typed));
        return Ended { result, style };
    }
    // Where nobody listens there is nobody to tell.
    let _ = said.print();
    let code = u8::try_from(said.exit_code()).unwrap_or(2);
    let result = Ok(ExitCode::from(code));
    Ended { result, style }
}

/// Has panics of any thread told like errors.
fn tell_of_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let error = Error::internal("Bug in wake").cause(panic.to_string());
        crate::report::say(&crate::report::error::render(&error, Style::PLAIN));
    }));
}

/// Runs `work`; a panic becomes an error: whatever happens, people get a message and an exit code of wake's.
fn contained(work: impl FnOnce() -> Result<ExitCode>) -> Result<ExitCode> {
    std::panic::catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| {
        Err(Error::internal("A bug in wake ended this command")
            .hint("please report it with the messages above; what was built so far is kept"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_an_error_of_ours() {
        let result = contained(|| panic!("oh"));
        assert_eq!(result.unwrap_err().kind().exit_code(), 4);
    }
}
