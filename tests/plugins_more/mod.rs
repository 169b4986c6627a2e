//! The plugins `java`, `csharp`, `python` and `javascript`: as data, what every key does and what wrong ones are told; and
//! with the real tools, where they are installed, what only these can show.

mod csharp;
mod java;
mod javascript;
mod python;

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use wake::jsonnet::protocol::DependencyState;

use crate::plugins::{Case, shown};
use crate::support::{Space, skipped};

/// An instance of `plugin` where only `tools` are installed.
fn case(plugin: &str, tools: &[&'static str], files: &[&str], recipe: Value) -> Case {
    let mut case = Case::new(plugin, files, recipe);
    case.tools = tools.to_vec();
    case.tools.push("sh");
    case
}

/// Adds a dependency `acme/<name>` that shares `state`.
fn with_dependency(mut case: Case, kind: &str, name: &str, state: Value) -> Case {
    case.input.dependencies.push(DependencyState {
        kind: kind.into(),
        key: None,
        name: format!("acme/{name}"),
        module: "root".into(),
        reference: String::new(),
        target_directory: format!("$(target acme/{name}:root#1)"),
        executable: None,
        shared_state: state,
    });
    case
}

/// What a person would want to read of a result, without the scripts that plugins bring along.
fn plan(case: Case) -> String {
    let bin = case.bin();
    match case.generate() {
        Ok(mut generated) => {
            (generated.operations).retain(|operation| !operation.title.contains("_tool."));
            shown(&generated).replace(&bin, "[BIN]")
        }
        Err(error) => format!("error: {error}\n"),
    }
}

/// What each of `recipes` is told: warnings and errors.
fn complaints(
    plugin: &str,
    tools: &[&'static str],
    files: &[(&str, &str)],
    recipes: impl IntoIterator<Item = Value>,
) -> String {
    let mut text = String::new();
    for recipe in recipes {
        writeln!(text, "{recipe}").unwrap();
        let case = case(plugin, tools, &[], recipe);
        for (path, content) in files {
            case.write(&format!("package/{path}"), content);
        }
        match case.generate() {
            Ok(generated) => {
                for message in &generated.messages {
                    writeln!(text, "  {:?}: {}", message.level, message.text).unwrap();
                }
            }
            Err(error) => writeln!(text, "  error: {error}").unwrap(),
        }
    }
    text
}

/// Whether all `tools` are installed; says which test cannot run where one is not.
fn has(test: &str, tools: &[&str]) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_missing =
        |tool: &&&str| !std::env::split_paths(&path).any(|one| one.join(tool).is_file());
    match tools.iter().find(is_missing) {
        Some(tool) => skipped(&format!("{test}: {tool} is not installed")),
        None => return true,
    }
    false
}

/// Every file below the output directory, and what it holds; links as what they say.
fn outputs(space: &Space) -> BTreeMap<String, Vec<u8>> {
    let top = space.path(".wake/out");
    let mut found = BTreeMap::new();
    let mut directories = vec![top.clone()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.strip_prefix(&top).unwrap().display().to_string();
            let kind = path.symlink_metadata().unwrap().file_type();
            if kind.is_symlink() {
                let link = std::fs::read_link(&path).unwrap();
                found.insert(name, link.display().to_string().into_bytes());
            } else if kind.is_dir() {
                directories.push(path);
            } else {
                found.insert(name, std::fs::read(&path).unwrap());
            }
        }
    }
    found
}

/// Builds an example, its tests included, in two places: all outputs must be the same bytes, and nothing may be written
/// into the packages. Catches times, places and the order of directories in what is made.
fn is_reproducible(example: &str) {
    let built = |_| {
        let space = Space::example(example);
        let before = sources(&space);
        space.wake(["build", "./..."]).success();
        space.wake(["test"]).success();
        assert_eq!(before, sources(&space), "files of the packages");
        outputs(&space)
    };
    let [first, second] = [0, 1].map(built);
    let names = |made: &BTreeMap<String, Vec<u8>>| made.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&first), names(&second));
    for (name, content) in &first {
        assert!(second[name] == *content, "`{name}` is not the same twice");
    }
}

/// What lies in a workspace, but for what wake keeps of its own.
fn sources(space: &Space) -> Vec<String> {
    let mut found = Vec::new();
    let mut directories = vec![space.top()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if [".wake", "wake.lock"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                directories.push(path.clone());
            }
            found.push(
                path.strip_prefix(space.top())
                    .unwrap()
                    .display()
                    .to_string(),
            );
        }
    }
    found.sort();
    found
}

/// A command whose output is what the program of the module `tool` prints.
const USER: &str = "user: function(wake, pkg, config) wake.recipe({
    Language: 'Command',
    Dependencies: { Tool: [wake.getModule(pkg, 'tool')] },
    Operations: [{ Executable: '$(tool :tool)', Stdout: 'said' }],
  }),";

/// What [`USER`] made.
fn said(space: &Space) -> String {
    space.wake(["build", ":user"]).success();
    let outputs = outputs(space);
    let mut files = outputs.iter().filter(|(name, _)| name.ends_with("/said"));
    let (_, content) = files.next().unwrap();
    String::from_utf8_lossy(content).into_owned()
}

/// A `PKG` with these modules.
fn package(modules: &str) -> String {
    format!(
        "function(wake) wake.pkg(wake.pkgInfo('app', version='1.2.0'), modules={{ {modules} }})"
    )
}

/// A module with these properties.
fn module(name: &str, recipe: &str) -> String {
    format!("{name}: function(wake, pkg, config) wake.recipe({recipe}),")
}
