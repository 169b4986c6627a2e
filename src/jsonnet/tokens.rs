//! Jsonnet text as far as it can be understood without its grammar: strings and comments told from the rest.
//!
//! Linear and without recursion, so it is safe for any text, also for what the parser would reject or die of.

use std::ops::Range;

/// What matters of a program before it is parsed. Operators, numbers and comments are skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// `(`, `[` or `{`, with its place.
    Open(usize),
    Close,
    /// A keyword or an identifier.
    Word(Range<usize>),
    /// A string with all that delimits it.
    Text(Range<usize>),
    /// Anything else that is not blank.
    Other,
}

/// The tokens of a program.
pub(super) struct Tokens<'a> {
    text: &'a [u8],
    index: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, index: 0 }
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.index..]
    }

    /// Moves behind the next `end`, or to the end of the text.
    fn skip_behind(&mut self, end: &[u8]) {
        let found = (self.rest().windows(end.len())).position(|window| window == end);
        self.index = found.map_or(self.text.len(), |place| self.index + place + end.len());
    }

    fn skip_while(&mut self, test: impl Fn(u8) -> bool) {
        let count = self.rest().iter().take_while(|byte| test(**byte)).count();
        self.index += count;
    }

    /// Moves behind the quote that ends the string at the current place. A verbatim string doubles its quotes, which
    /// makes it two strings for this.
    fn skip_string(&mut self, quote: u8, is_verbatim: bool) {
        self.index += 1;
        while let Some(&byte) = self.text.get(self.index) {
            self.index += 1;
            match byte {
                b'\\' if !is_verbatim => self.index += 1,
                byte if byte == quote => break,
                _ => {}
            }
        }
        self.index = self.index.min(self.text.len());
    }

    fn skip_verbatim(&mut self, quote: u8) {
        self.index += 1;
        while self.text.get(self.index) == Some(&quote) {
            self.skip_string(quote, true);
        }
    }

    /// Moves behind a text block: its lines are indented as its first one; a line that is less so ends it with `|||`.
    fn skip_block(&mut self) {
        self.skip_behind(b"\n");
        let mut indentation = None;
        while self.index < self.text.len() {
            if self.rest().starts_with(b"\n") {
                self.index += 1;
                continue;
            }
            let start = self.index;
            self.skip_while(|byte| byte == b' ' || byte == b'\t');
            let blanks = self.index - start;
            if blanks < *indentation.get_or_insert(blanks.max(1)) {
                if self.rest().starts_with(b"|||") {
                    self.index += 3;
                }
                return;
            }
            self.skip_behind(b"\n");
        }
    }
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        loop {
            let start = self.index;
            let byte = *self.text.get(start)?;
            match byte {
                b' ' | b'\n' | b'\r' | b'\t' => self.index += 1,
                b'#' => self.skip_behind(b"\n"),
                b'/' if self.rest().starts_with(b"//") => self.skip_behind(b"\n"),
                b'/' if self.rest().starts_with(b"/*") => {
                    self.index += 2;
                    self.skip_behind(b"*/");
                }
                b'"' | b'\'' => {
                    self.skip_string(byte, false);
                    return Some(Token::Text(start..self.index));
                }
                b'@' => {
                    let quote = self.text.get(start + 1).copied();
                    match quote.filter(|quote| matches!(quote, b'"' | b'\'')) {
                        Some(quote) => {
                            self.skip_verbatim(quote);
                            return Some(Token::Text(start..self.index));
                        }
                        None => self.index += 1,
                    }
                }
                b'|' if self.rest().starts_with(b"|||") => {
                    self.skip_block();
                    return Some(Token::Text(start..self.index));
                }
                b'[' | b'{' | b'(' => {
                    self.index += 1;
                    return Some(Token::Open(start));
                }
                b']' | b'}' | b')' => {
                    self.index += 1;
                    return Some(Token::Close);
                }
                b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                    self.skip_while(|byte| byte == b'_' || byte.is_ascii_alphanumeric());
                    return Some(Token::Word(start..self.index));
                }
                _ => {
                    self.index += 1;
                    return Some(Token::Other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The words, the strings, and `.` for the rest.
    fn shown(text: &str) -> String {
        let token = |token| match token {
            Token::Word(range) | Token::Text(range) => text[range].to_owned(),
            Token::Open(_) | Token::Close | Token::Other => ".".to_owned(),
        };
        Tokens::new(text.as_bytes())
            .map(token)
            .collect::<Vec<_>>()
            .join(" ")
    }

    /// Catches what hides an import, and what looks like one and is none.
    #[test]
    fn strings_and_comments_are_told_from_the_rest() {
        for (text, expected) in [
            (r#"a'b\'c'd"e\\"f"#, r#"a 'b\'c' d "e\\" f"#),
            (r"@'a\'b@'c''d'e", r"@'a\' b @'c''d' e"),
            ("a // b\nc # d\ne /* f // */ g /h", "a c e g . h"),
            (
                "a|||\n  b ||| c\n\n   d\n |||e",
                "a |||\n  b ||| c\n\n   d\n ||| e",
            ),
            ("a|||-\n\n\tb\n|||+c", "a |||-\n\n\tb\n||| . c"),
            ("a || b", "a . . b"),
            ("{a: 1e5}", ". a . . e5 ."),
        ] {
            assert_eq!(shown(text), expected);
        }
        for unfinished in [
            "'a", "'\\", "@'", "@", "/*", "|||", "|||\n a", "|||\na", "#",
        ] {
            assert!(Tokens::new(unfinished.as_bytes()).count() <= 2);
        }
    }
}
