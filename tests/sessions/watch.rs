//! `wake watch`: it runs beside the test, which waits for what its events say, never for time to pass.
//!
//! Whether a watcher has answered a `wake build` is proved by holding the workspace's lock: without an answer the build
//! would wait for it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::process::{Pid, Signal};
use wake::event::Event;
use wake::fs::Lock;

use super::{operations, target};
use crate::support::{Space, skipped};

/// Longer than anything takes on a machine that is busy.
const LONG: Duration = Duration::from_secs(20);

/// A running `wake watch`; killed at the end.
struct Watcher<'a> {
    space: &'a Space,
    child: Child,
    events: Receiver<Event>,
}

impl<'a> Watcher<'a> {
    fn start(space: &'a Space, arguments: &[&str]) -> Self {
        let mut command = space.command(["watch", "--events", "/dev/stdout"]);
        command.args(arguments);
        Self::spawn(space, command)
    }

    fn spawn(space: &'a Space, mut command: std::process::Command) -> Self {
        let said = std::fs::File::create(Self::said_file(space)).unwrap();
        let mut child = command.stdout(Stdio::piped()).stderr(said).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, events) = channel();
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).unwrap());
            }
        });
        Self {
            space,
            child,
            events,
        }
    }

    fn said_file(space: &Space) -> PathBuf {
        space.top().with_file_name("said")
    }

    /// What it wrote to standard error by now.
    fn said(&self) -> String {
        std::fs::read_to_string(Self::said_file(self.space)).unwrap()
    }

    /// The events up to the first that `is_it`.
    #[track_caller]
    fn until(&self, is_it: impl Fn(&Event) -> bool) -> Vec<Event> {
        let mut events = Vec::new();
        loop {
            match self.events.recv_timeout(LONG) {
                Ok(event) => events.push(event),
                Err(_) => panic!("no such event, but {events:#?}\n{}", self.said()),
            }
            if is_it(events.last().unwrap()) {
                return events;
            }
        }
    }

    /// The titles of what ran until it waits and answers.
    #[track_caller]
    fn until_it_answers(&self) -> Vec<String> {
        titles(&self.until(|event| matches!(event, Event::Watching { answers: true, .. })))
    }

    /// What ran because of a change of this file, until it waits again.
    #[track_caller]
    fn after_change_of(&self, path: &str) -> Vec<String> {
        self.until(|event| is_change_of(event, path));
        self.until_it_answers()
    }

    fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops it. It does nothing more when this returns.
    fn stop(&self) {
        use rustix::process::{WaitId, WaitIdOptions, waitid};
        self.signal(Signal::STOP);
        let stopped = WaitIdOptions::STOPPED;
        waitid(WaitId::Pid(Pid::from_child(&self.child)), stopped).unwrap();
    }

    /// Ends it as ^C does. Returns the exit code.
    fn interrupt(mut self) -> Option<i32> {
        self.signal(Signal::INT);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Watcher<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes a file at once, as editors do: a watcher could build what is there in the middle of it.
fn save(space: &Space, path: impl AsRef<Path>, content: impl AsRef<[u8]>) {
    let beside = space.top().with_file_name("saved");
    std::fs::write(&beside, content).unwrap();
    std::fs::rename(beside, space.path(path)).unwrap();
}

fn is_change_of(event: &Event, path: &str) -> bool {
    matches!(event, Event::Changed { paths, .. } if paths.iter().any(|one| one == path))
}

fn titles(events: &[Event]) -> Vec<String> {
    let finished = events.iter().filter_map(|event| match event {
        Event::OperationFinished { title, .. } => Some(title.clone()),
        _ => None,
    });
    finished.collect()
}

/// One operation that copies `in.txt`.
fn copying() -> Space {
    let space = operations(
        "{ Title: 'Copy', Executable: 'cp', Arguments: ['$(input 0)', '$(output 0)'], Inputs: ['in.txt'], Outputs: \
         ['out.txt'] },",
    );
    space.file("in.txt", "one\n");
    space
}

/// One operation that joins what a pattern finds.
fn joining() -> Space {
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), files=['PKG'], modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'Command', Operations: [{
    Title: 'Join', Executable: 'cat', Arguments: ['$(inputs)'], Inputs: wake.glob('src/*.txt'), Outputs: ['all'], Stdout: 'all',
  }] }),
})",
    );
    space.file("src/a.txt", "a\n");
    space
}

