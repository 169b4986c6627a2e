use std::process::Command;

use super::*;

const TOOLS: [&str; 2] = ["python3", "pytest"];

fn library(name: &str) -> Value {
    let target = format!("$(target acme/{name}:root#1)");
    json!({ "Python": { "Paths": [format!("{target}/lib")] } })
}

#[test]
fn every_key_of_a_program() {
    let recipe = json!({
        "Type": "Executable", "Name": "it's", "Source": ["code/**/*.py", "$(target)/made.py"], "Root": "./code/",
        "Resources": ["code/acme/$x.txt", "top.txt"], "Main": "acme.app:main",
    });
    let files = ["code/acme/app.py", "code/acme/__init__.py"];
    let case = with_dependency(
        case("python", &TOOLS, &files, recipe),
        "Runtime",
        "text",
        library("text"),
    );
    insta::assert_snapshot!(plan(case));
}

#[test]
fn a_program_without_dependencies_finds_its_main() {
    let files = [
        "src/acme/__main__.py",
        "src/acme/x.py",
        "tests/test_x.py",
        "setup.py",
    ];
    let case = case("python", &TOOLS, &files, json!({"Type": "Executable"}));
    insta::assert_snapshot!(plan(case));
}

#[test]
fn every_key_of_a_wheel() {
    let recipe = json!({
        "Type": "Wheel", "Name": "Acme.Text-tools", "Summary": "Costs $5", "RequiresPython": ">=3.8",
        "Requires": ["attrs>=23"], "WheelTag": "cp311-cp311-linux_x86_64",
        "EntryPoints": {"console_scripts": {"acme": "acme:main"}, "acme.plugins": {"a": "acme.a"}},
    });
    insta::assert_snapshot!(plan(case("python", &TOOLS, &["acme/__init__.py"], recipe)));
}

#[test]
fn every_key_of_a_test() {
    for runner in ["unittest", "pytest"] {
        let recipe = json!({
            "Type": "Test", "TestRunner": runner, "Inputs": ["data/*.txt"], "Timeout": 5, "Environment": {"A": "b"},
        });
        let files = [
            "tests/__init__.py",
            "tests/test_x.py",
            "acme/test_y.py",
            "acme/z.py",
            "data/x.txt",
        ];
        let case = with_dependency(
            case("python", &TOOLS, &files, recipe),
            "Test",
            "text",
            library("text"),
        );
        insta::assert_snapshot!(format!("every_key_of_a_test_by_{runner}"), plan(case));
    }
}

#[test]
fn mistakes_are_told() {
    let recipes = [
        json!({"Type": "Program"}),
        json!({"Type": "Executable"}),
        json!({"Type": "Executable", "Main": "acme/app.py"}),
        json!({"Type": "Executable", "Main": "acme.ap"}),
        json!({"Main": "acme.app"}),
        json!({"Summary": "For a wheel"}),
        json!({"Type": "Wheel", "EntryPoints": {"console_scripts": ["a"]}}),
        json!({"Type": "Wheel", "WheelTag": "any"}),
        json!({"Root": "../other"}),
        json!({"TestRunner": "nose"}),
        json!({"Source": ["data.json"]}),
        json!({"Source": ["one/a/*.py"], "Root": "one", "Resources": ["$(target)/a/b.py"]}),
        json!({"Resource": ["x"]}),
    ];
    let files = [
        ("acme/app.py", ""),
        ("acme/other.py", ""),
        ("one/a/b.py", ""),
        ("data.json", ""),
    ];
    let files = &files[..];
    let told = complaints("python", &TOOLS, files, recipes);
    insta::assert_snapshot!(told);
}

#[test]
fn what_is_made_is_the_same_every_time() {
    if has("python: what_is_made_is_the_same_every_time", &TOOLS[..1]) {
        is_reproducible("python");
    }
}

