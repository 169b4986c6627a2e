//! What may be typed after `wake pkg` and `wake cache`: every command and flag, declared once with its help.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::args::{DeclarationFlags, ParameterFlags, TextFormat};

#[derive(Debug, Subcommand)]
pub(super) enum RawPackage {
    /// Find, lock and fetch all packages
    #[command(after_help = "\
Chooses versions, writes them to `wake.lock` and fetches what this machine
needs. What is locked already is kept, and asks nobody.

Examples:
  wake pkg resolve                 bring `wake.lock` and `.wake/pkgs` up to date
  wake pkg resolve --locked        in CI: fail if the lock is not up to date
  wake pkg resolve --lock-only     choose and lock, fetch nothing that is not needed for it")]
    Resolve(RawResolve),
    /// Print the packages as a tree
    Tree(RawRead),
    /// Say who asks for a package
    Why(RawPackageWhy),
    /// List the packages with their versions and origins
    List(RawRead),
    /// List packages of which there are newer versions
    Outdated(RawRead),
    /// Add a package to the declaration here
    #[command(after_help = "\
Examples:
  wake pkg add crates/lua-src                 the newest version, from the retriever `crates`
  wake pkg add acme/log@^2 --from ../log      by path
  wake pkg add acme/log --from 'index {path: \"index\"}'
  wake pkg add 'Acme|Tool@1.2' --kind Tool    in a `Recipe.sml`: any reference of Soup's, or as above")]
    Add(RawAdd),
    /// Remove a package from the declaration here
    Remove(RawRemove),
    /// Choose newer versions
    #[command(after_help = "\
Examples:
  wake pkg update                             all packages
  wake pkg update acme/log                    this one, and what must change with it
  wake pkg update acme/log --precise 1.2.3    to exactly this version
  wake pkg update --min-age 3d                nothing published in the last three days")]
    Update(RawUpdate),
    /// Check the fetched packages, and fetch damaged ones again
    Verify(RawVerify),
    /// Copy all packages into a directory of the workspace, which is then used instead of asking for them
    Vendor(RawVendor),
    /// Put the package here into an index
    Publish(RawPublish),
}

#[derive(Debug, Args)]
pub(super) struct RawResolve {
    /// Fetch nothing that is not needed to choose
    #[arg(long)]
    pub(super) lock_only: bool,
    /// Write every event as a line of JSON
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) events: Option<PathBuf>,
    #[command(flatten)]
    pub(super) parameters: ParameterFlags,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawRead {
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: TextFormat,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawPackageWhy {
    /// `namespace/name`, `name`, or either with `@version`
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// How to print it
    #[arg(long, value_name = "FORMAT", default_value = "text")]
    pub(super) format: TextFormat,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawAdd {
    /// `namespace/name@requirement`; without a requirement: the newest version
    #[arg(value_name = "REQ")]
    pub(super) request: String,
    /// A path, a retriever of `wake.std` with its config, or `global` [default: the retriever that
    /// is called like the namespace, else `global`]
    #[arg(long, value_name = "FROM")]
    pub(super) from: Option<String>,
    /// What `pkgs` calls it [default: its name]
    #[arg(long, value_name = "KEY")]
    pub(super) key: Option<String>,
    /// What a recipe needs it for: Runtime, Build, Tool, Test, … [default: Runtime]
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<String>,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawRemove {
    /// The key in `pkgs`, or the name of the package
    #[arg(value_name = "NAME")]
    pub(super) name: String,
    /// Only from these dependencies of a recipe: Runtime, Build, Tool, Test, …
    #[arg(long, value_name = "KIND")]
    pub(super) kind: Option<String>,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawUpdate {
    /// Only these packages
    #[arg(value_name = "NAME")]
    pub(super) names: Vec<String>,
    /// To exactly this version
    #[arg(long, value_name = "VERSION", requires = "names")]
    pub(super) precise: Option<String>,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawVerify {
    /// Only say what is damaged
    #[arg(long)]
    pub(super) no_repair: bool,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawVendor {
    /// The directory, in the workspace
    #[arg(value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(super) copies: PathBuf,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Args)]
pub(super) struct RawPublish {
    /// The directory of the index
    #[arg(value_name = "INDEX", value_hint = ValueHint::DirPath)]
    pub(super) index: PathBuf,
    /// Whose the package is: a recipe does not say it
    #[arg(long, value_name = "NAMESPACE")]
    pub(super) namespace: Option<String>,
    /// Publish nothing; mark this version as one that is not to be chosen any more
    #[arg(long, value_name = "VERSION")]
    pub(super) yank: Option<String>,
    /// Publish nothing; take a `--yank` of this version back
    #[arg(long, value_name = "VERSION", conflicts_with = "yank")]
    pub(super) unyank: Option<String>,
    #[command(flatten)]
    pub(super) declarations: DeclarationFlags,
}

#[derive(Debug, Subcommand)]
pub(super) enum RawCache {
    /// Remove fetched packages that no workspace uses
    #[command(after_help = "\
Without limits everything goes that no workspace uses.

Examples:
  wake cache gc --age 30d --size 10GiB    what was not used for 30 days, then the oldest above 10 GiB")]
    Gc(RawGc),
}

#[derive(Debug, Args)]
pub(super) struct RawGc {
    /// Keep what was used this recently: 30d, 12h, …
    #[arg(long, value_name = "AGE")]
    pub(super) age: Option<String>,
    /// Keep this much: 10GiB, 500MiB, …
    #[arg(long, value_name = "SIZE")]
    pub(super) size: Option<String>,
}
