//! Edits while an operation runs. Pipes say when: nothing depends on time.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Stdio};

use super::Stage;

/// A stage with the pipes `begun`, which an operation writes to, and `go`, which it reads.
fn stage(story: &str) -> Stage {
    let mut stage = Stage::new();
    for name in ["begun", "go"] {
        pipe(&stage, name);
    }
    stage.tell(story);
    stage.wake(&["target"]).success();
    stage
}

fn pipe(stage: &Stage, name: &str) {
    let path = stage.space().path(name);
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    let kind = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, path, kind, mode, 0).unwrap();
}

/// Starts a build and waits until its operation has begun.
fn begin(stage: &Stage) -> Child {
    let mut command = stage.space().command(["build"]);
    let build = command.stderr(Stdio::null()).spawn().unwrap();
    std::fs::read(stage.space().path("begun")).unwrap();
    build
}

fn release(stage: &Stage, pipe: &str) {
    let path = stage.space().path(pipe);
    let mut go = std::fs::File::options().write(true).open(path).unwrap();
    go.write_all(b"go\n").unwrap();
}

fn go_on(stage: &Stage, mut build: Child) {
    release(stage, "go");
    assert!(build.wait().unwrap().success());
}

/// What waits only while the file `slow` is there.
const WAIT: &str = "! test -e slow || { echo > begun; read line < go; }";

/// Catches an edit that is lost because files are looked at after the run.
#[test]
fn an_input_is_edited_while_it_is_used() {
    let mut stage = stage(&format!(
        "op A: a -> x = cat @i > @0; {WAIT}
         file a one
         file slow yes"
    ));
    let build = begin(&stage);
    stage.tell("file a two");
    go_on(&stage, build);
    stage.tell("has x one\nrm slow");
    stage.wake(&["build"]).success().says("1 operation run");
    stage.tell("has x two");
    stage.wake(&["build"]).success().says("Nothing to do");
}

/// The same for a file that wake had never seen before.
#[test]
fn a_header_is_edited_while_it_is_used() {
    let mut stage = stage(&format!(
        "op A: a -> x x.d = cat a h > @0; {WAIT}; echo x: a h > @t/x.d
         file a one
         file h one
         file slow yes"
    ));
    let build = begin(&stage);
    stage.tell("file h two");
    go_on(&stage, build);
    stage.tell("rm slow");
    stage.wake(&["build"]).success().says("1 operation run");
    assert_eq!(
        std::fs::read_to_string(stage.made("x")).unwrap(),
        "one\ntwo\n"
    );
    stage.wake(&["build"]).success().says("Nothing to do");
}

/// Catches a header that counts as one that was never there, because it is deleted before wake looks.
#[test]
fn a_header_is_deleted_while_it_is_used() {
    let mut stage = stage(&format!(
        "op A: a -> x x.d = cat a $(test ! -e h || echo h) > @0; {WAIT}; echo x: a h > @t/x.d
         file a one
         file h one
         file slow yes"
    ));
    let build = begin(&stage);
    stage.tell("rm h");
    go_on(&stage, build);
    stage.tell("rm slow");
    stage.wake(&["build"]).success().says("1 operation run");
    stage.tell("has x one");
    stage.wake(&["build"]).success().says("Nothing to do");
}

/// Catches an edit that is seen by one of two operations that read the file for the first time: the second one ends when
/// wake has looked at the file for the first.
#[test]
fn a_header_is_edited_while_two_use_it() {
    let mut stage = stage(&format!(
        "op A: a -> x x.d = cat h > @0; {WAIT}; echo x: h > @t/x.d
         op B: a -> y y.d = cat h > @0; {}; echo y: h > @t/y.d
         file a one
         file h one
         file slow yes",
        WAIT.replace("begun", "begun2").replace("go", "go2")
    ));
    for name in ["begun2", "go2"] {
        pipe(&stage, name);
    }
    let mut command = stage.space().command(["build", "-j", "2"]);
    let mut build = command.stderr(Stdio::piped()).spawn().unwrap();
    for name in ["begun", "begun2"] {
        std::fs::read(stage.space().path(name)).unwrap();
    }
    stage.tell("file h two");
    release(&stage, "go");
    let mut said = BufReader::new(build.stderr.take().unwrap()).lines();
    assert!(said.any(|line| line.unwrap().ends_with("] A")));
    release(&stage, "go2");
    assert!(build.wait().unwrap().success());
    stage.tell("rm slow");
    stage.wake(&["build"]).success().says("2 operations run");
    stage.wake(&["build"]).success().says("Nothing to do");
    stage.tell("has x two\nhas y two");
}

/// Catches an edit that is forgotten because it was undone after it had been used.
#[test]
fn an_edit_that_is_undone_after_it_was_used() {
    let mut stage = stage(&format!(
        "op A: a -> x = {WAIT}; cat @i > @0
         file a one
         file slow yes"
    ));
    let build = begin(&stage);
    stage.tell("file a two");
    go_on(&stage, build);
    stage.tell("has x two\nfile a one\nrm slow");
    stage.wake(&["build"]).success();
    stage.tell("has x one");
}

/// Catches half an output that is believed because wake could not say that it is half.
#[test]
fn a_killed_wake_leaves_half_an_output() {
    let mut stage = stage(&format!(
        "op A: a -> x = echo half > @0; {WAIT}; cat @i > @0
         op B: :x -> y
         file a one
         file slow yes"
    ));
    let mut build = begin(&stage);
    build.kill().unwrap();
    build.wait().unwrap();
    stage.tell("has x half\nrm slow\nbuild A B\nhas y one");
}
