//! Declarations: the one model that both front ends make, and the front end of recipes. That of `PKG` is [`crate::jsonnet`].

pub mod mistakes;
pub mod model;
pub mod recipe;
pub mod sml;
