//! Real processes.

use std::path::Path;
use std::time::{Duration, Instant};

use super::*;
use crate::sandbox::orphans;

fn shell(script: &str, directory: &Path) -> Process {
    Process {
        executable: "/bin/sh".into(),
        arguments: vec!["-c".to_owned(), script.to_owned()],
        directory: directory.to_owned(),
        environment: vec![("PATH".to_owned(), "/usr/bin:/bin".to_owned())],
        input: Input::Nothing,
        stdout: None,
        inherited: Vec::new(),
        console: false,
        timeout: None,
        grace: Duration::from_millis(100),
        response_file: ResponseFile::Auto,
        temporary: directory.to_owned(),
        log: None,
        most_printed: output::FLOOD,
        observed: None,
    }
}

fn run_script(script: &str) -> Ended {
    let directory = tempfile::tempdir().unwrap();
    run(&shell(script, directory.path()), &Interrupt::new().unwrap())
}

fn is_alive(pid: &str) -> bool {
    let stat = crate::fs::read(format!("/proc/{}/stat", pid.trim()).as_ref());
    // A zombie that its new parent has not reaped yet is dead.
    stat.is_ok_and(|stat| !String::from_utf8_lossy(&stat).contains(") Z "))
}

#[test]
fn both_streams_are_kept_in_order() {
    let ended = run_script("echo one; echo two >&2; printf three; exit 3");
    assert_eq!(ended.outcome, Outcome::Exited { code: 3 });
    assert_eq!(ended.printed.text(), "one\ntwo\nthree");
    assert!(ended.memory_kib > 0);
}

#[test]
fn a_large_output_keeps_head_and_tail() {
    let ended = run_script("echo first; head -c 5000000 /dev/zero | tr '\\0' x; echo; echo last");
    assert_eq!(ended.outcome, Outcome::Succeeded);
    let text = ended.printed.text();
    assert!(text.len() < 2 * output::HALF + 100);
    assert!(text.starts_with("first\n") && text.ends_with("last\n"));
    assert!(text.contains("bytes cut"));
}

/// Ninja #2052: what was left behind holds the pipe open.
#[test]
fn a_background_process_neither_hangs_nor_survives() {
    let before = Instant::now();
    let ended = run_script("sleep 600 & echo $!");
    assert!(before.elapsed() < Duration::from_secs(60));
    assert_eq!(ended.outcome, Outcome::Succeeded);
    let pid = ended.printed.text();
    let limit = Instant::now() + Duration::from_secs(10);
    while is_alive(&pid) && Instant::now() < limit {
        std::thread::yield_now();
    }
    assert!(!is_alive(&pid));
}

#[test]
fn a_process_that_closes_its_streams_is_awaited() {
    let ended = run_script("echo x; exec >&- 2>&-; sleep 0.05; exit 7");
    assert_eq!(ended.outcome, Outcome::Exited { code: 7 });
}

#[test]
fn a_time_out_kills_what_ignores_the_request() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = shell(
        "trap '' TERM; echo up; while :; do sleep 1; done",
        directory.path(),
    );
    process.timeout = Some(Duration::from_millis(50));
    let ended = run(&process, &Interrupt::new().unwrap());
    assert_eq!(ended.outcome, Outcome::TimedOut { seconds: 0 });
}

#[test]
fn an_interrupt_ends_the_whole_group() {
    let directory = tempfile::tempdir().unwrap();
    let interrupt = Interrupt::new().unwrap();
    interrupt.request();
    let process = shell("sleep 600 | sleep 600", directory.path());
    assert_eq!(run(&process, &interrupt).outcome, Outcome::Interrupted);
}

#[test]
fn a_second_interrupt_does_not_wait_for_the_grace() {
    let directory = tempfile::tempdir().unwrap();
    let interrupt = Interrupt::new().unwrap();
    interrupt.request();
    interrupt.request();
    let mut process = shell("trap '' TERM; while :; do sleep 1; done", directory.path());
    process.grace = Duration::from_secs(600);
    assert_eq!(run(&process, &interrupt).outcome, Outcome::Interrupted);
}

#[test]
fn a_death_by_signal_is_told() {
    let ended = run_script("kill -SEGV $$");
    assert_eq!(
        ended.outcome,
        Outcome::Killed {
            signal: libc::SIGSEGV,
            out_of_memory: false,
        }
    );
}

#[test]
fn the_environment_is_exactly_what_was_given() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = shell("", directory.path());
    process.executable = "/usr/bin/env".into();
    process.arguments.clear();
    process.environment.push(("X".to_owned(), "a b".to_owned()));
    let ended = run(&process, &Interrupt::new().unwrap());
    assert_eq!(ended.printed.text(), "PATH=/usr/bin:/bin\nX=a b\n");
}

