//! Operations that do not make a graph, in words: both sides and where they are declared.

use super::lower::Lowered;
use crate::error::Error;
use crate::graph::check::Contradiction;

/// The user's error for a contradiction among lowered operations.
pub fn explain(contradiction: &Contradiction, lowered: &Lowered) -> Error {
    let describe = |index: usize| {
        let operation = &lowered.operations[index];
        let instance = &lowered.instances[operation.instance.index()];
        let at = &operation.cold.declared;
        let place = if at.is_empty() {
            String::new()
        } else {
            format!("  ({at})")
        };
        format!("`{}` of `{}`{place}", operation.cold.title, instance.label)
    };
    let place = |index: usize| lowered.places[index].as_ref();
    match contradiction {
        Contradiction::TwoWriters {
            file,
            first,
            second,
        } => Error::user(format!("Two operations write `{}`", lowered.paths[file]))
            .cause(format!("one is {}", describe(*first)))
            .cause(format!("the other is {}", describe(*second)))
            .at_if_absent(place(*second))
            .hint("give one of them another output, or drop it"),
        Contradiction::Cycle(cycle) if cycle.len() == 1 => {
            let (index, file) = &cycle[0];
            Error::user("An operation needs what it makes itself")
                .cause(format!(
                    "{} both needs and makes `{}`",
                    describe(*index),
                    lowered.paths[file]
                ))
                .at_if_absent(place(*index))
                .hint("write to another file, and give that one to those who need the result")
        }
        Contradiction::Cycle(cycle) => {
            let mut error = Error::user("Operations need each other in a cycle");
            for (index, file) in cycle {
                error = error
                    .cause(format!(
                        "{} makes `{}`, which the next one needs",
                        describe(*index),
                        lowered.paths[file]
                    ))
                    .at_if_absent(place(*index));
            }
            error.hint("an operation cannot need, however indirectly, what it makes itself")
        }
    }
}
