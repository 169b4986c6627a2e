//! The versions and specifiers of PEP 440 and those of semver, both ways.
//!
//! Versions have a semver form if they are a release of at most three numbers, or an alpha, beta or candidate of one:
//! `2.0` is `2.0.0`, `2.0rc1` is `2.0.0-rc.1`. Others (epochs, post and development releases, local versions, a fourth
//! number that is not 0) are not offered; specifiers may name them nevertheless.

use semver::{Prerelease, Version};

use crate::pkg::requirement::Requirement;

/// A version as PEP 440 knows it, without epoch and local part.
#[derive(Clone, Debug, PartialEq)]
struct Release {
    /// The first three numbers of the release; those that are not written are 0.
    numbers: [u64; 3],
    /// How many were written.
    written: usize,
    /// Where it is relative to the release of the first three numbers.
    place: Place,
}

#[derive(Clone, Debug, PartialEq)]
enum Place {
    Development,
    /// `a`, `b` or `rc`.
    Before(&'static str, u64),
    At,
    /// A post release, or a fourth number.
    After,
}

/// The semver form of a version.
pub(super) fn semver(version: &str) -> Option<Version> {
    let release = Release::parse(version)?;
    let pre = match release.place {
        Place::At => Prerelease::EMPTY,
        Place::Before(kind, number) => Prerelease::new(&format!("{kind}.{number}")).ok()?,
        Place::Development | Place::After => return None,
    };
    let [major, minor, patch] = release.numbers;
    Some(Version {
        pre,
        ..Version::new(major, minor, patch)
    })
}

/// What `pip` calls a version that [`semver`] has made.
pub(super) fn python(version: &Version) -> String {
    let pre = version.pre.replace('.', "");
    format!("{}.{}.{}{pre}", version.major, version.minor, version.patch)
}

/// The requirement for a list of specifiers, and what of it could not be said. `None` if no version that is offered can
/// satisfy it, or it is not understood.
pub(super) fn requirement(specifiers: &str) -> Option<(String, Vec<String>)> {
    let text = specifiers.trim();
    let text = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
        .unwrap_or(text);
    let (mut comparators, mut unsaid) = (Vec::new(), Vec::new());
    for specifier in text.split(',').map(str::trim).filter(|one| !one.is_empty()) {
        if specifier.starts_with("!=") {
            unsaid.push(specifier.to_owned());
        } else {
            comparators.push(comparator(specifier)?);
        }
    }
    comparators.retain(|comparator| !comparator.is_empty());
    let text = if comparators.is_empty() {
        "*".to_owned()
    } else {
        comparators.join(", ")
    };
    Requirement::parse(&text).ok()?;
    Some((text, unsaid))
}

/// One specifier; empty if it admits everything.
fn comparator(specifier: &str) -> Option<String> {
    let end = specifier.find(|c: char| !"<>=~".contains(c))?;
    let (operator, version) = specifier.split_at(end);
    let version = version.trim();
    if let Some(prefix) = version.strip_suffix(".*") {
        return (operator == "==")
            .then(|| within(&Release::parse(prefix)?, 0))
            .flatten();
    }
    let release = Release::parse(version)?;
    let bound = release.bound();
    Some(match (operator, &release.place) {
        ("==" | "===", Place::At | Place::Before(..)) => format!("={bound}"),
        ("~=", Place::After) => format!(">{bound}, {}", upper(&release, 1)?),
        ("~=", _) => format!(">={bound}, {}", upper(&release, 1)?),
        // What comes after `1.2.3` and before `1.2.4` is not offered.
        (">=" | ">", Place::After) => format!(">{bound}"),
        ("<=" | "<", Place::After) => format!("<={bound}"),
        (">=" | ">" | "<=" | "<", _) => format!("{operator}{bound}"),
        _ => return None,
    })
}

/// From the release to the next one with `dropped` numbers fewer.
fn within(release: &Release, dropped: usize) -> Option<String> {
    let upper = upper(release, dropped)?;
    (release.place == Place::At).then(|| format!(">={}, {upper}", release.bound()))
}

/// Below the release whose last number, after `dropped` are taken off, is one more.
fn upper(release: &Release, dropped: usize) -> Option<String> {
    let last = release.written.checked_sub(dropped + 1)?;
    let mut numbers = [0; 3];
    // A fourth number is not offered: `~=1.2.3.4` is below `1.2.4`.
    let last = last.min(2);
    numbers[..=last].copy_from_slice(&release.numbers[..=last]);
    numbers[last] = numbers[last].checked_add(1)?;
    let [major, minor, patch] = numbers;
    Some(format!("<{major}.{minor}.{patch}"))
}

impl Release {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_prefix('v').unwrap_or(&text);
        let end = text
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(text.len());
        let (release, suffix) = text.split_at(end);
        // A separator may stand before the suffix.
        let release = release
            .strip_suffix('.')
            .filter(|_| !suffix.is_empty())
            .unwrap_or(release);
        let all: Vec<u64> = release
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        let mut numbers = [0; 3];
        for (number, written) in numbers.iter_mut().zip(&all) {
            *number = *written;
        }
        let has_more = all.iter().skip(3).any(|number| *number != 0);
        let place = match place(suffix)? {
            _ if has_more => Place::After,
            place => place,
        };
        Some(Self {
            numbers,
            written: all.len(),
            place,
        })
    }

