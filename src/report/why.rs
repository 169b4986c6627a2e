//! A [`Reason`] in words: what differs, old → new. It looks nothing up.

use super::text::{one_line, visible};
use crate::event::{PartChange, Reason};

/// The longest value shown whole; longer ones lose their end.
const LONGEST_VALUE: usize = 120;

/// The reason in one line, beginning with a small letter: "`src/a.h` changed (3fa9… → 77c0…)".
pub fn line(reason: &Reason) -> String {
    match reason {
        Reason::NeverRan => "it has not run here before".to_owned(),
        Reason::Forced => "it was asked to run again".to_owned(),
        Reason::LastFailed => "it failed last time".to_owned(),
        Reason::Interrupted => "it was interrupted last time".to_owned(),
        Reason::CommandChanged { changes } => command_changed(changes),
        Reason::InputChanged { path, old, new } => content(path, old, new),
        Reason::ToolChanged { path, old, new } => format!("its tool {}", content(path, old, new)),
        Reason::OutputMissing { path } => format!("its output {} is missing", name(path)),
        Reason::OutputChanged { path, old, new } => {
            format!("its output {}, not by wake", content(path, old, new))
        }
        Reason::ChangedWhileRunning { path } => {
            format!("{} changed while it ran last time", name(path))
        }
        Reason::OrderOnlyChanged { path } => {
            format!("{} changed, and what it read is not recorded", name(path))
        }
    }
}

/// The reason in full, indented below the title of its operation, each line with its line end.
pub fn because(reason: &Reason) -> String {
    format!("  because {}\n", lines(reason).join("\n    "))
}

/// The reason in full: the line, and for a command that changed in several parts one more line for each.
fn lines(reason: &Reason) -> Vec<String> {
    match reason {
        Reason::CommandChanged { changes } if changes.len() > 1 => {
            let mut lines = vec!["its command changed".to_owned()];
            lines.extend(changes.iter().map(part));
            lines
        }
        other => vec![line(other)],
    }
}

fn command_changed(changes: &[PartChange]) -> String {
    match changes {
        [] => "its command changed".to_owned(),
        [only] => format!("its command changed: {}", part(only)),
        [first, rest @ ..] => format!(
            "its command changed: {} (and {} more)",
            part(first),
            rest.len()
        ),
    }
}

fn part(change: &PartChange) -> String {
    let label = one_line(&change.part);
    match (&change.old, &change.new) {
        (Some(old), Some(new)) => format!("{label}: {} → {}", value(old), value(new)),
        (Some(old), None) => format!("{label}: {} removed", value(old)),
        (None, Some(new)) => format!("{label}: {} added", value(new)),
        (None, None) => format!("{label} changed"),
    }
}

fn content(path: &str, old: &str, new: &str) -> String {
    let path = name(path);
    match (old, new) {
        ("absent", _) => format!("{path} was not there before"),
        (_, "absent") => format!("{path} is gone"),
        _ => {
            let (old, new) = digits(old, new);
            format!("{path} changed ({old} → {new})")
        }
    }
}

/// Two hashes with as many digits as tell them apart: usually four.
fn digits(old: &str, new: &str) -> (String, String) {
    let short = |hash: &str| {
        hash.get(..4)
            .filter(|_| hash.len() > 4)
            .map(|start| format!("{start}…"))
    };
    match (short(old), short(new)) {
        (Some(old), Some(new)) if old != new => (old, new),
        _ => (visible(old), visible(new)),
    }
}

fn name(path: &str) -> String {
    format!("`{}`", one_line(path))
}

fn value(text: &str) -> String {
    let mut characters = text.chars();
    let start: String = characters.by_ref().take(LONGEST_VALUE).collect();
    let end = if characters.next().is_some() {
        "…"
    } else {
        ""
    };
    format!("`{}{end}`", one_line(&start))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(part: &str, old: Option<&str>, new: Option<&str>) -> PartChange {
        PartChange {
            part: part.to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
        }
    }

    fn input(old: &str, new: &str) -> Reason {
        Reason::InputChanged {
            path: "src/a.h".to_owned(),
            old: old.to_owned(),
            new: new.to_owned(),
        }
    }

    #[test]
    fn contents_are_shown_old_to_new() {
        assert_eq!(
            line(&input("3fa9deadbeef", "77c0deadbeef")),
            "`src/a.h` changed (3fa9… → 77c0…)"
        );
        assert_eq!(
            line(&input("3fa9deadbeef", "3fa9ffffffff")),
            "`src/a.h` changed (3fa9deadbeef → 3fa9ffffffff)"
        );
        assert_eq!(
            line(&input("absent", "77c0deadbeef")),
            "`src/a.h` was not there before"
        );
        assert_eq!(line(&input("77c0deadbeef", "absent")), "`src/a.h` is gone");
        assert_eq!(line(&input("ä", "é")), "`src/a.h` changed (ä → é)");
    }

    #[test]
    fn commands_show_the_parts_that_differ() {
        let one = change("argument 3", Some("-O0"), Some("-O2"));
        let two = change("environment `LD`", None, Some("a\nb"));
        assert_eq!(
            line(&Reason::CommandChanged {
                changes: vec![one.clone()]
            }),
            "its command changed: argument 3: `-O0` → `-O2`"
        );
        let both = Reason::CommandChanged {
            changes: vec![one, two],
        };
        assert_eq!(
            line(&both),
            "its command changed: argument 3: `-O0` → `-O2` (and 1 more)"
        );
        assert_eq!(
            lines(&both),
            [
                "its command changed",
                "argument 3: `-O0` → `-O2`",
                "environment `LD`: `a\\nb` added"
            ]
        );
    }

    #[test]
    fn endless_values_are_cut_at_a_character() {
        let text = line(&Reason::CommandChanged {
            changes: vec![change("text", Some(&"ä".repeat(5000)), None)],
        });
        assert!(text.ends_with("ä…` removed"), "{text}");
        assert!(text.chars().count() < 200);
    }
}
