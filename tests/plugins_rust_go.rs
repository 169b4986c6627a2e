//! The plugins `rust` and `go`: as data, what every key does and what wrong ones are told; with the real tools, where they
//! are installed, what only these can show; and wake built by the wake under test.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use wake::jsonnet::protocol::DependencyState;

use crate::plugins::Case;
use crate::support::{Run, Space, skipped};

/// An instance where only the tools of a language are installed.
fn case(plugin: &str, files: &[&str], recipe: Value) -> Case {
    let mut case = Case::new(plugin, files, recipe);
    case.tools = vec!["rustc", "cargo", "go", "cc", "gcc", "g++"];
    case
}

/// Adds a dependency `acme/<name>:<module>` with everything that it shares.
fn with(mut case: Case, name: &str, module: &str, shared: Value) -> Case {
    case.input.dependencies.push(DependencyState {
        kind: "Runtime".into(),
        key: None,
        name: name.into(),
        module: module.into(),
        reference: format!("acme/{name}"),
        target_directory: format!("$(target acme/{name}:{module}#1)"),
        executable: shared["Build"]["RunExecutable"]
            .as_str()
            .map(ToOwned::to_owned),
        shared_state: shared,
    });
    case
}

/// What a person would want to read of a result.
fn plan(case: Case) -> String {
    let bin = case.bin();
    case.plan().replace(&bin, "[BIN]")
}

/// What a crate `name` shares that needs the crates `needs`.
fn crate_share(name: &str, needs: &[&str]) -> Value {
    let file = |name: &str| format!("$(target acme/{name}:root#1)/lib{name}.rlib");
    let closure: Vec<String> = std::iter::once(&name)
        .chain(needs)
        .map(|name| file(name))
        .collect();
    json!({
        "Rust": {"Crate": name, "Root": format!("$(package acme/{name})/src/lib.rs"), "Type": "Library",
                 "File": file(name), "Closure": closure},
        "Build": {"LinkLibraries": [], "PlatformLibraries": ["m"]},
    })
}

/// What two C libraries share, one of them in C++ and loaded.
fn native_share() -> Value {
    json!({"Build": {
        "PublicIncludePaths": ["$(package acme/native)/include"], "PublicDefines": ["NATIVE"],
        "GeneratedHeaders": ["$(target acme/native:root#1)/include/made.h"],
        "LinkLibraries": ["$(target acme/native:root#1)/libnative.a", "$(target acme/loaded:root#1)/libloaded.so"],
        "PlatformLibraries": ["z"], "RuntimeDependencies": ["$(target acme/loaded:root#1)/libloaded.so"],
        "LinkLanguage": "C++",
    }})
}

/// Catches a crate that is not found while compiling or linking, and C libraries that a crate forgets to pass on.
#[test]
fn crates_of_every_type() {
    let types = [
        "Executable",
        "Library",
        "ProcMacro",
        "StaticLibrary",
        "DynamicLibrary",
    ];
    let plans = types.map(|kind| {
        let recipe = json!({"Type": kind, "Source": ["src/it.rs"], "Name": "my-it"});
        let case = case("rust", &["src/it.rs"], recipe);
        let case = with(case, "upper", "root", crate_share("upper", &["base"]));
        let case = with(case, "base", "root", crate_share("base", &[]));
        format!(
            "{kind}\n{}",
            plan(with(case, "native", "root", native_share()))
        )
    });
    insta::assert_snapshot!(plans.join("\n"));
}

#[test]
fn every_key_of_a_crate() {
    let recipe = json!({
        "Type": "Executable", "Name": "tool", "CrateName": "tools", "Edition": "2018", "Features": ["fast", "small"],
        "Cfg": ["tls", "api=\"2\""], "CompilerFlags": ["-Ctarget-cpu=native"], "LinkerFlags": ["-Wl,--gc-sections"],
        "LinkLibraries": ["vendor/libv.a"], "PlatformLibraries": ["m"], "RuntimeDependencies": ["data/words.txt"],
        "Environment": {"OUT_DIR": "$(target gen)", "MODE": "x"}, "Inputs": ["data/*.txt", "$(target gen)/made.rs"],
        "EnableWarningsAsErrors": true, "PublicIncludePaths": ["include"],
    });
    let files = ["src/main.rs", "data/words.txt", "rust-toolchain.toml"];
    let mut case = case("rust", &files, recipe).parameter("Flavor", "Debug");
    case = with(
        case,
        "gen",
        "root",
        json!({"Build": {"GeneratedHeaders": ["$(target acme/gen:root#1)/made.rs"]}}),
    );
    insta::assert_snapshot!(plan(case));
}

