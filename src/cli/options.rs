//! Arguments, checked once: what the commands get is right and ready to use. It reads files that arguments name, and
//! nothing of the workspace.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use super::args::{
    Arguments, BuildFlags, DeclarationFlags, EvaluationFlags, GlobalFlags, ParameterFlags,
    RawCommand, RawEval, RawFormat, RawLint, RawTest, ResolutionFlags, When,
};
pub use super::args::{Check, GraphFormat, Language, TextFormat};
use super::package_options::{CacheGc, Package};
use super::plugin_options::Plugin;
pub use super::sharing::Sharing;
use super::values::{
    age, load, named_file, named_value, number, pattern, pool, seconds, size, split,
};
use crate::declare::model::Parameters;
use crate::error::{Error, Result};
use crate::jsonnet::protocol::Argument;
use crate::pkg::policy::{LockMode, LockUse};
use crate::report::{ConsoleOptions, Style, Verbosity};

const MOST_IN_POOL: u32 = 1_000_000;
const MOST_RUNS: u32 = 1_000_000;
/// The evaluation process itself takes some.
const LEAST_MEMORY: u64 = 64 << 20;

/// What one invocation asks for.
#[derive(Debug)]
pub struct Invocation {
    pub console: ConsoleOptions,
    pub command: Command,
}

/// A command with everything it was given.
#[derive(Debug)]
pub enum Command {
    Build(Build),
    Run(Run),
    Test(Test),
    Watch(Build),
    Init(Init),
    Target(Target),
    Clean(Clean),
    Why(Why),
    Graph(Graph),
    Package(Package),
    Plugin(Plugin),
    CacheGc(CacheGc),
    Eval(Eval),
    Format(Format),
    Lint(Lint),
    Check(Undeclared),
    Doctor,
    Completions(clap_complete::Shell),
    Version(TextFormat),
    /// This process confines a program for another wake.
    Confined,
    /// This process evaluates declarations for another wake.
    Evaluate,
    /// This process is the retriever of `wake.std` of this name.
    Retrieve(String),
}

/// Limits for the evaluation of declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// Bytes.
    pub memory: u64,
    pub timeout: Duration,
}

/// How packages are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolution {
    pub mode: LockMode,
    /// New versions must have been published at or before this time, in seconds since the epoch.
    pub published_by: Option<i64>,
    /// Whether retrievers are not confined.
    pub is_unconfined: bool,
}

/// What every command takes that looks at declarations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declarations {
    pub resolution: Resolution,
    pub evaluation: Evaluation,
}

/// Whether to observe what operations touch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Monitor {
    Off,
    IfPossible,
    /// And warn if that is not possible.
    Wanted,
    /// And fail if that is not possible, or if they touch what they do not declare.
    Strict,
}

/// How to build, and what to write about it.
#[derive(Clone, Debug)]
pub struct Build {
    /// As typed; none: the default of the command.
    pub targets: Vec<String>,
    pub parameters: Parameters,
    pub declarations: Declarations,
    pub sharing: Sharing,
    pub load_limit: Option<f64>,
    /// How many operations of a pool run at once: those that were named.
    pub pools: BTreeMap<String, usize>,
    /// How many operations must have failed before no other one is started; 0: no number is enough.
    pub keep_going: usize,
    pub force: bool,
    pub monitor: Monitor,
    pub check: Check,
    /// Say what would run, and run nothing.
    pub is_dry_run: bool,
    pub events: Option<PathBuf>,
    pub trace: Option<PathBuf>,
    pub has_compile_commands: bool,
    pub skip_generate: bool,
    pub skip_evaluate: bool,
}

#[derive(Debug)]
pub struct Run {
    /// Has at most one target.
    pub build: Build,
    pub arguments: Vec<OsString>,
}

#[derive(Debug)]
pub struct Test {
    pub build: Build,
    /// A pattern, or a part of the title.
    pub filter: Option<String>,
    pub rerun: bool,
    /// At least 1.
    pub runs: u32,
    pub timeout: Option<Duration>,
    pub junit: Option<PathBuf>,
    pub arguments: Vec<String>,
}

