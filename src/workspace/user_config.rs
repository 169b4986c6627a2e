//! `wake/LocalUserConfig.sml` in the user's config directory: what the machine has, and what its user prefers.
//!
//! ```text
//! SDKs: [ { Name: 'Roslyn', SourceDirectories: ['/opt/roslyn'], Properties: { ToolsRoot: '/opt/roslyn/tools' } } ]
//! Parameters: { Compiler: 'Clang' }
//! Registry: 'https://packages.example.com/index'
//! ```
//!
//! The workspace's root recipe and the command line win over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Value as Json, json};

use super::settings;
use crate::declare::model::Parameters;
use crate::declare::recipe::document::Document;
use crate::declare::sml::{Value, ValueKind};
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::jsonnet::protocol::Read;

/// Where it lies below the config directory.
const FILE: &str = "wake/LocalUserConfig.sml";
const KEYS: [&str; 3] = ["SDKs", "Parameters", "Registry"];
const SDK_KEYS: [&str; 3] = ["Name", "SourceDirectories", "Properties"];

/// What a `LocalUserConfig.sml` says.
#[derive(Clone, Debug, Default)]
pub struct UserConfig {
    /// `{Name, SourceDirectories, Properties}` each, as tasks see them.
    pub sdks: Vec<Json>,
    pub parameters: Parameters,
    /// An address, or an absolute path.
    pub registry: Option<String>,
    /// What all this was read from; `None`: there is no place for it.
    pub read: Option<Read>,
}

/// The user's config directory: that of the environment, else the usual one below the home directory.
pub fn config_directory(environment: &BTreeMap<String, String>) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let value = environment.get(name).map(PathBuf::from);
        value.filter(|path| path.is_absolute())
    };
    absolute("XDG_CONFIG_HOME").or_else(|| absolute("HOME").map(|home| home.join(".config")))
}

impl UserConfig {
    /// What the config directory holds; nothing where there is no file.
    ///
    /// # Errors
    /// `User`: the file is wrong. It cannot be read.
    pub fn read(directory: &Path) -> Result<Self> {
        let path = directory.join(FILE);
        let content = fs::read_if_exists(&path)?;
        let mut config = match &content {
            Some(content) => Self::parse(&path, content)?,
            None => Self::default(),
        };
        let hash = content.as_deref();
        let hash = hash.map(|content| *blake3::hash(content).as_bytes());
        config.read = Some(Read::File { path, hash });
        Ok(config)
    }

    fn parse(path: &Path, content: &[u8]) -> Result<Self> {
        let document = Document::parse(&path.display().to_string(), content)?;
        let directory = path.parent().unwrap_or(path);
        let mut config = Self::default();
        for entry in &document.table.entries {
            let value = &entry.value;
            match entry.key.as_str() {
                "SDKs" => config.sdks = sdks(&document, value)?,
                "Parameters" => config.parameters = settings::parameters(&document, value)?,
                "Registry" => {
                    config.registry = Some(settings::registry(&document, value, directory)?);
                }
                key => {
                    return Err(Error::user(format!("The user's config has no key `{key}`"))
                        .at(document.location(entry.key_span))
                        .hint_option(suggestion(key, KEYS)));
                }
            }
        }
        Ok(config)
    }
}

fn sdks(document: &Document, value: &Value) -> Result<Vec<Json>> {
    let items = document.items("SDKs", "an array of tables", value)?.iter();
    items.map(|item| sdk(document, item)).collect()
}

fn sdk(document: &Document, item: &Value) -> Result<Json> {
    let entries = document.entries("SDKs", "tables", item)?;
    let unknown = entries.iter();
    let mut unknown = unknown.filter(|entry| !SDK_KEYS.contains(&entry.key.as_str()));
    if let Some(entry) = unknown.next() {
        return Err(Error::user(format!("An SDK has no key `{}`", entry.key))
            .at(document.location(entry.key_span))
            .hint_option(suggestion(&entry.key, SDK_KEYS)));
    }
    let find = |key: &str| entries.iter().find(|entry| entry.key == key);
    let Some(name) = find("Name") else {
        return Err(Error::user("An SDK has no `Name`").at(document.location(item.span)));
    };
    let name = document.string("Name", &name.value)?;
    let directories = match find("SourceDirectories") {
        Some(entry) => directories(document, &entry.value)?,
        None => Vec::new(),
    };
    let properties = match find("Properties") {
        Some(entry) if matches!(entry.value.kind, ValueKind::Table(_)) => entry.value.to_json(),
        Some(entry) => return Err(document.wrong_type("Properties", "a table", &entry.value)),
        None => json!({}),
    };
    Ok(json!({ "Name": name, "SourceDirectories": directories, "Properties": properties }))
}

fn directories<'a>(document: &Document, value: &'a Value) -> Result<Vec<&'a str>> {
    let wanted = "an array of absolute paths";
    let items = document.items("SourceDirectories", wanted, value)?.iter();
    items
        .map(|item| match &item.kind {
            ValueKind::String(path) if Path::new(path).is_absolute() => Ok(&**path),
            ValueKind::String(path) => Err(Error::user(format!(
                "The directory `{path}` of an SDK is no absolute path"
            ))
            .at(document.location(item.span))),
            _ => Err(document.wrong_type("SourceDirectories", wanted, item)),
        })
        .collect()
}
