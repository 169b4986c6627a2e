//! Why operations ran and would run, as a user asks: `why`, `--explain`, `--dry-run`, `--trace`.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;

use wake::event::{Event, Reason};

use super::{operations, target};
use crate::support::{Run, Session, Space};

/// `in` → `mid` → `out`, each by a shell; and `other`, which reads nothing of it.
fn chain() -> Space {
    let space = operations(
        "    { Title: 'First', Executable: 'sh', Arguments: ['-c', 'head -n 1 \"$$1\" > \"$$2\"', 'sh', '$(input 0)', '$(output 0)'],
      Inputs: ['in'], Outputs: ['mid'] },
    { Title: 'Second', Executable: 'cp', Arguments: ['-f', '$(input 0)', '$(output 0)'],
      Inputs: ['$(target)/mid'], Outputs: ['out'], Environment: { MODE: 'slow' } },
    { Title: 'Other', Executable: 'cp', Arguments: ['$(input 0)', '$(output 0)'], Inputs: ['other'], Outputs: ['else'] },",
    );
    space.file("in", "one\n").file("other", "here\n");
    space
}

/// Catches a chain that ends too early, a cause that is told of the wrong operation, and early cut-off that is told as
/// certain.
#[test]
fn an_input_that_another_operation_made_is_followed_to_the_root_cause() {
    let mut session = Session::new(chain());
    session.wake(["build", "-q", "-j1"]).success();
    session.space().file("in", "two\n");
    session.note("a source changed: what would run, and what only perhaps");
    session.wake(["why"]).success();
    session.wake(["why", "Second"]).success();
    session.wake(["build", "--dry-run"]).success();
    session.wake(["build", "-q"]).success();
    session.note("the same after the fact; the end of a path is enough");
    session.wake(["why"]).success();
    session.wake(["why", "out"]).success();
    session.note("a change without an effect on what is made");
    session.space().file("in", "two\nmore\n");
    session.wake(["build", "-n"]).success();
    session.wake(["build", "--explain"]).success();
    session.note("a flag and a variable");
    session.edit("PKG", "'-f', '$(input 0)'", "'$(input 0)'");
    session.edit("PKG", "MODE: 'slow'", "MODE: 'fast'");
    session.wake(["why", "Second"]).success();
    session.note("names that are nearly right, and a file that nothing makes");
    session.wake(["why", "Secand"]).code(2);
    session.wake(["why", "in"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn why_as_json_has_reasons_and_what_led_to_them() {
    let space = chain();
    space.wake(["build", "-q"]).success();
    space.file("in", "two\n");
    let run = space.wake(["why", "Second", "--format", "json"]).success();
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let answer = &answer[0];
    run.demand(
        answer["now"]["kind"] == "input-may-change",
        "what it waits for",
    );
    run.demand(
        answer["now_because_of"][0]["title"] == "First",
        "the one before",
    );
    run.demand(
        answer["now_because_of"][0]["reason"]["path"] == "in",
        "the root cause",
    );
    run.demand(answer["last"]["kind"] == "never-ran", "the first run");
}

/// What is on the disk: files with their inodes, sizes and times. Those of directories are not compared: how fine the clock
/// of the disk is, is measured in that of the state.
fn disk(space: &Space) -> Vec<(String, u64, u64, i64, i64)> {
    let entries = walkdir::WalkDir::new(space.top()).sort_by_file_name();
    let look = |entry: walkdir::DirEntry| {
        let status = entry.path().symlink_metadata().unwrap();
        let name = entry.path().display().to_string();
        (
            name,
            status.ino(),
            status.size(),
            status.mtime(),
            status.mtime_nsec(),
        )
    };
    entries
        .into_iter()
        .map(Result::unwrap)
        .filter(|entry| !entry.file_type().is_dir())
        .map(look)
        .collect()
}

/// Titles of what would run for sure, and perhaps.
fn foreseen(run: &Run) -> [Vec<&str>; 2] {
    let mut titles = [Vec::new(), Vec::new()];
    for event in &run.events {
        if let Event::OperationForeseen { title, reason, .. } = event {
            let is_perhaps = matches!(reason, Reason::InputMayChange { .. });
            titles[usize::from(is_perhaps)].push(title.as_str());
        }
    }
    titles
}

/// Catches a dry run that runs something, writes a state, an output or a graph, or forgets what would be removed.
#[test]
fn a_dry_run_changes_nothing() {
    let space = chain();
    space.wake(["build", "-q", "--events", "events"]).success();
    space.file("in", "two\n");
    std::fs::write(target(&space).join("else"), "mine\n").unwrap();
    space.file("events", "");
    let before = disk(&space);
    for flags in [
        &["-n"][..],
        &["-n", "--force", "-v"],
        &["-n", "-q"],
        &["-n", "--explain"],
    ] {
        let run = space.wake(["build"].iter().chain(flags)).success();
        run.demand(run.stdout.is_empty(), "nothing on standard output");
        run.demand(
            run.stderr.is_empty() == flags.contains(&"-q"),
            "an answer unless quiet",
        );
        assert_eq!(disk(&space), before, "{flags:?}");
    }
    let run = space.wake(["build", "-n", "--events", "events"]).success();
    assert_eq!(
        foreseen(&run),
        [["First", "Other"].to_vec(), vec!["Second"]]
    );
    let run = space
        .wake(["build", "-n", "--force", "--events", "events"])
        .success();
    assert_eq!(foreseen(&run)[0].len(), 3);
    let run = space.wake(["build", "--events", "events"]).success();
    assert_eq!(run.ran(), ["First", "Other", "Second"]);
    space.edit("PKG", "Outputs: ['else']", "Outputs: ['elsewhere']");
    let run = space.wake(["build", "-n"]).success();
    let stale = target(&space).join("else");
    run.demand(
        run.stderr.contains("Would remove `"),
        "what would be removed",
    );
    assert!(stale.exists());
}

/// Catches a wrapper around the compiler, or an edit of it, that goes unnoticed or is told by its consequences.
#[test]
fn another_compiler_is_the_reason_that_is_told() {
    let space = Space::new();
    space.file(
        "app/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Type: 'Executable', Source: ['main.c'] }),
})\n",
    );
    space.file("app/main.c", "int main(void) { return 0; }\n");
    let build = |path: &str| {
        let mut command: Command = space.command(["-C", "app", "build", "--explain"]);
        command.env("PATH", path);
        Run::of(&space, command).success()
    };
    let path = std::env::var("PATH").unwrap();
    build(&path);
    let compilers = space.path("compilers");
    let longer = format!("{}:{path}", compilers.display());
    for name in ["gcc", "cc"] {
        space.file(
            format!("compilers/{name}"),
            format!("#!/bin/sh\nPATH='{path}' exec {name} \"$@\"\n"),
        );
        let mode = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(compilers.join(name), mode).unwrap();
    }
    build(&longer).says("Compile main.c because its command changed\n  executable `");
    space.edit("compilers/gcc", "exec", "exec ");
    build(&longer).says("Compile main.c because its tool `");
    build(&longer).says("Nothing to do");
}

/// Catches a dry run that runs what tasks must read, and one that takes what it does not know for nothing.
#[test]
fn a_dry_run_says_where_its_knowledge_ends() {
    let space = super::two_phases::lists();
    let run = space.wake(["build", "-n", "--events", "events"]).success();
    assert_eq!(foreseen(&run)[0], ["Scan one.list"]);
    run.says("and what depends on what these make");
    space.wake(["build", "-q"]).success();
    space
        .wake(["build", "-n"])
        .success()
        .says("Nothing would run, 3 up to date");
    space.file("one.list", "\"a\"\n\"c\"\n");
    let run = space.wake(["build", "-n", "--events", "events"]).success();
    assert_eq!(foreseen(&run)[0], ["Scan one.list"]);
    assert!(target(&space).join("b").exists());
}

#[test]
fn a_dry_run_of_tests_and_programs_starts_none() {
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Type: 'Executable', Source: ['main.c'] }),
  t: function(wake, pkg, config) wake.recipe({ Language: 'C', Type: 'Test', Source: ['t.c'] }),
})\n",
    );
    space.file("main.c", "int main(void) { return 7; }\n");
    space.file("t.c", "int main(void) { return 0; }\n");
    let test = |flags: &[&str]| {
        let words = ["test", "-n", "--events", "events"];
        space.wake(words.iter().chain(flags)).success()
    };
    assert_eq!(foreseen(&test(&[]))[0], ["Compile t.c", "Link t", "t"]);
    space
        .wake(["run", "-n"])
        .success()
        .says("Would run: Link p");
    space.wake(["test", "-q"]).success();
    test(&[]).says("Nothing would run, 3 up to date");
    assert_eq!(foreseen(&test(&["--rerun"]))[0], ["t"]);
}

