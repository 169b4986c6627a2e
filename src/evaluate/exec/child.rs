//! One child process, from its start to its last byte.

use std::fs::File;
use std::io::{ErrorKind, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpgid};

use crate::error::{Error, Result};
use crate::evaluate::suspend::{self, Registered};
use crate::event::Outcome;
use crate::fs;
use crate::observe::{self, Observer, Watched};

use super::output::Kept;
use super::start::{self, Refusal, Start, Started};
use super::{Ended, Input, Interrupt, Process, memory, refusal};

/// Runs it to its end.
pub(super) fn run(process: &Process, arguments: &[String], interrupt: &Interrupt) -> Ended {
    let streams = match Streams::open(process) {
        Err(error) => return Ended::unusable(&error),
        Ok(streams) => streams,
    };
    let watched = process.observed.as_ref().and_then(|watch| {
        let observer = observe::observer(&watch.how).ok()?;
        Some((observer, observer.watch(&watch.busy)))
    });
    match start(process, arguments, streams.as_ref(), watched.as_ref()) {
        Ok(started) => {
            let leader = started.0.pid.as_raw_nonzero().get();
            let ended = Child::new(process, started, streams).run(interrupt);
            let observed = watched.map(|(observer, watched)| observer.finish(&watched, leader));
            Ended { observed, ..ended }
        }
        Err(refused) => {
            if let Some((observer, watched)) = watched {
                observer.finish(&watched, 0);
            }
            refusal::unusable(process, arguments, &refused)
        }
    }
}

/// What its standard streams are connected with.
struct Streams {
    input: Source,
    /// None: standard output goes where standard error goes.
    output: Option<File>,
    /// The end that wake reads, and the one that it gives away.
    pipe: (PipeReader, PipeWriter),
}

enum Source {
    Nothing(BorrowedFd<'static>),
    File(File),
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Nothing(nothing) => *nothing,
            Self::File(file) => file.as_fd(),
        }
    }
}

impl Streams {
    /// None for a process that has those of wake.
    fn open(process: &Process) -> Result<Option<Self>> {
        if process.console {
            return Ok(None);
        }
        let failed = |error| Error::io("Cannot make a pipe", &error);
        let pipe = std::io::pipe().map_err(failed)?;
        rustix::io::ioctl_fionbio(&pipe.0, true).map_err(|error| failed(error.into()))?;
        Ok(Some(Self {
            input: source(&process.input)?,
            output: process.stdout.as_deref().map(fs::create).transpose()?,
            pipe,
        }))
    }

    fn connected(&self) -> [BorrowedFd<'_>; 3] {
        let pipe = self.pipe.1.as_fd();
        let output = self.output.as_ref().map_or(pipe, AsFd::as_fd);
        [self.input.as_fd(), output, pipe]
    }
}

fn source(input: &Input) -> Result<Source> {
    match input {
        Input::Nothing => start::nothing().map(Source::Nothing),
        Input::File(path) => fs::open(path).map(Source::File),
        Input::Text(text) => in_memory(text)
            .map(Source::File)
            .map_err(|error| Error::io("Cannot keep its standard input in memory", &error)),
    }
}

/// A file in memory: nobody waits for a program that does not read.
fn in_memory(text: &[u8]) -> std::io::Result<File> {
    use std::io::Seek;
    let mut file = File::from(rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?);
    file.write_all(text)?;
    file.rewind()?;
    Ok(file)
}

/// How often it is tried again to start a program that somebody writes to, and how long it is waited each time.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(2);

/// Starts it.
///
/// "Text file busy" passes: another thread's child, between its start and its `exec`, still holds a descriptor by which
/// wake or a program has just written the file.
fn start(
    process: &Process,
    arguments: &[String],
    streams: Option<&Streams>,
    watched: Option<&(&'static Observer, Arc<Watched>)>,
) -> std::result::Result<(Started, Registered), Refusal> {
    let order = Start {
        executable: &process.executable,
        arguments,
        directory: &process.directory,
        environment: &process.environment,
        streams: streams.map(Streams::connected),
        inherited: &process.inherited,
        watched,
    };
    let mut tries = 0;
    loop {
        let started = suspend::start(
            !process.console,
            || start::start(&order),
            |started| started.pid,
        );
        match started {
            Err(refusal) if is_busy(&refusal) && tries < TRIES => {
                tries += 1;
                std::thread::sleep(PAUSE);
            }
            result => return result,
        }
    }
}

fn is_busy(refusal: &Refusal) -> bool {
    refusal.error.kind() == ErrorKind::ExecutableFileBusy
}

struct Child<'a> {
    process: &'a Process,
    pid: Pid,
    exit: OwnedFd,
    registered: Option<Registered>,
    /// Its output; none where that goes to the terminal, or has ended.
    pipe: Option<PipeReader>,
    kept: Kept,
    /// How long wake had stood still when it began: deadlines move by what is added.
    stopped_before: Duration,
}

