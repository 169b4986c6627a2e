//! What may be typed: every command and flag, declared once with its help. Values are as typed; `options` checks them.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

const EXAMPLES: &str = "\
Examples:
  wake init hello && wake -C hello run    make a C++ program and run it
  wake build                              build the package here
  wake build app:lib --flavor Release     build the module `lib` of the package in `app/`
  wake test ./... -k 0                    run all tests below here, whatever fails
  wake build -n                           say what would run and why, run nothing
  wake why                                say why the operations of the last build ran

Exit codes: 0 done; 1 an operation or a test failed; 2 your input is wrong;
3 the machine refuses; 4 a bug in wake; 130 interrupted.";

const TARGETS: &str = "\
Targets:
  app            the module `root` of the package in the directory `app`
  app:lib        its module `lib`
  :lib           the module `lib` of the package here
  app/...        everything below `app`
  acme/app:lib   a package by its name, where no such path exists";

/// A package manager and build system: declarations in jsonnet, operations that run only when out of date
#[derive(Debug, Parser)]
#[command(name = "wake", version, after_help = EXAMPLES)]
#[command(
    subcommand_required = true,
    arg_required_else_help = true,
    args_override_self = true
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) global: GlobalFlags,
    #[command(subcommand)]
    pub(super) command: RawCommand,
}

/// Flags of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub(super) struct GlobalFlags {
    /// Work in this directory, as if started there
    #[arg(short = 'C', value_name = "DIR", global = true, value_hint = ValueHint::DirPath)]
    pub(super) directory: Option<PathBuf>,
    /// Show commands and times; twice: reasons and what is up to date, too
    #[arg(short, long, global = true, action = clap::ArgAction::Count, conflicts_with = "quiet")]
    pub(super) verbose: u8,
    /// Show failures only
    #[arg(short, long, global = true)]
    pub(super) quiet: bool,
    /// When to use colours. `auto`: on a terminal, unless NO_COLOR is set
    #[arg(long, value_name = "WHEN", global = true, default_value = "auto")]
    pub(super) color: When,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    #[default]
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(super) enum RawCommand {
    /// Build targets and everything they need
    #[command(visible_alias = "b", after_help = TARGETS)]
    Build(RawBuild),
    /// Build a target, then run its program
    #[command(
        visible_alias = "r",
        after_help = "\
Examples:
  wake run                      run the program of the package here
  wake run app -- --port 80     everything after `--` goes to the program"
    )]
    Run(RawRun),
    /// Build and run tests
    #[command(
        visible_alias = "t",
        after_help = "\
A test passes with exit code 0, is skipped with 77, and fails otherwise. One
that passed runs again only when something it depends on has changed. Without
TARGET: the tests of every member of the workspace below here.

Examples:
  wake test --filter 'parser*'        the tests whose title matches
  wake test --rerun --runs 20         to find one that fails now and then
  wake test --junit report.xml        for a CI system"
    )]
    Test(RawTest),
    /// Build, and build again whenever something changes, until ^C
    #[command(after_help = "\
A burst of changes is over after 50 ms without one, or after a second. While it
waits, a `wake build` of the same targets that finds nothing to do is answered
by it, at once. `--force` counts for the first build.

Examples:
  wake watch                    the package here
  wake watch ./... --flavor Release")]
    Watch(RawBuild),
    /// Make a package that builds
    #[command(after_help = "\
Examples:
  wake init                       a C++ package in the current directory
  wake init hello --language C    a C package in the new directory `hello`
  wake init tool --language Rust  one in another language
  wake init headers --plugin      a plugin with a test in the new directory `headers`
  wake init hello --sml           one that a `Recipe.sml` declares")]
    Init(RawInit),
    /// Print the target directory of a module
    #[command(after_help = TARGETS)]
    Target(RawTarget),
    /// Remove what was built
    Clean(RawClean),
    /// Say why operations ran last time, or would run now: old → new
    #[command(after_help = "\
Examples:
  wake why                          what the latest build ran, and what would run now
  wake why 'Compile src/main.cpp'   one operation, by its title, and what led to it
  wake why .wake/out/…/main.o       one operation, by a file that it makes
  wake why main.o                   the same, where no other file ends so")]
    Why(RawWhy),
    /// Say what operations were seen to read of the workspace and do not declare: what to add to their inputs. Exits with
    /// 1 if there is any
    #[command(after_help = "\
