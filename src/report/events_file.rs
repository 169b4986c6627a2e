//! `--events FILE`: every event as a JSON object in a line of its own, as it happens.

use std::path::Path;

use super::file::{FirstError, ReportFile};
use crate::error::Result;
use crate::event::{Event, Subscriber};

/// Writes events as they come. What was written is on its way to the disk a few times a second and at the end.
pub struct EventsFile(ReportFile);

impl EventsFile {
    /// Creates or empties the file.
    pub fn create(path: &Path, first_error: FirstError) -> Result<Self> {
        ReportFile::create(path, first_error).map(Self)
    }
}

impl Subscriber for EventsFile {
    fn event(&mut self, event: &Event) {
        // Events are strings and numbers: only a number that JSON lacks could fail, and serde_json writes `null` for it.
        if let Ok(mut line) = serde_json::to_vec(event) {
            line.push(b'\n');
            self.0.write(&line);
        }
        if matches!(event, Event::Finished(_) | Event::Watching { .. }) {
            self.0.flush();
        }
    }

    fn wants_up_to_date(&self) -> bool {
        true
    }

    fn tick(&mut self) {
        self.0.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Outcome, Reason, Summary};

    #[test]
    fn what_is_written_reads_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("events");
        let events = [
            Event::OperationStarted {
                operation: "out/a.o".to_owned(),
                title: "Compile\nå".to_owned(),
                instance: "app:root".to_owned(),
                reason: Reason::InputChanged {
                    path: "a.h".to_owned(),
                    old: "absent".to_owned(),
                    new: "77c0".to_owned(),
                },
                command: String::new(),
                outputs: vec!["out/a.o".to_owned()],
                needs: Vec::new(),
            },
            Event::OperationFinished {
                operation: "out/a.o".to_owned(),
                title: "Compile".to_owned(),
                outcome: Outcome::Killed {
                    signal: 9,
                    out_of_memory: false,
                },
                output: "line\u{0}\n".to_owned(),
                milliseconds: 1.5,
                changed: false,
                made_at: String::new(),
                test: false,
                memory_kib: 0,
            },
            Event::Finished(Summary::default()),
        ];
        let first_error = FirstError::default();
        let mut file = EventsFile::create(&path, first_error.clone()).unwrap();
        for event in &events {
            file.event(event);
        }
        first_error.check().unwrap();
        let text = String::from_utf8(crate::fs::read(&path).unwrap()).unwrap();
        let read: Vec<Event> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(read, events);
    }

    #[test]
    fn a_full_disk_is_told_once_and_stops_nothing() {
        let first_error = FirstError::default();
        let mut file = EventsFile::create(Path::new("/dev/full"), first_error.clone()).unwrap();
        for _ in 0..2 {
            file.event(&Event::Finished(Summary::default()));
        }
        let error = first_error.check().unwrap_err();
        assert_eq!(error.to_string(), "Cannot write `/dev/full`");
        assert_eq!(error.report().causes, ["no space left on the device"]);
        first_error.check().unwrap();
    }
}
