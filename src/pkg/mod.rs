//! From `getPkg` to packages on disk.
//!
//! The loop is lazy: what a declaration names in `pkgs` is looked at, but a package that is missing or broken is an
//! error only for those who need it.

pub mod edit;
pub mod facts;
pub mod frontier;
pub mod lock;
pub mod requirement;
pub mod resolve;
pub mod retriever;
pub mod store;
pub mod vendor;

pub use resolve::{Package, PackageIndex, Packages};
