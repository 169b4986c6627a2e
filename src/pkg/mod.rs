//! From `getPkg` to packages on disk.
//!
//! The loop is lazy: what a declaration names in `pkgs` is looked at, but a package that is missing or broken is an
//! error only for those who need it.

pub mod archive;
pub mod facts;
pub mod frontier;
mod index;
pub mod publish;
pub mod requirement;
pub mod resolve;
pub mod retriever;

pub use resolve::{Package, PackageIndex, Packages};
