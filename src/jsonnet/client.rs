//! The processes that evaluate, seen from wake: a pool that hands out one per request.
//!
//! A process that dies, takes too long or answers with rubbish becomes an error that says what was being evaluated; the
//! next request gets a new one. It knows nothing of what requests mean.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use super::frame;
use super::protocol::{Outcome, Reply, Request, Setup};
use super::worker::STACK_USED_UP;
use crate::error::{Error, Kind, Result};
use crate::evaluate::Interrupt;
use crate::fs;
use crate::sandbox::orphans;

/// How long a process may take to start; it evaluates nothing yet.
const START_TIMEOUT: Duration = Duration::from_secs(60);

/// How evaluation processes are started and limited.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of memory of one process; 0: no limit. 4 GiB unless the user says otherwise.
    pub memory: u64,
    /// How long one request may take. 120 s unless the user says otherwise.
    pub timeout: Duration,
    /// The wake binary.
    pub program: PathBuf,
}

impl Options {
    /// The usual limits.
    pub fn new(program: PathBuf) -> Self {
        Self {
            memory: 4 << 30,
            timeout: Duration::from_secs(120),
            program,
        }
    }
}

/// A pool of evaluation processes. They are started when they are needed and end with it.
pub struct Evaluators {
    options: Options,
    setup: Setup,
    pool: Mutex<Pool>,
    returned: Condvar,
    interrupt: Arc<OnceLock<Interrupt>>,
}

struct Pool {
    idle: Vec<Process>,
    /// How many more processes may be started.
    unused: usize,
}

impl Evaluators {
    /// At most `count` processes (at least one). `setup.memory` is taken from `options`.
    pub fn new(options: Options, setup: Setup, count: usize) -> Self {
        Self {
            setup: Setup {
                memory: options.memory,
                ..setup
            },
            options,
            pool: Mutex::new(Pool {
                idle: Vec::new(),
                unused: count.max(1),
            }),
            returned: Condvar::new(),
            interrupt: Arc::default(),
        }
    }

    /// The place for what ends evaluations before their time: a request that is interrupted is an error of its own.
    pub fn interrupt(&self) -> Arc<OnceLock<Interrupt>> {
        Arc::clone(&self.interrupt)
    }

    /// Evaluates one request, waiting for a process if all are busy. Errors of the evaluation itself are in the
    /// outcome; an `Err` says that the evaluation could not end by itself.
    pub fn ask(&self, request: &Request) -> Result<Outcome> {
        let process = match self.take() {
            Some(process) => Ok(process),
            None => self.start(),
        };
        let mut process = match process {
            Ok(process) => process,
            Err(error) => {
                self.give_back(None);
                return Err(error);
            }
        };
        match process.ask(request, self.options.timeout, self.interrupt.get()) {
            Ok(outcome) => {
                // What it has evaluated stays with it in part; the limit is meant for one request.
                let is_large = self.options.memory > 0
                    && process
                        .memory()
                        .is_some_and(|bytes| bytes > self.options.memory / 4);
                self.give_back((!is_large).then_some(process));
                Ok(outcome)
            }
            Err(failure) => {
                self.give_back(None);
                Err(self.explain(request, failure, process))
            }
        }
    }

