//! `wake completions SHELL`: prints a completion script.

use std::process::ExitCode;

use clap::CommandFactory;

use crate::cli::args::Arguments;
use crate::error::Result;
use crate::report;

pub(super) fn run(shell: clap_complete::Shell) -> Result<ExitCode> {
    report::data(&script(shell))?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: clap_complete::Shell) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "wake", &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn each_shell_completes_commands_and_flags() {
        for shell in clap_complete::Shell::value_variants() {
            let script = script(*shell);
            assert!(script.contains("completions"), "{shell}");
            assert!(script.contains("keep-going"), "{shell}");
        }
    }
}
