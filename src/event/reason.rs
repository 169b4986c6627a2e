//! Why an operation is out of date: the first thing that differs, old and new. Values; `report` puts them into words.

use serde::{Deserialize, Serialize};

/// Paths are relative to the workspace's top; contents are the first 12 hex digits of their BLAKE3, or `absent`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Reason {
    /// It has never run here.
    NeverRan,
    /// `--force`, or a test that is to be run again.
    Forced,
    /// Last time it failed.
    LastFailed,
    /// Last time it was started and did not come to an end.
    Interrupted,
    /// Its command, environment or declared files changed: which parts.
    CommandChanged { changes: Vec<PartChange> },
    /// Something it read changed.
    InputChanged {
        path: String,
        old: String,
        new: String,
    },
    /// The program it runs changed.
    ToolChanged {
        path: String,
        old: String,
        new: String,
    },
    /// An output is not there.
    OutputMissing { path: String },
    /// An output is not as it left it.
    OutputChanged {
        path: String,
        old: String,
        new: String,
    },
    /// Last time an input changed while it ran, so its result was not trusted.
    ChangedWhileRunning { path: String },
    /// There is no record of what it read (an order-only input of an operation without depfile, for instance).
    OrderOnlyChanged { path: String },
}

/// One part of a key that differs. `old` or `new` is missing where the part was added or removed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartChange {
    pub part: String,
    pub old: Option<String>,
    pub new: Option<String>,
}
