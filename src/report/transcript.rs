//! Consoles drawn into text: what a person would see after each step, at a fixed size and with a clock that the test
//! moves.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use super::fancy::{Fancy, Screen};
use super::plain::Plain;
use super::{ConsoleOptions, Verbosity};
use crate::event::{Event, Level, Outcome, Reason, Subscriber, Summary};

/// A terminal of a given width that understands what [`Fancy`] writes, and panics on anything else.
struct Paper {
    columns: usize,
    rows: Vec<String>,
    row: usize,
    now: Duration,
}

#[derive(Clone)]
struct Shared(Rc<RefCell<Paper>>);

impl Shared {
    fn new(columns: usize) -> Self {
        Self(Rc::new(RefCell::new(Paper {
            columns,
            rows: vec![String::new()],
            row: 0,
            now: Duration::ZERO,
        })))
    }

    fn pass(&self, milliseconds: u64) {
        self.0.borrow_mut().now += Duration::from_millis(milliseconds);
    }

    fn seen(&self) -> String {
        self.0.borrow().rows.join("\n")
    }
}

impl Screen for Shared {
    fn write(&mut self, text: &str) {
        let mut paper = self.0.borrow_mut();
        for (piece, is_sequence) in console::AnsiCodeIterator::new(text) {
            if is_sequence {
                paper.obey(piece);
            } else {
                piece.chars().for_each(|character| paper.put(character));
            }
        }
    }

    fn size(&self) -> (usize, usize) {
        (self.0.borrow().columns, 24)
    }

    fn now(&self) -> Duration {
        self.0.borrow().now
    }
}

impl Paper {
    fn obey(&mut self, sequence: &str) {
        if sequence == "\x1b[J" {
            self.rows.truncate(self.row + 1);
            self.rows[self.row].clear();
        } else if let Some(up) = sequence
            .strip_prefix("\x1b[")
            .and_then(|rest| rest.strip_suffix('A'))
        {
            let below = self.row;
            self.row -= up.parse::<usize>().unwrap();
            for drawn in &self.rows[self.row..below] {
                let width = super::text::width(drawn);
                assert!(width < self.columns, "wraps: {drawn:?}");
            }
        } else {
            panic!("the console wrote {sequence:?}");
        }
    }

    fn put(&mut self, character: char) {
        match character {
            '\n' => {
                self.row += 1;
                self.rows.truncate(self.row);
                self.rows.push(String::new());
            }
            '\r' => {}
            other => self.rows[self.row].push(other),
        }
    }
}

fn started(title: &str) -> Event {
    Event::OperationStarted {
        operation: title.to_owned(),
        title: title.to_owned(),
        instance: "acme/app:root".to_owned(),
        reason: Reason::InputChanged {
            path: "src/a.h".to_owned(),
            old: "3fa9deadbeef".to_owned(),
            new: "77c0deadbeef".to_owned(),
        },
        command: format!("g++ -c '{title}'"),
        outputs: vec![title.to_owned()],
        needs: Vec::new(),
    }
}

fn finished(title: &str, outcome: Outcome, output: &str) -> Event {
    Event::OperationFinished {
        operation: title.to_owned(),
        title: title.to_owned(),
        outcome,
        output: output.to_owned(),
        milliseconds: 1500.0,
        changed: true,
        made_at: String::new(),
        test: false,
        memory_kib: 0,
    }
}

fn tested(title: &str, outcome: Outcome, output: &str) -> Event {
    Event::OperationFinished {
        operation: title.to_owned(),
        title: title.to_owned(),
        outcome,
        output: output.to_owned(),
        milliseconds: 1500.0,
        changed: true,
        made_at: String::new(),
        test: true,
        memory_kib: 0,
    }
}

