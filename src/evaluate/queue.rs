//! Which of the operations that are ready runs next: critical path first, weighted by the time that operations are likely
//! to take; those of a pool that is full wait. Whether there is room is the business of [`super::room`]. It starts nothing
//! itself.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use crate::graph::{Graph, OperationId};

use super::forecast::Forecast;
use super::room::Share;
use super::state::State;

/// By priority, then in the order of the graph.
type Heap = BinaryHeap<(u64, Reverse<OperationId>)>;

/// See the module.
pub struct Queue {
    heap: Heap,
    /// Microseconds from the start of each operation to the end of the build; computed when the first is out of date.
    priorities: Vec<u64>,
    /// What operations are likely to take; made with the priorities.
    forecast: Option<Forecast>,
    depths: BTreeMap<String, usize>,
    in_pool: HashMap<String, usize>,
    /// Ready operations that wait for their pool.
    parked: HashMap<String, Heap>,
}

impl Queue {
    pub fn new(depths: &BTreeMap<String, usize>) -> Self {
        Self {
            heap: BinaryHeap::new(),
            priorities: Vec::new(),
            forecast: None,
            depths: depths.clone(),
            in_pool: HashMap::new(),
            parked: HashMap::new(),
        }
    }

    /// Adds an operation that is ready.
    pub fn push(&mut self, graph: &Graph, state: &State, operation: OperationId) {
        if self.forecast.is_none() {
            let forecast = Forecast::new(graph, state);
            self.priorities = priorities(graph, state, &forecast);
            self.forecast = Some(forecast);
        }
        let priority = self.priorities[operation.index()];
        self.heap.push((priority, Reverse(operation)));
    }

