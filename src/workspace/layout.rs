//! Every path under `.wake/`, and the names of target directories.
//!
//! | path | what |
//! |---|---|
//! | `.wake/.gitignore` | `*` |
//! | `.wake/lock` | held while wake works in the workspace |
//! | `.wake/watcher.lock`, `.wake/watcher` | held while `wake watch` runs; the socket at which it answers |
//! | `.wake/out/<namespace or _>/<name>/<version or 0.0.0>/<module>/<instance hash>/` | target directories |
//! | `<OutputRoot>/…` | the same, where `RootRecipe.sml` says so; `.wake-output` in it keeps patterns out |
//! | `.wake/cache/<namespace or _>/<name>/<module>/` | what operations keep between runs |
//! | `.wake/state/`, `.wake/state/graphs/` | what wake knows |
//! | `.wake/pkgs/<namespace or _>/<name>@<version>` | links to packages: into the store, or to path packages |
//! | `.wake/downloaded/pkgs/<20 hex digits>/` | where retrievers put what they fetch |
//! | `.wake/logs/` | what operations printed, where it is too much to show |
//! | `.wake/tmp/` | private directories of operations that run |

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::declare::model::PackageInfo;
use crate::error::{Error, Result};
use crate::fs;

/// The directory that wake owns, relative to the top.
pub const WAKE: &str = ".wake";
/// Where target directories are, relative to the top.
const OUTPUT: &str = ".wake/out";
const CACHE: &str = ".wake/cache";
const PACKAGES: &str = ".wake/pkgs";

/// The file that says that a directory holds copies of packages (`wake pkg vendor`), none of which is the workspace's own.
pub const VENDORED: &str = ".wake-vendor";

/// The file that says that a directory holds what wake has built: an `OutputRoot`, of this or another workspace.
pub const BUILT: &str = ".wake-output";

/// The file that hides a directory from version control.
const IGNORED: &str = ".gitignore";

/// Whether a file of that name says that no pattern looks into its directory.
pub fn is_closed(name: &OsStr) -> bool {
    name == VENDORED || name == BUILT
}

/// What follows the name of a module in the directory of its `Tests`.
pub const TESTS: &str = ".tests";

/// How long a file name may be, in bytes.
const LONGEST_NAME: usize = 255;

/// Where things are in one workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    top: PathBuf,
    /// See [`Self::output_directory`].
    output: PathBuf,
}

impl Layout {
    /// The layout below `top`, an absolute directory with its links resolved.
    pub fn new(top: &Path) -> Self {
        Self::with_output_root(top, None)
    }

    /// As [`Self::new`], with what is built in another directory below the top, relative to it.
    pub fn with_output_root(top: &Path, output_root: Option<&str>) -> Self {
        Self {
            top: top.to_owned(),
            output: PathBuf::from(output_root.unwrap_or(OUTPUT)),
        }
    }

    /// Makes `.wake/` with a `.gitignore` that hides it. A `.gitignore` that is there stays.
    pub fn create(&self) -> Result<()> {
        let wake = self.wake_directory();
        fs::create_directories(&wake)?;
        hide(&wake)?;
        match self.output_root() {
            Some(root) => {
                fs::create_directories(&root)?;
                hide(&root)?;
                write_once(&root.join(BUILT), BUILT_CONTENT)
            }
            None => Ok(()),
        }
    }

    /// The `OutputRoot`, absolute, where there is one.
    pub fn output_root(&self) -> Option<PathBuf> {
        (self.output != Path::new(OUTPUT)).then(|| self.top.join(&self.output))
    }

    /// The workspace's top.
    pub fn top(&self) -> &Path {
        &self.top
    }

    /// `.wake/`, absolute.
    pub fn wake_directory(&self) -> PathBuf {
        self.top.join(WAKE)
    }

    /// What a process holds while it works in the workspace.
    pub fn lock_file(&self) -> PathBuf {
        self.top.join(".wake/lock")
    }

    /// What a process holds while it watches the workspace.
    pub fn watcher_lock_file(&self) -> PathBuf {
        self.top.join(".wake/watcher.lock")
    }

    /// The socket at which that process answers.
    pub fn watcher_socket(&self) -> PathBuf {
        self.top.join(".wake/watcher")
    }

    /// What wake knows of earlier runs.
    pub fn state_directory(&self) -> PathBuf {
        self.top.join(".wake/state")
    }

