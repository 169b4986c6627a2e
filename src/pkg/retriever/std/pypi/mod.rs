//! `wake.std.pypi`: the packages of the index that `pip` uses, as wheels.
//!
//! The namespace is `pypi`, names are normalised (`pypi/foo-bar`, never `Foo_Bar`). Source archives are not offered:
//! `pip` cannot even name what they contain without running their build.

mod metadata;
mod pip;
mod version;

use std::collections::BTreeMap;
use std::path::Path;

use semver::Version;
use serde_json::Value;

use self::pip::Pip;
use super::client::{Scratch, for_each, say};
use super::config::Config;
use super::foreign::Foreign;
use super::{Finder, Surroundings};
use crate::error::{Error, Result};
use crate::fs;
use crate::pkg::archive::{self, Limits, Strip};
use crate::pkg::requirement::Requirement;
use crate::pkg::retriever::protocol::{Artifact, Candidate, Fetched, Required, Wanted};
use crate::workspace::parameters::host_defaults;

const NAMESPACE: &str = "pypi";

/// How a wheel is built if nobody says otherwise: as it is, with those that it needs.
const RECIPE: &str = "{
            Language: 'Python',
            Root: '.',
            Source: ['**/*.py', '**/*.pyi'],
            Resources: wake.glob('**/*', exclude=['**/*.py', '**/*.pyi', 'PKG']),
            Dependencies: { Runtime: [wake.getModule(pkg.pkgs[key]) for key in std.objectFields(pkg.pkgs)] },
          }";
#[derive(Debug)]
struct Pypi {
    surroundings: Surroundings,
    config: Value,
}

/// # Errors
/// The config is wrong.
pub(super) fn open(config: &Value, surroundings: &Surroundings) -> Result<Box<dyn Finder>> {
    Config::of("the config of `wake.std.pypi`", config, &[])?;
    Ok(Box::new(Pypi {
        surroundings: surroundings.clone(),
        config: config.clone(),
    }))
}

impl Finder for Pypi {
    fn candidates(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        let pip = Pip::find(&self.surroundings)?;
        let all = for_each(wanted, |one| admitted(&pip, one))?;
        let largest = wanted.iter().zip(&all);
        let largest: BTreeMap<&str, &Version> = largest
            .filter_map(|(one, versions)| Some((one.name.as_str(), versions.last()?)))
            .collect();
        let forecasts = forecasts(&pip, &largest)?;
        let answer = |(one, versions): (&Wanted, Vec<Version>)| {
            let candidate =
                |version: Version| match forecasts.get(&(one.name.clone(), version.clone())) {
                    Some(forecast) => forecast.clone(),
                    None => Candidate {
                        version: version.to_string(),
                        ..Candidate::default()
                    },
                };
            versions.into_iter().map(candidate).collect()
        };
        Ok(wanted.iter().zip(all).map(answer).collect())
    }

    fn fetch(&self, packages: &[Fetched]) -> Result<()> {
        let pip = Pip::find(&self.surroundings)?;
        for_each(packages, |package| self.fetch_one(&pip, package)).map(drop)
    }
}

impl Pypi {
    fn fetch_one(&self, pip: &Pip<'_>, package: &Fetched) -> Result<()> {
        let title = format!("{}@{}", package.name, package.version);
        let version = Version::parse(&package.version).ok();
        let version = version.filter(|_| is_name(package.namespace.as_deref(), &package.name));
        let version =
            version.ok_or_else(|| Error::user(format!("The index of `pip` has no `{title}`")))?;
        let scratch = Scratch::new(&self.surroundings)?;
        let wheel = pip.download(&package.name, &version, scratch.path())?;
        let (file, into) = (fs::open(&wheel)?, &package.into);
        archive::unpack(&title, file, into, Limits::default(), Strip::Components(0))?;
        let text = read_metadata(into)?;
        let foreign = Foreign {
            namespace: Some(NAMESPACE),
            name: &package.name,
            version: &package.version,
            retriever: NAMESPACE,
            config: &self.config,
            pkgs: &pkgs(
                &title,
                &metadata::requirements(&text),
                pip.python.as_deref(),
            ),
            recipe: Some(RECIPE),
        };
        foreign.write(into).map(drop)
    }
}

