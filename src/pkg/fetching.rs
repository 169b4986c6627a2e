//! Fetching releases: a retriever fills a directory, what belongs to it goes into the store, and links lead there.
//!
//! Nothing enters the store that is not what was asked for, or not what the lock says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use super::asking::{at_once, split};
use super::contents::{declaration_file, files_of};
use super::decisions::Release;
use super::facts::Origin;
use super::frontier::earliest;
use super::lock::Entry;
use super::resolve::Resolver;
use super::retriever::Retriever;
use super::retriever::protocol::Fetched;
use super::store::{PackageId, Store};
use super::{PackageIndex, vendor};
use crate::declare::model::{Declaration, PackageRequest};
use crate::error::{Error, Result};
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::workspace::discover::PKG;

/// What is fetched by one call.
type Batch = (Origin, Retriever, Vec<(Release, Fetched)>);

impl Resolver<'_> {
    /// Whether a release is chosen and not on disk.
    pub(super) fn is_lacking(&self, release: &Release) -> bool {
        self.packages.of_release(release).is_none()
            && self.packages.decisions.is_chosen(release)
            && self.packages.decisions.directory(release).is_none()
    }

    /// The releases that members reach where `when` admits it.
    pub(super) fn admitted(&mut self) -> BTreeSet<Release> {
        let members = self.members.clone();
        let mut waiting: Vec<(PackageIndex, PackageRequest)> = Vec::new();
        for index in self.packages.reached(&members) {
            if let Some(declaration) = self.packages.declared_of(index) {
                let pkgs = declaration.pkgs.iter();
                waiting.extend(pkgs.map(|(_, request)| (index, request.clone())));
            }
        }
        let mut admitted = BTreeSet::new();
        let mut seen = BTreeSet::new();
        for (index, request) in waiting {
            if self.policy.is_when(&request.when) {
                self.admit(index, &request, &mut admitted, &mut seen);
            }
        }
        let mut next: Vec<Release> = admitted.iter().cloned().collect();
        while let Some(release) = next.pop() {
            let declared = self.packages.of_release(&release);
            if let Some(index) =
                declared.filter(|index| self.packages.declared_of(*index).is_some())
            {
                let declaration = self.packages.declaration(index);
                let pkgs = declaration.map(|one| one.pkgs.clone()).unwrap_or_default();
                for (_, request) in &pkgs {
                    if !self.policy.is_when(&request.when) {
                        continue;
                    }
                    let mut found = BTreeSet::new();
                    self.admit(index, request, &mut found, &mut seen);
                    next.extend(found.iter().cloned());
                    admitted.append(&mut found);
                }
                continue;
            }
            for below in self.packages.decisions.below(&release) {
                if admitted.insert(below.clone()) {
                    next.push(below);
                }
            }
        }
        admitted
    }

    /// Declares what is on disk of what members reach, also what nobody needed: what it asks for is then known by its own
    /// word.
    ///
    /// # Errors
    /// As [`Self::settle`].
    pub(super) fn survey(&mut self, subscriber: &mut dyn Subscriber) -> Result<()> {
        let mut before = None;
        loop {
            self.admitted();
            let undeclared = self.packages.undeclared().len();
            let there = (undeclared, self.packages.indexes().len());
            if undeclared == 0 || before == Some(there) {
                return Ok(());
            }
            before = Some(there);
            self.settle(subscriber)?;
        }
    }

    /// Adds the release that a request means, if it is one that was not seen before.
    fn admit(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
        admitted: &mut BTreeSet<Release>,
        seen: &mut BTreeSet<Release>,
    ) {
        let needs = std::mem::take(&mut self.packages.needs);
        let found = self.packages.find(asking, request);
        let noted = std::mem::replace(&mut self.packages.needs, needs);
        let of_package = found
            .ok()
            .and_then(|index| self.packages.get(index).release.clone());
        for release in noted.releases.into_iter().chain(of_package) {
            if seen.insert(release.clone()) {
                admitted.insert(release);
            }
        }
    }

    /// Fetches releases that lack: from the vendored ones, else from their retrievers. They are staged; the next round
    /// declares them and puts them into the store. Returns whether any came.
    ///
    /// # Errors
    /// A retriever that fails or may not be asked.
    pub(super) fn fetch(
        &mut self,
        wanted: &BTreeSet<Release>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<bool> {
        let mut by_origin: BTreeMap<Origin, Vec<Release>> = BTreeMap::new();
        let others = self.without_vendored(wanted)?;
        let is_restored = others.len() < wanted.len();
        for release in others {
            let origin = release.subject.origin.clone();
            let releases = by_origin.entry(origin).or_default();
            // One that is chosen in several scopes is in the store for the others then.
            if !releases.iter().any(|one| one.is_same_version(&release)) {
                releases.push(release);
            }
        }
        let mut batches: Vec<Batch> = Vec::new();
        for (origin, releases) in by_origin {
            if self.policy.mode.is_offline {
                return Err(self.may_not_fetch(&releases));
            }
            if let Some(retriever) = self.retriever(&origin)? {
                let fetched = releases.into_iter().map(|release| {
                    let fetched = self.prepare(&release)?;
                    Ok((release, fetched))
                });
                batches.push((origin, retriever, fetched.collect::<Result<_>>()?));
            }
        }
        for (origin, _, releases) in &batches {
            for (release, _) in releases {
                subscriber.event(&Event::Fetching {
                    package: release.to_string(),
                    retriever: origin.to_string(),
                });
            }
        }
        let is_fetched = !batches.is_empty();
        let tools = self.outside.tools;
        let results = at_once(&batches, |(_, retriever, releases)| {
            let packages: Vec<Fetched> = releases.iter().map(|(_, one)| one.clone()).collect();
            tools.fetch(retriever, &packages)
        });
        self.pass_on(subscriber);
        let mut errors = Vec::new();
        for ((origin, _, releases), result) in batches.into_iter().zip(results) {
            if let Err(error) = result {
                errors.push(self.at_asker(&origin, error));
                for (_, fetched) in &releases {
                    let _ = fs::remove_all(&fetched.into);
                }
                continue;
            }
            for (release, fetched) in releases {
                let index = self.packages.stage(release, fetched.into);
                self.staged.push((index, origin.clone()));
            }
        }
        earliest(errors).map_or(Ok(is_restored || is_fetched), Err)
    }

    /// An empty directory for a release.
    fn prepare(&self, release: &Release) -> Result<Fetched> {
        let (namespace, name) = split(&release.subject.label);
        let version = release.version.to_string();
        let into = self
            .outside
            .layout
            .download_directory(&release.subject.label, &version);
        fs::remove_all(&into)?;
        fs::create_directories(&into)?;
        // `.wake` may be a link to another disk; packages lie where no link leads.
        let into = fs::canonicalize(&into)?;
        let candidate = self.facts.candidate(&release.subject, &release.version);
        let artifacts = candidate.map_or(&[][..], |candidate| &candidate.artifacts);
        let mut fitting = artifacts
            .iter()
            .filter(|one| self.policy.is_when(&one.when));
        let artifact = fitting.next().map(|artifact| artifact.name.clone());
        if artifact.is_none() && !artifacts.is_empty() {
            let forms = artifacts
                .iter()
                .map(|artifact| format!("`{}`", artifact.name));
            return Err(
                Error::user(format!("`{release}` has no form for this machine"))
                    .cause(format!("there is {}", forms.collect::<Vec<_>>().join(", ")))
                    .hint("say where it is needed with `when` of its `wake.getPkg`"),
            );
        }
        Ok(Fetched {
            namespace,
            name,
            version,
            artifact,
            into,
        })
    }

    /// Takes those of the releases that the workspace has vendored into the store, and returns the others.
    fn without_vendored(&self, wanted: &BTreeSet<Release>) -> Result<Vec<Release>> {
        let Some(directory) = &self.locked.vendor else {
            return Ok(wanted.iter().cloned().collect());
        };
        let directory = self.outside.layout.top().join(directory);
        let mut others = Vec::new();
        for release in wanted {
            let is_meant = |entry: &&Entry| {
                entry.version.as_ref() == Some(&release.version)
                    && entry.origin == release.subject.origin
                    && (entry.artifact.as_ref()).is_none_or(|one| self.policy.is_when(&one.when))
            };
            let entry = self.locked.of(&release.subject.label).find(is_meant);
            let stored = match entry {
                Some(entry) => {
                    vendor::restore(self.packages.decisions.store()?, entry, &directory)?
                }
                None => None,
            };
            if stored.is_none() {
                others.push(release.clone());
            }
        }
        Ok(others)
    }

    /// Puts staged releases that are declared by now into the store. Returns whether there were any.
    ///
    /// # Errors
    /// What was fetched is not what was asked for, or not what the lock says; the store fails.
    pub(super) fn commit_staged(&mut self, subscriber: &mut dyn Subscriber) -> Result<bool> {
        let staged = std::mem::take(&mut self.staged);
        let mut is_progress = false;
        for (index, origin) in staged {
            if !self.packages.is_declared(index) {
                self.staged.push((index, origin));
                continue;
            }
            is_progress = true;
            let result = self.commit(index, &origin, subscriber);
            let removed = fs::remove_all(&self.packages.get(index).directory);
            self.packages.unstage(index, result?);
            self.declaring.forget(index);
            removed?;
        }
        Ok(is_progress)
    }

    fn commit(
        &mut self,
        index: PackageIndex,
        origin: &Origin,
        subscriber: &mut dyn Subscriber,
    ) -> Result<PathBuf> {
        let package = self.packages.get(index);
        let (staged, release) = (package.directory.clone(), package.release.clone());
        let Some(release) = release else {
            return Err(Error::internal("A path package was staged"));
        };
        let declaration = self
            .packages
            .declaration(index)
            .map_err(|error| unusable(&release, origin, error))?;
        let file = declaration_file(&staged);
        check_identity(&release, origin, declaration, file)?;
        let files = files_of(&staged, declaration, None)
            .map_err(|error| unusable(&release, origin, error))?;
        let (id, size) =
            Store::id_of(&staged, &files).map_err(|error| unusable(&release, origin, error))?;
        self.check_lock(&release, origin, id)?;
        let stored = self.packages.decisions.store()?.put(&staged, &files)?;
        subscriber.event(&Event::Stored {
            package: release.to_string(),
            id: id.to_string(),
            bytes: size,
        });
        let key = release.key();
        self.packages.decisions.ids.insert(key.clone(), id);
        self.sizes.insert(key, size);
        fs::canonicalize(&stored.directory)
    }

    /// Refuses what has another id than the lock says.
    fn check_lock(&self, release: &Release, origin: &Origin, id: PackageId) -> Result<()> {
        let key = release.key();
        let Some(locked) = self
            .packages
            .decisions
            .ids
            .get(&key)
            .filter(|locked| **locked != id)
        else {
            return Ok(());
        };
        Err(Error::user(format!("`{release}` is not what `wake.lock` says"))
            .cause(format!("the lock has the digest {locked}"))
            .cause(format!("`{origin}` gave files with the digest {id}"))
            .hint("somebody has changed what is published: find out who and why; if it is right, remove its line from `wake.lock`"))
    }

    fn may_not_fetch(&self, releases: &[Release]) -> Error {
        let flag = self.policy.mode.flag();
        let names: Vec<String> = releases.iter().map(|one| format!("`{one}`")).collect();
        let (verb, them) = match names.len() {
            1 => ("is", "it"),
            _ => ("are", "them"),
        };
        Error::user(format!("{} {verb} not in the store", names.join(", ")))
            .cause(format!("`{flag}` forbids to fetch {them}"))
            .hint(format!("run `wake pkg resolve` once without `{flag}`"))
    }
}

