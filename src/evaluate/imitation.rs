//! A workspace in memory for tests: disk, clock and runner.
//!
//! An operation's program is its arguments: `read:PATH`, `scan:PATH` (and what the file names with `@PATH`, which is
//! reported in the depfile), `write:PATH`, `tree:PATH/`, `depfile:PATH`; other words only count. It fails if anything it
//! reads contains `ERROR`. What it writes is a hash of all it read, of its arguments, of its environment, of its standard
//! input, and of its executable if that is a file of the workspace.

mod disk;
mod program;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::exec::{Ended, Process};
use super::interrupt::Interrupt;
use super::model::Spec;
use super::state::State;
use super::world::World;
use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::fs::fingerprint::Part;
use crate::fs::stamp::Status;
use crate::fs::{Fingerprint, Stamp};

use disk::{Disk, Fate, MOMENT, Node};
use program::Program;

/// The top of the workspace in memory.
pub(super) const TOP: &str = "/w";

/// What happens in the middle of a run, after it has read.
#[derive(Default)]
struct Plot {
    /// The process dies in the run that comes after so many whole ones.
    dies_after: Option<usize>,
    /// The same, but the build is asked to stop.
    stops_after: Option<(usize, Interrupt)>,
    edit_meanwhile: Option<Meddling>,
    /// How long runs take, in turn: how often they let others go first.
    pace: Vec<u8>,
    runs: usize,
}

/// An edit, or a removal, in the run after so many others.
struct Meddling {
    runs: usize,
    /// Before it reads, and not after that.
    is_early: bool,
    path: PathBuf,
    content: Option<Vec<u8>>,
}

/// See the module.
pub(super) struct Imitation {
    disk: Mutex<Disk>,
    plot: Mutex<Plot>,
    /// How many changes share a time; 0: none.
    pub(super) tick: i64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Imitation {
    pub(super) fn new(tick: i64) -> Self {
        let disk = Disk {
            clock: 1_000,
            tick,
            ..Disk::default()
        };
        let world = Self::on(disk);
        world.create_directories(Path::new("/w/src")).unwrap();
        world
    }

    fn on(disk: Disk) -> Self {
        Self {
            tick: disk.tick,
            disk: Mutex::new(disk),
            plot: Mutex::default(),
        }
    }

    /// The same files with an exact clock and nothing that goes wrong; what is below `without` is not there.
    pub(super) fn copy_without(&self, without: &[&str]) -> Self {
        let mut disk = self.disk().clone();
        (disk.tick, disk.fate) = (0, Fate::Good);
        for path in without {
            disk.remove(&Path::new(TOP).join(path));
        }
        Self::on(disk)
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        lock(&self.disk)
    }

    fn plot(&self) -> MutexGuard<'_, Plot> {
        lock(&self.plot)
    }

    /// Time passes.
    pub(super) fn sleep(&self) {
        self.disk().clock += 1_000;
    }

    /// The clock is set.
    pub(super) fn jump(&self, by: i64) {
        let mut disk = self.disk();
        disk.jumps += 1;
        disk.clock = (disk.clock + by).max(1_000);
    }

    /// Writes a file as a person does: in place, through a link; where a directory is, instead of it.
    pub(super) fn edit(&self, path: &str, text: &str) {
        let path = Path::new(TOP).join(path);
        let mut disk = self.disk();
        disk.create_directories(path.parent().unwrap()).unwrap();
        disk.edit(&path, text.as_bytes().to_vec());
    }

    /// Writes a new file and renames it over the old one.
    pub(super) fn replace(&self, path: &str, text: &str) {
        self.delete(path);
        self.edit(path, text);
    }

