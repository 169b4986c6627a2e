//! Evaluations of earlier runs, used again as long as nothing that they read has changed.
//!
//! It knows nothing of what requests mean: they are pure, so the same request has the same outcome.
//!
//! # Files `.wake/state/declarations-2`, `.wake/state/modules-1`
//!
//! All numbers are little-endian.
//!
//! ```text
//! header   magic "wakeeval" · version u32 · count of entries u32
//! entries  sorted by key: key, 32 bytes · offset of the blob u64 · bytes of the front u32 · bytes of the outcome u32
//!          · runs since it was used u32 · zero u32 · the first 16 bytes of the BLAKE3 of key and blob
//! blobs    the front (what was read, postcard) and the outcome (JSON, zstd)
//! ```
//!
//! The key is the BLAKE3 of the request and of what tells this wake from others. The file is mapped; an entry is decoded
//! when it is asked for. One that is damaged, or a file of another version, is as good as none. What no run has used for
//! [`KEPT`] runs is left out when the file is written again.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;

use super::front::{self, Front, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::fs::stamp::Clock;
use crate::jsonnet::protocol::{Outcome, Request};

const MAGIC: [u8; 8] = *b"wakeeval";
const VERSION: u32 = 1;

/// How many runs something is kept that none of them used: as many as there are graphs of other targets and parameters.
const KEPT: u32 = 16;

/// Names a request.
pub type Key = [u8; 32];

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Header {
    magic: [u8; 8],
    version: u32,
    count: u32,
}

#[derive(Clone, Copy, Debug, Pod, Zeroable)]
#[repr(C)]
struct Entry {
    key: Key,
    offset: u64,
    front: u32,
    outcome: u32,
    unused_for: u32,
    zero: u32,
    checksum: [u8; 16],
}

/// What is kept of earlier runs, and what this one adds.
#[derive(Default)]
pub struct Evaluations {
    top: PathBuf,
    environment: BTreeMap<String, String>,
    /// Tells this wake and what it runs on from others.
    salt: String,
    map: Option<memmap2::Mmap>,
    used: Vec<AtomicBool>,
    /// The outcomes of this run.
    learned: Mutex<HashMap<Key, Outcome>>,
}

impl std::fmt::Debug for Evaluations {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        (formatter.debug_struct("Evaluations"))
            .field("top", &self.top)
            .finish_non_exhaustive()
    }
}

impl Evaluations {
    /// Opens what earlier runs left in `file`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn open(
        file: &Path,
        top: &Path,
        environment: &BTreeMap<String, String>,
        salt: String,
    ) -> Result<Self> {
        let map = fs::map(file)?.filter(|map| entries(map).is_some());
        let count = map.as_deref().and_then(entries).map_or(0, <[_]>::len);
        Ok(Self {
            top: top.to_owned(),
            environment: environment.clone(),
            salt,
            map,
            used: (0..count).map(|_| AtomicBool::new(false)).collect(),
            learned: Mutex::default(),
        })
    }

    /// The outcome that a request had before, if it would have it again.
    pub fn recall(&self, key: &Key) -> Option<Outcome> {
        if let Some(outcome) = held(&self.learned).get(key) {
            return Some(outcome.clone());
        }
        let bytes = self.map.as_deref()?;
        let entries = entries(bytes)?;
        let place = entries.binary_search_by(|entry| entry.key.cmp(key)).ok()?;
        let (front, outcome) = blobs(bytes, &entries[place])?;
        let front: Front = postcard::from_bytes(front).ok()?;
        let around = Surroundings {
            top: &self.top,
            environment: &self.environment,
        };
        if !front.holds_here(around) {
            return None;
        }
        let json = zstd::decode_all(outcome).ok()?;
        let mut outcome: Outcome = serde_json::from_slice(&json).ok()?;
        outcome.is_recalled = true;
        self.used[place].store(true, Ordering::Relaxed);
        Some(outcome)
    }

    /// Notes the outcome of a request. One that failed is not kept: its cause may lie outside of what it read.
    pub fn remember(&self, key: Key, outcome: &Outcome) {
        if outcome.result.is_ok() && !outcome.is_recalled {
            held(&self.learned).insert(key, outcome.clone());
        }
    }

    /// Writes what is to be kept: all that this run evaluated, and what it or one of the latest runs used.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn save(&self, file: &Path, clock: &Clock) -> Result<()> {
        // They stay: generating goes on after what `preprocess` makes, and writes the file again.
        let learned = held(&self.learned);
        if learned.is_empty() {
            return Ok(());
        }
        let encode = |(key, outcome): (&Key, &Outcome)| -> Result<(Key, u32, Blob)> {
            let failed = |cause: String| Error::internal("Evaluations cannot be kept").cause(cause);
            let front = front::save(outcome.reads.clone(), clock, &self.top);
            let front = postcard::to_stdvec(&front).map_err(|error| failed(error.to_string()))?;
            let json = serde_json::to_vec(outcome).map_err(|error| failed(error.to_string()))?;
            let outcome =
                zstd::encode_all(&json[..], 1).map_err(|error| failed(error.to_string()))?;
            Ok((*key, 0, Blob { front, outcome }))
        };
        let mut all: Vec<(Key, u32, Blob)> =
            learned.par_iter().map(encode).collect::<Result<_>>()?;
        all.extend(self.still_kept(&learned));
        all.sort_unstable_by_key(|(key, ..)| *key);
        fs::write_atomic(file, &encoded(&all))
    }

    /// The old entries that stay.
    fn still_kept(&self, learned: &HashMap<Key, Outcome>) -> Vec<(Key, u32, Blob)> {
        let Some(bytes) = self.map.as_deref() else {
            return Vec::new();
        };
        let old = entries(bytes).unwrap_or_default().iter().zip(&self.used);
        let kept = old.filter_map(|(entry, used)| {
            let unused_for = match used.load(Ordering::Relaxed) {
                true => 0,
                false => entry.unused_for + 1,
            };
            let (front, outcome) = blobs(bytes, entry)?;
            let is_kept = unused_for < KEPT && !learned.contains_key(&entry.key);
            is_kept.then(|| {
                let (front, outcome) = (front.to_vec(), outcome.to_vec());
                (entry.key, unused_for, Blob { front, outcome })
            })
        });
        kept.collect()
    }

    /// What a request is kept under.
    pub fn key(&self, request: &Request) -> Key {
        let mut hasher = blake3::Hasher::new();
        hasher.update(self.salt.as_bytes());
        let request = serde_json::to_vec(request).expect("BUG: plain data always encodes");
        hasher.update(&request);
        *hasher.finalize().as_bytes()
    }
}

