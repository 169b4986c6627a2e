//! What lets generating begin anew when a package has arrived, at little cost: evaluations are remembered, and what was
//! said is not said again.

use std::collections::HashSet;

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
        if let Some(outcome) = self.evaluations.recall(request) {
            return Ok(outcome);
        }
        let outcome = (self.ask)(request)?;
        self.evaluations.remember(request, &outcome);
        Ok(outcome)
    }
}

/// Passes each event on once.
pub(super) struct Once<'a> {
    subscriber: &'a mut dyn Subscriber,
    said: HashSet<String>,
}

impl<'a> Once<'a> {
    pub(super) fn new(subscriber: &'a mut dyn Subscriber) -> Self {
        Self {
            subscriber,
            said: HashSet::new(),
        }
    }
}

impl Subscriber for Once<'_> {
    fn event(&mut self, event: &Event) {
        let text = match event {
            Event::Message { instance, text, .. } => format!("{instance}\n{text}"),
            Event::Generated { instance, .. } => instance.clone(),
            _ => return self.subscriber.event(event),
        };
        if self.said.insert(text) {
            self.subscriber.event(event);
        }
    }
}