/// A run with everything that a console may hear.
fn eventful_run() -> Vec<Event> {
    vec![
        Event::Started {
            version: "1.0.0".to_owned(),
            workspace: "/w".to_owned(),
            jobs: 2,
        },
        Event::StateDiscarded {
            path: ".wake/state/log".to_owned(),
            cause: "it is from another version".to_owned(),
        },
        Event::Declared {
            package: "acme/app".to_owned(),
            directory: ".".to_owned(),
        },
        Event::Generated {
            instance: "acme/app:root".to_owned(),
            target_directory: String::new(),
            operations: 1,
            milliseconds: 3.0,
        },
        Event::Message {
            instance: "acme/app:root".to_owned(),
            level: Level::Warning,
            text: "`Sorce` is not read\nby anyone".to_owned(),
            task: "Build of acme/plugin.libsonnet".to_owned(),
        },
        Event::Planned { operations: 6 },
        Event::UpToDate { operations: 1 },
        Event::StaleRemoved {
            path: "out/b.o".to_owned(),
        },
        started("Compile a"),
        started("Compile b"),
        finished("Compile b", Outcome::Succeeded, "b.c:1: warning: unused\n"),
        started("Write c"),
        finished("Write c", Outcome::Succeeded, ""),
        finished("Compile a", Outcome::Exited { code: 1 }, "a.c:1: error: no"),
        Event::OperationSkipped {
            operation: "Link".to_owned(),
            title: "Link".to_owned(),
        },
        started("Test d"),
        finished(
            "Test d",
            Outcome::Unusable {
                cause: "it did not make `d`".to_owned(),
                hint: Some("declare another output".to_owned()),
            },
            "",
        ),
        Event::Finished(Summary {
            ran: 4,
            up_to_date: 1,
            failed: 2,
            not_run: 1,
            milliseconds: 420.0,
            ..Summary::default()
        }),
    ]
}

fn plain(options: ConsoleOptions, events: &[Event]) -> String {
    let mut written = Vec::new();
    let mut console = Plain::new(options, &mut written, || Duration::ZERO);
    for event in events {
        console.event(event);
    }
    String::from_utf8(written).unwrap()
}

#[test]
fn plain_lines() {
    insta::assert_snapshot!(plain(ConsoleOptions::default(), &eventful_run()));
}

#[test]
fn a_long_operation_is_told_of_once_a_minute() {
    let paper = Shared::new(80);
    let clock = paper.clone();
    let mut written = Vec::new();
    let mut console = Plain::new(ConsoleOptions::default(), &mut written, move || clock.now());
    console.event(&started("Link a"));
    for _ in 0..5 {
        paper.pass(30_000);
        console.tick();
    }
    console.event(&finished("Link a", Outcome::Succeeded, ""));
    paper.pass(90_000);
    console.tick();
    drop(console);
    assert_eq!(
        String::from_utf8(written).unwrap(),
        "Still running: Link a (60.0 s)\nStill running: Link a (2 min 0 s)\n[1] Link a\n"
    );
}

#[test]
fn quiet_tells_of_failures_only() {
    let options = ConsoleOptions {
        verbosity: Verbosity::Quiet,
        ..ConsoleOptions::default()
    };
    insta::assert_snapshot!(plain(options, &eventful_run()));
}

#[test]
fn verbose_tells_commands_and_reasons() {
    let options = ConsoleOptions {
        verbosity: Verbosity::Verbose(2),
        ..ConsoleOptions::default()
    };
    insta::assert_snapshot!(plain(options, &eventful_run()));
}

