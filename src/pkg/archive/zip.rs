//! Reading zip: by its directory, which must agree with the header of each file.
//!
//! It writes nothing itself.

use std::io::{Read, Seek, SeekFrom};

use ::zip::ZipArchive;
use ::zip::read::ZipReadOptions;
use ::zip::result::ZipError;

use super::damaged;
use super::tar::executable;
use super::tree::{Tree, refuse};
use crate::error::{Error, Result};

/// Bytes of the record at the end, without the comment.
const END: u64 = 22;
/// What kinds of files a mode knows.
const KIND: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;
/// Bytes of where a link leads.
const LONGEST_TARGET: u64 = 4_096;

/// Unpacks every entry.
pub(super) fn unpack(archive: impl Read + Seek, tree: &mut Tree<'_>) -> Result<()> {
    let mut archive = ZipArchive::new(archive).map_err(|error| broken(&error))?;
    if archive.has_duplicate_names() {
        return Err(Error::user("it has two entries of one name"));
    }
    if archive.offset() != 0 {
        return Err(Error::user("something comes before its start"));
    }
    for place in 0..archive.len() {
        entry(&mut archive, place, tree)?;
    }
    let comment = archive.comment().len() as u64;
    check_end(archive.into_inner(), comment)
}

/// Refuses what follows the record at the end: the record is searched for from behind, so two readers could find two.
fn check_end(mut archive: impl Read + Seek, comment: u64) -> Result<()> {
    let size = archive
        .seek(SeekFrom::End(0))
        .map_err(|error| damaged(&error))?;
    let mut magic = [0; 4];
    archive
        .seek(SeekFrom::Start(size.saturating_sub(END + comment)))
        .and_then(|_| archive.read_exact(&mut magic))
        .map_err(|error| damaged(&error))?;
    if &magic == b"PK\x05\x06" {
        Ok(())
    } else {
        Err(Error::user("something follows its end"))
    }
}

/// Unpacks one entry.
fn entry<R: Read + Seek>(
    archive: &mut ZipArchive<R>,
    place: usize,
    tree: &mut Tree<'_>,
) -> Result<()> {
    tree.meter.count()?;
    let strict = ZipReadOptions::new().enforce_header_consistency(true);
    let mut file = archive
        .by_index_with_options(place, strict)
        .map_err(|error| broken(&error))?;
    let name = file.name_raw().to_vec();
    if name.contains(&b'\\') {
        return Err(refuse(
            &name,
            "has a `\\` in its name, which zip does not allow",
        ));
    }
    let (mode, size) = (file.unix_mode().unwrap_or(FILE), file.size());
    let kind = if name.ends_with(b"/") {
        DIRECTORY
    } else {
        mode & KIND
    };
    match kind {
        DIRECTORY if size > 0 => Err(refuse(&name, "has content, but is no file")),
        DIRECTORY => tree.directory(&name),
        FILE | 0 => {
            let is_executable = executable(&name, mode)?;
            tree.file(&name, is_executable, size, &mut file)
        }
        LINK => {
            let mut target = Vec::new();
            tree.meter.spend(size.min(LONGEST_TARGET))?;
            file.take(LONGEST_TARGET)
                .read_to_end(&mut target)
                .map_err(|error| damaged(&error))?;
            tree.link(&name, &target)
        }
        _ => Err(refuse(&name, "is a device or a pipe")),
    }
}

fn broken(error: &ZipError) -> Error {
    match error {
        ZipError::Io(error) => damaged(error),
        ZipError::UnsupportedArchive(what) => Error::user(format!(
            "it is a zip of a kind that wake does not unpack: {what}"
        )),
        other => Error::user(format!("it is damaged: {other}")),
    }
}
