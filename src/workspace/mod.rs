//! The workspace: where it begins, who its members are, and what it keeps on disk.

pub mod discover;
pub mod layout;
pub mod parameters;
pub mod process_lock;
pub mod target;

pub use discover::{Members, Workspace};
