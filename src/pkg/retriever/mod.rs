//! Retrievers: programs that find and fetch packages, as processes that are confined and spoken to by protocol 1
//! (DESIGN §3.1).
//!
//! It knows nothing of which packages are wanted, and why.

pub mod check;
mod conversation;
pub mod protocol;
pub mod std;
pub mod run;
pub mod staged;
mod surroundings;

use ::std::collections::BTreeMap;
use ::std::path::PathBuf;

use serde_json::Value;

use super::facts::Origin;

/// A program that can be asked.
#[derive(Clone, Debug, PartialEq)]
pub struct Retriever {
    /// What messages and the lock call it.
    pub origin: Origin,
    /// Absolute.
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Its working directory, absolute: that of the package whose `exec` it is; of one of `wake.std`, the workspace's top.
    pub directory: PathBuf,
    /// The directories that it may read besides the system's: those of its package and of what that one names in `pkgs`.
    pub readable: Vec<PathBuf>,
    pub config: Value,
    pub env: BTreeMap<String, String>,
    pub has_network: bool,
    /// The user's home directory and environment are its own, too.
    pub has_home: bool,
}