fn output(space: &Space) -> PathBuf {
    target(space).join("out.txt")
}

fn text(file: &PathBuf) -> String {
    std::fs::read_to_string(file).unwrap_or_default()
}

/// Demands that a build is answered, although the workspace's lock is held.
#[track_caller]
fn answered(space: &Space) {
    let _lock = Lock::acquire(&space.path(".wake/lock")).unwrap();
    let run = space.wake(["build"]).success();
    run.demand(
        run.stderr
            .starts_with("Nothing to do: 1 operation up to date")
            && run.stderr.lines().count() == 1,
        "what a build says",
    );
}

/// Demands that a build is not answered: it waits for the workspace's lock, which is held.
#[track_caller]
fn not_answered(space: &Space, arguments: &[&str]) -> String {
    let lock = Lock::acquire(&space.path(".wake/lock")).unwrap();
    let mut command = space.command(["build"]);
    let mut child = command
        .args(arguments)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.contains("Waiting") {
        assert!(
            stderr.read_line(&mut said).unwrap() > 0,
            "it did not wait: {said}"
        );
    }
    drop(lock);
    stderr.read_to_string(&mut said).unwrap();
    assert!(child.wait().unwrap().success(), "{said}");
    said
}

/// Catches a change that is not noticed, one that wake makes itself and takes for one of others, and what is left behind.
#[test]
fn a_change_is_built_and_then_nothing_more() {
    let space = copying();
    let output = output(&space);
    let watcher = Watcher::start(&space, &[]);
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    save(&space, "in.txt", "two\n");
    assert_eq!(watcher.after_change_of("in.txt"), ["Copy"]);
    assert_eq!(text(&output), "two\n");
    save(&space, "not-used.txt", "");
    save(&space, "in.txt", "three\n");
    // The next change is the next thing that happens: what was written for the first one has caused nothing.
    let events = watcher.until(|event| matches!(event, Event::Changed { .. }));
    assert!(is_change_of(events.last().unwrap(), "in.txt"), "{events:?}");
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    let said = watcher.said();
    assert!(
        said.contains("Changed: in.txt\n[1/1] Copy\nFinished: 1 operation run"),
        "{said}"
    );
    assert!(!said.contains("Nothing to do"), "{said}");
    assert_eq!(watcher.interrupt(), Some(130));
    assert!(!space.exists(".wake/watcher"));
}

/// Catches an output that somebody has removed or edited, and that stays as it is.
#[test]
fn an_output_that_is_changed_by_hand_is_made_again() {
    let space = copying();
    let output = output(&space);
    let watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    std::fs::remove_file(&output).unwrap();
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    assert_eq!(text(&output), "one\n");
    save(&space, &output, "mine\n");
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    assert_eq!(text(&output), "one\n");
    // At once: the watcher would make it again while it is removed.
    std::fs::rename(space.path(".wake"), space.top().with_file_name("gone")).unwrap();
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    assert_eq!(text(&output), "one\n");
    answered(&space);
}

/// Catches an edit that comes while its operation runs and is lost.
#[test]
fn an_edit_while_it_builds_is_built_next() {
    let space = operations(
        "{ Title: 'Copy', Executable: 'sh', Arguments: ['-c', 'cp $(input 0) $(output 0); while [ ! -e go ]; do sleep 0.01; \
         done'], Inputs: ['in.txt'], Outputs: ['out.txt'] },",
    );
    space.file("in.txt", "one\n");
    let watcher = Watcher::start(&space, &[]);
    watcher.until(|event| matches!(event, Event::OperationStarted { .. }));
    save(&space, "in.txt", "two\n");
    save(&space, "go", "");
    assert_eq!(watcher.until_it_answers().last().unwrap(), "Copy");
    assert_eq!(text(&output(&space)), "two\n");
}

