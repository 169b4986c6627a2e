//! Conflicts in words: one fact a line, and where each stands.

use semver::{Version, VersionReq};

use super::conflict::{Asker, Conflict, Link, Missing, OnlyOne, Reason, TooHard};
use crate::error::{Error, Location};

/// How many requirements that exclude other versions are told.
const OTHERS: usize = 6;
/// How many versions are told on each side of the wanted one.
const NEAR: usize = 3;

impl Conflict {
    /// The chain of requirements as an error; where nothing is found, with a hint.
    pub fn error(&self) -> Error {
        let at = self.roots.first().and_then(|root| root.demand.at.as_ref());
        let error = Error::user(self.message()).at_if_absent(at);
        let shows_origin = matches!(self.reason, Reason::Origins(..));
        let links = self.links.iter().map(|link| sentence(link, shows_origin));
        let error = links.fold(error, Error::cause);
        let told = self.only_one.iter().map(|one| only_one(one));
        let error = told.fold(error, Error::cause);
        let error = self.others().into_iter().fold(error, Error::cause);
        match &self.reason {
            Reason::Nothing(missing) => {
                let error = missing.causes().into_iter().fold(error, Error::cause);
                error.hint_option(missing.suggestion.clone().filter(|_| missing.is_unknown()))
            }
            Reason::Origins(one, _) => error.hint(format!(
                "ask for `{}` with the same `from` everywhere",
                one.label
            )),
            Reason::Clash(_) | Reason::Several => error,
        }
    }

    fn message(&self) -> String {
        match &self.reason {
            Reason::Nothing(missing) if missing.is_unknown() => {
                format!("`{}` is not found", missing.subject.label)
            }
            Reason::Nothing(missing) => format!(
                "No version of `{}` is admitted by `{}`",
                missing.subject.label, missing.requirement
            ),
            Reason::Clash(subject) => format!(
                "No version of `{}` is admitted by all who ask for it",
                subject.label
            ),
            Reason::Several => match self.roots.as_slice() {
                [root] => format!("What `{}` asks for cannot be met", root.by),
                _ => {
                    "What the packages of this workspace ask for cannot be met together".to_owned()
                }
            },
            Reason::Origins(one, another) => format!(
                "`{}` is asked for from `{}` and from `{}`",
                one.label, one.origin, another.origin
            ),
        }
    }

    fn others(&self) -> Vec<String> {
        let mut others: Vec<String> = self
            .others
            .iter()
            .map(|link| sentence(link, false))
            .collect();
        if others.len() > OTHERS + 1 {
            let more = others.len() - OTHERS;
            others.truncate(OTHERS);
            others.push(format!("{more} more requirements exclude other versions"));
        }
        others
    }
}

impl Missing {
    fn is_unknown(&self) -> bool {
        self.versions.is_empty() && self.refused.is_empty()
    }

    fn causes(&self) -> Vec<String> {
        let label = &self.subject.label;
        if self.is_unknown() {
            let origin = &self.subject.origin;
            return vec![format!("`{origin}` has no versions of `{label}`")];
        }
        let refused = self.refused.iter().rev().take(NEAR).rev();
        let mut causes: Vec<String> = refused
            .map(|(version, reason)| format!("`{label}@{version}` {reason}"))
            .collect();
        if self.versions.is_empty() {
            causes.push("there are no other versions".to_owned());
        } else {
            let near = near(&self.versions, &self.requirement);
            let word = match (near.len() == self.versions.len(), near.len()) {
                (true, 1) => "the only version is",
                (true, _) => "the versions are",
                (false, _) => "the nearest versions are",
            };
            causes.push(format!("{word} {}", listed(near)));
        }
        causes
    }
}

impl TooHard {
    /// As an error that names what is most in conflict.
    pub fn error(&self) -> Error {
        let names: Vec<String> = self.names.iter().map(|name| format!("`{name}`")).collect();
        let error = Error::user(format!(
            "Versions that meet all requirements were not found in {} steps",
            self.steps
        ));
        if names.is_empty() {
            return error;
        }
        error
            .cause(format!("most in conflict are {}", joined(&names)))
            .hint("ask for fewer or other versions of these")
    }
}

/// "`acme/http@2.1.0` asks for `acme/log@^2`".
fn sentence(link: &Link, shows_origin: bool) -> String {
    let asking = asking(&link.asker);
    let subject = &link.demand.subject;
    let wanted = wanted(&subject.label, link.demand.requirement.text());
    let origin = match shows_origin {
        true => format!(" from `{}`", subject.origin),
        false => String::new(),
    };
    let scope = if link.demand.is_host { " (host)" } else { "" };
    format!(
        "{asking} for `{wanted}`{scope}{origin}{}",
        place(link.demand.at.as_ref())
    )
}

/// "`app` asks for one version only of `acme/log`".
fn only_one(only_one: &OnlyOne) -> String {
    let asking = asking(&only_one.by);
    let at = place(only_one.at.as_ref());
    format!("{asking} for one version only of `{}`{at}", only_one.label)
}

fn place(at: Option<&Location>) -> String {
    at.map_or_else(String::new, |at| format!(" ({at})"))
}

fn asking(asker: &Asker) -> String {
    let (subject, versions) = match asker {
        Asker::Root(by) => return format!("`{by}` asks"),
        Asker::Versions(subject, versions) => (subject, versions),
    };
    let label = &subject.label;
    match versions.as_slice() {
        [] => format!("`{label}` asks"),
        [version] => format!("`{label}@{version}` asks"),
        [one, another] => format!("`{label}` {one} and {another} ask"),
        [first, .., last] => {
            let count = versions.len();
            format!("`{label}` {first} to {last} ({count} versions) ask")
        }
    }
}

/// As a request writes it.
pub(super) fn wanted(label: &str, requirement: &str) -> String {
    match requirement {
        "*" => label.to_owned(),
        requirement => format!("{label}@{requirement}"),
    }
}

/// The versions around the one that a requirement names first.
fn near<'a>(versions: &'a [Version], requirement: &str) -> &'a [Version] {
    if versions.len() <= 2 * NEAR + 1 {
        return versions;
    }
    let first = requirement.split("||").next().unwrap_or_default();
    let comparators = VersionReq::parse(first.trim())
        .unwrap_or_default()
        .comparators;
    let middle = comparators.first().map_or(versions.len(), |comparator| {
        let (minor, patch) = (comparator.minor.unwrap_or(0), comparator.patch.unwrap_or(0));
        let named = Version::new(comparator.major, minor, patch);
        versions.partition_point(|version| *version < named)
    });
    let end = (middle + NEAR).clamp(2 * NEAR, versions.len());
    &versions[end - 2 * NEAR..end]
}

fn listed(versions: &[Version]) -> String {
    let versions: Vec<String> = versions
        .iter()
        .map(|version| format!("`{version}`"))
        .collect();
    joined(&versions)
}

fn joined(names: &[String]) -> String {
    match names.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, first)) => format!("{} and {last}", first.join(", ")),
        None => String::new(),
    }
}
