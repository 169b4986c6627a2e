//! `wake fmt`: the usual layout for declarations and other jsonnet.

use std::process::ExitCode;

use super::files;
use crate::cli;
use crate::cli::options::Format;
use crate::cli::session;
use crate::declare::sml;
use crate::error::{Error, Kind, Result};
use crate::fs::{self, stamp, tree};
use crate::jsonnet::client::Evaluators;
use crate::jsonnet::protocol::{Answer, Request};
use crate::report::{self, ConsoleOptions, Verbosity};
use crate::workspace::files::{File, Language};

/// How much of the difference is shown of a file.
const MOST_LINES: usize = 10;
/// The bits of a mode that are permissions.
const PERMISSIONS: u32 = 0o7777;

pub(super) fn run(options: &Format, console: ConsoleOptions) -> Result<ExitCode> {
    let evaluators = session::evaluators(options.evaluation, &cli::environment())?;
    let all = files::files(&options.paths)?;
    let mut last_error = None;
    let mut changed = 0;
    for file in &all {
        let done = one(file, &evaluators, options.is_check, console);
        match done {
            Ok(is_changed) => changed += usize::from(is_changed),
            Err(error) => {
                let before = last_error.replace(error);
                before.iter().for_each(|error| files::tell(error, console));
            }
        }
    }
    if let Some(error) = last_error {
        return Err(error);
    }
    let of = files::count(all.len(), "file");
    match (options.is_check, changed) {
        (true, 1..) => {
            let text = files::count(changed, "file");
            let message = format!("{text} of {} would change", all.len());
            Err(Error::new(Kind::Failed, message).hint("`wake fmt` changes what is shown"))
        }
        (_, 0) => Ok(say(console, &format!("Nothing to change in {of}"))),
        _ => Ok(say(console, &format!("Changed {changed} of {of}"))),
    }
}

/// Lays out one file; returns whether that changes it.
fn one(
    file: &File,
    evaluators: &Evaluators,
    is_check: bool,
    console: ConsoleOptions,
) -> Result<bool> {
    let before = files::text(file)?;
    let shown = file.path.display().to_string();
    let after = match file.language {
        Language::Sml => sml::format(&shown, &before)?,
        Language::Jsonnet => jsonnet(file, evaluators)?,
    };
    if after == before {
        return Ok(false);
    }
    if is_check {
        let difference = report::diff::lines(&before, &after, MOST_LINES);
        report::data(&format!("{shown}\n{difference}"))?;
        return Ok(true);
    }
    replace(file, &before, &after)?;
    say(console, &shown);
    Ok(true)
}

fn jsonnet(file: &File, evaluators: &Evaluators) -> Result<String> {
    let request = Request::Format {
        file: file.path.clone(),
        top: cli::working_directory()?,
    };
    match evaluators.ask(&request)?.result? {
        Answer::Value(serde_json::Value::String(text)) => Ok(text),
        other => Err(Error::internal(format!(
            "The evaluation answered `fmt` with {other:?}"
        ))),
    }
}

/// Writes a file that still says what it said, with its permissions; a link stays one.
fn replace(file: &File, before: &str, after: &str) -> Result<()> {
    let path = fs::canonicalize(&file.path)?;
    let status = stamp::stat(&path)
        .map_err(|error| Error::io(format!("Cannot look at `{}`", path.display()), &error))?;
    let mode = status.mode & PERMISSIONS;
    if tree::replace(&path, before.as_bytes(), after.as_bytes(), mode)? {
        return Ok(());
    }
    let message = format!("`{}` was changed meanwhile", file.path.display());
    Err(Error::user(message).hint("run the command again"))
}

fn say(console: ConsoleOptions, text: &str) -> ExitCode {
    if console.verbosity != Verbosity::Quiet {
        report::say(&format!("{text}\n"));
    }
    ExitCode::SUCCESS
}
