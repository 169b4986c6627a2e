//! A project of cargo's that is only there to be asked about: what it depends on, and stand-ins for crates.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs;

/// A package for cargo alone.
#[derive(Debug)]
pub(super) struct Project {
    directory: PathBuf,
    dependencies: String,
    patches: String,
    count: usize,
}

impl Project {
    /// # Errors
    /// The directory cannot be written to.
    pub(super) fn new(directory: &Path) -> Result<Self> {
        fs::write(&directory.join("lib.rs"), b"")?;
        Ok(Self {
            directory: directory.to_owned(),
            dependencies: String::new(),
            patches: String::new(),
            count: 0,
        })
    }

    pub(super) fn manifest(&self) -> PathBuf {
        self.directory.join("Cargo.toml")
    }

    /// Depends on a crate. Its name and the requirement contain nothing that TOML has a meaning for.
    pub(super) fn depend(&mut self, name: &str, requirement: &str) {
        self.count += 1;
        let count = self.count;
        let _ = writeln!(
            self.dependencies,
            "d{count} = {{ package = \"{name}\", version = \"{requirement}\", default-features = false }}"
        );
    }

    /// Puts an empty package beside the versions of a crate.
    ///
    /// # Errors
    /// Its files cannot be written.
    pub(super) fn stand_in(
        &mut self,
        name: &str,
        version: &str,
        features: &BTreeSet<&str>,
    ) -> Result<()> {
        self.count += 1;
        let count = self.count;
        let _ = writeln!(
            self.patches,
            "p{count} = {{ package = \"{name}\", path = \"p{count}\" }}"
        );
        let directory = self.directory.join(format!("p{count}"));
        fs::create_directories(&directory)?;
        let mut text = head(name, version, "../lib.rs");
        text.push_str("[features]\n");
        for feature in features {
            let _ = writeln!(text, "{} = []", serde_json::Value::from(*feature));
        }
        fs::write(&directory.join("Cargo.toml"), text.as_bytes())
    }

    /// Writes the manifest.
    ///
    /// # Errors
    /// It cannot be written.
    pub(super) fn write(&self) -> Result<()> {
        let head = head("wake-question", "0.0.0", "lib.rs");
        let Self {
            dependencies,
            patches,
            ..
        } = self;
        let text = format!(
            "{head}[workspace]\n[dependencies]\n{dependencies}[patch.crates-io]\n{patches}"
        );
        fs::write(&self.manifest(), text.as_bytes())
    }
}

fn head(name: &str, version: &str, library: &str) -> String {
    format!(
        "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n[lib]\npath = \"{library}\"\n"
    )
}
