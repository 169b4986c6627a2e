//! What is watched: directories, what of each matters, and what it means that something there happened. Data and pure
//! questions; it looks at nothing.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::notice::{Attention, What};

/// Who usually changes what is in a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Area {
    /// People, and tools that are not wake's: it is a reason to build.
    Sources,
    /// wake and its operations: it is a reason to look whether all is as it was left.
    Outputs,
    /// What a wake remembers.
    State,
}

/// Where wake itself writes: absolute, without links.
#[derive(Clone, Debug, Default)]
pub struct Areas {
    pub top: PathBuf,
    pub wake: PathBuf,
    pub state: PathBuf,
    /// Where there is one that does not lie in `wake`.
    pub output_root: Option<PathBuf>,
}

/// What wake writes at the top. While it does, there is something beside it whose name begins the same.
const WRITTEN_AT_TOP: [&[u8]; 2] = [b"compile_commands.json", b"wake.lock"];

impl Areas {
    /// Whose a path is.
    pub fn of(&self, path: &Path) -> Area {
        if path.starts_with(&self.state) {
            Area::State
        } else if path.starts_with(&self.wake)
            || (self.output_root.as_ref()).is_some_and(|root| path.starts_with(root))
            || self.is_written_at_top(path)
        {
            Area::Outputs
        } else {
            Area::Sources
        }
    }

    fn is_written_at_top(&self, path: &Path) -> bool {
        let name = path.file_name().map_or(&[][..], OsStr::as_bytes);
        path.parent() == Some(&self.top) && WRITTEN_AT_TOP.iter().any(|own| name.starts_with(own))
    }
}

/// A directory that is watched.
#[derive(Debug)]
pub struct Directory {
    /// Absolute, without links.
    pub path: PathBuf,
    area: Area,
    /// Contains files that count; else it only leads to other directories.
    has_files: bool,
    /// Whatever comes or goes matters: a pattern lists it.
    is_listed: bool,
    /// Whatever happens in it matters.
    is_whole: bool,
    /// A name in it leads on, and is no directory: a link, or nothing yet.
    has_link: bool,
    /// Whether a change that is not told here could make an answer wrong.
    pub is_essential: bool,
}

impl Directory {
    /// Whether the directories that it leads to, which are watched, tell themselves when they are moved away.
    pub fn is_only_on_the_way(&self) -> bool {
        !self.has_files && !self.is_listed && !self.is_whole && !self.has_link
    }

    pub fn attention(&self) -> Attention {
        match self.has_files || self.is_whole {
            true => Attention::Contents,
            false => Attention::Entries,
        }
    }
}

/// What it means that something happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Meaning {
    pub area: Area,
    /// Whether a path may lead to another directory than the one that is watched.
    pub is_move: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Scope {
    areas: Areas,
    directories: Vec<Directory>,
    by_path: HashMap<PathBuf, u32>,
    /// Names that count, by directory; of the names themselves the hash, because one that is taken for another costs a
    /// look and nothing else. The value: whether it leads to a directory that is watched.
    names: HashMap<(u32, u64), bool>,
    /// See [`Self::the_rest_is_not_essential`].
    is_rest: bool,
}

impl Scope {
    pub fn new(areas: Areas) -> Self {
        Self {
            areas,
            ..Self::default()
        }
    }

    /// The number of a directory, which is watched from now on; `path` is absolute and without links.
    pub fn directory(&mut self, path: &Path) -> u32 {
        if let Some(&number) = self.by_path.get(path) {
            return number;
        }
        let number = u32::try_from(self.directories.len()).unwrap_or(u32::MAX);
        self.directories.push(Directory {
            path: path.to_owned(),
            area: self.areas.of(path),
            has_files: false,
            is_listed: false,
            is_whole: false,
            has_link: false,
            is_essential: !self.is_rest,
        });
        self.by_path.insert(path.to_owned(), number);
        number
    }

    /// A file of a directory counts, whether it is there or not.
    pub fn file(&mut self, directory: u32, name: &[u8]) {
        self.directories[directory as usize].has_files = true;
        self.names.entry((directory, hash(name))).or_default();
    }

    /// A name in a directory leads, or would lead, to another one that counts.
    pub fn way(&mut self, directory: u32, name: &[u8], is_directory: bool) {
        self.directories[directory as usize].has_link |= !is_directory;
        self.names.insert((directory, hash(name)), true);
    }

    /// Directories that are added from now on are watched only to build in time: what is asked of them is looked up before
    /// every answer.
    pub fn the_rest_is_not_essential(&mut self) {
        self.is_rest = true;
    }

    /// The entries of a directory count.
    pub fn listing(&mut self, directory: u32) {
        self.directories[directory as usize].is_listed = true;
    }

    /// Everything in a directory counts.
    pub fn whole(&mut self, directory: u32) {
        self.directories[directory as usize].is_whole = true;
    }

