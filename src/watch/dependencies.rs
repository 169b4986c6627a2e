//! From what a build depends on to what must be watched: every path is followed through its links, and each directory and
//! link on the way counts. It looks at the disk, and asks nobody to watch.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::scope::{Areas, Scope};
use crate::evaluate::State;
use crate::evaluate::state::NONE;
use crate::evaluate::survey::Bare;
use crate::evaluate::{files, fresh};
use crate::fs;
use crate::fs::ContentKind;
use crate::fs::fingerprint::Part;
use crate::fs::stamp;
use crate::graph::{FileId, Graph};
use crate::workspace::front::{Front, SavedRead};

/// So many links lead on from one path, as in the kernel.
const MOST_LINKS: usize = 40;

/// Collects what must be watched.
pub struct Dependencies {
    scope: Scope,
    /// The directory that a path leads to, by path; `None`: there is none.
    reached: HashMap<PathBuf, Option<u32>>,
}

impl Dependencies {
    pub fn new(areas: Areas) -> Self {
        Self {
            scope: Scope::new(areas),
            reached: HashMap::new(),
        }
    }

    pub fn finish(self) -> Scope {
        self.scope
    }

    /// The files that tell whether the operations of a graph are up to date.
    pub fn operations(&mut self, graph: &Graph, state: &State) {
        let bare = Bare::of(graph);
        let mut placed = vec![false; state.path_count()];
        let mut parents: HashMap<&[u8], Option<u32>> = HashMap::new();
        for operation in graph.operations() {
            fresh::needed(graph, state, operation, |file| {
                if std::mem::replace(&mut placed[file.index()], true) {
                    return;
                }
                let depth = match bare.contains(file) {
                    true => Depth::Itself,
                    false => depth(state, file),
                };
                if depth != Depth::Itself {
                    return self.followed(&state.absolute(file), depth);
                }
                let (path, _) = files::split(state.path(file));
                let path = path.strip_suffix(b"/").unwrap_or(path);
                let slash = path.iter().rposition(|byte| *byte == b'/');
                let (parent, name) = match slash {
                    Some(slash) => (&path[..slash], &path[slash + 1..]),
                    None => (&path[..0], path),
                };
                let parent = *parents.entry(parent).or_insert_with(|| {
                    let whole = state.absolute(file);
                    self.directory(whole.parent().unwrap_or(&whole), 0)
                });
                if let Some(parent) = parent {
                    self.scope.file(parent, name);
                }
            });
        }
    }

    /// What the front end read, but for tools.
    pub fn front(&mut self, front: &Front) {
        for read in &front.reads {
            match read {
                SavedRead::File { path, .. } | SavedRead::Existence { path, .. } => {
                    self.followed(path, Depth::Link);
                }
                SavedRead::Glob { listed, .. } => {
                    for (directory, _) in listed {
                        self.listing(directory);
                    }
                }
                SavedRead::Mention { files, .. } => {
                    for (file, _) in files {
                        self.followed(file, Depth::Link);
                    }
                }
                SavedRead::Subdirectories { directory, .. } => self.listing(directory),
                SavedRead::Link { path, .. } => {
                    self.directory(path, 0);
                }
                SavedRead::Environment { .. } | SavedRead::Tool { .. } => {}
            }
        }
    }

    /// The places where the front end looked for tools. To be called last: they are looked up again before every answer.
    pub fn tools(&mut self, front: &Front, path_variable: Option<&str>) {
        self.scope.the_rest_is_not_essential();
        for read in &front.reads {
            if let SavedRead::Tool { name, found } = read {
                self.tool(name, found.as_deref(), path_variable);
            }
        }
    }

    /// A file counts, whether it is there or not.
    pub fn file(&mut self, path: &Path) {
        self.followed(path, Depth::Link);
    }

    /// The entries of a directory count.
    pub fn listing(&mut self, path: &Path) {
        if let Some(directory) = self.directory(path, 0) {
            self.scope.listing(directory);
        }
    }

    /// Everything in a directory counts.
    pub fn whole(&mut self, path: &Path) {
        if let Some(directory) = self.directory(path, 0) {
            self.scope.whole(directory);
        }
    }

