//! The survey: all files a build depends on are looked at in parallel, in chunks in the order in which operations need
//! them, while the scheduler already examines and starts those whose chunks are done.

use std::sync::atomic::{AtomicBool, Ordering};

use rayon::prelude::*;

use crate::graph::{FileId, Graph, OperationId};

use super::files::{self, Check, Depth, Files, Look};
use super::fresh;
use super::state::{NONE, Snapshot, State};
use super::world::World;

/// Files in a chunk: enough to make handing it over cheap and to find several in one directory, few enough that the first
/// operations start soon.
const CHUNK: usize = 1024;

/// Files to be looked at together.
#[derive(Debug)]
pub struct Chunk {
    pub number: usize,
    pub files: Vec<FileId>,
    /// Those that are not as they were known.
    pub found: Vec<(FileId, Look)>,
}

/// What looking needs, on any thread.
pub struct Survey<'a> {
    pub world: &'a dyn World,
    pub snapshot: Snapshot,
    pub check: Check,
    pub bare: Bare,
    /// Set when nobody wants to know any more.
    pub is_over: AtomicBool,
}

impl<'a> Survey<'a> {
    /// Looks at files of a graph, each compared with what the state knows of it now.
    pub fn new(graph: &Graph, state: &State, world: &'a dyn World, check: Check) -> Self {
        Self {
            world,
            snapshot: state.snapshot(),
            check,
            bare: Bare::of(graph),
            is_over: false.into(),
        }
    }

    /// Looks at the files of a chunk.
    pub fn look(&self, mut chunk: Chunk) -> Chunk {
        let mut found = Vec::new();
        let directory = |file: FileId| self.snapshot.directory_of(file);
        // Those of one directory lie together then; sorted as plain numbers, which is much faster.
        let place = |file: &FileId| u64::from(directory(*file)) << 32 | u64::from(file.0);
        let mut places: Vec<u64> = chunk.files.iter().map(place).collect();
        places.sort_unstable();
        let files = places
            .iter()
            .map(|place| FileId((place & u64::from(u32::MAX)) as u32));
        let files: Vec<FileId> = files.collect();
        for files in files.chunk_by(|a, b| directory(*a) == directory(*b)) {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            match directory(files[0]) {
                directory if directory != NONE && self.check != Check::Hash => {
                    self.look_in(directory, files, &mut found);
                }
                _ => self.look_at_each(files, &mut found),
            }
        }
        chunk.found = found;
        chunk
    }

    /// Looks at files of one directory. Where the stamp alone says that a file is as it was known, it is opened once for
    /// all of them and no path is resolved.
    fn look_in(&self, directory: u32, files: &[FileId], found: &mut Vec<(FileId, Look)>) {
        let names = files.iter().map(|&file| self.snapshot.name(file));
        let Some(names) = names.collect::<Option<Vec<_>>>() else {
            return self.look_at_each(files, found);
        };
        let mut unsure = Vec::new();
        let mut files = files.iter();
        let directory = self.snapshot.directory(directory);
        self.world.statuses(&directory, &names, &mut |status| {
            let Some(&file) = files.next() else { return };
            let trusts_racy = self.check == Check::Timestamp;
            let known = self.snapshot.trusted_stamp(file, trusts_racy);
            // Of a link or a directory, more counts than what is at the path itself.
            let is_plain = !status.is_link() && !status.is_directory();
            if !(is_plain && known == Some(status.stamp)) {
                unsure.push(file);
            }
        });
        unsure.extend(files);
        self.look_at_each(&unsure, found);
    }

    fn look_at_each(&self, files: &[FileId], found: &mut Vec<(FileId, Look)>) {
        for &file in files {
            let look = self.look_at(file);
            if look != Look::Known {
                found.push((file, look));
            }
        }
    }

    /// Looks at one file.
    pub fn look_at(&self, file: FileId) -> Look {
        let path = self.snapshot.absolute(file);
        let known = self.snapshot.latest(file);
        files::look(
            self.world,
            &path,
            known.as_ref(),
            self.depth(file),
            self.check,
        )
    }

    /// What counts of a file.
    pub fn depth(&self, file: FileId) -> Depth {
        if self.bare.contains(file) {
            return Depth::Bare;
        }
        self.snapshot.part(file).map_or(Depth::Whole, Depth::Part)
    }
}

/// The outputs of operations that make directories for others to write to: of them only counts that they are there.
pub struct Bare(Vec<bool>);

impl Bare {
    pub fn of(graph: &Graph) -> Self {
        let mut bare = Vec::new();
        let makers = graph
            .operations()
            .filter(|&operation| graph.makes_directory(operation));
        for file in makers.flat_map(|operation| graph.outputs(operation)) {
            if bare.len() <= file.index() {
                bare.resize(file.index() + 1, false);
            }
            bare[file.index()] = true;
        }
        Self(bare)
    }

    pub fn contains(&self, file: FileId) -> bool {
        self.0.get(file.index()).copied().unwrap_or(false)
    }
}

/// Looks at the files that tell whether `operations` are up to date, each once; returns when it knows all of them.
pub fn look_at_all(
    graph: &Graph,
    state: &mut State,
    world: &dyn World,
    check: Check,
    operations: &[OperationId],
) -> Files {
    let survey = Survey::new(graph, state, world, check);
    let mut files = Files::new(state.path_count());
    let mut needed = Vec::new();
    for &operation in operations {
        fresh::needed(graph, state, operation, |file| needed.push(file));
    }
    needed.sort_unstable();
    needed.dedup();
    let looks: Vec<Look> = needed
        .par_iter()
        .map(|&file| survey.look_at(file))
        .collect();
    for (file, look) in needed.into_iter().zip(looks) {
        files.apply(state, file, look);
    }
    files
}

/// Divides the files that the operations need into chunks and hands each to `send` as soon as it is full. Returns for
/// each operation how many chunks must be done before it can be examined, and how many there are. Files that were
/// `placed` in a chunk before are in none.
pub fn divide(
    graph: &Graph,
    state: &State,
    placed: &mut Vec<bool>,
    is_wanted: impl Fn(OperationId) -> bool,
    mut send: impl FnMut(Chunk),
) -> (Vec<usize>, usize) {
    placed.resize(state.path_count(), false);
    let mut files = Vec::with_capacity(CHUNK);
    let mut sent = 0;
    let mut needs = Vec::with_capacity(graph.operation_count());
    let mut hand_over = |files: Vec<FileId>, number| {
        send(Chunk {
            number,
            files,
            found: Vec::new(),
        });
    };
    for operation in graph.operations() {
        if is_wanted(operation) {
            fresh::needed(graph, state, operation, |file| {
                if !std::mem::replace(&mut placed[file.index()], true) {
                    files.push(file);
                }
            });
        }
        needs.push(sent + usize::from(!files.is_empty()));
        if files.len() >= CHUNK {
            hand_over(std::mem::take(&mut files), sent);
            sent += 1;
        }
    }
    if !files.is_empty() {
        hand_over(files, sent);
        sent += 1;
    }
    (needs, sent)
}
