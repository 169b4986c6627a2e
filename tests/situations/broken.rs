//! An operation fails; things are edited while it does; then it is made right.

use super::stories;

stories! {

    /// Catches half an output that stays, and one that is believed when the input is what it was.
    fails_after_it_wrote: "
        op A: a -> x y
        file a one
        build A
        file a BAD
        fail A
        file a one
        build A
        has x one"

    fails_at_the_first_build: "
        op A: a -> x
        file a BAD
        fail A
        file a one
        build A"

    fails_again_with_another_input_and_goes_back_to_the_first: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        file a BAD 1
        fail A
        file a BAD 2
        fail A
        file a one
        build A
        has y one"

    /// Catches what is fine and not built because something else is broken.
    does_not_stop_what_does_not_need_it: "
        op A: a -> x
        op B: b -> y
        file a one
        file b one
        build A B
        file a BAD
        file b two
        fail A
        has y two
        file b three
        fail A
        has y three
        file a two
        build A"

    /// Catches a change that is forgotten, and one that is remembered although it is undone.
    another_input_is_changed_and_changed_back_meanwhile: "
        op A: a -> x
        op B: b -> y
        op C: :y -> z
        file a one
        file b one
        build A B C
        file a BAD
        file b two
        fail A
        has z two
        file b one
        fail A
        has z one
        file a one
        build A"

    an_input_is_changed_and_changed_back_before_the_failure_is_seen: "
        op A: a b -> x
        file a one
        file b one
        build A
        file a BAD
        fail A
        file b two
        file b one
        file a one
        build A"

    is_removed_while_it_is_broken: "
        op A: a -> x
        op B: b -> y
        file a one
        file b one
        build A B
        file a BAD
        fail A
        drop A
        build -
        gone x"

    is_removed_and_comes_back_while_it_is_broken: "
        op A: a -> x
        op B: b -> y
        file a one
        file b one
        build A B
        file a BAD
        fail A
        drop A
        file b BAD
        fail B
        op A: a -> x
        file a one
        fail B
        has x one
        file b one
        build B"

    is_removed_with_all_that_needs_it: "
        op A: a -> x
        op B: :x -> y
        op C: c -> z
        file a one
        file c one
        build A B C
        file a BAD
        fail A
        drop A
        drop B
        build -
        gone x
        gone y"

    what_needs_it_is_removed: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        file a BAD
        fail A
        drop B
        fail A
        gone y
        file a one
        build A"

    what_needs_it_gets_another_command: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        file a BAD
        fail A
        op B: :x -> y = cat @i @i > @0
        fail A
        file a one
        build A B"

    what_needs_it_no_longer_does: "
        op A: a -> x
        op B: :x b -> y
        file a one
        file b one
        build A B
        file a BAD
        fail A
        op B: b -> y
        fail A
        has y one
        file a one
        build A"

    something_new_needs_it: "
        op A: a -> x
        file a one
        build A
        file a BAD
        fail A
        op B: :x -> y
        fail A
        gone y
        file a one
        build A B"

    something_new_needs_it_for_a_while: "
        op A: a -> x
        op B: b -> y
        file a one
        file b one
        build A B
        file a BAD
        fail A
        op B: b :x -> y
        fail A
        op B: b -> y
        fail A
        has y one
        file a one
        build A"

    its_input_is_renamed_away_and_back: "
        op A: a -> x
        file a one
        build A
        file a BAD
        fail A
        mv a elsewhere
        fail A
        mv elsewhere a
        fail A
        file a one
        build A"

    its_input_gets_another_name: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        file a BAD
        fail A
        mv a b
        op A: b -> x
        fail A
        file b one
        build A"

    its_input_is_deleted_and_is_needed_no_more: "
        op A: a b -> x
        file a one
        file b one
        build A
        file a BAD
        fail A
        rm a
        op A: b -> x
        build A
        has x one"

    its_input_becomes_a_directory: "
        op A: a -> x
        file a one
        build A
        rm a
        dir a
        fail A
        rm a
        file a one
        build A"

    its_input_was_never_there: "
        op A: a -> x
        op B: :x -> y
        wrong `a` does not exist
        wrong `a` does not exist
        file a one
        build A B"

    makes_more_than_before: "
        op A: a -> x
        file a one
        build A
        op A: a -> x y
        file a BAD
        fail A
        file a one
        build A
        has y one"

    makes_less_than_before: "
        op A: a -> x y
        file a one
        build A
        op A: a -> x
        file a BAD
        fail A
        gone y
        file a one
        build A
        gone y"

    /// Catches an output that is believed to be there because it was when this command succeeded last.
    makes_less_while_what_it_needs_is_broken_and_then_all_again: "
        op A: a -> x
        op B: :x -> y z
        file a one
        build A B
        file a BAD
        op B: :x -> y
        fail A
        gone z
        op B: :x -> y z
        file a one
        build A B
        has z one"

    its_output_gets_another_name: "
        op A: a -> x
        op B: :x -> y
        file a one
        build A B
        file a BAD
        op A: a -> w
        op B: :w -> y
        fail A
        gone x
        file a one
        build A B"

    its_output_goes_to_another_operation: "
        op A: a -> x y
        op B: b -> z
        file a one
        file b two
        build A B
        file a BAD
        op A: a -> x
        op B: b -> z y
        fail A
        has y two
        file a one
        build A
        has y two"

    its_output_goes_to_one_that_fails: "
        op A: a -> x y
        op B: b -> z
        file a one
        file b two
        build A B
        op A: a -> x
        op B: b -> z y
        file b BAD
        fail B
        gone y
        op A: a -> x y
        op B: b -> z
        file b two
        build A B"

    exchanges_outputs_with_another: "
        op A: a -> x
        op B: b -> y
        file a one
        file b two
        build A B
        op A: a -> y
        op B: b -> x
        file a BAD
        fail A
        has x two
        gone y
        file a one
        build A"

    exchanges_outputs_with_another_and_back: "
        op A: a -> x
        op B: b -> y
        op C: :x :y -> z
        file a one
        file b two
        build A B C
        op A: a -> y
        op B: b -> x
        file a BAD
        fail A
        op A: a -> x
        op B: b -> y
        file a one
        build A B"

    its_output_becomes_a_directory: "
        op A: a -> x
        file a one
        build A
        op A: a -> x/ = mkdir @0; cat @i > @0/f; ! grep BAD @i
        file a BAD
        fail A
        file a one
        build A
        has x/f one
        op A: a -> x
        build A"

    its_directory_is_half_filled: "
        op A: a -> x/ = mkdir @0; for w in $(cat @i); do echo $w > @0/$w; test $w != BAD; done
        file a one two
        build A
        has x/two two
        file a three BAD four
        fail A
        file a three
        build A
        gone x/one
        gone x/two"

    /// Catches a directory that is emptied by one failure and left there.
    stands_alone_in_a_directory: "
        op A: a -> d/e/x
        op B: b -> d/y
        file a one
        file b one
        build A B
        file a BAD
        fail A
        drop A
        build -
        gone d/e
        has d/y one"

    the_users_file_is_in_its_place: "
        op A: a -> x
        file a BAD
        mine x precious
        fail A
        fail A
        has x precious
        unmine x
        file a one
        build A
        has x one"

    its_old_output_is_edited_meanwhile: "
        op A: a -> x
        op B: b -> y
        file a one
        file b one
        build A B
        file a BAD
        fail A
        out y by hand
        fail A
        has y one
        file a one
        build A"

    all_outputs_are_deleted_meanwhile: "
        op A: a -> x
        op B: b -> y
        op C: :y -> z
        file a one
        file b one
        build A B C
        file a BAD
        fail A
        outrm y
        outrm z
        fail A
        has z one
        file a one
        build A"

    two_are_broken_and_are_repaired_one_after_the_other: "
        op A: a -> x
        op B: b -> y
        op C: :x :y -> z
        file a one
        file b one
        build A B C
        file a BAD
        file b BAD
        fail A B
        file a two
        fail B
        file b two
        build B C"

    the_middle_of_a_chain_is_broken_by_its_beginning: "
        op A: a -> x = cp @i @0
        op B: :x -> y
        op C: :y -> z
        file a one
        build A B C
        file a BAD
        fail B
        has x BAD
        file a two
        build A B C
        file a BAD
        fail B
        file a two
        build A B"

    is_repaired_by_its_command: "
        op A: a -> x
        file a BAD
        fail A
        op A: a -> x = cp @i @0
        build A
        op A: a -> x
        fail A
        op A: a -> x = cp @i @0
        build A"

    is_repaired_by_the_script_that_it_runs: "
        op A: a run.sh -> x = sh run.sh a @0
        file a one
        file run.sh cp $1 $2
        build A
        file run.sh cp $1 $2; exit 1
        fail A
        file run.sh cp $1 $2
        build A"

    a_link_leads_to_what_breaks_it: "
        op A: a -> x
        file good one
        file bad BAD
        ln good a
        build A
        ln bad a
        fail A
        file good two
        ln good a
        build A
        has x two"

    is_broken_in_one_flavor_only: "
        op A: a -> x = case @t in */$(cat flavor)/*) exit 1;; esac; cat @i > @0
        file a one
        file flavor none
        build A
        flavor Release
        build A
        file a BAD
        op A: a -> x
        fail A
        flavor Debug
        has x one
        file a one
        build A
        flavor Release
        build A"

    moves_to_another_module_while_it_is_broken: "
        op A: a -> x
        op B: b -> y
        file a one
        file b one
        build A B
        file a BAD
        fail A
        drop A
        op A@lib: a -> x
        fail A@lib
        gone x
        file a one
        build A@lib
        has lib:x one
        drop A@lib
        op A: a -> x
        build A
        gone lib:x"

    a_new_header_breaks_it_and_goes_away: "
        op A: a -> x x.d = cat @i h* > @0 2>/dev/null || true; echo x: a h* > @t/x.d; ! grep -q BAD @0
        file a one
        file h1 one
        build A
        file h1 BAD
        fail A
        rm h1
        build A
        has x one"

    a_generated_header_is_broken: "
        op H: h -> gen.h
        op A: a | :gen.h -> x x.d = cat a @t/gen.h > @0; echo x: a @t/gen.h > @t/x.d
        file h one
        file a one
        build A H
        file h BAD
        fail H
        file a two
        fail H
        file h one
        build A H"

    a_generated_header_is_broken_and_is_needed_no_more: "
        op H: h -> gen.h
        op A: a | :gen.h -> x x.d = cat a @t/gen.h > @0; echo x: a @t/gen.h > @t/x.d
        file h one
        file a one
        build A H
        file h BAD
        fail H
        op A: a -> x x.d = cat a > @0; echo x: a > @t/x.d
        fail H
        has x one
        file h one
        build H"

    what_was_generated_becomes_a_source: "
        op G: g -> gen
        op A: :gen -> x
        file g one
        build A G
        file g BAD
        fail G
        drop G
        file gen one
        op A: gen -> x
        build A
        gone gen
        has x one"

    a_source_becomes_generated_and_that_is_broken: "
        op A: gen -> x
        file gen one
        build A
        op G: g -> gen
        op A: :gen -> x
        file g BAD
        fail G
        gone gen
        file g one
        build A G
        has x one"

    something_comes_between_two: "
        op A: a -> x
        op C: :x -> z
        file a one
        build A C
        op B: :x b -> y
        op C: :y -> z
        file b BAD
        fail B
        file b two
        build B C
        drop B
        op C: :x -> z
        build C
        gone y"

    who_needs_whom_is_turned_round: "
        op A: a -> x
        op B: :x b -> y
        file a one
        file b two
        build A B
        op A: a :y -> x
        op B: b -> y
        file b BAD
        fail B
        file b two
        build A B"

    an_input_becomes_order_only: "
        op A: a -> x
        op B: b :x -> y
        file a one
        file b one
        build A B
        file a BAD
        op B: b | :x -> y
        fail A
        file a one
        build A B
        has y one"

    a_pattern_matches_what_breaks_it: "
        op A: src/* -> x
        file src/a one
        build A
        file src/b BAD
        fail A
        rm src/b
        build A
        file src/b BAD
        fail A
        file src/b two
        build A"

    a_new_operation_is_broken_and_withdrawn: "
        op A: a -> x
        file a one
        build A
        op B: a -> d/y
        file a BAD
        fail A B
        drop B
        fail A
        gone d
        file a one
        build A"

}
