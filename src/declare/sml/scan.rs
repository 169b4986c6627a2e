//! The words of SML: blanks, strings, numbers, names, references. No table and no array.
//!
//! A parser takes the text that is left and returns what is left after it. Nothing here looks further back or ahead
//! than one word, which keeps parsing linear.

use nom::bytes::complete::{take_while, take_while1};
use nom::character::complete::{char, digit1};
use nom::combinator::{opt, recognize};
use nom::error::{ErrorKind, ParseError};
use nom::sequence::pair;
use nom::{IResult, Parser};

use super::value::{LanguageReference, PackageReference, ValueKind};

/// What is left of the text and what was read, or the problem.
pub(super) type Parsed<'a, T> = IResult<&'a str, T, Problem<'a>>;

/// What is wrong with a document, and where: the text from there on, and how many bytes of it are meant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Problem<'a> {
    pub(super) rest: &'a str,
    pub(super) length: usize,
    pub(super) fault: Fault<'a>,
}

/// The kinds of problems. A `&str` is the text from another place on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault<'a> {
    /// What was expected.
    Expected(&'static str),
    /// The string has no end on its line.
    UnclosedString,
    UnknownEscape,
    /// A control character in a string or comment.
    ControlCharacter,
    IntegerTooLarge,
    DecimalTooLarge,
    /// The table or array has no end.
    Unclosed(&'static str),
    /// The table or array has another delimiter there.
    Mixed(&'static str, &'a str),
    /// A delimiter with no value after it.
    Trailing(&'static str),
    /// The key is there already.
    Duplicate(&'a str),
    TooDeep,
}

impl<'a> ParseError<&'a str> for Problem<'a> {
    fn from_error_kind(rest: &'a str, _: ErrorKind) -> Self {
        Self {
            rest,
            length: 0,
            fault: Fault::Expected("something else"),
        }
    }

    fn append(_: &'a str, _: ErrorKind, other: Self) -> Self {
        other
    }
}

/// A problem that no alternative can mend.
pub(super) fn fail<'a, T>(rest: &'a str, length: usize, fault: Fault<'a>) -> Parsed<'a, T> {
    Err(nom::Err::Failure(Problem {
        rest,
        length,
        fault,
    }))
}

/// `expected`, at the word that is there instead.
pub(super) fn expected<'a, T>(rest: &'a str, expected: &'static str) -> Parsed<'a, T> {
    let word = rest
        .find(|c: char| !c.is_alphanumeric())
        .unwrap_or(rest.len());
    let length = if word > 0 {
        word
    } else {
        rest.chars().next().map_or(0, char::len_utf8)
    };
    fail(rest, length, Fault::Expected(expected))
}

/// Blanks and a comment, up to the end of the line at most.
pub(super) fn blanks(input: &str) -> Parsed<'_, ()> {
    let (rest, _) = take_while(|c| matches!(c, ' ' | '\t')).parse(input)?;
    if !rest.starts_with('#') {
        return Ok((rest, ()));
    }
    let end = rest
        .bytes()
        .position(|byte| byte == b'\n')
        .unwrap_or(rest.len());
    let comment = rest[..end].strip_suffix('\r').unwrap_or(&rest[..end]);
    match comment.find(is_control) {
        Some(at) => fail(&rest[at..], 1, Fault::ControlCharacter),
        None => Ok((&rest[comment.len()..], ())),
    }
}

/// As [`blanks`], with line ends; returns whether there was one.
pub(super) fn lines(input: &str) -> Parsed<'_, bool> {
    let (mut rest, ()) = blanks(input)?;
    let mut is_broken = false;
    while let Some(next) = rest
        .strip_prefix('\n')
        .or_else(|| rest.strip_prefix("\r\n"))
    {
        is_broken = true;
        (rest, ()) = blanks(next)?;
    }
    Ok((rest, is_broken))
}

/// The characters below a space but tab, and delete: invisible, and never meant.
fn is_control(character: char) -> bool {
    character.is_ascii_control() && character != '\t'
}

/// `'text'`. It ends on its line.
pub(super) fn string(input: &str) -> Parsed<'_, String> {
    let (mut rest, _) = char('\'').parse(input)?;
    let mut text = String::new();
    loop {
        let plain = rest
            .bytes()
            .position(|byte| matches!(byte, b'\'' | b'\\' | 0x7f | ..b' ') && byte != b'\t');
        let Some(plain) = plain else {
            return fail(input, input.len(), Fault::UnclosedString);
        };
        text.push_str(&rest[..plain]);
        rest = &rest[plain..];
        match rest.as_bytes()[0] {
            b'\'' => return Ok((&rest[1..], text)),
            b'\\' => {
                let (after, character) = escape(rest)?;
                text.push(character);
                rest = after;
            }
            b'\n' | b'\r' => return fail(input, input.len() - rest.len(), Fault::UnclosedString),
            _ => return fail(rest, 1, Fault::ControlCharacter),
        }
    }
}

/// A backslash and the character that says what is meant.
fn escape(input: &str) -> Parsed<'_, char> {
    let mut characters = input.chars();
    characters.next();
    let meant = match characters.next() {
        Some('0') => '\0',
        Some('t') => '\t',
        Some('n') => '\n',
        Some('f') => '\u{c}',
        Some('r') => '\r',
        Some('e') => '\u{1b}',
        Some('\'') => '\'',
        Some('\\') => '\\',
        Some(other) if !other.is_control() => {
            return fail(input, 1 + other.len_utf8(), Fault::UnknownEscape);
        }
        _ => return fail(input, 1, Fault::UnknownEscape),
    };
    Ok((characters.as_str(), meant))
}

