//! The front end of recipes: `Recipe.sml` to the model.
//!
//! It knows what the keys and references of a recipe mean to wake; what its other properties mean is for tasks.
