//! The scheduler: one thread that owns the state of every operation. Looks and runs happen on other threads and come
//! back as messages. It decides when; `fresh` decides whether, `queue` in which order, `results` what is remembered.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use crate::error::{Error, Kind, Result};
use crate::event::{Event, Outcome, Subscriber, Summary};
use crate::graph::{Action, FileId, Graph, OperationId};

use super::Options;
use super::crew::Crew;
use super::files::Files;
use super::fresh::{Difference, View};
use super::growth::{Growing, Growth, LookAt, Stages};
use super::interrupt::Interrupt;
use super::jobserver::{Jobserver, Tokens};
use super::observed::Outsides;
use super::perform::{Performed, Slots, Workshop, unusable};
use super::prepare::{self, Job};
use super::queue::Queue;
use super::results;
use super::room::{Obstacle, Room};
use super::stale;
use super::start::{Running, share};
use super::state::State;
use super::survey::{self, Chunk, Survey};
use super::suspend;
use super::wanted::{Selection, Wanted};
use super::world::World;

/// How often a console is told that time passes.
const TICK: Duration = Duration::from_millis(100);

/// Where an operation is. Only [`Scheduler::enter`] changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationState {
    /// It is not part of this run.
    Unwanted,
    /// Its files are not all looked at, or something it needs is not done.
    Waiting,
    /// It is out of date and waits for room to run.
    Ready,
    /// A worker has it.
    Running,
    /// It did not have to run.
    UpToDate,
    /// It ran and succeeded.
    Ran,
    /// It ran and failed, or could not be started.
    Failed,
    /// Something it needs failed.
    Skipped,
    /// It was stopped because the build was.
    Interrupted,
}

/// What other threads tell the scheduler.
pub(super) enum Message {
    Looked(Chunk),
    Performed(Box<Performed>),
    Interrupted,
    /// The graph may have grown.
    Grown,
    /// There may be a token to take.
    Tokens,
}

/// Runs all that is wanted; see [`super::evaluate`].
pub(super) fn run(
    graph: &Graph,
    state: &mut State,
    world: &dyn World,
    options: &Options,
    growth: Option<&mut dyn Growth>,
    subscriber: &mut dyn Subscriber,
) -> Result<Summary> {
    let started = Instant::now();
    super::perform::sweep(world, options)?;
    for path in stale::remove_stale(graph, state, world)? {
        subscriber.event(&Event::StaleRemoved { path });
    }
    let stop = Interrupt::new()?;
    let (sender, receiver) = channel();
    let listening = {
        let (stop, sender) = (stop.clone(), sender.clone());
        options.interrupt.listen(move || {
            stop.request();
            let _ = sender.send(Message::Interrupted);
        })
    };
    let private = options.private.join(std::process::id().to_string());
    let slots = Slots::new(&private);
    let jobserver = Jobserver::new(&options.jobserver);
    let survey = Survey::new(graph, state, world, options.check);
    let outside = Outsides::default();
    let shop = Workshop {
        world,
        options,
        slots: &slots,
        interrupt: &stop,
        jobserver: &jobserver,
        outside: &outside,
    };
    let later = OnceCell::new();
    let stages = Stages::new(&later, world, options.check);
    let keep = |graph, state: &mut State| stages.keep(graph, state);
    let mut scheduler = Scheduler::new(graph, state, &shop, &survey, subscriber, sender);
    scheduler.growing = growth.map(|source| Growing::begin(source, &keep, &scheduler.sender));
    let result = scheduler.work(&receiver);
    drop(listening);
    scheduler.tidy();
    let used_workers = scheduler.used_workers;
    let mut summary = scheduler.summarize(&stop);
    if used_workers {
        slots.remove(world)?;
    }
    summary.milliseconds = started.elapsed().as_secs_f64() * 1e3;
    result?;
    state.flush()?;
    state.commands().flush()?;
    Ok(summary)
}

