//! What a distribution says that it needs: the `Requires-Dist` lines of its `METADATA`, with the conditions (markers)
//! under which each holds.
//!
//! The system and the version of Python are those of the machine that resolves; whatever else a marker asks of a
//! machine may hold.

use std::cmp::Ordering;

use super::super::truth::{Truth, and, or};
use super::version;

/// Conditions in conditions in …, beyond which the rest is not looked at.
const DEPTH: usize = 64;

/// Something a distribution needs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Needed {
    /// Normalised.
    pub(super) name: String,
    /// Of semver.
    pub(super) requirement: String,
    /// The specifiers that could not be said.
    pub(super) unsaid: Vec<String>,
}

/// The `Requires-Dist` lines of a `METADATA` file.
pub(super) fn requirements(metadata: &str) -> Vec<&str> {
    // The description follows after an empty line.
    let head = metadata.lines().take_while(|line| !line.is_empty());
    head.filter_map(|line| line.split_once(':'))
        .filter(|(key, _)| key.eq_ignore_ascii_case("Requires-Dist"))
        .map(|(_, value)| value.trim())
        .collect()
}

/// What a line asks for. `Ok(None)`: nothing here, for its marker does not hold; `Err`: something that has no name or
/// version that wake could ask for.
pub(super) fn needed(line: &str, python: Option<&str>) -> Result<Option<Needed>, ()> {
    let (wanted, marker) = line.split_once(';').unwrap_or((line, ""));
    let marker = marker.trim();
    if !marker.is_empty() && holds(marker, python) == Some(false) {
        return Ok(None);
    }
    let wanted = wanted.trim();
    let end = wanted
        .find(|c: char| !is_name_part(c))
        .unwrap_or(wanted.len());
    let (name, mut rest) = wanted.split_at(end);
    rest = rest.trim_start();
    if let Some(extras) = rest.strip_prefix('[') {
        rest = extras.split_once(']').ok_or(())?.1.trim_start();
    }
    if rest.starts_with('@') {
        return Err(());
    }
    let name = normalised(name).ok_or(())?;
    let (requirement, unsaid) = version::requirement(rest).ok_or(())?;
    Ok(Some(Needed {
        name,
        requirement,
        unsaid,
    }))
}

fn is_name_part(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')
}

/// The one way to write a name: small letters, single hyphens. `None` if it is no name.
pub(super) fn normalised(name: &str) -> Option<String> {
    let is_edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    if !is_edge(name.chars().next())
        || !is_edge(name.chars().next_back())
        || !name.chars().all(is_name_part)
    {
        return None;
    }
    let parts = name.split(['-', '_', '.']).filter(|part| !part.is_empty());
    Some(parts.collect::<Vec<_>>().join("-").to_ascii_lowercase())
}

/// Whether a marker holds.
fn holds(marker: &str, python: Option<&str>) -> Truth {
    let mut words = Words {
        rest: marker,
        python,
    };
    let truth = words.either(DEPTH);
    if words.rest.trim().is_empty() {
        truth
    } else {
        None
    }
}

/// What is left of a marker.
struct Words<'a> {
    rest: &'a str,
    python: Option<&'a str>,
}

impl<'a> Words<'a> {
    fn either(&mut self, depth: usize) -> Truth {
        let mut truth = self.both(depth);
        while self.take("or") {
            truth = or(truth, self.both(depth));
        }
        truth
    }

    fn both(&mut self, depth: usize) -> Truth {
        let mut truth = self.one(depth);
        while self.take("and") {
            truth = and(truth, self.one(depth));
        }
        truth
    }

    fn one(&mut self, depth: usize) -> Truth {
        let depth = depth.checked_sub(1)?;
        if self.take("(") {
            let truth = self.either(depth);
            return if self.take(")") { truth } else { None };
        }
        let left = self.value()?;
        let operator = self.operator()?;
        let right = self.value()?;
        match (left, right) {
            (Value::Variable(name), Value::Text(text)) => self.compare(name, operator, text),
            (Value::Text(text), Value::Variable(name)) => {
                self.compare(name, mirrored(operator), text)
            }
            _ => None,
        }
    }

    fn compare(&self, name: &str, operator: &str, text: &str) -> Truth {
        let known = match name {
            // No extra is asked for.
            "extra" => "",
            "os_name" => match std::env::consts::FAMILY {
                "windows" => "nt",
                _ => "posix",
            },
            "sys_platform" => match std::env::consts::OS {
                "macos" => "darwin",
                "windows" => "win32",
                os => os,
            },
            "platform_system" => match std::env::consts::OS {
                "macos" => "Darwin",
                "windows" => "Windows",
                "linux" => "Linux",
                _ => return None,
            },
            "python_version" => return numbers(self.python?, operator, text),
            _ => return None,
        };
        match operator {
            "==" | "===" => Some(known == text),
            "!=" => Some(known != text),
            "in" => Some(text.contains(known)),
            "not in" => Some(!text.contains(known)),
            _ => None,
        }
    }

    fn take(&mut self, word: &str) -> bool {
        let rest = self.rest.trim_start();
        let Some(after) = rest.strip_prefix(word) else {
            return false;
        };
        let is_word = word.starts_with(char::is_alphabetic);
        if is_word && after.starts_with(|c: char| c.is_alphanumeric() || c == '_') {
            return false;
        }
        self.rest = after;
        true
    }

