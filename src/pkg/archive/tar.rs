//! Reading tar: POSIX (ustar, pax) and GNU, strictly. What two readers could understand differently is refused.
//!
//! It knows nothing of compression, and writes nothing itself.

use std::io::{ErrorKind, Read};

use ::tar::{EntryType, Header};

use super::damaged;
use super::tree::{Tree, refuse};
use crate::error::{Error, Result};

const BLOCK: usize = 512;
/// Bytes of a header that continues another one: a long name, attributes.
const LONGEST_TEXT: u64 = 1 << 20;

/// Whether an archive that starts so is tar.
pub(super) fn is_header(start: &[u8]) -> bool {
    start
        .first_chunk::<BLOCK>()
        .is_some_and(|block| block == &[0; BLOCK] || is_sound(Header::from_byte_slice(block)))
}

/// Whether the checksum is that of the header.
fn is_sound(header: &Header) -> bool {
    let bytes = header.as_bytes();
    let sum: u32 = bytes
        .iter()
        .enumerate()
        .map(|(place, byte)| {
            u32::from(if (148..156).contains(&place) {
                b' '
            } else {
                *byte
            })
        })
        .sum();
    header.cksum().is_ok_and(|written| written == sum)
}

/// What headers before that of an entry say about it.
#[derive(Debug, Default)]
struct Extended {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
}

/// Unpacks every entry of `stream`, and reads it to its end.
pub(super) fn unpack(stream: impl Read, tree: &mut Tree<'_>) -> Result<()> {
    let mut blocks = Blocks { stream };
    let mut extended = Extended::default();
    while let Some(header) = blocks.header(tree)? {
        tree.meter.count()?;
        let size = header.entry_size().map_err(|error| damaged(&error))?;
        match header.entry_type() {
            EntryType::GNULongName => extended.path = Some(blocks.name(size, tree)?),
            EntryType::GNULongLink => extended.target = Some(blocks.name(size, tree)?),
            EntryType::XHeader => extended.read(&blocks.text(size, tree)?)?,
            EntryType::XGlobalHeader => {
                let mut global = Extended::default();
                global.read(&blocks.text(size, tree)?)?;
                if global.path.is_some() || global.target.is_some() || global.size.is_some() {
                    return Err(Error::user("it has one header with a name for all entries"));
                }
            }
            kind => {
                let extended = std::mem::take(&mut extended);
                entry(kind, &header, extended, size, &mut blocks, tree)?;
            }
        }
    }
    blocks.finish(tree)
}

/// Unpacks one entry.
fn entry(
    kind: EntryType,
    header: &Header,
    extended: Extended,
    size: u64,
    blocks: &mut Blocks<impl Read>,
    tree: &mut Tree<'_>,
) -> Result<()> {
    let name = extended
        .path
        .unwrap_or_else(|| header.path_bytes().into_owned());
    let target = extended
        .target
        .or_else(|| header.link_name_bytes().map(|target| target.into_owned()))
        .unwrap_or_default();
    if extended.size.is_some_and(|other| other != size) {
        return Err(refuse(&name, "has two sizes"));
    }
    let is_file = matches!(kind, EntryType::Regular | EntryType::Continuous);
    if !is_file && size > 0 {
        return Err(refuse(&name, "has content, but is no file"));
    }
    match kind {
        EntryType::Directory => tree.directory(&name),
        EntryType::Symlink => tree.link(&name, &target),
        EntryType::Link => tree.hard_link(&name, &target),
        // Archives from before POSIX tell directories by their names.
        _ if is_file && name.ends_with(b"/") && size == 0 => tree.directory(&name),
        _ if is_file => {
            let mode = header.mode().map_err(|error| damaged(&error))?;
            let is_executable = executable(&name, mode)?;
            let mut content = blocks.stream.by_ref().take(size);
            tree.file(&name, is_executable, size, &mut content)?;
            blocks.padding(size, tree)
        }
        EntryType::Char | EntryType::Block => Err(refuse(&name, "is a device")),
        EntryType::Fifo => Err(refuse(&name, "is a pipe")),
        EntryType::GNUSparse => Err(refuse(
            &name,
            "is a sparse file, which wake does not unpack",
        )),
        other => {
            let kind = char::from(other.as_byte()).escape_debug();
            let rule = format!("is of a kind that wake does not know, `{kind}`");
            Err(refuse(&name, &rule))
        }
    }
}

