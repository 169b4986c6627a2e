//! The workload of the speed budgets: packages of 99 object steps and one archive step; an object step reads a source
//! and 4 to 12 headers; commands are `cp` and `cat`. wake and Ninja build the same tree in turn, in one run.
//!
//! ```text
//! cargo bench --bench workload                            1,000, 10,000 and 100,000 operations
//! cargo bench --bench workload -- 1000000                 another size, or several; above 200,000 wake alone
//! cargo bench --bench workload -- --runs 20 1000          more runs of what is short
//! cargo bench --bench workload -- --directories 10 10000  headers spread over ten include directories a package
//! ```
//!
//! Prints medians, the ratio wake / Ninja, and the limit: `posix_spawn` of the same commands, two at a time, for everything
//! from nothing, and `fstatat` of all files on two threads for nothing to do. Needs `ninja` in PATH; without it, wake alone
//! is measured. "Watched" is a `wake build` beside a `wake watch`, which Ninja does not have.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a benchmark prints its table and writes its tree"
)]

mod process;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use rustix::fs::{AtFlags, CWD, Mode, OFlags, openat, statat};

const OBJECTS: usize = 99;
const HEADERS: usize = 4;
/// Larger trees are built by wake alone.
const LARGEST_FOR_NINJA: usize = 200_000;

fn main() {
    let mut runs = 11;
    let mut directories = 1;
    let mut sizes = Vec::new();
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut number = |default: usize| {
            let next = arguments.next();
            next.and_then(|number| number.parse().ok())
                .unwrap_or(default)
        };
        match argument.as_str() {
            "--runs" => runs = number(runs),
            "--directories" => directories = number(directories).max(1),
            // What cargo passes.
            "--bench" => {}
            size => sizes.extend(size.parse::<usize>()),
        }
    }
    if sizes.is_empty() {
        sizes = vec![1_000, 10_000, 100_000];
    }
    println!(
        "{:>9}  {:<22} {:>10} {:>10} {:>7} {:>10} {:>7}",
        "ops", "work", "wake", "ninja", "ratio", "limit", "ratio"
    );
    for size in sizes {
        Workload::new(size, directories).measure(runs);
    }
}

/// One generated tree, with a `PKG` a package and a `build.ninja` for all.
struct Workload {
    directory: PathBuf,
    packages: usize,
    /// Include directories of a package.
    directories: usize,
    has_ninja: bool,
}

/// What one run of a program took.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    mebibytes: f64,
}

impl Workload {
    fn new(operations: usize, directories: usize) -> Self {
        let directory =
            std::env::temp_dir().join(format!("wake-workload-{operations}-{}", std::process::id()));
        let packages = operations.div_ceil(OBJECTS + 1);
        let ninja = Command::new("ninja")
            .arg("--version")
            .stdout(Stdio::null())
            .status();
        let has_ninja = operations <= LARGEST_FOR_NINJA && ninja.is_ok();
        let workload = Self {
            directory,
            packages,
            directories,
            has_ninja,
        };
        workload.write();
        workload
    }

    /// The headers that an object step reads: its package's, and up to eight of the two packages before.
    fn headers(package: usize, object: usize) -> Vec<(usize, usize)> {
        let mut headers: Vec<(usize, usize)> =
            (0..HEADERS).map(|header| (package, header)).collect();
        let more = (package * 31 + object * 7) % (2 * HEADERS + 1);
        for extra in 0..more {
            let before = 1 + extra / HEADERS;
            if package >= before {
                headers.push((package - before, extra % HEADERS));
            }
        }
        headers
    }

    /// A header of a package: in the only one of its include directories that has it.
    fn header(&self, package: usize, header: usize) -> String {
        match (package + header) % self.directories {
            0 => format!("p{package}/include/h{header}.h"),
            place => format!("p{package}/include{place}/h{header}.h"),
        }
    }

    fn write(&self) {
        let mut ninja = String::from(
            "rule cp\n  command = cp $src $out\nrule cat\n  command = cat $in > $out\n",
        );
        for package in 0..self.packages {
            let directory = self.directory.join(format!("p{package}"));
            std::fs::create_dir_all(directory.join("src")).unwrap();
            for header in 0..HEADERS {
                let text = format!("// header {header} of package {package}\n");
                let path = self.directory.join(self.header(package, header));
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
            }
            let mut archive = String::new();
            let mut operations = String::new();
            for object in 0..OBJECTS {
                let text = format!("// source {object} of package {package}\n");
                std::fs::write(directory.join(format!("src/s{object}.c")), text).unwrap();
                let headers = Self::headers(package, object);
                let mut inputs = format!("'src/s{object}.c'");
                write!(
                    ninja,
                    "build out/p{package}/o{object}.o: cp p{package}/src/s{object}.c |"
                )
                .unwrap();
                for (owner, header) in headers {
                    let path = self.header(owner, header);
                    write!(ninja, " {path}").unwrap();
                    write!(inputs, ",'../{path}'").unwrap();
                }
                writeln!(ninja, "\n  src = p{package}/src/s{object}.c").unwrap();
                writeln!(operations, "      object('o{object}.o', [{inputs}]),").unwrap();
                write!(archive, " out/p{package}/o{object}.o").unwrap();
            }
            writeln!(ninja, "build out/p{package}/all.a: cat{archive}").unwrap();
            std::fs::write(
                directory.join("PKG"),
                package_declaration(package, &operations),
            )
            .unwrap();
        }
        std::fs::write(self.directory.join("build.ninja"), ninja).unwrap();
        std::fs::write(self.directory.join("PKG"), top_declaration(self.packages)).unwrap();
    }

