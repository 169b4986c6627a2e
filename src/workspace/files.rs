//! The files that people write for wake, as they lie in directories: declarations, plugins and other jsonnet.
//!
//! It reads none of them, and needs no workspace around them.

use std::path::{Path, PathBuf};

use super::discover::{PKG, RECIPES};
use super::layout::VENDORED;
use super::root_recipe;
use crate::error::{Error, Result};
use crate::fs;

/// The language of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    Jsonnet,
    Sml,
}

/// A file that wake can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    pub path: PathBuf,
    pub language: Language,
}

/// The files that `paths` name, and those in directories that they name: each once, in this order, sorted within a
/// directory. Links, hidden directories and vendored packages are not entered.
///
/// # Errors
/// `User`: nothing is at a path, or a file whose language is not known.
pub fn files(paths: &[PathBuf]) -> Result<Vec<File>> {
    let mut found = Vec::new();
    for path in paths {
        if fs::is_directory(path) {
            search(path, &mut found)?;
            continue;
        }
        if !fs::is_file(path) {
            return Err(Error::user(format!("There is no `{}`", path.display())));
        }
        let Some(language) = language(path) else {
            return Err(
                Error::user(format!("The language of `{}` is not known", path.display()))
                    .hint("wake reads `PKG`, `*.jsonnet`, `*.libsonnet` and `*.sml`"),
            );
        };
        found.push(File {
            path: path.clone(),
            language,
        });
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|file: &File| seen.insert(file.path.clone()));
    Ok(found)
}

fn language(path: &Path) -> Option<Language> {
    let name = path.file_name()?.to_str()?;
    match path.extension().and_then(|extension| extension.to_str()) {
        Some("jsonnet" | "libsonnet") => Some(Language::Jsonnet),
        Some("sml") => Some(Language::Sml),
        _ => (name == PKG).then_some(Language::Jsonnet),
    }
}

fn search(directory: &Path, found: &mut Vec<File>) -> Result<()> {
    let mut entries = fs::list(directory)?;
    if entries.iter().any(|(name, _)| name == VENDORED) {
        return Ok(());
    }
    entries.sort();
    for (name, is_directory) in entries {
        let Some(text) = name.to_str().filter(|name| !name.starts_with('.')) else {
            continue;
        };
        let path = match directory == Path::new(".") {
            true => PathBuf::from(text),
            false => directory.join(text),
        };
        // Other files that end in `.sml` are of another language of that name, or not written by people.
        let is_ours = !text.ends_with(".sml")
            || RECIPES.contains(&text)
            || root_recipe::FILES.contains(&text);
        match language(&path) {
            _ if is_directory => search(&path, found)?,
            Some(language) if is_ours && !fs::is_link(&path) => found.push(File { path, language }),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let write = |name: &str| {
            let path = directory.path().join(name);
            fs::create_directories(path.parent().unwrap()).unwrap();
            fs::write(&path, b"").unwrap();
            path
        };
        let ours = ["PKG", "b/Recipe.sml", "b/c/x.libsonnet", "d/y.jsonnet"].map(write);
        for name in [
            ".wake/PKG",
            "v/.wake-vendor",
            "v/PKG",
            "b/Lock.sml",
            "b/PKG.md",
            "z.json",
        ] {
            write(name);
        }
        let found = files(&[directory.path().to_owned(), ours[0].clone()]).unwrap();
        let paths: Vec<&PathBuf> = found.iter().map(|file| &file.path).collect();
        assert_eq!(paths, ours.iter().collect::<Vec<_>>());
        assert!(files(&[directory.path().join("z.json")]).is_err());
        assert!(files(&[directory.path().join("none")]).is_err());
        assert_eq!(
            files(&[directory.path().join("b/Lock.sml")]).unwrap().len(),
            1
        );
    }
}
