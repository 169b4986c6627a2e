//! The entries of the log: how each kind is written, checked and read in place. It knows no tables.
//!
//! ```text
//! 1 path       the bytes of the path, which gets the next file id
//! 2 version    file u32 · mtime ctime size inode device, 8 bytes each · kind of content u8 · hash 32 bytes · racy u8;
//!              gets the next version number
//! 3 result     identity u32 · key 32 bytes · flags u8 · file that changed meanwhile u32 · counts of declared reads,
//!              reads, outputs, u32 each · microseconds u64 · largest memory in KiB u64 · finished i64 (nanoseconds
//!              since the epoch) · version numbers of the reads, then of the outputs, u32 each · `Story` in JSON,
//!              since a `Reason` is tagged by its kind
//! 4 started    identity u32 · file ids of the outputs it is going to write, u32 each
//! 5 forgotten  identity u32
//! ```
//!
//! A new kind needs a new version of the state's file (`tables.rs`); so does any other change.

use serde::{Deserialize, Serialize};

use crate::event::Reason;
use crate::fs::{Content, ContentKind, Stamp};
use crate::graph::FileId;

use super::tables::{History, Stored, Tables};

pub const PATH: u8 = 1;
pub const VERSION: u8 = 2;
pub const RESULT: u8 = 3;
pub const STARTED: u8 = 4;
pub const FORGOTTEN: u8 = 5;

/// What a file contained when it was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    pub file: FileId,
    pub stamp: Stamp,
    pub content: Content,
    /// A later change may have left the same stamp: the content must be read again.
    pub racy: bool,
}

const VERSION_LENGTH: usize = 4 + 40 + 1 + 32 + 1;

/// Writes a version.
pub fn encode_version(version: &Version) -> [u8; VERSION_LENGTH] {
    let mut bytes = [0; VERSION_LENGTH];
    bytes[..4].copy_from_slice(&version.file.0.to_le_bytes());
    bytes[4..44].copy_from_slice(bytemuck::bytes_of(&version.stamp));
    bytes[44] = version.content.kind as u8;
    bytes[45..77].copy_from_slice(&version.content.hash);
    bytes[77] = u8::from(version.racy);
    bytes
}

/// Reads a version, or `None` if these bytes are none.
pub fn decode_version(bytes: &[u8]) -> Option<Version> {
    let bytes: &[u8; VERSION_LENGTH] = bytes.try_into().ok()?;
    let kind = match bytes[44] {
        0 => ContentKind::Absent,
        1 => ContentKind::File,
        2 => ContentKind::Executable,
        3 => ContentKind::Link,
        4 => ContentKind::Directory,
        _ => return None,
    };
    let mut hash = [0; 32];
    hash.copy_from_slice(&bytes[45..77]);
    Some(Version {
        file: file_at(bytes, 0)?,
        stamp: bytemuck::pod_read_unaligned(&bytes[4..44]),
        content: Content { kind, hash },
        racy: bytes[77] != 0,
    })
}

/// The file id at an offset.
pub fn file_at(bytes: &[u8], at: usize) -> Option<FileId> {
    let bytes = bytes.get(at..at + 4)?.try_into().ok()?;
    Some(FileId(u32::from_le_bytes(bytes)))
}

/// The operation succeeded.
pub const SUCCEEDED: u8 = 1;
/// A test that exited with 77.
pub const SKIPPED: u8 = 2;
/// All its order-only inputs count, since nothing says which of them it read.
pub const ORDER_ONLY_COUNTS: u8 = 4;
/// Outputs that it made were removed since: it can be up to date no more.
pub const SHRUNK: u8 = 8;
/// Not all that it touched was seen, though it was to be: it is not trusted.
pub const UNSEEN: u8 = 16;

/// What is kept of a run for people, decoded only when they ask.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Story {
    pub title: String,
    pub reason: Reason,
    /// What it printed: head and tail where it was long.
    pub output: String,
    /// Why not all that it touched was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<String>,
}

/// The result of a run, to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub identity: FileId,
    pub key: [u8; 32],
    pub flags: u8,
    /// A file that it read and that changed while it ran: the result is not trusted.
    pub changed_meanwhile: Option<FileId>,
    /// How many of `reads` were declared; the others were discovered.
    pub declared: usize,
    /// Version numbers.
    pub reads: Vec<u32>,
    /// Version numbers.
    pub outputs: Vec<u32>,
    pub microseconds: u64,
    pub memory_kib: u64,
    /// Nanoseconds since the epoch.
    pub finished: i64,
    pub story: Story,
}

const FIXED: usize = 4 + 32 + 1 + 4 + 12 + 24;

/// Writes a result.
pub fn encode_result(outcome: &Outcome) -> Vec<u8> {
    let count = |number: usize| FileId::from_index(number).0.to_le_bytes();
    let mut bytes = Vec::with_capacity(FIXED + 256);
    bytes.extend_from_slice(&outcome.identity.0.to_le_bytes());
    bytes.extend_from_slice(&outcome.key);
    bytes.push(outcome.flags);
    let changed = outcome.changed_meanwhile.map_or(u32::MAX, |file| file.0);
    bytes.extend_from_slice(&changed.to_le_bytes());
    bytes.extend_from_slice(&count(outcome.declared));
    bytes.extend_from_slice(&count(outcome.reads.len()));
    bytes.extend_from_slice(&count(outcome.outputs.len()));
    bytes.extend_from_slice(&outcome.microseconds.to_le_bytes());
    bytes.extend_from_slice(&outcome.memory_kib.to_le_bytes());
    bytes.extend_from_slice(&outcome.finished.to_le_bytes());
    for version in outcome.reads.iter().chain(&outcome.outputs) {
        bytes.extend_from_slice(&version.to_le_bytes());
    }
    serde_json::to_writer(&mut bytes, &outcome.story).expect("BUG: plain data always encodes");
    bytes
}

