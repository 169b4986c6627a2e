//! What follows from what was observed of one operation (DESIGN §5.2): which paths it depends on, and what it should not
//! have written. It knows the operation's own job and the disk; who makes what, the scheduler knows.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use crate::error::{Error, Result};
use crate::fs::fingerprint::Part;
use crate::fs::{Content, Stamp};
use crate::observe::{Access, Deeds, Gap, Observed, Seen, There};

use super::files::{self, Depth};
use super::outputs::Form;
use super::perform::NEVER_COUNT;
use super::prepare::{Job, Work};
use super::world::World;

/// A file that an operation says that it read, or was seen to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Discovered {
    /// Absolute and clean.
    pub path: PathBuf,
    /// What of it counts, if that is not all.
    pub part: Option<Part>,
    /// After the run.
    pub stamp: Stamp,
    /// It is known that nothing was there, and nothing is.
    pub was_absent: bool,
    /// Of a part, what it was after the run: that of a directory changes its stamp more often than its content.
    pub content: Option<Content>,
}

/// What operations read outside of the workspace: most of those that run the same program read the same, so that is worked
/// out once for all of them.
#[derive(Debug, Default)]
pub struct Outsides(Mutex<HashMap<blake3::Hash, Arc<Outside>>>);

/// What follows from what was done outside of the workspace.
#[derive(Debug, Default)]
pub struct Outside {
    pub reads: Vec<Discovered>,
    pub gap: Option<Gap>,
    /// The version numbers of the reads, once the scheduler has found them, where they are the same for all, and when the
    /// operation began for which they were found: whoever began before may have read something else.
    pub numbers: OnceLock<(i64, Vec<u32>)>,
}

impl Outsides {
    /// What follows from what was only read. `top`: the workspace's.
    ///
    /// # Errors
    /// As [`Judge::judge`].
    pub fn judge(&self, seen: Seen, judge: &Judge<'_>, top: &Path) -> Result<Arc<Outside>> {
        let name = seen.name();
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(outside) = known().get(&name) {
            return Ok(Arc::clone(outside));
        }
        let observed = seen.work_out();
        let reads = judge.judge(&observed)?.reads;
        // A link may lead into the workspace, where each operation has a place of its own.
        let is_same_for_all = |access: &Access| {
            !access.path.starts_with(top) && !access.path.starts_with(&judge.job.target)
        };
        let is_shared = observed.accesses.iter().all(is_same_for_all);
        let outside = Arc::new(Outside {
            reads,
            gap: observed.gap,
            numbers: OnceLock::new(),
        });
        if is_shared {
            known().insert(name, Arc::clone(&outside));
        }
        Ok(outside)
    }
}

/// So many more paths are named than the first.
const MOST_NAMED: usize = 4;

/// What follows.
#[derive(Debug, Default)]
pub struct Judged {
    pub reads: Vec<Discovered>,
    /// What it made below its target directory without declaring it.
    pub undeclared: Vec<PathBuf>,
}

/// Places, and the clock of the disk before the operation began.
pub struct Judge<'a> {
    pub world: &'a dyn World,
    pub job: &'a Job,
    /// Directories in which nothing counts.
    pub private: [&'a Path; 2],
    /// `.wake/`: of what wake keeps there, nothing counts but what operations made and packages.
    pub own: &'a Path,
    pub began: i64,
    pub name: &'a dyn Fn(&Path) -> String,
}

