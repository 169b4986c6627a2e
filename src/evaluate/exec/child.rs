//! One child process, from its start to its last byte.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, kill_process_group, pidfd_open, waitpgid,
};

use crate::event::Outcome;
use crate::fs;

use super::output::Kept;
use super::{Ended, Input, Interrupt, Process};

/// Runs it to its end.
pub(super) fn run(process: &Process, arguments: &[String], interrupt: &Interrupt) -> Ended {
    let started = start(process, arguments);
    match started {
        Ok(mut child) => child.run(process, interrupt),
        Err(cause) => {
            let hint = hint(process, &cause);
            Ended::unusable(describe(process, &cause), hint)
        }
    }
}

/// Why a process did not start.
enum Failure {
    /// One of its standard streams.
    Stream(crate::error::Error),
    Start(std::io::Error),
}

fn describe(process: &Process, failure: &Failure) -> String {
    match failure {
        Failure::Stream(error) => match error.report().causes.first() {
            Some(cause) => format!("{error}: {cause}"),
            None => error.to_string(),
        },
        Failure::Start(error) if error.kind() == ErrorKind::NotFound => {
            if !fs::is_directory(&process.directory) {
                format!(
                    "its working directory `{}` does not exist",
                    process.directory.display()
                )
            } else if fs::exists(&process.executable) {
                format!(
                    "the interpreter of `{}` does not exist",
                    process.executable.display()
                )
            } else {
                format!("`{}` does not exist", process.executable.display())
            }
        }
        Failure::Start(error) => {
            format!("cannot start `{}`: {error}", process.executable.display())
        }
    }
}

fn hint(process: &Process, failure: &Failure) -> Option<String> {
    let Failure::Start(error) = failure else {
        return None;
    };
    match error.kind() {
        ErrorKind::ArgumentListTooLong => Some(
            "its command line is too long for the kernel: let it use a response file".to_owned(),
        ),
        ErrorKind::PermissionDenied => Some(format!(
            "make it executable: chmod +x {}",
            process.executable.display()
        )),
        _ => None,
    }
}

struct Child {
    pid: Pid,
    exit: OwnedFd,
    /// Its output; none where that goes to the terminal.
    pipe: Option<std::io::PipeReader>,
    /// Whether it leads its own process group.
    leads_group: bool,
    kept: Kept,
}

fn start(process: &Process, arguments: &[String]) -> Result<Child, Failure> {
    let mut command = Command::new(&process.executable);
    command
        .args(arguments)
        .current_dir(&process.directory)
        .env_clear()
        .envs(
            process
                .environment
                .iter()
                .map(|(name, value)| (name, value)),
        );
    let mut pipe = None;
    if !process.console {
        command.process_group(0).stdin(stdin(&process.input)?);
        let (reader, writer) = std::io::pipe().map_err(Failure::Start)?;
        rustix::io::ioctl_fionbio(&reader, true).map_err(|error| Failure::Start(error.into()))?;
        command.stderr(writer.try_clone().map_err(Failure::Start)?);
        match &process.stdout {
            Some(path) => command.stdout(fs::create(path).map_err(Failure::Stream)?),
            None => command.stdout(writer),
        };
        pipe = Some(reader);
    }
    let child = spawn(&mut command).map_err(Failure::Start)?;
    let pid = Pid::from_child(&child);
    let exit = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(exit) => exit,
        Err(error) => {
            let mut child = child;
            let _ = child.kill();
            let _ = child.wait();
            return Err(Failure::Start(error.into()));
        }
    };
    Ok(Child {
        pid,
        exit,
        pipe,
        leads_group: !process.console,
        kept: Kept::default(),
    })
}

fn stdin(input: &Input) -> Result<Stdio, Failure> {
    match input {
        Input::Nothing => Ok(Stdio::null()),
        Input::File(path) => Ok(fs::open(path).map_err(Failure::Stream)?.into()),
        Input::Text(text) => {
            use std::io::Seek;
            let memory = rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC);
            let mut file = File::from(memory.map_err(|error| Failure::Start(error.into()))?);
            file.write_all(text).map_err(Failure::Start)?;
            file.rewind().map_err(Failure::Start)?;
            Ok(file.into())
        }
    }
}

/// Starts it with `posix_spawn`, which is what the standard library uses for a command without hooks.
///
/// "Text file busy" passes: another thread's child, between its start and its `exec`, still holds a descriptor by which
/// wake or a program has just written the file.
fn spawn(command: &mut Command) -> std::io::Result<std::process::Child> {
    let mut tries = 0;
    loop {
        match command.spawn() {
            Err(error) if error.kind() == ErrorKind::ExecutableFileBusy && tries < 50 => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(2));
            }
            result => return result,
        }
    }
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
    Interrupted,
}

