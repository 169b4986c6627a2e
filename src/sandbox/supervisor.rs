//! `wake __confined`: starts one program, confined, and ends with it all that descends from it. It knows nothing of what
//! the program is for.

use std::io::{self, BufReader, ErrorKind, Seek, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::MemfdFlags;
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, getpid, getppid, pidfd_open,
    set_parent_process_death_signal, setpgid, setsid, waitpid,
};
use serde::Deserialize;

use super::{Ended, Order, confine, orphans};
use crate::error::{Error, Kind};
use crate::fs;

/// Does what it is told on the socket that is its standard input.
pub fn main() -> ExitCode {
    match serve() {
        Ok(()) => ExitCode::SUCCESS,
        // Whoever started it sees that it ended without a word.
        Err(_) => ExitCode::FAILURE,
    }
}

fn serve() -> io::Result<()> {
    // Away from the terminal: Ctrl-C is for wake, and nobody can be asked for a password behind its back.
    let _ = setsid();
    orphans::adopt();
    let line = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut orders = serde_json::Deserializer::from_reader(BufReader::new(&line));
    let order = Order::deserialize(&mut orders)?;
    let program = start(&order, &line)?;
    let mut ended = watch(program, &line)?;
    if !orphans::end_all() {
        let message = format!(
            "`{}` has started a process that does not end",
            order.program.display()
        );
        ended = Ended::Failed(
            Error::environment(message).cause("the kernel holds it, or it has other rights"),
        );
    }
    tell(&line, &ended)
}

fn tell(mut line: &UnixStream, ended: &Ended) -> io::Result<()> {
    line.write_all(&serde_json::to_vec(ended)?)
}

/// Forks. The child becomes the program, or says why not: before the supervisor says how it ended, and what is said
/// first counts.
fn start(order: &Order, line: &UnixStream) -> io::Result<Pid> {
    // They see to it that nothing stays behind: this process, and wake.
    let guards: Vec<i32> = [Some(getpid()), getppid()]
        .into_iter()
        .flatten()
        .map(|guard| guard.as_raw_nonzero().get())
        .collect();
    #[expect(unsafe_code, reason = "there is no safe fork")]
    // SAFETY: this process has one thread, so the child has all of it, and nobody else holds a lock.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(io::Error::last_os_error()),
        0 => {
            let error = become_program(order, &guards);
            let _ = tell(line, &Ended::Failed(error));
            std::process::exit(1)
        }
        pid => Pid::from_raw(pid).ok_or_else(|| ErrorKind::Other.into()),
    }
}

/// How often those are buried that ended after they had lost their parents: each is a number that nobody else can have.
const TICK: Timespec = Timespec {
    tv_sec: 1,
    tv_nsec: 0,
};

/// Sleeps until the program has ended, or until wake says something: all that it can mean is to stop.
fn watch(program: Pid, line: &UnixStream) -> io::Result<Ended> {
    let exit = pidfd_open(program, PidfdFlags::empty())?;
    loop {
        let mut descriptors = [
            PollFd::new(&exit, PollFlags::IN),
            PollFd::new(line, PollFlags::IN),
        ];
        // An error is a signal that came: it looks again.
        let _ = poll(&mut descriptors, Some(&TICK));
        if !descriptors[0].revents().is_empty() {
            return reap(program);
        }
        if !descriptors[1].revents().is_empty() {
            return Ok(Ended::Stopped);
        }
        orphans::bury(program);
    }
}

fn reap(program: Pid) -> io::Result<Ended> {
    let (_, status) = waitpid(Some(program), WaitOptions::empty())?.ok_or(ErrorKind::NotFound)?;
    Ok(match status.terminating_signal() {
        Some(signal) => Ended::Killed { signal },
        None => Ended::Exited(status.exit_status().unwrap_or(0)),
    })
}

/// Confines this process and becomes the program. Returns why that did not work.
fn become_program(order: &Order, guards: &[i32]) -> Error {
    // The supervisor is in another group, and if it dies in spite of all, so does this.
    let _ = setpgid(None, None);
    let _ = set_parent_process_death_signal(Some(Signal::KILL));
    let input = match input(&order.input) {
        Ok(input) => input,
        Err(error) => return Error::io("Cannot pass on a request", &error),
    };
    if let Err(error) = inherit_nothing() {
        return Error::io("Cannot close files that were left open", &error);
    }
    if let Err(error) = confine::enter(&order.policy, guards) {
        return error;
    }
    let mut command = Command::new(&order.program);
    command
        .args(&order.arguments)
        .current_dir(&order.directory)
        .env_clear()
        .envs(&order.environment)
        .stdin(input);
    let mut tries = 0;
    loop {
        let error = command.exec();
        // It passes: a process that is just being started may still hold the descriptor by which the file was written.
        if error.kind() != ErrorKind::ExecutableFileBusy || tries == 50 {
            return not_started(order, &error);
        }
        tries += 1;
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// A file in memory: nobody waits for a program that does not read.
fn input(text: &str) -> io::Result<std::fs::File> {
    let memory: OwnedFd = rustix::fs::memfd_create("stdin", MemfdFlags::CLOEXEC)?;
    let mut file = std::fs::File::from(memory);
    file.write_all(text.as_bytes())?;
    file.rewind()?;
    Ok(file)
}

/// Files that whoever started wake has left open would be a way out.
fn inherit_nothing() -> io::Result<()> {
    #[expect(unsafe_code, reason = "close_range has no safe wrapper")]
    // SAFETY: it only marks descriptors to be closed when the program begins.
    let result =
        unsafe { libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as i32) };
    if result == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

fn not_started(order: &Order, error: &io::Error) -> Error {
    let program = order.program.display();
    let failure = Error::new(Kind::User, format!("Cannot start `{program}`"));
    match error.kind() {
        ErrorKind::NotFound if !fs::is_directory(&order.directory) => failure.cause(format!(
            "its working directory `{}` does not exist",
            order.directory.display()
        )),
        ErrorKind::NotFound if fs::exists(&order.program) => {
            failure.cause("its interpreter does not exist")
        }
        ErrorKind::NotFound => failure.cause("there is no such file"),
        ErrorKind::PermissionDenied if !fs::is_executable(&order.program) => failure
            .cause("it is not executable")
            .hint(format!("chmod +x {program}")),
        ErrorKind::PermissionDenied => failure
            .cause("it or its interpreter lies where the sandbox lets it execute nothing")
            .hint("a program may use the system's directories and those of its package and what that names in `pkgs`"),
        _ => failure.cause(error.to_string()),
    }
}