Examples:
  wake build --force && wake check    whatever operations read now
  wake check app                      what app needs")]
    Check(RawCheck),
    /// Print the graph of operations
    #[command(after_help = "\
Examples:
  wake graph | dot -Tsvg > graph.svg
  wake graph --format json | jq '.operations[].title'")]
    Graph(RawGraph),
    /// Find, lock, fetch and publish packages
    #[command(subcommand)]
    Pkg(super::package_args::RawPackage),
    /// Test plugins, and see what they can use
    #[command(subcommand)]
    Plugin(super::plugin_args::RawPlugin),
    /// Look after the packages that all workspaces share
    #[command(subcommand)]
    Cache(super::package_args::RawCache),
    /// Evaluate a jsonnet file and print the result
    #[command(after_help = "\
Directories of JSONNET_PATH are searched after those of -J. NAME alone takes
the value from the environment.

Examples:
  wake eval config.jsonnet --ext-str version=1.2
  wake eval -S text.jsonnet
  wake eval -m generated files.jsonnet
  wake eval plugin.libsonnet              a function is called with `wake`")]
    Eval(RawEval),
    /// Lay out declarations, plugins and other jsonnet: blanks and indentation, nothing else
    #[command(after_help = "\
Recipes are read as SML; PKG, *.jsonnet and *.libsonnet as jsonnet. Comments stay,
and lines stay broken where they are. Links, .wake and vendored packages are left
alone.

Examples:
  wake fmt                  everything below here
  wake fmt PKG plugins/     a file, and everything in a directory
  wake fmt --check          in CI: change nothing, fail if something would change")]
    Fmt(RawFormat),
    /// Say what is probably wrong with declarations, plugins and other jsonnet
    #[command(after_help = "\
Nothing is evaluated. Directories of JSONNET_PATH are searched for imports after
those of -J. Errors give exit code 1, warnings alone 0.

Examples:
  wake lint                        everything below here
  wake lint plugins/ -J vendor     a directory, with imports from another one")]
    Lint(RawLint),
    /// Say what this machine lets wake do: how operations are observed, and why not better
    Doctor,
    /// Print a completion script for a shell
    #[command(after_help = "\
Examples:
  wake completions bash > ~/.local/share/bash-completion/completions/wake
  wake completions fish > ~/.config/fish/completions/wake.fish")]
    Completions(RawCompletions),
    /// Print the version
    Version(RawVersion),
    /// Confine a program for another wake
    #[command(name = "__confined", hide = true)]
    Confined,
    /// Evaluate declarations for another wake
    #[command(name = "__evaluate", hide = true)]
    Evaluate,
    /// Find and fetch packages for another wake
    #[command(name = "__retrieve", hide = true)]
    Retrieve {
        /// One of wake.std
        name: String,
    },
}

/// Parameters, which flow to every dependency.
#[derive(Debug, Args)]
#[command(next_help_heading = "Parameters")]
pub(super) struct ParameterFlags {
    /// What to optimise for: Debug, DebugRelease, Release, or a name that a plugin knows
    #[arg(long, value_name = "NAME")]
    pub(super) flavor: Option<String>,
    /// The processor to build for
    #[arg(long, value_name = "NAME")]
    pub(super) architecture: Option<String>,
    /// The operating system to build for
    #[arg(long, value_name = "NAME")]
    pub(super) system: Option<String>,
    /// The compiler: GCC, Clang, or a name that a plugin knows
    #[arg(long, value_name = "NAME")]
    pub(super) compiler: Option<String>,
    /// Any parameter. The value is JSON if it can be read as JSON, else a string
    #[arg(short, long = "parameter", value_name = "KEY=VALUE")]
    pub(super) parameters: Vec<String>,
}

/// Limits for the evaluation of declarations.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits of evaluation")]
pub(super) struct EvaluationFlags {
    /// The memory that evaluating declarations may take: 512MiB, 4GiB, …
    #[arg(long, value_name = "SIZE", default_value = "4GiB")]
    pub(super) eval_memory: String,
    /// The time that evaluating one declaration may take
    #[arg(long, value_name = "SECONDS", default_value = "120")]
    pub(super) eval_timeout: String,
}

