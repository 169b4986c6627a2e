//! An [`Error`] as people read it: location and message, the source line with a caret, trace, causes, hint. It decides
//! nothing: the exit code is the kind's.

use super::style::Style;
use super::text::{hang, push_escaped, visible, width};
use crate::error::{Error, Frame, Location, Report};
use crate::event::Level;

/// The columns of a source line that are shown; of a longer one, those around the caret.
const WINDOW: usize = 100;
/// The columns kept before the caret when a source line is cut.
const BEFORE_CARET: usize = 40;
/// A tab leads to the next multiple of this.
const TAB: usize = 4;

/// The whole text of an error, ending in a line end.
pub fn render(error: &Error, style: Style) -> String {
    render_as(Level::Error, error, style)
}

/// As [`render`], of something that is not as grave as an error.
pub fn render_as(level: Level, error: &Error, style: Style) -> String {
    let Report {
        kind: _,
        message,
        at,
        causes,
        trace,
        hint,
    } = error.report();
    let mut text = match level {
        Level::Error => format!("{} ", style.error("error:")),
        Level::Warning => format!("{} ", style.warning("warning:")),
        Level::Info => format!("{} ", style.hint("note:")),
    };
    if let Some(at) = at {
        text.push_str(&style.strong(&format!("{}:", place(at))));
        text.push(' ');
    }
    text.push_str(&hang(&visible(message), "  "));
    text.push('\n');
    if let Some(at) = at.as_ref().filter(|at| !at.text.trim().is_empty()) {
        text.push_str(&source(at, style));
    }
    for frame in trace {
        text.push_str(&frame_line(frame));
    }
    for cause in causes {
        text.push_str(&format!("  Caused by: {}\n", hang(&visible(cause), "    ")));
    }
    if let Some(hint) = hint {
        let hint = hang(&visible(hint), "  ");
        text.push_str(&format!("\n{} {hint}\n", style.hint("hint:")));
    }
    text
}

fn place(at: &Location) -> String {
    visible(&at.to_string()).replace('\n', "\\n")
}

fn frame_line(frame: &Frame) -> String {
    let description = hang(&visible(&frame.description), "    ");
    match &frame.at {
        Some(at) => format!("  at {}: {description}\n", place(at)),
        // Frames that were left out are no place.
        None if description.starts_with('…') => format!("  {description}\n"),
        None => format!("  in {description}\n"),
    }
}

/// The source line between gutters, and the caret below it.
fn source(at: &Location, style: Style) -> String {
    let shown = Line::around(at);
    let number = at.line.to_string();
    let gutter = " ".repeat(number.len());
    let bar = style.hint("|");
    let mark = style.error(&"^".repeat(shown.marked));
    format!(
        "{gutter} {bar}\n{} {bar} {}\n{gutter} {bar} {}{mark}\n",
        style.hint(&number),
        shown.text,
        " ".repeat(shown.before),
    )
}

/// What is shown of a source line, and where its caret goes, in columns.
struct Line {
    text: String,
    before: usize,
    marked: usize,
}

impl Line {
    fn around(at: &Location) -> Self {
        let column = at.column.saturating_sub(1) as usize;
        let first = first_shown(&at.text, column);
        let mut line = Self {
            text: String::new(),
            before: 0,
            marked: 0,
        };
        let mut used = 0;
        if first > 0 {
            line.text.push('…');
            used = 1;
        }
        let end = column.saturating_add(at.width.max(1) as usize);
        line.before = used;
        for (index, character) in at.text.chars().enumerate().skip(first) {
            let (cell, columns) = cell(character, used);
            if used + columns > WINDOW {
                line.text.push('…');
                break;
            }
            line.text.push_str(&cell);
            used += columns;
            if index < column {
                line.before = used;
            } else if index < end {
                line.marked += columns;
            }
        }
        line.marked = line.marked.max(1);
        line
    }
}

/// The index of the first character shown, so that the caret's character is within the window.
fn first_shown(text: &str, column: usize) -> usize {
    let mut used = 0;
    for character in text.chars().take(column + 1) {
        used += cell(character, used).1;
    }
    if used <= WINDOW {
        return 0;
    }
    let before: Vec<char> = text.chars().take(column).collect();
    let mut kept = 0;
    let skipped = before.iter().rposition(|character| {
        kept += cell(*character, 0).1;
        kept > BEFORE_CARET
    });
    skipped.map_or(0, |index| index + 1)
}

