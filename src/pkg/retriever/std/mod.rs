//! The retrievers of `wake.std`, as `wake __retrieve NAME` runs them.
//!
//! Each is a file that opens a [`Finder`] for a config: nothing is read or asked before `candidates` or `fetch` is
//! called. They know nothing of solving, of the lock and of the store; that they are confined is the matter of whoever
//! starts the process.
//!
//! Protocol 1 is one request, then the end of input. A retriever of wake goes on: it answers request after request, one
//! line of JSON each, until its input ends. The loop asks once and ends the input; others may ask more.

pub mod config;
pub mod foreign;

mod archive;
mod client;
mod crates;
mod git;
mod http;
mod index;
mod npm;
mod pypi;
mod source;
#[cfg(test)]
mod tests;
mod truth;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::path::PathBuf;

use serde::Serialize;
use serde_json::Value;

use super::protocol::{Candidate, Fetched, Method, Request, VERSION, Wanted};
use crate::error::{Error, Result, suggestion};

/// What a retriever may know of where it runs.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The workspace's top, absolute: paths in configs are relative to it.
    pub directory: PathBuf,
    /// The environment of the process, and over it the `env` of the request.
    pub environment: BTreeMap<String, String>,
}

/// Finds and fetches packages.
pub trait Finder {
    /// The versions of each package, in the order of `wanted`. Versions that a requirement does not admit may be left
    /// out; a package that is not there has none.
    ///
    /// # Errors
    /// What is asked cannot answer, or answers nonsense. Nothing is reported for the others then.
    fn candidates(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>>;

    /// Puts the files of packages into their empty directories.
    ///
    /// # Errors
    /// As [`Self::candidates`]; what the directories contain then is undefined, and nobody uses it.
    fn fetch(&self, packages: &[Fetched]) -> Result<()>;

    /// The files and directories that the config names, absolute: what it must be allowed to read.
    fn reads(&self) -> Vec<PathBuf> {
        Vec::new()
    }
}

/// Makes a retriever for a config. Wrong configs are refused here.
pub type Open = fn(&Value, &Surroundings) -> Result<Box<dyn Finder>>;

/// All of them, by the names that `wake.std` gives them; sorted.
const RETRIEVERS: &[(&str, Open)] = &[
    ("archive", archive::open),
    ("crates", crates::open),
    ("git", git::open),
    ("index", index::open),
    ("npm", npm::open),
    ("pypi", pypi::open),
];

/// The names of all retrievers of `wake.std`.
pub fn names() -> impl Iterator<Item = &'static str> {
    RETRIEVERS.iter().map(|(name, _)| *name)
}

/// The retriever `name` with a config.
///
/// # Errors
/// There is none of that name, or its config is wrong.
pub fn open(name: &str, config: &Value, surroundings: &Surroundings) -> Result<Box<dyn Finder>> {
    let known = RETRIEVERS.iter().find(|(known, _)| *known == name);
    let (_, open) = known.ok_or_else(|| {
        Error::user(format!("`wake.std` has no retriever `{name}`"))
            .hint_option(suggestion(name, names()))
    })?;
    open(config, surroundings)
}

/// Answers the requests that come, until there are no more.
///
/// # Errors
/// The first request that cannot be answered.
pub fn serve(
    name: &str,
    surroundings: &Surroundings,
    requests: impl Read,
    mut responses: impl Write,
) -> Result<()> {
    for request in serde_json::Deserializer::from_reader(requests).into_iter() {
        let request: Request = request.map_err(|error| {
            Error::user("The request is not one of protocol 1").cause(error.to_string())
        })?;
        let mut response = answer(name, &request, surroundings)?;
        response.push(b'\n');
        responses
            .write_all(&response)
            .and_then(|()| responses.flush())
            .map_err(|error| Error::io("Cannot write the response", &error))?;
    }
    Ok(())
}

/// The response to one request.
fn answer(name: &str, request: &Request, surroundings: &Surroundings) -> Result<Vec<u8>> {
    if request.protocol != VERSION {
        let asked = request.protocol;
        let message = format!("The request is of protocol {asked}; this wake speaks {VERSION}");
        return Err(Error::user(message));
    }
    let mut surroundings = surroundings.clone();
    surroundings.environment.extend(request.env.clone());
    let finder = open(name, &request.config, &surroundings)?;
    match &request.method {
        Method::Candidates { requests } => encode(&finder.candidates(requests)?),
        Method::Fetch { packages } => {
            finder.fetch(packages)?;
            let directories: Vec<_> = packages.iter().map(|package| &package.into).collect();
            encode(&directories)
        }
    }
}

fn encode(response: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(response).map_err(|error| {
        Error::internal("The response cannot be written as JSON").cause(error.to_string())
    })
}
