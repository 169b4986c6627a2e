//! Generates a `wake.module`: one operation, and the files placed for it (DESIGN §2.1).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::Val;
use jrsonnet_evaluator::function::FuncVal;
use serde_json::{Map, Value, json};

use super::declaration::{Declared, declared};
use super::error::raise;
use super::execution;
use super::functions::wake_object;
use super::json::{to_json, to_value, type_name};
use super::library::module::{ExecValue, Executed, FileValue, ModuleValue};
use super::library::{Made, made_of, paths};
use super::module::{Body, body_of, place_at};
use super::protocol::{ActionSpec, GenerateInput, Generated, OperationSpec};
use super::session::{Evaluated, Session, call};
use crate::error::Error;
use crate::fs;
use crate::graph::ResponseFile;

/// Works out the operation of a module that is declared by `wake.module`.
pub(super) fn generate(session: &Rc<Session>, input: &GenerateInput) -> Evaluated<Generated> {
    let declared = declared(session, &input.package)?;
    let Body::Module(module) = body_of(session, &declared, &input.module)? else {
        return Err(raise(Error::internal(format!(
            "`{}` was a `wake.module` and is a recipe",
            input.label
        ))));
    };
    let work = Work {
        session,
        declared: &declared,
        input,
        module: &module,
    };
    work.generate()
        .map_err(|error| place_at(error, module.at.as_ref()))
}

struct Work<'a> {
    session: &'a Rc<Session>,
    declared: &'a Declared,
    input: &'a GenerateInput,
    module: &'a ModuleValue,
}

