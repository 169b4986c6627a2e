//! What is probably wrong with a program, found without evaluating it: `wake lint`.
//!
//! Variables that are not there, not used or hide others, fields and names given twice, imports of files that do not
//! exist, and calls of what `wake` and `ctx` have. What values are is not known here.

mod names;
mod walk;

use std::path::{Path, PathBuf};

use super::embedded;
use super::import::suggestion_for_wake;
use super::program::Program;
use super::protocol::Finding;
use super::session::Session;
use crate::error::{Error, Result};
use crate::event::Level;
use crate::fs;

/// What is wrong with a file, in the order of its text.
///
/// # Errors
/// It cannot be read or is no jsonnet.
pub(super) fn lint(
    session: &Session,
    file: &Path,
    library_path: &[PathBuf],
) -> Result<Vec<Finding>> {
    let program = Program::read(session, file)?;
    let mut linter = Linter {
        session,
        program: &program,
        library_path,
        findings: Vec::new(),
    };
    walk::walk(&mut linter);
    let mut findings = linter.findings;
    findings.sort_by_key(|(start, _)| *start);
    Ok(findings.into_iter().map(|(_, finding)| finding).collect())
}

/// Gathers what is found.
struct Linter<'a> {
    session: &'a Session,
    program: &'a Program,
    library_path: &'a [PathBuf],
    /// Each with its place in the text.
    findings: Vec<(usize, Finding)>,
}

impl Linter<'_> {
    /// Something that fails as soon as evaluation comes to it.
    fn error(&mut self, start: usize, length: usize, error: Error) {
        self.find(Level::Error, start, length, error);
    }

    /// Something that works and is probably not meant.
    fn warning(&mut self, start: usize, length: usize, error: Error) {
        self.find(Level::Warning, start, length, error);
    }

    fn find(&mut self, level: Level, start: usize, length: usize, error: Error) {
        let place = self.program.locate(self.session, start, start + length);
        let error = error.at_if_absent(place.as_ref());
        self.findings.push((start, Finding { level, error }));
    }

    /// Checks that the file of an import exists. Those of other packages are known to resolving only.
    fn import(&mut self, start: usize, length: usize, import: &str) {
        if import.starts_with("pkgs/") {
            return;
        }
        let is_there = match import.strip_prefix("wake/") {
            Some(name) => embedded::library().any(|known| known == name),
            None => {
                let beside = self.program.path.parent();
                let mut directories = beside
                    .into_iter()
                    .chain(self.library_path.iter().map(PathBuf::as_path));
                directories.any(|directory| fs::is_file(&directory.join(import)))
            }
        };
        if !is_there {
            let message = format!("Cannot import `{import}`: there is no such file");
            let error = Error::user(message).hint_option(suggestion_for_wake(import));
            self.error(start, length, error);
        }
    }
}
