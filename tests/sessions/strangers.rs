//! Packages of others that are not what one hopes for: hostile ones, odd ones, and surroundings that nobody thought of. What
//! is refused leaves nothing in the store.

use std::path::PathBuf;

use super::fetched::{INDEX, packed};
use crate::support::Space;

const RECIPE: &str = "modules={ root: function(wake, pkg, config) wake.recipe({ Language: 'C', Type: 'HeaderLibrary' }) }";

/// A workspace whose package asks for `acme/lib`, and an index with version `1.0.0` of it; `more` is what its
/// declaration says besides.
fn workspace(more: &str) -> Space {
    let space = Space::new();
    asks_for(&space, "acme/lib", "null");
    let info = "wake.pkgInfo('lib', version='1.0.0', namespace='acme')";
    space.file(
        "lib-1.0.0/PKG",
        format!("function(wake) wake.pkg({info}, {more})\n"),
    );
    let line = packed(&space, "lib", "1.0.0");
    space.file("index/acme/lib.jsonl", line);
    space
}

/// Writes a package that asks for `request`, and whose module works out `value`.
fn asks_for(space: &Space, request: &str, value: &str) {
    space.file(
        "PKG",
        format!(
            "function(wake) wake.pkg(
  wake.pkgInfo('app', namespace='me'),
  pkgs={{ lib: wake.getPkg('{request}', from={INDEX}) }},
  modules={{ root: function(wake, pkg, config) wake.recipe({{
    Language: 'C', Type: 'HeaderLibrary', Version: std.toString({value}),
  }}) }},
)
"
        ),
    );
}

/// What is in the store, and what a retriever has left behind.
fn kept(space: &Space) -> Vec<PathBuf> {
    let below = |directory: PathBuf| {
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path())
    };
    below(space.path("../home/.cache/wake/store/pkgs"))
        .chain(below(space.path(".wake/downloaded/pkgs")))
        .collect()
}

/// Catches a build that ends in a bug because `null` was taken for an answer that is not there yet.
#[test]
fn a_package_that_exports_nothing_exports_null() {
    let space = workspace(RECIPE);
    asks_for(&space, "acme/lib", "pkg.pkgs.lib.exports");
    space.wake(["build"]).success();
}

/// Catches files of the user that a package reads, now or when a branch is taken that was not.
#[test]
fn what_imports_files_from_outside_is_refused() {
    for import in [
        "importstr '../../secret'",
        "if false then import '/etc/passwd'",
        "[function() importbin 'a/../../b']",
    ] {
        let space = workspace(&format!("metadata={import}"));
        space
            .wake(["pkg", "resolve"])
            .code(2)
            .says("error: .wake/pkgs/acme/lib@1.0.0/PKG:1:")
            .says("fetched as `acme/lib@1.0.0` cannot be used")
            .says("leaves the package")
            .says("hint: a package imports its own files");
        assert!(kept(&space).is_empty(), "{:?}", kept(&space));
        assert!(!space.exists("wake.lock"));
    }
}

/// Catches another package or version that is taken for the one that was asked for.
#[test]
fn what_says_that_it_is_another_is_refused() {
    for (info, said) in [
        ("'lib', version='1.0.1', namespace='acme'", "acme/lib@1.0.1"),
        ("'lib', version='1.0.0'", "lib@1.0.0"),
        ("'lib', namespace='acme'", "acme/lib"),
    ] {
        let space = workspace(RECIPE);
        space.file(
            "lib-1.0.0/PKG",
            format!("function(wake) wake.pkg(wake.pkgInfo({info}))\n"),
        );
        let line = packed(&space, "lib", "1.0.0");
        space.file("index/acme/lib.jsonl", line);
        space
            .wake(["pkg", "resolve"])
            .code(2)
            .says("fetched another package")
            .says("Caused by: `acme/lib@1.0.0` was asked for")
            .says(&format!("Caused by: its `PKG` says `{said}`"));
        assert!(kept(&space).is_empty(), "{:?}", kept(&space));
    }
}