/// What has been done to end a child.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// Nothing: it may run on until the instant, if there is one.
    Not(Option<Instant>),
    /// It was asked to; at the instant it is killed.
    Asked(Instant),
    Killed,
}

/// Why a child was made to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Itself,
    TimedOut,
    Flooded,
    Interrupted,
}

impl<'a> Child<'a> {
    fn new(process: &'a Process, started: (Started, Registered), streams: Option<Streams>) -> Self {
        let (Started { pid, exit }, registered) = started;
        Self {
            process,
            pid,
            exit,
            registered: Some(registered),
            // The other end is closed here, so the pipe ends with who has it.
            pipe: streams.map(|streams| streams.pipe.0),
            kept: Kept::new(process.log.clone()),
            stopped_before: suspend::stopped(),
        }
    }

    fn run(mut self, interrupt: &Interrupt) -> Ended {
        let limit = self.process.timeout.map(|limit| self.now() + limit);
        let mut ending = Ending::Not(limit);
        let mut cause = Cause::Itself;
        loop {
            let seen = self.wait(ending, interrupt);
            if seen.output {
                self.read(1);
            }
            if seen.ended {
                break;
            }
            let is_flood = self.kept.total() > self.process.most_printed;
            let is_over = |limit: Instant| limit <= self.now();
            let (next, because) = match ending {
                Ending::Asked(_) | Ending::Not(_) if seen.end_at_once => {
                    (Ending::Killed, Some(Cause::Interrupted))
                }
                Ending::Not(_) if seen.end => (self.asked(), Some(Cause::Interrupted)),
                Ending::Not(_) if is_flood => (self.asked(), Some(Cause::Flooded)),
                Ending::Not(Some(limit)) if is_over(limit) => (self.asked(), Some(Cause::TimedOut)),
                Ending::Asked(limit) if is_over(limit) => (Ending::Killed, None),
                other => (other, None),
            };
            if next != ending {
                self.end(next);
            }
            ending = next;
            cause = because.unwrap_or(cause);
        }
        self.finish(cause, interrupt)
    }

    /// The time without what wake has stood still since the child began.
    fn now(&self) -> Instant {
        let now = Instant::now();
        let stopped = suspend::stopped().saturating_sub(self.stopped_before);
        now.checked_sub(stopped).unwrap_or(now)
    }

    fn asked(&self) -> Ending {
        Ending::Asked(self.now() + self.process.grace)
    }

    fn end(&self, ending: Ending) {
        match ending {
            Ending::Not(_) => {}
            Ending::Asked(_) => {
                self.signal(Signal::TERM);
                // One that stands still would not hear it.
                self.signal(Signal::CONT);
            }
            Ending::Killed => self.signal(Signal::KILL),
        }
    }

