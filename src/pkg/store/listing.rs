//! The listing of a package: what its id is the hash of.
//!
//! ## Format 1
//!
//! UTF-8 text, one JSON array a line, without spaces, each line ended by a line feed. The first line is
//! `["wake package",1]`. Then comes one line for every file of the package, sorted by the bytes of the path:
//!
//! - `["file",path,hash]`: a file without an executable bit; `hash` is the BLAKE3 of its content in hex
//! - `["executable",path,hash]`: a file that anybody may execute
//! - `["link",path,target]`: a symbolic link; `target` is its text
//!
//! Paths are relative, separated by `/`, without `.`, `..` and empty parts. In strings `"`, `\` and the characters
//! below U+0020 are escaped as `\"`, `\\`, `\b`, `\f`, `\n`, `\r`, `\t` or else `\u00xx` in small letters; nothing else
//! is. Directories are what the paths imply: an empty one is not part of a package. Owners, times and other mode bits
//! count nowhere.
//!
//! The package id is the BLAKE3 of this text, so a listing proves itself, and a package its listing. A change of the
//! format is a change of every id: it needs a new number in the first line, and a new schema of `wake.lock`.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use rayon::prelude::*;

use super::id::PackageId;
use crate::error::{Error, Result};
use crate::fs::stamp::{self, Status};
use crate::fs::{self, tree};

const FIRST_LINE: &str = "[\"wake package\",1]";
/// Files are read in pieces of this size, so that a large one need not fit into memory.
const BLOCK: u64 = 2 << 20;
/// As the kernel does it.
const LONGEST_CHAIN_OF_LINKS: usize = 40;

/// What a package consists of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) entries: BTreeMap<String, Entry>,
}

/// What is at one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    File([u8; 32]),
    Executable([u8; 32]),
    Link(String),
}

/// A listing, and how many bytes the files in it have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Survey {
    pub(super) listing: Listing,
    pub(super) size: u64,
}

impl Listing {
    pub(super) fn id(&self) -> PackageId {
        PackageId::from_bytes(*blake3::hash(self.to_text().as_bytes()).as_bytes())
    }

    pub(super) fn to_text(&self) -> String {
        let mut text = format!("{FIRST_LINE}\n");
        for (path, entry) in &self.entries {
            let (kind, value) = match entry {
                Entry::File(hash) => ("file", hex(hash)),
                Entry::Executable(hash) => ("executable", hex(hash)),
                Entry::Link(target) => ("link", target.clone()),
            };
            text.push_str(&serde_json::json!([kind, path, value]).to_string());
            text.push('\n');
        }
        text
    }

    /// The listing that a text is; `None` if it is none.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        if lines.next() != Some(FIRST_LINE) {
            return None;
        }
        let mut entries = BTreeMap::new();
        for line in lines {
            let (kind, path, value): (String, String, String) = serde_json::from_str(line).ok()?;
            let hash = || Some(*blake3::Hash::from_hex(&value).ok()?.as_bytes());
            let entry = match kind.as_str() {
                "file" => Entry::File(hash()?),
                "executable" => Entry::Executable(hash()?),
                "link" => Entry::Link(value),
                _ => return None,
            };
            entries.insert(path, entry);
        }
        Some(Self { entries })
    }

    /// The directories that the paths imply, parents first.
    pub(super) fn directories(&self) -> BTreeSet<&str> {
        parents(self.entries.keys().map(String::as_str))
    }
}

fn hex(hash: &[u8; 32]) -> String {
    blake3::Hash::from_bytes(*hash).to_hex().to_string()
}

/// Every directory above one of `paths`, parents first.
fn parents<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut parents = BTreeSet::new();
    for path in paths {
        for (slash, _) in path.match_indices('/') {
            parents.insert(&path[..slash]);
        }
    }
    parents
}

/// Looks at `files`, relative to `root`, and at nothing else.
///
/// # Errors
/// `User`, if one of them is missing or cannot be part of a package; `Environment`, if one cannot be read.
pub(super) fn survey(root: &Path, files: &[String]) -> Result<Survey> {
    let files = check(root, files)?;
    collect(&files, |path| take(root, path, None))
}

/// Copies `files` from `root` into the empty directory `into`, modes included; the listing is of what has been written.
///
/// # Errors
/// As [`survey`], and `Environment` if `into` cannot be written. `progress` may fail before each file.
pub(super) fn copy(
    root: &Path,
    files: &[String],
    into: &Path,
    progress: &(dyn Fn() -> Result<()> + Sync),
) -> Result<Survey> {
    let files = check(root, files)?;
    for directory in parents(files.iter().copied()) {
        tree::create_directory(&into.join(directory))?;
    }
    collect(&files, |path| {
        progress()?;
        take(root, path, Some(&into.join(path)))
    })
}

fn collect(
    files: &BTreeSet<&str>,
    take: impl Fn(&str) -> Result<(Entry, u64)> + Sync,
) -> Result<Survey> {
    let files: Vec<&str> = files.iter().copied().collect();
    let taken: Vec<(String, (Entry, u64))> = files
        .par_iter()
        .map(|path| Ok(((*path).to_owned(), take(path)?)))
        .collect::<Result<_>>()?;
    let size = taken.iter().map(|(_, (_, size))| size).sum();
    let entries = taken
        .into_iter()
        .map(|(path, (entry, _))| (path, entry))
        .collect();
    Ok(Survey {
        listing: Listing { entries },
        size,
    })
}

