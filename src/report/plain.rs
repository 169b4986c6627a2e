//! The console for everything that is not a terminal: lines, no control characters, nothing redrawn.

use std::io::Write;
use std::time::Duration;

use super::narrate::Narrator;
use super::text::{duration, one_line};
use super::{ConsoleOptions, Verbosity};
use crate::event::{Event, Subscriber};

/// How long an operation may run in silence: CI systems give up on jobs that print nothing.
const SILENCE: Duration = Duration::from_secs(60);

struct Running {
    operation: String,
    title: String,
    since: Duration,
    last_told: Duration,
}

/// One line per finished operation, and now and then one for an operation that takes long.
pub(super) struct Plain<W, C> {
    narrator: Narrator,
    to: W,
    /// Time since an arbitrary moment.
    now: C,
    is_quiet: bool,
    running: Vec<Running>,
}

impl<W: Write, C: Fn() -> Duration> Plain<W, C> {
    pub(super) fn new(options: ConsoleOptions, to: W, now: C) -> Self {
        Self {
            narrator: Narrator::new(options, true),
            to,
            now,
            is_quiet: options.verbosity == Verbosity::Quiet,
            running: Vec::new(),
        }
    }

    fn follow(&mut self, event: &Event) {
        match event {
            Event::OperationStarted {
                operation, title, ..
            } => {
                let now = (self.now)();
                self.running.push(Running {
                    operation: operation.clone(),
                    title: one_line(title),
                    since: now,
                    last_told: now,
                });
            }
            Event::OperationFinished { operation, .. } => self
                .running
                .retain(|running| running.operation != *operation),
            _ => {}
        }
    }

    fn write(&mut self, text: &str) {
        if !text.is_empty() {
            // Nobody is left to be told that nobody reads.
            let _ = self.to.write_all(text.as_bytes());
            let _ = self.to.flush();
        }
    }
}

impl<W: Write, C: Fn() -> Duration> Subscriber for Plain<W, C> {
    fn event(&mut self, event: &Event) {
        let text = self.narrator.hear(event);
        self.follow(event);
        self.write(&text);
    }

    fn wants_up_to_date(&self) -> bool {
        self.narrator.wants_up_to_date()
    }

    fn wants_needs(&self) -> bool {
        self.narrator.wants_needs()
    }

    fn tick(&mut self) {
        if self.is_quiet {
            return;
        }
        let now = (self.now)();
        let mut text = String::new();
        for running in &mut self.running {
            if now.saturating_sub(running.last_told) >= SILENCE {
                running.last_told = now;
                let age = now.saturating_sub(running.since).as_secs_f64() * 1000.0;
                text.push_str(&format!(
                    "Still running: {} ({})\n",
                    running.title,
                    duration(age)
                ));
            }
        }
        self.write(&text);
    }
}
