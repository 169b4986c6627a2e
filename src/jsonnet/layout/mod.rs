//! The layout of jsonnet programs: `wake fmt`.
//!
//! Only blanks, indentation and blank lines change. Lines stay broken where their author broke them, so nothing is
//! parsed and nothing can change its meaning: the pieces of the result are those of the text. What begins a line inside
//! of brackets is two columns right of the line with the bracket; what goes on with an expression keeps its distance
//! from the line where that began.

mod lex;
#[cfg(test)]
mod tests;

use lex::{Block, Kind, Piece, Pieces, pieces};

/// Columns of one level.
const STEP: usize = 2;

/// The text in the usual layout.
///
/// `None`: that would change its meaning. Text that is no jsonnet may well be so; no other is known.
pub(super) fn layout(text: &str) -> Option<String> {
    let before = Pieces::of(text);
    // The last one is what the result ends with, so it is the same next time.
    let is_crlf = text
        .rfind('\n')
        .is_some_and(|end| text[..end].ends_with('\r'));
    let mut printer = Printer {
        text: String::with_capacity(text.len()),
        line_end: if is_crlf { "\r\n" } else { "\n" },
        frames: vec![Frame::new("", 0)],
        lines: Vec::new(),
    };
    for index in 0..before.list.len() {
        printer.piece(&before, index);
    }
    if !printer.text.is_empty() {
        printer.text.push_str(printer.line_end);
    }
    let is_same = says(&before.list, &pieces(&printer.text));
    is_same.then_some(printer.text)
}

/// The words and one-line strings of a text, and where they begin.
pub(super) fn words(text: &str) -> Vec<(usize, &str)> {
    let pieces = pieces(text).into_iter();
    let words = pieces.filter(|piece| matches!(piece.kind, Kind::Word | Kind::Literal));
    words
        .map(|piece| {
            (
                piece.text.as_ptr().addr() - text.as_ptr().addr(),
                piece.text,
            )
        })
        .collect()
}

/// Whether both are the same pieces.
fn says(some: &[Piece<'_>], others: &[Piece<'_>]) -> bool {
    let is_same = |(one, other): (&Piece<'_>, &Piece<'_>)| {
        one.kind == other.kind
            && match one.kind {
                Kind::Block => Block::read(one.text).lines == Block::read(other.text).lines,
                _ => one.text == other.text,
            }
    };
    some.len() == others.len() && some.iter().zip(others).all(is_same)
}

/// A line of the text: its indentation before and now.
#[derive(Clone, Copy, Default)]
struct Line {
    before: usize,
    now: usize,
}

/// An open bracket, or the whole text.
struct Frame<'a> {
    bracket: &'a str,
    /// Indentation of what begins a line in it.
    inner: usize,
    /// The line where the current item began, or what comes after its last `;`.
    item: usize,
    /// Whether the next piece begins an item.
    is_fresh: bool,
    /// The `local` and `assert` that wait for their `;`: the lines that they begin, where they begin one.
    statements: Vec<Option<usize>>,
    /// The line that a `;` leads back to.
    back: Option<usize>,
    /// Whether a `:` belongs to an `assert`.
    is_assertion: bool,
}

impl<'a> Frame<'a> {
    fn new(bracket: &'a str, inner: usize) -> Self {
        Self {
            bracket,
            inner,
            item: 0,
            is_fresh: true,
            statements: Vec::new(),
            back: None,
            is_assertion: false,
        }
    }
}

struct Printer<'a> {
    text: String,
    line_end: &'static str,
    /// The innermost last; the first is the text.
    frames: Vec<Frame<'a>>,
    lines: Vec<Line>,
}

impl<'a> Printer<'a> {
    fn piece(&mut self, all: &Pieces<'a>, index: usize) {
        let piece = &all.list[index];
        let before = index.checked_sub(1).map(|before| &all.list[before]);
        let begins_line = piece.breaks > 0 || before.is_none();
        if begins_line {
            self.begin_line(all, index);
        } else if before.is_some_and(|before| self.is_apart(all, index, before, piece)) {
            self.text.push(' ');
        }
        match piece.kind {
            Kind::Block => self.block(&Block::read(piece.text)),
            _ => self.text.push_str(piece.text),
        }
        if !piece.is_comment() {
            self.follow(piece, begins_line);
        }
    }

    fn begin_line(&mut self, all: &Pieces<'a>, index: usize) {
        let piece = &all.list[index];
        let now = self.indentation(all, index);
        if index > 0 {
            let is_inside = all.list[index - 1].kind == Kind::Open || piece.kind == Kind::Close;
            let breaks = if piece.breaks > 1 && !is_inside { 2 } else { 1 };
            (0..breaks).for_each(|_| self.text.push_str(self.line_end));
        }
        self.text.extend(std::iter::repeat_n(' ', now));
        self.lines.push(Line {
            before: piece.indentation,
            now,
        });
    }

