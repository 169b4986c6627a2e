//! A graph that grows while it is evaluated: what is known of it by now runs while the rest is still generated. A part of
//! `Scheduler`; where a graph comes from it does not know.
//!
//! The operations of a graph are the first ones of the graph that it grows to, in the same order. So all that is known of
//! them by their ids stays right, whatever they are doing at that moment.

use std::cell::{Cell, OnceCell};
use std::sync::mpsc::Sender;

use crate::error::Result;
use crate::event::Event;
use crate::graph::{Graph, OperationId};

use super::files::Check;
use super::schedule::{Message, OperationState, Scheduler};
use super::stale;
use super::state::State;
use super::survey::{Chunk, Survey};
use super::wanted::Wanted;
use super::world::World;

/// Where the rest of a graph comes from.
pub trait Growth: Send {
    /// Called once. `wake` has [`Growth::is_due`] asked soon.
    fn begin(&mut self, wake: Box<dyn Fn() + Send>);

    /// Whether there is more. It is asked often.
    fn is_due(&self) -> bool;

    /// Has the state, in which all files are named, lent to whoever makes graphs, and returns what they made.
    fn grow(&mut self, state: &mut State) -> Step;
}

/// What became of a graph.
pub enum Step {
    /// Nothing yet.
    Same,
    /// It grew, and will grow on.
    Grown(Graph),
    /// It is whole. What is wanted of the part that is new may be something else.
    Whole(Graph, Wanted),
    /// There will be no more. Nothing is started any more, what runs comes to its end.
    Abandoned,
}

/// A graph and who looks at its files, kept until the end: what was borrowed from it stays.
pub(super) struct Stage<'w> {
    graph: Graph,
    survey: Survey<'w>,
    next: OnceCell<Box<Stage<'w>>>,
}

/// The graphs that the first one grew to.
pub(super) struct Stages<'a, 'w> {
    world: &'w dyn World,
    check: Check,
    last: Cell<&'a OnceCell<Box<Stage<'w>>>>,
}

impl<'a, 'w> Stages<'a, 'w> {
    pub(super) fn new(
        first: &'a OnceCell<Box<Stage<'w>>>,
        world: &'w dyn World,
        check: Check,
    ) -> Self {
        Self {
            world,
            check,
            last: Cell::new(first),
        }
    }

    /// Keeps a graph for as long as the first one.
    pub(super) fn keep(&self, graph: Graph, state: &mut State) -> (&'a Graph, &'a Survey<'w>) {
        let stage = self.last.get().get_or_init(|| {
            Box::new(Stage {
                survey: Survey::new(&graph, state, self.world, self.check),
                graph,
                next: OnceCell::new(),
            })
        });
        self.last.set(&stage.next);
        (&stage.graph, &stage.survey)
    }
}

/// See [`Stages::keep`].
type Keep<'a> = dyn Fn(Graph, &mut State) -> (&'a Graph, &'a Survey<'a>) + 'a;

/// How a graph grows; nothing once it is whole.
pub(super) struct Growing<'a> {
    source: &'a mut dyn Growth,
    keep: &'a Keep<'a>,
}

impl<'a> Growing<'a> {
    pub(super) fn begin(
        source: &'a mut dyn Growth,
        keep: &'a Keep<'a>,
        messages: &Sender<Message>,
    ) -> Self {
        let messages = messages.clone();
        source.begin(Box::new(move || {
            let _ = messages.send(Message::Grown);
        }));
        Self { source, keep }
    }
}

/// Has the files of a chunk looked at on another thread.
pub(super) type LookAt<'s, 'a> = dyn Fn(&'a Survey<'a>, Chunk) + 's;

impl<'a> Scheduler<'a> {
    /// Takes in what the graph grew to, if it did.
    pub(super) fn grow_if_due(&mut self, look_at: &LookAt<'_, 'a>) -> Result<()> {
        let Some(growing) = self.growing.as_mut().filter(|one| one.source.is_due()) else {
            return Ok(());
        };
        self.state.flush()?;
        match growing.source.grow(self.state) {
            Step::Same => Ok(()),
            Step::Grown(graph) => {
                let stage = (growing.keep)(graph, self.state);
                self.grow(stage, look_at)
            }
            Step::Whole(graph, wanted) => {
                let stage = (growing.keep)(graph, self.state);
                self.growing = None;
                self.wanted = wanted;
                self.grow(stage, look_at)
            }
            Step::Abandoned => {
                self.growing = None;
                self.is_abandoned = true;
                Ok(())
            }
        }
    }

