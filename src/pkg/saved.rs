//! Declarations of earlier runs, used again as long as nothing that they were evaluated from has changed.
//!
//! # File `.wake/state/declarations-1`
//!
//! JSON: a list of [`Kept`]. What was evaluated stands there as the hash of the request (package directory, answers) and of
//! wake itself; its result as the evaluation process gave it, with what it read. A file that cannot be read as this is as
//! good as none.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::fs;
use crate::fs::stamp::Clock;
use crate::jsonnet::protocol::{Answer, Outcome, Request};
use crate::workspace::front::{self, Front, Surroundings};

/// One declaration and what it depends on.
#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    key: String,
    outcome: Outcome,
    front: Front,
}

/// What is kept of earlier runs, and what this one adds.
#[derive(Debug, Default)]
pub struct Saved {
    top: PathBuf,
    environment: BTreeMap<String, String>,
    /// Tells this wake and what it runs on from others.
    salt: String,
    kept: HashMap<String, Kept>,
    used: Mutex<HashSet<String>>,
    learned: Mutex<Vec<(String, Outcome)>>,
}

impl Saved {
    /// Reads what earlier runs left in `file`.
    pub fn open(
        file: &Path,
        top: &Path,
        environment: &BTreeMap<String, String>,
        salt: String,
    ) -> Result<Self> {
        let content = fs::read_if_exists(file)?.unwrap_or_default();
        let kept: Vec<Kept> = serde_json::from_slice(&content).unwrap_or_default();
        Ok(Self {
            top: top.to_owned(),
            environment: environment.clone(),
            salt,
            kept: kept.into_iter().map(|one| (one.key.clone(), one)).collect(),
            ..Self::default()
        })
    }

    /// The outcome that a request had before, if it would have it again.
    pub fn recall(&self, request: &Request) -> Option<Outcome> {
        if self.kept.is_empty() {
            return None;
        }
        let key = self.key(request)?;
        let kept = self.kept.get(&key)?;
        let around = Surroundings {
            top: &self.top,
            environment: &self.environment,
        };
        if !kept.front.holds(around) {
            return None;
        }
        held(&self.used).insert(key);
        Some(kept.outcome.clone())
    }

    /// Notes the outcome of a request, if it is one to keep.
    pub fn remember(&self, request: &Request, outcome: &Outcome) {
        if let (Ok(Answer::Declaration(_)), Some(key)) = (&outcome.result, self.key(request))
            && !held(&self.used).contains(&key)
        {
            held(&self.learned).push((key, outcome.clone()));
        }
    }

    /// Writes what is to be kept: all that this run evaluated or used.
    pub fn save(&self, file: &Path, clock: &Clock) -> Result<()> {
        let (used, learned) = (held(&self.used), held(&self.learned));
        if used.len() == self.kept.len() && learned.is_empty() {
            return Ok(());
        }
        let old = self.kept.values().filter(|one| used.contains(&one.key));
        let new: Vec<Kept> = learned
            .iter()
            .map(|(key, outcome)| Kept {
                key: key.clone(),
                outcome: outcome.clone(),
                front: front::save(outcome.reads.clone(), clock, &self.top),
            })
            .collect();
        let all: BTreeMap<&str, &Kept> =
            old.chain(&new).map(|one| (one.key.as_str(), one)).collect();
        let text = serde_json::to_vec(&all.values().collect::<Vec<_>>()).map_err(|error| {
            Error::internal("Declarations cannot be kept").cause(error.to_string())
        })?;
        fs::write_atomic(file, &text)
    }

    /// Names a request; `None`: it is none for a declaration.
    fn key(&self, request: &Request) -> Option<String> {
        let Request::Declare { .. } = request else {
            return None;
        };
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.salt.as_bytes());
        hasher.update(&serde_json::to_vec(request).ok()?);
        Some(hasher.finalize().to_hex().to_string())
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
