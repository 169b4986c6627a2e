//! What an operation is given or leaves that cannot be right: the message, the exit code, and that the next build is right
//! when the mistake is. Scope: one operation and its files; what is wrong with declarations is in `plans/errors.rs`.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::plugin;
use crate::support::{Session, Space, skipped};

/// A workspace with one operation of these fields of `wake.operation`, and `in.txt` and `dir/file` beside its `PKG`.
fn operation(fields: &str) -> Space {
    let space = Space::new();
    plugin(
        &space,
        &format!("wake.operation({{ title: 'Do it', {fields} }})"),
    );
    space.file("in.txt", "one\n");
    space.file("dir/file", "one\n");
    space
}

/// As [`operation`], for a shell script that makes `out`.
fn script(script: &str, fields: &str) -> Space {
    let script = serde_json::Value::from(script);
    operation(&format!(
        "executable: 'sh', arguments: ['-c', {script}], outputs: ['$(target)/out'], {fields}"
    ))
}

/// The messages of operations that each have something else wrong with them.
fn messages(cases: &[(&str, Space)]) -> String {
    let mut text = String::new();
    for (what, space) in cases {
        let run = space.wake(["build"]);
        run.demand(
            run.status == 1 || run.status == 2,
            "a failure of the operation",
        );
        let again = space.wake(["build"]);
        again.demand(again.status == run.status, "the same failure again");
        text.push_str(&format!("# {what}\n{}\n", run.transcript()));
    }
    text
}

/// Catches a depfile that is wrong and costs the build its trust without a word.
#[test]
fn a_depfile_that_cannot_be_right_is_told() {
    let writes = |text: &str| {
        let text = format!("touch $(target)/out; {text}");
        script(&text, "depfile: '$(target)/d'")
    };
    insta::assert_snapshot!(messages(&[
        ("none was written", writes("true")),
        (
            "it is no makefile",
            writes(
                "printf 'out: in.txt\\n\\nerror: oh\\n' > $(target)/d; echo no rule >> $(target)/d"
            )
        ),
        (
            "a name with a zero byte",
            writes("printf 'out: a\\0b\\n' > $(target)/d")
        ),
        ("it is a directory", writes("mkdir $(target)/d")),
        (
            "it names the whole workspace",
            writes("echo out: $(package) > $(target)/d")
        ),
    ]));
}

/// Catches a directory in a depfile whose files do not count, and a missing file that is forgotten, or is an error for ever.
#[test]
fn a_depfile_may_name_a_directory_and_a_file_that_is_not_there() {
    let text = "touch $(target)/out; echo out: $(package)/dir $(package)/later > $(target)/d";
    let mut session = Session::new(script(text, "depfile: '$(target)/d'"));
    session.wake(["build"]).success();
    session.wake(["build"]).success().says("Nothing to do");
    session.note("a file in the directory");
    session.space().file("dir/file", "two\n");
    session.wake(["build", "--explain"]).success();
    session.note("one more");
    session.space().file("dir/more", "");
    session.wake(["build", "--explain"]).success();
    session.note("the file that was not there");
    session.space().file("later", "");
    session.wake(["build", "--explain"]).success();
    session.wake(["build"]).success().says("Nothing to do");
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn an_output_that_is_of_another_kind_than_declared_is_told() {
    insta::assert_snapshot!(messages(&[
        (
            "a directory instead of a file",
            script("mkdir $(target)/out", "")
        ),
        (
            "a file instead of a directory",
            operation(
                "executable: 'sh', arguments: ['-c', 'rm -rf $(target)/out; touch $(target)/out'], \
                 outputs: ['$(target)/out/']"
            ),
        ),
    ]));
}

#[test]
fn a_program_that_cannot_be_started_is_told_with_the_reason() {
    let tool = |content: &str, mode: u32| {
        let space = operation("executable: '$(package)/tool', outputs: ['$(target)/out']");
        space.file("tool", content);
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(space.path("tool"), mode).unwrap();
        space
    };
    let in_directory = |directory: &str| {
        script(
            "touch $(target)/out",
            &format!("workingDirectory: '$(package)/{directory}'"),
        )
    };
    insta::assert_snapshot!(messages(&[
        ("no interpreter", tool("#!/nowhere/python3 -u\n", 0o755)),
        ("not executable", tool("#!/bin/sh\n", 0o644)),
        ("no program", tool("hello\n", 0o755)),
        (
            "a directory",
            operation("executable: '$(package)/dir', outputs: ['$(target)/out']")
        ),
        ("no working directory", in_directory("nowhere")),
        ("a file as working directory", in_directory("in.txt")),
    ]));
}

/// Catches a command that the kernel refuses with a number for a reason, and one of 200 kB in a message.
#[test]
fn a_command_that_is_too_long_is_told_with_what_is_too_long() {
    let given = |fields: &str| operation(&format!("executable: 'true', outputs: [], {fields}"));
    let never = "responseFile: 'never'";
    let text = messages(&[
        (
            "one argument",
            given(&format!(
                "arguments: ['short', std.repeat('x', 200000)], {never}"
            )),
        ),
        (
            "all arguments",
            given(&format!(
                "arguments: [std.repeat('x', 100000) for i in std.range(1, 70)], {never}"
            )),
        ),
        (
            "a variable",
            given("environment: { LONG: std.repeat('x', 200000) }"),
        ),
    ]);
    assert!(text.len() < 20_000, "{}", text.len());
    // How long the names of directories are differs between machines.
    let (before, after) = text.split_once("7000070 and ").unwrap();
    let after = after.trim_start_matches(|character: char| character.is_ascii_digit());
    let text = format!("{before}7000070 and [SIZE]{after}");
    insta::assert_snapshot!(text.replace(&"x".repeat(1000), ""));
}

/// The words before a command that may read and write only what its user may, also where that is root.
fn unprivileged(test: &str) -> Option<Vec<&'static str>> {
    if !rustix::process::geteuid().is_root() {
        return Some(Vec::new());
    }
    let words = vec![
        "setpriv",
        "--inh-caps=-dac_override,-dac_read_search",
        "--bounding-set=-dac_override,-dac_read_search",
    ];
    let works = Command::new(words[0])
        .args(&words[1..])
        .arg("true")
        .output();
    if works.is_ok_and(|output| output.status.success()) {
        return Some(words);
    }
    skipped(&format!("{test}: no `setpriv` that gives up rights"));
    None
}