/// Catches files that appear or vanish where only a pattern knows of them.
#[test]
fn files_of_a_pattern_come_and_go() {
    let space = joining();
    let output = target(&space).join("all");
    let watcher = Watcher::start(&space, &[]);
    assert_eq!(watcher.until_it_answers(), ["Join"]);
    save(&space, "src/b.txt", "b\n");
    assert_eq!(watcher.after_change_of("src/b.txt"), ["Join"]);
    assert_eq!(text(&output), "a\nb\n");
    space.remove("src/a.txt");
    assert_eq!(watcher.after_change_of("src/a.txt"), ["Join"]);
    assert_eq!(text(&output), "b\n");
}

/// Catches a watcher that ends, or sleeps for ever, when the declaration is broken: at the start and later.
#[test]
fn a_broken_declaration_is_told_and_waited_for() {
    let space = copying();
    let good = space.read("PKG");
    space.file("PKG", "oops {");
    let watcher = Watcher::start(&space, &[]);
    let waits = |event: &Event| matches!(event, Event::Watching { .. });
    watcher.until(waits);
    assert!(
        watcher.said().contains("Syntax error"),
        "{}",
        watcher.said()
    );
    save(&space, "PKG", &good);
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    save(&space, "PKG", "function(wake) wake.pkg(");
    watcher.until(|event| is_change_of(event, "PKG"));
    watcher.until(waits);
    save(&space, "PKG", good.replace("out.txt", "other.txt"));
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    assert!(target(&space).join("other.txt").exists());
}

/// Catches a failed operation that runs again and again, or not when its input is mended.
#[test]
fn a_failed_operation_waits_for_a_change() {
    let space = operations(
        "{ Title: 'Check', Executable: 'grep', Arguments: ['two', '$(input 0)'], Inputs: ['in.txt'], Outputs: ['out.txt'], \
         Stdout: 'out.txt' },",
    );
    space.file("in.txt", "one\n");
    let watcher = Watcher::start(&space, &[]);
    let events = watcher.until(|event| matches!(event, Event::Watching { answers: false, .. }));
    assert_eq!(titles(&events), ["Check"]);
    space.wake(["build"]).code(1);
    save(&space, "in.txt", "two\n");
    let events = watcher.until(|event| matches!(event, Event::Watching { answers: true, .. }));
    assert!(events.iter().any(|event| is_change_of(event, "in.txt")));
    assert_eq!(titles(&events), ["Check"]);
}

/// Catches a file of which nobody knows that it was read, because what read it failed; also if it is mended meanwhile.
#[test]
fn whatever_could_mend_a_failed_operation_is_watched() {
    let space = operations(
        "{ Title: 'Check', Executable: 'sh', Arguments: ['-c', 'grep two lib/hidden.txt > $(output 0) || { [ -e failing ] || touch failing; \
         while [ ! -e go ]; do sleep 0.01; done; exit 1; }'], Inputs: ['in.txt'], Outputs: ['out.txt'] },",
    );
    space.file("in.txt", "").file("lib/hidden.txt", "one\n");
    let output = output(&space);
    let watcher = Watcher::start(&space, &[]);
    while !space.exists("failing") {
        std::thread::yield_now();
    }
    save(&space, "lib/hidden.txt", "two\n");
    save(&space, "go", "");
    let ran = watcher.until_it_answers();
    assert_eq!(ran.last().unwrap(), "Check");
    assert_eq!(text(&output), "two\n");
    save(&space, "lib/hidden.txt", "one\n");
    save(&space, "in.txt", "edited\n");
    watcher.until(|event| matches!(event, Event::OperationFinished { .. }));
    watcher.until(|event| matches!(event, Event::Watching { .. }));
    save(&space, "lib/hidden.txt", "two again\n");
    assert_eq!(
        watcher.after_change_of("lib/hidden.txt").last().unwrap(),
        "Check"
    );
    assert_eq!(text(&output), "two again\n");
}

