//! What the evaluator knows between builds: paths, what was last seen of them, and how each operation ended.
//!
//! Tables in memory, replayed from one append-only file (`log.rs`, `record.rs`); texts of commands, for explanations
//! only, are in a second one (`commands.rs`). It knows nothing of graphs. Files: `<directory>/log-1`,
//! `<directory>/commands-1`. One process at a time: the caller holds the workspace's lock.

pub mod commands;
mod compact;
pub mod log;
pub mod paths;
pub mod record;
#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::Result;
use crate::fs;
use crate::fs::{Content, Stamp};
use crate::graph::FileId;

use commands::Commands;
use log::Appender;
pub use paths::{Image, Paths};
pub use record::{Outcome, Recorded, Story, Version};

/// No version, no slot.
pub const NONE: u32 = u32::MAX;

/// Something that was kept could not be used; the build goes on with less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    pub path: PathBuf,
    pub cause: String,
}

/// What is known of one operation.
#[derive(Clone, Debug, Default)]
struct Slot {
    identity: u32,
    result: Option<Range<usize>>,
    /// Set from its start until its result: the entry that names the outputs it is going to write.
    started: Option<Range<usize>>,
}

/// See the module.
pub struct State {
    directory: PathBuf,
    top: PathBuf,
    name: [u8; 16],
    image: Arc<Image>,
    /// Entries appended since the log was opened: offsets behind the image lie here.
    tail: Vec<u8>,
    /// Where the part of `tail` begins that is not in the file yet.
    unwritten: usize,
    paths: Paths,
    /// Those that other threads may hold, then those added since.
    versions: Arc<Vec<Version>>,
    recent: Vec<Version>,
    /// Version number by file id.
    latest: Vec<u32>,
    slots: Vec<Slot>,
    /// Index into `slots` by file id.
    slot_of: Vec<u32>,
    /// Bytes of entries that later ones replaced, about.
    superseded: usize,
    appender: Option<Appender>,
    /// What the file would contain, for tests that have none.
    #[cfg(test)]
    memory: Arc<std::sync::Mutex<Vec<u8>>>,
    commands: Commands,
}

impl State {
    /// Opens or begins the state in `directory`; paths are relative to `top`. Damage is no error: what can be used is
    /// used, and the second value says what was lost.
    ///
    /// # Errors
    /// `Environment`, if the directory cannot be read or written.
    pub fn open(directory: &Path, top: &Path) -> Result<(Self, Option<Discarded>)> {
        fs::create_directories(directory)?;
        let path = directory.join("log-1");
        let discarded = |cause: &str| Discarded {
            path: path.clone(),
            cause: cause.to_owned(),
        };
        let (image, found) = match fs::map(&path)? {
            None => (None, None),
            Some(map) if log::name(&map).is_some() => (Some(Image::Mapped(map)), None),
            Some(_) => (
                None,
                Some(discarded("it is not a state of this version of wake")),
            ),
        };
        let (mut state, good) = match image {
            Some(image) => Self::replay(image),
            None => (Self::empty(log::random_name()), 0),
        };
        state.directory = directory.to_owned();
        state.top = top.to_owned();
        let mut loss = found;
        let mut length = good;
        if good != state.image.len() || good == 0 {
            if good > 0 {
                state.name = log::random_name();
                loss = Some(discarded("its end is damaged or was never written"));
            }
            let header = log::header(state.name);
            let rest = state.image.get(log::HEADER..good).unwrap_or_default();
            fs::write_atomic(&path, &[&header, rest].concat())?;
            length = log::HEADER + rest.len();
        }
        state.appender = Some(Appender::open(&path, length)?);
        state.commands = Commands::new(directory);
        Ok((state, loss))
    }

    /// A state of nothing, kept nowhere: where one is that somebody else has for a while.
    pub fn absent() -> Self {
        Self::empty([0; 16])
    }

    /// A state that is kept nowhere.
    #[cfg(test)]
    pub fn in_memory(top: &Path) -> Self {
        let mut state = Self::empty(log::random_name());
        state.top = top.to_owned();
        state
    }

