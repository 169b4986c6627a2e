//! The package itself is wrong for a while, or the graph changes its shape.

use super::stories;

stories! {

    /// Catches what is lost because a declaration could not be read for a while.
    the_package_cannot_be_read_for_a_while: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        op C: c -> z
        op D: d -> z
        file c one
        file d one
        wrong write
        has y one
        drop C
        drop D
        build -"

    a_circle_for_a_while: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        op A: a :y -> x
        wrong needs
        has y one
        op A: a -> x
        file a two
        build A B"

    what_nobody_makes_for_a_while: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        drop A
        wrong No operation makes
        op A: a -> x
        build -"

    everything_goes_and_comes_back: "
        op A: a -> x
        op B: :x -> d/y
        op C@lib: a -> z
        file a one
        build A B C@lib
        drop A
        drop B
        drop C@lib
        build -
        gone x
        gone d
        gone lib:z
        op A: a -> x
        op B: :x -> d/y
        op C@lib: a -> z
        build A B C@lib"

    /// Catches a stale file that is removed because its directory's name is taken for it, and the reverse.
    a_file_becomes_the_directory_of_another: "
        op A: a -> x
        file a one
        build A
        drop A
        op B: a -> x/y
        build B
        drop B
        op A: a -> x
        build A"

    an_owned_directory_becomes_a_shared_one: "
        op A: a -> d/ = mkdir -p @0; cp @i @0/f
        file a one
        build A
        drop A
        op B: a -> d/f
        op C: a -> d/g
        build B C
        drop B
        drop C
        op A: a -> d/ = mkdir -p @0; cp @i @0/f
        build A
        gone d/g"

    a_name_goes_round_among_three: "
        op A: a -> x
        op B: b -> y
        op C: c -> z
        op D: :x :y :z -> w
        file a one
        file b two
        file c three
        build A B C D
        op A: a -> y
        op B: b -> z
        op C: c -> x
        build A B C D
        has x three"

    operations_exchange_their_titles: "
        op A: a -> x
        op B: b -> y
        file a one
        file b two
        build A B
        op A: b -> y
        op B: a -> x
        build"

    one_operation_becomes_two: "
        op A: a -> x y
        op C: :x :y -> z
        file a one
        build A C
        op A: a -> x
        op B: a -> y
        build
        op A: a -> x y
        drop B
        build
        has y one"

    the_same_in_two_modules: "
        op A: a -> x
        op A@lib: a -> x
        op B: :x lib:x -> y
        file a one
        build A A@lib B
        drop A
        op B: lib:x -> y
        build B
        gone x
        has lib:x one
        drop A@lib
        op A: a -> x
        op B: :x -> y
        build A B
        gone lib:x"

    /// Catches an edit that is forgotten because the other flavor was built in between.
    flavors_in_turn: "
        op A: a -> x
        op B: :x -> y
        file a one
        flavor Debug
        build A B
        flavor Release
        build A B
        flavor Debug
        build -
        file a two
        flavor Release
        build A B
        flavor Debug
        build A B
        op B: :x -> z
        build B
        gone y
        flavor Release
        has y two
        build B
        gone y"

    /// Catches an equal output that is taken for another one.
    what_stays_equal_ends_the_rebuild: "
        op A: a -> x = head -n 1 @i > @0
        op B: :x -> y
        file a one
        build A B
        file a one two
        build A B
        file a one
        build A B
        op A: a -> x = head -n1 @i > @0
        build A"

    a_branch_is_switched_and_switched_back: "
        op A: a -> x
        op B: :x b -> y
        file a one
        file b one
        build A B
        file a two
        swap b two
        op C: a -> z
        op A: a -> x = cat @i @i > @0
        file a one
        swap b one
        drop C
        op A: a -> x
        build -"

    a_branch_is_switched_and_built_and_switched_back: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        file a two
        op C: a -> d/z
        build A B C
        file a one
        drop C
        build A B
        gone d"

}
