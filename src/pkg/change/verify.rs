//! `wake pkg verify`: whether the packages on disk are what the lock says, and making them so.

use std::collections::BTreeMap;
use std::path::PathBuf;

use rayon::prelude::*;

use crate::error::{Error, Result};
use crate::event::Subscriber;
use crate::fs;
use crate::pkg::lock::{Entry, Lock};
use crate::pkg::policy::Policy;
use crate::pkg::resolution::{self, Context};
use crate::pkg::store::{PackageId, Store};
use crate::workspace::layout;

/// What was found, and what was done about it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verified {
    /// How many packages were looked at.
    pub packages: usize,
    /// What is, or was, not as it should be; sorted.
    pub damaged: Vec<Damaged>,
    /// Whether that is mended.
    pub is_repaired: bool,
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damaged {
    /// The package, or the link to one.
    pub subject: String,
    /// One fact each.
    pub differences: Vec<String>,
}

impl Verified {
    /// One line for each difference.
    pub fn differences(&self) -> impl Iterator<Item = String> {
        self.damaged.iter().flat_map(|damaged| {
            let differences = damaged.differences.iter();
            differences.map(|difference| format!("{}: {difference}", damaged.subject))
        })
    }

    /// Says of an error what was being repaired.
    fn explain(&self, error: Error) -> Error {
        if self.damaged.is_empty() {
            return error;
        }
        let message = "What is on disk is not what `wake.lock` says, and cannot be repaired";
        let mut error = error.as_cause_of(message);
        let causes = &mut error.report_mut().causes;
        causes.splice(0..0, self.differences());
        error
    }
}

/// Compares the packages of the lock that are in the store with their digests, and the links to them. Where `repairs`,
/// damaged packages are removed from the store and fetched again, with those that this machine needs and has not.
///
/// # Errors
/// The lock or the store cannot be read; what is damaged cannot be removed or fetched.
pub fn verify(
    context: &Context<'_>,
    repairs: bool,
    subscriber: &mut dyn Subscriber,
) -> Result<Verified> {
    let Some(lock) = resolution::locked(context)? else {
        return Ok(Verified::default());
    };
    let store = Store::of_user(context.cache_directory)?;
    let present = present(&lock, &store);
    let results: Vec<_> = present
        .par_iter()
        .map(|(id, _)| Ok((*id, store.verify(id)?)))
        .collect::<Result<_>>()?;
    let mut damaged = wrong_links(context, &lock, &store);
    let mut broken = Vec::new();
    for (id, damage) in results {
        let Some(damage) = damage else { continue };
        broken.push(id);
        damaged.extend(present[&id].iter().map(|label| Damaged {
            subject: label.clone(),
            differences: damage.differences.iter().map(ToString::to_string).collect(),
        }));
    }
    damaged.sort();
    let may_repair = repairs && !context.policy.mode.is_offline;
    let mut verified = Verified {
        packages: present.len(),
        damaged,
        is_repaired: false,
    };
    if may_repair {
        for id in &broken {
            store.remove(id)?;
        }
        repair(context, subscriber).map_err(|error| verified.explain(error))?;
        verified.is_repaired = true;
    }
    Ok(verified)
}

/// The packages of the lock that are in the store, by digest, with what the lock calls them.
fn present(lock: &Lock, store: &Store) -> BTreeMap<PackageId, Vec<String>> {
    let mut present: BTreeMap<PackageId, Vec<String>> = BTreeMap::new();
    for entry in &lock.entries {
        if let Some(id) = entry.digest.filter(|id| store.get(id).is_some()) {
            let labels = present.entry(id).or_default();
            let label = entry.label();
            if !labels.contains(&label) {
                labels.push(label);
            }
        }
    }
    present
}

/// The links of `.wake/pkgs/` to fetched packages that do not lead to what is locked.
fn wrong_links(context: &Context<'_>, lock: &Lock, store: &Store) -> Vec<Damaged> {
    let mut by_link: BTreeMap<String, Vec<&Entry>> = BTreeMap::new();
    for entry in &lock.entries {
        if let Some(version) = &entry.version {
            let link = layout::package_link(&entry.name, &version.to_string());
            by_link.entry(link).or_default().push(entry);
        }
    }
    let mut wrong = Vec::new();
    for (link, entries) in by_link {
        let path = context.layout.top().join(&link);
        if !fs::is_occupied(&path) {
            continue;
        }
        let ids = entries.iter().filter_map(|entry| entry.digest);
        let places: Vec<PathBuf> = ids
            .filter_map(|id| fs::canonicalize(&store.get(&id)?).ok())
            .collect();
        let difference = match fs::canonicalize(&path) {
            Ok(leads) if fs::is_link(&path) && places.contains(&leads) => continue,
            Ok(_) if !fs::is_link(&path) => "it is no link".to_owned(),
            Ok(leads) => format!("it leads to `{}`", leads.display()),
            Err(_) if places.is_empty() => format!("`{}` is not in the store", entries[0].label()),
            Err(_) => "it leads nowhere".to_owned(),
        };
        wrong.push(Damaged {
            subject: link,
            differences: vec![difference],
        });
    }
    wrong
}

/// Fetches what is lacking, and makes the links anew.
fn repair(context: &Context<'_>, subscriber: &mut dyn Subscriber) -> Result<()> {
    let directory = context.layout.packages_directory();
    for (namespace, _) in fs::list_if_exists(&directory)? {
        for (name, _) in fs::list_if_exists(&directory.join(&namespace))? {
            let path = directory.join(&namespace).join(name);
            // A link can be replaced; what stands in its place cannot.
            if !fs::is_link(&path) {
                fs::remove_all(&path)?;
            }
        }
    }
    let policy = Policy {
        fetches_all: true,
        ..context.policy.clone()
    };
    let repairing = Context {
        policy: &policy,
        ..*context
    };
    resolution::resolve_anew(&repairing, subscriber).map(drop)
}