/// How packages are found.
#[derive(Debug, Args)]
#[command(next_help_heading = "Packages")]
pub(super) struct ResolutionFlags {
    /// Fail if `wake.lock` would change
    #[arg(long, conflicts_with = "frozen")]
    pub(super) locked: bool,
    /// Use `wake.lock` as it is: check nothing, ask nobody, fetch nothing
    #[arg(long)]
    pub(super) frozen: bool,
    /// Ask nobody and fetch nothing
    #[arg(long)]
    pub(super) offline: bool,
    /// Choose new versions only if they were published at least this long ago: 3d, 12h, 2w, …
    #[arg(long, value_name = "AGE")]
    pub(super) min_age: Option<String>,
    /// Run retrievers unconfined
    #[arg(long)]
    pub(super) no_sandbox: bool,
}

/// What every command takes that looks at declarations.
#[derive(Debug, Args)]
pub(super) struct DeclarationFlags {
    #[command(flatten)]
    pub(super) resolution: ResolutionFlags,
    #[command(flatten)]
    pub(super) evaluation: EvaluationFlags,
}

/// Flags of everything that builds.
#[derive(Debug, Args)]
pub(super) struct BuildFlags {
    /// Run this many operations at a time; 0: all that are ready [default: as the make that started wake says, else the
    /// number of processors]
    #[arg(short, long, value_name = "N")]
    pub(super) jobs: Option<String>,
    /// Start nothing more beside others while the machine's load is N or above; 0: whatever it is
    #[arg(short, long, value_name = "N")]
    pub(super) load_average: Option<String>,
    /// Go on until this many operations have failed; 0: whatever fails
    #[arg(short, long, value_name = "N", default_value = "1")]
    pub(super) keep_going: usize,
    /// Run so many operations of a pool at a time; 0: as many as `-j` says [default: as `Pools` of RootRecipe.sml says,
    /// else 1]
    #[arg(long, value_name = "NAME=DEPTH")]
    pub(super) pool: Vec<String>,
    /// How make, cargo and others that operations start learn of the jobs that they share with wake: `auto`: by the tool;
    /// `fifo`: by the name of a pipe, for make 4.4 and Ninja 1.13 or newer; `pipe`: by descriptors; `off`: not at all
    #[arg(
        long,
        value_name = "STYLE",
        default_value = "auto",
        hide_possible_values = true
    )]
    pub(super) jobserver: JobserverStyle,
    /// Run every operation, up to date or not
    #[arg(long)]
    pub(super) force: bool,
    /// Do not observe what operations touch: only what is declared and what depfiles name counts
    #[arg(long, visible_alias = "disable-monitor", overrides_with = "monitor")]
    pub(super) no_monitor: bool,
    /// Observe what operations touch, which is the default, and warn if that is not possible
    #[arg(long, overrides_with = "no_monitor")]
    pub(super) monitor: bool,
    /// Whatever an operation that runs reads of the workspace, or makes, without declaring it is an error
    #[arg(long, conflicts_with = "no_monitor")]
    pub(super) strict: bool,
    /// How to tell that a file has changed: `default`: by its times, size and inode, then by its content; `hash`: by
    /// content alone; `timestamp`: without reading it
    // Hidden here, as the help names them: values with a help of their own make clap spread out all of the help.
    #[arg(
        long,
        value_name = "HOW",
        default_value = "default",
        hide_possible_values = true
    )]
    pub(super) check: Check,
    /// Run nothing: say what would run, and why
    #[arg(short = 'n', long, conflicts_with = "skip_evaluate")]
    pub(super) dry_run: bool,
    /// Say of each operation why it runs
    #[arg(long)]
    pub(super) explain: bool,
    /// Show again what up-to-date operations printed: their warnings
    #[arg(long)]
    pub(super) replay: bool,
    /// Write every event as a line of JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) events: Option<PathBuf>,
    /// Write a timeline, to be opened in Perfetto or chrome://tracing
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) trace: Option<PathBuf>,
    /// Do not write `compile_commands.json`
    #[arg(long)]
    pub(super) no_compile_commands: bool,
    /// Use the saved graph as it is, without looking at declarations
    #[arg(long, conflicts_with = "skip_evaluate")]
    pub(super) skip_generate: bool,
    /// Stop when the graph is made, before any operation
    #[arg(long)]
    pub(super) skip_evaluate: bool,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

/// How processes learn of the jobserver.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum JobserverStyle {
    #[default]
    Auto,
    Fifo,
    Pipe,
    Off,
}

/// How to find out whether a file has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Check {
    /// Trust a file whose times, size and inode are unchanged, else hash it.
    #[default]
    Default,
    /// Hash every file.
    Hash,
    /// Times, size and inode alone.
    Timestamp,
}

