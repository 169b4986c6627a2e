//! The packages of a workspace: found by path, declared once each.
//!
//! [`Packages::explore`] declares the members and everything that their visible `pkgs` name, as far as it is there.
//! A package that cannot be declared keeps its error until somebody needs the package.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::frontier;
use crate::declare::model::{Declaration, PackageDirectory, PackageRequest, Source};
use crate::error::{Error, Location, Result};
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::fs::path;
use crate::jsonnet::protocol::{Answer, Outcome, Read, Request};

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
    pub fn find(&mut self, asking: PackageIndex, request: &PackageRequest) -> Result<PackageIndex> {
        let directory = self.directory_of(asking, request)?;
        Ok(self.add(directory))
    }

    fn directory_of(&self, asking: PackageIndex, request: &PackageRequest) -> Result<PathBuf> {
        let wanted = request.wanted.label();
        let at = |error: Error| error.at_if_absent(request.at.as_ref());
        let Source::Path(relative) = &request.from else {
            return Err(at(Error::user(format!(
                "`{wanted}` can be asked for only by path"
            ))
            .hint(
                "give `from` a path relative to the package, such as `from='../terminal'`",
            )));
        };
        let directory = path::clean(&self.packages[asking].directory.join(relative));
        if !fs::is_directory(&directory) {
            return Err(at(Error::user(format!("`{wanted}` is not there"))
                .cause(format!(
                    "there is no directory `{}`",
                    path::display(&directory, &self.top)
                ))
                .hint("correct the path in `from`")));
        }
        fs::canonicalize(&directory).map_err(at)
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
        self.refuse_cycles(roots)
    }

    /// Takes in what declaring a package yielded. Returns the packages that its visible `pkgs` name and that are there.
    pub fn declared(
        &mut self,
        index: PackageIndex,
        outcome: Result<Outcome>,
        subscriber: &mut dyn Subscriber,
    ) -> Vec<PackageIndex> {
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
                match self.find(index, request) {
                    Ok(package) => {
                        self.packages[index]
                            .edges
                            .push((package, request.at.clone()));
                        found.push(package);
                    }
                    Err(_) => self.note_absence(index, request),
                }
            }
        }
        self.packages[index].declaration = Some(declaration);
        found
    }

    /// A package that is not there is something that was read: when it appears, there are more members.
    fn note_absence(&mut self, asking: PackageIndex, request: &PackageRequest) {
        if let Source::Path(relative) = &request.from {
            let path = path::clean(&self.packages[asking].directory.join(relative));
            self.reads.push(Read::Existence {
                path,
                exists: false,
            });
        }
    }

    pub fn is_declared(&self, index: PackageIndex) -> bool {
        self.packages[index].declaration.is_some()
    }

    /// Adds that `from` needs `to`, as a module of it says, and refuses a cycle.
    pub fn connect(
        &mut self,
        from: PackageIndex,
        to: PackageIndex,
        at: Option<&Location>,
    ) -> Result<()> {
        if from == to
            || self.packages[from]
                .edges
                .iter()
                .any(|(known, _)| *known == to)
        {
            return Ok(());
        }
        self.packages[from].edges.push((to, at.cloned()));
        self.refuse_cycles(&[from])
    }

    /// Depth first over the edges; the first edge back to a package under way closes a cycle.
    fn refuse_cycles(&self, roots: &[PackageIndex]) -> Result<()> {
        let mut done = vec![false; self.packages.len()];
        for &root in roots {
            let mut way: Vec<(PackageIndex, usize)> = vec![(root, 0)];
            while let Some((package, next)) = way.last_mut() {
                let Some((to, _)) = self.packages[*package].edges.get(*next) else {
                    done[*package] = true;
                    way.pop();
                    continue;
                };
                *next += 1;
                if let Some(start) = way.iter().position(|(under_way, _)| under_way == to) {
                    return Err(self.cycle(&way[start..]));
                }
                if !done[*to] {
                    way.push((*to, 0));
                }
            }
        }
        Ok(())
    }

    fn cycle(&self, way: &[(PackageIndex, usize)]) -> Error {
        let name = |index: PackageIndex| match &self.packages[index].declaration {
            Some(Ok(declaration)) => declaration.info.label(),
            _ => self.packages[index].display.clone(),
        };
        let mut error = Error::user("Packages need each other in a cycle");
        for &(package, next) in way {
            let (to, at) = &self.packages[package].edges[next - 1];
            let place = at
                .as_ref()
                .map(|at| format!("  ({at})"))
                .unwrap_or_default();
            error = error.cause(format!("`{}` needs `{}`{place}", name(package), name(*to)));
            error = error.at_if_absent(at.as_ref());
        }
        error.hint("move what both need into a package of its own")
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
