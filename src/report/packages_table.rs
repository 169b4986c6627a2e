//! Packages as tables: what there is, and what there is newer. It looks nothing up.

use serde_json::{Value, json};

use super::packages_tree::scope;
use super::text::{bytes, one_line, width};
use crate::pkg::lock::PATH;
use crate::pkg::outdated::Outdated;
use crate::pkg::overview::{Entry, Overview};

/// What stands for a value that there is none of.
const NONE: &str = "-";

/// All packages, one a line below a heading.
pub fn list(overview: &Overview) -> String {
    let row = |entry: &Entry| {
        [
            entry.name.clone(),
            version(entry),
            entry.origin.clone(),
            entry.size.map_or_else(|| NONE.to_owned(), bytes),
            state(entry).to_owned(),
        ]
    };
    table(
        ["Name", "Version", "Origin", "Size", "Files"],
        overview.packages.iter().map(row),
    )
}

/// Versions of one package in several scopes may be the same.
fn version(entry: &Entry) -> String {
    let version = entry.version.as_deref().unwrap_or(NONE);
    format!("{version}{}", scope(entry))
}

/// Whether and why the files of a package are here.
fn state(entry: &Entry) -> &'static str {
    match entry {
        _ if entry.replace => "by path, replaces",
        _ if entry.member => "member",
        _ if entry.origin.starts_with(PATH) => "by path",
        _ if entry.fetched => "fetched",
        _ => "not fetched",
    }
}

/// Packages of which there are newer versions, one a line below a heading.
pub fn outdated(found: &[Outdated]) -> String {
    let shown = |version: &Option<semver::Version>| match version {
        Some(version) => version.to_string(),
        None => NONE.to_owned(),
    };
    let row = |one: &Outdated| {
        [
            one.name.clone(),
            one.current.to_string(),
            shown(&one.compatible),
            shown(&one.newest),
            one.origin.clone(),
        ]
    };
    table(
        ["Name", "Current", "Compatible", "Newest", "Origin"],
        found.iter().map(row),
    )
}

/// The same for programs.
pub fn outdated_json(found: &[Outdated]) -> Value {
    let packages = found.iter().map(|one| {
        json!({
            "name": one.name,
            "origin": one.origin,
            "current": one.current.to_string(),
            "compatible": one.compatible.as_ref().map(ToString::to_string),
            "newest": one.newest.as_ref().map(ToString::to_string),
        })
    });
    json!({ "packages": packages.collect::<Value>() })
}

/// Columns as wide as what is in them, two spaces apart; no spaces at the end of a line.
fn table<const N: usize>(heading: [&str; N], rows: impl Iterator<Item = [String; N]>) -> String {
    let mut lines = vec![heading.map(str::to_owned)];
    lines.extend(rows.map(|row| row.map(|cell| one_line(&cell))));
    let mut widths = [0; N];
    for line in &lines {
        for (widest, cell) in widths.iter_mut().zip(line) {
            *widest = width(cell).max(*widest);
        }
    }
    let mut text = String::new();
    for line in &lines {
        let mut shown = String::new();
        for (cell, widest) in line.iter().zip(widths) {
            shown.push_str(cell);
            shown.push_str(&" ".repeat(widest - width(cell) + 2));
        }
        text.push_str(shown.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches columns that are counted in bytes, and names that break out of their line.
    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            ["ü\n".to_owned(), "x".to_owned()],
            ["日本".to_owned(), String::new()],
        ];
        assert_eq!(
            table(["A", "B"], rows.into_iter()),
            "A     B\nü\\n   x\n日本\n"
        );
    }
}
