//! Code that nobody here wrote: Lua and SQLite, from the sources in the crates `lua-src` and `libsqlite3-sys`.
//!
//! cargo fetches the crates into a scratch folder; the declarations and the programs' `main` functions are beside this
//! file. Scope: a real build is right, a second one runs nothing, and a header edit rebuilds what includes it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::support::Space;

/// The directory with the sources of both crates, fetched once in a run of the tests.
fn sources() -> &'static Path {
    static SOURCES: OnceLock<PathBuf> = OnceLock::new();
    SOURCES.get_or_init(|| {
        let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("crates");
        std::fs::create_dir_all(scratch.join("src")).unwrap();
        std::fs::write(scratch.join("src/lib.rs"), "").unwrap();
        std::fs::write(
            scratch.join("Cargo.toml"),
            "[package]\nname = \"scratch\"\nversion = \"0.0.0\"\nedition = \"2021\"\n[workspace]\n\
             [dependencies]\nlua-src = \"=547.0.0\"\nlibsqlite3-sys = { version = \"=0.30.1\", features = [\"bundled\"] }\n",
        )
        .unwrap();
        let output = Command::new("cargo")
            .args(["vendor", "--quiet", "vendor"])
            .current_dir(&scratch)
            .output()
            .expect("cargo starts");
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo cannot fetch lua-src and libsqlite3-sys: {message}");
        scratch.join("vendor")
    })
}

fn lua() -> Space {
    let space = Space::new();
    space.copy(sources().join("lua-src/lua-5.4.7"), "lua-5.4.7");
    space.file("PKG", include_str!("lua.PKG"));
    space.file("programs/lua.c", include_str!("lua.c"));
    space.file("programs/luac.c", include_str!("luac.c"));
    space
}

/// The sources of Lua that include a header, as GCC says, without wake.
fn including(space: &Space, header: &str) -> BTreeSet<String> {
    let directory = space.path("lua-5.4.7");
    let mut files = BTreeSet::new();
    for entry in std::fs::read_dir(&directory).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".c") {
            continue;
        }
        let output = Command::new("gcc")
            .args(["-std=c99", "-D_GNU_SOURCE", "-DLUA_USE_POSIX", "-MM", &name])
            .current_dir(&directory)
            .output()
            .unwrap();
        let rule = String::from_utf8(output.stdout).unwrap();
        if rule.split_whitespace().any(|word| word == header) {
            files.insert(format!("Compile lua-5.4.7/{name}"));
        }
    }
    files
}

/// The titles of the operations that a build of the whole tree runs.
fn build(space: &Space, targets: &[&str]) -> BTreeSet<String> {
    let arguments = ["build", "--events", "events.json"].iter().chain(targets);
    let run = space.wake(arguments).success();
    run.ran().into_iter().map(str::to_owned).collect()
}

/// Catches a header that is not tracked, one that is tracked too widely, and a second build that does anything.
#[test]
fn lua_builds_runs_and_rebuilds_exactly_what_includes_an_edited_header() {
    let space = lua();
    let targets = [".", ":luac"];
    assert!(build(&space, &targets).len() > 35);

    space.file("hello.lua", "print(('wake'):upper(), 6 * 7)\n");
    let run = space.wake(["run", "--", "hello.lua"]).success();
    assert_eq!(run.stdout, "WAKE\t42\n");
    let target = space.wake(["target", ":luac"]).success().stdout;
    let compiled = Command::new(Path::new(target.trim()).join("luac"))
        .args(["hello.lua", "hello.luac"])
        .current_dir(space.top())
        .status();
    assert!(compiled.unwrap().success());
    let run = space.wake(["run", "--", "hello.luac"]).success();
    assert_eq!(run.stdout, "WAKE\t42\n");

    assert_eq!(build(&space, &targets), BTreeSet::new());

    let header = "lopcodes.h";
    let expected = including(&space, header);
    assert!(expected.len() > 3, "{expected:?}");
    append(
        &space,
        "lua-5.4.7/lopcodes.h",
        "\n#define EDITED_BY_A_TEST 1\n",
    );
    let mut ran = build(&space, &targets);
    // The objects are compiled without debug information for unused macros: they may come out equal, and then nothing
    // else runs (early cut-off). Only what is compiled is compared.
    ran.retain(|title| title.starts_with("Compile"));
    assert_eq!(ran, expected);
    assert_eq!(build(&space, &targets), BTreeSet::new());
}

/// Catches a copied header whose original is not tracked.
#[test]
fn sqlite_builds_and_answers_a_query() {
    let space = Space::new();
    space.copy(sources().join("libsqlite3-sys/sqlite3"), "sqlite3");
    space.file("PKG", include_str!("sqlite.PKG"));
    space.file("programs/sql.c", include_str!("sql.c"));

    let query = "create table t(x); insert into t values(40),(2); select sum(x), count(*) from t;";
    assert_eq!(space.wake(["run", "--", query]).success().stdout, "42|2\n");
    assert_eq!(build(&space, &[]), BTreeSet::new());

    append(&space, "sqlite3/sqlite3.h", "\n/* edited */\n");
    let ran = build(&space, &[]);
    assert!(ran.contains("Compile programs/sql.c"), "{ran:?}");
    // The library's one source has its own copy of the header's text and does not include it.
    assert!(!ran.contains("Compile sqlite3/sqlite3.c"), "{ran:?}");
    assert_eq!(space.wake(["run", "--", query]).success().stdout, "42|2\n");
}

fn append(space: &Space, path: &str, text: &str) {
    let content = space.read(path);
    space.file(path, content + text);
}