    /// As [`Imitation::edit`], and sets the time back to what it was: only `ctime` tells.
    pub(super) fn edit_secretly(&self, path: &str, text: &str, back: i64) {
        let path = Path::new(TOP).join(path);
        let mut disk = self.disk();
        let path = disk.resolve(&path).unwrap_or(path);
        let before = disk.entries[&path].mtime;
        disk.put(&path, Node::file(text.as_bytes().to_vec()));
        disk.entries.get_mut(&path).unwrap().mtime = before - back * MOMENT;
    }

    /// Makes a link, instead of what is there.
    pub(super) fn link(&self, path: &str, target: &str) {
        self.delete(path);
        let target = Path::new(TOP).join(target);
        let path = Path::new(TOP).join(path);
        self.disk().put(&path, Node::Link { target });
    }

    /// An empty directory, instead of what is there.
    pub(super) fn replace_by_directory(&self, path: &str) {
        self.delete(path);
        self.disk().put(&Path::new(TOP).join(path), Node::Directory);
    }

    pub(super) fn touch(&self, path: &str) {
        let text = self.text(path).unwrap_or_default();
        self.edit(path, &text);
    }

    pub(super) fn delete(&self, path: &str) {
        self.disk().remove(&Path::new(TOP).join(path));
    }

    /// Moves what is there over what is at the other place.
    pub(super) fn move_over(&self, from: &str, to: &str) {
        self.delete(to);
        let (from, to) = (Path::new(TOP).join(from), Path::new(TOP).join(to));
        self.disk().rename(&from, &to).unwrap();
    }

    pub(super) fn is_there(&self, path: &str) -> bool {
        let path = Path::new(TOP).join(path);
        self.disk().entries.contains_key(&path)
    }

    /// A file's text, through links.
    pub(super) fn text(&self, path: &str) -> Option<String> {
        let disk = self.disk();
        let content = disk.bytes(&Path::new(TOP).join(path))?;
        Some(String::from_utf8_lossy(content).into_owned())
    }

    /// (inode, mtime).
    pub(super) fn identity(&self, path: &str) -> (u64, i64) {
        let entry = self.disk().entries[&Path::new(TOP).join(path)].clone();
        (entry.inode, entry.mtime)
    }

    /// What a path contains, links followed: equal contents are equal texts.
    pub(super) fn digest(&self, path: &str) -> crate::fs::Content {
        self.disk().content(&Path::new(TOP).join(path))
    }

    /// All files below a directory with their contents; directories with an empty one.
    pub(super) fn tree(&self, path: &str) -> BTreeMap<String, Vec<u8>> {
        let root = Path::new(TOP).join(path);
        let disk = self.disk();
        let name = |path: &PathBuf| path.strip_prefix(TOP).unwrap().display().to_string();
        let entries = disk
            .below(&root)
            .into_iter()
            .map(|path| match &disk.entries[&path].node {
                Node::File { content, .. } => (name(&path), content.clone()),
                Node::Directory => (name(&path) + "/", Vec::new()),
                Node::Link { target } => (name(&path) + "@", target.display().to_string().into()),
            });
        entries.collect()
    }

    /// In the next run, after it has read.
    pub(super) fn edit_meanwhile(&self, path: &str, text: &str) {
        self.meddle(0, false, path, Some(text));
    }

    /// In the run after so many others, before or after it reads, a file is edited, or deleted.
    pub(super) fn meddle(&self, runs: usize, is_early: bool, path: &str, text: Option<&str>) {
        self.plot().edit_meanwhile = Some(Meddling {
            runs,
            is_early,
            path: Path::new(TOP).join(path),
            content: text.map(|text| text.as_bytes().to_vec()),
        });
    }

    /// The process will die in the middle of a run, after this many whole ones.
    pub(super) fn die_after(&self, runs: usize, state: &State) {
        self.plot().dies_after = Some(runs);
        self.disk().log = Some(state.memory());
    }

    /// The process will die after this many changes of the disk, its own or those of what it runs.
    pub(super) fn die_after_changes(&self, changes: usize, log: Arc<Mutex<Vec<u8>>>) {
        let mut disk = self.disk();
        disk.log = Some(log);
        disk.fate = Fate::DiesAfter(changes);
    }

