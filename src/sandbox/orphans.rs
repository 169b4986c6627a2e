//! Processes that outlive the one that started them: wake adopts them, and ends them when the build ends. Those of a wake
//! that was killed are ended by the next one, which knows them by the variable that every operation gets.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, WaitOptions, kill_process, pidfd_open,
    pidfd_send_signal, test_kill_process_group, waitid, waitpid,
};

use crate::error::{Error, Result};
use crate::fs;

/// Children that wake started for itself, and not for the build.
static OWN: Mutex<BTreeSet<i32>> = Mutex::new(BTreeSet::new());

/// A child of wake that is none of the build's, until this is dropped: after it was reaped.
pub struct Own(i32);

/// Marks a child as one of wake's own, whenever it was started.
pub fn own_child(pid: u32) -> Own {
    let pid = i32::try_from(pid).unwrap_or(0);
    own_children().insert(pid);
    Own(pid)
}

fn own_children() -> MutexGuard<'static, BTreeSet<i32>> {
    OWN.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Own {
    fn drop(&mut self) {
        own_children().remove(&self.0);
    }
}

/// The children that wake had before it ran operations: they are none of the build's.
pub struct Adoption {
    before: HashSet<i32>,
}

/// From now on, what loses its parent becomes a child of wake.
pub fn adopt() -> Adoption {
    #[expect(unsafe_code, reason = "prctl has no safe wrapper for this option")]
    // SAFETY: the option takes one number and changes only whose children orphans become.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
    }
    Adoption { before: children() }
}

/// From now on, orphans are nobody's again: for a process that becomes another program.
pub fn disown() {
    #[expect(unsafe_code, reason = "prctl has no safe wrapper for this option")]
    // SAFETY: as in [`adopt`].
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0);
    }
}

impl Adoption {
    /// Kills and reaps all children that were not there before and are not wake's own, and theirs: for the end of a build,
    /// when no operation runs.
    pub fn end(&self) {
        let own = own_children().clone();
        end(&self.before.iter().copied().chain(own).collect());
    }
}

/// Kills and reaps all that descends from this process. Returns whether that worked: a process that the kernel holds
/// does not end.
pub fn end_all() -> bool {
    end(&HashSet::new())
}

/// Reaps children that have ended, until it comes to `spared`.
pub fn bury(spared: Pid) {
    while let Some(pid) = ended_child().filter(|pid| *pid != spared) {
        let _ = waitpid(Some(pid), WaitOptions::NOHANG);
    }
}

/// A child that has ended and is not reaped.
fn ended_child() -> Option<Pid> {
    let options = libc::WEXITED | libc::WNOHANG | libc::WNOWAIT;
    #[expect(
        unsafe_code,
        reason = "the safe waitid does not say which child it was"
    )]
    // SAFETY: the pointer is to a live local variable; that is all zeros where there is none, and of a child otherwise.
    let pid = unsafe {
        let mut found: libc::siginfo_t = std::mem::zeroed();
        libc::waitid(libc::P_ALL, 0, &raw mut found, options);
        found.si_pid()
    };
    Pid::from_raw(pid)
}

/// Kills and reaps what descends from this process, but for the children `spared` and what descends from them.
/// Returns whether nothing is left.
///
/// Only children are killed: what they had started is then this process's, for the next round. A process that flees, by
/// forking and ending all the time, is caught by a round that is faster than its fork: so each looks at nothing that is
/// known to be foreign, and reaps what ended, which would make the next one slow.
fn end(spared: &HashSet<i32>) -> bool {
    let limit = Instant::now() + PATIENCE;
    let mut foreign = HashSet::new();
    let mut killed = HashSet::new();
    for round in 0_u32.. {
        if has_no_children() {
            return true;
        }
        // Numbers are given again: who is foreign is believed for some rounds.
        let is_thorough = round % 64 == 0 || killed.is_empty();
        if is_thorough {
            foreign = strangers(spared);
        }
        let found: HashSet<i32> = processes()
            .filter(|pid| !foreign.contains(pid) && !spared.contains(pid) && kill_child(*pid))
            .collect();
        if found.is_empty() && is_thorough && !spared.is_empty() {
            return true;
        }
        if limit < Instant::now() {
            return false;
        }
        if found.is_subset(&killed) {
            // They need a moment.
            std::thread::sleep(Duration::from_micros(200));
        }
        killed = found;
        for pid in killed.iter().copied().filter_map(Pid::from_raw) {
            let _ = waitpid(Some(pid), WaitOptions::NOHANG);
        }
    }
    false
}