/// What belongs to one entry.
struct Blob {
    front: Vec<u8>,
    outcome: Vec<u8>,
}

fn encoded(all: &[(Key, u32, Blob)]) -> Vec<u8> {
    let number = |length: usize| u32::try_from(length).expect("BUG: an evaluation of 4 GiB");
    let header = Header {
        magic: MAGIC,
        version: VERSION,
        count: number(all.len()),
    };
    let mut bytes = bytemuck::bytes_of(&header).to_vec();
    let mut offset = (size_of::<Header>() + all.len() * size_of::<Entry>()) as u64;
    for (key, unused_for, blob) in all {
        bytes.extend_from_slice(bytemuck::bytes_of(&Entry {
            key: *key,
            offset,
            front: number(blob.front.len()),
            outcome: number(blob.outcome.len()),
            unused_for: *unused_for,
            zero: 0,
            checksum: checksum(key, &blob.front, &blob.outcome),
        }));
        offset += (blob.front.len() + blob.outcome.len()) as u64;
    }
    for (.., blob) in all {
        bytes.extend_from_slice(&blob.front);
        bytes.extend_from_slice(&blob.outcome);
    }
    bytes
}

/// The entries of a file; `None`: it is none of this version.
fn entries(bytes: &[u8]) -> Option<&[Entry]> {
    let (head, rest) = bytes.split_at_checked(size_of::<Header>())?;
    let header: Header = bytemuck::pod_read_unaligned(head);
    if header.magic != MAGIC || header.version != VERSION {
        return None;
    }
    let table = rest.get(..(header.count as usize).checked_mul(size_of::<Entry>())?)?;
    bytemuck::try_cast_slice(table).ok()
}

/// The front and the outcome of an entry, if they are as they were written.
fn blobs<'a>(bytes: &'a [u8], entry: &Entry) -> Option<(&'a [u8], &'a [u8])> {
    let start = usize::try_from(entry.offset).ok()?;
    let middle = start.checked_add(entry.front as usize)?;
    let end = middle.checked_add(entry.outcome as usize)?;
    let (front, outcome) = (bytes.get(start..middle)?, bytes.get(middle..end)?);
    (checksum(&entry.key, front, outcome) == entry.checksum).then_some((front, outcome))
}

