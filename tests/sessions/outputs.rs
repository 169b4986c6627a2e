//! What happens to outputs on the real file system: kept, replaced, removed.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::target;
use crate::support::Space;

const LIBRARY: &str = "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  root: function(wake, pkg, config) wake.recipe({
    Language: 'C', Source: wake.glob('src/**/*.c'), Type: 'StaticLibrary',
  }),
})";

fn library() -> Space {
    let space = Space::new();
    space.file("PKG", LIBRARY);
    space.file("src/a.c", "int a(void) { return 1; }\n");
    space.file("src/deep/b.c", "int b(void) { return 2; }\n");
    space
}

fn ran(space: &Space) -> Vec<String> {
    let run = space.wake(["build", "--events", "events"]).success();
    run.ran().into_iter().map(str::to_owned).collect()
}

/// Catches an object that is replaced by an equal one, and an archive that is made again from equal objects.
#[test]
fn an_equal_output_keeps_its_inode_and_its_time_and_ends_the_rebuild() {
    let space = library();
    space.wake(["build", "--flavor", "Release"]).success();
    let target = PathBuf::from(
        space
            .wake(["target", "--flavor", "Release"])
            .success()
            .stdout
            .trim(),
    );
    let object = target.join("obj/src/a.c.o");
    let before = object.metadata().unwrap();
    space.file("src/a.c", "/* a comment */ int a(void) { return 1; }\n");
    let run = space
        .wake(["build", "--flavor", "Release", "--events", "events"])
        .success();
    run.demand(
        run.ran() == ["Compile src/a.c"],
        "one compilation and no archive",
    );
    let after = object.metadata().unwrap();
    assert_eq!(
        (before.ino(), before.mtime_nsec()),
        (after.ino(), after.mtime_nsec())
    );
}

/// Catches a touch that rebuilds, and a revert that does.
#[test]
fn only_content_counts() {
    let space = library();
    ran(&space);
    space.file("src/a.c", "int a(void) { return 1; }\n");
    assert!(
        ran(&space).is_empty(),
        "written again with the same content"
    );
    space.file("src/a.c", "int a(void) { return 3; }\n");
    space.file("src/a.c", "int a(void) { return 1; }\n");
    assert!(ran(&space).is_empty(), "changed and changed back");
    let file = std::fs::File::options()
        .write(true)
        .open(space.path("src/a.c"))
        .unwrap();
    file.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    assert!(ran(&space).is_empty(), "older than before");
    let file = std::fs::File::options()
        .write(true)
        .open(space.path("src/a.c"))
        .unwrap();
    let time = file.metadata().unwrap().modified().unwrap();
    std::fs::write(space.path("src/a.c"), "int a(void) { return 7; }\n").unwrap();
    file.set_modified(time).unwrap();
    assert_eq!(
        ran(&space),
        ["Archive libp.a", "Compile src/a.c"],
        "same size and time, other content"
    );
}

/// Catches stale outputs that stay, directories that stay empty, and a foreign file that is removed.
#[test]
fn what_is_no_longer_made_is_removed_and_nothing_else() {
    let space = library();
    ran(&space);
    let target = target(&space);
    std::fs::write(target.join("mine.txt"), "not wake's").unwrap();
    assert!(target.join("obj/src/deep/b.c.o").exists());
    space.remove("src/deep");
    assert_eq!(ran(&space), ["Archive libp.a"]);
    assert!(!target.join("obj/src/deep").exists());
    assert!(target.join("obj/src/a.c.o").exists());
    assert_eq!(
        std::fs::read_to_string(target.join("mine.txt")).unwrap(),
        "not wake's"
    );
}

/// Catches a build that repairs only some of what was deleted or edited by hand.
#[test]
fn outputs_that_are_deleted_or_edited_are_made_again() {
    let space = library();
    ran(&space);
    let target = target(&space);
    std::fs::remove_file(target.join("obj/src/a.c.o")).unwrap();
    assert_eq!(
        ran(&space),
        ["Compile src/a.c"],
        "the same object comes back: the archive stays"
    );
    std::fs::write(target.join("libp.a"), "edited").unwrap();
    assert_eq!(ran(&space), ["Archive libp.a"]);
    std::fs::remove_dir_all(&target).unwrap();
    assert_eq!(ran(&space).len(), 3);
    std::fs::remove_file(target.join("libp.a")).unwrap();
    std::fs::create_dir(target.join("libp.a")).unwrap();
    assert_eq!(
        ran(&space),
        ["Archive libp.a"],
        "a directory in the place of a file"
    );
    assert!(target.join("libp.a").is_file());
    assert!(ran(&space).is_empty());
}

