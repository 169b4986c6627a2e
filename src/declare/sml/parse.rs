//! Tables and arrays of SML, and what to tell the user about text that is none.
//!
//! ```text
//! document = lines entries lines          entries = entry (delimiter entry)*      entry = key `:` value
//! table    = `{` lines entries lines `}`  array   = `[` lines values lines `]`    delimiter = line end + | `,`
//! ```
//!
//! The delimiters of one table or array are all line ends or all commas.

use std::collections::HashMap;

use super::scan::{self, Fault, Parsed, Problem};
use super::value::{Entry, Span, Table, Value, ValueKind};
use crate::error::{Error, Location, Result};

/// How deep tables and arrays may nest: each level takes stack, and what tasks see of a recipe travels as JSON, which
/// serde_json reads up to 128 levels.
pub const DEEPEST: usize = 100;

/// Tables up to this size are searched for duplicate keys without a hash map.
const SMALL: usize = 12;

/// The table that a document is. `file` is its name in messages.
///
/// Text that is not UTF-8 or no SML is a user error with its place.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Table> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => return Err(not_utf8(file, bytes, error.valid_up_to())),
    };
    let document = Document { text };
    let start = text.strip_prefix('\u{feff}').unwrap_or(text);
    match document.table(start, Container::DOCUMENT, 0) {
        Ok((_, table)) => Ok(table),
        Err(nom::Err::Error(problem) | nom::Err::Failure(problem)) => {
            Err(document.explain(file, &problem))
        }
        Err(nom::Err::Incomplete(_)) => {
            Err(Error::internal(format!("`{file}` was parsed in part")))
        }
    }
}

fn not_utf8(file: &str, bytes: &[u8], valid: usize) -> Error {
    let line_end = bytes[valid..]
        .iter()
        .position(|&byte| byte == b'\n')
        .map_or(bytes.len(), |end| valid + end);
    let text = String::from_utf8_lossy(&bytes[..line_end]);
    Error::user(format!("`{file}` is not UTF-8"))
        .at(Location::of_bytes(
            file,
            &text,
            valid,
            valid + '\u{fffd}'.len_utf8(),
        ))
        .hint("save the file as UTF-8")
}

/// What holds items, and how it ends.
#[derive(Clone, Copy)]
struct Container {
    name: &'static str,
    /// `None`: the end of the text.
    close: Option<char>,
    /// What may stand after an item.
    after_item: &'static str,
    /// What an item is.
    item: &'static str,
}

impl Container {
    const DOCUMENT: Self = Self {
        name: "document",
        close: None,
        after_item: "a line break or `,`",
        item: "a key",
    };
    const TABLE: Self = Self {
        name: "table",
        close: Some('}'),
        after_item: "a line break, `,` or `}`",
        item: "a key or `}`",
    };
    const ARRAY: Self = Self {
        name: "array",
        close: Some(']'),
        after_item: "a line break, `,` or `]`",
        item: "a value or `]`",
    };

    /// What is left after the end of the container, if it ends here.
    fn end(self, rest: &str) -> Option<&str> {
        match self.close {
            Some(close) => rest.strip_prefix(close),
            None => rest.is_empty().then_some(rest),
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Lines,
    Comma,
}

#[derive(Clone, Copy)]
struct Document<'a> {
    text: &'a str,
}

impl<'a> Document<'a> {
    /// The bytes from `start` to `end`, both given by what is left from there on.
    fn span(self, start: &str, end: &str) -> Span {
        Span {
            start: self.offset(start),
            end: self.offset(end),
        }
    }

    fn offset(self, rest: &str) -> usize {
        self.text.len() - rest.len()
    }