    fn measure(&self, runs: usize) {
        let long_runs = match self.packages {
            0..=10 => 5,
            11..=100 => 3,
            _ => 1,
        };
        let nothing = self.compare(long_runs, |_| self.clean());
        let is_small = self.packages * (OBJECTS + 1) <= LARGEST_FOR_NINJA;
        let limit = is_small.then(|| self.spawn_all());
        self.row("everything from nothing", nothing, limit);
        let unchanged = self.compare(runs, |_| {});
        let mut looks: Vec<f64> = (0..runs).map(|_| self.look_at_all()).collect();
        looks.sort_by(f64::total_cmp);
        self.row("nothing to do", unchanged, Some(looks[looks.len() / 2]));
        self.row("nothing to do, watched", (self.watched(runs), None), None);
        let edited = self.compare(runs, |run| {
            let file = self
                .directory
                .join(format!("p{}/src/s7.c", self.packages / 2));
            std::fs::write(file, format!("// edit {run} {:?}\n", Instant::now())).unwrap();
        });
        self.row("one edited source", edited, None);
        let memory = |cost: Option<Cost>| {
            cost.map_or("-".to_owned(), |cost| format!("{:.1} MiB", cost.mebibytes))
        };
        let ratio = unchanged
            .1
            .map_or(0.0, |ninja| unchanged.0.mebibytes / ninja.mebibytes);
        println!(
            "{:>9}  {:<22} {:>10} {:>10} {:>7.2}",
            self.packages * (OBJECTS + 1),
            "peak memory, nothing",
            memory(Some(unchanged.0)),
            memory(unchanged.1),
            ratio,
        );
    }

    /// What a build takes that `wake watch` answers.
    fn watched(&self, runs: usize) -> Cost {
        let mut watcher = Command::new(env!("CARGO_BIN_EXE_wake"))
            .args(["watch", "-q", "-j2", "--no-compile-commands"])
            .args(["--events", "/dev/stdout"])
            .current_dir(&self.directory)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let events = BufReader::new(watcher.stdout.take().unwrap());
        let answers = |line: String| line.contains("\"answers\":true");
        assert!(events.lines().map_while(Result::ok).any(answers));
        let arguments = ["build", "-q", "-j2", "--no-compile-commands"];
        let run = |_| self.run(env!("CARGO_BIN_EXE_wake"), &arguments);
        let cost = median((0..runs.max(11)).map(run).collect());
        watcher.kill().unwrap();
        watcher.wait().unwrap();
        cost
    }

    fn clean(&self) {
        let _ = std::fs::remove_dir_all(self.directory.join(".wake"));
        let _ = std::fs::remove_dir_all(self.directory.join("out"));
        let _ = std::fs::remove_dir_all(self.directory.join("limit"));
        let _ = std::fs::remove_file(self.directory.join(".ninja_log"));
        let _ = std::fs::remove_file(self.directory.join(".ninja_deps"));
    }

    /// Seconds that the commands take when nothing is checked or remembered: two at a time, package by package.
    fn spawn_all(&self) -> f64 {
        let out = |package: usize| self.directory.join(format!("limit/p{package}"));
        (0..self.packages).for_each(|package| std::fs::create_dir_all(out(package)).unwrap());
        let started = Instant::now();
        self.on_two_threads(|package| {
            let out = out(package);
            let objects = (0..OBJECTS).map(|object| out.join(format!("o{object}.o")));
            let objects: Vec<PathBuf> = objects.collect();
            for (number, object) in objects.iter().enumerate() {
                let source = format!("p{package}/src/s{number}.c");
                spawn(
                    Command::new("/bin/cp").arg(source).arg(object),
                    &self.directory,
                );
            }
            let archive = std::fs::File::create(out.join("all.a")).unwrap();
            spawn(
                Command::new("/bin/cat").args(&objects).stdout(archive),
                &self.directory,
            );
        });
        let seconds = started.elapsed().as_secs_f64();
        let _ = std::fs::remove_dir_all(self.directory.join("limit"));
        seconds
    }

