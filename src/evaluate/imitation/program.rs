//! What a program does on the disk in memory, in two halves: it reads, then it writes. Others may come in between.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::TOP;
use super::disk::{Disk, Node};
use crate::evaluate::exec::{Input, Process};
use crate::evaluate::model::Spec;

/// A program and all that its result depends on besides what it reads.
pub(super) struct Program {
    executable: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    input: Vec<u8>,
    stdout: Option<PathBuf>,
}

/// What it has read.
pub(super) struct Reading {
    result: Vec<u8>,
    pub(super) discovered: BTreeSet<PathBuf>,
    fails: bool,
}

impl Program {
    pub(super) fn of(process: &Process) -> Self {
        let declared = |(name, _): &&(String, String)| name.starts_with("V_");
        Self {
            executable: process.executable.clone(),
            arguments: process.arguments.clone(),
            environment: process
                .environment
                .iter()
                .filter(declared)
                .cloned()
                .collect(),
            input: match &process.input {
                Input::Text(text) => text.clone(),
                Input::Nothing | Input::File(_) => Vec::new(),
            },
            stdout: process.stdout.clone(),
        }
    }

    pub(super) fn of_spec(spec: &Spec) -> Self {
        let path = |path: &String| Path::new(TOP).join(path);
        let environment = spec.environment.iter();
        Self {
            executable: spec.tool.as_ref().map_or_else(|| "/bin/sh".into(), path),
            arguments: spec.arguments.clone(),
            environment: environment
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            input: spec.stdin.clone().unwrap_or_default().into_bytes(),
            stdout: spec.stdout.as_ref().map(path),
        }
    }

    /// Reads. `None`: something that it needs is not there.
    pub(super) fn read(&self, disk: &Disk) -> Option<Reading> {
        let mut hasher = blake3::Hasher::new();
        if self.executable.starts_with(TOP) {
            hasher.update(disk.bytes(&self.executable)?);
        }
        for (name, value) in &self.environment {
            hasher.update(name.as_bytes()).update(value.as_bytes());
        }
        hasher.update(&self.input);
        for argument in &self.arguments {
            let (verb, _) = argument.split_once(':')?;
            if !matches!(verb, "depfile" | "touch") {
                hasher.update(argument.as_bytes());
            }
        }
        let (texts, discovered) = self.texts(disk)?;
        for (path, text) in &texts {
            hasher.update(path.to_string_lossy().as_bytes());
            hasher.update(text.as_bytes());
        }
        let result = hasher.finalize().to_hex()[..8].as_bytes().to_vec();
        let any = |word: &str| texts.values().any(|text| text.contains(word));
        // Only two results, so that equal outputs of different inputs are common.
        let result = match any("COARSE") {
            true => vec![result[0] & 1],
            false => result,
        };
        Some(Reading {
            result,
            discovered,
            fails: any("ERROR"),
        })
    }

    /// The texts of all files that it reads, and what it finds out that it reads.
    fn texts(&self, disk: &Disk) -> Option<(BTreeMap<PathBuf, String>, BTreeSet<PathBuf>)> {
        let mut discovered = BTreeSet::new();
        let mut open: Vec<(PathBuf, bool)> = Vec::new();
        for argument in &self.arguments {
            match argument.split_once(':')? {
                ("read", path) => open.push((path.into(), false)),
                ("scan", path) => open.push((path.into(), true)),
                _ => {}
            }
        }
        let mut texts = BTreeMap::new();
        while let Some((path, scans)) = open.pop() {
            for file in disk.below(&disk.resolve(&path)?) {
                let Some(content) = disk.bytes(&file) else {
                    continue;
                };
                let text = String::from_utf8_lossy(content).into_owned();
                let words = text.split_whitespace().filter(|_| scans);
                for named in words.filter_map(|word| word.strip_prefix('@')) {
                    let named = Path::new(TOP).join(named);
                    if discovered.insert(named.clone()) {
                        open.push((named, true));
                    }
                }
                // Under the name by which it asked: where a link leads is not a part of its result.
                let rest = file.strip_prefix(disk.resolve(&path)?).unwrap_or(&file);
                let name = match rest.as_os_str().is_empty() {
                    true => path.clone(),
                    false => path.join(rest),
                };
                texts.insert(name, text);
            }
        }
        Some((texts, discovered))
    }

    /// Writes; only a half if `is_cut`, or if what it read makes it fail. Returns whether it succeeded.
    pub(super) fn write(&self, disk: &mut Disk, reading: &Reading, is_cut: bool) -> bool {
        let writes = |argument: &&String| {
            let verb = argument.split_once(':').map(|(verb, _)| verb);
            matches!(verb, Some("write" | "tree" | "depfile"))
        };
        let mut writing: Vec<String> = self.arguments.iter().filter(writes).cloned().collect();
        if let Some(path) = &self.stdout {
            writing.insert(0, format!("write:{}", path.display()));
        }
        let fails = is_cut || reading.fails;
        if fails {
            writing.truncate(writing.len().div_ceil(2));
        }
        writing
            .iter()
            .all(|argument| write_one(disk, reading, argument).is_some())
            && !fails
    }
}

fn write_one(disk: &mut Disk, reading: &Reading, argument: &str) -> Option<()> {
    let (verb, path) = argument.split_once(':')?;
    let result = &reading.result;
    match verb {
        "tree" => {
            put(disk, path.trim_end_matches('/'), Node::Directory)?;
            let leaf = format!("{path}leaf{}", result[0] & 1);
            put(disk, &leaf, Node::file(result.clone()))
        }
        "depfile" => {
            let names: Vec<String> = reading
                .discovered
                .iter()
                .map(|path| path.display().to_string())
                .collect();
            let text = format!("x: {}\n", names.join(" ")).into_bytes();
            put(disk, path, Node::file(text))
        }
        _ => put(disk, path, Node::file(result.clone())),
    }
}

fn put(disk: &mut Disk, path: &str, node: Node) -> Option<()> {
    let path = Path::new(path);
    if disk.allows_change().ok()? {
        let parent = path.parent()?;
        assert!(
            disk.entries.contains_key(parent),
            "no directory for {}",
            path.display()
        );
        disk.put(path, node);
    }
    Some(())
}
