//! wake.
pub mod declare;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod fs;
pub mod graph;
pub mod jsonnet;