impl Judge<'_> {
    /// Judges all that was observed.
    ///
    /// # Errors
    /// `User`: it wrote where only others may.
    pub fn judge(&self, observed: &Observed) -> Result<Judged> {
        let mut judged = Judged::default();
        for access in &observed.accesses {
            let path = access.path.as_path();
            if self.counts_for_nothing(path) {
                continue;
            }
            let is_own = self.is_own_output(path);
            let has_changed = access.deeds.changes() && !is_own && self.has_changed(access);
            if has_changed && !self.may_write(access) {
                return Err(self.forbidden(access));
            }
            let status = self.world.status(path).unwrap_or_default();
            if has_changed && !status.is_directory() {
                judged.undeclared.push(path.to_owned());
            }
            // What it has made itself, it may read. What is not there and was not removed could not be made.
            let is_made = access.deeds.has(Deeds::CREATED)
                && access.found == Some(There::Nothing)
                && (status.mode != 0 || access.deeds.has(Deeds::REMOVED));
            if !is_own && !is_made && !has_changed {
                judged.reads.extend(self.read(access));
            }
        }
        Ok(judged)
    }

    /// The workspace's.
    fn top(&self) -> &Path {
        self.own.parent().unwrap_or(self.own)
    }

    /// Makes sure that everything is declared: what it read of the workspace, by its inputs or its depfile, and what it made.
    /// Looking at something, or for it, is no reading, nor is listing a directory: that cannot be declared.
    ///
    /// # Errors
    /// `User`: something is not.
    pub fn check_declared(&self, judged: &Judged, by_depfile: &[Discovered]) -> Result<()> {
        let executable = match &self.job.work {
            Work::Run(launch) => Some(launch.executable.as_path()),
            _ => None,
        };
        let declared = self.job.reads.iter().map(|read| read.path.as_path());
        let declared = declared.chain(executable);
        let declared: Vec<&Path> = declared
            .chain(by_depfile.iter().map(|read| read.path.as_path()))
            .collect();
        let is_stray = |read: &&Discovered| {
            let path = &read.path;
            read.part.is_none()
                && !read.stamp.is_absent()
                && path.starts_with(self.top())
                && !declared.iter().any(|known| path.starts_with(known))
        };
        let read = judged.reads.iter().filter(is_stray);
        let read: Vec<&Path> = read.map(|read| read.path.as_path()).collect();
        let made: Vec<&Path> = judged.undeclared.iter().map(PathBuf::as_path).collect();
        let hint = "add it to its inputs, or build without `--strict`";
        self.refuse("read", &read, hint)?;
        let hint = "add it to its outputs, have it made in $TMPDIR, or build without `--strict`";
        self.refuse("made", &made, hint)
    }

    fn refuse(&self, deed: &str, paths: &[&Path], hint: &str) -> Result<()> {
        let [first, others @ ..] = paths else {
            return Ok(());
        };
        let first = (self.name)(first);
        let mut error = Error::user(format!("It {deed} `{first}`, which it does not declare"));
        let named = others.iter().take(MOST_NAMED);
        let named: Vec<String> = named
            .map(|path| format!("`{}`", (self.name)(path)))
            .collect();
        if !named.is_empty() {
            let more = match others.len().saturating_sub(MOST_NAMED) {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            error = error.cause(format!("nor {}{more}", named.join(", ")));
        }
        Err(error.hint(hint))
    }

    fn counts_for_nothing(&self, path: &Path) -> bool {
        let is_below = |root: &&Path| path.starts_with(root);
        let is_wakes = path.strip_prefix(self.own).is_ok_and(|below| {
            let first = below.components().next();
            first.is_some_and(|first| {
                !["out", "pkgs"]
                    .map(|name| name.as_ref())
                    .contains(&first.as_os_str())
            })
        });
        NEVER_COUNT.iter().any(|root| path.starts_with(root))
            || self.private.iter().any(is_below)
            || self.job.is_in_cache(path, self.top())
            || is_wakes && !path.starts_with(&self.job.target)
    }

    fn is_own_output(&self, path: &Path) -> bool {
        let is_it = |output: &super::outputs::Output| match output.form {
            Form::File => path == output.path,
            Form::Tree | Form::Directory => path.starts_with(&output.path),
        };
        self.job.outputs.iter().any(is_it)
            || self.job.depfile.as_deref() == Some(path)
            || self
                .job
                .test_directory
                .as_deref()
                .is_some_and(|root| path.starts_with(root))
    }

    /// Whether it did change what it set out to: many calls are made to be refused.
    fn has_changed(&self, access: &Access) -> bool {
        let status = self.world.status(&access.path).unwrap_or_default();
        let is_there = status.mode != 0;
        match access.found {
            Some(There::Nothing) => is_there,
            _ if !is_there => true,
            // What is written to a pipe or a device is not kept there.
            _ if status.is_directory() || status.is_special() => false,
            Some(There::Something(ctime)) => status.stamp.ctime != ctime,
            None => status.stamp.ctime >= self.began,
        }
    }

    /// Below its target directory it may do as it likes, and it may make a cache if there is none.
    fn may_write(&self, access: &Access) -> bool {
        let is_above = |cache: &PathBuf| cache.starts_with(&access.path);
        access.path.starts_with(&self.job.target)
            || access.found == Some(There::Nothing) && self.job.caches().iter().any(is_above)
    }

    fn forbidden(&self, access: &Access) -> Error {
        let name = (self.name)(&access.path);
        let deed = match access.deeds.has(Deeds::WRITTEN) {
            true => "wrote",
            false => "removed",
        };
        let what = match access.found {
            Some(There::Something(_)) => "which was there before",
            _ => "outside of its target directory",
        };
        Error::user(format!("It {deed} `{name}`, {what}"))
            .cause(format!("its target directory is `{}`", (self.name)(&self.job.target)))
            .hint("have it write below $(target) or to $TMPDIR, and declare what others need as outputs; `caches` are for what it keeps between runs")
    }

    /// What it depends on by an access.
    fn read(&self, access: &Access) -> Option<Discovered> {
        let path = access.path.as_path();
        let status = self.world.status(path).unwrap_or_default();
        let is_absent = status.mode == 0;
        let deeds = access.deeds;
        let reads = deeds.has(Deeds::READ) || deeds.has(Deeds::EXECUTED);
        let part = match () {
            () if is_absent => None,
            () if deeds.has(Deeds::LISTED) => Some(Part::Listing),
            () if reads && !status.is_directory() && !status.is_special() => None,
            () => Some(Part::Entry),
        };
        // Others write there, too, at the same time: of directories, nothing can be said.
        let top = self.top();
        let is_shared = path.starts_with(&self.job.target)
            || path.starts_with(self.own)
            || self.job.target.starts_with(path) && !top.starts_with(path);
        if is_shared && status.is_directory() {
            return None;
        }
        let depth = part.map_or(Depth::Whole, Depth::Part);
        let stamp = files::stamp(self.world, path, depth).unwrap_or(Stamp::ABSENT);
        let content = part.and_then(|part| Some(self.world.part(path, part).ok()?.content));
        Some(Discovered {
            path: path.to_owned(),
            part,
            stamp,
            was_absent: is_absent && access.found == Some(There::Nothing),
            content,
        })
    }
}