    fn operator(&mut self) -> Option<&'static str> {
        if self.take("not") {
            return self.take("in").then_some("not in");
        }
        let all = ["===", "==", "~=", "!=", "<=", ">=", "<", ">", "in"];
        all.into_iter().find(|operator| self.take(operator))
    }

    fn value(&mut self) -> Option<Value<'a>> {
        let rest = self.rest.trim_start();
        if let Some(quote) = rest.chars().next().filter(|c| matches!(c, '\'' | '"')) {
            let (text, after) = rest[1..].split_once(quote)?;
            self.rest = after;
            return Some(Value::Text(text));
        }
        let end = rest
            .find(|c: char| !c.is_alphanumeric() && c != '_' && c != '.')
            .unwrap_or(rest.len());
        self.rest = &rest[end..];
        (end > 0).then_some(Value::Variable(&rest[..end]))
    }
}

#[derive(Clone, Copy)]
enum Value<'a> {
    Text(&'a str),
    Variable(&'a str),
}

/// The operator for the values the other way round.
fn mirrored(operator: &'static str) -> &'static str {
    match operator {
        "<" => ">",
        "<=" => ">=",
        ">" => "<",
        ">=" => "<=",
        // `'linux' in sys_platform` is rare, and not the same as its mirror.
        "in" | "not in" => "",
        other => other,
    }
}

/// Compares a version of Python with one in a marker: `3.11` with `3.8` or with `3.*`.
fn numbers(python: &str, operator: &str, text: &str) -> Truth {
    let parse = |text: &str| {
        text.split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<Vec<u64>>>()
    };
    let python = parse(python)?;
    if let Some(prefix) = text.strip_suffix(".*") {
        let starts = python.starts_with(&parse(prefix)?);
        return match operator {
            "==" => Some(starts),
            "!=" => Some(!starts),
            _ => None,
        };
    }
    let mut other = parse(text)?;
    while other.len() > python.len() && other.last() == Some(&0) {
        other.pop();
    }
    let mut same = python;
    same.resize(same.len().max(other.len()), 0);
    other.resize(same.len(), 0);
    let order = same.cmp(&other);
    Some(match operator {
        "==" | "===" => order == Ordering::Equal,
        "!=" => order != Ordering::Equal,
        "<" => order == Ordering::Less,
        "<=" => order != Ordering::Greater,
        ">" => order == Ordering::Greater,
        ">=" => order != Ordering::Less,
        "~=" => order != Ordering::Less && same.first() == other.first(),
        _ => return None,
    })
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use super::*;

    fn of(line: &str) -> String {
        match needed(line, Some("3.11")) {
            Ok(Some(needed)) => format!("{}@{}", needed.name, needed.requirement),
            Ok(None) => "-".to_owned(),
            Err(()) => "?".to_owned(),
        }
    }

    /// Catches a dependency that is lost, and one that only another system or an extra needs.
    #[test]
    fn lines_are_read_as_pip_reads_them() {
        for (line, expected) in [
            ("certifi>=2023.5.7", "certifi@>=2023.5.7"),
            (
                "charset_normalizer<4,>=2",
                "charset-normalizer@<4.0.0, >=2.0.0",
            ),
            ("Foo.Bar__Baz (>=1.0)", "foo-bar-baz@>=1.0.0"),
            (
                "requests [security,socks] >= 2.8.1 ; python_version >= '3.8'",
                "requests@>=2.8.1",
            ),
            ("six", "six@*"),
            ("x; extra == 'test'", "-"),
            ("x; 'test' == extra", "-"),
            ("x; python_version < \"3.10\"", "-"),
            (
                "x; python_version >= '3.10' and sys_platform == 'linux'",
                "x@*",
            ),
            ("x; sys_platform == 'win32' or os_name == 'nt'", "-"),
            (
                "x; (sys_platform == 'win32' or platform_system == 'Linux') and extra != 'a'",
                "x@*",
            ),
            ("x; platform_machine == 'arm64'", "x@*"),
            ("x; platform_machine == 'arm64' and extra == 'a'", "-"),
            ("x; python_version in '3.10 3.11'", "x@*"),
            ("x; python_version == '3.*'", "x@*"),
            ("x; python_version not in '3'", "x@*"),
            ("x; '3.8' > python_version", "-"),
            ("x; implementation_name == 'cpython'", "x@*"),
            ("x; nonsense (", "x@*"),
            ("x @ https://host/x.whl", "?"),
            ("x ==1.2.3.4", "?"),
            ("-x", "?"),
        ] {
            assert_eq!(of(line), expected, "{line}");
        }
        assert_eq!(of(&format!("x; {}", "(".repeat(100_000))), "x@*");
    }

    /// Catches lines of the description that look like a header.
    #[test]
    fn only_the_head_counts() {
        let metadata = "Metadata-Version: 2.1\nName: x\nrequires-dist: a\nRequires-Dist: b>1 ; extra == 'c'\n\nRequires-Dist: d\n";
        assert_eq!(requirements(metadata), ["a", "b>1 ; extra == 'c'"]);
    }
}
