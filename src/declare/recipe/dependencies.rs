//! `Dependencies` of a recipe: which packages it asks for, in what role, and where they are.
//!
//! ```text
//! Dependencies: { Runtime: [ '../library/', <User|Name@1.2>, { Reference: 'User|Name@1' } ], Build: […], Tool: […] }
//! ```
//!
//! Kinds are names; `Build` and `Tool` are chosen for the host. Soup's `ExcludeRuntime` in the table of an item is read
//! and means nothing: what is copied beside a program is for tasks to say.

use std::path::Path;

use super::document::Document;
use super::package_lock::PackageLock;
use super::properties::DEPENDENCIES;
use super::reference::{Reference, Target};
use crate::declare::model::{Dependency, PackageInfo, PackageRef, PackageRequest, Source};
use crate::declare::sml::{Entry, Value, ValueKind};
use crate::error::{Error, Location, Result, suggestion};
use crate::fs::path;

/// What an item that is a table may have.
const ITEM_KEYS: [&str; 2] = ["Reference", "ExcludeRuntime"];

/// One dependency of a recipe.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    pub(super) kind: String,
    pub(super) reference: Reference,
    pub(super) at: Location,
}

/// What a recipe that a `PKG` reads from a file says.
#[derive(Debug)]
pub struct FromFile {
    /// All but `Dependencies`.
    pub properties: serde_json::Map<String, serde_json::Value>,
    pub dependencies: Vec<Dependency>,
}

/// What decides where the packages are that a recipe asks for by name.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// What a name without a user belongs to.
    pub(super) namespace: Option<&'a str>,
    pub(super) lock: Option<&'a PackageLock>,
}

/// The dependencies that a recipe names, in order, but those on what wake brings itself.
pub(super) fn of_document(document: &Document) -> Result<Vec<Asked>> {
    let Some(value) = document.table.get(DEPENDENCIES) else {
        return Ok(Vec::new());
    };
    let wanted = "a table such as `{ Runtime: ['../library/'] }`";
    let mut asked: Vec<Asked> = Vec::new();
    for Entry {
        key: kind, value, ..
    } in document.entries(DEPENDENCIES, wanted, value)?
    {
        let path = format!("{DEPENDENCIES}.{kind}");
        for item in document.items(&path, "an array of references", value)? {
            let reference = reference(document, &path, item)?;
            let at = document.location(item.span);
            if is_itself(&reference) {
                return Err(Error::user(format!("`{reference}` is the package itself"))
                    .at(at)
                    .hint(format!("remove it from `{path}`")));
            }
            let twice = asked
                .iter()
                .any(|one| one.kind == *kind && one.reference == reference);
            if twice {
                return Err(
                    Error::user(format!("`{reference}` stands twice in `{path}`"))
                        .at(at)
                        .hint("remove one of them"),
                );
            }
            let kind = kind.clone();
            asked.push(Asked {
                kind,
                reference,
                at,
            });
        }
    }
    asked.retain(|one| !one.reference.is_built_in());
    Ok(asked)
}

/// Whether a path leads nowhere else.
fn is_itself(reference: &Reference) -> bool {
    match &reference.target {
        Target::Path(path) => matches!(path::clean(Path::new(path)).to_str(), Some("" | ".")),
        Target::Name { .. } => false,
    }
}

