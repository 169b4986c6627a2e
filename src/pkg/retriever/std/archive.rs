//! `wake.std.archive`: packages that are archives somewhere, each with the digest that it must have.
//!
//! The config of one package:
//!
//! | key | is |
//! |---|---|
//! | `url` or `path` | where the archives are; `${version}` stands for the version |
//! | `versions` | `{version: digest}`, or `{version: {digest, …}}` with any of the other keys for this version |
//! | `strip` | how many directories to leave out at the front of paths; without it, the directory that all lies in |
//! | `pkg` | the text of a `PKG`, written if the archive has none |
//! | `pkgs` | what the packages ask for: `{key: 'namespace/name@requirement'}`, of this retriever |
//!
//! or, for several, `packages: {'namespace/name': …}` with these.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;
use semver::Version;
use serde_json::{Map, Value};

use super::config::Config;
use super::foreign::Foreign;
use super::http::is_address;
use super::source::{Access, Source};
use super::{Finder, Surroundings};
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::pkg::archive::Strip;
use crate::pkg::archive::digest::Digest;
use crate::pkg::requirement::Requirement;
use crate::pkg::retriever::protocol::{Candidate, Fetched, Required, Wanted};
use crate::workspace::discover::has_recipe;

const SUBJECT: &str = "the config of `wake.std.archive`";
const KEYS: [&str; 6] = ["url", "path", "versions", "strip", "pkg", "pkgs"];

/// One version.
#[derive(Clone, Debug)]
struct Release {
    source: Source,
    digest: Digest,
    strip: Strip,
    pkg: Option<String>,
    pkgs: Vec<(String, String)>,
}

/// The versions of a package.
type Releases = BTreeMap<Version, Release>;

/// Which packages there are.
#[derive(Debug)]
enum Packages {
    /// Whatever is asked for.
    One(Releases),
    /// By label.
    Several(BTreeMap<String, Releases>),
}

#[derive(Debug)]
struct Archives {
    packages: Packages,
    config: Value,
    access: Access,
}

/// See the top of the file.
pub(super) fn open(config: &Value, surroundings: &Surroundings) -> Result<Box<dyn Finder>> {
    let has_several = config.get("packages").is_some();
    let packages = if has_several {
        let table = Config::of(SUBJECT, config, &["packages"])?;
        let several = table.table("packages")?.into_iter().flatten();
        let several = several.map(|(label, one)| {
            let subject = format!("`{label}` in {SUBJECT}");
            Ok((label.clone(), releases(&subject, one, surroundings)?))
        });
        Packages::Several(several.collect::<Result<_>>()?)
    } else {
        Packages::One(releases(SUBJECT, config, surroundings)?)
    };
    Ok(Box::new(Archives {
        packages,
        config: config.clone(),
        access: Access::new(surroundings),
    }))
}

/// The versions that the config of a package names.
fn releases(subject: &str, config: &Value, surroundings: &Surroundings) -> Result<Releases> {
    let common = Config::of(subject, config, &KEYS)?;
    let versions = common
        .table("versions")?
        .ok_or_else(|| common.missing("versions"))?;
    let mut releases = Releases::new();
    for (text, value) in versions {
        let version = Version::parse(text).map_err(|error| {
            Error::user(format!("`{text}` in {subject} is not a version"))
                .cause(error.to_string())
                .hint("versions have three numbers: `1.2.0`")
        })?;
        let subject = format!("version `{text}` in {subject}");
        let own = match value {
            Value::String(digest) => Value::Object(Map::from_iter([(
                "digest".to_owned(),
                digest.clone().into(),
            )])),
            other => other.clone(),
        };
        let keys = ["digest", "url", "path", "strip", "pkg", "pkgs"];
        let own = Config::of(&subject, &own, &keys)?;
        releases.insert(version, release(text, &own, &common, surroundings)?);
    }
    Ok(releases)
}

/// One version: what its own table says, else what is said for all.
fn release(
    version: &str,
    own: &Config<'_>,
    common: &Config<'_>,
    surroundings: &Surroundings,
) -> Result<Release> {
    let place = |config: &Config<'_>| -> Result<Option<Source>> {
        match (config.text("path")?, config.text("url")?) {
            (Some(_), Some(_)) => Err(config.wrong(
                "path",
                "must be missing, since there is a `url`",
                config.value("path").unwrap_or(&Value::Null),
            )),
            (Some(path), None) => {
                let path = path.replace("${version}", version);
                Ok(Some(Source::File(surroundings.directory.join(path))))
            }
            (None, Some(url)) if is_address(url) => {
                Ok(Some(Source::Address(url.replace("${version}", version))))
            }
            (None, Some(url)) => {
                let rule = "must start with `https://` or `http://`";
                Err(config.wrong("url", rule, &url.into()))
            }
            (None, None) => Ok(None),
        }
    };
    let source = match place(own)? {
        Some(source) => source,
        None => place(common)?.ok_or_else(|| common.missing("url"))?,
    };
    let digest = own.needed_text("digest").map_err(|error| {
        error.hint("`sha256:` and what `sha256sum` prints; nothing is fetched without a digest")
    })?;
    Ok(Release {
        source,
        digest: Digest::parse(digest)?,
        strip: strip(own)?.or(strip(common)?).unwrap_or(Strip::Top),
        pkg: own.text("pkg")?.or(common.text("pkg")?).map(str::to_owned),
        pkgs: match pkgs(own)? {
            Some(pkgs) => pkgs,
            None => pkgs(common)?.unwrap_or_default(),
        },
    })
}

