//! Why an operation is out of date: the first thing that differs, old and new. Values; `report` puts them into words.

use serde::{Deserialize, Serialize};

/// Paths are relative to the workspace's top; contents are the first 12 hex digits of their BLAKE3, or `absent`; where a
/// file became something else, such as a directory, what it is stands before the digits.
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
    /// Its command, environment or declared files changed: which parts, and how many more there are.
    CommandChanged {
        changes: Vec<PartChange>,
        #[serde(default)]
        more: usize,
    },
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
    /// Last time not all that it touched could be seen, so its result was not trusted.
    ObservedIncompletely { cause: String },
    /// A file that counts though it is not in its command is listed in another way than before.
    OrderOnlyChanged {
        path: String,
        #[serde(default)]
        listing: Listing,
    },
    /// Nothing changed yet, but this file that it read is made anew before it, and may come out different. Only in
    /// previews: nothing runs for this reason.
    InputMayChange {
        path: String,
        /// The name of the operation that makes it.
        by: String,
    },
}

/// How a file that counts came to be listed in another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Listing {
    /// It was not among what the operation may read.
    #[default]
    Added,
    /// It is no longer among what the operation may read.
    Removed,
    /// The operation read it, and now another one makes it, without being done before.
    Made,
}

/// One part of a key that differs. `old` or `new` is missing where the part was added or removed. Long texts are cut
/// around the first difference.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartChange {
    /// As in the key: `argument`, `environment CC`, `input`, …
    pub part: String,
    pub old: Option<String>,
    pub new: Option<String>,
    /// Old and new are the same: only its place among the others changed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub moved: bool,
    /// Of texts with several lines, those that differ: `-12 old`, `+12 new`, and perhaps how many more there are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub lines: Vec<String>,
}
