//! Every path below `.wake/`, in one place.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::declare::model::PackageInfo;
use crate::error::{Error, Result};
use crate::fs;

/// The directories and files that wake keeps in a workspace.
#[derive(Clone, Debug)]
pub struct Layout {
    top: PathBuf,
}

impl Layout {
    /// The layout of the workspace at `top`, absolute with links resolved.
    pub fn new(top: &Path) -> Self {
        Self {
            top: top.to_owned(),
        }
    }

    pub fn top(&self) -> &Path {
        &self.top
    }

    /// Everything that wake keeps here.
    pub fn directory(&self) -> PathBuf {
        self.top.join(".wake")
    }

    pub fn lock_file(&self) -> PathBuf {
        self.directory().join("lock")
    }

    /// What the evaluator knows, and the saved graphs.
    pub fn state_directory(&self) -> PathBuf {
        self.directory().join("state")
    }

    pub fn graphs_directory(&self) -> PathBuf {
        self.state_directory().join("graphs")
    }

    /// Old outputs set aside, and the private directories of running operations.
    pub fn temporary_directory(&self) -> PathBuf {
        self.directory().join("tmp")
    }

    /// Where all target directories lie, relative to the top.
    pub fn output_directory(&self) -> &'static str {
        ".wake/out"
    }

    /// The target directory of an instance, relative to the top: `.wake/out/NAMESPACE/NAME/VERSION/MODULE/HASH`.
    pub fn target_directory(&self, info: &PackageInfo, module: &str, hash: &str) -> Result<String> {
        let package = package_path(info)?;
        let version = component(info.version.as_deref().unwrap_or("0.0.0"))?;
        Ok(format!(
            "{}/{package}/{version}/{}/{hash}",
            self.output_directory(),
            component(module)?
        ))
    }

    /// What `$(cache)` stands for in a module, relative to the top.
    pub fn cache_directory(&self, info: &PackageInfo, module: &str) -> Result<String> {
        Ok(format!(
            ".wake/cache/{}/{}",
            package_path(info)?,
            component(module)?
        ))
    }

    /// Makes `.wake/`, with a `.gitignore` so that nobody commits it.
    pub fn create(&self) -> Result<()> {
        let ignore = self.directory().join(".gitignore");
        if fs::exists(&ignore) {
            return Ok(());
        }
        fs::create_directories(&self.directory())?;
        fs::write_atomic(&ignore, b"*\n")
    }
}

fn package_path(info: &PackageInfo) -> Result<String> {
    let namespace = component(info.namespace.as_deref().unwrap_or("_"))?;
    Ok(format!("{namespace}/{}", component(&info.name)?))
}

/// A name that is one directory and no other.
fn component(name: &str) -> Result<&str> {
    if name.is_empty() || name == "." || name == ".." || name.contains(['/', '\0']) {
        return Err(
            Error::user(format!("`{name}` cannot be part of a target directory"))
                .hint("use letters, digits, `.`, `-`, `_` and `+`"),
        );
    }
    Ok(name)
}

/// JSON with sorted keys and without spaces.
pub fn canonical_json(value: &Value) -> String {
    match value {
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by(|a, b| a.0.cmp(b.0));
            let fields: Vec<String> = fields
                .into_iter()
                .map(|(key, value)| {
                    format!("{}:{}", Value::from(key.as_str()), canonical_json(value))
                })
                .collect();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(canonical_json).collect();
            format!("[{}]", items.join(","))
        }
        other => other.to_string(),
    }
}

/// The last part of a target directory: 20 hex digits of BLAKE3 over the canonical JSON of names and settings, never of
/// contents.
pub fn instance_hash(parameters: &Value, config: &Value, variant: &str) -> String {
    let all = serde_json::json!({ "parameters": parameters, "config": config, "variant": variant });
    blake3::hash(canonical_json(&all).as_bytes()).to_hex()[..20].to_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn canonical_json_does_not_depend_on_the_order_of_keys() {
        let text = r#"{"b": [1, {"z": null, "y": "\""}], "a": true}"#;
        let value: Value = serde_json::from_str(text).unwrap();
        assert_eq!(
            canonical_json(&value),
            r#"{"a":true,"b":[1,{"y":"\"","z":null}]}"#
        );
        assert_eq!(
            instance_hash(&json!({"a": 1, "b": 2}), &json!({}), ""),
            instance_hash(&json!({"b": 2, "a": 1}), &json!({}), "")
        );
    }

    #[test]
    fn a_name_cannot_leave_its_directory() {
        let layout = Layout::new(Path::new("/w"));
        let info = PackageInfo {
            name: "..".into(),
            ..PackageInfo::default()
        };
        assert!(layout.target_directory(&info, "root", "0").is_err());
    }
}
