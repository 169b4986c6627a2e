//! The survey: all files a build depends on are looked at in parallel, in chunks in the order in which operations need
//! them, while the scheduler already examines and starts those whose chunks are done.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::graph::{FileId, Graph, OperationId};

use super::files::{self, Check, Depth, Look};
use super::fresh;
use super::state::{Snapshot, State};
use super::world::World;

/// Files in a chunk: enough to make handing it over cheap, few enough that the first operations start soon.
const CHUNK: usize = 256;

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
    /// Directories of which only counts that they are there.
    pub bare: HashSet<FileId>,
    /// Set when nobody wants to know any more.
    pub is_over: AtomicBool,
}

impl<'a> Survey<'a> {
    /// Looks at files of a graph, each compared with what the state knows of it now.
    pub fn new(graph: &Graph, state: &mut State, world: &'a dyn World, check: Check) -> Self {
        Self {
            world,
            snapshot: state.snapshot(),
            check,
            bare: bare_directories(graph),
            is_over: false.into(),
        }
    }
}

impl Survey<'_> {
    /// Looks at the files of a chunk.
    pub fn look(&self, mut chunk: Chunk) -> Chunk {
        for &file in &chunk.files {
            if self.is_over.load(Ordering::Relaxed) {
                break;
            }
            let found = self.look_at(file);
            if found != Look::Known {
                chunk.found.push((file, found));
            }
        }
        chunk
    }

    /// Looks at one file.
    pub fn look_at(&self, file: FileId) -> Look {
        let path = self.snapshot.absolute(file);
        let known = self.snapshot.latest(file);
        files::look(self.world, &path, known, self.depth(file), self.check)
    }

    /// What counts of a file.
    pub fn depth(&self, file: FileId) -> Depth {
        if self.bare.contains(&file) {
            Depth::Bare
        } else {
            Depth::Whole
        }
    }
}

/// The outputs of operations that make directories for others to write to.
pub fn bare_directories(graph: &Graph) -> HashSet<FileId> {
    graph
        .operations()
        .filter(|&operation| graph.makes_directory(operation))
        .flat_map(|operation| graph.outputs(operation).iter().copied())
        .collect()
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
