//! Between the lock and a resolution: what is locked is known and preferred, what was chosen is locked.

use std::collections::BTreeMap;

use semver::Version;

use super::PackageIndex;
use super::decisions::Release;
use super::facts::{Candidate, Demand, Origin, Subject};
use super::lock::{self, Entry, Lock, Requires};
use super::origin::origin_of;
use super::policy::{Renewed, Standing};
use super::requirement::Requirement;
use super::resolve::Resolver;
use super::solve::{HOST_SCOPE, Scope};
use crate::declare::model::{Declaration, PackageRequest};
use crate::fs::path;

impl Resolver<'_> {
    /// Makes what the lock says known, but for what is to be renewed.
    pub(super) fn recall_lock(&mut self) {
        for entry in &self.locked.entries {
            let Some(version) = entry.version.clone() else {
                continue;
            };
            let subject = Subject {
                label: entry.name.as_str().into(),
                origin: entry.origin.clone(),
            };
            let is_ours =
                (entry.artifact.as_ref()).is_none_or(|one| self.policy.is_when(&one.when));
            if let (Some(digest), true) = (entry.digest, is_ours) {
                let key = (subject.clone(), version.clone());
                if let Some(size) = entry.size {
                    self.sizes.insert(key.clone(), size);
                }
                self.packages.decisions.ids.insert(key, digest);
            }
            if self.policy.renewed.contains(&entry.name) {
                self.renewed.entry(subject).or_default().push(version);
                continue;
            }
            let is_host = entry.scope.as_deref() == Some(HOST_SCOPE);
            let scope = if is_host { Scope::HOST } else { Scope::MAIN };
            let preferred = self.preferred.of_mut(scope).entry(subject.clone());
            preferred.or_default().push(version.clone());
            let artifacts = self.locked.of(&entry.name).filter(|one| {
                one.version == entry.version
                    && one.origin == entry.origin
                    && one.scope == entry.scope
            });
            let artifacts = artifacts.filter_map(|one| one.artifact.as_ref());
            let candidate = Candidate {
                version,
                demands: entry
                    .requires
                    .iter()
                    .map(|one| demand(one, &entry.origin))
                    .collect(),
                size: entry.size,
                is_yanked: false,
                published: None,
                artifacts: artifacts
                    .map(|artifact| super::facts::Artifact {
                        name: artifact.name.clone(),
                        when: artifact.when.clone(),
                        digest: None,
                    })
                    .collect(),
            };
            self.facts.trust(&subject, candidate);
        }
        // The solver takes the first that it can.
        self.preferred.sort();
    }

    /// What the lock has to do with a version.
    pub(super) fn standing(&self, subject: &Subject, version: &Version) -> Standing {
        let renewed = self.renewed.get(subject);
        if self.preferred.contains(subject, version) {
            Standing::Locked
        } else if renewed.is_some_and(|versions| versions.contains(version)) {
            Standing::Renewed
        } else {
            Standing::New
        }
    }

    /// What is to be locked now; `None`: there is nothing but path packages, and no lock to keep right.
    pub fn lock(&self) -> Option<Lock> {
        let chosen = self.packages.decisions.solution.iter();
        let chosen: Vec<&Release> = chosen.flat_map(|solution| solution.chosen()).collect();
        if chosen.is_empty() && !self.has_lock {
            return None;
        }
        let mut entries = Vec::new();
        for release in chosen {
            self.lock_release(release, &mut entries);
        }
        let mut is_whole = true;
        for index in self.packages.reached(&self.members) {
            if self.packages.get(index).release.is_none() {
                is_whole &= self.packages.is_whole(index);
                entries.extend(self.lock_path(index));
            }
        }
        if !is_whole {
            // Nobody knows what a package asks for that is not there: what was locked for it stays.
            let mut others = self.locked.entries.clone();
            others.retain(|one| !entries.iter().any(|new| new.is_same(one)));
            entries.append(&mut others);
        }
        let mut lock = Lock::new(entries);
        lock.vendor.clone_from(&self.locked.vendor);
        Some(lock)
    }

    fn lock_release(&self, release: &Release, entries: &mut Vec<Entry>) {
        let candidate = self.facts.candidate(&release.subject, &release.version);
        let key = (release.subject.clone(), release.version.clone());
        let demands = self.facts.said(&release.subject, &release.version);
        let known = candidate.and_then(|candidate| candidate.size);
        let entry = Entry {
            name: release.subject.label.to_string(),
            version: Some(release.version.clone()),
            origin: release.subject.origin.clone(),
            scope: (release.scope != Scope::MAIN).then(|| release.scope.to_string()),
            digest: self.packages.decisions.ids.get(&key).copied(),
            size: self.sizes.get(&key).copied().or(known),
            requires: demands
                .iter()
                .map(|one| requires(one, &release.subject.origin))
                .collect(),
            artifact: None,
            replace: false,
        };
        let artifacts = candidate.map_or(&[][..], |candidate| &candidate.artifacts);
        for artifact in artifacts {
            let is_ours = self.policy.is_when(&artifact.when);
            let mut one = Entry {
                artifact: Some(lock::Artifact {
                    name: artifact.name.clone(),
                    when: artifact.when.clone(),
                }),
                ..entry.clone()
            };
            if !is_ours {
                let before = self.locked_artifact(&one);
                one.digest = before.and_then(|before| before.digest);
                one.size = before.and_then(|before| before.size);
            }
            entries.push(one);
        }
        if artifacts.is_empty() {
            entries.push(entry);
        }
    }

    /// What the lock says of an artifact for other machines.
    fn locked_artifact(&self, entry: &Entry) -> Option<&Entry> {
        let mut entries = self
            .locked
            .entries
            .iter()
            .filter(|one| one.name == entry.name);
        entries.find(|one| {
            one.version == entry.version
                && one.origin == entry.origin
                && one.artifact == entry.artifact
        })
    }

    fn lock_path(&self, index: PackageIndex) -> Option<Entry> {
        let declaration = self.packages.declared_of(index)?;
        let replaced = &self.packages.decisions.replaced;
        let mut requires = visible(declaration);
        let hidden = self.hidden.iter().filter(|(asking, _)| *asking == index);
        let hidden = hidden.filter_map(|(_, request)| requested(request));
        for one in hidden.chain(self.remembered(index)) {
            let seen = Requires {
                is_hidden: false,
                ..one
            };
            let hidden = Requires {
                is_hidden: true,
                ..seen.clone()
            };
            if !requires.contains(&seen) && !requires.contains(&hidden) {
                requires.push(hidden);
            }
        }
        Some(Entry {
            name: declaration.info.label(),
            version: None,
            origin: self.path_origin(index).into(),
            scope: None,
            digest: None,
            size: None,
            requires,
            artifact: None,
            replace: replaced.values().any(|replacing| *replacing == index),
        })
    }

    /// The origin of a path package: `path:../terminal`.
    pub(super) fn path_origin(&self, index: PackageIndex) -> String {
        let directory = &self.packages.get(index).directory;
        let relative = path::relative(directory, self.outside.layout.top());
        let relative = relative.display().to_string();
        let shown = if relative.is_empty() { "." } else { &relative };
        format!("{}{shown}", lock::PATH)
    }

    /// What only modules of a path package asked for when they were built: without it the lock would depend on what was
    /// built last. It is forgotten with an update of all, and when the package's visible `pkgs` change.
    pub(super) fn remembered(&self, index: PackageIndex) -> Vec<Requires> {
        let Some(declaration) = self.packages.declared_of(index) else {
            return Vec::new();
        };
        let label = declaration.info.label();
        let origin = self.path_origin(index);
        let entry = self
            .locked
            .of(&label)
            .find(|entry| *entry.origin == *origin);
        let Some(entry) = entry.filter(|_| self.policy.renewed != Renewed::All) else {
            return Vec::new();
        };
        let (hidden, seen): (Vec<_>, Vec<_>) = entry
            .requires
            .iter()
            .cloned()
            .partition(|one| one.is_hidden);
        if seen == visible(declaration) {
            hidden
        } else {
            Vec::new()
        }
    }

    /// The demands that [`Self::remembered`] stands for, as far as the lock answers them.
    pub(super) fn remembered_demands(&self, index: PackageIndex) -> Vec<Demand> {
        let remembered = self.remembered(index).into_iter();
        let is_host = self.packages.get(index).is_host;
        let demands = remembered.filter_map(|one| {
            let mut demand = demand(&one, one.origin.as_ref()?);
            demand.is_host |= is_host;
            Some(demand)
        });
        demands
            .filter(|one| self.facts.is_known(&one.subject, &one.requirement))
            .collect()
    }
}