    /// Everything in a directory and below counts, but for directories that `is_left_out`.
    pub fn tree(&mut self, path: &Path, is_left_out: &dyn Fn(&Path) -> bool) {
        let mut open = vec![path.to_owned()];
        while let Some(path) = open.pop() {
            let Some(directory) = self.directory(&path, 0) else {
                continue;
            };
            self.scope.whole(directory);
            for (name, is_directory) in fs::list(&path).unwrap_or_default() {
                let entry = path.join(&name);
                if is_directory {
                    if !is_left_out(&entry) {
                        open.push(entry);
                    }
                } else if fs::is_link(&entry) {
                    self.followed(&entry, Depth::Link);
                }
            }
        }
    }

    /// Every place where a tool was looked for.
    fn tool(&mut self, name: &str, found: Option<&Path>, path_variable: Option<&str>) {
        if name.starts_with('/') {
            return self.file(Path::new(name));
        }
        let directories = path_variable.unwrap_or_default().split(':');
        for directory in directories.filter(|directory| directory.starts_with('/')) {
            let candidate = Path::new(directory).join(name);
            self.file(&candidate);
            if found == Some(&candidate) {
                break;
            }
        }
    }

    /// A path counts, and what it leads to.
    fn followed(&mut self, path: &Path, depth: Depth) {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                return;
            };
            let Some(parent) = self.directory(parent, 0) else {
                return;
            };
            self.scope.file(parent, name.as_bytes());
            let real = self.scope.directories()[parent as usize].path.clone();
            if depth == Depth::Tree && fs::is_directory(&real.join(name)) {
                return self.tree(&real.join(name), &|_| false);
            }
            if depth == Depth::Itself {
                return;
            }
            match fs::link_target(&real.join(name)) {
                Some(target) => path = real.join(target),
                None => return,
            }
        }
    }

    /// The directory that an absolute path leads to, and every one on the way.
    fn directory(&mut self, path: &Path, links: usize) -> Option<u32> {
        if let Some(&known) = self.reached.get(path) {
            return known;
        }
        let reached = self.reach(path, links);
        self.reached.insert(path.to_owned(), reached);
        reached
    }

    fn reach(&mut self, path: &Path, links: usize) -> Option<u32> {
        let Some(parent) = path.parent() else {
            return Some(self.scope.directory(Path::new("/")));
        };
        let parent = self.directory(parent, links)?;
        let real = self.scope.directories()[parent as usize].path.clone();
        let name = match path.components().next_back()? {
            Component::Normal(name) => name,
            Component::ParentDir => return self.directory(real.parent().unwrap_or(&real), links),
            _ => return Some(parent),
        };
        let path = real.join(name);
        let status = stamp::lstat(&path).unwrap_or_default();
        self.scope
            .way(parent, name.as_bytes(), status.is_directory());
        if status.is_directory() {
            return Some(self.scope.directory(&path));
        }
        let target = fs::link_target(&path).filter(|_| links < MOST_LINKS)?;
        self.directory(&real.join(target), links + 1)
    }
}

/// What counts of a file beside what is at its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Depth {
    Itself,
    /// Where it leads, if it is a link.
    Link,
    /// And everything below, if it leads to a directory.
    Tree,
}

fn depth(state: &State, file: FileId) -> Depth {
    let latest = state.latest(file);
    let kind = match latest {
        NONE => ContentKind::Absent,
        number => state.content_of(number).kind,
    };
    match kind {
        _ if state.path(file).ends_with(b"/") => Depth::Tree,
        // A directory in which names count is watched whole.
        _ if files::split(state.path(file)).1 == Some(Part::Entry) => Depth::Itself,
        ContentKind::Directory | ContentKind::Link => Depth::Tree,
        _ => Depth::Itself,
    }
}

