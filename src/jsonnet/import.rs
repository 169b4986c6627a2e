//! What `import`, `importstr` and `importbin` find: files of the package, `wake/…`, `pkgs/<key>/…`.
//!
//! Every file is recorded with its content, a missing one as missing. It knows nothing of what files contain, but for
//! the nesting that would end the parser.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::ImportResolver;
use jrsonnet_evaluator::parser::{SourcePath, SourcePathT};
use jrsonnet_gcmodule::Trace;

use super::error::raise;
use super::outline::{DEEPEST_BRACKETS, Outline};
use super::session::{Evaluated, Session, shortened};
use super::{builtin, declaration, embedded};
use crate::declare::model::{PackageDirectory, Source};
use crate::error::{Error, Location, suggestion};
use crate::fs;

/// Who a file belongs to, and so what it may import.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Owner {
    /// Part of wake; the path is relative to `std-plugins/`.
    Wake,
    Package(Rc<PackageDirectory>),
    /// `wake eval`: imports go anywhere, then to these directories.
    Nobody(Rc<Vec<PathBuf>>),
}

/// A file that the library evaluates.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct PackageFile {
    pub(super) path: PathBuf,
    pub(super) owner: Owner,
}

impl PackageFile {
    pub(super) fn source(path: PathBuf, owner: Owner) -> SourcePath {
        SourcePath::new(Self { path, owner })
    }

    /// The path for people.
    pub(super) fn display(&self, top: &Path) -> String {
        match &self.owner {
            Owner::Wake => match self.path.strip_prefix("lib") {
                Ok(path) => format!("wake/{}", path.display()),
                Err(_) => format!("std-plugins/{}", self.path.display()),
            },
            Owner::Package(package) => package.display(&self.path),
            Owner::Nobody(_) => fs::path::display(&self.path, top),
        }
    }
}

impl fmt::Display for PackageFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.path.display())
    }
}

impl Trace for PackageFile {
    fn trace(&self, _tracer: &mut jrsonnet_gcmodule::Tracer<'_>) {}

    fn is_type_tracked() -> bool {
        false
    }
}

impl SourcePathT for PackageFile {
    fn is_default(&self) -> bool {
        false
    }

    fn path(&self) -> Option<&Path> {
        (self.owner != Owner::Wake).then_some(&self.path)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn dyn_hash(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }

    fn dyn_eq(&self, other: &dyn SourcePathT) -> bool {
        other.as_any().downcast_ref::<Self>() == Some(self)
    }

    fn dyn_debug(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, formatter)
    }
}

/// The import resolver of one session.
#[derive(Trace)]
pub(super) struct Imports {
    #[trace(skip)]
    session: Rc<Session>,
}

impl Imports {
    pub(super) fn new(session: &Rc<Session>) -> Self {
        Self {
            session: Rc::clone(session),
        }
    }

    fn find(&self, from: &PackageFile, import: &str) -> Evaluated<SourcePath> {
        let directory = from.path.parent().unwrap_or(Path::new(""));
        if import.starts_with("wake/") {
            return builtin::find(directory, import);
        }
        match &from.owner {
            Owner::Wake => builtin::find(directory, import),
            Owner::Package(package) => match import.strip_prefix("pkgs/") {
                Some(rest) => self.find_in_dependency(package, rest, import),
                None => self.find_in_package(package, directory, import),
            },
            Owner::Nobody(library) => {
                let places = std::iter::once(directory).chain(library.iter().map(PathBuf::as_path));
                for place in places {
                    let path = place.join(import);
                    if fs::is_file(&path) {
                        return Ok(PackageFile::source(path, from.owner.clone()));
                    }
                }
                Err(raise(missing(import)))
            }
        }
    }

    fn find_in_package(
        &self,
        package: &Rc<PackageDirectory>,
        directory: &Path,
        import: &str,
    ) -> Evaluated<SourcePath> {
        let path = fs::path::clean(&directory.join(import));
        let found = self.inside(package, &path, import)?;
        Ok(PackageFile::source(
            found,
            Owner::Package(Rc::clone(package)),
        ))
    }

    /// `path` without links, if it is a file in `package`.
    fn inside(&self, package: &PackageDirectory, path: &Path, import: &str) -> Evaluated<PathBuf> {
        if !path.starts_with(&package.directory) {
            return Err(raise(leaves(import, package)));
        }
        if !fs::is_file(path) {
            if !fs::exists(path) {
                self.session.read_file(path).map_err(raise)?;
            }
            return Err(raise(missing(import)));
        }
        let found = fs::canonicalize(path).map_err(raise)?;
        if found != path {
            // The link may lead elsewhere next time.
            self.session.read_file(path).map_err(raise)?;
        }
        if !found.starts_with(&package.directory) {
            return Err(raise(leaves(import, package).cause(format!(
                "`{}` is a link to `{}`",
                import,
                found.display()
            ))));
        }
        Ok(found)
    }

    fn find_in_dependency(
        &self,
        package: &Rc<PackageDirectory>,
        rest: &str,
        import: &str,
    ) -> Evaluated<SourcePath> {
        let Some((key, path)) = rest.split_once('/') else {
            return Err(raise(
                Error::user(format!("Cannot import `{import}`")).hint("write `pkgs/<key>/<path>`"),
            ));
        };
        let dependency = Rc::new(self.dependency(package, key, import)?);
        let path = fs::path::clean(&dependency.directory.join(path));
        let found = self.inside(&dependency, &path, import)?;
        Ok(PackageFile::source(found, Owner::Package(dependency)))
    }