pub(super) struct Scheduler<'a> {
    pub(super) graph: &'a Graph,
    pub(super) state: &'a mut State,
    pub(super) files: Files,
    pub(super) survey: &'a Survey<'a>,
    pub(super) shop: &'a Workshop<'a>,
    pub(super) subscriber: &'a mut dyn Subscriber,
    sender: Sender<Message>,
    pub(super) states: Vec<OperationState>,
    /// How many wanted operations it needs are not done.
    missing: Vec<u32>,
    /// How many chunks must be looked at before it can be examined.
    needs_chunks: Vec<usize>,
    is_looked_at: Vec<bool>,
    /// The files that are in a chunk, by file id.
    placed: Vec<bool>,
    /// All chunks before this one are looked at.
    looked_at: usize,
    /// All operations before this one have their files looked at.
    frontier: usize,
    pub(super) queue: Queue,
    room: Room,
    /// Those of a jobserver, from when the first operation runs.
    tokens: Tokens<'a>,
    /// What has kept operations back so far, for want of something that this build does not own.
    held_back_by: Vec<Obstacle>,
    /// Why those that are ready are out of date.
    pub(super) differences: HashMap<OperationId, Difference>,
    running: HashMap<OperationId, Running>,
    /// Files that were first looked at when an operation had read them, and when that was, by the clock of the disk.
    pub(super) looked_at_late: HashMap<FileId, i64>,
    /// Files that wake made, by file id; collected when the first operation runs.
    pub(super) ours: Option<Vec<bool>>,
    used_workers: bool,
    last_tick: Instant,
    /// How often the subscriber was told that wake goes on after it was stopped.
    resumed: u32,
    /// How many up-to-date operations the subscriber knows of.
    told_up_to_date: usize,
    /// Failures that count for `keep_going`.
    failures: usize,
    summary: Summary,
    /// Those who look at the files of the graphs that grew to this one.
    pub(super) earlier: Vec<&'a Survey<'a>>,
    /// What is wanted of what is not known yet.
    pub(super) wanted: Wanted,
    pub(super) growing: Option<Growing<'a>>,
    /// The rest of the graph will never be known.
    pub(super) is_abandoned: bool,
}

impl<'a> Scheduler<'a> {
    fn new(
        graph: &'a Graph,
        state: &'a mut State,
        shop: &'a Workshop<'a>,
        survey: &'a Survey<'a>,
        subscriber: &'a mut dyn Subscriber,
        sender: Sender<Message>,
    ) -> Self {
        Self {
            files: Files::new(state.path_count()),
            queue: Queue::new(&shop.options.pools),
            room: Room::new(shop.options.jobs.max(1), shop.options.load_limit),
            tokens: Tokens::new(None),
            held_back_by: Vec::new(),
            graph,
            state,
            survey,
            shop,
            subscriber,
            sender,
            states: Vec::new(),
            missing: Vec::new(),
            needs_chunks: Vec::new(),
            is_looked_at: Vec::new(),
            placed: Vec::new(),
            looked_at: 0,
            frontier: 0,
            differences: HashMap::new(),
            running: HashMap::new(),
            looked_at_late: HashMap::new(),
            ours: None,
            used_workers: false,
            last_tick: Instant::now(),
            resumed: suspend::times(),
            told_up_to_date: 0,
            failures: 0,
            summary: Summary::default(),
            earlier: Vec::new(),
            wanted: shop.options.wanted.clone(),
            growing: None,
            is_abandoned: false,
        }
    }

    /// Adds the operations of the graph from the number `known` on: which of them are wanted, and what they wait for.
    pub(super) fn plan(&mut self, known: usize) {
        let (graph, wanted) = (self.graph, self.wanted.clone());
        let selection = Selection::new(&wanted, graph);
        let new = || graph.operations().skip(known);
        self.states.extend(
            new().map(|operation| match selection.contains(graph, operation) {
                true => OperationState::Waiting,
                false => OperationState::Unwanted,
            }),
        );
        let states = &self.states;
        let is_missing = |operation: &&OperationId| {
            use OperationState::{Ran, Unwanted, UpToDate};
            !matches!(states[operation.index()], Unwanted | UpToDate | Ran)
        };
        self.missing.extend(new().map(|operation| {
            let dependencies = graph.dependencies(operation).iter();
            u32::try_from(dependencies.filter(is_missing).count()).unwrap_or(u32::MAX)
        }));
        let is_wanted = |state: &&OperationState| **state != OperationState::Unwanted;
        self.subscriber.event(&Event::Planned {
            operations: self.states.iter().filter(is_wanted).count(),
        });
    }

    /// Has the files of the operations from the number `known` on looked at, but for those that are already.
    pub(super) fn divide(&mut self, known: usize, look_at: &LookAt<'_, 'a>) {
        let (states, before, survey) = (&self.states, self.is_looked_at.len(), self.survey);
        let is_wanted = |operation: OperationId| {
            operation.index() >= known && states[operation.index()] != OperationState::Unwanted
        };
        let placed = &mut self.placed;
        let (needs, count) =
            survey::divide(self.graph, self.state, placed, is_wanted, |mut chunk| {
                chunk.number += before;
                look_at(survey, chunk);
            });
        let new = needs.into_iter().skip(known);
        self.needs_chunks.extend(new.map(|chunks| before + chunks));
        self.is_looked_at.resize(before + count, false);
    }

