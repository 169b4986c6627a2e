//! The front end of recipes: `Recipe.sml` to the model.
//!
//! It knows what the keys and references of a recipe mean to wake; what its other properties mean is for tasks. It
//! evaluates nothing, so wake answers for recipes itself ([`Recipes`]) what evaluation processes answer for a `PKG`.

mod answer;
mod dependencies;
pub mod document;
mod package_lock;
mod plugin;
pub mod properties;
mod published;
pub mod reference;
mod tracked;

#[cfg(test)]
mod tests;

pub use answer::{Recipes, from_file};
pub use dependencies::FromFile;
pub use published::Published;
