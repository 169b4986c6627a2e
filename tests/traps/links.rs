//! Links, and what they lead to.

use super::Stage;

#[test]
fn lead_elsewhere() {
    Stage::play(
        "op A: a -> x
         file one 1
         file two 2
         ln one a
         build A
         has x 1
         ln two a
         build A
         has x 2
         file two 3
         build A
         has x 3
         mv two three
         ln three a
         build A
         has x 3
         rm a
         file a 3
         build A
         ln three b
         ln b a
         build A
         ln one b
         build A
         has x 1",
    );
}

/// Catches a directory on the way that leads elsewhere.
#[test]
fn on_the_way_to_a_file() {
    let mut stage = Stage::new();
    stage.tell(
        "op A: dir/a -> x
         file v1/a 1
         file v2/a 2
         ln v1 dir",
    );
    // What a package names may not leave it by a link, and this one does not.
    let run = stage.wake(&["build"]);
    if run.status == 0 {
        stage.tell("has x 1\nln v2 dir\nbuild A\nhas x 2\nln v1 dir\nbuild A\nhas x 1");
    } else {
        run.demand(
            run.status == 2,
            "links on the way, or an error of the user's",
        );
    }
}

/// Catches a hang, and an error that stays.
#[test]
fn in_a_circle() {
    let mut stage = Stage::new();
    stage.tell("op A: a -> x\nfile a one\nbuild A\nln b a\nln a b");
    let run = stage.wake(&["build"]);
    run.demand(matches!(run.status, 1 | 2), "an error of the user's");
    // What was refused keeps its output, and that is still right.
    stage.tell("rm a\nfile a one\nbuild -\nfile a two\nbuild A");
}

/// Catches a walk that never ends.
#[test]
fn to_a_parent() {
    Stage::play(
        "op D: a -> d/ = mkdir -p @0/e; ln -s .. @0/e/up; ln -s . @0/here; cp @i @0/f
         op A: :d/ -> x = cp @i/here/e/up/f @0
         file a one
         build A D
         file a two
         build A D
         has x two",
    );
}
