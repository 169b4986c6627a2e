//! What happens in a build, as values: the one stream that consoles, the `--events` file, recorded runs and explanations
//! are made from. The engine emits, it never prints.

pub mod diff;
pub mod reason;
pub mod shell;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::observe::Asking;

pub use reason::{Listing, PartChange, Reason};

/// One thing that happened. In the `--events` file each is a JSON object in a line, its `type` in kebab case; fields may
/// be added, and are never renamed or removed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "kebab-case")]
pub enum Event {
    /// The first event of every run.
    Started {
        version: String,
        workspace: String,
        jobs: usize,
    },
    /// Another wake holds the workspace; this one waits.
    WaitingForLock { path: String },
    /// Something wake kept could not be used and was made anew; said once.
    StateDiscarded { path: String, cause: String },
    /// The workspace is open: its lock is held, its state is read.
    Opened,
    /// A package's declaration was evaluated.
    Declared { package: String, directory: String },
    /// A round of resolution begins to ask for what it does not know yet.
    Resolving { round: usize, lacking: usize },
    /// A retriever is asked for the versions of packages (`ns/name@requirement`).
    RetrieverAsked {
        retriever: String,
        packages: Vec<String>,
    },
    /// What a retriever wrote to standard error.
    RetrieverSaid { line: String },
    /// A chosen package is fetched.
    Fetching { package: String, retriever: String },
    /// A fetched package was put into the store.
    Stored {
        package: String,
        id: String,
        bytes: u64,
    },
    /// All packages are found: how many by path and how many by retrievers.
    Resolved { by_path: usize, fetched: usize },
    /// The lock was written: what was added, removed, changed, one line for people each.
    LockWritten { path: String, changes: Vec<String> },
    /// Something that a user should know.
    Warning { text: String },
    /// Operations are observed.
    Observed { asking: Asking },
    /// Operations are not observed.
    NotObserved { cause: String },
    /// The tasks of an instance ran.
    Generated {
        instance: String,
        /// Relative to the workspace's top: one module may have several instances.
        #[serde(default)]
        target_directory: String,
        operations: usize,
        milliseconds: f64,
    },
    /// Every instance is generated: how many by running their tasks, and of how many the saved results were used.
    AllGenerated { generated: usize, reused: usize },
    /// The saved graph is still right: nothing was declared or generated.
    GraphReused { operations: usize },
    /// A task has something to say.
    Message {
        instance: String,
        level: Level,
        text: String,
        /// `Build of std-plugins/c.libsonnet`.
        #[serde(default)]
        task: String,
    },
    /// How many operations this run looks at, as far as is known by now. Sent before the first operation, and again
    /// whenever more are known: operations run while others are still generated.
    Planned { operations: usize },
    /// How many operations were found up to date so far. Sent now and then while operations run, for subscribers that do
    /// not want each [`Event::OperationUpToDate`] but show how far the run is.
    UpToDate { operations: usize },
    /// All files that this run depends on are looked at; operations may run already.
    Surveyed,
    /// A file of an instance that is no longer made was removed.
    StaleRemoved { path: String },
    /// Fewer operations run at once than asked for: why. Sent once for each cause.
    HeldBack { cause: String },
    OperationStarted {
        /// Its first output, relative to the workspace's top, or its title where it has none.
        operation: String,
        title: String,
        instance: String,
        reason: Reason,
        /// The command line as a shell would take it; empty for what runs inside wake.
        command: String,
        /// All its declared outputs, relative to the workspace's top.
        #[serde(default)]
        outputs: Vec<String>,
        /// The operations that it needs and that ran in this run, by name; only where a subscriber wants them.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        needs: Vec<String>,
    },
    OperationFinished {
        operation: String,
        title: String,
        outcome: Outcome,
        /// Standard output and standard error together, as far as kept.
        output: String,
        milliseconds: f64,
        /// Whether any output differs from what was there before.
        changed: bool,
        /// Where a plugin that is not wake's makes the operation, as `file:line:column`; else empty.
        #[serde(default)]
        made_at: String,
        /// Whether it is a test.
        #[serde(default)]
        test: bool,
        /// The most memory that one of its processes took; 0 where none ran.
        #[serde(default)]
        memory_kib: u64,
    },
    /// An operation is up to date. `output` is what it printed when it ran, if it printed anything.
    OperationUpToDate {
        operation: String,
        title: String,
        output: String,
        /// Whether it is a test that was skipped.
        #[serde(default)]
        skipped: bool,
    },
    /// In a dry run: an operation that would run, or perhaps, where its reason is [`Reason::InputMayChange`].
    OperationForeseen {
        operation: String,
        title: String,
        instance: String,
        reason: Reason,
        /// As in [`Event::OperationStarted`].
        command: String,
    },
    /// In a dry run: a file that is no longer made and would be removed.
    StaleForeseen { path: String },
    /// An operation that was not run because something it needs failed.
    OperationSkipped { operation: String, title: String },
    /// The last event of every run.
    Finished(Summary),
    /// `wake watch` builds again, because of these files, relative to the workspace's top. The next event is [`Self::Started`].
    Changed {
        paths: Vec<String>,
        /// Whether there may be others, of which nobody knows.
        lost: bool,
    },
    /// `wake watch` waits for changes.
    Watching {
        directories: usize,
        /// Whether it will answer a `wake build` of the same as long as nothing changes.
        answers: bool,
    },
}

