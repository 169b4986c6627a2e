//! What a process prints, kept to a bound: the head and the tail in memory. What is longer is also written to a file,
//! whole, up to a bound of its own, and a note between head and tail says where.

use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs;

/// Head and tail are kept whole up to this many bytes each.
pub const HALF: usize = 256 << 10;
/// A file with a whole output has at most this many bytes: more is not written.
pub const LARGEST_LOG: u64 = 64 << 20;
/// So many such files are kept, the newest ones.
const LOGS: usize = 16;
/// Who prints more than this has no end.
pub const FLOOD: u64 = 1 << 30;

/// Where a whole output is written, if it is long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    pub path: PathBuf,
    /// For people.
    pub name: String,
}

/// What a process has printed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Printed {
    head: Vec<u8>,
    tail: Vec<u8>,
    /// How many bytes between them are not kept.
    cut: u64,
    /// What the note says of the rest.
    whereabouts: String,
}

impl Printed {
    /// All of it, or head, note and tail.
    pub fn text(&self) -> String {
        self.shortened(usize::MAX)
    }

    /// All of it, or head, note and tail, of at most `half` bytes each.
    pub fn shortened(&self, half: usize) -> String {
        let kept = self.head.len() + self.tail.len();
        if self.cut == 0 && kept / 2 <= half {
            let whole = [&self.head[..], &self.tail].concat();
            return into_text(whole);
        }
        let head = &self.head[..self.head.len().min(half)];
        let tail = match self.tail.len() {
            // All is in the head.
            0 => &self.head[head.len().max(self.head.len().saturating_sub(half))..],
            length => &self.tail[length.saturating_sub(half)..],
        };
        let cut = self.cut + (kept - head.len() - tail.len()) as u64;
        let note = format!("\n[… {cut} bytes cut{} …]\n", self.whereabouts);
        into_text([head, note.as_bytes(), tail].concat())
    }
}

impl Printed {
    /// With a line of wake's own at its end.
    pub fn noting(mut self, note: &str) -> Self {
        let end = match self.tail.is_empty() {
            true => &mut self.head,
            false => &mut self.tail,
        };
        if end.last().is_some_and(|&last| last != b'\n') {
            end.push(b'\n');
        }
        end.extend_from_slice(note.as_bytes());
        end.push(b'\n');
        self
    }
}

impl From<Vec<u8>> for Printed {
    fn from(head: Vec<u8>) -> Self {
        Self {
            head,
            ..Self::default()
        }
    }
}

/// `text` kept to `half` bytes at each end, as valid UTF-8.
pub fn shorten(text: &[u8], half: usize) -> String {
    Printed::from(text.to_owned()).shortened(half)
}

fn into_text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

/// Takes in what a process prints.
#[derive(Debug)]
pub struct Kept {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    total: u64,
    log: Option<Log>,
    /// The file, from when the output is long until it is full.
    file: Option<File>,
    whereabouts: String,
}

impl Kept {
    /// Keeps [`HALF`] at each end; `log`: where the whole is written if that is not enough.
    pub fn new(log: Option<Log>) -> Self {
        Self::with_half(HALF, log)
    }

    fn with_half(half: usize, log: Option<Log>) -> Self {
        Self {
            half,
            head: Vec::new(),
            tail: VecDeque::new(),
            total: 0,
            log,
            file: None,
            whereabouts: String::new(),
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.total += bytes.len() as u64;
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(self.half);
        if excess > 0 {
            self.log(rest);
        }
        self.tail.drain(..excess);
    }

    /// How many bytes came.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Writes what came last to the file; the first time, all that came so far.
    fn log(&mut self, rest: &[u8]) {
        let result = match (self.log.take(), &mut self.file) {
            (Some(log), _) => self.begin_log(&log),
            (None, Some(file)) => file.write_all(rest).map_err(|error| error.to_string()),
            (None, None) => return,
        };
        if let Err(cause) = result {
            self.file = None;
            self.whereabouts = format!("; all of it could not be kept: {cause}");
        } else if self.total > LARGEST_LOG && self.file.take().is_some() {
            let mebibytes = LARGEST_LOG >> 20;
            self.whereabouts = self
                .whereabouts
                .replace("all of it is", &format!("its first {mebibytes} MiB are"));
        }
    }

    fn begin_log(&mut self, log: &Log) -> std::result::Result<(), String> {
        let cause = |error: crate::error::Error| {
            let causes = error.report().causes.join(": ");
            format!("{error}: {causes}")
        };
        let mut file = make_room(&log.path)
            .and_then(|()| fs::create(&log.path))
            .map_err(cause)?;
        let (one, two) = self.tail.as_slices();
        [&self.head[..], one, two]
            .iter()
            .try_for_each(|part| file.write_all(part))
            .map_err(|error| error.to_string())?;
        self.file = Some(file);
        self.whereabouts = format!("; all of it is in `{}`", log.name);
        Ok(())
    }

    /// What is kept.
    pub fn finish(self) -> Printed {
        let kept = self.head.len() + self.tail.len();
        Printed {
            cut: self.total - kept as u64,
            head: self.head,
            tail: self.tail.into(),
            whereabouts: self.whereabouts,
        }
    }
}

/// Removes the oldest files from the directory of `path`, until there is room for one more.
fn make_room(path: &Path) -> Result<()> {
    let Some(directory) = path.parent() else {
        return Ok(());
    };
    fs::create_directories(directory)?;
    let mut logs: Vec<_> = fs::list(directory)?
        .into_iter()
        .map(|(name, _)| directory.join(name))
        .filter(|other| other != path)
        .map(|other| {
            (
                fs::stamp::lstat(&other).unwrap_or_default().stamp.mtime,
                other,
            )
        })
        .collect();
    logs.sort();
    let excess = (logs.len() + 1).saturating_sub(LOGS);
    for (_, oldest) in &logs[..excess] {
        fs::remove_all(oldest)?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::disallowed_methods, reason = "looks at what was written")]
mod tests {
    use super::*;