/// Catches tests that are not found, unit tests that are linked with the crate they are in, and programs that tests start
/// without depending on them.
#[test]
fn tests_of_a_crate_are_its_own_and_those_beside_it() {
    let files = [
        "src/lib.rs",
        "tests/one.rs",
        "tests/two-a.rs",
        "tests/common/mod.rs",
    ];
    let tests = |recipe: Value| {
        let mut case = case("rust", &files, recipe);
        case.input.label = "acme/app:root.tests".into();
        let case = with(case, "base", "root", crate_share("base", &[]));
        let mut shared = crate_share("app", &["base"]);
        shared["Build"]["RunExecutable"] = json!("$(target acme/app:root#1)/app");
        plan(with(case, "app", "root", shared))
    };
    insta::assert_snapshot!(tests(
        json!({"Type": "Test", "Inputs": ["tests/one.rs"], "Timeout": 7})
    ));
    insta::assert_snapshot!(tests(
        json!({"Type": "Test", "Source": ["src/lib.rs"], "Features": ["x"]})
    ));
}

/// Catches an update of the compiler that compiles nothing again: rustup itself stays as it is.
#[test]
fn what_rustup_starts_is_an_input() {
    let mut case = case("rust", &["src/lib.rs"], json!({}));
    case.tools.push("rustup");
    case.tools
        .push("rustup-home/toolchains/stable-x86_64-unknown-linux-gnu/bin/rustc");
    case.environment = vec![("RUSTUP_HOME", "[BIN]/rustup-home"), ("HOME", "/home/$me")];
    for tool in case.tools.clone() {
        case.write(&format!("bin/{tool}"), "");
    }
    insta::assert_snapshot!(plan(case));
}

#[test]
fn every_key_of_a_package_of_cargo() {
    let files = [
        "Cargo.toml",
        "Cargo.lock",
        "src/main.rs",
        "target/debug/x",
        ".cargo/config.toml",
        "include/a.h",
    ];
    let built = |flavor: &str, recipe: Value| {
        let mut case = case("rust", &files, recipe).parameter("Flavor", flavor);
        case.environment = vec![
            ("HOME", "/home/$me"),
            ("https_proxy", "http://proxy"),
            ("NO_PROXY", ""),
        ];
        plan(case)
    };
    let all = json!({
        "Cargo": true, "Packages": ["one", "two"], "Binaries": ["a", "b-c"], "Features": ["x", "y"],
        "DefaultFeatures": false, "Source": ["Cargo.*", "src/**"], "Environment": {"CARGO_HOME": "/cargo", "E": "1"},
    });
    let library = json!({"Cargo": true, "Type": "StaticLibrary", "Name": "my-lib", "PublicIncludePaths": ["include"]});
    let loaded = json!({"Cargo": true, "Type": "DynamicLibrary", "Profile": "small"});
    let plans = [
        built("DebugRelease", all),
        built("Debug", library),
        built("Release", loaded),
    ];
    insta::assert_snapshot!(plans.join("\n"));
    let tests = case(
        "rust",
        &files,
        json!({"Cargo": true, "Type": "Test", "Features": ["x"], "Inputs": ["include/*"]}),
    );
    tests.write(
        "package/.cargo/config.toml",
        "[source.vendored-sources]\ndirectory = 'vendor'\n",
    );
    let shared = json!({"Rust": {"Type": "Executable", "Sources": ["$(package acme/app)/src/main.rs"]},
                        "Build": {"RunExecutable": "$(target acme/app:root#1)/app"}});
    insta::assert_snapshot!(plan(with(tests, "app", "root", shared)));
}

