//! What is said between wake and a running retriever, within limits. It knows nothing of what it means.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::run::{Limits, Say};
use crate::error::{Error, Result};
use crate::sandbox::{Ended, Order, Started};

/// Why a conversation is over.
pub(super) enum Over {
    Ended(Ended),
    TimedOut,
    /// It writes on and on.
    TooLong,
}

/// What a retriever wrote.
pub(super) struct Heard {
    /// All of standard output.
    pub(super) answer: Vec<u8>,
    /// The last lines of standard error.
    pub(super) messages: String,
}

/// Runs `order` until it has ended, or has to. Nothing of it runs then.
///
/// # Errors
/// As [`Started::new`] and [`Started::ended`].
pub(super) fn hold(
    wake: &Path,
    order: &Order,
    limits: &Limits,
    say: Say<'_>,
) -> Result<(Over, Heard)> {
    let mut started = Started::new(wake, order)?;
    for pipe in [started.stdout.as_fd(), started.stderr.as_fd()] {
        rustix::io::ioctl_fionbio(pipe, true)
            .map_err(|error| Error::io("Cannot listen to a retriever", &error.into()))?;
    }
    let mut listening = Listening {
        answer: Vec::new(),
        most: limits.answer,
        lines: Lines::new(limits.messages, say),
        hears_answer: true,
        hears_messages: true,
    };
    let over = match listening.until(&mut started, Instant::now() + limits.timeout) {
        Some(halted) => {
            started.stop();
            // How it ends then does not matter, but that it does.
            started.ended()?;
            halted
        }
        None => {
            let ended = started.ended()?;
            // The rest, of which nothing more can come.
            match listening.hear(&mut started) {
                Some(halted) => halted,
                None => Over::Ended(ended),
            }
        }
    };
    let heard = Heard {
        answer: listening.answer,
        messages: listening.lines.finish(),
    };
    Ok((over, heard))
}

struct Listening<'a> {
    answer: Vec<u8>,
    most: usize,
    lines: Lines<'a>,
    /// Whether the pipes are still open.
    hears_answer: bool,
    hears_messages: bool,
}

impl Listening<'_> {
    /// Listens until it has ended (`None`), or must be.
    fn until(&mut self, started: &mut Started, deadline: Instant) -> Option<Over> {
        loop {
            let rest = deadline.saturating_duration_since(Instant::now());
            if rest.is_zero() {
                return Some(Over::TimedOut);
            }
            let has_ended = self.wait(started, rest);
            if let Some(over) = self.hear(started) {
                return Some(over);
            }
            if has_ended {
                return None;
            }
        }
    }

    /// Sleeps until there is something to hear; whether it has ended.
    fn wait(&self, started: &Started, rest: Duration) -> bool {
        let mut descriptors = vec![PollFd::from_borrowed_fd(started.line(), PollFlags::IN)];
        if self.hears_answer {
            descriptors.push(PollFd::from_borrowed_fd(
                started.stdout.as_fd(),
                PollFlags::IN,
            ));
        }
        if self.hears_messages {
            descriptors.push(PollFd::from_borrowed_fd(
                started.stderr.as_fd(),
                PollFlags::IN,
            ));
        }
        // A limit too far away to be said is none. An error is a signal that came: it looks again.
        let _ = poll(&mut descriptors, Timespec::try_from(rest).ok().as_ref());
        !descriptors[0].revents().is_empty()
    }

    /// Takes what is there.
    fn hear(&mut self, started: &mut Started) -> Option<Over> {
        if self.hears_answer {
            let answer = &mut self.answer;
            self.hears_answer = take(&mut started.stdout, |bytes| answer.extend_from_slice(bytes));
        }
        if self.hears_messages {
            let lines = &mut self.lines;
            self.hears_messages = take(&mut started.stderr, |bytes| lines.push(bytes));
        }
        (self.answer.len() > self.most).then_some(Over::TooLong)
    }
}

/// A pipe holds 64 KiB unless enlarged to 1 MiB: so many buffers empty it, and one that is filled without end is left
/// for a look at the clock.
const ROUNDS: usize = 17;

/// Takes what is in a pipe. Returns whether it is still open.
fn take(pipe: &mut impl Read, mut keep: impl FnMut(&[u8])) -> bool {
    let mut buffer = [0; 64 << 10];
    for _ in 0..ROUNDS {
        match pipe.read(&mut buffer) {
            Ok(0) => return false,
            Ok(count) => keep(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return error.kind() == ErrorKind::WouldBlock,
        }
    }
    true
}

/// More bytes than this without a line end are a line.
const LONGEST_LINE: usize = 4 << 10;

/// More lines than this are no message.
const MOST_LINES: usize = 40;

/// Lines that are passed on as they come; the last ones are kept.
struct Lines<'a> {
    say: Say<'a>,
    /// The bytes that may be kept, and are.
    most: usize,
    size: usize,
    kept: VecDeque<String>,
    partial: Vec<u8>,
}

impl<'a> Lines<'a> {
    fn new(most: usize, say: Say<'a>) -> Self {
        Self {
            say,
            most,
            size: 0,
            kept: VecDeque::new(),
            partial: Vec::new(),
        }
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.end_line();
                continue;
            }
            self.partial.push(byte);
            if self.partial.len() == LONGEST_LINE {
                self.end_line();
            }
        }
    }

    fn end_line(&mut self) {
        let line = String::from_utf8_lossy(&self.partial).trim_end().to_owned();
        self.partial.clear();
        (self.say)(&line);
        self.size += line.len();
        self.kept.push_back(line);
        while (self.size > self.most || self.kept.len() > MOST_LINES)
            && self.kept.len() > 1
            && let Some(first) = self.kept.pop_front()
        {
            self.size -= first.len();
        }
    }

    /// What was kept, a line each, without empty ones around it.
    fn finish(mut self) -> String {
        if !self.partial.is_empty() {
            self.end_line();
        }
        let lines: Vec<String> = self.kept.into();
        lines.join("\n").trim().to_owned()
    }
}