    fn log(directory: &Path, name: &str) -> Option<Log> {
        Some(Log {
            path: directory.join("logs").join(name),
            name: format!("logs/{name}"),
        })
    }

    fn kept(pieces: &[&str], log: Option<Log>) -> Printed {
        let mut kept = Kept::with_half(4, log);
        pieces.iter().for_each(|piece| kept.push(piece.as_bytes()));
        kept.finish()
    }

    /// Catches a note where nothing was cut, and bytes that are lost or doubled where the head ends.
    #[test]
    fn what_fits_is_kept_as_it_came() {
        let directory = tempfile::tempdir().unwrap();
        for pieces in [
            &["", "abcd"][..],
            &["abc", "defgh"],
            &["a"; 8],
            &["abcdefgh"],
        ] {
            assert_eq!(
                kept(pieces, log(directory.path(), "a")).text(),
                pieces.concat()
            );
        }
        assert!(!directory.path().join("logs").exists());
    }

    /// Catches a file that lacks what came before it was needed, or that has a piece twice.
    #[test]
    fn the_file_has_all_of_it_however_it_came() {
        let directory = tempfile::tempdir().unwrap();
        let text = "0123456789abcdef";
        for size in 1..=text.len() {
            let pieces: Vec<&str> = (0..text.len())
                .step_by(size)
                .map(|start| &text[start..text.len().min(start + size)])
                .collect();
            let printed = kept(&pieces, log(directory.path(), "a"));
            assert_eq!(
                printed.text(),
                "0123\n[… 8 bytes cut; all of it is in `logs/a` …]\ncdef"
            );
            assert_eq!(
                printed.shortened(1),
                "0\n[… 14 bytes cut; all of it is in `logs/a` …]\nf"
            );
            let written = std::fs::read_to_string(directory.path().join("logs/a")).unwrap();
            assert_eq!(written, text, "in pieces of {size}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_and_costs_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("logs"), "in the way").unwrap();
        let text = kept(&["0123456789"], log(directory.path(), "a")).text();
        assert!(
            text.starts_with("0123\n[… 2 bytes cut; all of it could not be kept: ")
                && text.ends_with(" …]\n6789"),
            "{text}"
        );
    }

    /// Catches logs that fill the disk over time.
    #[test]
    fn only_the_newest_files_stay() {
        let directory = tempfile::tempdir().unwrap();
        for number in 0..LOGS + 3 {
            kept(&["0123456789"], log(directory.path(), &number.to_string()));
            let path = directory.path().join(format!("logs/{number}"));
            let time = std::time::UNIX_EPOCH + std::time::Duration::from_secs(number as u64);
            let file = File::options().append(true).open(path).unwrap();
            file.set_modified(time).unwrap();
        }
        let logs = directory.path().join("logs");
        assert_eq!(logs.read_dir().unwrap().count(), LOGS);
        assert!(!logs.join("2").exists() && logs.join("3").exists());
    }

    #[test]
    fn what_is_in_the_head_alone_is_shortened_too() {
        let printed = Printed::from(b"0123456789".to_vec());
        assert_eq!(printed.text(), "0123456789");
        assert_eq!(printed.shortened(5), "0123456789");
        assert_eq!(printed.shortened(2), "01\n[… 6 bytes cut …]\n89");
    }
}
