use std::process::Command;

use super::*;

const TOOLS: [&str; 2] = ["node", "npm"];
const PACKAGE: &str = r#"{ "name": "@acme/app", "bin": { "app": "./bin/app.js" }, "scripts": { "build": "x", "mini": "y" } }"#;

fn library(name: &str) -> Value {
    let target = format!("$(target acme/{name}:root#1)");
    json!({ "JavaScript": {
        "Name": format!("@acme/{name}"), "Directory": format!("{target}/package"),
        "Inputs": [format!("{target}/package"), format!("{target}/node_modules")],
        "Digests": [format!("{target}/obj/app.digest"), format!("{target}/obj/node_modules.digest")],
    } })
}

#[test]
fn a_plain_program_needs_no_npm() {
    let files = [
        "main.js",
        "lib/$x.mjs",
        "node_modules/y/index.js",
        "data.json",
        "PKG",
        "sub/main.js",
    ];
    let recipe = json!({"Type": "Executable", "Name": "it's", "NodeFlags": ["--no-warnings"]});
    let case = case("javascript", &TOOLS[..1], &files, recipe);
    insta::assert_snapshot!(plan(with_dependency(
        case,
        "Runtime",
        "text",
        library("text")
    )));
}

#[test]
fn every_key_of_a_bundle() {
    let lock = r#"{"packages": {"": {}, "node_modules/left": {"resolved": "file:vendor/left.tgz"},
                   "node_modules/right": {"resolved": "https://packages.example/right.tgz"}}}"#;
    let recipe = json!({
        "Type": "Bundle", "Source": ["src/*.js", "package.json"], "Scripts": ["build", "mini"],
        "Outputs": ["dist/", "a b.js"], "PackageName": "bundle", "Environment": {"NODE_ENV": "production"},
    });
    let case = case("javascript", &TOOLS, &["src/a.js", ".npmrc"], recipe);
    case.write("package/package.json", PACKAGE);
    case.write("package/package-lock.json", lock);
    insta::assert_snapshot!(plan(with_dependency(
        case,
        "Runtime",
        "text",
        library("text")
    )));
}

#[test]
fn every_key_of_a_test() {
    let recipe = json!({
        "Type": "Test", "Inputs": ["data/*.txt"], "Timeout": 5, "Environment": {"A": "b"},
        "InstallLocked": false, "NodeFlags": ["--experimental-vm-modules"],
    });
    let files = [
        "a.js",
        "a.test.js",
        "test/helper.txt",
        "test/b.mjs",
        "data/x.txt",
        "package-lock.json",
    ];
    insta::assert_snapshot!(plan(case("javascript", &TOOLS, &files, recipe)));
}

#[test]
fn a_program_is_what_its_package_says() {
    let case = case(
        "javascript",
        &TOOLS,
        &["bin/app.js"],
        json!({"Type": "Executable"}),
    );
    case.write("package/package.json", PACKAGE);
    let plan = plan(case);
    assert!(plan.contains("/package/'bin/app.js'"), "{plan}");
}

#[test]
fn mistakes_are_told() {
    let recipes = [
        json!({"Type": "Program"}),
        json!({"Type": "Bundle"}),
        json!({"Scripts": ["biuld"]}),
        json!({"Outputs": ["dist"]}),
        json!({"Type": "Bundle", "Scripts": ["build"], "Outputs": ["../dist"]}),
        json!({"PackageName": "a/b"}),
        json!({"InstallLocked": true}),
        json!({"Main": "a.js"}),
        json!({"Type": "Executable"}),
        json!({"Type": "Executable", "Main": "mian.js"}),
        json!({"Type": "Executable", "Main": "../main.js"}),
        json!({"Type": "Test"}),
        json!({"Script": ["build"]}),
    ];
    let files = [
        ("package.json", PACKAGE),
        ("src/main.js", ""),
        ("main.js", ""),
    ];
    insta::assert_snapshot!(complaints("javascript", &TOOLS, &files, recipes));
}

#[test]
fn two_packages_of_one_name_are_told() {
    let case = case("javascript", &TOOLS, &["a.js"], json!({}));
    let case = with_dependency(case, "Runtime", "text", library("text"));
    let mut other = library("other");
    other["JavaScript"]["Name"] = json!("@acme/text");
    let plan = plan(with_dependency(case, "Runtime", "other", other));
    assert!(
        plan.contains("two packages that are both called `@acme/text`"),
        "{plan}"
    );
}

#[test]
fn what_is_made_is_the_same_every_time() {
    if has("javascript: what_is_made_is_the_same_every_time", &TOOLS) {
        is_reproducible("javascript");
    }
}

