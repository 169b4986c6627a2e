//! Evaluation through real processes: what a `PKG` declares, what tasks make, and what bad input is answered with.

#![expect(
    clippy::disallowed_methods,
    reason = "tests write their workspaces directly"
)]

mod containment;
mod declare;
mod generate;
mod packages;
mod refusals;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use tempfile::TempDir;
use wake::declare::model::{
    Host, ModuleBody, PackageDirectory, PackageInfo, PackageRef, Parameters,
};
use wake::error::{Error, Kind};
use wake::jsonnet::client::{Evaluators, Options};
use wake::jsonnet::protocol::{
    ActionSpec, Answer, Answered, Argument, DependencyState, GenerateInput, Outcome, Plugin, Read,
    Request, Setup,
};

/// A workspace on disk and processes that evaluate it.
struct Space {
    directory: TempDir,
    evaluators: Evaluators,
}

impl Space {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Options)) -> Self {
        let mut options = Options::new(PathBuf::from(env!("CARGO_BIN_EXE_wake")));
        change(&mut options);
        let setup = Setup {
            host: Host {
                kernel: "linux".into(),
                distribution: "debian".into(),
                codename: "bookworm".into(),
                architecture: "x86_64".into(),
            },
            environment: BTreeMap::from([
                ("PATH".to_owned(), "/usr/local/bin:/usr/bin:/bin".to_owned()),
                ("GREETING".to_owned(), "hello".to_owned()),
            ]),
            memory: 0,
        };
        Self {
            directory: TempDir::new().unwrap(),
            evaluators: Evaluators::new(options, setup, 1),
        }
    }

    /// Writes a file below the workspace.
    fn file(self, path: &str, content: impl AsRef<[u8]>) -> Self {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(path)
    }

    fn package(&self, path: &str) -> PackageDirectory {
        PackageDirectory {
            granted: None,
            place: None,
            directory: self.path(path).canonicalize().unwrap(),
            top: self.path("").canonicalize().unwrap(),
        }
    }

    fn ask(&self, request: &Request) -> Result<Outcome, Error> {
        self.evaluators.ask(request)
    }

    fn answer(&self, request: &Request) -> Answer {
        match self.ask(request) {
            Ok(Outcome {
                result: Ok(answer), ..
            }) => answer,
            Ok(Outcome {
                result: Err(error), ..
            })
            | Err(error) => panic!("{}", shown(&error)),
        }
    }

    fn error(&self, request: &Request) -> Error {
        match self.ask(request) {
            Ok(Outcome {
                result: Ok(answer), ..
            }) => panic!("no error but {answer:?}"),
            Ok(Outcome {
                result: Err(error), ..
            })
            | Err(error) => error,
        }
    }

    fn declare(&self) -> Request {
        Request::Declare {
            package: self.package(""),
            answers: Vec::new(),
        }
    }

    fn module(&self, module: &str) -> Request {
        Request::Module {
            package: self.package(""),
            module: module.to_owned(),
            config: json!({}),
            parameters: parameters(),
            answers: Vec::new(),
        }
    }

    fn generate(&self, recipe: Value, plugins: Vec<Plugin>) -> GenerateInput {
        GenerateInput {
            package: self.package(""),
            info: PackageInfo {
                name: "app".into(),
                namespace: Some("acme".into()),
                version: Some("1.2.3".into()),
            },
            module: "root".into(),
            label: "acme/app:root".into(),
            config: json!({}),
            parameters: parameters(),
            body: ModuleBody::Recipe(recipe),
            files: Vec::new(),
            dependencies: Vec::new(),
            plugins,
            answers: Vec::new(),
            sdks: Vec::new(),
            shared_keys: Vec::new(),
            preprocessed: BTreeMap::new(),
            at: None,
        }
    }
}

fn parameters() -> Parameters {
    Parameters::from([("Flavor".to_owned(), json!("Debug"))])
}

/// An error as a person would see it, without the workspace's path.
fn shown(error: &Error) -> String {
    let report = error.report();
    let mut text = format!("{error}\n");
    for cause in &report.causes {
        text.push_str(&format!("  {cause}\n"));
    }
    for frame in &report.trace {
        let at = frame
            .at
            .as_ref()
            .map_or("-".to_owned(), ToString::to_string);
        text.push_str(&format!("  {at}: {}\n", frame.description));
    }
    if let Some(hint) = &report.hint {
        text.push_str(&format!("hint: {hint}\n"));
    }
    text
}
