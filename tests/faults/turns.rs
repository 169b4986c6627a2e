//! Two wakes in one workspace.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::Stdio;

use crate::support::Stage;

fn fifo(stage: &Stage, name: &str) {
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(
        rustix::fs::CWD,
        stage.space().path(name),
        rustix::fs::FileType::Fifo,
        mode,
        0,
    )
    .unwrap();
}

/// Catches two wakes that write one state at once, a second one that waits in silence, and one that builds again what the
/// first has built. The first one's operation waits in the middle until the second has said that it waits.
#[test]
fn the_second_waits_and_says_so_and_finds_nothing_to_do() {
    let mut stage = Stage::new();
    fifo(&stage, "begun");
    fifo(&stage, "go");
    stage.tell(
        "op A: a -> x = echo begun > begun; read line < go; cp @i @0
         op B: :x -> y
         file a one",
    );
    // The package is written.
    stage.wake(&["target"]).success();
    let mut first = stage
        .space()
        .command(["build"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(stage.space().path("begun")).unwrap(),
        "begun\n"
    );
    let mut second = stage
        .space()
        .command(["build"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("aiting"), "{said}");
    assert_eq!(first.try_wait().unwrap(), None, "the first one still works");
    let mut go = std::fs::File::options()
        .write(true)
        .open(stage.space().path("go"))
        .unwrap();
    go.write_all(b"go\n").unwrap();
    drop(go);
    assert!(first.wait().unwrap().success());
    stderr.read_to_string(&mut said).unwrap();
    assert!(second.wait().unwrap().success(), "{said}");
    assert!(said.contains("Nothing to do"), "{said}");
    stage.tell("has y one");
}

/// Catches a second wake that never gets its turn because the first one was killed.
#[test]
fn the_second_goes_on_when_the_first_is_killed() {
    let mut stage = Stage::new();
    fifo(&stage, "begun");
    stage.tell(
        "op A: a -> x = test -e ready || { echo begun > begun; sleep 1000; }; cp @i @0
         file a one",
    );
    stage.wake(&["target"]).success();
    let mut first = stage
        .space()
        .command(["build"])
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    assert_eq!(
        std::fs::read_to_string(stage.space().path("begun")).unwrap(),
        "begun\n"
    );
    stage.tell("file ready yes");
    let mut second = stage
        .space()
        .command(["build"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(second.stderr.take().unwrap());
    let mut said = String::new();
    stderr.read_line(&mut said).unwrap();
    assert!(said.contains("aiting"), "{said}");
    first.kill().unwrap();
    first.wait().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert!(second.wait().unwrap().success(), "{said}");
    stage.tell("has x one");
}
