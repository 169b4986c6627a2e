//! The fast path: programs that are linked dynamically write down themselves what they do, in memory that they share with
//! the observer, and ask nobody. They do so in copies of the C library and of the loader (`image.rs`, `sites.rs`), in
//! which the system calls that name a path are made by a recorder (`recorder.s`); `place.rs` puts the copies where
//! programs find them, and `log.rs` reads what they wrote.
//!
//! Nothing depends on it: the filter lets pass only the calls that the recorder makes, which it knows by a number in an
//! argument that the kernel does not use. All others ask the observer.

mod image;
mod log;
mod place;
mod sites;
#[cfg(test)]
mod tests;

pub(super) use log::{Log, Record};
pub(super) use place::Copies;
