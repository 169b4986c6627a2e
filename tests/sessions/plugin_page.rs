//! `docs/plugins.md`, done as it says: its files are written, its commands run, and what they print must be what is
//! printed there.
//!
//! A block with a path behind its language is that file, ```` ```diff PATH ```` replaces a line of it by another,
//! and in ```` ```console ```` each line that begins with `$ ` is a command. With INSTA_UPDATE=always the page gets what is
//! printed now.

use std::fmt::Write as _;

use crate::support::Space;

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/plugins.md");

#[test]
fn the_page_on_plugins_does_what_it_says() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let space = Space::new();
    let mut done = String::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        writeln!(done, "{line}").unwrap();
        let Some(info) = line.strip_prefix("```").filter(|info| !info.is_empty()) else {
            continue;
        };
        let body: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
        match info.split_once(' ') {
            Some(("diff", path)) => {
                space.edit(
                    path,
                    body[0].strip_prefix('-').unwrap(),
                    body[1].strip_prefix('+').unwrap(),
                );
            }
            Some((_, path)) => {
                space.file(path, body.join("\n") + "\n");
            }
            None => {}
        }
        match info {
            "console" => {
                let commands = body.iter().filter_map(|line| line.strip_prefix("$ "));
                commands.for_each(|command| perform(&space, command, &mut done));
            }
            _ => body
                .iter()
                .for_each(|line| writeln!(done, "{line}").unwrap()),
        }
        done.push_str("```\n");
    }
    let is_so = space.redact(&page) == space.redact(&done);
    if !is_so && std::env::var_os("INSTA_UPDATE").is_some_and(|how| how == "always") {
        std::fs::write(PAGE, done).unwrap();
    } else {
        similar(&space.redact(&page), &space.redact(&done));
    }
}

/// Does what a line of a console says, and writes it with what it prints.
fn perform(space: &Space, command: &str, done: &mut String) {
    writeln!(done, "$ {command}").unwrap();
    let words: Vec<&str> = command
        .split('\'')
        .enumerate()
        .flat_map(|(index, part)| match index % 2 {
            0 => part.split_whitespace().collect::<Vec<_>>(),
            _ => vec![part],
        })
        .collect();
    let printed = match words[..] {
        ["cat", path] => space.read(path),
        ["wake", ..] => {
            let run = space.wake(&words[1..]);
            format!("{}{}", run.stdout, run.stderr)
        }
        _ => panic!("what is `{command}`?"),
    };
    for line in printed.lines() {
        writeln!(done, "{}", line.trim_end()).unwrap();
    }
}

#[track_caller]
fn similar(page: &str, done: &str) {
    let first = page
        .lines()
        .zip(done.lines())
        .find(|(one, other)| one != other);
    assert!(
        page == done,
        "docs/plugins.md is not what happens; first: {first:?}. This test with INSTA_UPDATE=always writes what happens"
    );
}

/// Would catch a field of test cases that nobody can find out about.
#[test]
fn the_page_names_all_fields_of_a_case() {
    let page = std::fs::read_to_string(PAGE).unwrap();
    let source = include_str!("../../src/plugin_test/case.rs");
    let lists = source.split("_FIELDS: [&str;").skip(1);
    for list in lists.chain(source.split("const FIELDS: [&str;").skip(1)) {
        let list = list.split("];").next().unwrap();
        for name in list.split('"').skip(1).step_by(2) {
            assert!(page.contains(name), "`{name}` is not on the page");
        }
    }
}
