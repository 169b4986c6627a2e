//! The fast path: programs that are linked dynamically write down themselves what they do, in memory that they share with
//! the observer, and ask nobody. They do so in copies of the C library and of the loader (`image.rs`, `sites.rs`), in
//! which the system calls that name a path are made by a recorder (`recorder.s`); `copies.rs` keeps them. `place.rs` puts
//! them where programs find them, or `hand.rs` gives them to programs, and `log.rs` reads what they wrote.
//!
//! Nothing depends on it: the filter lets pass only the calls that the recorder makes, which it knows by a number in an
//! argument that the kernel does not use. All others ask the observer.

mod copies;
mod hand;
mod image;
mod log;
pub(super) mod place;
mod sites;
#[cfg(test)]
mod tests;

pub(super) use copies::{Copies, Originals, Way};
pub(super) use hand::{Handed, Handing, hand};
pub(super) use log::{Log, Record};
