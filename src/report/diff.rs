//! What differs between two texts, by lines.

use crate::event::diff::{Change, changes};

/// The lines that differ: `-12 old`, `+12 new`, with their numbers in their text. After `most` lines, how many more there
/// are.
pub fn lines(before: &str, after: &str, most: usize) -> String {
    let before: Vec<&str> = before.split_terminator('\n').collect();
    let after: Vec<&str> = after.split_terminator('\n').collect();
    let width = before.len().max(after.len()).to_string().len();
    let changes = changes(&before, &after);
    let mut text = String::new();
    for change in changes.iter().take(most) {
        let (mark, number, line) = match change {
            Change::Gone(index) => ('-', index + 1, before[*index]),
            Change::New(index) => ('+', index + 1, after[*index]),
        };
        let line = super::text::visible(line);
        text.push_str(format!("  {mark}{number:>width$} {line}").trim_end());
        text.push('\n');
    }
    if let Some(more @ 1..) = changes.len().checked_sub(most) {
        text.push_str(&format!("  … {more} more\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_stay_are_not_shown() {
        let before = "a\nb\nc\nd\ne\n";
        assert_eq!(
            lines(before, "a\nB\nc\ne\nf\n", 9),
            "  -2 b\n  +2 B\n  -4 d\n  +5 f\n"
        );
        assert_eq!(lines(before, "", 2), "  -1 a\n  -2 b\n  … 3 more\n");
        assert_eq!(lines(before, before, 9), "");
    }
}
