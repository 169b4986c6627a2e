//! The evaluation process: `wake __evaluate` answers requests on its standard input until it is closed.
//!
//! It evaluates nothing that it is not asked for, starts no programs and talks to nobody else. Its stack is large, and
//! its memory limited; when a program of the user takes it down, [`super::client`] says why.

use std::cell::RefCell;
use std::io::{self, Read, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, setrlimit};

use super::protocol::{Answer, Outcome, Reply, Request, Setup};
use super::{evaluation, frame};
use crate::error::Error;

/// Reserved, not touched: the library compares, parses and drops values by recursion that it does not count.
const STACK: usize = 512 << 20;

/// Calls within calls before the library gives up with a trace, far from the end of the stack.
const DEEPEST_CALLS: usize = 2_000;

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
    let stdin = io::stdin();
    loop {
        // Nothing is asked for, so only the end of the other side, or an error, is reported.
        let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
        match poll(&mut watched, None) {
            Ok(0) | Err(Errno::INTR) => {}
            _ => return ExitCode::SUCCESS,
        }
    }
}

/// Answers the requests of `reader` on `writer`. Returns when there are no more, or after a panic: what the library
/// keeps per thread may be damaged then.
fn serve(mut reader: impl Read, writer: impl Write + 'static) -> io::Result<()> {
    jrsonnet_evaluator::stack::set_stack_depth_limit(DEEPEST_CALLS);
    let writer = Rc::new(RefCell::new(writer));
    let mut setup = None;
    while let Some(request) = frame::read::<Request>(&mut reader)? {
        if let Request::Setup(given) = &request {
            limit(given);
            setup = Some(Rc::new(given.clone()));
        }
        let Some(setup) = &setup else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        let working = Rc::clone(&writer);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let say = move |what: &str| {
                // Whoever asked is gone if this fails; the answer will fail too, and end the process.
                let _ = frame::write(&mut *working.borrow_mut(), &Reply::Working(what.to_owned()));
            };
            evaluation::evaluate(setup, &request, Box::new(say))
        }));
        let is_sound = outcome.is_ok();
        let outcome = outcome.unwrap_or_else(|panic| panicked(panic.as_ref()));
        frame::write(&mut *writer.borrow_mut(), &Reply::Done(Box::new(outcome)))?;
        if !is_sound {
            return Ok(());
        }
    }
    Ok(())
}

/// Some programs make the library panic instead of returning an error.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Outcome {
    let text = (panic.downcast_ref::<String>().map(String::as_str))
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("it does not say why");
    let error = Error::user("The evaluation asks for more than jsonnet can do").cause(text);
    Outcome {
        result: Err::<Answer, _>(error),
        reads: Vec::new(),
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
