//! The process's surroundings: environment variables and the working directory. Nothing else reads them.

#![expect(
    clippy::disallowed_methods,
    reason = "this module is what the others must use instead"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// The environment variables that are text; those that are not cannot be seen by a declaration.
pub fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// The arguments of this process, its name first.
pub(super) fn arguments() -> Vec<OsString> {
    std::env::args_os().collect()
}

/// The working directory: absolute, without links.
pub fn working_directory() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| {
        Error::io("Cannot find the working directory", &error)
            .hint("change to a directory that exists, or name one with `-C`")
    })
}

/// This very binary, which wake starts to evaluate declarations.
pub(super) fn program() -> Result<PathBuf> {
    std::env::current_exe()
        .map_err(|error| Error::io("Cannot find the file of wake itself", &error))
}

/// Makes `directory` the working directory of this process (`-C`).
pub(super) fn enter(directory: &Path) -> Result<()> {
    std::env::set_current_dir(directory).map_err(|error| {
        let message = format!("Cannot work in `{}`", directory.display());
        let mut failure = Error::io(message, &error);
        failure.report_mut().kind = crate::error::Kind::User;
        failure
    })
}
