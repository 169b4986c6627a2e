//! What a build must come to, found out without the evaluator: every operation in turn, from nothing, on a copy of the
//! disk; and which operations a build that wastes nothing would run.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::super::imitation::{Imitation, TOP};
use super::super::model::{Spec, Targets};
use super::super::world::World;
use crate::fs::Content;
use crate::graph::Action;

/// How an operation ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    Made,
    Failed,
    /// An input is not there: it is not even tried.
    Refused,
    /// Something it needs failed.
    Skipped,
}

/// What an operation was when it last succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Memory {
    spec: Spec,
    reads: BTreeMap<String, Content>,
    outputs: BTreeMap<String, Content>,
    /// Whether wake may have had reason since not to trust it.
    is_doubtful: bool,
}

/// What a build without waste remembers, by the first output of an operation.
#[derive(Default)]
pub(super) struct Memories(BTreeMap<String, Memory>);

impl Memories {
    /// A build that was disturbed has ended: every operation may run once, to be sure.
    pub(super) fn doubt(&mut self) {
        for memory in self.0.values_mut() {
            memory.is_doubtful = true;
        }
    }
}

/// What a build comes to.
pub(super) struct Clean {
    pub(super) world: Imitation,
    /// One for each operation.
    pub(super) ends: Vec<End>,
    /// Titles of those that have to run, unless they are skipped or lack an input.
    pub(super) due: BTreeSet<String>,
}

/// Builds from nothing: what is in `world` without the target directories but for the `foreign` files in them.
pub(super) fn clean_build(
    specs: &[Spec],
    world: &Imitation,
    targets: Targets<'_>,
    foreign: &BTreeSet<String>,
    memories: &mut Memories,
) -> Clean {
    let clean = world.copy_without(&targets);
    for path in foreign {
        clean.edit(path, &world.text(path).unwrap_or_default());
    }
    let mut build = Building {
        specs,
        before: world,
        foreign,
        clean,
        ends: Vec::new(),
        due: BTreeSet::new(),
    };
    for spec in specs {
        let end = build.one(spec, memories);
        if end == End::Failed {
            memories.0.remove(&spec.outputs[0]);
        }
        build.ends.push(end);
    }
    let is_there = |output: &String| specs.iter().any(|spec| spec.outputs[0] == *output);
    let is_here = |output: &str| targets.iter().any(|target| below(output, target));
    memories
        .0
        .retain(|output, _| !is_here(output) || is_there(output));
    Clean {
        world: build.clean,
        ends: build.ends,
        due: build.due,
    }
}

/// Whether a path is a directory, or lies in it.
pub(super) fn below(path: &str, directory: &str) -> bool {
    Path::new(path).starts_with(directory)
}

struct Building<'a> {
    specs: &'a [Spec],
    /// The disk before the build.
    before: &'a Imitation,
    foreign: &'a BTreeSet<String>,
    clean: Imitation,
    ends: Vec<End>,
    due: BTreeSet<String>,
}

