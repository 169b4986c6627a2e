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
    /// Retrievers in these surroundings.
    pub fn new(surroundings: Surroundings) -> Self {
        Self {
            surroundings,
            said: Mutex::default(),
        }
    }

    /// The versions in an index that is a directory are just read, by this process: a process of its own in each round
    /// would take longer than all the rest. Archives are unpacked confined as always.
    fn local_index(&self, retriever: &Retriever) -> Result<Option<Box<dyn std::Finder>>> {
        if !self.is_local_index(retriever) {
            return Ok(None);
        }
        let surroundings = std::Surroundings {
            directory: retriever.directory.clone(),
            environment: retriever.env.clone(),
        };
        std::open("index", &retriever.config, &surroundings).map(Some)
    }

    fn is_local_index(&self, retriever: &Retriever) -> bool {
        retriever.program == self.surroundings.program
            && retriever.arguments == ["__retrieve", "index"]
            && retriever.config.get("path").is_some()
    }

    fn hear(&self, origin: &str, line: &str) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.push(format!("{origin}: {line}"));
    }
}

impl Tools for Running {
    fn candidates(&self, retriever: &Retriever, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        if let Some(finder) = self.local_index(retriever)? {
            return finder.candidates(wanted);
        }
        let say = |line: &str| self.hear(&retriever.origin, line);
        self.surroundings.candidates(retriever, wanted, &say)
    }

    fn fetch(&self, retriever: &Retriever, packages: &[Fetched]) -> Result<()> {
        let say = |line: &str| self.hear(&retriever.origin, line);
        self.surroundings.fetch(retriever, packages, &say)
    }

    fn is_cheap(&self, retriever: &Retriever) -> bool {
        self.is_local_index(retriever)
    }

    fn take_said(&self) -> Vec<String> {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        ::std::mem::take(&mut said)
    }

    fn wake(&self) -> &Path {
        &self.surroundings.program
    }
}