/// A recorded result, read where it lies: in an entry of the log, or in the tables.
#[derive(Clone, Copy)]
pub struct Recorded<'a> {
    identity: FileId,
    key: &'a [u8],
    flags: u8,
    changed_meanwhile: u32,
    declared: usize,
    reads: usize,
    /// Version numbers of reads, then of outputs.
    numbers: &'a [u8],
    rest: Rest<'a>,
}

/// Where the part of a result is that is seldom read.
#[derive(Clone, Copy)]
enum Rest<'a> {
    Entry(&'a [u8]),
    Tables(&'a Tables, usize),
}

impl<'a> Recorded<'a> {
    /// `None` if these bytes are no result.
    pub fn new(bytes: &'a [u8]) -> Option<Self> {
        let count = |at| file_at(bytes, at).map(FileId::index);
        let (declared, reads, outputs) = (count(41)?, count(45)?, count(49)?);
        let end = FIXED.checked_add(reads.checked_add(outputs)?.checked_mul(4)?)?;
        (declared <= reads && bytes.len() >= end).then_some(Self {
            identity: file_at(bytes, 0)?,
            key: &bytes[4..36],
            flags: bytes[36],
            changed_meanwhile: file_at(bytes, 37)?.0,
            declared,
            reads,
            numbers: &bytes[FIXED..end],
            rest: Rest::Entry(bytes),
        })
    }

    /// The result with a number in the tables.
    pub fn stored(tables: &'a Tables, stored: &'a Stored, number: usize) -> Self {
        let reads = stored.reads as usize;
        let count = reads + stored.outputs as usize;
        Self {
            identity: FileId(stored.identity),
            key: &stored.key,
            flags: (stored.flags & 0xFF) as u8,
            changed_meanwhile: stored.changed_meanwhile,
            declared: stored.declared as usize,
            reads,
            numbers: bytemuck::cast_slice(&tables.numbers(stored)[..count]),
            rest: Rest::Tables(tables, number),
        }
    }

    pub fn identity(&self) -> FileId {
        self.identity
    }

    pub fn key(&self) -> &'a [u8] {
        self.key
    }

    pub fn flags(&self) -> u8 {
        self.flags
    }

    pub fn succeeded(&self) -> bool {
        self.flags() & SUCCEEDED != 0
    }

    pub fn changed_meanwhile(&self) -> Option<FileId> {
        let file = self.changed_meanwhile;
        (file != u32::MAX).then_some(FileId(file))
    }

    pub fn microseconds(&self) -> u64 {
        self.history().microseconds
    }

    pub fn memory_kib(&self) -> u64 {
        self.history().memory_kib
    }

    /// Nanoseconds since the epoch.
    pub fn finished(&self) -> i64 {
        self.history().finished
    }

    /// What is not about files; where the story is, only for results of the tables.
    pub fn history(&self) -> History {
        match self.rest {
            Rest::Entry(bytes) => History {
                microseconds: long(bytes, 53),
                memory_kib: long(bytes, 61),
                finished: long(bytes, 69).cast_signed(),
                ..History::default()
            },
            Rest::Tables(tables, number) => *tables.history(number),
        }
    }

    /// Version numbers of what was declared and counts, then of what was discovered.
    pub fn reads(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        numbers(&self.numbers[..self.reads * 4])
    }

    /// Version numbers of the declared part of [`Self::reads`].
    pub fn declared(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        numbers(&self.numbers[..self.declared * 4])
    }

    /// Version numbers of the part of [`Self::reads`] that was not declared.
    pub fn discovered(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        numbers(&self.numbers[self.declared * 4..self.reads * 4])
    }

    /// Version numbers.
    pub fn outputs(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        numbers(&self.numbers[self.reads * 4..])
    }

    /// What is kept for people; `None` if it does not decode.
    pub fn story(&self) -> Option<Story> {
        serde_json::from_slice(self.story_text()).ok()
    }

    /// The story as it is kept.
    pub fn story_text(&self) -> &'a [u8] {
        match self.rest {
            Rest::Entry(bytes) => &bytes[FIXED + self.numbers.len()..],
            Rest::Tables(tables, number) => tables.story(tables.history(number)),
        }
    }

    /// All of it; `None` if the story does not decode.
    pub fn to_outcome(&self) -> Option<Outcome> {
        Some(Outcome {
            identity: self.identity(),
            key: self.key().try_into().ok()?,
            flags: self.flags(),
            changed_meanwhile: self.changed_meanwhile(),
            declared: self.declared,
            reads: self.reads().collect(),
            outputs: self.outputs().collect(),
            microseconds: self.microseconds(),
            memory_kib: self.memory_kib(),
            finished: self.finished(),
            story: self.story()?,
        })
    }
}

fn long(bytes: &[u8], at: usize) -> u64 {
    let mut eight = [0; 8];
    eight.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(eight)
}

fn numbers(bytes: &[u8]) -> impl ExactSizeIterator<Item = u32> {
    bytes
        .chunks_exact(4)
        .map(|bytes| u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}