    /// The version of semver at which something begins or ends.
    fn bound(&self) -> String {
        let [major, minor, patch] = self.numbers;
        match self.place {
            Place::Development => format!("{major}.{minor}.{patch}-0"),
            Place::Before(kind, number) => format!("{major}.{minor}.{patch}-{kind}.{number}"),
            Place::At | Place::After => format!("{major}.{minor}.{patch}"),
        }
    }
}

/// What follows the numbers of a release. Epochs (`1!2.0`) and local versions (`1.0+cpu`) are not understood.
fn place(suffix: &str) -> Option<Place> {
    let separators = ['.', '-', '_'];
    let suffix = suffix.trim_start_matches(separators);
    if suffix.is_empty() {
        return Some(Place::At);
    }
    if suffix.chars().all(|c| c.is_ascii_digit()) {
        return Some(Place::After);
    }
    let end = suffix
        .find(|c: char| !c.is_ascii_lowercase())
        .unwrap_or(suffix.len());
    let (word, rest) = suffix.split_at(end);
    let rest = rest.trim_start_matches(separators);
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (number, rest) = rest.split_at(end);
    let number = if number.is_empty() {
        0
    } else {
        number.parse().ok()?
    };
    let place_of_word = match word {
        "a" | "alpha" => Place::Before("a", number),
        "b" | "beta" => Place::Before("b", number),
        "rc" | "c" | "pre" | "preview" => Place::Before("rc", number),
        "post" | "rev" | "r" => Place::After,
        "dev" => Place::Development,
        _ => return None,
    };
    match (place_of_word, place(rest)?) {
        (place, Place::At) => Some(place),
        // `1.0rc1.post2` and `1.0rc1.dev2` are near `1.0rc1`, but no version of semver.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a version that is fetched under another number than it was offered.
    #[test]
    fn versions_go_there_and_back() {
        for (version, expected, back) in [
            ("2.0", "2.0.0", "2.0.0"),
            ("2", "2.0.0", "2.0.0"),
            ("v1.2.3", "1.2.3", "1.2.3"),
            ("1.2.3.0", "1.2.3", "1.2.3"),
            ("2024.07.04", "2024.7.4", "2024.7.4"),
            ("1.0rc1", "1.0.0-rc.1", "1.0.0rc1"),
            ("1.0.0-Alpha.2", "1.0.0-a.2", "1.0.0a2"),
            ("1.0.b3", "1.0.0-b.3", "1.0.0b3"),
            ("1.0c", "1.0.0-rc.0", "1.0.0rc0"),
        ] {
            let found = semver(version).unwrap();
            assert_eq!(
                (found.to_string().as_str(), python(&found).as_str()),
                (expected, back),
                "{version}"
            );
        }
        let foreign = [
            "1.2.3.4",
            "1!2.0",
            "1.0.post1",
            "1.0-1",
            "1.0.dev3",
            "1.0+cu118",
            "1.0a1.dev2",
            "2004d",
            "",
            "x",
            "1..2",
            "99999999999999999999.0",
        ];
        for version in foreign {
            assert_eq!(semver(version), None, "{version}");
        }
    }

    /// Catches a bound that is one release off.
    #[test]
    fn specifiers_become_requirements() {
        for (specifiers, expected) in [
            ("", "*"),
            (">=1.2", ">=1.2.0"),
            ("(>=1.2,<2)", ">=1.2.0, <2.0.0"),
            (">1.2", ">1.2.0"),
            ("<=1.2", "<=1.2.0"),
            ("==1.2", "=1.2.0"),
            ("===1.2.3", "=1.2.3"),
            ("== 1.4.*", ">=1.4.0, <1.5.0"),
            ("==1.*", ">=1.0.0, <2.0.0"),
            ("==1.2.3.*", ">=1.2.3, <1.2.4"),
            ("~=1.4.2", ">=1.4.2, <1.5.0"),
            ("~=1.4", ">=1.4.0, <2.0.0"),
            ("~=1.4.5.2", ">1.4.5, <1.4.6"),
            ("~= 2.2.post3", ">2.2.0, <3.0.0"),
            (">=1.2.3.4", ">1.2.3"),
            ("<1.2.3.4", "<=1.2.3"),
            (">=1.0.post1", ">1.0.0"),
            (">=2.0rc1", ">=2.0.0-rc.1"),
            ("<2.0.dev0", "<2.0.0-0"),
            (">=3.0.dev0 , <4", ">=3.0.0-0, <4.0.0"),
        ] {
            assert_eq!(
                requirement(specifiers),
                Some((expected.to_owned(), vec![])),
                "{specifiers}"
            );
        }
        let but = requirement(">=1,!=1.5.0,!=1.6.*").unwrap();
        assert_eq!(
            but,
            (
                ">=1.0.0".to_owned(),
                vec!["!=1.5.0".to_owned(), "!=1.6.*".to_owned()]
            )
        );
        for specifiers in [
            "==1.2.3.4",
            "==1.0.post1",
            "~=1",
            "=1.0",
            ">=1!2.0",
            ">=x",
            ">=1.*",
            "1.0",
            "==1.0+cpu",
        ] {
            assert_eq!(requirement(specifiers), None, "{specifiers}");
        }
    }
}
