//! Who may do what, and where global names lead: what declarations say of both, taken in anew in each round.
//!
//! Which of several definitions holds is decided in [`super::globals`].

use std::collections::{BTreeMap, BTreeSet};

use super::PackageIndex;
use super::asking::Asked;
use super::facts::Origin;
use super::globals::{self, Claim, Definition};
use super::origin::origin;
use super::resolve::Resolver;
use crate::declare::model::{PackageRequest, Permission, RESOLVER, Source};
use crate::error::{Error, Result};

impl Resolver<'_> {
    /// Gives releases the permissions that those grant who ask for them and have them themselves. Releases that may
    /// define globals are wanted: without what they say, nobody knows where names lead.
    pub(super) fn grant(&mut self) {
        loop {
            for index in self.packages.indexes() {
                if !self.counts(index) {
                    continue;
                }
                let Some(declaration) = self.packages.declared_of(index) else {
                    continue;
                };
                let requests = declaration.pkgs.iter();
                let requests = requests.flat_map(|(_, request)| request.with_retrievers());
                let granting = requests.filter(|request| !request.permissions.is_empty());
                for request in granting.cloned().collect::<Vec<_>>() {
                    self.grant_to(index, &request);
                }
            }
            if !std::mem::take(&mut self.packages.has_granted) {
                return;
            }
        }
    }

    fn grant_to(&mut self, asking: PackageIndex, request: &PackageRequest) {
        let granted = self.packages.granted(asking, request);
        let is_definer =
            granted.contains(&Permission::DefineGlobal) && self.policy.is_when(&request.when);
        let needs = std::mem::take(&mut self.packages.needs);
        // Finding it grants.
        let _ = self.packages.find(asking, request);
        let noted = std::mem::replace(&mut self.packages.needs, needs);
        if is_definer {
            self.packages.needs.releases.extend(noted.releases);
        }
    }

    /// Decides where global names lead.
    pub(super) fn decide_globals(&mut self) -> Result<()> {
        self.grant();
        self.refused.clear();
        let mut claims = Vec::new();
        let mut replaced: BTreeMap<String, (PackageIndex, PackageRequest)> = BTreeMap::new();
        for (asking, request) in self.visible_requests() {
            if request.replace {
                self.replace(asking, &request, &mut replaced)?;
            }
            if let Some(priority) = request.global {
                claims.extend(self.claim(asking, &request, priority));
            }
        }
        let winners = globals::decide(&claims)?;
        for (label, definition) in &self.executed {
            if let Some(winner) = winners.get(label.as_str())
                && winner.definition != *definition
            {
                return Err(overridden(winner));
            }
        }
        let definitions = winners
            .iter()
            .map(|(label, claim)| ((*label).to_owned(), claim.definition.clone()));
        self.packages.decisions.globals = definitions.collect();
        let replaced = replaced.into_iter();
        self.packages.decisions.replaced =
            replaced.map(|(label, (index, _))| (label, index)).collect();
        self.define_others();
        let globals = self.packages.decisions.globals.iter();
        let origins = globals.filter_map(|(label, definition)| match definition {
            Definition::Retriever(origin) => Some((label.as_str().into(), Some(origin.clone()))),
            Definition::Path(_) => Some((label.as_str().into(), None)),
            Definition::BuiltIn => None,
        });
        self.facts.redirect(origins.collect());
        Ok(())
    }

    /// Defines the names that are asked for and that nobody defines: they lead to what `wake.resolver` is defined as, else
    /// to the path package of that name, else to the registry. For names that a recipe asks for the path package comes
    /// first.
    fn define_others(&mut self) {
        let mut labels: BTreeMap<String, IsOfRecipe> = BTreeMap::new();
        for (asking, request) in self.requests() {
            if request.from == Source::Global {
                let is_of_recipe = labels.entry(request.wanted.label()).or_default();
                *is_of_recipe |= self.packages.get(asking).is_recipe;
            }
        }
        for name in self.facts.global_names() {
            labels.entry(name.to_string()).or_default();
        }
        let registry = self.registered();
        for (label, is_of_recipe) in labels {
            let globals = &self.packages.decisions.globals;
            if label == RESOLVER || globals.contains_key(&label) {
                continue;
            }
            let resolver = match globals.get(RESOLVER) {
                Some(Definition::Retriever(origin)) => Some(origin.clone()),
                _ => None,
            };
            let meant = match is_of_recipe {
                true => self.packages.referenced(&label),
                false => self.packages.labelled(&label),
            };
            let path = match meant.as_slice() {
                [only] => Some(Definition::Path(*only)),
                _ => None,
            };
            let resolver = resolver.map(Definition::Retriever);
            let definition = match is_of_recipe {
                true => path.or(resolver),
                false => resolver.or(path),
            };
            let registry = registry.clone().map(Definition::Retriever);
            if let Some(definition) = definition.or(registry) {
                self.packages.decisions.globals.insert(label, definition);
            }
        }
    }

    /// The registry, as one of those that are asked.
    fn registered(&mut self) -> Option<Origin> {
        let exec = self.policy.registry()?;
        let asking = *self.members.first()?;
        let origin = origin(&exec);
        self.origins.entry(origin.clone()).or_insert(Asked {
            asking,
            exec,
            at: None,
            granted: BTreeSet::new(),
        });
        Some(origin)
    }

    fn replace(
        &mut self,
        index: PackageIndex,
        request: &PackageRequest,
        replaced: &mut BTreeMap<String, (PackageIndex, PackageRequest)>,
    ) -> Result<()> {
        if self.packages.get(index).release.is_some() {
            return Ok(());
        }
        let target = self.packages.find(index, request)?;
        let label = request.wanted.label();
        if let Some((other, first)) = replaced.get(&label)
            && *other != target
        {
            return Err(
                Error::user(format!("`{label}` is replaced by two packages"))
                    .cause(format!("one is `{}`", self.packages.get(*other).display))
                    .cause(format!(
                        "the other is `{}`",
                        self.packages.get(target).display
                    ))
                    .hint("keep one `replace=true` for it")
                    .at_if_absent(first.at.as_ref()),
            );
        }
        replaced.insert(label, (target, request.clone()));
        Ok(())
    }

    /// What a `getPkg` with `global` claims.
    fn claim(
        &mut self,
        index: PackageIndex,
        request: &PackageRequest,
        priority: u8,
    ) -> Option<Claim> {
        let by = self.packages.label(index);
        let package = self.packages.get(index);
        if package.release.is_some() && !package.permissions.contains(&Permission::DefineGlobal) {
            let error = Error::user(format!(
                "`{by}` may not define the global `{}`",
                request.wanted.label()
            ))
            .cause(format!(
                "the permission `defineGlobal` is not granted to `{by}`"
            ))
            .hint(format!(
                "give `permissions=['defineGlobal']` to the `getPkg` that asks for `{by}`"
            ))
            .at_if_absent(request.at.as_ref());
            self.refused.push(error);
            return None;
        }
        let (definition, shown) = match &request.from {
            Source::Path(path) => {
                let target = self.packages.find(index, request).ok()?;
                (Definition::Path(target), format!("from='{path}'"))
            }
            Source::Retriever(exec) => {
                let origin = origin(exec);
                (
                    Definition::Retriever(origin.clone()),
                    format!("from {origin}"),
                )
            }
            Source::Global | Source::Of(..) => (Definition::BuiltIn, "from=null".to_owned()),
        };
        Some(Claim {
            label: request.wanted.label(),
            definition,
            priority,
            is_root: self.members.first() == Some(&index) && self.is_at_top(index),
            by,
            at: request.at.clone(),
            shown,
        })
    }

    fn is_at_top(&self, index: PackageIndex) -> bool {
        self.packages.get(index).place.is_empty()
    }
}

/// Whether a recipe asks for a name.
type IsOfRecipe = bool;

fn overridden(winner: &Claim) -> Error {
    Error::user(format!(
        "The global `{}` is overridden after it was executed",
        winner.label
    ))
    .cause(format!("`{}` says `{}`", winner.by, winner.shown))
    .hint("what has run cannot be taken back: define it where it is known from the start, in the package at the top")
    .at_if_absent(winner.at.as_ref())
}
