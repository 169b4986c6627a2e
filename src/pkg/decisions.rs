//! What resolution has decided so far, and what it still lacks: which version answers a demand, where global names
//! lead, where files of releases are. Made anew in each round from the facts.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use semver::Version;

use super::PackageIndex;
use super::facts::{Demand, Origin, Subject};
use super::globals::Definition;
use super::origin::origin;
use super::solve::{Chosen, Scope, Solution, Who};
use super::store::{PackageId, Store};
use crate::declare::model::{PackageRequest, RESOLVER, Source};
use crate::error::Result;
use crate::fs;
use crate::workspace::layout;

/// One version of a subject in a scope: what a directory of the store stands for.
pub type Release = Chosen;

impl Release {
    /// Whether it is the same version of the same package, in whatever scope.
    pub fn is_same_version(&self, other: &Self) -> bool {
        self.subject == other.subject && self.version == other.version
    }

    /// What its files, their id and their size are known under: these do not depend on the scope.
    pub fn key(&self) -> (Subject, Version) {
        (self.subject.clone(), self.version.clone())
    }

    /// Its link below the workspace's top.
    pub fn place(&self) -> String {
        layout::package_link(&self.subject.label, &self.version.to_string())
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}@{}", self.subject.label, self.version)
    }
}

/// What is to answer a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answerer {
    /// A path package, or wake itself.
    Path,
    /// A version from there.
    Origin(Origin),
    /// Nobody yet: the name is not defined.
    Nobody,
}

/// What was decided.
#[derive(Debug, Default)]
pub struct Decisions {
    pub globals: BTreeMap<String, Definition>,
    /// Names that a path package answers for everybody (`replace`).
    pub replaced: BTreeMap<String, PackageIndex>,
    pub solution: Option<Solution>,
    /// Whether the solution answers everything that is asked for by now.
    pub is_final: bool,
    /// The ids of what was fetched, now or before.
    pub ids: BTreeMap<(Subject, Version), PackageId>,
    /// Where the store is; it is opened when it is first needed.
    pub cache_directory: Option<PathBuf>,
    store: OnceCell<Store>,
    /// See [`Self::representative`].
    represented: BTreeMap<Release, Release>,
}

impl Decisions {
    /// The release that answers what a package asks for, if that is decided. `release`: what the package is in the
    /// store, `label` what it is called.
    pub fn answer(
        &self,
        release: Option<&Release>,
        label: &str,
        demand: &Demand,
    ) -> Option<&Release> {
        let solution = self.solution.as_ref()?;
        // What a release asks for beside its visible `pkgs` is asked for in its name.
        let own = release.and_then(|release| {
            let exact = solution.answer(Who::Chosen(release), demand);
            exact.or_else(|| solution.answer_from_anywhere(release, demand))
        });
        own.or_else(|| solution.answer(Who::Root(label), demand))
    }

    /// What is to answer a request, as far as that is defined.
    pub fn answerer(&self, request: &PackageRequest) -> Answerer {
        let label = request.wanted.label();
        if label == RESOLVER || self.replaced.contains_key(&label) {
            return Answerer::Path;
        }
        match &request.from {
            Source::Path(_) | Source::Of(..) => Answerer::Path,
            Source::Retriever(exec) => Answerer::Origin(origin(exec)),
            Source::Global => match self.globals.get(&label) {
                Some(Definition::Retriever(origin)) => Answerer::Origin(origin.clone()),
                Some(Definition::Path(_)) => Answerer::Path,
                Some(Definition::BuiltIn) | None => Answerer::Nobody,
            },
        }
    }

    /// Whether a release is part of the solution.
    pub fn is_chosen(&self, release: &Release) -> bool {
        let solution = self.solution.as_ref();
        solution.is_some_and(|solution| solution.chosen().binary_search(release).is_ok())
    }

    /// What a release asks for, as far as that is answered.
    pub fn below(&self, release: &Release) -> Vec<Release> {
        let solution = self.solution.iter();
        solution
            .flat_map(|solution| solution.below(release))
            .cloned()
            .collect()
    }

