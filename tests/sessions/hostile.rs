//! Operations that do what they should not, and builds that are killed: what wake makes of it on the real file system.

use std::process::{Command, Stdio};

use super::{operations, target};
use crate::support::{Run, Space};

/// The text of an operation that runs a shell script, in which `@0` is its first output; `more` are further fields.
fn shell(title: &str, script: &str, outputs: &[&str], more: &str) -> String {
    let script = script
        .replace('$', "$$")
        .replace("@target", "$(target)")
        .replace("@0", "$(output 0)");
    format!(
        "{{ Title: '{title}', Executable: 'sh', Arguments: ['-c', {}], Outputs: {}, {more} }},\n",
        serde_json::Value::from(script),
        serde_json::Value::from(outputs)
    )
}

fn output(space: &Space, name: &str) -> String {
    std::fs::read_to_string(target(space).join(name)).unwrap()
}

fn build(space: &Space) -> Run {
    space.wake(["build", "--events", "events"]).success()
}

fn make_pipe(space: &Space, name: &str) {
    let made = Command::new("mkfifo").arg(space.path(name)).status();
    assert!(made.unwrap().success());
}

/// Catches a process that a killed wake has left behind and that writes over what the next build has made.
#[test]
fn what_a_killed_wake_left_running_does_not_reach_the_next_build() {
    let script =
        "n=$(cat in.txt); if [ $n = old ]; then echo > started; cat gate; fi; echo $n > @0";
    let detached = format!("setsid -w sh -c '{script}'");
    let space = operations(
        &(shell("near", script, &["near.txt"], "Inputs: ['in.txt']")
            + &shell("far", &detached, &["far.txt"], "Inputs: ['in.txt']")),
    );
    space.file("in.txt", "old\n");
    make_pipe(&space, "started");
    make_pipe(&space, "gate");
    let mut command = space.command(["build", "-j", "2"]);
    let mut wake = command.stderr(Stdio::null()).spawn().unwrap();
    // Opened for both, so that it does not end between the two; one byte of each.
    let mut started = std::fs::File::options();
    let started = started.read(true).write(true).open(space.path("started"));
    std::io::Read::read_exact(&mut started.unwrap(), &mut [0; 2]).unwrap();
    wake.kill().unwrap();
    wake.wait().unwrap();
    space.file("in.txt", "new\n");
    build(&space);
    let gate = rustix::fs::open(
        space.path("gate"),
        rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::NONBLOCK,
        rustix::fs::Mode::empty(),
    );
    assert_eq!(
        gate.err(),
        Some(rustix::io::Errno::NXIO),
        "nobody waits at the gate any more"
    );
    assert_eq!(output(&space, "near.txt"), "new\n");
    assert_eq!(output(&space, "far.txt"), "new\n");
    let again = build(&space);
    again.demand(again.ran().is_empty(), "nothing to do");
}

/// Catches an edit of a file that was recorded under a path where it is not.
#[test]
fn a_depfile_that_goes_up_from_behind_a_link_names_the_file_that_was_read() {
    let script = "cat link/../h.txt > @0; echo 'x: link/../h.txt' > @target/d";
    let space = operations(&shell("read", script, &["out.txt"], "Depfile: 'd'"));
    space.file("real/deep/x", "").file("real/h.txt", "one\n");
    std::os::unix::fs::symlink("real/deep", space.path("link")).unwrap();
    build(&space);
    space.file("real/h.txt", "two\n");
    build(&space);
    assert_eq!(output(&space, "out.txt"), "two\n");
    let again = build(&space);
    again.demand(again.ran().is_empty(), "nothing to do");
}

/// Catches a build that runs again for ever, because what a depfile names is never twice the same.
#[test]
fn what_the_kernel_makes_up_is_no_dependency() {
    let script = "cat /proc/uptime > @0; echo 'x: /proc/uptime /dev/null' > @target/d";
    let space = operations(&shell("read", script, &["out.txt"], "Depfile: 'd'"));
    build(&space);
    let again = build(&space);
    again.demand(again.ran().is_empty(), "nothing to do");
}

/// Catches a walk through the whole disk, and an operation that depends on wake's own files.
#[test]
fn a_depfile_that_names_the_workspace_or_what_is_around_it_is_refused() {
    for named in [".", "..", "/", ".wake"] {
        let script = format!("echo > @0; echo 'x: {named}' > @target/d");
        let space = operations(&shell("read", &script, &["out.txt"], "Depfile: 'd'"));
        let run = space.wake(["build"]).code(1);
        run.says("names the directory")
            .says("hint: name the files that it read");
    }
}