/// The paths, sorted, none twice, none of which leaves `root` or goes through a link.
fn check<'a>(root: &Path, files: &'a [String]) -> Result<BTreeSet<&'a str>> {
    let files: BTreeSet<&str> = files.iter().map(String::as_str).collect();
    for path in &files {
        let is_wrong = |part| matches!(part, "" | "." | "..");
        if path.split('/').any(is_wrong) || path.contains('\0') {
            return Err(refusal(path, "its path does not stay in the package"));
        }
    }
    for directory in parents(files.iter().copied()) {
        if status(&root.join(directory))?.is_link() {
            return Err(
                refusal(directory, "it is a link, and files behind it are, too")
                    .hint("name the files where they lie"),
            );
        }
    }
    Ok(files)
}

fn status(path: &Path) -> Result<Status> {
    stamp::lstat(path)
        .map_err(|error| Error::io(format!("Cannot look at `{}`", path.display()), &error))
}

fn refusal(path: &str, cause: &str) -> Error {
    Error::user(format!("`{path}` cannot be part of a package")).cause(cause)
}

/// What is at `path` below `root`, and its size in bytes; written to `into` as well, if given.
pub(super) fn take(root: &Path, path: &str, into: Option<&Path>) -> Result<(Entry, u64)> {
    let place = root.join(path);
    let status = status(&place)?;
    if status.is_link() {
        let target = check_link(root, path)?;
        if let Some(into) = into {
            tree::create_link(&target, into)?;
        }
        return Ok((Entry::Link(target), 0));
    }
    check_kind(path, status)?;
    let mut written = match into {
        Some(into) => Some((tree::create_new(into)?, into)),
        None => None,
    };
    let (hash, size) = read(&place, |block| match &mut written {
        Some((file, into)) => write(file, into, block),
        None => Ok(()),
    })?;
    let mode = if status.is_executable() { 0o555 } else { 0o444 };
    if let Some((file, into)) = written {
        let permissions = std::fs::Permissions::from_mode(mode);
        file.set_permissions(permissions)
            .map_err(|error| Error::io(format!("Cannot write `{}`", into.display()), &error))?;
    }
    let entry = match status.is_executable() {
        true => Entry::Executable(hash),
        false => Entry::File(hash),
    };
    Ok((entry, size))
}

fn check_kind(path: &str, status: Status) -> Result<()> {
    let cause = match status.mode & libc::S_IFMT {
        0 => {
            return Err(Error::user(format!(
                "`{path}` of the package does not exist"
            )));
        }
        libc::S_IFREG if status.mode & (libc::S_ISUID | libc::S_ISGID) != 0 => {
            "it is a program that runs with the rights of its owner (setuid or setgid)"
        }
        libc::S_IFREG => return Ok(()),
        libc::S_IFDIR => "it is a directory, and a package consists of files",
        libc::S_IFIFO => "it is a named pipe",
        libc::S_IFSOCK => "it is a socket",
        _ => "it is a device",
    };
    Err(refusal(path, cause))
}

fn read(path: &Path, mut sink: impl FnMut(&[u8]) -> Result<()>) -> Result<([u8; 32], u64)> {
    let mut file = tree::open_plain(path)?;
    let (mut hasher, mut size, mut block) = (blake3::Hasher::new(), 0, Vec::new());
    loop {
        block.clear();
        let count = (&mut file)
            .take(BLOCK)
            .read_to_end(&mut block)
            .map_err(|error| Error::io(format!("Cannot read `{}`", path.display()), &error))?;
        if count == 0 {
            return Ok((*hasher.finalize().as_bytes(), size));
        }
        size += count as u64;
        hasher.update_rayon(&block);
        sink(&block)?;
    }
}

fn write(file: &mut File, path: &Path, block: &[u8]) -> Result<()> {
    file.write_all(block)
        .map_err(|error| Error::io(format!("Cannot write `{}`", path.display()), &error))
}

/// The target of a link that does not leave the package, wherever the package lies.
fn check_link(root: &Path, path: &str) -> Result<String> {
    let target = tree::read_link(&root.join(path))?;
    let Some(target) = target.to_str() else {
        return Err(refusal(path, "it is a link, and its target is not UTF-8"));
    };
    let mut place: Vec<String> = path.split('/').map(str::to_owned).collect();
    place.pop();
    let mut rest: VecDeque<String> = parts(target);
    let leaves = || {
        refusal(
            path,
            &format!("it is a link to `{target}`, which leaves the package"),
        )
    };
    if target.starts_with('/') {
        return Err(leaves());
    }
    let mut links = 0;
    while let Some(part) = rest.pop_front() {
        if part == ".." {
            place.pop().ok_or_else(leaves)?;
            continue;
        }
        place.push(part);
        let here = root.join(place.join("/"));
        if !fs::is_link(&here) {
            continue;
        }
        links += 1;
        if links > LONGEST_CHAIN_OF_LINKS {
            return Err(refusal(path, "it is a link that leads in a circle"));
        }
        let next = tree::read_link(&here)?;
        let next = next.to_str().filter(|next| !next.starts_with('/'));
        place.pop();
        for part in parts(next.ok_or_else(leaves)?).into_iter().rev() {
            rest.push_front(part);
        }
    }
    Ok(target.to_owned())
}

fn parts(path: &str) -> VecDeque<String> {
    path.split('/')
        .filter(|part| !matches!(*part, "" | "."))
        .map(str::to_owned)
        .collect()
}
