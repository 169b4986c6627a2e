//! Stale outputs: files that wake made and that no operation of the graph makes any more (DESIGN §5.1). A file is removed
//! only if the state records it as made by wake, it lies in the target directory of an instance of this graph, and
//! nothing uses it as a source.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::PathBuf;

use crate::error::Result;
use crate::fs::ContentKind;
use crate::graph::{FileId, Graph, OperationId};

use super::fresh;
use super::state::{NONE, State, record};
use super::world::World;

/// Removes stale outputs with the directories they leave empty, and forgets the operations that made them. Returns the
/// removed paths.
///
/// # Errors
/// `Environment`, with the path that could not be removed.
pub fn remove_stale(graph: &Graph, state: &mut State, world: &dyn World) -> Result<Vec<String>> {
    if is_all_made(graph, state) {
        return Ok(Vec::new());
    }
    let stale = Stale::find(graph, state);
    if stale.operations.is_empty() {
        return Ok(Vec::new());
    }
    let mut removed = Vec::new();
    let mut parents = BTreeSet::new();
    for &(file, root) in &stale.files {
        let path = state.absolute(file);
        let target = &graph.meta().instances[root].target_directory;
        let target = state.top().join(target);
        let status = world.status(&path).unwrap_or_default();
        let is_whole = state.path(file).ends_with(b"/");
        if status.is_directory() && !is_whole {
            // Several operations wrote to it, or somebody has put it in the place of a file: what else is in it stays.
            parents.insert((target, path));
            continue;
        }
        if status.mode != 0 {
            world.remove(&path)?;
            removed.push(state.display(file));
        }
        parents.extend(path.parent().map(|parent| (target, parent.to_owned())));
    }
    remove_empty(graph, state, world, parents);
    for &(identity, maker) in &stale.operations {
        match maker {
            None => state.forget(identity),
            Some(_) => keep_only(state, identity, &stale.files),
        }
    }
    Ok(removed)
}

/// Whether the state knows of no operation but those of the graph, each as it is there: then nothing is stale.
fn is_all_made(graph: &Graph, state: &State) -> bool {
    let is_as_made = |operation: &OperationId| {
        let identity = graph.identity(*operation);
        let result = state.result(identity);
        result.is_some_and(|result| result.key() == graph.key(*operation))
            && !state.is_unfinished(identity)
    };
    state.identity_count() == graph.operation_count()
        && graph.operations().all(|one| is_as_made(&one))
}

/// The files that [`remove_stale`] would remove.
pub fn stale_files(graph: &Graph, state: &State) -> Vec<FileId> {
    let files = Stale::find(graph, state).files.into_iter();
    let files = files.map(|(file, _)| file);
    files
        .filter(|&file| !is_shared_directory(state, file))
        .collect()
}

/// A directory that several operations wrote to: it goes only when it is empty.
pub fn is_shared_directory(state: &State, file: FileId) -> bool {
    let latest = state.latest(file);
    let is_directory = latest != NONE && state.content_of(latest).kind == ContentKind::Directory;
    is_directory && !state.path(file).ends_with(b"/")
}

/// Removes the directories that failed operations have left empty. For the end of a build: while operations run, a
/// directory that is empty may be one that another is about to write to.
pub fn remove_left_empty(
    graph: &Graph,
    state: &State,
    world: &dyn World,
    failed: impl Iterator<Item = OperationId>,
) {
    let mut parents = BTreeSet::new();
    for operation in failed {
        let target = state
            .top()
            .join(&graph.instance(operation).target_directory);
        for &output in graph.outputs(operation) {
            let path = state.absolute(output);
            parents.extend(
                path.parent()
                    .map(|parent| (target.clone(), parent.to_owned())),
            );
        }
    }
    remove_empty(graph, state, world, parents);
}

/// Removes empty directories upwards, each to below the target directory it is named with, deepest first; not those that an operation
/// makes as such.
fn remove_empty(
    graph: &Graph,
    state: &State,
    world: &dyn World,
    parents: BTreeSet<(PathBuf, PathBuf)>,
) {
    if parents.is_empty() {
        return;
    }
    let makers = graph
        .operations()
        .filter(|&operation| graph.makes_directory(operation));
    let made: HashSet<PathBuf> = makers
        .flat_map(|operation| graph.outputs(operation))
        .map(|&directory| state.absolute(directory))
        .collect();
    for (target, directory) in parents.into_iter().rev() {
        let mut directory = directory.as_path();
        while directory != target
            && directory.starts_with(&target)
            && !made.contains(directory)
            && world.remove_if_empty(directory)
            && let Some(parent) = directory.parent()
        {
            directory = parent;
        }
    }
}

