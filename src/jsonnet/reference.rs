//! The reference of what plugins can use, written from the tables that make it: `docs/ctx.md`.
//!
//! The words stand beside the code that they are about; here is only how they are put on a page.

use std::fmt::Write as _;

use super::context::{DEPENDENCY, FIXED, STATE};
use super::functions::{Audience, CONTEXT_FUNCTIONS, FUNCTIONS, Function};
use super::library::operation::FIELDS;
use super::plugin::TASK_FIELDS;
use super::tasks::RESULTS;

/// One field of a table: its name, what it may be, and what it means.
pub(super) struct Entry {
    pub(super) name: &'static str,
    pub(super) kind: &'static str,
    pub(super) meaning: &'static str,
}

pub(super) const fn entry(name: &'static str, kind: &'static str, meaning: &'static str) -> Entry {
    Entry {
        name,
        kind,
        meaning,
    }
}

/// The whole page, in Markdown.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    section(&mut page, "A task", TASK);
    entries(&mut page, TASK_FIELDS.iter());
    section(&mut page, "What `run` returns", RESULT);
    entries(&mut page, RESULTS.iter());
    section(&mut page, "`ctx`", CONTEXT);
    entries(
        &mut page,
        FIXED.iter().map(|field| &field.entry).chain(&STATE),
    );
    functions(&mut page, CONTEXT_FUNCTIONS);
    section(&mut page, "A dependency", DEPENDENCIES);
    entries(&mut page, DEPENDENCY.iter());
    section(&mut page, "Functions of `wake`", WAKE);
    functions(&mut page, FUNCTIONS);
    section(&mut page, "The fields of `wake.operation`", OPERATION);
    entries(&mut page, FIELDS.iter());
    page
}

const HEAD: &str = "\
# Reference for plugins

What a task gets and what it may return. How to write a plugin is in [plugins.md](plugins.md).

<!-- Written by `wake plugin reference` from the tables in wake's source. -->
";
const TASK: &str =
    "An element of `tasks`, the list of a plugin: `function(wake) { name: …, tasks: [ … ] }`.";
const RESULT: &str = "An object with any of these fields and no others.";
const CONTEXT: &str = "The argument of `run`.";
const DEPENDENCIES: &str = "An element of `ctx.dependencies.Runtime` and the other kinds.";
const WAKE: &str = "\
The argument of the plugin. A parameter with `?` may be left out. `wake.parameters` and `wake.host` are what `ctx` has, too.";
const OPERATION: &str = "\
All but `title` and `executable` may be left out. A path begins with a token: `$(package)`, `$(target)` or `$(cache)` of the module
that is built, or what a dependency has in its `targetDirectory` and shared state. `$$` is a dollar.";

fn section(page: &mut String, title: &str, text: &str) {
    let _ = write!(page, "\n## {title}\n\n{text}\n");
}

fn entries<'a>(page: &mut String, entries: impl Iterator<Item = &'a Entry>) {
    page.push_str("\n| field | is | meaning |\n|---|---|---|\n");
    for entry in entries {
        let Entry {
            name,
            kind,
            meaning,
        } = entry;
        let _ = writeln!(page, "| `{name}` | {kind} | {meaning} |");
    }
}

/// Those that are of use in a task.
fn functions(page: &mut String, functions: &[Function]) {
    page.push_str("\n| function | returns | meaning |\n|---|---|---|\n");
    let useful = functions.iter();
    for function in useful.filter(|function| function.audience == Audience::Tasks) {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} |",
            function.signature(),
            function.result,
            function.meaning
        );
    }
    let rest = functions.iter();
    let rest: Vec<String> = rest
        .filter(|function| function.audience == Audience::Declarations)
        .map(|function| format!("`{}` ({})", function.name, lower(function.meaning)))
        .collect();
    if !rest.is_empty() {
        let _ = write!(
            page,
            "\nFor declarations: {}. They are explained in [pkg.md](pkg.md).\n",
            rest.join(", ")
        );
    }
}

/// With a small first letter.
fn lower(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(letters).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Would catch a table cell that breaks the page, and an entry that says nothing.
    #[test]
    fn every_row_has_three_cells() {
        for line in page().lines().filter(|line| line.starts_with('|')) {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            assert_eq!(cells.len(), 3, "{line}");
            assert!(cells.iter().all(|cell| !cell.trim().is_empty()), "{line}");
        }
    }
}
