//! The files that operations read and no operation makes: whether they are there and where links lead.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use super::{Lowering, Placed, users};
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::graph::FileId;

impl Lowering<'_> {
    /// An input that is, or lies below, a directory that an operation owns whole means that directory.
    pub(super) fn link_directories(&mut self, placed: &mut [Placed]) {
        let directories: HashMap<String, FileId> = placed
            .iter()
            .flat_map(|operation| &operation.outputs)
            .filter_map(|id| Some((self.paths[id].strip_suffix('/')?.to_owned(), *id)))
            .collect();
        if directories.is_empty() {
            return;
        }
        let made: HashSet<FileId> = placed
            .iter()
            .flat_map(|operation| &operation.outputs)
            .copied()
            .collect();
        for operation in placed {
            for input in operation.inputs.iter_mut().chain(&mut operation.order_only) {
                if made.contains(input) {
                    continue;
                }
                let above = Path::new(&self.paths[input]).ancestors();
                if let Some(id) = above
                    .filter_map(Path::to_str)
                    .find_map(|above| directories.get(above))
                {
                    *input = *id;
                }
            }
        }
    }

    /// Every input that no operation makes must be there, and must not lead out of its package by a link.
    pub(super) fn check_sources(&mut self, placed: &[Placed]) -> Result<()> {
        let made: HashSet<FileId> = placed
            .iter()
            .flat_map(|operation| &operation.outputs)
            .copied()
            .collect();
        let mut checked: HashSet<FileId> = HashSet::new();
        for operation in placed {
            let sources = operation
                .inputs
                .iter()
                .chain(&operation.order_only)
                .chain(&operation.tool);
            for &source in sources {
                if !made.contains(&source) && checked.insert(source) {
                    self.check_source(operation, source)?;
                }
            }
        }
        Ok(())
    }

    fn check_source(&mut self, operation: &Placed, source: FileId) -> Result<()> {
        let shown = &self.paths[&source].clone();
        let path = self.layout.top().join(shown);
        let status = fs::stamp::lstat(&path)
            .map_err(|error| Error::io(format!("Cannot look at `{}`", path.display()), &error))?;
        let subject = format!(
            "`{}` of `{}`",
            operation.title, self.instances.all[operation.instance].label
        );
        // What an operation made that is no more may still lie there: a clean build would not have it.
        let is_generated = Path::new(shown).starts_with(self.layout.output_directory());
        if status.mode == 0 || is_generated {
            let mut error = Error::user(if is_generated {
                format!("No operation makes `{shown}`")
            } else {
                format!("`{shown}` does not exist")
            });
            error = error.cause(format!("it is an input of {subject}"));
            if let Some(at) = self.instances.configured_at(operation.instance) {
                error = error.cause(format!("the `config` of that is given at {at}"));
            }
            if let Some(hint) = self.near_files(&path) {
                error = error.hint(hint);
            }
            let declared = users(
                operation.at.as_ref(),
                &self.instances.all[operation.instance],
            );
            return Err(error.at_if_absent(declared));
        }
        let own = &self.own[operation.instance];
        if own.is_command
            || !Path::new(shown).starts_with(&own.package)
            || Path::new(shown).is_absolute()
        {
            return Ok(());
        }
        let package = self.instances.all[operation.instance].package;
        let package = self.instances.packages.get(package).directory.as_path();
        if self.leads_out(&path, package, status.is_link()) {
            return Err(
                Error::user(format!("`{shown}` leads out of its package by a link"))
                    .cause(format!("it is an input of {subject}"))
                    .hint("depend on the package that the file belongs to")
                    .at_if_absent(users(
                        operation.at.as_ref(),
                        &self.instances.all[operation.instance],
                    )),
            );
        }
        Ok(())
    }

    /// Whether `path`, links resolved, lies outside `package`. Directories are resolved once.
    fn leads_out(&mut self, path: &Path, package: &Path, is_link: bool) -> bool {
        if is_link {
            return fs::canonicalize(path).is_ok_and(|real| !real.starts_with(package));
        }
        let Some(parent) = path.parent() else {
            return false;
        };
        let real = self
            .real_directories
            .entry(parent.to_owned())
            .or_insert_with(|| fs::canonicalize(parent).ok());
        real.as_ref().is_some_and(|real| !real.starts_with(package))
    }

    fn near_files(&self, path: &Path) -> Option<String> {
        let name = path.file_name()?.to_str()?;
        let files = fs::list(path.parent()?).ok()?;
        let names: Vec<&str> = files.iter().filter_map(|(name, _)| name.to_str()).collect();
        suggestion(name, names).filter(|hint| hint.starts_with("did you mean"))
    }
}
