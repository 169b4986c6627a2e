//! `wake.std.crates`: the crates of the registry that `cargo` uses.
//!
//! Cargo has no command that lists versions, but it keeps what it has asked the index. So wake makes it ask: it gives
//! cargo a project that depends on the crates, with an empty package of an impossibly high version in place of each, so
//! that cargo looks each of them up, chooses none, and downloads nothing. Then the index is read where cargo keeps it.

mod index;
mod platform;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};

use semver::Version;
use serde_json::Value;

use self::index::{Index, Record, indexes};
use super::client::{Client, Scratch, say};
use super::config::Config;
use super::foreign::Foreign;
use super::{Finder, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::requirement::Requirement;
use crate::pkg::retriever::protocol::{Candidate, Fetched, Required, Wanted};

const NAMESPACE: &str = "crates";
/// No crate has this version: its numbers fit cargo, and nobody counts so far.
const STAND_IN: &str = "4294967295.0.0";

#[derive(Debug)]
struct Crates {
    surroundings: Surroundings,
    config: Value,
}

/// # Errors
/// The config is wrong.
pub(super) fn open(config: &Value, surroundings: &Surroundings) -> Result<Box<dyn Finder>> {
    Config::of("the config of `wake.std.crates`", config, &[])?;
    Ok(Box::new(Crates {
        surroundings: surroundings.clone(),
        config: config.clone(),
    }))
}

impl Finder for Crates {
    fn candidates(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        let fit = |one: &&Wanted| one.namespace.as_deref() == Some(NAMESPACE) && is_name(&one.name);
        let names: BTreeSet<&str> = wanted
            .iter()
            .filter(fit)
            .map(|one| one.name.as_str())
            .collect();
        let index = self.ask(&names)?;
        let each = wanted.iter().map(|one| {
            let Some(index) = index.as_ref().filter(|_| fit(&one)) else {
                return Ok(Vec::new());
            };
            let requirement = Requirement::parse(&one.requirement)?;
            let records = self.records(index, &one.name)?;
            let admitted = records
                .iter()
                .filter(|record| requirement.matches(&record.version));
            Ok(admitted.map(candidate).collect())
        });
        each.collect()
    }

    fn fetch(&self, packages: &[Fetched]) -> Result<()> {
        packages
            .iter()
            .try_for_each(|package| self.fetch_one(package))
    }
}

impl Crates {
    fn client(&self) -> Client<'_> {
        Client {
            program: "cargo",
            hint: "`wake.std.crates` asks the registry through `cargo`: install Rust",
            surroundings: &self.surroundings,
        }
    }

    /// Cargo's own directory.
    fn home(&self) -> Result<PathBuf> {
        let environment = &self.surroundings.environment;
        let named = environment
            .get("CARGO_HOME")
            .map(|home| self.surroundings.directory.join(home));
        let usual = || {
            environment
                .get("HOME")
                .map(|home| Path::new(home).join(".cargo"))
        };
        named.or_else(usual).ok_or_else(|| {
            Error::environment("The home of `cargo` is not known")
                .hint("set `HOME` or `CARGO_HOME`")
        })
    }

    /// Makes cargo look up crates, and finds the index where it has put what it found. `None`: none of them exists.
    fn ask(&self, names: &BTreeSet<&str>) -> Result<Option<Index>> {
        if names.is_empty() {
            return Ok(None);
        }
        let scratch = Scratch::new(&self.surroundings)?;
        let manifest = write_project(scratch.path(), names)?;
        let mut command = self.client().command(&["generate-lockfile"]);
        command.arg("--manifest-path").arg(&manifest);
        command
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never");
        self.client()
            .finish(&mut command, "cargo generate-lockfile")?
            .succeeded()?;
        Ok(self.answered(names)?)
    }

    /// The index that knows most of the crates, and of several such the one that was written last.
    fn answered(&self, names: &BTreeSet<&str>) -> Result<Option<Index>> {
        let score = |index: &Index| {
            let written: Vec<i64> = names
                .iter()
                .filter_map(|name| index.written(name))
                .collect();
            (written.len(), written.into_iter().max())
        };
        let best = indexes(&self.home()?).into_iter().max_by_key(score);
        Ok(best.filter(|index| score(index).0 > 0))
    }

    /// The versions of the crate that is called exactly so.
    fn records(&self, index: &Index, name: &str) -> Result<Vec<Record>> {
        let mut records = index.records(name)?;
        if let Some(other) = records.iter().find(|record| record.name != name) {
            say(
                NAMESPACE,
                &format!("the crate `{name}` is written `{}`", other.name),
            );
        }
        records.retain(|record| record.name == name);
        Ok(records)
    }

    fn fetch_one(&self, package: &Fetched) -> Result<()> {
        let _ = package;
        Ok(())
    }
}