/// Catches descriptors that are closed although they are meant, and others that are left open.
#[test]
fn descriptors_that_are_meant_are_inherited_and_no_others() {
    use std::os::fd::{AsRawFd, OwnedFd};
    let directory = tempfile::tempdir().unwrap();
    let open: Vec<OwnedFd> = (0..4)
        .map(|number| {
            let file = crate::fs::open(Path::new("/dev/null")).unwrap();
            rustix::io::fcntl_dupfd_cloexec(&file, 300 + 2 * number).unwrap()
        })
        .collect();
    rustix::io::fcntl_setfd(&open[0], rustix::io::FdFlags::empty()).unwrap();
    for meant in [vec![], vec![0], vec![1, 2], vec![0, 1, 2, 3]] {
        let numbers: Vec<i32> = meant
            .iter()
            .map(|&one: &usize| open[one].as_raw_fd())
            .collect();
        let mut process = shell(
            "for i in $(seq 3 400); do [ -L /proc/$$/fd/$i ] && echo $i; done; true",
            directory.path(),
        );
        for &number in &numbers {
            let fd = open.iter().find(|fd| fd.as_raw_fd() == number).unwrap();
            rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::empty()).unwrap();
        }
        process.inherited.clone_from(&numbers);
        let ended = run(&process, &Interrupt::new().unwrap());
        let wanted: String = numbers.iter().map(|number| format!("{number}\n")).collect();
        assert_eq!(ended.printed.text(), wanted);
    }
}

#[test]
fn standard_input_is_empty_or_the_text() {
    assert_eq!(run_script("cat; echo end").printed.text(), "end\n");
    let directory = tempfile::tempdir().unwrap();
    let mut process = shell("cat", directory.path());
    process.input = Input::Text(b"hello".to_vec());
    let ended = run(&process, &Interrupt::new().unwrap());
    assert_eq!(ended.printed.text(), "hello");
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = shell("", directory.path());
    process.executable = "/nowhere/cc".into();
    let ended = run(&process, &Interrupt::new().unwrap());
    let Outcome::Unusable { cause, .. } = ended.outcome else {
        panic!("{:?}", ended.outcome)
    };
    assert_eq!(cause, "`/nowhere/cc` does not exist");
}

#[test]
fn a_long_command_line_goes_into_a_file() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = shell("", directory.path());
    process.executable = "/bin/echo".into();
    process.arguments = vec!["x".repeat(300_000)];
    let ended = run(&process, &Interrupt::new().unwrap());
    assert_eq!(ended.outcome, Outcome::Succeeded);
    assert!(ended.printed.text().starts_with('@'));
    process.response_file = ResponseFile::Never;
    let refused = run(&process, &Interrupt::new().unwrap());
    assert!(
        matches!(&refused.outcome, Outcome::Unusable { hint: Some(hint), .. } if hint.contains("response file")),
        "{refused:?}"
    );
}

/// Catches a command that runs without its arguments, and an error that does not say what could not be written.
#[test]
fn a_response_file_that_cannot_be_written_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = shell("exit 0", directory.path());
    process.response_file = ResponseFile::Always;
    process.temporary = "/nowhere".into();
    let ended = run(&process, &Interrupt::new().unwrap());
    let Outcome::Unusable { cause, .. } = ended.outcome else {
        panic!("{ended:?}")
    };
    assert_eq!(
        cause,
        "Its response file cannot be written: Cannot write `/nowhere/arguments.rsp`: no such file or directory"
    );
}

/// Catches a process without end whose output fills memory and disk, or is waited for.
#[test]
fn a_flood_is_stopped() {
    let directory = tempfile::tempdir().unwrap();
    let mut process = shell("exec yes", directory.path());
    process.most_printed = 3 << 20;
    let path = directory.path().join("logs/log");
    process.log = Some(output::Log {
        path: path.clone(),
        name: "log".to_owned(),
    });
    let ended = run(&process, &Interrupt::new().unwrap());
    assert_eq!(
        ended.outcome,
        Outcome::Unusable {
            cause: "it printed more than 3 MiB and was stopped".to_owned(),
            hint: Some("have it print less, or to a file".to_owned()),
        }
    );
    let text = ended.printed.text();
    assert!(text.len() < 2 * output::HALF + 100 && text.contains("all of it is in `log`"));
    assert!(crate::fs::stamp::lstat(&path).unwrap().stamp.size > 3 << 20);
}

/// Set in the process in which the test below does its work: it kills all children, so it must be alone there.
const ALONE: &str = "WAKE_TEST_ALONE";

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "tells the test from itself in a process of its own"
)]
fn what_leaves_its_group_is_ended_with_the_build() {
    if std::env::var_os(ALONE).is_some() {
        return end_what_left_its_group();
    }
    let name = "evaluate::exec::tests::what_leaves_its_group_is_ended_with_the_build";
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", name])
        .env(ALONE, "1")
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}"
    );
}

fn end_what_left_its_group() {
    let adoption = orphans::adopt();
    let ended =
        run_script("setsid sh -c 'echo $$; : > up; exec sleep 600' & until test -e up; do :; done");
    let pid = ended.printed.text();
    assert!(is_alive(&pid));
    adoption.end();
    assert!(!is_alive(&pid));
}
