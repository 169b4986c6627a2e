//! The files that an archive becomes: every path is checked against all that came before, then written.
//!
//! It knows nothing of formats.

use std::collections::{HashMap, VecDeque};
use std::io::{Read, Write};
use std::path::Path;

use super::meter::Meter;
use super::{Strip, Unpacked};
use crate::error::{Error, Result};
use crate::fs;

/// Directories within directories.
const DEEPEST: usize = 128;
/// Bytes in a path; the system's limit is 4,096, and the directory that it lies in counts.
const LONGEST_PATH: usize = 2_048;
/// Bytes in a name, which is the limit of all file systems.
const LONGEST_NAME: usize = 255;
/// Links that lead to links, the limit of Linux.
const MOST_LINKS: usize = 40;

/// What is at a path.
#[derive(Clone, Debug)]
enum Kind {
    Directory,
    /// With its bytes.
    File(u64),
    /// With where it leads, as written.
    Link(String),
}

#[derive(Debug)]
pub(super) struct Tree<'a> {
    into: &'a Path,
    pub(super) meter: Meter,
    strip: Strip,
    /// Everything that the archive has named, below `into`.
    known: HashMap<String, Kind>,
    /// Symbolic links, in order: they are made last.
    links: Vec<String>,
    buffer: Vec<u8>,
}

impl<'a> Tree<'a> {
    /// A tree in `into`, an empty directory.
    pub(super) fn new(into: &'a Path, meter: Meter, strip: Strip) -> Self {
        Self {
            into,
            meter,
            strip,
            known: HashMap::new(),
            links: Vec::new(),
            buffer: vec![0; 1 << 16],
        }
    }

    pub(super) fn directory(&mut self, name: &[u8]) -> Result<()> {
        match self.place(name)? {
            Some(path) => self.admit(&path, Kind::Directory),
            None => Ok(()),
        }
    }

    /// A file of `size` bytes, which `content` has all and no others.
    pub(super) fn file(
        &mut self,
        name: &[u8],
        is_executable: bool,
        size: u64,
        content: &mut impl Read,
    ) -> Result<()> {
        let Some(path) = self.place(name)? else {
            return self.pour(name, size, content, &mut std::io::sink(), None);
        };
        self.admit(&path, Kind::File(size))?;
        let place = self.into.join(&path);
        let mut file = fs::place::file(&place, is_executable)?;
        self.pour(name, size, content, &mut file, Some(&place))
    }

    fn pour(
        &mut self,
        name: &[u8],
        size: u64,
        content: &mut impl Read,
        to: &mut impl Write,
        place: Option<&Path>,
    ) -> Result<()> {
        let mut rest = size;
        loop {
            let count = match content.read(&mut self.buffer) {
                Ok(count) => count as u64,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(super::damaged(&error).cause(of(name))),
            };
            if count == 0 && rest == 0 {
                return Ok(());
            }
            if count == 0 {
                return Err(Error::user("it is cut off").cause(of(name)));
            }
            rest = rest
                .checked_sub(count)
                .ok_or_else(|| refuse(name, "is larger than the archive says"))?;
            self.meter.spend(count)?;
            to.write_all(&self.buffer[..count as usize])
                .map_err(|error| {
                    let place = place.unwrap_or(self.into).display();
                    Error::io(format!("Cannot write `{place}`"), &error)
                })?;
        }
    }

