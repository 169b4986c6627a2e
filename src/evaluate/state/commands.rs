//! The texts behind keys, read only to explain why a key changed. Losing them loses explanations and nothing else.
//!
//! # Format `commands`, version 2: file `commands-2`
//!
//! The eight bytes "wakecmd2", then frames and entries as in `log.rs`; entries of kind 1: key 32 bytes ·
//! `graph::key::Parts` in postcard. Damage ends it.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs;
use crate::graph::key::Parts;

use super::log::{self, Appender};

const MAGIC: [u8; 8] = *b"wakecmd2";
const PARTS: u8 = 1;
/// No frame of a file that is written anew is much longer.
const LONG: usize = 1 << 20;

/// See the module.
#[derive(Default)]
pub struct Commands {
    path: Option<PathBuf>,
    appender: Option<Appender>,
    payload: Vec<u8>,
    /// Read when first asked for.
    known: Option<HashMap<[u8; 32], Vec<u8>>>,
}

impl Commands {
    pub fn new(directory: &Path) -> Self {
        Self {
            path: Some(directory.join("commands-2")),
            ..Self::default()
        }
    }

    /// Keeps the parts of a key; written with the next [`Commands::flush`].
    pub fn keep(&mut self, key: &[u8; 32], parts: &Parts) {
        let bytes = postcard::to_extend(parts, key.to_vec()).expect("BUG: plain data encodes");
        if self.path.is_some() {
            log::push(&mut self.payload, PARTS, &bytes);
        } else {
            self.known.get_or_insert_default();
        }
        if let Some(known) = &mut self.known {
            known.insert(*key, bytes[32..].to_vec());
        }
    }

    /// The parts of a key, if they were kept.
    pub fn parts(&mut self, key: &[u8]) -> Option<Parts> {
        if self.known.is_none() {
            self.flush().ok()?;
            self.known = Some(self.load());
        }
        postcard::from_bytes(self.known.as_ref()?.get(key)?).ok()
    }

    /// Writes what was kept.
    ///
    /// # Errors
    /// `Environment`, with the path.
    pub fn flush(&mut self) -> Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| !self.payload.is_empty()) else {
            return Ok(());
        };
        if self.appender.is_none() {
            let good = good_length(path)?;
            self.appender = Some(Appender::open(path, good)?);
        }
        if let Some(appender) = &mut self.appender {
            appender.append(&self.payload)?;
        }
        self.payload.clear();
        Ok(())
    }

    /// Drops all keys but these.
    ///
    /// # Errors
    /// `Environment`, with the path.
    pub fn retain(&mut self, keys: &HashSet<[u8; 32]>) -> Result<()> {
        self.flush()?;
        let Some(path) = &self.path else {
            return Ok(());
        };
        let mut bytes = MAGIC.to_vec();
        let mut payload = Vec::new();
        for (key, parts) in self.load() {
            if keys.contains(&key) {
                log::push(&mut payload, PARTS, &[key.as_slice(), &parts].concat());
            }
            if payload.len() > LONG {
                log::enclose(&mut bytes, &std::mem::take(&mut payload));
            }
        }
        if !payload.is_empty() {
            log::enclose(&mut bytes, &payload);
        }
        self.appender = None;
        fs::write_atomic(path, &bytes)
    }

    fn load(&self) -> HashMap<[u8; 32], Vec<u8>> {
        let mut known = HashMap::new();
        let map = self.path.as_ref().and_then(|path| fs::map(path).ok()?);
        let Some(bytes) = map.as_deref().filter(|bytes| bytes.starts_with(&MAGIC)) else {
            return known;
        };
        let mut at = MAGIC.len();
        while let Some(payload) = log::frame(bytes, at) {
            let mut position = payload.start;
            while let Some((_, range)) = log::entry(bytes, position, payload.end) {
                position = range.end;
                if let Some((key, parts)) = bytes[range].split_first_chunk::<32>() {
                    known.insert(*key, parts.to_vec());
                }
            }
            at = payload.end;
        }
        known
    }
}

/// Makes sure that the file has a header and nothing damaged behind it. Returns its length.
fn good_length(path: &Path) -> Result<usize> {
    let map = fs::map(path)?;
    let bytes = map
        .as_deref()
        .filter(|bytes| bytes.starts_with(&MAGIC))
        .unwrap_or_default();
    let mut good = MAGIC.len();
    while let Some(payload) = log::frame(bytes, good) {
        good = payload.end;
    }
    if good != map.as_deref().map_or(0, <[u8]>::len) {
        let rest = bytes.get(MAGIC.len()..good).unwrap_or_default();
        fs::write_atomic(path, &[&MAGIC, rest].concat())?;
    }
    Ok(good)
}
