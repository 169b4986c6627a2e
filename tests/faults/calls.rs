//! System calls that write: wake is killed at each of them, and each of them fails, by `strace`'s fault injection.

use std::process::Command;

use super::{demand_sanity, outputs, yard};
use crate::support::{Run, Stage, skipped};

/// The calls that change what is on the disk. A file that was created and not written is what is there when wake is
/// killed at its first `write`.
const WRITES: &str = "write,pwrite64,writev,pwritev2,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,\
                      ftruncate,fallocate,fsync,fdatasync,symlink,symlinkat,link,linkat,copy_file_range,sendfile,msync";

/// Whether faults can be injected here; says so if not.
fn can_inject(test: &str) -> bool {
    let tried = Command::new("strace")
        .args([
            "-f",
            "-o",
            "/dev/null",
            "-e",
            "inject=write:error=EIO:when=1000",
            "true",
        ])
        .output();
    let is_possible = tried.is_ok_and(|output| output.status.success());
    if !is_possible {
        skipped(&format!("{test}: no strace that may trace"));
    }
    is_possible
}

/// Builds while faults are injected: `what` into `calls`.
fn build_with(stage: &Stage, calls: &str, what: &str) -> Run {
    let wake = stage
        .space()
        .command(["build", "-j", "1", "--no-compile-commands"]);
    let mut command = Command::new("strace");
    command
        .args(["-f", "-qq", "-o", "/dev/null"])
        .args(["-e", &format!("trace={calls}")])
        .args(["-e", &format!("inject={calls}:{what}")])
        .arg(wake.get_program())
        .args(wake.get_args())
        .current_dir(stage.space().top())
        .env_clear()
        .stdin(std::process::Stdio::null());
    for (name, value) in wake.get_envs() {
        command.env(name, value.unwrap_or_default());
    }
    Run::of(stage.space(), command)
}

/// Makes a build necessary.
type Prepare = fn(&mut Stage, usize);

/// Of a source, so that nothing is declared or generated anew.
fn edit_source(stage: &mut Stage, round: usize) {
    stage.tell(&format!("file a {round}\nfile c {round}"));
}

/// Everything from nothing.
fn forget(stage: &mut Stage, round: usize) {
    stage.tell(&format!("file a {round}\nfile c {round}"));
    if stage.space().exists(".wake") {
        stage.space().remove(".wake");
    }
    stage.wake(&["version"]);
}

/// For each call in turn, until there is none left: [`disturb`]. Every thread and process counts its own calls. Returns
/// how many builds were disturbed.
fn at_each(calls: &str, what: &str, prepare: Prepare) -> usize {
    let mut stage = yard();
    stage.tell("build");
    let mut disturbed = 0;
    for number in 1..2_000 {
        prepare(&mut stage, number);
        if disturb(&mut stage, calls, what, number) == 0 {
            break;
        }
        disturbed += 1;
    }
    disturbed
}

/// Something happens at one call of a build, then a plain build is right, and there is nothing to do after it. Returns the
/// exit code of the first.
fn disturb(stage: &mut Stage, calls: &str, what: &str, number: usize) -> i32 {
    let run = build_with(stage, calls, &format!("{what}:when={number}"));
    let when = format!("with {what} at call {number} of {calls}");
    let is_killed = what.contains("SIGKILL") && matches!(run.status, 137 | 1 | 3);
    if !is_killed {
        demand_sanity(&run, &when);
    }
    if run.status == 0 && number > 1 {
        let is_over = run.stderr.contains("Finished");
        run.demand(is_over || !run.stderr.is_empty(), &when);
    }
    let next = stage.wake(&["build", "--no-compile-commands"]);
    next.demand(
        next.status == 0,
        &format!("exit code 0 after a build {when}"),
    );
    let last = stage.wake(&["build", "--no-compile-commands"]);
    last.demand(
        last.status == 0 && last.stderr.starts_with("Nothing to do"),
        &format!("nothing to do after a build {when}"),
    );
    demand_outputs(stage, number, &when);
    let left = std::fs::read_dir(stage.space().path(".wake/tmp"));
    let left: Vec<_> = left.into_iter().flatten().flatten().collect();
    assert!(left.is_empty(), "{left:?} {when}");
    run.status
}

/// All outputs say what the sources say.
fn demand_outputs(stage: &Stage, round: usize, when: &str) {
    let made: Vec<(String, String)> = outputs(stage)
        .into_iter()
        .filter(|(_, text)| text != "/")
        .map(|(path, text)| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                text,
            )
        })
        .collect();
    let line = format!("{round}\n");
    let wanted = [
        ("f", line.clone()),
        ("x", line.clone()),
        ("y", line.clone()),
        ("z", line.repeat(2)),
    ];
    let mut sorted = made.clone();
    sorted.sort();
    let wanted: Vec<(String, String)> = wanted
        .into_iter()
        .map(|(name, text)| (name.to_owned(), text))
        .collect();
    assert_eq!(sorted, wanted, "{when}");
}

/// Catches a state or an output that is believed although wake died while writing it, and an error that stays.
#[test]
fn a_wake_that_is_killed_at_any_call_that_writes_loses_nothing() {
    if can_inject("a_wake_that_is_killed_at_any_call_that_writes_loses_nothing") {
        let disturbed = at_each(WRITES, "signal=SIGKILL", edit_source);
        assert!(disturbed > 10, "only {disturbed} calls");
    }
}

/// The same while everything is written for the first time.
#[test]
fn a_wake_that_is_killed_at_its_first_build_loses_nothing() {
    if can_inject("a_wake_that_is_killed_at_its_first_build_loses_nothing") {
        let disturbed = at_each(WRITES, "signal=SIGKILL", forget);
        assert!(disturbed > 20, "only {disturbed} calls");
    }
}

/// Catches an error of the disk that is taken for success, that is no clear error, or that stays.
#[test]
fn a_call_that_fails_is_told_and_loses_nothing() {
    if can_inject("a_call_that_fails_is_told_and_loses_nothing") {
        for error in ["ENOSPC", "EIO", "EACCES"] {
            at_each(WRITES, &format!("error={error}"), edit_source);
        }
    }
}

/// Catches a signal that ends a call of wake's and is taken for an error: every call is made again. What wake runs has to
/// look after itself, and so has the loader, whose calls are the first ones.
#[test]
fn a_call_that_a_signal_ends_is_made_again() {
    let calls = "write,pwrite64,read,pread64,poll,ppoll,waitid,wait4,fdatasync";
    if can_inject("a_call_that_a_signal_ends_is_made_again") {
        let mut stage = yard();
        stage.tell("build");
        for number in 8..48 {
            edit_source(&mut stage, number);
            let status = disturb(&mut stage, calls, "error=EINTR", number);
            assert_eq!(status, 0, "EINTR at call {number}");
        }
    }
}

/// Catches a descriptor that could not be had and is taken for a file that is not there. The first ones are the loader's.
#[test]
fn a_descriptor_that_cannot_be_had_is_told_and_loses_nothing() {
    let calls = "openat,open,pipe2,socketpair,dup,fcntl,eventfd2,inotify_init1,memfd_create,pidfd_open,epoll_create1";
    if can_inject("a_descriptor_that_cannot_be_had_is_told_and_loses_nothing") {
        let mut stage = yard();
        stage.tell("build");
        let mut failed = 0;
        for number in 8..60 {
            edit_source(&mut stage, number);
            let status = disturb(&mut stage, calls, "error=EMFILE", number);
            failed += usize::from(status != 0);
        }
        assert!(failed > 5, "only {failed} builds failed");
    }
}
