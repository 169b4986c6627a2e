//! What the scheduler records of a run: versions of outputs and of everything read, whether they can be trusted, and the
//! check that nothing generated was read without being declared. A part of `Scheduler`.

use std::collections::HashSet;
use std::os::unix::ffi::OsStrExt;

use crate::error::{Error, Result};
use crate::event::Outcome;
use crate::fs::fingerprint::Part;
use crate::fs::path::display as path_display;
use crate::graph::{Cold, FileId, Graph, OperationId};

use super::files::{self, Depth};
use super::fresh;
use super::observed::Discovered;
use super::outputs::Form;
use super::perform::{self, Performed};
use super::schedule::Scheduler;
use super::start::Running;
use super::state::{self, NONE, State, Story, record};

/// How events and people name an operation: its first output, or its title.
pub fn name(graph: &Graph, state: &State, operation: OperationId) -> String {
    match graph.outputs(operation).first() {
        Some(&output) => state.display(output),
        None => graph.cold(operation).title,
    }
}

fn flags(running: &Running, performed: &Performed) -> u8 {
    let outcome = &performed.outcome;
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    flag(outcome.is_success(), record::SUCCEEDED)
        | flag(*outcome == Outcome::Skipped, record::SKIPPED)
        | flag(running.order_only_counts, record::ORDER_ONLY_COUNTS)
        | flag(performed.gap.is_some(), record::UNSEEN)
}

/// What a discovered read counts for.
enum Found {
    /// This version.
    Read(u32),
    /// This version, of what another operation made.
    Made(u32),
    /// Nothing new.
    Known,
    /// The operation made it itself.
    Own,
}

