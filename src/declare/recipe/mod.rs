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

use crate::error::Result;

/// Reads a recipe as wake does, for those who only want to know whether that is possible.
///
/// # Errors
/// `User`: it is no SML, a known key has a wrong value, or a reference is none.
pub fn check(file: &str, bytes: &[u8]) -> Result<()> {
    let document = document::Document::parse(file, bytes)?;
    properties::of_document(&document)?;
    dependencies::of_document(&document).map(drop)
}
