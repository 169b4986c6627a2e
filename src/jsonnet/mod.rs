//! The jsonnet host: the one place that knows the jsonnet library.
//!
//! Evaluation happens in processes of its own ([`worker`]), because a program can make the library abort; the rest of
//! wake asks through [`client::Evaluators`] and sees only [`protocol`]'s plain data. It knows nothing of resolving,
//! of graphs or of running operations.

mod builtin;
pub mod client;
mod context;
mod declaration;
mod embedded;
mod error;
mod evaluation;
mod execution;
mod frame;
mod functions;
mod import;
mod json;
mod knowledge;
mod layout;
mod library;
mod lint;
mod module;
mod natives;
mod operation_module;
mod outline;
pub mod pattern;
mod plugin;
mod program;
pub mod protocol;
pub mod reference;
mod script;
mod session;
pub mod static_imports;
mod substitution;
mod tasks;
mod tokens;
pub mod worker;

/// Names the std plugins and the `wake/…` library that are built into this wake: what it generates depends on them.
pub fn library_digest() -> [u8; 32] {
    embedded::digest()
}
