//! Performs one job on a worker: outputs aside, run, outputs checked and put back, reads collected. It decides about
//! files of its own operation only; what the result means for others is the scheduler's.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::fs::Stamp;
use crate::fs::path::{clean, display as path_display};
use crate::graph::{FileId, OperationId};
use crate::observe::Seen;
use crate::workspace::layout;

use super::exec::output::{self, Log};
use super::exec::{Ended, Process, Watch};
use super::files::{self, Depth};
use super::interrupt::Interrupt;
use super::jobserver::Jobserver;
use super::observed::{Discovered, Judge, Outside, Outsides};
use super::outputs::{self, Aside, Made, Output};
use super::prepare::{Job, Launch, Work};
use super::world::World;
use super::{Options, depfile};

/// Head and tail of what is kept in the state of what an operation printed.
const KEPT: usize = 32 << 10;

/// What is read below these is no dependency (DESIGN §5.2), nor what is read below the private directories and caches: it
/// differs at every look.
pub(super) const NEVER_COUNT: [&str; 3] = ["/dev", "/proc", "/sys"];

/// How a job ended.
#[derive(Debug)]
pub struct Performed {
    pub operation: OperationId,
    pub outcome: Outcome,
    /// What it printed, as far as that was kept.
    pub output: String,
    /// The part that the state keeps, where that is less.
    kept: Option<String>,
    pub time: Duration,
    pub memory_kib: u64,
    /// The clock of the disk, before it began.
    pub began: i64,
    /// Nothing after a failure.
    pub made: Vec<Made>,
    /// Files it says that it read, or was seen to read.
    pub discovered: Vec<Discovered>,
    /// What it was seen to read outside of the workspace, which it has in common with others.
    pub outside: Option<Arc<Outside>>,
    /// What it was seen to make below its target directory and does not declare.
    pub undeclared: Vec<PathBuf>,
    /// What was observed of it, if that could be.
    observed: Option<Seen>,
    /// Why not all of it was seen, though it was to be.
    pub gap: Option<String>,
    /// A declared file that changed while it ran.
    pub changed_meanwhile: Option<FileId>,
    /// It failed, and what was at its outputs before or what it wrote may still be there.
    pub leaves_remains: bool,
}

impl Performed {
    fn new(operation: OperationId, began: i64) -> Self {
        Self {
            operation,
            outcome: Outcome::Succeeded,
            output: String::new(),
            kept: None,
            time: Duration::ZERO,
            memory_kib: 0,
            began,
            made: Vec::new(),
            discovered: Vec::new(),
            outside: None,
            undeclared: Vec::new(),
            observed: None,
            gap: None,
            changed_meanwhile: None,
            leaves_remains: false,
        }
    }

    /// The worker itself failed.
    pub fn of_bug(operation: OperationId) -> Self {
        Self {
            outcome: Outcome::Unusable {
                cause: "a bug in wake".to_owned(),
                hint: Some("please report it, with what wake printed".to_owned()),
            },
            leaves_remains: true,
            ..Self::new(operation, 0)
        }
    }

    /// The part of the output that the state keeps.
    pub fn kept_output(&self) -> String {
        self.kept.as_ref().unwrap_or(&self.output).clone()
    }
}

/// The private directories of the workers, below `.wake/tmp`.
pub struct Slots {
    root: PathBuf,
    /// By slot, the stamps of its home and its directory for temporary files, when they were empty.
    seen_empty: Mutex<HashMap<usize, [Stamp; 2]>>,
    /// Whether some operation has ever printed too much.
    has_logs: OnceLock<bool>,
}

impl Slots {
    /// Directories below `root`, each made when it is first needed.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            seen_empty: Mutex::default(),
            has_logs: OnceLock::new(),
        }
    }

    /// Makes sure that the directories of a slot are there and empty.
    fn prepare(&self, world: &dyn World, slot: usize) -> Result<PathBuf> {
        let directory = self.root.join(slot.to_string());
        let parts = ["home", "tmp"].map(|part| directory.join(part));
        let seen = world.now();
        // Before anything else is looked at: what is put there meanwhile changes them.
        let stamps = || {
            let stamp = |path: &PathBuf| world.status(path).map(|status| status.stamp).ok();
            parts
                .each_ref()
                .map(|path| stamp(path).unwrap_or(Stamp::ABSENT))
        };
        let mut found = stamps();
        if self.seen_empty().get(&slot) == Some(&found) {
            return Ok(directory);
        }
        if !parts.iter().all(|part| world.is_empty_directory(part)) {
            world.remove(&directory)?;
            for part in &parts {
                world.create_directories(part)?;
            }
            found = stamps();
        }
        let is_racy = |stamp: &Stamp| stamp.is_absent() || files::is_racy(world, *stamp, seen);
        if found.iter().any(is_racy) {
            self.seen_empty().remove(&slot);
        } else {
            self.seen_empty().insert(slot, found);
        }
        Ok(directory)
    }

    fn seen_empty(&self) -> MutexGuard<'_, HashMap<usize, [Stamp; 2]>> {
        self.seen_empty
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes all of it.
    pub fn remove(&self, world: &dyn World) -> Result<()> {
        world.remove(&self.root)
    }
}

