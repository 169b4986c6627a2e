//! The packages of a workspace that are on disk: path packages and releases, declared once each, and who needs whom.
//!
//! A package that cannot be declared keeps its error until somebody needs the package. It knows nothing of retrievers
//! and of how versions are chosen: that is decided elsewhere ([`super::decisions`]), and what lacks is noted.

mod edges;
mod finding;

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

use semver::Version;

use super::contents;
use super::decisions::{Decisions, Needs, Release};
use super::facts::{Demand, Origin, Subject};
use super::requirement::Requirement;
use crate::declare::model::{
    Declaration, PackageDirectory, PackageInfo, PackageRequest, Permission, Source,
};
use crate::error::{Error, Location, Result};
use crate::event::{Event, Subscriber};
use crate::fs::path;
use crate::jsonnet::protocol::{Answer, Outcome, Read, Request};
use crate::workspace::discover::PKG;

/// Asks an evaluation process; callable from several threads.
pub type Ask<'a> = dyn Fn(&Request) -> Result<Outcome> + Sync + 'a;

/// A position in [`Packages`].
pub type PackageIndex = usize;

/// A package directory and what is known of it.
#[derive(Clone, Debug)]
pub struct Package {
    /// Absolute, links resolved.
    pub directory: PathBuf,
    /// For people: relative to the workspace's top where it lies below it.
    pub display: String,
    /// What the graph calls the directory: relative to the workspace's top, of a release through its link in
    /// `.wake/pkgs/`; absolute where it lies elsewhere.
    pub place: String,
    /// `None`: a path package.
    pub release: Option<Release>,
    /// What was granted to a release. A path package may do everything.
    pub permissions: BTreeSet<Permission>,
    /// See [`Decisions::variant`].
    pub variant: String,
    /// A path package that members reach as a `Build` or `Tool` dependency only, or by way of one: what it asks for is
    /// answered in the scope of the host. Of a release its scope says so.
    pub is_host: bool,
    /// Fetched, and not in the store yet.
    pub is_staged: bool,
    /// Declared by a recipe.
    pub is_recipe: bool,
    declaration: Option<Result<Declaration>>,
    /// The packages its `pkgs` name.
    edges: Vec<Edge>,
}

/// A package that another one needs.
#[derive(Clone, Debug, PartialEq)]
struct Edge {
    to: PackageIndex,
    /// Where the other one says so.
    at: Option<Location>,
    /// As a `Build` or `Tool` dependency of a recipe.
    is_host: bool,
}

/// All packages that were looked at.
#[derive(Debug)]
pub struct Packages {
    top: PathBuf,
    packages: Vec<Package>,
    by_directory: HashMap<PathBuf, PackageIndex>,
    by_release: HashMap<Release, PackageIndex>,
    /// What resolution has decided.
    pub decisions: Decisions,
    /// What [`Self::find`] lacked.
    pub needs: Needs,
    /// What all declarations read.
    pub reads: Vec<Read>,
    /// Whether a release was granted what it did not have.
    pub has_granted: bool,
}

impl Packages {
    /// No packages yet; `top` is the workspace's top, links resolved.
    pub fn new(top: PathBuf) -> Self {
        Self {
            top,
            packages: Vec::new(),
            by_directory: HashMap::new(),
            by_release: HashMap::new(),
            decisions: Decisions::default(),
            needs: Needs::default(),
            reads: Vec::new(),
            has_granted: false,
        }
    }

    /// What is known of one.
    pub fn get(&self, index: PackageIndex) -> &Package {
        &self.packages[index]
    }

