//! Which workspaces use which packages.
//!
//! ## Format 1
//!
//! `workspaces/<hash>`, where `<hash>` is the BLAKE3 of the path of the workspace's top in hex. The first line is
//! `wake workspace 1`; then comes one package id a line, sorted; then an empty line; then the bytes of the path, to the
//! end of the file. The file is replaced by rename. What has another first line was written by another wake: nothing
//! may be evicted then, since nobody knows what it uses.
//!
//! A workspace is live while there is `.wake` below its top. What a live workspace uses is not evicted.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::id::PackageId;
use super::{Store, USES, WORKSPACES};
use crate::error::{Error, Result};
use crate::fs::{self, stamp, tree};

const FIRST_LINE: &str = "wake workspace 1";
/// How far behind the recorded time of the last use may be, so that a build that changes nothing writes nothing.
const ACCURACY: Duration = Duration::from_secs(3600);

impl Store {
    /// Says that the workspace at `top` uses these packages, and no others: they are not evicted as long as the
    /// workspace exists, whether they are there already or not. Costs nothing if it has been said within the hour.
    ///
    /// # Errors
    /// `Environment`, if the store cannot be written, unless it may only be read.
    pub fn use_by(&self, top: &Path, ids: &BTreeSet<PackageId>) -> Result<()> {
        if !self.is_writable {
            return Ok(());
        }
        let name = blake3::hash(top.as_os_str().as_bytes())
            .to_hex()
            .to_string();
        let place = self.directory.join(WORKSPACES).join(&name);
        let content = to_bytes(top, ids);
        let is_said = fs::read_if_exists(&place)?.as_deref() == Some(&content);
        if is_said && is_recent(&place)? {
            return Ok(());
        }
        self.write(WORKSPACES, &name, &content)
            .map_err(super::advise)?;
        ids.iter().try_for_each(|id| self.touch(id))
    }

    /// Notes that a package is used now.
    pub(super) fn touch(&self, id: &PackageId) -> Result<()> {
        let place = self.place(USES, id);
        if !self.is_writable || !fs::exists(&place) || is_recent(&place)? {
            return Ok(());
        }
        tree::set_modified(&place, SystemTime::now())
    }

    /// What live workspaces use. Forgets those that are gone. The lock must be held alone.
    pub(super) fn used(&self) -> Result<BTreeSet<PackageId>> {
        let mut used = BTreeSet::new();
        for name in self.names(WORKSPACES)? {
            let place = self.directory.join(WORKSPACES).join(name);
            let (top, ids) = parse(&fs::read(&place)?).ok_or_else(|| unknown(&place))?;
            if is_live(&top) {
                used.extend(ids);
            } else {
                fs::remove_file(&place)?;
            }
        }
        Ok(used)
    }
}

/// Whether a file was modified within the hour; one with a time to come was not.
fn is_recent(path: &Path) -> Result<bool> {
    let modified = tree::modified(path)?;
    Ok(modified.is_some_and(|time| time.elapsed().is_ok_and(|age| age < ACCURACY)))
}

/// A top that cannot be looked at may be there.
fn is_live(top: &Path) -> bool {
    stamp::stat(&top.join(".wake")).map_or(true, |status| status.is_directory())
}

fn to_bytes(top: &Path, ids: &BTreeSet<PackageId>) -> Vec<u8> {
    let mut bytes = format!("{FIRST_LINE}\n").into_bytes();
    for id in ids {
        bytes.extend(format!("{id}\n").as_bytes());
    }
    bytes.push(b'\n');
    bytes.extend(top.as_os_str().as_bytes());
    bytes
}

fn parse(bytes: &[u8]) -> Option<(PathBuf, Vec<PackageId>)> {
    let mut rest = bytes
        .strip_prefix(FIRST_LINE.as_bytes())?
        .strip_prefix(b"\n")?;
    let mut ids = Vec::new();
    loop {
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        let line = std::str::from_utf8(&rest[..end]).ok()?;
        rest = &rest[end + 1..];
        if line.is_empty() {
            return Some((PathBuf::from(OsStr::from_bytes(rest)), ids));
        }
        ids.push(line.parse().ok()?);
    }
}

fn unknown(place: &Path) -> Error {
    Error::environment("No package can be evicted")
        .cause(format!(
            "`{}` is not written as this wake writes it, so what that workspace uses is not known",
            place.display()
        ))
        .hint("use the newest wake that you have, or remove the file")
}