impl Work<'_> {
    fn generate(&self) -> Evaluated<Generated> {
        let outputs = self.outputs()?;
        let mut generated = Generated {
            shared_state: json!({ "outputs": outputs_in_target(&outputs) }),
            ..Generated::default()
        };
        let mut placed = Vec::new();
        for file in self.files(&outputs)? {
            let operation =
                (self.place(&file)).map_err(|error| place_at(error, file.at.as_ref()))?;
            placed.extend(operation.outputs.iter().cloned());
            generated.operations.push(operation);
        }
        let exec = self.exec(&outputs)?;
        let run = self.run(&exec, &outputs, placed);
        let run = run.map_err(|error| place_at(error, exec.at.as_ref()))?;
        generated.operations.push(run);
        generated.tool_directories = self.session.take_tool_directories();
        Ok(generated)
    }

    /// The `module` argument, with `outputs` as far as they are known.
    fn argument(&self, outputs: &Map<String, Value>) -> Val {
        let mut modules = Map::new();
        for dependency in &self.input.dependencies {
            if let Some(key) = &dependency.key {
                modules.insert(key.clone(), dependency.shared_state.clone());
            }
        }
        to_value(&json!({
            "modules": modules,
            "outputs": outputs,
            "config": self.input.config,
            "targetDirectory": "$(target)",
        }))
    }

    fn call(&self, function: &FuncVal, outputs: &Map<String, Value>) -> Evaluated<Val> {
        let wake = Val::Obj(wake_object(&self.declared.scope));
        call(self.session, function, &[wake, self.argument(outputs)])
    }

    /// The names of the outputs and their paths, relative to the target directory.
    fn outputs(&self) -> Evaluated<Map<String, Value>> {
        let Some(function) = &self.module.outputs else {
            return Ok(Map::new());
        };
        let value = self.call(function, &Map::new())?;
        let Value::Object(mut outputs) = to_json(self.session, &value, "outputs")? else {
            return Err(self.wrong("outputs", "an object of paths", &value));
        };
        for (name, path) in &mut outputs {
            let Some(cleaned) = path.as_str().and_then(output_path) else {
                return Err(raise(Error::user(format!(
                    "`outputs.{name}` must be a path below the target directory, not {path}"
                ))));
            };
            *path = Value::String(cleaned);
        }
        Ok(outputs)
    }

    fn files(&self, outputs: &Map<String, Value>) -> Evaluated<Vec<Rc<FileValue>>> {
        let Some(function) = &self.module.files else {
            return Ok(Vec::new());
        };
        let Val::Arr(items) = self.call(function, outputs)? else {
            return Err(raise(Error::user(
                "`files` must return a list of `wake.file`",
            )));
        };
        (items.iter().enumerate())
            .map(|(index, item)| {
                let item = item?;
                match made_of(self.session, &item) {
                    Some(Made::File(file)) => Ok(file),
                    _ => Err(self.wrong(&format!("files[{index}]"), "a `wake.file`", &item)),
                }
            })
            .collect()
    }

    /// The operation that puts a file into the target directory.
    fn place(&self, file: &FileValue) -> Evaluated<OperationSpec> {
        let path = relative_path(&file.path).map_err(raise)?;
        let from = match &file.from {
            Some(from) => from.evaluate()?,
            None => Val::Null,
        };
        let (action, inputs) = match (&from, file.is_dump) {
            (from, true) => {
                let content = format!("{:#}\n", to_json(self.session, from, &file.path)?);
                let executable = false;
                (
                    ActionSpec::WriteFile {
                        content,
                        executable,
                    },
                    Vec::new(),
                )
            }
            (Val::Str(from), false) => {
                let source = source_path(&from.clone().into_flat());
                (ActionSpec::CopyFile, vec![source])
            }
            (Val::Null, false) => (ActionSpec::CopyFile, vec![format!("$(package)/{path}")]),
            (other, false) => {
                let found = type_name(self.session, other);
                return Err(raise(
                    Error::user(format!(
                        "`from` of the file `{path}` must be a path, not {found}"
                    ))
                    .hint("give a value with `dump=true` to write its JSON"),
                ));
            }
        };
        Ok(OperationSpec {
            title: format!("Place {path}"),
            action,
            inputs,
            order_only: Vec::new(),
            outputs: vec![format!("$(target)/{path}")],
            depfile: None,
            weight: 1,
            pool: None,
            is_test: false,
            at: file.at.clone(),
        })
    }

    /// The operation itself.
    fn run(
        &self,
        exec: &ExecValue,
        outputs: &Map<String, Value>,
        placed: Vec<String>,
    ) -> Evaluated<OperationSpec> {
        let (executable, tool) = self.executable(exec).map_err(raise)?;
        let environment = self.environment(exec)?;
        let inputs = self.inputs(&executable, placed);
        let action = ActionSpec::Run {
            executable,
            tool,
            arguments: exec.arguments.clone(),
            working_directory: "$(target)".to_owned(),
            stdin: None,
            stdin_text: Some(self.standard_input(exec, outputs, &environment)?),
            environment,
            stdout: None,
            response_file: ResponseFile::Auto,
            console: false,
            caches: Vec::new(),
            network: false,
            timeout: None,
        };
        Ok(OperationSpec {
            title: format!("Run {}", self.input.label),
            action,
            inputs,
            order_only: Vec::new(),
            outputs: texts(&Value::Object(outputs_in_target(outputs))),
            depfile: None,
            weight: 1,
            pool: None,
            is_test: false,
            at: exec.at.clone().or_else(|| self.module.at.clone()),
        })
    }

    /// The package's files, the module's own, what it depends on made, and the executable.
    fn inputs(&self, executable: &str, placed: Vec<String>) -> Vec<String> {
        let files = self.input.files.iter();
        let mut inputs: Vec<String> = files.map(|file| format!("$(package)/{file}")).collect();
        inputs.extend(placed);
        for dependency in &self.input.dependencies {
            inputs.extend(texts(&dependency.shared_state["outputs"]));
        }
        if executable.starts_with("$(package)/") && !inputs.iter().any(|input| input == executable)
        {
            inputs.push(executable.to_owned());
        }
        inputs
    }

    fn exec(&self, outputs: &Map<String, Value>) -> Evaluated<Rc<ExecValue>> {
        let value = match &self.module.exec {
            Some(function) => self.call(function, outputs)?,
            None => Val::Null,
        };
        match made_of(self.session, &value) {
            Some(Made::Exec(exec)) => Ok(exec),
            _ => Err(self.wrong("exec", "a `wake.exec`", &value)),
        }
    }

    /// `./x` is a file of the package; a bare name is a tool; a path with a token stays.
    fn executable(&self, exec: &ExecValue) -> Result<(String, Option<PathBuf>), Error> {
        let Executed::Path(path) = &exec.program else {
            return Err(Error::user("A `wake.module` cannot execute a package")
                .hint("name a file of the package, like `./tools/make.sh`, or a tool"));
        };
        if path.starts_with('/') || path.starts_with("$(") {
            return Ok((path.clone(), None));
        }
        if path.contains('/') {
            let path = relative_path(path)?;
            return Ok((format!("$(package)/{path}"), None));
        }
        match paths::tool(self.session, path)? {
            Some(found) => Ok((path.clone(), Some(found))),
            None => Err(paths::not_installed(path)),
        }
    }

    fn environment(&self, exec: &ExecValue) -> Evaluated<BTreeMap<String, String>> {
        let place = |file: &FileValue| Ok(format!("$(target)/{}", relative_path(&file.path)?));
        execution::environment(self.session, exec.environment.as_ref(), &place)
    }

    /// `{base, pkg, module, config, env}`.
    fn standard_input(
        &self,
        exec: &ExecValue,
        outputs: &Map<String, Value>,
        environment: &BTreeMap<String, String>,
    ) -> Evaluated<String> {
        let config = execution::config(self.session, exec)?;
        let info = &self.input.info;
        let json = json!({
            "base": "$(target)",
            "pkg": { "name": info.name, "namespace": info.namespace, "version": info.version },
            "module": { "name": self.input.module, "outputs": outputs, "config": self.input.config },
            "config": config,
            "env": environment,
        });
        Ok(format!("{json}\n"))
    }

    fn wrong(&self, name: &str, expected: &str, value: &Val) -> jrsonnet_evaluator::Error {
        raise(Error::user(format!(
            "`{name}` of the module `{}` must be {expected}, not {}",
            self.input.label,
            type_name(self.session, value)
        )))
    }
}

