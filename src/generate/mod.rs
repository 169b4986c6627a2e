//! From declarations to the graph of operations.

pub mod compile_commands;