/// Catches a program whose script is as it was though what it starts is not.
#[test]
fn who_runs_a_program_runs_it_again_when_a_library_changes() {
    if !has(
        "javascript: who_runs_a_program_runs_it_again_when_a_library_changes",
        &TOOLS[..1],
    ) {
        return;
    }
    let space = Space::new();
    let modules = [
        module("lib", "{ Language: 'JavaScript', Source: ['index.js'] }"),
        module(
            "tool",
            "{ Language: 'JavaScript', Type: 'Executable', Source: ['tool.mjs'], Main: 'tool.mjs',
                         Dependencies: { Runtime: [wake.getModule(pkg, 'lib')] } }",
        ),
        USER.to_owned(),
    ];
    space
        .file("PKG", package(&modules.concat()))
        .file("index.js", "module.exports = 'one';\n")
        .file("tool.mjs", "import said from 'lib';\nconsole.log(said);\n");
    assert_eq!(said(&space), "one\n");
    space.edit("index.js", "one", "two");
    assert_eq!(said(&space), "two\n");
}

/// Installs an archive of the package itself, so that no network is needed. Catches an install that writes into the
/// package, runs scripts of packages, or runs for every edit.
#[test]
fn what_the_lock_says_is_installed() {
    if !has(
        "javascript: what_the_lock_says_is_installed",
        &["node", "npm", "tar"],
    ) {
        return;
    }
    let space = Space::new();
    space
        .file(
            "left/package/package.json",
            r#"{"name": "left", "version": "1.0.0", "scripts": {"install": "touch ran"}}"#,
        )
        .file(
            "left/package/index.js",
            "module.exports = (text) => ` ${text}`;\n",
        );
    let status = Command::new("tar")
        .args([
            "--sort=name",
            "--mtime=@0",
            "-czf",
            "left.tgz",
            "-C",
            "left",
            "package",
        ])
        .current_dir(space.top())
        .status();
    assert!(status.unwrap().success());
    std::fs::remove_dir_all(space.path("left")).unwrap();
    let recipe =
        "{ Language: 'JavaScript', Type: 'Executable', Scripts: ['build'], Main: 'out.js' }";
    let lock = r#"{"name": "app", "lockfileVersion": 3, "requires": true, "packages": {
        "": {"name": "app", "dependencies": {"left": "file:left.tgz"}},
        "node_modules/left": {"version": "1.0.0", "resolved": "file:left.tgz", "hasInstallScript": true}}}"#;
    space
        .file("PKG", package(&module("root", recipe)))
        .file("package.json", r#"{"name": "app", "dependencies": {"left": "file:left.tgz"}, "scripts": {"build": "node build.js"}}"#)
        .file("package-lock.json", lock)
        .file("build.js", "require('fs').writeFileSync('out.js', `console.log('${require('left')('made')}')`);\n");
    let before = sources(&space);
    assert_eq!(space.wake(["run"]).success().stdout, " made\n");
    space.edit("build.js", "made", "edited");
    let run = space.wake(["build", "--events", ".wake/events"]).success();
    assert_eq!(run.ran(), ["Build app (build)", "Link app"]);
    assert_eq!(space.wake(["run"]).success().stdout, " edited\n");
    assert_eq!(before, sources(&space));
    let made = outputs(&space);
    assert!(
        !made.keys().any(|name| name.ends_with("/left/ran")),
        "a script of a package ran"
    );
}

/// Catches scripts that fail, or do not make what they should, and nobody says so.
#[test]
fn scripts_make_what_they_should() {
    if !has("javascript: scripts_make_what_they_should", &TOOLS) {
        return;
    }
    let space = Space::example("javascript");
    space.edit(
        "packages/page/build.mjs",
        "dist/index.html",
        "dist/page.html",
    );
    let run = space.wake(["build", "packages/page"]).code(1);
    run.says("`dist/index.html` is an output of the scripts");
    space.edit(
        "packages/page/build.mjs",
        "mkdirSync('dist'",
        "process.exit(3); mkdirSync('dist'",
    );
    let run = space.wake(["build", "packages/page"]).code(1);
    run.says("`npm run --silent build` ended with exit code 3");
}

#[test]
fn a_failing_test_is_shown() {
    if !has("javascript: a_failing_test_is_shown", &TOOLS[..1]) {
        return;
    }
    let space = Space::example("javascript");
    space.edit("packages/greeting/greeting.mjs", "Hello", "Bye");
    space
        .wake(["test"])
        .code(1)
        .says("people are greeted by name");
}
