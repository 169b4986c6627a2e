//! What testing plugins came to, as people read it: a line for each case, and for those that failed where they differ.

use super::error;
use super::style::Style;
use super::text::visible;
use super::{ConsoleOptions, Verbosity};
use crate::plugin_test::{CaseReport, Change, Difference, FileReport, Line, Total, Verdict};

/// The cases of one file; empty where there is nothing to tell.
pub fn file(report: &FileReport, console: ConsoleOptions) -> String {
    let is_quiet = console.verbosity == Verbosity::Quiet;
    let mut text = String::new();
    for case in &report.cases {
        match is_quiet && is_passed(case) {
            true => {}
            false => push_case(&mut text, case, console.style),
        }
    }
    match (&report.change, is_quiet) {
        (Some(Change::Wrote(golden)), false) => {
            text.push_str(&format!("  wrote {}\n", visible(golden)));
        }
        (Some(Change::Removed(golden)), false) => {
            text.push_str(&format!("  removed {}\n", visible(golden)));
        }
        _ => {}
    }
    match text.is_empty() {
        true => text,
        false => format!("{}\n{text}", console.style.strong(&visible(&report.path))),
    }
}

/// `3 passed, 1 failed`.
pub fn summary(total: Total, style: Style) -> String {
    let passed = format!("{} passed", total.passed);
    match total.failed {
        0 => format!("{}\n", style.success(&passed)),
        failed => format!("{passed}, {}\n", style.error(&format!("{failed} failed"))),
    }
}

fn is_passed(case: &CaseReport) -> bool {
    matches!(case.verdict, Verdict::Passed | Verdict::Updated)
}

fn push_case(text: &mut String, case: &CaseReport, style: Style) {
    let word = match case.verdict {
        Verdict::Passed => style.success("passed"),
        Verdict::Updated => style.warning("updated"),
        Verdict::Different(_) | Verdict::Failed(_) => style.error("failed"),
    };
    let name = case.name.as_ref().map(|name| format!(" {}", visible(name)));
    text.push_str(&format!("  {word}{}\n", name.unwrap_or_default()));
    match &case.verdict {
        Verdict::Passed | Verdict::Updated => {}
        Verdict::Different(differences) => {
            for difference in differences {
                push_difference(text, difference, style);
            }
        }
        Verdict::Failed(error) => push_indented(text, &error::render(error, style)),
    }
}

fn push_difference(text: &mut String, difference: &Difference, style: Style) {
    text.push_str(&format!("    {}\n", visible(&difference.path)));
    for line in &difference.lines {
        let (mark, content) = match line {
            Line::Expected(content) => ('-', content.clone()),
            Line::Actual(content) => ('+', content.clone()),
            Line::Same(content) => (' ', content.clone()),
            Line::Omitted(count) => (' ', format!("… {count} more")),
        };
        for part in content.split('\n') {
            let shown = format!("{mark} {}", visible(part));
            let shown = match line {
                Line::Expected(_) => style.removed(&shown),
                Line::Actual(_) => style.added(&shown),
                Line::Same(_) | Line::Omitted(_) => style.faint(&shown),
            };
            text.push_str(&format!("      {}\n", shown.trim_end()));
        }
    }
}

fn push_indented(text: &mut String, block: &str) {
    for line in block.lines() {
        text.push_str(format!("    {line}").trim_end());
        text.push('\n');
    }
}
