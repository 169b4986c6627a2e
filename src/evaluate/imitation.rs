//! A workspace in memory for tests: disk, clock and runner.
//!
//! An operation's program is its arguments: `read:PATH`, `scan:PATH` (and what the file names with `@PATH`, which is
//! reported in the depfile), `write:PATH`, `tree:PATH/`, `depfile:PATH`, `touch:PATH=TEXT` (edits a file in the middle).
//! It fails if anything it reads contains `ERROR`. What it writes is a hash of all it read and of its arguments.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::exec::{Ended, Process};
use super::interrupt::Interrupt;
use super::state::State;
use super::world::World;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::fs::stamp::Status;
use crate::fs::{Content, ContentKind, Fingerprint, Stamp};

/// The top of the workspace in memory.
pub(super) const TOP: &str = "/w";

#[derive(Clone, Debug)]
enum Node {
    File { content: Vec<u8>, executable: bool },
    Directory,
}

#[derive(Clone, Debug)]
struct Entry {
    node: Node,
    mtime: i64,
    ctime: i64,
    inode: u64,
}

#[derive(Default)]
struct Disk {
    entries: BTreeMap<PathBuf, Entry>,
    clock: i64,
    inodes: u64,
    /// Titles of what ran are not known here: the arguments of what ran.
    ran: Vec<Vec<String>>,
    /// After so many more runs the process dies in the middle of one.
    dies_after: Option<usize>,
    is_dead: bool,
    /// An edit that happens in the middle of the next run, after it has read.
    edit_meanwhile: Option<(PathBuf, Vec<u8>)>,
    log: Option<Arc<Mutex<Vec<u8>>>>,
    log_at_death: Vec<u8>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Imitation {
    disk: Mutex<Disk>,
    /// How many changes share a time; 0: none.
    pub(super) tick: i64,
}

impl Disk {
    fn time(&mut self, tick: i64) -> i64 {
        self.clock += 1;
        self.now(tick)
    }

    fn now(&self, tick: i64) -> i64 {
        if tick == 0 {
            self.clock
        } else {
            self.clock / tick * tick
        }
    }

    fn put(&mut self, path: &Path, node: Node, tick: i64) {
        let now = self.time(tick);
        let inode = match self.entries.get(path) {
            Some(old) => old.inode,
            None => {
                self.inodes += 1;
                self.inodes
            }
        };
        let (mtime, ctime) = (now, now);
        self.entries.insert(
            path.to_owned(),
            Entry {
                node,
                mtime,
                ctime,
                inode,
            },
        );
    }

    fn below(&self, path: &Path) -> Vec<PathBuf> {
        let range = self.entries.range(path.to_owned()..);
        range
            .map(|(path, _)| path)
            .take_while(|other| other.starts_with(path))
            .cloned()
            .collect()
    }

    fn content(&self, path: &Path) -> Content {
        let content = |kind, hash: blake3::Hash| Content {
            kind,
            hash: *hash.as_bytes(),
        };
        match self.entries.get(path).map(|entry| &entry.node) {
            None => Content::ABSENT,
            Some(Node::File {
                content: text,
                executable: false,
            }) => content(ContentKind::File, blake3::hash(text)),
            Some(Node::File { content: text, .. }) => {
                content(ContentKind::Executable, blake3::hash(text))
            }
            Some(Node::Directory) => {
                let mut hasher = blake3::Hasher::new();
                for inner in self.below(path).iter().filter(|inner| *inner != path) {
                    let name = inner.strip_prefix(path).unwrap();
                    hasher.update(name.to_string_lossy().as_bytes());
                    let is_file = matches!(self.entries[inner].node, Node::File { .. });
                    let hash = if is_file {
                        self.content(inner).hash
                    } else {
                        [0; 32]
                    };
                    hasher.update(&hash);
                }
                content(ContentKind::Directory, hasher.finalize())
            }
        }
    }

