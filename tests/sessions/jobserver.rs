//! Jobs shared with what started wake and with what wake starts: real makes, real cargo, and thieves.
//!
//! That two things run at the same time is shown by a meeting: each waits for the other at a named pipe. One that runs alone
//! would wait for ever, so that each has an end of its patience, which no test that passes comes near.

use std::collections::BTreeSet;
use std::io::Read;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use wake::event::Event;

use super::operations;
use crate::support::{Run, Space, skipped};

/// A place where two scripts meet.
struct Meeting(tempfile::TempDir);

impl Meeting {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        make_fifo(&directory.path().join("door"));
        Self(directory)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// What one of the two does.
    fn come(&self) -> String {
        format!("timeout 100 sh -c ': > {}'", self.path("door").display())
    }

    /// What the other one does.
    fn wait(&self) -> String {
        format!("timeout 100 cat {}", self.path("door").display())
    }
}

fn make_fifo(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// An operation that runs a script and writes its output. Dollars in the script are for the shell.
fn step(name: &str, script: &str, more: &str) -> String {
    let script = format!("{script} && : > @out")
        .replace('$', "$$")
        .replace("@out", "$(output 0)");
    format!(
        "{{ Title: '{name}', Executable: 'sh', Arguments: ['-c', {}], Outputs: ['{name}'], {more} }},\n",
        Value::from(script)
    )
}

/// Two operations that must run at the same time.
fn pair(meeting: &Meeting, more: &str) -> Space {
    operations(&(step("a", &meeting.come(), more) + &step("b", &meeting.wait(), more)))
}

/// Runs make at the top with this makefile; `wake` in it is wake.
fn make(space: &Space, arguments: &[&str], makefile: &str) -> Run {
    let wake = env!("CARGO_BIN_EXE_wake");
    space.file("Makefile", makefile.replace("wake ", &format!("{wake} ")));
    let given = space.command(["build"]);
    let mut command = Command::new("make");
    command.current_dir(space.top()).env_clear();
    for (name, value) in given.get_envs() {
        if let Some(value) = value {
            command.env(name, value);
        }
    }
    command.args(arguments).stdin(std::process::Stdio::null());
    Run::of(space, command)
}

fn has_make(test: &str) -> bool {
    let is_there = Command::new("make").arg("--version").output().is_ok();
    if !is_there {
        skipped(&format!("{test}: make is not installed"));
    }
    is_there
}

/// Make counts its tokens when it ends, and says so if some are lost or too many.
fn demand_all_tokens(run: &Run) {
    let is_right = !run.stderr.contains("INTERNAL") && !run.stderr.contains("jobserver tokens");
    run.demand(is_right, "as many tokens as before");
}

#[test]
fn below_make_jobs_are_those_of_make() {
    if !has_make("below_make_jobs_are_those_of_make") {
        return;
    }
    let meeting = Meeting::new();
    let space = pair(&meeting, "");
    let run = make(&space, &["-j2"], "all:\n\t+wake build -vv\n").success();
    demand_all_tokens(&run);
    run.demand(run.stderr.contains(", 2 at a time"), "the jobs of make");
    run.demand(!run.stderr.contains("warning"), "no warning");
}

/// Catches a wake that takes as many processors as there are although its make was told to take one.
#[test]
fn a_make_that_was_told_to_do_one_thing_at_a_time_has_wake_do_so() {
    if !has_make("a_make_that_was_told_to_do_one_thing_at_a_time_has_wake_do_so") {
        return;
    }
    let space = operations(&(step("a", "true", "") + &step("b", "true", "")));
    let run = make(&space, &["-j1"], "all:\n\twake build -vv\n").success();
    run.says(", 1 at a time");
}

#[test]
fn a_line_of_a_makefile_that_is_not_recursive_is_told_of() {
    if !has_make("a_line_of_a_makefile_that_is_not_recursive_is_told_of") {
        return;
    }
    let space = operations(&step("a", "true", ""));
    let run = make(&space, &["-j2"], "all:\n\twake build\n").success();
    demand_all_tokens(&run);
    run.says("warning: No jobs are shared with the make that started wake")
        .says("If the line of its makefile begins with `+`, make shares them");
}

#[test]
fn jobs_that_are_given_are_not_those_of_make() {
    if !has_make("jobs_that_are_given_are_not_those_of_make") {
        return;
    }
    let meeting = Meeting::new();
    let space = pair(&meeting, "");
    let other = "all: other\n\t+wake build -j2\nother:\n\t@:\n";
    let run = make(&space, &["-j2"], other).success();
    demand_all_tokens(&run);
    run.says("warning: `-j` is given, so no jobs are shared with the make that started wake");
}

/// `make -n` runs the lines that are recursive, too: they are to say what they would do.
#[test]
fn a_make_that_only_says_what_it_would_do_has_nothing_done() {
    if !has_make("a_make_that_only_says_what_it_would_do_has_nothing_done") {
        return;
    }
    let space = operations(&step("a", "true", ""));
    make(&space, &["-n"], "all:\n\t+wake build --events events\n").success();
    let events = space.read("events");
    assert!(!events.contains("operation-started"), "{events}");
    make(&space, &["-n"], "all:\n\t+wake test --events events\n").success();
    make(&space, &["-n"], "all:\n\t+wake build\n").success();
}

/// Catches tokens that die with a build: make would have fewer jobs from then on.
#[test]
fn tokens_are_returned_when_wake_is_ended() {
    if !has_make("tokens_are_returned_when_wake_is_ended") {
        return;
    }
    for signal in ["INT", "TERM", "HUP"] {
        let (meeting, never) = (Meeting::new(), Meeting::new());
        let end = format!(
            "{} && kill -{signal} $PPID; {}",
            meeting.wait(),
            never.wait()
        );
        let list = step("a", &format!("{}; {}", meeting.come(), never.wait()), "")
            + &step("b", &end, "")
            + &step("c", &never.wait(), "");
        let space = operations(&list);
        let run = make(&space, &["-j3"], "all:\n\t-+wake build\n\t@echo after\n").success();
        demand_all_tokens(&run);
        run.demand(run.stdout.contains("after"), "make goes on");
        run.says("Error 130");
    }
}

#[test]
fn tokens_are_returned_when_operations_fail() {
    if !has_make("tokens_are_returned_when_operations_fail") {
        return;
    }
    let meeting = Meeting::new();
    let crash = format!("{} && kill -KILL $$", meeting.wait());
    let space = operations(&(step("a", &meeting.come(), "") + &step("b", &crash, "")));
    let run = make(&space, &["-j3"], "all:\n\t-+wake build\n").success();
    demand_all_tokens(&run);
    run.says("`b` was killed").says("Error 1");
}

/// A jobserver of make 4.4 and later, with tokens that can be told apart.
struct Fifo {
    meeting: Meeting,
    pipe: std::fs::File,
}

impl Fifo {
    fn with(tokens: &[u8]) -> Self {
        use std::io::Write;
        let meeting = Meeting::new();
        let path = meeting.path("tokens");
        make_fifo(&path);
        let mut options = std::fs::OpenOptions::new();
        options.read(true).write(true);
        let pipe = options.custom_flags(libc::O_NONBLOCK).open(path);
        let mut pipe = pipe.unwrap();
        pipe.write_all(tokens).unwrap();
        Self { meeting, pipe }
    }

    fn build(&self, space: &Space) -> Run {
        let path = self.meeting.path("tokens");
        let mut command = space.command(["build", "--events", "events", "--no-monitor"]);
        command.env(
            "MAKEFLAGS",
            format!(" -j3 --jobserver-auth=fifo:{}", path.display()),
        );
        Run::of(space, command)
    }

    fn tokens(&mut self) -> BTreeSet<u8> {
        let mut buffer = [0; 64];
        let count = self.pipe.read(&mut buffer).unwrap_or(0);
        buffer[..count].iter().copied().collect()
    }
}

#[test]
fn a_named_pipe_is_joined_and_passed_on_and_its_tokens_come_back_as_they_were() {
    let mut fifo = Fifo::with(b"xy");
    let say = format!("{} && printf %s \"$MAKEFLAGS\" > @out", fifo.meeting.wait());
    let list = step("a", &fifo.meeting.come(), "")
        + &step("b", &say, "").replace(" && : > $(output 0)", "");
    let space = operations(&list);
    fifo.build(&space).success();
    let told = std::fs::read_to_string(super::target(&space).join("b")).unwrap();
    let path = fifo.meeting.path("tokens");
    assert_eq!(
        told,
        format!("-j3 --jobserver-auth=fifo:{}", path.display())
    );
    assert_eq!(fifo.tokens(), BTreeSet::from(*b"xy"));
}

/// Catches a build that waits for ever for tokens that nobody will return.
#[test]
fn a_named_pipe_that_vanishes_meanwhile_stops_nothing() {
    let mut fifo = Fifo::with(b"x");
    let path = fifo.meeting.path("tokens");
    let steal = format!("rm {}", path.display());
    let mut list = step("first", &steal, "");
    for name in ["a", "b", "c"] {
        list += &step(name, "true", "Inputs: ['$(target)/first']");
    }
    let space = operations(&list);
    let run = fifo.build(&space).success();
    run.demand(run.ran().len() == 4, "all of them");
    assert_eq!(fifo.tokens(), BTreeSet::from(*b"x"));
    // And now it is not there at all.
    let space = operations(&step("a", "true", ""));
    fifo.build(&space)
        .success()
        .says("warning: No jobs are shared with the make that started wake");
}

/// A package in which make makes two things that must be made at the same time.
fn nested(meeting: &Meeting, list: &str, more: &str) -> Space {
    let space = operations(&format!(
        "{list}{{ Title: 'nested', Executable: 'make', Arguments: ['-f', 'nested.mk'], \
         Inputs: ['nested.mk'], {more} }},\n"
    ));
    let (come, wait) = (meeting.come(), meeting.wait());
    space.file(
        "nested.mk",
        format!("all: a b\na:\n\t@{come}\nb:\n\t@{wait}\n"),
    );
    space
}

#[test]
fn a_make_below_wake_has_the_jobs_of_wake() {
    if !has_make("a_make_below_wake_has_the_jobs_of_wake") {
        return;
    }
    for style in ["auto", "pipe"] {
        let meeting = Meeting::new();
        let space = nested(&meeting, "", "");
        let run = space.wake(["build", "-v", "-j2", "--jobserver", style]);
        let run = run.success();
        run.demand(!run.stderr.contains("warning"), "no warning of make");
    }
}

/// All the way down: make starts wake, which starts make, and two jobs are two jobs.
#[test]
fn a_make_below_wake_below_make_has_the_jobs_of_the_first() {
    if !has_make("a_make_below_wake_below_make_has_the_jobs_of_the_first") {
        return;
    }
    let meeting = Meeting::new();
    let space = nested(&meeting, "", "");
    let run = make(&space, &["-j2"], "all:\n\t+wake build -v\n").success();
    demand_all_tokens(&run);
    run.demand(!run.stderr.contains("warning"), "no warning of make");
}

/// What an operation took of the tokens and did not return is there for the next one.
#[test]
fn stolen_tokens_come_back() {
    if !has_make("stolen_tokens_come_back") {
        return;
    }
    let steal = "read=${MAKEFLAGS##*=} && dd if=/proc/self/fd/${read%,*} bs=1 count=2 of=/dev/null";
    let meeting = Meeting::new();
    let after = "OrderOnly: ['$(target)/thief']";
    let space = nested(&meeting, &step("thief", steal, ""), after);
    space.wake(["build", "-j3"]).success();

    // The thief is killed, and what comes after it does not need it: the pool has them in this order.
    let meeting = Meeting::new();
    let pool = "Pool: 'one'";
    let thief = step("thief", &format!("{steal} && kill -KILL $$"), pool);
    let space = nested(&meeting, &thief, pool);
    let run = space.wake(["build", "-j3", "-k0", "--events", "events"]);
    let run = run.code(1);
    assert_eq!(order(&run), ["+thief", "-thief", "+nested", "-nested"]);
    run.demand(
        run.failed() == ["thief"],
        "the thief has failed, and nobody else",
    );
}

/// Cargo hands its jobserver to the build scripts of crates, so they know which one it has.
#[test]
fn cargo_below_wake_has_the_jobs_of_wake() {
    if Command::new("cargo").arg("--version").output().is_err() {
        skipped("cargo_below_wake_has_the_jobs_of_wake: cargo is not installed");
        return;
    }
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('tool'), modules={ root: function(wake, pkg, config)\n  \
         wake.recipe({ Language: 'Rust', Cargo: true }) })\n",
    );
    space.file(
        "Cargo.toml",
        "[package]\nname = 'tool'\nversion = '0.1.0'\nedition = '2021'\n",
    );
    space.file(
        "Cargo.lock",
        "version = 3\n\n[[package]]\nname = \"tool\"\nversion = \"0.1.0\"\n",
    );
    space.file(
        "build.rs",
        "fn main() { println!(\"cargo:rustc-env=FLAGS={}\", std::env::var(\"CARGO_MAKEFLAGS\").unwrap()); }\n",
    );
    space.file(
        "src/main.rs",
        "fn main() { println!(\"{}\", env!(\"FLAGS\")); }\n",
    );
    let mut command = space.command(["run", "-q", "-j", "3"]);
    let home = std::env::home_dir().unwrap_or_default();
    for (name, usual) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let directory = std::env::var_os(name).map_or_else(|| home.join(usual), Into::into);
        if directory.is_dir() {
            command.env(name, directory);
        }
    }
    let run = Run::of(&space, command).success();
    let told = run.stdout.split("--jobserver-auth=").nth(1);
    let told = told.unwrap_or_else(|| panic!("no jobserver in {}", run.stdout));
    let read: u32 = told.split(',').next().unwrap().parse().unwrap();
    run.demand(
        read >= 100,
        "the descriptors of wake, which are above those of others",
    );
}

