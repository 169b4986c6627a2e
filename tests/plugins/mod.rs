//! The built-in plugins, as data: a recipe and what its dependencies share go in, operations and shared state come out.
//! No compiler runs here.

#![expect(
    clippy::disallowed_methods,
    reason = "tests write their workspaces directly"
)]

mod commands;
mod golden;
mod keys;
mod modules;
mod recipes;
mod wrong;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::PathBuf;

use serde_json::{Value, json};
use tempfile::TempDir;
use wake::declare::model::{Host, ModuleBody, PackageDirectory, PackageInfo, Parameters};
use wake::error::Location;
use wake::jsonnet::client::{Evaluators, Options};
use wake::jsonnet::protocol::{
    ActionSpec, Answer, DependencyState, GenerateInput, Generated, OperationSpec, Plugin, Request,
    Setup,
};

fn evaluators(path: &str) -> Evaluators {
    evaluators_with(BTreeMap::from([("PATH".to_owned(), path.to_owned())]))
}

fn evaluators_with(environment: BTreeMap<String, String>) -> Evaluators {
    let setup = Setup {
        host: Host {
            kernel: "linux".into(),
            distribution: String::new(),
            codename: String::new(),
            architecture: "x86_64".into(),
        },
        environment,
        memory: 0,
    };
    let options = Options::new(PathBuf::from(env!("CARGO_BIN_EXE_wake")));
    Evaluators::new(options, setup, 1)
}

/// One instance to generate: a package of empty files and a recipe.
pub(crate) struct Case {
    directory: TempDir,
    pub(crate) input: GenerateInput,
    /// The tools that are installed.
    pub(crate) tools: Vec<&'static str>,
    /// Variables besides `PATH`; `[BIN]` is the directory of the tools.
    pub(crate) environment: Vec<(&'static str, &'static str)>,
}

impl Case {
    pub(crate) fn new(plugin: &str, files: &[&str], recipe: Value) -> Self {
        let directory = TempDir::new().unwrap();
        let path = directory.path().canonicalize().unwrap();
        let case = Self {
            input: GenerateInput {
                package: PackageDirectory {
                    place: None,
                    granted: None,
                    directory: path.join("package"),
                    top: path.clone(),
                },
                info: PackageInfo {
                    name: "app".into(),
                    namespace: Some("acme".into()),
                    version: Some("1.2.3".into()),
                },
                module: "root".into(),
                label: "acme/app:root".into(),
                config: json!({}),
                parameters: Parameters::from([
                    ("Flavor".to_owned(), json!("Release")),
                    ("System".to_owned(), json!("Linux")),
                    ("Architecture".to_owned(), json!("x86_64")),
                ]),
                body: ModuleBody::Recipe(recipe),
                files: Vec::new(),
                dependencies: Vec::new(),
                plugins: vec![Plugin::Std(plugin.to_owned())],
                answers: Vec::new(),
                sdks: Vec::new(),
                shared_keys: Vec::new(),
                preprocessed: BTreeMap::new(),
                // Where the module is declared: what messages of plugins lead to.
                at: Some(Location {
                    file: "PKG".into(),
                    line: 3,
                    column: 5,
                    width: 1,
                    text: String::new(),
                }),
            },
            tools: vec!["gcc", "g++", "ar", "clang", "clang++", "sh"],
            environment: Vec::new(),
            directory,
        };
        for file in files {
            case.write(&format!("package/{file}"), "");
        }
        case
    }

    pub(crate) fn write(&self, path: &str, content: &str) {
        let path = self.directory.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(crate) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.input.parameters.insert(name.into(), json!(value));
        self
    }

    pub(crate) fn module(mut self, name: &str) -> Self {
        name.clone_into(&mut self.input.module);
        self
    }

    /// Adds a dependency `acme/<name>` that shares `build`.
    pub(crate) fn dependency(mut self, kind: &str, name: &str, build: Value) -> Self {
        self.input.dependencies.push(DependencyState {
            kind: kind.into(),
            key: None,
            name: name.into(),
            module: "root".into(),
            reference: format!("acme/{name}"),
            target_directory: format!("$(target acme/{name}:root#1)"),
            executable: build["RunExecutable"].as_str().map(ToOwned::to_owned),
            shared_state: json!({ "Build": build }),
        });
        self
    }