#[test]
fn wrong_rust_recipes_are_told_what_is_wrong() {
    let recipes = [
        json!({"Type": "Rlib"}),
        json!({"Source": "src/lib.rs"}),
        json!({"Source": []}),
        json!({"Source": ["src/*.rs"]}),
        json!({"Source": ["README.md"]}),
        json!({"Source": ["../lib.rs"]}),
        json!({"Type": "Test"}),
        json!({"Type": "Test", "Source": ["src/lib.rs", "x/lib.rs"]}),
        json!({"Edition": "2020"}),
        json!({"CrateName": "a-b"}),
        json!({"Name": "a b"}),
        json!({"Feature": ["x"]}),
        json!({"Binaries": ["x"]}),
        json!({"Cargo": "yes"}),
        json!({"Cargo": true}),
        json!({"Cargo": true, "Type": "Library"}),
        json!({"Cargo": true, "Binaries": [], "Edition": "2021"}),
    ];
    let mut text = String::new();
    for recipe in recipes {
        let case = case(
            "rust",
            &["src/lib.rs", "src/main.rs", "README.md", "x/lib.rs"],
            recipe.clone(),
        );
        writeln!(text, "{recipe}\n{}", plan(case)).unwrap();
    }
    let dependent = || case("rust", &["src/lib.rs"], json!({}));
    let archive =
        json!({"Rust": {"Crate": "c", "Root": "$(package c)/l.rs", "Type": "StaticLibrary"}});
    text += &plan(with(dependent(), "c", "root", archive));
    let twins = with(dependent(), "a", "root", crate_share("same", &[]));
    text += &plan(with(twins, "b", "root", crate_share("same", &[])));
    insta::assert_snapshot!(text);
}

/// What a Go module of another package shares.
fn module_share(name: &str, version: &str) -> Value {
    json!({"Go": {"Modules": [{
        "Directory": format!("$(package acme/{name})"), "Version": version,
        "Sources": [format!("$(package acme/{name})/{name}.go")],
    }]}})
}

/// A package of Go; `go.mod` has a version.
fn go_case(recipe: Value) -> Case {
    let case = case("go", &["main.go", "go.sum", "data/a.txt"], recipe);
    case.write(
        "package/go.mod",
        "module acme.org/app\n\ngo\t1.21.3 // that\n",
    );
    case
}

/// Catches a C library or a module of another package that the go command does not find, and a `go.work` that is older
/// than its modules.
#[test]
fn go_modules_of_every_type() {
    let types = [
        "Executable",
        "Library",
        "StaticLibrary",
        "DynamicLibrary",
        "Test",
    ];
    let plans = types.map(|kind| {
        let case = go_case(json!({"Type": kind}));
        let case = with(case, "text", "root", module_share("text", "1.9"));
        let case = with(case, "text", "other", module_share("text", "1.9"));
        let case = with(case, "late", "root", module_share("late", "1.22rc1"));
        format!(
            "{kind}\n{}",
            plan(with(case, "native", "root", native_share()))
        )
    });
    insta::assert_snapshot!(plans.join("\n"));
}

#[test]
fn every_key_of_go() {
    let recipe = json!({
        "Type": "Executable", "Name": "tool", "Packages": ["./cmd/tool"], "Source": ["**/*.go", "data/*"],
        "Tags": ["a", "b"], "Variables": {"main.version": "1.0", "main.name": "a b's"}, "Cgo": false,
        "CompilerFlags": ["-N", "-l"], "LinkerFlags": ["-buildid="], "Environment": {"GOAMD64": "v2"},
    });
    let mut case = go_case(recipe);
    case.write("package/vendor/modules.txt", "");
    case.environment = vec![
        ("HOME", "/home/$me"),
        ("GOPROXY", "https://proxy"),
        ("GOCACHE", "/cache"),
    ];
    let test =
        json!({"Type": "Test", "Inputs": ["data/*"], "Timeout": 9, "PlatformLibraries": ["m"]});
    let test = go_case(test).parameter("Flavor", "Debug");
    insta::assert_snapshot!([plan(case), plan(test)].join("\n"));
}

