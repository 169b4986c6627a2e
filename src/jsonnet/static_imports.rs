//! The files of a package that its `PKG` imports, directly or not, whether or not evaluation comes to the import: they
//! belong to the package (DESIGN §3.2).
//!
//! It evaluates nothing. Files of other packages and of wake do not count; what is not there is left out, since it is an
//! error only for an evaluation that needs it. An import that leaves a package that is fetched always is one:
//! nothing of it may be kept.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use super::import;
use super::outline::{Import, Outline};
use super::protocol::Read;
use super::session::Scope;
use crate::declare::model::PackageDirectory;
use crate::error::Result;
use crate::fs;

/// More links than a path can follow.
const MOST_LINKS: usize = 40;

/// The imported files relative to the package's directory, sorted, without the `PKG` itself; of a file that is reached
/// through links, these too.
pub(super) fn of_package(scope: &Scope) -> Result<Vec<String>> {
    let pkg = scope.package.directory.join("PKG");
    let mut search = Search {
        files: scope,
        found: BTreeSet::new(),
        programs: Vec::new(),
    };
    match fs::is_link(&pkg) {
        true => search.add_file(pkg.clone(), true)?,
        false => search.programs.push(pkg.clone()),
    }
    search.follow_all()?;
    search.found.remove(&pkg);
    Ok(search.relative())
}

/// The files of a package that belong to one of its programs, and what was read to find them.
#[derive(Debug)]
pub struct Found {
    /// The program itself included: relative to the package's directory, sorted.
    pub files: Vec<String>,
    pub reads: Vec<Read>,
}

/// The files that `program`, an absolute path in a package, consists of, outside of any evaluation.
///
/// # Errors
/// A file cannot be read; an import leaves a fetched package.
pub fn of_file(package: &PackageDirectory, program: &Path) -> Result<Found> {
    let files = Unevaluated {
        package,
        reads: std::cell::RefCell::default(),
    };
    let mut search = Search {
        files: &files,
        found: BTreeSet::new(),
        programs: Vec::new(),
    };
    search.add_file(program.to_owned(), true)?;
    search.follow_all()?;
    Ok(Found {
        files: search.relative(),
        reads: files.reads.into_inner(),
    })
}

/// Reads the files of a package and keeps track of it.
trait Files {
    fn package(&self) -> &PackageDirectory;

    /// What a program imports; `None`: it is not there.
    fn imports_of(&self, program: &Path) -> Result<Option<Rc<[Import]>>>;

    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>>;

    fn record(&self, read: Read);
}

impl Files for Scope {
    fn package(&self) -> &PackageDirectory {
        &self.package
    }

    fn imports_of(&self, program: &Path) -> Result<Option<Rc<[Import]>>> {
        self.session.imports_of(program)
    }

    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        self.session.read_file(path)
    }

    fn record(&self, read: Read) {
        self.session.record(read);
    }
}

/// The files of a package that nothing is evaluated of.
struct Unevaluated<'a> {
    package: &'a PackageDirectory,
    reads: std::cell::RefCell<Vec<Read>>,
}

impl Files for Unevaluated<'_> {
    fn package(&self) -> &PackageDirectory {
        self.package
    }

    fn imports_of(&self, program: &Path) -> Result<Option<Rc<[Import]>>> {
        let content = self.read_file(program)?;
        Ok(content.map(|content| Outline::of(&content).imports.into()))
    }

    fn read_file(&self, path: &Path) -> Result<Option<Vec<u8>>> {
        let content = fs::read_if_exists(path)?;
        let hash = content.as_deref();
        let hash = hash.map(|bytes| *blake3::hash(bytes).as_bytes());
        let path = path.to_owned();
        self.record(Read::File { path, hash });
        Ok(content)
    }

    fn record(&self, read: Read) {
        self.reads.borrow_mut().push(read);
    }
}

struct Search<'a> {
    files: &'a dyn Files,
    /// Absolute paths, as they are written and without links.
    found: BTreeSet<PathBuf>,
    /// Without links, each once; those before the current one are done.
    programs: Vec<PathBuf>,
}

impl Search<'_> {
    fn follow_all(&mut self) -> Result<()> {
        let mut next = 0;
        while let Some(program) = self.programs.get(next).cloned() {
            self.follow(&program)?;
            next += 1;
        }
        Ok(())
    }

    /// What was found, relative to the package's directory.
    fn relative(&self) -> Vec<String> {
        let directory = &self.files.package().directory;
        (self.found.iter())
            .filter_map(|path| path.strip_prefix(directory).ok()?.to_str())
            .map(ToOwned::to_owned)
            .collect()
    }

    fn follow(&mut self, program: &Path) -> Result<()> {
        let imports = self.files.imports_of(program)?;
        for import in imports.iter().flat_map(|imports| imports.iter()) {
            if !import.path.starts_with("wake/") && !import.path.starts_with("pkgs/") {
                self.add(program, import)?;
            }
        }
        Ok(())
    }

    fn add(&mut self, program: &Path, import: &Import) -> Result<()> {
        let package = self.files.package();
        let directory = &package.directory;
        let parent = program.parent().unwrap_or(directory);
        let path = fs::path::clean(&parent.join(&import.path));
        if !path.starts_with(directory) {
            // Where it lies at a path, what evaluation comes to is what counts.
            if package.granted.is_none() {
                return Ok(());
            }
            return Err(import::leaving(package, program, &import.path));
        }
        let exists = fs::is_file(&path);
        self.files.record(Read::Existence {
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
        if !found.starts_with(&self.files.package().directory) {
            return Ok(());
        }
        if found != path {
            // The link may lead elsewhere next time.
            self.files.read_file(&path)?;
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