/// What one item means.
fn reference(document: &Document, path: &str, item: &Value) -> Result<Reference> {
    match &item.kind {
        ValueKind::String(text) => parse(document, item, text),
        ValueKind::Package(package) => parse(document, item, &package.to_string()),
        ValueKind::Table(table) => {
            let unknown = table.entries.iter();
            let mut unknown = unknown.filter(|entry| !ITEM_KEYS.contains(&&*entry.key));
            if let Some(entry) = unknown.next() {
                return Err(Error::user(format!(
                    "`{path}` has an item with the unknown key `{}`",
                    entry.key
                ))
                .at(document.location(entry.key_span))
                .hint_option(suggestion(&entry.key, ITEM_KEYS)));
            }
            if let Some(value) = table.get("ExcludeRuntime")
                && !matches!(value.kind, ValueKind::Boolean(_))
            {
                return Err(document.wrong_type("ExcludeRuntime", "a boolean", value));
            }
            match table.get("Reference").map(|value| (value, &value.kind)) {
                Some((value, ValueKind::String(text))) => parse(document, value, text),
                Some((value, ValueKind::Package(package))) => {
                    parse(document, value, &package.to_string())
                }
                Some((value, _)) => Err(document.wrong_type("Reference", "a reference", value)),
                None => Err(
                    Error::user(format!("`{path}` has an item without a `Reference`"))
                        .at(document.location(item.span))
                        .hint("write `{ Reference: '../library/' }`, or only `'../library/'`"),
                ),
            }
        }
        _ => Err(document
            .wrong_type(path, "references", item)
            .hint("write a path such as `'../library/'`, or a name such as `'User|Name@1.2'`")),
    }
}

fn parse(document: &Document, item: &Value, text: &str) -> Result<Reference> {
    Reference::parse(text).map_err(|malformed| {
        let subject = match text.is_empty() {
            true => "An empty string".to_owned(),
            false => format!("`{text}`"),
        };
        Error::user(format!("{subject} is no reference"))
            .at(document.location(item.span))
            .cause(malformed.cause)
            .hint(malformed.hint)
    })
}

impl Asked {
    /// Whether it is chosen for the host.
    fn is_host(&self) -> bool {
        matches!(&*self.kind, "Build" | "Tool")
    }

    /// Whether it says what the package is called instead of where it is.
    pub(super) fn is_by_name(&self) -> bool {
        matches!(self.reference.target, Target::Name { .. })
    }

    pub(super) fn request(&self, names: Names<'_>) -> PackageRequest {
        let (wanted, from) = self.source(names);
        PackageRequest {
            wanted,
            from,
            global: None,
            permissions: Vec::new(),
            versions: None,
            when: std::collections::BTreeMap::new(),
            replace: false,
            is_host: self.is_host(),
            at: Some(self.at.clone()),
        }
    }

    fn source(&self, names: Names<'_>) -> (PackageInfo, Source) {
        let (user, name, version) = match &self.reference.target {
            Target::Path(path) => return (PackageInfo::default(), Source::Path(path.clone())),
            Target::Name {
                user,
                name,
                version,
            } => (user, name, version),
        };
        let locked = names.lock.and_then(|lock| {
            let language = self.reference.language.as_deref();
            lock.path(user.as_deref(), name, language, self.is_host())
        });
        if let Some(path) = locked {
            // A path package does not say whose it is.
            let wanted = PackageInfo {
                name: name.clone(),
                ..PackageInfo::default()
            };
            return (wanted, Source::Path(path.to_owned()));
        }
        let wanted = PackageInfo {
            name: name.clone(),
            namespace: user
                .clone()
                .or_else(|| names.namespace.map(ToOwned::to_owned)),
            version: version.as_ref().map(|version| format!("^{version}")),
        };
        (wanted, Source::Global)
    }

    pub(super) fn dependency(&self, names: Names<'_>) -> Dependency {
        Dependency {
            kind: self.kind.clone(),
            key: None,
            package: PackageRef::Requested(self.request(names)),
            module: "root".to_owned(),
            config: serde_json::json!({}),
            language: self.reference.language.clone(),
            at: Some(self.at.clone()),
        }
    }
}

/// The requests as `pkgs` of a package: named as they are written, in order of their names.
pub(super) fn requests(asked: &[Asked], names: Names<'_>) -> Vec<(String, PackageRequest)> {
    let mut requests: Vec<(String, PackageRequest)> = Vec::new();
    for one in asked {
        let request = one.request(names);
        if requests.iter().any(|(_, known)| known.is_same(&request)) {
            continue;
        }
        let mut key = one.reference.to_string();
        if requests.iter().any(|(known, _)| *known == key) {
            // Wanted for the host, and not for it.
            key = format!("{key} ({})", one.kind);
        }
        requests.push((key, request));
    }
    requests.sort_by(|a, b| a.0.cmp(&b.0));
    requests
}
