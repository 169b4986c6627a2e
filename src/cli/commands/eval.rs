//! `wake eval FILE`: evaluates a jsonnet file and prints the result as jsonnet's own command does.

use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::cli;
use crate::cli::options::Eval;
use crate::cli::session;
use crate::error::{Error, Result};
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
    match evaluators.ask(&request)?.result? {
        Answer::Value(value) => report::data(&text(value, options.is_string)?)?,
        other => {
            return Err(Error::internal(format!(
                "The evaluation answered `eval` with {other:?}"
            )));
        }
    }
    Ok(ExitCode::SUCCESS)
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
