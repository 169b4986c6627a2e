//! The operation graph: ids, operations, and the frozen form that is mapped and used in place. Pure data: no I/O.
//!
//! `generate` makes [`Operation`]s, [`freeze::freeze`] turns them into bytes, [`Graph`] reads these bytes where they
//! lie. What every build touches (files, edges, keys) is arrays of numbers; what only a running operation needs (its
//! command) is decoded when it starts.

pub mod check;
pub mod freeze;
pub mod ids;
pub mod key;
pub mod operation;
pub mod root;
pub mod view;

pub use ids::{FileId, InstanceId, OperationId};
pub use operation::{Action, Cold, Command, Instance, Operation, ResponseFile, Stdin};
pub use root::{Root, Roots};
pub use view::Graph;
