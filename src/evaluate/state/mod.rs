//! What the evaluator knows between builds: paths, what was last seen of them, and how each operation ended.
//!
//! One file, `<directory>/state-3`: tables that are mapped and used in place (`tables.rs`), and behind them what was
//! recorded since, replayed from frames (`log.rs`, `record.rs`) into small tables in memory. When there is much of that, the
//! file is written anew as tables (`compact.rs`). Texts of commands, for explanations only, are in a second file
//! (`commands.rs`). It knows nothing of graphs. One process at a time: the caller holds the workspace's lock.

pub mod commands;
mod compact;
pub mod log;
pub mod paths;
pub mod record;
pub mod tables;
#[cfg(test)]
mod tests;

use std::ffi::{CStr, OsStr};
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::evaluate::files;
use crate::fs;
use crate::fs::fingerprint::Part;
use crate::fs::sections::Bytes;
use crate::fs::{Content, Stamp};
use crate::graph::FileId;

use commands::Commands;
use log::Appender;
pub use paths::Paths;
pub use record::{Outcome, Recorded, Story, Version};
use tables::{HAS_RESULT, HAS_STARTED, Tables};

/// No version, no slot.
pub const NONE: u32 = u32::MAX;

/// Something that was kept could not be used; the build goes on with less.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discarded {
    pub path: PathBuf,
    pub cause: String,
}

/// What was recorded of one operation since the tables were written: it replaces what they say of it.
#[derive(Clone, Debug)]
struct Slot {
    identity: FileId,
    result: Place,
    /// Set from its start until its result: where the entry is that names the outputs it is going to write.
    started: Option<Place>,
}

/// Where something is that is known of an operation.
#[derive(Clone, Debug)]
enum Place {
    Nowhere,
    Tables,
    Log(Range<usize>),
}

