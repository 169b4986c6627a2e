//! Where tasks are tried: a directory of its own with the package's files and the tools, and processes that evaluate.
//! Whatever of it shows in a result is replaced, so that results are the same on every machine. It judges nothing.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use tempfile::TempDir;

use super::case::{Case, Machine};
use super::files::directory_of;
use super::neighbours;
use crate::declare::model::{ModuleBody, PackageDirectory};
use crate::error::{Error, Kind, Result};
use crate::fs;
use crate::jsonnet::client::{self, Evaluators};
use crate::jsonnet::protocol::{Answer, GenerateInput, Plugin, Request, Setup, Trial, Tried};
use crate::pkg::packages::unexpected;

/// What the directory of the tools is called in results.
const TOOLS: &str = "$(tools)";

pub(super) struct Bench {
    options: client::Options,
    directory: TempDir,
    /// Absolute, links resolved.
    place: PathBuf,
    machines: Vec<(Machine, Evaluators)>,
    packages: usize,
}

impl Bench {
    pub(super) fn new(options: client::Options) -> Result<Self> {
        let directory = tempfile::Builder::new()
            .prefix("wake-plugin-test-")
            .tempdir()
            .map_err(|error| Error::io("Cannot create a temporary directory", &error))?;
        Ok(Self {
            options,
            place: fs::canonicalize(directory.path())?,
            directory,
            machines: Vec::new(),
            packages: 0,
        })
    }

    /// The value of a test file.
    pub(super) fn value(&mut self, file: &Path, top: &Path) -> Result<Value> {
        let machine = self.machine(&Machine::bare())?;
        let request = Request::Eval {
            file: file.to_owned(),
            library_path: Vec::new(),
            arguments: Vec::new(),
            top: top.to_owned(),
        };
        match self.machines[machine].1.ask(&request)?.result? {
            Answer::Value(value) => Ok(value),
            other => Err(unexpected(&other)),
        }
    }

    /// Runs the tasks of a case. Other packages that its plugin imports from are shown relative to `top`.
    pub(super) fn run(&mut self, case: &Case, plugins: Vec<Plugin>, top: &Path) -> Result<Tried> {
        let package = self.package(case)?;
        let machine = self.machine(&case.machine)?;
        let places = [
            (self.tools(machine).display().to_string(), TOOLS),
            (package.directory.display().to_string(), "$(package)"),
        ];
        let evaluators = &self.machines[machine].1;
        let mut trial = Trial {
            input: input(case, package, plugins),
            start: case.start.clone(),
            tasks: case.tasks.clone(),
        };
        loop {
            let request = Request::Try(Box::new(trial.clone()));
            let answer = evaluators.ask(&request)?.result;
            match answer.map_err(|error| told(error, &places))? {
                Answer::Tried(tried) => return renamed(&tried, &places),
                // Each round knows one package more, and there are only so many in `pkgs`.
                Answer::Waiting(requests) => {
                    for request in requests {
                        let is_known = trial.input.answers.iter().any(|(one, _)| *one == request);
                        let answered = neighbours::answer(evaluators, &request, is_known, top)?;
                        trial.input.answers.push((request, answered));
                    }
                }
                other => return Err(unexpected(&other)),
            }
        }
    }

    /// A package of the files of a case.
    fn package(&mut self, case: &Case) -> Result<PackageDirectory> {
        self.packages += 1;
        let directory = self.place.join(format!("package-{}", self.packages));
        fs::create_directories(&directory)?;
        for (path, content) in &case.files {
            let path = directory.join(path);
            if let Some(parent) = path.parent() {
                fs::create_directories(parent)?;
            }
            fs::write(&path, content.as_bytes())?;
        }
        Ok(PackageDirectory {
            place: Some(PathBuf::new()),
            ..directory_of(&directory, &directory)
        })
    }

