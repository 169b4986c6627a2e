//! How fast `wake pkg resolve` is, as a user runs it: processes, files and all.
//!
//! ```text
//! cargo bench --bench packages            indexes of 1,000 and 10,000 packages, and 1,000 `PKG` files by path
//! cargo bench --bench packages -- 3000    an index of another size
//! ```
//!
//! "warm": without a lock, the index in the page cache. "locked": `wake.lock` is there, `.wake` is not. "valid": nothing
//! has changed since the last time. Each line is the median of several runs, with the largest peak memory of any process.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table and writes its tree"
)]

mod index;
mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use index::Index;

/// Of 10,000 requirements those that are narrow.
const NARROW: usize = 5;
const RUNS: usize = 9;

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .filter_map(|text| text.parse().ok())
        .collect();
    println!(
        "{:<44} {:>9} {:>9} {:>10}",
        "work", "time", "budget", "memory"
    );
    if sizes.is_empty() {
        resolve(1_000);
        resolve(10_000);
        by_path(1_000);
    }
    for size in sizes {
        resolve(size);
    }
}

/// An index in a directory, and a workspace that asks for all of it.
fn resolve(size: usize) {
    let place = Place::new();
    Index::new(size, NARROW)
        .write(&place.workspace())
        .expect("a directory that can be written");
    let forget = |names: &[&str]| {
        for name in names {
            let path = place.workspace().join(name);
            let _ = std::fs::remove_dir_all(&path);
            let _ = std::fs::remove_file(&path);
        }
    };
    let of_size = size as f64;
    place.measure(&format!("{size} packages, warm"), of_size * 0.05, || {
        forget(&["wake.lock"]);
    });
    place.measure(&format!("{size} packages, locked"), of_size * 0.05, || {
        forget(&[".wake"]);
    });
    place.measure(&format!("{size} packages, valid"), of_size * 0.005, || {});
}

/// Packages that are found by path.
fn by_path(count: usize) {
    let place = Place::new();
    let workspace = place.workspace();
    let mut pkgs = String::new();
    for number in 0..count {
        let directory = workspace.join(format!("p{number}"));
        std::fs::create_dir_all(&directory).expect("a directory");
        let next = match number {
            0 => String::new(),
            _ => format!(
                "pkgs={{ next: wake.getPkg('bench/p{next}@^1', from='../p{next}') }},",
                next = number / 2
            ),
        };
        let text = format!(
            "function(wake)\n  wake.pkg(wake.pkgInfo('p{number}', version='1.0.0', namespace='bench'), {next}\n    \
             modules={{ root: function(wake, pkg, config) wake.recipe({{ Language: 'Command', Operations: [] }}) }})\n"
        );
        std::fs::write(directory.join("PKG"), text).expect("a file");
        pkgs += &format!("    p{number}: wake.getPkg('bench/p{number}', from='p{number}'),\n");
    }
    let text = format!("function(wake)\n  wake.pkg(wake.pkgInfo('top'), pkgs={{\n{pkgs}  }})\n");
    std::fs::write(workspace.join("PKG"), text).expect("a file");
    let forget = || {
        let _ = std::fs::remove_dir_all(workspace.join(".wake"));
    };
    place.measure(&format!("{count} PKG files by path, cold"), 1_000.0, forget);
    place.measure(
        &format!("{count} PKG files by path, one edited"),
        100.0,
        || {
            let file = workspace.join("p7/PKG");
            let text = std::fs::read_to_string(&file).expect("a file");
            std::fs::write(&file, text + " ").expect("a file");
        },
    );
    place.measure(
        &format!("{count} PKG files by path, unchanged"),
        20.0,
        || {},
    );
}

/// A directory with a workspace and a cache of its own.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        std::fs::create_dir_all(directory.path().join("workspace")).expect("a directory");
        Self { directory }
    }

    fn workspace(&self) -> PathBuf {
        self.directory.path().join("workspace")
    }

    /// Prints the median of several runs, each after `before`.
    fn measure(&self, work: &str, budget: f64, before: impl Fn()) {
        let mut times = Vec::new();
        let mut memory = 0.0_f64;
        for _ in 0..RUNS {
            before();
            let (time, peak) = run(&self.workspace(), self.directory.path());
            times.push(time);
            memory = memory.max(peak);
        }
        times.sort_by(f64::total_cmp);
        let time = times[RUNS / 2];
        let verdict = if time > budget { "  over budget" } else { "" };
        println!("{work:<44} {time:>6.1} ms {budget:>6.0} ms {memory:>6.1} MiB{verdict}");
    }
}

/// Runs `wake pkg resolve --lock-only`: milliseconds, and MiB at most.
fn run(workspace: &Path, cache: &Path) -> (f64, f64) {
    let began = Instant::now();
    let child = Command::new(env!("CARGO_BIN_EXE_wake"))
        .args(["pkg", "resolve", "--lock-only", "--quiet"])
        .current_dir(workspace)
        .env("XDG_CACHE_HOME", cache)
        .stdout(Stdio::null())
        .spawn()
        .expect("wake starts");
    let (is_success, memory) = process::wait(child);
    assert!(is_success, "wake fails");
    (began.elapsed().as_secs_f64() * 1_000.0, memory)
}
