//! Shared state on its way to dependents: `$(target)` and `$(package)` of the instance that made it become the tokens
//! that mean the same everywhere.

use serde_json::Value;

use crate::graph::root::rename;

/// `value` with the tokens in all its strings replaced, names of fields included. `package` and `target` are the
/// tokens to use, without `$(` and `)`.
pub fn qualify(value: &Value, package: &str, target: &str) -> Value {
    let text = |text: &str| {
        rename(text, |token| match token {
            "package" => Some(package.to_owned()),
            "target" => Some(target.to_owned()),
            _ => None,
        })
    };
    match value {
        Value::String(string) => Value::String(text(string)),
        Value::Array(items) => items
            .iter()
            .map(|item| qualify(item, package, target))
            .collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, field)| (text(key), qualify(field, package, target)))
            .collect(),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Catches a token that means another directory in a dependent, and one that was escaped and is replaced.
    #[test]
    fn every_string_is_qualified_once() {
        let shared = json!({"Build": {"$(target)/x": [
            "-I$(target)/include", "$(package)/x", "$(target a:b#1)/y", "$$(target)"
        ]}});
        let expected = json!({"Build": {"$(target p:m#2)/x": [
            "-I$(target p:m#2)/include", "$(package p)/x", "$(target a:b#1)/y", "$$(target)"
        ]}});
        assert_eq!(qualify(&shared, "package p", "target p:m#2"), expected);
    }
}
