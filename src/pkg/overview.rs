//! What a settled resolution came to, as plain data for people and tools: who asks for whom, and what answers.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::PackageIndex;
use super::decisions::Release;
use super::facts::{Demand, GLOBAL};
use super::globals::Definition;
use super::resolve::Resolver;
use super::solve::{HOST_SCOPE, Scope};
use crate::declare::model::{PackageRequest, Source};

/// All packages of a workspace, sorted by name and version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Overview {
    pub packages: Vec<Entry>,
}

/// One package.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// `namespace/name`, or `name`.
    pub name: String,
    /// `None`: a path package that says none.
    pub version: Option<String>,
    /// As the lock has it; of a path package `path:../terminal`.
    pub origin: String,
    /// The scope that it was chosen in, if it is not the main one; of a path package that in which what it asks for is
    /// chosen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// Bytes, if known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Whether the files are on this machine.
    pub fetched: bool,
    /// Whether the workspace declares it as a member.
    pub member: bool,
    /// Whether it answers every request for its name (`replace`).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub replace: bool,
    pub requires: Vec<Required>,
}

/// Something that a package asks for.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Required {
    /// The key in `pkgs`; `None`: it is asked for elsewhere, or only the retriever's forecast is known, which has no `at`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// `namespace/name@requirement`; of one that takes whatever package lies at a path, the path.
    pub request: String,
    /// The place of what answers it in [`Overview::packages`]; `None`: nothing does, and nobody needed it.
    pub package: Option<usize>,
    /// Parameters with the values for which it is fetched; empty: for all.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub when: BTreeMap<String, Vec<String>>,
    /// `file:line:column` of the `getPkg`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at: Option<String>,
}

/// What a package is, before it has a place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Path(PackageIndex),
    Release(Release),
}

impl Overview {
    /// Of a resolution that has settled.
    pub fn of(resolver: &mut Resolver<'_>) -> Self {
        let mut nodes = nodes(resolver);
        nodes.sort_by_cached_key(|node| {
            let (name, version) = identity(resolver, node);
            (name, version, node.clone())
        });
        let places: BTreeMap<Node, usize> = nodes.iter().cloned().zip(0..).collect();
        let packages = nodes.iter().map(|node| entry(resolver, node, &places));
        Self {
            packages: packages.collect(),
        }
    }
}

/// The path packages that members reach, and the releases that were chosen.
fn nodes(resolver: &Resolver<'_>) -> Vec<Node> {
    let packages = &resolver.packages;
    let reached = packages.reached(&resolver.members).into_iter();
    let paths = reached.filter(|index| packages.get(*index).release.is_none());
    let decisions = &packages.decisions;
    let chosen = decisions.solution.iter().flat_map(|one| one.chosen());
    // What is equal in two scopes is told once.
    let chosen = chosen.filter(|one| decisions.representative(one) == **one);
    let chosen = chosen.cloned();
    paths
        .map(Node::Path)
        .chain(chosen.map(Node::Release))
        .collect()
}

fn identity(resolver: &Resolver<'_>, node: &Node) -> (String, Option<semver::Version>) {
    match node {
        Node::Path(index) => {
            let version = resolver.packages.declared_of(*index);
            let version = version.and_then(|one| one.info.version.as_deref());
            let version = version.and_then(|text| semver::Version::parse(text).ok());
            (resolver.packages.label(*index), version)
        }
        Node::Release(release) => (
            release.subject.label.to_string(),
            Some(release.version.clone()),
        ),
    }
}

fn entry(resolver: &mut Resolver<'_>, node: &Node, places: &BTreeMap<Node, usize>) -> Entry {
    let (name, version) = identity(resolver, node);
    let version = version.map(|version| version.to_string());
    let requires = requires(resolver, node, places);
    match node {
        Node::Path(index) => {
            let replaced = &resolver.packages.decisions.replaced;
            Entry {
                name,
                version,
                origin: resolver.path_origin(*index),
                scope: (resolver.packages.get(*index).is_host).then(|| HOST_SCOPE.to_owned()),
                digest: None,
                size: None,
                fetched: true,
                member: resolver.members.contains(index),
                replace: replaced.values().any(|one| one == index),
                requires,
            }
        }
        Node::Release(release) => {
            let key = release.key();
            let decisions = &resolver.packages.decisions;
            let candidate = resolver.facts.candidate(&release.subject, &release.version);
            let known = candidate.and_then(|candidate| candidate.size);
            Entry {
                name,
                version,
                origin: release.subject.origin.to_string(),
                scope: (release.scope != Scope::MAIN).then(|| release.scope.to_string()),
                digest: decisions.ids.get(&key).map(ToString::to_string),
                size: resolver.sizes.get(&key).copied().or(known),
                fetched: decisions.directory(release).is_some(),
                member: false,
                replace: false,
                requires,
            }
        }
    }
}

