//! Which of the operations that are ready runs next, and whether there is room: critical path first, weighted by
//! recorded durations; weights against the number of jobs; pools. It starts nothing itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use crate::graph::{Graph, OperationId};

use super::state::State;

/// What an operation takes while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Share {
    pub weight: usize,
    pub pool: Option<String>,
}

/// See the module.
pub struct Queue {
    heap: BinaryHeap<(u64, Reverse<OperationId>)>,
    /// Microseconds from the start of each operation to the end of the build; computed when the first is out of date.
    priorities: Vec<u64>,
    jobs: usize,
    used: usize,
    depths: BTreeMap<String, usize>,
    in_pool: HashMap<String, usize>,
    /// Ready operations that wait for their pool.
    parked: HashMap<String, Vec<OperationId>>,
}

/// Taken for the duration of an operation where none was ever recorded, in microseconds.
const UNKNOWN: u64 = 1_000_000;

impl Queue {
    pub fn new(jobs: usize, depths: &BTreeMap<String, usize>) -> Self {
        Self {
            heap: BinaryHeap::new(),
            priorities: Vec::new(),
            jobs,
            used: 0,
            depths: depths.clone(),
            in_pool: HashMap::new(),
            parked: HashMap::new(),
        }
    }

    /// Adds an operation that is ready.
    pub fn push(&mut self, graph: &Graph, state: &State, operation: OperationId) {
        if self.priorities.is_empty() {
            self.priorities = priorities(graph, state);
        }
        let priority = self.priorities[operation.index()];
        self.heap.push((priority, Reverse(operation)));
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// The next operation for which there is room, and takes its share. `share` says what an operation takes.
    pub fn pop(
        &mut self,
        mut share: impl FnMut(OperationId) -> Share,
    ) -> Option<(OperationId, Share)> {
        while self.used < self.jobs
            && let Some((priority, Reverse(operation))) = self.heap.pop()
        {
            let share = share(operation);
            if let Some(pool) = self.full_pool(&share) {
                self.parked.entry(pool).or_default().push(operation);
                continue;
            }
            if self.used + share.weight > self.jobs {
                // Nothing smaller overtakes it, or it would never find room.
                self.heap.push((priority, Reverse(operation)));
                return None;
            }
            self.used += share.weight;
            if let Some(pool) = &share.pool {
                *self.in_pool.entry(pool.clone()).or_default() += 1;
            }
            return Some((operation, share));
        }
        None
    }

    fn full_pool(&self, share: &Share) -> Option<String> {
        let pool = share.pool.as_ref()?;
        let depth = self.depths.get(pool).copied().unwrap_or(1).max(1);
        let used = self.in_pool.get(pool).copied().unwrap_or(0);
        (used >= depth).then(|| pool.clone())
    }

    /// Gives back what an operation took.
    pub fn give_back(&mut self, share: &Share) {
        self.used -= share.weight;
        let Some(pool) = &share.pool else {
            return;
        };
        if let Some(used) = self.in_pool.get_mut(pool) {
            *used -= 1;
        }
        for operation in self.parked.remove(pool).unwrap_or_default() {
            let priority = self.priorities[operation.index()];
            self.heap.push((priority, Reverse(operation)));
        }
    }
}

/// For each operation, how long it and the longest chain of what waits for it take.
fn priorities(graph: &Graph, state: &State) -> Vec<u64> {
    let mut durations: Vec<Option<u64>> = graph
        .operations()
        .map(|operation| {
            let result = state.result(graph.identity(operation))?;
            result.succeeded().then(|| result.microseconds())
        })
        .collect();
    let known: Vec<u64> = durations.iter().flatten().copied().collect();
    let default = match known.len() as u64 {
        0 => UNKNOWN,
        count => known.iter().sum::<u64>() / count,
    };
    let mut priorities = vec![0_u64; durations.len()];
    for operation in graph.operations().rev() {
        let dependents = graph.dependents(operation).iter();
        let after = dependents
            .map(|dependent| priorities[dependent.index()])
            .max();
        let own = durations[operation.index()].take().unwrap_or(default);
        priorities[operation.index()] = own.saturating_add(after.unwrap_or(0));
    }
    priorities
}
