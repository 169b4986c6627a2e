//! End-to-end tests: the real binary in workspaces of its own.

#![expect(
    clippy::disallowed_methods,
    reason = "tests look at the disk from outside of wake"
)]

mod support;

mod command_line;