/// See the module.
pub struct State {
    directory: PathBuf,
    top: PathBuf,
    name: [u8; 16],
    tables: Arc<Tables>,
    /// Versions with smaller numbers are the latest, in the tables, of the file with that number.
    first_older: u32,
    /// Entries appended since the file was opened: offsets behind the file's end lie here.
    tail: Vec<u8>,
    /// Where the part of `tail` begins that is not in the file yet.
    unwritten: usize,
    paths: Paths,
    /// Those behind the ones of the tables.
    versions: Arc<Vec<Version>>,
    /// Version number by file id.
    latest: Arc<Vec<u32>>,
    slots: Vec<Slot>,
    /// Index into `slots` by file id; empty as long as there are none.
    slot_of: Vec<u32>,
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
        let path = directory.join("state-3");
        let (mut state, mut cause) = Self::read(&path)?;
        let mut discarded = None;
        if let Some(found) = cause {
            state.name = log::random_name();
            state.write(&path)?;
            (state, cause) = Self::read(&path)?;
            if cause.is_some() {
                let subject = format!("`{}` is not what was just written", path.display());
                return Err(Error::environment(subject).hint("look at the disk that it is on"));
            }
            let cause = found.to_owned();
            discarded = (!found.is_empty()).then(|| Discarded {
                path: path.clone(),
                cause,
            });
        }
        state.directory = directory.to_owned();
        state.top = top.to_owned();
        state.commands = Commands::new(directory);
        state.appender = Some(Appender::open(&path, state.tables.file().len())?);
        Ok((state, discarded))
    }

    /// What a file says, and why it must be written anew if it must; empty: there is none.
    fn read(path: &Path) -> Result<(Self, Option<&'static str>)> {
        let Some((file, map)) = fs::open_mapped(path)? else {
            return Ok((Self::on(Arc::new(Tables::fresh([0; 16]))), Some("")));
        };
        let Some(tables) = Tables::open(Bytes::Mapped(map), Some(&file)) else {
            let cause = "it is damaged, or not of this version of wake";
            return Ok((Self::on(Arc::new(Tables::fresh([0; 16]))), Some(cause)));
        };
        let (state, good) = Self::replay(Arc::new(tables));
        let is_whole = good == state.tables.file().len();
        let cause = "its end is damaged or was never written";
        Ok((state, (!is_whole).then_some(cause)))
    }

    /// A state of nothing, kept nowhere: where one is that somebody else has for a while.
    pub fn absent() -> Self {
        Self::on(Arc::new(Tables::fresh([0; 16])))
    }

    /// A state that is kept nowhere.
    #[cfg(test)]
    pub fn in_memory(top: &Path) -> Self {
        let mut state = Self::on(Arc::new(Tables::fresh(log::random_name())));
        state.top = top.to_owned();
        state
    }

    /// The state that a file of these bytes has; `None` if it has none. The second value: whether all of it counts.
    #[cfg(test)]
    pub fn of_bytes(top: &Path, bytes: impl AsRef<[u8]>) -> Option<(Self, bool)> {
        let bytes = bytes.as_ref();
        let tables = Tables::open(Bytes::buffer(bytes), None)?;
        let (mut state, good) = Self::replay(Arc::new(tables));
        state.top = top.to_owned();
        *state.memory.lock().unwrap() = bytes[..good].to_vec();
        Some((state, good == bytes.len()))
    }

    /// What the file contains, also later.
    #[cfg(test)]
    pub fn memory(&self) -> Arc<std::sync::Mutex<Vec<u8>>> {
        Arc::clone(&self.memory)
    }

    /// What the tables say.
    fn on(tables: Arc<Tables>) -> Self {
        let files = (0..tables.path_count()).map(FileId::from_index);
        let latest = files.map(|file| if tables.is_known(file) { file.0 } else { NONE });
        Self {
            directory: PathBuf::new(),
            top: PathBuf::new(),
            name: tables.state(),
            first_older: FileId::from_index(tables.path_count()).0,
            tail: Vec::new(),
            unwritten: 0,
            paths: Paths::new(Arc::clone(&tables)),
            versions: Arc::default(),
            latest: Arc::new(latest.collect()),
            slots: Vec::new(),
            slot_of: Vec::new(),
            appender: None,
            #[cfg(test)]
            memory: Arc::new(std::sync::Mutex::new(tables.file().to_vec())),
            commands: Commands::default(),
            tables,
        }
    }

    /// What the tables and the frames behind them say. The second value is how many bytes of the file are good.
    fn replay(tables: Arc<Tables>) -> (Self, usize) {
        let mut end = tables.file().len();
        loop {
            let mut state = Self::on(Arc::clone(&tables));
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
        let tables = Arc::clone(&self.tables);
        let bytes = tables.file();
        let mut at = tables.end();
        while at < end
            && let Some(payload) = log::frame(&bytes[..end], at)
        {
            let mut position = payload.start;
            while position < payload.end {
                let entry = log::entry(bytes, position, payload.end);
                let (kind, range) = entry.ok_or(at)?;
                position = range.end;
                self.apply(kind, &bytes[range.clone()], range).ok_or(at)?;
            }
            at = payload.end;
        }
        Ok(at)
    }

    /// Applies an entry of the log; `None` if it makes no sense.
    fn apply(&mut self, kind: u8, bytes: &[u8], range: Range<usize>) -> Option<()> {
        match kind {
            record::PATH => {
                self.add_path(bytes);
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
                self.slot(identity).started = Some(Place::Log(range));
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

    fn add_path(&mut self, path: &[u8]) -> FileId {
        Arc::make_mut(&mut self.latest).push(NONE);
        self.paths.add(path)
    }

    fn insert_version(&mut self, version: Version) -> u32 {
        let number = FileId::from_index(self.version_count()).0;
        Arc::make_mut(&mut self.latest)[version.file.index()] = number;
        Arc::make_mut(&mut self.versions).push(version);
        number
    }

    /// What replaces the tables' word on an operation; at first it says what they say.
    fn slot(&mut self, identity: FileId) -> &mut Slot {
        if self.slot_of.len() <= identity.index() {
            self.slot_of.resize(self.paths.count(), NONE);
        }
        let place = &mut self.slot_of[identity.index()];
        if *place == NONE {
            *place = FileId::from_index(self.slots.len()).0;
            let flags = self
                .tables
                .result(identity)
                .map_or(0, |(stored, _)| stored.flags);
            let stored = |flag: u32| flags & flag != 0;
            self.slots.push(Slot {
                identity,
                result: if stored(HAS_RESULT) {
                    Place::Tables
                } else {
                    Place::Nowhere
                },
                started: stored(HAS_STARTED).then_some(Place::Tables),
            });
        }
        &mut self.slots[*place as usize]
    }

    fn set_result(&mut self, identity: FileId, range: Range<usize>) {
        let slot = self.slot(identity);
        slot.started = None;
        slot.result = Place::Log(range);
    }

    fn clear(&mut self, identity: FileId) {
        let slot = self.slot(identity);
        slot.started = None;
        slot.result = Place::Nowhere;
    }

    /// Appends an entry; it is in the file after the next [`State::flush`].
    fn append(&mut self, kind: u8, bytes: &[u8]) -> Range<usize> {
        let range = log::push(&mut self.tail, kind, bytes);
        let base = self.tables.file().len();
        base + range.start..base + range.end
    }

    fn bytes(&self, range: &Range<usize>) -> &[u8] {
        match range.start.checked_sub(self.tables.file().len()) {
            Some(start) => &self.tail[start..start + range.len()],
            None => &self.tables.file()[range.clone()],
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
        self.add_path(path)
    }

    /// The id of a path, if it has one.
    pub fn find(&self, path: &[u8]) -> Option<FileId> {
        self.paths.find(path)
    }

    /// The path of an id.
    pub fn path(&self, file: FileId) -> &[u8] {
        self.paths.get(file)
    }

    /// The path for people.
    pub fn display(&self, file: FileId) -> String {
        String::from_utf8_lossy(files::split(self.path(file)).0).into_owned()
    }

    /// The absolute path, without a final slash.
    pub fn absolute(&self, file: FileId) -> PathBuf {
        absolute(&self.top, self.path(file))
    }

    /// A number that is the same for all files of a directory; [`NONE`] where that is not known.
    pub fn directory_of(&self, file: FileId) -> u32 {
        self.tables.directory_of(file)
    }

    /// A version that is not in the tables; the number of one that is.
    fn recent(&self, number: u32) -> std::result::Result<&Version, u32> {
        match (number as usize).checked_sub(self.tables.version_count()) {
            Some(recent) => Ok(&self.versions[recent]),
            None => Err(number),
        }
    }

    /// The version with a number.
    pub fn version(&self, number: u32) -> Version {
        (self.recent(number)).map_or_else(|number| self.tables.version(number), |version| *version)
    }

    /// The file of a version.
    pub fn file_of(&self, number: u32) -> FileId {
        if number < self.first_older {
            return FileId(number);
        }
        (self.recent(number))
            .map_or_else(|number| self.tables.file_of(number), |version| version.file)
    }

    /// What a version contains.
    pub fn content_of(&self, number: u32) -> Content {
        let recent = self.recent(number);
        recent.map_or_else(
            |number| self.tables.content(number),
            |version| version.content,
        )
    }

    fn version_count(&self) -> usize {
        self.tables.version_count() + self.versions.len()
    }

    /// What is known now, for other threads.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            top: self.top.clone(),
            tables: Arc::clone(&self.tables),
            paths: self.paths.for_reading(),
            versions: Arc::clone(&self.versions),
            latest: Arc::clone(&self.latest),
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
        match self.slot_if_any(identity).map(|slot| &slot.result) {
            Some(Place::Nowhere) => None,
            Some(Place::Log(range)) => Recorded::new(self.bytes(range)),
            Some(Place::Tables) | None => {
                let (stored, number) = self.tables.result(identity)?;
                let has_result = stored.flags & HAS_RESULT != 0;
                has_result.then(|| Recorded::stored(&self.tables, stored, number))
            }
        }
    }

    /// Whether it was started and has not ended.
    pub fn is_unfinished(&self, identity: FileId) -> bool {
        match self.slot_if_any(identity) {
            Some(slot) => slot.started.is_some(),
            None => (self.tables.result(identity))
                .is_some_and(|(stored, _)| stored.flags & HAS_STARTED != 0),
        }
    }

    /// The identities of all operations of which anything is known.
    pub fn identities(&self) -> impl Iterator<Item = FileId> + '_ {
        let stored = self.tables.results().iter();
        let stored = stored.map(|stored| FileId(stored.identity));
        let recent = self
            .slots
            .iter()
            .filter(|slot| !matches!(slot.result, Place::Nowhere) || slot.started.is_some());
        stored
            .filter(|identity| self.slot_if_any(*identity).is_none())
            .chain(recent.map(|slot| slot.identity))
    }

    /// How many [`State::identities`] are, at most: some of those that were forgotten count.
    pub fn identity_count(&self) -> usize {
        let new = self.slots.iter();
        let new = new.filter(|slot| self.tables.result(slot.identity).is_none());
        self.tables.results().len() + new.count()
    }

    /// The files that an operation which has not ended was going to write.
    fn started(&self, identity: FileId) -> Vec<FileId> {
        let place = match self.slot_if_any(identity) {
            Some(slot) => slot.started.as_ref(),
            None => Some(&Place::Tables),
        };
        match place {
            Some(Place::Log(range)) => {
                let bytes = self.bytes(range);
                let places = (4..bytes.len()).step_by(4);
                places.filter_map(|at| record::file_at(bytes, at)).collect()
            }
            Some(Place::Tables) => {
                let stored = self.tables.result(identity);
                stored.map_or_else(Vec::new, |(stored, _)| {
                    let skipped = stored.reads + stored.outputs;
                    let numbers = &self.tables.numbers(stored)[skipped as usize..];
                    numbers.iter().copied().map(FileId).collect()
                })
            }
            Some(Place::Nowhere) | None => Vec::new(),
        }
    }

    /// The files that the operation wrote, or may have written when it was killed.
    pub fn written_by(&self, identity: FileId) -> Vec<FileId> {
        let mut files = self.started(identity);
        if let Some(result) = self.result(identity) {
            files.extend(result.outputs().map(|number| self.file_of(number)));
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
        self.slot(identity).started = Some(Place::Log(range));
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
    tables: Arc<Tables>,
    paths: Paths,
    versions: Arc<Vec<Version>>,
    latest: Arc<Vec<u32>>,
}

impl Snapshot {
    /// What of a file is meant, if that is not all.
    pub fn part(&self, file: FileId) -> Option<Part> {
        files::split(self.paths.get(file)).1
    }

    /// The absolute path, without a final slash.
    pub fn absolute(&self, file: FileId) -> PathBuf {
        absolute(&self.top, self.paths.get(file))
    }

    /// What was last seen of a file.
    pub fn latest(&self, file: FileId) -> Option<Version> {
        let number = self.latest[file.index()];
        match (number as usize).checked_sub(self.tables.version_count()) {
            _ if number == NONE => None,
            Some(recent) => Some(self.versions[recent]),
            None => Some(self.tables.version(number)),
        }
    }

    /// The stamp that was last seen of a file, if it can be trusted.
    pub fn trusted_stamp(&self, file: FileId, trusts_racy: bool) -> Option<Stamp> {
        let number = self.latest[file.index()];
        let (stamp, racy) = match (number as usize).checked_sub(self.tables.version_count()) {
            _ if number == NONE => return None,
            Some(recent) => (self.versions[recent].stamp, self.versions[recent].racy),
            None => (self.tables.stamp(number), self.tables.is_racy(number)),
        };
        (trusts_racy || !racy).then_some(stamp)
    }

    /// See [`State::directory_of`].
    pub fn directory_of(&self, file: FileId) -> u32 {
        self.tables.directory_of(file)
    }

    /// The name of a file in that directory.
    pub fn name(&self, file: FileId) -> Option<&CStr> {
        self.tables.name(file)
    }

    /// The absolute path of a directory with such a number.
    pub fn directory(&self, directory: u32) -> PathBuf {
        absolute(&self.top, self.tables.directory(directory))
    }
}

/// The absolute path of a path as the state writes it, without a final slash.
pub fn absolute(top: &Path, path: &[u8]) -> PathBuf {
    let (path, _) = files::split(path);
    let trimmed = match path.strip_suffix(b"/") {
        Some(rest) if !rest.is_empty() => rest,
        _ => path,
    };
    top.join(OsStr::from_bytes(trimmed))
}
