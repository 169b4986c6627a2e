//! From the library's errors to wake's: words, places and a short trace.
//!
//! The library's own formatters count characters against byte offsets; places are worked out here.

use std::rc::Rc;

use jrsonnet_evaluator::error::{ErrorKind, StackTraceElement};
use jrsonnet_evaluator::{Error as JsonnetError, IStr};

use super::functions;
use super::session::Session;
use crate::error::{Error, Frame, Location, suggestion};

/// How many lines of a trace are shown.
const LONGEST_TRACE: usize = 20;

/// Makes an error of wake travel through the library, gathering a trace.
pub(super) fn raise(error: Error) -> JsonnetError {
    ErrorKind::Other(Rc::new(anyhow::Error::new(error))).into()
}

/// The error as the user sees it.
pub(super) fn translate(session: &Session, error: &JsonnetError) -> Error {
    let elements = &error.trace().0;
    let mut translated = match error.error() {
        ErrorKind::Other(other) => other
            .downcast_ref::<Error>()
            .cloned()
            .unwrap_or_else(|| Error::user(capitalized(&other.to_string()))),
        ErrorKind::ImportSyntaxError { path, error } => {
            let span = jrsonnet_evaluator::parser::Span(
                path.clone(),
                offset(error.location.offset),
                offset(error.location.offset + 1),
            );
            syntax_error(path.code(), error).at_if_absent(session.locate(&span).as_ref())
        }
        ErrorKind::RuntimeError(text) if is_thrown(elements) => {
            Error::user(format!("The program throws: {text}"))
        }
        ErrorKind::InfiniteRecursionDetected if is_import(elements) => {
            Error::user("Files import each other in a cycle")
                .hint("move what both need into a file of its own")
        }
        kind => describe(kind),
    };
    let innermost = (elements.iter())
        .find_map(|element| element.location.as_ref())
        .and_then(|span| session.locate(span));
    translated = translated.at_if_absent(innermost.as_ref());
    if let (ErrorKind::NoSuchField(name, near), Some(at)) = (error.error(), &innermost)
        && near.is_empty()
        && is_field_of_wake(at)
    {
        translated = translated.hint_option(suggestion(name, functions::names()));
    }
    let shown = translated.report().at.clone();
    for frame in frames(session, elements, shown.as_ref()) {
        translated = translated.frame(frame.at, frame.description);
    }
    let current = session.current();
    if translated.report().at.is_none() && !translated.report().message.contains(&current) {
        translated = translated.cause(format!("while evaluating {current}"));
    }
    translated
}

/// Whether the error comes from `error …` in the program, not from the library.
fn is_thrown(elements: &[StackTraceElement]) -> bool {
    elements
        .first()
        .is_some_and(|innermost| innermost.desc == "error statement")
}

/// Whether the error comes from an import.
fn is_import(elements: &[StackTraceElement]) -> bool {
    elements
        .first()
        .is_some_and(|innermost| innermost.desc.starts_with("import "))
}

/// Whether the name at a place is read from `wake`: then the near names are known better than by the library.
fn is_field_of_wake(at: &Location) -> bool {
    let before: String = at
        .text
        .chars()
        .take(at.column.saturating_sub(1) as usize)
        .collect();
    before.ends_with("wake.")
}

fn offset(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// The trace without lines that say the same place twice in a row, cut in the middle where it is long.
fn frames(
    session: &Session,
    elements: &[StackTraceElement],
    shown: Option<&Location>,
) -> Vec<Frame> {
    let mut frames: Vec<Frame> = Vec::new();
    let mut left_out = 0;
    for (index, element) in elements.iter().enumerate() {
        // The innermost and the outermost calls say most; between them a deep recursion repeats itself.
        if frames.len() >= LONGEST_TRACE && index + LONGEST_TRACE / 4 < elements.len() {
            left_out += 1;
            continue;
        }
        if left_out > 0 {
            frames.push(Frame {
                at: None,
                description: format!("… {left_out} more …"),
            });
            left_out = 0;
        }
        let at = element
            .location
            .as_ref()
            .and_then(|span| session.locate(span));
        let repeats = match (&at, frames.last()) {
            (Some(at), Some(last)) => last.at.as_ref() == Some(at),
            (Some(at), None) => shown == Some(at),
            (None, _) => false,
        };
        let description = frame_text(&element.desc);
        let echoes =
            (frames.last()).is_some_and(|last| at.is_none() && last.description == description);
        if !repeats && !echoes {
            frames.push(Frame { at, description });
        }
    }
    frames
}

/// "function <f> call" → "call of `f`".
fn frame_text(description: &str) -> String {
    let named = |prefix: &str, suffix: &str| {
        description
            .strip_prefix(prefix)
            .and_then(|rest| rest.strip_suffix(suffix))
    };
    if let Some(name) = named("function <", "> call") {
        match (name, name.strip_prefix("builtin_")) {
            ("anonymous", _) => "call of a function".to_owned(),
            (_, Some(builtin)) => format!("call of `std.{}`", camel_case(builtin)),
            (name, None) => format!("call of `{name}`"),
        }
    } else if let Some(name) = named("local <", "> access") {
        format!("value of `{name}`")
    } else if let Some(name) = named("field <", "> access")
        .or_else(|| named("field <", "> evaluation"))
        .or_else(|| named("field <", "> manifestification"))
    {
        format!("field `{name}`")
    } else {
        description.to_owned()
    }
}

/// `to_string` → `toString`.
fn camel_case(name: &str) -> String {
    let mut words = name.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |name, word| {
        let mut letters = word.chars();
        let initial = letters.next().into_iter().flat_map(char::to_uppercase);
        name + &initial.chain(letters).collect::<String>()
    })
}

