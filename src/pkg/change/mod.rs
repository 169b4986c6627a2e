//! What people change with `wake pkg`: the `PKG` or the recipe of a package, the lock, the store, copies in the workspace, an index. One
//! file for each command.
//!
//! They know nothing of arguments, and print nothing but the events of the resolutions that they make.

mod add;
mod attempt;
mod known;
mod publish;
mod recipe;
mod remove;
mod update;
mod vendor;
mod verify;

pub use add::{Added, Addition, add};
pub use publish::{Place, Yank, publish, yank};
pub use remove::{Removed, remove};
pub use update::update;
pub use vendor::{Carried, vendor};
pub use verify::{Damaged, Verified, verify};
