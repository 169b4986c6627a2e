//! A copy of what is locked, in a directory that is kept along with the workspace, so that nobody need be asked for it.
//!
//! It knows nothing of when packages are taken from there.
//!
//! ## The directory
//!
//! `<namespace or _>/<name>@<version>/` has the files of a package and no others; that of an artifact is followed by a
//! comma and the first 12 digits of its id. `.wake-vendor` is empty and says that wake owns the directory: what is not
//! locked any more is removed, unless its path begins with a dot. `.gitattributes` keeps line ends as they are. Nothing
//! tells what the files should be but the lock: an edited copy has another id.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::lock::{Entry, Lock};
use super::store::{PackageId, Store, Stored, files_below};
use crate::error::{Error, Result};
use crate::fs;
use crate::workspace::layout;

/// Git must not change line ends: that would be another package.
const ATTRIBUTES: &[u8] = b"* -text\n";
/// What stands for no namespace.
const NO_NAMESPACE: &str = "_";

/// What [`vendor`] has done. Paths are relative to the directory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vendored {
    pub copied: Vec<PathBuf>,
    pub removed: Vec<PathBuf>,
    /// Packages that were there already.
    pub kept: usize,
    /// Packages that are neither there nor in the store: those for other machines. `namespace/name@version`.
    pub lacking: Vec<String>,
}

/// Makes `directory` contain the packages of a lock that are in the store or there already, and nothing else.
///
/// # Errors
/// `User`, if the directory contains something and is not wake's; `Environment`, if the directory cannot be written.
pub fn vendor(store: &Store, lock: &Lock, directory: &Path) -> Result<Vendored> {
    claim(directory)?;
    let places = lock.entries.iter();
    let places: BTreeMap<PathBuf, PackageId> = places.filter_map(place).collect();
    let mut vendored = Vendored {
        lacking: lacking(store, lock, directory),
        ..Vendored::default()
    };
    for (place, id) in &places {
        let path = directory.join(place);
        if matches!(id_at(&path), Ok(Some(found)) if found == *id) {
            vendored.kept += 1;
            continue;
        }
        if store.get(id).is_none() {
            continue;
        }
        // Not complete as long as it has this name; the next time it is removed as something that is not locked.
        let new = path.with_file_name(format!(".new.{}", id.short()));
        fs::create_directories(path.parent().unwrap_or(directory))?;
        fs::remove_all(&new)?;
        store.export(id, &new)?;
        fs::remove_all(&path)?;
        fs::rename(&new, &path)?;
        vendored.copied.push(place.clone());
    }
    for stale in packages(directory)? {
        if !places.contains_key(&stale) {
            fs::remove_all(&directory.join(&stale))?;
            fs::remove_if_empty(directory.join(&stale).parent().unwrap_or(directory));
            vendored.removed.push(stale);
        }
    }
    Ok(vendored)
}

/// The releases of which no copy can be had.
fn lacking(store: &Store, lock: &Lock, directory: &Path) -> Vec<String> {
    let releases = lock.entries.iter().filter(|entry| entry.version.is_some());
    let lacking = releases.filter(|entry| match place(entry) {
        Some((place, id)) => {
            store.get(&id).is_none()
                && !matches!(id_at(&directory.join(place)), Ok(Some(found)) if found == id)
        }
        None => true,
    });
    let mut lacking: Vec<String> = lacking.map(Entry::label).collect();
    lacking.dedup();
    lacking
}

/// Whether the copies that there are, are what the lock says.
pub fn are_as_locked(lock: &Lock, directory: &Path) -> bool {
    let mut places = lock.entries.iter().filter_map(place);
    places.all(|(place, id)| {
        matches!(id_at(&directory.join(place)), Ok(found) if found.is_none_or(|found| found == id))
    })
}

/// Puts a package into the store that `directory` has a copy of. `None`: it has none.
///
/// # Errors
/// `User`, if the copy is not what the lock says; else as [`Store::put`].
pub fn restore(store: &Store, entry: &Entry, directory: &Path) -> Result<Option<Stored>> {
    let Some((place, id)) = place(entry) else {
        return Ok(None);
    };
    let path = directory.join(place);
    let Some(found) = id_at(&path)? else {
        return Ok(None);
    };
    if found != id {
        return Err(Error::user(format!(
            "The copy of `{}` in `{}` is not what is locked",
            entry.label(),
            path.display()
        ))
        .cause(format!("its digest is {found}"))
        .cause(format!("the lock says {id}"))
        .hint("restore it from version control, or run `wake pkg vendor` again"));
    }
    store.put(&path, &files_below(&path)?).map(Some)
}