    /// A symbolic link.
    pub(super) fn link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        let Some(path) = self.place(name)? else {
            return Ok(());
        };
        let target = text(target).map_err(|flaw| refuse(name, &format!("leads to what {flaw}")))?;
        if target.is_empty() || target.len() > LONGEST_PATH {
            return Err(refuse(name, "is a link to nothing that can be"));
        }
        if target.starts_with('/') {
            return Err(leaves(name, target));
        }
        self.admit(&path, Kind::Link(target.to_owned()))?;
        self.links.push(path);
        Ok(())
    }

    /// Another name for a file that came before; it becomes a copy.
    pub(super) fn hard_link(&mut self, name: &[u8], target: &[u8]) -> Result<()> {
        let Some(path) = self.place(name)? else {
            return Ok(());
        };
        let original = match self.place(target) {
            Ok(original) => original,
            Err(_) => return Err(leaves(name, &shown(target))),
        };
        let known = original.and_then(|path| match self.known.get(&path) {
            Some(Kind::File(size)) => Some((path, *size)),
            _ => None,
        });
        let Some((original, size)) = known else {
            let rule = format!(
                "is a hard link to `{}`, which is no file before it in the archive",
                shown(target)
            );
            return Err(refuse(name, &rule));
        };
        self.meter.spend(size)?;
        self.admit(&path, Kind::File(size))?;
        fs::copy(&self.into.join(original), &self.into.join(path))
    }

    /// Makes the links, when all that they could lead to is known.
    pub(super) fn finish(mut self) -> Result<Unpacked> {
        let top = match self.strip {
            Strip::Top => self.top(),
            Strip::Components(_) => None,
        };
        if let Some(top) = &top {
            self.lift(top)?;
        }
        for path in &self.links {
            self.check_link(path)?;
        }
        for path in &self.links {
            if let Some(Kind::Link(target)) = self.known.get(path) {
                fs::place::link(&self.into.join(path), Path::new(target))?;
            }
        }
        let sizes = self.known.values().filter_map(|kind| match kind {
            Kind::File(size) => Some(*size),
            Kind::Directory | Kind::Link(_) => None,
        });
        Ok(Unpacked {
            bytes: sizes.clone().sum(),
            files: sizes.count() + self.links.len(),
            top,
        })
    }

    /// The directory that everything lies in.
    fn top(&self) -> Option<String> {
        let mut tops = self.known.iter().filter(|(path, _)| !path.contains('/'));
        match (tops.next(), tops.next()) {
            (Some((top, Kind::Directory)), None) => Some(top.clone()),
            _ => None,
        }
    }

    /// Moves what lies in `top`, which is all, one directory up.
    fn lift(&mut self, top: &str) -> Result<()> {
        let below = |path: &str| Some(path.strip_prefix(top)?.strip_prefix('/')?.to_owned());
        let known = std::mem::take(&mut self.known).into_iter();
        self.known = known
            .filter_map(|(path, kind)| Some((below(&path)?, kind)))
            .collect();
        self.links = self.links.iter().filter_map(|path| below(path)).collect();
        let mut aside = "top".to_owned();
        while aside == top || self.known.contains_key(&aside) {
            aside.push('-');
        }
        let aside = self.into.join(aside);
        fs::rename(&self.into.join(top), &aside)?;
        for (name, _) in fs::list(&aside)? {
            fs::rename(&aside.join(&name), &self.into.join(&name))?;
        }
        fs::remove_all(&aside)
    }

    /// Refuses a link that leads out of the tree, other links on its way resolved.
    fn check_link(&self, path: &str) -> Result<()> {
        let mut at: Vec<&str> = path.split('/').collect();
        at.pop();
        let Some(Kind::Link(target)) = self.known.get(path) else {
            return Ok(());
        };
        let mut ahead: VecDeque<&str> = target.split('/').collect();
        let mut links = 0;
        while let Some(name) = ahead.pop_front() {
            match name {
                "" | "." => continue,
                ".." if at.pop().is_some() => continue,
                ".." => return Err(leaves(path.as_bytes(), target)),
                _ => at.push(name),
            }
            if let Some(Kind::Link(next)) = self.known.get(&at.join("/")) {
                links += 1;
                if links > MOST_LINKS {
                    return Err(refuse(path.as_bytes(), "is a link that leads to itself"));
                }
                at.pop();
                for name in next.split('/').rev() {
                    ahead.push_front(name);
                }
            }
        }
        Ok(())
    }

    /// Notes that the archive has something at `path`, and makes the directories that lead there, and it itself if it
    /// is one.
    fn admit(&mut self, path: &str, kind: Kind) -> Result<()> {
        match (self.known.get(path), &kind) {
            (Some(Kind::Directory), Kind::Directory) => return Ok(()),
            (Some(_), _) => {
                return Err(refuse(path.as_bytes(), "is in the archive twice"));
            }
            (None, _) => {}
        }
        if let Some((parent, _)) = path.rsplit_once('/') {
            match self.known.get(parent) {
                Some(Kind::Directory) => {}
                Some(Kind::File(_)) => return Err(below(path, parent, "a file")),
                Some(Kind::Link(_)) => return Err(below(path, parent, "a link")),
                None => self.admit(parent, Kind::Directory)?,
            }
        }
        if matches!(kind, Kind::Directory) {
            fs::place::directory(&self.into.join(path))?;
        }
        self.known.insert(path.to_owned(), kind);
        Ok(())
    }

    /// Where an entry goes, relative to `into`; `None`: it is left out.
    fn place(&self, name: &[u8]) -> Result<Option<String>> {
        let path = text(name).map_err(|flaw| refuse(name, flaw))?;
        if path.is_empty() {
            return Err(Error::user("it has an entry without a name"));
        }
        if path.starts_with('/') {
            return Err(refuse(name, "is an absolute path"));
        }
        let mut parts = Vec::new();
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => return Err(refuse(name, "leads out of the archive by `..`")),
                part if part.len() > LONGEST_NAME => {
                    return Err(refuse(name, "has a name longer than 255 bytes"));
                }
                part => parts.push(part),
            }
        }
        if parts.len() > DEEPEST {
            let rule = format!("lies in more than {DEEPEST} directories");
            return Err(refuse(name, &rule));
        }
        if path.len() > LONGEST_PATH {
            let rule = format!("is a path longer than {LONGEST_PATH} bytes");
            return Err(refuse(name, &rule));
        }
        let skipped = match self.strip {
            Strip::Components(count) => count.min(parts.len()),
            Strip::Top => 0,
        };
        let place = parts[skipped..].join("/");
        Ok((!place.is_empty()).then_some(place))
    }
}

fn text(bytes: &[u8]) -> std::result::Result<&str, &'static str> {
    if bytes.contains(&0) {
        return Err("has a NUL in its name");
    }
    std::str::from_utf8(bytes).map_err(|_| "has a name that is not UTF-8")
}

/// A name as messages show it.
fn shown(name: &[u8]) -> String {
    let text = String::from_utf8_lossy(name);
    let mut shown: String = text.chars().take(200).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}

fn of(name: &[u8]) -> String {
    format!("in `{}`", shown(name))
}

/// The error for an entry that no archive may have.
pub(super) fn refuse(name: &[u8], rule: &str) -> Error {
    Error::user(format!("`{}` {rule}", shown(name)))
}

fn leaves(name: &[u8], target: &str) -> Error {
    let target = shown(target.as_bytes());
    refuse(
        name,
        &format!("is a link to `{target}`, which leads out of the archive"),
    )
}

fn below(path: &str, parent: &str, what: &str) -> Error {
    let parent = shown(parent.as_bytes());
    let rule = format!("lies below `{parent}`, which is {what}");
    refuse(path.as_bytes(), &rule)
}