/// The names that cargo takes. Others are no crates.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 64
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
}

/// A project that depends on the crates, with a stand-in for each. Returns its manifest.
fn write_project(directory: &Path, names: &BTreeSet<&str>) -> Result<PathBuf> {
    let mut manifest = project_head();
    let mut patches = String::from("[patch.crates-io]\n");
    for (place, name) in names.iter().enumerate() {
        let _ = writeln!(
            manifest,
            "p{place} = {{ package = \"{name}\", version = \"*\" }}"
        );
        let _ = writeln!(
            patches,
            "p{place} = {{ package = \"{name}\", path = \"p{place}\" }}"
        );
        let stand_in = directory.join(format!("p{place}"));
        fs::create_directories(&stand_in)?;
        let text = format!(
            "[package]\nname = \"{name}\"\nversion = \"{STAND_IN}\"\n[lib]\npath = \"../lib.rs\"\n"
        );
        fs::write(&stand_in.join("Cargo.toml"), text.as_bytes())?;
    }
    fs::write(&directory.join("lib.rs"), b"")?;
    let path = directory.join("Cargo.toml");
    fs::write(&path, (manifest + &patches).as_bytes())?;
    Ok(path)
}

fn project_head() -> String {
    "[package]\nname = \"wake-question\"\nversion = \"0.0.0\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n[dependencies]\n"
        .to_owned()
}

fn candidate(record: &Record) -> Candidate {
    let pkgs = pkgs(record)
        .into_iter()
        .map(|(key, requirement)| (key, Required::Same(requirement)));
    Candidate {
        version: record.version.to_string(),
        pkgs: pkgs.collect(),
        yanked: record.yanked,
        published: record.published.clone(),
        ..Candidate::default()
    }
}

/// What a crate asks for whatever its features are, by what it calls it.
fn pkgs(record: &Record) -> Vec<(String, String)> {
    let mut found: BTreeMap<&str, (&str, String)> = BTreeMap::new();
    for dependency in &record.dependencies {
        let is_normal = matches!(dependency.kind.as_deref(), None | Some("normal"));
        let is_elsewhere = dependency
            .target
            .as_deref()
            .is_some_and(|target| !platform::may_hold(target));
        if !is_normal || dependency.optional || is_elsewhere {
            continue;
        }
        let name = dependency.package.as_deref().unwrap_or(&dependency.name);
        if dependency.registry.is_some() {
            let of = format!("`{}@{}`", record.name, record.version);
            say(
                NAMESPACE,
                &format!("{of}: `{name}` is of another registry and left out"),
            );
            continue;
        }
        let requirement = joined(
            found
                .get(dependency.name.as_str())
                .map(|(_, text)| text.as_str()),
            &dependency.req,
        );
        found.insert(&dependency.name, (name, requirement));
    }
    let each = found.into_iter().map(|(key, (name, requirement))| {
        (key.to_owned(), format!("{NAMESPACE}/{name}@{requirement}"))
    });
    each.collect()
}

/// Both requirements: a crate may ask for another twice, for different platforms.
fn joined(known: Option<&str>, requirement: &str) -> String {
    match known {
        Some(known) if known == requirement || requirement.trim() == "*" => known.to_owned(),
        Some(known) if known.trim() != "*" => format!("{known}, {requirement}"),
        _ => requirement.to_owned(),
    }
}
