//! The packages of a workspace: found by path, declared once each.
//!
//! [`Packages::explore`] declares the members and everything that their visible `pkgs` name, as far as it is there.
//! A package that cannot be declared keeps its error until somebody needs the package.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use semver::{Version, VersionReq};

use super::frontier;
use crate::declare::model::{Declaration, PackageDirectory, PackageRequest, Source};
use crate::error::{Error, Location, Result};
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::fs::path;
use crate::jsonnet::protocol::{Answer, Outcome, Read, Request};
use crate::workspace::discover;

/// Asks an evaluation process; callable from several threads.
pub type Ask<'a> = dyn Fn(&Request) -> Result<Outcome> + Sync + 'a;

/// A position in [`Packages`].
pub type PackageIndex = usize;

/// A package directory and what is known of it.
#[derive(Clone, Debug)]
pub struct Package {
    /// Absolute, links resolved.
    pub directory: PathBuf,
    /// Relative to the workspace's top where it lies below it.
    pub display: String,
    declaration: Option<Result<Declaration>>,
    /// The packages its `pkgs` name, and where.
    edges: Vec<(PackageIndex, Option<Location>)>,
}

/// A package that another one needs, and where that one says so.
type Edge<'a> = (PackageIndex, Option<&'a Location>);

/// All packages that were looked at.
#[derive(Debug)]
pub struct Packages {
    top: PathBuf,
    packages: Vec<Package>,
    by_directory: HashMap<PathBuf, PackageIndex>,
    /// What all declarations read.
    pub reads: Vec<Read>,
}

impl Packages {
    /// No packages yet; `top` is the workspace's top, links resolved.
    pub fn new(top: PathBuf) -> Self {
        Self {
            top,
            packages: Vec::new(),
            by_directory: HashMap::new(),
            reads: Vec::new(),
        }
    }

    pub fn get(&self, index: PackageIndex) -> &Package {
        &self.packages[index]
    }

    pub fn indexes(&self) -> std::ops::Range<PackageIndex> {
        0..self.packages.len()
    }

    /// The package at an absolute directory with its links resolved, if it was looked at.
    pub fn at(&self, directory: &Path) -> Option<PackageIndex> {
        self.by_directory.get(directory).copied()
    }

    /// Adds the package at an absolute directory with its links resolved.
    pub fn add(&mut self, directory: PathBuf) -> PackageIndex {
        if let Some(&index) = self.by_directory.get(&directory) {
            return index;
        }
        let index = self.packages.len();
        self.by_directory.insert(directory.clone(), index);
        self.packages.push(Package {
            display: path::display(&directory, &self.top),
            directory,
            declaration: None,
            edges: Vec::new(),
        });
        index
    }

    /// As the evaluation process needs it.
    pub fn directory(&self, index: PackageIndex) -> PackageDirectory {
        PackageDirectory {
            directory: self.packages[index].directory.clone(),
            top: self.top.clone(),
            granted: None,
        }
    }

    /// The declaration of a package that was explored.
    pub fn declaration(&self, index: PackageIndex) -> Result<&Declaration> {
        match &self.packages[index].declaration {
            Some(Ok(declaration)) => Ok(declaration),
            Some(Err(error)) => Err(error.clone()),
            None => Err(Error::internal(format!(
                "`{}` is used before it is declared",
                self.packages[index].display
            ))),
        }
    }

    /// The package a request by path means. The directory must exist; whether it holds a good declaration shows later.
    /// Where the path leads is something that was read, also if it leads nowhere.
    pub fn find(&mut self, asking: PackageIndex, request: &PackageRequest) -> Result<PackageIndex> {
        let at = request.at.as_ref();
        let path = self
            .path_of(asking, request)
            .map_err(|error| error.at_if_absent(at))?;
        let is_there = fs::is_directory(&path);
        let target = is_there.then(|| fs::canonicalize(&path)).transpose();
        let target = target.map_err(|error| error.at_if_absent(at))?;
        self.reads.push(Read::Link {
            path: path.clone(),
            target: target.clone(),
        });
        match target {
            Some(directory) => Ok(self.add(directory)),
            None => Err(
                Error::user(format!("`{}` is not there", request.wanted.label()))
                    .cause(format!(
                        "there is no directory `{}`",
                        path::display(&path, &self.top)
                    ))
                    .hint("correct the path in `from`")
                    .at_if_absent(at),
            ),
        }
    }

