//! wake: a package manager and a build system. This page is the map; `ARCHITECTURE.md` has the flow and the invariants.
//!
//! # Stages, in the order in which a build passes through them
//!
//! - [`cli`]: arguments and environment, checked once; a thin file for each command
//! - [`workspace`]: the top, its members, targets, parameters, every path under `.wake/`, the lock
//! - [`declare`]: the model that declarations become; [`declare::recipe`] makes it from recipes, which
//!   [`declare::sml`] parses
//! - [`jsonnet`]: evaluates declarations and tasks in processes of their own; records what they read
//! - [`pkg`]: packages, by path and from retrievers: found, chosen, locked, fetched, declared
//! - [`generate`]: modules → instances → operations; saved graphs
//! - [`plugin_test`]: runs tasks of plugins from states that tests give, and compares
//! - [`graph`]: ids, operations, keys, the frozen form; pure data
//! - [`evaluate`]: what is out of date, running it, remembering it
//! - [`observe`]: which paths a process touches, seen from outside
//! - [`watch`]: what changes of what a build depends on, and whether anything has
//! - [`event`]: what happens, as values, and who listens
//! - [`sandbox`]: confines a program, and leaves no process of it behind
//! - [`report`]: the one place that writes to the terminal
//! - [`fs`]: the one place that touches `std::fs`; stamps and fingerprints
//! - [`error`]: what went wrong, where, and what to do
//!
//! # Files on disk, and who owns each
//!
//! - `wake.lock`: [`pkg::lock`]
//! - `<cache directory>/wake/store/`: [`pkg::store`]
//! - the directory that `wake pkg vendor` names: [`pkg::vendor`]
//! - `.wake/pkgs/`: links to packages, made by [`pkg::resolution`]
//! - `.wake/downloaded/pkgs/`: what retrievers fill; empty between resolutions
//! - `.wake/lock`: [`workspace::process_lock`]
//! - `.wake/watcher`: [`watch::service`], in the format of [`watch::message`]; `.wake/watcher.lock`: [`cli`]
//! - `.wake/state/declarations-2`, `modules-1`: [`workspace::evaluations`]
//! - `.wake/state/resolution-1`: [`pkg::resolution`]
//! - `.wake/state/state-3`, `commands-2`: [`evaluate::state`]
//! - `.wake/state/graphs/`: [`generate::saved`], in the format of [`graph::freeze`]
//! - `.wake/out/` or the `OutputRoot`, `.wake/cache/`: operations, at places that [`workspace::layout`] gives
//! - `.wake/tmp/`: [`evaluate`] and [`pkg::retriever`]; empty between builds
//! - `compile_commands.json`: [`generate::compile_commands`]

pub mod cli;
pub mod declare;
pub mod error;
pub mod evaluate;
pub mod event;
pub mod fs;
pub mod generate;
pub mod graph;
pub mod jsonnet;
pub mod observe;
pub mod pkg;
pub mod plugin_test;
pub mod report;
pub mod sandbox;
pub mod watch;
pub mod workspace;