    /// Seconds that it takes to look at every source, header and output, each relative to its open directory.
    fn look_at_all(&self) -> f64 {
        let top = openat(CWD, &self.directory, OFlags::PATH, Mode::empty()).unwrap();
        let started = Instant::now();
        let look = |directory: String, names: &mut dyn Iterator<Item = String>| {
            let directory = openat(&top, directory, OFlags::PATH, Mode::empty()).unwrap();
            for name in names {
                statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).unwrap();
            }
        };
        self.on_two_threads(|package| {
            let sources = &mut (0..OBJECTS).map(|object| format!("s{object}.c"));
            look(format!("p{package}/src"), sources);
            for header in 0..HEADERS {
                let path = self.header(package, header);
                let (directory, name) = path.rsplit_once('/').unwrap();
                look(directory.to_owned(), &mut std::iter::once(name.to_owned()));
            }
            let objects = (0..OBJECTS).map(|object| format!("o{object}.o"));
            let target = format!(".wake/out/bench/p{package}/0.0.0/root");
            let target = std::fs::read_dir(self.directory.join(&target))
                .unwrap()
                .next()
                .map(|instance| format!("{target}/{}", instance.unwrap().file_name().display()));
            look(target.unwrap(), &mut objects.chain(["all.a".to_owned()]));
        });
        started.elapsed().as_secs_f64()
    }

    fn on_two_threads(&self, work: impl Fn(usize) + Sync) {
        let next = AtomicUsize::new(0);
        std::thread::scope(|threads| {
            for _ in 0..2 {
                threads.spawn(|| {
                    let packages = std::iter::repeat_with(|| next.fetch_add(1, Ordering::Relaxed));
                    let packages = packages.take_while(|package| *package < self.packages);
                    packages.for_each(&work);
                });
            }
        });
    }

    /// Medians of wake and Ninja, run in turn; `before` prepares each run.
    fn compare(&self, runs: usize, before: impl Fn(usize)) -> (Cost, Option<Cost>) {
        let mut wake = Vec::new();
        let mut ninja = Vec::new();
        for run in 0..runs {
            before(2 * run);
            wake.push(self.run(
                env!("CARGO_BIN_EXE_wake"),
                &["build", "-q", "-j2", "--no-compile-commands"],
            ));
            if self.has_ninja {
                before(2 * run + 1);
                ninja.push(self.run("ninja", &["-j2", "--quiet"]));
            }
        }
        (median(wake), self.has_ninja.then(|| median(ninja)))
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Cost {
        let started = Instant::now();
        let child = Command::new(program)
            .args(arguments)
            .current_dir(&self.directory)
            .stdout(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("{program}: {error}"));
        let (succeeded, mebibytes) = process::wait(child);
        assert!(
            succeeded,
            "{program} {arguments:?} failed in {}",
            self.directory.display()
        );
        Cost {
            seconds: started.elapsed().as_secs_f64(),
            mebibytes,
        }
    }

    fn row(&self, work: &str, (wake, ninja): (Cost, Option<Cost>), limit: Option<f64>) {
        let seconds = |cost: Cost| format!("{:.4} s", cost.seconds);
        println!(
            "{:>9}  {work:<22} {:>10} {:>10} {:>7} {:>10} {:>7}",
            self.packages * (OBJECTS + 1),
            seconds(wake),
            ninja.map_or("-".to_owned(), seconds),
            ninja.map_or("-".to_owned(), |ninja| format!(
                "{:.2}",
                wake.seconds / ninja.seconds
            )),
            limit.map_or("-".to_owned(), |limit| format!("{limit:.4} s")),
            limit.map_or("-".to_owned(), |limit| format!(
                "{:.2}",
                wake.seconds / limit
            )),
        );
    }
}

impl Drop for Workload {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn spawn(command: &mut Command, directory: &Path) {
    let status = command.current_dir(directory).status().unwrap();
    assert!(status.success());
}

fn median(mut costs: Vec<Cost>) -> Cost {
    let mut memory: Vec<f64> = costs.iter().map(|cost| cost.mebibytes).collect();
    memory.sort_by(f64::total_cmp);
    costs.sort_by(|a, b| a.seconds.total_cmp(&b.seconds));
    Cost {
        seconds: costs[costs.len() / 2].seconds,
        mebibytes: memory[memory.len() / 2],
    }
}

fn package_declaration(package: usize, operations: &str) -> String {
    format!(
        "local object(name, inputs) = {{
  Title: 'Copy ' + name, Executable: 'cp', Arguments: ['$(input 0)', '$(output 0)'],
  Inputs: inputs, Outputs: [name],
}};
function(wake)
  wake.pkg(wake.pkgInfo('p{package}', namespace='bench'), modules={{
    root: function(wake, pkg, config) wake.recipe({{
      local objects = [
{operations}      ],
      Language: 'Command',
      Operations: objects + [{{
        Title: 'Join p{package}', Executable: 'cat', Arguments: ['$(inputs)'],
        Inputs: ['$(target)/' + object.Outputs[0] for object in objects],
        Outputs: ['all.a'], Stdout: 'all.a',
      }}],
    }}),
  }})
"
    )
}

fn top_declaration(packages: usize) -> String {
    format!(
        "function(wake)
  local names = ['p%d' % number for number in std.range(0, {})];
  wake.pkg(
    wake.pkgInfo('top', namespace='bench'),
    pkgs={{ [name]: wake.getPkg('bench/' + name, from=name) for name in names }},
    modules={{
      root: function(wake, pkg, config) wake.recipe({{
        Language: 'Command', Operations: [],
        Dependencies: {{ Runtime: [wake.getModule(pkg.pkgs[name]) for name in names] }},
      }}),
    }},
  )
",
        packages - 1
    )
}