/// Catches a `.wake` on another disk in which nothing can be fetched, or is never tidied up.
#[test]
fn the_directory_of_wake_may_be_a_link() {
    let space = workspace(RECIPE);
    std::fs::create_dir(space.path("../disk")).unwrap();
    std::os::unix::fs::symlink("../disk", space.path(".wake")).unwrap();
    space.wake(["pkg", "resolve"]).success();
    assert_eq!(kept(&space).len(), 1, "in the store, and nothing else");
    space.wake(["pkg", "verify"]).success();
}

/// Catches a package that is said not to be there although it is.
#[test]
fn a_package_that_has_only_pre_releases_is_there() {
    let space = Space::new();
    asks_for(&space, "acme/lib", "null");
    space.file("index/acme/lib.jsonl", "{\"version\": \"1.0.0-rc.1\"}\n");
    space
        .wake(["pkg", "resolve"])
        .code(2)
        .says("No version of `acme/lib` is admitted by `*`")
        .says("the only version is `1.0.0-rc.1`");
}

/// Catches names and versions that no path can hold: an error of the machine in the middle of a resolve.
#[test]
fn endless_names_and_versions_are_refused() {
    let space = Space::new();
    asks_for(&space, &format!("acme/{}", "x".repeat(129)), "null");
    space
        .wake(["pkg", "resolve"])
        .code(2)
        .says("error: PKG:3:15: `xxxx")
        .says("cannot be the name of a package")
        .says("hint: a name has at most 128 letters");
    asks_for(&space, "acme/lib", "null");
    let version = format!("1.0.0+{}", "y".repeat(95));
    space.file(
        "index/acme/lib.jsonl",
        format!("{{\"version\": \"{version}\"}}\n"),
    );
    space
        .wake(["pkg", "resolve"])
        .code(2)
        .says("answers with the version `1.0.0+yyyy")
        .says("it is longer than 100 bytes");
}

/// Catches names in an index that become paths, and lines of the lock that no wake reads again.
#[test]
fn names_that_are_none_do_not_leave_the_index() {
    for name in ["../../../x", "a/b/c", "", "acme/.git", "a b", "\\u001b[2J"] {
        let space = Space::new();
        asks_for(&space, "acme/lib", "null");
        let pkgs = format!("{{\"other\": \"{name}@^1\"}}");
        space.file(
            "index/acme/lib.jsonl",
            format!("{{\"version\": \"1.0.0\", \"pkgs\": {pkgs}}}\n"),
        );
        let run = space.wake(["pkg", "resolve", "--lock-only"]).code(2);
        let run = run
            .says("answers with the name `")
            .says("error: PKG:3:15: ");
        run.demand(!run.stderr.contains('\u{1b}'), "nothing for the terminal");
        assert!(!space.exists("wake.lock"));
    }
}

/// Catches files that are exchanged under a version that is locked, and a way out that is none.
#[test]
fn what_is_not_what_the_lock_says_is_refused() {
    let space = workspace(RECIPE);
    space.wake(["pkg", "resolve"]).success();
    let package = kept(&space).remove(0);
    let other = workspace("metadata='other'");
    std::fs::remove_dir_all(space.path("index")).unwrap();
    space.copy(other.path("index"), "index");
    std::fs::rename(&package, space.path("aside")).unwrap();
    for command in ["resolve", "update"] {
        space
            .wake(["pkg", command])
            .code(2)
            .says("error: `acme/lib@1.0.0` is not what `wake.lock` says")
            .says("if it is right, remove its line from `wake.lock`");
        assert!(kept(&space).is_empty());
    }
    let lock = space.read("wake.lock");
    let lines = lock.split_inclusive('\n');
    let without: String = lines.filter(|line| !line.contains("acme/lib\",")).collect();
    space.file("wake.lock", without);
    space.wake(["pkg", "resolve"]).success();
    assert_ne!(kept(&space), [package]);
}

/// Catches a store that cannot be repaired because something is in the way.
#[test]
fn a_file_in_the_place_of_a_package_is_replaced() {
    let space = workspace(RECIPE);
    space.wake(["pkg", "resolve"]).success();
    let package = kept(&space).remove(0);
    let aside = space.path("aside");
    std::fs::rename(&package, aside).unwrap();
    std::fs::write(&package, "").unwrap();
    space.wake(["pkg", "verify"]).success().says("Repaired");
    assert!(package.join("PKG").is_file());
}
