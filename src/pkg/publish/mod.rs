//! Putting versions of packages into an index that is a directory (its format: `pkg::index`).
//!
//! What is published can be fetched by everybody, and stays: a version is never replaced, only yanked. It knows nothing
//! of evaluation; the declaration comes from whoever asks.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use semver::Version;
use serde_json::Value;

use super::archive::digest::Digest;
use super::archive::{Limits, Strip, pack, unpack};
use super::contents::{declaration_file, files_of};
use super::index::{self, Archive, Line};
use super::retriever::protocol::Required;
use crate::declare::model::{Declaration, Exec, PackageInfo, PackageRequest, Program, Source};
use crate::error::{Error, Result};
use crate::fs;
use crate::workspace::discover::PKG;

/// Held while an index is changed.
const LOCK: &str = ".lock";
/// Where an archive is unpacked to see whether it can be.
const TRIAL: &str = ".trial";

/// What publishing did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// The file with the versions of the package.
    pub versions: PathBuf,
    pub archive: PathBuf,
    /// Bytes of the archive.
    pub size: u64,
    pub digest: String,
    /// `false`: the version was there already, with the same content; nothing was changed.
    pub is_new: bool,
}

/// What is published.
#[derive(Clone, Copy, Debug)]
pub struct Package<'a> {
    pub directory: &'a Path,
    pub declaration: &'a Declaration,
    /// The text of its recipe, if it is another one than that in the directory.
    pub recipe: Option<&'a str>,
}

/// Publishes a package into the index at `index`, a directory that is made where it is missing. `top` is the workspace's.
///
/// # Errors
/// The package has no name for an index, no version or no `files`; it asks for packages that those who fetch it could not
/// have; the version is there with other content; a file cannot be read or written.
pub fn publish(package: &Package<'_>, index: &Path, top: &Path) -> Result<Published> {
    let Package {
        directory,
        declaration,
        ..
    } = *package;
    let info = &declaration.info;
    let label = info.label();
    let version = version(directory, declaration)?;
    let entry = Entry {
        file: index::file(info.namespace.as_deref(), &info.name)?,
        pkgs: requirements(declaration, index, top)?,
        tar: pack(package, index)?,
        version,
    };
    fs::create_directories(index)?;
    let _lock = fs::Lock::acquire(&index.join(LOCK))?;
    let known = fs::read_if_exists(&index.join(&entry.file))?.unwrap_or_default();
    let lines = index::lines(&entry.file, &known, |version| *version == entry.version)?;
    match lines.into_iter().next() {
        Some((_, line)) => entry.compare(&label, line, index),
        None => entry.add(info, &known, index),
    }
}

/// Marks a version as yanked, or as no longer yanked: it is chosen only by those who have it in their lock. Returns
/// whether that changed anything.
///
/// # Errors
/// The index has no such version, or cannot be written.
pub fn yank(
    index: &Path,
    package: &PackageInfo,
    version: &Version,
    is_yanked: bool,
) -> Result<bool> {
    let file = index::file(package.namespace.as_deref(), &package.name)?;
    let path = index.join(&file);
    let missing = || {
        let message = format!(
            "`{}` has no `{}@{version}`",
            index.display(),
            package.label()
        );
        Error::user(message)
    };
    if !fs::is_directory(index) {
        return Err(missing());
    }
    let _lock = fs::Lock::acquire(&index.join(LOCK))?;
    let known = fs::read_if_exists(&path)?.ok_or_else(missing)?;
    let mut lines = split(&known);
    let place = lines
        .iter()
        .position(|text| version_of(&file, text).as_ref() == Some(version))
        .ok_or_else(missing)?;
    // As it is written, with the keys that this wake does not know.
    let mut line: Value = serde_json::from_slice(lines[place])
        .map_err(|error| Error::user(format!("`{file}` is damaged")).cause(error.to_string()))?;
    if line["yanked"].as_bool().unwrap_or(false) == is_yanked {
        return Ok(false);
    }
    line["yanked"] = is_yanked.into();
    let line = line.to_string();
    lines[place] = line.as_bytes();
    fs::write_atomic(&path, &join(&lines))?;
    Ok(true)
}

