//! The wish that a build end, from a signal or from the evaluator itself. It knows neither processes nor graphs.
//!
//! The first request asks everything to end, the second to end at once. Whoever sleeps in `poll` waits for the two
//! descriptors beside its own; whoever sleeps on a channel is called.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use libc::SIGXFSZ;
use rustix::event::{EventfdFlags, eventfd};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTIN, SIGTTOU};

use super::suspend;
use crate::error::{Error, Result};

type Listener = Box<dyn Fn() + Send>;

struct Shared {
    requests: AtomicU32,
    end: OwnedFd,
    end_at_once: OwnedFd,
    listeners: Mutex<Vec<(u64, Listener)>>,
}

/// See the module. Clones are the same wish.
#[derive(Clone)]
pub struct Interrupt(Arc<Shared>);

/// Calls until it is dropped.
pub struct Listening {
    interrupt: Interrupt,
    number: u64,
}

impl Interrupt {
    /// A wish that nobody has yet.
    ///
    /// # Errors
    /// `Environment`, if the kernel gives no more descriptors.
    pub fn new() -> Result<Self> {
        let descriptor = || {
            eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)
                .map_err(|error| Error::io("Cannot make an event descriptor", &error.into()))
        };
        Ok(Self(Arc::new(Shared {
            requests: AtomicU32::new(0),
            end: descriptor()?,
            end_at_once: descriptor()?,
            listeners: Mutex::new(Vec::new()),
        })))
    }

    /// Makes SIGINT, SIGTERM and SIGHUP requests, from now on and for the whole process; SIGQUIT asks twice. What stops
    /// wake stops all that it runs ([`suspend`]).
    ///
    /// A SIGHUP that wake was started to ignore stays ignored: that is what `nohup` is for.
    ///
    /// # Errors
    /// `Environment`, if the handlers cannot be installed.
    pub fn on_signals() -> Result<Self> {
        let interrupt = Self::new()?;
        let failed = |error: std::io::Error| Error::io("Cannot handle signals", &error);
        let handled = [
            SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGTTIN, SIGTTOU, SIGCONT, SIGXFSZ,
        ];
        let handled = handled
            .into_iter()
            .filter(|&signal| signal != SIGHUP || !is_ignored(signal));
        let mut signals = signal_hook::iterator::Signals::new(handled).map_err(failed)?;
        let heard = interrupt.clone();
        std::thread::Builder::new()
            .name("signals".to_owned())
            .spawn(move || signals.forever().for_each(|signal| heard.hear(signal)))
            .map_err(failed)?;
        Ok(interrupt)
    }

    fn hear(&self, signal: i32) {
        match signal {
            SIGTSTP | SIGTTIN | SIGTTOU => suspend::suspend(signal),
            SIGCONT => suspend::resume(),
            // A file that may not grow is an error of who writes to it, and not the end of wake.
            SIGXFSZ => {}
            SIGQUIT => {
                self.request();
                self.request();
            }
            _ => self.request(),
        }
    }

    /// Asks to stop; the second time, at once.
    pub fn request(&self) {
        let before = self.0.requests.fetch_add(1, Ordering::SeqCst);
        let descriptor = if before == 0 {
            &self.0.end
        } else {
            &self.0.end_at_once
        };
        // It fails only where the counter is full, and then the descriptor is readable already.
        let _ = rustix::io::write(descriptor, &1_u64.to_ne_bytes());
        let listeners = self.0.listeners.lock();
        for (_, listener) in listeners.unwrap_or_else(PoisonError::into_inner).iter() {
            listener();
        }
    }

    /// Whether anyone has asked.
    pub fn is_requested(&self) -> bool {
        self.0.requests.load(Ordering::SeqCst) > 0
    }

    /// Calls `listener` on every request, on the thread that makes it. If there was one already, calls at once.
    pub fn listen(&self, listener: impl Fn() + Send + 'static) -> Listening {
        let mut listeners = self
            .0
            .listeners
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let number = listeners.last().map_or(0, |(last, _)| last + 1);
        if self.is_requested() {
            listener();
        }
        listeners.push((number, Box::new(listener)));
        Listening {
            interrupt: self.clone(),
            number,
        }
    }

    /// Readable from the first request on.
    pub fn end(&self) -> BorrowedFd<'_> {
        self.0.end.as_fd()
    }

    /// Readable from the second request on.
    pub fn end_at_once(&self) -> BorrowedFd<'_> {
        self.0.end_at_once.as_fd()
    }
}

fn is_ignored(signal: i32) -> bool {
    #[expect(unsafe_code, reason = "sigaction has no safe wrapper")]
    // SAFETY: it reads into a live local variable.
    unsafe {
        let mut found: libc::sigaction = std::mem::zeroed();
        libc::sigaction(signal, std::ptr::null(), &raw mut found) == 0
            && found.sa_sigaction == libc::SIG_IGN
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let listeners = self.interrupt.0.listeners.lock();
        let mut listeners = listeners.unwrap_or_else(PoisonError::into_inner);
        listeners.retain(|(number, _)| *number != self.number);
    }
}
