//! Every example: it builds, does what its README line says, a second build runs nothing, and its tests pass.

use crate::support::{Run, Session, Space, skipped};

/// Builds twice and demands that the second time nothing runs.
fn built(name: &str) -> Space {
    let space = Space::example(name);
    let first = space.wake(["build", "--events", "events"]).success();
    first.demand(!first.ran().is_empty(), "a build");
    let second = space.wake(["build", "--events", "events"]).success();
    second.demand(second.ran().is_empty(), "nothing to do");
    space
}

/// Catches an example that is not in the list of tests below.
#[test]
fn every_example_has_a_test() {
    let mut names: Vec<String> =
        std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/examples"))
            .unwrap()
            .map(Result::unwrap)
            .filter(|entry| entry.file_type().unwrap().is_dir())
            .map(|entry| entry.file_name().into_string().unwrap())
            .collect();
    names.sort();
    assert_eq!(
        names,
        [
            "c-libraries",
            "calculator",
            "codegen",
            "cpp-modules",
            "csharp",
            "go",
            "index",
            "java",
            "javascript",
            "lua",
            "python",
            "python-retriever",
            "recipes",
            "rust",
            "tree"
        ]
    );
}

#[test]
fn calculator() {
    let mut session = Session::new(Space::example("calculator"));
    session.note("the first build compiles everything");
    session.wake(["build", "-j1"]).success();
    session.note("the second does nothing");
    session.wake(["build"]).success();
    session.note("an edited source is compiled, and what is made from it");
    session.edit("src/main.cpp", "\n", "\n// a comment\n");
    session.wake(["build", "-j1", "--explain"]).success();
    session.note("the program");
    session.wake(["run", "--", "6 * (3 + 4)"]).success();
    session.note("its tests run once, then they are up to date");
    session.wake(["test", "-j1"]).success();
    session.wake(["test"]).success();
    session.note("another flavor has its own files, and the first one is as it was");
    session
        .wake(["build", "-j1", "--flavor", "Release"])
        .success();
    session.wake(["build"]).success();
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn c_libraries() {
    let space = built("c-libraries");
    insta::assert_snapshot!(space.wake(["run"]).success().transcript());
}

#[test]
fn cpp_modules() {
    let space = built("cpp-modules");
    let run = space.wake(["run", "-q"]).success();
    assert_eq!(run.stdout, "a circle of area 12.6\na square of area 9.0\n");
    space.wake(["test"]).success();
}

#[test]
fn tree() {
    let space = built("tree");
    insta::assert_snapshot!(space.wake(["run"]).success().transcript());
}

#[test]
fn codegen() {
    let space = built("codegen");
    insta::assert_snapshot!(space.wake(["run"]).success().transcript());
}

#[test]
fn recipes() {
    let space = Space::example("recipes");
    let run = space.wake(["-C", "application", "run"]).success();
    assert_eq!(run.stdout, "Hello, world!\nGREETER 1.0.0\n");
    let again = space
        .wake(["build", "./...", "--events", "events"])
        .success();
    again.demand(again.ran().is_empty(), "nothing to do");
}

/// Runs wake with the settings of this machine's `cargo`, which has its own opinion of where it is at home.
fn with_cargo<'a>(space: &Space, arguments: impl IntoIterator<Item = &'a str>) -> Run {
    let mut command = space.command(arguments);
    let home = std::env::home_dir().unwrap_or_default();
    for (name, usual) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let directory = std::env::var_os(name).map_or_else(|| home.join(usual), Into::into);
        if directory.is_dir() {
            command.env(name, directory);
        }
    }
    Run::of(space, command)
}

/// Catches sources of the store that cannot be compiled, and a lock that does not say all.
#[test]
fn lua() {
    let space = Space::example("lua");
    let program = "return ('%d'):format(6 * 7)";
    let run = with_cargo(&space, ["run", "--locked", "--", program]).success();
    assert_eq!(run.stdout, "42\n");
    let again = with_cargo(&space, ["build", "--frozen", "--events", "events"]).success();
    again.demand(again.ran().is_empty(), "nothing to do");
}

#[test]
fn python_retriever() {
    if std::fs::metadata("/usr/bin/python3").is_err() {
        skipped("python_retriever: there is no /usr/bin/python3");
        return;
    }
    let space = built("python-retriever");
    let run = space.wake(["run", "--locked"]).success();
    assert_eq!(run.stdout, "Hello, dear world!\n");
}

/// A program that greets those it is told of, and its tests.
fn greets(name: &str, tools: &[&str]) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |tool: &&&str| std::env::split_paths(&path).any(|one| one.join(tool).is_file());
    if let Some(tool) = tools.iter().find(|tool| !is_there(tool)) {
        skipped(&format!("{name}: {tool} is not installed"));
        return;
    }
    let space = built(name);
    let run = space.wake(["run", "--", "Ada", "Grace Hopper"]).success();
    assert_eq!(run.stdout, "Hello, Ada!\nHello, Grace Hopper!\n");
    space.wake(["test"]).success().says("1 test passed");
    let again = space.wake(["test", "--events", "events"]).success();
    again.demand(again.ran().is_empty(), "nothing to do");
    space.wake(["build", "./..."]).success();
}

#[test]
fn csharp() {
    greets("csharp", &["mcs", "mono"]);
}

#[test]
fn java() {
    greets("java", &["javac", "jar", "java"]);
}

#[test]
fn javascript() {
    greets("javascript", &["node", "npm"]);
}

#[test]
fn python() {
    greets("python", &["python3"]);
}

/// Catches an index that cannot be read any more, and a package at a path that does not answer for the one of the index.
#[test]
fn index() {
    let mut session = Session::new(Space::example("index"));
    session.note("what the lock says is fetched from the index");
    session.wake(["run", "--locked"]).success();
    session.note("a package at a path answers instead, as long as it is wanted");
    let from_index = "text: wake.getPkg('acme/text@^1', from=index, global=true)";
    let from_path = "text: wake.getPkg('acme/text', from='packages/text', replace=true)";
    session.edit("PKG", from_index, from_path);
    session.edit("packages/text/src/shout.c", "> ", ">> ");
    session.wake(["run"]).success();
    session.edit("PKG", from_path, from_index);
    session.wake(["run"]).success();
    insta::assert_snapshot!(session.transcript());
}

/// Catches flags of one compiler that the other does not take.
#[test]
fn clang_builds_what_gcc_builds() {
    let space = Space::example("calculator");
    let run = space.wake(["run", "--compiler", "Clang", "--", "1 + 1"]);
    if run.status == 3 && run.stderr.contains("`clang++` is not installed") {
        skipped("clang_builds_what_gcc_builds: clang++ is not installed");
        return;
    }
    assert_eq!(run.success().stdout, "1 + 1 = 2\n");
}