    /// The state that a log of these bytes has; `None` if they are no log. The second value: whether all of it counts.
    #[cfg(test)]
    pub fn of_bytes(top: &Path, bytes: Vec<u8>) -> Option<(Self, bool)> {
        log::name(&bytes)?;
        let length = bytes.len();
        let (mut state, good) = Self::replay(Image::Buffer(bytes));
        state.top = top.to_owned();
        *state.memory.lock().unwrap() = state.image[..good].to_vec();
        Some((state, good == length))
    }

    /// What the log contains, also later.
    #[cfg(test)]
    pub fn memory(&self) -> Arc<std::sync::Mutex<Vec<u8>>> {
        Arc::clone(&self.memory)
    }

    fn empty(name: [u8; 16]) -> Self {
        Self::on(name, Image::Buffer(Vec::new()))
    }

    fn on(name: [u8; 16], image: Image) -> Self {
        let image = Arc::new(image);
        Self {
            directory: PathBuf::new(),
            top: PathBuf::new(),
            name,
            paths: Paths::new(Arc::clone(&image)),
            image,
            tail: Vec::new(),
            unwritten: 0,
            versions: Arc::new(Vec::new()),
            recent: Vec::new(),
            latest: Vec::new(),
            slots: Vec::new(),
            slot_of: Vec::new(),
            superseded: 0,
            appender: None,
            #[cfg(test)]
            memory: Arc::new(std::sync::Mutex::new(log::header(name).to_vec())),
            commands: Commands::default(),
        }
    }

    /// Replays a log whose header is good. The second value is how many bytes of it are good.
    fn replay(image: Image) -> (Self, usize) {
        let mut end = image.len();
        let image = Arc::new(image);
        loop {
            let name = log::name(&image).expect("BUG: the caller has looked at the header");
            let mut state = Self::empty(name);
            state.paths = Paths::new(Arc::clone(&image));
            state.image = Arc::clone(&image);
            match state.replay_frames(end) {
                Ok(good) => return (state, good),
                // A frame whose checksum is right and whose entries are not: leave it and what is behind it out.
                Err(bad) => end = bad,
            }
        }
    }

    /// Applies the frames before `end`. Returns where the first unusable frame begins; an error where a frame turned
    /// out unusable after a part of it was applied.
    fn replay_frames(&mut self, end: usize) -> std::result::Result<usize, usize> {
        let image = Arc::clone(&self.image);
        let mut at = log::HEADER;
        while at < end
            && let Some(payload) = log::frame(&image[..end], at)
        {
            let mut position = payload.start;
            while position < payload.end {
                let entry = log::entry(&image, position, payload.end);
                let (kind, range) = entry.ok_or(at)?;
                position = range.end;
                self.apply(kind, range).ok_or(at)?;
            }
            at = payload.end;
        }
        Ok(at)
    }

    /// Applies an entry of the log; `None` if it makes no sense.
    fn apply(&mut self, kind: u8, range: Range<usize>) -> Option<()> {
        let image = Arc::clone(&self.image);
        let bytes = &image[range.clone()];
        match kind {
            record::PATH => {
                self.paths.push_mapped(&range);
                self.latest.push(NONE);
                self.slot_of.push(NONE);
            }
            record::VERSION => {
                let version = record::decode_version(bytes)?;
                self.known(version.file)?;
                self.insert_version(version);
            }
            record::RESULT => {
                let result = Recorded::new(bytes)?;
                self.known(result.identity())?;
                let versions = FileId::from_index(self.version_count()).0;
                let mut numbers = result.reads().chain(result.outputs());
                if numbers.any(|number| number >= versions) {
                    return None;
                }
                if let Some(file) = result.changed_meanwhile() {
                    self.known(file)?;
                }
                self.set_result(result.identity(), range);
            }
            record::STARTED => {
                let identity = self.known(record::file_at(bytes, 0)?)?;
                for at in (4..bytes.len()).step_by(4) {
                    self.known(record::file_at(bytes, at)?)?;
                }
                self.slot(identity).started = Some(range);
            }
            record::FORGOTTEN => {
                let identity = self.known(record::file_at(bytes, 0)?)?;
                self.clear(identity);
            }
            _ => return None,
        }
        Some(())
    }

    fn known(&self, file: FileId) -> Option<FileId> {
        (file.index() < self.paths.count()).then_some(file)
    }

