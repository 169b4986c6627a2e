//! Fingerprints: what a path contains, as a BLAKE3 hash, together with the stamp by which a change is noticed.
//!
//! - file: hash of the bytes; the executable bit is part of the kind
//! - link: hash of the target's text and of what the link leads to, so one fingerprint serves those who made the link
//!   and those who read through it
//! - directory: hash over its listing, sorted by bytes: each relative path and the fingerprint of what is there; of a link
//!   inside it, the target's text and the content of the file it leads to, while directories behind links do not count
//! - absent: all zero

use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::stamp::{self, Stamp, Status};

/// Files from this size on are hashed block by block and by several threads. Never through a memory map: someone may
/// shorten the file meanwhile, and reading behind the end of a map kills the process.
const LARGE: u64 = 1 << 20;
const BLOCK: usize = 2 << 20;

/// What is at a path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u8)]
pub enum ContentKind {
    #[default]
    Absent = 0,
    File = 1,
    Executable = 2,
    Link = 3,
    Directory = 4,
}

/// What a path contains: equal contents are equal values.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Content {
    pub kind: ContentKind,
    pub hash: [u8; 32],
}

impl Content {
    pub const ABSENT: Self = Self {
        kind: ContentKind::Absent,
        hash: [0; 32],
    };

    pub fn is_absent(&self) -> bool {
        self.kind == ContentKind::Absent
    }

    /// The first 12 hex digits, for people.
    pub fn short(&self) -> String {
        blake3::Hash::from_bytes(self.hash).to_hex()[..12].to_owned()
    }
}

/// A content and the stamp it had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    pub stamp: Stamp,
    pub content: Content,
}

/// The stamp by which a change of `path` is noticed without reading it: of a link, one of both ends; of a directory,
/// one of everything below it.
pub fn stamp_of(path: &Path) -> std::io::Result<(Stamp, Status)> {
    let status = stamp::lstat(path)?;
    if status.is_link() {
        let end = stamp::stat(path)?;
        let below = if end.is_directory() {
            tree_stamp(path)?
        } else {
            end.stamp
        };
        return Ok((fold(&[status.stamp, below]), status));
    }
    if status.is_directory() {
        return Ok((tree_stamp(path)?, status));
    }
    Ok((status.stamp, status))
}

/// Stamp and content of `path`. The stamp is taken before the content is read, so an edit in between is noticed later.
pub fn fingerprint(path: &Path) -> std::io::Result<Fingerprint> {
    let (stamp, status) = stamp_of(path)?;
    Ok(Fingerprint {
        stamp,
        content: content_of(path, status)?,
    })
}

/// A part of what is at a path, for those who know no more of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// That something is there: its type and mode, the size of a file, where a link leads.
    Entry,
    /// The names in a directory, and their types.
    Listing,
}

/// Stamp and content of a part of what is at `path`; a link is not followed.
pub fn part(path: &Path, part: Part) -> std::io::Result<Fingerprint> {
    let status = stamp::lstat(path)?;
    if status.mode == 0 {
        return Ok(Fingerprint::default());
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&status.mode.to_le_bytes());
    let mut stamp = status.stamp;
    let kind = match part {
        Part::Listing => {
            for (name, is_directory) in super::list(path).map_err(std::io::Error::other)? {
                let end = [0, u8::from(is_directory)];
                hasher.update(name.as_bytes()).update(&end);
            }
            ContentKind::Directory
        }
        Part::Entry if status.is_directory() || status.is_special() => {
            // What is in it is no part of this, nor what goes through it.
            stamp = Stamp {
                inode: stamp.inode,
                device: stamp.device,
                size: u64::from(status.mode),
                ..Stamp::ABSENT
            };
            match status.is_directory() {
                true => ContentKind::Directory,
                false => ContentKind::File,
            }
        }
        Part::Entry if status.is_link() => {
            hasher.update(rustix::fs::readlink(path, Vec::new())?.as_bytes());
            ContentKind::Link
        }
        Part::Entry => {
            hasher.update(&status.stamp.size.to_le_bytes());
            ContentKind::File
        }
    };
    let hash = *hasher.finalize().as_bytes();
    Ok(Fingerprint {
        stamp,
        content: Content { kind, hash },
    })
}

fn content_of(path: &Path, status: Status) -> std::io::Result<Content> {
    if status.mode == 0 {
        return Ok(Content::ABSENT);
    }
    if status.is_link() {
        let target = rustix::fs::readlink(path, Vec::new())?;
        let mut hasher = blake3::Hasher::new();
        hasher
            .update(b"link\0")
            .update(target.as_bytes())
            .update(b"\0");
        let end = stamp::stat(path)?;
        if end.mode != 0 {
            let content = end_content(path, end)?;
            hasher.update(&[content.kind as u8]).update(&content.hash);
        }
        return Ok(Content {
            kind: ContentKind::Link,
            hash: *hasher.finalize().as_bytes(),
        });
    }
    end_content(path, status)
}

/// The content of something that is not a link, or that a link leads to.
fn end_content(path: &Path, status: Status) -> std::io::Result<Content> {
    if status.is_directory() {
        return tree_content(path);
    }
    if !status.is_file() {
        // Devices, sockets and pipes are never read: what counts is that they are there.
        return Ok(Content {
            kind: ContentKind::File,
            hash: *blake3::hash(b"special").as_bytes(),
        });
    }
    let kind = if status.is_executable() {
        ContentKind::Executable
    } else {
        ContentKind::File
    };
    Ok(Content {
        kind,
        hash: hash_file(path, status.stamp.size)?,
    })
}