impl Scheduler<'_> {
    /// Records how an operation ended. An undeclared read turns its success into a failure.
    pub(super) fn remember(&mut self, running: &Running, performed: &mut Performed) -> Result<()> {
        let mut discovered = Vec::new();
        if performed.outcome.is_success() {
            match self.discover(running, performed) {
                Ok(numbers) => discovered = numbers,
                Err(error) => {
                    for output in &running.job.outputs {
                        self.survey.world.remove(&output.path)?;
                    }
                    performed.made.clear();
                    performed.outcome = perform::unusable(&error);
                }
            }
        }
        // It stays known as started: whatever is at its outputs is wake's to remove.
        if performed.outcome == Outcome::Interrupted || performed.leaves_remains {
            return Ok(());
        }
        self.keep_command(performed.operation, &running.cold);
        let outputs = self.see_outputs(running, performed);
        let is_success = performed.outcome.is_success();
        let mut reads = if is_success {
            running.declared.clone()
        } else {
            Vec::new()
        };
        let declared = reads.len();
        reads.extend(discovered);
        let outcome = state::Outcome {
            identity: self.graph.identity(performed.operation),
            key: self.key(performed.operation),
            flags: flags(running, performed),
            changed_meanwhile: performed.changed_meanwhile,
            declared,
            reads,
            outputs,
            microseconds: u64::try_from(performed.time.as_micros()).unwrap_or(u64::MAX),
            memory_kib: performed.memory_kib,
            finished: self.survey.world.time_of_day(),
            story: Story {
                title: running.cold.title.clone(),
                reason: running.reason.clone(),
                output: performed.kept_output(),
                gap: performed.gap.clone(),
            },
        };
        self.state.finish(&outcome);
        Ok(())
    }

    /// Keeps the text of the command if its key is new.
    fn keep_command(&mut self, operation: OperationId, cold: &Cold) {
        let key = self.key(operation);
        let result = self.state.result(self.graph.identity(operation));
        if result.is_none_or(|result| result.key() != key) {
            let parts = super::explain::parts(self.graph, self.state, operation, cold);
            self.state.commands().keep(&key, &parts);
        }
    }

    /// Records what is at the outputs; returns the version numbers, none after a failure.
    fn see_outputs(&mut self, running: &Running, performed: &Performed) -> Vec<u32> {
        let mut numbers = Vec::with_capacity(performed.made.len());
        for made in &performed.made {
            let found = made.found;
            let number = self
                .state
                .see(made.file, found.stamp, found.content, made.racy);
            self.files.set(made.file, number);
            numbers.push(number);
            self.look_at_parts(made.file);
        }
        for (output, made) in running.job.outputs.iter().zip(&performed.made) {
            if made.changed && output.form == Form::Tree {
                self.look_below(output.file);
            }
        }
        numbers
    }

    /// Looks again at the parts of a file that were looked at.
    fn look_at_parts(&mut self, file: FileId) {
        for part in [Part::Entry, Part::Listing] {
            let path = files::written(self.state.path(file).to_vec(), Some(part));
            let known = self.state.find(&path);
            if let Some(known) = known.filter(|&known| self.files.current(known) != NONE) {
                self.look_anew(known);
            }
        }
    }

    /// Looks again at everything below a directory that was made anew.
    fn look_below(&mut self, directory: FileId) {
        let path = self.state.path(directory);
        let inside: Vec<FileId> = self
            .files
            .known()
            .filter(|&file| file != directory)
            .filter(|&file| super::stale::is_below(self.state.path(file), path))
            .collect();
        for file in inside {
            self.look_anew(file);
        }
    }

    /// Looks at one file now, on this thread.
    fn look_anew(&mut self, file: FileId) {
        let known = match self.state.latest(file) {
            NONE => None,
            number => Some(self.state.version(number)),
        };
        let path = self.state.absolute(file);
        let depth = match files::split(self.state.path(file)).1 {
            Some(part) => Depth::Part(part),
            None if self.survey.bare.contains(file) => Depth::Bare,
            None => Depth::Whole,
        };
        let (world, check) = (self.survey.world, self.survey.check);
        let look = files::look(world, &path, known.as_ref(), depth, check);
        self.files.apply(self.state, file, look);
    }

    /// The version numbers of what an operation discovered that it read, without what it declared or made itself.
    fn discover(&mut self, running: &Running, performed: &mut Performed) -> Result<Vec<u32>> {
        let declared = running.declared.iter();
        let mut known: HashSet<FileId> =
            declared.map(|&number| self.state.file_of(number)).collect();
        let mut numbers = Vec::with_capacity(performed.discovered.len());
        for read in std::mem::take(&mut performed.discovered) {
            let found = self.find(&read, performed, &mut known)?;
            if let Found::Read(number) | Found::Made(number) = found {
                numbers.push(number);
            }
        }
        self.check_writes(performed)?;
        let Some(outside) = performed.outside.take() else {
            return Ok(numbers);
        };
        if let Some((since, shared)) = outside.numbers.get()
            && performed.began >= *since
        {
            numbers.extend(shared);
            return Ok(numbers);
        }
        let was_sure = performed.changed_meanwhile.is_none();
        let mut is_shared = true;
        // What this one declares, others may not.
        let mut known = HashSet::new();
        let mut shared = Vec::with_capacity(outside.reads.len());
        for read in &outside.reads {
            match self.find(read, performed, &mut known)? {
                Found::Read(number) => shared.push(number),
                Found::Known => {}
                Found::Own => is_shared = false,
                Found::Made(number) => {
                    shared.push(number);
                    is_shared = false;
                }
            }
        }
        numbers.extend(&shared);
        if is_shared && was_sure && performed.changed_meanwhile.is_none() {
            let _ = outside.numbers.set((performed.began, shared));
        }
        Ok(numbers)
    }

    /// Refuses what an operation was seen to write although another one makes it.
    fn check_writes(&self, performed: &Performed) -> Result<()> {
        for path in &performed.undeclared {
            let written = perform::state_path(path, self.state.top());
            let file = self.state.find(written.as_bytes());
            let Some(maker) = file.and_then(|file| self.maker(file, written.as_bytes())) else {
                continue;
            };
            let path = path_display(path, self.state.top());
            let own = name(self.graph, self.state, performed.operation);
            let other = name(self.graph, self.state, maker);
            let error = Error::user(format!(
                "It wrote or removed `{path}`, which another operation makes"
            ));
            return Err(error
                .cause(format!("`{own}` did"))
                .cause(format!("`{other}` makes it"))
                .hint("have only one of them write it"));
        }
        Ok(())
    }

    /// Finds what one read counts for; those that are `known` count already.
    fn find(
        &mut self,
        read: &Discovered,
        performed: &mut Performed,
        known: &mut HashSet<FileId>,
    ) -> Result<Found> {
        let operation = performed.operation;
        let path = perform::state_path(&read.path, self.state.top());
        let path = path.as_bytes().to_vec();
        let whole = self.state.find(&path);
        if whole.is_some_and(|file| known.contains(&file)) {
            return Ok(Found::Known);
        }
        let file = self.state.intern(&files::written(path.clone(), read.part));
        if !known.insert(file) {
            return Ok(Found::Known);
        }
        let maker = self.maker(whole.unwrap_or(file), &path);
        match maker {
            Some(maker) if maker == operation => return Ok(Found::Own),
            Some(maker) if !fresh::is_before(self.graph, maker, operation) => {
                return Err(self.undeclared(file, operation, maker));
            }
            _ => {}
        }
        if self.is_suspicious(file, read, performed.began) {
            performed.changed_meanwhile.get_or_insert(file);
        }
        let number = self.files.current(file);
        Ok(match maker {
            Some(_) => Found::Made(number),
            None => Found::Read(number),
        })
    }

    /// Makes sure that a discovered file has a current version. Returns whether it may have changed while the operation
    /// ran: it is not as it was looked at before, or nobody looked before the operation began and it is not older.
    fn is_suspicious(&mut self, file: FileId, read: &Discovered, began: i64) -> bool {
        if self.files.current(file) == NONE {
            self.looked_at_late.insert(file, self.survey.world.now());
            self.look_anew(file);
        }
        let known = self.state.version(self.files.current(file));
        if self.survey.bare.contains(file) {
            return false;
        }
        let looked = self.looked_at_late.get(&file);
        let is_unread = self.files.is_unread(self.state, file);
        let is_late = looked.is_some_and(|&looked| looked >= began);
        let is_other = || {
            let read = self.read(file);
            !is_unread && read.is_some_and(|read| !read.has_content(self.survey.world))
        };
        let is_changed = match read.content {
            Some(content) => known.content != content,
            None => known.stamp != read.stamp,
        };
        let is_absent = read.was_absent && known.content.is_absent();
        let is_newer = || is_late && !is_absent && self.is_newer(file, began);
        is_changed || is_newer() || is_other()
    }

    /// Whether a file was changed or removed after that time, as far as can be told.
    fn is_newer(&self, file: FileId, began: i64) -> bool {
        let known = self.state.version(self.files.current(file));
        if !known.content.is_absent() {
            return known.stamp.ctime >= began;
        }
        let path = self.state.absolute(file);
        let world = self.survey.world;
        let mut above = path.ancestors().skip(1);
        let directory = above.find_map(|above| world.status(above).ok().filter(|it| it.mode != 0));
        directory.is_none_or(|directory| directory.stamp.ctime >= began)
    }

    /// The operation that makes a file, or the directory that it is or lies in.
    fn maker(&self, file: FileId, path: &[u8]) -> Option<OperationId> {
        if let Some(maker) = self.graph.maker(file) {
            return Some(maker);
        }
        // A directory that an operation owns is known with a final slash, and may be read without one.
        let slashed = [path, b"/"].concat();
        let ends = slashed.iter().enumerate();
        for (end, _) in ends.filter(|(_, byte)| **byte == b'/') {
            if let Some(directory) = self.state.find(&slashed[..=end])
                && let Some(maker) = self.graph.maker(directory)
                && !self.graph.makes_directory(maker)
            {
                return Some(maker);
            }
        }
        None
    }

    fn undeclared(&self, file: FileId, reader: OperationId, maker: OperationId) -> Error {
        let path = self.state.display(file);
        let reader_name = name(self.graph, self.state, reader);
        let maker_name = name(self.graph, self.state, maker);
        Error::user(format!(
            "It read `{path}`, which another operation makes and it does not declare"
        ))
        .cause(format!("`{reader_name}` reads it"))
        .cause(format!("`{maker_name}` makes it"))
        .hint("add the file to its inputs, or to its order-only inputs")
    }
}
