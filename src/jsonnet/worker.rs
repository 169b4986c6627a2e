//! The evaluation process: `wake __evaluate` answers requests on its standard input until it is closed.
//!
//! It evaluates nothing that it is not asked for, starts no programs and talks to nobody else. Its stack is large, and
//! its memory limited; when a program of the user takes it down, [`super::client`] says why.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::builtin::Builtin;
use super::protocol::{Answer, Outcome, Reply, Request, Setup};
use super::{evaluation, frame};
use crate::error::Error;
use crate::fs;

/// Reserved, not touched: the library compares, parses and drops values by recursion that it does not count.
const STACK: usize = 512 << 20;

/// Calls within calls before the library gives up with a trace, far from the end of the stack.
const DEEPEST_CALLS: usize = 2_000;

/// More stacks of a megabyte each than any finite program needs.
const MOST_STACKS: usize = 100;

/// The exit code that says so.
pub(super) const STACK_USED_UP: i32 = 86;

/// Whether a request is being evaluated.
static IS_BUSY: AtomicBool = AtomicBool::new(false);

/// Serves standard input until it ends, or until whoever asked is gone: an endless evaluation must not stay behind.
pub fn main() -> ExitCode {
    let worker = std::thread::Builder::new()
        .name("evaluation".to_owned())
        .stack_size(STACK)
        .spawn(|| {
            let served = serve(io::stdin().lock(), io::stdout().lock());
            std::process::exit(i32::from(served.is_err()));
        });
    if worker.is_err() {
        return ExitCode::FAILURE;
    }
    watch();
    ExitCode::SUCCESS
}

/// Returns when nobody is there to ask any more. Meanwhile looks after the stack: calls that the library does not count
/// (fields that read fields) get one more stack from it whenever one is used up, until all memory is gone.
fn watch() {
    let stdin = io::stdin();
    let usual = mappings();
    let interval = Timespec {
        tv_sec: 0,
        tv_nsec: 100_000_000,
    };
    loop {
        // Nothing is asked for, so only the end of the other side, or an error, is reported.
        let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut watched, Some(&interval)) {
            Ok(0) | Err(Errno::INTR) => {}
            _ => return,
        }
        let is_busy = IS_BUSY.load(Ordering::Relaxed);
        if is_busy && mappings().saturating_sub(usual) > 2 * MOST_STACKS {
            std::process::exit(STACK_USED_UP);
        }
    }
}

/// How many pieces of memory the process has: each further stack is one, and its guard another. 0 where the system
/// does not tell; then the limits of memory and time must do.
fn mappings() -> usize {
    let maps = fs::read(Path::new("/proc/self/maps")).unwrap_or_default();
    maps.iter().filter(|byte| **byte == b'\n').count()
}

/// Answers the requests of `reader` on `writer`. Returns when there are no more, or after a panic: what the library
/// keeps per thread may be damaged then.
fn serve(mut reader: impl Read, writer: impl Write + 'static) -> io::Result<()> {
    jrsonnet_evaluator::stack::set_stack_depth_limit(DEEPEST_CALLS);
    let writer = Rc::new(RefCell::new(writer));
    let mut setup = None;
    let mut builtin = Rc::new(Builtin::new());
    while let Some(request) = frame::read::<Request>(&mut reader)? {
        if let Request::Setup(given) = &request {
            limit(given);
            setup = Some(Rc::new(given.clone()));
        }
        let Some(setup) = &setup else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        IS_BUSY.store(true, Ordering::Relaxed);
        let working = Rc::clone(&writer);
        let last = Rc::new(RefCell::new(String::new()));
        let current = Rc::clone(&last);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let say = move |what: &str| {
                what.clone_into(&mut current.borrow_mut());
                // Whoever asked is gone if this fails; the answer will fail too, and end the process.
                let _ = frame::write(&mut *working.borrow_mut(), &Reply::Working(what.to_owned()));
            };
            evaluation::evaluate(setup, &builtin, &request, Box::new(say))
        }));
        IS_BUSY.store(false, Ordering::Relaxed);
        let is_sound = outcome.is_ok();
        if !matches!(&outcome, Ok(outcome) if outcome.result.is_ok()) {
            // A value that could not be worked out there, with little stack left say, would fail for ever.
            builtin = Rc::new(Builtin::new());
        }
        let outcome = outcome.unwrap_or_else(|panic| panicked(&last.borrow(), panic.as_ref()));
        frame::write(&mut *writer.borrow_mut(), &Reply::Done(Box::new(outcome)))?;
        if !is_sound {
            return Ok(());
        }
    }
    Ok(())
}

/// Some programs make the library panic instead of returning an error.
fn panicked(working: &str, panic: &(dyn std::any::Any + Send)) -> Outcome {
    let text = (panic.downcast_ref::<String>().map(String::as_str))
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it does not say why");
    let error = Error::user(format!("Cannot evaluate {working}"))
        .cause("it asks for more than jsonnet can do")
        .cause(text);
    Outcome {
        result: Err::<Answer, _>(error),
        reads: Vec::new(),
        is_recalled: false,
    }
}

/// Memory without end ends this process, not the machine.
fn limit(setup: &Setup) {
    let set = |resource, value| {
        let limit = Rlimit {
            current: Some(value),
            maximum: Some(value),
        };
        // Where the limit cannot be set, the time-out still holds.
        let _ = setrlimit(resource, limit);
    };
    set(Resource::Core, 0);
    if setup.memory > 0 {
        set(Resource::As, setup.memory.saturating_add(STACK as u64));
    }
}
