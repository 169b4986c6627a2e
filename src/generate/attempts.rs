//! What lets generating begin anew when a package has arrived, at little cost: evaluations are remembered, and what was
//! said is not said again.

use std::collections::HashSet;

use super::lower::Lowered;
use crate::error::Result;
use crate::event::{Event, Subscriber};
use crate::jsonnet::protocol::{Outcome, Request};
use crate::pkg::Ask;
use crate::workspace::evaluations::Evaluations;

/// Remembers the outcomes of evaluations, which are pure, in this run and between runs.
pub(super) struct Memo<'a> {
    ask: &'a Ask<'a>,
    evaluations: &'a Evaluations,
}

impl<'a> Memo<'a> {
    pub(super) fn new(ask: &'a Ask<'a>, evaluations: &'a Evaluations) -> Self {
        Self { ask, evaluations }
    }

    /// As the evaluation process would answer.
    pub(super) fn ask(&self, request: &Request) -> Result<Outcome> {
        let key = self.evaluations.key(request);
        if let Some(outcome) = self.evaluations.recall(&key) {
            return Ok(outcome);
        }
        let outcome = (self.ask)(request)?;
        self.evaluations.remember(key, &outcome);
        Ok(outcome)
    }
}

/// Passes each event on once, and keeps what tasks say.
pub(super) struct Once<'a> {
    subscriber: &'a mut dyn Subscriber,
    said: HashSet<String>,
    messages: Vec<Event>,
}

impl<'a> Once<'a> {
    pub(super) fn new(subscriber: &'a mut dyn Subscriber) -> Self {
        Self {
            subscriber,
            said: HashSet::new(),
            messages: Vec::new(),
        }
    }

    /// What tasks said.
    pub(super) fn messages(self) -> Vec<Event> {
        self.messages
    }

    /// Says that all instances are generated.
    pub(super) fn all_generated(&mut self, lowered: &Lowered) {
        let generated = lowered.instances.len() - lowered.reused;
        let reused = lowered.reused;
        self.subscriber
            .event(&Event::AllGenerated { generated, reused });
    }
}

impl Subscriber for Once<'_> {
    fn event(&mut self, event: &Event) {
        let text = match event {
            Event::Message { instance, text, .. } => format!("{instance}\n{text}"),
            Event::Generated {
                target_directory, ..
            } => target_directory.clone(),
            Event::Resolved { by_path, fetched } => format!("{by_path} {fetched}"),
            _ => return self.subscriber.event(event),
        };
        if self.said.insert(text) {
            if let Event::Message { .. } = event {
                self.messages.push(event.clone());
            }
            self.subscriber.event(event);
        }
    }

    fn wants_up_to_date(&self) -> bool {
        self.subscriber.wants_up_to_date()
    }

    fn tick(&mut self) {
        self.subscriber.tick();
    }

    fn resumed(&mut self) {
        self.subscriber.resumed();
    }

    fn lend_terminal(&mut self, operation: &str) {
        self.subscriber.lend_terminal(operation);
    }
}
