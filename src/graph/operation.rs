//! What an operation is (DESIGN §4.2), after its paths have become ids.
//!
//! Text in a [`Command`] still has its root tokens (`$(package)`, `$(target)`, `$(target NAME:MODULE#HASH)` …): they
//! are expanded when the operation starts, so keys and the frozen graph mean the same on another machine.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{FileId, InstanceId, Root};

/// What is generated once and has one target directory.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// For people: `acme/calculator:lib`.
    pub label: String,
    /// Relative to the workspace's top, without a final slash.
    pub target_directory: String,
    /// `package`, `target` and `cache` of this instance; more specific tokens are in the graph's table.
    pub roots: Vec<Root>,
    /// Where the module is declared, as `file:line:column`.
    pub declared: String,
    /// Whether the invocation asked for this instance by name.
    pub requested: bool,
    /// The file that `wake run` starts, if there is one.
    pub executable: Option<FileId>,
    /// Only what it asked for with `preprocess` is in the graph: the rest of its operations is not known yet.
    pub is_partial: bool,
}

/// How a command line that is too long for the kernel is passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResponseFile {
    /// As `@file` with one argument a line, quoted as GCC reads it, when the command line is long.
    #[default]
    Auto,
    Always,
    Never,
}

/// A process to start.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// A path, with root tokens; absolute when they are expanded.
    pub executable: String,
    pub arguments: Vec<String>,
    pub working_directory: String,
    /// Exactly what the process sees, apart from `PATH`, `HOME`, `TMPDIR`, `LANG`, `TZ` and `MAKEFLAGS`.
    pub environment: BTreeMap<String, String>,
    /// `PATH`: absolute directories, joined by colons.
    pub path: String,
    pub stdin: Stdin,
    pub stdout: Option<FileId>,
    pub response_file: ResponseFile,
    /// Gets the terminal itself, alone.
    pub console: bool,
    /// Directories, with root tokens, that it keeps things in between builds: what is done there counts for nothing.
    pub caches: Vec<String>,
    pub network: bool,
    /// Seconds.
    pub timeout: Option<u32>,
}

/// What a process reads from standard input.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stdin {
    #[default]
    Nothing,
    File(FileId),
    Text(String),
}

/// What an operation does. All but `Run` happen inside wake, without a process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    Run(Command),
    /// Writes this text, root tokens expanded, to the only output.
    WriteFile {
        content: String,
        executable: bool,
    },
    /// Copies the only input to the only output, with its permission bits.
    CopyFile,
    /// Makes the only output, a directory.
    MakeDirectory,
}

/// One unit of work, as `generate` hands it to [`super::freeze`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    pub instance: InstanceId,
    /// What identifies it across graphs: its first output, or for one without outputs the pseudo path
    /// `<target directory>#<title>`.
    pub identity: FileId,
    pub inputs: Vec<FileId>,
    pub order_only: Vec<FileId>,
    pub outputs: Vec<FileId>,
    /// See `key.rs`.
    pub key: [u8; 32],
    /// The executable's file, an input that counts.
    pub tool: Option<FileId>,
    pub weight: u32,
    pub is_test: bool,
    pub cold: Cold,
}

/// The part of an [`Operation`] that is decoded only when it is run, shown or explained.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cold {
    pub title: String,
    pub action: Action,
    pub depfile: Option<FileId>,
    pub pool: Option<String>,
    /// Where the jsonnet that made it stands, as `file:line:column`.
    pub declared: String,
}
