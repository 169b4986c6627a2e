//! `wake doctor`: says what this machine lets wake do.

use std::process::ExitCode;

use super::version::VERSION;
use crate::cli::environment;
use crate::cli::session::{cache_directory, how_to_observe};
use crate::error::Result;
use crate::evaluate;
use crate::report;

pub(super) fn run() -> Result<ExitCode> {
    let cache = cache_directory(&environment::environment());
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = format!("wake {VERSION}, {processors} processors\n");
    let observed = evaluate::begin_observing(&how_to_observe(cache.as_deref()));
    text += &report::observation(&observed).unwrap_or_default();
    text += &match cache {
        Some(cache) => format!(
            "\nWhat workspaces share is kept in `{}`\n",
            cache.join("wake").display()
        ),
        None => {
            "\nWorkspaces share nothing: neither `XDG_CACHE_HOME` nor `HOME` is an absolute path\n"
                .to_owned()
        }
    };
    report::data(&text)?;
    Ok(ExitCode::SUCCESS)
}
