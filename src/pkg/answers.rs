//! What retrievers answer becomes facts. It knows nothing of who is asked, and when.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use rayon::prelude::*;
use serde_json::Value;

use super::facts::{Artifact, Candidate, Demand, GLOBAL, Origin, Subject};
use super::requirement::Requirement;
use super::retriever::protocol::{self, Required};
use crate::declare::model::{NAMES, is_label, version_of};
use crate::error::{Error, Result};

/// Answers as facts. What is malformed was refused when the response was read.
pub(super) fn candidates(
    origin: &Origin,
    answer: Vec<Vec<protocol::Candidate>>,
) -> Result<Vec<Vec<Candidate>>> {
    let reading = || Reading {
        origin,
        labels: HashMap::new(),
        requirements: HashMap::new(),
    };
    let each = |reading: &mut Reading<'_>, found: Vec<protocol::Candidate>| {
        let candidates = found.into_iter().map(|one| reading.candidate(one));
        candidates.collect::<Result<Vec<Candidate>>>()
    };
    let answers = answer.into_par_iter().with_min_len(FEWEST);
    let answers: Vec<Result<Vec<Candidate>>> = answers.map_init(reading, each).collect();
    // Of several errors that of the first package, whichever was found first.
    answers.into_iter().collect()
}

/// Of how many packages the answers are read by one thread: names that they have in common are kept once for these.
const FEWEST: usize = 256;

/// The names and requirements of an answer: most occur many times.
struct Reading<'a> {
    origin: &'a Origin,
    labels: HashMap<String, Arc<str>>,
    requirements: HashMap<String, Requirement>,
}

impl Reading<'_> {
    fn candidate(&mut self, said: protocol::Candidate) -> Result<Candidate> {
        let version = version_of(&said.version)
            .map_err(|why| wrong(self.origin, "the version", &said.version).cause(why))?;
        let published = said.published.as_deref().map(|text| {
            seconds(text).ok_or_else(|| wrong(self.origin, "the time of publication", text))
        });
        let demands = said.pkgs.values().map(|required| self.demand(required));
        let demands = demands.collect::<Result<_>>()?;
        Ok(Candidate {
            version,
            demands,
            size: said.size,
            is_yanked: said.yanked,
            published: published.transpose()?,
            artifacts: said.artifacts.into_iter().map(artifact).collect(),
        })
    }

    fn demand(&mut self, required: &Required) -> Result<Demand> {
        let (text, from, is_host) = match required {
            Required::Same(text) => (text, None, false),
            Required::From { req, from, host } => (req, from.as_deref(), *host),
        };
        let origin = match from {
            None => self.origin.clone(),
            Some(GLOBAL) => GLOBAL.into(),
            Some(from) => return Err(wrong(self.origin, "a requirement from", from)),
        };
        let (label, requirement) = text.split_once('@').unwrap_or((text, ""));
        let label = label.trim();
        let label = match self.labels.get(label) {
            Some(known) => known.clone(),
            None if !is_label(label) => {
                return Err(wrong(self.origin, "the name", label).cause(NAMES));
            }
            None => {
                let new: Arc<str> = label.into();
                self.labels.insert(label.to_owned(), new.clone());
                new
            }
        };
        let requirement = match self.requirements.get(requirement) {
            Some(known) => known.clone(),
            None => {
                let new = Requirement::parse(requirement)?;
                self.requirements
                    .insert(requirement.to_owned(), new.clone());
                new
            }
        };
        Ok(Demand {
            subject: Subject { label, origin },
            requirement,
            versions: None,
            is_host,
            at: None,
        })
    }
}

fn wrong(origin: &Origin, what: &str, text: &str) -> Error {
    Error::user(format!(
        "The retriever `{origin}` answers with {what} `{text}`"
    ))
}

fn artifact(said: protocol::Artifact) -> Artifact {
    let when = said.when.iter();
    Artifact {
        when: when
            .map(|(name, value)| (name.clone(), texts(value)))
            .collect(),
        name: said.name,
        digest: said.digest,
    }
}

/// A text or a list of texts.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// Seconds since the epoch of an RFC 3339 time, or of the begin of a date in UTC.
fn seconds(text: &str) -> Option<i64> {
    let time = text.parse::<jiff::Timestamp>().ok();
    let date = || {
        let day: Date = text.parse().ok()?;
        day.to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    time.or_else(date).map(jiff::Timestamp::as_second)
}
