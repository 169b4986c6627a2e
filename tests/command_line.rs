//! The command line itself: help, usage errors, streams and exit codes. What commands do is tested where it is done.

use std::process::Stdio;

use crate::support::{Session, Space};

#[test]
fn init_writes_a_package_and_overwrites_nothing() {
    let mut session = Session::new(Space::new());
    session.note("a new directory is made");
    session.wake(["init", "hello world"]).success();
    session.note("a second time it names what is in the way");
    session
        .wake(["init", "hello world", "--language", "C"])
        .code(2);
    session.note("here");
    session
        .wake(["init", "--language", "C", "-C", "hello world/src"])
        .success();
    insta::assert_snapshot!(format!(
        "{}\n{}",
        session.transcript(),
        session.space().tree()
    ));
}

#[test]
fn init_leaves_links_that_lead_nowhere() {
    let space = Space::new();
    std::os::unix::fs::symlink("nowhere", space.path("PKG")).unwrap();
    space.wake(["init"]).code(2).says("`PKG` exists already");
    assert!(!space.exists("nowhere") && !space.exists("src"));
}

#[test]
fn usage_errors_are_the_users() {
    let mut session = Session::new(Space::new());
    session.note("an unknown flag");
    session.wake(["build", "--flavour", "Release"]).code(2);
    session.note("a value that makes no sense");
    session.wake(["build", "-j", "many"]).code(2);
    session.note("a directory that is not there");
    session.wake(["-C", "missing", "build"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn data_goes_to_standard_output_and_help_too() {
    let space = Space::new();
    for words in [
        &["version"][..],
        &["--help"],
        &["completions", "zsh"],
        &["help", "build"],
    ] {
        let run = space.wake(words).success();
        run.demand(
            run.stderr.is_empty() && !run.stdout.is_empty(),
            "standard output alone",
        );
    }
    let run = space.wake(["version", "--format", "json"]).success();
    assert!(serde_json::from_str::<serde_json::Value>(&run.stdout).unwrap()["version"].is_string());
}

#[test]
fn a_reader_that_went_away_is_no_error() {
    let space = Space::new();
    let mut command = space.command(["completions", "bash"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
}

#[test]
fn a_full_standard_output_is_an_error_of_the_machine() {
    let space = Space::new();
    let full = std::fs::File::options()
        .write(true)
        .open("/dev/full")
        .unwrap();
    let output = space
        .command(["completions", "bash"])
        .stdout(full)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let output = output.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        said.starts_with("error: Cannot write to standard output\n"),
        "{said}"
    );
}
