//! What commands about packages say at their end, in a line or two. It looks nothing up.

use super::text::{bytes, count};

/// What a resolution came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resolved {
    pub by_path: usize,
    pub fetched_before: usize,
    pub fetched_now: usize,
    pub not_fetched: usize,
    /// Whether the lock is another than before.
    pub is_lock_new: bool,
    /// Whether there is a lock: a workspace of path packages has none.
    pub has_lock: bool,
}

/// `Resolved 14 packages: 9 fetched before, 3 now, 2 by path`.
pub fn resolved(summary: &Resolved) -> String {
    let parts = [
        (summary.fetched_before, "fetched before"),
        (summary.fetched_now, "now"),
        (summary.not_fetched, "not fetched"),
        (summary.by_path, "by path"),
    ];
    let all = parts.iter().map(|(number, _)| number).sum();
    let told: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| match (*what, summary.fetched_before) {
            ("now", 0) => format!("{number} fetched now"),
            _ => format!("{number} {what}"),
        })
        .collect();
    let mut text = format!("Resolved {}: {}\n", count(all, "package"), told.join(", "));
    if summary.has_lock && !summary.is_lock_new {
        text.push_str("`wake.lock` is up to date\n");
    }
    text
}

/// What was removed from the store, and what is still there, as numbers of packages and bytes.
pub fn collected(removed: (usize, u64), kept: (usize, u64), used: usize) -> String {
    let shown = |(number, size)| format!("{}, {}", count(number, "package"), bytes(size));
    let mut text = match removed.0 {
        0 => "Removed nothing".to_owned(),
        _ => format!("Removed {}", shown(removed)),
    };
    text.push_str(&match (kept.0, used) {
        (0, _) => "; the store is empty".to_owned(),
        (_, 0) => format!("; kept {}", shown(kept)),
        (all, used) if all == used => format!("; kept {}, which workspaces use", shown(kept)),
        _ => format!("; kept {}, of which workspaces use {used}", shown(kept)),
    });
    text + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_there_is_is_counted() {
        let mut summary = Resolved {
            by_path: 2,
            fetched_before: 9,
            fetched_now: 3,
            has_lock: true,
            ..Resolved::default()
        };
        assert_eq!(
            resolved(&summary),
            "Resolved 14 packages: 9 fetched before, 3 now, 2 by path\n`wake.lock` is up to date\n"
        );
        summary.fetched_before = 0;
        summary.is_lock_new = true;
        assert_eq!(
            resolved(&summary),
            "Resolved 5 packages: 3 fetched now, 2 by path\n"
        );
        assert_eq!(
            collected((1, 2048), (2, 0), 2),
            "Removed 1 package, 2.0 KiB; kept 2 packages, 0 B, which workspaces use\n"
        );
        assert_eq!(
            collected((0, 0), (0, 0), 0),
            "Removed nothing; the store is empty\n"
        );
    }
}