    /// The graph has grown: what waits may have become more urgent.
    pub fn grow(&mut self, graph: &Graph, state: &State) {
        if self.forecast.is_none() {
            return;
        }
        let forecast = Forecast::new(graph, state);
        self.priorities = priorities(graph, state, &forecast);
        self.forecast = Some(forecast);
        for heap in self.parked.values_mut().chain([&mut self.heap]) {
            let waiting = std::mem::take(heap).into_iter();
            heap.extend(waiting.map(|(_, Reverse(operation))| {
                (self.priorities[operation.index()], Reverse(operation))
            }));
        }
    }

    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }

    /// What an operation is likely to take; something is known once an operation was pushed.
    pub fn forecast(&self) -> Option<&Forecast> {
        self.forecast.as_ref()
    }

    /// The next operation whose pool has a place, with its place taken, if `admit` lets it in. If not, nothing else gets
    /// in before it: something heavy would never find room. `share` says what an operation takes.
    pub fn pop(
        &mut self,
        mut share: impl FnMut(&Self, OperationId) -> Share,
        admit: impl FnOnce(OperationId, &Share) -> bool,
    ) -> Option<(OperationId, Share)> {
        while let Some((priority, Reverse(operation))) = self.heap.pop() {
            let share = share(self, operation);
            if let Some(pool) = self.full_pool(&share) {
                let parked = self.parked.entry(pool).or_default();
                parked.push((priority, Reverse(operation)));
                continue;
            }
            if !admit(operation, &share) {
                self.heap.push((priority, Reverse(operation)));
                return None;
            }
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

    /// Gives back the place of an operation in its pool.
    pub fn give_back(&mut self, share: &Share) {
        let Some(pool) = &share.pool else {
            return;
        };
        if let Some(used) = self.in_pool.get_mut(pool) {
            *used -= 1;
        }
        // One place became free, so one is enough: the others would only be parked again.
        let parked = self.parked.get_mut(pool);
        self.heap.extend(parked.and_then(BinaryHeap::pop));
    }
}

/// For each operation, how long it and the longest chain of what waits for it take.
fn priorities(graph: &Graph, state: &State, forecast: &Forecast) -> Vec<u64> {
    let mut priorities = vec![0_u64; graph.operation_count()];
    for operation in graph.operations().rev() {
        let dependents = graph.dependents(operation).iter();
        let after = dependents
            .map(|dependent| priorities[dependent.index()])
            .max();
        let own = forecast.of(graph, state, operation).microseconds;
        priorities[operation.index()] = own.saturating_add(after.unwrap_or(0));
    }
    priorities
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::model::{Spec, graph};
    use super::*;

    /// Operations without inputs but the outputs of those with these positions.
    fn of(edges: &[(usize, usize)], count: usize) -> (Graph, State) {
        let mut state = State::in_memory(Path::new("/w"));
        let specs: Vec<Spec> = (0..count)
            .map(|index| Spec {
                title: index.to_string(),
                outputs: vec![format!("out/{index}")],
                inputs: edges
                    .iter()
                    .filter(|(_, to)| *to == index)
                    .map(|(from, _)| format!("out/{from}"))
                    .collect(),
                ..Spec::default()
            })
            .collect();
        (graph(&mut state, "/bin/true", &specs), state)
    }

    fn share(pool: Option<&str>) -> Share {
        Share {
            weight: 1,
            pool: pool.map(str::to_owned),
            ..Share::default()
        }
    }

    fn pushed(queue: &mut Queue, edges: &[(usize, usize)], count: usize, ready: &[u32]) {
        let (graph, state) = of(edges, count);
        for &number in ready {
            queue.push(&graph, &state, OperationId(number));
        }
    }

    fn drain(queue: &mut Queue, of: impl Fn(u32) -> Share) -> Vec<u32> {
        std::iter::from_fn(|| queue.pop(|_, operation| of(operation.0), |_, _| true))
            .map(|(operation, _)| operation.0)
            .collect()
    }

    #[test]
    fn what_most_waits_for_comes_first_and_then_the_order_of_the_graph() {
        let mut queue = Queue::new(&BTreeMap::new());
        pushed(&mut queue, &[(2, 3), (3, 4)], 5, &[0, 1, 2]);
        assert_eq!(drain(&mut queue, |_| share(None)), [2, 0, 1]);
    }

    /// Catches something heavy that is overtaken for ever by what needs less room.
    #[test]
    fn what_is_not_let_in_is_not_overtaken() {
        let mut queue = Queue::new(&BTreeMap::new());
        pushed(&mut queue, &[], 3, &[0, 1, 2]);
        let mut next = |refused| {
            let next = queue.pop(|_, _| share(None), |operation, _| operation.0 != refused);
            next.map(|(operation, _)| operation.0)
        };
        assert_eq!(next(1), Some(0));
        assert_eq!(next(1), None);
        assert_eq!(next(9), Some(1));
        assert_eq!(next(9), Some(2));
    }

    #[test]
    fn a_full_pool_holds_back_only_its_own() {
        let mut queue = Queue::new(&BTreeMap::from([("two".to_owned(), 2)]));
        pushed(&mut queue, &[], 6, &[0, 1, 2, 3, 4, 5]);
        let of = |number| share([Some("link"), Some("two"), None][number as usize % 3]);
        assert_eq!(drain(&mut queue, of), [0, 1, 2, 4, 5]);
        queue.give_back(&of(0));
        assert_eq!(drain(&mut queue, of), [3]);
    }

    /// Catches a queue that looks at all that wait for a pool whenever one of them ends.
    #[test]
    fn what_waits_for_a_pool_is_looked_at_twice_at_most() {
        const COUNT: u32 = 300;
        let all: Vec<u32> = (0..COUNT).collect();
        let mut queue = Queue::new(&BTreeMap::new());
        pushed(&mut queue, &[], COUNT as usize, &all);
        let mut running: Option<Share> = None;
        let mut ran = Vec::new();
        let mut looks = 0;
        while ran.len() < all.len() {
            let mut look = |_: &Queue, _| {
                looks += 1;
                share(Some("link"))
            };
            while let Some((operation, taken)) = queue.pop(&mut look, |_, _| true) {
                ran.push(operation.0);
                running = Some(taken);
            }
            queue.give_back(&running.take().unwrap());
        }
        assert_eq!(ran, all);
        assert!(looks <= 2 * COUNT, "{looks} looks");
    }
}
