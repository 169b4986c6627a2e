//! `wake.std.npm`: the packages of the registry that `npm` uses.
//!
//! The namespace is `npm`. The scoped package `@acme/tool` is `npm/acme+tool`: no name of npm's contains a `+`, so no
//! two packages share a name. No script of a package is run.

mod range;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;
use serde_json::Value;

use super::client::{Client, Output, Scratch, for_each, say, upward};
use super::config::Config;
use super::foreign::Foreign;
use super::{Finder, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::archive::{self, Limits, Strip};
use crate::pkg::requirement::Requirement;
use crate::pkg::retriever::protocol::{Candidate, Fetched, Required, Wanted};

const NAMESPACE: &str = "npm";

/// How a package is built if nobody says otherwise: as it is, with those that it needs.
const RECIPE: &str = "{
            Language: 'JavaScript',
            InstallLocked: false,
            Dependencies: { Runtime: [wake.getModule(pkg.pkgs[key]) for key in std.objectFields(pkg.pkgs)] },
          }";
/// What every run is told: no advertisements, and nothing written but to npm's cache.
const QUIET: [&str; 7] = [
    "--json",
    "--ignore-scripts",
    "--loglevel=error",
    "--logs-max=0",
    "--no-update-notifier",
    "--no-fund",
    "--no-audit",
];
/// What is asked of each version.
const FIELDS: [&str; 6] = [
    "name",
    "version",
    "dependencies",
    "bundleDependencies",
    "bundledDependencies",
    "dist.unpackedSize",
];

#[derive(Debug)]
struct Npm {
    surroundings: Surroundings,
    config: Value,
}

/// A version, as `npm view` shows it. With the names of a package's own `package.json`, which is read, too.
#[derive(Clone, Debug, Deserialize)]
struct Record {
    version: String,
    #[serde(default)]
    dependencies: BTreeMap<String, Value>,
    /// Names, or `true` for all.
    #[serde(default, rename = "bundleDependencies")]
    bundle: Value,
    #[serde(default, rename = "bundledDependencies")]
    bundled: Value,
    #[serde(default, rename = "dist.unpackedSize")]
    size: Option<u64>,
}

/// # Errors
/// The config is wrong.
pub(super) fn open(config: &Value, surroundings: &Surroundings) -> Result<Box<dyn Finder>> {
    Config::of("the config of `wake.std.npm`", config, &[])?;
    Ok(Box::new(Npm {
        surroundings: surroundings.clone(),
        config: config.clone(),
    }))
}

impl Finder for Npm {
    fn candidates(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        for_each(wanted, |one| {
            match foreign_name(one.namespace.as_deref(), &one.name) {
                Some(name) => self.candidates_of(&name, &one.requirement),
                None => Ok(Vec::new()),
            }
        })
    }

    fn fetch(&self, packages: &[Fetched]) -> Result<()> {
        for_each(packages, |package| self.fetch_one(package)).map(drop)
    }

    fn reads(&self) -> Vec<PathBuf> {
        upward(&self.surroundings.directory, &[".npmrc", "package.json"])
    }
}

