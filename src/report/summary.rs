//! The last line of a run: how much was done, and how it ended.

use super::style::Style;
use super::text::{count, duration};
use crate::event::{Foreseen, Summary};

/// The summary, one line for operations and one for tests if there were any, each with its line end.
pub(super) fn lines(summary: &Summary, style: Style) -> String {
    let mut text = String::new();
    if let Some(tests) = tests(summary) {
        text.push_str(&tests);
        text.push('\n');
    }
    match &summary.foreseen {
        Some(foreseen) => text.push_str(&would_run(summary, foreseen)),
        None => text.push_str(&operations(summary, style)),
    }
    text.push('\n');
    text
}

/// Whether the run came to its end without running anything.
pub(super) fn is_idle(summary: &Summary) -> bool {
    summary.ran + summary.failed + summary.not_run == 0 && !summary.interrupted
}

/// What a dry run found.
fn would_run(summary: &Summary, foreseen: &Foreseen) -> String {
    let mut facts = Vec::new();
    if foreseen.certain + foreseen.perhaps == 0 {
        facts.push("Nothing would run".to_owned());
    } else {
        facts.push(format!(
            "Would run {}",
            count(foreseen.certain, "operation")
        ));
    }
    if foreseen.perhaps > 0 {
        facts.push(format!("perhaps {} more", foreseen.perhaps));
    }
    if summary.up_to_date > 0 {
        facts.push(format!("{} up to date", summary.up_to_date));
    }
    if foreseen.is_partial {
        facts.push("and what depends on what these make".to_owned());
    }
    format!("{} ({})", facts.join(", "), duration(summary.milliseconds))
}

fn operations(summary: &Summary, style: Style) -> String {
    let time = duration(summary.milliseconds);
    if is_idle(summary) {
        let found = match summary.up_to_date {
            0 => "no operations".to_owned(),
            number => format!("{} up to date", count(number, "operation")),
        };
        return format!("{}: {found} ({time})", style.success("Nothing to do"));
    }
    let head = if summary.interrupted {
        style.error("Interrupted")
    } else if summary.failed > 0 {
        style.error("Failed")
    } else {
        style.success("Finished")
    };
    let mut facts = Vec::new();
    if summary.ran > 0 || summary.failed == 0 {
        facts.push(format!("{} run", count(summary.ran, "operation")));
    }
    for (number, what) in [
        (summary.failed, "failed"),
        (summary.not_run, "not run"),
        (summary.up_to_date, "up to date"),
    ] {
        if number > 0 {
            facts.push(format!("{number} {what}"));
        }
    }
    format!("{head}: {} in {time}", facts.join(", "))
}

fn tests(summary: &Summary) -> Option<String> {
    let (passed, failed, skipped) = (
        summary.tests_passed,
        summary.tests_failed,
        summary.tests_skipped,
    );
    if passed + failed + skipped == 0 {
        return None;
    }
    let mut text = format!("{} passed", count(passed, "test"));
    for (number, what) in [(failed, "failed"), (skipped, "skipped")] {
        if number > 0 {
            text.push_str(&format!(", {number} {what}"));
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests_of_wording {
    use super::*;

    fn said(summary: Summary) -> String {
        lines(&summary, Style::PLAIN)
    }

    #[test]
    fn each_ending_has_its_words() {
        let done = Summary {
            ran: 3,
            up_to_date: 237,
            milliseconds: 420.0,
            ..Summary::default()
        };
        assert_eq!(
            said(done.clone()),
            "Finished: 3 operations run, 237 up to date in 0.42 s\n"
        );
        let idle = Summary {
            ran: 0,
            milliseconds: 20.0,
            up_to_date: 1,
            ..done.clone()
        };
        assert_eq!(
            said(idle.clone()),
            "Nothing to do: 1 operation up to date (0.02 s)\n"
        );
        assert_eq!(
            said(Summary {
                up_to_date: 0,
                ..idle.clone()
            }),
            "Nothing to do: no operations (0.02 s)\n"
        );
        assert_eq!(
            said(Summary {
                ran: 1,
                failed: 1,
                not_run: 2,
                ..done.clone()
            }),
            "Failed: 1 operation run, 1 failed, 2 not run, 237 up to date in 0.42 s\n"
        );
        assert_eq!(
            said(Summary {
                interrupted: true,
                ..idle
            }),
            "Interrupted: 0 operations run, 1 up to date in 0.02 s\n"
        );
    }

    #[test]
    fn a_dry_run_says_what_would_be() {
        let of = |certain, perhaps, is_partial| {
            said(Summary {
                up_to_date: 7,
                foreseen: Some(Foreseen {
                    certain,
                    perhaps,
                    is_partial,
                }),
                ..Summary::default()
            })
        };
        assert_eq!(
            of(0, 0, false),
            "Nothing would run, 7 up to date (0.00 s)\n"
        );
        assert_eq!(
            of(1, 2, true),
            "Would run 1 operation, perhaps 2 more, 7 up to date, and what depends on what these make (0.00 s)\n"
        );
    }

    #[test]
    fn tests_come_with_the_right_plural() {
        let summary = Summary {
            tests_passed: 1,
            tests_failed: 2,
            ran: 3,
            failed: 2,
            ..Summary::default()
        };
        assert_eq!(
            said(summary),
            "1 test passed, 2 failed\nFailed: 3 operations run, 2 failed in 0.00 s\n"
        );
        let skipped = Summary {
            tests_passed: 12,
            tests_skipped: 1,
            ..Summary::default()
        };
        assert!(said(skipped).starts_with("12 tests passed, 1 skipped\n"));
    }
}
