//! What observing costs: the same builds with `--no-monitor` and without, in turn, in one run.
//!
//! ```text
//! cargo bench --bench monitor                 everything
//! cargo bench --bench monitor -- --runs 9     more runs of each
//! ```
//!
//! Prints medians and the ratio observed / not observed. Copies: 2,000 times `cp`. C, C++: gcc. Shell: one operation that
//! starts 2,000 short programs one after the other.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table and writes its tree"
)]

mod process;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let runs = arguments.iter().position(|argument| argument == "--runs");
    let runs = runs.and_then(|at| arguments.get(at + 1)?.parse().ok());
    let runs = runs.unwrap_or(5);
    println!(
        "{:<10} {:>12} {:>12} {:>7}",
        "work", "not observed", "observed", "ratio"
    );
    for (name, operations, sources) in [
        ("copies", copies(2_000), Vec::new()),
        ("C", compile("gcc", "c", 40), c_sources(40)),
        ("C++", compile("g++", "cpp", 4), cpp_sources(4)),
        ("shell", shell(2_000), Vec::new()),
    ] {
        Tree::new(name, &operations, &sources).measure(name, runs);
    }
}

/// A workspace of its own.
struct Tree(PathBuf);

impl Tree {
    fn new(name: &str, operations: &str, sources: &[(String, String)]) -> Self {
        let place = format!("wake-monitor-{name}-{}", std::process::id());
        let tree = Self(std::env::temp_dir().join(place));
        std::fs::create_dir_all(&tree.0).unwrap();
        let package = format!(
            "function(wake) wake.pkg(wake.pkgInfo('bench'), modules={{\n  root: function(wake, pkg, config) \
             wake.recipe({{ Language: 'Command', Operations: {operations} }}),\n}})\n"
        );
        std::fs::write(tree.0.join("PKG"), package).unwrap();
        std::fs::write(tree.0.join("in"), "text\n").unwrap();
        for (path, text) in sources {
            std::fs::write(tree.0.join(path), text).unwrap();
        }
        tree
    }

    fn measure(&self, name: &str, runs: usize) {
        let mut plain = Vec::new();
        let mut observed = Vec::new();
        for _ in 0..runs {
            plain.push(self.build(&["--no-monitor"]));
            observed.push(self.build(&[]));
        }
        let (plain, observed) = (median(plain), median(observed));
        println!(
            "{name:<10} {plain:>10.3} s {observed:>10.3} s {:>7.2}",
            observed / plain
        );
    }

    /// Seconds that everything from nothing takes.
    fn build(&self, arguments: &[&str]) -> f64 {
        let _ = std::fs::remove_dir_all(self.0.join(".wake"));
        let started = Instant::now();
        let child = Command::new(env!("CARGO_BIN_EXE_wake"))
            .args(["build", "-q", "-j2", "--no-compile-commands"])
            .args(arguments)
            .current_dir(&self.0)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let (succeeded, _) = process::wait(child);
        assert!(succeeded, "a build failed in {}", self.0.display());
        started.elapsed().as_secs_f64()
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(Path::new(&self.0));
    }
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

fn copies(count: usize) -> String {
    format!(
        "[{{ Title: 'Copy %d' % i, Executable: 'cp', Arguments: ['$(input 0)', '$(output 0)'], Inputs: ['in'], \
         Outputs: ['o%d' % i] }} for i in std.range(1, {count})]"
    )
}

fn compile(compiler: &str, ending: &str, count: usize) -> String {
    format!(
        "[{{ Title: 'Compile %d' % i, Executable: '{compiler}', Arguments: ['-O1', '-c', '$(input 0)', '-o', '$(output 0)'], \
         Inputs: ['s%d.{ending}' % i], Outputs: ['s%d.o' % i] }} for i in std.range(1, {count})]"
    )
}

fn shell(count: usize) -> String {
    format!(
        "[{{ Title: 'Script', Executable: 'sh', Arguments: ['-ec', 'i=0; while test $$i -lt {count}; do /bin/true; i=$$((i+1)); done; \
         echo > $$1', 'sh', '$(output 0)'], Outputs: ['o'] }}]"
    )
}

fn c_sources(count: usize) -> Vec<(String, String)> {
    let source = |number: usize| {
        let functions: String = (0..120)
            .map(|index| {
                format!(
                    "int f{number}_{index}(int n) {{ int s = 0; for (int i = 0; i < n; i++) s += i * {index}; \
                     printf(\"%d\\n\", s); return s; }}\n"
                )
            })
            .collect();
        let text =
            format!("#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n{functions}");
        (format!("s{number}.c"), text)
    };
    (1..=count).map(source).collect()
}

fn cpp_sources(count: usize) -> Vec<(String, String)> {
    let source = |number: usize| {
        let text = format!(
            "#include <iostream>\n#include <map>\n#include <regex>\n#include <string>\n\
             int f{number}(const std::string &s) {{ std::regex r(\"a(b|c)*{number}\"); std::map<std::string, int> m; \
             m[s] = {number}; std::cout << m.size(); return std::regex_match(s, r); }}\n"
        );
        (format!("s{number}.cpp"), text)
    };
    (1..=count).map(source).collect()
}