    fn pool(&self) -> MutexGuard<'_, Pool> {
        self.pool.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An idle process, or `None`: the permission to start one.
    fn take(&self) -> Option<Process> {
        let mut pool = self.pool();
        loop {
            if let Some(process) = pool.idle.pop() {
                return Some(process);
            }
            if pool.unused > 0 {
                pool.unused -= 1;
                return None;
            }
            pool = self
                .returned
                .wait(pool)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn give_back(&self, process: Option<Process>) {
        let mut pool = self.pool();
        match process {
            Some(process) => pool.idle.push(process),
            None => pool.unused += 1,
        }
        drop(pool);
        self.returned.notify_one();
    }

    fn start(&self) -> Result<Process> {
        let mut process = Process::start(&self.options.program)?;
        let setup = Request::Setup(self.setup.clone());
        match process.ask(&setup, START_TIMEOUT, self.interrupt.get()) {
            Ok(_) => Ok(process),
            Err(Failure::Interrupted) => Err(interrupted()),
            Err(_) => Err(Error::internal(format!(
                "`{}` does not start as an evaluation process",
                self.options.program.display()
            ))
            .cause(process.last_words())),
        }
    }

    fn explain(&self, request: &Request, failure: Failure, process: Process) -> Error {
        let last = process.working.clone().unwrap_or_else(|| subject(request));
        let memory = self.options.memory;
        let error = |cause: String| Error::user(format!("Cannot evaluate {last}")).cause(cause);
        match failure {
            Failure::Interrupted => interrupted(),
            Failure::TimedOut => error(format!(
                "it takes longer than {} s",
                self.options.timeout.as_secs_f64()
            ))
            .hint("look for a loop without end, or allow more with `--eval-timeout`"),
            Failure::Unsayable => {
                error("a path of it is not UTF-8".to_owned()).hint("rename the directory")
            }
            Failure::Rubbish(cause) => {
                process.last_words();
                Error::internal(format!("The evaluation of {last} answers with rubbish"))
                    .cause(cause)
            }
            Failure::Ended => {
                let (status, words) = process.end();
                let endless = || error("it recurses, or nests values, without end".to_owned());
                match status.and_then(|status| status.signal()) {
                    _ if status.and_then(|status| status.code()) == Some(STACK_USED_UP) => endless(),
                    _ if words.contains("memory allocation of") => error(format!(
                        "it needs more than {} of memory",
                        in_units(memory)
                    ))
                    .hint("look for a value that grows without end, or allow more with `--eval-memory`"),
                    Some(libc::SIGSEGV | libc::SIGBUS) => endless(),
                    Some(libc::SIGABRT) if words.contains("overflowed its stack") => endless(),
                    Some(libc::SIGKILL) => {
                        Error::environment(format!("Cannot evaluate {last}"))
                            .cause("the process was killed, probably because the machine has no more memory")
                    }
                    _ => Error::internal(format!("The evaluation of {last} ended unexpectedly")).cause(words),
                }
            }
        }
    }
}

fn interrupted() -> Error {
    Error::new(Kind::Interrupted, "Interrupted")
}

/// What a request is about, before the process has said so itself.
fn subject(request: &Request) -> String {
    match request {
        Request::Setup(_) => "nothing".to_owned(),
        Request::Declare { package, .. } | Request::Exports { package, .. } => {
            format!("`{}`", package.directory.join("PKG").display())
        }
        Request::Module {
            package, module, ..
        } => format!("the module `{module}` of `{}`", package.directory.display()),
        Request::Generate(input) => format!("the tasks of `{}`", input.label),
        Request::Eval { file, .. } | Request::Format { file, .. } | Request::Lint { file, .. } => {
            format!("`{}`", file.display())
        }
        Request::Try(trial) => format!("the tasks of `{}`", trial.input.label),
    }
}

fn in_units(bytes: u64) -> String {
    match bytes {
        bytes if bytes % (1 << 30) == 0 => format!("{} GiB", bytes >> 30),
        bytes => format!("{} MiB", bytes >> 20),
    }
}

/// Why a process gave no answer.
enum Failure {
    /// The request has a path that JSON cannot hold.
    Unsayable,
    TimedOut,
    Interrupted,
    Ended,
    Rubbish(String),
}

/// One evaluation process.
struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// Gathers standard error: what the process says when it dies.
    words: Option<JoinHandle<String>>,
    /// What it said last that it was doing.
    working: Option<String>,
    _own: orphans::Own,
}

impl Process {
    fn start(program: &std::path::Path) -> Result<Self> {
        let failed =
            |error: io::Error| Error::io(format!("Cannot start `{}`", program.display()), &error);
        let mut child = Command::new(program)
            .arg("__evaluate")
            .env_clear()
            // Ctrl-C is for wake, which then closes the pipes.
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(failed)?;
        let id = child.id();
        let missing = || Error::internal("An evaluation process has no pipes");
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().ok_or_else(missing)?;
        let mut stderr = child.stderr.take().ok_or_else(missing)?;
        let words = std::thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.by_ref().take(16 << 10).read_to_end(&mut text);
            // The rest must not block the process.
            let _ = io::copy(&mut stderr, &mut io::sink());
            String::from_utf8_lossy(&text).into_owned()
        });
        Ok(Self {
            child,
            stdin,
            stdout,
            words: Some(words),
            working: None,
            _own: orphans::own_child(id),
        })
    }

    fn ask(
        &mut self,
        request: &Request,
        timeout: Duration,
        interrupt: Option<&Interrupt>,
    ) -> std::result::Result<Outcome, Failure> {
        let deadline = Instant::now() + timeout;
        self.working = None;
        let Some(stdin) = &mut self.stdin else {
            return Err(Failure::Ended);
        };
        // The process reads a request before it does anything else, so writing does not wait for evaluation.
        frame::write(stdin, request).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData => Failure::Unsayable,
            _ => Failure::Ended,
        })?;
        loop {
            let mut length = [0; 4];
            self.read(&mut length, deadline, interrupt)?;
            let rubbish = |error: io::Error| Failure::Rubbish(error.to_string());
            let mut body = vec![0; frame::body_length(length).map_err(rubbish)?];
            self.read(&mut body, deadline, interrupt)?;
            match frame::parse(&body).map_err(rubbish)? {
                Reply::Working(what) => self.working = Some(what),
                Reply::Done(outcome) => return Ok(*outcome),
            }
        }
    }

    /// Fills `buffer` before the deadline, unless it is interrupted.
    fn read(
        &mut self,
        buffer: &mut [u8],
        deadline: Instant,
        interrupt: Option<&Interrupt>,
    ) -> std::result::Result<(), Failure> {
        let mut filled = 0;
        while filled < buffer.len() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Failure::TimedOut);
            }
            let wait = Timespec::try_from(left).ok();
            let stdout = PollFd::from_borrowed_fd(self.stdout.as_fd(), PollFlags::IN);
            let mut watched = vec![stdout];
            watched.extend(interrupt.map(|one| PollFd::from_borrowed_fd(one.end(), PollFlags::IN)));
            match poll(&mut watched, wait.as_ref()) {
                Ok(0) => continue,
                Err(rustix::io::Errno::INTR) => continue,
                Err(_) => return Err(Failure::Ended),
                Ok(_) if watched.get(1).is_some_and(|one| !one.revents().is_empty()) => {
                    return Err(Failure::Interrupted);
                }
                Ok(_) => {}
            }
            match self.stdout.read(&mut buffer[filled..]) {
                Ok(0) | Err(_) => return Err(Failure::Ended),
                Ok(count) => filled += count,
            }
        }
        Ok(())
    }

    /// Ends the process and returns how it ended and its last words.
    fn end(mut self) -> (Option<ExitStatus>, String) {
        self.stdin.take();
        let status = self.child.wait().ok();
        (status, self.words())
    }

    /// Kills the process and returns its last words.
    fn last_words(mut self) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.words()
    }

    /// Bytes that it occupies, where that can be told.
    fn memory(&self) -> Option<u64> {
        let path = format!("/proc/{}/statm", self.child.id());
        let text = String::from_utf8(fs::read(path.as_ref()).ok()?).ok()?;
        let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
        Some(pages * rustix::param::page_size() as u64)
    }

    fn words(&mut self) -> String {
        let words = self.words.take().and_then(|words| words.join().ok());
        words.unwrap_or_default().trim().to_owned()
    }
}

impl Drop for Process {
    /// No process outlives the build.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
