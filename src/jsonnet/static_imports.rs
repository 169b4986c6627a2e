//! The files of a package that its `PKG` imports, directly or not, whether or not evaluation comes to the import: they
//! belong to the package (DESIGN §3.2).
//!
//! It evaluates nothing. Files of other packages and of wake do not count; what is not there is left out, since it is an
//! error only for an evaluation that needs it. An import that leaves a package that is fetched always is one:
//! nothing of it may be kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::import;
use super::outline::Import;
use super::protocol::Read;
use super::session::Scope;
use crate::error::Result;
use crate::fs;

/// More links than a path can follow.
const MOST_LINKS: usize = 40;

/// The imported files relative to the package's directory, sorted, without the `PKG` itself; of a file that is reached
/// through links, these too.
pub(super) fn of_package(scope: &Scope) -> Result<Vec<String>> {
    let pkg = scope.package.directory.join("PKG");
    let mut search = Search {
        scope,
        found: BTreeSet::new(),
        programs: Vec::new(),
    };
    match fs::is_link(&pkg) {
        true => search.add_file(pkg.clone(), true)?,
        false => search.programs.push(pkg.clone()),
    }
    let mut next = 0;
    while let Some(program) = search.programs.get(next).cloned() {
        search.follow(&program)?;
        next += 1;
    }
    search.found.remove(&pkg);
    let directory = &scope.package.directory;
    Ok((search.found.iter())
        .filter_map(|path| path.strip_prefix(directory).ok()?.to_str())
        .map(ToOwned::to_owned)
        .collect())
}

struct Search<'a> {
    scope: &'a Scope,
    /// Absolute paths, as they are written and without links.
    found: BTreeSet<PathBuf>,
    /// Without links, each once; those before the current one are done.
    programs: Vec<PathBuf>,
}

impl Search<'_> {
    fn follow(&mut self, program: &Path) -> Result<()> {
        let imports = self.scope.session.imports_of(program)?;
        for import in imports.iter().flat_map(|imports| imports.iter()) {
            if !import.path.starts_with("wake/") && !import.path.starts_with("pkgs/") {
                self.add(program, import)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, program: &Path, import: &Import) -> Result<()> {
        let directory = &self.scope.package.directory;
        let parent = program.parent().unwrap_or(directory);
        let path = fs::path::clean(&parent.join(&import.path));
        if !path.starts_with(directory) {
            // Where it lies at a path, what evaluation comes to is what counts.
            if self.scope.package.granted.is_none() {
                return Ok(());
            }
            return Err(import::leaving(self.scope, program, &import.path));
        }
        let exists = fs::is_file(&path);
        self.scope.session.record(Read::Existence {
            path: path.clone(),
            exists,
        });
        if !exists {
            return Ok(());
        }
        self.add_file(path, import.is_program)
    }

    fn add_file(&mut self, path: PathBuf, is_program: bool) -> Result<()> {
        let found = fs::canonicalize(&path)?;
        if !found.starts_with(&self.scope.package.directory) {
            return Ok(());
        }
        if found != path {
            // The link may lead elsewhere next time.
            self.scope.session.read_file(&path)?;
            self.add_links(path);
        }
        if is_program && !self.programs.contains(&found) {
            self.programs.push(found.clone());
        }
        self.found.insert(found);
        Ok(())
    }

    /// Adds a path and, if it is a link, those that it leads through.
    fn add_links(&mut self, mut path: PathBuf) {
        for _ in 0..MOST_LINKS {
            let target = fs::link_target(&path);
            let parent = path.parent().map(Path::to_owned);
            self.found.insert(path);
            let (Some(target), Some(parent)) = (target, parent) else {
                return;
            };
            path = fs::path::clean(&parent.join(target));
        }
    }
}