    fn path_of(&self, asking: PackageIndex, request: &PackageRequest) -> Result<PathBuf> {
        match &request.from {
            Source::Path(relative) => {
                Ok(path::clean(&self.packages[asking].directory.join(relative)))
            }
            Source::Global | Source::Retriever(_) | Source::Of(..) => Err(Error::user(format!(
                "`{}` can be asked for only by path",
                request.wanted.label()
            ))
            .hint("give `from` a path relative to the package, such as `from='../terminal'`")),
        }
    }

    /// Declares `roots` and everything that visible `pkgs` lead to. Packages that cannot be declared keep their error;
    /// a cycle of packages is one at once.
    pub fn explore(
        &mut self,
        roots: &[PackageIndex],
        threads: usize,
        ask: &Ask<'_>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let jobs: Vec<_> = roots
            .iter()
            .filter(|&&root| self.packages[root].declaration.is_none())
            .map(|&root| (root, self.directory(root)))
            .collect();
        let mut asked: std::collections::HashSet<PackageIndex> =
            jobs.iter().map(|(root, _)| *root).collect();
        let declare = |(_, package): &(PackageIndex, PackageDirectory)| {
            ask(&Request::Declare {
                package: package.clone(),
                answers: Vec::new(),
            })
        };
        frontier::drive(threads, jobs, declare, |(index, _), outcome, more| {
            for found in self.declared(index, outcome, subscriber) {
                if self.packages[found].declaration.is_none() && asked.insert(found) {
                    more.push((found, self.directory(found)));
                }
            }
            Ok(())
        })?;
        self.refuse_cycles()
    }

    /// Takes in what declaring a package yielded. Returns the packages that its visible `pkgs` name and that are there.
    pub fn declared(
        &mut self,
        index: PackageIndex,
        outcome: Result<Outcome>,
        subscriber: &mut dyn Subscriber,
    ) -> Vec<PackageIndex> {
        if outcome.is_err() {
            // Nobody knows what it read, so nothing that this leads to can be used again.
            let path = self.packages[index].directory.join(discover::PKG);
            self.reads.push(Read::File { path, hash: None });
        }
        let declaration = outcome.and_then(|outcome| {
            self.reads.extend(outcome.reads);
            match outcome.result? {
                Answer::Declaration(declaration) => Ok(declaration),
                answer => Err(unexpected(&answer)),
            }
        });
        let mut found = Vec::new();
        if let Ok(declaration) = &declaration {
            subscriber.event(&Event::Declared {
                package: declaration.info.label(),
                directory: self.packages[index].display.clone(),
            });
            for (_, request) in &declaration.pkgs {
                // One that is not there is an error for those who need it.
                if let Ok(package) = self.find(index, request) {
                    self.connect(index, package, request.at.as_ref());
                    found.push(package);
                }
            }
        }
        self.packages[index].declaration = Some(declaration);
        found
    }

    pub fn is_declared(&self, index: PackageIndex) -> bool {
        self.packages[index].declaration.is_some()
    }

    /// Adds that `from` needs `to`, as a module or a declaration of it says. Whether that closes a cycle is for
    /// [`Self::refuse_cycles`], when all is known.
    pub fn connect(&mut self, from: PackageIndex, to: PackageIndex, at: Option<&Location>) {
        let edges = &mut self.packages[from].edges;
        if !edges
            .iter()
            .any(|(known, place)| *known == to && place.as_ref() == at)
        {
            edges.push((to, at.cloned()));
        }
    }

    /// Refuses a declared package that is not the one that was asked for: another name, namespace or version. A package
    /// that says no version has any.
    ///
    /// # Errors
    /// `User`, at the `getPkg`; also those of the package's own declaration.
    pub fn check(&self, index: PackageIndex, request: &PackageRequest) -> Result<()> {
        let info = &self.declaration(index)?.info;
        let wanted = &request.wanted;
        let is_named = wanted.name == info.name
            && (wanted.namespace.is_none() || wanted.namespace == info.namespace);
        let requirement = wanted.version.as_deref().map(VersionReq::parse);
        let version = info.version.as_deref().map(Version::parse);
        let is_version = match (requirement, version) {
            (Some(Ok(requirement)), Some(Ok(version))) => requirement.matches(&version),
            _ => true,
        };
        if is_named && is_version {
            return Ok(());
        }
        let text = |label: String, version: &Option<String>| match version {
            Some(version) => format!("{label}@{version}"),
            None => label,
        };
        Err(Error::user(format!(
            "The package in `{}` is not the one that is asked for",
            self.packages[index].display
        ))
        .cause(format!(
            "`{}` is wanted",
            text(wanted.label(), &wanted.version)
        ))
        .cause(format!("it is `{}`", text(info.label(), &info.version)))
        .hint("correct the name or the version, here or in its `wake.pkgInfo`")
        .at_if_absent(request.at.as_ref()))
    }

