//! Retrievers as processes: what is said of those that do wrong, that they may do only what they are granted, and that
//! nothing of them stays behind. They are small scripts.

mod answers;
mod confinement;
mod hygiene;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use wake::error::{Error, Result};
use wake::pkg::retriever::Retriever;
use wake::pkg::retriever::protocol::{Candidate, Fetched, Wanted};
use wake::pkg::retriever::run::{Limits, Surroundings};
use wake::report::Style;

const PYTHON: &str = "/usr/bin/python3";

/// A workspace, a home directory and the package of a retriever.
struct Place {
    directory: tempfile::TempDir,
    limits: Limits,
    is_sandboxed: bool,
    /// Of the user, besides the usual ones.
    variables: BTreeMap<String, String>,
    retriever: Retriever,
    /// Its standard error.
    said: RefCell<Vec<String>>,
}

impl Place {
    /// The retriever is a script for `interpreter`.
    fn new(interpreter: &str, script: &str) -> Self {
        let directory = tempfile::Builder::new()
            .prefix("wake-test-")
            .tempdir()
            .unwrap();
        let top = directory.path().canonicalize().unwrap();
        for name in ["work", "home", "package", "into"] {
            std::fs::create_dir(top.join(name)).unwrap();
        }
        let program = top.join("package/retrieve");
        std::fs::write(&program, format!("#!{interpreter}\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        Self {
            retriever: Retriever {
                origin: "acme/fetcher".into(),
                program,
                arguments: Vec::new(),
                directory: top.join("package"),
                readable: Vec::new(),
                config: Value::Null,
                env: BTreeMap::new(),
                has_network: false,
                has_home: false,
            },
            directory,
            limits: Limits {
                timeout: Duration::from_secs(60),
                ..Limits::default()
            },
            is_sandboxed: true,
            variables: BTreeMap::new(),
            said: RefCell::default(),
        }
    }

    fn shell(script: &str) -> Self {
        Self::new("/bin/sh", script)
    }

    /// `None` where there is no Python. The script defines `attempt()`; what that says, or why it fails, is the error.
    fn python(attempt: &str) -> Option<Self> {
        if !Path::new(PYTHON).exists() {
            crate::support::skipped("no /usr/bin/python3");
            return None;
        }
        let script = format!("import json, os, socket, sys, time\n{attempt}");
        Some(Self::new(PYTHON, &script))
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().canonicalize().unwrap().join(path)
    }

    fn surroundings(&self) -> Surroundings {
        let environment = [
            ("HOME", self.path("home").display().to_string()),
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("GREETING", "hello".to_owned()),
            ("WAKE_SECRET", "secret".to_owned()),
        ];
        let mut environment =
            BTreeMap::from(environment.map(|(name, value)| (name.to_owned(), value)));
        environment.extend(self.variables.clone());
        Surroundings {
            program: PathBuf::from(env!("CARGO_BIN_EXE_wake")),
            environment,
            temporary: self.path("work/.wake/tmp"),
            limits: self.limits,
            is_sandboxed: self.is_sandboxed,
        }
    }

    /// Asks for the versions of `acme/lib`.
    fn candidates(&self) -> Result<Vec<Candidate>> {
        let wanted = [Wanted {
            namespace: Some("acme".to_owned()),
            name: "lib".to_owned(),
            requirement: "^1".to_owned(),
        }];
        let say = |line: &str| self.said.borrow_mut().push(line.to_owned());
        let mut answers = self
            .surroundings()
            .candidates(&self.retriever, &wanted, &say)?;
        assert_eq!(answers.len(), 1);
        Ok(answers.remove(0))
    }

    /// Has `acme/lib` fetched.
    fn fetch(&self) -> Result<()> {
        let packages = [Fetched {
            namespace: Some("acme".to_owned()),
            name: "lib".to_owned(),
            version: "1.0.0".to_owned(),
            artifact: None,
            into: self.path("into"),
        }];
        self.surroundings()
            .fetch(&self.retriever, &packages, &|_| ())
    }

    /// An error as people see it.
    fn shown(&self, error: &Error) -> String {
        let text = wake::report::error::render(error, Style::PLAIN);
        text.replace(&self.path("").display().to_string(), "[PLACE]/")
    }
}
