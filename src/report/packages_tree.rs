//! An [`Overview`] as a tree: members, and below each what it asks for. It looks nothing up.

use std::collections::BTreeSet;

use super::text::one_line;
use crate::pkg::lock::PATH;
use crate::pkg::overview::{Entry, Overview, Required};
use crate::pkg::solve::HOST_SCOPE;

/// The whole tree, each package with its line end. What is below a package is drawn where it comes first; `(*)` stands for it
/// afterwards. `has_requirements`: say what is asked for.
pub fn tree(overview: &Overview, has_requirements: bool) -> String {
    let mut drawing = Drawing {
        overview,
        has_requirements,
        shown: BTreeSet::new(),
        text: String::new(),
    };
    for member in members(overview) {
        drawing.draw(member);
    }
    drawing.text
}

/// `name version (origin)`, and what is remarkable about it.
pub(super) fn title(entry: &Entry) -> String {
    let mut text = named(entry);
    text.push_str(&format!(" ({})", one_line(&entry.origin)));
    text.push_str(&scope(entry));
    if entry.replace {
        text.push_str(&format!(" [replaces every {}]", one_line(&entry.name)));
    }
    if !entry.fetched {
        text.push_str(" [not fetched]");
    }
    text
}

/// ` (host)`, ` [scope 1]`; empty in the main scope.
pub(super) fn scope(entry: &Entry) -> String {
    match entry.scope.as_deref() {
        None => String::new(),
        Some(HOST_SCOPE) => format!(" ({HOST_SCOPE})"),
        Some(scope) => format!(" [scope {scope}]"),
    }
}

/// `name version`.
pub(super) fn named(entry: &Entry) -> String {
    match &entry.version {
        Some(version) => one_line(&format!("{} {version}", entry.name)),
        None => one_line(&entry.name),
    }
}

/// ` [when System is Windows or Darwin]`; empty if it is fetched for all.
pub(super) fn when(required: &Required) -> String {
    let parts = required.when.iter();
    let parts: Vec<String> = parts
        .map(|(name, values)| format!("{name} is {}", values.join(" or ")))
        .collect();
    match parts.is_empty() {
        true => String::new(),
        false => format!(" [when {}]", one_line(&parts.join(", "))),
    }
}

/// The members, the package at the workspace's top first.
fn members(overview: &Overview) -> Vec<usize> {
    let is_at_top = |entry: &Entry| entry.origin.strip_prefix(PATH) == Some(".");
    let places = 0..overview.packages.len();
    let mut members: Vec<usize> = places
        .filter(|place| overview.packages[*place].member)
        .collect();
    members.sort_by_key(|place| !is_at_top(&overview.packages[*place]));
    members
}

struct Drawing<'a> {
    overview: &'a Overview,
    has_requirements: bool,
    shown: BTreeSet<usize>,
    text: String,
}

/// A line that is to be drawn.
struct Line<'a> {
    /// What is left of the lines below it.
    indent: String,
    branch: &'static str,
    package: Option<usize>,
    required: Option<&'a Required>,
}

impl<'a> Drawing<'a> {
    /// Draws a member with all below it.
    fn draw(&mut self, member: usize) {
        let mut waiting = vec![Line {
            indent: String::new(),
            branch: "",
            package: Some(member),
            required: None,
        }];
        while let Some(line) = waiting.pop() {
            let children = self.children(&line);
            let last = children.len().saturating_sub(1);
            for (number, (package, required)) in children.into_iter().enumerate().rev() {
                let above = match line.branch {
                    "" => "",
                    "├── " => "│   ",
                    _ => "    ",
                };
                waiting.push(Line {
                    indent: format!("{}{above}", line.indent),
                    branch: if number == last {
                        "└── "
                    } else {
                        "├── "
                    },
                    package,
                    required: Some(required),
                });
            }
        }
    }

