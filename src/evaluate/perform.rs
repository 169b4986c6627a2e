//! Performs one job on a worker: outputs aside, run, outputs checked and put back, reads collected. It decides about
//! files of its own operation only; what the result means for others is the scheduler's.

use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::fs::Stamp;
use crate::fs::path::clean;
use crate::graph::{FileId, OperationId};
use crate::workspace::layout;

use super::exec::{Ended, Process, output};
use super::files::{self, Depth};
use super::interrupt::Interrupt;
use super::jobserver::Jobserver;
use super::outputs::{self, Aside, Made, Output};
use super::prepare::{Job, Launch, Work};
use super::world::World;
use super::{Options, depfile};

/// Head and tail of what is kept in the state of what an operation printed.
const KEPT: usize = 32 << 10;

/// What is read below these is no dependency (DESIGN §5.2), nor what is read below the private directories and caches: it
/// differs at every look.
const NEVER_COUNT: [&str; 3] = ["/dev", "/proc", "/sys"];

/// How a job ended.
#[derive(Debug)]
pub struct Performed {
    pub operation: OperationId,
    pub outcome: Outcome,
    /// Whole, as far as the process's output was kept.
    pub output: String,
    pub time: Duration,
    pub memory_kib: u64,
    /// The clock of the disk, before it began.
    pub began: i64,
    /// Nothing after a failure.
    pub made: Vec<Made>,
    /// Files it says that it read: absolute clean paths, and their stamps after the run.
    pub discovered: Vec<(PathBuf, Stamp)>,
    /// A declared file that changed while it ran.
    pub changed_meanwhile: Option<FileId>,
}

impl Performed {
    fn new(operation: OperationId, began: i64) -> Self {
        Self {
            operation,
            outcome: Outcome::Succeeded,
            output: String::new(),
            time: Duration::ZERO,
            memory_kib: 0,
            began,
            made: Vec::new(),
            discovered: Vec::new(),
            changed_meanwhile: None,
        }
    }

    /// The worker itself failed.
    pub fn of_bug(operation: OperationId) -> Self {
        Self {
            outcome: Outcome::Unusable {
                cause: "a bug in wake".to_owned(),
                hint: Some("please report it, with what wake printed".to_owned()),
            },
            ..Self::new(operation, 0)
        }
    }

    /// The part of the output that the state keeps.
    pub fn kept_output(&self) -> String {
        output::shorten(self.output.as_bytes(), KEPT)
    }
}

/// The private directories of the workers, below `.wake/tmp`.
pub struct Slots {
    root: PathBuf,
}

impl Slots {
    /// Directories below `root`, each made when it is first needed.
    pub fn new(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
        }
    }

    fn directory(&self, slot: usize) -> PathBuf {
        self.root.join(slot.to_string())
    }

    /// Makes sure that the directories of a slot are there and empty.
    fn prepare(&self, world: &dyn World, slot: usize) -> Result<PathBuf> {
        let directory = self.directory(slot);
        // Stamps would not tell: what a process leaves in the tick in which the directory was made does not change them.
        let is_clean = ["home", "tmp", "aside"]
            .iter()
            .all(|part| world.is_empty_directory(&directory.join(part)));
        if !is_clean {
            world.remove(&directory)?;
            for part in ["home", "tmp", "aside"] {
                world.create_directories(&directory.join(part))?;
            }
        }
        Ok(directory)
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
        let directory = self.slots.prepare(self.world, slot)?;
        let aside = outputs::set_aside(self.world, &job.outputs, &directory.join("aside"))?;
        let result = self.make(job, &directory, performed, &aside);
        let is_success = result.is_ok() && performed.outcome.is_success();
        if !is_success {
            performed.made.clear();
            outputs::withdraw(self.world, &job.outputs, &aside)?;
        }
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
            if let Some(path) = &job.depfile {
                performed.discovered = self.discover(job, path)?;
            }
            performed.made = outputs::settle(self.world, &job.outputs, aside)?;
            performed.changed_meanwhile = self.changed_meanwhile(job);
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
            output,
            memory_kib,
        } = self.world.run(&process, self.interrupt);
        performed.output = String::from_utf8(output)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        performed.memory_kib = memory_kib;
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
            console: launch.console,
            timeout: launch.timeout,
            grace: self.options.grace,
            response_file: launch.response_file,
            temporary,
        }
    }

    /// Reads the depfile.
    fn discover(&self, job: &Job, path: &Path) -> Result<Vec<(PathBuf, Stamp)>> {
        let Some(text) = self.world.read(path)? else {
            return Err(Error::user(format!(
                "It did not write its depfile `{}`",
                path.display()
            )));
        };
        let paths = depfile::parse(&text).map_err(|cause| {
            Error::user(format!("Its depfile `{}` is no makefile", path.display())).cause(cause)
        })?;
        let directory = match &job.work {
            Work::Run(launch) => launch.directory.as_path(),
            _ => Path::new("/"),
        };
        let mut discovered = Vec::with_capacity(paths.len());
        for path in paths {
            let path = self.resolve(&directory.join(std::ffi::OsString::from_vec(path)));
            let is_private =
                path.starts_with(&self.options.private) || path.starts_with(&self.options.caches);
            if is_private || NEVER_COUNT.iter().any(|root| path.starts_with(root)) {
                continue;
            }
            if self.options.private.starts_with(&path) {
                return Err(self.names_too_much(job, &path));
            }
            let stamp = files::stamp(self.world, &path, Depth::Whole);
            discovered.push((path, stamp.unwrap_or(Stamp::ABSENT)));
        }
        Ok(discovered)
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
        let depfile = job.depfile.as_deref().unwrap_or(path).display();
        Error::user(format!(
            "Its depfile `{depfile}` names the directory `{}`",
            path.display()
        ))
        .cause("what wake writes lies below it, so it changes with every build")
        .hint("name the files that it read")
    }

    /// The first declared file whose stamp is not what it was when it was looked at.
    fn changed_meanwhile(&self, job: &Job) -> Option<FileId> {
        let is_same =
            |path: &Path, stamp: Stamp| self.world.stamp(path).is_ok_and(|now| now == stamp);
        let mut reads = job.reads.iter();
        let changed = reads.find(|(_, path, stamp)| !is_same(path, *stamp));
        changed.map(|(file, ..)| *file)
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
    let report = error.report();
    let mut cause = report.message.clone();
    for next in &report.causes {
        cause.push_str(": ");
        cause.push_str(next);
    }
    Outcome::Unusable {
        cause,
        hint: report.hint.clone(),
    }
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
