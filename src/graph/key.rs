//! The key of an operation: everything that says what it does, and nothing of what it reads.
//!
//! One traversal, [`describe`], with two listeners: [`Terse`] hashes, [`Parts`] keeps what a person can compare, so an
//! explanation cannot drift from the key. `HOME`, `TMPDIR`, `MAKEFLAGS`, the title, order-only inputs, pools and weights
//! are not in the key. Paths appear as tokens (`root.rs`).

use serde::{Deserialize, Serialize};

use super::{Action, Cold, FileId, Stdin};

/// Is told each part of a key, in order.
pub trait Manifest {
    fn part(&mut self, name: &str, value: &str);
}

/// Hashes the parts.
#[derive(Default)]
pub struct Terse(blake3::Hasher);

impl Terse {
    pub fn finish(&self) -> [u8; 32] {
        *self.0.finalize().as_bytes()
    }
}

impl Manifest for Terse {
    fn part(&mut self, name: &str, value: &str) {
        for text in [name, value] {
            self.0
                .update(&(text.len() as u64).to_le_bytes())
                .update(text.as_bytes());
        }
    }
}

/// One named part of a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// `executable`, `argument`, `environment CC`, `input`, `output`, …
    pub name: String,
    pub value: String,
}

/// Keeps the parts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parts(pub Vec<Part>);

impl Manifest for Parts {
    fn part(&mut self, name: &str, value: &str) {
        self.0.push(Part {
            name: name.to_owned(),
            value: value.to_owned(),
        });
    }
}

/// The declared files of an operation.
#[derive(Clone, Copy, Debug)]
pub struct Declared<'a> {
    pub tool: Option<FileId>,
    pub inputs: &'a [FileId],
    pub outputs: &'a [FileId],
}

/// Tells `manifest` all parts of the key of an operation. `name` gives a file's path with tokens.
pub fn describe(
    cold: &Cold,
    declared: Declared<'_>,
    name: impl Fn(FileId) -> String,
    manifest: &mut impl Manifest,
) {
    match &cold.action {
        Action::Run(command) => {
            manifest.part("executable", &command.executable);
            for argument in &command.arguments {
                manifest.part("argument", argument);
            }
            manifest.part("working directory", &command.working_directory);
            for (variable, value) in &command.environment {
                manifest.part(&format!("environment {variable}"), value);
            }
            manifest.part("environment PATH", &command.path);
            match &command.stdin {
                Stdin::Nothing => {}
                Stdin::File(file) => manifest.part("stdin", &name(*file)),
                Stdin::Text(text) => manifest.part("stdin text", text),
            }
            if let Some(file) = command.stdout {
                manifest.part("stdout", &name(file));
            }
            manifest.part("response file", &format!("{:?}", command.response_file));
            manifest.part("network", &command.network.to_string());
        }
        Action::WriteFile {
            content,
            executable,
        } => {
            manifest.part("content", content);
            manifest.part("executable", &executable.to_string());
        }
        Action::CopyFile => manifest.part("action", "copy"),
        Action::MakeDirectory => manifest.part("action", "make directory"),
    }
    if let Some(tool) = declared.tool {
        manifest.part("tool", &name(tool));
    }
    for &input in declared.inputs {
        manifest.part("input", &name(input));
    }
    for &output in declared.outputs {
        manifest.part("output", &name(output));
    }
    if let Some(depfile) = cold.depfile {
        manifest.part("depfile", &name(depfile));
    }
}
