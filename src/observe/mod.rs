//! Observation: which paths a process and all that descends from it touch, and how (DESIGN §5.2). It knows no operations
//! and no graphs, and decides nothing about what was touched.
//!
//! A seccomp filter ([`filter`]) stops every system call that names a path, and some more, and tells the observer
//! ([`observer`]) of it, which reads from the caller's memory what it names ([`call`], [`caller`]), notes it in the
//! [`trace`] of whoever it belongs to, and lets the kernel go on. A filter is inherited by all that descends, whatever it
//! links with and whatever it does with its environment, so static programs, those of other languages and those that make
//! system calls themselves are seen like all others. What is noted is worked out afterwards ([`paths`]).
//!
//! A filter cannot be taken off again, so it is put on one thread of wake's that does nothing but start programs.
//!
//! What happens out of the observer's sight makes a [`Gap`]: nothing is guessed.

mod call;
mod caller;
mod filter;
mod observer;
mod paths;
#[cfg(test)]
mod tests;
mod trace;

pub use observer::{Observer, Watched, observer};
pub use paths::{Access, Observed, Seen};
pub use trace::{Deeds, Gap, There};