impl Npm {
    fn client(&self) -> Client<'_> {
        Client {
            program: "npm",
            hint: "`wake.std.npm` asks the registry through `npm`: install Node.js",
            surroundings: &self.surroundings,
        }
    }

    fn candidates_of(&self, name: &str, requirement: &str) -> Result<Vec<Candidate>> {
        let admitted = Requirement::parse(requirement)?;
        let Some(published) = self.published(name)? else {
            return Ok(Vec::new());
        };
        // npm is not asked for what is not there: it would call that an error.
        let is_admitted =
            |text: &String| Version::parse(text).is_ok_and(|version| admitted.matches(&version));
        if !published.keys().any(is_admitted) {
            return Ok(Vec::new());
        }
        let package = format!("{name}@{}", range::range(requirement));
        let output = self.view(&package, &FIELDS)?.succeeded()?;
        let mut records = records(&output)?;
        records.sort_by_cached_key(|record| Version::parse(&record.version).ok());
        let each = records.iter().filter(|record| is_admitted(&record.version));
        Ok(each
            .map(|record| candidate(name, record, &published))
            .collect())
    }

    /// The versions of a package, with when they were published. `None`: there is no such package.
    fn published(&self, name: &str) -> Result<Option<BTreeMap<String, Option<String>>>> {
        #[derive(Deserialize)]
        struct Package {
            versions: OneOrMore<String>,
            #[serde(default)]
            time: BTreeMap<String, Option<String>>,
        }
        // With the name npm never shows the value of a single field instead of a table.
        let output = self.view(name, &["name", "versions", "time"])?;
        if !output.status.success() && is_not_found(&output.stdout) {
            return Ok(None);
        }
        let output = output.succeeded()?;
        let found: OneOrMore<Package> = decode(&output)?;
        let packages = found.into_list().into_iter();
        let each = packages.flat_map(|mut package| {
            let versions = package.versions.into_list().into_iter();
            versions.map(move |version| {
                let time = package.time.remove(&version).flatten();
                (version, time)
            })
        });
        Ok(Some(each.collect()))
    }

    fn view(&self, package: &str, fields: &[&str]) -> Result<Output> {
        let arguments = QUIET.iter().chain([&"--", &package]).chain(fields);
        self.client().run(&["view"], arguments)
    }

    fn fetch_one(&self, package: &Fetched) -> Result<()> {
        #[derive(Deserialize)]
        struct Packed {
            filename: String,
        }
        let lacking = || {
            let message = format!("npm has no `{}@{}`", package.name, package.version);
            Error::user(message)
        };
        let name = foreign_name(package.namespace.as_deref(), &package.name).ok_or_else(lacking)?;
        let version = Version::parse(&package.version).map_err(|_| lacking())?;
        let scratch = Scratch::new(&self.surroundings)?;
        let specification = format!("{name}@{version}");
        let destination = format!("--pack-destination={}", scratch.path().display());
        let arguments = QUIET
            .iter()
            .copied()
            .chain([destination.as_str(), "--", &specification]);
        let output = self.client().run(&["pack"], arguments)?;
        if !output.status.success() {
            return Err(match is_not_found(&output.stdout) {
                true => lacking(),
                false => output.failure(&format!("Cannot fetch `{specification}`")),
            });
        }
        let packed: Vec<Packed> = decode(&output)?;
        let [packed] = packed.as_slice() else {
            return Err(nonsense(&output, "not one file"));
        };
        // Some versions of npm tell another name than they give the file.
        let file = scratch
            .path()
            .join(Path::new(&packed.filename).file_name().unwrap_or_default());
        let file = if fs::is_file(&file) {
            file
        } else {
            only_file(scratch.path()).ok_or_else(|| nonsense(&output, "no file"))?
        };
        archive::unpack(
            &specification,
            fs::open(&file)?,
            &package.into,
            Limits::default(),
            Strip::Components(1),
        )?;
        self.write_declaration(&name, package)
    }

    fn write_declaration(&self, name: &str, package: &Fetched) -> Result<()> {
        let bytes = fs::read_if_exists(&package.into.join("package.json"))?.unwrap_or_default();
        let record: Record = serde_json::from_slice(&bytes).map_err(|error| {
            let message = format!(
                "The `package.json` of `{name}@{}` cannot be read",
                package.version
            );
            Error::user(message).cause(error.to_string())
        })?;
        let foreign = Foreign {
            namespace: Some(NAMESPACE),
            name: &package.name,
            version: &package.version,
            retriever: NAMESPACE,
            config: &self.config,
            pkgs: &pkgs(name, &record),
            recipe: Some(RECIPE),
        };
        foreign.write(&package.into).map(drop)
    }
}

/// `npm view` shows one thing as itself, several as a list.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMore<T> {
    More(Vec<T>),
    One(T),
}

impl<T> OneOrMore<T> {
    fn into_list(self) -> Vec<T> {
        match self {
            Self::More(list) => list,
            Self::One(one) => vec![one],
        }
    }
}

fn records(output: &Output) -> Result<Vec<Record>> {
    if output.stdout.trim().is_empty() {
        return Ok(Vec::new());
    }
    decode::<OneOrMore<Record>>(output).map(OneOrMore::into_list)
}

fn decode<'a, T: Deserialize<'a>>(output: &'a Output) -> Result<T> {
    serde_json::from_str(&output.stdout).map_err(|error| nonsense(output, &error.to_string()))
}

fn nonsense(output: &Output, cause: &str) -> Error {
    Error::environment(format!(
        "The answer of `{}` is not understood",
        output.title
    ))
    .cause(cause)
}

/// Whether npm says that there is no such package or version.
fn is_not_found(stdout: &str) -> bool {
    let answer: Value = serde_json::from_str(stdout).unwrap_or_default();
    let code = answer.pointer("/error/code").and_then(Value::as_str);
    matches!(code, Some("E404" | "ETARGET"))
}

fn only_file(directory: &Path) -> Option<PathBuf> {
    let mut names = fs::list(directory).ok()?;
    let (name, _) = names.pop().filter(|_| names.is_empty())?;
    Some(directory.join(name))
}