    fn insert_version(&mut self, version: Version) -> u32 {
        let number = FileId::from_index(self.version_count()).0;
        if self.latest[version.file.index()] != NONE {
            self.superseded += 83;
        }
        self.latest[version.file.index()] = number;
        self.recent.push(version);
        number
    }

    fn slot(&mut self, identity: FileId) -> &mut Slot {
        let place = &mut self.slot_of[identity.index()];
        if *place == NONE {
            *place = FileId::from_index(self.slots.len()).0;
            self.slots.push(Slot {
                identity: identity.0,
                ..Slot::default()
            });
        }
        &mut self.slots[*place as usize]
    }

    fn set_result(&mut self, identity: FileId, range: Range<usize>) {
        let slot = self.slot(identity);
        slot.started = None;
        let old = slot.result.replace(range);
        self.superseded += old.map_or(0, |range| range.len());
    }

    fn clear(&mut self, identity: FileId) {
        let slot = self.slot(identity);
        slot.started = None;
        let old = slot.result.take();
        self.superseded += old.map_or(0, |range| range.len());
    }

    /// Appends an entry; it is in the file after the next [`State::flush`].
    fn append(&mut self, kind: u8, bytes: &[u8]) -> Range<usize> {
        let range = log::push(&mut self.tail, kind, bytes);
        let base = self.image.len();
        base + range.start..base + range.end
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        match range.start.checked_sub(self.image.len()) {
            Some(start) => &self.tail[start..start + range.len()],
            None => &self.image[range.clone()],
        }
    }

    /// Names this state: file ids mean the same only while it is the same.
    pub fn name(&self) -> [u8; 16] {
        self.name
    }

    /// The workspace's top.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// How many paths it knows: their ids are `0..path_count()`.
    pub fn path_count(&self) -> usize {
        self.paths.count()
    }

    /// The id of a path, as in DESIGN: relative to the top when below it, else absolute; a directory that is an output
    /// ends in a slash.
    pub fn intern(&mut self, path: &[u8]) -> FileId {
        if let Some(file) = self.paths.find(path) {
            return file;
        }
        self.append(record::PATH, path);
        self.latest.push(NONE);
        self.slot_of.push(NONE);
        self.paths.add(path)
    }

    /// The id of a path, if it has one.
    pub fn find(&mut self, path: &[u8]) -> Option<FileId> {
        self.paths.find(path)
    }

    /// The path of an id.
    pub fn path(&self, file: FileId) -> &[u8] {
        self.paths.get(file)
    }

    /// The path for people.
    pub fn display(&self, file: FileId) -> String {
        String::from_utf8_lossy(self.path(file)).into_owned()
    }

    /// The absolute path, without a final slash.
    pub fn absolute(&self, file: FileId) -> PathBuf {
        absolute(&self.top, self.path(file))
    }

    /// The version with a number.
    pub fn version(&self, number: u32) -> &Version {
        let number = number as usize;
        match self.versions.get(number) {
            Some(version) => version,
            None => &self.recent[number - self.versions.len()],
        }
    }

    fn version_count(&self) -> usize {
        self.versions.len() + self.recent.len()
    }

    /// What is known now, for other threads.
    pub fn snapshot(&mut self) -> Snapshot {
        Arc::make_mut(&mut self.versions).append(&mut self.recent);
        Snapshot {
            top: self.top.clone(),
            paths: self.paths.clone(),
            versions: Arc::clone(&self.versions),
            latest: self.latest.clone(),
        }
    }

    /// The number of what was last seen of a file, [`NONE`] if it was never looked at.
    pub fn latest(&self, file: FileId) -> u32 {
        self.latest[file.index()]
    }

    /// Records what a file contains; returns its version number.
    pub fn see(&mut self, file: FileId, stamp: Stamp, content: Content, racy: bool) -> u32 {
        let version = Version {
            file,
            stamp,
            content,
            racy,
        };
        self.append(record::VERSION, &record::encode_version(&version));
        self.insert_version(version)
    }

    fn slot_if_any(&self, identity: FileId) -> Option<&Slot> {
        let place = *self.slot_of.get(identity.index())?;
        self.slots.get(place as usize)
    }

