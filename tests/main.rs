//! All tests that need more than one stage: one binary.

#![allow(
    clippy::disallowed_methods,
    reason = "tests look at the disk and the environment from outside of wake"
)]

mod clients;
mod command_line;
mod evaluation;
mod faults;
mod model_real;
mod plans;
mod plugins;
mod plugins_more;
mod plugins_rust_go;
mod real;
mod retrieve;
mod retrievers;
mod sessions;
mod situations;
mod support;
mod traps;