/// A path below the target directory, cleaned; a final slash, which says that it is a directory, stays.
fn output_path(path: &str) -> Option<String> {
    let below = path.strip_prefix("$(target)/").unwrap_or(path);
    let cleaned = relative_path(below).ok()?;
    let slash = if below.ends_with('/') { "/" } else { "" };
    Some(format!("{cleaned}{slash}"))
}

/// The strings of an object.
fn texts(value: &Value) -> Vec<String> {
    let fields = value.as_object().into_iter().flat_map(Map::values);
    fields
        .filter_map(Value::as_str)
        .map(ToOwned::to_owned)
        .collect()
}

fn outputs_in_target(outputs: &Map<String, Value>) -> Map<String, Value> {
    let in_target =
        |path: &Value| json!(format!("$(target)/{}", path.as_str().unwrap_or_default()));
    outputs
        .iter()
        .map(|(name, path)| (name.clone(), in_target(path)))
        .collect()
}

/// A path with a token stays; another one is a file of the package.
fn source_path(path: &str) -> String {
    match path.starts_with("$(") {
        true => path.to_owned(),
        false => format!("$(package)/{}", path.trim_start_matches("./")),
    }
}

/// A path below the package or the target directory, cleaned.
fn relative_path(path: &str) -> Result<String, Error> {
    let cleaned = fs::path::clean(Path::new(path));
    if cleaned.as_os_str().is_empty() || cleaned.is_absolute() || cleaned.starts_with("..") {
        return Err(Error::user(format!(
            "`{path}` must be a relative path that stays inside"
        )));
    }
    Ok(cleaned.display().to_string())
}
