//! Text that is safe to show: control characters made visible, lengths cut, numbers with their nouns. It knows nothing
//! of events or errors.

use std::fmt::Write;

use super::style::Style;

/// `text` for one line or a paragraph: a control character is shown as its escape, so no name or message can move the
/// cursor, recolour the terminal or reverse the writing direction. Line ends stay.
pub(super) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        push_visible(&mut shown, character);
    }
    shown
}

/// As [`visible`], with line ends shown as `\n` too.
pub(super) fn one_line(text: &str) -> String {
    visible(text).replace('\n', "\\n")
}

fn push_visible(shown: &mut String, character: char) {
    match character {
        '\n' => shown.push('\n'),
        '\t' => shown.push_str("    "),
        other => push_escaped(shown, other),
    }
}

/// One character, or its escape if showing it as it is would do something.
pub(super) fn push_escaped(shown: &mut String, character: char) {
    if character.is_control() || is_direction_mark(character) {
        shown.extend(character.escape_default());
    } else {
        shown.push(character);
    }
}

/// Marks that make text appear in another order than it has.
fn is_direction_mark(character: char) -> bool {
    matches!(character, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What a program printed, ending in a line end: whole, but for control sequences. Colours stay where colours are
/// wanted; every other sequence goes, so that no program disturbs what is drawn around it.
pub(super) fn output(text: &str, style: Style) -> String {
    let mut shown = String::with_capacity(text.len() + 1);
    let mut has_painted = false;
    for (piece, is_sequence) in console::AnsiCodeIterator::new(text) {
        if is_sequence {
            if style.has_color() && is_color(piece) {
                shown.push_str(piece);
                has_painted = true;
            }
            continue;
        }
        push_output(&mut shown, piece);
    }
    if has_painted {
        shown.push_str("\x1b[0m");
    }
    if !shown.is_empty() && !shown.ends_with('\n') {
        shown.push('\n');
    }
    shown
}

fn is_color(sequence: &str) -> bool {
    sequence
        .strip_prefix("\x1b[")
        .and_then(|rest| rest.strip_suffix('m'))
        .is_some_and(|codes| {
            codes
                .bytes()
                .all(|byte| byte.is_ascii_digit() || byte == b';')
        })
}

/// Plain text of a program: tabs stay, a carriage return ends a line, other control characters are made visible.
fn push_output(shown: &mut String, piece: &str) {
    let mut characters = piece.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' if characters.peek() == Some(&'\n') => {}
            '\r' => shown.push('\n'),
            other => push_escaped(shown, other),
        }
    }
}

/// `text` with `prefix` before every line but the first.
pub(super) fn hang(text: &str, prefix: &str) -> String {
    text.trim_end().replace('\n', &format!("\n{prefix}"))
}

/// `text` cut to `width` columns, with `…` where something is missing.
pub(super) fn fit(text: &str, width: usize) -> String {
    console::truncate_str(text, width, "…").into_owned()
}

/// The columns that `text` takes on a terminal.
pub(super) fn width(text: &str) -> usize {
    console::measure_text_width(text)
}

/// `1 operation`, `2 operations`.
pub fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A duration for people: `0.02 s`, `12.3 s`, `4 min 10 s`.
pub fn duration(milliseconds: f64) -> String {
    let seconds = (milliseconds / 1000.0).max(0.0);
    let mut text = String::new();
    let _ = if seconds < 9.995 {
        write!(text, "{seconds:.2} s")
    } else if seconds < 99.95 {
        write!(text, "{seconds:.1} s")
    } else {
        let whole = seconds.round();
        write!(
            text,
            "{:.0} min {:.0} s",
            (whole / 60.0).floor(),
            whole % 60.0
        )
    };
    text
}

/// A number of bytes for people: `812 B`, `1.5 KiB`, `20.0 MiB`.
pub fn bytes(number: u64) -> String {
    let mut size = number as f64;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        // What would be shown as 1024.0 is one of the next.
        if size < 1023.95 {
            break;
        }
        (size, unit) = (size / 1024.0, larger);
    }
    match unit {
        "B" => format!("{number} B"),
        _ => format!("{size:.1} {unit}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_drive_the_terminal() {
        assert_eq!(
            visible("a\x1b[2J\u{7}\u{202e}b\u{9b}1m"),
            "a\\u{1b}[2J\\u{7}\\u{202e}b\\u{9b}1m"
        );
        assert_eq!(one_line("a\nb"), "a\\nb");
    }

    #[test]
    fn output_keeps_colours_only_where_they_are_wanted() {
        let text = "\x1b[31mred\x1b[0m \x1b[2Jcleared\r\n50%\r100%";
        assert_eq!(output(text, Style::PLAIN), "red cleared\n50%\n100%\n");
        assert_eq!(
            output(text, Style::new(true)),
            "\x1b[31mred\x1b[0m cleared\n50%\n100%\x1b[0m\n"
        );
    }

    #[test]
    fn sizes_change_their_unit_before_they_are_1024() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1024), "1.0 KiB");
        assert_eq!(bytes((1 << 20) - 1), "1.0 MiB");
        assert_eq!(bytes(u64::MAX), "16777216.0 TiB");
    }

    #[test]
    fn durations_never_show_sixty_seconds() {
        assert_eq!(duration(21.4), "0.02 s");
        assert_eq!(duration(9_996.0), "10.0 s");
        assert_eq!(duration(119_999.0), "2 min 0 s");
        assert_eq!(duration(99_949.0), "99.9 s");
    }
}
