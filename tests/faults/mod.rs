//! What the machine does to wake: it is killed at any moment, its files are damaged, calls fail, the disk is full or may
//! not be written, another wake works in the same place. Always: the next build is right, and nothing is said for ever.

mod calls;
mod damage;
mod places;
mod turns;

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::support::stage::tree;
use crate::support::{Run, Stage};

/// A few operations of every kind that writes: into a directory that it owns, with a depfile, one from another.
fn yard() -> Stage {
    let mut stage = Stage::new();
    stage.tell(
        "op A: a -> x
         op B: :x -> d/y
         op C: c -> e/ = mkdir -p @0; cp @i @0/f
         op D: a :d/y -> z z.d = cat a @t/d/y > @0; echo z: a h > @t/z.d
         file a one
         file c one
         file h one",
    );
    stage
}

/// The outputs, as a clean build leaves them.
fn outputs(stage: &Stage) -> BTreeMap<PathBuf, String> {
    tree(&stage.space().path(".wake/out"))
}

/// What no run of wake may say or do, however it ends.
fn demand_sanity(run: &Run, when: &str) {
    run.demand(
        matches!(run.status, 0 | 1 | 3) && !run.stderr.contains("panicked"),
        &format!("exit code 0, 1 or 3 and no panic {when}"),
    );
}
