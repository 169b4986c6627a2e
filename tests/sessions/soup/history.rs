//! When an operation runs again: what Soup's tests of its evaluate engine and history checker name.

use super::{Spelling, written};
use crate::support::{Run, Space};

/// A package of these operations, each a script.
fn operations(list: &str, files: &[(&str, &str)]) -> Space {
    let recipe = format!("Name: 'commands'\nLanguage: 'Command'\nOperations: [\n{list}\n]\n");
    let mut all = vec![("recipe.sml", &*recipe)];
    all.extend(files);
    let space = written(Spelling::New, &all);
    for (path, content) in files {
        if content.starts_with("#!") {
            executable(&space, path);
        }
    }
    space
}

fn executable(space: &Space, path: &str) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(space.path(path), std::fs::Permissions::from_mode(0o755)).unwrap();
}

fn build(space: &Space) -> Run {
    space.wake(["build", "--events", "events"])
}

/// What ran, each with the beginning of why: the name of its reason.
fn why(run: &Run) -> Vec<String> {
    let reasons = run.reasons();
    let shown = reasons.into_iter().map(|(title, reason)| {
        let reason = format!("{reason:?}");
        let name = reason.split([' ', '{']).next().unwrap_or_default();
        format!("{title}: {name}")
    });
    shown.collect()
}

const COPY: &str = "{ Title: 'Copy', Executable: './copy.sh', Arguments: [ '$(input 0)', '$(output 0)' ], Inputs: [ 'in' ], Outputs: [ 'out' ] }";
const SCRIPT: &str = "#!/bin/sh\ncat \"$1\" > \"$2\"\n";

fn copying() -> Space {
    operations(COPY, &[("copy.sh", SCRIPT), ("in", "one\n")])
}

#[test]
fn without_operations_there_is_nothing_to_do() {
    let space = operations("", &[]);
    for _ in 0..2 {
        let run = build(&space).success();
        assert!(why(&run).is_empty());
    }
}

/// Catches an operation that has nothing to compare and runs always, or never.
#[test]
fn an_operation_without_inputs_runs_once() {
    let space = operations(
        "{ Title: 'Say', Executable: './say.sh', Outputs: [ 'said' ], Stdout: 'said' }",
        &[("say.sh", "#!/bin/sh\necho hello\n")],
    );
    assert_eq!(why(&build(&space).success()), ["Say: NeverRan"]);
    assert!(why(&build(&space).success()).is_empty());
}

#[test]
fn an_operation_without_outputs_runs_once() {
    let space = operations(
        "{ Title: 'Check', Executable: './check.sh', Inputs: [ 'in' ] }",
        &[("check.sh", "#!/bin/sh\ngrep -q one in\n"), ("in", "one\n")],
    );
    assert_eq!(why(&build(&space).success()), ["Check: NeverRan"]);
    assert!(why(&build(&space).success()).is_empty());
    space.file("in", "two\n");
    assert_eq!(why(&build(&space).code(1)), ["Check: InputChanged"]);
    assert_eq!(why(&build(&space).code(1)), ["Check: LastFailed"]);
    space.file("in", "one, too\n");
    assert_eq!(why(&build(&space).success()), ["Check: LastFailed"]);
}

#[test]
fn inputs_outputs_and_executables_are_looked_at() {
    let space = copying();
    assert_eq!(why(&build(&space).success()), ["Copy: NeverRan"]);
    assert!(why(&build(&space).success()).is_empty());
    space.file("in", "two\n");
    assert_eq!(why(&build(&space).success()), ["Copy: InputChanged"]);
    // Newer, and as it was.
    space.file("in", "two\n");
    assert!(why(&build(&space).success()).is_empty());
    let target = super::super::target(&space);
    std::fs::remove_file(target.join("out")).unwrap();
    assert_eq!(why(&build(&space).success()), ["Copy: OutputMissing"]);
    std::fs::write(target.join("out"), "mine\n").unwrap();
    assert_eq!(why(&build(&space).success()), ["Copy: OutputChanged"]);
    assert_eq!(
        std::fs::read_to_string(target.join("out")).unwrap(),
        "two\n"
    );
    space.edit("copy.sh", "cat", "tac");
    executable(&space, "copy.sh");
    assert_eq!(why(&build(&space).success()), ["Copy: ToolChanged"]);
    space.edit("recipe.sml", "[ '$(input 0)'", "[ './in'");
    assert_eq!(why(&build(&space).success()), ["Copy: CommandChanged"]);
    space.edit("recipe.sml", "Title: 'Copy'", "Title: 'Carry'");
    assert!(
        why(&build(&space).success()).is_empty(),
        "a title is no part of a command"
    );
}

