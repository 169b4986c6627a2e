//! What happens to outputs behind wake's back.

use super::Stage;

/// Catches an output that is believed because its inputs did not change.
#[test]
fn deleted_and_edited() {
    Stage::play(
        "op A: a -> x y
         op B: :x -> z
         file a one
         build A B
         outrm x
         build A
         out y by hand
         build A
         has y one
         outrm z
         out x by hand
         build A B",
    );
}

#[test]
fn another_kind_of_thing_is_in_its_place() {
    Stage::play(
        "op A: a -> x
         op D: a -> d/ = mkdir @0; cp @i @0/f
         file a one
         build A D
         outrm x
         outdir x/inside
         build A
         outrm d
         out d by hand
         build D
         outln elsewhere x
         build A
         outln ../x d
         build D
         out d/extra by hand
         build D
         gone d/extra",
    );
}

/// Catches the loss of what somebody has put into a directory that he made in the place of an output, when the output is
/// not made any more.
#[test]
fn a_directory_in_the_place_of_one_that_leaves_the_graph() {
    Stage::play(
        "op A: a -> x
         op B: a -> y
         file a one
         build A B
         outrm x
         mine x/inside precious
         drop A
         build -
         has x/inside precious",
    );
}

#[test]
fn all_of_them_are_removed() {
    let mut stage = Stage::new();
    stage.tell("op A: a -> d/x\nop B: :d/x -> e/y\nfile a one\nbuild");
    stage.space().remove(".wake/out");
    stage.tell("build A B");
    let target: std::path::PathBuf = stage.made("").components().collect();
    std::fs::remove_dir_all(&target).unwrap();
    std::fs::write(&target, "in the way").unwrap();
    let run = stage.wake(&["build"]);
    run.demand(matches!(run.status, 1 | 3), "an error");
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "in the way");
    std::fs::remove_file(&target).unwrap();
    stage.tell("build A B");
}

#[test]
fn what_left_the_graph_goes() {
    Stage::play(
        "op A: a -> d/x
         op B: a -> d/e/y d/e/z
         file a one
         mine d/e/note mine
         build A B
         op B: a -> d/e/z
         build B
         gone d/e/y
         drop B
         build -
         gone d/e/z
         drop A
         build -
         gone d/x
         has d/e/note mine",
    );
}

/// Catches a build that runs for ever after what differs each time.
#[test]
fn never_twice_the_same() {
    let mut stage = Stage::new();
    stage.tell("op A: a -> x = head -c 16 /dev/urandom | od -x > @0\nop B: :x -> y\nfile a one");
    for _ in 0..2 {
        stage.wake(&["build"]).success();
        stage.wake(&["build"]).success().says("Nothing to do");
        let (x, y) = (stage.made("x"), stage.made("y"));
        assert_eq!(std::fs::read(x).unwrap(), std::fs::read(y).unwrap());
        stage.tell("file a two");
    }
}

/// Catches an output that depends on how often it was made.
#[test]
fn made_from_itself() {
    Stage::play(
        "op A: a -> x = cat @0 > @0.old || true; cat @i @0.old > @0; rm @0.old
         file a one
         build A
         file a two
         build A
         has x two",
    );
}