#[derive(Debug, Args)]
pub(super) struct RawBuild {
    /// What to build [default: the package here]
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) build: BuildFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawRun {
    /// What to run [default: the package here]
    #[arg(value_name = "TARGET")]
    pub(super) target: Option<String>,
    /// Arguments of the program
    #[arg(last = true, value_name = "ARGS")]
    pub(super) arguments: Vec<std::ffi::OsString>,
    #[command(flatten)]
    pub(super) build: BuildFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawTest {
    /// Whose tests to run [default: every member below here]
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// Only tests whose title matches this pattern
    #[arg(long, value_name = "PATTERN")]
    pub(super) filter: Option<String>,
    /// Run tests that are up to date, too
    #[arg(long)]
    pub(super) rerun: bool,
    /// Run each test this many times; it passes if every run does
    #[arg(long, value_name = "N", default_value = "1")]
    pub(super) runs: String,
    /// Stop a test after this time [default: the test's own `Timeout`, else 300]
    #[arg(long, value_name = "SECONDS")]
    pub(super) timeout: Option<String>,
    /// Write the results as JUnit XML
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) junit: Option<PathBuf>,
    /// Arguments of the tests
    #[arg(last = true, value_name = "ARGS")]
    pub(super) arguments: Vec<String>,
    #[command(flatten)]
    pub(super) build: BuildFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawInit {
    /// Where to make it; the directory's name becomes the package's
    #[arg(value_name = "DIR", default_value = ".", value_hint = ValueHint::DirPath)]
    pub(super) place: PathBuf,
    /// The language of its sources
    #[arg(long, default_value = "C++")]
    pub(super) language: Language,
    /// Make a plugin with a test
    #[arg(long, conflicts_with_all = ["language", "sml"])]
    pub(super) plugin: bool,
    /// Declare it by a `Recipe.sml` instead of a `PKG`
    #[arg(long)]
    pub(super) sml: bool,
}

/// The languages that `wake init` knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Language {
    #[value(name = "C", alias = "c")]
    C,
    #[value(name = "C++", aliases = ["c++", "cpp", "Cpp", "CPP"])]
    Cpp,
    #[value(name = "C#", aliases = ["c#", "csharp", "CSharp"])]
    CSharp,
    #[value(name = "Go", aliases = ["go", "golang"])]
    Go,
    #[value(name = "Java", alias = "java")]
    Java,
    #[value(name = "JavaScript", aliases = ["javascript", "Javascript", "js"])]
    JavaScript,
    #[value(name = "Python", aliases = ["python", "py"])]
    Python,
    #[value(name = "Rust", aliases = ["rust", "rs"])]
    Rust,
    #[value(name = "Command", alias = "command")]
    Command,
}

impl Language {
    /// As recipes have it: `C++`.
    pub fn name(self) -> String {
        self.to_possible_value()
            .map(|value| value.get_name().to_owned())
            .unwrap_or_default()
    }
}