#[derive(Debug)]
pub struct Init {
    pub directory: PathBuf,
    pub language: Language,
    /// A plugin instead of a program.
    pub is_plugin: bool,
    /// A `Recipe.sml` instead of a `PKG`.
    pub is_recipe: bool,
}

#[derive(Debug)]
pub struct Target {
    pub target: Option<String>,
    pub parameters: Parameters,
    pub declarations: Declarations,
}

#[derive(Debug)]
pub struct Clean {
    /// Only what the workspace no longer declares.
    pub stale: bool,
    pub declarations: Declarations,
}

#[derive(Debug)]
pub struct Why {
    pub operation: Option<String>,
    /// List what it read.
    pub reads: bool,
    pub format: TextFormat,
    pub parameters: Parameters,
    pub declarations: Declarations,
}

#[derive(Debug)]
pub struct Graph {
    pub targets: Vec<String>,
    pub format: GraphFormat,
    pub parameters: Parameters,
    pub declarations: Declarations,
}

#[derive(Debug)]
pub struct Undeclared {
    pub targets: Vec<String>,
    pub parameters: Parameters,
    pub declarations: Declarations,
}

#[derive(Debug)]
pub struct Eval {
    pub file: PathBuf,
    /// In the order they are searched.
    pub library_path: Vec<PathBuf>,
    pub is_string: bool,
    pub form: EvalForm,
    /// The file to write; `None`: standard output.
    pub output: Option<PathBuf>,
    pub arguments: Vec<Argument>,
    pub evaluation: Evaluation,
}

/// What becomes of the result of `wake eval`.
#[derive(Debug)]
pub enum EvalForm {
    /// It is printed.
    One,
    /// Each element of a list is printed as a document of YAML.
    YamlStream,
    /// Each field of an object is written into a file of its name in this directory.
    Files(PathBuf),
}

/// `wake fmt`.
#[derive(Debug)]
pub struct Format {
    /// None: everything below the working directory.
    pub paths: Vec<PathBuf>,
    /// Change nothing.
    pub is_check: bool,
    pub evaluation: Evaluation,
}

/// `wake lint`.
#[derive(Debug)]
pub struct Lint {
    /// None: everything below the working directory.
    pub paths: Vec<PathBuf>,
    /// In the order they are searched.
    pub library_path: Vec<PathBuf>,
    pub evaluation: Evaluation,
}

/// The surroundings that decide how wake looks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looks {
    pub(super) is_terminal: bool,
    pub(super) no_color: bool,
    pub(super) is_dumb: bool,
}

impl Looks {
    pub(super) fn of(environment: &BTreeMap<String, String>, is_terminal: bool) -> Self {
        Self {
            is_terminal,
            no_color: environment
                .get("NO_COLOR")
                .is_some_and(|value| !value.is_empty()),
            is_dumb: environment.get("TERM").is_none_or(|term| term == "dumb"),
        }
    }

    pub(super) fn style(self, when: When) -> Style {
        Style::new(match when {
            When::Always => true,
            When::Never => false,
            When::Auto => self.is_terminal && !self.no_color && !self.is_dumb,
        })
    }
}