/// Catches a timeline that cannot be opened, lacks an operation or has a critical path that is none.
#[test]
fn a_trace_has_every_operation_and_the_critical_path() {
    let space = chain();
    space
        .wake(["build", "-j2", "--trace", "trace.json"])
        .success()
        .says("Critical path: ");
    let trace: serde_json::Value = serde_json::from_str(&space.read("trace.json")).unwrap();
    let spans: Vec<&serde_json::Value> = trace["traceEvents"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|record| record["ph"] == "X")
        .collect();
    let titles = |category: &str| {
        let of = spans.iter().filter(|span| span["cat"] == category);
        let mut titles: Vec<&str> = of.map(|span| span["name"].as_str().unwrap()).collect();
        titles.sort_unstable();
        titles
    };
    assert_eq!(titles("operation"), ["First", "Other", "Second"]);
    let critical = titles("critical path");
    assert!(
        critical == ["First", "Second"] || critical == ["Other"],
        "{critical:?}"
    );
    for phase in [
        "open the workspace",
        "generate",
        "look at files",
        "evaluate",
    ] {
        assert!(
            titles("wake").contains(&phase),
            "{phase} is not in {:?}",
            titles("wake")
        );
    }
    let first = spans.iter().find(|span| span["name"] == "First").unwrap();
    assert_eq!(first["args"]["exit code"], 0);
    // Of a process that takes less than wake itself, the kernel does not say how much.
    assert!(first["args"]["peak memory (KiB)"].is_u64());
    assert!(
        first["args"]["outputs"][0]
            .as_str()
            .unwrap()
            .ends_with("/mid")
    );
    space
        .wake(["build", "--trace", "nowhere/trace"])
        .code(3)
        .says("Cannot create `nowhere/trace`");
    space.file("PKG", "function(wake) error 'no'");
    space.wake(["build", "--trace", "trace.json"]).code(2);
    let text = space.read("trace.json");
    serde_json::from_str::<serde_json::Value>(&text).expect("a build that fails leaves a timeline");
}
