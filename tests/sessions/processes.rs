//! What runs, seen from outside: what it inherits, how it is stopped, and that nothing of it stays. Scope: processes and
//! what they print; what becomes of their outputs is in `outputs`, what is said of bad input in `bad_input`.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};

use super::{operations, plugin, shell, target};
use crate::support::{Session, Space, skipped};

/// A workspace with one operation of these fields of `wake.operation`, which runs a shell script at the top.
fn operation(script: &str, fields: &str) -> Space {
    let script =
        serde_json::Value::from(script.replace('$', "$$").replace("@out", "$(target)/out"));
    let space = Space::new();
    plugin(
        &space,
        &format!(
            "wake.operation({{ title: 'Do it', executable: 'sh', arguments: ['-c', {script}], \
             outputs: ['$(target)/out'], workingDirectory: '{}', {fields} }})",
            space.top().display()
        ),
    );
    space
}

fn await_file(path: &Path) {
    while !path.exists() {
        std::thread::yield_now();
    }
}

/// A process id that an operation has written into a file, followed by a line end.
fn pid(space: &Space, file: &str) -> i32 {
    loop {
        match std::fs::read_to_string(space.path(file)) {
            Ok(text) if text.ends_with('\n') => return text.trim().parse().unwrap(),
            _ => std::thread::yield_now(),
        }
    }
}

/// The letter that the kernel has for what a process does; none where there is no process.
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

fn await_state(pid: i32, is_right: impl Fn(Option<char>) -> bool) {
    while !is_right(state(pid)) {
        std::thread::yield_now();
    }
}

/// A zombie has ended: its parent has not asked yet.
fn is_gone(state: Option<char>) -> bool {
    matches!(state, None | Some('Z'))
}

fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).unwrap();
}

fn is_tidy(space: &Space) -> bool {
    let private = space.path(".wake/tmp");
    private
        .read_dir()
        .map_or(true, |mut entries| entries.next().is_none())
}

/// Catches descriptors of wake, of whoever started wake, and of other operations, that keep pipes open or locks held.
#[test]
fn an_operation_has_its_streams_and_the_jobserver_and_no_other_descriptor() {
    let list = "for i in $(seq 0 1000); do [ -L /proc/$$/fd/$i ] && echo $i; done > @out; echo $MAKEFLAGS > flags; touch up-@number; \
                until [ -e up-1 ] && [ -e up-2 ]; do sleep 0.01; done";
    let one = |number: &str| {
        let script = list.replace("@number", number).replace('$', "$$");
        let script = script.replace("@out", &format!("$(target)/{number}"));
        format!(
            "{{ Title: '{number}', Executable: 'sh', Arguments: ['-c', {}], Outputs: ['{number}'] }},",
            serde_json::Value::from(script)
        )
    };
    let space = operations(&(one("1") + &one("2")));
    let wake = space.command(["build", "-j2", "--no-monitor"]);
    let mut around = Command::new("sh");
    around
        .args([
            "-c",
            "exec 7>kept 8<PKG; exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_wake"),
        ])
        .args(wake.get_args())
        .current_dir(space.top());
    assert!(around.output().unwrap().status.success());
    let flags = space.read("flags");
    for number in ["1", "2"] {
        let listed = std::fs::read_to_string(target(&space).join(number)).unwrap();
        // While the shell writes the list, it keeps what was its standard output.
        let listed: Vec<&str> = listed.lines().filter(|&fd| fd != "10").collect();
        let jobserver = flags.split("--jobserver-auth=").nth(1).unwrap_or_default();
        let jobserver = jobserver.split([',', ' ', '\n']).take(2);
        let meant: Vec<&str> = ["0", "1", "2"].into_iter().chain(jobserver).collect();
        assert_eq!(listed, meant);
    }
}

/// Catches signals that are blocked or ignored in operations because they are in wake, or were where wake was started.
#[test]
fn an_operation_ignores_and_blocks_no_signal() {
    let space = shell("grep -E '^Sig(Blk|Ign)' /proc/self/status > @out");
    let mut around = Command::new("sh");
    around
        .args(["-c", "trap '' HUP USR1 PIPE; exec \"$@\"", "sh"])
        .args([env!("CARGO_BIN_EXE_wake"), "build"])
        .current_dir(space.top());
    assert!(around.output().unwrap().status.success());
    let said = std::fs::read_to_string(target(&space).join("out.txt")).unwrap();
    let sets: Vec<u64> = said
        .lines()
        .filter_map(|line| line.split('\t').nth(1))
        // 32 and 33 are the C library's own, which ignores them in what it starts.
        .map(|set| u64::from_str_radix(set, 16).unwrap() & !(3 << 31))
        .collect();
    assert_eq!(sets, [0, 0]);
}