impl Invocation {
    /// Checks what was typed. Relative paths are left relative to the working directory.
    pub(super) fn check(
        arguments: Arguments,
        looks: Looks,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut console = console(&arguments.global, looks);
        let command = match arguments.command {
            RawCommand::Build(raw) => {
                let targets = raw.targets;
                Command::Build(Build::check(targets, raw.build, environment, &mut console)?)
            }
            RawCommand::Run(raw) => Command::Run(Run {
                build: {
                    let targets = raw.target.into_iter().collect();
                    Build::check(targets, raw.build, environment, &mut console)?
                },
                arguments: raw.arguments,
            }),
            RawCommand::Test(raw) => Command::Test(Test::check(raw, environment, &mut console)?),
            RawCommand::Watch(raw) => {
                let targets = raw.targets;
                Command::Watch(Build::check(targets, raw.build, environment, &mut console)?)
            }
            RawCommand::Init(raw) => Command::Init(Init {
                directory: raw.place,
                language: raw.language,
                is_plugin: raw.plugin,
                is_recipe: raw.sml,
            }),
            RawCommand::Target(raw) => Command::Target(Target {
                target: raw.target,
                parameters: parameters(raw.parameters)?,
                declarations: Declarations::check(&raw.declarations)?,
            }),
            RawCommand::Clean(raw) => Command::Clean(Clean {
                stale: raw.stale,
                declarations: Declarations::check(&raw.declarations)?,
            }),
            RawCommand::Why(raw) => Command::Why(Why {
                operation: raw.operation,
                reads: raw.reads,
                format: raw.format,
                parameters: parameters(raw.parameters)?,
                declarations: Declarations::check(&raw.declarations)?,
            }),
            RawCommand::Graph(raw) => Command::Graph(Graph {
                targets: raw.targets,
                format: raw.format,
                parameters: parameters(raw.parameters)?,
                declarations: Declarations::check(&raw.declarations)?,
            }),
            RawCommand::Check(raw) => Command::Check(Undeclared {
                targets: raw.targets,
                parameters: parameters(raw.parameters)?,
                declarations: Declarations::check(&raw.declarations)?,
            }),
            RawCommand::Pkg(raw) => Command::Package(Package::check(raw)?),
            RawCommand::Plugin(raw) => Command::Plugin(Plugin::check(raw)?),
            RawCommand::Cache(raw) => Command::CacheGc(CacheGc::check(raw)?),
            RawCommand::Eval(raw) => Command::Eval(Eval::check(raw, environment)?),
            RawCommand::Fmt(raw) => Command::Format(Format::check(raw)?),
            RawCommand::Lint(raw) => Command::Lint(Lint::check(raw, environment)?),
            RawCommand::Doctor => Command::Doctor,
            RawCommand::Completions(raw) => Command::Completions(raw.shell),
            RawCommand::Version(raw) => Command::Version(raw.format),
            RawCommand::Confined => Command::Confined,
            RawCommand::Evaluate => Command::Evaluate,
            RawCommand::Retrieve { name } => Command::Retrieve(name),
        };
        Ok(Self { console, command })
    }
}

fn console(global: &GlobalFlags, looks: Looks) -> ConsoleOptions {
    ConsoleOptions {
        verbosity: match (global.quiet, global.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, times) => Verbosity::Verbose(times),
        },
        style: looks.style(global.color),
        is_explaining: false,
        is_replaying: false,
        is_tracing: false,
        is_silent_when_idle: false,
        is_live: looks.is_terminal && !looks.is_dumb,
    }
}

impl Build {
    fn check(
        targets: Vec<String>,
        raw: BuildFlags,
        environment: &BTreeMap<String, String>,
        console: &mut ConsoleOptions,
    ) -> Result<Self> {
        console.is_explaining = raw.explain;
        console.is_replaying = raw.replay;
        console.is_tracing = raw.trace.is_some();
        let sharing = Sharing::check(raw.jobs.as_deref(), raw.jobserver, environment)?;
        Ok(Self {
            targets,
            parameters: parameters(raw.parameters)?,
            declarations: Declarations::check(&raw.declarations)?,
            load_limit: match raw.load_average {
                Some(text) => load("--load-average", &text)?,
                None => None,
            },
            pools: raw
                .pool
                .iter()
                .map(|text| pool("--pool", text, MOST_IN_POOL))
                .collect::<Result<_>>()?,
            keep_going: raw.keep_going,
            force: raw.force,
            monitor: match (raw.strict, raw.monitor, raw.no_monitor) {
                (true, _, _) => Monitor::Strict,
                (_, true, _) => Monitor::Wanted,
                (_, _, true) => Monitor::Off,
                _ => Monitor::IfPossible,
            },
            check: raw.check,
            is_dry_run: raw.dry_run,
            events: raw.events,
            trace: raw.trace,
            has_compile_commands: !raw.no_compile_commands,
            skip_generate: raw.skip_generate,
            skip_evaluate: raw.skip_evaluate || sharing.is_dry_run,
            sharing,
        })
    }
}

