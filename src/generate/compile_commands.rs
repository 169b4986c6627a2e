//! `compile_commands.json`: what editors read to know how each source is compiled (the JSON compilation database of
//! Clang).

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Prepared;
use crate::error::Result;
use crate::evaluate::prepare::expand;
use crate::evaluate::state::State;
use crate::fs;
use crate::graph::{Action, Graph};

/// The file's name.
pub const NAME: &str = "compile_commands.json";

/// How one source is compiled. Paths and arguments are as the compiler sees them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct CompileCommand {
    /// Absolute.
    pub directory: String,
    /// The source.
    pub file: String,
    /// The executable first.
    pub arguments: Vec<String>,
    pub output: String,
}

/// The file's text: sorted by source, then output, one entry a line, so that a change of one command is a change of
/// one line.
pub fn text(mut commands: Vec<CompileCommand>) -> String {
    commands.sort_by(|a, b| {
        (&a.file, &a.output)
            .cmp(&(&b.file, &b.output))
            .then(a.cmp(b))
    });
    commands.dedup();
    // Strings and lists of strings: there is nothing that JSON cannot carry.
    let lines: Vec<String> = commands
        .iter()
        .filter_map(|command| serde_json::to_string(command).ok())
        .collect();
    if lines.is_empty() {
        return "[]\n".to_owned();
    }
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// Brings the file at the workspace's top up to date with a graph. Entries of sources that this graph does not compile
/// stay as long as the source is there: building one target does not blind the editor for the others.
pub fn update(top: &Path, prepared: &Prepared, state: &State) -> Result<()> {
    let file = top.join(NAME);
    if !prepared.is_new && fs::is_file(&file) {
        return Ok(());
    }
    let mut commands = commands(&prepared.graph, state)?;
    let sources: HashSet<String> = commands
        .iter()
        .map(|command| command.file.clone())
        .collect();
    let before = fs::read_if_exists(&file)?.unwrap_or_default();
    let before: Vec<CompileCommand> = serde_json::from_slice(&before).unwrap_or_default();
    let others = before
        .into_iter()
        .filter(|command| !sources.contains(&command.file));
    commands.extend(others.filter(|command| fs::is_file(Path::new(&command.file))));
    if commands.is_empty() && !fs::exists(&file) {
        return Ok(());
    }
    write(top, commands).map(|_| ())
}

/// The operations of a graph that compile: with `-c`, a C or C++ source among the inputs, and an output.
fn commands(graph: &Graph, state: &State) -> Result<Vec<CompileCommand>> {
    let mut commands = Vec::new();
    for operation in graph.operations() {
        let mut sources = graph
            .inputs(operation)
            .iter()
            .filter(|file| is_source(&state.display(**file)));
        let (Some(&source), Some(&output)) =
            (sources.next_back(), graph.outputs(operation).first())
        else {
            continue;
        };
        let cold = graph.cold(operation);
        let Action::Run(command) = &cold.action else {
            continue;
        };
        if !command.arguments.iter().any(|argument| argument == "-c") {
            continue;
        }
        let text = |text: &str| expand(graph, state, operation, text);
        let mut arguments = vec![text(&command.executable)?];
        for argument in &command.arguments {
            arguments.push(text(argument)?);
        }
        commands.push(CompileCommand {
            directory: text(&command.working_directory)?,
            file: state.absolute(source).display().to_string(),
            arguments,
            output: state.absolute(output).display().to_string(),
        });
    }
    Ok(commands)
}

fn is_source(path: &str) -> bool {
    const ENDINGS: [&str; 9] = ["c", "cc", "cpp", "cxx", "c++", "C", "m", "mm", "cppm"];
    path.rsplit_once('.')
        .is_some_and(|(_, ending)| ENDINGS.contains(&ending))
}

/// Writes `compile_commands.json` at the workspace's top, unless it says this already. Returns whether it wrote.
pub fn write(top: &Path, commands: Vec<CompileCommand>) -> Result<bool> {
    fs::write_if_changed(&top.join(NAME), text(commands).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(file: &str) -> CompileCommand {
        CompileCommand {
            directory: "/w".to_owned(),
            file: file.to_owned(),
            arguments: vec!["g++".to_owned(), "-DX=\"a b\"".to_owned(), file.to_owned()],
            output: format!("{file}.o"),
        }
    }

    #[test]
    fn order_of_the_input_does_not_show() {
        let forward = text(vec![command("a.cpp"), command("b \"q\".cpp")]);
        let backward = text(vec![
            command("b \"q\".cpp"),
            command("a.cpp"),
            command("a.cpp"),
        ]);
        assert_eq!(forward, backward);
        let read: Vec<serde_json::Value> = serde_json::from_str(&forward).unwrap();
        assert_eq!(read[1]["arguments"][2], "b \"q\".cpp");
        assert_eq!(
            text(Vec::new()),
            "[]
"
        );
    }

    #[test]
    fn an_equal_file_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        assert!(write(directory.path(), vec![command("a.cpp")]).unwrap());
        assert!(!write(directory.path(), vec![command("a.cpp")]).unwrap());
        assert!(write(directory.path(), Vec::new()).unwrap());
    }
}
