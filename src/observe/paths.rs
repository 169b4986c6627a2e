//! From what was said to what it leads to: links on the way are followed as the kernel follows them, and count themselves;
//! what the kernel reads to start a program is added. Done after the end, when only what is still there can be seen: what
//! was removed meanwhile is a path like one that never was.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

use super::trace::{Deeds, Gap, Noted, There, Trace};
use crate::fs;

/// What a program and all that descends from it did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Sorted by path.
    pub accesses: Vec<Access>,
    /// Why that is not all.
    pub gap: Option<Gap>,
}

/// What was done with one path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// Absolute, without links but for the last name: there, it is the link itself that is meant.
    pub path: PathBuf,
    pub deeds: Deeds,
    /// What was there when it was first touched, if that was looked at.
    pub found: Option<There>,
}

/// How many links may follow each other.
const MOST_LINKS: usize = 40;

/// What was noted of a program and all that descends from it, as it was said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    trace: Trace,
    /// Programs that have the rights of their owners do not get them.
    loses_rights: bool,
}

impl Seen {
    pub(super) fn new(trace: Trace, loses_rights: bool) -> Self {
        Self {
            trace,
            loses_rights,
        }
    }

    /// Takes away what only learned something of the paths for which `is_away` holds.
    pub fn take(&mut self, is_away: impl Fn(&Path) -> bool) -> Self {
        let is_away = |said: &Vec<u8>, noted: &mut Noted| {
            !noted.changes() && is_away(Path::new(OsStr::from_bytes(said)))
        };
        let noted = self.trace.noted.extract_if(is_away).collect();
        Self {
            trace: Trace {
                noted,
                links: self.trace.links.clone(),
                gap: None,
            },
            loses_rights: self.loses_rights,
        }
    }

    /// A name for all that was noted: equal ones are equal.
    pub fn name(&self) -> blake3::Hash {
        let mut noted: Vec<(&Vec<u8>, &Noted)> = self.trace.noted.iter().collect();
        noted.sort_unstable_by_key(|(said, _)| *said);
        let mut hasher = blake3::Hasher::new();
        for (said, noted) in noted {
            // No path contains a zero byte.
            hasher.update(said);
            let bits = [noted.followed.bits(), noted.itself.bits()];
            hasher.update(&[0]).update(bytemuck::bytes_of(&bits));
        }
        for (link, targets) in &self.trace.links {
            hasher.update(b"\0link\0").update(link);
            for target in targets {
                hasher.update(b"\0").update(target);
            }
        }
        hasher.finalize()
    }

    /// Works it out.
    pub fn work_out(self) -> Observed {
        let mut found = Found {
            loses_rights: self.loses_rights,
            gap: self.trace.gap,
            ..Found::default()
        };
        for (link, targets) in self.trace.links {
            let path = found.path(&link, MOST_LINKS);
            found.links.entry(path).or_default().extend(targets);
        }
        for (path, noted) in &self.trace.noted {
            found.add(path, *noted, MOST_LINKS);
        }
        let access = |(path, (deeds, found))| Access { path, deeds, found };
        Observed {
            accesses: found.accesses.into_iter().map(access).collect(),
            gap: found.gap,
        }
    }
}

#[derive(Default)]
struct Found {
    accesses: BTreeMap<PathBuf, (Deeds, Option<There>)>,
    /// Links that were made, and all that each led to.
    links: HashMap<PathBuf, BTreeSet<Vec<u8>>>,
    /// What directories lead to, by how they were said.
    directories: HashMap<Vec<u8>, PathBuf>,
    loses_rights: bool,
    gap: Option<Gap>,
}

impl Found {
    /// A path without links but for the last name.
    fn path(&mut self, said: &[u8], links: usize) -> PathBuf {
        let end = said.iter().rposition(|&byte| byte != b'/');
        let said = &said[..end.map_or(0, |end| end + 1)];
        let start = said.iter().rposition(|&byte| byte == b'/');
        let start = start.map_or(0, |start| start + 1);
        match &said[start..] {
            b"" | b"." | b".." => self.directory(said, links),
            name => self
                .directory(&said[..start], links)
                .join(OsStr::from_bytes(name)),
        }
    }

    /// Where a link leads, and where it led before it was changed or removed.
    fn targets(&self, path: &Path) -> Vec<PathBuf> {
        let made = self.links.get(path).into_iter().flatten();
        let made = made.map(|target| PathBuf::from(OsStr::from_bytes(target)));
        let mut targets: Vec<PathBuf> = fs::link_target(path).into_iter().chain(made).collect();
        targets.dedup();
        targets
    }

    /// Adds what was done with a path, and with all that it leads to.
    fn add(&mut self, said: &[u8], noted: Noted, links: usize) {
        let path = self.path(said, links);
        let targets = match noted.followed == Deeds::default() || links == 0 {
            true => Vec::new(),
            false => self.targets(&path),
        };
        if targets.is_empty() {
            let deeds = noted.followed | noted.itself;
            self.note(&path, deeds, noted.found);
            if deeds.has(Deeds::EXECUTED) {
                self.executed(&path, links);
            }
            return;
        }
        self.note(&path, noted.itself | Deeds::LINK, noted.found);
        for target in targets {
            let end = path.parent().unwrap_or(&path).join(target);
            self.add_followed(end.as_os_str().as_bytes(), noted.followed, links - 1);
        }
    }

