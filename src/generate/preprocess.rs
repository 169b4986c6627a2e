//! What tasks ask for with `preprocess`: operations that run before all others are known, and whose outputs tasks read.
//!
//! It does not know how operations run.

use std::collections::{BTreeMap, HashMap};

use super::Run;
use super::instances::Preprocessed;
use super::lower::{Lowered, Preprocess};
use crate::error::{Error, Kind, Result};
use crate::evaluate::state::State;
use crate::event::{Subscriber, Summary};
use crate::fs;
use crate::graph::freeze;
use crate::graph::{FileId, Graph};

/// How often the tasks of one instance may ask for more. Once is usual; tasks that never have enough would not end.
const MOST_PASSES: usize = 10;

/// Bytes of the longest output that tasks can read.
const LONGEST: usize = 16 << 20;

/// What was made by now.
#[derive(Default)]
pub(super) struct Made {
    pub(super) contents: Preprocessed,
    /// By instance and output: the operation that made what was read.
    specs: HashMap<(String, String), [u8; 32]>,
    /// How often each instance has asked.
    passes: HashMap<String, usize>,
}

impl Made {
    /// Makes what tasks of a graph that is not complete wait for, and reads it.
    ///
    /// # Errors
    /// `Failed`: an operation failed, which it has said itself. `User`: an output cannot be read by tasks.
    pub(super) fn run(
        &mut self,
        lowered: &Lowered,
        graph: &Graph,
        state: &mut State,
        run: &mut Run<'_>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let pending = || lowered.preprocess.iter().filter(|one| one.is_pending);
        let asking: BTreeMap<_, _> = pending().map(|one| (&one.instance, one)).collect();
        for one in asking.into_values() {
            self.pass(one)?;
        }
        if let Some(unmade) = pending().find(|one| graph.maker(one.file).is_none()) {
            let (path, label) = (state.display(unmade.file), &unmade.label);
            return Err(Error::user(format!("No operation makes `{path}`"))
                .cause(format!("it is the plugin that `{label}` is there for"))
                .hint("a `Build` dependency of the plugin must have a task that makes it; or name a file of the package"));
        }
        let files: Vec<FileId> = pending().map(|one| one.file).collect();
        succeed(&run(graph, state, files, subscriber)?)?;
        for one in pending() {
            let content = content(state, one)?;
            let of_instance = self.contents.entry(one.instance.clone()).or_default();
            of_instance.insert(one.text.clone(), content);
            let output = (one.instance.clone(), one.text.clone());
            self.specs.insert(output, one.spec);
        }
        Ok(())
    }

    /// Counts one more pass of an instance, which asks for `one` now.
    fn pass(&mut self, one: &Preprocess) -> Result<()> {
        let passes = self.passes.entry(one.instance.clone()).or_default();
        *passes += 1;
        if *passes <= MOST_PASSES {
            return Ok(());
        }
        Err(Error::user(format!(
            "The tasks of `{}` ask for `preprocess` again and again",
            one.label
        ))
        .at_if_absent(one.at.as_ref())
        .cause(format!(
            "they have read what they asked for {MOST_PASSES} times, and ask for `{}` now",
            one.operation
        ))
        .hint("what they ask for must not depend without end on the outputs that they have read"))
    }

    /// Refuses tasks that ask for another operation than the one whose output they have read.
    ///
    /// # Errors
    /// `User`.
    pub(super) fn check(&self, lowered: &Lowered) -> Result<()> {
        for one in &lowered.preprocess {
            let output = (one.instance.clone(), one.text.clone());
            if self
                .specs
                .get(&output)
                .is_some_and(|spec| *spec != one.spec)
            {
                return Err(Error::user(format!(
                    "The tasks of `{}` have read `{}`, and then have another operation make it",
                    one.label, one.text
                ))
                .hint("what makes an output that tasks read must not depend on that output")
                .at_if_absent(one.at.as_ref()));
            }
        }
        Ok(())
    }

    /// What tasks have read, as a graph remembers it.
    pub(super) fn read(&self, lowered: &Lowered) -> Vec<freeze::Preprocessed> {
        let read = lowered.preprocess.iter().filter_map(|one| {
            let content = self.contents.get(&one.instance)?.get(&one.text)?;
            let hash = *blake3::hash(content.as_bytes()).as_bytes();
            let file = one.file;
            Some(freeze::Preprocessed { file, hash })
        });
        read.collect()
    }
}

/// Whether what tasks read when a graph was made is what they would read now. It is brought up to date for that.
pub(super) fn holds(
    graph: &Graph,
    state: &mut State,
    run: &mut Run<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<bool> {
    let read = &graph.meta().preprocessed;
    if read.is_empty() {
        return Ok(true);
    }
    let files = read.iter().map(|one| one.file).collect();
    let summary = run(graph, state, files, subscriber)?;
    succeed(&summary)?;
    let is_same = |one: &freeze::Preprocessed| {
        let content = fs::read_if_exists(&state.absolute(one.file)).ok().flatten();
        content.is_some_and(|content| *blake3::hash(&content).as_bytes() == one.hash)
    };
    Ok(read.iter().all(is_same))
}

/// Refuses to go on without what was to be made.
fn succeed(summary: &Summary) -> Result<()> {
    if summary.interrupted {
        return Err(Error::new(Kind::Interrupted, "Interrupted"));
    }
    if summary.failed > 0 {
        let error = Error::new(Kind::Failed, "Tasks cannot go on");
        return Err(error.cause("an operation that they asked for with `preprocess` failed"));
    }
    Ok(())
}

/// An output as tasks read it.
fn content(state: &State, one: &Preprocess) -> Result<String> {
    let subject = |cause: &str| {
        let shown = state.display(one.file);
        Error::user(format!(
            "Tasks cannot read `{shown}`, which `preprocess` makes"
        ))
        .cause(cause)
        .cause(format!(
            "in the operation `{}` of `{}`",
            one.operation, one.label
        ))
        .at_if_absent(one.at.as_ref())
    };
    let path = state.absolute(one.file);
    if !fs::is_file(&path) {
        let cause = match (fs::is_directory(&path), fs::exists(&path)) {
            (true, _) => "it is a directory",
            (_, true) => "it is a pipe or a device",
            _ => "it is a link that leads nowhere",
        };
        return Err(subject(cause).hint("have the operation make a file"));
    }
    let content = fs::read(&path)?;
    if content.len() > LONGEST {
        let bytes = content.len();
        return Err(subject(&format!(
            "it has {bytes} bytes, the most are {LONGEST}"
        )));
    }
    String::from_utf8(content).map_err(|_| subject("it is not UTF-8"))
}
