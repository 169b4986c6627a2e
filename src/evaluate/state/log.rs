//! The log: checksummed frames that are only ever appended. It knows frames and their damage, and nothing of what is in
//! them.
//!
//! # Format of the frames, behind the tables of `state-3` and behind the header of `commands-2`
//!
//! Numbers are little-endian and nothing is aligned.
//!
//! ```text
//! frame    length of the payload u32 · XXH3 (64 bits) of length and payload · payload
//! payload  entries: kind u8 · length u32 · that many bytes (see `record.rs`)
//! ```
//!
//! A frame is what one `write` appended: everything a scheduler had to say at one time. A frame counts whole or not at
//! all. The first one that is torn or damaged ends the log: what is before it is written to a new file under a *new name
//! of the state*, because ids behind the cut will mean other paths. A file is replaced by rename only; it is shortened only
//! by the process that has just failed to append.

use std::fs::File;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::Xxh3;

use crate::error::{Error, Result};
use crate::fs;

const FRAME: usize = 12;

/// 16 bytes that no other state has.
pub fn random_name() -> [u8; 16] {
    use std::hash::{BuildHasher, Hasher};
    let part = || {
        std::collections::hash_map::RandomState::new()
            .build_hasher()
            .finish()
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&part().to_le_bytes());
    hasher.update(&part().to_le_bytes());
    hasher.update(&fs::stamp::now().to_le_bytes());
    hasher.update(&std::process::id().to_le_bytes());
    let mut name = [0; 16];
    name.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    name
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(
        bytes.get(at..at.checked_add(4)?)?.try_into().ok()?,
    ))
}

fn checksum(payload: &[u8]) -> [u8; 8] {
    let mut hasher = Xxh3::new();
    hasher.update(&length(payload).to_le_bytes());
    hasher.update(payload);
    hasher.digest().to_le_bytes()
}

/// The payload of the frame at `at`, if it is there and undamaged.
pub fn frame(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let length = number(bytes, at)? as usize;
    let start = at + FRAME;
    let payload = bytes.get(start..start.checked_add(length)?)?;
    (checksum(payload) == bytes[at + 4..start]).then_some(start..start + length)
}

/// The entry at `at` of a payload that ends at `end`: its kind and where its bytes are.
pub fn entry(bytes: &[u8], at: usize, end: usize) -> Option<(u8, Range<usize>)> {
    let kind = *bytes[..end].get(at)?;
    let length = number(&bytes[..end], at + 1)? as usize;
    let start = at + 5;
    let stop = start.checked_add(length)?;
    (stop <= end).then_some((kind, start..stop))
}

/// Appends one entry to a payload. Returns where its bytes are in it.
pub fn push(payload: &mut Vec<u8>, kind: u8, bytes: &[u8]) -> Range<usize> {
    payload.push(kind);
    payload.extend_from_slice(&length(bytes).to_le_bytes());
    payload.extend_from_slice(bytes);
    payload.len() - bytes.len()..payload.len()
}

/// Appends a frame around `payload` to `bytes`.
pub fn enclose(bytes: &mut Vec<u8>, payload: &[u8]) {
    bytes.extend_from_slice(&length(payload).to_le_bytes());
    bytes.extend_from_slice(&checksum(payload));
    bytes.extend_from_slice(payload);
}

fn length(bytes: &[u8]) -> u32 {
    u32::try_from(bytes.len()).expect("BUG: no entry or frame is as long as 4 GiB")
}

/// The end of a log file, where frames are appended.
#[derive(Debug)]
pub struct Appender {
    file: File,
    path: PathBuf,
    length: u64,
}

impl Appender {
    /// Appends to a file that has `length` good bytes and no others.
    pub fn open(path: &Path, length: usize) -> Result<Self> {
        Ok(Self {
            file: fs::open_append(path)?,
            path: path.to_owned(),
            length: length as u64,
        })
    }

    /// Bytes in the file.
    pub fn length(&self) -> u64 {
        self.length
    }

    /// Appends `payload` as one frame. When that fails the file is as it was before.
    pub fn append(&mut self, payload: &[u8]) -> Result<()> {
        let mut bytes = Vec::with_capacity(payload.len() + FRAME);
        enclose(&mut bytes, payload);
        match self.file.write_all(&bytes) {
            Ok(()) => {
                self.length += bytes.len() as u64;
                Ok(())
            }
            Err(error) => {
                // If this fails too, the torn frame is found and cut when the log is opened.
                let _ = self.file.set_len(self.length);
                Err(self.error("write", &error))
            }
        }
    }

    /// Waits until the disk has everything.
    pub fn sync(&self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.map_err(|error| self.error("write", &error))
    }

    fn error(&self, attempt: &str, error: &std::io::Error) -> Error {
        Error::io(format!("Cannot {attempt} `{}`", self.path.display()), error)
            .hint("free some space or make it writable, then build again: nothing is lost")
    }
}