/// What the events say of the order: `+a` starts, `-a` has finished.
fn order(run: &Run) -> Vec<String> {
    let order = run.events.iter().filter_map(|event| match event {
        Event::OperationStarted { title, .. } => Some(format!("+{title}")),
        Event::OperationFinished { title, .. } => Some(format!("-{title}")),
        _ => None,
    });
    order.collect()
}

#[test]
fn a_pool_is_as_deep_as_the_workspace_or_the_command_line_says() {
    let pool = "Pool: 'link'";
    let simple = || operations(&(step("a", "true", pool) + &step("b", "true", pool)));
    let build = |space: &Space, more: &[&str]| {
        space.wake([&["build", "-j4", "--events", "events"], more].concat())
    };
    let run = build(&simple(), &[]).success();
    assert_eq!(order(&run), ["+a", "-a", "+b", "-b"]);

    let meeting = Meeting::new();
    let space = pair(&meeting, pool);
    space.file("RootRecipe.sml", "Pools: { link: 2, other: 1 }\n");
    build(&space, &[]).success();
    let meeting = Meeting::new();
    build(&pair(&meeting, pool), &["--pool", "link=2"]).success();
    let meeting = Meeting::new();
    let space = pair(&meeting, pool);
    space.file("RootRecipe.sml", "Pools: { link: 1 }\n");
    build(&space, &["--pool", "link=0"]).success();
    let space = simple();
    space.file("RootRecipe.sml", "Pools: { link: 0 }\n");
    let run = build(&space, &["--pool=link=1"]).success();
    assert_eq!(order(&run), ["+a", "-a", "+b", "-b"]);
}

