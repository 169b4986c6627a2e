//! `--trace FILE`: a timeline of the run in Chrome's trace format, for Perfetto and chrome://tracing. Two tracks show what
//! wake itself does, one the critical path, and one for each operation that ran at the same time as others. It is made from
//! events alone, and the file can be read at any time, also when the run is interrupted.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::critical::CriticalPath;
use super::file::{Document, FirstError};
use super::terminal::Clock;
use super::why;
use crate::error::Result;
use crate::event::{Event, Outcome, Subscriber};

const BEGINNING: &str = "{\"displayTimeUnit\":\"ms\",\"traceEvents\":[\n";
const END: &str = "\n]}\n";

/// The tracks, in this order; those of operations follow.
const GRAPH: usize = 0;
const EVALUATION: usize = 1;
const CRITICAL: usize = 2;
const FIRST_SLOT: usize = 3;

/// See the module.
pub struct Trace<C = Box<dyn Fn() -> Duration + Send>> {
    document: Document,
    is_first: bool,
    /// Time since the run began.
    now: C,
    /// Where the current phase began of what leads to the graph.
    phase: Duration,
    /// Whether another wake worked in the workspace.
    is_waiting: bool,
    /// When the first operations were looked at.
    evaluation: Option<Duration>,
    survey: Option<Duration>,
    running: HashMap<String, Running>,
    /// Which slots are taken.
    slots: Vec<bool>,
    critical: CriticalPath,
    /// Where and when each operation ran, by its number in `critical`.
    spans: Vec<Span>,
}

/// What is kept of an operation until it finishes.
struct Running {
    slot: usize,
    since: Duration,
    instance: String,
    reason: String,
    command: String,
    outputs: Vec<String>,
}

#[derive(Clone, Default)]
struct Span {
    title: String,
    track: usize,
    start: Duration,
    length: Duration,
}

impl Trace {
    /// Creates or empties the file.
    pub fn create(path: &Path, first_error: FirstError) -> Result<Self> {
        let clock = Clock::new();
        Self::with_clock(path, first_error, Box::new(move || clock.now()))
    }
}

impl<C: Fn() -> Duration> Trace<C> {
    fn with_clock(path: &Path, first_error: FirstError, now: C) -> Result<Self> {
        let mut trace = Self {
            document: Document::create(path, BEGINNING, END, first_error)?,
            is_first: true,
            phase: now(),
            now,
            is_waiting: false,
            evaluation: None,
            survey: None,
            running: HashMap::new(),
            slots: Vec::new(),
            critical: CriticalPath::default(),
            spans: Vec::new(),
        };
        let name =
            json!({ "name": "process_name", "ph": "M", "pid": 1, "args": { "name": "wake" } });
        trace.push(&name);
        trace.name_track(GRAPH, "packages and graph");
        trace.name_track(EVALUATION, "evaluation");
        trace.name_track(CRITICAL, "critical path");
        Ok(trace)
    }

    fn push(&mut self, record: &Value) {
        let separator = if self.is_first { "" } else { ",\n" };
        self.is_first = false;
        self.document.push(&format!("{separator}{record}"));
    }

    fn name_track(&mut self, track: usize, name: &str) {
        let record = |what: &str, args: Value| json!({ "name": what, "ph": "M", "pid": 1, "tid": track, "args": args });
        self.push(&record("thread_name", json!({ "name": name })));
        self.push(&record("thread_sort_index", json!({ "sort_index": track })));
    }

    fn span(&mut self, category: &str, span: &Span, details: Value) {
        self.push(&json!({
            "name": span.title, "cat": category, "ph": "X", "pid": 1, "tid": span.track,
            "ts": microseconds(span.start), "dur": microseconds(span.length), "args": details,
        }));
    }

    /// Something of wake's own, until now.
    fn own(&mut self, track: usize, name: &str, start: Duration) {
        let span = Span {
            title: name.to_owned(),
            track,
            start,
            length: (self.now)().saturating_sub(start),
        };
        self.span("wake", &span, json!({}));
    }

    /// Ends a phase of what leads to the graph; the next one begins.
    fn end_phase(&mut self, name: &str) {
        self.own(GRAPH, name, self.phase);
        self.phase = (self.now)();
    }

    /// Operations are looked at. They may be while the graph still grows, and more than once.
    fn plan(&mut self) {
        let now = (self.now)();
        self.survey.get_or_insert(now);
        if self.evaluation.is_none() {
            self.evaluation = Some(now);
            self.end_phase("prepare to evaluate");
        }
    }