/// Catches directories that are replaced, and of which the old ones are watched on.
#[test]
fn directories_that_are_exchanged_are_watched_anew() {
    let space = joining();
    space.file("other/b.txt", "b\n");
    let output = target(&space).join("all");
    let watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    let rename = |from: &str, to: &str| std::fs::rename(space.path(from), space.path(to)).unwrap();
    for (turn, wanted) in [(0, "b\n"), (1, "a\n"), (2, "b\n")] {
        rename("src", "moved");
        rename("other", "src");
        rename("moved", "other");
        assert_eq!(watcher.after_change_of("src"), ["Join"], "turn {turn}");
        assert_eq!(text(&output), wanted, "turn {turn}");
    }
    save(&space, "src/b.txt", "edited\n");
    assert_eq!(watcher.after_change_of("src/b.txt"), ["Join"]);
    assert_eq!(text(&output), "edited\n");
    // One that is gone for a moment, and comes back as it was.
    rename("src", "moved");
    rename("moved", "src");
    assert!(watcher.after_change_of("src").is_empty());
    save(&space, "src/b.txt", "again\n");
    assert_eq!(watcher.after_change_of("src/b.txt"), ["Join"]);
}

/// Catches a storm of changes of which the kernel lost some, and with them the one that counted.
#[test]
fn what_the_kernel_lost_is_looked_for() {
    let most = std::fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
    let most: usize = most.trim().parse().unwrap();
    if most > 1 << 20 {
        return skipped(
            "what_the_kernel_lost_is_looked_for: the queue of this machine is too long to be filled",
        );
    }
    let space = copying();
    space.file("storm-0", "");
    let output = output(&space);
    let watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    watcher.stop();
    for turn in 0..=most / 2 {
        let name = |turn: usize| space.path(format!("storm-{}", turn % 2));
        std::fs::rename(name(turn), name(turn + 1)).unwrap();
    }
    save(&space, "in.txt", "two\n");
    watcher.signal(Signal::CONT);
    watcher.until(|event| matches!(event, Event::Changed { lost: true, .. }));
    assert_eq!(watcher.until_it_answers(), ["Copy"]);
    assert_eq!(text(&output), "two\n");
}

/// Catches an answer that is wrong, one that is not given, and a build that says something else because of it.
#[test]
fn a_build_with_nothing_to_do_is_answered() {
    let space = copying();
    let alone = space.wake(["build"]).success();
    alone.demand(alone.stderr.contains("Finished"), "a build");
    let alone = space.wake(["build"]).success();
    let watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    answered(&space);
    let with = space.wake(["build"]).success();
    assert_eq!(with.transcript(), alone.transcript());
    // What is asked otherwise is not answered.
    assert!(not_answered(&space, &["--flavor", "Release"]).contains("Finished"));
    watcher.until_it_answers();
    answered(&space);
    let other = space.wake(["build", "--events", "events"]).success();
    assert_eq!(other.summary().up_to_date, 1);
    not_answered(&space, &["--check", "hash"]);
    not_answered(&space, &["-vv"]);
    let forced = not_answered(&space, &["--force"]);
    assert!(forced.contains("1 operation run"), "{forced}");
    watcher.until_it_answers();
    answered(&space);
    // Nor what is asked right after an edit.
    watcher.stop();
    save(&space, "in.txt", "two\n");
    watcher.signal(Signal::CONT);
    let run = space.wake(["build"]).success();
    assert_eq!(text(&output(&space)), "two\n");
    run.demand(!run.stderr.is_empty(), "a summary");
}

/// Catches an edit that was made right before a build and that the watcher did not know of when it answered.
#[test]
fn no_build_is_answered_after_an_edit() {
    let space = copying();
    let output = output(&space);
    let watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    for turn in 0..200 {
        if turn % 4 == 0 {
            // The watcher is sure of the last one when the next one is made.
            save(&space, "in.txt", format!("before {turn}\n"));
            watcher.after_change_of("in.txt");
        }
        let content = format!("turn {turn}\n");
        save(&space, "in.txt", &content);
        space.wake(["build"]).success();
        assert_eq!(text(&output), content, "turn {turn}");
    }
}