/// Catches a build that waits at a pipe for ever, and cannot even be interrupted.
#[test]
fn a_pipe_in_the_place_of_a_file_is_an_error() {
    let depfile = shell(
        "depfile",
        "echo > @0; mkfifo @target/d",
        &["a"],
        "Depfile: 'd'",
    );
    let stdin = "{ Title: 'stdin', Executable: 'cat', Stdin: 'pipe', Inputs: ['pipe'], Stdout: 'b', Outputs: ['b'] },";
    let space = operations(&(depfile + stdin));
    make_pipe(&space, "pipe");
    let run = space
        .wake(["build", "-k", "0", "--events", "events"])
        .code(1)
        .says("it is a pipe or a device");
    run.demand(run.failed() == ["depfile", "stdin"], "both to fail");
}

/// Catches a wake that waits for ever at what should be a file of its own, or that fails for ever.
#[test]
fn a_pipe_in_the_place_of_what_is_kept_is_replaced() {
    let space = operations(&shell("a", "echo > @0", &["a"], ""));
    build(&space);
    for kept in [".wake/state/state-3", ".wake/state/modules-1"] {
        space.remove(kept);
        make_pipe(&space, kept);
        space.file("PKG", space.read("PKG") + "// edited\n");
        build(&space);
        assert!(space.path(kept).is_file());
    }
}

/// Catches a link, a link to nowhere or a pipe that is followed, waited for, or rebuilt for ever.
#[test]
fn outputs_may_be_links_and_pipes() {
    let space = operations(
        &(shell("pipe", "mkfifo @0", &["p"], "")
            + &shell("nowhere", "ln -s nowhere @0", &["n"], "")
            + &shell("directory", "ln -s /etc @0", &["d"], "")
            + &shell(
                "use",
                "ls -d @target/d/ > @0",
                &["u"],
                "Inputs: ['$(target)/p', '$(target)/d']",
            )),
    );
    build(&space);
    let again = build(&space);
    again.demand(again.ran().is_empty(), "nothing to do");
    std::fs::remove_file(target(&space).join("n")).unwrap();
    let again = build(&space);
    again.demand(again.ran() == ["nowhere"], "only the missing link");
}

/// Catches a file that wake did not make and that is gone after an operation failed.
#[test]
fn a_failure_at_the_second_output_gives_back_what_was_at_the_first() {
    let space = operations(&shell("half", "echo wake > @0", &["mine", "missing"], ""));
    let target = target(&space);
    std::fs::create_dir_all(&target).unwrap();
    std::fs::write(target.join("mine"), "mine\n").unwrap();
    space
        .wake(["build"])
        .code(1)
        .says("It did not make its output");
    assert_eq!(output(&space, "mine"), "mine\n");
}

/// Catches a read of a generated directory by its own name that nothing orders.
#[test]
fn a_generated_directory_that_is_read_must_be_declared() {
    let space = operations(
        &(shell("tree", "mkdir -p @0; echo > @0/leaf", &["t/"], "")
            + &shell(
                "read",
                "echo > @0; echo 'x:' @target/t > @target/d",
                &["r"],
                "Depfile: 'd'",
            )),
    );
    space
        .wake(["build", "-j", "1"])
        .code(1)
        .says("which another operation makes and it does not declare")
        .says("/r` reads it")
        .says("/t/` makes it");
}

/// Catches jobs that fail because wake has no descriptors left for them.
#[test]
fn many_jobs_fit_into_a_small_limit_of_open_files() {
    // Each waits until all run, but not for ever.
    let script = "touch @target/started.@n; n=0; while [ $(ls @target | grep -c started) -lt 40 ] && [ $n -lt 300 ]; \
                  do n=$((n + 1)); sleep 0.01; done; echo > @0";
    let one = |number: u32| {
        let script = script.replace("@n", &number.to_string());
        shell(&format!("{number}"), &script, &[&format!("o{number}")], "")
    };
    let space = operations(&(0..40).map(one).collect::<String>());
    let wake = space.command(["build", "-j", "40"]);
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -S -n 60; exec \"$@\"", "sh"])
        .arg(wake.get_program())
        .args(wake.get_args())
        .env_clear()
        .envs(
            wake.get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(space.top())
        .stdin(Stdio::null());
    Run::of(&space, limited).success();
}
