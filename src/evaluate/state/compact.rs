//! Writing the state as tables: everything it says now, with the same file ids and new version numbers.

use std::collections::{HashMap, HashSet};
use std::io::{self, Seek, Write};
use std::path::Path;

use crate::error::Result;
use crate::fs;
use crate::fs::sections::{Bytes, Writer};
use crate::fs::{Content, Stamp};
use crate::graph::FileId;

use super::record::Recorded;
use super::tables::{self, COUNT, HAS_RESULT, HAS_STARTED, History, Place, Stored, Tables};
use super::{NONE, State};

/// So much may be replayed when a state is opened: a few milliseconds.
const SMALL: usize = 256 << 10;

impl Tables {
    /// Those of a state that knows nothing, as a file has them.
    pub fn fresh(name: [u8; 16]) -> Self {
        let write = || -> io::Result<Vec<u8>> {
            let to = io::Cursor::new(Vec::new());
            let mut writer: Writer<_, COUNT> = Writer::new(to, tables::KIND, name)?;
            for _ in 0..COUNT {
                writer.end_section()?;
            }
            Ok(writer.finish()?.into_inner())
        };
        let bytes = write().expect("BUG: memory can be written");
        Self::open(Bytes::buffer(&bytes), None).expect("BUG: fresh tables open")
    }
}

impl State {
    /// Writes the file anew as tables if much was recorded since it was last. For the end of a build, and not more than
    /// once in as many builds as it takes to record an eighth of what is known.
    ///
    /// # Errors
    /// `Environment`, with the path: what was recorded could not be handed to the kernel. That the file cannot be written anew
    /// is none: the old one says the same, and the next build tries again.
    pub fn compact(mut self) -> Result<()> {
        self.flush()?;
        let frames = self.tables.file().len() + self.tail.len() - self.tables.end();
        if frames < SMALL + self.tables.end() / 8
            || self.write(&self.directory.join("state-3")).is_err()
        {
            return Ok(());
        }
        let mut commands = std::mem::take(&mut self.commands);
        commands.retain(|| -> HashSet<[u8; 32]> {
            let results = self.identities();
            let keys = results.filter_map(|identity| self.result(identity)?.key().try_into().ok());
            keys.collect()
        })
    }

    /// Writes all that is known as tables, at once.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        fs::write_atomic_with(path, |file| self.write_tables(file).map(drop))
    }

    pub(super) fn write_tables<W: Write + Seek>(&self, to: W) -> io::Result<W> {
        let mut writer: Writer<W, COUNT> = Writer::new(to, tables::KIND, self.name)?;
        self.write_paths(&mut writer)?;
        let numbers = self.write_versions(&mut writer)?;
        self.write_results(&mut writer, &numbers)?;
        writer.finish()
    }

    /// Paths, text, places, names, directories, index.
    fn write_paths<W: Write + Seek>(&self, writer: &mut Writer<W, COUNT>) -> io::Result<()> {
        let count = self.path_count();
        let files = || (0..count).map(FileId::from_index);
        let mut start = 0;
        for file in files() {
            let length = small(self.path(file).len());
            writer.extend(bytemuck::bytes_of(&tables::Path { start, length }))?;
            start += length;
        }
        writer.end_section()?;
        for file in files() {
            writer.extend(self.path(file))?;
        }
        writer.end_section()?;
        let mut names = Names::default();
        let mut places = Vec::with_capacity(count);
        for file in files() {
            let path = self.path(file);
            let start = start_of_name(path);
            places.push(Place {
                directory: match path.ends_with(b"/") {
                    true => NONE,
                    false => names.directory(directory(path, start)),
                },
                name: names.push(&path[start..]),
            });
        }
        writer.section(bytemuck::cast_slice(&places))?;
        writer.section(&names.text)?;
        writer.section(bytemuck::cast_slice(&names.directories))?;
        let mut index = vec![NONE; (2 * (count + 1)).next_power_of_two()];
        for file in files() {
            let mut at = tables::place(self.path(file), index.len());
            while index[at] != NONE {
                at = (at + 1) & (index.len() - 1);
            }
            index[at] = file.0;
        }
        writer.section(bytemuck::cast_slice(&index))
    }

    /// Stamps, marks, hashes, older. Returns the new numbers of versions by the old.
    fn write_versions<W: Write + Seek>(
        &self,
        writer: &mut Writer<W, COUNT>,
    ) -> io::Result<Vec<u32>> {
        let mut numbers = vec![NONE; self.version_count()];
        for (file, &latest) in self.latest.iter().enumerate() {
            if let Some(number) = numbers.get_mut(latest as usize) {
                *number = small(file);
            }
        }
        let mut older = Vec::new();
        for identity in self.identities() {
            let Some(result) = self.result(identity) else {
                continue;
            };
            for old in result.reads().chain(result.outputs()) {
                if numbers[old as usize] == NONE {
                    numbers[old as usize] = small(self.path_count() + older.len());
                    older.push(old);
                }
            }
        }
        let all = || self.latest.iter().chain(&older).copied();
        for number in all() {
            let stamp = known(number, |number| self.version(number).stamp);
            writer.extend(bytemuck::bytes_of(&stamp.unwrap_or(Stamp::ABSENT)))?;
        }
        writer.end_section()?;
        let mark = |number| {
            let version = self.version(number);
            tables::mark(version.racy, version.content.kind)
        };
        let marks: Vec<u8> = all()
            .map(|number| known(number, mark).unwrap_or(0))
            .collect();
        writer.section(&marks)?;
        for number in all() {
            let content = known(number, |number| self.content_of(number));
            writer.extend(&content.unwrap_or(Content::ABSENT).hash)?;
        }
        writer.end_section()?;
        let files: Vec<u32> = older.iter().map(|&old| self.file_of(old).0).collect();
        writer.section(bytemuck::cast_slice(&files))?;
        Ok(numbers)
    }

    /// Slots, results, numbers, histories, stories.
    fn write_results<W: Write + Seek>(
        &self,
        writer: &mut Writer<W, COUNT>,
        new: &[u32],
    ) -> io::Result<()> {
        // In the order of the ids, which is about that in which graphs name their operations.
        let mut identities: Vec<FileId> = self.identities().collect();
        identities.sort_unstable();
        let mut slots = vec![NONE; self.path_count()];
        let mut numbers: Vec<u32> = Vec::new();
        let mut results = Vec::with_capacity(identities.len());
        let mut histories = Vec::with_capacity(identities.len());
        let mut story = 0;
        for (slot, &identity) in identities.iter().enumerate() {
            slots[identity.index()] = small(slot);
            let first = small(numbers.len());
            let result = self.result(identity);
            if let Some(result) = &result {
                let all = result.reads().chain(result.outputs());
                numbers.extend(all.map(|old| new[old as usize]));
            }
            let started = match self.is_unfinished(identity) {
                true => self.started(identity),
                false => Vec::new(),
            };
            numbers.extend(started.iter().map(|file| file.0));
            let has_started = self.is_unfinished(identity).then_some(HAS_STARTED);
            results.push(Stored {
                identity: identity.0,
                first,
                started: small(started.len()),
                ..stored(result.as_ref(), has_started.unwrap_or(0))
            });
            let text = result.as_ref().map_or(&[][..], Recorded::story_text);
            histories.push(History {
                story,
                story_length: text.len() as u64,
                ..result.map_or_else(History::default, |result| result.history())
            });
            story += text.len() as u64;
        }
        writer.section(bytemuck::cast_slice(&slots))?;
        writer.section(bytemuck::cast_slice(&results))?;
        writer.section(bytemuck::cast_slice(&numbers))?;
        writer.section(bytemuck::cast_slice(&histories))?;
        for &identity in &identities {
            if let Some(result) = self.result(identity) {
                writer.extend(result.story_text())?;
            }
        }
        writer.end_section()
    }
}