    /// The saved graphs.
    pub fn graphs_directory(&self) -> PathBuf {
        self.top.join(".wake/state/graphs")
    }

    /// Where the links to packages are.
    pub fn packages_directory(&self) -> PathBuf {
        self.top.join(PACKAGES)
    }

    /// Where a retriever puts the files of a package: named after what it is.
    pub fn download_directory(&self, label: &str, version: &str) -> PathBuf {
        let hash = blake3::hash(format!("{label}@{version}").as_bytes());
        self.download_root().join(&hash.to_hex()[..20])
    }

    /// What [`Self::download_directory`] lies below.
    pub fn download_root(&self) -> PathBuf {
        self.top.join(".wake/downloaded/pkgs")
    }

    /// What declarations said in earlier runs.
    pub fn declarations_file(&self) -> PathBuf {
        self.top.join(".wake/state/declarations-2")
    }

    /// What modules were generated to in earlier runs.
    pub fn modules_file(&self) -> PathBuf {
        self.top.join(".wake/state/modules-1")
    }

    /// What the latest resolution came to.
    pub fn resolution_file(&self) -> PathBuf {
        self.top.join(".wake/state/resolution-1")
    }

    /// What a workspace has locked.
    pub fn package_lock(&self) -> PathBuf {
        self.top.join("wake.lock")
    }

    /// The private directories of operations that run.
    pub fn temporary_directory(&self) -> PathBuf {
        self.top.join(".wake/tmp")
    }

    /// What all target directories lie below, relative to the top.
    pub fn output_directory(&self) -> &Path {
        &self.output
    }

    /// The target directory of an instance, relative to the top. `module` is the name of the module, `hash` its
    /// [`instance_hash`].
    ///
    /// A name that is no file name, and so could lead elsewhere, is a user error.
    pub fn target_directory(
        &self,
        package: &PackageInfo,
        module: &str,
        hash: &str,
    ) -> Result<String> {
        let version = package.version.as_deref().unwrap_or("0.0.0");
        let [namespace, name] = package_components(package)?;
        let version = component("version", version)?;
        let module = component("module", module)?;
        let hash = component("instance", hash)?;
        let output = self.output.display();
        Ok(format!(
            "{output}/{namespace}/{name}/{version}/{module}/{hash}"
        ))
    }

    /// What the operations of a module keep between runs, relative to the top. Errors as [`Self::target_directory`].
    pub fn cache_directory(&self, package: &PackageInfo, module: &str) -> Result<String> {
        let [namespace, name] = package_components(package)?;
        let module = component("module", module)?;
        Ok(format!("{CACHE}/{namespace}/{name}/{module}"))
    }
}

/// What the file [`BUILT`] says to who finds it.
const BUILT_CONTENT: &[u8] = b"wake builds here. No pattern looks into this directory.\n";

/// The first name in a directory that is to be an `OutputRoot` and holds something that wake did not put there; `None`:
/// it holds nothing else, or is one already.
pub fn foreign_in_output_root(directory: &Path) -> Result<Option<String>> {
    let entries = fs::list(directory)?;
    if entries.iter().any(|(name, _)| name == BUILT) {
        return Ok(None);
    }
    // The file that hides it is made before the one that marks it.
    let foreign = entries.iter().find(|(name, _)| name != IGNORED);
    Ok(foreign.map(|(name, _)| name.to_string_lossy().into_owned()))
}

/// The `OutputRoot`, of now or of before, that a file that was built lies in: absolute.
pub fn output_root_around(file: &Path) -> Option<&Path> {
    file.ancestors()
        .skip(1)
        .find(|one| fs::exists(&one.join(BUILT)))
}

/// Removes an `OutputRoot` if nobody has put anything into it.
///
/// # Errors
/// It cannot be read or removed.
pub fn remove_output_root(root: &Path) -> Result<()> {
    let entries = fs::list_if_exists(root)?;
    if entries
        .iter()
        .all(|(name, _)| name == BUILT || name == IGNORED)
    {
        fs::remove_all(root)?;
    }
    Ok(())
}

/// Hides a directory from version control.
fn hide(directory: &Path) -> Result<()> {
    write_once(&directory.join(IGNORED), b"*\n")
}

/// Writes a file that stays as it is if it is there.
fn write_once(path: &Path, content: &[u8]) -> Result<()> {
    match fs::exists(path) {
        true => Ok(()),
        false => fs::write_atomic(path, content),
    }
}

