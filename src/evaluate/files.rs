//! What is on the disk in this build: which version of each file is the current one. It knows no operations.

use std::path::Path;

use crate::fs::fingerprint::Part;
use crate::fs::{Content, ContentKind, Fingerprint, Stamp};
use crate::graph::FileId;

use super::state::{NONE, State, Version};
use super::world::World;

/// When a file is read to tell whether it changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Check {
    /// When its stamp changed, or could be that of two contents.
    #[default]
    Default,
    /// Always.
    Hash,
    /// Never: another stamp is another content.
    Timestamp,
}

/// What counts of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// All: of a directory, its whole tree.
    Whole,
    /// Of a directory, only that it is one: for those that wake makes and several operations write to.
    Bare,
    /// What an operation was seen to learn of it, if that was not all.
    Part(Part),
}

/// What follows a path in the state where only a part of what is there is meant. No path contains a zero byte.
const ENTRY: &[u8] = b"\0entry";
const LISTING: &[u8] = b"\0listing";

/// A path as the state writes it, from the path itself and what of it is meant.
pub fn written(mut path: Vec<u8>, part: Option<Part>) -> Vec<u8> {
    path.extend_from_slice(match part {
        None => b"",
        Some(Part::Entry) => ENTRY,
        Some(Part::Listing) => LISTING,
    });
    path
}

/// The path itself, and what of it is meant if that is not all.
pub fn split(written: &[u8]) -> (&[u8], Option<Part>) {
    // Nearly all end with a letter; only these are looked at closely.
    match written.last() {
        Some(b'y') => match written.strip_suffix(ENTRY) {
            Some(path) => (path, Some(Part::Entry)),
            None => (written, None),
        },
        Some(b'g') => match written.strip_suffix(LISTING) {
            Some(path) => (path, Some(Part::Listing)),
            None => (written, None),
        },
        _ => (written, None),
    }
}

/// What a look at a file found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Look {
    /// The version that was known.
    Known,
    /// This, and whether a later change may leave the same stamp.
    Found(Fingerprint, bool),
}

/// Looks at a file; never fails: a file that cannot be read is a content of its own, which no other equals.
pub fn look(
    world: &dyn World,
    path: &Path,
    known: Option<&Version>,
    depth: Depth,
    check: Check,
) -> Look {
    let seen = world.now();
    if let Some(known) = known.filter(|_| check != Check::Hash) {
        let trusted = !known.racy || check == Check::Timestamp;
        if trusted && stamp(world, path, depth).is_ok_and(|stamp| stamp == known.stamp) {
            return Look::Known;
        }
    }
    let found = match check {
        Check::Timestamp => unread(world, path, depth),
        _ => fingerprint(world, path, depth),
    };
    let (found, racy) = match found {
        Ok(found) => (found, is_racy(world, found.stamp, seen)),
        // Its stamp is all that is known of it: a tool may be executable and not readable.
        Err(error) => match stamp(world, path, depth) {
            Ok(stamp) if !stamp.is_absent() => {
                let content = stand_in(bytemuck::bytes_of(&stamp));
                (Fingerprint { stamp, content }, is_racy(world, stamp, seen))
            }
            _ => {
                let content = stand_in(error.to_string().as_bytes());
                let stamp = Stamp::ABSENT;
                (Fingerprint { stamp, content }, true)
            }
        },
    };
    let is_known = known.is_some_and(|known| {
        (known.stamp, known.content, known.racy) == (found.stamp, found.content, racy)
    });
    if is_known {
        Look::Known
    } else {
        Look::Found(found, racy)
    }
}

/// Whether a change right after `seen` could leave this stamp.
pub fn is_racy(world: &dyn World, stamp: Stamp, seen: i64) -> bool {
    // A folded stamp has no device of its own and is judged by the coarsest clock.
    !stamp.is_absent() && stamp.is_racy(seen, world.granularity(stamp.device))
}