#[test]
fn wrong_go_recipes_are_told_what_is_wrong() {
    let recipes = [
        json!({"Type": "Program"}),
        json!({"Type": "Executable", "Packages": ["./a", "./b"]}),
        json!({"Type": "Executable", "Packages": ["cmd/a"]}),
        json!({"Packages": ["./../a"]}),
        json!({"Packages": []}),
        json!({"Source": ["../a.go"]}),
        json!({"Name": "a/b"}),
        json!({"Type": "StaticLibrary", "Cgo": false}),
        json!({"Variables": {"version": "1"}}),
        json!({"Variables": {"main.version": 1}}),
        json!({"Tag": ["x"]}),
    ];
    let mut text = String::new();
    for recipe in recipes {
        let shown = recipe.to_string();
        let told = plan(go_case(recipe));
        let first: Vec<&str> = told.lines().take(2).collect();
        writeln!(text, "{shown}\n{}\n", first.join("\n")).unwrap();
    }
    text += &plan(case("go", &["main.go"], json!({})));
    let vendored = go_case(json!({}));
    vendored.write("package/vendor/modules.txt", "");
    text += &plan(with(vendored, "text", "root", module_share("text", "1.9")));
    text += &plan(with(
        go_case(json!({"Cgo": false})),
        "native",
        "root",
        native_share(),
    ));
    insta::assert_snapshot!(text);
}

/// Whether a tool is installed; says which test cannot run where it is not.
fn has(test: &str, tool: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = std::env::split_paths(&path).any(|directory| directory.join(tool).is_file());
    if !is_there {
        skipped(&format!("{test}: {tool} is not installed"));
    }
    is_there
}

/// The directory of the build that these tests are of: `target/`.
fn target() -> &'static Path {
    let profile = Path::new(env!("CARGO_BIN_EXE_wake")).parent().unwrap();
    profile.parent().unwrap()
}

/// Wake as a user of Rust and Go runs it: with their settings, and with a cache of Go that outlives the test.
fn user_command(space: &Space, arguments: &[&str]) -> Command {
    let mut command = space.command(arguments);
    let home = std::env::home_dir().unwrap_or_default();
    for (name, usual) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
        let directory = std::env::var_os(name).map_or_else(|| home.join(usual), Into::into);
        if directory.is_dir() {
            command.env(name, directory);
        }
    }
    command.env(
        "GOCACHE",
        Path::new(env!("CARGO_TARGET_TMPDIR")).join("go-build"),
    );
    command
}

/// Runs it to its end.
pub(crate) fn as_user(space: &Space, arguments: &[&str]) -> Run {
    Run::of(space, user_command(space, arguments))
}

#[test]
fn the_example_of_rust() {
    if !has("the_example_of_rust", "cargo") {
        return;
    }
    let space = Space::example("rust");
    let run = as_user(&space, &["run", "--", "some", "words"]).success();
    assert_eq!(run.stdout, "some words (15fa0404)\n");
    let loud = as_user(&space, &["run", ":shouting"]).success();
    assert_eq!(loud.stdout, "HELLO, WORLD!\n");
    as_user(&space, &["build", ":table"]).success();
    as_user(&space, &["test"]).success().says("3 tests passed");
    let again = as_user(&space, &["build", "--events", "events"]).success();
    again.demand(again.ran().is_empty(), "nothing to do");
    // A module of the crate is named by no recipe.
    space.edit("src/checksum.rs", "text.len()", "text.len() - 1");
    let edited = as_user(&space, &["build", "--events", "events"]).success();
    assert_eq!(edited.ran(), ["Compile rust"]);
    // A comment in a crate changes nothing that the tests of cargo are about.
    space.edit("tool/src/main.rs", "number * number", "number + number");
    as_user(&space, &["test"])
        .code(1)
        .says("a_square_is_a_product");
}

/// Catches paths of this machine in what is built.
#[test]
fn crates_do_not_say_where_they_were_built() {
    if !has("crates_do_not_say_where_they_were_built", "rustc") {
        return;
    }
    let space = Space::example("rust");
    as_user(&space, &["build", "--flavor", "DebugRelease"]).success();
    let directory = as_user(&space, &["target", "--flavor", "DebugRelease"])
        .success()
        .stdout;
    let program = std::fs::read(Path::new(directory.trim()).join("rust")).unwrap();
    let place = space.top().display().to_string();
    assert!(
        !program
            .windows(place.len())
            .any(|window| window == place.as_bytes())
    );
}

