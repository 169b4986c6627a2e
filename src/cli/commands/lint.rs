//! `wake lint`: what is probably wrong with declarations and other jsonnet.

use std::process::ExitCode;

use super::files;
use crate::cli;
use crate::cli::options::Lint;
use crate::cli::session;
use crate::declare::{mistakes, recipe, sml};
use crate::error::{Error, Result};
use crate::event::Level;
use crate::jsonnet::client::Evaluators;
use crate::jsonnet::protocol::{Answer, Finding, Request};
use crate::report::{self, ConsoleOptions, Verbosity};
use crate::workspace::discover::RECIPES;
use crate::workspace::files::{File, Language};
use crate::workspace::root_recipe::{self, RootRecipe};

pub(super) fn run(options: &Lint, console: ConsoleOptions) -> Result<ExitCode> {
    let evaluators = session::evaluators(options.evaluation, &cli::environment())?;
    let all = files::files(&options.paths)?;
    let (mut errors, mut warnings) = (0, 0);
    for file in &all {
        let found = match one(file, &evaluators, options) {
            Ok(found) => found,
            Err(error) => vec![Finding {
                level: Level::Error,
                error,
            }],
        };
        for finding in found {
            let is_error = finding.level == Level::Error;
            *(if is_error { &mut errors } else { &mut warnings }) += 1;
            if is_error || console.verbosity != Verbosity::Quiet {
                let text = report::error::render_as(finding.level, &finding.error, console.style);
                report::say(&(text + "\n"));
            }
        }
    }
    if console.verbosity != Verbosity::Quiet {
        report::say(&summary(errors, warnings, all.len()));
    }
    Ok(ExitCode::from(u8::from(errors > 0)))
}

fn summary(errors: usize, warnings: usize, all: usize) -> String {
    let of = files::count(all, "file");
    if errors + warnings == 0 {
        return format!("Nothing to complain about in {of}\n");
    }
    let (errors, warnings) = (
        files::count(errors, "error"),
        files::count(warnings, "warning"),
    );
    format!("{errors} and {warnings} in {of}\n")
}

fn one(file: &File, evaluators: &Evaluators, options: &Lint) -> Result<Vec<Finding>> {
    if file.language == Language::Sml {
        return recipe_findings(file);
    }
    let request = Request::Lint {
        file: file.path.clone(),
        library_path: options.library_path.clone(),
        top: cli::working_directory()?,
    };
    match evaluators.ask(&request)?.result? {
        Answer::Findings(found) => Ok(found),
        other => Err(Error::internal(format!(
            "The evaluation answered `lint` with {other:?}"
        ))),
    }
}

fn recipe_findings(file: &File) -> Result<Vec<Finding>> {
    let shown = file.path.display().to_string();
    let text = files::text(file)?;
    let (warnings, checked) = if RECIPES.iter().any(|name| file.path.ends_with(name)) {
        let checked = recipe::check(&shown, text.as_bytes());
        (mistakes::mistakes(&shown, &text)?, checked)
    } else if root_recipe::FILES
        .iter()
        .any(|name| file.path.ends_with(name))
    {
        let path = cli::working_directory()?.join(&file.path);
        let checked = RootRecipe::parse(path, text.as_bytes()).map(drop);
        (mistakes::root_mistakes(&shown, &text)?, checked)
    } else {
        (Vec::new(), sml::parse(&shown, text.as_bytes()).map(drop))
    };
    let warnings = warnings.into_iter().map(|error| (Level::Warning, error));
    let errors = checked.err().map(|error| (Level::Error, error));
    let found = warnings.chain(errors);
    Ok(found
        .map(|(level, error)| Finding { level, error })
        .collect())
}
