//! The one model of packages that both front ends (`PKG` and `Recipe.sml`) make: plain data.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::{Error, Location, Result};
use crate::fs::path;

/// Name, version and namespace of a package.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PackageInfo {
    /// Empty in a request by path that takes whatever package is there, and in one for what another package asks for so.
    pub name: String,
    pub namespace: Option<String>,
    pub version: Option<String>,
}

impl PackageInfo {
    /// `namespace/name`, or `name` without a namespace: what names the package in tokens, labels and messages.
    pub fn label(&self) -> String {
        label(self.namespace.as_deref(), &self.name)
    }

    /// `namespace/name@requirement`, all but the name optional. Whether it is one is for [`Self::check_names`].
    pub fn parse(text: &str) -> Self {
        let (label, version) = match text.split_once('@') {
            Some((label, version)) => (label, Some(version.trim().to_owned())),
            None => (text, None),
        };
        let (namespace, name) = match label.split_once('/') {
            Some((namespace, name)) => (Some(namespace.to_owned()), name),
            None => (None, label),
        };
        Self {
            name: name.to_owned(),
            namespace,
            version,
        }
    }

    /// # Errors
    /// `User`: the name or the namespace cannot be one.
    pub fn check_names(&self) -> Result<()> {
        let named = [
            ("name", Some(&self.name)),
            ("namespace", self.namespace.as_ref()),
        ];
        for (what, name) in named {
            if let Some(name) = name.filter(|name| !is_name(name)) {
                return Err(
                    Error::user(format!("`{name}` cannot be the {what} of a package")).hint(NAMES),
                );
            }
        }
        if self.namespace.is_none() && self.name == RESOLVER {
            return Err(
                Error::user(format!("`{RESOLVER}` cannot be the name of a package")).hint(
                    "what answers for names that nobody defines is `wake.getPkg(wake.resolver, …)`",
                ),
            );
        }
        Ok(())
    }
}

/// `namespace/name`, or `name`.
pub fn label(namespace: Option<&str>, name: &str) -> String {
    match namespace {
        Some(namespace) => format!("{namespace}/{name}"),
        None => name.to_owned(),
    }
}

impl fmt::Display for PackageInfo {
    /// As [`Self::parse`] reads it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.label())?;
        match &self.version {
            Some(version) => write!(formatter, "@{version}"),
            None => Ok(()),
        }
    }
}

/// What [`is_name`] admits, in words.
pub const NAMES: &str = "a name has at most 128 letters, digits, `.`, `_`, `+` and `-`, and begins with a letter or a digit";

/// The version that a text is.
///
/// # Errors
/// Why it is none, in words.
pub fn version_of(text: &str) -> std::result::Result<semver::Version, String> {
    if text.len() > LONGEST_VERSION {
        return Err(format!("it is longer than {LONGEST_VERSION} bytes"));
    }
    semver::Version::parse(text).map_err(|error| error.to_string())
}

/// Bytes of the longest name and namespace. Names are parts of paths, together with versions.
const LONGEST_NAME: usize = 128;

/// Bytes of the longest version.
const LONGEST_VERSION: usize = 100;

/// Whether it is `namespace/name`, or `name`.
pub fn is_label(text: &str) -> bool {
    text.split('/').count() <= 2 && text.split('/').all(is_name)
}

/// Whether a package, or a namespace, can be called so.
pub fn is_name(name: &str) -> bool {
    name.len() <= LONGEST_NAME
        && name.starts_with(|first: char| first.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || "._+-".contains(character))
}

/// What evaluating a `PKG` declares.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    pub info: PackageInfo,
    /// The `Language` of a recipe. The modules of a `PKG` have one each.
    #[serde(default)]
    pub language: Option<String>,
    /// The paths that make up the package, relative to its directory, sorted: from `files`. `None`: not given.
    pub files: Option<Vec<String>>,
    /// The visible fields of `pkgs`, in order of their names.
    pub pkgs: Vec<(String, PackageRequest)>,
    /// Names of the modules, sorted.
    pub modules: Vec<String>,
    /// The tasks that it contributes, if it is a plugin.
    pub plugin: Option<DeclaredPlugin>,
    /// What runs when the package itself is executed.
    pub exec: Option<Exec>,
    /// The files of the package that its `PKG` imports, directly or not, whether or not evaluation came to the import:
    /// relative to its directory, sorted.
    pub imports: Vec<String>,
    /// Where `wake.pkg` is called.
    pub at: Option<Location>,
}

/// Where the tasks of a plugin are declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeclaredPlugin {
    /// In the argument `plugin` of `wake.pkg`.
    Pkg,
    /// In a file of jsonnet, relative to the package's directory: the `Source` of a recipe whose `Language` is `Jsonnet`.
    /// Behind [`MADE`] it is one that an operation of that recipe makes.
    File(String),
}

/// What the path of a file begins with that operations of the module itself make.
pub const MADE: &str = "$(target)/";

/// The name of what `wake.getPkg(wake.resolver, …)` asks for; no package can be called so.
pub const RESOLVER: &str = "wake.resolver";

