//! What versions a request admits: semver requirements, with `||` between alternatives.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use semver::{Version, VersionReq};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// `^1.2`, `>=2, <4`, `=1.2.3`, `^1 || ^2`, …; the empty text and `*` admit all but pre-releases. Equal means equally
/// written.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Requirement {
    text: Arc<str>,
    alternatives: Arc<[VersionReq]>,
}

impl Requirement {
    /// Every version that is no pre-release.
    pub fn any() -> Self {
        Self {
            text: Arc::from("*"),
            alternatives: Arc::from([VersionReq::STAR]),
        }
    }

    /// # Errors
    /// `User`, if an alternative is no semver requirement.
    pub fn parse(text: &str) -> Result<Self> {
        if text.trim().is_empty() {
            return Ok(Self::any());
        }
        let alternatives = text
            .split("||")
            .map(|part| VersionReq::parse(part.trim()))
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| {
                Error::user(format!("`{text}` is not a requirement"))
                    .cause(error.to_string())
                    .hint("write `^1.2`, `>=2, <4`, `=1.2.3`, `^1 || ^2`, …")
            })?;
        Ok(Self {
            text: Arc::from(text.trim()),
            alternatives,
        })
    }

    /// What a request without a version, or with one, admits.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn of(version: Option<&str>) -> Result<Self> {
        version.map_or_else(|| Ok(Self::any()), Self::parse)
    }

    /// Whether it admits a version. A pre-release is admitted only where the requirement names one of that version.
    pub fn matches(&self, version: &Version) -> bool {
        self.alternatives
            .iter()
            .any(|alternative| alternative.matches(version))
    }

    /// Whether a list of the versions that count for it has this one: those that it admits. Who asks for any is told of
    /// pre-releases, too: that there are only such is no reason to say that there is nothing.
    pub fn lists(&self, version: &Version) -> bool {
        self.text() == "*" || self.matches(version)
    }

    /// As written.
    pub fn text(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl TryFrom<String> for Requirement {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        Self::parse(&text).map_err(|error| error.to_string())
    }
}

impl From<Requirement> for String {
    fn from(requirement: Requirement) -> Self {
        requirement.text.to_string()
    }
}

impl PartialEq for Requirement {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Requirement {}

impl Hash for Requirement {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

impl Ord for Requirement {
    fn cmp(&self, other: &Self) -> Ordering {
        self.text.cmp(&other.text)
    }
}

impl PartialOrd for Requirement {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a package that has only pre-releases and is said not to be there.
    #[test]
    fn pre_releases_are_listed_for_any_and_not_admitted() {
        let version = Version::parse("1.0.0-beta.1").unwrap();
        let any = Requirement::any();
        assert!(any.lists(&version) && !any.matches(&version));
        assert!(!Requirement::parse("^1").unwrap().lists(&version));
    }

    /// Catches alternatives that are all asked for at once, and pre-releases that nobody named.
    #[test]
    fn one_alternative_is_enough() {
        let requirement = Requirement::parse("^1.2 || =3.0.0-beta.1").unwrap();
        let matches = |version: &str| requirement.matches(&Version::parse(version).unwrap());
        assert!(matches("1.9.0") && matches("3.0.0-beta.1"));
        assert!(!matches("2.0.0") && !matches("1.3.0-alpha") && !matches("1.1.0"));
        assert!(Requirement::parse("^1 || ~~1").is_err());
        assert!(
            Requirement::parse("")
                .unwrap()
                .matches(&Version::new(0, 1, 0))
        );
    }
}
