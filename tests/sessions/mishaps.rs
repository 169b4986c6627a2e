//! Things that go wrong while building: what is said, the exit code, and that nothing is lost.

use std::path::PathBuf;

use super::{shell, target};
use crate::support::{Session, Space, skipped};

fn output(space: &Space) -> PathBuf {
    target(space).join("out.txt")
}

#[test]
fn a_failed_operation_shows_its_command_and_its_output_and_leaves_nothing() {
    let space = shell("echo half > @out; echo to stdout; echo to stderr >&2; exit 3");
    let mut session = Session::new(space);
    session.note("the output is shown whole, after the command");
    session.wake(["build"]).code(1);
    session.note("it runs again, because it failed");
    session.wake(["build", "--explain"]).code(1);
    assert!(!output(session.space()).exists());
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn an_operation_that_does_not_make_its_output_has_failed() {
    let mut session = Session::new(shell("true"));
    session.wake(["build"]).code(1);
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn warnings_are_shown_when_an_operation_runs_and_when_asked_for() {
    let mut session = Session::new(shell("echo careful >&2; cp @in @out"));
    session.note("when it runs");
    session.wake(["build"]).success();
    session.note("not when it is up to date");
    session.wake(["build"]).success();
    session.note("but when asked for");
    session.wake(["build", "--replay"]).success();
    insta::assert_snapshot!(session.transcript());
}

/// Catches an edit whose effect is lost, and a reason that names the wrong thing.
#[test]
fn why_names_what_changed_old_and_new() {
    let mut session = Session::new(shell("cp @in @out"));
    session.note("nothing has run here");
    session.wake(["why"]).success();
    session.wake(["build"]).success();
    session.note("after the first build");
    session.wake(["why"]).success();
    session.note("an input changes: why it would run");
    session.space().file("in.txt", "two\n");
    session.wake(["why", "Do it"]).success();
    session.wake(["build", "--explain"]).success();
    session.note("the command changes");
    session.edit("PKG", "cp $(input 0)", "cp -f $(input 0)");
    session.wake(["build", "--explain"]).success();
    session.note("the output is edited by hand");
    std::fs::write(output(session.space()), "mine\n").unwrap();
    session.wake(["build", "--explain"]).success();
    session.note("nothing of that name");
    session.wake(["why", "Do at"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn a_source_that_vanishes_between_builds_is_an_error() {
    let mut session = Session::new(shell("cp @in @out"));
    session.wake(["build"]).success();
    session.space().remove("in.txt");
    session.wake(["build"]).code(2);
    session.note("it is back: nothing was lost");
    session.space().file("in.txt", "one\n");
    session.wake(["build"]).success();
    insta::assert_snapshot!(session.transcript());
}

/// Catches a state that is damaged and believed, or that is an error for ever.
#[test]
fn a_damaged_state_costs_a_rebuild_and_is_told_once() {
    let space = shell("cp @in @out");
    space.wake(["build"]).success();
    for damage in [
        &b""[..],
        b"garbage",
        b"wakelog\0\xff\xff\xff\xff and so on and so on and so on",
    ] {
        space.file(".wake/state/state-3", damage);
        let run = space.wake(["build", "--events", "events"]).success();
        run.demand(run.ran() == ["Do it"], "a rebuild");
        if !damage.is_empty() {
            insta::assert_snapshot!("a_damaged_state", run.transcript());
        }
        let again = space.wake(["build", "--events", "events"]).success();
        again.demand(
            again.ran().is_empty() && !again.stderr.contains("state-3"),
            "silence and nothing to do",
        );
    }
    let whole = std::fs::read(space.path(".wake/state/state-3")).unwrap();
    space.file(".wake/state/state-3", &whole[..whole.len() - 3]);
    space.wake(["build"]).success();
    space.wake(["build"]).success().says("Nothing to do");
}

/// Catches a saved graph that is damaged and believed, or that is an error for ever.
#[test]
fn a_damaged_graph_is_generated_anew() {
    let space = shell("cp @in @out");
    space.wake(["build"]).success();
    let graphs = space.path(".wake/state/graphs");
    let graph = std::fs::read_dir(graphs)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let whole = std::fs::read(&graph).unwrap();
    for position in (0..whole.len()).step_by(whole.len() / 40) {
        let mut damaged = whole.clone();
        damaged[position] ^= 0x10;
        std::fs::write(&graph, &damaged).unwrap();
        space.wake(["build"]).success().says("Nothing to do");
        std::fs::write(&graph, &whole[..position]).unwrap();
        space.wake(["build"]).success().says("Nothing to do");
    }
}

/// Runs a shell script at the top of a space, in a mount namespace of its own; `$WAKE` is the binary. `None`, after
/// saying so, where that is not permitted.
fn in_own_mounts(test: &str, space: &Space, script: &str) -> Option<String> {
    let mut command = std::process::Command::new("unshare");
    command
        .args([
            "--mount",
            "--map-root-user",
            "sh",
            "-c",
            &format!("exec 2>&1; {script}"),
        ])
        .current_dir(space.top())
        .env("WAKE", env!("CARGO_BIN_EXE_wake"))
        .env("NO_COLOR", "1");
    let output = command.output();
    match output {
        Ok(output) if output.status.success() => {
            Some(space.redact(&String::from_utf8_lossy(&output.stdout)))
        }
        refused => {
            skipped(&format!("{test}: no mount namespace: {refused:?}"));
            None
        }
    }
}

/// Catches a `.wake/` that cannot be written and is not told.
#[test]
fn a_read_only_workspace_is_told() {
    let space = shell("cp @in @out");
    let script = "mount --bind . . && mount -o remount,bind,ro . && cd . && cd \"$PWD\" && $WAKE build; echo code $?";
    if let Some(text) = in_own_mounts("a_read_only_workspace_is_told", &space, script) {
        insta::assert_snapshot!(text);
    }
}

/// Catches a state that is lost or believed when the disk is full, and an error that stays when there is room again.
#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    let space = shell("cp @in @out");
    space.file("in.txt", vec![b'x'; 100_000]);
    let script = "mkdir .wake && mount -t tmpfs -o size=512k tmpfs .wake
$WAKE build; echo code $?
echo '# no room for the output'
head -c 100000 /dev/zero | tr '\\0' y > in.txt
head -c 1000000 /dev/zero > .wake/filler 2>/dev/null
$WAKE build; echo code $?
echo '# room again'
rm .wake/filler
$WAKE build; echo code $?
$WAKE build; echo code $?";
    if let Some(text) = in_own_mounts("a_full_disk_is_told_and_loses_nothing", &space, script) {
        insta::assert_snapshot!(text);
    }
}

/// Catches names that are taken apart on their way into a command line or a depfile.
#[test]
fn names_with_spaces_quotes_and_unicode_build() {
    let space = Space::new();
    let names = [
        "a b.c",
        "quo'te\".c",
        "dollar$x.c",
        "ünïcödé.c",
        "hash#percent%.c",
    ];
    for (number, name) in names.iter().enumerate() {
        space.file(
            format!("src/{name}"),
            format!("#include \"head er.h\"\nint f{number}(void) {{ return {number}; }}\n"),
        );
    }
    space.file("src/head er.h", "#define X 1\n");
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('odd'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: wake.glob('src/*.c') }),
})",
    );
    let first = space.wake(["build", "--events", "events"]).success();
    first.demand(first.ran().len() == names.len() + 1, "all sources compiled");
    space.wake(["build"]).success().says("Nothing to do");
    space.file("src/head er.h", "#define X 2\n");
    let edited = space.wake(["build", "--events", "events"]).success();
    edited.demand(
        edited.ran().len() >= names.len(),
        "all sources compiled again",
    );
}

