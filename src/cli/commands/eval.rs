//! `wake eval FILE`: evaluates a jsonnet file and prints the result as jsonnet's own command does.

use std::path::Path;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::cli;
use crate::cli::options::{Eval, EvalForm};
use crate::cli::session;
use crate::error::{Error, Result};
use crate::fs;
use crate::jsonnet::protocol::{Answer, Request};
use crate::report;

pub(super) fn run(options: &Eval) -> Result<ExitCode> {
    let evaluators = session::evaluators(options.evaluation, &cli::environment())?;
    let request = Request::Eval {
        file: options.file.clone(),
        library_path: options.library_path.clone(),
        arguments: options.arguments.clone(),
        top: cli::working_directory()?,
    };
    let value = match evaluators.ask(&request)?.result? {
        Answer::Value(value) => value,
        other => return Err(crate::pkg::packages::unexpected(&other)),
    };
    let printed = match &options.form {
        EvalForm::One => text(value, options.is_string)?,
        EvalForm::YamlStream => yaml_stream(value)?,
        EvalForm::Files(directory) => write_files(value, directory, options.is_string)?,
    };
    match &options.output {
        Some(file) => fs::write(file, printed.as_bytes())?,
        None => report::data(&printed)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// The elements of a list as documents.
fn yaml_stream(value: Value) -> Result<String> {
    let Value::Array(documents) = value else {
        return Err(
            Error::user(format!("The result must be an array, not {}", kind(&value)))
                .hint("leave out `--yaml-stream` to print JSON"),
        );
    };
    let mut stream = String::new();
    for document in &documents {
        stream.push_str("---\n");
        stream.push_str(&pretty(document)?);
    }
    stream.push_str("...\n");
    Ok(stream)
}

/// Writes each field of an object into a file, and returns the paths of these, a line each.
fn write_files(value: Value, directory: &Path, is_string: bool) -> Result<String> {
    let Value::Object(files) = value else {
        return Err(Error::user(format!(
            "The result must be an object of files, not {}",
            kind(&value)
        ))
        .hint("leave out `--multi` to print JSON"));
    };
    let mut texts = Vec::new();
    for (name, value) in files {
        let below = fs::path::clean(Path::new(&name));
        if below.as_os_str().is_empty() || below.is_absolute() || below.starts_with("..") {
            return Err(Error::user(format!(
                "`{name}` is no path of a file in `{}`",
                directory.display()
            )));
        }
        let content = match (value, is_string) {
            (Value::String(content), true) => content,
            (value, true) => {
                let found = kind(&value);
                return Err(
                    Error::user(format!("`{name}` must be a string, not {found}"))
                        .hint("leave out `--string` to write JSON"),
                );
            }
            (value, false) => pretty(&value)?,
        };
        texts.push((directory.join(below), content));
    }
    let mut names = String::new();
    for (path, content) in texts {
        if let Some(parent) = path.parent() {
            fs::create_directories(parent)?;
        }
        fs::write_if_changed(&path, content.as_bytes())?;
        names.push_str(&format!("{}\n", path.display()));
    }
    Ok(names)
}

/// The value as jsonnet prints it: JSON indented by three spaces, or the string itself.
fn text(value: Value, is_string: bool) -> Result<String> {
    match (value, is_string) {
        (Value::String(text), true) => Ok(text + "\n"),
        (other, true) => Err(Error::user(format!(
            "The result must be a string, not {}",
            kind(&other)
        ))
        .hint("leave out `--string` to print JSON")),
        (other, false) => pretty(&other),
    }
}

fn pretty(value: &Value) -> Result<String> {
    let mut bytes = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"   ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut bytes, formatter);
    let failure = |cause: String| Error::internal("The result cannot be printed").cause(cause);
    value
        .serialize(&mut serializer)
        .map_err(|error| failure(error.to_string()))?;
    bytes.push(b'\n');
    String::from_utf8(bytes).map_err(|error| failure(error.to_string()))
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_printed_as_jsonnet_does() {
        let value = serde_json::json!({"a": [1, "x\n"], "b": {}});
        assert_eq!(
            text(value.clone(), false).unwrap(),
            "{\n   \"a\": [\n      1,\n      \"x\\n\"\n   ],\n   \"b\": {}\n}\n"
        );
        assert_eq!(
            text(Value::String("x\n".to_owned()), true).unwrap(),
            "x\n\n"
        );
        let error = text(value, true).unwrap_err();
        assert_eq!(
            error.to_string(),
            "The result must be a string, not an object"
        );
    }
}
