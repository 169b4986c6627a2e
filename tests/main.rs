//! All tests that need more than one stage: one binary.

#![allow(
    clippy::disallowed_methods,
    reason = "tests use std::fs and the environment directly"
)]

mod evaluation;
mod plans;
mod plugins;