/// What is to be published.
struct Entry {
    /// Relative to the index.
    file: String,
    version: Version,
    pkgs: BTreeMap<String, Required>,
    tar: Vec<u8>,
}

impl Entry {
    /// The archive first, then the line that names it: whoever reads meanwhile finds both or neither.
    fn add(&self, info: &PackageInfo, known: &[u8], index: &Path) -> Result<Published> {
        let path = format!(
            "{}/{}/{}.tar.zst",
            index::ARCHIVES,
            info.namespace.as_deref().unwrap_or(index::NO_NAMESPACE),
            index::top(&info.name, &self.version.to_string()),
        );
        let content = pack::compress(&self.tar)?;
        try_out(&path, &content, index)?;
        let archive = index.join(&path);
        let versions = index.join(&self.file);
        for file in [&archive, &versions] {
            fs::create_directories(file.parent().unwrap_or(index))?;
        }
        fs::write_atomic(&archive, &content)?;
        let digest = Digest::of(&content).to_string();
        let size = content.len() as u64;
        let line = Line {
            version: self.version.to_string(),
            pkgs: self.pkgs.clone(),
            size: Some(size),
            published: Some(now()),
            archive: Some(Archive {
                path,
                digest: digest.clone(),
            }),
            ..Line::default()
        };
        fs::write_atomic(&versions, &self.insert(known, &line)?)?;
        Ok(Published {
            versions,
            archive,
            size,
            digest,
            is_new: true,
        })
    }

    /// The file with one more line, before the first of a larger version.
    fn insert(&self, known: &[u8], line: &Line) -> Result<Vec<u8>> {
        let line = serde_json::to_vec(line)
            .map_err(|error| Error::internal("No line can be written").cause(error.to_string()))?;
        let mut lines = split(known);
        let place = lines
            .iter()
            .position(|text| version_of(&self.file, text).is_some_and(|v| v > self.version));
        lines.insert(place.unwrap_or(lines.len()), &line);
        Ok(join(&lines))
    }

    /// The version is there: it must be the same.
    fn compare(&self, label: &str, line: Line, index: &Path) -> Result<Published> {
        let known = line.archive.unwrap_or_default();
        let archive = index.join(&known.path);
        let content = match known.path.is_empty() {
            true => None,
            false => fs::read_if_exists(&archive)?,
        };
        let is_same = content
            .as_ref()
            .is_some_and(|content| pack::is_same(content, &self.tar));
        if !is_same || line.pkgs != self.pkgs {
            let version = &self.version;
            let message = format!("`{label}@{version}` is published already, with other content");
            return Err(Error::user(message).hint(
                "a version never changes: publish a new one, and yank this one if it is bad",
            ));
        }
        Ok(Published {
            versions: index.join(&self.file),
            archive,
            size: content.map_or(0, |content| content.len() as u64),
            digest: known.digest,
            is_new: false,
        })
    }
}

/// The version of the package.
fn version(directory: &Path, declaration: &Declaration) -> Result<Version> {
    let label = declaration.info.label();
    let Some(text) = &declaration.info.version else {
        return Err(
            unpublishable(&label, declaration, "it has no version").hint(
                match declaration_file(directory) {
                    PKG => "wake.pkgInfo(…, version='1.0.0')",
                    _ => "Version: 1.0.0",
                },
            ),
        );
    };
    Version::parse(text).map_err(|error| {
        unpublishable(
            &label,
            declaration,
            &format!("its version `{text}` is not one"),
        )
        .cause(error.to_string())
        .hint("versions have three numbers: `1.2.0`")
    })
}

/// What the package asks for, as the line says it.
fn requirements(
    declaration: &Declaration,
    index: &Path,
    top: &Path,
) -> Result<BTreeMap<String, Required>> {
    let mut required = BTreeMap::new();
    let mut flaws = Vec::new();
    for (key, request) in &declaration.pkgs {
        match requirement(request, index, top) {
            Ok(requirement) => {
                required.insert(key.clone(), requirement);
            }
            Err(flaw) => {
                let at = request.at.as_ref();
                let at = at.map_or_else(|| "`PKG`".to_owned(), ToString::to_string);
                flaws.push(format!("{at}: `{key}` {flaw}"));
            }
        }
    }
    if flaws.is_empty() {
        return Ok(required);
    }
    let label = declaration.info.label();
    let error = Error::user(format!("`{label}` cannot be published"));
    Err(flaws
        .into_iter()
        .fold(error, Error::cause)
        .hint("ask for packages of this index, or `from=wake.GLOBAL`, and let the workspaces that use it say where these come from"))
}

