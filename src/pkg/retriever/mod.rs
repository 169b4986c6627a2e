//! Retrievers: programs that find and fetch packages, as processes that are confined and spoken to by protocol 1
//! (DESIGN §3.1).
//!
//! It knows nothing of which packages are wanted, and why.

pub mod check;
mod conversation;
pub mod protocol;
pub mod run;
pub mod staged;
pub mod std;
mod surroundings;

use ::std::collections::BTreeMap;
use ::std::path::{Path, PathBuf};
use ::std::sync::{Mutex, PoisonError};

use serde_json::Value;

use super::Tools;
use super::facts::Origin;
use crate::error::Result;
use protocol::{Candidate, Fetched, Wanted};
use run::Surroundings;

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

/// Retrievers as processes that are confined.
#[derive(Debug)]
pub struct Running {
    surroundings: Surroundings,
    said: Mutex<Vec<String>>,
}

impl Running {
    pub fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            said: Mutex::default(),
        }
    }

    fn hear(&self, origin: &str, line: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(format!("{origin}: {line}"));
    }
}

impl Tools for Running {
    fn candidates(&self, retriever: &Retriever, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        let say = |line: &str| self.hear(&retriever.origin, line);
        self.surroundings.candidates(retriever, wanted, &say)
    }

    fn fetch(&self, retriever: &Retriever, packages: &[Fetched]) -> Result<()> {
        let say = |line: &str| self.hear(&retriever.origin, line);
        self.surroundings.fetch(retriever, packages, &say)
    }

    fn take_said(&self) -> Vec<String> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        ::std::mem::take(&mut said)
    }

    fn wake(&self) -> &Path {
        &self.surroundings.program
    }
}
