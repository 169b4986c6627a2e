//! `wake.std.crates`: the crates of the registry that `cargo` uses.
//!
//! Cargo has no command that lists versions, but it keeps what it has asked the index. So wake makes it ask: it gives
//! cargo a project that depends on the crates, with an empty package of an impossibly high version in place of each, so
//! that cargo looks each of them up, chooses none, and downloads nothing. Then the index is read where cargo keeps it.

mod download;
mod index;
mod platform;
mod project;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use self::index::{Index, Record, indexes};
use self::project::Project;
use super::client::{Client, Output, Scratch, say, upward};
use super::config::Config;
use super::foreign::Foreign;
use super::{Finder, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::archive::digest::Digest;
use crate::pkg::archive::{self, Limits, Strip};
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
                .filter(|record| requirement.lists(&record.version));
            Ok(admitted.map(candidate).collect())
        });
        each.collect()
    }

    fn fetch(&self, packages: &[Fetched]) -> Result<()> {
        let wanted = packages
            .iter()
            .map(|package| self.record(package))
            .collect::<Result<Vec<_>>>()?;
        let lacking = |place: &usize| wanted[*place].1.is_none();
        // One project cannot depend on two versions of a crate, wherever cargo takes them for the same.
        let mut groups: Vec<BTreeMap<&str, &Record>> = Vec::new();
        for place in (0..wanted.len()).filter(lacking) {
            let record = &wanted[place].0;
            match groups
                .iter_mut()
                .find(|group| !group.contains_key(record.name.as_str()))
            {
                Some(group) => drop(group.insert(&record.name, record)),
                None => groups.push(BTreeMap::from([(record.name.as_str(), record)])),
            }
        }
        for group in &groups {
            self.download(&group.values().copied().collect::<Vec<_>>())?;
        }
        for (package, (record, archive)) in packages.iter().zip(&wanted) {
            let archive = match archive {
                Some(archive) => archive.clone(),
                None => self
                    .archive(record)?
                    .ok_or_else(|| not_downloaded(record))?,
            };
            self.unpack(package, record, &archive)?;
        }
        Ok(())
    }

    fn reads(&self) -> Vec<PathBuf> {
        let names = [
            ".cargo/config.toml",
            ".cargo/config",
            "rust-toolchain.toml",
            "rust-toolchain",
        ];
        upward(&self.surroundings.directory, &names)
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
        let mut project = Project::new(scratch.path())?;
        for name in names {
            project.depend(name, "*");
            project.stand_in(name, STAND_IN, &BTreeSet::new())?;
        }
        project.write()?;
        self.cargo("generate-lockfile", &project)?.succeeded()?;
        if indexes(&self.home()?).is_empty() {
            let message = "`cargo` keeps no index of its registry";
            let hint = "`wake.std.crates` needs a registry that `cargo` asks for its index: vendored crates and local \
                        registries have none";
            return Err(Error::environment(message).hint(hint));
        }
        self.answered(names)
    }

    fn cargo(&self, subcommand: &str, project: &Project) -> Result<Output> {
        let mut command = self.client().command(&[subcommand]);
        command.arg("--manifest-path").arg(project.manifest());
        command
            .env("CARGO_TERM_COLOR", "never")
            .env("CARGO_TERM_PROGRESS_WHEN", "never");
        self.client()
            .finish(&mut command, &format!("cargo {subcommand}"))
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

    /// What the index says of a version, and its archive if cargo has it already.
    fn record(&self, package: &Fetched) -> Result<(Record, Option<PathBuf>)> {
        let name = package.name.as_str();
        let of = || format!("The crate `{name}` has no version `{}`", package.version);
        let is_it =
            |record: &Record| record.name == name && record.version.to_string() == package.version;
        if package.namespace.as_deref() != Some(NAMESPACE) || !is_name(name) {
            return Err(Error::user(of()));
        }
        let known = self.answered(&BTreeSet::from([name]))?;
        let known = known
            .map(|index| index.records(name))
            .transpose()?
            .unwrap_or_default();
        if let Some(record) = known.into_iter().find(is_it) {
            let archive = self.archive(&record)?;
            return Ok((record, archive));
        }
        let asked = self.ask(&BTreeSet::from([name]))?;
        let asked = asked
            .map(|index| index.records(name))
            .transpose()?
            .unwrap_or_default();
        let record = asked
            .into_iter()
            .find(is_it)
            .ok_or_else(|| Error::user(of()))?;
        Ok((record, None))
    }

    /// The archive of a crate in cargo's cache, if it is what the index says.
    fn archive(&self, record: &Record) -> Result<Option<PathBuf>> {
        let file = format!("{}-{}.crate", record.name, record.version);
        let digest = Digest::parse(&format!("sha256:{}", record.checksum))?;
        for index in indexes(&self.home()?) {
            let path = index.archives.join(&file);
            let mut hasher = digest.hasher();
            if let Some(bytes) = fs::read_if_exists(&path)? {
                hasher.update(&bytes);
                if hasher.finish() == digest {
                    return Ok(Some(path));
                }
            }
        }
        Ok(None)
    }

    /// Downloads crates, no two of one name. Those that do not go together are downloaded one by one.
    fn download(&self, records: &[&Record]) -> Result<()> {
        let scratch = Scratch::new(&self.surroundings)?;
        let project = download::write(scratch.path(), records)?;
        let output = self.cargo("fetch", &project)?;
        match records {
            _ if output.status.success() => Ok(()),
            [record] => {
                let subject = format!(
                    "Cannot fetch the crate `{}@{}`",
                    record.name, record.version
                );
                Err(output.failure(&subject))
            }
            _ => records
                .iter()
                .try_for_each(|record| self.download(&[record])),
        }
    }

    fn unpack(&self, package: &Fetched, record: &Record, archive: &Path) -> Result<()> {
        let name = format!("{}-{}.crate", record.name, record.version);
        archive::unpack(
            &name,
            fs::open(archive)?,
            &package.into,
            Limits::default(),
            Strip::Components(1),
        )?;
        let foreign = Foreign {
            namespace: Some(NAMESPACE),
            name: &package.name,
            version: &package.version,
            retriever: NAMESPACE,
            config: &self.config,
            pkgs: &pkgs(record),
            recipe: None,
        };
        foreign.write(&package.into).map(drop)
    }
}

fn not_downloaded(record: &Record) -> Error {
    let message = format!(
        "The crate `{}@{}` is not where `cargo` puts it",
        record.name, record.version
    );
    Error::environment(message).cause("no archive in its cache has the checksum of the index")
}

/// The names that cargo takes. Others are no crates.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.len() <= 64
        && name
            .bytes()
            .all(|c| c.is_ascii_alphanumeric() || c == b'-' || c == b'_')
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