    /// The indentation of the line that a piece begins.
    fn indentation(&self, all: &Pieces<'a>, index: usize) -> usize {
        let Some(frame) = self.frames.last() else {
            return 0;
        };
        let piece = &all.list[index];
        if piece.kind == Kind::Close {
            return frame.inner.saturating_sub(STEP);
        }
        if piece.is_comment() {
            // A comment is about what comes after it.
            let next = all.code_from(index);
            if next.is_none_or(|next| next.kind == Kind::Close) {
                return frame.inner;
            }
        }
        if frame.is_fresh {
            return frame.inner;
        }
        if let Some(back) = frame.back.and_then(|back| self.lines.get(back)) {
            return back.now;
        }
        let began = frame.statements.last().copied().flatten();
        let Some(item) = self.lines.get(began.unwrap_or(frame.item)) else {
            return frame.inner;
        };
        let before = all.code_before(index);
        let is_value = before.is_some_and(|before| {
            matches!(
                before.text,
                "=" | ":" | "::" | ":::" | "+:" | "+::" | "+:::"
            )
        });
        // A comment is where what comes after it is.
        let next = all.code_from(index).filter(|next| next.breaks > 0);
        let distance = next
            .unwrap_or(piece)
            .indentation
            .saturating_sub(item.before);
        item.now + distance.max(if is_value { STEP } else { 0 })
    }

    /// Keeps what a piece means for those after it.
    fn follow(&mut self, piece: &Piece<'a>, begins_line: bool) {
        let line = self.lines.len().saturating_sub(1);
        let here = self.lines.last().copied().unwrap_or_default();
        let is_outermost = self.frames.len() == 1;
        let Some(frame) = self.frames.last_mut() else {
            return;
        };
        let is_body = begins_line && frame.back.is_some();
        if is_body || frame.is_fresh && piece.kind != Kind::Close {
            frame.item = line;
        }
        let is_member = frame.is_fresh && frame.bracket == "{";
        frame.is_fresh = false;
        frame.back = None;
        match (piece.kind, piece.text) {
            (Kind::Open, bracket) => self.frames.push(Frame::new(bracket, here.now + STEP)),
            (Kind::Close, _) if !is_outermost => drop(self.frames.pop()),
            (Kind::Word, word @ ("local" | "assert")) => {
                frame.is_assertion = word == "assert";
                if !is_member {
                    frame.statements.push(begins_line.then_some(line));
                }
            }
            (Kind::Mark, ";") => {
                frame.is_assertion = false;
                frame.back = frame.statements.pop().flatten();
            }
            (Kind::Mark, ",") if frame.statements.is_empty() && !is_outermost => {
                frame.is_assertion = false;
                frame.is_fresh = true;
            }
            _ => {}
        }
    }

    /// A text block, its lines one level right of the line that it begins in.
    fn block(&mut self, block: &Block<'_>) {
        let indentation = self.lines.last().map_or(0, |line| line.now);
        self.text.push_str(block.head);
        self.text.push_str(self.line_end);
        for line in &block.lines {
            if !line.trim_end_matches(['\r', '\n']).is_empty() {
                self.text
                    .extend(std::iter::repeat_n(' ', indentation + STEP));
            }
            self.text.push_str(line);
        }
        self.text.extend(std::iter::repeat_n(' ', indentation));
        self.text.push_str("|||");
    }

    /// Whether there is a blank between two pieces of a line.
    fn is_apart(
        &self,
        all: &Pieces<'a>,
        index: usize,
        before: &Piece<'a>,
        piece: &Piece<'a>,
    ) -> bool {
        let frame = self.frames.last();
        let bracket = frame.map_or("", |frame| frame.bracket);
        let is_statement = frame.is_some_and(|frame| !frame.statements.is_empty());
        let is_assertion = frame.is_some_and(|frame| frame.is_assertion);
        if before.is_comment() || piece.is_comment() {
            return !matches!(piece.text, "," | ";" | ")" | "]") && before.kind != Kind::Open
                || piece.kind == Kind::LineComment;
        }
        match (before.text, piece.text) {
            ("{", "}") | (_, "," | ";" | ")" | "]" | "." | "?.") | ("(" | "[" | "." | "?.", _) => {
                false
            }
            ("{", _) | (_, "}") | ("," | ";", _) => true,
            (":" | "::", _) | (_, ":" | "::") if bracket == "[" => false,
            (_, ":") if is_assertion => true,
            (_, ":" | "::" | ":::" | "+:" | "+::" | "+:::") => false,
            ("=", _) | (_, "=") if bracket == "(" && !is_statement => false,
            _ if is_unary(all, index - 1) => false,
            (_, "(" | "[") => !(is_operand_end(before) || before.text == "function"),
            _ => true,
        }
    }
}

/// Whether a value may end with a piece.
fn is_operand_end(piece: &Piece<'_>) -> bool {
    match piece.kind {
        Kind::Word => !is_keyword(piece.text),
        Kind::Literal | Kind::Block | Kind::Close => true,
        _ => piece.text == "$",
    }
}

/// The words that stand between values, not for one.
fn is_keyword(word: &str) -> bool {
    matches!(
        word,
        "assert"
            | "else"
            | "error"
            | "for"
            | "function"
            | "if"
            | "import"
            | "importstr"
            | "importbin"
            | "in"
            | "local"
            | "then"
            | "tailstrict"
    )
}

/// Whether a piece is an operator of what comes after it alone.
fn is_unary(all: &Pieces<'_>, index: usize) -> bool {
    let before = all.code_before(index);
    match all.list[index].text {
        "!" | "~" => all.list[index].kind == Kind::Mark,
        "-" | "+" => all.list[index].kind == Kind::Mark && !before.is_some_and(is_operand_end),
        _ => false,
    }
}
