//! `wake init`: writes a package that builds, and overwrites nothing.

mod plugin;
mod templates;

use std::path::Path;
use std::process::ExitCode;

use crate::cli::options::{Init, Language};
use crate::error::{Error, Result};
use crate::event::shell;
use crate::fs;
use crate::report::{self, ConsoleOptions, Verbosity};
use crate::workspace::discover;

pub(super) fn run(options: &Init, console: ConsoleOptions) -> Result<ExitCode> {
    let name = name(&options.directory)?;
    let files = files(&name, options)?;
    for (path, _) in &files {
        let path = options.directory.join(path);
        if fs::is_occupied(&path) {
            return Err(Error::user(format!("`{}` exists already", shown(&path)))
                .hint("name another directory: `wake init DIR`"));
        }
    }
    for (path, content) in &files {
        let path = options.directory.join(path);
        if let Some(directory) = path.parent() {
            fs::create_directories(directory)?;
        }
        fs::write(&path, content.as_bytes())?;
    }
    if console.verbosity != Verbosity::Quiet {
        report::say(&next(&name, options));
    }
    Ok(ExitCode::SUCCESS)
}

/// What was made, and the commands that come next.
fn next(name: &str, options: &Init) -> String {
    let directory = options.directory.as_path();
    let place = if directory == Path::new(".") {
        String::new()
    } else {
        format!(" -C {}", shell::quote(&shown(directory)))
    };
    if options.is_plugin {
        return format!("Made the plugin `{name}`. Next:\n  wake{place} plugin test\n");
    }
    format!("Made the package `{name}`. Next:\n  wake{place} run\n  wake{place} test\n")
}

fn shown(path: &Path) -> String {
    let path = fs::path::clean(path);
    if path.as_os_str().is_empty() {
        return ".".to_owned();
    }
    path.display().to_string()
}

/// The directory's name as a package name: what a name cannot have becomes `-`.
fn name(directory: &Path) -> Result<String> {
    let absolute = fs::path::clean(&crate::cli::working_directory()?.join(directory));
    let directory = absolute.file_name().unwrap_or_default().to_string_lossy();
    let replaced: String = directory
        .chars()
        .map(|character| match character {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '.' | '_' | '+' | '-' => character,
            _ => '-',
        })
        .collect();
    let name = replaced.trim_matches(|character: char| !character.is_ascii_alphanumeric());
    Ok(if name.is_empty() { "app" } else { name }.to_owned())
}

/// Paths and contents, the declaration first.
fn files(name: &str, options: &Init) -> Result<Vec<(&'static str, String)>> {
    if options.is_plugin {
        return Ok(plugin::files(name));
    }
    let template = templates::template(options.language);
    let declaration = match (options.is_recipe, template.recipe) {
        (false, _) => (discover::PKG, template.package),
        (true, Some(recipe)) => (discover::RECIPE, recipe),
        (true, None) => {
            let language = options.language.name();
            return Err(Error::user(format!(
                "`wake init` has no `Recipe.sml` for {language}: a recipe has one module, and the program and its test are two"
            ))
            .hint("leave out `--sml`, for a `PKG`"));
        }
    };
    let ignored = match options.language {
        Language::C | Language::Cpp => ".wake/\ncompile_commands.json\n",
        _ => ".wake/\n",
    };
    let fill = |&(path, text): &(&'static str, &str)| (path, text.replace("@name@", name));
    Ok([declaration]
        .iter()
        .chain(template.sources)
        .chain(&[(".gitignore", ignored)])
        .map(fill)
        .collect())
}
