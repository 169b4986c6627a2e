//! What end-to-end tests are written with: a [`Space`] to work in, the [`Run`] of one command there, and a [`Session`]
//! that records several as one transcript.

#![allow(
    dead_code,
    reason = "a tool that no story uses at the moment is still a tool"
)]

mod redact;
mod run;
mod session;
mod space;
pub(crate) mod stage;

pub(crate) use run::Run;
pub(crate) use session::Session;
pub(crate) use space::Space;
pub(crate) use stage::Stage;

/// Says why a test cannot run on this machine: past the harness, which keeps what a passing test prints to itself.
pub(crate) fn skipped(why: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
