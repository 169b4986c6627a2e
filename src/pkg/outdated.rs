//! Which packages there are newer versions of: what retrievers say by now, compared with what is chosen.
//!
//! It chooses anew without the lock, as an update would, and writes nothing of that down.

use std::collections::BTreeSet;

use semver::Version;

use super::asking::When;
use super::decisions::Release;
use super::facts::{Demand, Origin, Subject};
use super::policy::{Policy, Renewed, Standing};
use super::requirement::Requirement;
use super::resolution::{self, Context};
use super::resolve::Resolver;
use crate::error::{Error, Result};
use crate::event::Subscriber;

/// How often what lacks for a retriever may be another retriever.
const MOST_RETRIEVERS_IN_A_ROW: usize = 100;

/// A package of which there is a newer version.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outdated {
    /// `namespace/name`, or `name`.
    pub name: String,
    /// As the lock has it.
    pub origin: String,
    pub current: Version,
    /// What an update would choose; `None`: nothing would ask for it any more.
    pub compatible: Option<Version>,
    /// The newest of all, whatever is asked for; pre-releases, yanked ones and those that are too young do not count.
    pub newest: Option<Version>,
}

/// Resolves a workspace, then asks all retrievers what else there is. Sorted by name and version.
///
/// # Errors
/// `User`, if the policy forbids to ask; else as [`resolution::resolve`].
pub fn outdated(context: &Context<'_>, subscriber: &mut dyn Subscriber) -> Result<Vec<Outdated>> {
    let mode = context.policy.mode;
    if mode.is_offline {
        let flag = mode.flag();
        return Err(Error::user(
            "Newer versions are not known to `wake.lock`: retrievers must be asked",
        )
        .cause(format!("`{flag}` forbids that"))
        .hint(format!("run it without `{flag}`")));
    }
    let (mut resolver, _) = resolution::open(context)?;
    resolver.settle(subscriber)?;
    resolver.survey(subscriber)?;
    resolution::finish(context, &mut resolver, subscriber)?;
    let current = releases(&resolver);
    ask_for_all(&mut resolver, &current, subscriber)?;
    let updated = update(context, subscriber)?;
    let compare = |release: &Release| compare(&resolver, release, &current, &updated);
    let mut found: Vec<Outdated> = current.iter().filter_map(compare).collect();
    found.sort_by(|one, other| (&one.name, &one.current).cmp(&(&other.name, &other.current)));
    Ok(found)
}

/// What an update would choose.
fn update(context: &Context<'_>, subscriber: &mut dyn Subscriber) -> Result<Vec<Release>> {
    let policy = Policy {
        renewed: Renewed::All,
        ..context.policy.clone()
    };
    let context = Context {
        policy: &policy,
        ..*context
    };
    let (mut resolver, _) = resolution::open(&context)?;
    resolver.settle(subscriber)?;
    Ok(releases(&resolver))
}

/// The chosen releases, each version of a package once.
fn releases(resolver: &Resolver<'_>) -> Vec<Release> {
    let solution = resolver.packages.decisions.solution.iter();
    let mut seen = BTreeSet::new();
    solution
        .flat_map(|solution| solution.chosen())
        .filter(|release| seen.insert((&release.subject, &release.version)))
        .cloned()
        .collect()
}

/// Asks for all versions of what is chosen.
fn ask_for_all(
    resolver: &mut Resolver<'_>,
    current: &[Release],
    subscriber: &mut dyn Subscriber,
) -> Result<()> {
    let subjects: BTreeSet<&Subject> = current.iter().map(|one| &one.subject).collect();
    let origins = subjects.iter().map(|one| one.origin.clone()).collect();
    let demands = subjects.into_iter().map(all_of).collect();
    make_ready(resolver, origins, subscriber)?;
    resolver.ask_for(demands, When::Last, subscriber)?;
    Ok(())
}

/// Fetches and declares retrievers: a lock that answers everything needs none of them.
fn make_ready(
    resolver: &mut Resolver<'_>,
    mut origins: BTreeSet<Origin>,
    subscriber: &mut dyn Subscriber,
) -> Result<()> {
    for _ in 0..MOST_RETRIEVERS_IN_A_ROW {
        let mut lacking = BTreeSet::new();
        for origin in origins {
            if resolver.retriever(&origin)?.is_none() {
                lacking.insert(origin);
            }
        }
        if lacking.is_empty() {
            break;
        }
        resolver.settle(subscriber)?;
        origins = lacking;
    }
    Ok(())
}

