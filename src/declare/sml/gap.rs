//! What stands between two items of a document, and means nothing to programs: line ends, comments, blank lines, a comma.

use super::parse;
use super::value::{Span, Table, Value, ValueKind};
use crate::error::Result;

/// A document that parses, with its text.
#[derive(Debug)]
pub(super) struct Document<'a> {
    pub(super) text: &'a str,
    pub(super) table: Table,
}

/// A table or array as it is written: where it opens and closes, and its items.
#[derive(Clone, Debug)]
pub(super) struct Written<'a> {
    /// What is between the brackets, or the whole document behind its byte-order mark.
    pub(super) inside: Span,
    pub(super) is_document: bool,
    pub(super) items: Vec<Item<'a>>,
}

/// An entry of a table, or a value of an array.
#[derive(Clone, Copy, Debug)]
pub(super) struct Item<'a> {
    /// Of an entry: from its key on.
    pub(super) span: Span,
    pub(super) key: Option<Span>,
    pub(super) value: &'a Value,
}

/// What stands before the first, between two, or after the last item.
#[derive(Debug, PartialEq)]
pub(super) struct Gap<'a> {
    /// The comment that ends the line of what stands before, if there is one.
    pub(super) behind: Option<&'a str>,
    /// The lines of their own: comments, and `None` for one or more blank lines.
    pub(super) lines: Vec<Option<&'a str>>,
    pub(super) is_broken: bool,
}

impl<'a> Document<'a> {
    /// # Errors
    /// `User`: the text is no SML.
    pub(super) fn read(file: &str, text: &'a str) -> Result<Self> {
        let table = parse(file, text.as_bytes())?;
        Ok(Self { text, table })
    }

    /// The document as a container.
    pub(super) fn whole(&self) -> Written<'_> {
        let start = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        let end = self.text.len();
        Written {
            inside: Span { start, end },
            is_document: true,
            items: entries(&self.table),
        }
    }

    /// The gaps of a container: before each item, and after the last.
    pub(super) fn gaps(&self, written: &Written<'_>) -> Vec<Gap<'a>> {
        let starts = std::iter::once(written.inside.start);
        let starts = starts.chain(written.items.iter().map(|item| item.span.end));
        let ends = written.items.iter().map(|item| item.span.start);
        let ends = ends.chain(std::iter::once(written.inside.end));
        let mut gaps: Vec<Gap<'a>> = starts
            .zip(ends)
            .map(|(start, end)| Gap::read(&self.text[start..end]))
            .collect();
        if written.is_document {
            // Nothing stands before the first line.
            let first = &mut gaps[0];
            let comment = first.behind.take();
            first.lines.splice(0..0, comment.map(Some));
        }
        gaps
    }

    /// The blanks at the beginning of the line of a place.
    pub(super) fn indentation(&self, place: usize) -> &'a str {
        let line = &self.text[self.line_start(place)..];
        let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
        &line[..blanks]
    }

    /// Where the line of a place begins.
    pub(super) fn line_start(&self, place: usize) -> usize {
        let before = self.text[..place].rfind('\n').map_or(0, |end| end + 1);
        match before == 0 && self.text.starts_with('\u{feff}') {
            true => '\u{feff}'.len_utf8(),
            false => before,
        }
    }
}

impl<'a> Written<'a> {
    /// The container that a value is.
    pub(super) fn of(value: &'a Value) -> Option<Self> {
        let items = match &value.kind {
            ValueKind::Table(table) => entries(table),
            ValueKind::Array(values) => values.iter().map(element).collect(),
            _ => return None,
        };
        Some(Self {
            inside: Span {
                start: value.span.start + 1,
                end: value.span.end - 1,
            },
            is_document: false,
            items,
        })
    }
}

fn entries(table: &Table) -> Vec<Item<'_>> {
    let entries = table.entries.iter();
    let item = |entry: &'_ super::Entry| (entry.key_span, entry.value.span.end);
    entries
        .map(|entry| {
            let (key, end) = item(entry);
            Item {
                span: Span {
                    start: key.start,
                    end,
                },
                key: Some(key),
                value: &entry.value,
            }
        })
        .collect()
}

fn element(value: &Value) -> Item<'_> {
    Item {
        span: value.span,
        key: None,
        value,
    }
}

impl<'a> Gap<'a> {
    fn read(text: &'a str) -> Self {
        let mut segments = text.split('\n');
        let behind = segments.next().and_then(comment);
        let mut lines: Vec<Option<&str>> = Vec::new();
        let mut is_broken = false;
        let mut segments = segments.peekable();
        while let Some(segment) = segments.next() {
            is_broken = true;
            match comment(segment) {
                Some(comment) => lines.push(Some(comment)),
                // The last segment is the beginning of the line of what follows.
                None if segments.peek().is_none() || lines.last() == Some(&None) => {}
                None => lines.push(None),
            }
        }
        Self {
            behind,
            lines,
            is_broken,
        }
    }

    pub(super) fn has_comment(&self) -> bool {
        self.behind.is_some() || self.lines.iter().any(Option::is_some)
    }
}

/// The comment of a line, without blanks at its end.
fn comment(line: &str) -> Option<&str> {
    line.find('#').map(|start| line[start..].trim_end())
}
