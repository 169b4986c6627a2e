//! What is run, and how.

use std::os::unix::fs::PermissionsExt;

use super::Stage;
use crate::support::Space;

#[test]
fn another_command() {
    Stage::play(
        "op A: a -> x = cat @i > @0
         op B: :x -> y
         file a one
         build A B
         op A: a -> x = cat  @i > @0
         build A
         op A: a -> x = cat @i @i > @0
         build A B
         op A: a -> x = cat  @i > @0
         build A B",
    );
}

/// A workspace with one operation of these fields.
fn operation(fields: &str) -> Space {
    let space = Space::new();
    space.file(
        "PKG",
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), modules={{ root: function(wake, pkg, config)
             wake.recipe({{ Language: 'Command', Operations: [{{ Title: 'A', {fields} }}] }}) }})"
        ),
    );
    space
}

fn ran(space: &Space) -> usize {
    let run = space.wake(["build", "--events", "../events"]).success();
    run.ran().len()
}

#[test]
fn another_environment() {
    let space = operation(
        "Executable: 'sh', Arguments: ['-c', 'echo $$A $$B > $(output 0)'], Outputs: ['x'],
         Environment: { A: 'one', B: wake.env('GIVEN', 'none') }",
    );
    assert_eq!((ran(&space), ran(&space)), (1, 0));
    space.edit("PKG", "A: 'one'", "A: 'two'");
    assert_eq!((ran(&space), ran(&space)), (1, 0));
    let given = |value: &str| {
        let mut command = space.command(["build"]);
        let output = command.env("GIVEN", value).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    assert!(given("here").contains("1 operation run"));
    assert!(given("here").contains("Nothing to do"));
    assert!(given("there").contains("1 operation run"));
    assert_eq!((ran(&space), ran(&space)), (1, 0));
}

/// Catches a change in a part of the command line that the kernel never saw.
#[test]
fn another_response_file() {
    let space = operation(
        "Executable: './tool.sh', Outputs: ['x'], Inputs: ['tool.sh'],
         Arguments: ['$(output 0)'] + ['%0100d' % number for number in std.range(1, 30000)] + ['last=1']",
    );
    space.file(
        "tool.sh",
        "#!/bin/sh\nout=$(head -n 1 \"${1#@}\"); tail -n 1 \"${1#@}\" > \"$out\"\n",
    );
    let tool = space.path("tool.sh");
    std::fs::set_permissions(&tool, PermissionsExt::from_mode(0o755)).unwrap();
    assert_eq!((ran(&space), ran(&space)), (1, 0));
    space.edit("PKG", "last=1", "last=2");
    assert_eq!((ran(&space), ran(&space)), (1, 0));
    let target = space.wake(["target"]).success().stdout;
    let text = std::fs::read_to_string(std::path::Path::new(target.trim()).join("x")).unwrap();
    assert!(text.contains("last=2"), "{text}");
}

/// Catches a compiler that is updated in place, and one that appears earlier in `PATH`.
#[test]
fn another_tool() {
    let space = operation("Executable: 'mytool', Arguments: ['$(output 0)'], Outputs: ['x']");
    let tool = |directory: &str, word: &str| {
        let path = format!("{directory}/mytool");
        space.file(&path, format!("#!/bin/sh\necho {word} > $1\n"));
        std::fs::set_permissions(space.path(&path), PermissionsExt::from_mode(0o755)).unwrap();
    };
    let build = || {
        let path = format!(
            "{}:{}:/usr/bin:/bin",
            space.path("first").display(),
            space.path("second").display()
        );
        let output = space.command(["build"]).env("PATH", path).output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{said}");
        said.contains("1 operation run")
    };
    tool("second", "one");
    assert!(build() && !build());
    tool("second", "two");
    assert!(build() && !build());
    tool("first", "three");
    assert!(build() && !build());
    space.remove("first/mytool");
    assert!(build() && !build());
}

/// Catches a limit that thousands of inputs reach.
#[test]
fn many_inputs() {
    let mut stage = Stage::new();
    for number in 0..3_000 {
        let path = format!("src/a_file_whose_name_is_rather_long_{number}");
        stage.space().file(path, format!("{number}\n"));
    }
    stage.tell(
        "op A: src/* -> x = cat src/* | sort -n | tail -n 1 > @0
         build A
         has x 2999
         file src/another 5000
         build A
         has x 5000",
    );
}

/// Catches output that is kept in memory whole, and a pipe that nobody reads.
#[test]
fn that_print_without_end() {
    let mut stage = Stage::new();
    stage.tell("op A: a -> x = head -c 30000000 /dev/zero | tr '\\0' y; echo; echo the end; cp @i @0\nfile a one");
    let run = stage.wake(&["build"]).success();
    assert!(run.stderr.len() < 4_000_000, "{} bytes", run.stderr.len());
    assert!(run.stderr.contains("the end"));
    stage.tell("build -");
}

/// Catches a build that waits for a process which keeps its output open, and one that lets it live.
#[test]
fn that_leave_a_daemon() {
    let mut stage = Stage::new();
    stage.tell("op A: a -> x = sleep 1000 & echo $! > @0\nfile a one");
    stage.wake(&["build"]).success();
    let path = stage.made("x");
    let pid = std::fs::read_to_string(path).unwrap();
    let state = std::fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
    assert!(state.is_err(), "{state:?}");
    stage.wake(&["build"]).success().says("Nothing to do");
}
