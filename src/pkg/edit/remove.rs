//! Removing a field, with what is said about it.

use std::ops::Range;

use super::outline::{Document, List};

/// The text without one of the fields of an object.
pub(super) fn remove(document: &Document<'_>, list: &List, index: usize) -> String {
    let item = &list.items[index];
    let last = document.token(item.comma.unwrap_or(item.last));
    let start = document.token(item.first).start;
    let end = document.end_with_comments(last.end);
    let has_own_lines = document.is_first_on_line(start) && document.is_last_on_line(end);
    let mut ranges = vec![match has_own_lines {
        true => document.comments_above(start)..document.next_line(end),
        false => within_line(document, list, index),
    }];
    let is_last = index + 1 == list.items.len();
    if is_last && item.comma.is_none() && index > 0 {
        // No comma was at the end, so none is left there.
        let comma = list.items[index - 1]
            .comma
            .map(|comma| document.token(comma));
        ranges.extend(comma.map(|comma| comma.start..comma.end));
    }
    let mut result = document.text.to_owned();
    ranges.sort_by_key(|range| std::cmp::Reverse(range.start));
    for range in ranges {
        result.replace_range(range, "");
    }
    emptied(document, list, result)
}

/// What to remove where other things are on the same line.
fn within_line(document: &Document<'_>, list: &List, index: usize) -> Range<usize> {
    let item = &list.items[index];
    let start = document.token(item.first).start;
    let last = document.token(item.comma.unwrap_or(item.last));
    let is_last = index + 1 == list.items.len();
    if is_last && index > 0 && !document.is_first_on_line(start) {
        let previous = &list.items[index - 1];
        let comma = previous.comma.unwrap_or(previous.last);
        return document.token(comma).end..last.end;
    }
    let rest = &document.text[last.end..];
    let space = rest.len() - rest.trim_start_matches([' ', '\t']).len();
    start..last.end + space
}

/// `{}` where nothing but space is left between the brackets.
fn emptied(document: &Document<'_>, list: &List, result: String) -> String {
    if list.items.len() > 1 {
        return result;
    }
    let open = document.token(list.open).end;
    let behind = document.text.len() - document.token(list.close).start;
    let close = result.len() - behind;
    match result[open..close].trim().is_empty() {
        true => format!("{}{}", &result[..open], &result[close..]),
        false => result,
    }
}

impl Document<'_> {
    fn is_last_on_line(&self, at: usize) -> bool {
        let line = self.text[at..].split('\n').next().unwrap_or_default();
        line.trim().is_empty()
    }

    fn next_line(&self, at: usize) -> usize {
        self.text[at..]
            .find('\n')
            .map_or(self.text.len(), |newline| at + newline + 1)
    }

    /// The start of the line of `at`, or of the first of the comments that are directly above it, on lines of their own.
    fn comments_above(&self, at: usize) -> usize {
        let mut start = self.line_start(at);
        for comment in self.scanned.comments.iter().rev() {
            let is_above = comment.end < start
                && self.next_line(comment.end) == start
                && self.is_last_on_line(comment.end)
                && self.is_first_on_line(comment.start);
            if is_above {
                start = self.line_start(comment.start);
            }
        }
        start
    }
}
