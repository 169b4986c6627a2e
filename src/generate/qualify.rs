//! Shared state on its way to dependents: `$(target)` and `$(package)` of the instance that made it become the tokens
//! that mean the same everywhere.

use serde_json::Value;

/// `value` with the tokens in all its strings replaced.
pub fn qualify(value: &Value, package: &str, target: &str) -> Value {
    match value {
        Value::String(text) if text.contains("$(") => Value::String(
            text.replace("$(target)", target)
                .replace("$(package)", package),
        ),
        Value::Array(items) => items
            .iter()
            .map(|item| qualify(item, package, target))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| (key.clone(), qualify(field, package, target)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_string_is_qualified_once() {
        let shared = json!({"Build": {"Paths": ["-I$(target)/include", "$(package)/x", "$(target a:b#1)/y"]}});
        let expected = json!({"Build": {"Paths": [
            "-I$(target p:m#2)/include", "$(package p)/x", "$(target a:b#1)/y"
        ]}});
        assert_eq!(
            qualify(&shared, "$(package p)", "$(target p:m#2)"),
            expected
        );
    }
}
