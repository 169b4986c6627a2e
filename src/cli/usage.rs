//! What clap has to say, in wake's words: a flag or value that does not exist is an [`Error`] like any other.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::args::Arguments;
use crate::error::Error;

/// The error of `arguments`, which clap did not accept.
pub(super) fn error(said: &clap::Error, arguments: &[OsString]) -> Error {
    let hint = suggestion(said)
        .unwrap_or_else(|| format!("`{} --help` shows what there is", command(arguments)));
    Error::user(message(said)).hint(hint)
}

fn message(said: &clap::Error) -> String {
    let flag = name(said, ContextKind::InvalidArg);
    let value = text(said, ContextKind::InvalidValue).unwrap_or_default();
    match said.kind() {
        ErrorKind::UnknownArgument if flag.starts_with("`-") => format!("Unknown flag {flag}"),
        ErrorKind::UnknownArgument => format!("Argument {flag} is one too many"),
        ErrorKind::InvalidSubcommand => {
            format!(
                "Unknown command {}",
                name(said, ContextKind::InvalidSubcommand)
            )
        }
        ErrorKind::MissingSubcommand => "There is no command".to_owned(),
        ErrorKind::MissingRequiredArgument => format!("{flag} is missing"),
        ErrorKind::ArgumentConflict => {
            format!(
                "{flag} cannot be used with {}",
                name(said, ContextKind::PriorArg)
            )
        }
        ErrorKind::InvalidValue if value.is_empty() => format!("{flag} needs a value"),
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => {
            format!("{flag} cannot be `{value}`")
        }
        ErrorKind::TooManyValues => format!("{flag} has too many values: `{value}`"),
        ErrorKind::NoEquals => format!("{flag} needs `=` before its value"),
        ErrorKind::InvalidUtf8 => "An argument is not UTF-8 text".to_owned(),
        _ => format!("{flag} is not understood"),
    }
}

/// What was probably meant, or what there is.
fn suggestion(said: &clap::Error) -> Option<String> {
    let meant = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    for kind in meant {
        let mut meant = said.get(kind).map(words).unwrap_or_default();
        // One letter (`b` for `build`) is near to everything.
        meant.retain(|word| word.chars().count() > 1);
        if !meant.is_empty() {
            return Some(format!("did you mean {}?", quoted(&meant, "or")));
        }
    }
    let valid = said
        .get(ContextKind::ValidValue)
        .map(words)
        .unwrap_or_default();
    (!valid.is_empty()).then(|| format!("it can be {}", quoted(&valid, "or")))
}

/// `wake build`, as far as it was understood.
fn command(arguments: &[OsString]) -> String {
    let wake = Arguments::command();
    let (mut found, mut name) = (&wake, "wake".to_owned());
    for word in arguments.iter().skip(1).filter_map(|word| word.to_str()) {
        if let Some(command) = found.find_subcommand(word) {
            name = format!("{name} {}", command.get_name());
            found = command;
        }
    }
    name
}

/// The names under `kind` in backticks; of a flag with its value (`--jobs <N>`), the flag.
fn name(said: &clap::Error, kind: ContextKind) -> String {
    let names = said.get(kind).map(words).unwrap_or_default();
    let names: Vec<String> = names.iter().map(|name| flag(name)).collect();
    if names.is_empty() {
        return "An argument".to_owned();
    }
    quoted(&names, "and")
}

fn flag(shown: &str) -> String {
    let shown = match shown.split_once(' ') {
        Some((flag, _)) if flag.starts_with('-') => flag,
        _ => shown,
    };
    shown
        .trim_end_matches("...")
        .trim_matches(['<', '>'])
        .to_owned()
}

fn text(said: &clap::Error, kind: ContextKind) -> Option<String> {
    said.get(kind).map(|value| words(value).join(" "))
}

fn words(value: &ContextValue) -> Vec<String> {
    match value {
        ContextValue::String(text) => vec![text.clone()],
        ContextValue::Strings(texts) => texts.clone(),
        ContextValue::StyledStr(text) => vec![text.to_string()],
        ContextValue::StyledStrs(texts) => texts.iter().map(ToString::to_string).collect(),
        _ => Vec::new(),
    }
}

fn quoted(names: &[String], last: &str) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    match names.split_last() {
        Some((end, start)) if !start.is_empty() => format!("{} {last} {end}", start.join(", ")),
        _ => names.concat(),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[test]
    fn every_mistake_is_worded_as_our_own() {
        let mut told = String::new();
        for words in [
            "wake biuld",
            "wake zzzzzz",
            "wake frobnicate",
            "wake build --flavour Release",
            "wake build --zzz",
            "wake target a b",
            "wake build -q -v",
            "wake build --check hsah",
            "wake graph --format xml",
            "wake build -k many",
            "wake build --events",
            "wake eval",
            "wake build --force=yes",
            "wake build --skip-generate --skip-evaluate",
        ] {
            let arguments: Vec<OsString> = words.split(' ').map(OsString::from).collect();
            let said = Arguments::try_parse_from(&arguments).unwrap_err();
            let error = error(&said, &arguments);
            let hint = error.report().hint.clone().unwrap_or_default();
            told.push_str(&format!("{words}\n  {error}\n  hint: {hint}\n"));
        }
        insta::assert_snapshot!(told);
    }
}
