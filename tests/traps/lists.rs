//! What is in a directory.

use super::Stage;

#[test]
fn a_pattern_follows_files_that_come_and_go() {
    Stage::play(
        "op A: src/* -> x = cat @i > @0
         file src/a one
         build A
         file src/b two
         build A
         mv src/b src/c
         build A
         rm src/a
         build A
         has x two
         file src/.hidden three
         build -
         file beside four
         build -",
    );
}

#[test]
fn a_directory_counts_with_all_in_it() {
    Stage::play(
        "op D: a -> d/ = mkdir -p @0/e; cp @i @0/e/f
         op A: :d/ -> x = find @i -type f -exec cat {} + > @0
         file a one
         build A D
         file a two
         build A D
         has x two
         out d/e/g by hand
         build D
         has x two",
    );
}
