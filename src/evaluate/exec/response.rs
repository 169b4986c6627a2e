//! Response files: arguments too long for the kernel go into a file that GCC, Clang and most others read as `@file`.

use std::borrow::Cow;

use crate::error::{Error, Result};
use crate::fs;
use crate::graph::ResponseFile;

use super::Process;

/// A longer command line goes into a file: far below the kernel's limit, which counts the environment too.
const LONG: usize = 100_000;
/// The kernel refuses a single argument of 128 KiB.
const LONG_ARGUMENT: usize = 120_000;

/// The arguments to start the process with, after writing its response file if it needs one.
///
/// # Errors
/// `Environment`: it cannot be written.
pub fn arguments(process: &Process) -> Result<Cow<'_, [String]>> {
    let total: usize = process.arguments.iter().map(|one| one.len() + 9).sum();
    let longest = process.arguments.iter().map(String::len).max().unwrap_or(0);
    let wanted = match process.response_file {
        ResponseFile::Auto => total > LONG || longest > LONG_ARGUMENT,
        ResponseFile::Always => true,
        ResponseFile::Never => false,
    };
    if !wanted {
        return Ok(Cow::Borrowed(&process.arguments));
    }
    let path = process.temporary.join("arguments.rsp");
    let mut text = String::with_capacity(total);
    for argument in &process.arguments {
        quote(argument, &mut text);
        text.push('\n');
    }
    fs::write(&path, text.as_bytes()).map_err(|error| {
        let report = error.report();
        let cause = std::iter::once(report.message.clone()).chain(report.causes.clone());
        let wrong = Error::environment("Its response file cannot be written");
        cause.fold(wrong, Error::cause)
    })?;
    Ok(Cow::Owned(vec![format!("@{}", path.display())]))
}

/// As GCC reads it: a backslash before white space, quotes and backslashes; an empty argument is a pair of quotes.
fn quote(argument: &str, text: &mut String) {
    if argument.is_empty() {
        text.push_str("\"\"");
    }
    for character in argument.chars() {
        if character.is_ascii_whitespace() || matches!(character, '\\' | '"' | '\'' | '\x0b') {
            text.push('\\');
        }
        text.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::quote;

    #[test]
    fn arguments_are_quoted_as_gcc_reads_them() {
        let quoted = |argument| {
            let mut text = String::new();
            quote(argument, &mut text);
            text
        };
        assert_eq!(quoted(""), "\"\"");
        assert_eq!(quoted(r#"-DX="a b\c""#), r#"-DX=\"a\ b\\c\""#);
        assert_eq!(quoted("it's\nü"), "it\\'s\\\nü");
    }
}
