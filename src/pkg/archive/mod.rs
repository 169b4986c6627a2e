//! Archives: unpacked so that whatever they contain nothing outside of a directory is touched, packed so that the same
//! files make the same bytes.
//!
//! [`unpack`] trusts nothing. A [`tree::Tree`] is the one that writes: it knows every path that the archive has named so
//! far, makes all directories itself, and makes symbolic links when everything else is there, so nothing is ever
//! written through one. It knows nothing of packages.

pub mod digest;
pub mod pack;

mod meter;
mod tar;
#[cfg(test)]
mod tests;
mod tree;
mod zip;

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};
use crate::fs;
use meter::Meter;
use tree::Tree;

/// How much an archive may make of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes, unpacked.
    pub bytes: u64,
    /// Files, directories, links, and headers of the format.
    pub entries: u64,
    /// How many bytes one byte of the archive may become, once there are many.
    pub ratio: u64,
}

impl Default for Limits {
    /// More than any package that people publish: 8 GiB, a million entries, 1,000 times its size.
    fn default() -> Self {
        Self {
            bytes: 8 << 30,
            entries: 1_000_000,
            ratio: 1_000,
        }
    }
}

/// What is left out at the front of the paths in an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strip {
    /// So many directories; what is not below so many is left out.
    Components(usize),
    /// The directory that everything lies in, if there is one such.
    Top,
}

/// What unpacking made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unpacked {
    /// Files and links.
    pub files: usize,
    /// Bytes in files.
    pub bytes: u64,
    /// The directory that [`Strip::Top`] left out.
    pub top: Option<String>,
}

/// Unpacks `archive` (tar, plain or compressed by gzip, xz or zstd; zip: told by content) into the directory `into`,
/// which is made where it is missing and must be empty. `name` is what messages call the archive.
///
/// # Errors
/// The archive is damaged, or contains what no package may: then nothing is left in `into`.
pub fn unpack(
    name: &str,
    mut archive: impl Read + Seek,
    into: &Path,
    limits: Limits,
    strip: Strip,
) -> Result<Unpacked> {
    fs::create_directories(into)?;
    if !fs::is_empty_directory(into) {
        let message = format!("Cannot unpack `{name}` into `{}`", into.display());
        return Err(Error::user(message).cause("it is not an empty directory"));
    }
    let unpacked = archive
        .seek(SeekFrom::End(0))
        .and_then(|size| archive.rewind().map(|()| size))
        .map_err(|error| damaged(&error))
        .and_then(|size| {
            let mut tree = Tree::new(into, Meter::new(limits, size), strip);
            fill(&mut tree, archive)?;
            tree.finish()
        });
    unpacked.map_err(|error| {
        clear(into);
        explain(name, &error)
    })
}

/// Unpacks every entry.
fn fill(tree: &mut Tree<'_>, archive: impl Read + Seek) -> Result<()> {
    let mut archive = BufReader::with_capacity(1 << 16, archive);
    let start = archive.fill_buf().map_err(|error| damaged(&error))?;
    match Format::of(start)? {
        Format::Zip => zip::unpack(archive, tree),
        Format::Tar => tar::unpack(archive, tree),
        Format::Gzip => tar::unpack(flate2::bufread::MultiGzDecoder::new(archive), tree),
        Format::Xz => tar::unpack(unxz(archive)?, tree),
        Format::Zstd => tar::unpack(unzstd(archive)?, tree),
    }
}

/// The bytes of a compressed tar archive, not compressed.
fn unzstd<'a>(archive: impl BufRead + 'a) -> Result<impl Read + 'a> {
    zstd::Decoder::with_buffer(archive).map_err(|error| damaged(&error))
}

fn unxz(archive: impl BufRead) -> Result<impl Read> {
    /// Bytes that decompressing may need; `xz -9` makes it need 65 MiB.
    const MEMORY: u64 = 256 << 20;
    const IS_CONCATENATED: u32 = 0x08;
    let stream = liblzma::stream::Stream::new_stream_decoder(MEMORY, IS_CONCATENATED)
        .map_err(|error| damaged(&error.into()))?;
    Ok(liblzma::bufread::XzDecoder::new_stream(archive, stream))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Tar,
    Gzip,
    Xz,
    Zstd,
    Zip,
}

impl Format {
    /// What an archive that starts so is.
    fn of(start: &[u8]) -> Result<Self> {
        const KNOWN: [(&[u8], Format); 5] = [
            (&[0x1f, 0x8b], Format::Gzip),
            (&[0xfd, b'7', b'z', b'X', b'Z', 0], Format::Xz),
            (&[0x28, 0xb5, 0x2f, 0xfd], Format::Zstd),
            (b"PK\x03\x04", Format::Zip),
            (b"PK\x05\x06", Format::Zip),
        ];
        let known = KNOWN.iter().find(|(magic, _)| start.starts_with(magic));
        if let Some((_, format)) = known {
            return Ok(*format);
        }
        if tar::is_header(start) {
            return Ok(Self::Tar);
        }
        let what = match start {
            [] => "it is empty",
            [b'B', b'Z', b'h', ..] => "it is compressed by bzip2",
            [b'<', ..] => "it is a web page, not an archive",
            _ => "its content is that of no archive",
        };
        Err(Error::user(what)
            .hint("wake unpacks tar, tar.gz, tar.xz, tar.zst and zip, told by content"))
    }
}

/// The error for an archive that cannot be read to its end.
fn damaged(error: &std::io::Error) -> Error {
    let cause = match error.kind() {
        std::io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => format!("it is damaged: {error}"),
    };
    Error::user(cause)
}

/// Puts the name of the archive in front of what is wrong with it.
fn explain(name: &str, inner: &Error) -> Error {
    let mut error = Error::new(inner.kind(), format!("Cannot unpack `{name}`"))
        .cause(inner.report().message.clone());
    for cause in &inner.report().causes {
        error = error.cause(cause.clone());
    }
    error.hint_option(inner.report().hint.clone())
}

/// Removes what was unpacked so far. What cannot be removed stays: the error that is reported is the earlier one.
fn clear(into: &Path) {
    for (name, _) in fs::list(into).unwrap_or_default() {
        let _ = fs::remove_all(&into.join(name));
    }
}
