//! What the state knew when its file was last written as a whole: tables that are mapped and used in place. It knows
//! nothing of what was recorded since.
//!
//! # Format `wakestat`, version 3: file `state-3`
//!
//! The sections of a file as in `fs/sections.rs`, whose tag is the name of the state, then the frames of `log.rs`.
//! Numbers are little-endian.
//!
//! ```text
//! paths        for each file id: where its text begins u32, its length u32
//! text         all paths
//! places       for each file id: its directory u32 (`NONE` for a path with a final slash), and where its last name begins
//!              in `names` u32
//! names        the last names of paths, and the paths of directories without a final slash, a zero byte behind each
//! directories  for each directory: where its path begins in `names` u32
//! index        file ids by hash of the path: open addressing, a power of two of u32, `NONE` where there is none
//! stamps       for each version: mtime ctime size inode device, 8 bytes each
//! marks        for each version, u8: 1 it is known · 2 it is racy · 4-16 kind of content, times 4
//! hashes       for each version: hash of its content, 32 bytes
//! older        u32: the file of each version from the one whose number is the count of paths on
//! slots        for each file id: the number of the result of the operation that it identifies u32, or `NONE`
//! results      a `Stored` each
//! numbers      u32: the versions that results refer to, and the files that started operations were going to write
//! histories    a `History` each, in the order of the results
//! stories      `Story` in JSON, one after the other
//! ```
//!
//! The version whose number is a file id is the latest of that file. So of an operation whose reads are all what they
//! were, each version number is a file id, and the two are compared without looking anything up.

use std::ffi::CStr;
use std::fs::File;

use bytemuck::{Pod, Zeroable};
use xxhash_rust::xxh3::xxh3_64;

use crate::fs::sections::{Bytes, Kind, Sections};
use crate::fs::{Content, ContentKind, Stamp};
use crate::graph::FileId;

use super::NONE;
use super::record::Version;

pub const KIND: Kind = Kind {
    magic: *b"wakestat",
    version: 3,
};

// The sections, by number, in the order in which `compact.rs` writes them.
const PATHS: usize = 0;
const TEXT: usize = 1;
const PLACES: usize = 2;
const NAMES: usize = 3;
const DIRECTORIES: usize = 4;
const INDEX: usize = 5;
const STAMPS: usize = 6;
const MARKS: usize = 7;
const HASHES: usize = 8;
const OLDER: usize = 9;
const SLOTS: usize = 10;
const RESULTS: usize = 11;
const NUMBERS: usize = 12;
const HISTORIES: usize = 13;
const STORIES: usize = 14;
pub const COUNT: usize = 15;

/// A path.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Path {
    pub start: u32,
    pub length: u32,
}

/// Where a file is looked at.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Place {
    pub directory: u32,
    pub name: u32,
}

/// What a build that runs nothing reads of a result.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub struct Stored {
    pub key: [u8; 32],
    pub identity: u32,
    /// Those of `record.rs`, and [`HAS_RESULT`], [`HAS_STARTED`].
    pub flags: u32,
    pub changed_meanwhile: u32,
    /// Where in `numbers` its reads begin; its outputs come behind them, then what it was going to write.
    pub first: u32,
    pub declared: u32,
    pub reads: u32,
    pub outputs: u32,
    pub started: u32,
}

/// What only priorities and people want to know of a result.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, Pod, Zeroable)]
pub struct History {
    pub microseconds: u64,
    pub memory_kib: u64,
    pub finished: i64,
    pub story: u64,
    pub story_length: u64,
}

/// It ended, and all fields count.
pub const HAS_RESULT: u32 = 1 << 8;
/// It was started and has not ended: `started` counts.
pub const HAS_STARTED: u32 = 1 << 9;

pub const KNOWN: u8 = 1;
pub const RACY: u8 = 2;

/// The mark of a version.
pub fn mark(racy: bool, kind: ContentKind) -> u8 {
    KNOWN | if racy { RACY } else { 0 } | (kind as u8) << 2
}

/// Where a path is in an index of `capacity` places, a power of two, or the place from which it is looked for.
pub fn place(path: &[u8], capacity: usize) -> usize {
    usize::try_from(xxh3_64(path) & u64::from(u32::MAX)).unwrap_or(0) & (capacity - 1)
}

/// See the module.
pub struct Tables {
    bytes: Bytes,
    sections: Sections<COUNT>,
}

impl Tables {
    /// `None` if the bytes do not begin with tables of this version, or with damaged ones. `file`: what they are a map of.
    pub fn open(bytes: Bytes, file: Option<&File>) -> Option<Self> {
        let sections = Sections::open(&bytes, file, KIND)?;
        Some(Self { bytes, sections })
    }

    /// The name of the state.
    pub fn state(&self) -> [u8; 16] {
        self.sections.tag
    }