    fn stamp(&self, path: &Path, deep: bool) -> Stamp {
        let Some(entry) = self.entries.get(path) else {
            return Stamp::ABSENT;
        };
        let size = |entry: &Entry| match &entry.node {
            Node::File { content, .. } => content.len() as u64,
            Node::Directory => 1,
        };
        let mut stamp = Stamp {
            mtime: entry.mtime,
            ctime: entry.ctime,
            size: size(entry),
            inode: entry.inode,
            device: 1,
        };
        if deep && matches!(entry.node, Node::Directory) {
            for inner in self.below(path) {
                let inner = &self.entries[&inner];
                stamp.ctime = stamp.ctime.max(inner.ctime);
                let mix =
                    |a: u64, b: u64| (a ^ b).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(9);
                stamp.size = mix(stamp.size, size(inner));
                stamp.size = mix(stamp.size, inner.mtime.unsigned_abs());
                stamp.size = mix(stamp.size, inner.ctime.unsigned_abs());
                stamp.size = mix(stamp.size, inner.inode);
            }
        }
        stamp
    }

    /// What a program does. `None`: it failed.
    fn execute(&mut self, arguments: &[String], tick: i64) -> Option<()> {
        let mut hasher = blake3::Hasher::new();
        let mut discovered = BTreeSet::new();
        let mut open: Vec<(PathBuf, bool)> = Vec::new();
        for argument in arguments {
            let (verb, rest) = argument.split_once(':')?;
            if !matches!(verb, "depfile" | "touch") {
                hasher.update(argument.as_bytes());
            }
            match verb {
                "read" => open.push((rest.into(), false)),
                "scan" => open.push((rest.into(), true)),
                _ => {}
            }
        }
        let mut texts = BTreeMap::new();
        while let Some((path, scans)) = open.pop() {
            for file in self.below(&path) {
                let Some(Node::File { content, .. }) = self.entries.get(&file).map(|e| &e.node)
                else {
                    continue;
                };
                let text = String::from_utf8_lossy(content).into_owned();
                if scans {
                    for word in text.split_whitespace() {
                        let Some(named) = word.strip_prefix('@') else {
                            continue;
                        };
                        let named = Path::new(TOP).join(named);
                        if discovered.insert(named.clone()) {
                            open.push((named, true));
                        }
                    }
                }
                texts.insert(file, text);
            }
            if !self.entries.contains_key(&path) {
                return None;
            }
        }
        if let Some((path, content)) = self.edit_meanwhile.take() {
            self.put(
                &path,
                Node::File {
                    content,
                    executable: false,
                },
                tick,
            );
        }
        for (path, text) in &texts {
            hasher.update(path.to_string_lossy().as_bytes());
            hasher.update(text.as_bytes());
        }
        let result = hasher.finalize().to_hex()[..8].as_bytes().to_vec();
        let fails = texts.values().any(|text| text.contains("ERROR"));
        // Only two results, so that equal outputs of different inputs are common.
        let small = if texts.values().any(|text| text.contains("COARSE")) {
            vec![result[0] & 1]
        } else {
            result
        };
        for argument in arguments {
            let (verb, rest) = argument.split_once(':')?;
            let file = |content: Vec<u8>| Node::File {
                content,
                executable: false,
            };
            match verb {
                "write" => {
                    let parent = Path::new(rest).parent()?;
                    assert!(self.entries.contains_key(parent), "no directory for {rest}");
                    self.put(Path::new(rest), file(small.clone()), tick);
                }
                "tree" => {
                    self.put(Path::new(rest.trim_end_matches('/')), Node::Directory, tick);
                    let name = format!("{}leaf{}", rest, small[0] & 1);
                    self.put(Path::new(&name), file(small.clone()), tick);
                }
                "depfile" => {
                    let names: Vec<String> = discovered
                        .iter()
                        .map(|path| path.display().to_string())
                        .collect();
                    let text = format!("x: {}\n", names.join(" ")).into_bytes();
                    self.put(Path::new(rest), file(text), tick);
                }
                _ => {}
            }
            if fails {
                // In the middle: some outputs are written.
                return None;
            }
        }
        Some(())
    }
}

impl Imitation {
    pub(super) fn new(tick: i64) -> Self {
        let world = Self {
            disk: Mutex::default(),
            tick,
        };
        world.disk().clock = 1_000;
        world.create_directories(Path::new("/w/src")).unwrap();
        world
    }

