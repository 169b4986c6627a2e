//! How long wake takes from recipes to a graph: 1,000 packages with a `Recipe.sml` and 10 sources each, of which each
//! depends on up to three others. Nothing is compiled.
//!
//! ```text
//! cargo bench --bench generate            1,000 packages
//! cargo bench --bench generate -- 3000    another number
//! ```
//!
//! "cold": without `.wake`. "unchanged": nothing has changed since. "one recipe": a private define of one package has
//! changed. "one shared": a public include directory of one that others depend on. Each line is the median of several
//! runs of `wake build --skip-evaluate`, with the largest peak memory of the process itself. "first operation": from the
//! start of a cold `wake build` to that of its first operation; the build is interrupted then.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table and writes its tree"
)]

mod process;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const SOURCES: usize = 10;
const RUNS: usize = 7;

fn main() {
    let sizes: Vec<usize> = std::env::args()
        .filter_map(|text| text.parse().ok())
        .collect();
    println!(
        "{:<34} {:>9} {:>9} {:>10} {:>10} {:>7}",
        "work", "time", "budget", "memory", "generated", "reused"
    );
    for count in if sizes.is_empty() { vec![1_000] } else { sizes } {
        Tree::new(count).measure_all();
    }
}

struct Tree {
    directory: tempfile::TempDir,
    count: usize,
}

impl Tree {
    fn new(count: usize) -> Self {
        let tree = Self {
            directory: tempfile::tempdir().expect("a directory"),
            count,
        };
        write(&tree.path("RootRecipe.sml"), "Members: ['p*']\n");
        for number in 0..count {
            tree.write_recipe(number, "");
            for source in 0..SOURCES {
                let text = format!("int f{number}_{source}() {{ return {source}; }}\n");
                write(&tree.path(&format!("p{number}/s{source}.cpp")), &text);
            }
        }
        tree
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn write_recipe(&self, number: usize, more: &str) {
        let mut text = format!(
            "Name: 'p{number}'\nLanguage: (C++@0)\nVersion: 1.0.0\nType: 'StaticLibrary'\n"
        );
        text.push_str("Source: [\n");
        for source in 0..SOURCES {
            let _ = writeln!(text, "    's{source}.cpp'");
        }
        text.push_str("]\n");
        text.push_str(more);
        let needed: Vec<usize> = [1, 7, 31]
            .iter()
            .filter_map(|back| number.checked_sub(*back))
            .collect();
        if !needed.is_empty() && !number.is_multiple_of(10) {
            text.push_str("Dependencies: {\n    Runtime: [\n");
            for other in needed {
                let _ = writeln!(text, "        '../p{other}/'");
            }
            text.push_str("    ]\n}\n");
        }
        write(&self.path(&format!("p{number}/Recipe.sml")), &text);
    }

    fn measure_all(&self) {
        let size = self.count as f64;
        let count = self.count;
        self.measure_first_operation();
        self.measure(&format!("{count} recipes, cold"), Some(size * 2.0), |_| {
            let _ = std::fs::remove_dir_all(self.path(".wake"));
        });
        self.measure(
            &format!("{count} recipes, unchanged"),
            Some(size * 0.02),
            |_| {},
        );
        let last = count - 1;
        self.measure(&format!("{count} recipes, one recipe"), None, |run| {
            self.write_recipe(last, &format!("Defines: ['RUN={run}']\n"));
        });
        let used = count / 2;
        self.measure(&format!("{count} recipes, one shared"), None, |run| {
            self.write_recipe(used, &format!("PublicDefines: ['RUN={run}']\n"));
        });
    }

    /// `budget` is in milliseconds.
    fn measure(&self, work: &str, budget: Option<f64>, before: impl Fn(usize)) {
        let mut times = Vec::new();
        let mut memory: f64 = 0.0;
        for run in 0..RUNS {
            before(run);
            let started = Instant::now();
            let child = Command::new(env!("CARGO_BIN_EXE_wake"))
                .args(["build", "./...", "--skip-evaluate", "--quiet", "--events"])
                .arg(self.path("events"))
                .current_dir(self.directory.path())
                .stdout(Stdio::null())
                .spawn()
                .expect("wake starts");
            let (succeeded, peak) = process::wait(child);
            assert!(succeeded, "wake build failed");
            times.push(started.elapsed().as_secs_f64() * 1e3);
            memory = memory.max(peak);
        }
        times.sort_by(f64::total_cmp);
        let (generated, reused) = self.counts();
        println!(
            "{work:<34} {:>6.1} ms {:>9} {memory:>6.0} MiB {generated:>10} {reused:>7}",
            times[RUNS / 2],
            budget.map_or("–".to_owned(), |budget| format!("{budget:.0} ms")),
        );
    }

    fn measure_first_operation(&self) {
        let mut times = Vec::new();
        for _ in 0..RUNS {
            let _ = std::fs::remove_dir_all(self.path(".wake"));
            let started = Instant::now();
            let child = Command::new(env!("CARGO_BIN_EXE_wake"))
                .args(["build", "./...", "--quiet"])
                .current_dir(self.directory.path())
                .stderr(Stdio::null())
                .spawn()
                .expect("wake starts");
            // The private directory of an operation is made when the first one starts.
            let private = self.path(&format!(".wake/tmp/{}/0", child.id()));
            while !private.exists() {
                std::thread::sleep(Duration::from_millis(1));
            }
            times.push(started.elapsed().as_secs_f64() * 1e3);
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).expect("it runs");
            process::wait(child);
        }
        times.sort_by(f64::total_cmp);
        println!(
            "{:<34} {:>6.1} ms {:>9} {:>10} {:>10} {:>7}",
            format!("{} recipes, first operation", self.count),
            times[RUNS / 2],
            "–",
            "–",
            "–",
            "–",
        );
    }

    /// How many instances the latest run generated, and of how many it used saved results.
    fn counts(&self) -> (u64, u64) {
        let events = std::fs::read_to_string(self.path("events")).expect("events");
        let mut lines = events
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let all = lines.rfind(|event| event["type"] == "all-generated");
        let count = |name: &str| {
            all.as_ref()
                .and_then(|event| event[name].as_u64())
                .unwrap_or(0)
        };
        (count("generated"), count("reused"))
    }
}

fn write(path: &Path, text: &str) {
    let parent = path.parent().expect("a file has a directory");
    std::fs::create_dir_all(parent).expect("a directory");
    std::fs::write(path, text).expect("a file");
}