#[derive(Debug, Args)]
pub(super) struct RawTarget {
    /// The module [default: `root` of the package here]
    #[arg(value_name = "TARGET")]
    pub(super) target: Option<String>,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawClean {
    /// Remove only what the workspace no longer declares
    #[arg(long)]
    pub(super) stale: bool,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

/// How a value is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum TextFormat {
    #[default]
    Text,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct RawWhy {
    /// A file that the operation makes, or its title [default: all that the latest build ran, and
    /// all that would run]
    #[arg(value_name = "OUTPUT|TITLE")]
    pub(super) operation: Option<String>,
    /// List what the operation read when it last ran, and what of it counts
    #[arg(long, requires = "operation")]
    pub(super) reads: bool,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: TextFormat,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

/// How a graph is printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum GraphFormat {
    #[default]
    Dot,
    Json,
}

#[derive(Debug, Args)]
pub(super) struct RawGraph {
    /// Only what these need [default: the package here]
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "dot")]
    pub(super) format: GraphFormat,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawCheck {
    /// Only what these need [default: the package here]
    #[arg(value_name = "TARGET")]
    pub(super) targets: Vec<String>,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawEval {
    /// The file to evaluate
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: PathBuf,
    /// Search imports here; the last one given is searched first
    #[arg(short = 'J', long = "jpath", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) library_path: Vec<PathBuf>,
    /// Expect a string and print it as it is
    #[arg(short = 'S', long)]
    pub(super) string: bool,
    /// Write the result into this file
    #[arg(short, long, value_name = "FILE", conflicts_with = "multi", value_hint = ValueHint::FilePath)]
    pub(super) output_file: Option<PathBuf>,
    /// Expect an object and write each field into a file of its name in this directory
    #[arg(short, long, value_name = "DIR", conflicts_with = "yaml_stream", value_hint = ValueHint::DirPath)]
    pub(super) multi: Option<PathBuf>,
    /// Expect a list and print each element as a document of YAML
    #[arg(short, long, conflicts_with = "string")]
    pub(super) yaml_stream: bool,
    /// Give `std.extVar` a string
    #[arg(short = 'V', long, value_name = "NAME[=VALUE]")]
    pub(super) ext_str: Vec<String>,
    /// Give `std.extVar` the value of an expression
    #[arg(long, value_name = "NAME[=CODE]")]
    pub(super) ext_code: Vec<String>,
    /// Give `std.extVar` the content of a file
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) ext_str_file: Vec<String>,
    /// Give `std.extVar` the value of the expression in a file
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) ext_code_file: Vec<String>,
    /// Call the result with a string argument
    #[arg(short = 'A', long, value_name = "NAME[=VALUE]")]
    pub(super) tla_str: Vec<String>,
    /// Call the result with the value of an expression
    #[arg(long, value_name = "NAME[=CODE]")]
    pub(super) tla_code: Vec<String>,
    /// Call the result with the content of a file
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) tla_str_file: Vec<String>,
    /// Call the result with the value of the expression in a file
    #[arg(long, value_name = "NAME=FILE")]
    pub(super) tla_code_file: Vec<String>,
    #[command(flatten)]
    pub(super) evaluation: EvaluationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawFormat {
    /// Files, and directories to search [default: everything below here]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// Change nothing; show what would change, and exit with 1 if anything would
    #[arg(long)]
    pub(super) check: bool,
    #[command(flatten)]
    pub(super) evaluation: EvaluationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawLint {
    /// Files, and directories to search [default: everything below here]
    #[arg(value_name = "PATH", value_hint = ValueHint::AnyPath)]
    pub(super) paths: Vec<PathBuf>,
    /// Search imports here; the last one given is searched first
    #[arg(short = 'J', long = "jpath", value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) library_path: Vec<PathBuf>,
    #[command(flatten)]
    pub(super) evaluation: EvaluationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawCompletions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(super) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(super) struct RawVersion {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: TextFormat,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn each_command(command: &clap::Command, visit: &mut dyn FnMut(&clap::Command)) {
        visit(command);
        for sub in command.get_subcommands() {
            each_command(sub, visit);
        }
    }

    #[test]
    fn no_two_flags_of_a_command_are_the_same() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn every_command_and_flag_says_what_it_does() {
        let mut command = Arguments::command();
        command.build();
        each_command(&command, &mut |command| {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "`{name}` has no help");
            for argument in command.get_arguments() {
                let help = argument
                    .get_help()
                    .map(ToString::to_string)
                    .unwrap_or_default();
                assert!(
                    !help.is_empty(),
                    "`{}` of `{name}` has no help",
                    argument.get_id()
                );
                assert!(
                    !help.ends_with('.'),
                    "`{}` of `{name}` ends in a period",
                    argument.get_id()
                );
            }
        });
    }

    #[test]
    fn no_argument_of_a_command_has_the_id_of_a_global_flag() {
        // clap does not complain: it would fill the global flag with the command's argument.
        let command = Arguments::command();
        let globals: Vec<_> = command
            .get_arguments()
            .filter(|given| given.is_global_set())
            .collect();
        assert!(!globals.is_empty());
        for sub in command.get_subcommands() {
            for argument in sub.get_arguments() {
                let clashes = globals
                    .iter()
                    .any(|global| global.get_id() == argument.get_id());
                assert!(!clashes, "`{}` of `{}`", argument.get_id(), sub.get_name());
            }
        }
    }

    #[test]
    fn what_follows_two_dashes_is_for_the_program() {
        let arguments =
            Arguments::try_parse_from(["wake", "run", "app", "--", "-v", "--", "x"]).unwrap();
        let RawCommand::Run(run) = arguments.command else {
            panic!("not run");
        };
        assert_eq!(run.target.as_deref(), Some("app"));
        assert_eq!(run.arguments, ["-v", "--", "x"]);
        assert_eq!(arguments.global.verbose, 0);
    }
}