#[test]
fn an_input_that_was_deleted_is_named() {
    let space = copying();
    build(&space).success();
    space.remove("in");
    insta::assert_snapshot!(build(&space).code(2).transcript());
    space.remove("copy.sh");
    space.file("in", "one\n");
    insta::assert_snapshot!(build(&space).code(1).transcript());
}

/// An input that only the operation itself tells of, by its absolute path, beside one that is declared.
#[test]
fn inputs_are_the_same_however_they_are_written() {
    let list = "{ Title: 'Join', Executable: './join.sh', Arguments: [ '$(output 0)', '$(target)/d' ], Inputs: [ 'in' ], Outputs: [ 'out' ], Depfile: 'd' }";
    let script = "#!/bin/sh -e\ncat in included > \"$1\"\nprintf '%s: in %s/included\\n' \"$1\" \"$PWD\" > \"$2\"\n";
    let space = operations(
        list,
        &[("join.sh", script), ("in", "one\n"), ("included", "two\n")],
    );
    assert_eq!(why(&build(&space).success()), ["Join: NeverRan"]);
    assert!(why(&build(&space).success()).is_empty());
    space.file("included", "three\n");
    assert_eq!(why(&build(&space).success()), ["Join: InputChanged"]);
    space.file("in", "four\n");
    assert_eq!(why(&build(&space).success()), ["Join: InputChanged"]);
    // One that nobody declares may go: then the operation says whether it can do without.
    space.remove("included");
    assert_eq!(why(&build(&space).code(1)), ["Join: InputChanged"]);
}

/// Catches a failure that costs what others have made, and results that are lost when the graph is another one.
#[test]
fn what_was_done_before_a_failure_is_kept() {
    let failing = "{ Title: 'Fail', Executable: './fail.sh', Inputs: [ '$(target)/out' ], Outputs: [ 'never' ] }";
    let space = operations(
        &format!("{COPY}\n{failing}"),
        &[
            ("copy.sh", SCRIPT),
            ("fail.sh", "#!/bin/sh\nexit 3\n"),
            ("in", "one\n"),
        ],
    );
    assert_eq!(
        why(&build(&space).code(1)),
        ["Copy: NeverRan", "Fail: NeverRan"]
    );
    assert_eq!(why(&build(&space).code(1)), ["Fail: LastFailed"]);
    let added = format!(
        "{COPY}\n{}",
        COPY.replace("Copy", "Again").replace("'out'", "'again'")
    );
    space.file(
        "recipe.sml",
        format!("Name: 'commands'\nLanguage: 'Command'\nOperations: [\n{added}\n]\n"),
    );
    assert_eq!(why(&build(&space).success()), ["Again: NeverRan"]);
}

/// Catches operations that make one file, need themselves or each other, or read what another one makes without saying so.
#[test]
fn operations_that_do_not_fit_are_refused() {
    let say = |title: &str, inputs: &str, outputs: &str, script: &str| {
        format!(
            "{{ Title: '{title}', Executable: 'sh', Arguments: [ '-c', '{script}' ], WorkingDirectory: '$(target)', Inputs: [ {inputs} ], Outputs: [ {outputs} ] }}"
        )
    };
    let cases = [
        (
            "two make one file",
            [
                say("One", "", "'x'", "echo > x"),
                say("Other", "", "'x'", "echo > x"),
            ],
        ),
        (
            "one needs what it makes",
            [
                say("One", "'$(target)/x'", "'x'", "echo >> x"),
                String::new(),
            ],
        ),
        (
            "two need each other",
            [
                say("One", "'$(target)/y'", "'x'", "echo > x"),
                say("Other", "'$(target)/x'", "'y'", "echo > y"),
            ],
        ),
        (
            "one makes what it does not declare, and another one needs it",
            [
                say("One", "", "'x'", "echo > x; echo > y"),
                say("Other", "'$(target)/y'", "'z'", "echo > z"),
            ],
        ),
        (
            "one does not make what it declares",
            [say("One", "", "'x'", "true"), String::new()],
        ),
    ];
    let told = cases.map(|(what, list)| {
        let space = operations(&list.join("\n"), &[]);
        let run = space.wake(["build"]);
        run.demand(run.status != 0, "a refusal");
        format!("# {what}\n{}", run.transcript())
    });
    insta::assert_snapshot!(told.join("\n"));
}
