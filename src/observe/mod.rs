//! Observation: which paths a process and all that descends from it touch, and how (DESIGN §5.2). It knows no operations
//! and no graphs, and decides nothing about what was touched.
//!
//! A seccomp filter (`filter.rs`) stops every system call that names a path, and some more, and the kernel asks
//! (`server.rs`). What the call names is read from the caller's memory (`call.rs`, `caller.rs`, `said.rs`) and noted in the
//! trace of whoever it belongs to (`trace.rs`, `watched.rs`); then it goes on. A filter is inherited by all that descends,
//! whatever it links with and whatever it does with its environment, so static programs, those of other languages and those
//! that make system calls themselves are seen like all others. What is noted is worked out afterwards (`paths.rs`).
//!
//! A filter cannot be taken off again, so it is put on one thread of wake's that does nothing but start programs.
//!
//! What happens out of the observer's sight makes a [`Gap`]: nothing is guessed.

mod call;
mod caller;
mod fast;
mod filter;
mod observer;
mod paths;
mod said;
mod server;
#[cfg(test)]
mod tests;
mod trace;
mod watched;

pub use observer::{Asking, How, Mark, Observer, observer};
pub use paths::{Access, Observed, Seen};
pub use trace::{Deeds, Gap, There};
pub use watched::Watched;
