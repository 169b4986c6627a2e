//! Jsonnet in pieces, none left out but blanks: what layout works on. It knows no grammar, and takes any text.

use std::ops::Range;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An identifier or keyword.
    Word,
    /// A number, or a string on one line.
    Literal,
    /// `|||`.
    Block,
    /// An operator or separator, longest first.
    Mark,
    Open,
    Close,
    /// To the end of the line.
    LineComment,
    Comment,
}

/// A piece and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Piece<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Line ends between the piece before and this one.
    pub(super) breaks: usize,
    /// The blanks before it, if it begins a line: a tab counts as two.
    pub(super) indentation: usize,
}

impl Piece<'_> {
    pub(super) fn is_comment(&self) -> bool {
        matches!(self.kind, Kind::LineComment | Kind::Comment)
    }
}

/// The longer ones first.
const MARKS: [&str; 18] = [
    "+:::", "+::", ":::", "...", "+:", "::", "==", "!=", "<=", ">=", "<<", ">>", "&&", "||", "??",
    "?.", "=>", "->",
];

/// The pieces of a text, and which of them are no comments.
pub(super) struct Pieces<'a> {
    pub(super) list: Vec<Piece<'a>>,
    /// For each piece the index of the last one before it that is no comment.
    before: Vec<Option<usize>>,
    /// For each piece the index of the first one from it on that is no comment; the number of pieces where none is.
    after: Vec<usize>,
}

impl<'a> Pieces<'a> {
    pub(super) fn of(text: &'a str) -> Self {
        let list = pieces(text);
        let mut before = Vec::with_capacity(list.len());
        let mut last = None;
        for (index, piece) in list.iter().enumerate() {
            before.push(last);
            last = if piece.is_comment() {
                last
            } else {
                Some(index)
            };
        }
        let mut after = vec![list.len(); list.len()];
        let mut next = list.len();
        for (index, piece) in list.iter().enumerate().rev() {
            next = if piece.is_comment() { next } else { index };
            after[index] = next;
        }
        Self {
            list,
            before,
            after,
        }
    }

    /// The last piece before `index` that is no comment.
    pub(super) fn code_before(&self, index: usize) -> Option<&Piece<'a>> {
        self.list.get(self.before[index]?)
    }

    /// The first piece from `index` on that is no comment.
    pub(super) fn code_from(&self, index: usize) -> Option<&Piece<'a>> {
        self.list.get(self.after[index])
    }
}

/// The pieces of a text. What is no jsonnet becomes pieces, too.
pub(super) fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut at = 0;
    let (mut breaks, mut indentation) = (0, 0);
    while let Some(next) = text[at..].chars().next() {
        match next {
            '\n' => (breaks, indentation) = (breaks + 1, 0),
            '\t' => indentation += 2,
            _ => indentation += 1,
        }
        if next.is_whitespace() || next == '\u{feff}' {
            at += next.len_utf8();
            continue;
        }
        let (kind, length) = piece(&text[at..], next);
        pieces.push(Piece {
            kind,
            text: &text[at..at + length],
            breaks,
            indentation: indentation - 1,
        });
        at += length;
        (breaks, indentation) = (0, 0);
    }
    pieces
}

fn piece(rest: &str, next: char) -> (Kind, usize) {
    let while_any = |accepts: &dyn Fn(char) -> bool| {
        let end = rest.find(|character| !accepts(character));
        end.unwrap_or(rest.len())
    };
    let line = || rest.split('\n').next().unwrap_or_default();
    if next == '#' || rest.starts_with("//") {
        return (Kind::LineComment, line().trim_end().len());
    }
    if let Some(inside) = rest.strip_prefix("/*") {
        let end = inside.find("*/").map(|end| end + 4);
        return (Kind::Comment, end.unwrap_or(rest.len()));
    }
    if rest.starts_with("|||") {
        return (Kind::Block, Block::read(rest).end);
    }
    match next {
        '(' | '[' | '{' => (Kind::Open, 1),
        ')' | ']' | '}' => (Kind::Close, 1),
        '"' | '\'' => (Kind::Literal, string(rest, next)),
        '@' if rest[1..].starts_with(['"', '\'']) => (Kind::Literal, verbatim(rest)),
        '0'..='9' => (Kind::Literal, number(rest)),
        _ if next == '_' || next.is_alphabetic() => {
            (Kind::Word, while_any(&|c| c == '_' || c.is_alphanumeric()))
        }
        _ => {
            let known = MARKS.iter().find(|mark| rest.starts_with(**mark));
            (Kind::Mark, known.map_or(next.len_utf8(), |mark| mark.len()))
        }
    }
}

fn string(rest: &str, quote: char) -> usize {
    let mut characters = rest.char_indices().skip(1);
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            _ if character == quote => return at + 1,
            _ => {}
        }
    }
    rest.len()
}

/// A string in which a quote is doubled.
fn verbatim(rest: &str) -> usize {
    let quote = &rest[1..2];
    let mut at = 2;
    while let Some(end) = rest[at..].find(quote) {
        at += end + 1;
        match rest[at..].starts_with(quote) {
            true => at += 1,
            false => return at,
        }
    }
    rest.len()
}

fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let is_part = |at: usize| match bytes[at] {
        b'0'..=b'9' | b'_' => true,
        b'.' => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
        b'e' | b'E' => true,
        b'+' | b'-' => matches!(bytes[at - 1], b'e' | b'E'),
        _ => false,
    };
    (1..bytes.len())
        .find(|at| !is_part(*at))
        .unwrap_or(bytes.len())
}

/// A text block: lines that begin with the blanks of the first one.
pub(super) struct Block<'a> {
    /// `|||`, or `|||-`.
    pub(super) head: &'a str,
    /// Without these blanks, with their line ends.
    pub(super) lines: Vec<&'a str>,
    end: usize,
}

impl<'a> Block<'a> {
    /// The block that a text begins with; without an end it is all of the text.
    pub(super) fn read(text: &'a str) -> Self {
        let mut at = text.find('\n').map_or(text.len(), |end| end + 1);
        let mut block = Self {
            head: text[..at].trim_end(),
            lines: Vec::new(),
            end: text.len(),
        };
        let mut prefix: Option<Range<usize>> = None;
        while at < text.len() {
            let rest = &text[at..];
            let line = &rest[..rest.find('\n').map_or(rest.len(), |end| end + 1)];
            let blanks = line.len() - line.trim_start_matches([' ', '\t']).len();
            if line.trim_end_matches(['\r', '\n']).is_empty() {
                block.lines.push(line);
            } else {
                let known = prefix.get_or_insert(at..at + blanks);
                let blanks_of_block = &text[known.clone()];
                let is_none = blanks_of_block.is_empty();
                let content = line.strip_prefix(blanks_of_block);
                let Some(content) = content.filter(|_| !is_none) else {
                    let is_end = line[blanks..].starts_with("|||");
                    block.end = at + blanks + if is_end { 3 } else { 0 };
                    return block;
                };
                block.lines.push(content);
            }
            at += line.len();
        }
        block
    }
}
