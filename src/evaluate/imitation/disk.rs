//! The disk in memory: files, directories and links with stamps, a clock, and what can happen to all of them at once: the
//! process dies, or changes begin to fail. It knows no programs and nothing of the evaluator.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use crate::error::{Error, Result};
use crate::fs::{Content, ContentKind, Stamp};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Node {
    File {
        content: Vec<u8>,
        executable: bool,
    },
    Directory,
    /// To an absolute path.
    Link {
        target: PathBuf,
    },
}

impl Node {
    pub(super) fn file(content: Vec<u8>) -> Self {
        Self::File {
            content,
            executable: false,
        }
    }
}

#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) node: Node,
    pub(super) mtime: i64,
    pub(super) ctime: i64,
    pub(super) inode: u64,
}

/// What will go wrong with changes of the disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fate {
    #[default]
    Good,
    /// After so many more changes the process dies.
    DiesAfter(usize),
    /// It is dead: nothing changes any more.
    Dead,
    /// After so many more changes, so many fail.
    FailsAfter(usize, usize),
}

#[derive(Clone, Default)]
pub(super) struct Disk {
    pub(super) entries: BTreeMap<PathBuf, Entry>,
    pub(super) clock: i64,
    /// How many changes share a time; 0: none.
    pub(super) tick: i64,
    /// How often the clock jumped: no time after a jump is one before it.
    pub(super) jumps: i64,
    pub(super) inodes: u64,
    pub(super) fate: Fate,
    /// The log of the process, to be kept as it is when the process dies.
    pub(super) log: Option<Arc<Mutex<Vec<u8>>>>,
    pub(super) log_at_death: Vec<u8>,
}

/// Room below the clock for the count of its jumps.
pub(super) const MOMENT: i64 = 64;

impl Disk {
    /// Time passes with every change.
    fn time(&mut self) -> i64 {
        self.clock += 1;
        self.now()
    }

    pub(super) fn now(&self) -> i64 {
        let clock = match self.tick {
            0 => self.clock,
            tick => self.clock / tick * tick,
        };
        clock * MOMENT + self.jumps % MOMENT
    }

    /// Whether a change may happen now; `false`: nobody is alive to make it. An error: it fails.
    pub(super) fn allows_change(&mut self) -> Result<bool> {
        match &mut self.fate {
            Fate::Good => Ok(true),
            Fate::Dead => Ok(false),
            Fate::DiesAfter(0) => {
                self.die();
                Ok(false)
            }
            Fate::DiesAfter(left) | Fate::FailsAfter(left @ 1.., _) => {
                *left -= 1;
                Ok(true)
            }
            Fate::FailsAfter(_, 0) => Ok(true),
            Fate::FailsAfter(_, times) => {
                *times -= 1;
                Err(Error::environment("The disk is full"))
            }
        }
    }

    /// The process dies: nothing changes any more, neither the disk nor the log.
    pub(super) fn die(&mut self) {
        self.fate = Fate::Dead;
        if let Some(log) = self.log.take() {
            self.log_at_death.clone_from(&super::lock(&log));
        }
    }

    /// Writes: in place where a file is.
    pub(super) fn put(&mut self, path: &Path, node: Node) {
        let now = self.time();
        let inode = match self.entries.get(path) {
            Some(old) => old.inode,
            None => {
                self.inodes += 1;
                self.inodes
            }
        };
        let (mtime, ctime) = (now, now);
        let entry = Entry {
            node,
            mtime,
            ctime,
            inode,
        };
        if self.entries.insert(path.to_owned(), entry).is_none() {
            self.touch_parent(path, now);
        }
    }

    /// A name was added to or removed from the directory that it lies in.
    fn touch_parent(&mut self, path: &Path, now: i64) {
        if let Some(parent) = path.parent().and_then(|above| self.entries.get_mut(above)) {
            (parent.mtime, parent.ctime) = (now, now);
        }
    }

    /// Writes as a person does: in place, through a link; where a directory is, instead of it.
    pub(super) fn edit(&mut self, path: &Path, content: Vec<u8>) {
        let path = self.resolve(path).unwrap_or(path.to_owned());
        if self.bytes(&path).is_none() {
            self.remove(&path);
        }
        self.put(&path, Node::file(content));
    }

