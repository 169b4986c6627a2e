//! The GNU jobserver: tokens that say how much runs at once, shared with every make, cargo, Ninja or GCC around wake and
//! below it. It knows no operations and no files of theirs.
//!
//! Whoever runs has one token without asking. For each further process one is taken, and it is returned as it was when the
//! process has ended. [`Supply`] is where they come from, [`Tokens`] those that one build has in hand: it returns them
//! whatever happens to the build. What a process took and never returned is missed, and made good, whenever nothing runs
//! that could still return it.

pub mod makeflags;
mod supply;
mod tap;
#[cfg(test)]
mod tests;
mod waiter;

use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};

pub use makeflags::{Flags, Offer, Place};
pub use supply::{Style, Supply};

use supply::TOKEN;
use tap::Taken;
use waiter::Waiter;

/// Whom a build shares its jobs with.
#[derive(Clone, Debug, Default)]
pub enum Plan {
    /// Nobody: operations are told nothing.
    #[default]
    Alone,
    /// What its operations start.
    Serve(Style),
    /// The make that started wake, and all that this one started.
    Join(Arc<Supply>),
}

/// The jobserver of one build; one of its own begins when the first operation runs.
#[derive(Debug)]
pub struct Jobserver<'a> {
    plan: &'a Plan,
    own: OnceLock<Supply>,
}

impl<'a> Jobserver<'a> {
    pub fn new(plan: &'a Plan) -> Self {
        Self {
            plan,
            own: OnceLock::new(),
        }
    }

    /// Whether it is wake's own.
    pub fn serves(&self) -> bool {
        matches!(self.plan, Plan::Serve(_))
    }

    /// Begins to serve, if that is the plan. `private`: a directory of wake's own, which is there.
    ///
    /// # Errors
    /// `Environment`: the system has no pipe left.
    pub fn begin(&self, jobs: usize, private: &Path) -> Result<()> {
        if let Plan::Serve(style) = self.plan
            && self.own.get().is_none()
        {
            let served = Supply::serve(jobs, &supply::fifo_path(private), *style);
            let served = served.map_err(|error| Error::io("Cannot share jobs", &error))?;
            let _ = self.own.set(served);
        }
        Ok(())
    }

    /// Where the tokens come from; nobody counts where there is none.
    pub fn supply(&self) -> Option<&Supply> {
        match self.plan {
            Plan::Alone => None,
            Plan::Serve(_) => self.own.get(),
            Plan::Join(supply) => Some(supply),
        }
    }

    /// The descriptors that every process inherits.
    pub fn descriptors(&self) -> Vec<i32> {
        self.supply().map_or_else(Vec::new, Supply::descriptors)
    }

    /// What a process is told in `MAKEFLAGS`.
    pub fn makeflags(&self, executable: &Path) -> Option<String> {
        self.supply()?.makeflags(executable)
    }
}

/// The tokens that a build has in hand, beside the one that needs no asking.
pub struct Tokens<'a> {
    supply: Option<&'a Supply>,
    held: Vec<u8>,
    waiter: Option<Waiter>,
    is_gone: bool,
    complaint: Option<String>,
}

impl<'a> Tokens<'a> {
    pub fn new(supply: Option<&'a Supply>) -> Self {
        Self {
            supply,
            held: Vec::new(),
            waiter: None,
            is_gone: false,
            complaint: None,
        }
    }

    /// Has `wanted` in hand, if there are so many. What it could take of them it keeps: two builds that wait for many
    /// would else wait for ever.
    pub fn hold(&mut self, wanted: usize) -> bool {
        let Some(supply) = self.supply else {
            return true;
        };
        while self.held.len() < wanted && !self.is_gone {
            let mut buffer = [0; 64];
            let most = buffer.len().min(wanted - self.held.len());
            match supply.tap.take(&mut buffer[..most]) {
                Taken::Some(count) => self.held.extend_from_slice(&buffer[..count]),
                Taken::Nothing => break,
                Taken::Gone(error) => self.lose(&error.to_string()),
            }
        }
        self.held.len() >= wanted
    }

    /// Returns all but `kept`.
    pub fn return_all_but(&mut self, kept: usize) {
        let Some(supply) = self.supply.filter(|_| kept < self.held.len()) else {
            return;
        };
        let result = supply.tap.put(&self.held[kept..]);
        self.held.truncate(kept);
        if let Err(error) = result {
            self.lose(&error.to_string());
        }
    }

    /// Says that it is gone, once. What is in hand stays.
    fn lose(&mut self, cause: &str) {
        if !std::mem::replace(&mut self.is_gone, true) {
            self.complaint = Some(format!(
                "The jobserver of the make that started wake has vanished ({cause}): no more jobs than now, at least one"
            ));
        }
    }

    /// What a user should know, once.
    pub fn complaint(&mut self) -> Option<String> {
        self.complaint.take()
    }

    /// Calls `tell` when there may be a token to take, after the first call each time that it is called again.
    pub fn wait(&mut self, tell: impl Fn() + Send + 'static) {
        let Some(supply) = self.supply.filter(|_| !self.is_gone) else {
            return;
        };
        if self.waiter.is_none() {
            // Without a thread, the build looks when time has passed.
            let pipe = supply.tap.as_fd().try_clone_to_owned();
            self.waiter = pipe.and_then(|pipe| Waiter::start(pipe, tell)).ok();
        }
        if let Some(waiter) = &self.waiter {
            waiter.ask();
        }
    }

    /// Makes good what processes took and did not return, and takes away what they returned too much: for when no process
    /// runs. Only where the jobserver is wake's own, since others' processes are known to others only.
    pub fn balance(&mut self) {
        let Some((supply, total)) = self.supply.and_then(|supply| Some((supply, supply.total?)))
        else {
            return;
        };
        self.return_all_but(0);
        let Ok(count) = supply.tap.count() else {
            return;
        };
        if count < total {
            let _ = supply.tap.put(&vec![TOKEN; total - count]);
        } else if count > total {
            let _ = supply.tap.take(&mut vec![0; count - total]);
        }
    }
}

impl Drop for Tokens<'_> {
    fn drop(&mut self) {
        self.waiter = None;
        self.return_all_but(0);
    }
}
