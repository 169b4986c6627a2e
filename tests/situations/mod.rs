//! Updates that go wrong half-way, and what may happen before the next one. Each story is told in the lines of
//! [`Stage`](crate::support::Stage); after each `build` everything is as a clean build leaves it.

mod broken;
mod graph;

/// Stories, one a test.
macro_rules! stories {
    ($($(#[$note:meta])* $name:ident: $story:literal)*) => {
        $(
            $(#[$note])*
            #[test]
            fn $name() {
                crate::support::Stage::play($story);
            }
        )*
    };
}

use stories;