    /// Where the files of a release are, if they are in the store: absolute, links resolved.
    pub fn directory(&self, release: &Release) -> Option<PathBuf> {
        let directory = self.store().ok()?.get(self.ids.get(&release.key())?)?;
        fs::canonicalize(&directory).ok()
    }

    /// The store. A workspace of path packages alone never makes one.
    ///
    /// # Errors
    /// It cannot be made or opened.
    pub fn store(&self) -> Result<&Store> {
        if let Some(store) = self.store.get() {
            return Ok(store);
        }
        let store = Store::of_user(self.cache_directory.as_deref())?;
        Ok(self.store.get_or_init(|| store))
    }

    /// The store, if it was needed.
    pub fn opened_store(&self) -> Option<&Store> {
        self.store.get()
    }

    /// What distinguishes the instances of a release from those of the same version in the main scope: empty, or a hash
    /// of the versions that it reaches, if these are others than the main scope has.
    pub fn variant(&self, release: &Release) -> String {
        if release.scope == Scope::MAIN {
            return String::new();
        }
        let in_main = Release {
            scope: Scope::MAIN,
            ..release.clone()
        };
        let reached = self.reached(release);
        if self.is_chosen(&in_main) && self.reached(&in_main) == reached {
            return String::new();
        }
        let mut hasher = blake3::Hasher::new();
        for (label, version) in reached {
            hasher.update(format!("{label}@{version}\n").as_bytes());
        }
        hasher.finalize().to_hex()[..20].to_owned()
    }

    /// The release that stands for one: of the same version with the same versions below it in several scopes, that of
    /// the first. So what is equal is looked at, and built, once.
    pub fn representative(&self, release: &Release) -> Release {
        self.represented.get(release).unwrap_or(release).clone()
    }

    /// Works out [`Self::representative`] for all that is chosen.
    pub fn refresh_representatives(&mut self) {
        let chosen = self.solution.iter().flat_map(|solution| solution.chosen());
        let mut of_version: BTreeMap<(Subject, Version), Vec<&Release>> = BTreeMap::new();
        for release in chosen {
            of_version.entry(release.key()).or_default().push(release);
        }
        of_version.retain(|_, releases| releases.len() > 1);
        let mut represented = BTreeMap::new();
        for releases in of_version.values() {
            let mut first: BTreeMap<BTreeSet<(Arc<str>, Version)>, &Release> = BTreeMap::new();
            for release in releases {
                let standing = *first.entry(self.reached(release)).or_insert(release);
                if standing != *release {
                    represented.insert((*release).clone(), standing.clone());
                }
            }
        }
        self.represented = represented;
    }

    /// The versions below a release, itself included.
    fn reached(&self, release: &Release) -> BTreeSet<(Arc<str>, Version)> {
        let mut seen = BTreeSet::from([release.clone()]);
        let mut waiting = vec![release.clone()];
        while let Some(next) = waiting.pop() {
            for below in self.below(&next) {
                if seen.insert(below.clone()) {
                    waiting.push(below);
                }
            }
        }
        seen.into_iter()
            .map(|one| (one.subject.label, one.version))
            .collect()
    }
}

/// What lacked when a package was looked for.
#[derive(Debug, Default)]
pub struct Needs {
    /// Requests that nothing answers yet, and who asks.
    pub demands: Vec<(PackageIndex, PackageRequest)>,
    /// Chosen releases that are not on disk.
    pub releases: BTreeSet<Release>,
    /// A package that is on disk was not declared.
    pub has_undeclared: bool,
}

impl Needs {
    /// Whether nothing lacked.
    pub fn is_empty(&self) -> bool {
        self.demands.is_empty() && self.releases.is_empty() && !self.has_undeclared
    }

    /// Notes a request that nothing answers.
    pub fn demand(&mut self, asking: PackageIndex, request: &PackageRequest) {
        let one = (asking, request.clone());
        if !self.demands.contains(&one) {
            self.demands.push(one);
        }
    }
}
