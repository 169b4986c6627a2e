//! The evaluation that begins while the rest of a build is still generated: on a thread of its own, with all that it
//! needs.

use std::cell::{Cell, RefCell};
use std::sync::{Arc, OnceLock};

use super::runner::Runner;
use crate::error::{Error, Kind, Result};
use crate::evaluate::interrupt::Listening;
use crate::evaluate::{Background, Growth, Interrupt, State, Step};
use crate::event::{Shared, Summary};
use crate::generate::early::Evaluation;
use crate::graph::Graph;

/// See the module.
pub(super) struct Ahead<'a> {
    pub(super) runner: Runner,
    pub(super) subscribers: Shared,
    /// What has begun, for whoever goes on with it.
    pub(super) background: &'a mut Option<Background>,
    /// What ends evaluations of declarations and tasks, too, once something runs.
    pub(super) interrupt: Arc<OnceLock<Interrupt>>,
    /// What ends the process at an interrupt as long as nothing runs.
    pub(super) ends_at_once: &'a RefCell<Option<Listening>>,
    /// How many operations ran of graphs that did not become the whole one.
    pub(super) early: &'a Cell<usize>,
}

impl Evaluation for Ahead<'_> {
    fn begin(&mut self, graph: Graph, state: &mut State) -> Result<()> {
        let (mut runner, mut subscribers) = (self.runner.clone(), self.subscribers.clone());
        // Whoever began first is heeded already.
        let _ = self.interrupt.set(runner.options.interrupt.clone());
        *self.ends_at_once.borrow_mut() = None;
        let evaluate = Box::new(
            move |graph: &Graph, state: &mut State, growth: &mut dyn Growth| {
                runner.run_growing(graph, state, growth, &mut subscribers)
            },
        );
        *self.background = Some(Background::begin(graph, state, evaluate)?);
        Ok(())
    }

    fn borrow(&mut self, state: &mut State) -> Result<()> {
        let Some(background) = self.background.as_ref() else {
            return Err(Error::internal("Nothing is evaluated"));
        };
        if background.borrow(state) {
            return Ok(());
        }
        let summary = self.end(state)?;
        let cause = match summary.interrupted {
            true => Error::new(Kind::Interrupted, "Interrupted"),
            false => Error::internal("The evaluation ended before its graph was whole"),
        };
        Err(cause)
    }

    fn give_back(&mut self, state: &mut State, step: Step) {
        if let Some(background) = self.background.as_ref() {
            background.give_back(state, step);
        }
    }

    fn abandon(&mut self, state: &mut State) -> Result<Summary> {
        self.give_back(state, Step::Abandoned);
        let summary = self.end(state)?;
        self.early.set(self.early.get() + summary.ran);
        Ok(summary)
    }
}

impl Ahead<'_> {
    fn end(&mut self, state: &mut State) -> Result<Summary> {
        let background = self.background.take();
        background.map_or_else(|| Ok(Summary::default()), |one| one.end(state))
    }
}
