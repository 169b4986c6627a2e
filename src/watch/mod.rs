//! Watch: knows when something that a build depends on changes, and whether anything has changed since the last build.
//!
//! [`dependencies`] finds out what must be watched, [`scope`] says what it means that something there happened,
//! [`inotify`] hears it from the kernel ([`notice`]), [`lookout`] keeps all of it together, and [`service`] has the threads
//! that hear, and that answer other wakes through a [`socket`]. It builds nothing and knows no command line: `cli` decides
//! when to build, and what a request is.

pub mod debounce;
pub mod dependencies;
pub mod filesystem;
pub mod inotify;
pub mod lookout;
pub mod message;
pub mod notice;
pub mod scope;
pub mod service;
pub mod socket;
#[cfg(test)]
mod tests;