    pub(super) fn create_directories(&mut self, path: &Path) -> Result<()> {
        let missing: Vec<PathBuf> = path
            .ancestors()
            .filter(|above| !self.entries.contains_key(*above))
            .map(Path::to_owned)
            .collect();
        for path in missing.iter().rev() {
            if self.allows_change()? {
                self.put(path, Node::Directory);
            }
        }
        let is_directory = |above: &Path| {
            let entry = self.entries.get(above);
            entry.is_none_or(|entry| entry.node == Node::Directory)
        };
        match path.ancestors().find(|above| !is_directory(above)) {
            None => Ok(()),
            Some(_) => Err(Error::environment(format!(
                "Cannot create `{}`",
                path.display()
            ))),
        }
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        let cannot = || Error::environment(format!("Cannot move `{}`", from.display()));
        let moved = self.below(from);
        let is_free = !matches!(self.entries.get(to), Some(entry) if entry.node == Node::Directory);
        if moved.is_empty() || !is_free {
            return Err(cannot());
        }
        let now = self.time();
        for path in moved {
            let mut entry = self.entries.remove(&path).ok_or_else(cannot)?;
            let rest = path.strip_prefix(from).map_err(|_| cannot())?;
            if rest.as_os_str().is_empty() {
                entry.ctime = now;
                self.entries.insert(to.to_owned(), entry);
            } else {
                self.entries.insert(to.join(rest), entry);
            }
        }
        self.touch_parent(from, now);
        self.touch_parent(to, now);
        Ok(())
    }

    pub(super) fn remove(&mut self, path: &Path) {
        for path in self.below(path) {
            self.entries.remove(&path);
        }
        let now = self.time();
        self.touch_parent(path, now);
    }

    /// What is at a path and below it.
    pub(super) fn below(&self, path: &Path) -> Vec<PathBuf> {
        let range = self.entries.range(path.to_owned()..);
        range
            .map(|(path, _)| path)
            .take_while(|other| other.starts_with(path))
            .cloned()
            .collect()
    }

    /// Where a path leads; `None`: to nothing, or round in a circle.
    pub(super) fn resolve(&self, path: &Path) -> Option<PathBuf> {
        let mut path = path.to_owned();
        for _ in 0..8 {
            match &self.entries.get(&path)?.node {
                Node::Link { target } => path.clone_from(target),
                _ => return Some(path),
            }
        }
        None
    }

    /// The bytes of the file that a path leads to.
    pub(super) fn bytes(&self, path: &Path) -> Option<&[u8]> {
        match &self.entries.get(&self.resolve(path)?)?.node {
            Node::File { content, .. } => Some(content),
            _ => None,
        }
    }

    pub(super) fn content(&self, path: &Path) -> Content {
        let content = |kind, hash: blake3::Hash| Content {
            kind,
            hash: *hash.as_bytes(),
        };
        match self.entries.get(path).map(|entry| &entry.node) {
            None => Content::ABSENT,
            Some(Node::File {
                content: text,
                executable,
            }) => {
                let kind = match executable {
                    true => ContentKind::Executable,
                    false => ContentKind::File,
                };
                content(kind, blake3::hash(text))
            }
            Some(Node::Link { target }) => {
                let mut hasher = blake3::Hasher::new();
                hasher.update(target.to_string_lossy().as_bytes());
                if let Some(end) = self.resolve(path) {
                    hasher.update(&self.content(&end).hash);
                }
                content(ContentKind::Link, hasher.finalize())
            }
            Some(Node::Directory) => content(ContentKind::Directory, self.tree_hash(path)),
        }
    }

    fn tree_hash(&self, path: &Path) -> blake3::Hash {
        let mut hasher = blake3::Hasher::new();
        for inner in self.below(path).iter().filter(|inner| *inner != path) {
            let name = inner.strip_prefix(path).unwrap_or(inner);
            hasher.update(name.to_string_lossy().as_bytes());
            let is_directory = self.entries[inner].node == Node::Directory;
            let hash = match is_directory {
                true => [0; 32],
                false => self.content(inner).hash,
            };
            hasher.update(&hash);
        }
        hasher.finalize()
    }

    /// The stamp of what is at a path; `deep`: of all below a directory, and of both ends of a link.
    pub(super) fn stamp(&self, path: &Path, deep: bool) -> Stamp {
        let Some(entry) = self.entries.get(path) else {
            return Stamp::ABSENT;
        };
        let mut stamp = own_stamp(entry);
        if !deep {
            return stamp;
        }
        let others = match &entry.node {
            Node::File { .. } => Vec::new(),
            Node::Directory => self.below(path),
            Node::Link { .. } => match self.resolve(path) {
                Some(end) => self.below(&end),
                None => Vec::new(),
            },
        };
        for other in others {
            let other = own_stamp(&self.entries[&other]);
            stamp.ctime = stamp.ctime.max(other.ctime);
            let mix = |a: u64, b: u64| (a ^ b).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(9);
            stamp.size = mix(stamp.size, other.size);
            stamp.size = mix(stamp.size, other.mtime.unsigned_abs());
            stamp.size = mix(stamp.size, other.ctime.unsigned_abs());
            stamp.size = mix(stamp.size, other.inode);
        }
        stamp
    }
}

fn own_stamp(entry: &Entry) -> Stamp {
    Stamp {
        mtime: entry.mtime,
        ctime: entry.ctime,
        size: match &entry.node {
            Node::File { content, .. } => content.len() as u64,
            Node::Directory | Node::Link { .. } => 1,
        },
        inode: entry.inode,
        device: 1,
    }
}