/// Whether a file of a mode is executable.
pub(super) fn executable(name: &[u8], mode: u32) -> Result<bool> {
    if mode & 0o6000 != 0 {
        let rule = "would run with another user's or group's rights (setuid, setgid)";
        return Err(refuse(name, rule));
    }
    Ok(mode & 0o111 != 0)
}

impl Extended {
    /// Reads the records of a pax header: `LENGTH KEY=VALUE\n` each.
    fn read(&mut self, mut text: &[u8]) -> Result<()> {
        let wrong = || Error::user("it is damaged: a pax header is not one");
        while !text.is_empty() {
            let space = text
                .iter()
                .position(|byte| *byte == b' ')
                .ok_or_else(wrong)?;
            let length: usize = std::str::from_utf8(&text[..space])
                .ok()
                .and_then(|digits| digits.parse().ok())
                .ok_or_else(wrong)?;
            let record = text.get(space + 1..length).ok_or_else(wrong)?;
            text = &text[length..];
            let record = record.strip_suffix(b"\n").ok_or_else(wrong)?;
            let equals = record
                .iter()
                .position(|byte| *byte == b'=')
                .ok_or_else(wrong)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            match key {
                b"path" => self.path = Some(value.to_vec()),
                b"linkpath" => self.target = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok();
                    self.size = Some(size.and_then(|size| size.parse().ok()).ok_or_else(wrong)?);
                }
                _ if key.starts_with(b"GNU.sparse.") => {
                    let what = "it has a sparse file, which wake does not unpack";
                    return Err(Error::user(what));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// The stream, read in blocks.
struct Blocks<R> {
    stream: R,
}

impl<R: Read> Blocks<R> {
    /// The next header; `None` at the mark of the end.
    fn header(&mut self, tree: &mut Tree<'_>) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        tree.meter.spend(BLOCK as u64)?;
        self.stream
            .read_exact(header.as_mut_bytes())
            .map_err(|error| damaged(&error))?;
        if header.as_bytes() == &[0; BLOCK] {
            return Ok(None);
        }
        if !is_sound(&header) {
            return Err(Error::user(
                "it is damaged: the checksum of a header is wrong",
            ));
        }
        Ok(Some(header))
    }

    /// The text of `size` bytes that follows a header.
    fn text(&mut self, size: u64, tree: &mut Tree<'_>) -> Result<Vec<u8>> {
        if size > LONGEST_TEXT {
            return Err(Error::user("it has a header longer than a megabyte"));
        }
        tree.meter.spend(size)?;
        let mut text = vec![0; size as usize];
        self.stream
            .read_exact(&mut text)
            .map_err(|error| damaged(&error))?;
        self.padding(size, tree)?;
        Ok(text)
    }

    /// The name of `size` bytes that follows a header, without the NUL that ends it.
    fn name(&mut self, size: u64, tree: &mut Tree<'_>) -> Result<Vec<u8>> {
        let mut name = self.text(size, tree)?;
        if name.last() == Some(&0) {
            name.pop();
        }
        Ok(name)
    }

    /// Skips what fills the last block of `size` bytes.
    fn padding(&mut self, size: u64, tree: &mut Tree<'_>) -> Result<()> {
        let mut block = [0; BLOCK];
        let padding = (size.wrapping_neg() % BLOCK as u64) as usize;
        tree.meter.spend(padding as u64)?;
        self.stream
            .read_exact(&mut block[..padding])
            .map_err(|error| damaged(&error))
    }

    /// Reads on after the mark of the end. Only zeros may follow, which fill the last record.
    fn finish(&mut self, tree: &mut Tree<'_>) -> Result<()> {
        let mut buffer = [0; 1 << 13];
        loop {
            match self.stream.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => {
                    tree.meter.spend(count as u64)?;
                    if buffer[..count].iter().any(|byte| *byte != 0) {
                        return Err(Error::user("something follows its end"));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::user("something follows its end, or it is damaged")
                        .cause(error.to_string()));
                }
            }
        }
    }
}
