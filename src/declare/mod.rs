pub mod model;
pub mod recipe;
