//! What may be typed after `wake plugin`: every command and flag, declared once with its help.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::args::EvaluationFlags;

#[derive(Debug, Subcommand)]
pub(super) enum RawPlugin {
    /// Run the `*_test.jsonnet` files of plugins; nothing is built
    #[command(after_help = "\
A test file is an object of cases: what the tasks are given, and what is
expected of them. A case without `expect` is compared with the golden file
beside it, which `--update` writes. docs/plugins.md has the whole format.

Examples:
  wake plugin test                        all tests below here
  wake plugin test header_test.jsonnet    those of one file
  wake plugin test --update               take what the tasks do now as right")]
    Test(RawPluginTest),
    /// Print the reference of what plugins can use: `ctx`, `wake`, operations
    Reference,
}

#[derive(Debug, Args)]
pub(super) struct RawPluginTest {
    /// Test files, or directories to search for them [default: the directory here]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// Write golden files instead of comparing with them
    #[arg(long)]
    pub(super) update: bool,
    /// Only cases whose name matches this pattern, or contains it
    #[arg(long, value_name = "PATTERN")]
    pub(super) filter: Option<String>,
    #[command(flatten)]
    pub(super) evaluation: EvaluationFlags,
}
