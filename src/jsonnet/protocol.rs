//! What wake asks of an evaluation process and what it answers: plain data, one frame each.
//!
//! A frame is a `u32` length (little-endian) and that many bytes of JSON. Before and while it works on a request, the
//! process sends [`Reply::Working`] frames that say what is being evaluated, so that an evaluation that dies, hangs or
//! eats all memory can be named; the last frame of a request is [`Reply::Done`].

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::declare::model::{
    Declaration, Host, Module, PackageDirectory, PackageInfo, PackageRequest, Parameters,
};
use crate::error::{Error, Location};
use crate::event::Level;

/// What is the same for all evaluations of one run. Sent first.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Setup {
    pub host: Host,
    /// The invoker's environment: what `wake.env` may read.
    pub environment: BTreeMap<String, String>,
    /// Bytes of address space; 0: no limit.
    pub memory: u64,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Request {
    Setup(Setup),
    /// Evaluates the `PKG` of a directory. Answers with [`Answer::Declaration`].
    /// Answers with [`Answer::Waiting`] if that needs what other packages say of themselves.
    Declare {
        package: PackageDirectory,
        answers: Vec<(PackageRequest, Answered)>,
    },
    /// Evaluates the `exports` of a package. Answers with [`Answer::Value`] or [`Answer::Waiting`].
    Exports {
        package: PackageDirectory,
        answers: Vec<(PackageRequest, Answered)>,
    },
    /// Evaluates one module function. Answers with [`Answer::Module`] or [`Answer::Waiting`].
    Module {
        package: PackageDirectory,
        module: String,
        config: Value,
        parameters: Parameters,
        /// What is known of the packages that it reads (not only depends on).
        answers: Vec<(PackageRequest, Answered)>,
    },
    /// Runs the tasks of one instance, or works out the operation of a `wake.module`. Answers with
    /// [`Answer::Generated`] or [`Answer::Waiting`].
    Generate(Box<GenerateInput>),
    /// `wake fmt`: parses a file and answers with [`Answer::Value`], its text in the usual layout.
    Format {
        file: PathBuf,
        top: PathBuf,
    },
    /// `wake lint`: parses a file, evaluates nothing, and answers with [`Answer::Findings`].
    Lint {
        file: PathBuf,
        /// Where imports are searched that are not beside the file.
        library_path: Vec<PathBuf>,
        top: PathBuf,
    },
    /// Runs tasks of one instance from a state that is given, to see what they do. Answers with [`Answer::Tried`] or
    /// [`Answer::Waiting`].
    Try(Box<Trial>),
    /// `wake eval`: evaluates a file and answers with [`Answer::Value`]; a function is called with `wake` if it takes it.
    Eval {
        file: PathBuf,
        library_path: Vec<PathBuf>,
        arguments: Vec<Argument>,
        top: PathBuf,
    },
}

/// One `--ext-*` or `--tla-*` of `wake eval`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Argument {
    pub is_top_level: bool,
    pub is_code: bool,
    pub name: String,
    pub value: String,
}

/// What a package may see of another one that is resolved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answered {
    pub info: PackageInfo,
    /// Where its files are.
    pub directory: PackageDirectory,
    /// The visible fields of its `pkgs`.
    pub pkgs: Vec<(String, PackageRequest)>,
    /// `None`: not asked for yet. A package that exports nothing exports `null`, which is something else.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "there"
    )]
    pub exports: Option<Value>,
}

/// What is there, be it `null`.
fn there<'a, D: serde::Deserializer<'a>>(value: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(value).map(Some)
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Reply {
    /// What is being evaluated now, for people: "`pkgs.terminal` of `PKG`", "task `Build` of `acme/calculator:lib`".
    Working(String),
    Done(Box<Outcome>),
}

/// The result of a request and everything that it read.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Outcome {
    pub result: Result<Answer, Error>,
    pub reads: Vec<Read>,
    /// It was not evaluated now: an earlier run did that.
    #[serde(skip)]
    pub is_recalled: bool,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub enum Answer {
    Ready,
    Declaration(Declaration),
    Module(Module),
    Generated(Generated),
    Tried(Tried),
    Value(Value),
    /// What is wrong with a program, in the order of its text.
    Findings(Vec<Finding>),
    /// The evaluation read `exports`, `pkgs`, `inputs`, `name` or `version` of packages that are not known yet: answer
    /// these and ask again.
    Waiting(Vec<PackageRequest>),
}

/// Something that is wrong with a program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    pub level: Level,
    pub error: Error,
}

/// Something that an evaluation read: if none of these changed, its result has not changed either.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Read {
    /// A file's content, by path: a `PKG`, an import, `readFile`. `hash` is BLAKE3; `None`: the file was not there.
    File {
        path: PathBuf,
        hash: Option<[u8; 32]>,
    },
    /// Whether a line of any of the files begins with one of the words: see [`crate::workspace::front::is_mentioned`].
    Mention {
        files: Vec<PathBuf>,
        words: Vec<String>,
        found: bool,
    },
    /// The paths that patterns matched below a directory (relative, sorted), and the directories listed for it.
    Glob {
        directory: PathBuf,
        include: Vec<String>,
        exclude: Vec<String>,
        matched: Vec<String>,
        listed: Vec<PathBuf>,
    },
    Environment {
        name: String,
        value: Option<String>,
    },
    /// A tool looked up in the invoker's `PATH`.
    Tool {
        name: String,
        found: Option<PathBuf>,
    },
    /// The directories in a directory, as `workspace::members::subdirectories` lists them.
    Subdirectories {
        directory: PathBuf,
        names: Vec<String>,
    },
    /// Whether something is at a path.
    Existence {
        path: PathBuf,
        exists: bool,
    },
    /// Where the path of a directory leads when its links are resolved; `None`: there is no directory.
    Link {
        path: PathBuf,
        target: Option<PathBuf>,
    },
}

