//! Sessions with the real binary: what a user does, step by step, and what wake says. Scope: the commands on real
//! workspaces. What declarations become is in `plans`, what is said of bad declarations in `plans/errors.rs`.

mod commands;
mod examples;
mod hostile;
mod mishaps;
mod outputs;
