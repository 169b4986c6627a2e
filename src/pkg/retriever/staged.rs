//! What a retriever has put into a directory, checked before anything is made of it. It knows nothing of what belongs to
//! a package.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::check::name;
use super::protocol::Fetched;
use crate::error::{Error, Kind, Result};
use crate::fs;

/// How much a package may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Bytes of all files together.
    pub bytes: u64,
    /// Files, directories and links.
    pub files: u64,
}

impl Default for Most {
    fn default() -> Self {
        Self {
            bytes: 8 << 30,
            files: 1_000_000,
        }
    }
}

/// Whether the directory of a fetched package holds something, and nothing that a package may not hold: links that lead
/// out of it, what is no file, directory or link, files that give their user's rights to whoever runs them, too much.
///
/// # Errors
/// `Failed`: what is wrong, where.
pub fn check(origin: &str, package: &Fetched, most: &Most) -> Result<()> {
    check_directory(&package.into, most).map_err(|wrong| {
        let name = name(package);
        Error::new(
            Kind::Failed,
            format!("Retriever `{origin}` has put something into `{name}` that cannot be taken"),
        )
        .cause(wrong)
    })
}

fn check_directory(top: &Path, most: &Most) -> std::result::Result<(), String> {
    if fs::is_link(top) {
        return Err("its directory was replaced by a link".to_owned());
    }
    let (mut bytes, mut files) = (0_u64, 0_u64);
    for entry in WalkDir::new(top).min_depth(1).sort_by_file_name() {
        let entry = entry.map_err(|error| format!("it cannot be listed: {error}"))?;
        let path = entry.path().strip_prefix(top).unwrap_or(entry.path());
        let size =
            size(top, path, &entry).map_err(|wrong| format!("`{}` {wrong}", path.display()))?;
        bytes = bytes.saturating_add(size);
        files += 1;
        if files > most.files {
            return Err(format!("it has more than {} files", most.files));
        }
        if bytes > most.bytes {
            return Err(format!("its files have more than {} bytes", most.bytes));
        }
    }
    if files == 0 {
        return Err("its directory is empty".to_owned());
    }
    Ok(())
}

/// The bytes of one entry, if it is as it may be.
fn size(top: &Path, path: &Path, entry: &DirEntry) -> std::result::Result<u64, String> {
    let metadata = entry.metadata().map_err(|error| error.to_string())?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        return Ok(0);
    }
    if kind.is_symlink() {
        let target = fs::tree::read_link(entry.path()).map_err(|error| error.to_string())?;
        return match leads_out(top, path, &target) {
            true => Err(format!(
                "is a link that leads out of the package, to `{}`",
                target.display()
            )),
            false => Ok(0),
        };
    }
    let wrong = if kind.is_fifo() {
        "is a pipe"
    } else if kind.is_socket() {
        "is a socket"
    } else if !kind.is_file() {
        "is a device"
    } else if metadata.permissions().mode() & 0o6000 != 0 {
        "runs with the rights of its owner: it is setuid or setgid"
    } else {
        return Ok(metadata.len());
    };
    Err(wrong.to_owned())
}

/// More links than this, one leading to another, are a circle.
const MOST_LINKS: usize = 40;

/// Whether a link leaves `top` anywhere on its way, whether or not there is something at its end: it is followed as the
/// kernel would, name by name, but by nothing outside.
fn leads_out(top: &Path, link: &Path, target: &Path) -> bool {
    let names = |path: &Path| -> Vec<OsString> {
        path.components()
            .map(|part| part.as_os_str().to_owned())
            .collect()
    };
    let mut place: PathBuf = link.parent().unwrap_or(Path::new("")).to_owned();
    let mut ahead: VecDeque<OsString> = names(target).into();
    let mut links = 0;
    while let Some(name) = ahead.pop_front() {
        match Path::new(&name).components().next() {
            Some(Component::Normal(name)) => place.push(name),
            Some(Component::ParentDir) if place.pop() => continue,
            Some(Component::CurDir) | None => continue,
            // `..` at the top, or an absolute path.
            _ => return true,
        }
        let here = top.join(&place);
        if fs::is_link(&here) && links < MOST_LINKS {
            links += 1;
            place.pop();
            for name in fs::tree::read_link(&here)
                .map(|next| names(&next))
                .unwrap_or_default()
                .into_iter()
                .rev()
            {
                ahead.push_front(name);
            }
        }
    }
    false
}