    /// Adds a plugin package; `tasks` is the list in jsonnet.
    pub(crate) fn plugin(mut self, tasks: &str) -> Self {
        let package = format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), plugin=function(wake) {{ name: 'p', tasks: {tasks} }})"
        );
        self.write("plugin/PKG", &package);
        self.input.plugins.push(Plugin::Package(PackageDirectory {
            place: None,
            granted: None,
            directory: self.input.package.top.join("plugin"),
            top: self.input.package.top.clone(),
        }));
        self
    }

    /// Where its tools are.
    pub(crate) fn bin(&self) -> String {
        self.directory.path().join("bin").display().to_string()
    }

    /// The instance generated, or what went wrong.
    pub(crate) fn generate(self) -> Result<Generated, String> {
        let bin = self.directory.path().join("bin");
        for tool in &self.tools {
            self.write(&format!("bin/{tool}"), "");
            let tool = bin.join(tool);
            std::fs::set_permissions(tool, std::os::unix::fs::PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        let bin = bin.display().to_string();
        let variables = (self.environment.iter())
            .map(|(name, value)| ((*name).to_owned(), value.replace("[BIN]", &bin)));
        let path = ("PATH".to_owned(), bin.clone());
        let outcome = evaluators_with(variables.chain([path]).collect())
            .ask(&Request::Generate(Box::new(self.input)))
            .unwrap();
        match outcome.result {
            Ok(Answer::Generated(generated)) => Ok(generated),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What a person would want to read of a result.
    pub(crate) fn plan(self) -> String {
        match self.generate() {
            Ok(generated) => shown(&generated),
            Err(error) => format!("error: {error}\n"),
        }
    }
}

pub(crate) fn shown(generated: &Generated) -> String {
    let mut text = String::new();
    for wake::jsonnet::protocol::TaskMessage {
        level,
        text: message,
        ..
    } in &generated.messages
    {
        writeln!(text, "{level:?}: {message}").unwrap();
    }
    for operation in &generated.preprocess {
        writeln!(text, "before: {}", operation.title).unwrap();
    }
    for operation in &generated.operations {
        show_operation(operation, &mut text);
    }
    writeln!(text, "shared: {:#}", generated.shared_state).unwrap();
    text
}

fn show_operation(operation: &OperationSpec, text: &mut String) {
    let title = &operation.title;
    let test = if operation.is_test { " (test)" } else { "" };
    writeln!(text, "{title}{test}").unwrap();
    match &operation.action {
        ActionSpec::Run {
            executable,
            arguments,
            working_directory,
            environment,
            stdin,
            stdout,
            timeout,
            network,
            console,
            caches,
            ..
        } => {
            writeln!(text, "  $ {executable} {}", arguments.join(" ")).unwrap();
            let details = [
                (
                    "in",
                    Some(working_directory).filter(|path| *path != "$(package)"),
                ),
                ("<", stdin.as_ref()),
                (">", stdout.as_ref()),
            ];
            for (name, value) in details {
                value.inspect(|value| writeln!(text, "  {name} {value}").unwrap());
            }
            for (name, value) in environment {
                writeln!(text, "  {name}={value}").unwrap();
            }
            for cache in caches.iter().filter(|cache| cache.starts_with("$(cache)")) {
                writeln!(text, "  keeps {cache}").unwrap();
            }
            if *network {
                writeln!(text, "  with network").unwrap();
            }
            if *console {
                writeln!(text, "  with the terminal").unwrap();
            }
            timeout.inspect(|seconds| writeln!(text, "  at most {seconds} s").unwrap());
        }
        other => writeln!(text, "  {other:?}").unwrap(),
    }
    if operation.weight != 1 {
        writeln!(text, "  weight: {}", operation.weight).unwrap();
    }
    let pool = operation.pool.iter();
    pool.for_each(|pool| writeln!(text, "  pool: {pool}").unwrap());
    let lists = [
        ("inputs", &operation.inputs),
        ("after", &operation.order_only),
        ("outputs", &operation.outputs),
    ];
    for (name, paths) in lists.into_iter().filter(|(_, paths)| !paths.is_empty()) {
        writeln!(text, "  {name}: {}", paths.join(" ")).unwrap();
    }
    let depfile = operation.depfile.iter();
    depfile.for_each(|path| writeln!(text, "  depfile: {path}").unwrap());
}

/// The packages of `examples/`, with those inside them.
fn example_packages() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut waiting = vec![PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples"
    ))];
    while let Some(directory) = waiting.pop() {
        for entry in std::fs::read_dir(&directory).unwrap() {
            let path = entry.unwrap().path();
            if path.file_name().unwrap() == "PKG" {
                found.push(directory.clone());
            } else if path.is_dir() && !path.ends_with(".wake") {
                waiting.push(path);
            }
        }
    }
    found
}

/// The languages of the examples.
const LANGUAGES: [&str; 9] = [
    "C",
    "C#",
    "C++",
    "Command",
    "Go",
    "Java",
    "JavaScript",
    "Python",
    "Rust",
];

/// Every module of every example is a recipe of a built-in plugin.
#[test]
fn examples_are_declared() {
    let evaluators = evaluators("");
    let ask = |request: &Request| match evaluators.ask(request).unwrap().result {
        Ok(answer) => answer,
        Err(error) => panic!("{error}"),
    };
    let packages = example_packages();
    assert!(packages.len() >= 13, "{packages:?}");
    for directory in packages {
        let package = PackageDirectory {
            place: None,
            granted: None,
            top: directory.clone(),
            directory,
        };
        let Answer::Declaration(declaration) = ask(&Request::Declare {
            package: package.clone(),
            answers: Vec::new(),
        }) else {
            panic!("no declaration");
        };
        assert!(["example", "acme"].contains(&declaration.info.namespace.as_deref().unwrap()));
        assert_ne!(declaration.files, Some(Vec::new()));
        for module in declaration.modules {
            let module = ask(&Request::Module {
                package: package.clone(),
                module,
                config: json!({}),
                parameters: Parameters::from([("Flavor".to_owned(), json!("Debug"))]),
                answers: Vec::new(),
            });
            let Answer::Module(module) = module else {
                panic!("{module:?}");
            };
            let ModuleBody::Recipe(recipe) = module.body else {
                panic!("no recipe");
            };
            let language = recipe["Language"].as_str().unwrap();
            assert!(LANGUAGES.contains(&language), "{language}");
        }
    }
}
