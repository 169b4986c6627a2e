//! wake.
pub mod cli;
pub mod declare;
pub mod error;
pub mod event;
pub mod fs;
pub mod graph;
pub mod jsonnet;
pub mod report;