    /// Entries up to the end of the container; `input` is what follows its opening.
    fn table(self, input: &'a str, container: Container, depth: usize) -> Parsed<'a, Table> {
        let (rest, entries) = items(input, container, |rest| self.entry(rest, depth))?;
        match first_duplicate(&entries) {
            None => Ok((rest, Table { entries })),
            Some((first, again)) => {
                let length = again.end - again.start;
                scan::fail(
                    &self.text[again.start..],
                    length,
                    Fault::Duplicate(&self.text[first.start..]),
                )
            }
        }
    }

    fn entry(self, input: &'a str, depth: usize) -> Parsed<'a, Entry> {
        let (after_key, key) = match input.as_bytes().first() {
            Some(b'\'') => scan::string(input)?,
            _ => scan::bare_key(input).map(|(rest, key)| (rest, key.to_owned()))?,
        };
        let (rest, ()) = scan::blanks(after_key)?;
        let Some(rest) = rest.strip_prefix(':') else {
            return scan::expected(rest, "`:` after the key");
        };
        let (rest, ()) = scan::blanks(rest)?;
        let (rest, value) = self.value(rest, depth)?;
        Ok((
            rest,
            Entry {
                key,
                key_span: self.span(input, after_key),
                value,
            },
        ))
    }

    fn value(self, input: &'a str, depth: usize) -> Parsed<'a, Value> {
        let (rest, kind) = match input.as_bytes().first() {
            Some(b'\'') => {
                scan::string(input).map(|(rest, text)| (rest, ValueKind::String(text)))?
            }
            Some(b'{' | b'[') if depth == DEEPEST => return scan::fail(input, 1, Fault::TooDeep),
            Some(b'{') => unclosed(input, Container::TABLE, |rest, container| {
                self.table(rest, container, depth + 1)
                    .map(|(rest, table)| (rest, ValueKind::Table(table)))
            })?,
            Some(b'[') => unclosed(input, Container::ARRAY, |rest, container| {
                items(rest, container, |rest| self.value(rest, depth + 1))
                    .map(|(rest, values)| (rest, ValueKind::Array(values)))
            })?,
            Some(b'0'..=b'9' | b'-') => scan::number(input)?,
            Some(b'(') => scan::language_reference(input)?,
            Some(b'<') => scan::package_reference(input)?,
            Some(b'"') => return scan::expected(input, "a value (strings have single quotes)"),
            _ => scan::boolean(input)?,
        };
        Ok((
            rest,
            Value {
                kind,
                span: self.span(input, rest),
            },
        ))
    }

    /// The message for the user.
    fn explain(self, file: &str, problem: &Problem<'_>) -> Error {
        let start = self.offset(problem.rest);
        let place = |rest: &str| {
            let start = self.offset(rest);
            Location::of_bytes(file, self.text, start, start)
        };
        let found = &problem.rest[..problem.length.min(problem.rest.len())];
        let error = match problem.fault {
            Fault::Expected(what) => Error::user(format!(
                "Expected {what}, found {}",
                describe(problem.rest, found)
            )),
            Fault::UnclosedString => Error::user("A string has no closing `'` on its line")
                .hint("write a line break as `\\n` and a quote as `\\'`"),
            Fault::UnknownEscape => Error::user(format!("`{found}` is no escape"))
                .hint("the escapes are `\\0 \\t \\n \\f \\r \\e \\' \\\\`; a backslash is `\\\\`"),
            Fault::ControlCharacter => Error::user(format!(
                "A control character is not allowed here: {}",
                found.escape_default()
            )),
            Fault::IntegerTooLarge => {
                Error::user(format!("`{found}` is beyond the integers of 64 bits"))
            }
            Fault::DecimalTooLarge => Error::user(format!("`{found}` is too large for a decimal")),
            Fault::Unclosed(what) => Error::user(format!("The {what} that begins here has no end"))
                .hint(match what {
                    "table" => "close it with `}`",
                    _ => "close it with `]`",
                }),
            Fault::Mixed(container, first) => Error::user(format!(
                "Line breaks and commas are mixed in one {container}"
            ))
            .cause(format!("the first delimiter is at {}", place(first)))
            .hint("separate all items by line breaks, or all by commas"),
            Fault::Trailing(item) => Error::user(format!("Expected {item} after the `,`"))
                .hint("a `,` stands only between two items of one line"),
            Fault::Duplicate(first) => Error::user(format!(
                "The key `{}` is there twice",
                found.trim_matches('\'')
            ))
            .cause(format!("the first is at {}", place(first))),
            Fault::TooDeep => Error::user(format!(
                "Tables and arrays are nested more than {DEEPEST} levels deep"
            )),
        };
        error.at(Location::of_bytes(
            file,
            self.text,
            start,
            start + problem.length,
        ))
    }
}

/// A container and its opening; text that ends inside is a problem of the container, not of its last item.
fn unclosed<'a>(
    input: &'a str,
    container: Container,
    inside: impl FnOnce(&'a str, Container) -> Parsed<'a, ValueKind>,
) -> Parsed<'a, ValueKind> {
    match inside(&input[1..], container) {
        Err(nom::Err::Failure(Problem {
            rest: "",
            length: 0,
            fault: Fault::Expected(_),
        })) => scan::fail(input, 1, Fault::Unclosed(container.name)),
        other => other,
    }
}

/// Items and their delimiters up to the end of the container.
fn items<'a, T>(
    input: &'a str,
    container: Container,
    item: impl Fn(&'a str) -> Parsed<'a, T>,
) -> Parsed<'a, Vec<T>> {
    let mut items = Vec::new();
    let mut first: Option<(Delimiter, &str)> = None;
    let (mut rest, _) = scan::lines(input)?;
    if let Some(after) = container.end(rest) {
        return Ok((after, items));
    }
    loop {
        let (after_item, value) = item(rest)?;
        items.push(value);
        let (before, ()) = scan::blanks(after_item)?;
        let (next, is_broken) = scan::lines(before)?;
        if let Some(after) = container.end(next) {
            return Ok((after, items));
        }
        let delimiter = if is_broken {
            Delimiter::Lines
        } else {
            Delimiter::Comma
        };
        rest = match (delimiter, next.strip_prefix(',')) {
            (Delimiter::Lines, None) => next,
            (Delimiter::Lines, Some(_)) => {
                return scan::fail(next, 1, Fault::Mixed(container.name, before));
            }
            (Delimiter::Comma, Some(after)) => after_comma(after, container, next)?.0,
            (Delimiter::Comma, None) => return scan::expected(next, container.after_item),
        };
        match first {
            None => first = Some((delimiter, before)),
            Some((known, _)) if known == delimiter => {}
            Some((_, place)) => return scan::fail(before, 1, Fault::Mixed(container.name, place)),
        }
    }
}

/// What follows a comma: an item on the same line.
fn after_comma<'a>(input: &'a str, container: Container, comma: &'a str) -> Parsed<'a, ()> {
    let (rest, ()) = scan::blanks(input)?;
    let (next, is_broken) = scan::lines(rest)?;
    if container.end(next).is_some() {
        return scan::fail(comma, 1, Fault::Trailing(container.item));
    }
    if is_broken {
        return scan::fail(rest, 1, Fault::Mixed(container.name, comma));
    }
    Ok((rest, ()))
}

/// The places of the first key that comes again: the first time and the second.
fn first_duplicate(entries: &[Entry]) -> Option<(Span, Span)> {
    if entries.len() <= SMALL {
        return entries.iter().enumerate().find_map(|(index, again)| {
            let first = entries[..index]
                .iter()
                .find(|first| first.key == again.key)?;
            Some((first.key_span, again.key_span))
        });
    }
    let mut seen = HashMap::with_capacity(entries.len());
    entries.iter().find_map(|again| {
        let first = seen.insert(again.key.as_str(), again.key_span)?;
        Some((first, again.key_span))
    })
}

/// What is at a place, for a person.
fn describe(rest: &str, found: &str) -> String {
    match rest.chars().next() {
        None => "the end of the file".to_owned(),
        Some('\n' | '\r') => "the end of the line".to_owned(),
        Some('#') => "a comment".to_owned(),
        Some(first) if first.is_control() => {
            format!("the control character `{}`", first.escape_default())
        }
        Some(_) => format!("`{found}`"),
    }
}
