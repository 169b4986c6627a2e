//! What of a run stays on the screen: events in, lines out. Shared by all consoles; it does not draw.

use std::collections::HashMap;

use super::critical::CriticalPath;
use super::text::{duration, hang, one_line, output, visible};
use super::{ConsoleOptions, Verbosity, summary, why};
use crate::event::{Event, Level, Outcome, Reason};
use crate::observe::Asking;

/// How far a run is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) declared: usize,
    pub(super) generated: usize,
    /// Operations that this run looks at, once that is known.
    pub(super) planned: Option<usize>,
    /// Operations that are finished or will not run.
    done: usize,
    /// Operations that were reported as up to date in a count, and one by one: the same ones.
    up_to_date: usize,
    listed_up_to_date: usize,
}

impl Progress {
    fn settled(&self) -> usize {
        self.done + self.up_to_date.max(self.listed_up_to_date)
    }

    /// `[3/12]`; `[3]` while nothing is planned.
    pub(super) fn count(&self) -> String {
        let done = self.settled();
        match self.planned {
            Some(planned) => format!("[{done}/{}]", planned.max(done)),
            None => format!("[{done}]"),
        }
    }

    /// The share that is done, 0 to 1.
    pub(super) fn share(&self) -> f64 {
        let done = self.settled() as f64;
        (done / self.planned.unwrap_or(0).max(1) as f64).min(1.0)
    }
}

/// Turns events into the text that stays.
pub(super) struct Narrator {
    options: ConsoleOptions,
    /// Whether every finished operation gets a line, for consoles that show progress in no other way.
    has_line_per_operation: bool,
    progress: Progress,
    /// How operations are observed, as it was told: each evaluation of a run says so.
    observed: String,
    /// The commands of the operations that run, by their names.
    running: HashMap<String, String>,
    /// Titles of the operations that failed, in order.
    failures: Vec<String>,
    /// Whether all of those are tests.
    only_tests_failed: bool,
    /// Followed where it is told at the end.
    critical: Option<CriticalPath>,
}

/// How operations are observed, if that is what an event says.
pub fn observation(event: &Event) -> Option<String> {
    match event {
        Event::Observed { asking } => Some(match asking {
            Asking::Nobody => {
                "Operations are observed: programs write down what they do".to_owned()
            }
            Asking::Loaders(cause) => format!(
                "Operations are observed: programs write down what they do, and are asked while they are loaded: {cause}"
            ),
            Asking::All(cause) => format!(
                "Operations are observed by asking about each call, which is slower: {cause}"
            ),
        }),
        Event::NotObserved { cause } => Some(format!("Operations are not observed: {cause}")),
        _ => None,
    }
}

/// What is told of an operation that finished.
struct Finished<'a> {
    title: &'a str,
    outcome: &'a Outcome,
    output: &'a str,
    milliseconds: f64,
    made_at: &'a str,
    is_test: bool,
    command: &'a str,
}

/// The most failures that are listed again at the end.
const MOST_LISTED: usize = 20;

impl Narrator {
    pub(super) fn new(options: ConsoleOptions, has_line_per_operation: bool) -> Self {
        Self {
            options,
            has_line_per_operation,
            progress: Progress::default(),
            observed: String::new(),
            running: HashMap::new(),
            failures: Vec::new(),
            only_tests_failed: true,
            critical: has_times(options).then(CriticalPath::default),
        }
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.progress
    }

    pub(super) fn wants_up_to_date(&self) -> bool {
        self.options.is_replaying || self.is_at_least(2)
    }

    pub(super) fn wants_needs(&self) -> bool {
        self.critical.is_some()
    }