    /// Where all of them are, in the order in which they were found.
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
        let place = directory.strip_prefix(&self.top).unwrap_or(&directory);
        self.packages.push(Package {
            display: path::display(&directory, &self.top),
            place: place.to_string_lossy().into_owned(),
            directory,
            release: None,
            permissions: BTreeSet::new(),
            variant: String::new(),
            is_host: false,
            is_staged: false,
            is_recipe: false,
            declaration: None,
            edges: Vec::new(),
        });
        index
    }

    /// As the evaluation process needs it.
    pub fn directory(&self, index: PackageIndex) -> PackageDirectory {
        let package = &self.packages[index];
        PackageDirectory {
            directory: package.directory.clone(),
            top: self.top.clone(),
            granted: package.release.as_ref().map(|_| {
                let names = package.permissions.iter();
                names
                    .filter_map(|permission| match permission {
                        Permission::Environment(name) => Some(name.clone()),
                        _ => None,
                    })
                    .collect()
            }),
            place: (package.release.as_ref()).map(|_| PathBuf::from(&package.display)),
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

    /// The permissions of a request, as far as the one that asks has them itself.
    pub fn granted(&self, asking: PackageIndex, request: &PackageRequest) -> BTreeSet<Permission> {
        let asks = &self.packages[asking];
        let wanted = request.permissions.iter();
        wanted
            .filter(|one| asks.release.is_none() || asks.permissions.contains(*one))
            .cloned()
            .collect()
    }

    /// Adds to what a release may do. A declaration that may read other variables now is evaluated anew.
    fn grant(&mut self, index: PackageIndex, granted: BTreeSet<Permission>) {
        let package = &mut self.packages[index];
        let mut may_read = false;
        for permission in granted {
            let is_variable = matches!(permission, Permission::Environment(_));
            if package.permissions.insert(permission) {
                self.has_granted = true;
                may_read |= is_variable;
            }
        }
        if may_read {
            self.forget_declaration(index);
        }
    }

    /// Has a release that is in the store looked at, or says that it is needed.
    pub fn bring(&mut self, release: &Release) {
        if self.by_release.contains_key(release) {
            return;
        }
        match self.decisions.directory(release) {
            Some(directory) => {
                self.add_release(release.clone(), directory, BTreeSet::new());
            }
            None => {
                self.needs.releases.insert(release.clone());
            }
        }
    }

    /// Adds a release whose files are in `directory`, absolute: its place in the store, or where it was fetched to.
    fn add_release(
        &mut self,
        release: Release,
        directory: PathBuf,
        permissions: BTreeSet<Permission>,
    ) -> PackageIndex {
        let index = self.packages.len();
        self.by_release.insert(release.clone(), index);
        let place = release.place();
        self.packages.push(Package {
            display: place.clone(),
            directory,
            place,
            variant: self.decisions.variant(&release),
            is_host: false,
            is_staged: false,
            is_recipe: false,
            release: Some(release),
            permissions,
            declaration: None,
            edges: Vec::new(),
        });
        index
    }

    /// Adds a release that was fetched to `directory` and is not in the store yet.
    pub fn stage(&mut self, release: Release, directory: PathBuf) -> PackageIndex {
        let index = self.add_release(release, directory, BTreeSet::new());
        self.packages[index].is_staged = true;
        index
    }

    /// Says that the files of a staged release are in the store, at `directory`; what was declared of it is forgotten.
    pub fn unstage(&mut self, index: PackageIndex, directory: PathBuf) {
        let package = &mut self.packages[index];
        package.directory = directory;
        package.is_staged = false;
        self.forget_declaration(index);
    }

    /// Has a package declared anew.
    pub fn forget_declaration(&mut self, index: PackageIndex) {
        let package = &mut self.packages[index];
        package.declaration = None;
        package.edges.clear();
    }

    /// The package of a release, if it is on disk and was asked for.
    pub fn of_release(&self, release: &Release) -> Option<PackageIndex> {
        self.by_release.get(release).copied()
    }

    /// Path packages and releases that are on disk and not declared.
    pub fn undeclared(&self) -> Vec<PackageIndex> {
        self.indexes()
            .filter(|&index| self.packages[index].declaration.is_none())
            .collect()
    }

    /// The declared path packages of a name.
    pub fn labelled(&self, label: &str) -> Vec<PackageIndex> {
        self.paths_that(|info| info.label() == label)
    }

    /// The declared path packages that a reference of a recipe means: those called so, else, if it does not say whose they
    /// are, those of that name in whatever namespace.
    pub fn referenced(&self, label: &str) -> Vec<PackageIndex> {
        let exact = self.labelled(label);
        match exact.is_empty() {
            true => self.paths_that(|info| info.name == label),
            false => exact,
        }
    }

    fn paths_that(&self, is_meant: impl Fn(&PackageInfo) -> bool) -> Vec<PackageIndex> {
        let is_meant = |index: &PackageIndex| {
            let is_path = self.packages[*index].release.is_none();
            let declaration = self.declared_of(*index).filter(|_| is_path);
            declaration.is_some_and(|one| is_meant(&one.info))
        };
        self.indexes().filter(is_meant).collect()
    }

    /// Takes in what declaring a package yielded. Returns the packages that its visible `pkgs` name and that are there.
    pub fn declared(
        &mut self,
        index: PackageIndex,
        declaration: Result<Declaration>,
        subscriber: &mut dyn Subscriber,
    ) -> Vec<PackageIndex> {
        let declaration = declaration.and_then(|one| self.check_release(index, one));
        let mut found = Vec::new();
        if let Ok(declaration) = &declaration
            && !self.packages[index].is_staged
        {
            subscriber.event(&Event::Declared {
                package: declaration.info.label(),
                directory: self.packages[index].display.clone(),
            });
            let pkgs = declaration.pkgs.iter();
            for request in pkgs.flat_map(|(_, request)| request.with_retrievers()) {
                // One by another way is found when it is solved and fetched; one that is not there is an error for those
                // who need it.
                if let Source::Path(_) = request.from
                    && let Ok(package) = self.find(index, request)
                {
                    self.connect(index, package, request);
                    found.push(package);
                }
            }
        }
        let package = &mut self.packages[index];
        package.is_recipe = contents::declaration_file(&package.directory) != PKG;
        package.declaration = Some(declaration);
        found
    }

    /// Refuses a package of the store that is another release than the one that the lock gives its digest.
    fn check_release(&self, index: PackageIndex, declaration: Declaration) -> Result<Declaration> {
        let package = &self.packages[index];
        let Some(release) = package.release.as_ref().filter(|_| !package.is_staged) else {
            return Ok(declaration);
        };
        let info = &declaration.info;
        let version = info.version.as_deref().unwrap_or_default();
        if info.label() == *release.subject.label && version == release.version.to_string() {
            return Ok(declaration);
        }
        Err(Error::user(format!(
            "`wake.lock` gives `{release}` the digest of another package"
        ))
        .cause(format!(
            "the digest is that of `{}@{version}`",
            info.label()
        ))
        .hint("restore `wake.lock` from version control, or remove it and run `wake pkg resolve`, which chooses anew"))
    }

    /// The declaration of a package, if it has a good one by now.
    pub fn declared_of(&self, index: PackageIndex) -> Option<&Declaration> {
        match &self.packages[index].declaration {
            Some(Ok(declaration)) => Some(declaration),
            _ => None,
        }
    }

    /// Whether all is known that a package asks for: it has a good declaration, and what that names by path is there.
    pub fn is_whole(&self, index: PackageIndex) -> bool {
        let edges = &self.packages[index].edges;
        self.declared_of(index).is_some_and(|declaration| {
            let mut requests = declaration.pkgs.iter().map(|(_, request)| request);
            requests.all(|request| {
                !matches!(request.from, Source::Path(_))
                    || edges.iter().any(|edge| edge.at == request.at)
            })
        })
    }

    /// What a package is called, as far as that is known.
    pub fn label(&self, index: PackageIndex) -> String {
        let package = &self.packages[index];
        match (&package.declaration, &package.release) {
            (Some(Ok(declaration)), _) => declaration.info.label(),
            (_, Some(release)) => release.subject.label.to_string(),
            _ => package.display.clone(),
        }
    }

    /// Works out anew what depends on the solution.
    pub fn refresh_variants(&mut self) {
        self.decisions.refresh_representatives();
        for package in &mut self.packages {
            if let Some(release) = &package.release {
                package.variant = self.decisions.variant(release);
            }
        }
    }

    /// What a request of a package asks for by a retriever, in the scope in which the package is looked at.
    ///
    /// # Errors
    /// As [`demand`].
    pub fn demanded(
        &self,
        asking: PackageIndex,
        request: &PackageRequest,
        origin: Origin,
    ) -> Result<Demand> {
        let mut demand = demand(request, origin)?;
        demand.is_host |= self.packages[asking].is_host;
        Ok(demand)
    }

    /// Whether it was declared, well or not.
    pub fn is_declared(&self, index: PackageIndex) -> bool {
        self.packages[index].declaration.is_some()
    }

    /// Refuses a declared package that is not the one that was asked for: another name, namespace or version. A package
    /// that says no version has any, and a request without a name takes any package.
    ///
    /// # Errors
    /// `User`, at the `getPkg`; also those of the package's own declaration.
    pub fn check(&self, index: PackageIndex, request: &PackageRequest) -> Result<()> {
        let info = &self.declaration(index)?.info;
        let wanted = &request.wanted;
        let is_named = (wanted.name.is_empty() || wanted.name == info.name)
            && (wanted.namespace.is_none() || wanted.namespace == info.namespace);
        let requirement = Requirement::of(wanted.version.as_deref())?;
        let version = info.version.as_deref().map(Version::parse);
        let is_version = match version {
            Some(Ok(version)) => wanted.version.is_none() || requirement.matches(&version),
            _ => true,
        };
        if is_named && is_version {
            return Ok(());
        }
        Err(Error::user(format!(
            "The package in `{}` is not the one that is asked for",
            self.packages[index].display
        ))
        .cause(format!("`{wanted}` is wanted"))
        .cause(format!("it is `{info}`"))
        .hint(match self.packages[index].is_recipe {
            true => "correct the name or the version, here or in its recipe",
            false => "correct the name or the version, here or in its `wake.pkgInfo`",
        })
        .at_if_absent(request.at.as_ref()))
    }
}

/// What a request by a retriever asks for.
///
/// # Errors
/// `User`: its requirement is none.
pub fn demand(request: &PackageRequest, origin: Origin) -> Result<Demand> {
    let requirement = Requirement::of(request.wanted.version.as_deref())
        .map_err(|error| error.at_if_absent(request.at.as_ref()))?;
    Ok(Demand {
        subject: Subject {
            label: request.wanted.label().into(),
            origin,
        },
        requirement,
        versions: request.versions,
        is_host: request.is_host,
        at: request.at.clone(),
    })
}

/// An answer of another kind than the request asks for.
pub fn unexpected(answer: &Answer) -> Error {
    let kind = match answer {
        Answer::Ready => "Ready",
        Answer::Declaration(_) => "Declaration",
        Answer::Module(_) => "Module",
        Answer::Generated(_) => "Generated",
        Answer::Tried(_) => "Tried",
        Answer::Value(_) => "Value",
        Answer::Findings(_) => "Findings",
        Answer::Waiting(_) => "Waiting",
    };
    Error::internal(format!(
        "The evaluation process gave an answer of the wrong kind: {kind}"
    ))
}