    fn start(&mut self, event: &Event) {
        let Event::OperationStarted {
            operation,
            title,
            instance,
            reason,
            command,
            outputs,
            ..
        } = event
        else {
            return;
        };
        let free = self.slots.iter().position(|is_taken| !is_taken);
        let slot = free.unwrap_or_else(|| {
            let slot = self.slots.len();
            self.slots.push(false);
            self.name_track(FIRST_SLOT + slot, &format!("operations {}", slot + 1));
            slot
        });
        self.slots[slot] = true;
        let running = Running {
            slot,
            since: (self.now)(),
            instance: instance.clone(),
            reason: why::line(reason),
            command: command.clone(),
            outputs: outputs.clone(),
        };
        self.running.insert(operation.clone(), running);
        self.spans.push(Span {
            title: title.clone(),
            ..Span::default()
        });
    }

    fn finish(&mut self, event: &Event) {
        let Event::OperationFinished {
            operation,
            title,
            outcome,
            milliseconds,
            changed,
            test,
            memory_kib,
            ..
        } = event
        else {
            return;
        };
        let Some(running) = self.running.remove(operation) else {
            return;
        };
        self.slots[running.slot] = false;
        // It ended when this was heard, or just before: never before it started.
        let length = Duration::from_secs_f64((milliseconds / 1e3).max(0.0));
        let start = (self.now)().saturating_sub(length).max(running.since);
        let span = Span {
            title: title.clone(),
            track: FIRST_SLOT + running.slot,
            start,
            length,
        };
        let category = match (outcome.is_success(), test) {
            (false, _) => "failed",
            (true, true) => "test",
            (true, false) => "operation",
        };
        let details = json!({
            "instance": running.instance,
            "reason": running.reason,
            "outputs": running.outputs,
            "changed": changed,
            "outcome": outcome,
            "exit code": exit_code(outcome),
            "peak memory (KiB)": memory_kib,
            "command": running.command,
        });
        self.span(category, &span, details);
        if let Some(number) = self.critical.number(operation) {
            self.spans[number] = span;
        }
    }

    /// The critical path on its own track, with arrows from each operation to the next.
    fn tell_critical_path(&mut self) {
        let path = self.critical.path();
        let spans: Vec<Span> = path
            .iter()
            .map(|number| self.spans[*number].clone())
            .collect();
        for span in &spans {
            let span = Span {
                track: CRITICAL,
                ..span.clone()
            };
            self.span("critical path", &span, json!({}));
        }
        for (number, pair) in spans.windows(2).enumerate() {
            let arrow = |phase: &str, span: &Span, at: Duration| {
                json!({
                    "name": "critical path", "cat": "critical path", "ph": phase, "id": number, "bp": "e",
                    "pid": 1, "tid": span.track, "ts": microseconds(at),
                })
            };
            let from = arrow("s", &pair[0], pair[0].start + pair[0].length);
            let to = arrow("f", &pair[1], pair[1].start);
            self.push(&from);
            self.push(&to);
        }
    }
}

