//! `wake version`: prints the version.

use std::process::ExitCode;

use crate::cli::options::TextFormat;
use crate::error::Result;
use crate::report;

/// The version of this wake.
pub(super) const VERSION: &str = env!("CARGO_PKG_VERSION");

pub(super) fn run(format: TextFormat) -> Result<ExitCode> {
    report::data(&match format {
        TextFormat::Text => format!("wake {VERSION}\n"),
        TextFormat::Json => format!("{}\n", serde_json::json!({ "version": VERSION })),
    })?;
    Ok(ExitCode::SUCCESS)
}