    /// The lines to show for `event`, each with its line end; often none.
    pub(super) fn hear(&mut self, event: &Event) -> String {
        if let Some(critical) = &mut self.critical {
            critical.hear(event);
        }
        match event {
            Event::Planned { operations } => {
                self.progress.planned = Some(*operations);
                String::new()
            }
            Event::UpToDate { operations } => {
                self.progress.up_to_date = *operations;
                String::new()
            }
            Event::OperationStarted {
                operation,
                title,
                reason,
                command,
                ..
            } => {
                self.running.insert(operation.clone(), command.clone());
                match self.is_explaining() {
                    true => self.unless_quiet(why::sentence(title, reason)),
                    false => String::new(),
                }
            }
            Event::OperationFinished {
                operation,
                title,
                outcome,
                output,
                milliseconds,
                made_at,
                test,
                ..
            } => {
                self.progress.done += 1;
                if !outcome.is_success() && *outcome != Outcome::Interrupted {
                    self.failures.push(one_line(title));
                    self.only_tests_failed &= test;
                }
                let command = self.running.remove(operation).unwrap_or_default();
                self.finished(&Finished {
                    title,
                    outcome,
                    output,
                    milliseconds: *milliseconds,
                    made_at,
                    is_test: *test,
                    command: &command,
                })
            }
            Event::OperationUpToDate { title, output, .. } => {
                self.progress.listed_up_to_date += 1;
                self.up_to_date(title, output)
            }
            Event::OperationForeseen {
                title,
                reason,
                command,
                ..
            } => self.foreseen(title, reason, command),
            Event::OperationSkipped { title, .. } => {
                self.progress.done += 1;
                self.detail(1, || {
                    format!("Not run: {}, something it needs failed", one_line(title))
                })
            }
            other => self.about_the_run(other),
        }
    }

    /// Events that are not about one operation.
    fn about_the_run(&mut self, event: &Event) -> String {
        match event {
            Event::Started {
                version,
                workspace,
                jobs,
            } => self.detail(2, || {
                format!(
                    "wake {version} in `{}`, {jobs} at a time",
                    one_line(workspace)
                )
            }),
            Event::WaitingForLock { path } => self.unless_quiet(format!(
                "Waiting: another wake works in this workspace (`{}`)\n",
                one_line(path)
            )),
            Event::StateDiscarded { path, cause } => self.warning(&format!(
                "`{}` could not be used and is made anew: {}",
                one_line(path),
                visible(cause)
            )),
            Event::Declared { package, directory } => {
                self.progress.declared += 1;
                self.detail(2, || {
                    format!(
                        "Declared {} in `{}`",
                        one_line(package),
                        one_line(directory)
                    )
                })
            }
            Event::Generated {
                instance,
                operations,
                milliseconds,
                ..
            } => {
                self.progress.generated += 1;
                self.detail(2, || {
                    let operations = super::text::count(*operations, "operation");
                    let time = duration(*milliseconds);
                    format!("Generated {}: {operations} in {time}", one_line(instance))
                })
            }
            Event::GraphReused { operations } => {
                self.detail(2, || format!("Graph of {operations} operations reused"))
            }
            Event::Message {
                instance,
                level,
                text,
                task,
            } => self.message(instance, *level, text, task),
            Event::StaleRemoved { path } => {
                self.detail(1, || format!("Removed `{}`", one_line(path)))
            }
            Event::StaleForeseen { path } => {
                self.unless_quiet(format!("Would remove `{}`\n", one_line(path)))
            }
            Event::HeldBack { cause } => self.unless_quiet(format!(
                "Fewer operations run at once than could: {}\n",
                visible(cause)
            )),
            Event::Finished(summary)
                if self.options.is_silent_when_idle && summary::is_idle(summary) =>
            {
                String::new()
            }
            Event::Finished(summary) => {
                let critical = self.critical.as_ref().and_then(|path| path.line(summary));
                let summary = summary::lines(summary, self.options.style);
                self.unless_quiet(self.failures_again() + &summary + &critical.unwrap_or_default())
            }
            Event::Observed { .. } | Event::NotObserved { .. } => {
                self.observed(observation(event).unwrap_or_default())
            }
            Event::Warning { text } => self.warning(&visible(text)),
            Event::Changed { paths, lost } => self.unless_quiet(changed(paths, *lost)),
            Event::Watching { directories, .. } => {
                let plural = if *directories == 1 { "y" } else { "ies" };
                self.unless_quiet(format!(
                    "Watching {directories} director{plural} for changes\n"
                ))
            }
            _ => match super::packages::text(event) {
                Some((0, text)) => self.unless_quiet(text + "\n"),
                Some((verbosity, text)) => self.detail(verbosity, || text),
                None => String::new(),
            },
        }
    }

