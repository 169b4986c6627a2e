//! Compaction: a log in which most is superseded is written anew, with the same file ids and new version numbers.

use crate::error::Result;
use crate::fs;

use super::log::{Appender, Writer};
use super::{NONE, State, record};

/// Smaller logs are not worth it.
const SMALL: u64 = 4 << 20;

impl State {
    /// Writes the log anew if more than half of it is superseded. For the end of a build: the tables in memory are
    /// used no more afterwards.
    ///
    /// # Errors
    /// `Environment`, with the path; the old log stays.
    pub fn compact(mut self) -> Result<()> {
        self.flush()?;
        let length = self.appender.as_ref().map_or(0, Appender::length);
        if length < SMALL || (self.superseded as u64) * 2 < length {
            return Ok(());
        }
        let bytes = self.compacted();
        if bytes.len() as u64 * 2 > length {
            return Ok(());
        }
        fs::write_atomic(&self.directory.join("log-1"), &bytes)?;
        let keys: std::collections::HashSet<[u8; 32]> = self
            .identities()
            .filter_map(|identity| self.result(identity)?.key().try_into().ok())
            .collect();
        self.commands.retain(&keys)
    }

    /// A log that says what this one says now.
    pub(super) fn compacted(&self) -> Vec<u8> {
        let mut writer = Writer::new(self.name);
        for index in 0..self.path_count() {
            writer.push(
                record::PATH,
                self.path(crate::graph::FileId::from_index(index)),
            );
        }
        let numbers = self.write_versions(&mut writer);
        for slot in &self.slots {
            if let Some(result) = self.result(crate::graph::FileId(slot.identity)) {
                let bytes = result.renumbered(|old| numbers[old as usize]);
                writer.push(record::RESULT, &bytes);
            }
            if let Some(started) = &slot.started {
                writer.push(record::STARTED, self.bytes(started));
            }
        }
        writer.finish()
    }

    /// Writes the versions that something refers to, old ones of a file before its latest. Returns new numbers by old.
    fn write_versions(&self, writer: &mut Writer) -> Vec<u32> {
        let mut numbers = vec![NONE; self.version_count()];
        for &latest in self.latest.iter().filter(|&&latest| latest != NONE) {
            numbers[latest as usize] = 0;
        }
        for identity in self.identities() {
            if let Some(result) = self.result(identity) {
                for number in result.reads().chain(result.outputs()) {
                    numbers[number as usize] = 0;
                }
            }
        }
        let mut next = 0;
        for (number, version) in numbers
            .iter_mut()
            .zip(self.versions.iter().chain(&self.recent))
        {
            if *number != NONE {
                writer.push(record::VERSION, &record::encode_version(version));
                *number = next;
                next += 1;
            }
        }
        numbers
    }
}
