//! The console for a terminal: below the lines that stay, a live status of what runs longest, redrawn in place and gone
//! when the run ends. It writes each frame at once and never lets a line wrap, so it always knows how high it is.

use std::time::Duration;

use super::ConsoleOptions;
use super::narrate::Narrator;
use super::text::{fit, one_line};
use crate::event::{Event, Subscriber};

/// The shortest time between two frames: ten a second are smooth and cost nothing.
const FRAME: Duration = Duration::from_millis(100);
/// The most operations shown, whatever the height.
const MOST_SHOWN: usize = 8;
/// The columns of the bar, where there is room for one.
const BAR: usize = 24;

/// What is drawn on.
pub(super) trait Screen {
    fn write(&mut self, text: &str);
    /// Columns and rows.
    fn size(&self) -> (usize, usize);
    /// Time since an arbitrary moment.
    fn now(&self) -> Duration;
}

struct Running {
    operation: String,
    title: String,
    since: Duration,
}

/// The live status.
pub(super) struct Fancy<S: Screen> {
    narrator: Narrator,
    screen: S,
    is_quiet: bool,
    started: Duration,
    /// In the order they started, so the longest-running first.
    running: Vec<Running>,
    /// Rows that the status takes on the screen now.
    drawn: usize,
    last_frame: Option<Duration>,
    /// The operation that has the terminal for itself.
    lent_to: Option<String>,
    is_over: bool,
}

impl<S: Screen> Fancy<S> {
    pub(super) fn new(options: ConsoleOptions, screen: S) -> Self {
        Self {
            is_quiet: options.verbosity == super::Verbosity::Quiet,
            narrator: Narrator::new(options, false),
            started: screen.now(),
            screen,
            running: Vec::new(),
            drawn: 0,
            last_frame: None,
            lent_to: None,
            is_over: false,
        }
    }

    fn follow(&mut self, event: &Event) {
        match event {
            Event::OperationStarted {
                operation, title, ..
            } => self.running.push(Running {
                operation: operation.clone(),
                title: one_line(title),
                since: self.screen.now(),
            }),
            Event::OperationFinished { operation, .. } => {
                self.running
                    .retain(|running| running.operation != *operation);
                if self.lent_to.as_ref() == Some(operation) {
                    self.lent_to = None;
                }
            }
            Event::Finished(_) => self.is_over = true,
            _ => {}
        }
    }

    /// Replaces the status by `text` and, where that is due, a new status below it.
    fn draw(&mut self, text: &str, has_status: bool) {
        let status = if has_status {
            self.status()
        } else {
            Vec::new()
        };
        if text.is_empty() && status.is_empty() && self.drawn == 0 {
            return;
        }
        let mut frame = String::new();
        if self.drawn > 0 {
            frame.push_str(&format!("\x1b[{}A\r\x1b[J", self.drawn));
        }
        frame.push_str(text);
        for line in &status {
            frame.push_str(line);
            frame.push('\n');
        }
        self.screen.write(&frame);
        self.drawn = status.len();
        self.last_frame = Some(self.screen.now());
    }

    fn is_frame_due(&self) -> bool {
        let now = self.screen.now();
        self.last_frame
            .is_none_or(|last| now.saturating_sub(last) >= FRAME)
    }

    /// The lines of the status; none when there is nothing to show.
    fn status(&self) -> Vec<String> {
        let (columns, rows) = self.screen.size();
        if self.is_quiet || self.is_over || self.lent_to.is_some() || columns < 8 || rows < 3 {
            return Vec::new();
        }
        // The last column stays free: some terminals wrap as soon as it is used.
        let width = columns - 1;
        let mut lines = vec![fit(&self.headline(width), width)];
        let most = MOST_SHOWN.min(rows - 2);
        let now = self.screen.now();
        for running in self.running.iter().take(most) {
            let age = now.saturating_sub(running.since).as_secs_f64();
            lines.push(fit(&format!("{age:>7.1} s  {}", running.title), width));
        }
        if self.running.len() > most {
            let more = self.running.len() - most;
            lines.push(fit(&format!("           and {more} more"), width));
        }
        lines
    }

    fn headline(&self, width: usize) -> String {
        let progress = self.narrator.progress();
        let elapsed = self.screen.now().saturating_sub(self.started).as_secs_f64();
        if progress.planned.is_none() {
            let (declared, generated) = (progress.declared, progress.generated);
            return format!(
                "Preparing: {declared} declared, {generated} generated, {elapsed:.1} s"
            );
        }
        let bar = if width >= BAR + 50 {
            bar(progress.share()) + " "
        } else {
            String::new()
        };
        let running = self.running.len();
        format!(
            "{bar}{} {running} running, {elapsed:.1} s",
            progress.count()
        )
    }
}

/// `[=======>     ]`.
fn bar(share: f64) -> String {
    let inner = BAR - 2;
    let filled = ((share * inner as f64) as usize).min(inner);
    let head = if filled < inner { ">" } else { "" };
    let rest = inner - filled - head.len();
    format!("[{}{head}{}]", "=".repeat(filled), " ".repeat(rest))
}

impl<S: Screen> Subscriber for Fancy<S> {
    fn event(&mut self, event: &Event) {
        let text = self.narrator.hear(event);
        self.follow(event);
        if !text.is_empty() || self.is_over {
            self.draw(&text, true);
        }
    }

    fn wants_up_to_date(&self) -> bool {
        self.narrator.wants_up_to_date()
    }

    fn wants_needs(&self) -> bool {
        self.narrator.wants_needs()
    }

    fn tick(&mut self) {
        if self.is_frame_due() && self.lent_to.is_none() {
            self.draw("", true);
        }
    }

    fn resumed(&mut self) {
        self.drawn = 0;
    }

    fn lend_terminal(&mut self, operation: &str) {
        self.draw("", false);
        self.lent_to = Some(operation.to_owned());
    }
}

impl<S: Screen> Drop for Fancy<S> {
    /// A run that ends by an error has no last event: the status must not stay above the message.
    fn drop(&mut self) {
        self.draw("", false);
    }
}