    /// Where the package is that another one names `key` in its `pkgs`.
    fn dependency(
        &self,
        package: &PackageDirectory,
        key: &str,
        import: &str,
    ) -> Evaluated<PackageDirectory> {
        let knowledge = &self.session.given.knowledge;
        let request = match knowledge.request_of_other(&package.directory, key) {
            Some(request) => request,
            None => declaration::request_of(&self.session, package, key)?,
        };
        let answered = knowledge.answer_if_needed(&package.directory, key, &request)?;
        if let Some(answered) = answered {
            return Ok(answered.directory.clone());
        }
        let Source::Path(relative) = &request.from else {
            return Err(raise(Error::internal(format!(
                "`pkgs.{key}` has no directory"
            ))));
        };
        let path = package.directory.join(relative);
        let directory = fs::canonicalize(&path).map_err(|error| {
            raise(Error::user(format!("Cannot import `{import}`")).cause(error.to_string()))
        })?;
        Ok(PackageDirectory {
            directory,
            top: package.top.clone(),
            // What lies inside a fetched package is no more trusted than that.
            granted: package.granted.clone(),
            place: package
                .place
                .as_ref()
                .map(|place| fs::path::clean(&place.join(relative))),
        })
    }

    fn load(&self, file: &PackageFile) -> crate::error::Result<Vec<u8>> {
        if file.owner == Owner::Wake {
            return builtin::load(file);
        }
        let content = (self.session.read_file(&file.path)?)
            .ok_or_else(|| missing(&file.display(&self.session.given.top)))?;
        if !is_code(&file.path) {
            return Ok(content);
        }
        let outline = Outline::of(&content);
        if let Some(at) = outline.too_deep {
            let text = String::from_utf8_lossy(&content);
            let display = file.display(&self.session.given.top);
            return Err(Error::user(format!(
                "`{display}` nests brackets more than {DEEPEST_BRACKETS} levels deep"
            ))
            .at(shortened(Location::of_bytes(display, &text, at, at + 1))));
        }
        self.session.keep_imports(&file.path, outline.imports);
        Ok(match content.strip_prefix(b"\xef\xbb\xbf") {
            Some(text) => text.to_vec(),
            None => content,
        })
    }
}

impl ImportResolver for Imports {
    fn resolve_from(&self, from: &SourcePath, import: &str) -> Evaluated<SourcePath> {
        let Some(file) = from.downcast_ref::<PackageFile>() else {
            return Err(raise(Error::user(format!(
                "Cannot import `{import}` from {from}"
            ))));
        };
        self.find(file, import).map_err(|error| {
            use jrsonnet_evaluator::error::ErrorKind;
            let ErrorKind::Other(other) = error.error() else {
                return error;
            };
            let Some(known) = other.downcast_ref::<Error>() else {
                return error;
            };
            let place = place_of_import(file, &self.session.given.top, import);
            raise(known.clone().at_if_absent(place.as_ref()))
        })
    }

    fn load_file_contents(&self, resolved: &SourcePath) -> Evaluated<Vec<u8>> {
        match resolved.downcast_ref::<PackageFile>() {
            Some(file) => self.load(file).map_err(raise),
            None => Err(raise(Error::internal(format!(
                "{resolved} is no file of a package"
            )))),
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

pub(super) fn missing(import: &str) -> Error {
    Error::user(format!("Cannot import `{import}`: there is no such file"))
        .hint_option(suggestion_for_wake(import))
}

/// The library's files whose names are near.
pub(super) fn suggestion_for_wake(import: &str) -> Option<String> {
    let name = import.strip_prefix("wake/")?;
    suggestion(name, embedded::library())
}

/// Refuses what a file of a package imports from outside.
pub(super) fn leaving(package: &PackageDirectory, program: &Path, import: &str) -> Error {
    let file = PackageFile {
        path: program.to_owned(),
        owner: Owner::Package(Rc::new(package.clone())),
    };
    let place = place_of_import(&file, &package.top, import);
    leaves(import, package).at_if_absent(place.as_ref())
}

fn leaves(import: &str, package: &PackageDirectory) -> Error {
    Error::user(format!(
        "The import `{import}` leaves the package `{}`",
        package.display(&package.directory)
    ))
    .hint("a package imports its own files, `wake/…` and `pkgs/<key>/<path>`")
}

/// The library reports no place for an import that is not found: the literal in the text is it.
fn place_of_import(file: &PackageFile, top: &Path, import: &str) -> Option<Location> {
    let bytes = match file.owner {
        Owner::Wake => embedded::content(file.path.to_str()?)?.as_bytes().to_vec(),
        _ => fs::read_if_exists(&file.path).ok()??,
    };
    let text = String::from_utf8(bytes).ok()?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (start, length) = ['\'', '"'].iter().find_map(|quote| {
        let literal = format!("{quote}{import}{quote}");
        let start = text.find(&literal)?;
        Some((start, literal.len()))
    })?;
    Some(Location::of_bytes(
        file.display(top),
        text,
        start,
        start + length,
    ))
}

/// Whether a file is imported as code rather than as data, as far as its name tells.
fn is_code(path: &Path) -> bool {
    match path.extension().and_then(|extension| extension.to_str()) {
        Some(extension) => matches!(extension, "jsonnet" | "libsonnet" | "json"),
        None => path.file_name().is_some_and(|name| name == "PKG"),
    }
}