impl Building<'_> {
    fn one(&mut self, spec: &Spec, memories: &mut Memories) -> End {
        let needed = self.needed(spec);
        if needed.iter().any(|&maker| self.ends[maker] != End::Made) {
            return End::Skipped;
        }
        if self.is_due(spec, memories.0.get(&spec.outputs[0])) {
            self.due.insert(spec.title.clone());
        }
        let mut declared = spec.inputs.iter().chain(&spec.order_only);
        if declared.any(|path| self.clean.digest(path).is_absent()) {
            return End::Refused;
        }
        let mut reads = self.contents(&counting(spec));
        for output in &spec.outputs {
            self.clean.delete(output);
            let path = Path::new(TOP).join(output);
            let parent = path.parent().unwrap();
            self.clean.create_directories(parent).unwrap();
        }
        let discovered = self.perform(spec);
        if let Some(path) = spec.depfile.as_ref()
            && !(spec.outputs.contains(path) && discovered.is_some())
        {
            self.clean.delete(path);
        }
        let Some(discovered) = discovered.filter(|paths| !self.is_disordered(spec, paths)) else {
            self.withdraw(spec);
            return End::Failed;
        };
        reads.extend(self.contents(&discovered));
        let memory = Memory {
            spec: essence(spec),
            reads,
            outputs: self.contents(&spec.outputs),
            is_doubtful: false,
        };
        memories.0.insert(spec.outputs[0].clone(), memory);
        End::Made
    }

    /// What it finds out that it reads; `None`: it fails.
    fn perform(&self, spec: &Spec) -> Option<Vec<String>> {
        let path = |path: &String| Path::new(TOP).join(path);
        let output = path(&spec.outputs[0]);
        match &spec.action {
            None | Some(Action::Run(_)) => self.clean.perform(spec),
            Some(Action::WriteFile {
                content,
                executable,
            }) => {
                let written = self.clean.write(&output, content.as_bytes(), *executable);
                written.ok().map(|()| Vec::new())
            }
            Some(Action::CopyFile) => {
                let copied = self.clean.copy(&path(&spec.inputs[0]), &output);
                copied.ok().map(|()| Vec::new())
            }
            Some(Action::MakeDirectory) => unreachable!("no step makes directories"),
        }
    }

    fn withdraw(&self, spec: &Spec) {
        for output in &spec.outputs {
            self.clean.delete(output);
            let path = output.trim_end_matches('/');
            if self.foreign.contains(path) {
                let text = self.before.text(path).unwrap_or_default();
                self.clean.edit(path, &text);
            }
        }
    }

    fn contents(&self, paths: &[String]) -> BTreeMap<String, Content> {
        let content = |path: &String| (path.clone(), self.clean.digest(path));
        paths.iter().map(content).collect()
    }

    /// The position of the operation that makes a path, or the directory that it lies in.
    fn maker(&self, path: &str) -> Option<usize> {
        let makes = |spec: &Spec| {
            let mut outputs = spec.outputs.iter();
            outputs.any(|output| match output.strip_suffix('/') {
                Some(directory) => below(path, directory),
                None => output == path,
            })
        };
        self.specs.iter().position(makes)
    }

    fn needed(&self, spec: &Spec) -> Vec<usize> {
        let declared = spec.inputs.iter().chain(&spec.order_only).chain(&spec.tool);
        declared.filter_map(|path| self.maker(path)).collect()
    }

    /// Whether it reads what an operation makes that is not done before it.
    fn is_disordered(&self, spec: &Spec, discovered: &[String]) -> bool {
        let mut before = BTreeSet::new();
        let mut open = vec![spec];
        while let Some(spec) = open.pop() {
            for maker in self.needed(spec) {
                if before.insert(maker) {
                    open.push(&self.specs[maker]);
                }
            }
        }
        let mut makers = discovered.iter().filter_map(|path| self.maker(path));
        makers.any(|maker| self.specs[maker] != *spec && !before.contains(&maker))
    }

    fn is_due(&self, spec: &Spec, memory: Option<&Memory>) -> bool {
        let Some(memory) = memory else {
            return true;
        };
        let mut outputs = memory.outputs.iter();
        memory.is_doubtful
            || memory.spec != essence(spec)
            || outputs.any(|(path, content)| self.before.digest(path) != *content)
            || memory.reads != self.contents(&memory.reads.keys().cloned().collect::<Vec<String>>())
            || self.is_disordered(spec, &memory.reads.keys().cloned().collect::<Vec<String>>())
    }
}

/// The declared files that count.
fn counting(spec: &Spec) -> Vec<String> {
    let mut counting = spec.inputs.clone();
    if spec.depfile.is_none() && spec.action.is_none() {
        counting.extend_from_slice(&spec.order_only);
    }
    counting.extend(spec.tool.clone());
    counting
}

/// What makes it another operation.
fn essence(spec: &Spec) -> Spec {
    let mut essence = spec.clone();
    essence.title.clear();
    if spec.depfile.is_some() {
        essence.order_only.clear();
    }
    essence
}