pub(super) fn syntax_error(code: &str, error: &jrsonnet_evaluator::parser::ParseError) -> Error {
    let tokens: Vec<&str> = error.expected.tokens().collect();
    if let Some(fatal) = tokens.iter().find_map(|token| token.strip_prefix("!!!")) {
        return Error::user("Syntax error").cause(fatal);
    }
    let found = match code
        .get(error.location.offset..)
        .and_then(|rest| rest.chars().next())
    {
        Some(character) => format!("`{}`", character.escape_debug()),
        None => "the end of the file".to_owned(),
    };
    let mut expected: Vec<String> = tokens
        .iter()
        .filter(|token| !matches!(**token, "<whitespace>" | "[_]" | "\"\""))
        .map(|token| expected_token(token))
        .collect();
    expected.sort();
    expected.dedup();
    let message = format!("Syntax error: {found} is not expected here");
    match expected.len() {
        0 => Error::user(message),
        1..=8 => Error::user(message).cause(format!("expected {}", expected.join(", "))),
        _ => Error::user(message).cause(format!("expected {}, …", expected[..8].join(", "))),
    }
}

/// `"\"(\""` → "`(`", `<comma>` → "a comma".
fn expected_token(token: &str) -> String {
    if let Some(name) = token
        .strip_prefix('<')
        .and_then(|rest| rest.strip_suffix('>'))
    {
        return match name {
            "comma" => "`,`".to_owned(),
            "eof" => "the end of the file".to_owned(),
            other => other.to_owned(),
        };
    }
    // Literals come quoted, classes of characters as `['x']`.
    let token = token
        .strip_prefix("['")
        .and_then(|rest| rest.strip_suffix("']"))
        .unwrap_or_else(|| token.trim_matches('"'));
    let unescaped = token.strip_prefix('\\').filter(|rest| !rest.is_empty());
    format!("`{}`", unescaped.unwrap_or(token))
}

/// What an error of the library says; its place is another matter.
pub(super) fn describe(kind: &ErrorKind) -> Error {
    match kind {
        ErrorKind::NoSuchField(name, near) => {
            with_near(Error::user(format!("There is no field `{name}`")), near)
        }
        ErrorKind::VariableIsNotDefined(name, near) => {
            with_near(Error::user(format!("There is no variable `{name}`")), near)
        }
        ErrorKind::RuntimeError(text) => Error::user(capitalized(text)),
        ErrorKind::AssertionFailed(text) if &**text == "null" => Error::user("An assertion fails"),
        ErrorKind::AssertionFailed(text) => Error::user(format!("An assertion fails: {text}")),
        ErrorKind::StackOverflow => Error::user("The recursion is too deep")
            .cause("probably a function or a field that needs itself without end"),
        ErrorKind::InfiniteRecursionDetected => {
            Error::user("A value needs itself to be worked out")
        }
        ErrorKind::UnknownFunctionParameter(name) => {
            Error::user(format!("The function has no parameter `{name}`"))
        }
        ErrorKind::FunctionParameterNotBoundInCall(Some(name), _) => Error::user(format!(
            "The call gives no argument for the parameter `{name}`"
        )),
        ErrorKind::TooManyArgsFunctionHas(count, _) => {
            Error::user(format!("Too many arguments: the function takes {count}"))
        }
        ErrorKind::ConvertNumValue(_) => Error::user("A number is too large")
            .cause("the largest number of jsonnet is about 1.8e308"),
        ErrorKind::ImportBadFileUtf8(path) => Error::user(format!("`{path}` is not UTF-8 text")),
        other => Error::user(capitalized(&other.to_string())),
    }
}

fn with_near(error: Error, near: &[IStr]) -> Error {
    match near {
        [] => error,
        near => {
            let names: Vec<String> = near
                .iter()
                .take(3)
                .map(|name| format!("`{name}`"))
                .collect();
            error.hint(format!("did you mean {}?", names.join(" or ")))
        }
    }
}

fn capitalized(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => "The evaluation fails without a word".to_owned(),
    }
}
