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
}

/// The module that every foreign package has.
const MODULES: &str = r"    modules={
      // The recipe that builds it is the consumer's: wake.getModule(pkg.pkgs.<key>, config={ Language: 'C', … }). Paths in it
      // are of this package; those in `Source` and `PublicHeaders` may be patterns.
      root: function(wake, pkg, config)
        local all(paths) = std.flatMap(
          function(path) if std.length(std.findSubstr('*', path)) > 0 then wake.glob(path) else [path],
          if std.isString(paths) then [paths] else paths,
        );
        if config == {} then
          error 'this package has no recipe of its own: give one, as in wake.getModule(pkg, config={ Language: \'C\', Type: \'StaticLibrary\', Source: [\'src/*.c\'] })'
        else wake.recipe(config {
          [key]: all(config[key])
          for key in ['Source', 'PublicHeaders']
          if std.objectHas(config, key)
        }),
    },
";

impl Foreign<'_> {
    /// The text of its `PKG`.
    pub fn text(&self) -> String {
        let mut text = format!(
            "// Written by wake.std.{}: the package has no PKG of its own.\nfunction(wake)\n",
            self.retriever
        );
        if !self.pkgs.is_empty() {
            let config = match self.config {
                Value::Null => String::new(),
                config => format!(", config={config}"),
            };
            let retriever = self.retriever;
            let _ = writeln!(
                text,
                "  local same = wake.exec(wake.std.{retriever}{config});"
            );
        }
        let _ = write!(
            text,
            "  wake.pkg(\n    wake.pkgInfo({}, version={}, namespace={}),\n    files=wake.dir(['**', '**/.*', '.*', '.*/**']),\n",
            Value::from(self.name),
            Value::from(self.version),
            Value::from(self.namespace),
        );
        if !self.pkgs.is_empty() {
            text.push_str("    pkgs={\n");
            let sorted: BTreeMap<_, _> = self.pkgs.iter().cloned().collect();
            for (key, requirement) in sorted {
                let (key, requirement) = (Value::from(key), Value::from(requirement));
                let _ = writeln!(text, "      {key}: wake.getPkg({requirement}, from=same),");
            }
            text.push_str("    },\n");
        }
        text.push_str(MODULES);
        text.push_str("  )\n");
        text
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
