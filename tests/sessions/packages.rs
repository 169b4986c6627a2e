//! What the lock and the store keep, from build to build: who is asked again, what works without a network, and what
//! becomes of a store that is damaged or shared.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use super::fetched::{INDEX, index, program};
use crate::support::Space;

/// A program that links `acme/log`, built once. The store is in the home beside it.
fn built() -> Space {
    let space = Space::new();
    index(&space, "log", &["1.0.0", "1.1.0"]);
    let log = format!("log: wake.getPkg('acme/log@^1', from={INDEX})");
    program(&space, &log);
    let run = space.wake(["run"]).success();
    assert_eq!(run.stdout, "1.1.0\n");
    space
}

/// The packages in the store.
fn stored(space: &Space) -> Vec<PathBuf> {
    let store = space.path("../home/.cache/wake/store/pkgs");
    let entries = std::fs::read_dir(store).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}

/// Removes a directory of the store, which is read-only.
fn remove(directory: &PathBuf) {
    let writable = std::fs::Permissions::from_mode(0o755);
    std::fs::set_permissions(directory, writable).unwrap();
    std::fs::remove_dir_all(directory).unwrap();
}

/// Catches a retriever that is asked although the lock answers, and a build that begins anew.
#[test]
fn a_locked_build_asks_nobody_and_runs_nothing() {
    let space = built();
    let lock = space.read("wake.lock");
    // Whoever is asked now cannot answer.
    space.remove("index");
    let run = space.wake(["build", "--locked"]).success();
    assert!(run.stderr.contains("up to date"), "{}", run.stderr);
    space.remove(".wake");
    let run = space.wake(["run", "--locked"]).success();
    assert_eq!(run.stdout, "1.1.0\n");
    assert_eq!(space.read("wake.lock"), lock);
}

/// Catches a copy of a workspace that needs what the original had: another place, the same store.
#[test]
fn offline_works_where_the_store_is_warm() {
    let space = built();
    for file in ["PKG", "main.c", "wake.lock"] {
        let content = space.read(file);
        space.file(format!("copy/{file}"), content);
    }
    let run = space.wake(["-C", "copy", "run", "--offline"]).success();
    assert_eq!(run.stdout, "1.1.0\n");
    space.remove("copy/.wake");
    let run = space.wake(["-C", "copy", "run", "--frozen"]).success();
    assert_eq!(run.stdout, "1.1.0\n");
    space.remove("copy/.wake");
    stored(&space).iter().for_each(remove);
    for flag in ["--offline", "--frozen"] {
        let run = space.wake(["-C", "copy", "build", flag]).code(2);
        let expected = "`acme/log@1.1.0` is not in the store";
        assert!(run.stderr.contains(expected), "{}", run.stderr);
        assert!(run.stderr.contains(flag), "{}", run.stderr);
    }
}

/// Catches a package that is missing from the store and believed to be there because the workspace was built with it.
#[test]
fn what_was_evicted_from_the_store_comes_again() {
    let space = built();
    stored(&space).iter().for_each(remove);
    space.edit("main.c", "main(void)", "main (void)");
    let run = space.wake(["run", "--locked"]).success();
    assert_eq!(run.stdout, "1.1.0\n");
    assert_eq!(stored(&space).len(), 1);
}

/// Catches two wakes that fetch the same package and meet half of it.
#[test]
fn two_wakes_fetch_at_once() {
    let space = Space::new();
    index(&space, "log", &["1.0.0"]);
    let from = INDEX.replace("'index'", "'../index'");
    program(
        &space,
        &format!("log: wake.getPkg('acme/log', from={from})"),
    );
    let workspaces = ["one", "two", "three"];
    for workspace in workspaces {
        for file in ["PKG", "main.c"] {
            let content = space.read(file);
            space.file(format!("{workspace}/{file}"), content);
        }
    }
    std::thread::scope(|scope| {
        for workspace in workspaces {
            let space = &space;
            scope.spawn(move || {
                let run = space.wake(["-C", workspace, "run"]).success();
                assert_eq!(run.stdout, "1.0.0\n");
            });
        }
    });
    assert_eq!(stored(&space).len(), 1);
}