/// Runs `wake build` there with no more rights than the files give. Returns what it said, and the exit code.
fn build_unprivileged(words: &[&str], space: &Space) -> String {
    let mut words = words.to_vec();
    words.extend([env!("CARGO_BIN_EXE_wake"), "build", "--explain"]);
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(space.top());
    let output = command.env("NO_COLOR", "1").output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    format!(
        "{}=> {}\n",
        space.redact(&text),
        output.status.code().unwrap()
    )
}

fn set_mode(space: &Space, path: &str, mode: u32) {
    let mode = std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(space.path(path), mode).unwrap();
}

/// Catches an input whose changes nobody would see, and an error that stays when it can be read again.
#[test]
fn an_input_that_cannot_be_read_is_told() {
    let test = "an_input_that_cannot_be_read_is_told";
    let Some(words) = unprivileged(test) else {
        return;
    };
    let mut text = String::new();
    for path in ["in.txt", "dir"] {
        let space = script(
            "touch $(target)/out",
            &format!("inputs: ['$(package)/{path}']"),
        );
        set_mode(&space, path, 0o000);
        text.push_str(&build_unprivileged(&words, &space));
        set_mode(&space, path, 0o755);
        text.push_str(&build_unprivileged(&words, &space));
        text.push_str(&build_unprivileged(&words, &space));
    }
    insta::assert_snapshot!(text);
}

/// Catches a tool that may be executed and not read, and is taken for changed by every build.
#[test]
fn a_tool_that_can_only_be_executed_is_known_by_its_stamp() {
    let test = "a_tool_that_can_only_be_executed_is_known_by_its_stamp";
    let Some(words) = unprivileged(test) else {
        return;
    };
    let space = operation(
        "executable: '$(package)/tool', arguments: ['$(package)/in.txt', '$(target)/out'], outputs: ['$(target)/out']",
    );
    std::fs::copy("/bin/cp", space.path("tool")).unwrap();
    set_mode(&space, "tool", 0o111);
    assert!(build_unprivileged(&words, &space).contains("1 operation run"));
    assert!(build_unprivileged(&words, &space).contains("Nothing to do"));
}

/// Catches an output that cannot be replaced and is lost, and an error that stays.
#[test]
fn a_read_only_target_directory_is_told_and_loses_nothing() {
    let test = "a_read_only_target_directory_is_told_and_loses_nothing";
    let Some(words) = unprivileged(test) else {
        return;
    };
    let space = script(
        "cp $(package)/in.txt $(target)/out",
        "inputs: ['$(package)/in.txt']",
    );
    space.wake(["build"]).success();
    let target = super::target(&space);
    let target = target
        .strip_prefix(space.top())
        .unwrap()
        .to_str()
        .unwrap()
        .to_owned();
    space.file("in.txt", "two\n");
    set_mode(&space, &target, 0o555);
    let mut text = build_unprivileged(&words, &space);
    set_mode(&space, &target, 0o755);
    text.push_str(&build_unprivileged(&words, &space));
    assert_eq!(space.read(format!("{target}/out")), "two\n");
    insta::assert_snapshot!(text);
}

/// Runs `wake build` under a limit of the shell, and without one after that.
fn build_limited(space: &Space, limit: &str) -> String {
    let mut command = Command::new("sh");
    command
        .args(["-c", &format!("ulimit {limit}; exec \"$@\"; "), "sh"])
        .args([env!("CARGO_BIN_EXE_wake"), "build"])
        .env("NO_COLOR", "1")
        .current_dir(space.top());
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    space.wake(["build"]).success();
    space.wake(["build"]).success().says("Nothing to do");
    format!("{text}=> {:?}\n", output.status.code())
}

/// Catches a wake that dies, hangs, or believes what it could not do, when it may open few files: each number of them is
/// tried, so that each place in which they run out is met.
#[test]
fn few_open_files_are_told_and_lose_nothing() {
    for files in 3..32 {
        let space = script(
            "cat $(package)/in.txt > $(target)/out",
            "inputs: ['$(package)/in.txt']",
        );
        let text = build_limited(&space, &format!("-n {files}"));
        let is_fine = text.ends_with("=> Some(0)\n");
        // With very few, not even the libraries of wake can be loaded, or its threads made.
        let is_told =
            text.contains("ulimit -n") || text.contains("error while loading") || files < 10;
        assert!(is_fine || is_told, "{files}: {text}");
    }
}

/// Catches files that may not grow: of tools, which are told by the signal, and of wake, which does not die of it.
#[test]
fn files_that_may_not_grow_are_told_and_lose_nothing() {
    let space = script(
        "head -c 1000000 /dev/zero > $(target)/out; cat $(package)/in.txt >> $(target)/out",
        "",
    );
    // In blocks of 512 bytes: enough for the state.
    let text = build_limited(&space, "-f 500");
    assert!(
        text.contains("Do it") && text.ends_with("=> Some(1)\n"),
        "{text}"
    );
    let space = script("touch $(target)/out", "");
    let text = build_limited(&space, "-f 0");
    assert!(
        text.contains("error: ") && text.contains("File too large"),
        "{text}"
    );
}
