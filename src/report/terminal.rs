//! Standard output and standard error. A reader that goes away ends the writing quietly: there is nobody to tell.

use std::io::{ErrorKind, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::fancy::Screen;
use crate::error::{Error, Result};

/// Writes data to standard output, whole. A closed pipe (`wake graph | head`) is no error; a full disk is.
pub fn data(text: &str) -> Result<()> {
    let mut to = std::io::stdout().lock();
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Error::io("Cannot write to standard output", &error))
        }
        _ => Ok(()),
    }
}

/// Writes `text`, which has its line ends, to standard error. Where that fails there is no one to tell.
pub fn say(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

/// Whether people look at standard error.
pub fn stderr_is_terminal() -> bool {
    std::io::stderr().is_terminal()
}

/// The terminal behind standard error.
pub(super) struct Terminal {
    clock: Clock,
}

impl Terminal {
    pub(super) fn new() -> Self {
        Self {
            clock: Clock::new(),
        }
    }
}

impl Screen for Terminal {
    fn write(&mut self, text: &str) {
        say(text);
    }

    fn size(&self) -> (usize, usize) {
        let (rows, columns) = console::Term::stderr().size_checked().unwrap_or((24, 80));
        (usize::from(columns), usize::from(rows))
    }

    fn now(&self) -> Duration {
        self.clock.now()
    }
}

/// Time since it was made.
pub(super) struct Clock(Instant);

impl Clock {
    pub(super) fn new() -> Self {
        Self(Instant::now())
    }

    pub(super) fn now(&self) -> Duration {
        self.0.elapsed()
    }
}