/// Stamp and kind of a path; of what can be read, the stamp stands for the content.
fn unread(world: &dyn World, path: &Path, depth: Depth) -> std::io::Result<Fingerprint> {
    let status = world.status(path)?;
    let is_bare = depth == Depth::Bare && status.is_directory();
    if status.mode == 0 || is_bare || matches!(depth, Depth::Part(_)) {
        return fingerprint(world, path, depth);
    }
    let stamp = stamp(world, path, depth)?;
    let kind = if status.is_directory() {
        ContentKind::Directory
    } else if status.is_link() {
        ContentKind::Link
    } else {
        ContentKind::File
    };
    let hash = stand_in(bytemuck::bytes_of(&stamp)).hash;
    let content = Content { kind, hash };
    Ok(Fingerprint { stamp, content })
}

/// The content of something that was not read.
fn stand_in(bytes: &[u8]) -> Content {
    let mut hasher = blake3::Hasher::new_derive_key("wake: content that was not read");
    Content {
        kind: ContentKind::File,
        hash: *hasher.update(bytes).finalize().as_bytes(),
    }
}

/// The stamp of a path.
pub fn stamp(world: &dyn World, path: &Path, depth: Depth) -> std::io::Result<Stamp> {
    match depth {
        Depth::Whole => world.stamp(path),
        Depth::Bare | Depth::Part(Part::Entry) => Ok(fingerprint(world, path, depth)?.stamp),
        Depth::Part(Part::Listing) => Ok(world.status(path)?.stamp),
    }
}

/// Stamp and content of a path.
pub fn fingerprint(world: &dyn World, path: &Path, depth: Depth) -> std::io::Result<Fingerprint> {
    if let Depth::Part(part) = depth {
        return world.part(path, part);
    }
    if depth == Depth::Bare {
        let status = world.status(path)?;
        if status.is_directory() {
            let stamp = Stamp {
                inode: status.stamp.inode,
                device: status.stamp.device,
                ..Stamp::ABSENT
            };
            let content = Content {
                kind: ContentKind::Directory,
                hash: [0; 32],
            };
            return Ok(Fingerprint { stamp, content });
        }
    }
    world.fingerprint(path)
}

/// The current version of every file that was looked at.
pub struct Files {
    /// Version number by file id.
    current: Vec<u32>,
}

impl Files {
    pub fn new(count: usize) -> Self {
        Self {
            current: vec![NONE; count],
        }
    }

    /// The current version number; [`NONE`] if nobody has looked.
    pub fn current(&self, file: FileId) -> u32 {
        self.current.get(file.index()).copied().unwrap_or(NONE)
    }

    /// Records what a look found.
    pub fn apply(&mut self, state: &mut State, file: FileId, look: Look) {
        let number = match look {
            Look::Known => state.latest(file),
            Look::Found(found, racy) => state.see(file, found.stamp, found.content, racy),
        };
        self.set(file, number);
    }

    /// Sets the current version.
    pub fn set(&mut self, file: FileId, number: u32) {
        if self.current.len() <= file.index() {
            self.current.resize(file.index() + 1, NONE);
        }
        self.current[file.index()] = number;
    }

    /// All files that were looked at.
    pub fn known(&self) -> impl Iterator<Item = FileId> + '_ {
        (0..self.current.len())
            .filter(|&index| self.current[index] != NONE)
            .map(FileId::from_index)
    }

    /// What a file contains now; nothing, if nobody has looked.
    pub fn content(&self, state: &State, file: FileId) -> Content {
        match self.current(file) {
            NONE => Content::ABSENT,
            number => state.content_of(number),
        }
    }

    /// Whether the content of what is at a file is not known: it could not be read, or nobody tried.
    pub fn is_unread(&self, state: &State, file: FileId) -> bool {
        let number = self.current(file);
        number != NONE && {
            let version = state.version(number);
            let is_stampless = version.stamp.is_absent() && !version.content.is_absent();
            is_stampless || version.content == stand_in(bytemuck::bytes_of(&version.stamp))
        }
    }

    /// Whether a file still has the content of a recorded version.
    pub fn is_current(&self, state: &State, number: u32) -> bool {
        let file = state.file_of(number);
        self.current(file) == number || self.content(state, file) == state.content_of(number)
    }
}
