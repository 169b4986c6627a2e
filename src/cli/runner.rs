//! Runs operations on the real machine, or tells what would run, for all commands that do.

use std::path::PathBuf;

use crate::error::Result;
use crate::evaluate::{self, Growth, Options, Preview, Question, Real, State, Wanted};
use crate::event::{Subscriber, Summary};
use crate::graph::Graph;
use crate::sandbox::orphans;

/// What evaluates graphs: the options are the same for all of them.
#[derive(Clone)]
pub(super) struct Runner {
    pub(super) options: Options,
    /// `.wake/state/`.
    pub(super) state_directory: PathBuf,
}

impl Runner {
    /// Brings what is wanted of a graph up to date; no process is left behind.
    pub(super) fn run(
        &mut self,
        graph: &Graph,
        state: &mut State,
        wanted: Wanted,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Summary> {
        self.options.wanted = wanted;
        let world = Real::new(&self.state_directory);
        let adoption = orphans::adopt();
        let result = evaluate::evaluate(graph, state, &world, &self.options, subscriber);
        adoption.end();
        result
    }

    /// Tells what would run of what is wanted of a graph, and returns it.
    pub(super) fn foresee(
        &self,
        graph: &Graph,
        state: &mut State,
        wanted: &Wanted,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Preview> {
        let world = Real::new(&self.state_directory);
        let question = Question {
            wanted,
            force: self.options.force,
            check: self.options.check,
        };
        let preview = evaluate::preview(graph, state, &world, &question)?;
        preview.tell(graph, state, &self.options, subscriber);
        Ok(preview)
    }

    /// As [`Self::run`] of all but tests, of a graph that grows.
    pub(super) fn run_growing(
        &mut self,
        graph: &Graph,
        state: &mut State,
        growth: &mut dyn Growth,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Summary> {
        self.options.wanted = Wanted::Build;
        let world = Real::new(&self.state_directory);
        let adoption = orphans::adopt();
        let options = &self.options;
        let result = evaluate::evaluate_growing(graph, state, &world, options, growth, subscriber);
        adoption.end();
        result
    }
}
