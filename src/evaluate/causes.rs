//! What the latest runs of operations were, and what led to them: an input that changed because another operation made it
//! anew, back to the root cause. It reads what is recorded, and looks at no file.

use std::collections::{HashMap, HashSet};

use crate::event::Reason;
use crate::graph::FileId;

use super::state::State;

/// The latest run of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pub identity: FileId,
    /// As in events: its first output, or its title.
    pub operation: String,
    pub title: String,
    pub reason: Reason,
    pub succeeded: bool,
    /// Nanoseconds since the epoch.
    pub finished: i64,
}

impl Run {
    fn of(state: &State, identity: FileId) -> Option<Self> {
        let result = state.result(identity)?;
        let story = result.story()?;
        let path = state.display(identity);
        Some(Self {
            identity,
            // One without outputs is identified by its directory and its title.
            operation: match path.ends_with(&format!("#{}", story.title)) {
                true => story.title.clone(),
                false => path,
            },
            title: story.title,
            reason: story.reason,
            succeeded: result.succeeded(),
            finished: result.finished(),
        })
    }
}

/// The latest runs of all operations.
pub struct Causes {
    runs: HashMap<FileId, Run>,
    /// Who made each file, and what of it was recorded, by path.
    made: HashMap<String, (FileId, String)>,
}

impl Causes {
    /// Reads what is recorded.
    pub fn new(state: &State) -> Self {
        let mut causes = Self {
            runs: HashMap::new(),
            made: HashMap::new(),
        };
        for identity in state.identities() {
            let Some(run) = Run::of(state, identity) else {
                continue;
            };
            let outputs = state
                .result(identity)
                .into_iter()
                .flat_map(|result| result.outputs());
            for number in outputs {
                let version = state.version(number);
                let content = version.content.short();
                causes
                    .made
                    .insert(state.display(version.file), (identity, content));
            }
            causes.runs.insert(identity, run);
        }
        causes
    }

    /// The latest run of an operation, if one is recorded.
    pub fn of(&self, identity: FileId) -> Option<&Run> {
        self.runs.get(&identity)
    }

    /// The operations that ran at or after a time, in the order in which they ended.
    pub fn since(&self, began: i64) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self
            .runs
            .values()
            .filter(|run| run.finished >= began)
            .collect();
        runs.sort_by(|one, other| {
            (one.finished, &one.operation).cmp(&(other.finished, &other.operation))
        });
        runs
    }

    /// All runs that `is_wanted` says, by the names of their operations.
    pub fn find(&self, is_wanted: impl Fn(&Run) -> bool) -> Vec<&Run> {
        let mut runs: Vec<&Run> = self.runs.values().filter(|run| is_wanted(run)).collect();
        runs.sort_by(|one, other| one.operation.cmp(&other.operation));
        runs
    }

    /// The operation that made a file, or the directory that it lies in, when it ran last.
    pub fn maker(&self, path: &str) -> Option<FileId> {
        let own = [path.to_owned(), format!("{path}/")];
        let above = path
            .rmatch_indices('/')
            .map(|(end, _)| path[..=end].to_owned());
        let mut found = own
            .into_iter()
            .chain(above)
            .filter_map(|path| self.made.get(&path));
        found.next().map(|(identity, _)| *identity)
    }

    /// The runs that led to one: that which made what had changed, that which led to that, and so on to the root cause.
    /// It ends where a run is no longer recorded, since the operation has run again.
    pub fn chain(&self, run: &Run) -> Vec<&Run> {
        let mut seen = HashSet::from([run.identity]);
        let mut chain = Vec::new();
        let mut last = run;
        while let Some(before) = self.before(last)
            && seen.insert(before.identity)
        {
            chain.push(before);
            last = before;
        }
        chain
    }

    /// The run that made what a run found changed.
    fn before(&self, run: &Run) -> Option<&Run> {
        let (path, new) = match &run.reason {
            Reason::InputChanged { path, new, .. } | Reason::ToolChanged { path, new, .. } => {
                (path, new)
            }
            _ => return None,
        };
        let maker = self.runs.get(&self.maker(path)?)?;
        // What it made later, or something else than it made, cannot be what was found.
        let is_same = self
            .made
            .get(path)
            .is_none_or(|(_, made)| new.ends_with(made));
        (is_same && maker.finished <= run.finished).then_some(maker)
    }
}