/// Catches a daemon that hangs the build, or is alive after it: with the pipe of the operation or without, and without the
/// environment that wake gave it.
#[test]
fn a_daemon_neither_hangs_nor_outlives_the_build() {
    for (how, streams) in [
        ("setsid sh", ""),
        ("setsid sh", "> /dev/null 2>&1"),
        ("env -i setsid sh", ""),
    ] {
        let space = shell(&format!(
            "({how} -c 'echo $$ > daemon; touch $TMPDIR/x; exec sleep 1000' {streams} &)
             until [ -s daemon ]; do sleep 0.01; done; cp @in @out"
        ));
        space.wake(["build", "--no-monitor"]).success();
        assert!(is_gone(state(pid(&space, "daemon"))), "{how} {streams}");
        assert!(is_tidy(&space), "{how} {streams}");
    }
}

/// Catches an operation that runs on when wake is killed, and a daemon that is still there after the next build.
#[test]
fn what_a_killed_wake_has_left_is_ended_by_the_next() {
    let space = shell(
        "(setsid sh -c 'echo $$ > daemon; exec sleep 1000' > /dev/null 2>&1 &)
         until [ -s daemon ]; do sleep 0.01; done
         echo half > @out; echo $$ > pid; [ -e go ] || exec sleep 1000; cp @in @out",
    );
    let mut wake = space.command(["build"]).spawn().unwrap();
    let operation = pid(&space, "pid");
    send(&wake, Signal::KILL);
    wake.wait().unwrap();
    // The kernel ends it, and nobody else could: no wake runs.
    await_state(operation, is_gone);
    let daemon = pid(&space, "daemon");
    assert!(!is_gone(state(daemon)), "else this shows nothing");
    space.file("go", "");
    space.remove("daemon");
    space.wake(["build", "--no-monitor"]).success();
    assert!(is_gone(state(daemon)));
    assert!(is_tidy(&space));
    let made = target(&space).join("out.txt");
    assert_eq!(std::fs::read_to_string(made).unwrap(), "one\n");
}

/// Starts wake in a process group of its own, as a shell does: only then does the kernel let it be stopped.
fn start_as_job(space: &Space) -> Child {
    let mut command = space.command(["build", "--no-monitor"]);
    command.process_group(0).spawn().unwrap()
}

/// Catches operations that run on while wake is stopped, that are not stopped because they have the terminal, and that do
/// not go on with it.
#[test]
fn what_runs_is_stopped_and_goes_on_with_wake() {
    for console in ["false", "true"] {
        // It starts nothing itself: a shell that waits for `vfork` stands still in another way.
        let script = "echo $$ > pid; until [ -e go ]; do :; done; touch @out";
        let space = operation(script, &format!("console: {console}"));
        let mut wake = start_as_job(&space);
        let operation = pid(&space, "pid");
        for _ in 0..2 {
            send(&wake, Signal::TSTP);
            await_state(operation, |state| state == Some('T'));
            await_state(wake.id().try_into().unwrap(), |state| state == Some('T'));
            send(&wake, Signal::CONT);
            await_state(operation, |state| state != Some('T'));
        }
        space.file("go", "");
        assert!(wake.wait().unwrap().success());
    }
}

/// What ends a build. Who started the tests may ignore hang-ups, and then so does wake.
fn end_signals() -> Vec<Signal> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    match ignored {
        Some(mask) if mask & 1 != 0 => vec![Signal::INT, Signal::TERM],
        _ => vec![Signal::INT, Signal::TERM, Signal::HUP],
    }
}

/// Catches an operation that does not hear that it is to end because it is stopped, and so is killed after the grace, or
/// never.
#[test]
fn a_stopped_build_can_be_ended() {
    for signal in end_signals() {
        let space = operation(
            "trap 'echo $$ > asked; exit 1' TERM; echo $$ > pid; while :; do sleep 0.01; done",
            "",
        );
        let mut wake = start_as_job(&space);
        let operation = pid(&space, "pid");
        send(&wake, Signal::TSTP);
        await_state(wake.id().try_into().unwrap(), |state| state == Some('T'));
        send(&wake, signal);
        send(&wake, Signal::CONT);
        assert_eq!(wake.wait().unwrap().code(), Some(130));
        assert_eq!(pid(&space, "asked"), operation);
        assert!(is_gone(state(operation)) && is_tidy(&space));
    }
}

/// ^C in a terminal reaches both. Catches an interrupt that is taken for a failure of the operation that has the terminal,
/// because that dies of it first.
#[test]
fn an_operation_that_has_the_terminal_is_interrupted_with_wake() {
    for signal in [Signal::INT, Signal::TERM] {
        let space = operation("echo $$ > pid; exec sleep 1000", "console: true");
        let mut wake = start_as_job(&space);
        let operation = pid(&space, "pid");
        rustix::process::kill_process_group(Pid::from_child(&wake), signal).unwrap();
        assert_eq!(wake.wait().unwrap().code(), Some(130));
        assert!(is_gone(state(operation)) && is_tidy(&space));
    }
}

