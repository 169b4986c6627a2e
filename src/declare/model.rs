//! The one model of packages that both front ends (`PKG` and, later, `Recipe.sml`) make: plain data.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::Location;

/// Name, version and namespace of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageInfo {
    pub name: String,
    pub namespace: Option<String>,
    pub version: Option<String>,
}

impl PackageInfo {
    /// `namespace/name`, or `name` without a namespace: what names the package in tokens, labels and messages.
    pub fn label(&self) -> String {
        match &self.namespace {
            Some(namespace) => format!("{namespace}/{}", self.name),
            None => self.name.clone(),
        }
    }
}

/// What evaluating a `PKG` declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    pub info: PackageInfo,
    /// The paths that make up the package, relative to its directory, sorted: from `files`. `None`: not given.
    pub files: Option<Vec<String>>,
    /// The visible fields of `pkgs`, in order of their names.
    pub pkgs: Vec<(String, PackageRequest)>,
    /// Names of the modules, sorted.
    pub modules: Vec<String>,
    /// Whether it has a `plugin`.
    pub is_plugin: bool,
    /// Where `wake.pkg` is called.
    pub at: Option<Location>,
}

/// What one `getPkg` asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageRequest {
    /// `namespace`, `name` and the semver requirement (in `version`).
    pub wanted: PackageInfo,
    pub from: Source,
    /// Where `getPkg` is called.
    pub at: Option<Location>,
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// A directory, relative to the asking package's.
    Path(String),
    /// The global namespace.
    Global,
    /// A retriever: a package that is executed.
    Retriever,
    /// Not said.
    Unsaid,
}

/// What evaluating one module function yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Module {
    pub body: ModuleBody,
    pub dependencies: Vec<Dependency>,
    /// Where the module is declared.
    pub at: Option<Location>,
}

/// The two kinds of modules.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ModuleBody {
    /// `wake.recipe`: the properties but `Dependencies`.
    Recipe(Value),
    /// `wake.module`: one operation, worked out when its dependencies are generated.
    Operation,
}

/// A `getModule` that a module makes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Dependency {
    /// `Runtime`, `Build`, `Tool`, `Test` or another name; for `wake.module`, `Runtime`.
    pub kind: String,
    /// The key in `wake.module`'s `modules`.
    pub key: Option<String>,
    pub package: PackageRef,
    pub module: String,
    pub config: Value,
    /// Where `getModule` is called.
    pub at: Option<Location>,
}

/// Which package a `getModule` means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum PackageRef {
    /// The package that declares the module.
    Own,
    Requested(PackageRequest),
}

/// `Flavor`, `Architecture`, `System`, `Compiler` and user keys. They flow to every dependency.
pub type Parameters = BTreeMap<String, Value>;

/// What evaluation may know of the machine (`wake.host`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// `linux`, …
    pub kernel: String,
    /// `debian`, …; empty where unknown.
    pub distribution: String,
    /// `bookworm`, …; empty where unknown.
    pub codename: String,
    /// `x86_64`, `aarch64`, …
    pub architecture: String,
}

/// A package directory as an evaluation process needs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PackageDirectory {
    /// Absolute, links resolved.
    pub directory: PathBuf,
    /// The workspace's top, for display and for what may lie anywhere in the workspace.
    pub top: PathBuf,
}
