//! From `getPkg` to packages on disk.
//!
//! For now packages come by path. The loop is lazy: what a declaration names in `pkgs` is looked at, but a package that
//! is missing or broken is an error only for those who need it.

pub mod frontier;
pub mod resolve;

pub use resolve::{Package, PackageIndex, Packages};