    /// How the operation ended when it last ran to its end.
    pub fn result(&self, identity: FileId) -> Option<Recorded<'_>> {
        let range = self.slot_if_any(identity)?.result.as_ref()?;
        Recorded::new(self.bytes(range))
    }

    /// Whether it was started and has not ended.
    pub fn is_unfinished(&self, identity: FileId) -> bool {
        self.slot_if_any(identity)
            .is_some_and(|slot| slot.started.is_some())
    }

    /// The identities of all operations of which anything is known.
    pub fn identities(&self) -> impl Iterator<Item = FileId> + '_ {
        self.slots
            .iter()
            .filter(|slot| slot.result.is_some() || slot.started.is_some())
            .map(|slot| FileId(slot.identity))
    }

    /// The files that the operation wrote, or may have written when it was killed.
    pub fn written_by(&self, identity: FileId) -> Vec<FileId> {
        let Some(slot) = self.slot_if_any(identity) else {
            return Vec::new();
        };
        let mut files = Vec::new();
        if let Some(result) = self.result(identity) {
            files.extend(result.outputs().map(|number| self.version(number).file));
        }
        if let Some(range) = &slot.started {
            let bytes = self.bytes(range);
            files.extend(
                (4..bytes.len())
                    .filter_map(|at| (at % 4 == 0).then(|| record::file_at(bytes, at)).flatten()),
            );
        }
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Records that an operation is about to write `outputs`.
    pub fn start(&mut self, identity: FileId, outputs: &[FileId]) {
        let mut bytes = identity.0.to_le_bytes().to_vec();
        for output in outputs {
            bytes.extend_from_slice(&output.0.to_le_bytes());
        }
        let range = self.append(record::STARTED, &bytes);
        self.superseded += bytes.len();
        self.slot(identity).started = Some(range);
    }

    /// Records how an operation ended.
    pub fn finish(&mut self, outcome: &Outcome) {
        let range = self.append(record::RESULT, &record::encode_result(outcome));
        self.set_result(outcome.identity, range);
    }

    /// Forgets an operation: its outputs were removed.
    pub fn forget(&mut self, identity: FileId) {
        self.append(record::FORGOTTEN, &identity.0.to_le_bytes());
        self.clear(identity);
    }

    /// The texts of commands.
    pub fn commands(&mut self) -> &mut Commands {
        &mut self.commands
    }

    /// Hands everything recorded so far to the kernel: it survives the death of this process.
    ///
    /// # Errors
    /// `Environment`, with the path. What was recorded before stays as it is.
    pub fn flush(&mut self) -> Result<()> {
        if self.unwritten == self.tail.len() {
            return Ok(());
        }
        if let Some(appender) = &mut self.appender {
            appender.append(&self.tail[self.unwritten..])?;
        }
        #[cfg(test)]
        log::enclose(
            &mut self.memory.lock().unwrap(),
            &self.tail[self.unwritten..],
        );
        self.unwritten = self.tail.len();
        Ok(())
    }

    /// [`State::flush`], and waits for the disk: to be called before anything that holds file ids is written.
    ///
    /// # Errors
    /// As [`State::flush`].
    pub fn sync(&mut self) -> Result<()> {
        self.flush()?;
        self.appender.as_ref().map_or(Ok(()), Appender::sync)
    }
}

/// Paths and the latest versions of files, as they were when it was taken.
pub struct Snapshot {
    top: PathBuf,
    paths: Paths,
    versions: Arc<Vec<Version>>,
    latest: Vec<u32>,
}

impl Snapshot {
    /// The absolute path, without a final slash.
    pub fn absolute(&self, file: FileId) -> PathBuf {
        absolute(&self.top, self.paths.get(file))
    }

    /// What was last seen of a file.
    pub fn latest(&self, file: FileId) -> Option<&Version> {
        self.versions.get(self.latest[file.index()] as usize)
    }
}

/// The absolute path of a path as the state writes it, without a final slash.
pub fn absolute(top: &Path, path: &[u8]) -> PathBuf {
    let trimmed = match path.strip_suffix(b"/") {
        Some(rest) if !rest.is_empty() => rest,
        _ => path,
    };
    top.join(OsStr::from_bytes(trimmed))
}