    /// Writes a line. Returns what is to be drawn below it, which is nothing if it was drawn before.
    fn children(&mut self, line: &Line<'a>) -> Vec<(Option<usize>, &'a Required)> {
        let Some(package) = line.package else {
            let request = line.required.map_or("", |one| one.request.as_str());
            self.write(line, &format!("{} [not answered]", one_line(request)));
            return Vec::new();
        };
        let overview = self.overview;
        let entry = &overview.packages[package];
        let mut text = title(entry);
        if let (Some(required), true) = (line.required, self.has_requirements) {
            let requirement = required.request.split_once('@').map_or("*", |(_, it)| it);
            text.push_str(&format!(" [asked for as {}]", one_line(requirement)));
        }
        text.push_str(&line.required.map(when).unwrap_or_default());
        let is_new = self.shown.insert(package);
        if !is_new && !entry.requires.is_empty() {
            text.push_str(" (*)");
        }
        self.write(line, &text);
        match is_new {
            true => self.sorted(entry),
            false => Vec::new(),
        }
    }

    fn write(&mut self, line: &Line<'a>, text: &str) {
        let parts = [&line.indent, line.branch, text, "\n"];
        self.text.extend(parts);
    }

    /// What a package asks for, sorted by what answers; twice only where it is said how it is asked for.
    fn sorted(&self, entry: &'a Entry) -> Vec<(Option<usize>, &'a Required)> {
        let requires = entry.requires.iter();
        let mut sorted: Vec<_> = requires.map(|one| (one.package, one)).collect();
        sorted.sort_by_key(|(package, one)| (package.is_none(), *package, &one.request));
        sorted.dedup_by(|one, other| {
            one.0 == other.0
                && (one.1.request == other.1.request || one.0.is_some() && !self.has_requirements)
        });
        sorted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, requires: &[Option<usize>]) -> Entry {
        Entry {
            name: name.to_owned(),
            version: Some("1.0.0".to_owned()),
            origin: "index".to_owned(),
            scope: None,
            digest: None,
            size: None,
            fetched: true,
            member: name.starts_with("member"),
            replace: false,
            requires: requires
                .iter()
                .map(|package| Required {
                    key: None,
                    request: "some/name@^1".to_owned(),
                    package: *package,
                    when: Default::default(),
                    at: None,
                })
                .collect(),
        }
    }

    /// Catches lines that are joined to the wrong parent, names that drive the terminal, and packages that ask for each
    /// other without end.
    #[test]
    fn every_package_is_drawn_once() {
        let mut overview = Overview {
            packages: vec![
                entry("a", &[Some(1), None]),
                entry("b\u{1b}[2J", &[Some(0)]),
                entry("member-one", &[Some(3), Some(0), Some(0)]),
                entry("member-top", &[Some(1), Some(4)]),
                entry("leaf", &[]),
            ],
        };
        overview.packages[3].origin = "path:.".to_owned();
        overview.packages[0].replace = true;
        overview.packages[4].fetched = false;
        insta::assert_snapshot!(tree(&overview, false), @r"
        member-top 1.0.0 (path:.)
        ├── b\u{1b}[2J 1.0.0 (index)
        │   └── a 1.0.0 (index) [replaces every a]
        │       ├── b\u{1b}[2J 1.0.0 (index) (*)
        │       └── some/name@^1 [not answered]
        └── leaf 1.0.0 (index) [not fetched]
        member-one 1.0.0 (index)
        ├── a 1.0.0 (index) [replaces every a] (*)
        └── member-top 1.0.0 (path:.) (*)
        ");
    }

    /// Catches a stack that a long chain of packages overflows.
    #[test]
    fn a_long_chain_is_drawn() {
        let mut packages: Vec<Entry> = (0..2_000)
            .map(|number| entry("p", &[Some(number + 1)]))
            .collect();
        packages.push(entry("end", &[]));
        packages[0].member = true;
        assert_eq!(tree(&Overview { packages }, true).lines().count(), 2_001);
    }
}