#[test]
fn pools_that_are_no_numbers_are_told_of() {
    let space = operations(&step("a", "true", ""));
    space.file("RootRecipe.sml", "Pools: { link: 'two' }\n");
    space
        .wake(["build"])
        .code(2)
        .says("`link` takes how many operations of it run at once, as an integer, not a string")
        .says("RootRecipe.sml:1:16");
    space.file("RootRecipe.sml", "Pools: { link: -2 }\n");
    space
        .wake(["build"])
        .code(2)
        .says("Fewer than no operations of `link`");
    space.file("RootRecipe.sml", "");
    for (flag, told) in [
        ("--pool=link", "`--pool link` has no name or no value"),
        ("--load-average=much", "`--load-average` must be a number"),
        ("--jobs=-3", "`--jobs` must be a number from 0 to 4096"),
        ("--keep-going=some", "some"),
        ("--jobserver=named", "named"),
    ] {
        space.wake(["build", flag]).code(2).says(told);
    }
}

/// One that has the terminal has it for itself; with `-j 0` everything else would run at once.
#[test]
fn nothing_runs_beside_one_that_has_the_terminal() {
    let mut list = step("t", "true", "Console: true");
    for name in ["a", "b", "c"] {
        list += &step(name, "true", "");
    }
    let space = operations(&list);
    let run = space.wake(["build", "-j0", "--events", "events"]).success();
    let order = order(&run);
    let started = order.iter().position(|one| one == "+t").unwrap();
    assert_eq!(order[started + 1], "-t", "{order:?}");
    let before = &order[..started];
    let is_over = |one: &String| before.contains(&one.replace('+', "-"));
    let mut begun = before.iter().filter(|one| one.starts_with('+'));
    assert!(begun.all(is_over), "{order:?}");
}

/// However high the load is, one runs.
#[test]
fn a_load_limit_never_stops_a_build() {
    let list: String = ["a", "b", "c"].map(|name| step(name, "true", "")).concat();
    let run = operations(&list).wake(["build", "-l", "0.0001", "--events", "events"]);
    let run = run.success();
    run.demand(run.ran().len() == 3, "all of them");
}