/// Catches a program whose script is as it was though what it starts is not, and a stale compiled file.
#[test]
fn who_runs_a_program_runs_it_again_when_a_library_changes() {
    if !has(
        "python: who_runs_a_program_runs_it_again_when_a_library_changes",
        &TOOLS[..1],
    ) {
        return;
    }
    let space = Space::new();
    let modules = [
        module("lib", "{ Language: 'Python', Source: ['lib.py'] }"),
        module(
            "tool",
            "{ Language: 'Python', Type: 'Executable', Source: ['tool.py'], Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] } }",
        ),
        USER.to_owned(),
    ];
    space
        .file("PKG", package(&modules.concat()))
        .file("lib.py", "SAID = 'one'\n")
        .file("tool.py", "import lib\nif __name__ == '__main__':\n    print(lib.SAID, lib.__cached__ is not None)\n");
    assert_eq!(said(&space), "one True\n");
    space.edit("lib.py", "one", "two");
    assert_eq!(said(&space), "two True\n");
}

/// Catches a wheel that Python's own reader of metadata does not understand.
#[test]
fn a_wheel_says_what_it_is() {
    if !has("python: a_wheel_says_what_it_is", &TOOLS[..1]) {
        return;
    }
    let space = Space::example("python");
    space.wake(["build", ":wheel"]).success();
    let made = outputs(&space);
    let wheel = made.keys().find(|name| name.ends_with(".whl")).unwrap();
    let program = "
import base64, csv, hashlib, importlib.metadata, io, sys, zipfile
sys.path.insert(0, sys.argv[1])
found = importlib.metadata.distribution('greeting')
archive = zipfile.ZipFile(sys.argv[1])
for name, digest, size in csv.reader(io.StringIO(found.read_text('RECORD'))):
    data = archive.read(name)
    right = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).decode().rstrip('=')
    assert name.endswith('RECORD') or (digest, int(size)) == ('sha256=' + right, len(data)), name
import greeting
print(found.version, found.metadata['Summary'], found.metadata['Requires-Python'], greeting.greet('x'))
";
    let output = Command::new("python3")
        .args(["-c", program])
        .arg(space.path(".wake/out").join(wheel))
        .output()
        .unwrap();
    assert_eq!(
        String::from_utf8_lossy(&output.stdout),
        "1.0.0 Greets people >=3.8 Hello, x!\n",
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Catches tests that import the package's own directory instead of what was built, and lost output of failed ones.
#[test]
fn tests_run_with_unittest_and_with_pytest() {
    if !has(
        "python: tests_run_with_unittest_and_with_pytest",
        &TOOLS[..1],
    ) {
        return;
    }
    let space = Space::example("python");
    space.edit("greeting/src/greeting/greeting.txt", "Hello", "Bye");
    space
        .wake(["test"])
        .code(1)
        .says("'Bye, Ada!' != 'Hello, Ada!'");
    space.edit("greeting/src/greeting/greeting.txt", "Bye", "Hello");
    space.wake(["test"]).success().says("1 test passed");
    let works = Command::new("pytest").arg("--version").output();
    if !works.is_ok_and(|output| output.status.success()) {
        skipped("python: tests_run_with_pytest: pytest is not installed");
        return;
    }
    space.edit(
        "PKG",
        "Root: 'greeting/tests'",
        "Root: 'greeting/tests', TestRunner: 'pytest'",
    );
    space.wake(["test"]).success().says("1 test passed");
    space.edit("greeting/tests/test_greeting.py", "Hello", "Bye");
    space.wake(["test"]).code(1).says("1 failed");
}

/// Catches a mistake in a source that shows only when the module is imported, and lost names of files.
#[test]
fn a_syntax_error_fails_the_build() {
    if !has("python: a_syntax_error_fails_the_build", &TOOLS[..1]) {
        return;
    }
    let space = Space::new();
    space
        .file("PKG", package(&module("root", "{ Language: 'Python' }")))
        .file("acme/broken.py", "def f(:\n")
        .file("acme/fine.py", "");
    let run = space.wake(["build"]).code(1);
    run.says("acme/broken.py\", line 1").says("SyntaxError");
}
