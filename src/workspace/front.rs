//! What the front end read, in a form that is cheap to check: if nothing of it changed, what was made from it still
//! holds. It knows nothing of what is made from it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::members;
use crate::fs;
use crate::fs::stamp::{self, Clock, Stamp};
use crate::jsonnet::pattern;
use crate::jsonnet::protocol::Read;

/// What something that is kept depends on.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Front {
    pub reads: Vec<SavedRead>,
}

/// A [`Read`] with what makes checking it cheap. A stamp that is all zero is never trusted.
#[derive(Debug, Serialize, Deserialize)]
pub enum SavedRead {
    File {
        path: PathBuf,
        hash: Option<[u8; 32]>,
        stamp: SavedStamp,
    },
    Glob {
        directory: PathBuf,
        include: Vec<String>,
        exclude: Vec<String>,
        /// BLAKE3 over the matched paths.
        matched: [u8; 32],
        listed: Vec<(PathBuf, SavedStamp)>,
    },
    Mention {
        files: Vec<(PathBuf, SavedStamp)>,
        words: Vec<String>,
        found: bool,
    },
    Environment {
        name: String,
        value: Option<String>,
    },
    Tool {
        name: String,
        found: Option<PathBuf>,
    },
    Subdirectories {
        directory: PathBuf,
        names: Vec<String>,
    },
    Existence {
        path: PathBuf,
        exists: bool,
    },
    Link {
        path: PathBuf,
        target: Option<PathBuf>,
    },
}

/// A [`Stamp`] as it is stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedStamp(i64, i64, u64, u64, u64);

impl From<Stamp> for SavedStamp {
    fn from(stamp: Stamp) -> Self {
        Self(
            stamp.mtime,
            stamp.ctime,
            stamp.size,
            stamp.inode,
            stamp.device,
        )
    }
}

impl SavedStamp {
    /// The stamp of `path` now, or the one that is never trusted if a change could hide behind it.
    fn of(path: &Path, clock: &Clock) -> Self {
        let status = stamp::stat(path).unwrap_or_default();
        let granularity = clock.granularity(status.stamp.device);
        if status.mode == 0 || status.stamp.is_racy(stamp::now(), granularity) {
            return Self::default();
        }
        status.stamp.into()
    }

    fn still_holds(self, path: &Path) -> bool {
        self != Self::default()
            && stamp::stat(path).is_ok_and(|status| Self::from(status.stamp) == self)
    }
}

/// What checks of reads need besides the disk.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    pub top: &'a Path,
    pub environment: &'a BTreeMap<String, String>,
}

/// Makes reads checkable; `top` is the workspace's. What has changed since it was read gets no stamps, so it is found to
/// have changed.
pub fn save(reads: Vec<Read>, clock: &Clock, top: &Path) -> Front {
    let reads: BTreeSet<Read> = reads.into_iter().collect();
    let reads = reads.into_par_iter();
    Front {
        reads: reads.map(|read| SavedRead::of(read, clock, top)).collect(),
    }
}

fn hash_of(path: &Path) -> Option<[u8; 32]> {
    fs::read(path)
        .ok()
        .map(|content| *blake3::hash(&content).as_bytes())
}