/// What the tables say of a result, without what only its place in them says.
fn stored(result: Option<&Recorded<'_>>, flags: u32) -> Stored {
    let mut stored = Stored {
        key: [0; 32],
        identity: NONE,
        flags,
        changed_meanwhile: u32::MAX,
        first: 0,
        declared: 0,
        reads: 0,
        outputs: 0,
        started: 0,
    };
    if let Some(result) = result {
        stored.key.copy_from_slice(result.key());
        stored.flags |= u32::from(result.flags()) | HAS_RESULT;
        stored.changed_meanwhile = result.changed_meanwhile().map_or(u32::MAX, |file| file.0);
        stored.declared = small(result.declared().len());
        stored.reads = small(result.reads().len());
        stored.outputs = small(result.outputs().len());
    }
    stored
}

fn known<T>(number: u32, of: impl FnOnce(u32) -> T) -> Option<T> {
    (number != NONE).then(|| of(number))
}

/// # Panics
/// Where tables would have more than 4 GiB of one kind: as much is out of wake's reach as for ids.
fn small(number: usize) -> u32 {
    FileId::from_index(number).0
}

/// Where the last name of a path begins; a slash at the end belongs to it.
fn start_of_name(path: &[u8]) -> usize {
    let trimmed = path.strip_suffix(b"/").unwrap_or(path);
    let slash = trimmed.iter().rposition(|&byte| byte == b'/');
    slash.map_or(0, |slash| slash + 1)
}

/// The directory of a path whose last name begins at `name`, without a final slash.
fn directory(path: &[u8], name: usize) -> &[u8] {
    match &path[..name] {
        b"/" => b"/",
        directory => directory.strip_suffix(b"/").unwrap_or(directory),
    }
}

/// Names and directories, a zero byte behind each.
#[derive(Default)]
struct Names {
    text: Vec<u8>,
    /// Where the path of each begins.
    directories: Vec<u32>,
    ids: HashMap<Vec<u8>, u32>,
    /// The directory that was last asked for: most paths lie where the one before lies.
    last: Option<(Vec<u8>, u32)>,
}

impl Names {
    fn push(&mut self, name: &[u8]) -> u32 {
        let start = small(self.text.len());
        self.text.extend_from_slice(name);
        self.text.push(0);
        start
    }

    /// The id of a directory.
    fn directory(&mut self, directory: &[u8]) -> u32 {
        if let Some((last, id)) = &self.last
            && last == directory
        {
            return *id;
        }
        let id = match self.ids.get(directory) {
            Some(id) => *id,
            None => {
                let id = small(self.directories.len());
                let start = self.push(directory);
                self.directories.push(start);
                self.ids.insert(directory.to_vec(), id);
                id
            }
        };
        self.last = Some((directory.to_vec(), id));
        id
    }
}
