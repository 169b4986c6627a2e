//! `RootRecipe.sml`: marks the top of a workspace, names its members, and sets what its packages share.
//!
//! It may be empty. `Members`, `OutputRoot`, `Parameters`, `Pools` and `Registry` are read here; every other key is a property that
//! the recipes below the top have unless they give it themselves.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::{discover, layout, parameters, settings};
use crate::declare::model::Parameters;
use crate::declare::recipe::document::Document;
use crate::declare::recipe::properties;
use crate::declare::sml::{Entry, Value, ValueKind};
use crate::error::{Error, Location, Result};
use crate::fs;
use crate::fs::path;
use crate::jsonnet::protocol::Read;

/// Its name.
pub const FILE: &str = "RootRecipe.sml";
/// Its names: newer versions of Soup spell it small. Where a directory has both, the first counts.
pub const FILES: [&str; 2] = [FILE, "root-recipe.sml"];

/// Whether a directory has one.
pub fn is_in(directory: &Path) -> bool {
    let is_there = |name: &str| fs::is_file(&directory.join(name));
    FILES.into_iter().any(is_there)
}

/// What was looked at to find the one at the top of a workspace: the names that come before it are not there.
pub fn reads(top: &Path, found: Option<&RootRecipe>) -> Vec<Read> {
    let looked_at = match found {
        Some(found) if found.file() == FILE => &FILES[..1],
        _ => &FILES[..],
    };
    let read = |name: &&str| {
        let path = top.join(name);
        let hash = found.filter(|found| found.path == path);
        let hash = hash.map(|found| found.hash);
        Read::File { path, hash }
    };
    looked_at.iter().map(read).collect()
}

/// What a `RootRecipe.sml` says.
#[derive(Clone, Debug, Default)]
pub struct RootRecipe {
    /// Absolute.
    pub path: PathBuf,
    /// BLAKE3 of the file.
    pub hash: [u8; 32],
    /// The patterns of `Members`, relative to the top.
    pub members: Vec<MemberPattern>,
    /// `OutputRoot`: a directory below the top, relative to it.
    pub output_root: Option<String>,
    /// `Parameters`.
    pub parameters: Parameters,
    /// `Pools`: how many operations of a pool run at once.
    pub pools: BTreeMap<String, usize>,
    /// `Registry`: the address of an index, or the path of one, relative to the top: it stands in the lock, which is the
    /// same on every machine.
    pub registry: Option<String>,
    /// All other keys, as tasks see them.
    pub properties: Map<String, Json>,
}

/// One item of `Members`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberPattern {
    pub text: String,
    pub at: Location,
}

impl RootRecipe {
    /// The root recipe of a workspace, if it has one.
    pub fn read(top: &Path) -> Result<Option<Self>> {
        for name in FILES {
            let path = top.join(name);
            if let Some(bytes) = fs::read_if_exists(&path)? {
                return Self::parse(path, &bytes).map(Some);
            }
        }
        Ok(None)
    }

    /// The name of its file.
    pub fn file(&self) -> &str {
        let name = self.path.file_name();
        name.and_then(OsStr::to_str).unwrap_or(FILE)
    }

    /// What the content of the file at `path` says.
    pub fn parse(path: PathBuf, bytes: &[u8]) -> Result<Self> {
        let name = path.file_name().and_then(OsStr::to_str);
        let reader = Reader {
            document: &Document::parse(name.unwrap_or(FILE), bytes)?,
            top: path.parent().unwrap_or(Path::new("/")),
        };
        let mut root_recipe = Self {
            hash: *blake3::hash(bytes).as_bytes(),
            ..Self::default()
        };
        for entry in &reader.document.table.entries {
            reader.entry(entry, &mut root_recipe)?;
        }
        Ok(Self {
            path,
            ..root_recipe
        })
    }
}

struct Reader<'a> {
    document: &'a Document,
    top: &'a Path,
}

