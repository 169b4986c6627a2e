//! A [`Reason`] in words: what differs, old → new. It looks nothing up.

use super::text::{one_line, visible};
use crate::event::diff::excerpts;
use crate::event::{Listing, PartChange, Reason};

/// The longest value shown whole; of longer ones, what is around the first difference.
const LONGEST_VALUE: usize = 120;
/// The most parts of a command that are named in one line.
const MOST_NAMED: usize = 3;

/// The reason in one line, beginning with a small letter: "`src/a.h` changed (3fa9… → 77c0…)".
pub fn line(reason: &Reason) -> String {
    match reason {
        Reason::NeverRan => "it has not run here before".to_owned(),
        Reason::Forced => "it was asked to run again".to_owned(),
        Reason::LastFailed => "it failed last time".to_owned(),
        Reason::Interrupted => "it was interrupted last time".to_owned(),
        Reason::CommandChanged { changes, more } => command_changed(changes, *more),
        Reason::InputChanged { path, old, new } => content(path, old, new),
        Reason::ToolChanged { path, old, new } => format!("its tool {}", content(path, old, new)),
        Reason::OutputMissing { path } => format!("its output {} is missing", name(path)),
        Reason::OutputChanged { path, old, new } => output_changed(path, old, new),
        Reason::ChangedWhileRunning { path } => {
            format!("{} changed while it ran last time", name(path))
        }
        Reason::ObservedIncompletely { cause } => {
            format!("not all that it touched was seen last time: {cause}")
        }
        Reason::OrderOnlyChanged { path, listing } => match listing {
            Listing::Added => format!("{} is new among its order-only inputs", name(path)),
            Listing::Removed => format!("{} is no longer among its order-only inputs", name(path)),
            Listing::Made => format!("{} is made by another operation now", name(path)),
        },
        Reason::InputMayChange { path, .. } => format!("{} is made anew", name(path)),
    }
}

/// The reason in full, indented below the title of its operation, each line with its line end.
pub fn because(reason: &Reason) -> String {
    let word = match reason {
        Reason::InputMayChange { path, .. } => {
            return format!("  if {} comes out different\n", name(path));
        }
        _ => "because",
    };
    format!("  {word} {}\n", lines(reason).join("\n    "))
}

/// The reason in full behind the title of its operation, each line with its line end.
pub(super) fn sentence(title: &str, reason: &Reason) -> String {
    format!(
        "{} because {}\n",
        one_line(title),
        lines(reason).join("\n  ")
    )
}

/// The reason in full: the line, and for a command that changed in several parts one more line for each.
pub(super) fn lines(reason: &Reason) -> Vec<String> {
    let Reason::CommandChanged { changes, more } = reason else {
        return vec![line(reason)];
    };
    let mut lines = Vec::new();
    match changes.as_slice() {
        [only] if *more == 0 => {
            lines.push(line(reason));
            lines.extend(only.lines.iter().map(|line| visible(line)));
        }
        [] => lines.push(line(reason)),
        several => {
            lines.push("its command changed".to_owned());
            for change in several {
                lines.push(part(change));
                lines.extend(
                    change
                        .lines
                        .iter()
                        .map(|line| format!("  {}", visible(line))),
                );
            }
        }
    }
    if *more > 0 {
        lines.push(format!("and {more} more"));
    }
    lines
}

fn command_changed(changes: &[PartChange], more: usize) -> String {
    if changes.is_empty() {
        return "its command changed".to_owned();
    }
    let named: Vec<String> = changes.iter().take(MOST_NAMED).map(part).collect();
    let rest = match changes.len() + more - named.len() {
        0 => String::new(),
        rest => format!(" (and {rest} more)"),
    };
    format!("its command changed: {}{rest}", named.join(", "))
}

fn part(change: &PartChange) -> String {
    let label = match change.part.strip_prefix("environment ") {
        Some(variable) => format!("environment variable {}:", name(variable)),
        None => one_line(&change.part),
    };
    if !change.lines.is_empty() {
        return format!("{label} changed");
    }
    let (old, new) = excerpts(
        change.old.as_deref().unwrap_or_default(),
        change.new.as_deref().unwrap_or_default(),
        LONGEST_VALUE,
    );
    match (&change.old, &change.new) {
        (Some(_), Some(_)) if change.moved => format!("{label} {} moved", name(&new)),
        (Some(_), Some(_)) => format!("{label} {} → {}", name(&old), name(&new)),
        (Some(_), None) => format!("{label} {} removed", name(&old)),
        (None, Some(_)) => format!("{label} {} added", name(&new)),
        (None, None) => format!("{label} changed"),
    }
}

