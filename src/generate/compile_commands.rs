//! `compile_commands.json`: what editors read to know how each source is compiled (the JSON compilation database of
//! Clang). It does not know which operations compile; it is told.

use std::path::Path;

use serde::Serialize;

use crate::error::Result;
use crate::fs;

/// How one source is compiled. Paths and arguments are as the compiler sees them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
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

/// Writes `compile_commands.json` at the workspace's top, unless it says this already. Returns whether it wrote.
pub fn write(top: &Path, commands: Vec<CompileCommand>) -> Result<bool> {
    fs::write_if_changed(
        &top.join("compile_commands.json"),
        text(commands).as_bytes(),
    )
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
