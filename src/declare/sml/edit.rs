//! Edits of the text of an SML document: every byte outside of the edit stays.
//!
//! Pure functions from text to text. What is added is written like what is there: its indentation, its delimiters, its
//! line ends. After each edit the result is read again, and must say what was asked for and nothing else.

use super::format::is_crlf;
use super::gap::{Document, Written};
use super::value::{Entry, Span, Table, Value, ValueKind};
use super::write::{self, INDENTATION};
use crate::error::{Error, Location, Result};

/// Appends `item`, a value as SML writes it on one line, to the array at `path`, a key for each table on the way. Tables
/// and the array are made where they are absent.
///
/// # Errors
/// `User`, with the place: the text is no SML; something on the way is no table, or no array at its end.
/// `Internal`: `item` is no value.
pub fn append(file: &str, text: &str, path: &[&str], item: &str) -> Result<String> {
    let document = Document::read(file, text)?;
    let place = find(file, &document, path)?;
    let result = insert(&document, &place.written, |lines| {
        lines.nested(place.missing, item)
    });
    let value = value(item)?;
    check(file, &document, &result, |table| {
        add_to(table, path, value);
    })
}

/// Removes the item number `index` of the array at `path`, with the comment behind it and those directly above it.
///
/// # Errors
/// `User`, with the place: as for [`append`]. `Internal`: there is no such item.
pub fn remove(file: &str, text: &str, path: &[&str], index: usize) -> Result<String> {
    let document = Document::read(file, text)?;
    let written = find(file, &document, path)?.written;
    let Some(item) = written.items.get(index) else {
        return Err(no_item(path, index));
    };
    let span = removed(&document, &written, index, item.span);
    let mut result = text.to_owned();
    result.replace_range(span.start..span.end, "");
    check(file, &document, &result, |table| {
        if let Some(items) = array(table, path) {
            items.remove(index);
        }
    })
}

/// Replaces the item number `index` of the array at `path` by `item`, a value as SML writes it on one line.
///
/// # Errors
/// As for [`append`] and [`remove`].
pub fn replace(file: &str, text: &str, path: &[&str], index: usize, item: &str) -> Result<String> {
    let document = Document::read(file, text)?;
    let written = find(file, &document, path)?.written;
    let Some(Span { start, end }) = written.items.get(index).map(|item| item.span) else {
        return Err(no_item(path, index));
    };
    let mut result = text.to_owned();
    result.replace_range(start..end, item);
    let value = value(item)?;
    check(file, &document, &result, |table| {
        if let Some(items) = array(table, path) {
            items[index] = value;
        }
    })
}

/// Replaces the value at `span`, which is that of a value of this text, by `item`, a value as SML writes it on one line.
///
/// # Errors
/// `User`: the text is no SML. `Internal`: the result is none.
pub fn replace_at(file: &str, text: &str, span: Span, item: &str) -> Result<String> {
    Document::read(file, text)?;
    let mut result = text.to_owned();
    result.replace_range(span.start..span.end, item);
    match Document::read(file, &result) {
        Ok(_) => Ok(result),
        Err(_) => Err(not_a_value(item)),
    }
}

fn no_item(path: &[&str], index: usize) -> Error {
    Error::internal(format!("`{}` has no item {index}", path.join(".")))
}

fn not_a_value(item: &str) -> Error {
    Error::internal(format!("`{item}` is no value of SML"))
}

/// The value that a text is.
fn value(item: &str) -> Result<Value> {
    let table = super::parse("value", format!("Item: {item}").as_bytes());
    let mut entries = table.map_err(|_| not_a_value(item))?.entries;
    match (entries.pop(), entries.is_empty()) {
        (Some(entry), true) => Ok(entry.value),
        _ => Err(not_a_value(item)),
    }
}

/// The deepest container on a path that is there, and the keys that are not.
struct Place<'a> {
    written: Written<'a>,
    missing: &'a [&'a str],
}

fn find<'a>(file: &str, document: &'a Document<'_>, path: &'a [&'a str]) -> Result<Place<'a>> {
    let mut written = document.whole();
    let mut table = &document.table;
    for (index, key) in path.iter().enumerate() {
        let Some(value) = table.get(key) else {
            return Ok(Place {
                written,
                missing: &path[index..],
            });
        };
        let is_last = index + 1 == path.len();
        let wrong = |expected: &str| {
            let at = Location::of_bytes(file, document.text, value.span.start, value.span.end);
            let shown = path[..=index].join(".");
            Error::user(format!(
                "`{shown}` must be {expected}, not {}",
                value.type_name()
            ))
            .at(at)
        };
        match (&value.kind, Written::of(value)) {
            (ValueKind::Table(inner), Some(here)) if !is_last => (table, written) = (inner, here),
            (ValueKind::Array(_), Some(here)) if is_last => written = here,
            _ if is_last => return Err(wrong("an array")),
            _ => return Err(wrong("a table")),
        }
    }
    Ok(Place {
        written,
        missing: &[],
    })
}

/// How something new is written where it goes.
struct Lines<'a> {
    /// What begins a line there; `None`: everything on one line.
    start: Option<String>,
    /// One level more.
    unit: &'a str,
}