fn all_of(subject: &Subject) -> Demand {
    Demand {
        subject: subject.clone(),
        requirement: Requirement::any(),
        versions: None,
        is_host: false,
        at: None,
    }
}

/// What is newer than a release; `None`: nothing.
fn compare(
    resolver: &Resolver<'_>,
    release: &Release,
    current: &[Release],
    updated: &[Release],
) -> Option<Outdated> {
    let subject = &release.subject;
    let known = resolver.facts.candidates(subject).iter();
    let newest = known
        .filter(|one| one.version.pre.is_empty())
        .filter(|one| resolver.policy.admits(subject, one, Standing::New).is_ok())
        .map(|one| &one.version)
        .max();
    let compatible = successor(release, current, updated);
    let is_newer = |version: &Version| *version > release.version;
    if !newest.is_some_and(is_newer) && !compatible.is_some_and(is_newer) {
        return None;
    }
    Some(Outdated {
        name: subject.label.to_string(),
        origin: subject.origin.to_string(),
        current: release.version.clone(),
        compatible: compatible.cloned(),
        newest: newest.max(compatible).cloned(),
    })
}

/// The version that an update puts in the place of a release: where there are several side by side, the one that is
/// most like it.
fn successor<'a>(
    release: &Release,
    current: &[Release],
    updated: &'a [Release],
) -> Option<&'a Version> {
    let of_subject = |one: &&Release| one.subject == release.subject;
    let versions: Vec<&Version> = updated
        .iter()
        .filter(of_subject)
        .map(|one| &one.version)
        .collect();
    let most_like = |is_alike: fn(&Version, &Version) -> bool| {
        let alike = |one: &&&Version| is_alike(one, &release.version);
        versions.iter().filter(alike).max().copied()
    };
    let is_alone = |is_alike: fn(&Version, &Version) -> bool| {
        let beside = current.iter().filter(of_subject);
        let beside = beside.filter(|one| is_alike(&one.version, &release.version));
        beside.count() == 1
    };
    if !is_alone(is_same_major)
        && let Some(found) = most_like(is_same_minor)
    {
        return Some(found);
    }
    let found = most_like(is_same_major);
    found.or_else(|| match is_alone(|_, _| true) {
        true => versions.iter().max().copied(),
        false => None,
    })
}

/// Whether semver takes two versions for compatible, whichever is older.
fn is_same_major(one: &Version, other: &Version) -> bool {
    let group = |version: &Version| match (version.major, version.minor) {
        (0, 0) => (0, 0, version.patch),
        (0, minor) => (0, minor, 0),
        (major, _) => (major, 0, 0),
    };
    group(one) == group(other)
}

fn is_same_minor(one: &Version, other: &Version) -> bool {
    (one.major, one.minor) == (other.major, other.minor)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkg::solve::Scope;

    fn releases(versions: &[&str]) -> Vec<Release> {
        let release = |version: &&str| Release {
            scope: Scope::MAIN,
            subject: Subject {
                label: "a/b".into(),
                origin: "index".into(),
            },
            version: Version::parse(version).unwrap(),
        };
        versions.iter().map(release).collect()
    }

    /// Catches versions side by side that are all told the same successor.
    #[test]
    fn each_version_has_its_own_successor() {
        let successors = |current: &[&str], updated: &[&str]| -> Vec<String> {
            let (current, updated) = (releases(current), releases(updated));
            let shown = |one: &Release| match successor(one, &current, &updated) {
                Some(version) => version.to_string(),
                None => "-".to_owned(),
            };
            current.iter().map(shown).collect()
        };
        assert_eq!(
            successors(&["1.0.0", "2.0.0"], &["1.4.0", "2.1.0"]),
            ["1.4.0", "2.1.0"]
        );
        assert_eq!(
            successors(&["1.0.0", "1.1.0"], &["1.0.9", "1.1.4"]),
            ["1.0.9", "1.1.4"]
        );
        assert_eq!(successors(&["1.0.0", "2.0.0"], &["2.1.0"]), ["-", "2.1.0"]);
        assert_eq!(successors(&["0.1.0"], &["0.3.0"]), ["0.3.0"]);
        assert_eq!(successors(&["1.0.0"], &[]), ["-"]);
    }
}
