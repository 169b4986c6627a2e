//! Files that only a depfile names.

use super::Stage;

#[test]
fn are_made_before_they_are_read() {
    Stage::play(
        "op G: g -> gen.h
         op A: a | :gen.h -> x x.d = cat a @t/gen.h > @0; echo x: a @t/gen.h > @t/x.d
         op B: b | :gen.h -> y y.d = cat b > @0; echo y: b > @t/y.d
         file g one
         file a one
         file b one
         build A B G
         file g two
         build A G
         file b two
         build B",
    );
}

/// Catches an operation that happens to run late enough.
#[test]
fn that_are_not_declared_are_an_error() {
    Stage::play(
        "op G: g -> gen.h
         op A: a :gen.h -> x
         op B: :x -> y y.d = cat @t/gen.h > @0; echo y: @t/gen.h > @t/y.d
         file g one
         file a one
         build
         op A: a -> x
         fail B
         op B: :x :gen.h -> y y.d = cat @t/gen.h > @0; echo y: @t/gen.h > @t/y.d
         build B",
    );
}

/// Catches a file that appears where one was looked for.
#[test]
fn that_are_not_there_yet() {
    Stage::play(
        "op A: a -> x x.d = cat a h 2>/dev/null > @0 || true; echo x: a h > @t/x.d
         file a one
         build A
         file other one
         build -
         file h two
         build A
         rm h
         build A
         has x one",
    );
}