    fn disk(&self) -> std::sync::MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    /// Time passes.
    pub(super) fn sleep(&self) {
        self.disk().clock += 1_000;
    }

    /// Writes a file as a person does: in place.
    pub(super) fn edit(&self, path: &str, text: &str) {
        let path = Path::new(TOP).join(path);
        self.create_directories(path.parent().unwrap()).unwrap();
        self.write(&path, text.as_bytes(), false).unwrap();
    }

    /// As [`Imitation::edit`], and sets the time back to what it was: only `ctime` tells.
    pub(super) fn edit_secretly(&self, path: &str, text: &str, back: i64) {
        let path = Path::new(TOP).join(path);
        let before = self.disk().entries[&path].mtime;
        self.write(&path, text.as_bytes(), false).unwrap();
        self.disk().entries.get_mut(&path).unwrap().mtime = before - back;
    }

    pub(super) fn touch(&self, path: &str) {
        let text = self.text(path).unwrap_or_default();
        self.edit(path, &text);
    }

    pub(super) fn delete(&self, path: &str) {
        self.remove(&Path::new(TOP).join(path)).unwrap();
    }

    pub(super) fn text(&self, path: &str) -> Option<String> {
        let content = self.read(&Path::new(TOP).join(path)).unwrap()?;
        Some(String::from_utf8_lossy(&content).into_owned())
    }

    /// (inode, mtime).
    pub(super) fn identity(&self, path: &str) -> (u64, i64) {
        let entry = self.disk().entries[&Path::new(TOP).join(path)].clone();
        (entry.inode, entry.mtime)
    }

    /// All files below a directory with their contents; directories with an empty one.
    pub(super) fn tree(&self, path: &str) -> BTreeMap<String, Vec<u8>> {
        let root = Path::new(TOP).join(path);
        let disk = self.disk();
        let name = |path: &PathBuf| path.strip_prefix(TOP).unwrap().display().to_string();
        let entries = disk
            .below(&root)
            .into_iter()
            .map(|path| match &disk.entries[&path].node {
                Node::File { content, .. } => (name(&path), content.clone()),
                Node::Directory => (name(&path) + "/", Vec::new()),
            });
        entries.collect()
    }

    pub(super) fn edit_meanwhile(&self, path: &str, text: &str) {
        self.disk().edit_meanwhile = Some((Path::new(TOP).join(path), text.as_bytes().to_vec()));
    }

    /// The process will die in the middle of a run, after this many whole ones.
    pub(super) fn die_after(&self, runs: usize, state: &State) {
        let mut disk = self.disk();
        disk.dies_after = Some(runs);
        disk.log = Some(state.memory());
    }

    /// What the log contained when the process died, if it did; it is alive again.
    pub(super) fn revive(&self) -> Option<Vec<u8>> {
        let mut disk = self.disk();
        disk.dies_after = None;
        disk.log = None;
        disk.edit_meanwhile = None;
        let was_dead = std::mem::take(&mut disk.is_dead);
        was_dead.then(|| std::mem::take(&mut disk.log_at_death))
    }
}

impl World for Imitation {
    fn status(&self, path: &Path) -> std::io::Result<Status> {
        let disk = self.disk();
        let mode = match disk.entries.get(path).map(|entry| &entry.node) {
            None => 0,
            Some(Node::File { .. }) => libc::S_IFREG,
            Some(Node::Directory) => libc::S_IFDIR,
        };
        Ok(Status {
            stamp: disk.stamp(path, false),
            mode,
        })
    }

    fn stamp(&self, path: &Path) -> std::io::Result<Stamp> {
        Ok(self.disk().stamp(path, true))
    }

