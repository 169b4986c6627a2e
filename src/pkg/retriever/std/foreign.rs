//! The `PKG` that is written for packages that come without one: their files, and a module `root` that is a recipe the
//! consumer gives as `config`.
//!
//! It knows nothing of where the package comes from, and of what is in it.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use serde_json::Value;

use crate::error::Result;
use crate::fs;

/// A package that another ecosystem made.
#[derive(Clone, Debug)]
pub struct Foreign<'a> {
    pub namespace: Option<&'a str>,
    pub name: &'a str,
    /// Semver.
    pub version: &'a str,
    /// The retriever that `pkgs` are asked of, and this package was: `crates`.
    pub retriever: &'a str,
    /// Its config.
    pub config: &'a Value,
    /// `(key, "ns/name@requirement")`.
    pub pkgs: &'a [(String, String)],
    /// What it is built by if the consumer gives no `config`, in jsonnet; `None`: only the consumer can know.
    pub recipe: Option<&'a str>,
}

/// All files, those with a leading dot included.
const FILES: &str = "    files=wake.dir(['**', '**/.*', '**/.*/**']),\n";

/// What is said where only the consumer knows how it is built.
const UNKNOWN: &str = "error \"package `%s` does not say how it is built; say it so: \
                       wake.getModule(…, config={ Language: 'C', Source: ['src/*.c'] })\" % pkg.name";

impl Foreign<'_> {
    /// The text of its `PKG`.
    pub fn text(&self) -> String {
        let retriever = self.retriever;
        let (name, version) = (Value::from(self.name), Value::from(self.version));
        let namespace = self.namespace.map_or_else(String::new, |namespace| {
            format!(", namespace={}", Value::from(namespace))
        });
        let (same, pkgs) = self.requests();
        let modules = self.modules();
        format!(
            "// Written by wake.std.{retriever}, since the package has no PKG of its own.\n\
             function(wake)\n{same}  wake.pkg(\n    \
             wake.pkgInfo({name}, version={version}{namespace}),\n{FILES}{pkgs}{modules}  )\n"
        )
    }

    /// The module that every foreign package has.
    fn modules(&self) -> String {
        let (comment, usual) = match self.recipe {
            None => (
                "How it is built is for the package that uses it to say. Paths are relative to this package.",
                UNKNOWN.to_owned(),
            ),
            Some(recipe) => (
                "The package that uses it may say how it is built. Paths are relative to this package.",
                format!("wake.recipe({recipe})"),
            ),
        };
        format!(
            "    modules={{\n      // {comment}\n      root: function(wake, pkg, config)\n        \
             if config == {{}} then\n          {usual}\n        else\n          wake.recipe(config),\n    }},\n"
        )
    }

    /// The definition of the retriever, and `pkgs`, which is asked of it; empty if nothing is asked.
    fn requests(&self) -> (String, String) {
        if self.pkgs.is_empty() {
            return (String::new(), String::new());
        }
        let retriever = self.retriever;
        let config = match self.config {
            Value::Null => String::new(),
            config => format!(", config={config}"),
        };
        let same = format!("  local same = wake.exec(wake.std.{retriever}{config});\n");
        let mut pkgs = "    pkgs={\n".to_owned();
        let sorted: BTreeMap<_, _> = self.pkgs.iter().cloned().collect();
        for (key, requirement) in sorted {
            let (key, requirement) = (Value::from(key), Value::from(requirement));
            let _ = writeln!(pkgs, "      {key}: wake.getPkg({requirement}, from=same),");
        }
        pkgs.push_str("    },\n");
        (same, pkgs)
    }

    /// Writes `PKG` into `directory`, unless there is one. Returns whether it wrote.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn write(&self, directory: &Path) -> Result<bool> {
        let path = directory.join("PKG");
        if fs::is_occupied(&path) {
            return Ok(false);
        }
        fs::write(&path, self.text().as_bytes())?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Catches a text that is jsonnet only for harmless names, and a change of what is in every pkg id.
    #[test]
    fn a_pkg_is_written_once_and_for_all() {
        let foreign = Foreign {
            namespace: Some("crates"),
            name: "it's",
            version: "1.0.0",
            retriever: "crates",
            config: &json!({"registry": "a\"b"}),
            pkgs: &[
                ("z".to_owned(), "crates/z@^1".to_owned()),
                ("a-b".to_owned(), "crates/a-b@=2.0.0".to_owned()),
            ],
            recipe: None,
        };
        insta::assert_snapshot!(foreign.text());
        let directory = tempfile::tempdir().unwrap();
        assert!(foreign.write(directory.path()).unwrap());
        assert!(!foreign.write(directory.path()).unwrap());
    }
}
