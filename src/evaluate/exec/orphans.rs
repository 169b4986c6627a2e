//! Processes that outlive the one that started them: wake adopts them, and ends them when the build ends.

use std::collections::HashSet;

use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};

use crate::fs;

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
    /// Kills and reaps all children that were not there before, and theirs: for the end of a build, when no operation
    /// runs. A child of a killed one becomes wake's own, so it looks again until nothing is left.
    pub fn end(&self) {
        for _ in 0..100 {
            let left: Vec<i32> = children().difference(&self.before).copied().collect();
            if left.is_empty() {
                return;
            }
            for pid in left.into_iter().filter_map(Pid::from_raw) {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waitpid(Some(pid), WaitOptions::empty());
            }
        }
    }
}

/// The process ids of wake's children.
fn children() -> HashSet<i32> {
    let own = i32::try_from(std::process::id()).unwrap_or(0);
    let entries = fs::list(std::path::Path::new("/proc")).unwrap_or_default();
    entries
        .iter()
        .filter_map(|(name, _)| name.to_str()?.parse().ok())
        .filter(|&pid| parent(pid) == Some(own))
        .collect()
}

fn parent(pid: i32) -> Option<i32> {
    let stat = fs::read(format!("/proc/{pid}/stat").as_ref()).ok()?;
    // The name, in parentheses, may contain anything; after it come the state and the parent.
    let after = stat.iter().rposition(|&byte| byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[after..]).ok()?;
    rest.split_whitespace().nth(1)?.parse().ok()
}
