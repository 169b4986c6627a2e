//! Commands around a build, as a user meets them: `why` in all its states, `test` and what it shows, `run` and the
//! program that it becomes, `graph`, and the line of `compile_commands.json` that an editor runs.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::{Session, Space};

/// A library with a test that passes, one that is skipped and one that fails, beside a program in another package.
fn workspace() -> Space {
    let space = Space::new();
    space
        .file("RootRecipe.sml", "Members: ['app', 'ring']\n")
        .file(
            "ring/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('ring'), modules={
  root: function(wake, pkg, config) wake.recipe({
    Language: 'C', Source: ['ring.c'], PublicIncludePaths: ['.'],
  }),
} + {
  [name]: function(wake, pkg, config) wake.recipe({
    Language: 'C', Type: 'Test', Source: [name + '.c'],
    Dependencies: { Runtime: [wake.getModule(pkg)] },
  })
  for name in ['adds', 'prints', 'skips']
})\n",
        )
        .file("ring/ring.h", "int ring(void);\n")
        .file("ring/ring.c", "#include <ring.h>\nint ring(void) { return 7; }\n")
        .file("ring/prints.c", "#include <stdio.h>\nint main(void) { puts(\"noise\"); return 0; }\n")
        .file("ring/skips.c", "#include <stdio.h>\nint main(void) { puts(\"no ring\"); return 77; }\n")
        .file(
            "ring/adds.c",
            "#include <ring.h>\n#include <stdio.h>\nint main(void) { printf(\"%d\\n\", ring()); return ring() != 8; }\n",
        )
        .file(
            "app/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ ring: wake.getPkg('ring', from='../ring') }, modules={
  root: function(wake, pkg, config) wake.recipe({
    Language: 'C', Type: 'Executable', Source: ['main.c'],
    Dependencies: { Runtime: [wake.getModule(pkg.pkgs.ring)] },
  }),
})\n",
        )
        .file(
            "app/main.c",
            "#include <ring.h>\n#include <stdio.h>\nint main(void) { int c; while ((c = getchar()) != EOF) putchar(c); return ring(); }\n",
        );
    space
}

/// Catches an answer for the package here alone, and one that is lost when another flavor was built.
#[test]
fn why_finds_tests_other_packages_and_other_parameters() {
    let mut session = Session::new(workspace());
    session.note("where there is no package it looks at all members below");
    session.wake(["why", "Compile ring.c"]).success();
    session.wake(["build", "-q", "./..."]).success();
    session.note("an operation of a dependency");
    session
        .wake(["-C", "app", "why", "Compile ring.c"])
        .success();
    session.note("an operation of a package that the one here does not need");
    session
        .wake(["-C", "ring", "why", "Compile main.c"])
        .success();
    session.note("a test, before and after it ran");
    session.wake(["why", "prints"]).success();
    session.wake(["test", "-q", "--filter", "prints"]).success();
    session.wake(["why", "prints"]).success();
    session.wake(["why", "Compile prints.c"]).success();
    session.note("with other parameters");
    session
        .wake(["why", "Compile ring.c", "--flavor", "Release"])
        .success();
    session.wake(["why", "Compile rang.c"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn tests_show_the_output_of_those_that_fail() {
    let mut session = Session::new(workspace());
    session.note("one test fails; the others run all the same");
    session.wake(["build", "-q", "./..."]).success();
    session.wake(["test", "-q"]).code(1);
    session.note("what passed is up to date, what failed runs again");
    session.wake(["test"]).code(1);
    session.note("mended");
    session.edit("ring/adds.c", "8", "7");
    session.wake(["test", "-j1"]).success();
    session.note("a filter that matches nothing was mistyped");
    session.wake(["test", "--filter", "skip*ed"]).code(2);
    session.note("a package without tests");
    session.wake(["test", "app"]).success();
    insta::assert_snapshot!(session.transcript());
}

/// Catches a skipped test that counts as passed once it is up to date.
#[test]
fn a_skipped_test_stays_skipped_in_every_report() {
    let space = workspace();
    for _ in 0..2 {
        let run = space.wake(["test", "--filter", "skips", "--junit", "tests.xml"]);
        run.success().says("0 tests passed, 1 skipped");
        assert!(
            space.read("tests.xml").contains("<skipped "),
            "{}",
            space.read("tests.xml")
        );
    }
}

/// Catches a program that does not get the user's standard input, arguments or exit code, and noise around its output.
#[test]
fn run_becomes_the_program() {
    let space = workspace();
    for _ in 0..2 {
        let mut command = space.command(["run", "app"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(b"in\n").unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert_eq!(output.stdout, b"in\n", "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
    space
        .wake(["run", "ring"])
        .code(2)
        .says("`ring` makes no program");
}

/// Catches a graph that names an operation which is not there.
#[test]
fn graph_has_every_operation_after_what_it_needs() {
    let space = workspace();
    let run = space.wake(["graph", "--format", "json", "app"]).success();
    let graph: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let operations = graph["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 4, "{}", run.stdout);
    for (index, operation) in operations.iter().enumerate() {
        assert_eq!(operation["id"], index);
        for needed in operation["needs"].as_array().unwrap() {
            assert!(needed.as_u64().unwrap() < index as u64, "{operation}");
        }
    }
    let dot = space.wake(["graph", "app"]).success().stdout;
    assert_eq!(dot.matches("label = ").count(), 4, "{dot}");
    assert_eq!(dot.matches(" -> ").count(), 3, "{dot}");
}

/// Catches arguments that a tool cannot run as they stand: quoted, relative to elsewhere, or with root tokens in them.
#[test]
fn a_line_of_compile_commands_runs_by_hand() {
    let space = workspace();
    space.wake(["build", "-q", "app"]).success();
    let text = space.read("compile_commands.json");
    let commands: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    assert_eq!(commands.len(), 2, "{text}");
    for command in commands {
        let words: Vec<&str> = command["arguments"]
            .as_array()
            .unwrap()
            .iter()
            .map(|word| word.as_str().unwrap())
            .collect();
        let status = Command::new(words[0])
            .args(&words[1..])
            .current_dir(command["directory"].as_str().unwrap())
            .status()
            .unwrap();
        assert!(status.success(), "{command}");
    }
}