/// The result of an operation that goes on, without outputs that were removed: they are wake's no more.
fn keep_only(state: &mut State, identity: FileId, removed: &[(FileId, usize)]) {
    let is_removed = |file: FileId| removed.iter().any(|(other, _)| *other == file);
    let result = state.result(identity);
    match result.and_then(|result| result.to_outcome()) {
        Some(mut outcome) => {
            outcome
                .outputs
                .retain(|&number| !is_removed(state.file_of(number)));
            // Should it be again what it was: it has not all that it made.
            outcome.flags |= record::SHRUNK;
            state.finish(&outcome);
        }
        None => state.forget(identity),
    }
}

#[derive(Default)]
struct Stale {
    /// With the instance in whose target directory it lies.
    files: Vec<(FileId, usize)>,
    /// Operations to forget, and those that go on with fewer outputs.
    operations: Vec<(FileId, Option<OperationId>)>,
}

impl Stale {
    fn find(graph: &Graph, state: &State) -> Self {
        let mut by_identity = vec![NONE; state.path_count()];
        for operation in graph.operations() {
            by_identity[graph.identity(operation).index()] = operation.0;
        }
        let mut stale = Self::default();
        let mut targets = Targets::new(graph);
        for identity in state.identities() {
            let maker = match by_identity[identity.index()] {
                NONE => None,
                number => Some(OperationId(number)),
            };
            if let Some(operation) = maker {
                let result = state.result(identity);
                let is_same = result.is_some_and(|result| result.key() == graph.key(operation));
                if is_same && !state.is_unfinished(identity) {
                    continue;
                }
            }
            stale.add(graph, state, &mut targets, identity, maker);
        }
        stale.files.sort_unstable();
        stale.files.dedup();
        stale
    }

    fn add(
        &mut self,
        graph: &Graph,
        state: &State,
        targets: &mut Targets,
        identity: FileId,
        maker: Option<OperationId>,
    ) {
        let before = self.files.len();
        for file in state.written_by(identity) {
            // What another operation makes from now on, and has not made yet, would belong to nobody in between.
            let is_made = graph.maker(file).is_some_and(|other| {
                Some(other) == maker || state.written_by(graph.identity(other)).contains(&file)
            });
            if let Some(root) = targets.of(state.path(file))
                && !is_made
                && !targets.is_source(graph, file)
            {
                self.files.push((file, root));
            }
        }
        let is_here = targets.of(state.path(identity)).is_some();
        if self.files.len() > before || (maker.is_none() && is_here) {
            self.operations.push((identity, maker));
        }
    }
}

/// The target directories of a graph.
struct Targets {
    by_directory: HashMap<Vec<u8>, usize>,
    /// Files that operations use and none makes; collected when first asked for.
    sources: Option<HashSet<FileId>>,
}

impl Targets {
    fn new(graph: &Graph) -> Self {
        let instances = graph.meta().instances.iter().enumerate();
        // Of one that is not all there nobody knows what it makes no more.
        let whole = instances.filter(|(_, instance)| !instance.is_partial);
        Self {
            by_directory: whole
                .map(|(index, instance)| (instance.target_directory.as_bytes().to_vec(), index))
                .collect(),
            sources: None,
        }
    }

    /// The instance in whose target directory a path lies; also that of the identity of an operation without outputs.
    fn of(&self, path: &[u8]) -> Option<usize> {
        let ends = path
            .iter()
            .enumerate()
            .filter(|(_, byte)| matches!(byte, b'/' | b'#'));
        let mut found = ends.filter_map(|(end, _)| self.by_directory.get(&path[..end]));
        found.next().copied()
    }

    fn is_source(&mut self, graph: &Graph, file: FileId) -> bool {
        let sources = self.sources.get_or_insert_with(|| {
            graph
                .operations()
                .flat_map(|operation| fresh::counting(graph, operation, true))
                .filter(|&file| graph.maker(file).is_none())
                .collect()
        });
        sources.contains(&file)
    }
}

/// Whether a path of the state lies in a directory of the state, or is it.
pub fn is_below(path: &[u8], directory: &[u8]) -> bool {
    let directory = directory.strip_suffix(b"/").unwrap_or(directory);
    path.strip_prefix(directory)
        .is_some_and(|rest| rest.is_empty() || rest[0] == b'/')
}
