//! wake: a package manager and a build system.
pub mod cli;
pub mod declare;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod fs;
pub mod generate;
pub mod graph;
pub mod jsonnet;
pub mod pkg;
pub mod report;
pub mod workspace;