    /// What a task says. Which task that is goes without saying for those of wake itself.
    fn message(&self, instance: &str, level: Level, text: &str, task: &str) -> String {
        let style = self.options.style;
        let head = match level {
            Level::Info if self.options.verbosity == Verbosity::Quiet => return String::new(),
            Level::Info => style.strong("info:"),
            Level::Warning => style.warning("warning:"),
            Level::Error => style.error("error:"),
        };
        let text = hang(&visible(text), "  ");
        let is_own =
            task.is_empty() || task.contains(" of std-plugins/") || task.contains(" of wake/");
        let origin = match is_own && !matches!(self.options.verbosity, Verbosity::Verbose(_)) {
            true => String::new(),
            false => format!(" ({})", one_line(task)),
        };
        format!("{head} {}{origin}: {text}\n", one_line(instance))
    }

    fn warning(&self, text: &str) -> String {
        let head = self.options.style.warning("warning:");
        format!("{head} {}\n", hang(text, "  "))
    }

    fn finished(&self, finished: &Finished<'_>) -> String {
        match finished.outcome {
            Outcome::Interrupted => String::new(),
            Outcome::Succeeded | Outcome::Skipped => self.succeeded(finished),
            _ => self.failed(finished),
        }
    }

    /// A line for the operation where one is wanted, its command where that is asked for, and what it printed. What a test
    /// prints counts only if it fails.
    fn succeeded(&self, finished: &Finished<'_>) -> String {
        if self.options.verbosity == Verbosity::Quiet {
            return String::new();
        }
        let details = match self.is_at_least(1) && !finished.command.is_empty() {
            true => format!("  {}\n", visible(finished.command)),
            false => String::new(),
        };
        let printed = if finished.is_test && !self.is_at_least(1) {
            String::new()
        } else {
            output(finished.output, self.options.style)
        };
        if !self.has_line_per_operation && details.is_empty() && printed.is_empty() {
            return String::new();
        }
        let mut line = format!("{} {}", self.progress.count(), one_line(finished.title));
        if finished.is_test {
            line.push_str(match finished.outcome {
                Outcome::Skipped => ": skipped",
                _ => ": passed",
            });
        }
        if self.is_at_least(1) {
            line.push_str(&format!(" in {}", duration(finished.milliseconds)));
        }
        format!("{line}\n{details}{printed}")
    }

    /// What a dry run says of an operation: always why, since nothing else is known.
    fn foreseen(&self, title: &str, reason: &Reason, command: &str) -> String {
        let head = match reason {
            Reason::InputMayChange { .. } => "Would perhaps run",
            _ => "Would run",
        };
        let mut text = format!("{head}: {}\n{}", one_line(title), why::because(reason));
        if self.is_at_least(1) && !command.is_empty() {
            text.push_str(&format!("  {}\n", visible(command)));
        }
        self.unless_quiet(text)
    }

    fn failed(&self, finished: &Finished<'_>) -> String {
        let style = self.options.style;
        let (ending, hint) = ending(finished.outcome);
        let subject = if finished.is_test { "The test " } else { "" };
        let title = one_line(finished.title);
        let mut text = format!("{} {subject}`{title}` {ending}\n", style.error("error:"));
        if !finished.made_at.is_empty() {
            let place = format!("made at {}", visible(finished.made_at));
            text.push_str(&format!("{}\n", style.faint(&place)));
        }
        if !finished.command.is_empty() {
            let command = match self.is_at_least(1) {
                true => visible(finished.command),
                false => visible(&brief(finished.command)),
            };
            text.push_str(&format!("{}\n", style.faint(&command)));
        }
        text.push_str(&output(finished.output, style));
        if let Some(hint) = hint {
            let hint = hang(&visible(hint), "  ");
            text.push_str(&format!("\n{} {hint}\n", style.hint("hint:")));
        }
        text
    }

    /// What failed, where it is more than one: the first messages may have left the screen.
    fn failures_again(&self) -> String {
        if self.failures.len() < 2 {
            return String::new();
        }
        let mut text = String::from(if self.only_tests_failed {
            "\nFailed tests:\n"
        } else {
            "\nFailed operations:\n"
        });
        for title in self.failures.iter().take(MOST_LISTED) {
            text.push_str(&format!("  {title}\n"));
        }
        if let Some(more @ 1..) = self.failures.len().checked_sub(MOST_LISTED) {
            text.push_str(&format!("  and {more} more\n"));
        }
        text
    }