/// Catches `clean` that leaves something, and `clean --stale` that takes too much or too little.
#[test]
fn clean_removes_what_it_says() {
    let space = library();
    space.wake(["build"]).success();
    space.wake(["build", "--flavor", "Release"]).success();
    let debug = target(&space);
    space.wake(["clean", "--stale"]).success().says("nothing");
    assert!(debug.join("libp.a").exists());
    space.file("PKG", LIBRARY.replace("root:", "renamed:"));
    space.wake(["clean", "--stale"]).success().says("6 files");
    assert!(!debug.exists());
    space.wake(["build", ":renamed"]).success();
    space.wake(["clean"]).success();
    assert!(!space.exists(".wake/out") && !space.exists(".wake/state"));
    space.wake(["build", ":renamed"]).success();
}

/// Catches an output that is believed although nothing makes it any more: a clean build would not have it.
#[test]
fn what_an_operation_of_the_past_made_is_no_source() {
    let space = Space::new();
    let module = |operations: &str| {
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('p'), modules={{
              root: function(wake, pkg, config) wake.recipe({{
                Language: 'Command', Operations: [{operations}],
              }}),
            }})"
        )
    };
    let make = "{ Title: 'Make', Executable: 'echo', Arguments: ['1'], Stdout: 'made' },";
    let copy = "{ Title: 'Copy', Executable: 'cp', Arguments: ['$(inputs)', '$(outputs)'],
                  Inputs: ['$(target)/made'], Outputs: ['copy'] },";
    space.file("PKG", module(&format!("{make} {copy}")));
    space.wake(["build"]).success();
    space.file("PKG", module(copy));
    for _ in 0..2 {
        space.wake(["build"]).code(2).says("No operation makes");
    }
}

/// Catches a temporary file that counts as read, and is gone at the next build.
#[test]
fn a_temporary_file_in_a_depfile_does_not_count() {
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
          root: function(wake, pkg, config) wake.recipe({
            Language: 'Command', Operations: [{
              Title: 'Make', Executable: 'sh', Depfile: 'd', Outputs: ['made'],
              Arguments: ['-c', 'touch $1 $TMPDIR/t; echo \"x: $TMPDIR/t\" > $2', 'sh', '$(outputs)', '$(target)/d'],
            }],
          }),
        })",
    );
    assert_eq!(ran(&space), ["Make"]);
    assert!(ran(&space).is_empty());
}

/// Catches `clean --stale` that takes what wake did not make along with a directory that wake did.
#[test]
fn a_shared_directory_is_cleaned_only_of_what_wake_made() {
    let space = Space::new();
    space.file(
        "q/plugin.libsonnet",
        "function(wake) { name: 'p', tasks: [{ name: 'T', run(ctx):: { operations: [
      wake.makeDirectory('$(target)/shared'),
      wake.writeFile('$(target)/shared/made', 'x'),
    ] } }] }",
    );
    let package = "function(wake) wake.pkg(wake.pkgInfo('q'), plugin=import 'plugin.libsonnet')";
    space.file("q/PKG", package);
    let user = "function(wake) wake.pkg(wake.pkgInfo('p'), pkgs={ q: wake.getPkg('q', from='q') }, modules={
      root: function(wake, pkg, config) wake.recipe({
        Language: 'Command', Operations: [], Dependencies: { Build: [wake.getModule(pkg.pkgs.q)] },
      }),
    })";
    space.file("PKG", user);
    space.wake(["build"]).success();
    let target = target(&space);
    std::fs::write(target.join("shared/mine"), "mine").unwrap();
    space.file("PKG", user.replace("root:", "renamed:"));
    space.wake(["clean", "--stale"]).success().says("1 file");
    assert!(!target.join("shared/made").exists());
    assert!(target.join("shared/mine").exists());
}

/// Catches an editor that is blinded for one target by building another, and a file that changes without need.
#[test]
fn compile_commands_are_kept_for_all_that_was_built() {
    let space = library();
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
          root: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: ['src/a.c'] }),
          other: function(wake, pkg, config) wake.recipe({ Language: 'C', Source: ['src/deep/b.c'] }),
        })",
    );
    space.wake(["build", "--no-compile-commands"]).success();
    assert!(!space.exists("compile_commands.json"));
    space.wake(["build"]).success();
    space.wake(["build", ":other"]).success();
    let text = space.read("compile_commands.json");
    let commands: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
    let files: Vec<&str> = commands
        .iter()
        .map(|command| command["file"].as_str().unwrap())
        .collect();
    assert!(
        files.len() == 2 && files[0].ends_with("src/a.c") && files[1].ends_with("src/deep/b.c"),
        "{text}"
    );
    let before = space
        .path("compile_commands.json")
        .metadata()
        .unwrap()
        .mtime_nsec();
    space.wake(["build"]).success();
    assert_eq!(
        space
            .path("compile_commands.json")
            .metadata()
            .unwrap()
            .mtime_nsec(),
        before
    );
}
