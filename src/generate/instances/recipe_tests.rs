//! The instance that a recipe's `Tests` stands for.

use serde_json::{Map, Value};

use super::{InstanceIndex, Instances};
use crate::declare::model::{Dependency, Module, ModuleBody, PackageRef};
use crate::error::{Error, Result};

impl Instances<'_> {
    /// Adds the instance that a recipe's `Tests` stands for: a test that depends on the module itself and on what that
    /// depends on, `Test` dependencies included.
    pub(super) fn add_tests(&mut self, of: InstanceIndex) -> Result<()> {
        let base = &self.all[of];
        let Some((recipe, tests)) = base
            .recipe()
            .and_then(|recipe| Some((recipe, recipe.get("Tests")?)))
        else {
            return Ok(());
        };
        let Some(tests) = tests.as_object() else {
            return Err(
                Error::user(format!("`Tests` of `{}` must be an object", base.label))
                    .hint("for example `Tests: { Source: ['test/main.cpp'] }`")
                    .at_if_absent(base.at()),
            );
        };
        let body = ModuleBody::Recipe(Value::Object(tests_recipe(recipe, tests)));
        let shared_keys = base.evaluated.as_ref();
        let shared_keys = shared_keys.map_or_else(Vec::new, |module| module.shared_keys.clone());
        let (package, module, at) = (base.package, base.module.clone(), base.at().cloned());
        let (parameters, config) = (base.parameters.clone(), base.config.clone());
        let mut dependencies = base
            .evaluated
            .as_ref()
            .map(|module| module.dependencies.clone())
            .unwrap_or_default();
        dependencies.push(Dependency {
            kind: "Runtime".into(),
            key: None,
            package: PackageRef::Own,
            module: module.clone(),
            config: config.clone(),
            language: None,
            at: at.clone(),
        });
        let (index, _) = self.add(package, &module, parameters, config, true);
        let label = self.packages.declaration(package)?.info.label();
        let tests = &mut self.all[index];
        tests.label = format!("{label}:{}", tests.directory_name());
        tests.requested = true;
        tests.evaluated = Some(Module {
            body,
            dependencies,
            shared_keys,
            at,
        });
        self.need(index)
    }
}

/// The recipe of a module's tests: what says how to compile is the module's, the rest is what `Tests` says.
fn tests_recipe(recipe: &Map<String, Value>, tests: &Map<String, Value>) -> Map<String, Value> {
    const INHERITED: &[&str] = &[
        "Language",
        "LanguageVersion",
        "IncludePaths",
        "Defines",
        "CompilerFlags",
        "DisabledWarnings",
        "EnableWarningsAsErrors",
        "Modules",
        "Environment",
        // Rust
        "Cargo",
        "Cfg",
        "DefaultFeatures",
        "Edition",
        "Features",
        "Packages",
        "Profile",
        // Go
        "Cgo",
        "Tags",
        "Variables",
        // C#
        "Nullable",
        "TargetFramework",
        // Java, Python
        "TestRunner",
    ];
    let mut result = Map::new();
    for &key in INHERITED {
        if let Some(value) = recipe.get(key) {
            result.insert(key.to_owned(), value.clone());
        }
    }
    result.insert("Type".to_owned(), Value::from("Test"));
    for (key, value) in tests {
        match (result.get_mut(key), value) {
            (Some(Value::Array(inherited)), Value::Array(own)) => {
                inherited.extend(own.iter().cloned())
            }
            _ => {
                result.insert(key.clone(), value.clone());
            }
        }
    }
    result
}
