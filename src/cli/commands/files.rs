//! What `wake fmt` and `wake lint` share: the files they are about.

use std::path::PathBuf;

use crate::error::{Error, Result};
use crate::fs;
use crate::report::{self, ConsoleOptions};
use crate::workspace::files::{self, File};

/// The files that are meant; without `paths` all below the working directory.
pub(super) fn files(paths: &[PathBuf]) -> Result<Vec<File>> {
    match paths {
        [] => files::files(&[PathBuf::from(".")]),
        paths => files::files(paths),
    }
}

/// The text of a file.
pub(super) fn text(file: &File) -> Result<String> {
    String::from_utf8(fs::read(&file.path)?).map_err(|error| {
        let shown = file.path.display();
        Error::user(format!("`{shown}` is not UTF-8")).cause(error.to_string())
    })
}

/// Tells of an error, and goes on.
pub(super) fn tell(error: &Error, console: ConsoleOptions) {
    report::say(&report::error::render(error, console.style));
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}