/// All processes that do not descend from this one, and what descends from its children `spared`.
fn strangers(spared: &HashSet<i32>) -> HashSet<i32> {
    let mut strangers = HashSet::new();
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for pid in processes() {
        strangers.insert(pid);
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let mut parents = vec![own()];
    while let Some(parent) = parents.pop() {
        for pid in children.remove(&parent).unwrap_or_default() {
            if !spared.contains(&pid) {
                strangers.remove(&pid);
                parents.push(pid);
            }
        }
    }
    strangers
}

/// Kills a process if it is a child of this one, and so cannot be another one that got its number: this thread alone
/// reaps it. Returns whether it is.
fn kill_child(pid: i32) -> bool {
    if parent(pid) != Some(own()) {
        return false;
    }
    if let Some(pid) = Pid::from_raw(pid) {
        let _ = kill_process(pid, Signal::KILL);
    }
    true
}

/// How long a killed process may take to be gone.
const PATIENCE: Duration = Duration::from_secs(10);

/// Kills all processes that have the environment variable `variable` with a line that is `line`, and waits until they are
/// gone. A process that hides its environment is not found.
///
/// # Errors
/// `Environment`: one that does not go, such as one that the kernel holds.
pub fn end_marked(variable: &str, line: &str) -> Result<()> {
    let limit = Instant::now() + PATIENCE;
    loop {
        // Each round finds what those of the last one started before they died.
        let found: Vec<(i32, OwnedFd)> = processes()
            .filter(|&pid| pid != own())
            .filter_map(|pid| Some((pid, marked(pid, variable, line)?)))
            .collect();
        let Some((pid, _)) = found.first() else {
            return Ok(());
        };
        if limit <= Instant::now() {
            return Err(Error::environment(format!(
                "The process {pid} of a build that was killed does not end"
            ))
            .cause("it may still write to outputs")
            .hint(format!("end it, then build again: kill -9 {pid}")));
        }
        for (_, process) in &found {
            let _ = pidfd_send_signal(process, Signal::KILL);
        }
        for (_, process) in &found {
            await_end(process, limit);
        }
    }
}

/// A descriptor of the process if it has the mark: taken first, so that it is the one that was looked at.
fn marked(pid: i32, variable: &str, line: &str) -> Option<OwnedFd> {
    let process = pidfd_open(Pid::from_raw(pid)?, PidfdFlags::empty()).ok()?;
    let environment = fs::read(format!("/proc/{pid}/environ").as_ref()).ok()?;
    let value = environment
        .split(|&byte| byte == 0)
        .find_map(|entry| entry.strip_prefix(variable.as_bytes())?.strip_prefix(b"="))?;
    let mut lines = value.split(|&byte| byte == b'\n');
    lines.any(|one| one == line.as_bytes()).then_some(process)
}

fn await_end(process: &OwnedFd, limit: Instant) {
    let rest = limit.saturating_duration_since(Instant::now());
    let mut descriptor = [PollFd::new(process, PollFlags::IN)];
    // Whatever it says, the caller looks again.
    let _ = poll(&mut descriptor, Timespec::try_from(rest).ok().as_ref());
}

fn own() -> i32 {
    i32::try_from(std::process::id()).unwrap_or(0)
}

/// The ids of all processes.
fn processes() -> impl Iterator<Item = i32> {
    let entries = fs::list(std::path::Path::new("/proc")).unwrap_or_default();
    entries
        .into_iter()
        .filter_map(|(name, _)| name.to_str()?.parse().ok())
}

/// The process ids of this process's children. Where there are none, as in a build that runs nothing, no process is
/// looked at.
fn children() -> HashSet<i32> {
    if has_no_children() {
        return HashSet::new();
    }
    let own = own();
    processes()
        .filter(|&pid| parent(pid) == Some(own))
        .collect()
}

fn has_no_children() -> bool {
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    waitid(WaitId::All, options).is_err_and(|error| error == rustix::io::Errno::CHILD)
}

fn parent(pid: i32) -> Option<i32> {
    field(pid, 1)?.parse().ok()
}

/// Whether a process of this group runs; those that have ended and are not reaped do not.
pub fn runs(group: i32) -> bool {
    let Some(number) = Pid::from_raw(group) else {
        return false;
    };
    let group = group.to_string();
    let is_running = |pid: i32| {
        let state = field(pid, 0);
        state.is_some_and(|state| state != "Z" && state != "X")
            && field(pid, 2).as_ref() == Some(&group)
    };
    test_kill_process_group(number).is_ok() && processes().any(is_running)
}

/// What `/proc` says of a process: its state, its parent, its group, see proc_pid_stat(5).
fn field(pid: i32, number: usize) -> Option<String> {
    let stat = fs::read(format!("/proc/{pid}/stat").as_ref()).ok()?;
    // The name, in parentheses, may contain anything; after it come the state and the parent.
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[after..]).ok()?;
    rest.split_whitespace().nth(number).map(str::to_owned)
}