/// When a file or directory below `top` was changed last, in nanoseconds since the epoch; but for those that are left out.
pub fn latest_change(top: &Path, is_left_out: &dyn Fn(&Path) -> bool) -> i64 {
    let mut latest = 0;
    let mut open = vec![top.to_owned()];
    while let Some(directory) = open.pop() {
        for (name, is_directory) in fs::list(&directory).unwrap_or_default() {
            let entry = directory.join(name);
            if is_left_out(&entry) {
                continue;
            }
            let status = stamp::lstat(&entry).unwrap_or_default();
            latest = latest.max(status.stamp.ctime);
            if is_directory {
                open.push(entry);
            }
        }
    }
    latest
}

#[cfg(test)]
mod tests {
    use super::super::notice::What;
    use super::super::scope::{Area, Meaning};
    use super::*;

    fn areas() -> Areas {
        Areas {
            top: "/w".into(),
            wake: "/w/.wake".into(),
            state: "/w/.wake/state".into(),
            output_root: None,
        }
    }

    struct Place {
        _directory: tempfile::TempDir,
        top: PathBuf,
    }

    fn place() -> Place {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        for name in ["real/sub", "other"] {
            fs::create_directories(&top.join(name)).unwrap();
        }
        fs::write(&top.join("real/sub/a"), b"").unwrap();
        fs::write(&top.join("other/b"), b"").unwrap();
        fs::link(&top.join("way"), Path::new("real")).unwrap();
        fs::link(&top.join("real/b"), Path::new("../other/b")).unwrap();
        fs::link(&top.join("loop"), Path::new("loop")).unwrap();
        Place {
            _directory: directory,
            top,
        }
    }

    fn meaning(scope: &Scope, path: &Path, what: What) -> Option<Meaning> {
        let parent = path.parent().unwrap();
        let directories = scope.directories().iter();
        let number = directories
            .map(|one| &one.path)
            .position(|one| one == parent)?;
        let number = u32::try_from(number).unwrap();
        scope.meaning(number, what, path.file_name().unwrap().as_bytes())
    }

    /// Catches a link on the way, or at the end, that can be turned elsewhere without anybody noticing.
    #[test]
    fn paths_are_followed_through_every_link() {
        let place = place();
        let top = &place.top;
        let mut dependencies = Dependencies::new(areas());
        dependencies.file(&top.join("way/sub/a"));
        dependencies.file(&top.join("way/b"));
        dependencies.file(&top.join("loop/x"));
        dependencies.file(&top.join("loop"));
        let scope = dependencies.finish();
        for (path, what, is_move) in [
            ("way", What::Entry, true),
            ("real", What::Entry, true),
            ("real/sub", What::Entry, true),
            ("real/sub/a", What::Changed, false),
            ("real/b", What::Entry, false),
            ("other", What::Entry, true),
            ("other/b", What::Changed, false),
            ("loop", What::Entry, true),
        ] {
            let area = Area::Sources;
            let wanted = Some(Meaning { area, is_move });
            assert_eq!(meaning(&scope, &top.join(path), what), wanted, "{path}");
        }
        assert_eq!(meaning(&scope, &top.join("other/c"), What::Entry), None);
    }

    /// Catches a file whose directory does not exist yet, and appears without anybody noticing.
    #[test]
    fn what_is_not_there_is_waited_for_where_it_would_begin() {
        let place = place();
        let mut dependencies = Dependencies::new(areas());
        dependencies.file(&place.top.join("none/such/file"));
        let scope = dependencies.finish();
        let appears = meaning(&scope, &place.top.join("none"), What::Entry);
        assert!(appears.unwrap().is_move);
    }

    /// Catches a tree of which a part, or what a link in it leads to, is not watched.
    #[test]
    fn trees_are_watched_whole() {
        let place = place();
        let mut dependencies = Dependencies::new(areas());
        let left_out = place.top.join("real/sub");
        dependencies.tree(&place.top.join("real"), &|path| path == left_out);
        let scope = dependencies.finish();
        assert!(meaning(&scope, &place.top.join("real/anything"), What::Changed).is_some());
        assert!(meaning(&scope, &place.top.join("other/b"), What::Changed).is_some());
        assert!(meaning(&scope, &place.top.join("real/sub/a"), What::Changed).is_none());
    }
}
