//! SML, the language of `Recipe.sml` and `RootRecipe.sml`: text to spanned values.
//!
//! It knows the grammar and nothing of which keys a recipe has.

pub mod parse;
pub mod value;

mod scan;

pub use parse::parse;
pub use value::{Entry, LanguageReference, PackageReference, Span, Table, Value, ValueKind};

#[cfg(test)]
mod tests;