/// What npm calls a package.
fn foreign_name(namespace: Option<&str>, name: &str) -> Option<String> {
    let is_part = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part
                .bytes()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
    };
    if namespace != Some(NAMESPACE) {
        return None;
    }
    match name.split_once('+') {
        None => is_part(name).then(|| name.to_owned()),
        Some((scope, name)) => {
            (is_part(scope) && is_part(name)).then(|| format!("@{scope}/{name}"))
        }
    }
}

/// What wake calls a package of npm.
fn own_name(name: &str) -> Option<String> {
    let own = match name.strip_prefix('@') {
        Some(scoped) => scoped.replacen('/', "+", 1),
        None => name.to_owned(),
    };
    (foreign_name(Some(NAMESPACE), &own).as_deref() == Some(name)).then_some(own)
}

fn candidate(
    name: &str,
    record: &Record,
    published: &BTreeMap<String, Option<String>>,
) -> Candidate {
    let pkgs = pkgs(name, record).into_iter();
    Candidate {
        version: record.version.clone(),
        pkgs: pkgs
            .map(|(key, requirement)| (key, Required::Same(requirement)))
            .collect(),
        size: record.size,
        published: published.get(&record.version).cloned().flatten(),
        ..Candidate::default()
    }
}

/// What a version depends on to run, but for what it brings along, as `(key, requirement)`.
fn pkgs(name: &str, record: &Record) -> Vec<(String, String)> {
    let is_bundled = |dependency: &str| {
        [&record.bundle, &record.bundled]
            .iter()
            .any(|bundle| match bundle {
                Value::Bool(all) => *all,
                Value::Array(names) => names.iter().any(|name| name == dependency),
                _ => false,
            })
    };
    let wanted = record
        .dependencies
        .iter()
        .filter(|(key, _)| !is_bundled(key));
    let each = wanted.filter_map(|(key, range)| {
        let requirement = requirement(key, range.as_str()?);
        if requirement.is_none() {
            let message = format!(
                "`{name}@{}`: `{key}` is left out: {range} is no range of versions",
                record.version
            );
            say(NAMESPACE, &message);
        }
        Some((own_name(key)?, requirement?))
    });
    each.collect()
}

/// `npm/name@requirement` for a dependency; an alias names another package than its key.
fn requirement(key: &str, range: &str) -> Option<String> {
    let (name, range) = match range.trim().strip_prefix("npm:") {
        None => (key, range),
        // The scope has an `@`, too.
        Some(alias) => match alias.rfind('@').filter(|at| *at > 0) {
            Some(at) => (&alias[..at], &alias[at + 1..]),
            None => (alias, "*"),
        },
    };
    Some(format!(
        "{NAMESPACE}/{}@{}",
        own_name(name)?,
        range::requirement(range)?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches two packages of one name, an option in disguise, and an alias that is fetched by its key.
    #[test]
    fn names_go_there_and_back() {
        for (own, foreign) in [
            ("is-number", "is-number"),
            ("acme+tool.js", "@acme/tool.js"),
            ("JSONStream", "JSONStream"),
        ] {
            assert_eq!(foreign_name(Some("npm"), own).as_deref(), Some(foreign));
            assert_eq!(own_name(foreign).as_deref(), Some(own));
        }
        for wrong in ["-x", "a b", "a+", "+a", "a+b+c", "../x", "a/b", "@a/b", ""] {
            assert_eq!(foreign_name(Some("npm"), wrong), None, "{wrong}");
        }
        assert_eq!(foreign_name(None, "x"), None);
        let requirement = |key, range| requirement(key, range).unwrap_or_default();
        assert_eq!(requirement("a", "npm:@acme/b@1.2"), "npm/acme+b@=1.2");
        assert_eq!(requirement("a", "npm:b"), "npm/b@*");
        assert_eq!(requirement("@acme/a", "^1"), "npm/acme+a@^1");
        assert_eq!(requirement("a", "github:x/y"), "");
    }

    /// Catches what is in the archive already, and is fetched once more.
    #[test]
    fn bundled_dependencies_are_not_asked_for() {
        let of = |text: &str| pkgs("x", &serde_json::from_str(text).unwrap());
        let some = of(
            r#"{"version":"1.0.0","dependencies":{"a":"1","b":"2"},"bundleDependencies":["a"]}"#,
        );
        assert_eq!(some, [("b".to_owned(), "npm/b@=2".to_owned())]);
        let all = of(r#"{"version":"1.0.0","dependencies":{"a":"1"},"bundledDependencies":true}"#);
        assert_eq!(all, []);
    }
}
