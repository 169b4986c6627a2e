//! The binary: run, render the error, exit code.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let ended = wake::cli::run();
    ended.result.unwrap_or_else(|error| {
        wake::report::say(&wake::report::error::render(&error, ended.style));
        ExitCode::from(error.kind().exit_code())
    })
}
