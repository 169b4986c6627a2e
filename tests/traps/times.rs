//! Times that say nothing, or the wrong thing.

use super::Stage;

/// Catches an edit that leaves the stamp of the one before it: same size, same tick.
#[test]
fn edits_in_quick_succession_are_all_seen() {
    let mut stage = Stage::new();
    stage.tell("op A: a -> x = cp @i @0\nfile a 0\nbuild A");
    for round in 1..9 {
        stage.tell(&format!("file a {round}"));
        stage.wake(&["build"]).success();
        stage.tell(&format!("has x {round}"));
    }
}

/// Catches a comparison by "newer".
#[test]
fn a_time_that_goes_backwards() {
    Stage::play(
        "op A: a -> x
         file a one
         build A
         file a two
         old a
         build A
         has x two
         old a
         build -",
    );
}

/// Catches a change that only `ctime` tells.
#[test]
fn a_time_that_is_kept() {
    Stage::play(
        "op A: a -> x
         file a one
         build A
         keep a two
         build A
         has x two
         keep a one
         build A
         has x one",
    );
}

/// Catches what is never up to date, or always, because a file is newer than now.
#[test]
fn a_stamp_of_the_future() {
    let mut stage = Stage::new();
    stage.tell("op A: a -> x\nop B: :x -> y\nfile a one\nbuild");
    let later = std::time::SystemTime::now() + std::time::Duration::from_hours(1_000);
    let set = |path: std::path::PathBuf| {
        let file = std::fs::File::options().write(true).open(path).unwrap();
        file.set_modified(later).unwrap();
    };
    set(stage.space().path("a"));
    stage.tell("build -");
    let made = stage.made("x");
    set(made);
    stage.tell("build -\nkeep a two\nbuild A B\nhas y two");
}
