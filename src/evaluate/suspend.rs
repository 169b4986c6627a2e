//! Stops all that runs, and wake with it, when the terminal says so (^Z), and lets it go on. It knows process ids and
//! time, and neither operations nor what processes are for.
//!
//! Processes lead groups of their own, so what the terminal sends reaches wake alone. Signals and child processes belong
//! to the whole process, and so does what this module keeps: which processes run, and how long they have stood still.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// Held by who starts processes, all at once, and by who stops them, alone: none is started while all are being stopped.
static STARTING: RwLock<()> = RwLock::new(());
/// The processes that run, and whether each leads a group.
static RUNNING: Mutex<BTreeMap<i32, bool>> = Mutex::new(BTreeMap::new());
static CLOCK: Mutex<Clock> = Mutex::new(Clock {
    stopped: Duration::ZERO,
    since: None,
    times: 0,
});

struct Clock {
    /// How long all has stood still so far.
    stopped: Duration,
    /// Since when it does.
    since: Option<Instant>,
    times: u32,
}

impl Clock {
    fn stop(&mut self, now: Instant) {
        self.since = Some(now);
        self.times += 1;
    }

    fn go_on(&mut self, now: Instant) {
        self.stopped = self.stopped(now);
        self.since = None;
        self.times += 1;
    }

    fn stopped(&self, now: Instant) -> Duration {
        let since = self.since.map(|since| now.saturating_duration_since(since));
        self.stopped + since.unwrap_or_default()
    }
}

fn locked<T>(lock: &Mutex<T>) -> MutexGuard<'_, T> {
    lock.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long wake has stood still, in all, since it began. Deadlines of processes are moved by what is added while they
/// run.
pub fn stopped() -> Duration {
    locked(&CLOCK).stopped(Instant::now())
}

/// Rises when wake is stopped, and again when it goes on: whoever draws on the terminal draws afresh then.
pub fn times() -> u32 {
    locked(&CLOCK).times
}

/// A process that is stopped and goes on together with wake, until this is dropped: before it is reaped, so that its number
/// means no other one.
pub struct Registered(i32);

impl Drop for Registered {
    fn drop(&mut self) {
        locked(&RUNNING).remove(&self.0);
    }
}

/// Starts a process, and registers it if that worked.
///
/// # Errors
/// Those of `start`.
pub fn start<T, E>(
    leads_group: bool,
    start: impl FnOnce() -> Result<T, E>,
    pid: impl FnOnce(&T) -> Pid,
) -> Result<(T, Registered), E> {
    let _starting = STARTING.read().unwrap_or_else(PoisonError::into_inner);
    let started = start()?;
    let number = pid(&started).as_raw_nonzero().get();
    locked(&RUNNING).insert(number, leads_group);
    Ok((started, Registered(number)))
}

/// Stops all that is registered, then wake, as `signal` would have stopped it; returns when it goes on.
pub fn suspend(signal: i32) {
    let _nothing_starts = STARTING.write().unwrap_or_else(PoisonError::into_inner);
    // Before anything stops: a thread that goes on before this one must not find that its time is over.
    locked(&CLOCK).stop(Instant::now());
    // Not SIGSTOP: a build system among them must be told, to stop what it has started itself.
    send(Signal::TSTP);
    stop_itself(signal);
    send(Signal::CONT);
    locked(&CLOCK).go_on(Instant::now());
}

/// Lets all go on that is registered: whoever let wake go on means them, too.
pub fn resume() {
    send(Signal::CONT);
}

fn send(signal: Signal) {
    for (&number, &leads_group) in locked(&RUNNING).iter() {
        let Some(pid) = Pid::from_raw(number) else {
            continue;
        };
        // One that has ended is not reaped yet, so the number still means it.
        let _ = match leads_group {
            true => kill_process_group(pid, signal),
            false => kill_process(pid, signal),
        };
    }
}

/// Does what the signal does where nobody handles it: shells tell apart by which signal a process was stopped. Where nobody
/// could let the process go on, because no shell looks after it, the kernel does not stop it.
fn stop_itself(signal: i32) {
    #[expect(unsafe_code, reason = "sigaction and raise have no safe wrappers")]
    // SAFETY: the handler is put back as it was found; all zeros is the default action. `raise` stops this thread before
    // it returns, and with it the process.
    unsafe {
        let default: libc::sigaction = std::mem::zeroed();
        let mut handler: libc::sigaction = std::mem::zeroed();
        if libc::sigaction(signal, &raw const default, &raw mut handler) == 0 {
            libc::raise(signal);
            libc::sigaction(signal, &raw const handler, std::ptr::null_mut());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches time-outs that run on while all stands still, and threads that look at the clock between a stop and its end.
    #[test]
    fn time_stands_still_from_the_stop_on() {
        let mut clock = Clock {
            stopped: Duration::ZERO,
            since: None,
            times: 0,
        };
        let start = Instant::now();
        let after = |seconds| start + Duration::from_secs(seconds);
        let stopped = |clock: &Clock, seconds| clock.stopped(after(seconds)).as_secs();
        clock.stop(after(10));
        assert_eq!(stopped(&clock, 10), 0);
        assert_eq!(stopped(&clock, 17), 7);
        clock.go_on(after(20));
        assert_eq!(stopped(&clock, 99), 10);
        clock.stop(after(100));
        assert_eq!(stopped(&clock, 101), 11);
    }
}
