//! The one place that writes to the terminal: consoles, error messages, data on standard output, and the files that a
//! run writes about itself. It hears events and renders values; it decides nothing.

pub mod account;
pub mod diff;
pub mod error;
pub mod events_file;
pub mod file;
pub mod junit;
pub mod packages_summary;
pub mod packages_table;
pub mod packages_tree;
pub mod packages_why;
pub mod plugin_test;
pub mod style;
pub mod text;
pub mod trace;
pub mod why;

mod critical;
mod fancy;
mod narrate;
mod packages;
mod plain;
mod summary;
mod terminal;
#[cfg(test)]
mod transcript;

pub use events_file::EventsFile;
pub use file::FirstError;
pub use junit::Junit;
pub use narrate::observation;
pub use style::Style;
pub use terminal::{data, say, stderr_is_terminal};
pub use trace::Trace;

use std::path::Path;

use crate::error::Result;
use crate::event::Subscriber;

/// How much is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Verbosity {
    /// Failures and warnings of declarations only.
    Quiet,
    #[default]
    Normal,
    /// 1: commands and times; 2 and more: reasons, and what is up to date, declared and generated.
    Verbose(u8),
}

/// What a console shows, and how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConsoleOptions {
    pub verbosity: Verbosity,
    pub style: Style,
    /// Show why each operation runs.
    pub is_explaining: bool,
    /// Show again what up-to-date operations printed when they ran.
    pub is_replaying: bool,
    /// Say at the end what took longest.
    pub is_tracing: bool,
    /// Say nothing at the end of a run that found nothing to do.
    pub is_silent_when_idle: bool,
    /// Whether standard error is a terminal that understands cursor movements.
    pub is_live: bool,
}

/// The subscribers of a run: a console on standard error, and the `--events` file where one is wanted.
///
/// # Errors
/// The file cannot be created. Later errors of it are kept in `first_error`.
pub fn subscribers(
    options: ConsoleOptions,
    events: Option<&Path>,
    first_error: &FirstError,
) -> Result<Vec<Box<dyn Subscriber + Send>>> {
    let mut subscribers = vec![console(options)];
    if let Some(path) = events {
        subscribers.push(Box::new(EventsFile::create(path, first_error.clone())?));
    }
    Ok(subscribers)
}

fn console(options: ConsoleOptions) -> Box<dyn Subscriber + Send> {
    if options.is_live {
        Box::new(fancy::Fancy::new(options, terminal::Terminal::new()))
    } else {
        let clock = terminal::Clock::new();
        Box::new(plain::Plain::new(options, std::io::stderr(), move || {
            clock.now()
        }))
    }
}