    fn add_followed(&mut self, said: &[u8], followed: Deeds, links: usize) {
        let noted = Noted {
            followed,
            ..Noted::default()
        };
        self.add(said, noted, links);
    }

    fn note(&mut self, path: &Path, deeds: Deeds, found: Option<There>) {
        let first = (deeds, found);
        let known = self.accesses.entry(path.to_owned()).or_insert(first);
        known.0 |= deeds;
        // By one name it was touched before it was made, by another one after that.
        known.1 = match (known.1, found) {
            (Some(There::Nothing), _) | (_, Some(There::Nothing)) => Some(There::Nothing),
            (a, b) => a.or(b),
        };
    }

    /// What a directory leads to, link by link. What is not there leads to itself.
    fn directory(&mut self, said: &[u8], links: usize) -> PathBuf {
        if let Some(known) = self.directories.get(said) {
            return known.clone();
        }
        let end = said.iter().rposition(|&byte| byte != b'/');
        let Some(end) = end else {
            return PathBuf::from("/");
        };
        let start = said[..=end].iter().rposition(|&byte| byte == b'/');
        let start = start.map_or(0, |start| start + 1);
        let above = self.directory(&said[..start], links);
        let path = match &said[start..=end] {
            b"." => above,
            b".." => above.parent().unwrap_or(&above).to_owned(),
            name => {
                let path = above.join(OsStr::from_bytes(name));
                let targets = self.targets(&path);
                if targets.len() > 1 {
                    let gap = Gap::Nameless("a link to a directory that it changed");
                    self.gap.get_or_insert(gap);
                }
                match targets.first() {
                    Some(target) if links > 0 => {
                        self.note(&path, Deeds::LINK, None);
                        let end = above.join(target);
                        self.directory(end.as_os_str().as_bytes(), links - 1)
                    }
                    _ => path,
                }
            }
        };
        self.directories.insert(said.to_owned(), path.clone());
        path
    }

    /// What the kernel reads to start a program.
    fn executed(&mut self, path: &Path, links: usize) {
        let Ok(mut file) = fs::open(path) else {
            return;
        };
        let mode = file.metadata().map_or(0, |data| data.permissions().mode());
        if self.loses_rights && mode & (libc::S_ISUID | libc::S_ISGID) != 0 {
            let gap = Gap::SetUserId(path.display().to_string());
            self.gap.get_or_insert(gap);
        }
        let mut head = [0; 256];
        let count = file.read(&mut head).unwrap_or(0);
        let head = &head[..count];
        if let Some(line) = head.strip_prefix(b"#!") {
            let line = line.split(|&byte| byte == b'\n').next().unwrap_or_default();
            let mut words = line.split(|byte| matches!(byte, b' ' | b'\t'));
            let interpreter = words.find(|word| !word.is_empty());
            if let Some(interpreter) = interpreter.filter(|path| path.starts_with(b"/"))
                && links > 0
            {
                self.add_followed(interpreter, Deeds::EXECUTED, links - 1);
            }
        } else if let Some(loader) = loader(&file, head) {
            self.add_followed(&loader, Deeds::READ, links);
        }
    }
}

/// The loader that the program at a path names.
pub(super) fn loader_of(path: &Path) -> Option<Vec<u8>> {
    let mut file = fs::open(path).ok()?;
    let mut head = [0; 256];
    let count = file.read(&mut head).ok()?;
    loader(&file, &head[..count])
}

/// The loader that a dynamic program names: `PT_INTERP` of an ELF file of this machine's kind, see elf(5).
fn loader(file: &File, head: &[u8]) -> Option<Vec<u8>> {
    const INTERPRETER: u32 = 3;
    let is_wide = head.get(..6)? == b"\x7fELF\x02\x01";
    if !is_wide {
        return None;
    }
    let half = |at: usize| Some(u16::from_le_bytes(head.get(at..at + 2)?.try_into().ok()?));
    let offset = u64::from_le_bytes(head.get(32..40)?.try_into().ok()?);
    let (size, count) = (half(54)?, half(56)?);
    let mut headers = vec![0; usize::from(size) * usize::from(count.min(64))];
    file.read_exact_at(&mut headers, offset).ok()?;
    let mut headers = headers.chunks_exact(usize::from(size.max(1)));
    let header = headers.find(|header| header.get(..4) == Some(&INTERPRETER.to_le_bytes()))?;
    let word = |at: usize| Some(u64::from_le_bytes(header.get(at..at + 8)?.try_into().ok()?));
    let length = usize::try_from(word(32)?).ok()?.min(4096);
    let mut path = vec![0; length];
    file.read_exact_at(&mut path, word(8)?).ok()?;
    let end = path.iter().position(|&byte| byte == 0)?;
    path.truncate(end);
    Some(path)
}
