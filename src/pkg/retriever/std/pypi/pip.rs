//! `pip`: asking it for versions, for what wheels ask for, and for wheels.
//!
//! Pip has no stable command that lists versions, but it names them when it is asked for one that is not there.

use std::path::{Path, PathBuf};

use semver::Version;
use serde::Deserialize;

use super::super::Surroundings;
use super::super::client::{Client, Output, Scratch, say, without_credentials};
use super::{NAMESPACE, version};
use crate::error::{Error, Result};
use crate::fs;

/// Nothing is asked, installed, built or advertised.
const QUIET: [&str; 7] = [
    "--no-input",
    "--disable-pip-version-check",
    "--no-color",
    "--progress-bar=off",
    "--no-deps",
    "--only-binary=:all:",
    "--pre",
];
/// A wheel that is the same on every machine.
const PURE: [&str; 3] = ["--implementation=py", "--abi=none", "--platform=any"];
/// No package has this version: pip names those that there are.
const NO_VERSION: &str = "===4294967295.0.0";

/// What pip says of files of the package that it cannot use.
const UNUSABLE: [&str; 3] = ["No sources permitted", "wheel's tags", "Requires-Python"];
const NO_WHEEL: &str =
    "only wheels for this machine are fetched: of a source archive `pip` would run the build";

/// `pip`, as it is there.
#[derive(Debug)]
pub(super) struct Pip<'a> {
    client: Client<'a>,
    /// What makes the program pip.
    prefix: &'static [&'static str],
    /// The version of Python that it belongs to: `3.11`.
    pub(super) python: Option<String>,
    /// Where it runs. It is empty: Python would import files of the workspace as if they were its own.
    directory: Scratch,
}

/// What an index does not have.
#[derive(Clone, Copy, PartialEq)]
enum Lack {
    Package,
    /// There are files, but none that could be used here.
    Wheel,
}

/// What a wheel says of itself.
#[derive(Clone, Debug)]
pub(super) struct Described {
    pub(super) name: String,
    /// As pip writes it.
    pub(super) version: String,
    /// `Requires-Dist`.
    pub(super) requires: Vec<String>,
    /// The name of its file.
    pub(super) file: String,
}

