//! The one layout of SML documents that people write: `wake fmt`.
//!
//! Only blanks and line ends change. Who wrote an array on one line, or an item a line, had a reason: this stays, as do
//! comments, and one blank line where there are more. Line ends are as the first one of the document.

use super::gap::{Document, Gap, Item, Written};
use super::value::ValueKind;
use super::write::push_line_start;
use crate::error::{Error, Result};

/// The document in the usual layout. `file` is for messages.
///
/// # Errors
/// `User`: the text is no SML.
pub fn format(file: &str, text: &str) -> Result<String> {
    let document = Document::read(file, text)?;
    let mut layout = Layout {
        document: &document,
        text: String::with_capacity(text.len()),
    };
    layout.document();
    let mut result = layout.text;
    if is_crlf(text) {
        result = result.replace('\n', "\r\n");
    }
    let is_same = Document::read(file, &result).is_ok_and(|new| new.table.says(&document.table));
    match is_same {
        true => Ok(result),
        false => Err(Error::internal(format!(
            "The layout of `{file}` cannot be changed without changing its meaning"
        ))),
    }
}

/// Whether the lines of a text end as those of Windows.
pub(super) fn is_crlf(text: &str) -> bool {
    let end = text.find('\n');
    end.is_some_and(|end| text[..end].ends_with('\r'))
}

struct Layout<'a> {
    document: &'a Document<'a>,
    text: String,
}

impl Layout<'_> {
    fn document(&mut self) {
        let document = self.document;
        self.lines(&document.whole(), 0);
        self.text.truncate(self.text.trim_end_matches('\n').len());
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        let start = self.text.len() - self.text.trim_start_matches('\n').len();
        self.text.drain(..start);
    }

    /// The items of a container that is written on several lines, each line with its line end before it.
    fn lines(&mut self, written: &Written<'_>, depth: usize) {
        let gaps = self.document.gaps(written);
        for (index, gap) in gaps.iter().enumerate() {
            let item = written.items.get(index);
            let is_comma = index > 0 && item.is_some() && !gap.is_broken;
            let is_first = index == 0;
            self.gap(gap, depth, is_first, item.is_none());
            match item {
                Some(_) if is_comma => self.text.push_str(", "),
                Some(_) => push_line_start(&mut self.text, depth),
                None => {}
            }
            item.into_iter().for_each(|item| self.item(item, depth));
        }
    }

    /// Comments and blank lines; none of the latter next to brackets.
    fn gap(&mut self, gap: &Gap<'_>, depth: usize, is_first: bool, is_last: bool) {
        if let Some(comment) = gap.behind {
            self.text.push(' ');
            self.text.push_str(comment);
        }
        for (index, line) in gap.lines.iter().enumerate() {
            match line {
                Some(comment) => {
                    push_line_start(&mut self.text, depth);
                    self.text.push_str(comment);
                }
                None if is_first && index == 0 => {}
                None if is_last && index + 1 == gap.lines.len() => {}
                None => self.text.push('\n'),
            }
        }
    }

    fn item(&mut self, item: &Item<'_>, depth: usize) {
        let text = self.document.text;
        if let Some(key) = item.key {
            self.text.push_str(&text[key.start..key.end]);
            self.text.push_str(": ");
        }
        let span = item.value.span;
        let word = &text[span.start..span.end];
        match (Written::of(item.value), &item.value.kind) {
            (Some(written), _) => self.container(&written, word, depth),
            (None, ValueKind::Language(_) | ValueKind::Package(_)) => {
                let visible = word.chars().filter(|one| !matches!(one, ' ' | '\t'));
                self.text.extend(visible);
            }
            _ => self.text.push_str(word),
        }
    }

    /// A table or array; `word` is all of it.
    fn container(&mut self, written: &Written<'_>, word: &str, depth: usize) {
        let is_table = word.starts_with('{');
        let gaps = self.document.gaps(written);
        let has_lines = match written.items.is_empty() {
            true => gaps.iter().any(Gap::has_comment),
            false => gaps.iter().any(|gap| gap.is_broken),
        };
        self.text.push(if is_table { '{' } else { '[' });
        if has_lines {
            self.lines(written, depth + 1);
            push_line_start(&mut self.text, depth);
        } else {
            let blank = if is_table && !written.items.is_empty() {
                " "
            } else {
                ""
            };
            self.text.push_str(blank);
            for (index, item) in written.items.iter().enumerate() {
                self.text.push_str(if index > 0 { ", " } else { "" });
                self.item(item, depth);
            }
            self.text.push_str(blank);
        }
        self.text.push(if is_table { '}' } else { ']' });
    }
}