fn microseconds(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

/// The exit code, where there is one.
fn exit_code(outcome: &Outcome) -> Option<i32> {
    match outcome {
        Outcome::Succeeded => Some(0),
        Outcome::Skipped => Some(77),
        Outcome::Exited { code } => Some(*code),
        _ => None,
    }
}

impl<C: Fn() -> Duration> Subscriber for Trace<C> {
    fn event(&mut self, event: &Event) {
        self.critical.hear(event);
        match event {
            Event::WaitingForLock { .. } => {
                self.is_waiting = true;
                self.end_phase("look for the workspace");
            }
            Event::Opened if self.is_waiting => self.end_phase("wait for another wake"),
            Event::Opened => self.end_phase("open the workspace"),
            Event::Resolved { .. } => self.end_phase("declare and find packages"),
            Event::GraphReused { .. } => self.end_phase("check the saved graph"),
            Event::AllGenerated { .. } => self.end_phase("generate"),
            Event::Planned { .. } => self.plan(),
            Event::Surveyed => {
                if let Some(start) = self.survey.take() {
                    self.own(EVALUATION, "look at files", start);
                }
            }
            Event::OperationStarted { .. } => self.start(event),
            Event::OperationFinished { .. } => self.finish(event),
            Event::Finished(_) => {
                if let Some(start) = self.evaluation {
                    self.own(EVALUATION, "evaluate", start);
                }
                self.tell_critical_path();
                self.document.close();
            }
            _ => {}
        }
    }

    fn wants_needs(&self) -> bool {
        true
    }

    fn tick(&mut self) {
        self.document.flush();
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::event::{Reason, Summary};

    fn started(operation: &str, needs: &[&str]) -> Event {
        Event::OperationStarted {
            operation: operation.to_owned(),
            title: format!("Make \"{operation}\"\n"),
            instance: "app".to_owned(),
            reason: Reason::NeverRan,
            command: "make it".to_owned(),
            outputs: vec![operation.to_owned()],
            needs: needs.iter().map(|&name| name.to_owned()).collect(),
        }
    }

    fn finished(operation: &str, outcome: Outcome, milliseconds: f64) -> Event {
        Event::OperationFinished {
            operation: operation.to_owned(),
            title: format!("Make \"{operation}\"\n"),
            outcome,
            output: String::new(),
            milliseconds,
            changed: true,
            made_at: String::new(),
            test: false,
            memory_kib: 2048,
        }
    }

    fn read(path: &Path) -> Vec<Value> {
        let text = crate::fs::read(path).unwrap();
        let document: Value = serde_json::from_slice(&text).unwrap();
        document["traceEvents"].as_array().unwrap().clone()
    }

    /// Each span as `track: start+length title`.
    fn spans(path: &Path) -> Vec<String> {
        let records = read(path);
        let spans = records.iter().filter(|record| record["ph"] == "X");
        let tell = |span: &Value| {
            let title = span["name"].as_str().unwrap().trim_end();
            format!("{}: {}+{} {title}", span["tid"], span["ts"], span["dur"])
        };
        spans.map(tell).collect()
    }

    /// Catches a slot that is used twice at once, a start before the operation could start, and a critical path that is
    /// not among the operations.
    #[test]
    fn operations_are_placed_in_slots_and_the_critical_path_on_its_track() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace.json");
        let now = Cell::new(0);
        let clock = || Duration::from_micros(now.get());
        let mut trace = Trace::with_clock(&path, FirstError::default(), clock).unwrap();
        for (time, event) in [
            (10, Event::Opened),
            (15, Event::GraphReused { operations: 3 }),
            (20, Event::Planned { operations: 3 }),
            (30, started("a", &[])),
            (31, started("b", &[])),
            (40, Event::Surveyed),
            (1035, finished("b", Outcome::Exited { code: 3 }, 1.0)),
            (2030, finished("a", Outcome::Succeeded, 2.0)),
            (2040, started("c", &["a"])),
            (
                2541,
                finished(
                    "c",
                    Outcome::Killed {
                        signal: 9,
                        out_of_memory: false,
                    },
                    0.5,
                ),
            ),
            (2600, Event::Finished(Summary::default())),
        ] {
            now.set(time);
            trace.event(&event);
        }
        assert_eq!(
            spans(&path),
            [
                "0: 0+10 open the workspace",
                "0: 10+5 check the saved graph",
                "0: 15+5 prepare to evaluate",
                "1: 20+20 look at files",
                "4: 35+1000 Make \"b\"",
                "3: 30+2000 Make \"a\"",
                "3: 2041+500 Make \"c\"",
                "1: 20+2580 evaluate",
                "2: 30+2000 Make \"a\"",
                "2: 2041+500 Make \"c\"",
            ]
        );
        let records = read(&path);
        let failed = records
            .iter()
            .find(|record| record["cat"] == "failed")
            .unwrap();
        assert_eq!(failed["args"]["exit code"], 3);
        assert_eq!(failed["args"]["peak memory (KiB)"], 2048);
        assert_eq!(failed["args"]["reason"], "it has not run here before");
        let arrows: Vec<&str> = records
            .iter()
            .filter_map(|record| record["ph"].as_str().filter(|phase| "sf".contains(phase)))
            .collect();
        assert_eq!(arrows, ["s", "f"]);
    }

    /// Catches a file that only the end of the run makes readable: wake may be killed before.
    #[test]
    fn the_file_can_be_read_at_any_time() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("trace.json");
        let mut trace = Trace::create(&path, FirstError::default()).unwrap();
        read(&path);
        for number in 0..3_000 {
            trace.event(&started(&number.to_string(), &[]));
            if number % 100 == 0 {
                read(&path);
            }
            trace.event(&finished(&number.to_string(), Outcome::Succeeded, 0.0));
        }
        trace.tick();
        assert_eq!(spans(&path).len(), 3_000);
        drop(trace);
        assert_eq!(spans(&path).len(), 3_000);
    }

    #[test]
    fn a_full_disk_is_told_once_and_stops_nothing() {
        let first_error = FirstError::default();
        let mut trace = Trace::create(Path::new("/dev/full"), first_error.clone()).unwrap();
        trace.event(&Event::Finished(Summary::default()));
        drop(trace);
        let error = first_error.check().unwrap_err();
        assert_eq!(error.to_string(), "Cannot write `/dev/full`");
        first_error.check().unwrap();
    }
}