impl Lines<'_> {
    /// An item below tables and an array of these keys.
    fn nested(&self, keys: &[&str], item: &str) -> String {
        let Some((first, others)) = keys.split_first() else {
            return item.to_owned();
        };
        let deeper = Lines {
            start: self
                .start
                .as_ref()
                .map(|start| format!("{start}{}", self.unit)),
            unit: self.unit,
        };
        let inner = deeper.nested(others, item);
        let [open, close] = if others.is_empty() {
            ["[", "]"]
        } else {
            ["{", "}"]
        };
        let blank = if others.is_empty() { "" } else { " " };
        let key = write::key(first);
        match (&self.start, &deeper.start) {
            (Some(outer), Some(start)) => format!("{key}: {open}{start}{inner}{outer}{close}"),
            _ => format!("{key}: {open}{blank}{inner}{blank}{close}"),
        }
    }
}

/// Adds an item behind the last one of a container.
fn insert(
    document: &Document<'_>,
    written: &Written<'_>,
    item: impl FnOnce(&Lines<'_>) -> String,
) -> String {
    let unit = unit(document.text);
    let line_end = if is_crlf(document.text) { "\r\n" } else { "\n" };
    let gaps = document.gaps(written);
    let breaks = gaps.iter().any(|gap| gap.is_broken);
    // Line ends next to the brackets delimit nothing, so commas may be between the items all the same.
    let has_commas = gaps.len() > 2 && gaps[1..gaps.len() - 1].iter().all(|gap| !gap.is_broken);
    let is_on_one_line = match (written.is_document, written.items.is_empty()) {
        (true, _) => has_commas,
        (false, false) => has_commas || !breaks,
        (false, true) => !breaks && !holds_lines(document, written),
    };
    let outer = match written.is_document {
        true => "",
        false => document.indentation(written.inside.start),
    };
    let inner = match written.items.last() {
        Some(last) if begins_line(document, last.span.start) => {
            document.indentation(last.span.start).to_owned()
        }
        _ if written.is_document => String::new(),
        _ => format!("{outer}{unit}"),
    };
    let lines = Lines {
        start: (!is_on_one_line).then(|| format!("{line_end}{inner}")),
        unit,
    };
    let new = item(&lines);
    let (place, addition) = match (written.items.last(), &lines.start) {
        (Some(last), None) => (last.span.end, format!(", {new}")),
        (Some(last), Some(start)) => (
            line_end_of(document, written, last.span.end),
            format!("{start}{new}"),
        ),
        (None, None) => (written.inside.start, new),
        (None, Some(start)) if written.is_document => {
            document_start(document, &new, start, line_end)
        }
        (None, Some(start)) if !breaks => {
            return splice(
                document.text,
                written.inside,
                &format!("{start}{new}{line_end}{outer}"),
            );
        }
        (None, Some(start)) => {
            // Behind the last comment, before the line of the bracket.
            let inside = &document.text[written.inside.start..written.inside.end];
            let content = inside.trim_end_matches([' ', '\t', '\r', '\n']);
            (
                written.inside.start + content.len(),
                format!("{start}{new}"),
            )
        }
    };
    let is_tight = !written.is_document
        && !document.text[place..written.inside.end].contains('\n')
        && lines.start.is_some();
    let addition = match is_tight {
        // The bracket stood on the line of the last item.
        true => format!("{addition}{line_end}{outer}"),
        false => addition,
    };
    splice(
        document.text,
        Span {
            start: place,
            end: place,
        },
        &addition,
    )
}

/// Where the first item of a document without items goes: behind its comments.
fn document_start(
    document: &Document<'_>,
    new: &str,
    start: &str,
    line_end: &str,
) -> (usize, String) {
    let end = document
        .text
        .trim_end_matches([' ', '\t', '\r', '\n'])
        .len();
    let content = document.text[..end].trim_start_matches('\u{feff}');
    match content.is_empty() {
        true => (end, format!("{new}{line_end}")),
        false if document.text[end..].contains('\n') => (end, format!("{start}{new}")),
        false => (end, format!("{start}{new}{line_end}")),
    }
}

fn splice(text: &str, span: Span, new: &str) -> String {
    let mut result = text.to_owned();
    result.replace_range(span.start..span.end, new);
    result
}

/// Whether something is the first of its line.
fn begins_line(document: &Document<'_>, place: usize) -> bool {
    document.line_start(place) + document.indentation(place).len() == place
}

/// Whether the container around `written` is the document or has a line for each item: then it gets lines, too.
fn holds_lines(document: &Document<'_>, written: &Written<'_>) -> bool {
    let line = &document.text[document.line_start(written.inside.start)..written.inside.start];
    let opened = line.matches(['{', '[']).count();
    let behind = document.text[written.inside.end + 1..].lines().next();
    let behind = behind.unwrap_or_default().trim();
    opened == 1 && (behind.is_empty() || behind.starts_with('#'))
}

/// The end of the line of the last item, with its comment; the bracket at most.
fn line_end_of(document: &Document<'_>, written: &Written<'_>, end: usize) -> usize {
    let rest = &document.text[end..written.inside.end];
    let line = rest.split('\n').next().unwrap_or_default();
    end + line.trim_end_matches([' ', '\t', '\r']).len()
}

/// One level of indentation as the document has it.
fn unit(text: &str) -> &str {
    let mut lines = text.lines().filter_map(|line| {
        let content = line.trim_start_matches([' ', '\t']);
        let is_indented = content.len() < line.len() && !content.starts_with('#');
        (is_indented && !content.is_empty()).then(|| &line[..line.len() - content.len()])
    });
    lines.next().unwrap_or(INDENTATION)
}

/// What goes with an item.
fn removed(document: &Document<'_>, written: &Written<'_>, index: usize, item: Span) -> Span {
    let text = document.text;
    let gaps = document.gaps(written);
    let (before, behind) = (&gaps[index], &gaps[index + 1]);
    if written.items.len() == 1 && !before.has_comment() && behind.lines.iter().all(Option::is_none)
    {
        return written.inside;
    }
    let next = written.items.get(index + 1);
    let is_last = next.is_none();
    if !behind.is_broken && !is_last {
        let end = next.map_or(item.end, |next| next.span.start);
        return Span {
            start: item.start,
            end,
        };
    }
    if index > 0 && !before.is_broken {
        let start = written.items[index - 1].span.end;
        return Span {
            start,
            end: item.end,
        };
    }
    if !begins_line(document, item.start) {
        // The first item, on the line of the bracket: the comment behind it may stay with it no longer.
        let end = item.end + text[item.end..].find('\n').unwrap_or(text.len() - item.end);
        return Span {
            start: item.start,
            end,
        };
    }
    let mut start = document.line_start(item.start);
    while let Some(above) = start.checked_sub(1).map(|end| document.line_start(end)) {
        let is_inside = above >= written.inside.start;
        if !is_inside || !text[above..start].trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    let line = text[item.end..].find('\n').map(|end| item.end + end + 1);
    let end = match line {
        Some(end) if end <= written.inside.end => end,
        // The bracket is on this line.
        _ => {
            let rest = &text[item.end..written.inside.end];
            item.end + rest.trim_end_matches([' ', '\t']).len()
        }
    };
    Span { start, end }
}

/// The result, if it says what `change` makes of what the document said.
fn check(
    file: &str,
    before: &Document<'_>,
    result: &str,
    change: impl FnOnce(&mut Table),
) -> Result<String> {
    let mut expected = before.table.clone();
    change(&mut expected);
    match Document::read(file, result) {
        Ok(after) if after.table.says(&expected) => Ok(result.to_owned()),
        _ => Err(Error::internal(format!(
            "`{file}` is written in a way that wake cannot edit"
        ))),
    }
}

/// Adds an item to the array at a path, with what lacks on the way.
fn add_to(table: &mut Table, path: &[&str], item: Value) {
    let span = Span::default();
    let Some((key, others)) = path.split_first() else {
        return;
    };
    let known = table.entries.iter().position(|entry| entry.key == *key);
    let known = known.unwrap_or_else(|| {
        let kind = match others.is_empty() {
            true => ValueKind::Array(Vec::new()),
            false => ValueKind::Table(Table::default()),
        };
        let value = Value { kind, span };
        table.entries.push(Entry {
            key: (*key).to_owned(),
            key_span: span,
            value,
        });
        table.entries.len() - 1
    });
    match &mut table.entries[known].value.kind {
        ValueKind::Array(items) => items.push(item),
        ValueKind::Table(inner) => add_to(inner, others, item),
        _ => {}
    }
}

/// The array at a path.
fn array<'a>(table: &'a mut Table, path: &[&str]) -> Option<&'a mut Vec<Value>> {
    let (key, others) = path.split_first()?;
    let entry = table.entries.iter_mut().find(|entry| entry.key == *key)?;
    match &mut entry.value.kind {
        ValueKind::Array(items) if others.is_empty() => Some(items),
        ValueKind::Table(inner) => array(inner, others),
        _ => None,
    }
}