    /// After so many changes of the disk, so many will fail.
    pub(super) fn fail_after_changes(&self, changes: usize, times: usize) {
        self.disk().fate = Fate::FailsAfter(changes, times);
    }

    /// The build will be asked to stop in the middle of a run, after this many whole ones.
    pub(super) fn stop_after(&self, runs: usize, interrupt: Interrupt) {
        self.plot().stops_after = Some((runs, interrupt));
    }

    /// How long the next runs take: how often each lets others go first.
    pub(super) fn set_pace(&self, pace: &[u8]) {
        let mut plot = self.plot();
        (plot.pace, plot.runs) = (pace.to_vec(), 0);
    }

    /// What the log contained when the process died, if it did; it is alive again, and nothing more goes wrong.
    pub(super) fn revive(&self) -> Option<Vec<u8>> {
        *self.plot() = Plot::default();
        let mut disk = self.disk();
        disk.log = None;
        let log = std::mem::take(&mut disk.log_at_death);
        let was_dead = std::mem::take(&mut disk.fate) == Fate::Dead;
        was_dead.then_some(log)
    }

    /// Changes the disk, if there is still someone to do it.
    fn change(&self, change: impl FnOnce(&mut Disk) -> Result<()>) -> Result<()> {
        let mut disk = self.disk();
        match disk.allows_change()? {
            true => change(&mut disk),
            false => Ok(()),
        }
    }

    /// The edit that comes before or after this run reads.
    fn edit_in_run(&self, is_early: bool) {
        let mut plot = self.plot();
        match plot.edit_meanwhile.take() {
            Some(edit) if edit.runs == 0 && edit.is_early == is_early => {
                let mut disk = self.disk();
                match edit.content {
                    Some(content) => disk.edit(&edit.path, content),
                    None => disk.remove(&edit.path),
                }
            }
            Some(mut edit) => {
                edit.runs = edit.runs.saturating_sub(usize::from(!is_early));
                plot.edit_meanwhile = Some(edit);
            }
            None => {}
        }
    }

    /// What comes in the middle of this run. Returns whether the run is cut off.
    fn interfere(&self) -> bool {
        self.edit_in_run(false);
        let mut plot = self.plot();
        let mut is_cut = false;
        if let Some(runs) = &mut plot.dies_after {
            is_cut |= *runs == 0;
            *runs = runs.wrapping_sub(1);
        }
        if let Some((runs, interrupt)) = &mut plot.stops_after {
            if *runs == 0 {
                is_cut = true;
                interrupt.request();
            }
            *runs = runs.wrapping_sub(1);
        }
        is_cut
    }

    /// Lets others go first, as often as it is this run's turn to.
    fn take_time(&self) {
        let mut plot = self.plot();
        let turn = plot.runs;
        plot.runs += 1;
        let times = match plot.pace.len() {
            0 => 0,
            length => plot.pace[turn % length],
        };
        drop(plot);
        for _ in 0..times {
            std::thread::yield_now();
        }
    }

    /// What the program of an operation does, without anything that comes in between: the paths that it finds out that
    /// it reads. `None`: it fails.
    pub(super) fn perform(&self, spec: &Spec) -> Option<Vec<String>> {
        let program = Program::of_spec(spec);
        let mut disk = self.disk();
        let reading = program.read(&disk)?;
        let name = |path: &PathBuf| path.strip_prefix(TOP).unwrap().display().to_string();
        let discovered = reading.discovered.iter().map(name).collect();
        let succeeds = program.write(&mut disk, &reading, false);
        succeeds.then_some(discovered)
    }
}