/// What one `getPkg` asks for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PackageRequest {
    /// `namespace`, `name` and the semver requirement (in `version`).
    pub wanted: PackageInfo,
    pub from: Source,
    /// Defines the name in the global namespace with this priority: 0 for `global=true`, else 1 to 100.
    pub global: Option<u8>,
    /// What the package may do when it is executed, and what it may see: sorted, none twice.
    pub permissions: Vec<Permission>,
    pub versions: Option<Versions>,
    /// Parameters with the values for which the package is fetched; empty: for all.
    pub when: BTreeMap<String, Vec<String>>,
    /// Answers every request for the name in the whole workspace.
    pub replace: bool,
    /// Asked for as a `Build` or `Tool` dependency of a recipe: its version is chosen in the scope of the host
    /// (DESIGN §3.4).
    #[serde(default)]
    pub is_host: bool,
    /// Where `getPkg` is called.
    pub at: Option<Location>,
}

impl PackageRequest {
    /// What messages call what is asked for: the label of what is wanted; of a request that takes whatever package is
    /// there its path, or its key in `pkgs` of another package.
    pub fn label(&self) -> String {
        match &self.from {
            _ if !self.wanted.name.is_empty() => self.wanted.label(),
            Source::Path(path) => path.clone(),
            Source::Of(_, key) => key.clone(),
            Source::Global | Source::Retriever(_) => self.wanted.label(),
        }
    }

    /// Whether two requests of one package ask for the same, wherever they stand.
    pub fn is_same(&self, other: &Self) -> bool {
        self.wanted == other.wanted
            && self.is_host == other.is_host
            && self.from.is_same(&other.from)
    }

    /// The request itself, then that for the retriever which it names, and so on.
    pub fn with_retrievers(&self) -> impl Iterator<Item = &Self> {
        std::iter::successors(Some(self), |request| match &request.from {
            Source::Retriever(exec) => match &exec.program {
                Program::Package(retriever) => Some(retriever),
                Program::Std(_) | Program::File(_) => None,
            },
            Source::Path(_) | Source::Global | Source::Of(..) => None,
        })
    }
}

/// Where a package comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Source {
    /// A directory, relative to the asking package's.
    Path(String),
    /// The global namespace.
    Global,
    /// What executing a package, the retriever, finds.
    Retriever(Box<Exec>),
    /// What another package that is asked for names so in its own `pkgs`.
    Of(Box<PackageRequest>, String),
}

impl Source {
    /// Whether two are the same, wherever the requests in them stand.
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Retriever(one), Self::Retriever(other)) => one.is_same(other),
            (Self::Of(one, key), Self::Of(other, other_key)) => {
                key == other_key && one.is_same(other)
            }
            _ => self == other,
        }
    }
}

/// What `wake.exec` says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exec {
    pub program: Program,
    /// JSON, `null` if there is none.
    pub config: Value,
    pub args: Vec<String>,
    pub env: BTreeMap<String, String>,
}

impl Exec {
    fn is_same(&self, other: &Self) -> bool {
        let is_program = match (&self.program, &other.program) {
            (Program::Package(one), Program::Package(other)) => one.is_same(other),
            (one, other) => one == other,
        };
        is_program
            && (&self.config, &self.args, &self.env) == (&other.config, &other.args, &other.env)
    }
}

/// What is executed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Program {
    /// One of `wake.std`, by name.
    Std(String),
    /// What a package says in its `exec`.
    Package(Box<PackageRequest>),
    /// A file of the package itself, relative to its directory; or `pkgs/<key>/<path>`, a file of what it names `<key>`.
    File(String),
}

/// Something that must be granted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Permission {
    /// `network`.
    Network,
    /// `home`: the user's client configuration and credentials, files and environment.
    Home,
    /// `defineGlobal`.
    DefineGlobal,
    /// `env:NAME`: the variable may be read with `wake.env`.
    Environment(String),
}

/// How many versions of a package there may be side by side in one scope (DESIGN §3.4), strictest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Versions {
    One,
    OnePerMajor,
    OnePerMinor,
    /// The package and what is below it have a scope of their own.
    Any,
}

/// What evaluating one module function yields.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Module {
    pub body: ModuleBody,
    pub dependencies: Vec<Dependency>,
    /// Keys of the recipe that stand in `RootRecipe.sml` alone.
    #[serde(default)]
    pub shared_keys: Vec<String>,
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
    /// What the reference says that the package's `Language` is: `[C#]user|name`.
    #[serde(default)]
    pub language: Option<String>,
    /// Where `getModule` is called, or the reference stands.
    pub at: Option<Location>,
}

/// Which package a `getModule` means.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "nearly all are of the large kind"
)]
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
    /// The environment variables that `wake.env` may read in it; `None`: all, since it is a path package.
    pub granted: Option<Vec<String>>,
    /// Where messages say that it lies, if that is elsewhere: a store is no place that people know.
    pub place: Option<PathBuf>,
}

impl PackageDirectory {
    /// A path for people: relative to the workspace's top where it lies below it.
    pub fn display(&self, path: &Path) -> String {
        let below = path.strip_prefix(&self.directory).ok();
        match (&self.place, below) {
            (Some(place), Some(below)) => place.join(below).display().to_string(),
            _ => path::display(path, &self.top),
        }
    }
}