#[test]
fn a_source_with_a_line_break_in_its_name_is_told() {
    let space = Space::new();
    space.file("new\nline.c", "");
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('odd'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: wake.glob('*.c') }),
})",
    );
    insta::assert_snapshot!(space.wake(["build"]).code(2).transcript());
}

#[test]
fn a_name_that_is_not_utf8_is_told() {
    use std::os::unix::ffi::OsStrExt;
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('odd'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: wake.glob('*.c') }),
})",
    );
    std::fs::write(space.path(std::ffi::OsStr::from_bytes(b"bad\xff.c")), "").unwrap();
    insta::assert_snapshot!(space.wake(["build"]).code(2).transcript());
}

/// Catches a wake that waits for itself for ever.
#[test]
fn a_wake_inside_an_operation_of_the_same_workspace_fails_at_once() {
    let space = shell(&format!(
        "'{}' build; echo code $? > @out",
        env!("CARGO_BIN_EXE_wake")
    ));
    let run = space.wake(["build"]).success();
    run.demand(run.stderr.contains("cannot run `wake` in it"), "the reason");
    assert_eq!(std::fs::read_to_string(output(&space)).unwrap(), "code 2\n");
}

/// Catches children that outlive an interrupted build, half outputs that stay, and a wrong exit code.
#[test]
fn an_interrupt_ends_the_whole_process_tree() {
    let space = shell("echo half > @out; (sleep 1000 & echo $$ $! > pids; wait)");
    let mut child = space.command(["build"]).spawn().unwrap();
    let pids = loop {
        match std::fs::read_to_string(space.path("pids")) {
            Ok(text) if text.ends_with('\n') => break text,
            _ => std::thread::yield_now(),
        }
    };
    let wake = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(wake, rustix::process::Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
    for pid in pids.split_whitespace() {
        let status = std::fs::read_to_string(format!("/proc/{pid}/stat"));
        assert!(status.is_err(), "{pid} is alive: {status:?}");
    }
    assert!(!output(&space).exists());
    space.file("PKG", space.read("PKG").replace("sleep 1000", "true"));
    space.wake(["build", "--no-monitor"]).success();
    assert_eq!(std::fs::read_to_string(output(&space)).unwrap(), "half\n");
}

/// Catches two wakes that write one state at once.
#[test]
fn a_second_wake_waits_and_finds_nothing_to_do() {
    let space = shell("touch started; while [ ! -e go ]; do sleep 0.01; done; cp @in @out");
    let mut first = space.command(["build", "--no-monitor"]).spawn().unwrap();
    while !space.exists("started") {
        std::thread::yield_now();
    }
    let mut second = space.command(["build", "--no-monitor"]);
    second.stderr(std::process::Stdio::piped());
    let mut second = second.spawn().unwrap();
    let mut said = String::new();
    let mut stderr = std::io::BufReader::new(second.stderr.take().unwrap());
    std::io::BufRead::read_line(&mut stderr, &mut said).unwrap();
    assert!(said.contains("aiting"), "{said}");
    space.file("go", "");
    assert!(first.wait().unwrap().success());
    std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
    assert!(second.wait().unwrap().success());
    assert!(said.contains("Nothing to do"), "{said}");
}
