//! From `getPkg` to packages on disk: by path, from the global namespace, or by retrievers (DESIGN §3).
//!
//! - [`packages`]: what is on disk and declared; [`declaring`] evaluates declarations, [`saved`] keeps them
//! - [`facts`]: what is known of versions; [`solve`] chooses among them; [`decisions`] is what was chosen
//! - [`resolve`]: the loop; what it does in a round is in [`registering`], [`defining`], [`deciding`], [`asking`] and
//!   [`fetching`]; [`executing`] says which programs [`retriever`]s are, [`locking`] what is written down
//! - [`store`], [`lock`]: what is kept, for all workspaces of a user and for all users of a workspace
//! - [`overview`], [`ways`], [`outdated`]: what people ask about packages
//! - [`change`]: what people do to packages, with [`edit`], [`vendor`], [`publish`], [`archive`]
//!
//! The loop is lazy: what a declaration names in `pkgs` by path is looked at, but one that is missing or broken is an
//! error only for those who need it.

mod answers;
pub mod archive;
mod asking;
pub mod change;
mod contents;
mod deciding;
pub mod decisions;
pub mod declaring;
mod defining;
pub mod edit;
mod executing;
pub mod facts;
mod fetching;
pub mod frontier;
pub mod globals;
mod index;
pub mod lock;
mod locking;
#[cfg(test)]
mod loop_tests;
mod near;
pub mod origin;
pub mod outdated;
pub mod overview;
pub mod packages;
pub mod policy;
pub mod publish;
mod registering;
pub mod requirement;
pub mod resolution;
pub mod resolve;
pub mod retriever;
pub mod solve;
pub mod store;
mod stuck;
pub mod vendor;
pub mod ways;

use ::std::path::Path;

pub use packages::{Ask, PackageIndex, Packages};

use crate::error::Result;
use retriever::Retriever;
use retriever::protocol::{Candidate, Fetched, Wanted};

/// What a resolution does outside of this process: retrievers. Replaced by an imitation in tests.
pub trait Tools: Sync {
    /// The versions of packages, as a retriever answers.
    ///
    /// # Errors
    /// The retriever fails, or answers nonsense.
    fn candidates(&self, retriever: &Retriever, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>>;

    /// Has a retriever put the files of packages where they are wanted.
    ///
    /// # Errors
    /// As [`Self::candidates`], and files that no package may have.
    fn fetch(&self, retriever: &Retriever, packages: &[Fetched]) -> Result<()>;

    /// Whether a retriever tells of all versions as easily as of some.
    fn is_cheap(&self, retriever: &Retriever) -> bool;

    /// What retrievers have said on standard error since this was asked last: `origin: line`.
    fn take_said(&self) -> Vec<String>;

    /// The wake binary, which is the retrievers of `wake.std`.
    fn wake(&self) -> &Path;
}
