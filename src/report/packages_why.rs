//! Why a package is here: the ways by which members come to it. It looks nothing up.

use serde_json::{Value, json};

use super::packages_tree::{named, scope, title, when};
use super::text::one_line;
use crate::pkg::overview::Overview;
use crate::pkg::ways::{Step, Ways};

/// The ways to each package of `answers`, which are places in the overview.
pub fn text(overview: &Overview, answers: &[(usize, Ways)]) -> String {
    let packages = answers.iter();
    let texts: Vec<String> = packages
        .map(|(package, ways)| one(overview, *package, ways))
        .collect();
    texts.join("\n")
}

fn one(overview: &Overview, package: usize, ways: &Ways) -> String {
    let entry = &overview.packages[package];
    let mut text = format!("{}\n", title(entry));
    if entry.member {
        text.push_str("  a member of the workspace\n");
    }
    for way in &ways.ways {
        text.push('\n');
        text.push_str(&chain(overview, package, way));
    }
    if !ways.is_complete {
        text.push_str("\n  and more ways, none of them shorter\n");
    }
    text
}

/// From a member to the package, each below the one that asks for it.
fn chain(overview: &Overview, package: usize, way: &[Step]) -> String {
    let mut text = String::new();
    for (depth, step) in way.iter().enumerate() {
        let asker = &overview.packages[step.package];
        if depth == 0 {
            text.push_str(&format!("  {}\n", title(asker)));
        }
        let asked = way.get(depth + 1).map_or(package, |next| next.package);
        let required = &asker.requires[step.required];
        let place = match &required.at {
            Some(at) => format!("in {}", one_line(at)),
            None => "(its retriever says)".to_owned(),
        };
        text.push_str(&format!(
            "  {}└── {}{}, asked for as `{}` {place}{}\n",
            "    ".repeat(depth),
            named(&overview.packages[asked]),
            scope(&overview.packages[asked]),
            one_line(&required.request),
            when(required),
        ));
    }
    text
}

/// The same for programs.
pub fn json(overview: &Overview, answers: &[(usize, Ways)]) -> Value {
    let packages = answers.iter().map(|(package, ways)| {
        let entry = &overview.packages[*package];
        let way =
            |way: &Vec<Step>| -> Value { way.iter().map(|one| step(overview, *one)).collect() };
        json!({
            "name": entry.name,
            "version": entry.version,
            "origin": entry.origin,
            "member": entry.member,
            "ways": ways.ways.iter().map(way).collect::<Value>(),
            "complete": ways.is_complete,
        })
    });
    json!({ "packages": packages.collect::<Value>() })
}

fn step(overview: &Overview, step: Step) -> Value {
    let asker = &overview.packages[step.package];
    let required = &asker.requires[step.required];
    json!({
        "name": asker.name,
        "version": asker.version,
        "origin": asker.origin,
        "key": required.key,
        "request": required.request,
        "when": required.when,
        "at": required.at,
    })
}
