//! The texts behind keys, read only to explain why a key changed. Losing them loses explanations and nothing else.
//!
//! # Format `commands`, version 2: file `commands-2`
//!
//! The eight bytes "wakecmd2", the length that the file had when it was last written as a whole u64, then frames and entries as
//! in `log.rs`; entries of kind 1: key 32 bytes · `graph::key::Parts` in postcard. Damage ends it.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs;
use crate::graph::key::Parts;

use super::log::{self, Appender};

const MAGIC: [u8; 8] = *b"wakecmd2";
const HEADER: usize = 16;
const PARTS: u8 = 1;
/// A file is written anew when it has grown to twice what it was, and by this.
const SMALL: u64 = 4 << 20;
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

    /// Drops all keys but these if the file has grown much since that was last done.
    ///
    /// # Errors
    /// `Environment`, with the path.
    pub fn retain(&mut self, keys: impl FnOnce() -> HashSet<[u8; 32]>) -> Result<()> {
        self.flush()?;
        let Some(path) = &self.path else {
            return Ok(());
        };
        let Some(map) = fs::map(path)?.filter(|map| map.starts_with(&MAGIC)) else {
            return Ok(());
        };
        if (map.len() as u64) < SMALL + 2 * whole_length(&map) {
            return Ok(());
        }
        let mut keys = keys();
        let mut kept = Vec::new();
        each_entry(&map, |key, range| {
            if keys.remove(key) {
                kept.push(range);
            }
        });
        let length = kept.iter().map(|range| range.len() as u64).sum();
        self.appender = None;
        fs::write_atomic_with(path, |file| {
            file.write_all(&header(length))?;
            let mut payload = Vec::new();
            let mut frame = Vec::new();
            for (number, range) in kept.iter().enumerate() {
                log::push(&mut payload, PARTS, &map[range.clone()]);
                if payload.len() > LONG || number + 1 == kept.len() {
                    log::enclose(&mut frame, &payload);
                    file.write_all(&frame)?;
                    payload.clear();
                    frame.clear();
                }
            }
            Ok(())
        })
    }

    fn load(&self) -> HashMap<[u8; 32], Vec<u8>> {
        let mut known = HashMap::new();
        let map = self.path.as_ref().and_then(|path| fs::map(path).ok()?);
        let bytes = map.as_deref().filter(|bytes| bytes.starts_with(&MAGIC));
        let bytes = bytes.unwrap_or_default();
        each_entry(bytes, |key, range| {
            known.insert(*key, bytes[range.start + key.len()..range.end].to_vec());
        });
        known
    }
}

/// Tells all entries of a file up to the first damage: the key of each, and where it is.
fn each_entry(bytes: &[u8], mut each: impl FnMut(&[u8; 32], Range<usize>)) {
    let mut at = HEADER;
    while let Some(payload) = log::frame(bytes, at) {
        let mut position = payload.start;
        while let Some((_, range)) = log::entry(bytes, position, payload.end) {
            position = range.end;
            if let Some((key, _)) = bytes[range.clone()].split_first_chunk::<32>() {
                each(key, range);
            }
        }
        at = payload.end;
    }
}

fn header(whole_length: u64) -> Vec<u8> {
    [MAGIC, whole_length.to_le_bytes()].concat()
}

/// The length that a file had when it was last written as a whole; 0: never.
fn whole_length(bytes: &[u8]) -> u64 {
    let length = bytes.get(MAGIC.len()..HEADER);
    length.map_or(0, |length| {
        length
            .iter()
            .rev()
            .fold(0, |sum, &byte| sum << 8 | u64::from(byte))
    })
}

/// Makes sure that the file has a header and nothing damaged behind it. Returns its length.
fn good_length(path: &Path) -> Result<usize> {
    let map = fs::map(path)?;
    let bytes = map
        .as_deref()
        .filter(|bytes| bytes.starts_with(&MAGIC))
        .unwrap_or_default();
    let mut good = HEADER;
    while let Some(payload) = log::frame(bytes, good) {
        good = payload.end;
    }
    if good != map.as_deref().map_or(0, <[u8]>::len) {
        let rest = bytes.get(HEADER..good).unwrap_or_default();
        fs::write_atomic(path, &[&header(whole_length(bytes)), rest].concat())?;
    }
    Ok(good)
}