/// The link to a package, relative to the top. `label` is `namespace/name` or `name`.
pub fn package_link(label: &str, version: &str) -> String {
    match label.split_once('/') {
        Some((namespace, name)) => format!("{PACKAGES}/{namespace}/{name}@{version}"),
        None => format!("{PACKAGES}/_/{label}@{version}"),
    }
}

/// The namespace of the package that [`package_link`] leads to.
pub fn namespace_of_link(link: &Path) -> Option<&str> {
    let below = link.strip_prefix(PACKAGES).ok()?;
    let mut parts = below.components();
    let namespace = parts.next()?.as_os_str().to_str()?;
    (parts.next().is_some() && namespace != "_").then_some(namespace)
}

/// Whether a path goes through the link to a package.
pub fn is_package_link(path: &Path) -> bool {
    path.to_str()
        .is_some_and(|path| path.contains("/.wake/pkgs/"))
}

/// The directories that stand for a package: its namespace, or `_`, and its name.
fn package_components(package: &PackageInfo) -> Result<[&str; 2]> {
    let namespace = match package.namespace.as_deref() {
        None => "_",
        Some("_") => {
            return Err(Error::user(format!(
                "The namespace of `{}` cannot be `_`",
                package.label()
            ))
            .cause("`_` stands for packages without a namespace"));
        }
        Some(namespace) => component("namespace", namespace)?,
    };
    Ok([namespace, component("package", &package.name)?])
}

/// A user error if a declared module cannot have this name: it must name a directory, and be clear in targets
/// (`PATH:MODULE`) and tokens (`$(target NAME:MODULE#HASH)`).
pub fn check_module_name(name: &str) -> Result<()> {
    component("module", name)?;
    let wrong = |cause: String| {
        Err(
            Error::user(format!("The module `{name}` cannot have that name"))
                .cause(cause)
                .hint("targets and target directories are named after it"),
        )
    };
    if let Some(character) = name.chars().find(|character| "$():#".contains(*character)) {
        return wrong(format!("it contains `{character}`"));
    }
    match name.strip_suffix(TESTS) {
        Some(tested) => wrong(format!("it stands for the `Tests` of a module `{tested}`")),
        None => Ok(()),
    }
}

/// `name`, if it can be the name of one directory.
fn component<'a>(what: &str, name: &'a str) -> Result<&'a str> {
    let cause = if name.is_empty() {
        "it is empty".to_owned()
    } else if name == "." || name == ".." {
        "it names another directory".to_owned()
    } else if let Some(character) = name.chars().find(|c| *c == '/' || c.is_control()) {
        format!("it contains `{}`", character.escape_default())
    } else if name.len() > LONGEST_NAME {
        format!("it has more than {LONGEST_NAME} bytes")
    } else {
        return Ok(name);
    };
    Err(Error::user(format!(
        "The {what} `{}` cannot have that name",
        name.escape_debug()
    ))
    .cause(cause)
    .hint("a target directory is named after it"))
}

/// What distinguishes the instances of one module: the first 20 hex digits of BLAKE3 over the canonical JSON of
/// {parameters, config, variant}.
pub fn instance_hash(parameters: &Value, config: &Value, variant: &str) -> String {
    let identity =
        serde_json::json!({"parameters": parameters, "config": config, "variant": variant});
    blake3::hash(canonical_json(&identity).as_bytes()).to_hex()[..20].to_owned()
}

/// JSON with sorted keys and no spaces; equal values are equal texts, so `1.0` is `1`.
pub fn canonical_json(value: &Value) -> String {
    let mut text = String::new();
    write_canonical(value, &mut text);
    text
}

fn write_canonical(value: &Value, text: &mut String) {
    match value {
        Value::Array(items) => {
            text.push('[');
            for (index, item) in items.iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                write_canonical(item, text);
            }
            text.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| key.as_str());
            text.push('{');
            for (index, (key, field)) in fields.into_iter().enumerate() {
                text.push_str(if index > 0 { "," } else { "" });
                text.push_str(&Value::from(key.as_str()).to_string());
                text.push(':');
                write_canonical(field, text);
            }
            text.push('}');
        }
        Value::Number(number) => text.push_str(&canonical_number(number)),
        other => text.push_str(&other.to_string()),
    }
}

/// A number that is whole is written without a fraction.
fn canonical_number(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 2_f64.powi(53) => {
            // Adding zero makes -0 into 0.
            format!("{}", float + 0.0)
        }
        _ => number.to_string(),
    }
}