fn checksum(key: &Key, front: &[u8], outcome: &[u8]) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    hasher.update(key).update(front).update(outcome);
    let mut checksum = [0; 16];
    checksum.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    checksum
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::declare::model::PackageDirectory;
    use crate::fs::stamp;
    use crate::jsonnet::protocol::{Answer, Read};

    fn request(directory: &Path, name: &str) -> Request {
        Request::Exports {
            package: PackageDirectory {
                directory: directory.join(name),
                top: directory.to_owned(),
                granted: None,
                place: None,
            },
            answers: Vec::new(),
        }
    }

    fn outcome(file: &Path, value: u32) -> Outcome {
        Outcome {
            result: Ok(Answer::Value(json!(value))),
            reads: vec![Read::File {
                path: file.to_owned(),
                hash: Some(*blake3::hash(&fs::read(file).unwrap()).as_bytes()),
            }],
            is_recalled: false,
        }
    }

    fn value(outcome: Option<Outcome>) -> Option<serde_json::Value> {
        match outcome?.result {
            Ok(Answer::Value(value)) => Some(value),
            other => panic!("{other:?}"),
        }
    }

    struct World {
        directory: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            let world = Self {
                directory: tempfile::tempdir().unwrap(),
            };
            fs::write(&world.source(), b"one").unwrap();
            world
        }

        fn top(&self) -> &Path {
            self.directory.path()
        }

        fn source(&self) -> PathBuf {
            self.top().join("source")
        }

        fn file(&self) -> PathBuf {
            self.top().join("kept")
        }

        fn open(&self) -> Evaluations {
            Evaluations::open(&self.file(), self.top(), &BTreeMap::new(), "salt".into()).unwrap()
        }

        fn save(&self, evaluations: &Evaluations) {
            let clock = Clock::exact(stamp::stat(self.top()).unwrap().stamp.device);
            evaluations.save(&self.file(), &clock).unwrap();
        }

        /// Keeps one evaluation of each name.
        fn keep(&self, names: &[&str]) {
            let evaluations = self.open();
            for (value, name) in (0..).zip(names) {
                evaluations.remember(
                    evaluations.key(&request(self.top(), name)),
                    &outcome(&self.source(), value),
                );
            }
            self.save(&evaluations);
        }

        fn recall(&self, name: &str) -> Option<serde_json::Value> {
            let evaluations = self.open();
            value(evaluations.recall(&evaluations.key(&request(self.top(), name))))
        }
    }

    /// Catches an outcome that is used although what it was evaluated from has changed.
    #[test]
    fn an_outcome_holds_as_long_as_what_was_read() {
        let world = World::new();
        world.keep(&["a", "b"]);
        assert_eq!(world.recall("b"), Some(json!(1)));
        assert_eq!(world.recall("c"), None);
        fs::write(&world.source(), b"two").unwrap();
        assert_eq!(world.recall("b"), None);
    }

    /// Catches a result of one flavor that is lost when another one is built, and a file that grows without end.
    #[test]
    fn what_is_not_used_stays_for_some_runs() {
        let world = World::new();
        world.keep(&["old"]);
        for _ in 1..KEPT {
            world.keep(&["new"]);
        }
        assert_eq!(world.recall("old"), Some(json!(0)));
        world.keep(&["new"]);
        assert_eq!(world.recall("old"), None);
    }

    /// Catches the second phase of generating that evaluates anew what the first one has, and leaves it out of the file.
    #[test]
    fn what_was_written_is_still_known() {
        let world = World::new();
        let evaluations = world.open();
        let learn = |name: &str| {
            evaluations.remember(
                evaluations.key(&request(world.top(), name)),
                &outcome(&world.source(), 7),
            );
            world.save(&evaluations);
        };
        learn("first");
        let first = evaluations.recall(&evaluations.key(&request(world.top(), "first")));
        assert_eq!(value(first), Some(json!(7)));
        learn("second");
        assert_eq!(world.recall("first"), Some(json!(7)));
        assert_eq!(world.recall("second"), Some(json!(7)));
    }

    /// Catches damage that is taken for an outcome, or that ends the run.
    #[test]
    fn a_damaged_file_is_as_good_as_none() {
        let world = World::new();
        world.keep(&["a", "b"]);
        let whole = fs::read(&world.file()).unwrap();
        let expected = world.recall("a");
        for place in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[place] ^= 0x55;
            fs::write(&world.file(), &damaged).unwrap();
            let found = world.recall("a");
            assert!(found.is_none() || found == expected, "byte {place}");
            fs::write(&world.file(), &whole[..place]).unwrap();
            let found = world.recall("a");
            assert!(found.is_none() || found == expected, "cut at {place}");
        }
    }
}
