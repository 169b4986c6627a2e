//! Whether an operation is up to date (DESIGN §5.1), and if not, the first thing that differs. It looks at nothing
//! itself: `files` says what is on the disk.

use crate::graph::{FileId, Graph, OperationId};

use super::files::{self, Files};
use super::state::{NONE, Recorded, State, record};

/// The first difference between what is recorded of an operation and what is there now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Difference {
    NeverRan,
    Forced,
    LastFailed,
    Interrupted,
    /// What it does.
    Key,
    /// A file it read changed while it ran.
    ChangedMeanwhile(FileId),
    /// Not all that it touched was seen.
    Unseen,
    /// An output is not as it left it: this version.
    Output(u32),
    /// A file is not as it read it: this version.
    Read(u32),
    /// The file counts and is not recorded, or the reverse.
    Unrecorded(FileId),
}

/// What is compared with.
pub struct View<'a> {
    pub graph: &'a Graph,
    pub state: &'a State,
    pub files: &'a Files,
}

impl View<'_> {
    /// The first difference, or `None` if the operation is up to date. `key` is what the result must have.
    pub fn difference(&self, operation: OperationId, key: &[u8; 32]) -> Option<Difference> {
        let identity = self.graph.identity(operation);
        if self.state.is_unfinished(identity) {
            return Some(Difference::Interrupted);
        }
        let Some(result) = self.state.result(identity) else {
            return Some(Difference::NeverRan);
        };
        if !result.succeeded() {
            return Some(Difference::LastFailed);
        }
        if result.key() != key || result.flags() & record::SHRUNK != 0 {
            return Some(Difference::Key);
        }
        if let Some(file) = result.changed_meanwhile() {
            return Some(Difference::ChangedMeanwhile(file));
        }
        if result.flags() & record::UNSEEN != 0 {
            return Some(Difference::Unseen);
        }
        let is_stale = |number: &u32| !self.files.is_current(self.state, *number);
        if let Some(number) = result.outputs().find(is_stale) {
            return Some(Difference::Output(number));
        }
        if let Some(number) = result.reads().find(is_stale) {
            return Some(Difference::Read(number));
        }
        self.unrecorded(operation, &result)
            .or_else(|| self.undeclared(operation, &result))
            .map(Difference::Unrecorded)
    }

    /// A file that counts and that the result does not have among its declared reads, or the reverse.
    fn unrecorded(&self, operation: OperationId, result: &Recorded<'_>) -> Option<FileId> {
        if is_settled(self.graph, operation, result) {
            return None;
        }
        let all = result.flags() & record::ORDER_ONLY_COUNTS != 0;
        let mut counting = counting(self.graph, operation, all);
        let mut recorded = result.declared().map(|number| self.state.file_of(number));
        loop {
            match (counting.next(), recorded.next()) {
                (None, None) => return None,
                (a, b) if a == b => {}
                (a, b) => return a.or(b),
            }
        }
    }

    fn maker(&self, file: FileId) -> Option<OperationId> {
        let whole = match files::split(self.state.path(file)) {
            (_, None) => file,
            (path, Some(_)) => self.state.find(path)?,
        };
        self.graph.maker(whole)
    }

    /// A discovered file that an operation makes which is not ordered before this one: it has become generated.
    fn undeclared(&self, operation: OperationId, result: &Recorded<'_>) -> Option<FileId> {
        result
            .discovered()
            .map(|number| self.state.file_of(number))
            .find(|&file| {
                let maker = self.maker(file);
                maker.is_some_and(|maker| !is_before(self.graph, maker, operation))
            })
    }
}

/// Whether a result with the same key has the declared files that count among its reads because the key names them: all but
/// order-only inputs.
fn is_settled(graph: &Graph, operation: OperationId, result: &Recorded<'_>) -> bool {
    let named = graph.inputs(operation).len() + usize::from(graph.tool(operation).is_some());
    result.declared().len() == named
        && (result.flags() & record::ORDER_ONLY_COUNTS == 0
            || graph.order_only(operation).is_empty())
}

/// The declared files that count for an operation, in the order in which they are recorded.
pub fn counting(
    graph: &Graph,
    operation: OperationId,
    order_only_counts: bool,
) -> impl Iterator<Item = FileId> {
    let order_only = if order_only_counts {
        graph.order_only(operation)
    } else {
        &[]
    };
    graph
        .inputs(operation)
        .iter()
        .chain(order_only)
        .copied()
        .chain(graph.tool(operation))
}

/// Whether `first` is done before `second` starts: one of its dependencies, or one of theirs.
pub fn is_before(graph: &Graph, first: OperationId, second: OperationId) -> bool {
    if graph.dependencies(second).binary_search(&first).is_ok() {
        return true;
    }
    let mut seen = std::collections::HashSet::new();
    let mut open = vec![second];
    while let Some(operation) = open.pop() {
        for &dependency in graph.dependencies(operation) {
            if dependency == first {
                return true;
            }
            // Ids are in topological order: what comes before `first` cannot need it.
            if dependency > first && seen.insert(dependency) {
                open.push(dependency);
            }
        }
    }
    false
}

/// All files that must be looked at to tell whether an operation is up to date.
pub fn needed(graph: &Graph, state: &State, operation: OperationId, mut each: impl FnMut(FileId)) {
    let result = state.result(graph.identity(operation));
    let covers = |result: &Recorded<'_>| {
        result.succeeded()
            && result.key() == graph.key(operation)
            && is_settled(graph, operation, result)
    };
    if result.as_ref().is_some_and(covers) {
        // Its outputs and reads are all that is declared, but for these.
        graph
            .order_only(operation)
            .iter()
            .copied()
            .for_each(&mut each);
    } else {
        graph.outputs(operation).iter().copied().for_each(&mut each);
        counting(graph, operation, true).for_each(&mut each);
    }
    if let Some(result) = result {
        for number in result.outputs().chain(result.reads()) {
            debug_assert_ne!(number, NONE, "a result refers to versions");
            each(state.file_of(number));
        }
    }
}