    /// Goes on with a graph that begins with the operations of the present one.
    fn grow(
        &mut self,
        (graph, survey): (&'a Graph, &'a Survey<'a>),
        look_at: &LookAt<'_, 'a>,
    ) -> Result<()> {
        super::check_origin(graph, self.state)?;
        let known = self.states.len();
        debug_assert!(
            (0..known)
                .map(OperationId::from_index)
                .all(|one| graph.key(one) == self.graph.key(one)),
            "a graph grows at its end"
        );
        self.earlier.push(self.survey);
        (self.graph, self.survey) = (graph, survey);
        for path in stale::remove_stale(graph, self.state, survey.world)? {
            self.subscriber.event(&Event::StaleRemoved { path });
        }
        self.plan(known);
        self.divide(known, look_at);
        self.queue.grow(graph, self.state);
        self.skip_after_failures(known);
        self.advance();
        Ok(())
    }

    /// Skips what is new and needs something that failed.
    fn skip_after_failures(&mut self, known: usize) {
        for operation in (0..known).map(OperationId::from_index) {
            if let OperationState::Failed | OperationState::Skipped = self.states[operation.index()]
            {
                self.skip_dependents(operation);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, Mutex};

    use super::super::imitation::{Imitation, TOP};
    use super::super::interrupt::Interrupt;
    use super::super::model::{Heard, Spec, build, frozen};
    use super::super::{Options, Summary, evaluate_growing};
    use super::*;
    use crate::event::Subscriber;
    use crate::fs;

    type Wake = Arc<Mutex<Option<Box<dyn Fn() + Send>>>>;

    fn wake(wake: &Wake) {
        if let Some(wake) = &*wake.lock().unwrap() {
            wake();
        }
    }

    /// Grows by the scripts' next part whenever `after` operations were started; then it is whole, or abandoned.
    struct Script {
        specs: Vec<Spec>,
        /// How many operations are known after each step.
        counts: Vec<usize>,
        /// How many must have been started before each step.
        after: Vec<usize>,
        started: Arc<AtomicUsize>,
        is_abandoned: bool,
        wake: Wake,
    }

    impl Growth for Script {
        fn begin(&mut self, call: Box<dyn Fn() + Send>) {
            *self.wake.lock().unwrap() = Some(call);
            wake(&self.wake);
        }

        fn is_due(&self) -> bool {
            self.after
                .first()
                .is_some_and(|&after| after <= self.started.load(Ordering::SeqCst))
        }

        fn grow(&mut self, state: &mut State) -> Step {
            self.after.remove(0);
            wake(&self.wake);
            if self.counts.is_empty() {
                return Step::Abandoned;
            }
            let count = self.counts.remove(0);
            let is_partial = !self.counts.is_empty() || self.is_abandoned;
            let graph = frozen(state, "/bin/sh", &self.specs[..count], is_partial);
            match is_partial {
                true => Step::Grown(graph),
                false => Step::Whole(graph, Wanted::Build),
            }
        }
    }

    /// Counts what is started, for [`Script`].
    struct Counting {
        heard: Heard,
        started: Arc<AtomicUsize>,
        wake: Wake,
    }

    impl Subscriber for Counting {
        fn event(&mut self, event: &Event) {
            if matches!(event, Event::OperationStarted { .. }) {
                self.started.fetch_add(1, Ordering::SeqCst);
                wake(&self.wake);
            }
            self.heard.event(event);
        }
    }

    /// Builds what is known first, and more after so many starts: (how many are known then, after how many starts).
    fn grow(
        specs: &[Spec],
        first: usize,
        steps: &[(usize, usize)],
        is_abandoned: bool,
        state: &mut State,
        world: &dyn World,
        adjust: impl FnOnce(&mut Options),
    ) -> (Summary, Heard) {
        let (started, wake) = (Arc::new(AtomicUsize::new(0)), Wake::default());
        let mut script = Script {
            specs: specs.to_vec(),
            counts: steps.iter().map(|(count, _)| *count).collect(),
            after: steps.iter().map(|(_, after)| *after).collect(),
            started: Arc::clone(&started),
            is_abandoned,
            wake: Arc::clone(&wake),
        };
        if is_abandoned {
            script.counts.pop();
        }
        let known = frozen(state, "/bin/sh", &specs[..first], true);
        state.flush().unwrap();
        let private = state.top().join(".wake/tmp");
        let mut options = Options::new(private, Interrupt::new().unwrap());
        options.jobs = 1;
        options.keep_going = 0;
        adjust(&mut options);
        let mut heard = Counting {
            heard: Heard::default(),
            started,
            wake,
        };
        let summary =
            evaluate_growing(&known, state, world, &options, &mut script, &mut heard).unwrap();
        (summary, heard.heard)
    }

    fn step(index: usize, inputs: &[String]) -> Spec {
        let path = |path: &String| format!("{TOP}/{path}");
        let mut arguments: Vec<String> = inputs
            .iter()
            .map(|input| format!("read:{}", path(input)))
            .collect();
        let output = format!("out/{index}");
        arguments.push(format!("write:{}", path(&output)));
        Spec {
            title: index.to_string(),
            arguments,
            inputs: inputs.to_vec(),
            outputs: vec![output],
            ..Spec::default()
        }
    }

    /// A graph in which each operation needs some of those before it. Every third case has a source that fails.
    fn random_specs(next: &mut impl FnMut(usize) -> usize) -> Vec<Spec> {
        let count = 2 + next(9);
        (0..count)
            .map(|index| {
                let mut inputs = vec![format!("src/{}", next(4))];
                inputs.extend(
                    (0..index)
                        .filter(|_| next(3) == 0)
                        .map(|other| format!("out/{other}")),
                );
                step(index, &inputs)
            })
            .collect()
    }

    fn world(case: usize) -> Imitation {
        let world = Imitation::new(0);
        for source in 0..4 {
            let fails = case.is_multiple_of(3) && source == 3;
            world.edit(&format!("src/{source}"), if fails { "ERROR" } else { "x" });
        }
        world
    }

    /// Catches whatever a graph that grows does otherwise than one that is known: an operation that runs twice or never,
    /// counts that are off, a file that is looked at when it is half written, an edge between old and new that is lost.
    #[test]
    fn a_graph_that_grows_ends_as_one_that_is_known_at_once() {
        let mut seed = 88_172_645_463_325_252_u64;
        let mut next = |bound: usize| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            usize::try_from(seed >> 11).unwrap() % bound
        };
        for case in 0..300_usize {
            let specs = random_specs(&mut next);
            let first = next(specs.len() + 1);
            let mut steps = vec![(first, 0)];
            while next(3) > 0 {
                let (known, after) = steps[steps.len() - 1];
                steps.push((known + next(specs.len() - known + 1), after + next(3)));
            }
            // What is not started any more must not be waited for.
            steps
                .iter_mut()
                .for_each(|step| step.1 = step.1.min(first / 2));
            if case.is_multiple_of(3) {
                steps.iter_mut().for_each(|step| step.1 = 0);
            }
            steps.push((specs.len(), 0));
            let force = next(2) == 0;
            let (known, grown) = (world(case), world(case));
            let mut states = [(); 2].map(|()| State::in_memory(Path::new(TOP)));
            for round in 0..2 {
                let adjust = |options: &mut Options| options.force = force && round == 0;
                let (expected, _) = build(&specs, &mut states[0], &known, adjust);
                let (mut summary, heard) =
                    grow(&specs, first, &steps, false, &mut states[1], &grown, adjust);
                summary.milliseconds = expected.milliseconds;
                assert_eq!(
                    summary,
                    expected,
                    "case {case} round {round}: {}",
                    heard.tell()
                );
                let skipped = heard.skipped().len();
                let told = heard.0.len();
                assert!(skipped <= expected.not_run, "case {case}: {told} events");
                assert_eq!(grown.tree("out"), known.tree("out"), "case {case}");
                for place in [&known, &grown] {
                    place.sleep();
                }
                // After the first round nothing is known at the start that was started.
                steps.iter_mut().for_each(|step| step.1 = 0);
            }
        }
    }

    /// Catches a scheduler that starts what waits although the rest of the graph will never come.
    #[test]
    fn an_abandoned_graph_starts_nothing_more() {
        let specs: Vec<Spec> = (0..3).map(|index| step(index, &[])).collect();
        let mut state = State::in_memory(Path::new(TOP));
        let (summary, heard) = grow(&specs, 2, &[(3, 1)], true, &mut state, &world(1), |_| {});
        assert_eq!(heard.ran(), ["0"]);
        assert_eq!((summary.ran, summary.not_run), (1, 1));
    }

    /// Catches a failure that is forgotten when the graph grows: what is new must not run, and is counted.
    #[test]
    fn nothing_new_starts_after_a_failure() {
        let failing = Spec {
            arguments: vec![format!("read:{TOP}/src/3"), "write:/w/out/0".to_owned()],
            ..step(0, &[])
        };
        let specs = [failing, step(1, &["out/0".to_owned()]), step(2, &[])];
        let mut state = State::in_memory(Path::new(TOP));
        let stop = |options: &mut Options| options.keep_going = 1;
        let (summary, heard) = grow(&specs, 1, &[(3, 1)], false, &mut state, &world(0), stop);
        assert_eq!(heard.ran(), ["0"]);
        assert_eq!((summary.failed, summary.not_run), (1, 2));
        assert_eq!(heard.skipped(), ["1"]);
    }

    /// Catches a graph that grows only when nothing runs: the first operation ends only because one that comes later
    /// writes what it waits for.
    #[test]
    fn what_runs_goes_on_while_the_graph_grows() {
        let directory = tempfile::tempdir().unwrap();
        let top = directory.path().canonicalize().unwrap();
        let directory = top.join(".wake/state");
        fs::create_directories(&top.join("out")).unwrap();
        let (mut state, _) = State::open(&directory, &top).unwrap();
        let pipe = std::process::Command::new("mkfifo")
            .arg(top.join("pipe"))
            .status();
        assert!(pipe.unwrap().success());
        let script = |index: usize, script: &str| Spec {
            title: index.to_string(),
            arguments: vec!["-ec".to_owned(), script.to_owned()],
            outputs: vec![format!("out/{index}")],
            ..Spec::default()
        };
        let specs = [
            script(0, "cat pipe > out/0"),
            script(1, "echo > pipe; echo > out/1"),
        ];
        let world = super::super::Real::new(&directory);
        let two = |options: &mut Options| options.jobs = 2;
        let (summary, heard) = grow(&specs, 1, &[(2, 1)], false, &mut state, &world, two);
        assert_eq!((summary.ran, summary.failed), (2, 0), "{}", heard.tell());
        assert_eq!(heard.ran(), ["0", "1"]);
    }
}