    /// Looks and runs until there is nothing more to do. Whatever happens, nothing runs any more when it returns.
    fn work(&mut self, receiver: &Receiver<Message>) -> Result<()> {
        self.plan(0);
        let result = rayon::in_place_scope(|lookers| {
            let sender = self.sender.clone();
            let look_at = |survey: &'a Survey<'a>, chunk| {
                let sender = sender.clone();
                lookers.spawn(move |_| {
                    let _ = sender.send(Message::Looked(survey.look(chunk)));
                });
            };
            self.divide(0, &look_at);
            let result = self.look_and_run(receiver, &look_at);
            for survey in self.earlier.iter().chain([&self.survey]) {
                survey.is_over.store(true, Ordering::Relaxed);
            }
            result
        });
        self.state.flush().and(result)
    }

    fn look_and_run(
        &mut self,
        receiver: &Receiver<Message>,
        look_at: &LookAt<'_, 'a>,
    ) -> Result<()> {
        self.advance();
        while self.queue.is_empty() && !self.is_done() {
            self.receive(receiver, look_at)?;
        }
        if self.is_done() {
            return Ok(());
        }
        // Only now are workers needed: a build that runs nothing starts no threads for them.
        self.used_workers = true;
        if let Some(how) = &self.shop.options.observe {
            self.subscriber.event(&super::begin_observing(how));
        }
        super::exec::make_room(self.shop.options.jobs);
        self.shop.share_jobs()?;
        self.tokens = Tokens::new(self.shop.jobserver.supply());
        let (shop, sender, crew) = (self.shop, self.sender.clone(), Crew::new());
        let work = |job: Job, slot: usize| {
            let performed = perform(shop, &job, slot);
            let _ = sender.send(Message::Performed(Box::new(performed)));
        };
        std::thread::scope(|threads| {
            let _dismissal = crew.dismissal();
            let hand_in = |job| crew.hand_in(threads, job, &work);
            let mut result = Ok(());
            while result.is_ok() {
                result = self.start_ready(&hand_in);
                if result.is_err() || self.is_done() {
                    break;
                }
                result = self.receive(receiver, look_at);
            }
            if result.is_err() {
                self.shop.interrupt.request();
                self.shop.interrupt.request();
            }
            result
        })
    }

    fn is_stopping(&self) -> bool {
        let limit = self.shop.options.keep_going;
        let has_failed = limit > 0 && self.failures >= limit;
        self.shop.interrupt.is_requested() || self.is_abandoned || has_failed
    }

    fn is_done(&self) -> bool {
        let is_exhausted = self.queue.is_empty() && self.looked_at == self.is_looked_at.len();
        // After a failure, too, one wants to know how much there would have been to do.
        let is_known = self.growing.is_none() || self.shop.interrupt.is_requested();
        self.running.is_empty() && is_known && (self.is_stopping() || is_exhausted)
    }

    /// Waits for messages and handles all that are there.
    fn receive(&mut self, receiver: &Receiver<Message>, look_at: &LookAt<'_, 'a>) -> Result<()> {
        let message = receiver.recv_timeout(TICK);
        if self.resumed != suspend::times() {
            self.resumed = suspend::times();
            self.subscriber.resumed();
        }
        if let Ok(message) = message {
            self.handle(message)?;
        }
        while let Ok(message) = receiver.try_recv() {
            self.handle(message)?;
        }
        self.grow_if_due(look_at)?;
        if self.last_tick.elapsed() >= TICK {
            self.last_tick = Instant::now();
            self.subscriber.tick();
            self.state.commands().flush()?;
        }
        Ok(())
    }

