//! One command that has run: what it printed, how it ended, what its events say. An assertion that fails shows all.

use std::collections::BTreeMap;
use std::process::Command;

use wake::event::{Event, Outcome, Reason, Summary};

use super::{Space, redact};

/// A finished command.
pub(crate) struct Run {
    /// As typed, for messages.
    pub(crate) command: String,
    /// The exit code; 128 and the number of the signal that killed it.
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// What `--events FILE` wrote, if it was asked for.
    pub(crate) events: Vec<Event>,
    tree: String,
    redactions: redact::Redactions,
}

impl Run {
    /// Runs `command` to its end.
    pub(crate) fn of(space: &Space, mut command: Command) -> Self {
        let output = command.output().unwrap();
        let words: Vec<String> = command
            .get_args()
            .map(|word| word.to_string_lossy().into_owned())
            .collect();
        let events = words
            .iter()
            .position(|word| word == "--events")
            .and_then(|index| words.get(index + 1))
            .map(|file| read_events(space, file))
            .unwrap_or_default();
        let line = wake::event::shell::command_line(words.iter().map(String::as_str));
        Self {
            command: format!("wake {line}"),
            status: exit_code(output.status),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            events,
            tree: space.tree(),
            redactions: redact::Redactions::of(space),
        }
    }

    /// Demands exit code 0.
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        self.code(0)
    }

    /// Demands an exit code.
    #[track_caller]
    pub(crate) fn code(self, code: i32) -> Self {
        self.demand(self.status == code, &format!("exit code {code}"));
        self
    }

    /// Demands an exit code; `story` is what led here.
    #[track_caller]
    pub(crate) fn code_of(self, code: i32, story: &str) -> Self {
        self.demand(
            self.status == code,
            &format!("exit code {code} after\n{story}\n"),
        );
        self
    }

    /// Demands that standard error contains `text`.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        self.demand(
            self.stderr.contains(text),
            &format!("{text:?} on standard error"),
        );
        self
    }

    /// Demands something, and shows everything where it is not so.
    #[track_caller]
    pub(crate) fn demand(&self, is_so: bool, what: &str) {
        assert!(is_so, "wanted {what}, but:\n{}", self.everything());
    }

    /// Titles of the operations that ran, sorted.
    pub(crate) fn ran(&self) -> Vec<&str> {
        let mut titles: Vec<&str> = self.finished().map(|(title, _)| title).collect();
        titles.sort_unstable();
        titles
    }

    /// Titles of the operations that failed, sorted.
    pub(crate) fn failed(&self) -> Vec<&str> {
        let mut titles: Vec<&str> = self
            .finished()
            .filter(|(_, outcome)| !outcome.is_success())
            .map(|(title, _)| title)
            .collect();
        titles.sort_unstable();
        titles
    }

    fn finished(&self) -> impl Iterator<Item = (&str, &Outcome)> {
        self.events.iter().filter_map(|event| match event {
            Event::OperationFinished { title, outcome, .. } => Some((title.as_str(), outcome)),
            _ => None,
        })
    }

    /// Why each operation ran, by its title.
    pub(crate) fn reasons(&self) -> BTreeMap<&str, &Reason> {
        self.events
            .iter()
            .filter_map(|event| match event {
                Event::OperationStarted { title, reason, .. } => Some((title.as_str(), reason)),
                _ => None,
            })
            .collect()
    }

    /// The last event.
    #[track_caller]
    pub(crate) fn summary(&self) -> &Summary {
        match self.events.last() {
            Some(Event::Finished(summary)) => summary,
            _ => panic!("no summary among the events:\n{}", self.everything()),
        }
    }

    /// Command, status and both streams, as a snapshot holds them.
    pub(crate) fn transcript(&self) -> String {
        let mut text = format!("$ {}\n", self.command);
        for (stream, content) in [("", &self.stdout), ("! ", &self.stderr)] {
            for line in content.lines() {
                text.push_str(format!("{stream}{line}").trim_end());
                text.push('\n');
            }
        }
        if self.status != 0 {
            text.push_str(&format!("=> {}\n", self.status));
        }
        self.redactions.apply(&text)
    }

    fn everything(&self) -> String {
        format!(
            "$ {}\n=> {}\n--- standard output\n{}\n--- standard error\n{}\n--- tree\n{}\n",
            self.command, self.status, self.stdout, self.stderr, self.tree
        )
    }
}

fn exit_code(status: std::process::ExitStatus) -> i32 {
    use std::os::unix::process::ExitStatusExt;
    status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

fn read_events(space: &Space, file: &str) -> Vec<Event> {
    let text = std::fs::read_to_string(space.path(file)).unwrap_or_default();
    text.lines()
        .map(|line| {
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error} in event {line}"))
        })
        .collect()
}
