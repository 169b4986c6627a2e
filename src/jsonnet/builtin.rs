//! The built-in plugins, evaluated once per process: they depend on nothing but wake itself, so what was parsed and
//! worked out for one request serves the next. It knows nothing of requests.

use std::any::Any;
use std::path::{Path, PathBuf};

use jrsonnet_evaluator::parser::SourcePath;
use jrsonnet_evaluator::trace::PathResolver;
use jrsonnet_evaluator::{ImportResolver, State, Val};
use jrsonnet_gcmodule::Trace;

use super::error::raise;
use super::import::{Owner, PackageFile, missing};
use super::session::Evaluated;
use super::{embedded, natives};
use crate::error::Error;
use crate::fs;

/// The built-in plugins of one process.
pub(super) struct Builtin {
    state: State,
}

impl Builtin {
    pub(super) fn new() -> Self {
        let library = jrsonnet_stdlib::ContextInitializer::new(PathResolver::Absolute);
        natives::add_to(&library);
        let mut builder = State::builder();
        builder.import_resolver(Embedded {});
        builder.context_initializer(library);
        Self {
            state: builder.build(),
        }
    }

    /// The value of a file, by its path below `std-plugins/`.
    pub(super) fn value(&self, path: &str) -> Evaluated<Val> {
        let source = PackageFile::source(PathBuf::from(path), Owner::Wake);
        self.state.import_resolved(source)
    }
}

/// The file of wake that `import` means in a file of wake in `directory`.
pub(super) fn find(directory: &Path, import: &str) -> Evaluated<SourcePath> {
    let path = match import.strip_prefix("wake/") {
        Some(path) => Path::new("lib").join(path),
        None => directory.join(import),
    };
    let path = fs::path::clean(&path);
    match path.to_str().and_then(embedded::content) {
        Some(_) => Ok(PackageFile::source(path, Owner::Wake)),
        None => Err(raise(
            missing(import).cause("`wake/…` is the library inside wake"),
        )),
    }
}

/// The content of a file of wake.
pub(super) fn load(file: &PackageFile) -> crate::error::Result<Vec<u8>> {
    match file.path.to_str().and_then(embedded::content) {
        Some(content) => Ok(content.as_bytes().to_vec()),
        None => Err(Error::internal(format!("`{file}` is not part of wake"))),
    }
}

/// The import resolver of the built-in plugins, which import only each other.
#[derive(Trace)]
struct Embedded {}

impl Embedded {
    fn file(path: &SourcePath) -> Evaluated<&PackageFile> {
        path.downcast_ref::<PackageFile>()
            .ok_or_else(|| raise(Error::internal(format!("{path} is not part of wake"))))
    }
}

impl ImportResolver for Embedded {
    fn resolve_from(&self, from: &SourcePath, import: &str) -> Evaluated<SourcePath> {
        let file = Self::file(from)?;
        find(file.path.parent().unwrap_or(Path::new("")), import)
    }

    fn load_file_contents(&self, resolved: &SourcePath) -> Evaluated<Vec<u8>> {
        load(Self::file(resolved)?).map_err(raise)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
