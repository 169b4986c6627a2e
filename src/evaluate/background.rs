//! An evaluation on a thread of its own, of a graph that grows. It has the state, and lends it to whoever makes the
//! graph; while that one has it, what runs goes on and nothing is started.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use crate::error::{Error, Result};
use crate::event::Summary;
use crate::graph::Graph;

use super::growth::{Growth, Step};
use super::state::State;

/// What evaluates: all of it is moved to the thread.
pub type Evaluate =
    dyn FnOnce(&Graph, &mut State, &mut dyn Growth) -> Result<Summary> + Send + 'static;

/// See the module.
pub struct Background {
    bell: Arc<Bell>,
    lent: Receiver<State>,
    returned: Sender<(State, Step)>,
    thread: JoinHandle<(State, Result<Summary>)>,
}

/// How the scheduler is told that somebody wants the state.
#[derive(Default)]
struct Bell {
    is_rung: AtomicBool,
    wake: Mutex<Option<Box<dyn Fn() + Send>>>,
}

impl Bell {
    fn ring(&self) {
        self.is_rung.store(true, Ordering::SeqCst);
        let wake = self.wake.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(wake) = &*wake {
            wake();
        }
    }
}

impl Background {
    /// Begins to evaluate a graph; takes the state.
    ///
    /// # Errors
    /// `Environment`: no thread can be started. The state is where it was.
    pub fn begin(graph: Graph, state: &mut State, evaluate: Box<Evaluate>) -> Result<Self> {
        let (bell, (lend, lent), (returned, back)) = (Arc::default(), channel(), channel());
        let mut loan = Loan {
            bell: Arc::clone(&bell),
            lend,
            back,
        };
        let thread = Builder::new().name("evaluation".to_owned());
        let thread = thread.spawn(move || {
            let mut state = State::absent();
            // The state comes when this thread is there.
            let result = match loan.back.recv() {
                Ok((first, _)) => {
                    state = first;
                    evaluate(&graph, &mut state, &mut loan)
                }
                Err(_) => Ok(Summary::default()),
            };
            (state, result)
        });
        let thread = thread.map_err(|error| Error::io("Cannot start a thread", &error))?;
        let background = Self {
            bell,
            lent,
            returned,
            thread,
        };
        background.give_back(state, Step::Same);
        Ok(background)
    }

    /// Waits for the state, which is lent as soon as nobody writes to it. Returns whether the evaluation goes on: one that
    /// was interrupted has ended.
    pub fn borrow(&self, state: &mut State) -> bool {
        self.bell.ring();
        match self.lent.recv() {
            Ok(lent) => {
                *state = lent;
                true
            }
            Err(_) => false,
        }
    }

    /// Returns what was borrowed, and says what the graph has become.
    pub fn give_back(&self, state: &mut State, step: Step) {
        let lent = std::mem::replace(state, State::absent());
        // Only a bug can have ended the thread while its state is here; `end` tells.
        let _ = self.returned.send((lent, step));
    }

    /// Waits for the end of the evaluation; the state is back then.
    ///
    /// # Errors
    /// Those of the evaluation.
    pub fn end(self, state: &mut State) -> Result<Summary> {
        drop(self.returned);
        let (last, result) = self.thread.join().map_err(|_| {
            Error::internal("A bug in wake ended the evaluation")
                .hint("please report it with the messages above; what was built so far is kept")
        })?;
        *state = last;
        result
    }
}

/// The thread's side.
struct Loan {
    bell: Arc<Bell>,
    lend: Sender<State>,
    back: Receiver<(State, Step)>,
}

impl Growth for Loan {
    fn begin(&mut self, wake: Box<dyn Fn() + Send>) {
        let mut place = self
            .bell
            .wake
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *place = Some(wake);
    }

    fn is_due(&self) -> bool {
        self.bell.is_rung.load(Ordering::SeqCst)
    }

    fn grow(&mut self, state: &mut State) -> Step {
        self.bell.is_rung.store(false, Ordering::SeqCst);
        let lent = std::mem::replace(state, State::absent());
        if let Err(unsent) = self.lend.send(lent) {
            *state = unsent.0;
            return Step::Abandoned;
        }
        match self.back.recv() {
            Ok((returned, step)) => {
                *state = returned;
                step
            }
            // Whoever had it has panicked, and the state is gone.
            Err(_) => panic!("BUG: the state was not given back"),
        }
    }
}
