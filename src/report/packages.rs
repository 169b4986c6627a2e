//! What is told of packages being found: one text for each event.

use super::text::{one_line, visible};
use crate::event::Event;

/// How many names or changes are told before the rest is counted.
const MOST: usize = 20;

/// What an event about packages is worth telling, and from which verbosity on (0: always but when quiet).
pub(super) fn text(event: &Event) -> Option<(u8, String)> {
    Some(match event {
        Event::Resolving { round, lacking } => {
            let lacking = super::text::count(*lacking, "requirement");
            (2, format!("Round {round}: {lacking} to ask for"))
        }
        Event::RetrieverAsked {
            retriever,
            packages,
        } => (
            1,
            format!(
                "Asking {} for {}",
                one_line(retriever),
                list(packages, ", ")
            ),
        ),
        Event::RetrieverSaid { line } => (1, visible(line).to_string()),
        Event::Fetching { package, retriever } => (
            0,
            format!(
                "Fetching {} from {}",
                one_line(package),
                one_line(retriever)
            ),
        ),
        Event::Stored { package, id, bytes } => (
            1,
            format!(
                "Stored {} as {}, {bytes} bytes",
                one_line(package),
                &id[..id.len().min(12)]
            ),
        ),
        Event::LockWritten { path, changes } if changes.is_empty() => {
            (1, format!("Wrote `{}`", one_line(path)))
        }
        Event::LockWritten { path, changes } => {
            let changes: Vec<String> = changes.iter().map(|one| format!("\n  {one}")).collect();
            (
                0,
                format!("Wrote `{}`:{}", one_line(path), list(&changes, "")),
            )
        }
        Event::Resolved { by_path, fetched } => (
            2,
            format!("Resolved: {by_path} by path, {fetched} by retrievers"),
        ),
        _ => return None,
    })
}

fn list(items: &[String], between: &str) -> String {
    let shown: Vec<String> = items
        .iter()
        .take(MOST)
        .map(|one| visible(one).to_string())
        .collect();
    match items.len().checked_sub(MOST) {
        None | Some(0) => shown.join(between),
        Some(more) => format!("{}{between} and {more} more", shown.join(between)),
    }
}