/// Refuses files that are another package, or another version, than what was asked for.
/// `file` is what it is declared by.
fn check_identity(
    release: &Release,
    origin: &Origin,
    declaration: &Declaration,
    file: &str,
) -> Result<()> {
    let info = &declaration.info;
    let said = match &info.version {
        Some(version) => format!("{}@{version}", info.label()),
        None => info.label(),
    };
    if said == format!("{}@{}", release.subject.label, release.version) {
        return Ok(());
    }
    Err(Error::user(format!("The retriever `{origin}` fetched another package"))
        .cause(format!("`{release}` was asked for"))
        .cause(format!("its `{file}` says `{said}`"))
        .hint(match file {
            PKG => "its `wake.pkgInfo` must have the name, namespace and version that it is published as",
            _ => "its `Name` and `Version` must be those that it is published as",
        })
        .at_if_absent(declaration.at.as_ref()))
}

fn unusable(release: &Release, origin: &Origin, error: Error) -> Error {
    error.as_cause_of(format!(
        "What the retriever `{origin}` fetched as `{release}` cannot be used"
    ))
}

/// Makes the links of `.wake/pkgs/`, and removes those that lead to nothing that is used.
pub(super) fn link_packages(
    top: &Path,
    directory: &Path,
    links: &BTreeMap<PathBuf, PathBuf>,
) -> Result<()> {
    for (link, target) in links {
        fs::link(&top.join(link), target)?;
    }
    for (namespace, _) in fs::list_if_exists(directory)? {
        let below = directory.join(&namespace);
        for (name, _) in fs::list_if_exists(&below)? {
            let link = below.join(&name);
            let relative = link.strip_prefix(top).unwrap_or(&link);
            if !links.contains_key(relative) && fs::is_link(&link) {
                fs::remove_file(&link)?;
            }
        }
        fs::remove_if_empty(&below);
    }
    Ok(())
}
