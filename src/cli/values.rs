//! Values of flags, from text: numbers, times, sizes, patterns, `NAME=VALUE`. It does not know which flag takes what.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use crate::error::{Error, Kind, Result};

/// `NAME=VALUE`, or `NAME` for the environment variable of that name.
pub(super) fn named_value(
    flag: &str,
    text: &str,
    environment: &BTreeMap<String, String>,
) -> Result<(String, String)> {
    if text.contains('=') {
        let (name, value) = split(flag, text, "NAME=VALUE")?;
        return Ok((name.to_owned(), value.to_owned()));
    }
    match environment.get(text) {
        Some(value) => Ok((text.to_owned(), value.clone())),
        None => Err(Error::user(format!(
            "Environment variable `{text}`, named by `{flag} {text}`, is not set"
        ))
        .hint(format!("give a value: `{flag} {text}=…`"))),
    }
}

/// `NAME=FILE`: the name and the content of the file.
pub(super) fn named_file(flag: &str, text: &str) -> Result<(String, String)> {
    let (name, file) = split(flag, text, "NAME=FILE")?;
    let bytes = crate::fs::read(Path::new(file)).map_err(|mut error| {
        error.report_mut().kind = Kind::User;
        error.cause(format!("named by `{flag} {text}`"))
    })?;
    match String::from_utf8(bytes) {
        Ok(content) => Ok((name.to_owned(), content)),
        Err(_) => Err(Error::user(format!(
            "`{file}`, named by `{flag}`, is not UTF-8 text"
        ))),
    }
}

pub(super) fn split<'a>(flag: &str, text: &'a str, form: &str) -> Result<(&'a str, &'a str)> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err(
            Error::user(format!("`{flag} {text}` has no name or no value"))
                .hint(format!("write `{flag} {form}`")),
        ),
    }
}

/// Seconds: `3d`, `12h`, `2w`, `1d 12h`, …
pub(super) fn age(flag: &str, text: &str) -> Result<i64> {
    let wrong = || {
        Error::user(format!("`{flag}` must be an age, not `{text}`"))
            .hint(format!("write `{flag} 3d`, `{flag} 12h`, `{flag} 2w`, …"))
    };
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    let days = jiff::SpanRelativeTo::days_are_24_hours();
    let duration = span.to_duration(days).map_err(|_| wrong())?;
    match duration.as_secs() {
        seconds @ 0.. => Ok(seconds),
        _ => Err(wrong()),
    }
}

/// A number from 1 to `most`.
pub(super) fn number(flag: &str, text: &str, most: u32) -> Result<u32> {
    match text.parse() {
        Ok(number) if (1..=most).contains(&number) => Ok(number),
        _ => Err(Error::user(format!(
            "`{flag}` must be a number from 1 to {most}, not `{text}`"
        ))),
    }
}

/// A number from 0 to `most`.
pub(super) fn count(flag: &str, text: &str, most: u32) -> Result<u32> {
    match text.parse() {
        Ok(number) if number <= most => Ok(number),
        _ => Err(Error::user(format!(
            "`{flag}` must be a number from 0 to {most}, not `{text}`"
        ))),
    }
}

/// A load of a machine; `None`: no limit.
pub(super) fn load(flag: &str, text: &str) -> Result<Option<f64>> {
    match text.parse::<f64>() {
        Ok(load) if load.is_finite() && load >= 0.0 => Ok((load > 0.0).then_some(load)),
        _ => Err(Error::user(format!(
            "`{flag}` must be a number from 0 on, not `{text}`"
        ))),
    }
}

/// `NAME=DEPTH`: a pool, and how many operations of it run at once.
pub(super) fn pool(flag: &str, text: &str, most: u32) -> Result<(String, usize)> {
    let (name, depth) = split(flag, text, "NAME=DEPTH")?;
    let depth = count(&format!("{flag} {name}"), depth, most)?;
    Ok((name.to_owned(), no_limit_if_zero(depth)))
}

/// Zero as no limit.
pub(super) fn no_limit_if_zero(depth: u32) -> usize {
    match depth {
        0 => usize::MAX,
        depth => depth as usize,
    }
}

/// A time in seconds, from a millisecond to a year.
pub(super) fn seconds(flag: &str, text: &str) -> Result<Duration> {
    const YEAR: f64 = 366.0 * 24.0 * 3600.0;
    let digits = text.strip_suffix('s').unwrap_or(text);
    match digits.parse::<f64>() {
        Ok(seconds) if (0.001..=YEAR).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(Error::user(format!(
            "`{flag}` must be a number of seconds above 0, not `{text}`"
        ))),
    }
}

/// A number of bytes with a unit: `512MiB`, `4GiB`, `1000000`. Units are powers of 1024; `MB` and `M` mean `MiB`.
pub(super) fn size(flag: &str, text: &str) -> Result<u64> {
    let end = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => Some(1),
        "k" | "kb" | "kib" => Some(1 << 10),
        "m" | "mb" | "mib" => Some(1 << 20),
        "g" | "gb" | "gib" => Some(1 << 30),
        "t" | "tb" | "tib" => Some(1_u64 << 40),
        _ => None,
    };
    let bytes = digits
        .parse::<u64>()
        .ok()
        .zip(factor)
        .and_then(|(number, factor)| number.checked_mul(factor));
    match bytes {
        Some(bytes) if bytes > 0 => Ok(bytes),
        _ => Err(
            Error::user(format!("`{flag}` must be a size, not `{text}`"))
                .hint("write a number and a unit, like `512MiB` or `4GiB`"),
        ),
    }
}

pub(super) fn pattern(text: String) -> Result<String> {
    match globset::Glob::new(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Error::user(format!("`--filter {text}` is not a pattern"))
            .cause(error.kind().to_string())
            .hint("patterns have `*`, `?`, `[]`, `{a,b}`")),
    }
}