impl<'a> Pip<'a> {
    /// The pip of `python3` where it has one, else `pip`.
    ///
    /// # Errors
    /// There is neither.
    pub(super) fn find(surroundings: &'a Surroundings) -> Result<Self> {
        let hint = "`wake.std.pypi` asks the index through `pip`: install Python with pip";
        let ways: [(&'static str, &'static [&'static str]); 2] =
            [("python3", &["-m", "pip"]), ("pip", &[])];
        for (program, prefix) in ways {
            let mut pip = Self {
                client: Client {
                    program,
                    hint,
                    surroundings,
                },
                prefix,
                python: None,
                directory: Scratch::new(surroundings)?,
            };
            match pip.run("--version", &[]) {
                Ok(output) if output.status.success() => {
                    pip.python = python_of(&output.stdout);
                    return Ok(pip);
                }
                _ => {}
            }
        }
        Err(Error::environment("`pip` is not installed").hint(hint))
    }

    fn run(&self, subcommand: &str, arguments: &[&str]) -> Result<Output> {
        let mut command = self.client.command(self.prefix);
        command.arg(subcommand).args(arguments);
        command
            .current_dir(self.directory.path())
            .env("PYTHONSAFEPATH", "1");
        self.client
            .finish(&mut command, &format!("pip {subcommand}"))
    }

    /// The versions of a package of which this machine can use a wheel, as far as semver knows them.
    ///
    /// # Errors
    /// Pip cannot ask its index.
    pub(super) fn versions(&self, name: &str) -> Result<Vec<Version>> {
        let output = self.ask(name, &[])?;
        let fail =
            |output: &Output| output.failure(&format!("Cannot list the versions of `{name}`"));
        let listed = listed(&output.stderr).ok_or_else(|| fail(&output))?;
        if listed.is_empty() && self.explain_none(name)? == Lack::Wheel {
            say(NAMESPACE, &format!("`{name}`: {NO_WHEEL}"));
        }
        let is_known = |text: &&&str| version::semver(text).is_some();
        let (known, foreign): (Vec<&str>, Vec<&str>) = listed.iter().partition(is_known);
        if !foreign.is_empty() {
            let foreign = foreign.join(", ");
            say(
                NAMESPACE,
                &format!("`{name}`: left out, for semver has no form for them: {foreign}"),
            );
        }
        Ok(known.into_iter().filter_map(version::semver).collect())
    }

    /// Asks for a version that is not there.
    fn ask(&self, name: &str, options: &[&str]) -> Result<Output> {
        let scratch = Scratch::new(self.client.surroundings)?;
        let directory = format!("--dest={}", scratch.path().display());
        let question = format!("{name}{NO_VERSION}");
        let last = [directory.as_str(), "--", &question];
        self.run("download", &[&QUIET, options, &last].concat())
    }

    /// Why pip lists no version of a package. Of an index that does not answer it tells only those who want to know
    /// everything.
    ///
    /// # Errors
    /// An index does not answer.
    fn explain_none(&self, name: &str) -> Result<Lack> {
        let details = self.ask(name, &["-vv"])?;
        let mut lack = Lack::Package;
        for line in details.stdout.lines().chain(details.stderr.lines()) {
            if line.contains("Could not fetch URL") && !line.contains(" 404 ") {
                let message = format!("Cannot ask the index of `pip` for `{name}`");
                return Err(Error::environment(message).cause(without_credentials(line.trim())));
            }
            if UNUSABLE.iter().any(|sign| line.contains(sign)) {
                lack = Lack::Wheel;
            }
        }
        Ok(lack)
    }

    /// What pip says of the wheels that it would install, without installing them. `versions` has no two of one name.
    /// Those of which it says nothing are left out: the declaration that is written when they are fetched will tell.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn describe(&self, versions: &[(&str, &Version)]) -> Result<Vec<Described>> {
        let mut pure: Vec<String> = versions
            .iter()
            .map(|(name, version)| specification(name, version))
            .collect();
        let mut native = Vec::new();
        let mut found = Vec::new();
        // Pip stops at the first of which there is no such wheel, and names it.
        while !pure.is_empty() {
            let output = self.report(&PURE, &pure)?;
            if output.status.success() {
                found.extend(described(&output.stdout));
                break;
            }
            let place = pure.iter().position(|one| is_refused(&output.stderr, one));
            let Some(place) = place else { break };
            native.push(pure.remove(place));
        }
        if !native.is_empty() {
            let output = self.report(&[], &native)?;
            found.extend(described(&output.stdout));
        }
        Ok(found)
    }

    fn report(&self, kind: &[&str], specifications: &[String]) -> Result<Output> {
        let scratch = Scratch::new(self.client.surroundings)?;
        let target = format!("--target={}", scratch.path().display());
        let options = [
            "--dry-run",
            "--ignore-installed",
            "--quiet",
            "--report=-",
            &target,
            "--",
        ];
        let specifications: Vec<&str> = specifications.iter().map(String::as_str).collect();
        self.run(
            "install",
            &[&QUIET, kind, &options, &specifications].concat(),
        )
    }

    /// Why there is no wheel of a version.
    fn explain_failure(&self, name: &str, version: &Version, output: &Output) -> Error {
        let lack = match listed(&output.stderr) {
            None => return output.failure(&format!("Cannot fetch `{name}@{version}`")),
            Some(versions) if versions.is_empty() => self.explain_none(name),
            Some(_) => Ok(Lack::Wheel),
        };
        match lack {
            Ok(Lack::Package) => Error::user(format!("The index of `pip` has no package `{name}`")),
            Ok(Lack::Wheel) => {
                let message = format!(
                    "The index of `pip` has no wheel of `{name}@{version}` for this machine"
                );
                Error::user(message).hint(NO_WHEEL)
            }
            Err(error) => error,
        }
    }

    /// Downloads the wheel that fits every machine, or else this one.
    ///
    /// # Errors
    /// There is none, or pip cannot have it.
    pub(super) fn download(
        &self,
        name: &str,
        version: &Version,
        directory: &Path,
    ) -> Result<PathBuf> {
        let wanted = specification(name, version);
        let destination = format!("--dest={}", directory.display());
        let last = [destination.as_str(), "--", &wanted];
        let run = |kind: &[&str]| self.run("download", &[&QUIET, kind, &last].concat());
        let mut output = run(&PURE)?;
        if !output.status.success() {
            output = run(&[])?;
        }
        if !output.status.success() {
            return Err(self.explain_failure(name, version, &output));
        }
        let mut names = fs::list(directory)?.into_iter().map(|(name, _)| name);
        let only = names.next().map(|name| directory.join(name));
        only.ok_or_else(|| {
            output.failure(&format!(
                "`pip download` left no file for `{name}@{version}`"
            ))
        })
    }
}

/// `pip 23.2 from … (python 3.11)`.
fn python_of(version: &str) -> Option<String> {
    let (_, rest) = version.rsplit_once("(python ")?;
    Some(rest.split_once(')')?.0.trim().to_owned())
}

/// The versions that pip names when none satisfies what it is asked for: `(from versions: 1.0, 1.1)`. `None`: it fails
/// for another reason.
fn listed(stderr: &str) -> Option<Vec<&str>> {
    let (_, rest) = stderr.split_once("(from versions: ")?;
    let list = rest.split_once(')')?.0.split(", ").map(str::trim);
    Some(
        list.filter(|version| *version != "none" && !version.is_empty())
            .collect(),
    )
}

/// What pip is asked for.
fn specification(name: &str, version: &Version) -> String {
    format!("{name}=={}", version::python(version))
}

/// Whether pip has no fitting wheel for what it was asked for.
fn is_refused(stderr: &str, specification: &str) -> bool {
    stderr.contains(&format!("requirement {specification} "))
}

/// The wheels of a report; none if it is no report.
fn described(report: &str) -> Vec<Described> {
    #[derive(Deserialize)]
    struct Report {
        install: Vec<Item>,
    }
    #[derive(Deserialize)]
    struct Item {
        metadata: Metadata,
        download_info: Download,
    }
    #[derive(Deserialize)]
    struct Metadata {
        name: String,
        version: String,
        #[serde(default)]
        requires_dist: Vec<String>,
    }
    #[derive(Deserialize)]
    struct Download {
        url: String,
    }
    let report: Option<Report> = serde_json::from_str(report).ok();
    let items = report.into_iter().flat_map(|report| report.install);
    let each = items.map(|item| Described {
        name: item.metadata.name,
        version: item.metadata.version,
        requires: item.metadata.requires_dist,
        file: item
            .download_info
            .url
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned(),
    });
    each.collect()
}
