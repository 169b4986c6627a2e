//! What trying tasks came to, as the JSON that tests speak of: the fields of `wake.operation` under their names, messages
//! as text. It compares nothing.

use serde_json::{Map, Value, json};

use crate::event::Level;
use crate::graph::ResponseFile;
use crate::jsonnet::protocol::{ActionSpec, OperationSpec, TaskMessage, Tried};

/// All parts, with all fields of operations.
pub(super) fn full(tried: &Tried) -> Map<String, Value> {
    let operations = |list: &[OperationSpec]| -> Value { list.iter().map(operation).collect() };
    let messages = tried.generated.messages.iter();
    Map::from_iter([
        ("tasks".to_owned(), json!(tried.tasks)),
        ("activeState".to_owned(), tried.active_state.clone()),
        (
            "sharedState".to_owned(),
            tried.generated.shared_state.clone(),
        ),
        (
            "operations".to_owned(),
            operations(&tried.generated.operations),
        ),
        (
            "preprocess".to_owned(),
            operations(&tried.generated.preprocess),
        ),
        ("messages".to_owned(), messages.map(message).collect()),
    ])
}

/// The parts without what says nothing: empty ones, and fields of operations that are as usual.
pub(super) fn compact(parts: &Map<String, Value>) -> Value {
    let mut compacted = Map::new();
    for (name, value) in parts {
        let value = match (name.as_str(), value) {
            ("operations" | "preprocess", Value::Array(list)) => {
                list.iter().map(compact_operation).collect()
            }
            (_, value) => value.clone(),
        };
        if !is_empty(&value) {
            compacted.insert(name.clone(), value);
        }
    }
    Value::Object(compacted)
}

fn compact_operation(operation: &Value) -> Value {
    let fields = operation.as_object().into_iter().flatten();
    let telling = fields.filter(|(name, value)| {
        let is_usual = match name.as_str() {
            "workingDirectory" => *value == "$(package)",
            "responseFile" => *value == "auto",
            "weight" => *value == 1,
            // An empty file is something.
            "content" => false,
            _ => is_empty(value) || **value == Value::Bool(false),
        };
        !is_usual
    });
    Value::Object(
        telling
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    )
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(object) => object.is_empty(),
        _ => false,
    }
}

/// `warning: no sources`.
fn message(message: &TaskMessage) -> Value {
    let level = match message.level {
        Level::Info => "info",
        Level::Warning => "warning",
        Level::Error => "error",
    };
    Value::String(format!("{level}: {}", message.text))
}

fn operation(spec: &OperationSpec) -> Value {
    let mut fields = Map::new();
    fields.insert("title".to_owned(), json!(spec.title));
    let output = spec.outputs.first();
    match &spec.action {
        ActionSpec::Run { .. } => run(spec, &mut fields),
        ActionSpec::WriteFile {
            content,
            executable,
        } => {
            fields.insert("writeFile".to_owned(), json!(output));
            fields.insert("content".to_owned(), json!(content));
            fields.insert("executable".to_owned(), json!(executable));
        }
        ActionSpec::CopyFile => {
            fields.insert("copyFile".to_owned(), json!(spec.inputs.first()));
            fields.insert("to".to_owned(), json!(output));
        }
        ActionSpec::MakeDirectory => {
            fields.insert("makeDirectory".to_owned(), json!(output));
        }
    }
    Value::Object(fields)
}

/// The fields of an operation that is a process.
fn run(spec: &OperationSpec, fields: &mut Map<String, Value>) {
    let ActionSpec::Run {
        executable,
        tool: _,
        arguments,
        working_directory,
        environment,
        stdin,
        stdin_text: _,
        stdout,
        response_file,
        console,
        caches,
        network,
        timeout,
    } = &spec.action
    else {
        return;
    };
    let response_file = match response_file {
        ResponseFile::Auto => "auto",
        ResponseFile::Always => "always",
        ResponseFile::Never => "never",
    };
    let values = [
        ("executable", json!(executable)),
        ("arguments", json!(arguments)),
        ("workingDirectory", json!(working_directory)),
        ("environment", json!(environment)),
        ("inputs", json!(spec.inputs)),
        ("orderOnly", json!(spec.order_only)),
        ("outputs", json!(spec.outputs)),
        ("depfile", json!(spec.depfile)),
        ("stdin", json!(stdin)),
        ("stdout", json!(stdout)),
        ("responseFile", json!(response_file)),
        ("console", json!(console)),
        ("caches", json!(caches)),
        ("network", json!(network)),
        ("timeout", json!(timeout)),
        ("weight", json!(spec.weight)),
        ("pool", json!(spec.pool)),
        ("test", json!(spec.is_test)),
    ];
    fields.extend(values.map(|(name, value)| (name.to_owned(), value)));
}
