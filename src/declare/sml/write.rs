//! SML for values that programs make: one layout, no comments.

use super::value::{Entry, Table, Value, ValueKind};

/// One level of indentation.
pub(super) const INDENTATION: &str = "    ";

/// The document of a table: an item a line. Parsing it gives the table again.
///
/// Characters that SML cannot say (control characters without an escape) become U+FFFD.
pub fn write(table: &Table) -> String {
    let mut text = String::new();
    for entry in &table.entries {
        push_entry(&mut text, entry, 0);
        text.push('\n');
    }
    text
}

fn push_entry(text: &mut String, entry: &Entry, depth: usize) {
    text.push_str(&key(&entry.key));
    text.push_str(": ");
    push_value(text, &entry.value, depth);
}

fn push_value(text: &mut String, value: &Value, depth: usize) {
    match &value.kind {
        ValueKind::Table(table) => push_items(text, ['{', '}'], &table.entries, depth, push_entry),
        ValueKind::Array(items) => push_items(text, ['[', ']'], items, depth, push_value),
        ValueKind::String(string) => text.push_str(&quoted(string)),
        ValueKind::Integer(number) => text.push_str(&number.to_string()),
        ValueKind::Decimal(number) => text.push_str(&decimal(*number)),
        ValueKind::Boolean(boolean) => text.push_str(&boolean.to_string()),
        ValueKind::Version(version) => text.push_str(version),
        ValueKind::Language(language) => {
            text.push_str(&format!("({}@{})", language.name, language.version));
        }
        ValueKind::Package(package) => {
            text.push('<');
            if let Some(language) = &package.language {
                text.push_str(&format!("({language})"));
            }
            let (user, name) = (&package.user, &package.name);
            text.push_str(&format!("{user}|{name}@{}>", package.version));
        }
    }
}

fn push_items<T>(
    text: &mut String,
    [open, close]: [char; 2],
    items: &[T],
    depth: usize,
    push: impl Fn(&mut String, &T, usize),
) {
    text.push(open);
    for item in items {
        push_line_start(text, depth + 1);
        push(text, item, depth + 1);
    }
    if !items.is_empty() {
        push_line_start(text, depth);
    }
    text.push(close);
}

/// A line end and the indentation of the next line.
pub(super) fn push_line_start(text: &mut String, depth: usize) {
    text.push('\n');
    (0..depth).for_each(|_| text.push_str(INDENTATION));
}

/// A key, with quotes where it needs them.
pub fn key(key: &str) -> String {
    let is_bare = key.starts_with(|first: char| first.is_ascii_alphabetic())
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_bare { key.to_owned() } else { quoted(key) }
}

/// A string with its quotes and escapes.
pub fn quoted(string: &str) -> String {
    let mut text = String::with_capacity(string.len() + 2);
    text.push('\'');
    for character in string.chars() {
        match character {
            '\0' => text.push_str("\\0"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\u{c}' => text.push_str("\\f"),
            '\r' => text.push_str("\\r"),
            '\u{1b}' => text.push_str("\\e"),
            '\'' => text.push_str("\\'"),
            '\\' => text.push_str("\\\\"),
            other if other.is_ascii_control() => text.push('\u{fffd}'),
            other => text.push(other),
        }
    }
    text.push('\'');
    text
}

/// SML has no exponents.
fn decimal(number: f64) -> String {
    let mut text = number.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}
