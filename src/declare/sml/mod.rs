//! SML, the language of `Recipe.sml` and `RootRecipe.sml`: text to spanned values and back, and edits of the text.
//!
//! It knows the grammar and nothing of which keys a recipe has.

pub mod edit;
pub mod parse;
pub mod value;
pub mod write;

mod format;
mod gap;
mod scan;

pub use format::format;
pub use parse::parse;
pub use value::{Entry, LanguageReference, PackageReference, Span, Table, Value, ValueKind};
pub use write::write;

#[cfg(test)]
mod layout_tests;
#[cfg(test)]
mod tests;