#[test]
fn of_tests_the_output_of_failed_ones_is_shown() {
    let events = [
        Event::Planned { operations: 4 },
        tested("parses", Outcome::Succeeded, "noise\n"),
        tested("prints", Outcome::Skipped, "no printer\n"),
        tested("adds", Outcome::Exited { code: 1 }, "3 != 4\n"),
        tested(
            "counts",
            Outcome::Killed {
                signal: 6,
                out_of_memory: false,
            },
            "",
        ),
        Event::Finished(Summary {
            ran: 2,
            failed: 2,
            tests_passed: 1,
            tests_skipped: 1,
            tests_failed: 2,
            ..Summary::default()
        }),
    ];
    insta::assert_snapshot!(plain(ConsoleOptions::default(), &events), @r"
    [1/4] parses: passed
    [2/4] prints: skipped
    error: The test `adds` failed with exit code 1
    3 != 4
    error: The test `counts` was killed by signal 6 (SIGABRT)

    Failed tests:
      adds
      counts
    1 test passed, 2 failed, 1 skipped
    Failed: 2 operations run, 2 failed in 0.00 s
    ");
    let verbose = ConsoleOptions {
        verbosity: Verbosity::Verbose(1),
        ..ConsoleOptions::default()
    };
    insta::assert_snapshot!(plain(verbose, &events[..3]), @r"
    [1/4] parses: passed in 1.50 s
    noise
    [2/4] prints: skipped in 1.50 s
    no printer
    ");
}

#[test]
fn an_idle_run_says_nothing_where_that_is_asked_for() {
    let options = ConsoleOptions {
        is_silent_when_idle: true,
        ..ConsoleOptions::default()
    };
    let idle = Summary {
        up_to_date: 3,
        ..Summary::default()
    };
    assert_eq!(plain(options, &[Event::Finished(idle.clone())]), "");
    let busy = Summary { ran: 1, ..idle };
    assert!(plain(options, &[Event::Finished(busy)]).starts_with("Finished: "));
}

#[test]
fn replay_shows_what_was_printed_before() {
    let events = [Event::OperationUpToDate {
        operation: "a.o".to_owned(),
        title: "Compile a".to_owned(),
        output: "a.c:1: warning".to_owned(),
        skipped: false,
    }];
    let options = ConsoleOptions {
        is_replaying: true,
        ..ConsoleOptions::default()
    };
    assert_eq!(
        plain(options, &events),
        "Compile a (up to date)\na.c:1: warning\n"
    );
    assert_eq!(plain(ConsoleOptions::default(), &events), "");
}

#[test]
fn a_live_status_is_drawn_below_what_stays_and_is_gone_at_the_end() {
    let paper = Shared::new(48);
    let mut console = Fancy::new(ConsoleOptions::default(), paper.clone());
    let mut frames = String::new();
    for event in &eventful_run() {
        console.event(event);
        paper.pass(700);
        console.tick();
        frames.push_str(&format!("{:-^48}\n{}\n", "", paper.seen()));
    }
    insta::assert_snapshot!(frames);
}

#[test]
fn frames_come_no_faster_than_ten_a_second_and_never_wrap() {
    let paper = Shared::new(90);
    let mut console = Fancy::new(ConsoleOptions::default(), paper.clone());
    console.event(&Event::Planned { operations: 40 });
    for index in 0..12 {
        console.event(&started(&format!("Compile {}{index}", "日本語".repeat(40))));
    }
    console.tick();
    let first = paper.seen();
    paper.pass(99);
    console.tick();
    assert_eq!(paper.seen(), first);
    paper.pass(1);
    console.tick();
    insta::assert_snapshot!(paper.seen());
}

#[test]
fn an_operation_that_has_the_terminal_is_not_drawn_over() {
    let paper = Shared::new(60);
    let mut console = Fancy::new(ConsoleOptions::default(), paper.clone());
    console.event(&Event::Planned { operations: 2 });
    console.event(&started("Menu"));
    console.tick();
    assert!(paper.seen().contains("Menu"));
    console.lend_terminal("Menu");
    paper.pass(5000);
    console.tick();
    assert_eq!(paper.seen(), "");
    console.event(&finished("Menu", Outcome::Succeeded, ""));
    console.tick();
    assert!(paper.seen().contains("[1/2]"), "{}", paper.seen());
}

/// Catches lines of the shell that are erased by the first frame after ^Z and `fg`.
#[test]
fn what_others_have_drawn_meanwhile_stays() {
    let paper = Shared::new(60);
    let mut console = Fancy::new(ConsoleOptions::default(), paper.clone());
    console.event(&Event::Planned { operations: 2 });
    console.event(&started("Compile a"));
    console.tick();
    paper.clone().write("[1]+  Stopped\n");
    console.resumed();
    paper.pass(5000);
    console.tick();
    let seen = paper.seen();
    assert!(
        seen.contains("Stopped") && seen.matches("Compile a").count() == 2,
        "{seen}"
    );
}

#[test]
fn a_run_that_ends_by_an_error_leaves_no_status_behind() {
    let paper = Shared::new(60);
    let mut console = Fancy::new(ConsoleOptions::default(), paper.clone());
    console.event(&Event::Planned { operations: 2 });
    console.event(&started("Compile a"));
    console.tick();
    drop(console);
    assert_eq!(paper.seen(), "");
}
