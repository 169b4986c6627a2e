//! Depfiles as real compilers write them: names that need escapes, several targets, and edits while the compiler runs.
//! Scope: that what is named there counts. Depfiles that are wrong are in `bad_input`.

use std::process::Command;

use super::{operations, plugin};
use crate::support::{Space, skipped};

fn has(compiler: &str) -> bool {
    let output = Command::new(compiler).arg("--version").output();
    output.is_ok_and(|output| output.status.success())
}

/// Names of headers, as they can be written between quotes in C.
const NAMES: [&str; 20] = [
    "a b.h",
    "a#b.h",
    "a$b.h",
    "a$$b.h",
    "a\\b.h",
    "a:b.h",
    "a\\ b.h",
    "a\\\\ b.h",
    "a\\#b.h",
    "tab\tx.h",
    "a%b.h",
    "a\\:b.h",
    "x: y.h",
    "a;b|c*?.h",
    "ü.h",
    "~x.h",
    "(x).h",
    "'q'.h",
    " lead.h",
    "a&b=c.h",
];

/// Catches a name that is taken apart, or put together, between the compiler and the depfile's reader: an edit of that
/// header would be lost, or every build would compile again.
#[test]
fn a_header_with_any_name_counts() {
    for compiler in ["gcc", "clang"] {
        if !has(compiler) {
            skipped(&format!("a_header_with_any_name_counts: no `{compiler}`"));
            continue;
        }
        // Clang writes a slash where a name has a backslash: nobody can tell from its depfile what it has read.
        let names = NAMES
            .iter()
            .filter(|name| compiler == "gcc" || !name.contains('\\'));
        let names: Vec<&str> = names.copied().collect();
        let mut list = String::new();
        for number in 0..names.len() {
            list.push_str(&format!(
                "{{ Title: '{number}', Executable: '{compiler}', Inputs: ['{number}.c'], Outputs: ['{number}.o'],
                Arguments: ['-c', '$(input 0)', '-o', '$(output 0)', '-MD', '-MP', '-MT', 'o b:c.o', '-MQ', 'x $$y.o', \
                '-MF', '$(target)/{number}.d'], Depfile: '{number}.d' }},\n"
            ));
        }
        let space = operations(&list);
        for (number, name) in names.iter().enumerate() {
            space.file(
                format!("{number}.c"),
                format!("#include \"{name}\"\nint x = X;\n"),
            );
            space.file(name, "#define X 1\n");
        }
        space.wake(["build"]).success();
        space.wake(["build"]).success().says("Nothing to do");
        for (number, name) in names
            .iter()
            .enumerate()
            .filter(|(number, _)| number % 2 == 0)
        {
            space.file(name, format!("#define X {}\n", number + 2));
        }
        let edited = space.wake(["build", "--events", "events"]).success();
        let mut wanted: Vec<String> = (0..names.len())
            .step_by(2)
            .map(|one| one.to_string())
            .collect();
        wanted.sort();
        edited.demand(
            edited.ran() == wanted,
            "those whose header was edited, and no other",
        );
    }
}

/// Catches a depfile that is read in part: with line ends of Windows, without one at its end, with a line of a megabyte,
/// with several rules, with paths relative to where the tool ran.
#[test]
fn every_form_of_a_depfile_is_read_whole() {
    let long = format!(
        "out: {} last.txt",
        "\\\n ".repeat(1000) + &"in.txt ".repeat(150_000)
    );
    for text in [
        "out: in.txt \\\r\n last.txt\r\n",
        "out: in.txt last.txt",
        "out: in.txt\nin.txt:\n\nother: last.txt\n",
        "out b.d : ./in.txt \\\n  ../work/last.txt\n",
        "# comment\nout:: last.txt\n",
        "out:\\\nlast.txt",
        &long,
    ] {
        let space = Space::new();
        plugin(
            &space,
            &format!(
                "wake.operation({{ title: 'Do it', executable: 'sh', workingDirectory: '{}', depfile: '$(target)/d',
                 arguments: ['-c', 'cat last.txt > $(target)/out; cp depfile $(target)/d'], outputs: ['$(target)/out'] }})",
                space.top().display()
            ),
        );
        space.file("depfile", text);
        space.file("in.txt", "");
        space.file("last.txt", "one\n");
        space.wake(["build"]).success();
        space.wake(["build"]).success().says("Nothing to do");
        space.file("last.txt", "two\n");
        let edited = space.wake(["build", "--events", "events"]).success();
        edited.demand(edited.ran() == ["Do it"], &text[..text.len().min(60)]);
    }
}

/// What an operation reads can be edited while it runs, and can be as before when it ends. Catches a result that is
/// trusted although something else was read.
#[test]
fn what_is_edited_while_it_is_read_is_read_again() {
    // It reads `other`, which is there for a moment, and ends with `one` in the place.
    let meddle = "cp @f keep; echo other > @f; cat @f > $(target)/out; rm @f; cp keep @f";
    let meddle_in_place = "cp @f keep; echo other > @f; cat @f > $(target)/out; cat keep > @f";
    let kinds = [
        ("declared", "in.txt", "inputs: ['$(package)/in.txt']", ""),
        (
            "order only",
            "in.txt",
            "orderOnly: ['$(package)/in.txt']",
            "",
        ),
        (
            "in a directory",
            "dir/file",
            "inputs: ['$(package)/dir']",
            "",
        ),
        ("behind a link", "in.txt", "inputs: ['$(package)/link']", ""),
        ("standard input", "in.txt", "stdin: '$(package)/in.txt'", ""),
        (
            "discovered",
            "in.txt",
            "depfile: '$(target)/d'",
            "; echo out: in.txt > $(target)/d",
        ),
        (
            "discovered in a directory",
            "dir/file",
            "depfile: '$(target)/d'",
            "; echo out: dir > $(target)/d",
        ),
        (
            "discovered behind a link",
            "in.txt",
            "depfile: '$(target)/d'",
            "; echo out: link > $(target)/d",
        ),
    ];
    for ((kind, file, fields, more), how) in kinds
        .into_iter()
        .flat_map(|kind| [meddle, meddle_in_place].map(|how| (kind, how)))
    {
        let space = Space::new();
        let text = format!("if [ -e calm ]; then cat @f > $(target)/out; else {how}; fi{more}");
        let text = serde_json::Value::from(text.replace("@f", file));
        plugin(
            &space,
            &format!(
                "wake.operation({{ title: 'Do it', executable: 'sh', arguments: ['-c', {text}], \
                 outputs: ['$(target)/out'], workingDirectory: '{}', {fields} }})",
                space.top().display()
            ),
        );
        for file in ["in.txt", "dir/file"] {
            space.file(file, "one\n");
        }
        std::os::unix::fs::symlink("in.txt", space.path("link")).unwrap();
        let out = super::target(&space).join("out");
        space.wake(["build", "--no-monitor"]).success();
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "other\n", "{kind}");
        space.file("calm", "");
        space.wake(["build", "--no-monitor"]).success();
        assert_eq!(
            std::fs::read_to_string(&out).unwrap(),
            "one\n",
            "{kind}: {how}"
        );
        space
            .wake(["build", "--no-monitor"])
            .success()
            .says("Nothing to do");
    }
}
