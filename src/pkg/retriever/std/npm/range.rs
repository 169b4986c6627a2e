//! npm's version ranges and wake's requirements, both ways.
//!
//! The two mean the same by `^`, `~`, `<` and their like, partial versions included; they differ in what a bare version
//! is (`1.2` is `1.2.*` to npm and `^1.2` to wake), in hyphens, and in how `and` is written.

use semver::{Comparator, Op, VersionReq};

/// The requirement that admits what an npm range does; `None` if there is none: an address, a file, a tag.
pub(super) fn requirement(range: &str) -> Option<String> {
    if range.trim() == "latest" {
        return Some("*".to_owned());
    }
    let alternatives = range.split("||").map(alternative);
    let texts: Vec<String> = alternatives.collect::<Option<_>>()?;
    let is_any = texts.iter().any(|text| text == "*");
    Some(if is_any {
        "*".to_owned()
    } else {
        texts.join(" || ")
    })
}

/// One alternative: comparators that all have to hold.
fn alternative(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some((low, high)) = text.split_once(" - ") {
        let (low, high) = (partial(low.trim())?, partial(high.trim())?);
        let low = (low != "*").then(|| format!(">={low}"));
        let high = (high != "*").then(|| format!("<={high}"));
        return joined(low.into_iter().chain(high).collect());
    }
    let mut comparators = Vec::new();
    for comparator in words(text) {
        let end = comparator.find(|c: char| !"<>=^~".contains(c));
        let (operator, version) = comparator.split_at(end.unwrap_or(comparator.len()));
        let version = partial(version)?;
        match (operator, version.as_str()) {
            // Nothing is above or below all versions.
            (">" | "<", "*") => return None,
            (_, "*") => {}
            ("" | "=", _) => comparators.push(format!("={version}")),
            ("~>", _) => comparators.push(format!("~{version}")),
            ("<" | "<=" | ">" | ">=" | "^" | "~", _) => {
                comparators.push(format!("{operator}{version}"))
            }
            _ => return None,
        }
    }
    joined(comparators)
}

/// The comparators of `text`; blanks after an operator do not separate.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            Some(last) if last.chars().all(|c| "<>=^~".contains(c)) => last.push_str(word),
            _ => words.push(word.to_owned()),
        }
    }
    words
}

/// A version with parts left off the end in place of wildcards, without `v` and build metadata; `*` for no part.
fn partial(text: &str) -> Option<String> {
    let text = text.trim_start_matches(['v', '=']);
    let text = text.split_once('+').map_or(text, |(version, _)| version);
    let (numbers, prerelease) = match text.split_once('-') {
        Some((numbers, prerelease)) => (numbers, Some(prerelease)),
        None => (text, None),
    };
    let is_wildcard = |part: &&str| matches!(*part, "" | "x" | "X" | "*");
    let parts: Vec<&str> = numbers.split('.').collect();
    let known: Vec<&str> = parts
        .iter()
        .copied()
        .take_while(|part| !is_wildcard(part))
        .collect();
    let is_number =
        |part: &&str| part.parse::<u64>().is_ok() && part.bytes().all(|c| c.is_ascii_digit());
    if parts.len() > 3
        || !known.iter().all(is_number)
        || !parts[known.len()..]
            .iter()
            .all(|part| is_wildcard(part) || is_number(part))
    {
        return None;
    }
    match (known.len(), prerelease) {
        (0, _) => Some("*".to_owned()),
        (3, Some(prerelease)) => Some(format!("{numbers}-{prerelease}")),
        _ => Some(known.join(".")),
    }
}

/// `None` if it is, against all care, no requirement.
fn joined(comparators: Vec<String>) -> Option<String> {
    if comparators.is_empty() {
        return Some("*".to_owned());
    }
    let text = comparators.join(", ");
    VersionReq::parse(&text).is_ok().then_some(text)
}