/// Catches `nohup wake build` that ends with the terminal all the same.
#[test]
fn a_hang_up_that_is_ignored_stays_ignored() {
    let space = shell("touch up; until [ -e go ]; do sleep 0.01; done; cp @in @out");
    let mut around = Command::new("sh");
    around
        .args(["-c", "trap '' HUP; exec \"$@\"", "sh"])
        .args([env!("CARGO_BIN_EXE_wake"), "build", "-q", "--no-monitor"])
        .current_dir(space.top());
    let mut wake = around.spawn().unwrap();
    await_file(&space.path("up"));
    send(&wake, Signal::HUP);
    space.file("go", "");
    assert!(wake.wait().unwrap().success());
}

/// Catches a failure that counts as success, because the kernel does not keep how children end.
#[test]
fn a_failure_is_seen_where_the_end_of_children_is_ignored() {
    let space = shell("cp @in @out; exit 3");
    let mut around = Command::new("env");
    around
        .args(["--ignore-signal=CHLD", env!("CARGO_BIN_EXE_wake"), "build"])
        .current_dir(space.top());
    let output = around.output().unwrap();
    match output.status.code() {
        Some(125 | 127) => skipped("a_failure_is_seen_…: this `env` cannot ignore signals"),
        code => assert_eq!(code, Some(1), "{output:?}"),
    }
}

/// Catches output that is lost, a note that does not lead to it, and a file that stays when it means nothing any more.
#[test]
fn a_long_output_is_shown_in_part_and_kept_whole() {
    let space = shell(
        "echo first; head -c 700000 /dev/zero | tr '\\0' x; echo; echo last; test -e fine && cp @in @out",
    );
    let run = space.wake(["build", "--events", "events"]).code(1);
    let note = run
        .stderr
        .lines()
        .find(|line| line.contains("bytes cut"))
        .unwrap_or_default();
    run.demand(
        note.starts_with("[… 175724 bytes cut; all of it is in `.wake/logs/"),
        "a note",
    );
    let name = note.split('`').nth(1).unwrap().to_owned();
    let whole = space.read(&name);
    assert!(whole.starts_with("first\nxxx") && whole.ends_with("xxx\nlast\n"));
    assert_eq!(whole.len(), 700_012);
    space.file("fine", "");
    space.wake(["build"]).success();
    let replayed = space.wake(["build", "--replay"]).success();
    replayed.demand(
        replayed.stderr.contains(&name),
        "the same place, from what is kept in short",
    );
    space.edit("PKG", "700000", "70");
    space.wake(["build"]).success();
    assert!(!space.exists(&name));
}

#[test]
fn a_tool_that_is_killed_is_told_with_the_signal() {
    let mut session = Session::new(shell("kill -SEGV $$"));
    session.wake(["build"]).code(1);
    session.note("killed by somebody: nothing is said of memory");
    session.edit("PKG", "-SEGV", "-KILL");
    session.wake(["build"]).code(1);
    insta::assert_snapshot!(session.transcript());
}

/// A group of processes that may use so much memory together. `None`, after saying so, where none can be made.
struct Confined(std::path::PathBuf);

impl Confined {
    fn new(test: &str, bytes: u64) -> Option<Self> {
        let made = Self::make("memory", "memory.limit_in_bytes", bytes)
            .or_else(|| Self::make("", "memory.max", bytes));
        if made.is_none() {
            skipped(&format!(
                "{test}: no group of processes with a limit of memory"
            ));
        }
        made
    }

    fn make(hierarchy: &str, limit: &str, bytes: u64) -> Option<Self> {
        let name = format!("wake-test-{}", std::process::id());
        let group = Path::new("/sys/fs/cgroup").join(hierarchy).join(name);
        std::fs::create_dir(&group).ok()?;
        let group = Self(group);
        std::fs::write(group.0.join(limit), bytes.to_string()).ok()?;
        Some(group)
    }
}

impl Drop for Confined {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.0);
    }
}

/// Catches a tool that was killed for lack of memory and leaves people to guess.
#[test]
fn a_tool_that_is_killed_for_lack_of_memory_is_told_as_that() {
    let test = "a_tool_that_is_killed_for_lack_of_memory_is_told_as_that";
    let Some(group) = Confined::new(test, 400 << 20) else {
        return;
    };
    let hog = "exec dd if=/dev/zero of=/dev/null bs=2000M count=1";
    for (script, said) in [
        (
            hog.to_owned(),
            "was killed by signal 9 (SIGKILL), probably by the kernel, which had no more memory",
        ),
        (
            format!("({hog}); exit $?"),
            "the kernel has killed a process because memory ran out",
        ),
    ] {
        let space = shell(&script);
        let mut around = Command::new("sh");
        around
            .args([
                "-c",
                "echo $$ > \"$1\"/cgroup.procs && shift && exec \"$@\"",
                "sh",
            ])
            .args([
                group.0.as_os_str(),
                env!("CARGO_BIN_EXE_wake").as_ref(),
                "build".as_ref(),
            ])
            .current_dir(space.top());
        let output = around.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert!(text.contains(said), "{text}");
        assert_eq!(output.status.code(), Some(1));
    }
}
