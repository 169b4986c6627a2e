//! Making `cargo` download exactly some crates.
//!
//! Cargo downloads what a project depends on, and what that depends on in turn. So what the crates depend on is replaced
//! by stand-ins, empty packages of versions that fit; and the crates are in the lock file from the start, where cargo
//! keeps versions that have been yanked. Cargo compares the archives with the index's checksums.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use semver::{Comparator, Prerelease, Version, VersionReq};

use super::index::{Dependency, Record};
use super::project::Project;
use crate::error::Result;
use crate::fs;

/// What lock files call the registry that is meant where none is named, whatever mirror answers for it: the build script
/// takes it from a lock file that cargo wrote.
const SOURCE: &str = env!("WAKE_CARGO_REGISTRY");

/// Writes the project that depends on `records`, no two of one name.
///
/// # Errors
/// A file cannot be written.
pub(super) fn write(directory: &Path, records: &[&Record]) -> Result<Project> {
    let mut project = Project::new(directory)?;
    let mut lock = "version = 3\n".to_owned();
    for record in records {
        let Record {
            name,
            version,
            checksum,
            ..
        } = record;
        project.depend(name, &format!("={version}"));
        lock += &format!(
            "\n[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = \"{SOURCE}\"\nchecksum = \"{checksum}\"\n"
        );
    }
    for ((name, version), features) in stand_ins(records) {
        project.stand_in(name, &version.to_string(), &features)?;
    }
    fs::write(&directory.join("Cargo.lock"), lock.as_bytes())?;
    project.write()?;
    Ok(project)
}

type StandIns<'a> = BTreeMap<(&'a str, Version), BTreeSet<&'a str>>;

/// One for each thing that a crate asks for without its features, with the features that are asked of it.
fn stand_ins<'a>(records: &[&'a Record]) -> StandIns<'a> {
    let mut found = StandIns::new();
    let dependencies = records.iter().flat_map(|record| &record.dependencies);
    let is_needed = |one: &&Dependency| {
        !one.optional && one.kind.as_deref() != Some("dev") && one.registry.is_none()
    };
    for dependency in dependencies.filter(is_needed) {
        let requirement = VersionReq::parse(&dependency.req).ok();
        if let Some(version) = requirement.and_then(|requirement| largest(&requirement)) {
            let name = dependency.package.as_deref().unwrap_or(&dependency.name);
            let features = dependency.features.iter().map(String::as_str);
            found.entry((name, version)).or_default().extend(features);
        }
    }
    found
}

/// A version that is admitted and larger than any that is published, as far as a requirement leaves room.
fn largest(requirement: &VersionReq) -> Option<Version> {
    const MANY: u64 = u32::MAX as u64;
    let around = |comparator: &Comparator| {
        let Comparator {
            major,
            minor,
            patch,
            pre,
            ..
        } = comparator.clone();
        let (minor, patch) = (minor.unwrap_or(0), patch.unwrap_or(0));
        let below = |number: u64| number.checked_sub(1);
        let numbers = [
            Some((major, MANY, MANY)),
            Some((major, minor, MANY)),
            Some((major, minor, patch)),
            below(major).map(|major| (major, MANY, MANY)),
            below(minor).map(|minor| (major, minor, MANY)),
            below(patch).map(|patch| (major, minor, patch)),
        ];
        let exact = Version {
            pre,
            ..Version::new(major, minor, patch)
        };
        numbers
            .into_iter()
            .flatten()
            .map(|(major, minor, patch)| Version::new(major, minor, patch))
            .chain([exact])
            .collect::<Vec<_>>()
    };
    let unbounded = Version {
        pre: Prerelease::EMPTY,
        ..Version::new(MANY, MANY, MANY)
    };
    let all = requirement
        .comparators
        .iter()
        .flat_map(around)
        .chain([unbounded]);
    all.filter(|version| requirement.matches(version)).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a stand-in that cargo cannot use, so that it downloads the dependency.
    #[test]
    fn stand_ins_fit_requirements() {
        for (requirement, expected) in [
            ("^1.0", "1.4294967295.4294967295"),
            ("^0.3.2", "0.3.4294967295"),
            ("^0.0.3", "0.0.3"),
            ("~1.2.3", "1.2.4294967295"),
            ("=1.2.3", "1.2.3"),
            ("=1.2.3-rc.1", "1.2.3-rc.1"),
            (">=1, <3", "2.4294967295.4294967295"),
            ("<0.5", "0.4.4294967295"),
            ("*", "4294967295.4294967295.4294967295"),
            (">1.0", "4294967295.4294967295.4294967295"),
        ] {
            let requirement = VersionReq::parse(requirement).unwrap();
            assert_eq!(
                largest(&requirement).unwrap().to_string(),
                expected,
                "{requirement}"
            );
        }
        assert_eq!(largest(&VersionReq::parse("<0.0.0").unwrap()), None);
    }
}
