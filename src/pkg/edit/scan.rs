//! Jsonnet as tokens: words, strings, brackets. Enough to find one's way in a text that the evaluator accepts.
//!
//! It knows nothing of grammar but which bracket belongs to which.

use std::ops::Range;

use crate::error::{Error, Location, Result};

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword.
    Word,
    /// A string of any kind.
    Text,
    /// A number, or one character of an operator, a separator or a bracket.
    Other,
}

/// A token and where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    /// The index of the bracket that belongs to this one; its own for what is none.
    pub(super) partner: usize,
}

/// A text in pieces.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    pub(super) tokens: Vec<Token>,
    /// Without the line end.
    pub(super) comments: Vec<Range<usize>>,
}

/// # Errors
/// `User`, with the place: a string, comment or bracket without an end.
pub(super) fn scan(file: &str, text: &str) -> Result<Scanned> {
    let mut scanned = Scanned::default();
    let mut open: Vec<usize> = Vec::new();
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        let rest = &text[at..];
        let fail = |what: &str| {
            let location = Location::of_bytes(file, text, at, at + next.len_utf8());
            Err(Error::user(what).at(location))
        };
        if next.is_whitespace() || next == '\u{feff}' {
            at += next.len_utf8();
            continue;
        }
        if let Some(length) = comment(rest) {
            let Some(length) = length else {
                return fail("The comment has no end");
            };
            scanned.comments.push(at..at + length);
            at += length;
            continue;
        }
        let (kind, length) = match token(rest, next) {
            Some(found) => found,
            None => return fail("The string has no end"),
        };
        let index = scanned.tokens.len();
        let mut partner = index;
        match next {
            '(' | '[' | '{' if kind == Kind::Other => open.push(index),
            ')' | ']' | '}' if kind == Kind::Other => {
                let opening = open.pop().filter(|opening| {
                    let start = scanned.tokens[*opening].start;
                    closes(&text[start..], next)
                });
                let Some(opening) = opening else {
                    return fail(&format!("`{next}` closes nothing"));
                };
                scanned.tokens[opening].partner = index;
                partner = opening;
            }
            _ => {}
        }
        scanned.tokens.push(Token {
            kind,
            start: at,
            end: at + length,
            partner,
        });
        at += length;
    }
    match open.pop() {
        Some(opening) => {
            let token = scanned.tokens[opening];
            let location = Location::of_bytes(file, text, token.start, token.end);
            Err(Error::user("The bracket is never closed").at(location))
        }
        None => Ok(scanned),
    }
}

fn closes(opening: &str, closing: char) -> bool {
    let pairs = [("(", ')'), ("[", ']'), ("{", '}')];
    let mut pairs = pairs.iter();
    pairs.any(|(open, close)| opening.starts_with(open) && *close == closing)
}

/// The length of a comment; `None` in it if it has no end.
fn comment(rest: &str) -> Option<Option<usize>> {
    if rest.starts_with("//") || rest.starts_with('#') {
        let line = rest.split('\n').next().unwrap_or_default();
        return Some(Some(line.trim_end_matches('\r').len()));
    }
    let inside = rest.strip_prefix("/*")?;
    Some(inside.find("*/").map(|end| end + 4))
}

/// Kind and length of a token; `None` if it is a string without end.
fn token(rest: &str, next: char) -> Option<(Kind, usize)> {
    let length_while = |accepts: fn(char) -> bool| {
        rest.find(|character| !accepts(character))
            .unwrap_or(rest.len())
    };
    if next.is_ascii_alphabetic() || next == '_' {
        let length = length_while(|one| one.is_ascii_alphanumeric() || one == '_');
        return Some((Kind::Word, length));
    }
    if next.is_ascii_digit() {
        let length = length_while(|one| one.is_ascii_alphanumeric() || one == '.');
        return Some((Kind::Other, length));
    }
    let length = match next {
        '\'' | '"' => escaped(rest, next)?,
        '@' if rest[1..].starts_with(['\'', '"']) => 1 + verbatim(&rest[1..])?,
        '|' if rest.starts_with("|||") => block(rest)?,
        _ => return Some((Kind::Other, next.len_utf8())),
    };
    Some((Kind::Text, length))
}

/// `'…'` with `\'` inside.
fn escaped(rest: &str, quote: char) -> Option<usize> {
    let mut characters = rest.char_indices().skip(1);
    while let Some((place, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            return Some(place + 1);
        }
    }
    None
}

/// `'…'` with `''` inside.
fn verbatim(rest: &str) -> Option<usize> {
    let quote = &rest[..1];
    let mut at = 1;
    loop {
        at += rest[at..].find(quote)? + 1;
        if !rest[at..].starts_with(quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// `|||`, lines with the indentation of the first one, `|||` with less.
fn block(rest: &str) -> Option<usize> {
    let mut at = rest.find('\n')? + 1;
    let first = rest[at..].lines().find(|line| !line.trim().is_empty())?;
    let indentation = &first[..first.len() - first.trim_start().len()];
    loop {
        let line = rest[at..].split('\n').next()?;
        let is_inside = line.trim_end_matches('\r').is_empty() || line.starts_with(indentation);
        if indentation.is_empty() || !is_inside {
            let before = line.len() - line.trim_start().len();
            let is_end = line[before..].starts_with("|||");
            return is_end.then_some(at + before + 3);
        }
        at += line.len() + 1;
        if at > rest.len() {
            return None;
        }
    }
}