/// How grave a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// How an operation ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Outcome {
    Succeeded,
    /// A test that exited with 77.
    Skipped,
    Exited {
        code: i32,
    },
    Killed {
        signal: i32,
        /// Whether it was probably the kernel that killed it, because memory ran out.
        #[serde(default)]
        out_of_memory: bool,
    },
    TimedOut {
        seconds: u32,
    },
    /// It was stopped because the build was.
    Interrupted,
    /// It could not be started, or its result could not be used: the cause, and what to do.
    Unusable {
        cause: String,
        hint: Option<String>,
    },
}

impl Outcome {
    /// An error as an outcome.
    pub fn unusable(error: &Error) -> Self {
        let report = error.report();
        let mut cause = report.message.clone();
        for next in &report.causes {
            cause.push_str(": ");
            cause.push_str(next);
        }
        Self::Unusable {
            cause,
            hint: report.hint.clone(),
        }
    }

    pub fn is_success(&self) -> bool {
        matches!(self, Self::Succeeded | Self::Skipped)
    }
}

/// Counts of a whole run.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub ran: usize,
    pub up_to_date: usize,
    pub failed: usize,
    /// Of those that failed: those that were not started because what the user gave is wrong, such as a missing source.
    #[serde(default)]
    pub refused: usize,
    /// Not run because something they need failed, or the build stopped before.
    pub not_run: usize,
    pub tests_passed: usize,
    pub tests_skipped: usize,
    pub tests_failed: usize,
    pub interrupted: bool,
    pub milliseconds: f64,
    /// What a dry run found; nothing of it ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub foreseen: Option<Foreseen>,
}

/// Counts of a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Foreseen {
    /// Operations that would run.
    pub certain: usize,
    /// Those that would run if what others make comes out different.
    pub perhaps: usize,
    /// Whether there is more that is not known before these have run: tasks read what they make.
    pub is_partial: bool,
}

/// Hears every event, in order, one at a time.
pub trait Subscriber {
    fn event(&mut self, event: &Event);

    /// Whether [`Event::OperationUpToDate`] is wanted: a build that runs nothing makes one per operation.
    fn wants_up_to_date(&self) -> bool {
        false
    }

    /// Whether [`Event::OperationStarted`] is wanted with what the operation needs: a large graph has many such pairs.
    fn wants_needs(&self) -> bool {
        false
    }

    /// Called a few times a second while operations run, for consoles that show time passing.
    fn tick(&mut self) {}

    /// Called when wake was stopped, such as by ^Z, and goes on: others have drawn on the terminal.
    fn resumed(&mut self) {}

    /// Called before `operation` gets the terminal for itself: nothing may be drawn until it has finished.
    fn lend_terminal(&mut self, _operation: &str) {}
}

/// Hears nothing.
pub struct Silent;

impl Subscriber for Silent {
    fn event(&mut self, _event: &Event) {}
}

/// Several subscribers as one.
impl<S: Subscriber + ?Sized> Subscriber for Vec<Box<S>> {
    fn event(&mut self, event: &Event) {
        for subscriber in self {
            subscriber.event(event);
        }
    }