/// How a character is shown when `used` columns stand before it, and the columns that it takes.
fn cell(character: char, used: usize) -> (String, usize) {
    if character == '\t' {
        let columns = TAB - used % TAB;
        return (" ".repeat(columns), columns);
    }
    let mut text = String::new();
    push_escaped(&mut text, character);
    let columns = width(&text);
    (text, columns)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(error: &Error) -> String {
        render(error, Style::PLAIN)
    }

    fn at(text: &str, wrong: &str) -> Error {
        let start = text.find(wrong).unwrap();
        Error::user("Wrong").at(Location::of_bytes("PKG", text, start, start + wrong.len()))
    }

    #[test]
    fn every_part_has_its_place() {
        let text = "function(wake)\n  wake.pkg(Sorce=1)\n";
        let start = text.find("Sorce").unwrap();
        let location = Location::of_bytes("app/PKG", text, start, start + 5);
        let error = Error::user("Unknown argument `Sorce`\nof `wake.pkg`")
            .at(location.clone())
            .frame(Some(location), "call of `wake.pkg`")
            .frame(None, "… 7 more …")
            .frame(None, "`pkgs.terminal`")
            .cause("first")
            .cause("second")
            .hint("did you mean `Source`?");
        insta::assert_snapshot!(rendered(&error), @r"
        error: app/PKG:2:12: Unknown argument `Sorce`
          of `wake.pkg`
          |
        2 |   wake.pkg(Sorce=1)
          |            ^^^^^
          at app/PKG:2:12: call of `wake.pkg`
          … 7 more …
          in `pkgs.terminal`
          Caused by: first
          Caused by: second

        hint: did you mean `Source`?
        ");
    }

    #[test]
    fn the_caret_stands_below_tabs_and_wide_characters() {
        insta::assert_snapshot!(rendered(&at("\ta\twrong", "wrong")), @r"
        error: PKG:1:4: Wrong
          |
        1 |     a   wrong
          |         ^^^^^
        ");
        insta::assert_snapshot!(rendered(&at("'日本': 語語,", "語語")), @r"
        error: PKG:1:7: Wrong
          |
        1 | '日本': 語語,
          |         ^^^^
        ");
        let combined = rendered(&at("e\u{301}\u{7} x", "x"));
        let expected = "  |\n1 | e\u{301}\\u{7} x\n  |        ^\n";
        assert!(combined.ends_with(expected), "{combined}");
    }

    #[test]
    fn of_a_long_line_the_part_around_the_caret_is_shown() {
        let text = format!("{}HERE{}", "a".repeat(3000), "b".repeat(3000));
        let shown = rendered(&at(&text, "HERE"));
        let lines: Vec<&str> = shown.lines().collect();
        assert!(lines[2].chars().count() <= WINDOW + 6, "{shown}");
        let caret = lines[3].find('^').unwrap();
        let below: String = lines[2].chars().skip(caret).take(4).collect();
        assert_eq!(below, "HERE", "{shown}");
        assert!(lines[2].contains('…') && lines[2].ends_with('…'));
    }

    #[test]
    fn a_caret_beyond_the_end_of_the_line_is_one_column() {
        insta::assert_snapshot!(rendered(&at("{ a: 1\n", "\n")), @r"
        error: PKG:1:7: Wrong
          |
        1 | { a: 1
          |       ^
        ");
    }

    #[test]
    fn a_place_without_text_is_named_only() {
        assert_eq!(
            rendered(&at("{\n\n", "\n\n")),
            "error: PKG:1:2: Wrong\n  |\n1 | {\n  |  ^\n"
        );
        let empty = Error::user("`PKG` is empty").at(Location::of_bytes("PKG", "", 0, 0));
        assert_eq!(rendered(&empty), "error: PKG:1:1: `PKG` is empty\n");
    }

    #[test]
    fn escape_sequences_in_messages_are_visible() {
        let error = Error::user("Cannot read `\x1b[31ma\u{202e}`").hint("\x1b]0;title\x07");
        let shown = rendered(&error);
        assert!(
            !shown.contains('\x1b') && !shown.contains('\x07'),
            "{shown:?}"
        );
    }
}