/// The npm range that admits what a requirement does.
pub(super) fn range(requirement: &str) -> String {
    let alternative = |text: &str| -> String {
        // What is no requirement was refused before; nothing is narrowed for it here.
        let Ok(parsed) = VersionReq::parse(text.trim()) else {
            return "*".to_owned();
        };
        match parsed.comparators.as_slice() {
            [] => "*".to_owned(),
            comparators => comparators
                .iter()
                .map(comparator)
                .collect::<Vec<_>>()
                .join(" "),
        }
    };
    requirement
        .split("||")
        .map(alternative)
        .collect::<Vec<_>>()
        .join(" || ")
}

fn comparator(comparator: &Comparator) -> String {
    let operator = match comparator.op {
        Op::Exact => "=",
        Op::Greater => ">",
        Op::GreaterEq => ">=",
        Op::Less => "<",
        Op::LessEq => "<=",
        Op::Tilde => "~",
        Op::Caret => "^",
        _ => "",
    };
    let mut text = format!("{operator}{}", comparator.major);
    for part in [comparator.minor, comparator.patch].into_iter().flatten() {
        text.push_str(&format!(".{part}"));
    }
    if !comparator.pre.is_empty() {
        text.push_str(&format!("-{}", comparator.pre));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pkg::requirement::Requirement;

    /// Catches a range that admits more or less than it does for npm.
    #[test]
    fn ranges_become_requirements() {
        for (range, expected) in [
            ("1.2.3", "=1.2.3"),
            ("v1.2.3", "=1.2.3"),
            ("=1.2", "=1.2"),
            ("1.2", "=1.2"),
            ("1", "=1"),
            ("1.x", "=1"),
            ("1.2.X", "=1.2"),
            ("1.*.3", "=1"),
            ("*", "*"),
            ("", "*"),
            ("x", "*"),
            ("latest", "*"),
            ("^1.2.3", "^1.2.3"),
            ("^0.0.x", "^0.0"),
            ("~1", "~1"),
            ("~>1.2.3", "~1.2.3"),
            (">=1.2.3 <2", ">=1.2.3, <2"),
            (">= 1.2.3  < 2.0.0-0", ">=1.2.3, <2.0.0-0"),
            (">1.2 <=3.x", ">1.2, <=3"),
            ("1.2.3 - 2.3.4", ">=1.2.3, <=2.3.4"),
            ("1.2 - 2.3", ">=1.2, <=2.3"),
            ("* - 2", "<=2"),
            ("^1 || ^2.0.0-beta.1 || 3", "^1 || ^2.0.0-beta.1 || =3"),
            ("^1 || *", "*"),
            ("1.2.3-rc.1+build.5", "=1.2.3-rc.1"),
            (">=1.0.0 *", ">=1.0.0"),
        ] {
            assert_eq!(requirement(range).as_deref(), Some(expected), "{range}");
            assert!(Requirement::parse(expected).is_ok(), "{expected}");
        }
    }

    /// Catches an address that is taken for a version.
    #[test]
    fn what_is_no_range_has_no_requirement() {
        for range in [
            "git+ssh://git@host/x.git#semver:^1",
            "file:../x",
            "workspace:*",
            "https://host/x.tgz",
            "acme/x",
            "next",
            "link:x",
            "1.2.3.4",
            "^1 || next",
            ">*",
            "1.2.3 - next",
            "><1",
            "1.2.3-",
            "npm:x@1",
        ] {
            assert_eq!(requirement(range), None, "{range}");
        }
    }

    /// Catches versions that npm leaves out although the requirement admits them.
    #[test]
    fn requirements_become_ranges() {
        for (requirement, expected) in [
            ("1.2", "^1.2"),
            ("*", "*"),
            ("", "*"),
            (">=1, <2.5", ">=1 <2.5"),
            ("=1.2.3-rc.1 || ~2", "=1.2.3-rc.1 || ~2"),
            ("1.*", "1"),
        ] {
            assert_eq!(range(requirement), expected, "{requirement}");
        }
    }
}