/// What a package asks for: what its declaration says, else what the retriever says.
fn requires(
    resolver: &mut Resolver<'_>,
    node: &Node,
    places: &BTreeMap<Node, usize>,
) -> Vec<Required> {
    let index = match node {
        Node::Path(index) => Some(*index),
        Node::Release(release) => resolver.packages.of_release(release),
    };
    let declared = index.and_then(|index| {
        let declaration = resolver.packages.declared_of(index)?;
        Some((index, declaration.pkgs.clone()))
    });
    let Some((index, pkgs)) = declared else {
        return forecast(resolver, node, places);
    };
    let hidden = resolver.hidden.iter();
    let hidden = hidden.filter(|(asking, _)| *asking == index);
    let hidden: Vec<PackageRequest> = hidden.map(|(_, request)| request.clone()).collect();
    let mut required = |key: Option<&String>, request: &PackageRequest| Required {
        key: key.cloned(),
        request: match request.wanted.name.is_empty() {
            true => request.label(),
            false => request.wanted.to_string(),
        },
        package: answer(resolver, index, request).and_then(|node| places.get(&node).copied()),
        when: request.when.clone(),
        at: request.at.as_ref().map(ToString::to_string),
    };
    let visible = pkgs.iter();
    let mut requires: Vec<Required> = visible
        .map(|(key, request)| required(Some(key), request))
        .collect();
    for request in hidden {
        if !pkgs.iter().any(|(_, one)| one.is_same(&request)) {
            let one = required(None, &request);
            requires.extend(one.package.is_some().then_some(one));
        }
    }
    requires
}

/// What answers a request, fetched or not.
fn answer(
    resolver: &mut Resolver<'_>,
    asking: PackageIndex,
    request: &PackageRequest,
) -> Option<Node> {
    let needs = std::mem::take(&mut resolver.packages.needs);
    let found = resolver.packages.find(asking, request);
    let noted: BTreeSet<Release> = std::mem::replace(&mut resolver.packages.needs, needs).releases;
    match found {
        Ok(index) => Some(match &resolver.packages.get(index).release {
            Some(release) => Node::Release(release.clone()),
            None => Node::Path(index),
        }),
        Err(_) if matches!(request.from, Source::Path(_)) => None,
        Err(_) => noted.into_iter().next().map(Node::Release),
    }
}

fn forecast(resolver: &Resolver<'_>, node: &Node, places: &BTreeMap<Node, usize>) -> Vec<Required> {
    let Node::Release(release) = node else {
        return Vec::new();
    };
    let candidate = resolver.facts.candidate(&release.subject, &release.version);
    let demands = candidate.map_or(&[][..], |candidate| &candidate.demands);
    let foreseen = |demand: &Demand| Required {
        key: None,
        request: format!("{}@{}", demand.subject.label, demand.requirement),
        package: answer_of_forecast(resolver, release, demand)
            .and_then(|node| places.get(&node).copied()),
        when: BTreeMap::new(),
        at: None,
    };
    demands.iter().map(foreseen).collect()
}

/// What answers what a retriever says that a release asks for.
fn answer_of_forecast(resolver: &Resolver<'_>, release: &Release, demand: &Demand) -> Option<Node> {
    let decisions = &resolver.packages.decisions;
    let label = &*demand.subject.label;
    if let Some(replacing) = decisions.replaced.get(label) {
        return Some(Node::Path(*replacing));
    }
    if &*demand.subject.origin == GLOBAL
        && let Some(Definition::Path(index)) = decisions.globals.get(label)
    {
        return Some(Node::Path(*index));
    }
    let found = decisions.answer(Some(release), &release.subject.label, demand);
    found.map(|release| Node::Release(decisions.representative(release)))
}