fn hash_of_paths(paths: &[String]) -> [u8; 32] {
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        hasher
            .update(&(path.len() as u64).to_le_bytes())
            .update(path.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

impl Front {
    /// As [`Self::holds`], on this thread alone: for one of many that are looked at in parallel.
    pub fn holds_here(&self, around: Surroundings<'_>) -> bool {
        self.reads.iter().all(|read| read.holds(around))
    }

    /// Whether everything that was read is as it was.
    pub fn holds(&self, around: Surroundings<'_>) -> bool {
        self.reads.par_iter().all(|read| read.holds(around))
    }
}

impl SavedRead {
    fn of(read: Read, clock: &Clock, top: &Path) -> Self {
        match read {
            Read::File { path, hash } => {
                let stamp = SavedStamp::of(&path, clock);
                let unchanged = hash.is_some() && hash_of(&path) == hash;
                let stamp = if unchanged {
                    stamp
                } else {
                    SavedStamp::default()
                };
                Self::File { path, hash, stamp }
            }
            Read::Glob {
                directory,
                include,
                exclude,
                matched,
                listed,
            } => {
                let stamps: Vec<_> = listed
                    .iter()
                    .map(|path| SavedStamp::of(path, clock))
                    .collect();
                // After the stamps: what changes between the two is seen by one of them.
                let unchanged = pattern::matches(&directory, &include, &exclude, top)
                    .is_ok_and(|(now, _)| now == matched);
                let stamps = stamps.into_iter().filter(|_| unchanged);
                let stamps = stamps.chain(std::iter::repeat(SavedStamp::default()));
                Self::Glob {
                    directory,
                    include,
                    exclude,
                    matched: hash_of_paths(&matched),
                    listed: listed.into_iter().zip(stamps).collect(),
                }
            }
            Read::Mention {
                files,
                words,
                found,
            } => {
                let stamps: Vec<_> = (files.iter())
                    .map(|path| SavedStamp::of(path, clock))
                    .collect();
                let unchanged = is_mentioned(&files, &words) == found;
                let stamps = stamps.into_iter().filter(|_| unchanged);
                let stamps = stamps.chain(std::iter::repeat(SavedStamp::default()));
                Self::Mention {
                    files: files.into_iter().zip(stamps).collect(),
                    words,
                    found,
                }
            }
            Read::Environment { name, value } => Self::Environment { name, value },
            Read::Tool { name, found } => Self::Tool { name, found },
            Read::Subdirectories { directory, names } => Self::Subdirectories { directory, names },
            Read::Existence { path, exists } => Self::Existence { path, exists },
            Read::Link { path, target } => Self::Link { path, target },
        }
    }

    fn holds(&self, around: Surroundings<'_>) -> bool {
        match self {
            Self::File { path, hash, stamp } => stamp.still_holds(path) || hash_of(path) == *hash,
            Self::Glob {
                directory,
                include,
                exclude,
                matched,
                listed,
            } => {
                listed.iter().all(|(path, stamp)| stamp.still_holds(path))
                    || pattern::matches(directory, include, exclude, around.top)
                        .is_ok_and(|(now, _)| hash_of_paths(&now) == *matched)
            }
            Self::Mention {
                files,
                words,
                found,
            } => {
                files.iter().all(|(path, stamp)| stamp.still_holds(path))
                    || is_mentioned(files.iter().map(|(path, _)| path), words) == *found
            }
            Self::Environment { name, value } => around.environment.get(name) == value.as_ref(),
            Self::Tool { name, found } => {
                find_tool(name, around.environment).as_ref() == found.as_ref()
            }
            Self::Subdirectories { directory, names } => {
                members::subdirectories(directory).is_ok_and(|now| now == *names)
            }
            Self::Existence { path, exists } => fs::exists(path) == *exists,
            Self::Link { path, target } => {
                let is_there = fs::is_directory(path);
                is_there.then(|| fs::canonicalize(path).ok()).flatten() == *target
            }
        }
    }
}

/// Whether a line of any of the files begins, blanks aside, with one of the words. A file that cannot be read has none.
pub fn is_mentioned<'a>(files: impl IntoIterator<Item = &'a PathBuf>, words: &[String]) -> bool {
    let begins = |line: &[u8]| {
        let line = line.trim_ascii_start();
        words.iter().any(|word| {
            let rest = line.strip_prefix(word.as_bytes());
            rest.is_some_and(|rest| {
                !rest
                    .first()
                    .is_some_and(|next| next.is_ascii_alphanumeric() || *next == b'_')
            })
        })
    };
    files.into_iter().any(|file| {
        let content = fs::read(file).unwrap_or_default();
        content.split(|byte| *byte == b'\n').any(begins)
    })
}

/// The file that a tool's name stands for: in the invoker's `PATH`, or where it says itself if it is absolute.
pub fn find_tool(name: &str, environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    if name.starts_with('/') {
        return Some(PathBuf::from(name)).filter(|file| fs::is_executable(file));
    }
    let path = environment.get("PATH")?;
    path.split(':')
        .filter(|directory| directory.starts_with('/'))
        .map(|directory| Path::new(directory).join(name))
        .find(|file| fs::is_executable(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches an edit that says something new and is not noticed, and one that does not and is taken for a change.
    #[test]
    fn a_mention_holds_as_long_as_it_is_one() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        let file = top.join("a.cpp");
        let words = ["import".to_owned()];
        let says = |text: &str| {
            fs::write(&file, text.as_bytes()).unwrap();
            is_mentioned([&file], &words)
        };
        assert!(!says("int imported;\nimporter x;\n// import\n"));
        assert!(says("int x;\n\timport a;"));
        assert!(!is_mentioned([&top.join("none")], &words));
        assert!(!says("int x;\n"));
        let environment = BTreeMap::new();
        let around = Surroundings {
            top,
            environment: &environment,
        };
        let read = Read::Mention {
            files: vec![file.clone()],
            words: words.to_vec(),
            found: false,
        };
        let clock = Clock::exact(stamp::stat(top).unwrap().stamp.device);
        let front = save(vec![read], &clock, top);
        assert!(front.holds(around));
        assert!(!says("int another;\n") && front.holds(around));
        assert!(says("import <x>;\n") && !front.holds(around));
    }

    /// Catches a file that appears after a pattern was matched and before the stamps are taken: it would never be seen.
    #[test]
    fn a_listing_that_changed_meanwhile_is_not_believed() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path();
        fs::write(&top.join("a.c"), b"").unwrap();
        let include = vec!["*.c".to_owned()];
        let (matched, listed) = pattern::matches(top, &include, &[], top).unwrap();
        let read = Read::Glob {
            directory: top.to_owned(),
            include,
            exclude: Vec::new(),
            matched,
            listed,
        };
        let environment = BTreeMap::new();
        let around = Surroundings {
            top,
            environment: &environment,
        };
        let clock = Clock::exact(stamp::stat(top).unwrap().stamp.device);
        assert!(save(vec![read.clone()], &clock, top).holds(around));
        fs::write(&top.join("b.c"), b"").unwrap();
        assert!(!save(vec![read], &clock, top).holds(around));
    }
}