/// The visible `pkgs` of a declaration and the retrievers that these name, as the lock has them.
fn visible(declaration: &Declaration) -> Vec<Requires> {
    let pkgs = declaration.pkgs.iter();
    let asked = pkgs.flat_map(|(_, request)| request.with_retrievers());
    let mut visible = Vec::new();
    for one in asked.filter_map(requested) {
        if !visible.contains(&one) {
            visible.push(one);
        }
    }
    visible
}

/// What a package asks for by a retriever or the global namespace.
fn requested(request: &PackageRequest) -> Option<Requires> {
    let origin = origin_of(&request.from)?;
    Some(Requires {
        name: request.wanted.label(),
        requirement: Requirement::of(request.wanted.version.as_deref()).ok()?,
        origin: Some(origin),
        versions: request.versions,
        is_host: request.is_host,
        is_hidden: false,
    })
}

fn requires(demand: &Demand, own: &Origin) -> Requires {
    Requires {
        name: demand.subject.label.to_string(),
        requirement: demand.requirement.clone(),
        origin: (demand.subject.origin != *own).then(|| demand.subject.origin.clone()),
        versions: demand.versions,
        is_host: demand.is_host,
        is_hidden: false,
    }
}

fn demand(requires: &Requires, own: &Origin) -> Demand {
    Demand {
        subject: Subject {
            label: requires.name.as_str().into(),
            origin: requires.origin.clone().unwrap_or_else(|| own.clone()),
        },
        requirement: requires.requirement.clone(),
        versions: requires.versions,
        is_host: requires.is_host,
        at: None,
    }
}

/// The locked versions of each subject.
pub(super) type Locked = BTreeMap<Subject, Vec<Version>>;