#[test]
fn the_example_of_go() {
    if !has("the_example_of_go", "go") {
        return;
    }
    let space = Space::example("go");
    let run = as_user(&space, &["run"]).success();
    assert_eq!(run.stdout, "Hello, world! (205e048a, version 1.0.0)\n");
    as_user(&space, &["test"]).success().says("2 tests passed");
    as_user(&space, &["build"]).success().says("Nothing to do");
    // An embedded file, and a module of another package.
    space.file("messages/name.txt", "gophers\n");
    space.edit("text/text.go", "Hello", "Good day");
    let edited = as_user(&space, &["run"]).success();
    assert!(
        edited.stdout.starts_with("Good day, gophers!"),
        "{}",
        edited.stdout
    );
    as_user(&space, &["test", "./..."])
        .code(1)
        .says("Good day, you!");
}

/// Makes `to` equal to the file or directory `from`; what is equal already keeps its times, by which cargo goes.
fn mirror(from: &Path, to: &Path) {
    let files = |top: &Path| -> BTreeSet<PathBuf> {
        let entries = walkdir::WalkDir::new(top).into_iter().flatten();
        let files = entries.filter(|entry| entry.file_type().is_file());
        let relative =
            |entry: walkdir::DirEntry| entry.path().strip_prefix(top).ok().map(Into::into);
        files.filter_map(relative).collect()
    };
    let wanted = files(from);
    for gone in files(to).difference(&wanted) {
        std::fs::remove_file(to.join(gone)).unwrap();
    }
    for file in wanted {
        // A path joined with an empty one gets a slash.
        let at = |top: &Path| {
            if file.as_os_str().is_empty() {
                top.to_owned()
            } else {
                top.join(&file)
            }
        };
        let content = std::fs::read(at(from)).unwrap();
        if std::fs::read(at(to)).ok().as_ref() != Some(&content) {
            std::fs::create_dir_all(at(to).parent().unwrap()).unwrap();
            std::fs::write(at(to), content).unwrap();
        }
    }
}

/// Wake built by the wake under test, and what that builds. The copy of the sources always lies at the same place and cargo
/// works where it worked for these tests, so at most wake itself is compiled, and only when it has changed.
#[test]
fn wake_builds_wake() {
    if !has("wake_builds_wake", "cargo") {
        return;
    }
    let repository = Path::new(env!("CARGO_MANIFEST_DIR"));
    let copy = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wake");
    for name in [
        "PKG",
        "Cargo.toml",
        "Cargo.lock",
        "build.rs",
        "src",
        "std-plugins",
        "tests/main.rs",
        "benches",
    ] {
        mirror(&repository.join(name), &copy.join(name));
    }
    let space = Space::new();
    let flavor = if Path::new(env!("CARGO_BIN_EXE_wake")).starts_with(target().join("debug")) {
        "Debug"
    } else {
        "Release"
    };
    let wake = |arguments: &[&str]| {
        let mut command = user_command(&space, arguments);
        command
            .current_dir(&copy)
            .env("CARGO_BUILD_BUILD_DIR", target());
        Run::of(&space, command).success()
    };
    wake(&["build", "--flavor", flavor]);
    let events = space.path("events").display().to_string();
    let again = wake(&["build", "--flavor", flavor, "--events", &events]);
    again.demand(again.ran().is_empty(), "nothing to do");
    let version = wake(&["run", "--flavor", flavor, "--", "version"]);
    assert_eq!(version.stdout, space.wake(["version"]).stdout);
    let directory = wake(&["target", "--flavor", flavor]).stdout;
    let example = Space::example("tree");
    let usual = example.command(["run"]);
    let mut made = Command::new(Path::new(directory.trim()).join("wake"));
    made.arg("run").current_dir(example.top()).env_clear();
    made.envs((usual.get_envs()).filter_map(|(name, value)| Some((name, value?))));
    let run = Run::of(&example, made).success();
    assert_eq!(run.stdout, Run::of(&example, usual).stdout);
}