fn strip(config: &Config<'_>) -> Result<Option<Strip>> {
    let Some(value) = config.value("strip") else {
        return Ok(None);
    };
    let count = value.as_u64().filter(|count| *count <= 16);
    let count = count.ok_or_else(|| config.wrong("strip", "must be a number up to 16", value))?;
    Ok(Some(Strip::Components(count as usize)))
}

fn pkgs(config: &Config<'_>) -> Result<Option<Vec<(String, String)>>> {
    let Some(table) = config.table("pkgs")? else {
        return Ok(None);
    };
    let pkgs = table.iter().map(|(key, value)| match value {
        Value::String(requirement) => Ok((key.clone(), requirement.clone())),
        other => Err(config.wrong("pkgs", "must have texts as values", other)),
    });
    pkgs.collect::<Result<_>>().map(Some)
}

impl Finder for Archives {
    fn candidates(&self, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        wanted.iter().map(|wanted| self.versions(wanted)).collect()
    }

    fn fetch(&self, packages: &[Fetched]) -> Result<()> {
        packages
            .par_iter()
            .try_for_each(|package| self.bring(package))
    }

    fn reads(&self) -> Vec<PathBuf> {
        let several: Vec<&Releases> = match &self.packages {
            Packages::One(releases) => vec![releases],
            Packages::Several(several) => several.values().collect(),
        };
        let releases = several.into_iter().flat_map(BTreeMap::values);
        let files = releases.filter_map(|release| match &release.source {
            Source::File(path) => Some(path.clone()),
            Source::Address(_) => None,
        });
        files.collect()
    }
}

impl Archives {
    fn releases(&self, label: &str) -> Option<&Releases> {
        match &self.packages {
            Packages::One(releases) => Some(releases),
            Packages::Several(several) => several.get(label),
        }
    }

    fn versions(&self, wanted: &Wanted) -> Result<Vec<Candidate>> {
        let requirement = Requirement::parse(&wanted.requirement)?;
        let label = wanted.label();
        let releases = self.releases(&label).into_iter().flatten();
        let admitted = releases.filter(|(version, _)| requirement.lists(version));
        let candidates = admitted.map(|(version, release)| Candidate {
            version: version.to_string(),
            pkgs: release
                .pkgs
                .iter()
                .map(|(key, requirement)| (key.clone(), Required::Same(requirement.clone())))
                .collect(),
            ..Candidate::default()
        });
        Ok(candidates.collect())
    }

    /// Unpacks a version, and writes a `PKG` if it has none.
    fn bring(&self, package: &Fetched) -> Result<()> {
        let label = package.label();
        let releases = self.releases(&label).ok_or_else(|| {
            let labels = match &self.packages {
                Packages::One(_) => Vec::new(),
                Packages::Several(several) => several.keys().map(String::as_str).collect(),
            };
            Error::user(format!("`packages` in {SUBJECT} has no `{label}`"))
                .hint_option(suggestion(&label, labels))
        })?;
        let version = Version::parse(&package.version).ok();
        let release = version.and_then(|version| releases.get(&version));
        let release = release.ok_or_else(|| {
            let version = &package.version;
            Error::user(format!(
                "`versions` of `{label}` in {SUBJECT} has no `{version}`"
            ))
        })?;
        self.access.unpack(
            &release.source,
            &release.digest,
            &package.into,
            release.strip,
        )?;
        let path = package.into.join("PKG");
        match &release.pkg {
            Some(text) if !fs::is_occupied(&path) => fs::write(&path, text.as_bytes()),
            Some(_) => Ok(()),
            None if has_recipe(&package.into) => Ok(()),
            None => {
                let foreign = Foreign {
                    namespace: package.namespace.as_deref(),
                    name: &package.name,
                    version: &package.version,
                    retriever: "archive",
                    config: &self.config,
                    pkgs: &release.pkgs,
                    recipe: None,
                };
                foreign.write(&package.into).map(drop)
            }
        }
    }
}
