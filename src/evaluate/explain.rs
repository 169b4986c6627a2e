//! Differences as reasons that people read: names instead of ids, old and new instead of numbers.

use crate::event::{PartChange, Reason};
use crate::fs::Content;
use crate::graph::key::{self, Declared, Part, Parts};
use crate::graph::{Graph, OperationId};

use super::files::Files;
use super::fresh::Difference;
use super::state::State;

/// The reason that a difference is.
pub fn reason(
    graph: &Graph,
    state: &mut State,
    files: &Files,
    operation: OperationId,
    difference: Difference,
) -> Reason {
    match difference {
        Difference::NeverRan => Reason::NeverRan,
        Difference::Forced => Reason::Forced,
        Difference::LastFailed => Reason::LastFailed,
        Difference::Interrupted => Reason::Interrupted,
        Difference::Key => Reason::CommandChanged {
            changes: changes_of(graph, state, operation),
        },
        Difference::ChangedMeanwhile(file) => Reason::ChangedWhileRunning {
            path: state.display(file),
        },
        Difference::Unrecorded(file) => Reason::OrderOnlyChanged {
            path: state.display(file),
        },
        Difference::Output(number) => {
            let version = state.version(number);
            let path = state.display(version.file);
            let now = files.content(state, version.file);
            if now.is_absent() {
                return Reason::OutputMissing { path };
            }
            Reason::OutputChanged {
                path,
                old: describe(version.content),
                new: describe(now),
            }
        }
        Difference::Read(number) => {
            let version = state.version(number);
            let path = state.display(version.file);
            let old = describe(version.content);
            let new = describe(files.content(state, version.file));
            if graph.tool(operation) == Some(version.file) {
                Reason::ToolChanged { path, old, new }
            } else {
                Reason::InputChanged { path, old, new }
            }
        }
    }
}

fn describe(content: Content) -> String {
    if content.is_absent() {
        "absent".to_owned()
    } else {
        content.short()
    }
}

/// The parts of an operation's key, with paths as the state writes them.
pub fn parts(graph: &Graph, state: &State, operation: OperationId) -> Parts {
    let mut parts = Parts::default();
    let declared = Declared {
        tool: graph.tool(operation),
        inputs: graph.inputs(operation),
        outputs: graph.outputs(operation),
    };
    let name = |file| state.display(file);
    key::describe(&graph.cold(operation), declared, name, &mut parts);
    parts
}

fn changes_of(graph: &Graph, state: &mut State, operation: OperationId) -> Vec<PartChange> {
    let result = state.result(graph.identity(operation));
    let Some(key) = result.map(|result| result.key().to_vec()) else {
        return Vec::new();
    };
    let new = parts(graph, state, operation);
    match state.commands().parts(&key) {
        Some(old) => changes(&old, &new),
        None => Vec::new(),
    }
}

/// What differs between two keys, without what both have: a part that differs once on each side under one name is one
/// change.
pub fn changes(old: &Parts, new: &Parts) -> Vec<PartChange> {
    let mut removed: Vec<&Part> = old.0.iter().collect();
    let mut added: Vec<&Part> = Vec::new();
    for part in &new.0 {
        match removed.iter().position(|other| *other == part) {
            Some(place) => {
                removed.remove(place);
            }
            None => added.push(part),
        }
    }
    let mut changes = Vec::new();
    for part in &removed {
        let is_single = |parts: &[&Part]| parts.iter().filter(|p| p.name == part.name).count() == 1;
        let replaced = is_single(&removed) && is_single(&added);
        let place = added
            .iter()
            .position(|other| replaced && other.name == part.name);
        changes.push(PartChange {
            part: part.name.clone(),
            old: Some(part.value.clone()),
            new: place.map(|place| added.remove(place).value.clone()),
        });
    }
    changes.extend(added.into_iter().map(|part| PartChange {
        part: part.name.clone(),
        old: None,
        new: Some(part.value.clone()),
    }));
    if changes.is_empty() && old != new {
        changes.push(PartChange {
            part: "order of the arguments".to_owned(),
            old: None,
            new: None,
        });
    }
    changes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(list: &[(&str, &str)]) -> Parts {
        let part = |(name, value): &(&str, &str)| Part {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        Parts(list.iter().map(part).collect())
    }

    #[test]
    fn only_what_differs_is_told() {
        let old = parts(&[
            ("argument", "-O2"),
            ("argument", "-c"),
            ("environment CC", "gcc"),
        ]);
        let new = parts(&[
            ("argument", "-c"),
            ("argument", "-O0"),
            ("argument", "-g"),
            ("environment CC", "clang"),
        ]);
        let told: Vec<(String, Option<String>, Option<String>)> = changes(&old, &new)
            .into_iter()
            .map(|change| (change.part, change.old, change.new))
            .collect();
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            told,
            [
                ("argument".to_owned(), some("-O2"), None),
                ("environment CC".to_owned(), some("gcc"), some("clang")),
                ("argument".to_owned(), None, some("-O0")),
                ("argument".to_owned(), None, some("-g")),
            ]
        );
    }
}
