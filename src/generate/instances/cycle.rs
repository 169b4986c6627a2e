//! Instances that wait for each other, in words.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use petgraph::graphmap::DiGraphMap;

use super::{InstanceIndex, Instances};
use crate::error::Error;

impl Instances<'_> {
    /// The error for instances that wait for each other.
    pub(super) fn cycle(&self) -> Error {
        let waiting = self.waiting_edges();
        let Some(cycle) = first_cycle(&waiting) else {
            return Error::internal("Instances are left that nothing generates");
        };
        let mut error = Error::user("Modules need each other in a cycle");
        for (from, to) in cycle {
            let (needing, needed) = (&self.all[from].label, &self.all[to].label);
            let at = self.all[from].edges[waiting[(from, to)]].at.as_ref();
            let place = at.map(|at| format!("  ({at})")).unwrap_or_default();
            error = error
                .cause(format!("`{needing}` needs `{needed}`{place}"))
                .at_if_absent(at);
        }
        error.hint("move what both need into a module of its own")
    }

    /// The dependencies between instances that were not generated, by their positions in `edges`.
    fn waiting_edges(&self) -> DiGraphMap<InstanceIndex, usize> {
        let mut graph = DiGraphMap::new();
        let is_waiting = |index: InstanceIndex| self.all[index].generated.is_none();
        for from in (0..self.all.len()).filter(|&from| is_waiting(from)) {
            for (position, edge) in self.all[from].edges.iter().enumerate() {
                if is_waiting(edge.to) {
                    graph.add_edge(from, edge.to, position);
                }
            }
        }
        graph
    }
}

/// A shortest cycle through the smallest node that lies on one, as its edges.
fn first_cycle(
    graph: &DiGraphMap<InstanceIndex, usize>,
) -> Option<Vec<(InstanceIndex, InstanceIndex)>> {
    let start = petgraph::algo::tarjan_scc(graph)
        .into_iter()
        .filter(|nodes| nodes.len() > 1 || graph.contains_edge(nodes[0], nodes[0]))
        .flatten()
        .min()?;
    let mut before: HashMap<InstanceIndex, InstanceIndex> = HashMap::new();
    let mut queue = VecDeque::from([start]);
    while let Some(node) = queue.pop_front() {
        for next in graph.neighbors(node) {
            if let Entry::Vacant(entry) = before.entry(next) {
                entry.insert(node);
                queue.push_back(next);
            }
        }
    }
    let mut edges = vec![(before[&start], start)];
    while edges[edges.len() - 1].0 != start {
        let to = edges[edges.len() - 1].0;
        edges.push((before[&to], to));
    }
    edges.reverse();
    Some(edges)
}
