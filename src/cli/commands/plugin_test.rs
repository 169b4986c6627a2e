//! `wake plugin test`: runs the tests of plugins. Exit code 1 if one fails.

use std::process::ExitCode;

use crate::cli;
use crate::cli::plugin_options::PluginTest;
use crate::cli::session;
use crate::error::{Kind, Result};
use crate::fs;
use crate::plugin_test::{self, Request};
use crate::report::{self, ConsoleOptions, Verbosity};

pub(super) fn run(options: &PluginTest, console: ConsoleOptions) -> Result<ExitCode> {
    let request = Request {
        top: fs::canonicalize(&cli::working_directory()?)?,
        paths: options.paths.clone(),
        filter: options.filter.clone(),
        is_update: options.is_update,
        evaluation: session::evaluation(options.evaluation)?,
    };
    let total = plugin_test::run(&request, &mut |file| {
        report::say(&report::plugin_test::file(file, console));
    })?;
    if console.verbosity != Verbosity::Quiet || total.failed > 0 {
        report::say(&report::plugin_test::summary(total, console.style));
    }
    Ok(match total.failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(Kind::Failed.exit_code()),
    })
}
