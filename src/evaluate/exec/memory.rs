//! Whether the kernel has killed somebody because memory ran out. It says so by a count only, so what follows from it is
//! said with care.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::event::Outcome;
use crate::fs;

use super::output::Printed;

/// What is added to the output of an operation that was probably hit.
pub(super) const NOTE: &str =
    "[… since the build began, the kernel has killed a process because memory ran out …]";

/// The count, when the first operation started, and where it was read.
static BEFORE: OnceLock<Option<(PathBuf, u64)>> = OnceLock::new();

/// Remembers the count as it is, once.
pub(super) fn note_count() {
    BEFORE.get_or_init(|| {
        let mut files = files().into_iter();
        files.find_map(|file| read(&file).map(|count| (file, count)))
    });
}

/// Whether that is probably why an operation failed: it looks like that, and the count has risen.
pub(super) fn is_to_blame(outcome: &Outcome, printed: &Printed) -> bool {
    looks_like_it(outcome, printed) && has_risen()
}

fn looks_like_it(outcome: &Outcome, printed: &Printed) -> bool {
    match outcome {
        Outcome::Killed { signal, .. } => *signal == libc::SIGKILL,
        // As shells tell that a program was killed; compilers say it about their parts.
        Outcome::Exited { code } => {
            *code == 128 + libc::SIGKILL || printed.text().contains("Killed")
        }
        _ => false,
    }
}

fn has_risen() -> bool {
    let before = BEFORE.get().and_then(Option::as_ref);
    before.is_some_and(|(file, count)| read(file).is_some_and(|now| now > *count))
}

/// Where the count may be, the most specific place first: of the group of processes that wake belongs to, under the
/// second and the first version of such groups; of the machine.
fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let groups = fs::read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    for line in String::from_utf8_lossy(&groups).lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (parts.next(), parts.next()) else {
            continue;
        };
        let group = group.trim_start_matches('/');
        let root = Path::new("/sys/fs/cgroup");
        if controllers.is_empty() {
            files.push(root.join(group).join("memory.events"));
        } else if controllers.split(',').any(|one| one == "memory") {
            files.push(root.join("memory").join(group).join("memory.oom_control"));
        }
    }
    files.push("/proc/vmstat".into());
    files
}

fn read(file: &Path) -> Option<u64> {
    count(&String::from_utf8_lossy(&fs::read(file).ok()?))
}

/// The count in one of these files.
fn count(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    lines.find_map(|line| line.strip_prefix("oom_kill ")?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_found_in_each_kind_of_file() {
        let events = "low 0\nhigh 3\nmax 12\noom 2\noom_kill 1\noom_group_kill 0\n";
        assert_eq!(count(events), Some(1));
        let control = "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n";
        assert_eq!(count(control), Some(7));
        assert_eq!(count("nr_free_pages 1\nallocstall_dma 0\n"), None);
    }

    /// Catches a failure of another kind that is blamed on memory.
    #[test]
    fn only_what_looks_like_it_is_suspected() {
        let killed = |signal| Outcome::Killed {
            signal,
            out_of_memory: false,
        };
        let nothing = Printed::default();
        assert!(looks_like_it(&killed(libc::SIGKILL), &nothing));
        assert!(!looks_like_it(&killed(libc::SIGSEGV), &nothing));
        assert!(looks_like_it(&Outcome::Exited { code: 137 }, &nothing));
        assert!(!looks_like_it(&Outcome::Exited { code: 1 }, &nothing));
        let gcc = b"g++: fatal error: Killed signal terminated program cc1plus".to_vec();
        assert!(looks_like_it(&Outcome::Exited { code: 1 }, &gcc.into()));
    }
}