/// One request as a line says it; else what is wrong with it.
fn requirement(
    request: &PackageRequest,
    index: &Path,
    top: &Path,
) -> std::result::Result<Required, String> {
    let wanted = &request.wanted;
    let req = format!(
        "{}@{}",
        wanted.label(),
        wanted.version.as_deref().unwrap_or("*")
    );
    match &request.from {
        Source::Global => Ok(Required::From {
            req,
            from: Some("global".to_owned()),
            host: request.is_host,
        }),
        Source::Path(path) => Err(format!(
            "comes from the path `{path}`, which others do not have"
        )),
        Source::Retriever(exec) => match is_index(exec, index, top) {
            Some(true) if request.is_host => Ok(Required::From {
                req,
                from: None,
                host: true,
            }),
            Some(true) => Ok(Required::Same(req)),
            Some(false) => Err("comes from another index".to_owned()),
            None => Err("comes from a retriever that is no index".to_owned()),
        },
        Source::Of(..) => Err("is what another package asks for".to_owned()),
    }
}

/// Whether a retriever asks the index at `index`; `None`: it asks no index. One that is asked by its address may be any,
/// since a directory does not know where it is served.
fn is_index(exec: &Exec, index: &Path, top: &Path) -> Option<bool> {
    if exec.program != Program::Std("index".to_owned()) {
        return None;
    }
    match exec.config.get("path").and_then(Value::as_str) {
        None => Some(true),
        Some(path) => {
            let asked = fs::canonicalize(&top.join(path));
            let index = fs::canonicalize(index);
            Some(asked.is_ok_and(|asked| index.is_ok_and(|index| asked == index)))
        }
    }
}

/// The files of the package as they are published.
fn pack(package: &Package<'_>, index: &Path) -> Result<Vec<u8>> {
    let Package {
        directory,
        declaration,
        recipe,
    } = *package;
    let info = &declaration.info;
    let file = declaration_file(directory);
    if declaration.files.is_none() && file == PKG {
        let label = info.label();
        return Err(unpublishable(
            &label,
            declaration,
            "it does not say which files belong to it",
        )
        .hint("wake.pkg(…, files=['src/**'])"));
    }
    let files = files_of(directory, declaration, Some(index))?;
    let top = index::top(&info.name, info.version.as_deref().unwrap_or_default());
    let recipe = recipe.map(|text| (file, text.as_bytes()));
    pack::tar_with(directory, files.iter().map(String::as_str), &top, recipe)
}

/// Refuses an archive that nobody could unpack: with a link that leads out of the package, say.
fn try_out(name: &str, content: &[u8], index: &Path) -> Result<()> {
    let trial = index.join(TRIAL);
    fs::remove_all(&trial)?;
    let unpacked = unpack(
        name,
        Cursor::new(content),
        &trial,
        Limits::default(),
        Strip::Top,
    );
    fs::remove_all(&trial)?;
    unpacked.map(drop)
}

fn unpublishable(label: &str, declaration: &Declaration, why: &str) -> Error {
    Error::user(format!("`{label}` cannot be published"))
        .cause(why)
        .at_if_absent(declaration.at.as_ref())
}

/// The version of a line that this wake understands.
fn version_of(file: &str, text: &[u8]) -> Option<Version> {
    let mut lines = index::lines(file, text, |_| true).ok()?;
    Some(lines.pop()?.0)
}

fn split(content: &[u8]) -> Vec<&[u8]> {
    let lines = content.split(|byte| *byte == b'\n');
    lines.filter(|line| !line.trim_ascii().is_empty()).collect()
}

fn join(lines: &[&[u8]]) -> Vec<u8> {
    let mut content = lines.join(&b'\n');
    content.push(b'\n');
    content
}

/// The time, to the second, in RFC 3339.
fn now() -> String {
    let seconds = jiff::Timestamp::now().as_second();
    jiff::Timestamp::from_second(seconds).map_or_else(|_| String::new(), |time| time.to_string())
}