    fn up_to_date(&self, title: &str, printed: &str) -> String {
        if self.options.is_replaying && !printed.is_empty() {
            let printed = output(printed, self.options.style);
            return self.unless_quiet(format!("{} (up to date)\n{printed}", one_line(title)));
        }
        self.detail(2, || format!("{} (up to date)", one_line(title)))
    }

    fn observed(&mut self, line: String) -> String {
        if self.observed == line {
            return String::new();
        }
        self.observed.clone_from(&line);
        self.detail(1, || line)
    }

    fn detail(&self, level: u8, line: impl FnOnce() -> String) -> String {
        if self.is_at_least(level) {
            line() + "\n"
        } else {
            String::new()
        }
    }

    fn unless_quiet(&self, text: String) -> String {
        match self.options.verbosity {
            Verbosity::Quiet => String::new(),
            _ => text,
        }
    }

    fn is_explaining(&self) -> bool {
        self.options.is_explaining || self.is_at_least(2)
    }

    fn is_at_least(&self, level: u8) -> bool {
        matches!(self.options.verbosity, Verbosity::Verbose(given) if given >= level)
    }
}

/// Whether the critical path is told.
fn has_times(options: ConsoleOptions) -> bool {
    options.is_tracing || matches!(options.verbosity, Verbosity::Verbose(_))
}

/// The most of a command that is shown of one that failed: head and tail together.
const LONG_COMMAND: usize = 4000;

/// A command line, without its middle if it is very long.
fn brief(command: &str) -> std::borrow::Cow<'_, str> {
    if command.len() <= LONG_COMMAND {
        return command.into();
    }
    let head = &command[..command.floor_char_boundary(LONG_COMMAND / 2)];
    let tail = &command[command.ceil_char_boundary(command.len() - LONG_COMMAND / 2)..];
    let cut = command.len() - head.len() - tail.len();
    format!("{head} [… {cut} bytes more, all with -v …] {tail}").into()
}

/// Why `wake watch` builds again.
fn changed(paths: &[String], is_lost: bool) -> String {
    let named: Vec<String> = paths.iter().take(3).map(|path| one_line(path)).collect();
    let mut text = named.join(", ");
    if let Some(more @ 1..) = paths.len().checked_sub(named.len()) {
        text.push_str(&format!(" and {more} more"));
    }
    match (is_lost, text.is_empty()) {
        (true, _) => "Changed: more than could be followed, everything is looked at\n".to_owned(),
        (false, true) => "Changed: something, while it was built\n".to_owned(),
        (false, false) => format!("Changed: {text}\n"),
    }
}

/// How an operation failed, and what to do about it.
fn ending(outcome: &Outcome) -> (String, Option<&str>) {
    match outcome {
        Outcome::Exited { code } => (format!("failed with exit code {code}"), None),
        Outcome::Killed {
            signal,
            out_of_memory: false,
        } => (format!("was killed by {}", signal_name(*signal)), None),
        Outcome::Killed {
            signal,
            out_of_memory: true,
        } => (
            format!(
                "was killed by {}, probably by the kernel, which had no more memory",
                signal_name(*signal)
            ),
            Some("run fewer operations at once, `-j`, or give them more memory"),
        ),
        Outcome::TimedOut { seconds } => (
            format!("took longer than {seconds} s and was stopped"),
            None,
        ),
        Outcome::Unusable { cause, hint } => (
            format!("failed: {}", hang(&visible(cause), "  ")),
            hint.as_deref(),
        ),
        Outcome::Interrupted => ("was interrupted".to_owned(), None),
        Outcome::Succeeded | Outcome::Skipped => ("succeeded".to_owned(), None),
    }
}

/// `signal 11 (SIGSEGV)`.
fn signal_name(signal: i32) -> String {
    match signal_hook::low_level::signal_name(signal) {
        Some(name) => format!("signal {signal} ({name})"),
        None => format!("signal {signal}"),
    }
}
