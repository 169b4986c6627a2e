//! Which program stands behind an origin: one of `wake.std`, or what a package is executed as, with what it may read.
//!
//! It starts none of them, and knows nothing of what they are asked.

use std::path::PathBuf;

use super::PackageIndex;
use super::asking::Asked;
use super::decisions::Release;
use super::facts::Origin;
use super::globals::Definition;
use super::resolve::Resolver;
use super::retriever::std::Surroundings;
use super::retriever::{self, Retriever};
use crate::declare::model::{Exec, PackageRequest, Permission, Program, RESOLVER, Source};
use crate::error::{Error, Result};
use crate::fs::path;

/// More packages than any is executed by, one through the other.
const MOST_EXECUTED_IN_A_ROW: usize = 16;

/// What is executed for a package.
struct Executed {
    program: PathBuf,
    arguments: Vec<String>,
    /// The directories of the package and of what it names in `pkgs`.
    readable: Vec<PathBuf>,
}

impl Resolver<'_> {
    /// The program behind an origin; `None` while it, or what it needs, is not on disk: then that is noted as a need.
    pub(super) fn retriever(&mut self, origin: &Origin) -> Result<Option<Retriever>> {
        let Some(asked) = self.origins.get(origin).cloned() else {
            self.bring_askers(origin);
            return Ok(None);
        };
        let is_registry = self.policy.registry().as_ref() == Some(&asked.exec);
        self.runnable(origin, &asked)
            .map_err(|error| match &asked.at {
                None if is_registry => error.cause("`Registry` names it"),
                at => error.at_if_absent(at.as_ref()),
            })
    }

    /// Has the releases looked at that ask a retriever of which only the lock speaks.
    fn bring_askers(&mut self, origin: &Origin) {
        let solution = self.packages.decisions.solution.iter();
        let chosen = solution.flat_map(|solution| solution.chosen());
        let is_asking = |release: &&Release| {
            let candidate = self.facts.candidate(&release.subject, &release.version);
            let demands = candidate.into_iter().flat_map(|one| &one.demands);
            demands.into_iter().any(|one| one.subject.origin == *origin)
        };
        let asking: Vec<Release> = chosen.filter(is_asking).cloned().collect();
        for release in &asking {
            self.packages.bring(release);
        }
    }

    fn runnable(&mut self, origin: &Origin, asked: &Asked) -> Result<Option<Retriever>> {
        let exec = &asked.exec;
        match &exec.program {
            Program::Std(name) => self.built_in(origin, name, exec).map(Some),
            Program::File(path) => Err(Error::user(format!(
                "`{path}` is a file, and a retriever is a package"
            ))
            .hint("make a package whose `exec` is the file, and give that to `wake.exec`")),
            Program::Package(request) => {
                let Some(index) = self.ready(asked.asking, request)? else {
                    return Ok(None);
                };
                let Some(executed) = self.program(index, request, 0)? else {
                    return Ok(None);
                };
                let mut arguments = executed.arguments;
                if request.from == Source::Global {
                    let label = request.wanted.label();
                    let definition = self.packages.decisions.globals.get(&label);
                    let definition = definition.cloned().unwrap_or(Definition::Path(index));
                    self.executed.insert(label, definition);
                }
                arguments.extend(exec.args.iter().cloned());
                Ok(Some(Retriever {
                    origin: origin.clone(),
                    program: executed.program,
                    arguments,
                    directory: self.packages.get(index).directory.clone(),
                    readable: executed.readable,
                    config: exec.config.clone(),
                    env: exec.env.clone(),
                    has_network: asked.granted.contains(&Permission::Network),
                    has_home: asked.granted.contains(&Permission::Home),
                }))
            }
        }
    }

    /// A retriever of `wake.std`: wake itself.
    fn built_in(&self, origin: &Origin, name: &str, exec: &Exec) -> Result<Retriever> {
        let top = self.outside.layout.top();
        let surroundings = Surroundings {
            directory: top.to_owned(),
            environment: exec.env.clone(),
        };
        let finder = retriever::std::open(name, &exec.config, &surroundings)?;
        let mut arguments = vec!["__retrieve".to_owned(), name.to_owned()];
        arguments.extend(exec.args.iter().cloned());
        Ok(Retriever {
            origin: origin.clone(),
            program: self.outside.tools.wake().to_owned(),
            arguments,
            directory: top.to_owned(),
            readable: finder.reads(),
            config: exec.config.clone(),
            env: exec.env.clone(),
            has_network: true,
            has_home: true,
        })
    }

    /// The package that a request means, if it is declared.
    fn ready(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
    ) -> Result<Option<PackageIndex>> {
        match self.packages.find(asking, request) {
            Ok(index)
                if self.packages.is_declared(index) && !self.packages.get(index).is_staged =>
            {
                self.packages.check(index, request)?;
                Ok(Some(index))
            }
            Ok(_) => Ok(None),
            Err(_) if !self.packages.needs.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is executed for a package; `None` while something of it is not there. `depth` counts the packages that are
    /// executed by it.
    fn program(
        &mut self,
        index: PackageIndex,
        request: &PackageRequest,
        depth: usize,
    ) -> Result<Option<Executed>> {
        let declaration = self.packages.declaration(index)?;
        let Some(exec) = declaration.exec.clone() else {
            return Err(not_executable(request)
                .cause("its `wake.pkg` has no `exec`")
                .hint("give it `exec=wake.exec('./main.py')`, or ask another package"));
        };
        if depth == MOST_EXECUTED_IN_A_ROW {
            return Err(not_executable(request)
                .cause("its `exec` is a package whose `exec` is a package, and so on")
                .hint("let the `exec` of one of them be a file"));
        }
        let pkgs = declaration.pkgs.clone();
        let Some(mut readable) = self.readable(index, &pkgs)? else {
            return Ok(None);
        };
        let mut arguments = exec.args.clone();
        let program = match &exec.program {
            Program::Std(name) => {
                arguments.splice(0..0, ["__retrieve".to_owned(), name.clone()]);
                self.outside.tools.wake().to_owned()
            }
            Program::File(file) => self.executable(index, &pkgs, file)?,
            Program::Package(inner) => {
                let Some(found) = self.ready(index, inner)? else {
                    return Ok(None);
                };
                let Some(inner) = self.program(found, inner, depth + 1)? else {
                    return Ok(None);
                };
                arguments.splice(0..0, inner.arguments);
                readable.extend(inner.readable);
                inner.program
            }
        };
        Ok(Some(Executed {
            program,
            arguments,
            readable,
        }))
    }

    /// The directories of a package and of what it names in `pkgs`; `None` while one is not there. All that lack are noted
    /// as needs.
    fn readable(
        &mut self,
        index: PackageIndex,
        pkgs: &[(String, PackageRequest)],
    ) -> Result<Option<Vec<PathBuf>>> {
        let mut readable = vec![self.packages.get(index).directory.clone()];
        let mut is_ready = true;
        for (_, named) in pkgs {
            if named.wanted.label() == RESOLVER || !self.policy.is_when(&named.when) {
                continue;
            }
            match self.ready(index, named)? {
                Some(found) => readable.push(self.packages.get(found).directory.clone()),
                None => is_ready = false,
            }
        }
        Ok(is_ready.then_some(readable))
    }

    /// A file of a package, or `pkgs/<key>/<path>`, a file of what it names `<key>`.
    fn executable(
        &mut self,
        index: PackageIndex,
        pkgs: &[(String, PackageRequest)],
        file: &str,
    ) -> Result<PathBuf> {
        let own = self.packages.get(index).directory.join(file);
        let named = file
            .strip_prefix("pkgs/")
            .and_then(|rest| rest.split_once('/'));
        let Some((key, rest)) = named else {
            return Ok(path::clean(&own));
        };
        match pkgs.iter().find(|(name, _)| name == key) {
            Some((_, request)) => {
                let found = self.packages.find(index, request)?;
                Ok(path::clean(&self.packages.get(found).directory.join(rest)))
            }
            None => Ok(path::clean(&own)),
        }
    }
}

fn not_executable(request: &PackageRequest) -> Error {
    Error::user(format!("`{}` cannot be executed", request.label()))
}
