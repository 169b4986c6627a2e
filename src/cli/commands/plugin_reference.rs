//! `wake plugin reference`: prints what plugins can use, which is `docs/ctx.md`.

use std::process::ExitCode;

use crate::error::Result;
use crate::jsonnet::reference;
use crate::report;

pub(super) fn run() -> Result<ExitCode> {
    report::data(&reference::page())?;
    Ok(ExitCode::SUCCESS)
}