impl Test {
    fn check(
        raw: RawTest,
        environment: &BTreeMap<String, String>,
        console: &mut ConsoleOptions,
    ) -> Result<Self> {
        Ok(Self {
            filter: raw.filter.map(pattern).transpose()?,
            rerun: raw.rerun,
            runs: number("--runs", &raw.runs, MOST_RUNS)?,
            timeout: raw
                .timeout
                .map(|text| seconds("--timeout", &text))
                .transpose()?,
            junit: raw.junit,
            arguments: raw.arguments,
            build: Build::check(raw.targets, raw.build, environment, console)?,
        })
    }
}

impl Evaluation {
    pub(super) fn check(raw: &EvaluationFlags) -> Result<Self> {
        let memory = size("--eval-memory", &raw.eval_memory)?;
        if memory < LEAST_MEMORY {
            let text = &raw.eval_memory;
            let message = format!("`--eval-memory` must be at least 64MiB, not `{text}`");
            return Err(Error::user(message));
        }
        Ok(Self {
            memory,
            timeout: seconds("--eval-timeout", &raw.eval_timeout)?,
        })
    }
}

impl Declarations {
    pub(super) fn check(raw: &DeclarationFlags) -> Result<Self> {
        Ok(Self {
            resolution: Resolution::check(&raw.resolution)?,
            evaluation: Evaluation::check(&raw.evaluation)?,
        })
    }
}

impl Resolution {
    fn check(raw: &ResolutionFlags) -> Result<Self> {
        let mode = LockMode {
            lock: match (raw.locked, raw.frozen) {
                (_, true) => LockUse::Trust,
                (true, false) => LockUse::Keep,
                (false, false) => LockUse::Update,
            },
            is_offline: raw.offline || raw.frozen,
        };
        let age = raw.min_age.as_deref().map(|text| age("--min-age", text));
        let age = age.transpose()?;
        Ok(Self {
            mode,
            published_by: age.map(|age| crate::fs::stamp::now() / 1_000_000_000 - age),
            is_unconfined: raw.no_sandbox,
        })
    }
}

impl Eval {
    fn check(raw: RawEval, environment: &BTreeMap<String, String>) -> Result<Self> {
        let library_path = library_path(raw.library_path, environment);
        let mut arguments = Vec::new();
        for (flag, texts, is_top_level, is_code) in [
            ("--ext-str", raw.ext_str, false, false),
            ("--ext-code", raw.ext_code, false, true),
            ("--tla-str", raw.tla_str, true, false),
            ("--tla-code", raw.tla_code, true, true),
        ] {
            for text in texts {
                let (name, value) = named_value(flag, &text, environment)?;
                arguments.push(Argument {
                    is_top_level,
                    is_code,
                    name,
                    value,
                });
            }
        }
        for (flag, texts, is_top_level, is_code) in [
            ("--ext-str-file", raw.ext_str_file, false, false),
            ("--ext-code-file", raw.ext_code_file, false, true),
            ("--tla-str-file", raw.tla_str_file, true, false),
            ("--tla-code-file", raw.tla_code_file, true, true),
        ] {
            for text in texts {
                let (name, value) = named_file(flag, &text)?;
                arguments.push(Argument {
                    is_top_level,
                    is_code,
                    name,
                    value,
                });
            }
        }
        Ok(Self {
            file: raw.file,
            library_path,
            is_string: raw.string,
            form: match (raw.multi, raw.yaml_stream) {
                (Some(directory), _) => EvalForm::Files(directory),
                (None, true) => EvalForm::YamlStream,
                (None, false) => EvalForm::One,
            },
            output: raw.output_file,
            arguments,
            evaluation: Evaluation::check(&raw.evaluation)?,
        })
    }
}