    /// Sleeps until something happens or the time of `ending` comes.
    fn wait(&mut self, ending: Ending, interrupt: &Interrupt) -> Seen {
        let (limit, asked, killed) = match ending {
            Ending::Not(limit) => (limit, false, false),
            Ending::Asked(limit) => (Some(limit), true, false),
            Ending::Killed => (None, true, true),
        };
        let nothing = |fd| PollFd::from_borrowed_fd(fd, PollFlags::empty());
        let place = |is_wanted: bool, fd| match is_wanted {
            true => PollFd::from_borrowed_fd(fd, PollFlags::IN),
            false => nothing(fd),
        };
        let pipe = self.pipe.as_ref().map_or(self.exit.as_fd(), AsFd::as_fd);
        let mut descriptors = [
            PollFd::new(&self.exit, PollFlags::IN),
            place(self.pipe.is_some(), pipe),
            place(!asked, interrupt.end()),
            place(!killed, interrupt.end_at_once()),
        ];
        let rest = limit.map(|limit| {
            let rest = limit.saturating_duration_since(self.now()) + Duration::from_millis(1);
            Timespec::try_from(rest).unwrap_or(Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            })
        });
        // An error here is a signal that came, or memory that ran short: both mean to look again.
        let _ = poll(&mut descriptors, rest.as_ref());
        let [exit, pipe, end, end_at_once] = descriptors.map(|descriptor| descriptor.revents());
        let seen = Seen {
            ended: !exit.is_empty(),
            output: pipe.contains(PollFlags::IN),
            end: end.contains(PollFlags::IN),
            end_at_once: end_at_once.contains(PollFlags::IN),
        };
        if self.pipe.is_some() && !pipe.is_empty() && !seen.output {
            // Nothing is in it, and nobody can write to it.
            self.pipe = None;
        }
        seen
    }

    /// Reads what is there, at most `rounds` buffers. At its end the pipe is closed and watched no more.
    fn read(&mut self, rounds: usize) {
        BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(PIPE, 0);
            for _ in 0..rounds {
                let Some(pipe) = &mut self.pipe else {
                    return;
                };
                match pipe.read(buffer) {
                    Ok(0) => self.pipe = None,
                    Ok(count) => self.kept.push(&buffer[..count]),
                    Err(error) if error.kind() == ErrorKind::Interrupted => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                    Err(_) => self.pipe = None,
                }
            }
        });
    }

    fn signal(&self, signal: Signal) {
        // It may have ended meanwhile; it is not reaped yet, so the number still means it.
        let _ = match self.process.console {
            true => kill_process(self.pid, signal),
            false => kill_process_group(self.pid, signal),
        };
    }

    /// Takes the last output, kills what is left of the group, reaps.
    fn finish(mut self, cause: Cause, interrupt: &Interrupt) -> Ended {
        // A pipe holds 64 KiB unless enlarged to 1 MiB: more than that comes from what was left behind.
        self.read(17);
        self.registered = None;
        if !self.process.console {
            self.signal(Signal::KILL);
        }
        let end = reap(self.pid);
        if !self.process.console {
            bury(self.pid);
        }
        let printed = std::mem::replace(&mut self.kept, Kept::new(None)).finish();
        let (outcome, memory_kib) = match end {
            Ok((status, memory_kib)) => (self.outcome(cause, status, interrupt), memory_kib),
            // How it ended was thrown away: that must not pass for success.
            Err(error) => (
                Outcome::unusable(&Error::io("Cannot learn how it ended", &error)),
                0,
            ),
        };
        let out_of_memory = memory::is_to_blame(&outcome, &printed);
        Ended {
            outcome: match outcome {
                Outcome::Killed { signal, .. } => Outcome::Killed {
                    signal,
                    out_of_memory,
                },
                other => other,
            },
            printed: match out_of_memory {
                true => printed.noting(memory::NOTE),
                false => printed,
            },
            memory_kib,
            observed: None,
        }
    }

    /// Whether it has the terminal, and ^C there has ended it: it may have died before wake has heard of the same ^C.
    fn is_interrupted_with_wake(&self, interrupt: &Interrupt) -> bool {
        let mut end = [PollFd::from_borrowed_fd(interrupt.end(), PollFlags::IN)];
        let moment = Timespec {
            tv_sec: 0,
            tv_nsec: 50_000_000,
        };
        self.process.console && poll(&mut end, Some(&moment)) == Ok(1)
    }

    fn outcome(&self, cause: Cause, status: i32, interrupt: &Interrupt) -> Outcome {
        match cause {
            Cause::Interrupted => Outcome::Interrupted,
            Cause::TimedOut => Outcome::TimedOut {
                seconds: self.process.timeout.map_or(0, |limit| {
                    u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)
                }),
            },
            Cause::Flooded => Outcome::Unusable {
                cause: format!(
                    "it printed more than {} MiB and was stopped",
                    self.process.most_printed >> 20
                ),
                hint: Some("have it print less, or to a file".to_owned()),
            },
            Cause::Itself if status != 0 && self.is_interrupted_with_wake(interrupt) => {
                Outcome::Interrupted
            }
            Cause::Itself => match (libc::WIFSIGNALED(status), libc::WEXITSTATUS(status)) {
                (true, _) => Outcome::Killed {
                    signal: libc::WTERMSIG(status),
                    out_of_memory: false,
                },
                (false, 0) => Outcome::Succeeded,
                (false, code) => Outcome::Exited { code },
            },
        }
    }
}

/// What a pipe holds, unless it is enlarged.
const PIPE: usize = 64 << 10;

thread_local! {
    static BUFFER: std::cell::RefCell<Vec<u8>> = const { std::cell::RefCell::new(Vec::new()) };
}

/// What `poll` said.
#[derive(Clone, Copy, Default)]
struct Seen {
    ended: bool,
    output: bool,
    end: bool,
    end_at_once: bool,
}

/// Takes the exit status of a process that has ended, and its peak memory in KiB.
fn reap(pid: Pid) -> std::io::Result<(i32, u64)> {
    let mut status = 0;
    loop {
        #[expect(unsafe_code, reason = "wait4, for the memory, has no safe wrapper")]
        // SAFETY: both pointers are to live local variables of the right types.
        let (found, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            let found = libc::wait4(
                pid.as_raw_nonzero().get(),
                &raw mut status,
                0,
                &raw mut usage,
            );
            (found, usage)
        };
        if found >= 0 {
            return Ok((status, u64::try_from(usage.ru_maxrss).unwrap_or(0)));
        }
        let error = std::io::Error::last_os_error();
        if error.kind() != ErrorKind::Interrupted {
            return Err(error);
        }
    }
}

/// How long those may take to be gone that were left behind in a group and have been killed: one that the kernel holds does
/// not go.
const PATIENCE: Duration = Duration::from_secs(5);

/// Waits until nothing of a killed group is left that could still write: what has lost its parent is wake's own by now,
/// if it adopts orphans.
fn bury(group: Pid) {
    let mut limit = None;
    loop {
        match waitpgid(group, WaitOptions::NOHANG) {
            Ok(Some(_)) => {}
            Ok(None) => {
                let now = Instant::now();
                if *limit.get_or_insert(now + PATIENCE) < now {
                    return;
                }
                std::thread::sleep(Duration::from_micros(200));
            }
            Err(_) => return,
        }
    }
}
