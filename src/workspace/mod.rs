//! The workspace: where it is, which packages are its members, where wake keeps things in it, who works in it.
//!
//! It knows nothing of what packages declare.

pub mod discover;
pub mod evaluations;
pub mod files;
pub mod front;
pub mod host;
pub mod layout;
pub mod members;
pub mod parameters;
pub mod process_lock;
pub mod root_recipe;
mod settings;
pub mod target;
pub mod user_config;

pub use discover::Workspace;
pub use members::Members;
pub use root_recipe::RootRecipe;
pub use user_config::UserConfig;

#[cfg(test)]
mod tests;