fn content(path: &str, old: &str, new: &str) -> String {
    let path = name(path);
    match (old, new) {
        ("absent", _) => format!("{path} was not there before"),
        (_, "absent") => format!("{path} is gone"),
        _ => format!("{path} changed ({})", old_to_new(old, new)),
    }
}

fn output_changed(path: &str, old: &str, new: &str) -> String {
    let path = name(path);
    format!(
        "its output {path} was edited by hand ({})",
        old_to_new(old, new)
    )
}

/// Two contents with as many digits as tell them apart: usually four.
fn old_to_new(old: &str, new: &str) -> String {
    let (old, new) = match (short(old), short(new)) {
        (Some(old), Some(new)) if old != new => (old, new),
        _ => (visible(old), visible(new)),
    };
    format!("{old} → {new}")
}

/// A hash by its first digits; what stands before it stays.
fn short(content: &str) -> Option<String> {
    let start = content.rfind(' ').map_or(0, |space| space + 1);
    let digits = content[start..].get(..4);
    let digits = digits.filter(|_| content.len() - start > 4)?;
    Some(format!("{}{digits}…", &content[..start]))
}

fn name(text: &str) -> String {
    format!("`{}`", one_line(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(part: &str, old: Option<&str>, new: Option<&str>) -> PartChange {
        PartChange {
            part: part.to_owned(),
            old: old.map(str::to_owned),
            new: new.map(str::to_owned),
            ..PartChange::default()
        }
    }

    fn command(changes: &[PartChange], more: usize) -> Reason {
        Reason::CommandChanged {
            changes: changes.to_vec(),
            more,
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
            line(&input("file 3fa9deadbeef", "executable 3fa9deadbeef")),
            "`src/a.h` changed (file 3fa9… → executable 3fa9…)"
        );
        assert_eq!(
            line(&input("absent", "77c0deadbeef")),
            "`src/a.h` was not there before"
        );
        assert_eq!(line(&input("77c0deadbeef", "absent")), "`src/a.h` is gone");
        assert_eq!(line(&input("ä", "é")), "`src/a.h` changed (ä → é)");
        assert_eq!(
            line(&input("ääääää", "éé é")),
            "`src/a.h` changed (ääääää → éé é)"
        );
    }

    #[test]
    fn commands_show_the_parts_that_differ() {
        let one = change("argument", Some("-O0"), Some("-O2"));
        let two = change("environment LD", None, Some("a\nb"));
        let moved = PartChange {
            moved: true,
            ..change("argument", Some("-c"), Some("-c"))
        };
        assert_eq!(
            line(&command(&[one.clone(), two.clone(), moved.clone()], 0)),
            "its command changed: argument `-O0` → `-O2`, environment variable `LD`: `a\\nb` added, argument `-c` moved"
        );
        let all = [one.clone(), one.clone(), one.clone(), two.clone()];
        assert!(line(&command(&all, 5)).ends_with(", argument `-O0` → `-O2` (and 6 more)"));
        assert_eq!(
            lines(&command(&[one, two], 7)),
            [
                "its command changed",
                "argument `-O0` → `-O2`",
                "environment variable `LD`: `a\\nb` added",
                "and 7 more"
            ]
        );
    }

    #[test]
    fn texts_show_the_lines_that_differ() {
        let text = PartChange {
            lines: vec!["-2 b\u{1b}".to_owned(), "+2 B".to_owned()],
            ..change("content", Some("a\nb"), Some("a\nB"))
        };
        assert_eq!(
            because(&command(&[text], 0)),
            "  because its command changed: content changed\n    -2 b\\u{1b}\n    +2 B\n"
        );
    }

    /// Catches two long values that look the same.
    #[test]
    fn endless_values_are_cut_around_the_first_difference() {
        let long = "ä".repeat(5000);
        let (old, new) = (format!("{long}x"), format!("{long}y"));
        let text = line(&command(&[change("argument", Some(&old), Some(&new))], 0));
        assert!(
            text.contains("äx` → `…ä") && text.ends_with("äy`"),
            "{text}"
        );
        assert!(text.chars().count() < 200);
    }
}