impl Child {
    fn run(&mut self, process: &Process, interrupt: &Interrupt) -> Ended {
        let mut ending = Ending::Not(process.timeout.map(|limit| Instant::now() + limit));
        let mut cause = Cause::Itself;
        loop {
            let seen = self.wait(ending, interrupt);
            if seen.output {
                self.read(1);
            }
            if seen.ended {
                break;
            }
            let now = Instant::now();
            ending = match ending {
                Ending::Asked(_) | Ending::Not(_) if seen.end_at_once => {
                    cause = Cause::Interrupted;
                    self.signal(Signal::KILL);
                    Ending::Killed
                }
                Ending::Not(_) if seen.end => {
                    cause = Cause::Interrupted;
                    self.signal(Signal::TERM);
                    Ending::Asked(now + process.grace)
                }
                Ending::Not(Some(limit)) if limit <= now => {
                    cause = Cause::TimedOut;
                    self.signal(Signal::TERM);
                    Ending::Asked(now + process.grace)
                }
                Ending::Asked(limit) if limit <= now => {
                    self.signal(Signal::KILL);
                    Ending::Killed
                }
                other => other,
            };
        }
        self.finish(process, cause)
    }

    /// Sleeps until something happens or the time of `ending` comes.
    fn wait(&self, ending: Ending, interrupt: &Interrupt) -> Seen {
        let (limit, asked, killed) = match ending {
            Ending::Not(limit) => (limit, false, false),
            Ending::Asked(limit) => (Some(limit), true, false),
            Ending::Killed => (None, true, true),
        };
        let mut descriptors = vec![PollFd::new(&self.exit, PollFlags::IN)];
        let mut place = |fd| {
            descriptors.push(PollFd::from_borrowed_fd(fd, PollFlags::IN));
            descriptors.len() - 1
        };
        let pipe = self.pipe.as_ref().map(|pipe| place(pipe.as_fd()));
        let end = (!asked).then(|| place(interrupt.end()));
        let end_at_once = (!killed).then(|| place(interrupt.end_at_once()));
        let rest = limit.map(|limit| {
            let rest = limit.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
            Timespec::try_from(rest).unwrap_or(Timespec {
                tv_sec: 1,
                tv_nsec: 0,
            })
        });
        // An error here is a signal that came, or memory that ran short: both mean to look again.
        let _ = poll(&mut descriptors, rest.as_ref());
        let ready = |place: Option<usize>| {
            place.is_some_and(|place| !descriptors[place].revents().is_empty())
        };
        Seen {
            ended: ready(Some(0)),
            output: ready(pipe),
            end: ready(end),
            end_at_once: ready(end_at_once),
        }
    }

    /// Reads what is there, at most `rounds` buffers. At its end the pipe is closed and watched no more.
    fn read(&mut self, rounds: usize) {
        let mut buffer = [0; 64 << 10];
        for _ in 0..rounds {
            let Some(pipe) = &mut self.pipe else {
                return;
            };
            match pipe.read(&mut buffer) {
                Ok(0) => self.pipe = None,
                Ok(count) => self.kept.push(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => self.pipe = None,
            }
        }
    }

    fn signal(&self, signal: Signal) {
        // It may have ended meanwhile; it is not reaped yet, so the number still means it.
        let _ = if self.leads_group {
            kill_process_group(self.pid, signal)
        } else {
            kill_process(self.pid, signal)
        };
    }

    /// Takes the last output, kills what is left of the group, reaps.
    fn finish(&mut self, process: &Process, cause: Cause) -> Ended {
        // A pipe holds 64 KiB unless enlarged to 1 MiB: more than that comes from what was left behind.
        self.read(17);
        if self.leads_group {
            self.signal(Signal::KILL);
        }
        let (status, memory_kib) = reap(self.pid);
        if self.leads_group {
            // What was left of the group is wake's own now, if it adopts orphans.
            while let Ok(Some(_)) = waitpgid(self.pid, WaitOptions::NOHANG) {}
        }
        let outcome = match cause {
            Cause::Interrupted => Outcome::Interrupted,
            Cause::TimedOut => Outcome::TimedOut {
                seconds: process.timeout.map_or(0, |limit| {
                    u32::try_from(limit.as_secs()).unwrap_or(u32::MAX)
                }),
            },
            Cause::Itself => match (libc::WIFSIGNALED(status), libc::WEXITSTATUS(status)) {
                (true, _) => Outcome::Killed {
                    signal: libc::WTERMSIG(status),
                },
                (false, 0) => Outcome::Succeeded,
                (false, code) => Outcome::Exited { code },
            },
        };
        Ended {
            outcome,
            output: std::mem::take(&mut self.kept).finish(),
            memory_kib,
        }
    }
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
fn reap(pid: Pid) -> (i32, u64) {
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
        let interrupted = std::io::Error::last_os_error().kind() == ErrorKind::Interrupted;
        if found >= 0 || !interrupted {
            return (status, u64::try_from(usage.ru_maxrss).unwrap_or(0));
        }
    }
}
