//! `--junit FILE`: the tests of a run as JUnit XML, the form that CI systems read. Written when the run ends.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use super::file::{FirstError, ReportFile};
use crate::error::Result;
use crate::event::{Event, Outcome, Subscriber};

/// How one test ended.
enum Ending {
    Passed,
    Skipped { cause: &'static str },
    Failed { cause: String },
}

struct Case {
    instance: String,
    title: String,
    ending: Ending,
    output: String,
    milliseconds: f64,
}

/// Collects the tests. Which operations are tests it must be told.
pub struct Junit {
    tests: HashMap<String, String>,
    file: ReportFile,
    cases: Vec<Case>,
}

impl Junit {
    /// Creates or empties the file. `tests` has the operations that are tests, by their names in events, and the label
    /// of each one's instance.
    pub fn create(
        path: &Path,
        tests: HashMap<String, String>,
        first_error: FirstError,
    ) -> Result<Self> {
        Ok(Self {
            tests,
            file: ReportFile::create(path, first_error)?,
            cases: Vec::new(),
        })
    }

    fn add(&mut self, operation: &str, title: &str, ending: Ending, output: &str, time: f64) {
        if let Some(instance) = self.tests.get(operation) {
            self.cases.push(Case {
                instance: instance.clone(),
                title: title.to_owned(),
                ending,
                output: output.to_owned(),
                milliseconds: time,
            });
        }
    }
}

impl Subscriber for Junit {
    fn event(&mut self, event: &Event) {
        match event {
            Event::OperationFinished {
                operation,
                title,
                outcome,
                output,
                milliseconds,
                ..
            } => self.add(operation, title, ending(outcome), output, *milliseconds),
            Event::OperationUpToDate {
                operation,
                title,
                output,
                skipped,
            } => {
                let outcome = if *skipped {
                    Outcome::Skipped
                } else {
                    Outcome::Succeeded
                };
                self.add(operation, title, ending(&outcome), output, 0.0);
            }
            Event::OperationSkipped { operation, title } => {
                let cause = "something it needs failed";
                self.add(operation, title, Ending::Skipped { cause }, "", 0.0);
            }
            Event::Finished(_) => {
                self.file.write(document(&mut self.cases).as_bytes());
                self.file.flush();
            }
            _ => {}
        }
    }

    fn wants_up_to_date(&self) -> bool {
        true
    }
}

fn ending(outcome: &Outcome) -> Ending {
    let cause = match outcome {
        Outcome::Succeeded => return Ending::Passed,
        Outcome::Skipped => {
            return Ending::Skipped {
                cause: "exit code 77",
            };
        }
        Outcome::Exited { code } => format!("exit code {code}"),
        Outcome::Killed { signal, .. } => format!("killed by signal {signal}"),
        Outcome::TimedOut { seconds } => format!("stopped after {seconds} s"),
        Outcome::Interrupted => "interrupted".to_owned(),
        Outcome::Unusable { cause, .. } => cause.clone(),
    };
    Ending::Failed { cause }
}

/// The cases in order of instance and title, so that equal runs make equal files but for times.
fn document(cases: &mut [Case]) -> String {
    cases.sort_by(|a, b| (&a.instance, &a.title).cmp(&(&b.instance, &b.title)));
    let failures = count(cases, |ending| matches!(ending, Ending::Failed { .. }));
    let skipped = count(cases, |ending| matches!(ending, Ending::Skipped { .. }));
    let time: f64 = cases.iter().map(|case| case.milliseconds).sum();
    let counts = format!(
        r#"tests="{}" failures="{failures}" errors="0" skipped="{skipped}" time="{}""#,
        cases.len(),
        seconds(time)
    );
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites {counts}>\n  <testsuite name=\"wake\" {counts}>\n"
    );
    for case in cases.iter() {
        push_case(&mut text, case);
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}

fn count(cases: &[Case], is_counted: impl Fn(&Ending) -> bool) -> usize {
    cases.iter().filter(|case| is_counted(&case.ending)).count()
}

fn push_case(text: &mut String, case: &Case) {
    let _ = writeln!(
        text,
        r#"    <testcase classname="{}" name="{}" time="{}">"#,
        escape(&case.instance),
        escape(&case.title),
        seconds(case.milliseconds)
    );
    let _ = match &case.ending {
        Ending::Passed => Ok(()),
        Ending::Skipped { cause } => writeln!(text, r#"      <skipped message="{cause}"/>"#),
        Ending::Failed { cause } => {
            writeln!(text, r#"      <failure message="{}"/>"#, escape(cause))
        }
    };
    if !case.output.is_empty() {
        let _ = writeln!(
            text,
            "      <system-out>{}</system-out>",
            escape(&case.output)
        );
    }
    text.push_str("    </testcase>\n");
}

fn seconds(milliseconds: f64) -> String {
    format!("{:.3}", milliseconds / 1000.0)
}

/// `text` as XML content or attribute value. Colour codes go; characters that XML cannot carry become `\u{…}`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in console::strip_ansi_codes(text).chars() {
        match character {
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '"' => escaped.push_str("&quot;"),
            '\n' | '\t' => escaped.push(character),
            '\r' => escaped.push_str("&#13;"),
            '\u{fffe}' | '\u{ffff}' => escaped.extend(character.escape_unicode()),
            other if other.is_control() => escaped.extend(other.escape_unicode()),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Summary;

    fn finished(operation: &str, outcome: Outcome, output: &str) -> Event {
        Event::OperationFinished {
            operation: operation.to_owned(),
            title: operation.to_owned(),
            outcome,
            output: output.to_owned(),
            milliseconds: 12.0,
            changed: true,
            made_at: String::new(),
            test: operation != "compile",
            memory_kib: 0,
        }
    }

    #[test]
    fn only_tests_are_in_it_and_nothing_breaks_the_xml() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("junit.xml");
        let tests = ["test z", "test a<b>", "test s", "test u", "test v"]
            .map(|name| (name.to_owned(), "acme/app:root".to_owned()));
        let first_error = FirstError::default();
        let mut junit = Junit::create(&path, tests.into(), first_error.clone()).unwrap();
        let events = [
            finished(
                "test z",
                Outcome::Exited { code: 3 },
                "\x1b[31m<a> & \"b\"\x1b[0m\u{1}\n",
            ),
            finished("test a<b>", Outcome::Succeeded, ""),
            finished("test s", Outcome::Skipped, ""),
            finished("compile", Outcome::Succeeded, "x"),
        ];
        for event in &events {
            junit.event(event);
        }
        for (name, skipped) in [("test u", false), ("test v", true)] {
            junit.event(&Event::OperationUpToDate {
                operation: name.to_owned(),
                title: name.to_owned(),
                output: String::new(),
                skipped,
            });
        }
        junit.event(&Event::Finished(Summary::default()));
        first_error.check().unwrap();
        let text = String::from_utf8(crate::fs::read(&path).unwrap()).unwrap();
        insta::assert_snapshot!(text);
    }
}
