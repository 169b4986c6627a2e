//! The critical path: the chain of operations, each needing the one before it, that took longest. No number of processors
//! makes a build shorter. It hears events, and knows neither clock nor graph.

use std::collections::HashMap;

use super::text::{count, duration, one_line};
use crate::event::{Event, Summary};

/// Follows the operations of a run. It needs [`crate::event::Subscriber::wants_needs`].
#[derive(Debug, Default)]
pub(super) struct CriticalPath {
    numbers: HashMap<String, usize>,
    nodes: Vec<Node>,
    /// All operations, one after the other.
    milliseconds: f64,
}

#[derive(Debug)]
struct Node {
    title: String,
    /// The time of the longest chain that ends with it.
    chain: f64,
    /// The one before it in that chain.
    before: Option<usize>,
}

impl CriticalPath {
    pub(super) fn hear(&mut self, event: &Event) {
        match event {
            Event::OperationStarted {
                operation,
                title,
                needs,
                ..
            } => {
                let needs = needs.iter().filter_map(|name| self.numbers.get(name));
                let before = needs.copied().max_by(|one, other| {
                    self.nodes[*one].chain.total_cmp(&self.nodes[*other].chain)
                });
                self.numbers.insert(operation.clone(), self.nodes.len());
                self.nodes.push(Node {
                    title: title.clone(),
                    chain: before.map_or(0.0, |before| self.nodes[before].chain),
                    before,
                });
            }
            Event::OperationFinished {
                operation,
                milliseconds,
                ..
            } => {
                if let Some(&number) = self.numbers.get(operation) {
                    self.nodes[number].chain += milliseconds;
                    self.milliseconds += milliseconds;
                }
            }
            _ => {}
        }
    }

    /// The number of an operation that started: the first has 0.
    pub(super) fn number(&self, operation: &str) -> Option<usize> {
        self.numbers.get(operation).copied()
    }

    /// The numbers of the operations of the path, in the order in which they ran.
    pub(super) fn path(&self) -> Vec<usize> {
        let all = 0..self.nodes.len();
        let last =
            all.max_by(|one, other| self.nodes[*one].chain.total_cmp(&self.nodes[*other].chain));
        let back = std::iter::successors(last, |number| self.nodes[*number].before);
        let mut path: Vec<usize> = back.collect();
        path.reverse();
        path
    }

    /// The path against the whole run, in a line; nothing where nothing ran.
    pub(super) fn line(&self, summary: &Summary) -> Option<String> {
        let path = self.path();
        let last = &self.nodes[*path.last()?];
        let at_once = self.milliseconds / summary.milliseconds.max(self.nodes.len() as f64 * 1e-6);
        let (chain, all) = (duration(last.chain), duration(summary.milliseconds));
        let (operations, title) = (count(path.len(), "operation"), one_line(&last.title));
        Some(format!(
            "Critical path: {chain} of {all}, {operations} up to {title}, {at_once:.1} at once on average\n"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Outcome, Reason};

    pub(super) fn started(operation: &str, needs: &[&str]) -> Event {
        Event::OperationStarted {
            operation: operation.to_owned(),
            title: format!("Make {operation}"),
            instance: "app".to_owned(),
            reason: Reason::NeverRan,
            command: String::new(),
            outputs: vec![operation.to_owned()],
            needs: needs.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    pub(super) fn finished(operation: &str, milliseconds: f64) -> Event {
        Event::OperationFinished {
            operation: operation.to_owned(),
            title: format!("Make {operation}"),
            outcome: Outcome::Succeeded,
            output: String::new(),
            milliseconds,
            changed: true,
            made_at: String::new(),
            test: false,
            memory_kib: 2048,
        }
    }

    /// Catches a path through what ended last instead of what took longest.
    #[test]
    fn the_longest_chain_counts_and_not_the_last_link() {
        let mut critical = CriticalPath::default();
        for event in [
            started("slow", &[]),
            finished("slow", 300.0),
            started("quick", &[]),
            finished("quick", 100.0),
            started("link", &["slow", "quick", "unheard of"]),
            started("other", &["quick"]),
            finished("other", 150.0),
            finished("link", 100.0),
        ] {
            critical.hear(&event);
        }
        assert_eq!(critical.path(), [0, 2]);
        let summary = Summary {
            milliseconds: 500.0,
            ..Summary::default()
        };
        assert_eq!(
            critical.line(&summary).unwrap(),
            "Critical path: 0.40 s of 0.50 s, 2 operations up to Make link, 1.3 at once on average\n"
        );
        assert_eq!(CriticalPath::default().line(&summary), None);
    }
}