impl Reader<'_> {
    fn entry(&self, entry: &Entry, root_recipe: &mut RootRecipe) -> Result<()> {
        let (document, value) = (self.document, &entry.value);
        match entry.key.as_str() {
            "Members" => root_recipe.members = self.members(value)?,
            "OutputRoot" => root_recipe.output_root = Some(self.output_root(value)?),
            "Parameters" => root_recipe.parameters = settings::parameters(document, value)?,
            "Pools" => root_recipe.pools = self.pools(value)?,
            "Registry" => {
                root_recipe.registry = Some(settings::registry(document, value, Path::new(""))?);
            }
            "Name" | properties::DEPENDENCIES => return Err(self.unshareable(entry)),
            name if parameters::NAMES.contains(&name) => {
                return Err(settings::misplaced(document, entry));
            }
            key => {
                let property = properties::property(document, key, value)?;
                root_recipe.properties.insert(key.to_owned(), property);
            }
        }
        Ok(())
    }

    fn pools(&self, value: &Value) -> Result<BTreeMap<String, usize>> {
        let entries = self.document.entries("Pools", "a table", value)?.iter();
        entries
            .map(|entry| {
                let wanted = "how many operations of it run at once, as an integer";
                let ValueKind::Integer(depth) = entry.value.kind else {
                    return Err(self.document.wrong_type(&entry.key, wanted, &entry.value));
                };
                let depth = usize::try_from(depth).map_err(|_| {
                    Error::user(format!("Fewer than no operations of `{}`", entry.key))
                        .at(self.document.location(entry.value.span))
                        .hint("0 stands for any number")
                })?;
                let depth = if depth == 0 { usize::MAX } else { depth };
                Ok((entry.key.clone(), depth))
            })
            .collect()
    }

    fn members(&self, value: &Value) -> Result<Vec<MemberPattern>> {
        let wanted = "an array of path patterns";
        let items = self.document.items("Members", wanted, value)?;
        items.iter().map(|item| self.member(item)).collect()
    }

    fn member(&self, item: &Value) -> Result<MemberPattern> {
        match &item.kind {
            ValueKind::String(text) => Ok(MemberPattern {
                text: text.clone(),
                at: self.document.location(item.span),
            }),
            _ => Err(self.document.wrong_type("Members", "strings only", item)),
        }
    }

    /// What wake makes goes there, and no pattern sees it: so nothing else may be there.
    fn output_root(&self, value: &Value) -> Result<String> {
        let written = self.document.string("OutputRoot", value)?;
        let wrong = |cause: &str| {
            Error::user(format!("`{written}` cannot be the `OutputRoot`"))
                .at(self.document.location(value.span))
                .cause(cause)
                .hint("name a directory below the workspace's top that holds nothing else, such as `'out'`")
        };
        let path = path::clean(&self.top.join(written));
        let Ok(relative) = path.strip_prefix(self.top) else {
            return Err(wrong("it lies outside of the workspace"));
        };
        let parts = relative.components();
        let names: Option<Vec<&str>> = parts
            .map(|part| match part {
                Component::Normal(name) => name.to_str(),
                _ => None,
            })
            .collect();
        let names = names.unwrap_or_default();
        if names.is_empty() {
            return Err(wrong("it is the workspace's top"));
        }
        if let Some(name) = names.iter().find(|name| [".wake", ".git"].contains(name)) {
            return Err(wrong(&format!("`{name}` is not for what is built")));
        }
        if names
            .iter()
            .any(|name| name.contains(['$', '\\']) || name.contains(char::is_control))
        {
            return Err(wrong(
                "a path of what is built has no `$`, `\\` and control characters",
            ));
        }
        if let Some(cause) = self.occupied(&path)? {
            return Err(wrong(&cause));
        }
        Ok(names.join("/"))
    }

    /// Why what is at a path, or around it, keeps it from being a directory for what is built.
    fn occupied(&self, path: &Path) -> Result<Option<String>> {
        let mut around = path.ancestors().filter(|around| fs::is_occupied(around));
        let existing = around.next().unwrap_or(self.top);
        let cause = if !fs::is_directory(existing) {
            "there is a file of that name"
        } else if !fs::canonicalize(existing)?.starts_with(self.top) {
            "it is a link that leads out of the workspace"
        } else if existing != path {
            return Ok(None);
        } else if discover::is_package(path) {
            "there is a package"
        } else {
            let foreign = layout::foreign_in_output_root(path)?;
            return Ok(foreign.map(|name| format!("it holds `{name}`, which wake did not make")));
        };
        Ok(Some(cause.to_owned()))
    }

    fn unshareable(&self, entry: &Entry) -> Error {
        Error::user(format!("`{}` cannot be shared by packages", entry.key))
            .at(self.document.location(entry.key_span))
            .hint("write it in the `Recipe.sml` of each package")
    }
}