    pub fn directories(&self) -> &[Directory] {
        &self.directories
    }

    /// What it means that something happened to `name` in a directory; `None`: nothing.
    pub fn meaning(&self, directory: u32, what: What, name: &[u8]) -> Option<Meaning> {
        let here = self.directories.get(directory as usize)?;
        if what == What::Itself || name.is_empty() {
            return self.meaning_of_itself(here, what);
        }
        let known = self.names.get(&(directory, hash(name))).copied();
        let is_listed = here.is_listed && what == What::Entry;
        if known.is_none() && !is_listed && !here.is_whole {
            return None;
        }
        // A wake that only looks opens what it could write to, and tries the clock.
        let is_look = what == What::Closed || crate::fs::stamp::is_probe(name);
        if here.area == Area::State && is_look {
            return None;
        }
        Some(Meaning {
            area: self.area(here, name),
            is_move: known == Some(true) && what == What::Entry,
        })
    }

    fn meaning_of_itself(&self, here: &Directory, what: What) -> Option<Meaning> {
        let is_move = what == What::Itself;
        // Of a directory on the way only matters that it is there, and what its parent says of it is said there.
        let counts = is_move || here.has_files || here.is_listed || here.is_whole;
        let area = here.area;
        counts.then_some(Meaning { area, is_move })
    }

    fn area(&self, here: &Directory, name: &[u8]) -> Area {
        match here.area {
            Area::Sources => self.areas.of(&here.path.join(OsStr::from_bytes(name))),
            area => area,
        }
    }
}

fn hash(name: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    name.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> (Scope, [u32; 4]) {
        let mut scope = Scope::new(Areas {
            top: "/w".into(),
            wake: "/w/.wake".into(),
            state: "/w/.wake/state".into(),
            output_root: Some("/w/built".into()),
        });
        let [root, top] = ["/", "/w"].map(|path| scope.directory(Path::new(path)));
        scope.way(root, b"w", true);
        scope.file(top, b"PKG");
        scope.file(top, b"wake.lock");
        scope.way(top, b".wake", true);
        scope.way(top, b"built", true);
        let source = scope.directory(Path::new("/w/src"));
        scope.way(top, b"src", true);
        scope.file(source, b"a.c");
        scope.listing(source);
        let state = scope.directory(Path::new("/w/.wake/state"));
        scope.whole(state);
        (scope, [root, top, source, state])
    }

    /// Catches changes that are taken for those of others, and the reverse: builds without a cause, or none with one.
    #[test]
    fn what_happened_means_what_it_should() {
        let (scope, [root, top, source, state]) = scope();
        let cases = [
            (top, What::Changed, "PKG", Some((Area::Sources, false))),
            (top, What::Changed, "notes", None),
            (top, What::Entry, "notes", None),
            (top, What::Entry, "wake.lock.7.new", None),
            (top, What::Entry, "wake.lock", Some((Area::Outputs, false))),
            (top, What::Entry, "src", Some((Area::Sources, true))),
            (top, What::Entry, ".wake", Some((Area::Outputs, true))),
            (top, What::Entry, "built", Some((Area::Outputs, true))),
            (top, What::Changed, "src", Some((Area::Sources, false))),
            (source, What::Changed, "a.c", Some((Area::Sources, false))),
            (source, What::Changed, "new.c", None),
            (source, What::Entry, "new.c", Some((Area::Sources, false))),
            (source, What::Itself, "", Some((Area::Sources, true))),
            (source, What::Changed, "", Some((Area::Sources, false))),
            (root, What::Entry, "other", None),
            (root, What::Changed, "", None),
            (root, What::Entry, "w", Some((Area::Sources, true))),
            (state, What::Changed, "state-3", Some((Area::State, false))),
            (state, What::Entry, ".clock.17", None),
            (state, What::Closed, "state-3", None),
            (source, What::Closed, "a.c", Some((Area::Sources, false))),
        ];
        for (directory, what, name, wanted) in cases {
            let meaning = scope.meaning(directory, what, name.as_bytes());
            let found = meaning.map(|meaning| (meaning.area, meaning.is_move));
            assert_eq!(found, wanted, "{what:?} {name}");
        }
        assert_eq!(scope.meaning(99, What::Entry, b"a.c"), None);
    }

    /// Catches a directory of which less is told than it needs.
    #[test]
    fn only_directories_on_the_way_need_no_contents() {
        let (scope, _) = scope();
        let told = |path: &str| {
            let found = scope
                .directories()
                .iter()
                .find(|one| one.path == Path::new(path));
            found.unwrap().attention()
        };
        assert_eq!(told("/"), Attention::Entries);
        for path in ["/w", "/w/src", "/w/.wake/state"] {
            assert_eq!(told(path), Attention::Contents, "{path}");
        }
    }
}