/// What all jobs of a build share.
pub struct Workshop<'a> {
    pub world: &'a dyn World,
    pub options: &'a Options,
    pub slots: &'a Slots,
    pub interrupt: &'a Interrupt,
    pub jobserver: &'a Jobserver<'a>,
    pub outside: &'a Outsides,
}

impl Workshop<'_> {
    /// Begins to share jobs with what operations start.
    pub fn share_jobs(&self) -> Result<()> {
        if self.jobserver.serves() {
            self.world.create_directories(&self.slots.root)?;
        }
        self.jobserver.begin(self.options.jobs, &self.slots.root)
    }

    /// Performs a job to its end.
    pub fn perform(&self, job: &Job, slot: usize) -> Performed {
        let started = Instant::now();
        let mut performed = Performed::new(job.operation, self.world.now());
        if let Err(error) = self.attempt(job, slot, &mut performed) {
            performed.outcome = unusable(&error);
        }
        performed.time = started.elapsed();
        performed
    }

    fn attempt(&self, job: &Job, slot: usize, performed: &mut Performed) -> Result<()> {
        // Until it is known that they are gone.
        performed.leaves_remains = true;
        let directory = self.slots.prepare(self.world, slot)?;
        self.forget_log(job)?;
        let result = self.replace_outputs(job, &directory, performed);
        if result.is_err() {
            // Something old may still lie in it.
            self.world.remove(&directory)?;
        }
        result
    }

    /// Removes what the operation printed the last time, if that was too much to keep: from now on it means nothing.
    fn forget_log(&self, job: &Job) -> Result<()> {
        let logs = &self.options.logs;
        let is_there = || self.world.status(logs).is_ok_and(|status| status.mode != 0);
        match self.slots.has_logs.get_or_init(is_there) {
            true => self.world.remove(&logs.join(&job.log)),
            false => Ok(()),
        }
    }

    fn replace_outputs(
        &self,
        job: &Job,
        directory: &Path,
        performed: &mut Performed,
    ) -> Result<()> {
        let aside = outputs::set_aside(self.world, &job.outputs, &directory.join("aside"))?;
        let result = self.make(job, directory, performed, &aside);
        let is_success = result.is_ok() && performed.outcome.is_success();
        if !is_success {
            performed.made.clear();
            outputs::withdraw(self.world, &job.outputs, &aside)?;
        }
        performed.leaves_remains = false;
        if let Some(path) = job
            .depfile
            .as_ref()
            .filter(|_| !(is_success && job.keeps_depfile))
        {
            self.world.remove(path)?;
        }
        if let Some(path) = job.test_directory.as_ref().filter(|_| is_success) {
            self.world.remove(path)?;
            if let Some(parent) = path.parent() {
                self.world.remove_if_empty(parent);
            }
        }
        result
    }

    fn make(
        &self,
        job: &Job,
        directory: &Path,
        performed: &mut Performed,
        aside: &Aside,
    ) -> Result<()> {
        if let Some(path) = &job.depfile {
            self.world.remove(path)?;
        }
        match &job.work {
            Work::Run(launch) => self.run(job, launch, directory, performed)?,
            Work::Write {
                content,
                executable,
            } => {
                let path = &only(&job.outputs)?.path;
                self.world.write(path, content.as_bytes(), *executable)?;
            }
            Work::Copy { from } => self.world.copy(from, &only(&job.outputs)?.path)?,
            Work::Directory => self.world.create_directories(&only(&job.outputs)?.path)?,
        }
        if performed.outcome.is_success() {
            let left = self.left(job);
            if let Some(path) = &job.depfile {
                performed.discovered = self.discover(job, path)?;
            }
            self.judge(job, performed)?;
            let settled = outputs::settle(self.world, &job.outputs, aside, &left)?;
            performed.made = settled.made;
            performed.changed_meanwhile = settled.edited.or(self.changed_meanwhile(job));
        }
        Ok(())
    }

    fn run(
        &self,
        job: &Job,
        launch: &Launch,
        directory: &Path,
        performed: &mut Performed,
    ) -> Result<()> {
        if let Some(path) = &job.test_directory {
            self.world.remove(path)?;
            self.world.create_directories(path)?;
        }
        let process = self.process(job, launch, directory);
        let Ended {
            outcome,
            printed,
            memory_kib,
            observed,
        } = self.world.run(&process, self.interrupt);
        performed.output = printed.text();
        if performed.output.len() > 2 * KEPT {
            performed.kept = Some(printed.shortened(KEPT));
        }
        performed.memory_kib = memory_kib;
        performed.observed = observed;
        performed.outcome = match outcome {
            Outcome::Exited { code: 77 } if job.test_directory.is_some() => Outcome::Skipped,
            other => other,
        };
        Ok(())
    }

    fn process(&self, job: &Job, launch: &Launch, directory: &Path) -> Process {
        let temporary = directory.join("tmp");
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let mut environment = std::collections::BTreeMap::from([
            ("HOME".to_owned(), text(&directory.join("home"))),
            ("LANG".to_owned(), "C.UTF-8".to_owned()),
            ("PATH".to_owned(), launch.path.clone()),
            ("TMPDIR".to_owned(), text(&temporary)),
            ("TZ".to_owned(), "UTC".to_owned()),
        ]);
        if layout::is_package_link(&launch.directory) {
            // What compilers write down must be where the package is linked, not where this user's store is.
            environment.insert("PWD".to_owned(), text(&launch.directory));
        }
        if let Some(flags) = self.jobserver.makeflags(&launch.executable) {
            environment.insert("MAKEFLAGS".to_owned(), flags);
        }
        environment.extend(launch.environment.iter().cloned());
        if let Some(path) = &job.test_directory {
            environment.insert("WAKE_TEST_DIR".to_owned(), text(path));
        }
        Process {
            executable: launch.executable.clone(),
            arguments: launch.arguments.clone(),
            directory: launch.directory.clone(),
            environment: environment.into_iter().collect(),
            input: launch.input.clone(),
            stdout: launch.stdout.clone(),
            inherited: self.jobserver.descriptors(),
            console: launch.console,
            timeout: launch.timeout,
            grace: self.options.grace,
            response_file: launch.response_file,
            temporary,
            log: Some(self.log(job)),
            most_printed: output::FLOOD,
            observed: self.options.observe.as_ref().map(|how| Watch {
                how: how.clone(),
                busy: self.top().to_owned(),
            }),
        }
    }

    /// Where all that it prints goes, if it is too much to keep.
    fn log(&self, job: &Job) -> Log {
        let path = self.options.logs.join(&job.log);
        Log {
            name: self.name(&path),
            path,
        }
    }

    /// A path for people: relative to the workspace's top, the directory of `.wake/`.
    fn name(&self, path: &Path) -> String {
        path_display(path, self.top())
    }

    /// Adds what follows from what was observed.
    fn judge(&self, job: &Job, performed: &mut Performed) -> Result<()> {
        let Some(mut seen) = performed.observed.take() else {
            return Ok(());
        };
        let top = self.top();
        let outside = seen.take(|path| !path.starts_with(top) && !path.starts_with(&job.target));
        let judge = Judge {
            world: self.world,
            job,
            private: [&self.options.private, &self.options.caches],
            own: self.options.private.parent().unwrap_or(Path::new("/")),
            began: performed.began,
            name: &|path| self.name(path),
        };
        let observed = seen.work_out();
        let judged = judge.judge(&observed)?;
        if self.options.is_strict {
            judge.check_declared(&judged, &performed.discovered)?;
        }
        performed.discovered.extend(judged.reads);
        performed.undeclared = judged.undeclared;
        let outside = self.outside.judge(outside, &judge, top)?;
        let gap = observed.gap.as_ref().or(outside.gap.as_ref());
        performed.gap = gap.map(ToString::to_string);
        performed.outside = Some(outside);
        Ok(())
    }

    /// The workspace's top, the directory of `.wake/`.
    fn top(&self) -> &Path {
        let top = self.options.private.parent().and_then(Path::parent);
        top.unwrap_or(Path::new("/"))
    }

    /// Reads the depfile.
    fn discover(&self, job: &Job, path: &Path) -> Result<Vec<Discovered>> {
        let name = self.name(path);
        let text = self.world.read(path).map_err(|error| {
            Error::user(format!("Its depfile `{name}` cannot be read"))
                .cause(error.report().causes.join(": "))
        })?;
        let Some(text) = text else {
            return Err(
                Error::user(format!("It did not write its depfile `{name}`"))
                    .hint("declare one only if it writes one, and where it writes it"),
            );
        };
        let paths = depfile::parse(&text).map_err(|cause| {
            Error::user(format!("Its depfile `{name}` is no makefile"))
                .cause(cause)
                .hint("a depfile has lines such as `out.o: in.c in.h`, as compilers write them with -MD")
        })?;
        let directory = match &job.work {
            Work::Run(launch) => launch.directory.as_path(),
            _ => Path::new("/"),
        };
        let mut discovered = Vec::with_capacity(paths.len());
        for path in paths {
            let path = self.resolve(&directory.join(std::ffi::OsString::from_vec(path)));
            let own = [&self.options.private, &self.options.caches];
            let is_private =
                own.iter().any(|root| path.starts_with(root)) || job.is_in_cache(&path, self.top());
            if is_private || NEVER_COUNT.iter().any(|root| path.starts_with(root)) {
                continue;
            }
            if self.options.private.starts_with(&path) {
                return Err(self.names_too_much(job, &path));
            }
            let (path, stamp) = self.look_at_read(path);
            discovered.push(Discovered {
                path,
                part: None,
                stamp,
                was_absent: false,
                content: None,
            });
        }
        Ok(discovered)
    }

    /// A file that a depfile names, and its stamp. Some tools put a backslash before a colon, and most do not.
    fn look_at_read(&self, path: PathBuf) -> (PathBuf, Stamp) {
        let stamp =
            |path: &Path| files::stamp(self.world, path, Depth::Whole).unwrap_or(Stamp::ABSENT);
        let found = stamp(&path);
        if let Some(text) = path
            .to_str()
            .filter(|text| found.is_absent() && text.contains("\\:"))
        {
            let other = PathBuf::from(text.replace("\\:", ":"));
            let there = stamp(&other);
            if !there.is_absent() {
                return (other, there);
            }
        }
        (path, found)
    }

    /// The clean path of a file that a depfile names. `..` behind a link to a directory leads to where the kernel says,
    /// which is not what the text says.
    fn resolve(&self, named: &Path) -> PathBuf {
        let cleaned = clean(named);
        if !named.components().any(|part| part == Component::ParentDir) {
            return cleaned;
        }
        let status = |path: &Path| self.world.status(path).unwrap_or_default();
        let seen = status(named);
        if seen.mode == 0 || seen == status(&cleaned) {
            return cleaned;
        }
        self.world.canonicalize(named).unwrap_or(cleaned)
    }

    fn names_too_much(&self, job: &Job, path: &Path) -> Error {
        let depfile = self.name(job.depfile.as_deref().unwrap_or(path));
        let directory = path.display();
        Error::user(format!(
            "Its depfile `{depfile}` names the directory `{directory}`"
        ))
        .cause("what wake writes lies below it, so it changes with every build")
        .hint("name the files that it read")
    }

    /// The stamps of the outputs as it left them, where the first of them is not hashed at once: who edits one before that
    /// must not be taken for the operation.
    fn left(&self, job: &Job) -> Vec<Stamp> {
        if job.outputs.len() < 2 && job.depfile.is_none() {
            return Vec::new();
        }
        let stamp = |output: &Output| files::stamp(self.world, &output.path, output.depth());
        let stamps = job.outputs.iter().map(stamp);
        stamps.map(|stamp| stamp.unwrap_or(Stamp::ABSENT)).collect()
    }

    /// The first declared file that is not what it was when it was looked at.
    fn changed_meanwhile(&self, job: &Job) -> Option<FileId> {
        let changed = job.reads.iter().find(|read| !read.is_same(self.world));
        changed.map(|read| read.file)
    }
}

