//! Declarations: the one model that all front ends make.

pub mod model;
pub mod recipe;