fn hash_file(path: &Path, size: u64) -> std::io::Result<[u8; 32]> {
    let mut file = std::fs::File::open(path)?;
    if size < LARGE {
        return hash_small(&mut file, size);
    }
    let mut hasher = blake3::Hasher::new();
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        (&mut file).take(BLOCK as u64).read_to_end(&mut block)?;
        if block.is_empty() {
            return Ok(*hasher.finalize().as_bytes());
        }
        hasher.update_rayon(&block);
    }
}

/// Reads a file at once: it is asked for one byte more than there should be, so less tells that this was its end.
fn hash_small(file: &mut std::fs::File, size: u64) -> std::io::Result<[u8; 32]> {
    let mut bytes = vec![0; usize::try_from(size).unwrap_or(0) + 1];
    let count = loop {
        match file.read(&mut bytes) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            result => break result?,
        }
    };
    bytes.truncate(count);
    if count as u64 != size {
        file.read_to_end(&mut bytes)?;
    }
    Ok(*blake3::hash(&bytes).as_bytes())
}

/// A tree's entries, sorted: (path relative to the tree, absolute path).
fn entries(path: &Path) -> std::io::Result<Vec<std::path::PathBuf>> {
    let mut entries = Vec::new();
    for entry in walkdir::WalkDir::new(path)
        .min_depth(1)
        .follow_root_links(true)
        .sort_by_file_name()
    {
        entries.push(entry.map_err(std::io::Error::from)?.into_path());
    }
    Ok(entries)
}

/// What a link inside a tree leads to, if that is a file; nothing where it is a directory, which could contain the link.
fn linked_file(path: &Path) -> std::io::Result<Status> {
    let end = stamp::stat(path)?;
    Ok(if end.is_file() {
        end
    } else {
        Status::default()
    })
}

/// A link inside a tree: its target's text, and the file it leads to.
fn linked_content(path: &Path) -> std::io::Result<Content> {
    let target = rustix::fs::readlink(path, Vec::new())?;
    let mut hasher = blake3::Hasher::new();
    hasher.update(target.as_bytes()).update(b"\0");
    let end = linked_file(path)?;
    if end.is_file() {
        hasher.update(&end_content(path, end)?.hash);
    }
    Ok(Content {
        kind: ContentKind::Link,
        hash: *hasher.finalize().as_bytes(),
    })
}

fn tree_stamp(path: &Path) -> std::io::Result<Stamp> {
    let mut stamps = vec![stamp::stat(path)?.stamp];
    for entry in entries(path)? {
        let status = stamp::lstat(&entry)?;
        stamps.push(status.stamp);
        if status.is_link() {
            stamps.push(linked_file(&entry)?.stamp);
        }
    }
    Ok(fold(&stamps))
}

fn tree_content(path: &Path) -> std::io::Result<Content> {
    let mut hasher = blake3::Hasher::new();
    for entry in entries(path)? {
        let status = stamp::lstat(&entry)?;
        let content = if status.is_directory() {
            Content {
                kind: ContentKind::Directory,
                hash: [0; 32],
            }
        } else if status.is_link() {
            linked_content(&entry)?
        } else {
            end_content(&entry, status)?
        };
        let relative = entry
            .strip_prefix(path)
            .unwrap_or(&entry)
            .as_os_str()
            .as_bytes();
        hasher
            .update(&(relative.len() as u64).to_le_bytes())
            .update(relative);
        hasher.update(&[content.kind as u8]).update(&content.hash);
    }
    Ok(Content {
        kind: ContentKind::Directory,
        hash: *hasher.finalize().as_bytes(),
    })
}

/// One stamp that changes when any of `stamps` does; its `ctime` is the latest, so that it is racy if one of them is.
fn fold(stamps: &[Stamp]) -> Stamp {
    let hash = blake3::hash(bytemuck::cast_slice(stamps));
    let part = |index: usize| {
        let mut bytes = [0; 8];
        bytes.copy_from_slice(&hash.as_bytes()[index * 8..index * 8 + 8]);
        u64::from_le_bytes(bytes)
    };
    let latest = |time: fn(&Stamp) -> i64| stamps.iter().map(time).max().unwrap_or(0);
    Stamp {
        mtime: latest(|stamp| stamp.mtime),
        ctime: latest(|stamp| stamp.ctime),
        size: part(0),
        inode: part(1),
        device: part(2),
    }
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "part of crate::fs")]
mod tests {
    use super::*;

    /// Catches a tree that is believed unchanged when a file behind one of its links is edited, and a link to the tree
    /// itself that never ends.
    #[test]
    fn a_tree_sees_the_files_behind_its_links() {
        let directory = tempfile::tempdir().unwrap();
        let tree = directory.path().join("tree");
        std::fs::create_dir(&tree).unwrap();
        let outside = directory.path().join("outside");
        std::fs::write(&outside, "one").unwrap();
        std::os::unix::fs::symlink("../outside", tree.join("link")).unwrap();
        std::os::unix::fs::symlink(".", tree.join("itself")).unwrap();
        let before = fingerprint(&tree).unwrap();
        assert_eq!(before, fingerprint(&tree).unwrap());
        std::fs::write(&outside, "twos").unwrap();
        let after = fingerprint(&tree).unwrap();
        assert_ne!(before.content, after.content);
        assert_ne!(before.stamp, after.stamp);
    }
}