    /// All bytes of the file: the frames behind the tables, too.
    pub fn file(&self) -> &[u8] {
        &self.bytes
    }

    /// Where the frames begin.
    pub fn end(&self) -> usize {
        self.sections.end
    }

    fn section<T: Pod>(&self, index: usize) -> &[T] {
        self.sections.slice(&self.bytes, index)
    }

    fn record<T: Pod>(&self, index: usize, number: usize) -> &T {
        self.sections.record(&self.bytes, index, number)
    }

    fn paths(&self) -> &[Path] {
        self.section(PATHS)
    }

    pub fn path_count(&self) -> usize {
        self.paths().len()
    }

    /// The path of a file id.
    pub fn path(&self, file: FileId) -> &[u8] {
        let path = self.paths()[file.index()];
        &self.section(TEXT)[path.start as usize..][..path.length as usize]
    }

    fn place(&self, file: FileId) -> Option<&Place> {
        self.section(PLACES).get(file.index())
    }

    /// The id of the directory that a file lies in; [`NONE`] for a file that the tables do not have, and for a directory that
    /// is written with a final slash.
    pub fn directory_of(&self, file: FileId) -> u32 {
        self.place(file).map_or(NONE, |place| place.directory)
    }

    /// The name of a file in the directory that it lies in.
    pub fn name(&self, file: FileId) -> Option<&CStr> {
        let place = self.place(file)?;
        CStr::from_bytes_until_nul(&self.section(NAMES)[place.name as usize..]).ok()
    }

    /// The path of a directory, without a final slash; that of the top is empty.
    pub fn directory(&self, directory: u32) -> &[u8] {
        let start = self.section::<u32>(DIRECTORIES)[directory as usize];
        let path = CStr::from_bytes_until_nul(&self.section(NAMES)[start as usize..]);
        path.unwrap_or_default().to_bytes()
    }

    /// The id of a path.
    pub fn find(&self, path: &[u8]) -> Option<FileId> {
        let index: &[u32] = self.section(INDEX);
        if index.is_empty() {
            return None;
        }
        let mut at = place(path, index.len());
        while index[at] != NONE {
            if self.path(FileId(index[at])) == path {
                return Some(FileId(index[at]));
            }
            at = (at + 1) & (index.len() - 1);
        }
        None
    }

    pub fn version_count(&self) -> usize {
        self.section::<Stamp>(STAMPS).len()
    }

    /// The file of a version.
    pub fn file_of(&self, version: u32) -> FileId {
        match (version as usize).checked_sub(self.path_count()) {
            None => FileId(version),
            Some(older) => FileId(self.section::<u32>(OLDER)[older]),
        }
    }

    pub fn stamp(&self, version: u32) -> Stamp {
        *self.record(STAMPS, version as usize)
    }

    fn mark(&self, version: u32) -> u8 {
        *self.record(MARKS, version as usize)
    }

    /// Whether a file was ever looked at.
    pub fn is_known(&self, file: FileId) -> bool {
        self.mark(file.0) & KNOWN != 0
    }

    /// Whether a version may have the stamp of another content.
    pub fn is_racy(&self, version: u32) -> bool {
        self.mark(version) & RACY != 0
    }

    pub fn content(&self, version: u32) -> Content {
        let kind = match self.mark(version) >> 2 {
            1 => ContentKind::File,
            2 => ContentKind::Executable,
            3 => ContentKind::Link,
            4 => ContentKind::Directory,
            _ => ContentKind::Absent,
        };
        Content {
            kind,
            hash: self.section::<[u8; 32]>(HASHES)[version as usize],
        }
    }

    pub fn version(&self, version: u32) -> Version {
        Version {
            file: self.file_of(version),
            stamp: self.stamp(version),
            content: self.content(version),
            racy: self.is_racy(version),
        }
    }

    /// All results, each with its number.
    pub fn results(&self) -> &[Stored] {
        self.section(RESULTS)
    }

    /// What is known of the operation that a file identifies, and its number.
    pub fn result(&self, identity: FileId) -> Option<(&Stored, usize)> {
        let number = *self.section::<u32>(SLOTS).get(identity.index())?;
        (number != NONE).then(|| (self.record(RESULTS, number as usize), number as usize))
    }

    /// All numbers of a result: reads, outputs, what it was going to write.
    pub fn numbers(&self, result: &Stored) -> &[u32] {
        let count = result.reads + result.outputs + result.started;
        (self.sections).part(&self.bytes, NUMBERS, result.first as usize, count as usize)
    }

    pub fn history(&self, number: usize) -> &History {
        self.record(HISTORIES, number)
    }

    /// The story of a result, in JSON.
    pub fn story(&self, history: &History) -> &[u8] {
        let start = usize::try_from(history.story).unwrap_or(usize::MAX);
        let length = usize::try_from(history.story_length).unwrap_or(usize::MAX);
        &self.section(STORIES)[start..][..length]
    }
}