/// An integer, a decimal or a version. `-` may stand before the first two.
pub(super) fn number(input: &str) -> Parsed<'_, ValueKind> {
    let (unsigned, minus) = opt(char('-')).parse(input)?;
    let (rest, (text, dots)) = numbers(unsigned)?;
    let written = &input[..input.len() - rest.len()];
    if rest.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '.' | '_')) {
        return expected(rest, "the number to end here");
    }
    let kind = match dots {
        0 => match written.parse() {
            Ok(integer) => ValueKind::Integer(integer),
            Err(_) => return fail(input, written.len(), Fault::IntegerTooLarge),
        },
        1 => match written.parse() {
            Ok(decimal) if f64::is_finite(decimal) => ValueKind::Decimal(decimal),
            _ => return fail(input, written.len(), Fault::DecimalTooLarge),
        },
        _ if minus.is_some() => return expected(input, "a version without `-`"),
        _ => ValueKind::Version(text.to_owned()),
    };
    Ok((rest, kind))
}

/// One to three numbers with dots between them, and how many dots.
fn numbers(input: &str) -> Parsed<'_, (&str, usize)> {
    let mut rest = input;
    for dots in 0..3 {
        let (after, _) = match digit1::<_, Problem<'_>>(rest) {
            Ok(digits) => digits,
            Err(_) => return expected(rest, "a digit"),
        };
        rest = after;
        match rest.strip_prefix('.') {
            Some(after) if dots < 2 => rest = after,
            _ => return Ok((rest, (&input[..input.len() - rest.len()], dots))),
        }
    }
    Ok((rest, (&input[..input.len() - rest.len()], 2)))
}

/// A letter, then letters, digits and characters of `more`.
fn name<'a>(input: &'a str, more: &'static str, meaning: &'static str) -> Parsed<'a, &'a str> {
    let first = take_while1(|c: char| c.is_ascii_alphabetic());
    let others = take_while(|c: char| c.is_ascii_alphanumeric() || more.contains(c));
    match recognize(pair(first, others)).parse(input) {
        Err(nom::Err::Error(Problem { .. })) => expected(input, meaning),
        other => other,
    }
}

/// A key without quotes: a letter, then letters and digits.
pub(super) fn bare_key(input: &str) -> Parsed<'_, &str> {
    name(input, "", "a key")
}

/// `true` or `false`.
pub(super) fn boolean(input: &str) -> Parsed<'_, ValueKind> {
    let (rest, word) = name(input, "_-", "a value")?;
    match word {
        "true" => Ok((rest, ValueKind::Boolean(true))),
        "false" => Ok((rest, ValueKind::Boolean(false))),
        _ => fail(
            input,
            word.len(),
            Fault::Expected("a value (a string needs single quotes)"),
        ),
    }
}

/// A mark of a reference, with blanks around it.
fn mark<'a>(input: &'a str, mark: char, meaning: &'static str) -> Parsed<'a, ()> {
    let (rest, ()) = spaces(input)?;
    match rest.strip_prefix(mark) {
        Some(rest) => spaces(rest),
        None => expected(rest, meaning),
    }
}

fn spaces(input: &str) -> Parsed<'_, ()> {
    let (rest, _) = take_while(|c| matches!(c, ' ' | '\t')).parse(input)?;
    Ok((rest, ()))
}

/// `(C++@0)`.
pub(super) fn language_reference(input: &str) -> Parsed<'_, ValueKind> {
    let (rest, ()) = mark(input, '(', "`(`")?;
    let (rest, name) = language_name(rest)?;
    let (rest, ()) = mark(rest, '@', "`@` and the version of the language")?;
    let (rest, (version, _)) = numbers(rest)?;
    let (rest, ()) = spaces(rest)?;
    let Some(rest) = rest.strip_prefix(')') else {
        return expected(rest, "`)`");
    };
    let reference = LanguageReference {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    Ok((rest, ValueKind::Language(Box::new(reference))))
}

/// Soup's rule for it, and the dots of `Language.Test`.
fn language_name(input: &str) -> Parsed<'_, &str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "+#._".contains(c);
    match take_while1::<_, _, Problem<'_>>(is_part).parse(input) {
        Err(_) => expected(input, "the name of a language"),
        named => named,
    }
}

/// `<user|name@1.2>` or `<(C#)user|name@1.2>`.
pub(super) fn package_reference(input: &str) -> Parsed<'_, ValueKind> {
    let (mut rest, ()) = mark(input, '<', "`<`")?;
    let mut language = None;
    if rest.starts_with('(') {
        let (after, ()) = mark(rest, '(', "`(`")?;
        let (after, name) = language_name(after)?;
        (rest, ()) = mark(after, ')', "`)`")?;
        language = Some(name.to_owned());
    }
    let (rest, user) = name(rest, "-_.", "the user that owns the package")?;
    let (rest, ()) = mark(rest, '|', "`|` and the name of the package")?;
    let (rest, package) = name(rest, "-_.", "the name of the package")?;
    let (rest, ()) = mark(rest, '@', "`@` and the version of the package")?;
    let (rest, (version, _)) = numbers(rest)?;
    let (rest, ()) = spaces(rest)?;
    let Some(rest) = rest.strip_prefix('>') else {
        return expected(rest, "`>`");
    };
    let reference = PackageReference {
        language,
        user: user.to_owned(),
        name: package.to_owned(),
        version: version.to_owned(),
    };
    Ok((rest, ValueKind::Package(Box::new(reference))))
}