/// Catches an answer to somebody whose environment the declarations would read otherwise.
#[test]
fn another_environment_is_another_question() {
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'Command', Operations: [{
    Title: 'Say', Executable: 'echo', Arguments: [wake.env('MODE', 'none')], Outputs: ['out.txt'], Stdout: 'out.txt',
  }] }),
})",
    );
    let output = output(&space);
    let watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    answered(&space);
    let lock = Lock::acquire(&space.path(".wake/lock")).unwrap();
    let unrelated = space.command(["build"]).env("OTHER", "x").output().unwrap();
    assert!(unrelated.status.success());
    drop(lock);
    let other = space
        .command(["build"])
        .env("MODE", "other")
        .output()
        .unwrap();
    assert!(other.status.success());
    let said = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(said.contains("1 operation run"), "{said}");
    // The watcher makes again what it watches.
    watcher.until(|event| matches!(event, Event::OperationFinished { .. }));
    watcher.until_it_answers();
    assert_eq!(text(&output), "none\n");
}

/// Catches a build that fails or hangs because of a watcher that died, was stopped, or lost its socket.
#[test]
fn a_watcher_that_is_dead_or_stopped_is_done_without() {
    let space = copying();
    let mut watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    watcher.stop();
    space.wake(["build"]).success().says("Nothing to do");
    save(&space, "in.txt", "two\n");
    space.wake(["build"]).success().says("1 operation run");
    watcher.signal(Signal::CONT);
    watcher.until_it_answers();
    space.remove(".wake/watcher");
    watcher.until_it_answers();
    answered(&space);
    watcher.signal(Signal::KILL);
    watcher.child.wait().unwrap();
    assert!(space.exists(".wake/watcher"));
    space.wake(["build"]).success().says("Nothing to do");
    save(&space, ".wake/watcher", "");
    space.wake(["build"]).success().says("Nothing to do");
    let next = Watcher::start(&space, &[]);
    next.until_it_answers();
    answered(&space);
}

/// Catches two watchers that take each other's place, and a second one that spoils the first one's files.
#[test]
fn there_is_one_watcher() {
    let space = copying();
    let watcher = Watcher::start(&space, &[]);
    watcher.until_it_answers();
    space.wake(["watch"]).code(3).says("Another wake watches");
    answered(&space);
    space.wake(["watch", "nowhere/..."]).code(2);
}

/// Catches a limit of the kernel that is reached in silence, and changes that are missed because of it.
#[test]
fn where_not_everything_can_be_watched_wake_looks() {
    let space = copying();
    let wake = space.command(["watch", "--events", "/dev/stdout"]);
    // In a user namespace of its own the limit is one for this watcher alone.
    let limited = |script: &str| {
        let mut command = std::process::Command::new("unshare");
        let limit = "echo 2 > /proc/sys/user/max_inotify_watches";
        command
            .args(["--user", "--map-root-user", "sh", "-c"])
            .arg(format!("{limit} && {script}"))
            .arg(wake.get_program())
            .args(wake.get_args())
            .current_dir(space.top())
            .env_clear()
            .envs(
                wake.get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        command
    };
    if !limited("true")
        .output()
        .is_ok_and(|output| output.status.success())
    {
        return skipped(
            "where_not_everything_can_be_watched_wake_looks: no limit of one's own can be set",
        );
    }
    let output = output(&space);
    let watcher = Watcher::spawn(&space, limited("exec \"$0\" \"$@\""));
    let waits = |event: &Event| matches!(event, Event::Watching { answers: false, .. });
    watcher.until(waits);
    save(&space, "in.txt", "two\n");
    watcher.until(|event| matches!(event, Event::OperationFinished { .. }));
    watcher.until(waits);
    assert_eq!(text(&output), "two\n");
    let said = watcher.said();
    assert!(said.contains("max_user_watches"), "{said}");
}