/// The versions of a package that are wanted, smallest first.
fn admitted(pip: &Pip<'_>, wanted: &Wanted) -> Result<Vec<Version>> {
    let requirement = Requirement::parse(&wanted.requirement)?;
    if !is_name(wanted.namespace.as_deref(), &wanted.name) {
        return Ok(Vec::new());
    }
    let mut versions = pip.versions(&wanted.name)?;
    versions.retain(|version| requirement.matches(version));
    versions.sort();
    versions.dedup();
    Ok(versions)
}

/// What pip knows of the versions that are likely to be chosen. Of the others it would tell only one by one.
fn forecasts(
    pip: &Pip<'_>,
    likely: &BTreeMap<&str, &Version>,
) -> Result<BTreeMap<(String, Version), Candidate>> {
    let asked: Vec<(&str, &Version)> = likely
        .iter()
        .map(|(name, version)| (*name, *version))
        .collect();
    let each = pip.describe(&asked)?.into_iter().filter_map(|described| {
        let name = metadata::normalised(&described.name)?;
        let version = version::semver(&described.version)?;
        let lines: Vec<&str> = described.requires.iter().map(String::as_str).collect();
        let pkgs = pkgs(&format!("{name}@{version}"), &lines, pip.python.as_deref()).into_iter();
        let candidate = Candidate {
            version: version.to_string(),
            pkgs: pkgs
                .map(|(key, requirement)| (key, Required::Same(requirement)))
                .collect(),
            artifacts: artifact(&described.file).into_iter().collect(),
            ..Candidate::default()
        };
        Some(((name, version), candidate))
    });
    Ok(each.collect())
}

/// The artifact that a wheel for machines like this one is; none for a wheel that fits every machine.
fn artifact(file: &str) -> Option<Artifact> {
    let is_pure = file.ends_with("-none-any.whl");
    let defaults = host_defaults();
    let of_host = |name: &str| {
        defaults
            .get(name)
            .map(|value| (name.to_owned(), value.clone()))
    };
    (!is_pure).then(|| Artifact {
        name: file.to_owned(),
        when: ["System", "Architecture"]
            .into_iter()
            .filter_map(of_host)
            .collect(),
        digest: None,
    })
}

/// Whether a package may be asked for: pip would take some names for options, paths or addresses.
fn is_name(namespace: Option<&str>, name: &str) -> bool {
    let normalised = metadata::normalised(name);
    if namespace == Some(NAMESPACE)
        && let Some(other) = normalised.as_deref().filter(|other| *other != name)
    {
        say(NAMESPACE, &format!("`{name}` is written `{other}`"));
    }
    namespace == Some(NAMESPACE) && normalised.as_deref() == Some(name)
}

/// The `METADATA` of an unpacked wheel.
fn read_metadata(directory: &Path) -> Result<String> {
    let names = fs::list(directory)?.into_iter().map(|(name, _)| name);
    let mut infos = names.filter(|name| name.to_string_lossy().ends_with(".dist-info"));
    match infos.next() {
        None => Ok(String::new()),
        Some(name) => {
            let bytes = fs::read_if_exists(&directory.join(name).join("METADATA"))?;
            Ok(String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned())
        }
    }
}

/// What the lines ask for here, as `(key, requirement)`. `title` is what messages call the package.
fn pkgs(title: &str, lines: &[&str], python: Option<&str>) -> Vec<(String, String)> {
    let mut found: BTreeMap<String, String> = BTreeMap::new();
    for line in lines {
        match metadata::needed(line, python) {
            Ok(None) => {}
            Err(()) => say(
                NAMESPACE,
                &format!(
                    "{title}: `{line}` is left out: no version that is offered can be asked for so"
                ),
            ),
            Ok(Some(needed)) => {
                for unsaid in &needed.unsaid {
                    say(
                        NAMESPACE,
                        &format!(
                            "{title}: `{unsaid}` of `{}` is left out: requirements cannot exclude",
                            needed.name
                        ),
                    );
                }
                let requirement = match found.remove(&needed.name) {
                    Some(known)
                        if known != "*"
                            && needed.requirement != "*"
                            && known != needed.requirement =>
                    {
                        format!("{known}, {}", needed.requirement)
                    }
                    Some(known) if known != "*" => known,
                    _ => needed.requirement,
                };
                found.insert(needed.name, requirement);
            }
        }
    }
    let each = found.into_iter().map(|(name, requirement)| {
        let wanted = format!("{NAMESPACE}/{name}@{requirement}");
        (name, wanted)
    });
    each.collect()
}