/// The input table of one instance (DESIGN §4, step 1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GenerateInput {
    pub package: PackageDirectory,
    pub info: PackageInfo,
    pub module: String,
    /// For messages: `acme/calculator:lib`.
    pub label: String,
    pub config: Value,
    pub parameters: Parameters,
    pub body: crate::declare::model::ModuleBody,
    /// The package's `files`.
    pub files: Vec<String>,
    pub dependencies: Vec<DependencyState>,
    /// The plugins whose tasks run, the language's first.
    pub plugins: Vec<Plugin>,
    pub answers: Vec<(PackageRequest, Answered)>,
    /// The SDKs of the user's `LocalUserConfig.sml`, as tasks see them.
    #[serde(default)]
    pub sdks: Vec<Value>,
    /// Keys of the recipe that stand in `RootRecipe.sml` alone: a language that does not know one need not mind.
    #[serde(default)]
    pub shared_keys: Vec<String>,
    /// What the operations asked for with `preprocess` have made by now: paths as tasks wrote them, and contents.
    #[serde(default)]
    pub preprocessed: BTreeMap<String, String>,
    /// Where the module is declared.
    pub at: Option<Location>,
}

/// An instance whose tasks are tried, not generated to be built.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trial {
    pub input: GenerateInput,
    /// What the first task finds.
    pub start: TaskState,
    /// The only tasks to run, in this order; `None`: all, in theirs.
    pub tasks: Option<Vec<String>>,
}

/// The two states that tasks hand on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TaskState {
    pub active: Value,
    pub shared: Value,
}

impl Default for TaskState {
    /// Two empty objects.
    fn default() -> Self {
        let empty = || Value::Object(serde_json::Map::new());
        Self {
            active: empty(),
            shared: empty(),
        }
    }
}

/// What trying tasks came to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tried {
    pub generated: Generated,
    pub active_state: Value,
    /// The tasks that ran, in their order.
    pub tasks: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Plugin {
    /// One of `std-plugins/`, by name.
    Std(String),
    /// The `plugin` of a package with a `PKG`.
    Package(PackageDirectory),
    /// A file of a package, relative to its directory.
    File(PackageDirectory, String),
}

/// What a dependency's generate hands to its dependents. Paths carry tokens with names (`$(target NAME:MODULE#HASH)`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DependencyState {
    pub kind: String,
    pub key: Option<String>,
    pub name: String,
    pub module: String,
    pub reference: String,
    pub target_directory: String,
    pub executable: Option<String>,
    pub shared_state: Value,
}

/// What generating one instance yields. Paths may carry `$(package)`, `$(target)`, `$(cache)` of the instance itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Generated {
    pub shared_state: Value,
    pub operations: Vec<OperationSpec>,
    /// Operations whose outputs the tasks want to read before they know the rest. They are not in `operations`.
    #[serde(default)]
    pub preprocess: Vec<OperationSpec>,
    pub messages: Vec<TaskMessage>,
    /// Directories of tools that were found, in the order they were found, for `PATH`.
    pub tool_directories: Vec<String>,
}

/// Something that a task says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskMessage {
    pub level: Level,
    pub text: String,
    /// The task that says it: `Build` of `std-plugins/c.libsonnet`.
    pub task: String,
}

/// One `wake.operation`, `writeFile`, `copyFile` or `makeDirectory`, as jsonnet made it (DESIGN §4.2); all defaults are
/// filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OperationSpec {
    pub title: String,
    pub action: ActionSpec,
    pub inputs: Vec<String>,
    pub order_only: Vec<String>,
    pub outputs: Vec<String>,
    pub depfile: Option<String>,
    pub weight: u32,
    pub pool: Option<String>,
    pub is_test: bool,
    /// Where it was made.
    pub at: Option<Location>,
}

impl OperationSpec {
    /// All outputs, that which receives standard output among them.
    pub fn all_outputs(&self) -> impl Iterator<Item = &str> {
        let stdout = match &self.action {
            ActionSpec::Run { stdout, .. } => stdout.as_deref(),
            _ => None,
        };
        let stdout = stdout.filter(|stdout| !self.outputs.iter().any(|output| output == stdout));
        self.outputs.iter().map(String::as_str).chain(stdout)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are of the large kind"
)]
pub enum ActionSpec {
    Run {
        /// A path with a token, an absolute path, or a bare name that was found: then `tool` is the file.
        executable: String,
        tool: Option<PathBuf>,
        arguments: Vec<String>,
        working_directory: String,
        environment: BTreeMap<String, String>,
        stdin: Option<String>,
        /// Text for standard input instead of a file.
        stdin_text: Option<String>,
        stdout: Option<String>,
        response_file: crate::graph::ResponseFile,
        console: bool,
        caches: Vec<String>,
        network: bool,
        timeout: Option<u32>,
    },
    WriteFile {
        content: String,
        executable: bool,
    },
    CopyFile,
    MakeDirectory,
}