    fn handle(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Looked(chunk) => {
                for &file in &chunk.files {
                    let number = self.state.latest(file);
                    self.files.set(file, number);
                }
                for &(file, found) in &chunk.found {
                    self.files.apply(self.state, file, found);
                }
                self.is_looked_at[chunk.number] = true;
                self.advance();
                if self.looked_at == self.is_looked_at.len() {
                    self.subscriber.event(&Event::Surveyed);
                }
            }
            Message::Performed(performed) => self.finish(*performed)?,
            Message::Interrupted | Message::Grown | Message::Tokens => {}
        }
        Ok(())
    }

    /// Examines the operations whose files have just become known.
    pub(super) fn advance(&mut self) {
        while self.is_looked_at.get(self.looked_at) == Some(&true) {
            self.looked_at += 1;
        }
        while self
            .needs_chunks
            .get(self.frontier)
            .is_some_and(|&chunks| chunks <= self.looked_at)
        {
            let operation = OperationId::from_index(self.frontier);
            self.frontier += 1;
            self.examine_if_free(operation);
        }
    }

    /// Examines an operation if nothing it waits for is missing, and then those for which it was the last thing missing.
    fn examine_if_free(&mut self, operation: OperationId) {
        let mut open = vec![operation];
        while let Some(operation) = open.pop() {
            let index = operation.index();
            let is_free = self.states[index] == OperationState::Waiting
                && self.missing[index] == 0
                && index < self.frontier;
            if is_free && self.examine(operation) {
                open.extend_from_slice(self.release(operation));
            }
        }
    }

    /// Tells the dependents of an operation that it is done; returns them.
    fn release(&mut self, operation: OperationId) -> &'a [OperationId] {
        let dependents = self.graph.dependents(operation);
        for dependent in dependents {
            let missing = &mut self.missing[dependent.index()];
            *missing = missing.saturating_sub(1);
        }
        dependents
    }

    /// Decides whether an operation is up to date. Returns whether it is.
    fn examine(&mut self, operation: OperationId) -> bool {
        let rerun = matches!(self.wanted, Wanted::Test { rerun: true, .. });
        let is_forced = self.shop.options.force || (rerun && self.graph.is_test(operation));
        let key = self.key(operation);
        let view = View {
            graph: self.graph,
            state: self.state,
            files: &self.files,
        };
        let found = match is_forced {
            true => Some(Difference::Forced),
            false => view.difference(operation, &key),
        };
        let Some(difference) = found else {
            self.enter(operation, OperationState::UpToDate);
            return true;
        };
        self.differences.insert(operation, difference);
        self.enter(operation, OperationState::Ready);
        false
    }

    /// The key that a result must have: arguments given to tests are a part of it.
    pub(super) fn key(&self, operation: OperationId) -> [u8; 32] {
        let key = self.graph.key(operation);
        let arguments = &self.shop.options.test_arguments;
        if arguments.is_empty() || !self.graph.is_test(operation) {
            return *key;
        }
        let mut hasher = blake3::Hasher::new();
        hasher.update(key);
        for argument in arguments {
            hasher.update(&(argument.len() as u64).to_le_bytes());
            hasher.update(argument.as_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// Moves an operation into a state, and does what follows for the whole build: counts, events, the queue.
    fn enter(&mut self, operation: OperationId, next: OperationState) {
        let is_test = self.graph.is_test(operation);
        match next {
            OperationState::UpToDate => {
                self.summary.up_to_date += 1;
                if is_test {
                    self.count_kept_test(operation);
                }
                self.tell_up_to_date(operation);
            }
            OperationState::Ready => self.queue.push(self.graph, self.state, operation),
            OperationState::Ran => self.summary.ran += 1,
            OperationState::Failed => {
                self.summary.failed += 1;
                self.summary.tests_failed += usize::from(is_test);
                self.failures += usize::from(!is_test);
            }
            OperationState::Skipped => self.subscriber.event(&Event::OperationSkipped {
                operation: results::name(self.graph, self.state, operation),
                title: self.graph.cold(operation).title,
            }),
            OperationState::Unwanted
            | OperationState::Waiting
            | OperationState::Running
            | OperationState::Interrupted => {}
        }
        self.states[operation.index()] = next;
    }

    fn count_kept_test(&mut self, operation: OperationId) {
        if self.was_skipped(operation) {
            self.summary.tests_skipped += 1;
        } else {
            self.summary.tests_passed += 1;
        }
    }

    /// Whether the recorded result is that of a test that was skipped.
    fn was_skipped(&self, operation: OperationId) -> bool {
        let result = self.state.result(self.graph.identity(operation));
        result.is_some_and(|result| result.flags() & super::state::record::SKIPPED != 0)
    }

    fn tell_up_to_date(&mut self, operation: OperationId) {
        if !self.subscriber.wants_up_to_date() {
            return;
        }
        let result = self.state.result(self.graph.identity(operation));
        let story = result.and_then(|result| result.story());
        self.subscriber.event(&Event::OperationUpToDate {
            operation: results::name(self.graph, self.state, operation),
            title: self.graph.cold(operation).title,
            output: story.map_or_else(String::new, |story| story.output),
            skipped: self.was_skipped(operation),
        });
    }

    /// Starts what is ready and has room. What is about to be written is recorded before anything starts.
    fn start_ready(&mut self, hand_in: &dyn Fn(Job) -> std::io::Result<()>) -> Result<()> {
        if self.running.is_empty() {
            self.tokens.balance();
        }
        let mut jobs = Vec::new();
        let mut obstacle = None;
        while !self.is_stopping() && !self.room.is_full() && obstacle.is_none() {
            let Some(operation) = self.admit_next(&mut obstacle) else {
                break;
            };
            match self.prepare(operation) {
                Ok(running) => {
                    self.announce(operation, &running);
                    jobs.push(running.job.clone());
                    self.running.insert(operation, running);
                    self.enter(operation, OperationState::Running);
                }
                Err(error) => {
                    self.leave(operation);
                    self.refuse(operation, &error);
                }
            }
        }
        self.settle(obstacle);
        self.state.flush()?;
        for job in jobs {
            hand_in(job).map_err(|error| Error::io("Cannot start threads", &error))?;
        }
        Ok(())
    }

    /// Takes the next operation for which there is room and a token out of the queue, and gives it its share; else says
    /// what is in the way.
    fn admit_next(&mut self, obstacle: &mut Option<Obstacle>) -> Option<OperationId> {
        let (graph, state, world) = (self.graph, &*self.state, self.shop.world);
        let limit = self.shop.options.jobs.max(1);
        let (room, tokens, now) = (&mut self.room, &mut self.tokens, Instant::now());
        let next = self.queue.pop(
            |queue, operation| share(graph, state, queue, operation, limit),
            |_, share| {
                *obstacle = room.obstacle(share, now, || world.strain());
                if obstacle.is_none() {
                    let has_tokens = tokens.hold((room.used() + share.weight).saturating_sub(1));
                    // One needs no token, or nothing would ever run.
                    *obstacle = (!has_tokens && room.used() > 0).then_some(Obstacle::Tokens);
                }
                obstacle.is_none()
            },
        );
        let (operation, share) = next?;
        self.room.enter(operation, share, now);
        Some(operation)
    }

    /// Returns the tokens that nothing needs, and tells what keeps back the next operation.
    fn settle(&mut self, obstacle: Option<Obstacle>) {
        if obstacle == Some(Obstacle::Tokens) {
            let sender = self.sender.clone();
            self.tokens.wait(move || {
                let _ = sender.send(Message::Tokens);
            });
        } else {
            self.tokens
                .return_all_but(self.room.used().saturating_sub(1));
        }
        if let Some(text) = self.tokens.complaint() {
            self.subscriber.event(&Event::Warning { text });
        }
        let cause = obstacle.and_then(Obstacle::cause);
        if let Some((obstacle, cause)) = obstacle.zip(cause)
            && !self.held_back_by.contains(&obstacle)
        {
            self.held_back_by.push(obstacle);
            self.subscriber.event(&Event::HeldBack {
                cause: cause.to_owned(),
            });
        }
    }

    /// Takes back what an operation took of what there is.
    fn leave(&mut self, operation: OperationId) {
        if let Some(share) = self.room.leave(operation) {
            self.queue.give_back(&share);
        }
    }

    /// Records and tells that an operation starts.
    fn announce(&mut self, operation: OperationId, running: &Running) {
        let identity = self.graph.identity(operation);
        self.state.start(identity, self.graph.outputs(operation));
        let name = results::name(self.graph, self.state, operation);
        if self.told_up_to_date != self.summary.up_to_date {
            self.told_up_to_date = self.summary.up_to_date;
            self.subscriber.event(&Event::UpToDate {
                operations: self.told_up_to_date,
            });
        }
        if matches!(&running.cold.action, Action::Run(command) if command.console) {
            self.subscriber.lend_terminal(&name);
        }
        self.subscriber.event(&Event::OperationStarted {
            operation: name,
            title: running.cold.title.clone(),
            instance: self.graph.instance(operation).label.clone(),
            reason: running.reason.clone(),
            command: prepare::command_line(&running.job.work),
            outputs: running
                .job
                .outputs
                .iter()
                .map(|output| output.name.clone())
                .collect(),
            needs: self.needs(operation),
        });
    }

    /// The operations that one needs and that ran, for subscribers that want them.
    fn needs(&self, operation: OperationId) -> Vec<String> {
        if !self.subscriber.wants_needs() {
            return Vec::new();
        }
        let dependencies = self.graph.dependencies(operation).iter();
        let ran = dependencies.filter(|&&one| self.states[one.index()] == OperationState::Ran);
        ran.map(|&one| results::name(self.graph, self.state, one))
            .collect()
    }

    /// An operation that cannot be started fails as if it had run.
    fn refuse(&mut self, operation: OperationId, error: &Error) {
        let cold = self.graph.cold(operation);
        self.subscriber.event(&Event::OperationFinished {
            operation: results::name(self.graph, self.state, operation),
            title: cold.title.clone(),
            outcome: unusable(error),
            output: String::new(),
            milliseconds: 0.0,
            changed: false,
            made_at: self.made_at(operation, &cold.declared),
            test: self.graph.is_test(operation),
            memory_kib: 0,
        });
        self.summary.refused += usize::from(error.kind() == Kind::User);
        self.enter(operation, OperationState::Failed);
        self.skip_dependents(operation);
    }

    /// Where an operation is made, if that is elsewhere than where its module is declared.
    fn made_at(&self, operation: OperationId, declared: &str) -> String {
        match self.graph.instance(operation).declared == declared {
            true => String::new(),
            false => declared.to_owned(),
        }
    }

    /// Takes in how an operation ended.
    fn finish(&mut self, mut performed: Performed) -> Result<()> {
        let operation = performed.operation;
        let Some(running) = self.running.remove(&operation) else {
            return Ok(());
        };
        self.leave(operation);
        let milliseconds = performed.time.as_secs_f64() * 1e3;
        let changed = performed.made.iter().any(|made| made.changed);
        self.remember(&running, &mut performed)?;
        self.subscriber.event(&Event::OperationFinished {
            operation: results::name(self.graph, self.state, operation),
            title: running.cold.title,
            outcome: performed.outcome.clone(),
            output: performed.output,
            milliseconds,
            changed,
            made_at: self.made_at(operation, &running.cold.declared),
            test: self.graph.is_test(operation),
            memory_kib: performed.memory_kib,
        });
        self.conclude(operation, &performed.outcome);
        Ok(())
    }

    fn conclude(&mut self, operation: OperationId, outcome: &Outcome) {
        if *outcome == Outcome::Interrupted {
            self.enter(operation, OperationState::Interrupted);
        } else if outcome.is_success() {
            if self.graph.is_test(operation) {
                let skipped = usize::from(*outcome == Outcome::Skipped);
                self.summary.tests_skipped += skipped;
                self.summary.tests_passed += 1 - skipped;
            }
            self.enter(operation, OperationState::Ran);
            for &dependent in self.release(operation) {
                self.examine_if_free(dependent);
            }
        } else {
            self.enter(operation, OperationState::Failed);
            self.skip_dependents(operation);
        }
    }

    pub(super) fn skip_dependents(&mut self, operation: OperationId) {
        let mut open = self.graph.dependents(operation).to_vec();
        while let Some(dependent) = open.pop() {
            if self.states[dependent.index()] == OperationState::Waiting {
                self.enter(dependent, OperationState::Skipped);
                open.extend_from_slice(self.graph.dependents(dependent));
            }
        }
    }

    /// Removes the directories that failed operations have left empty: nobody would know of them later.
    fn tidy(&self) {
        let failed = self.graph.operations();
        let failed = failed.filter(|failed| self.states[failed.index()] == OperationState::Failed);
        stale::remove_left_empty(self.graph, self.state, self.survey.world, failed);
    }

    fn summarize(mut self, stop: &Interrupt) -> Summary {
        self.summary.interrupted = stop.is_requested();
        let is_left = |state: &&OperationState| {
            use OperationState::{Interrupted, Ready, Running, Skipped, Waiting};
            matches!(state, Waiting | Ready | Running | Skipped | Interrupted)
        };
        self.summary.not_run = self.states.iter().filter(is_left).count();
        self.summary
    }
}

/// Performs a job on the worker that this is; a bug in wake is an outcome too.
fn perform(shop: &Workshop<'_>, job: &Job, slot: usize) -> Performed {
    let attempt = AssertUnwindSafe(|| shop.perform(job, slot));
    std::panic::catch_unwind(attempt).unwrap_or_else(|_| Performed::of_bug(job.operation))
}
