//! Order, cycles and double writers of a set of operations.

use std::collections::HashMap;

use petgraph::graph::{DiGraph, NodeIndex};

use super::{FileId, Operation};

/// Why operations do not make a graph. Indexes are positions in the given slice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// Two operations write one file.
    TwoWriters {
        file: FileId,
        first: usize,
        second: usize,
    },
    /// Each operation needs, through `file`, what the next one makes; the last needs the first.
    Cycle(Vec<(usize, FileId)>),
}

/// Who makes a file, by file.
pub fn writers(operations: &[Operation]) -> Result<HashMap<FileId, usize>, Contradiction> {
    let mut writers = HashMap::new();
    for (second, operation) in operations.iter().enumerate() {
        for &file in &operation.outputs {
            match writers.insert(file, second) {
                Some(first) if first != second => {
                    return Err(Contradiction::TwoWriters {
                        file,
                        first,
                        second,
                    });
                }
                _ => {}
            }
        }
    }
    Ok(writers)
}

/// The positions of `operations` in topological order, stable: of those that are free, the first comes first.
/// `needs(i)` lists (maker, file) of everything operation `i` waits for.
pub fn order(
    count: usize,
    needs: impl Fn(usize) -> Vec<(usize, FileId)>,
) -> Result<Vec<usize>, Contradiction> {
    let mut graph = DiGraph::<(), FileId>::with_capacity(count, count);
    for _ in 0..count {
        graph.add_node(());
    }
    for user in 0..count {
        for (maker, file) in needs(user) {
            graph.add_edge(NodeIndex::new(maker), NodeIndex::new(user), file);
        }
    }
    // Kahn's algorithm with a queue by position: petgraph's toposort is depth first and would reorder what is free.
    let mut missing: Vec<usize> = graph
        .node_indices()
        .map(|node| graph.edges_directed(node, petgraph::Incoming).count())
        .collect();
    let mut free: std::collections::BinaryHeap<_> = (0..count)
        .filter(|&index| missing[index] == 0)
        .map(std::cmp::Reverse)
        .collect();
    let mut order = Vec::with_capacity(count);
    while let Some(std::cmp::Reverse(index)) = free.pop() {
        order.push(index);
        for user in graph.neighbors(NodeIndex::new(index)) {
            missing[user.index()] -= 1;
            if missing[user.index()] == 0 {
                free.push(std::cmp::Reverse(user.index()));
            }
        }
    }
    if order.len() == count {
        Ok(order)
    } else {
        Err(Contradiction::Cycle(shortest_cycle(&graph)))
    }
}

/// A shortest cycle of a graph that has one: (operation, the file of it that the next one needs).
fn shortest_cycle(graph: &DiGraph<(), FileId>) -> Vec<(usize, FileId)> {
    let component = petgraph::algo::tarjan_scc(graph)
        .into_iter()
        .filter(|nodes| nodes.len() > 1 || graph.find_edge(nodes[0], nodes[0]).is_some())
        .min_by_key(Vec::len)
        .unwrap_or_default();
    let inside: std::collections::HashSet<NodeIndex> = component.iter().copied().collect();
    let mut best: Vec<NodeIndex> = Vec::new();
    for &start in component.iter().take(64) {
        let mut before: HashMap<NodeIndex, NodeIndex> = HashMap::new();
        let mut queue = std::collections::VecDeque::from([start]);
        let mut closed = None;
        'search: while let Some(node) = queue.pop_front() {
            for next in graph.neighbors(node).filter(|next| inside.contains(next)) {
                if next == start {
                    closed = Some(node);
                    break 'search;
                }
                if let std::collections::hash_map::Entry::Vacant(entry) = before.entry(next) {
                    entry.insert(node);
                    queue.push_back(next);
                }
            }
        }
        let Some(mut node) = closed else { continue };
        let mut path = vec![node];
        while node != start {
            node = before[&node];
            path.push(node);
        }
        path.reverse();
        if best.is_empty() || path.len() < best.len() {
            best = path;
        }
    }
    let next = |position: usize| best[(position + 1) % best.len()];
    best.iter()
        .enumerate()
        .filter_map(|(position, &node)| {
            let edge = graph.find_edge(node, next(position))?;
            Some((node.index(), graph[edge]))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order_of(edges: &[(usize, usize)], count: usize) -> Result<Vec<usize>, Contradiction> {
        order(count, |user| {
            edges
                .iter()
                .filter(|(_, to)| *to == user)
                .map(|(from, _)| (*from, FileId::from_index(*from)))
                .collect()
        })
    }

    #[test]
    fn free_operations_keep_their_order() {
        assert_eq!(order_of(&[(3, 0)], 4), Ok(vec![1, 2, 3, 0]));
    }

    #[test]
    fn the_cycle_is_a_shortest_one_and_names_the_files() {
        let edges = [(0, 1), (1, 2), (2, 3), (3, 0), (2, 1)];
        let Err(Contradiction::Cycle(cycle)) = order_of(&edges, 4) else {
            panic!("a cycle")
        };
        let mut operations: Vec<usize> = cycle.iter().map(|(operation, _)| *operation).collect();
        operations.sort_unstable();
        assert_eq!(operations, [1, 2]);
        assert!(
            cycle
                .iter()
                .all(|(operation, file)| file.index() == *operation)
        );
    }

    #[test]
    fn an_operation_that_needs_itself_is_a_cycle() {
        assert!(
            matches!(order_of(&[(1, 1)], 2), Err(Contradiction::Cycle(cycle)) if cycle.len() == 1)
        );
    }
}