    /// The processes that see such a machine.
    fn machine(&mut self, wanted: &Machine) -> Result<usize> {
        if let Some(known) = self.machines.iter().position(|(known, _)| known == wanted) {
            return Ok(known);
        }
        let index = self.machines.len();
        let tools = self.tools(index);
        fs::create_directories(&tools)?;
        for tool in &wanted.tools {
            let path = tools.join(tool);
            fs::write(&path, b"")?;
            fs::tree::set_mode(&path, 0o755)?;
        }
        let mut environment = wanted.environment.clone();
        environment.insert("PATH".to_owned(), tools.display().to_string());
        let setup = Setup {
            host: wanted.host.clone(),
            environment,
            memory: 0,
        };
        let evaluators = Evaluators::new(self.options.clone(), setup, 1);
        self.machines.push((wanted.clone(), evaluators));
        Ok(index)
    }

    fn tools(&self, machine: usize) -> PathBuf {
        self.place.join(format!("tools-{machine}"))
    }

    /// Ends the processes and removes the directory.
    pub(super) fn clear(self) -> Result<()> {
        drop(self.machines);
        let place = self.directory.path().display().to_string();
        (self.directory.close())
            .map_err(|error| Error::io(format!("Cannot remove `{place}`"), &error))
    }
}

fn input(case: &Case, package: PackageDirectory, plugins: Vec<Plugin>) -> GenerateInput {
    GenerateInput {
        package,
        info: case.info.clone(),
        module: case.module.clone(),
        label: format!("{}:{}", case.info.label(), case.module),
        config: case.config.clone(),
        parameters: case.parameters.clone(),
        body: ModuleBody::Recipe(case.recipe.clone()),
        files: Vec::new(),
        dependencies: case.dependencies.clone(),
        plugins,
        answers: Vec::new(),
        sdks: case.sdks.clone(),
        shared_keys: case.shared_keys.clone(),
        preprocessed: case.preprocessors.clone(),
        at: None,
    }
}

/// A text with the names of places instead of where they are on this machine.
fn named(text: &str, places: &[(String, &str)]) -> String {
    places.iter().fold(text.to_owned(), |text, (place, name)| {
        text.replace(place, name)
    })
}

fn renamed(tried: &Tried, places: &[(String, &str)]) -> Result<Tried> {
    let failure = |error: serde_json::Error| {
        Error::internal("The result of tasks cannot be read again").cause(error.to_string())
    };
    let value = serde_json::to_value(tried).map_err(failure)?;
    serde_json::from_value(renamed_value(value, places)).map_err(failure)
}

fn renamed_value(value: Value, places: &[(String, &str)]) -> Value {
    match value {
        Value::String(text) => Value::String(named(&text, places)),
        Value::Array(list) => {
            let list = list.into_iter();
            list.map(|item| renamed_value(item, places)).collect()
        }
        Value::Object(object) => {
            let fields = object.into_iter();
            let renamed = |(name, value): (String, Value)| {
                (named(&name, places), renamed_value(value, places))
            };
            Value::Object(fields.map(renamed).collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// An error of tasks, as it is on every machine.
fn told(mut error: Error, places: &[(String, &str)]) -> Error {
    let is_about_tools = error.kind() == Kind::Environment;
    let report = error.report_mut();
    report.message = named(&report.message, places);
    for cause in &mut report.causes {
        *cause = named(cause, places);
    }
    for frame in &mut report.trace {
        frame.description = named(&frame.description, places);
    }
    report.hint = report.hint.as_ref().map(|hint| named(hint, places));
    let tool = error.report().message.split('`').nth(1).unwrap_or("gcc");
    let hint = format!("a test has the tools that it names: `tools: ['{tool}']`");
    match is_about_tools {
        true => error.hint(hint),
        false => error,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn no_place_of_this_machine_is_left_in_a_result() {
        let places = [("/tmp/x/tools-0".to_owned(), TOOLS)];
        let value = json!({"/tmp/x/tools-0/a": ["-B/tmp/x/tools-0", 1, null]});
        assert_eq!(
            renamed_value(value, &places),
            json!({"$(tools)/a": ["-B$(tools)", 1, null]})
        );
    }
}