/// The directories where imports are searched, in this order.
fn library_path(given: Vec<PathBuf>, environment: &BTreeMap<String, String>) -> Vec<PathBuf> {
    let mut library_path: Vec<PathBuf> = given.into_iter().rev().collect();
    if let Some(path) = environment.get("JSONNET_PATH") {
        let given = path.split(':').filter(|directory| !directory.is_empty());
        library_path.extend(given.map(PathBuf::from));
    }
    library_path
}

impl Format {
    fn check(raw: RawFormat) -> Result<Self> {
        Ok(Self {
            paths: raw.paths,
            is_check: raw.check,
            evaluation: Evaluation::check(&raw.evaluation)?,
        })
    }
}

impl Lint {
    fn check(raw: RawLint, environment: &BTreeMap<String, String>) -> Result<Self> {
        Ok(Self {
            paths: raw.paths,
            library_path: library_path(raw.library_path, environment),
            evaluation: Evaluation::check(&raw.evaluation)?,
        })
    }
}

/// The parameters of the command line; later ones of a key win, and `-p` wins over the flag of that name.
pub(super) fn parameters(raw: ParameterFlags) -> Result<Parameters> {
    let mut parameters = Parameters::new();
    for (key, value) in [
        ("Flavor", raw.flavor),
        ("Architecture", raw.architecture),
        ("System", raw.system),
        ("Compiler", raw.compiler),
    ] {
        if let Some(value) = value {
            parameters.insert(key.to_owned(), Value::String(value));
        }
    }
    for text in raw.parameters {
        let (key, value) = split("--parameter", &text, "Key=Value")?;
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.to_owned()));
        parameters.insert(key.to_owned(), value);
    }
    Ok(parameters)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    fn check(words: &[&str]) -> Result<Invocation> {
        let environment = BTreeMap::from([
            ("SET".to_owned(), "value".to_owned()),
            ("JSONNET_PATH".to_owned(), "/c::/d".to_owned()),
        ]);
        let looks = Looks {
            is_terminal: false,
            no_color: false,
            is_dumb: false,
        };
        let all = std::iter::once(&"wake").chain(words);
        Invocation::check(Arguments::try_parse_from(all).unwrap(), looks, &environment)
    }

    fn build(words: &[&str]) -> Build {
        let all: Vec<&str> = std::iter::once("build")
            .chain(words.iter().copied())
            .collect();
        match check(&all).unwrap().command {
            Command::Build(build) => build,
            other => panic!("{other:?}"),
        }
    }

    fn complaint(words: &[&str]) -> String {
        check(words).unwrap_err().to_string()
    }

    #[test]
    fn parameters_are_json_where_they_can_be() {
        let given = build(&[
            "--flavor", "Release", "-p", "Level=3", "-p", "Name=a=b", "-p", "Empty=", "-p",
            "Flavor=X",
        ]);
        let expected = serde_json::json!({"Empty": "", "Flavor": "X", "Level": 3, "Name": "a=b"});
        assert_eq!(serde_json::to_value(given.parameters).unwrap(), expected);
        assert_eq!(
            complaint(&["build", "-p", "=x"]),
            "`--parameter =x` has no name or no value"
        );
    }

    #[test]
    fn a_flag_given_twice_means_the_last_one() {
        let given = build(&[
            "-j", "1", "--flavor", "Debug", "--flavor", "Release", "-j", "7", "--force", "--force",
        ]);
        assert_eq!(given.sharing.jobs, 7);
        assert_eq!(given.parameters["Flavor"], "Release");
    }

    #[test]
    fn sizes_and_times_are_checked() {
        let given = build(&["--eval-memory", "512MiB", "--eval-timeout", "0.5"]);
        assert_eq!(given.declarations.evaluation.memory, 512 << 20);
        assert_eq!(
            given.declarations.evaluation.timeout,
            Duration::from_millis(500)
        );
        for wrong in [
            "0",
            "GiB",
            "-1",
            "99999999999999999999",
            "17179869184GiB",
            "4XiB",
        ] {
            let flag = format!("--eval-memory={wrong}");
            assert_eq!(
                complaint(&["build", &flag]),
                format!("`--eval-memory` must be a size, not `{wrong}`")
            );
        }
        assert!(complaint(&["build", "--eval-memory=63MiB"]).contains("at least 64MiB"));
        for wrong in ["0", "nan", "inf", "-5", "1e300", "soon"] {
            let flag = format!("--eval-timeout={wrong}");
            assert!(
                complaint(&["build", &flag]).starts_with("`--eval-timeout` must be"),
                "{wrong}"
            );
        }
    }

    #[test]
    fn limits_of_what_runs_at_once_are_checked() {
        let given = build(&["-l", "2.5", "--pool", "link=2", "--pool=io=0"]);
        assert_eq!(given.load_limit, Some(2.5));
        assert_eq!(
            given.pools,
            BTreeMap::from([("io".to_owned(), usize::MAX), ("link".to_owned(), 2)])
        );
        assert_eq!(build(&["-l0"]).load_limit, None);
        let wrong = [
            ("-j-1", "`--jobs` must be a number from 0 to 4096, not `-1`"),
            ("-jx", "`--jobs` must be a number from 0 to 4096, not `x`"),
            (
                "-lnan",
                "`--load-average` must be a number from 0 on, not `nan`",
            ),
            (
                "-l-2",
                "`--load-average` must be a number from 0 on, not `-2`",
            ),
            ("--pool=link", "`--pool link` has no name or no value"),
            ("--pool==2", "`--pool =2` has no name or no value"),
            (
                "--pool=link=two",
                "`--pool link` must be a number from 0 to 1000000, not `two`",
            ),
        ];
        for (flag, told) in wrong {
            assert_eq!(complaint(&["build", flag]), told);
        }
    }

    #[test]
    fn eval_takes_what_jsonnet_takes() {
        let words = [
            "eval",
            "f",
            "-J",
            "a",
            "-J",
            "b",
            "-V",
            "SET",
            "--tla-code",
            "x=1+1",
        ];
        let Command::Eval(eval) = check(&words).unwrap().command else {
            panic!("not eval");
        };
        assert_eq!(eval.library_path, ["b", "a", "/c", "/d"].map(PathBuf::from));
        let given: Vec<_> = eval
            .arguments
            .iter()
            .map(|given| {
                (
                    given.is_top_level,
                    given.is_code,
                    given.name.as_str(),
                    given.value.as_str(),
                )
            })
            .collect();
        assert_eq!(
            given,
            [(false, false, "SET", "value"), (true, true, "x", "1+1")]
        );
        assert_eq!(
            complaint(&["eval", "f", "--ext-str", "UNSET"]),
            "Environment variable `UNSET`, named by `--ext-str UNSET`, is not set"
        );
    }

    #[test]
    fn colours_follow_the_flag_then_the_surroundings() {
        let terminal = Looks {
            is_terminal: true,
            no_color: false,
            is_dumb: false,
        };
        assert!(terminal.style(When::Auto).has_color());
        assert!(
            !Looks {
                no_color: true,
                ..terminal
            }
            .style(When::Auto)
            .has_color()
        );
        assert!(
            !Looks {
                is_dumb: true,
                ..terminal
            }
            .style(When::Auto)
            .has_color()
        );
        assert!(
            !Looks {
                is_terminal: false,
                ..terminal
            }
            .style(When::Auto)
            .has_color()
        );
        assert!(
            Looks {
                no_color: true,
                ..terminal
            }
            .style(When::Always)
            .has_color()
        );
    }
}
