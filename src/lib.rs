//! wake.
pub mod cli;
pub mod declare;
pub mod error;
pub mod event;
pub mod fs;
pub mod generate;
pub mod graph;
pub mod jsonnet;
pub mod report;
