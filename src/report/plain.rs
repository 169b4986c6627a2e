//! The console for everything that is not a terminal: lines, no control characters, nothing redrawn.

use std::io::Write;

use super::ConsoleOptions;
use super::narrate::Narrator;
use crate::event::{Event, Subscriber};

/// One line per finished operation.
pub(super) struct Plain<W> {
    narrator: Narrator,
    to: W,
}

impl<W: Write> Plain<W> {
    pub(super) fn new(options: ConsoleOptions, to: W) -> Self {
        Self {
            narrator: Narrator::new(options, true),
            to,
        }
    }
}

impl<W: Write> Subscriber for Plain<W> {
    fn event(&mut self, event: &Event) {
        let text = self.narrator.hear(event);
        if !text.is_empty() {
            // Nobody is left to be told that nobody reads.
            let _ = self.to.write_all(text.as_bytes());
            let _ = self.to.flush();
        }
    }

    fn wants_up_to_date(&self) -> bool {
        self.narrator.wants_up_to_date()
    }
}
