//! Which package a request means: the one at a path, or what was decided for a name. What lacks for that is noted.

use std::path::Path;

use super::{PackageIndex, Packages};
use crate::declare::model::{PackageRequest, Source};
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::fs::path;
use crate::jsonnet::protocol::Read;
use crate::pkg::facts::Origin;
use crate::pkg::globals::Definition;
use crate::pkg::origin::origin;
use crate::workspace::discover::RECIPES;

impl Packages {
    /// The package that a request of `asking` means.
    ///
    /// # Errors
    /// Whatever keeps it from being there. Where that may change with the next round of resolution, what is lacking is
    /// in [`Self::needs`].
    pub fn find(&mut self, asking: PackageIndex, request: &PackageRequest) -> Result<PackageIndex> {
        let found = match &request.from {
            Source::Path(relative) => self.find_by_path(asking, request, relative),
            Source::Of(outer, key) => self.find_of(asking, request, outer, key),
            Source::Global => self.find_global(asking, request),
            Source::Retriever(exec) => self.find_release(asking, request, origin(exec)),
        };
        found.map_err(|error| error.at_if_absent(request.at.as_ref()))
    }

    /// As [`Self::find`], and the package is declared.
    pub fn require(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
    ) -> Result<PackageIndex> {
        let found = self.find(asking, request)?;
        if self.packages[found].declaration.is_none() {
            self.needs.has_undeclared = true;
            return Err(not_yet(request).at_if_absent(request.at.as_ref()));
        }
        Ok(found)
    }

    /// The directory must exist; whether it holds a good declaration shows later. Where the path leads is something that
    /// was read, also if it leads nowhere.
    fn find_by_path(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
        relative: &str,
    ) -> Result<PackageIndex> {
        let absolute = Path::new(relative);
        if absolute.is_absolute()
            && let Some(known) = self
                .indexes()
                .find(|one| self.packages[*one].directory == absolute)
        {
            // What evaluates the files of another package asks in its name.
            return Ok(known);
        }
        let asks = &self.packages[asking];
        if asks.release.is_some() {
            return Err(Error::user(format!(
                "`{}` is asked for by path, in a package that a retriever has fetched",
                request.label()
            ))
            .cause(format!("`{}` asks for `{relative}`", asks.display))
            .hint("only its own files are fetched: it must ask for other packages by `wake.GLOBAL` or a retriever"));
        }
        let path = path::clean(&asks.directory.join(relative));
        let is_there = fs::is_directory(&path);
        let target = is_there.then(|| fs::canonicalize(&path)).transpose()?;
        self.reads.push(Read::Link {
            path: path.clone(),
            target: target.clone(),
        });
        match target {
            Some(directory) => Ok(self.add(directory)),
            None => Err(Error::user(format!("`{}` is not there", request.label()))
                .cause(format!(
                    "there is no directory `{}`",
                    path::display(&path, &self.top)
                ))
                .hint(match &request.at {
                    _ if request.wanted.name.is_empty() => "correct the path of the reference",
                    // A recipe has no `from`: only its lock says where a name is.
                    Some(at) if RECIPES.iter().any(|name| at.file.ends_with(name)) => {
                        "`PackageLock.sml` beside the recipe names that path: correct it, or remove the file"
                    }
                    _ => "correct the path in `from`",
                })),
        }
    }

    /// What the package that `outer` means names `key`.
    fn find_of(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
        outer: &PackageRequest,
        key: &str,
    ) -> Result<PackageIndex> {
        let outer = self.find(asking, outer)?;
        let Some(declaration) = &self.packages[outer].declaration else {
            self.needs.has_undeclared = true;
            return Err(not_yet(request));
        };
        let declaration = declaration.as_ref().map_err(Error::clone)?;
        let named = declaration.pkgs.iter().find(|(name, _)| name == key);
        let Some((_, inner)) = named else {
            let keys = declaration.pkgs.iter().map(|(name, _)| name.as_str());
            return Err(Error::user(format!(
                "`pkgs` of `{}` has no `{key}`",
                declaration.info.label()
            ))
            .hint_option(suggestion(key, keys)));
        };
        let inner = inner.clone();
        self.find(outer, &inner)
    }

    fn find_global(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
    ) -> Result<PackageIndex> {
        let label = request.wanted.label();
        if let Some(&replacing) = self.decisions.replaced.get(&label) {
            return Ok(replacing);
        }
        match self.decisions.globals.get(&label).cloned() {
            Some(Definition::Path(package)) => Ok(package),
            Some(Definition::Retriever(origin)) => self.find_release(asking, request, origin),
            Some(Definition::BuiltIn) | None => {
                self.needs.demand(asking, request);
                Err(not_yet(request))
            }
        }
    }

    /// What the solution answers a request with, if it is on disk.
    fn find_release(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
        origin: Origin,
    ) -> Result<PackageIndex> {
        let label = request.wanted.label();
        if let Some(&replacing) = self.decisions.replaced.get(&label) {
            return Ok(replacing);
        }
        let demand = self.demanded(asking, request, origin)?;
        let asker = self.packages[asking].release.as_ref();
        let answer = self.decisions.answer(asker, &self.label(asking), &demand);
        let Some(release) = answer.cloned() else {
            self.needs.demand(asking, request);
            return Err(not_yet(request));
        };
        let release = self.decisions.representative(&release);
        let granted = self.granted(asking, request);
        if let Some(&index) = self.by_release.get(&release) {
            self.grant(index, granted);
            return Ok(index);
        }
        let Some(directory) = self.decisions.directory(&release) else {
            self.needs.releases.insert(release);
            return Err(not_yet(request));
        };
        Ok(self.add_release(release, directory, granted))
    }
}

/// The error of a request that resolution has not answered yet; shown only if it never does.
fn not_yet(request: &PackageRequest) -> Error {
    Error::user(format!("`{}` is not resolved", request.label()))
}
