//! The wake binary.

use std::process::ExitCode;

#[expect(
    clippy::disallowed_methods,
    reason = "the one argument that is not for users is looked at before the command line is parsed"
)]
fn main() -> ExitCode {
    match std::env::args_os().nth(1) {
        Some(argument) if argument == "__evaluate" => wake::jsonnet::worker::main(),
        _ => ExitCode::from(2),
    }
}