/// Where a package is, and what; `None` for path packages and for what has not been fetched yet.
fn place(entry: &Entry) -> Option<(PathBuf, PackageId)> {
    let (version, id) = (entry.version.as_ref()?, entry.digest?);
    let (namespace, name) = entry
        .name
        .split_once('/')
        .unwrap_or((NO_NAMESPACE, &entry.name));
    let artifact = match entry.artifact {
        Some(_) => format!(",{}", id.short()),
        None => String::new(),
    };
    let place = Path::new(namespace).join(format!("{name}@{version}{artifact}"));
    Some((place, id))
}

/// The id of what is at a path, if something is.
fn id_at(path: &Path) -> Result<Option<PackageId>> {
    if !fs::is_directory(path) {
        return Ok(None);
    }
    let (id, _) = Store::id_of(path, &files_below(path)?)?;
    Ok(Some(id))
}

/// Creates the directory, or makes sure that it is wake's.
fn claim(directory: &Path) -> Result<()> {
    fs::create_directories(directory)?;
    let marker = directory.join(layout::VENDORED);
    if fs::is_file(&marker) {
        return Ok(());
    }
    if !fs::is_empty_directory(directory) {
        let directory = directory.display();
        return Err(Error::user(format!(
            "`{directory}` contains something that wake has not put there"
        ))
        .hint("name a directory that is empty, or one that is not there"));
    }
    fs::write(&directory.join(".gitattributes"), ATTRIBUTES)?;
    fs::write(&marker, b"")
}

/// What is in the directory, two levels deep.
fn packages(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut packages = Vec::new();
    for (namespace, is_directory) in fs::list(directory)? {
        if !is_directory || namespace.as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let names = fs::list(&directory.join(&namespace))?.into_iter();
        packages.extend(names.map(|(name, _)| Path::new(&namespace).join(name)));
    }
    Ok(packages)
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "tests make and damage files as others would"
)]
mod tests {
    use std::sync::Arc;

    use semver::Version;

    use super::*;
    use crate::fs::tree;

    fn entry(name: &str, id: PackageId) -> Entry {
        Entry {
            name: name.to_owned(),
            version: Some(Version::new(1, 0, 0)),
            origin: Arc::from("crates"),
            scope: None,
            digest: Some(id),
            size: None,
            requires: Vec::new(),
            artifact: None,
            replace: false,
        }
    }

    /// Catches a copy that is taken although it has been edited, and files of others that are removed.
    #[test]
    fn a_copy_can_be_restored_and_an_edited_one_cannot() {
        let space = tempfile::tempdir().unwrap();
        let (staged, vendored) = (space.path().join("staged"), space.path().join("vendor"));
        std::fs::create_dir_all(staged.join("bin")).unwrap();
        std::fs::write(staged.join("bin/run"), "#!/bin/sh\n").unwrap();
        tree::set_mode(&staged.join("bin/run"), 0o755).unwrap();
        std::os::unix::fs::symlink("bin/run", staged.join("run")).unwrap();
        let store = Store::open(&space.path().join("one")).unwrap();
        let id = store
            .put(&staged, &files_below(&staged).unwrap())
            .unwrap()
            .id;
        let (a, b) = (entry("acme/a", id), entry("b", id));
        let both = Lock::new(vec![a.clone(), b.clone()]);
        let first = vendor(&store, &both, &vendored).unwrap();
        assert_eq!(
            first.copied,
            [Path::new("_/b@1.0.0"), Path::new("acme/a@1.0.0")]
        );
        assert_eq!(vendor(&store, &both, &vendored).unwrap().kept, 2);

        let other = Store::open(&space.path().join("other")).unwrap();
        assert_eq!(restore(&other, &a, &vendored).unwrap().unwrap().id, id);
        assert_eq!(other.verify(&id).unwrap(), None);
        std::fs::write(vendored.join("acme/a@1.0.0/bin/run"), "evil").unwrap();
        let error = restore(&other, &a, &vendored).unwrap_err();
        assert!(error.report().message.contains("not what is locked"));
        assert_eq!(
            restore(&other, &entry("acme/c", id), &vendored).unwrap(),
            None
        );

        let again = vendor(&store, &Lock::new(vec![a]), &vendored).unwrap();
        assert_eq!((again.copied.len(), again.removed.len()), (1, 1));
        assert_eq!(
            files_below(&vendored).unwrap(),
            [
                ".gitattributes",
                ".wake-vendor",
                "acme/a@1.0.0/bin/run",
                "acme/a@1.0.0/run"
            ]
        );
        assert!(vendor(&store, &both, &staged).is_err());
        drop((store, other));
        tree::remove_read_only(space.path()).unwrap();
    }
}
