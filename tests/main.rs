//! The one integration-test binary.

mod evaluation;
mod plugins;