impl World for Imitation {
    fn status(&self, path: &Path) -> std::io::Result<Status> {
        let disk = self.disk();
        let mode = match disk.entries.get(path).map(|entry| &entry.node) {
            None => 0,
            Some(Node::File { .. }) => libc::S_IFREG,
            Some(Node::Directory) => libc::S_IFDIR,
            Some(Node::Link { .. }) => libc::S_IFLNK,
        };
        Ok(Status {
            stamp: disk.stamp(path, false),
            mode,
        })
    }

    fn stamp(&self, path: &Path) -> std::io::Result<Stamp> {
        Ok(self.disk().stamp(path, true))
    }

    fn fingerprint(&self, path: &Path) -> std::io::Result<Fingerprint> {
        let disk = self.disk();
        Ok(Fingerprint {
            stamp: disk.stamp(path, true),
            content: disk.content(path),
        })
    }

    fn part(&self, _path: &Path, _part: Part) -> std::io::Result<Fingerprint> {
        Err(std::io::ErrorKind::Unsupported.into())
    }

    fn now(&self) -> i64 {
        let mut disk = self.disk();
        disk.clock += 1;
        disk.now()
    }

    fn granularity(&self, _device: u64) -> i64 {
        self.tick * MOMENT
    }

    fn read(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        Ok(self.disk().bytes(path).map(<[u8]>::to_vec))
    }

    fn write(&self, path: &Path, content: &[u8], executable: bool) -> Result<()> {
        self.change(|disk| {
            let content = content.to_vec();
            let node = Node::File {
                content,
                executable,
            };
            disk.put(path, node);
            Ok(())
        })
    }

    fn copy(&self, from: &Path, to: &Path) -> Result<()> {
        let content = self.read(from)?;
        let content = content.ok_or_else(|| Error::environment("Nothing to copy"))?;
        self.write(to, &content, false)
    }

    fn create_directories(&self, path: &Path) -> Result<()> {
        self.disk().create_directories(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        self.change(|disk| disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> Result<()> {
        if !self.disk().entries.contains_key(path) {
            return Ok(());
        }
        self.change(|disk| {
            disk.remove(path);
            Ok(())
        })
    }

    fn remove_if_empty(&self, path: &Path) -> bool {
        let is_empty = self.is_empty_directory(path);
        let mut is_gone = false;
        let _ = self.change(|disk| {
            if is_empty {
                disk.remove(path);
                is_gone = true;
            }
            Ok(())
        });
        is_gone
    }

    fn is_empty_directory(&self, path: &Path) -> bool {
        let disk = self.disk();
        let is_directory = |entry: &disk::Entry| entry.node == Node::Directory;
        disk.entries.get(path).is_some_and(is_directory) && disk.below(path).len() == 1
    }

    fn canonicalize(&self, path: &Path) -> Result<PathBuf> {
        Ok(path.to_owned())
    }

    fn end_leftovers(&self, _variable: &str, _line: &str) -> Result<()> {
        Ok(())
    }

    fn run(&self, process: &Process, interrupt: &Interrupt) -> Ended {
        let ended = |outcome| Ended {
            outcome,
            printed: Default::default(),
            memory_kib: 1,
            observed: None,
        };
        let failed = || ended(Outcome::Exited { code: 1 });
        if self.disk().fate == Fate::Dead {
            return ended(Outcome::Interrupted);
        }
        let program = Program::of(process);
        self.edit_in_run(true);
        let reading = program.read(&self.disk());
        self.take_time();
        let is_last = self.interfere();
        let Some(reading) = reading else {
            return failed();
        };
        let is_cut = is_last || interrupt.is_requested();
        let dies = is_last && self.plot().dies_after.is_some();
        let mut disk = self.disk();
        let succeeds = program.write(&mut disk, &reading, is_cut);
        if dies {
            disk.die();
        }
        drop(disk);
        match (is_cut, succeeds) {
            (true, _) => ended(Outcome::Interrupted),
            (false, true) => ended(Outcome::Succeeded),
            (false, false) => failed(),
        }
    }
}
