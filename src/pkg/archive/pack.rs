//! Packing: tar, compressed by zstd. The same files make the same bytes, whoever packs them and when: sorted by path,
//! one time for all, no owners, of the mode just whether a file is executable.

use std::collections::BTreeSet;
use std::io::{Cursor, Read, Write};
use std::path::Path;

use ::tar::{Builder, EntryType, Header};

use crate::error::{Error, Result};
use crate::fs;

/// When everything was last changed: the start of the year 2000. Some programs complain about the start of 1970.
const TIME: u64 = 946_684_800;
/// Much smaller than the default's result; what is above takes ten times as long.
const LEVEL: i32 = 9;

/// Packs `files`, paths relative to `directory`, below a directory `top`: the tar archive, not compressed.
///
/// # Errors
/// A file cannot be read, is neither a file nor a link, or has a path that is not UTF-8.
pub fn tar<'a>(
    directory: &Path,
    files: impl IntoIterator<Item = &'a str>,
    top: &str,
) -> Result<Vec<u8>> {
    tar_with(directory, files, top, None)
}

/// As [`tar`], with another content for one file.
///
/// # Errors
/// As [`tar`].
pub fn tar_with<'a>(
    directory: &Path,
    files: impl IntoIterator<Item = &'a str>,
    top: &str,
    instead: Option<(&str, &[u8])>,
) -> Result<Vec<u8>> {
    let mut builder = Builder::new(Vec::new());
    let sorted: BTreeSet<&str> = files.into_iter().collect();
    for path in sorted {
        let (file, name) = (directory.join(path), format!("{top}/{path}"));
        match instead {
            Some((other, content)) if other == path => {
                let mut header = plain_header();
                append(&mut builder, &mut header, &name, content)?;
            }
            _ => add(&mut builder, &file, &name)?,
        }
    }
    builder.into_inner().map_err(|error| failed(&error))
}

/// Adds one file or link.
fn add(builder: &mut Builder<Vec<u8>>, file: &Path, name: &str) -> Result<()> {
    let mut header = plain_header();
    if let Some(target) = fs::place::target(file)? {
        header.set_entry_type(EntryType::Symlink);
        header.set_size(0);
        return builder
            .append_link(&mut header, name, target)
            .map_err(|error| failed(&error));
    }
    if fs::is_directory(file) {
        let message = format!("Cannot pack `{}`", file.display());
        return Err(Error::user(message).cause("it is a directory"));
    }
    let content = fs::read(file)?;
    if fs::is_executable(file) {
        header.set_mode(0o755);
    }
    append(builder, &mut header, name, &content)
}

/// That of a file that is not executable.
fn plain_header() -> Header {
    let mut header = Header::new_gnu();
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mode(0o644);
    header
}

fn append(
    builder: &mut Builder<Vec<u8>>,
    header: &mut Header,
    name: &str,
    content: &[u8],
) -> Result<()> {
    header.set_size(content.len() as u64);
    builder
        .append_data(header, name, content)
        .map_err(|error| failed(&error))
}

/// Compresses.
///
/// # Errors
/// There is no memory.
pub fn compress(tar: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = zstd::Encoder::new(Vec::new(), LEVEL).map_err(|error| failed(&error))?;
    encoder
        .include_checksum(true)
        .and_then(|()| encoder.write_all(tar))
        .and_then(|()| encoder.finish())
        .map_err(|error| failed(&error))
}

/// Whether `compressed` is `tar`, whatever version of the library compressed it.
pub fn is_same(compressed: &[u8], tar: &[u8]) -> bool {
    let Ok(mut decoder) = zstd::Decoder::new(Cursor::new(compressed)) else {
        return false;
    };
    let mut expected = tar;
    let mut buffer = vec![0; 1 << 16];
    loop {
        match decoder.read(&mut buffer) {
            Ok(0) => return expected.is_empty(),
            Ok(count) => match expected.strip_prefix(&buffer[..count]) {
                Some(rest) => expected = rest,
                None => return false,
            },
            Err(_) => return false,
        }
    }
}

fn failed(error: &std::io::Error) -> Error {
    Error::io("Cannot pack the files", error)
}