    fn wants_up_to_date(&self) -> bool {
        self.iter().any(|subscriber| subscriber.wants_up_to_date())
    }

    fn wants_needs(&self) -> bool {
        self.iter().any(|subscriber| subscriber.wants_needs())
    }

    fn tick(&mut self) {
        for subscriber in self {
            subscriber.tick();
        }
    }

    fn resumed(&mut self) {
        for subscriber in self {
            subscriber.resumed();
        }
    }

    fn lend_terminal(&mut self, operation: &str) {
        for subscriber in self {
            subscriber.lend_terminal(operation);
        }
    }
}

/// Subscribers that several threads tell what happens, one at a time. While an operation has the terminal, what other
/// threads tell is kept back.
#[derive(Clone, Default)]
pub struct Shared(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    subscribers: Vec<Box<dyn Subscriber + Send>>,
    lent_to: Option<String>,
    kept_back: Vec<Event>,
}

impl Shared {
    pub fn new(subscribers: Vec<Box<dyn Subscriber + Send>>) -> Self {
        Self(Arc::new(Mutex::new(Heard {
            subscribers,
            ..Heard::default()
        })))
    }

    /// Adds one, which hears what happens from now on.
    pub fn push(&self, subscriber: Box<dyn Subscriber + Send>) {
        self.lock().subscribers.push(subscriber);
    }

    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    fn event(&mut self, event: &Event) {
        let ended = match event {
            Event::OperationFinished { operation, .. } => Some(operation),
            _ => None,
        };
        if self.lent_to.is_some() && self.lent_to.as_ref() != ended {
            // Its start is told after the terminal was lent.
            if !matches!(event, Event::OperationStarted { .. }) {
                self.kept_back.push(event.clone());
                return;
            }
        } else {
            self.lent_to = None;
        }
        self.subscribers.event(event);
        if self.lent_to.is_none() {
            for event in std::mem::take(&mut self.kept_back) {
                self.subscribers.event(&event);
            }
        }
    }
}

impl Subscriber for Shared {
    fn event(&mut self, event: &Event) {
        self.lock().event(event);
    }

    fn wants_up_to_date(&self) -> bool {
        self.lock().subscribers.wants_up_to_date()
    }

    fn wants_needs(&self) -> bool {
        self.lock().subscribers.wants_needs()
    }

    fn tick(&mut self) {
        self.lock().subscribers.tick();
    }

    fn resumed(&mut self) {
        self.lock().subscribers.resumed();
    }

    fn lend_terminal(&mut self, operation: &str) {
        let mut heard = self.lock();
        heard.lent_to = Some(operation.to_owned());
        heard.subscribers.lend_terminal(operation);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Told(Arc<Mutex<Vec<String>>>);

    impl Subscriber for Told {
        fn event(&mut self, event: &Event) {
            let line = match event {
                Event::Warning { text } => text.clone(),
                Event::OperationFinished { operation, .. } => format!("{operation} finished"),
                other => format!("{other:?}"),
            };
            self.0.lock().unwrap().push(line);
        }

        fn lend_terminal(&mut self, operation: &str) {
            self.0.lock().unwrap().push(format!("{operation} has it"));
        }
    }

    /// Catches lines in the middle of what an operation draws itself, and events that get lost.
    #[test]
    fn who_has_the_terminal_is_not_disturbed() {
        let told = Arc::default();
        let mut shared = Shared::new(vec![Box::new(Told(Arc::clone(&told)))]);
        let warning = |text: &str| Event::Warning { text: text.into() };
        let finished = |operation: &str| Event::OperationFinished {
            operation: operation.into(),
            title: String::new(),
            outcome: Outcome::Succeeded,
            output: String::new(),
            milliseconds: 0.0,
            changed: false,
            made_at: String::new(),
            test: false,
            memory_kib: 0,
        };
        shared.event(&warning("1"));
        shared.lend_terminal("menu");
        shared.clone().event(&warning("2"));
        shared.event(&finished("other"));
        shared.event(&finished("menu"));
        shared.event(&warning("3"));
        let expected = [
            "1",
            "menu has it",
            "menu finished",
            "2",
            "other finished",
            "3",
        ];
        assert_eq!(*told.lock().unwrap(), expected);
    }
}