    fn fingerprint(&self, path: &Path) -> std::io::Result<Fingerprint> {
        let disk = self.disk();
        Ok(Fingerprint {
            stamp: disk.stamp(path, true),
            content: disk.content(path),
        })
    }

    fn now(&self) -> i64 {
        let mut disk = self.disk();
        disk.time(self.tick)
    }

    fn granularity(&self, _device: u64) -> i64 {
        self.tick
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        match self.disk().entries.get(path).map(|entry| &entry.node) {
            Some(Node::File { content, .. }) => Ok(Some(content.clone())),
            _ => Ok(None),
        }
    }

    fn write(&self, path: &Path, content: &[u8], executable: bool) -> Result<()> {
        let mut disk = self.disk();
        if !disk.is_dead {
            let content = content.to_vec();
            disk.put(
                path,
                Node::File {
                    content,
                    executable,
                },
                self.tick,
            );
        }
        Ok(())
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let content = self.read(from)?;
        let content = content.ok_or_else(|| Error::environment("Nothing to copy"))?;
        self.write(to, &content, false)
    }

    fn create_directories(&self, path: &Path) -> Result<()> {
        let mut disk = self.disk();
        let missing: Vec<PathBuf> = path
            .ancestors()
            .filter(|above| !disk.entries.contains_key(*above))
            .map(Path::to_owned)
            .collect();
        if !disk.is_dead {
            for path in missing.iter().rev() {
                disk.put(path, Node::Directory, self.tick);
            }
        }
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut disk = self.disk();
        if disk.is_dead {
            return Ok(());
        }
        let moved = disk.below(from);
        if moved.is_empty() {
            return Err(Error::environment(format!(
                "Cannot move `{}`",
                from.display()
            )));
        }
        let now = disk.time(self.tick);
        for path in moved {
            let mut entry = disk.entries.remove(&path).unwrap();
            let rest = path.strip_prefix(from).unwrap();
            if rest.as_os_str().is_empty() {
                entry.ctime = now;
                disk.entries.insert(to.to_owned(), entry);
            } else {
                disk.entries.insert(to.join(rest), entry);
            }
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> Result<()> {
        let mut disk = self.disk();
        if !disk.is_dead {
            for path in disk.below(path) {
                disk.entries.remove(&path);
            }
        }
        Ok(())
    }

    fn remove_if_empty(&self, path: &Path) -> bool {
        let mut disk = self.disk();
        let is_empty = disk.below(path).len() == 1;
        if is_empty && !disk.is_dead {
            disk.entries.remove(path);
        }
        is_empty
    }

    fn is_empty_directory(&self, path: &Path) -> bool {
        self.disk().below(path).len() == 1
    }

    fn canonicalize(&self, path: &Path) -> Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn end_leftovers(&self, _variable: &str, _line: &str) -> Result<()> {
        Ok(())
    }

    fn run(&self, process: &Process, _interrupt: &Interrupt) -> Ended {
        let mut disk = self.disk();
        let ended = |outcome| Ended {
            outcome,
            printed: Default::default(),
            memory_kib: 1,
        };
        if disk.is_dead {
            return ended(Outcome::Interrupted);
        }
        let arguments = process.arguments.clone();
        if disk.dies_after == Some(0) {
            // It has written a part of its outputs.
            let half = arguments.len() / 2 + 1;
            disk.execute(&arguments[..half], self.tick);
            disk.is_dead = true;
            let log = disk.log.clone().map(|log| log.lock().unwrap().clone());
            disk.log_at_death = log.unwrap_or_default();
            return ended(Outcome::Interrupted);
        }
        disk.dies_after = disk.dies_after.map(|runs| runs - 1);
        disk.ran.push(arguments.clone());
        match disk.execute(&arguments, self.tick) {
            Some(()) => ended(Outcome::Succeeded),
            None => ended(Outcome::Exited { code: 1 }),
        }
    }
}