/// The only output of what runs inside wake.
fn only(outputs: &[Output]) -> Result<&Output> {
    match outputs {
        [output] => Ok(output),
        _ => Err(Error::internal(
            "An operation inside wake has not exactly one output",
        )),
    }
}

/// An error as the outcome of an operation.
pub fn unusable(error: &Error) -> Outcome {
    Outcome::unusable(error)
}

/// A path as the state writes it.
pub fn state_path<'a>(path: &'a Path, top: &Path) -> &'a OsStr {
    let below = path.strip_prefix(top).ok();
    let below = below.filter(|below| !below.as_os_str().as_bytes().is_empty());
    below.unwrap_or(path).as_os_str()
}

/// Clears away what a build that was killed left: processes that may still write to outputs, then their private
/// directories. A build that ends by itself leaves no private directory, so otherwise this is one look.
///
/// # Errors
/// `Environment`: a process that does not end, or a path that cannot be removed.
pub fn sweep(world: &dyn World, options: &Options) -> Result<()> {
    let status = world.status(&options.private);
    if status.is_ok_and(|status| status.mode == 0) || world.is_empty_directory(&options.private) {
        return Ok(());
    }
    for (variable, value) in &options.marks {
        // The first line is this workspace; the others are around it and go on.
        if let Some(line) = value.lines().next() {
            world.end_leftovers(variable, line)?;
        }
    }
    world.remove(&options.private)
}