    /// A user error if packages need each other: always the same one, in whatever order the packages were found.
    pub fn refuse_cycles(&self) -> Result<()> {
        let mut roots: Vec<PackageIndex> = self.indexes().collect();
        roots.sort_by_key(|&index| &self.packages[index].directory);
        let edges: Vec<Vec<Edge<'_>>> = self.indexes().map(|index| self.edges(index)).collect();
        let mut done = vec![false; self.packages.len()];
        let mut depth: Vec<Option<usize>> = vec![None; self.packages.len()];
        for root in roots {
            if done[root] {
                continue;
            }
            let mut way: Vec<(PackageIndex, usize)> = vec![(root, 0)];
            depth[root] = Some(0);
            while let Some((package, next)) = way.last_mut() {
                let Some((to, _)) = edges[*package].get(*next) else {
                    done[*package] = true;
                    depth[*package] = None;
                    way.pop();
                    continue;
                };
                *next += 1;
                if let Some(start) = depth[*to] {
                    let cycle = way[start..].iter();
                    return Err(
                        self.cycle(cycle.map(|&(from, next)| (from, edges[from][next - 1])))
                    );
                }
                if !done[*to] {
                    depth[*to] = Some(way.len());
                    way.push((*to, 0));
                }
            }
        }
        Ok(())
    }

    /// What a package needs, in an order that does not depend on when it was found out.
    fn edges(&self, package: PackageIndex) -> Vec<Edge<'_>> {
        let edges = self.packages[package].edges.iter();
        let mut edges: Vec<Edge<'_>> = edges.map(|(to, at)| (*to, at.as_ref())).collect();
        edges.sort_by_key(|(to, at)| {
            let place = at.map(|at| (&at.file, at.line, at.column));
            (&self.packages[*to].directory, place)
        });
        edges
    }

    fn cycle<'a>(&self, way: impl Iterator<Item = (PackageIndex, Edge<'a>)>) -> Error {
        let name = |index: PackageIndex| match &self.packages[index].declaration {
            Some(Ok(declaration)) => declaration.info.label(),
            _ => self.packages[index].display.clone(),
        };
        let mut error = Error::user("Packages need each other in a cycle");
        for (package, (to, at)) in way {
            let place = at.map(|at| format!("  ({at})")).unwrap_or_default();
            error = error.cause(format!("`{}` needs `{}`{place}", name(package), name(to)));
            error = error.at_if_absent(at);
        }
        let is_alone = error.report().causes.len() == 1;
        error.hint(if is_alone {
            "a package reaches its own modules with `wake.getModule(pkg, …)`"
        } else {
            "move what both need into a package of its own"
        })
    }

    /// The packages reached from `roots` along visible `pkgs`, `roots` included, in order of their directories.
    pub fn reached(&self, roots: &[PackageIndex]) -> Vec<PackageIndex> {
        let mut reached: Vec<PackageIndex> = roots.to_vec();
        let mut seen: std::collections::HashSet<PackageIndex> = roots.iter().copied().collect();
        let mut next = 0;
        while next < reached.len() {
            for (to, _) in &self.packages[reached[next]].edges {
                if seen.insert(*to) {
                    reached.push(*to);
                }
            }
            next += 1;
        }
        reached.sort_by(|a, b| {
            self.packages[*a]
                .directory
                .cmp(&self.packages[*b].directory)
        });
        reached
    }
}

/// An answer of another kind than the request asks for.
pub fn unexpected(answer: &Answer) -> Error {
    let kind = match answer {
        Answer::Ready => "Ready",
        Answer::Declaration(_) => "Declaration",
        Answer::Module(_) => "Module",
        Answer::Generated(_) => "Generated",
        Answer::Value(_) => "Value",
        Answer::Waiting(_) => "Waiting",
    };
    Error::internal(format!(
        "The evaluation process gave an answer of the wrong kind: {kind}"
    ))
}
