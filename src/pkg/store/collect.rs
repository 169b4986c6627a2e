//! Evicting what nobody uses.

use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

use super::id::PackageId;
use super::{LISTINGS, PACKAGES, Store, USES};
use crate::error::{Error, Result};
use crate::fs::{self, tree};

/// What goes beyond them is evicted; `None`: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Since the last use.
    pub age: Option<Duration>,
    /// Bytes of all packages together: those go first that were used least recently.
    pub size: Option<u64>,
}

/// What was evicted, and what was not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    pub removed: Vec<PackageId>,
    /// Bytes of the removed packages.
    pub removed_size: u64,
    /// Packages that are still there.
    pub kept: usize,
    /// Bytes of the kept packages.
    pub kept_size: u64,
    /// How many of the kept packages a live workspace uses.
    pub used: usize,
}

/// A package that could be evicted.
#[derive(Clone, Debug)]
struct Resident {
    last_use: SystemTime,
    id: PackageId,
    size: u64,
    is_used: bool,
}

impl Store {
    /// Evicts what exceeds `limits` at the time `now`, but nothing that a live workspace uses; removes what processes
    /// left that died. Calls `waiting` once if another process has the store open, then waits for it.
    ///
    /// No other [`Store`] may be open in this process: it would be waited for, too.
    ///
    /// # Errors
    /// `Environment`, if the store cannot be written, or another wake's notes on what it uses are not understood.
    pub fn collect(
        &mut self,
        limits: Limits,
        now: SystemTime,
        waiting: impl FnOnce(),
    ) -> Result<Collected> {
        if !self.is_writable {
            return Err(Error::environment(format!(
                "The store `{}` may only be read",
                self.directory.display()
            )));
        }
        if !self.lock.try_exclude()? {
            waiting();
            self.lock.exclude()?;
        }
        let evicted = self.evict(limits, now);
        // Removing takes long, and disturbs nobody.
        self.lock.readmit()?;
        let (collected, aside) = evicted?;
        for path in aside {
            tree::remove_read_only(&path)?;
        }
        Ok(collected)
    }

    fn evict(
        &self,
        limits: Limits,
        now: SystemTime,
    ) -> Result<(Collected, Vec<std::path::PathBuf>)> {
        let used = self.used()?;
        let mut aside = self.leftovers()?;
        let residents = self.residents(&used)?;
        let evicted = choose(&residents, limits, now);
        let mut collected = Collected::default();
        for resident in residents {
            if evicted.contains(&resident.id) {
                aside.extend(self.set_aside(&resident.id)?);
                collected.removed_size += resident.size;
                collected.removed.push(resident.id);
            } else {
                collected.kept += 1;
                collected.kept_size += resident.size;
                collected.used += usize::from(resident.is_used);
            }
        }
        self.remove_orphans()?;
        Ok((collected, aside))
    }

    /// All packages, least recently used first.
    fn residents(&self, used: &BTreeSet<PackageId>) -> Result<Vec<Resident>> {
        let mut residents = Vec::new();
        for id in self.ids()? {
            let place = self.place(USES, &id);
            let known = fs::read_if_exists(&place)?.and_then(|bytes| size_in(&bytes));
            let package = self.place(PACKAGES, &id);
            let last_use = match tree::modified(&place)? {
                Some(time) => time,
                None => tree::modified(&package)?.unwrap_or(SystemTime::UNIX_EPOCH),
            };
            residents.push(Resident {
                last_use,
                id,
                size: known.unwrap_or_else(|| tree::size(&package)),
                is_used: used.contains(&id),
            });
        }
        residents.sort_by_key(|resident| (resident.last_use, resident.id));
        Ok(residents)
    }

    /// Listings and sizes whose package is gone: a put died before it got its name.
    fn remove_orphans(&self) -> Result<()> {
        let there: BTreeSet<String> = self.names(PACKAGES)?.into_iter().collect();
        for part in [LISTINGS, USES] {
            for name in self
                .names(part)?
                .iter()
                .filter(|name| !there.contains(*name))
            {
                fs::remove_file(&self.directory.join(part).join(name))?;
            }
        }
        Ok(())
    }
}

fn size_in(bytes: &[u8]) -> Option<u64> {
    std::str::from_utf8(bytes).ok()?.trim_end().parse().ok()
}

/// What has to go. `residents` are sorted, least recently used first.
fn choose(residents: &[Resident], limits: Limits, now: SystemTime) -> BTreeSet<PackageId> {
    let is_old = |resident: &Resident| {
        let age = now.duration_since(resident.last_use).unwrap_or_default();
        limits.age.is_some_and(|limit| age > limit)
    };
    let mut size: u64 = residents.iter().map(|resident| resident.size).sum();
    let mut evicted = BTreeSet::new();
    // The old ones come first, so what they free counts before anything else has to go for its size.
    for resident in residents.iter().filter(|resident| !resident.is_used) {
        if is_old(resident) || limits.size.is_some_and(|limit| size > limit) {
            size = size.saturating_sub(resident.size);
            evicted.insert(resident.id);
        }
    }
    evicted
}
