//! What an operation is likely to take: time and memory, from what it took last time, else from what those of its kind took.
//! A kind is the first word of the titles: `Compile`, `Link`. It decides nothing.

use std::collections::HashMap;

use crate::graph::{Graph, OperationId};

use super::state::State;

/// Microseconds taken for an operation where none was ever recorded.
const UNKNOWN: u64 = 1_000_000;
/// So many results are looked at to know what those of a kind take: as good as all of them, and at once.
const SAMPLES: usize = 2_000;

/// What an operation is likely to take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    pub microseconds: u64,
    /// Of its largest process.
    pub memory_kib: u64,
}

/// Means of what was recorded.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    count: u64,
    microseconds: u64,
    memory_kib: u64,
}

impl Mean {
    fn add(&mut self, one: Expected) {
        self.count += 1;
        self.microseconds = self.microseconds.saturating_add(one.microseconds);
        self.memory_kib = self.memory_kib.saturating_add(one.memory_kib);
    }

    fn expected(self) -> Option<Expected> {
        Some(Expected {
            microseconds: self.microseconds.checked_div(self.count)?,
            memory_kib: self.memory_kib.checked_div(self.count)?,
        })
    }
}

/// See the module. Made when the first operation is out of date.
pub struct Forecast {
    kinds: HashMap<String, Expected>,
    /// Of a kind of which nothing is known.
    any: Expected,
}

impl Forecast {
    pub fn new(graph: &Graph, state: &State) -> Self {
        let known: Vec<(OperationId, Expected)> = graph
            .operations()
            .filter_map(|operation| Some((operation, recorded(graph, state, operation)?)))
            .collect();
        let (mut kinds, mut all) = (HashMap::<String, Mean>::new(), Mean::default());
        // Where everything is known nobody asks for a kind, and where nothing is, there is nothing to tell.
        if known.len() < graph.operation_count() {
            for &(operation, one) in known.iter().step_by(known.len() / SAMPLES + 1) {
                let title = graph.cold(operation).title;
                kinds.entry(kind(&title).to_owned()).or_default().add(one);
                all.add(one);
            }
        }
        let means = kinds.into_iter();
        Self {
            kinds: means
                .filter_map(|(kind, mean)| Some((kind, mean.expected()?)))
                .collect(),
            any: all.expected().unwrap_or(Expected {
                microseconds: UNKNOWN,
                memory_kib: 0,
            }),
        }
    }

    /// What an operation is likely to take.
    pub fn of(&self, graph: &Graph, state: &State, operation: OperationId) -> Expected {
        if let Some(recorded) = recorded(graph, state, operation) {
            return recorded;
        }
        let mut expected = self.any;
        if !self.kinds.is_empty() {
            let title = graph.cold(operation).title;
            expected = self.kinds.get(kind(&title)).copied().unwrap_or(expected);
        }
        // One that failed may have ended early, but what it had taken by then it will take again.
        let last = state.result(graph.identity(operation));
        let last = last.map_or(0, |result| result.memory_kib());
        expected.memory_kib = expected.memory_kib.max(last);
        expected
    }
}

/// What it took when it last succeeded, if that was the last time.
fn recorded(graph: &Graph, state: &State, operation: OperationId) -> Option<Expected> {
    let result = state.result(graph.identity(operation))?;
    result.succeeded().then(|| Expected {
        microseconds: result.microseconds(),
        memory_kib: result.memory_kib(),
    })
}

fn kind(title: &str) -> &str {
    title.split(' ').next().unwrap_or(title)
}
