//! The loop (DESIGN §3): declares, solves, asks, fetches, until nothing is lacking or nothing goes on.
//!
//! Facts accumulate and decisions do not: each round decides anew from all that is known. What is done in a round is in
//! [`super::registering`], [`super::deciding`], [`super::asking`] and [`super::fetching`]; what comes of it is written down
//! in [`super::locking`].

use std::collections::{BTreeMap, BTreeSet};

use super::Ask;
use super::asking::{Asked, When};
use super::decisions::Release;
use super::declaring::Declaring;
use super::facts::{Demand, Facts, Origin, Subject};
use super::frontier::earliest;
use super::globals::Definition;
use super::lock::Lock;
use super::locking::Locked;
use super::origin::origin_of;
use super::packages::demand;
use super::policy::Policy;
use super::solve::{Conflict, Preferred, Root};
use super::{PackageIndex, Packages, Tools};
use crate::declare::model::PackageRequest;
use crate::error::{Error, Result};
use crate::event::Subscriber;
use crate::workspace::layout::Layout;

/// More rounds than any packages need that do not lead in a circle.
pub(super) const MOST_ROUNDS: usize = 1_000;
/// More packages than any workspace has.
const MOST_PACKAGES: usize = 100_000;

/// What resolution needs from outside.
#[derive(Clone, Copy)]
pub struct Outside<'a> {
    pub layout: &'a Layout,
    pub ask: &'a Ask<'a>,
    pub tools: &'a dyn Tools,
    pub threads: usize,
}

/// One resolution.
pub struct Resolver<'a> {
    pub(super) outside: Outside<'a>,
    pub(super) policy: Policy,
    pub packages: Packages,
    pub declaring: Declaring,
    pub(super) facts: Facts,
    /// The lock as it was.
    pub(super) locked: Lock,
    /// Whether there was a lock.
    pub(super) has_lock: bool,
    /// The versions of the lock that are to be kept if they can.
    pub(super) preferred: Preferred,
    /// Those that are to be chosen anew.
    pub(super) renewed: Locked,
    /// The packages at the top of what is resolved, the one at the workspace's top first if there is one.
    pub members: Vec<PackageIndex>,
    /// Requests that are no visible field of `pkgs`, and who makes them.
    pub(super) hidden: Vec<(PackageIndex, PackageRequest)>,
    /// Releases that are to be fetched.
    pub(super) wanted: BTreeSet<Release>,
    /// Facts that nobody could be asked for in this round.
    pub(super) lacking: Vec<Demand>,
    /// What is asked for and cannot be answered, as of this round.
    pub(super) conflict: Option<(Vec<Root>, Conflict)>,
    pub(super) origins: BTreeMap<Origin, Asked>,
    /// Global names of packages that have been executed, and what they were.
    pub(super) executed: BTreeMap<String, Definition>,
    /// Releases whose declaration has replaced the forecast.
    pub(super) corrected: BTreeSet<Release>,
    /// Releases that were fetched and are not in the store yet.
    pub(super) staged: Vec<(PackageIndex, Origin)>,
    /// Sizes of releases in bytes, as far as known.
    pub(super) sizes: BTreeMap<(Subject, semver::Version), u64>,
    /// Globals that were defined without permission: errors, unless somebody grants it.
    pub(super) refused: Vec<Error>,
    pub(super) round: usize,
    /// What the solution is one of: the state of the facts, what is asked for, and what path packages replace.
    pub(super) solved: Option<(u64, Vec<Root>, Vec<String>)>,
}

impl<'a> Resolver<'a> {
    /// A resolution that knows nothing but the lock.
    pub fn new(
        outside: Outside<'a>,
        policy: Policy,
        packages: Packages,
        members: Vec<PackageIndex>,
        locked: Option<Lock>,
        declaring: Declaring,
    ) -> Self {
        let mut resolver = Self {
            outside,
            policy,
            packages,
            declaring,
            facts: Facts::default(),
            has_lock: locked.is_some(),
            locked: locked.unwrap_or_default(),
            preferred: Preferred::default(),
            renewed: Locked::new(),
            members,
            hidden: Vec::new(),
            wanted: BTreeSet::new(),
            lacking: Vec::new(),
            conflict: None,
            origins: BTreeMap::new(),
            executed: BTreeMap::new(),
            corrected: BTreeSet::new(),
            staged: Vec::new(),
            sizes: BTreeMap::new(),
            refused: Vec::new(),
            round: 0,
            solved: None,
        };
        resolver.recall_lock();
        resolver
    }

    /// Goes on until what the members ask for, and what [`Packages::needs`] says, is there: solved, and fetched as far as
    /// the policy and the needs want it.
    ///
    /// # Errors
    /// Whatever keeps a package from being found, when nothing else can go on.
    pub fn settle(&mut self, subscriber: &mut dyn Subscriber) -> Result<()> {
        loop {
            self.round += 1;
            if self.round > MOST_ROUNDS || self.packages.indexes().len() > MOST_PACKAGES {
                return Err(self.endless());
            }
            self.grant();
            self.take_needs()?;
            let before = self.extent();
            let outside = self.outside;
            let mut is_progress = (self.declaring).run(
                &mut self.packages,
                outside.threads,
                outside.ask,
                subscriber,
            )?;
            is_progress |= self.commit_staged(subscriber)?;
            self.register(subscriber)?;
            is_progress |= self.decide(subscriber)?;
            is_progress |= self.fetch_wanted(subscriber)?;
            if is_progress || self.extent() != before {
                continue;
            }
            if self.take_conflict(subscriber)? {
                continue;
            }
            // Nothing else goes on: whoever answers to a global name now is the one to be executed.
            if self.learn(self.lacking.clone(), When::Last, subscriber)?
                || self.fetch_wanted(subscriber)?
                || self.extent() != before
            {
                continue;
            }
            return self.settled();
        }
    }

    /// How much there is that a round can add to without saying so.
    fn extent(&self) -> (usize, usize) {
        (self.packages.indexes().len(), self.hidden.len())
    }

    /// The evaluations that count and do not end, and what for.
    pub(super) fn waiting(&self) -> Vec<(PackageIndex, PackageRequest)> {
        let waiting = self.declaring.waiting();
        let counting = waiting.filter(|(index, _)| self.counts(*index));
        counting
            .map(|(index, request)| (index, request.clone()))
            .collect()
    }

    /// What a round ends with in which nothing went on.
    fn settled(&mut self) -> Result<()> {
        if let Some(error) = earliest(std::mem::take(&mut self.refused)) {
            return Err(error);
        }
        let is_stuck = !self.packages.decisions.is_final
            || !self.wanted.is_empty()
            || !self.waiting().is_empty()
            || !self.unanswered().is_empty();
        if is_stuck {
            return Err(self.stuck());
        }
        self.relink();
        self.packages.refuse_cycles()?;
        let reached = self.packages.reached(&self.members);
        self.packages.refuse_twins(&reached)
    }

    /// Refuses path packages that cannot be declared. A build of something else can do without them; what they ask for
    /// would be missing in the lock.
    ///
    /// # Errors
    /// That of the first one.
    pub(super) fn refuse_undeclared(&self) -> Result<()> {
        let reached = self.packages.reached(&self.members).into_iter();
        let mut paths = reached.filter(|index| self.packages.get(*index).release.is_none());
        paths.try_for_each(|index| self.packages.declaration(index).map(drop))
    }

    /// Refuses fetched packages that are not what the lock says they are.
    ///
    /// # Errors
    /// That of the first one.
    pub(super) fn refuse_unusable(&self) -> Result<()> {
        let mut counting = self.packages.indexes().filter(|index| {
            let is_release = self.packages.get(*index).release.is_some();
            is_release && self.counts(*index) && self.packages.is_declared(*index)
        });
        counting.try_for_each(|index| self.packages.declaration(index).map(drop))
    }

    /// Takes over what finding packages lacked: requests become demands, releases are to be fetched.
    fn take_needs(&mut self) -> Result<()> {
        let needs = std::mem::take(&mut self.packages.needs);
        self.wanted.extend(needs.releases);
        for (asking, request) in needs.demands {
            if self.hidden.contains(&(asking, request.clone())) {
                continue;
            }
            // What a release asks for counts while it is chosen, like its visible `pkgs`.
            if let Some(release) = self.packages.get(asking).release.clone() {
                self.find_out(&release, &request)?;
            }
            self.hidden.push((asking, request));
        }
        Ok(())
    }

    /// Makes a request of a release one of its demands.
    pub(super) fn find_out(&mut self, release: &Release, request: &PackageRequest) -> Result<()> {
        if let Some(origin) = origin_of(&request.from) {
            let demand = demand(request, origin)?;
            (self.facts).find_out(&release.subject, &release.version, demand);
        }
        Ok(())
    }

    /// Fetches what is wanted and can be fetched. Returns whether anything was.
    fn fetch_wanted(&mut self, subscriber: &mut dyn Subscriber) -> Result<bool> {
        self.take_needs()?;
        if self.policy.fetches_all && self.packages.decisions.is_final {
            let admitted = self.admitted();
            self.wanted.extend(admitted);
        }
        let mut tried = BTreeSet::new();
        let mut is_progress = false;
        loop {
            let mut wanted = std::mem::take(&mut self.wanted);
            wanted.retain(|release| self.is_lacking(release));
            let next: BTreeSet<Release> = wanted.difference(&tried).cloned().collect();
            if next.is_empty() {
                self.wanted = wanted;
                return Ok(is_progress);
            }
            is_progress |= self.fetch(&next, subscriber)?;
            tried.extend(next);
            self.wanted = wanted;
            // A retriever may have to be fetched itself.
            self.take_needs()?;
        }
    }

    /// Whether what a package says counts: it is a path package, or chosen.
    pub(super) fn counts(&self, index: PackageIndex) -> bool {
        let release = self.packages.get(index).release.as_ref();
        release.is_none_or(|release| self.packages.decisions.is_chosen(release))
    }

    /// What packages that count ask for in visible `pkgs`, and who asks: in the order in which they were found.
    pub(super) fn visible_requests(&self) -> Vec<(PackageIndex, PackageRequest)> {
        let counting = self.packages.indexes().filter(|index| self.counts(*index));
        let requests = counting.flat_map(|index| {
            let declaration = self.packages.declared_of(index);
            let pkgs = declaration.into_iter().flat_map(|one| &one.pkgs);
            pkgs.map(move |(_, request)| (index, request.clone()))
        });
        requests.collect()
    }

    /// What packages that count ask for besides.
    pub(super) fn hidden_requests(&self) -> Vec<(PackageIndex, PackageRequest)> {
        let hidden = self.hidden.iter();
        let counting = hidden.filter(|(asking, _)| self.counts(*asking));
        counting.cloned().collect()
    }

    /// Connects the packages that are there along what their declarations ask for.
    fn relink(&mut self) {
        self.packages.disconnect_unchosen();
        let needs = std::mem::take(&mut self.packages.needs);
        let mut requests = self.visible_requests();
        requests.extend(self.hidden_requests());
        for (asking, request) in &requests {
            for request in request.with_retrievers() {
                if let Ok(found) = self.packages.find(*asking, request) {
                    self.packages.connect(*asking, found, request);
                }
            }
        }
        self.packages.needs = needs;
    }

    fn endless(&self) -> Error {
        Error::user("Resolving the packages does not end")
            .cause(format!("{} rounds led to ever new packages", self.round))
            .hint("look for a package that asks for itself under ever other names or configs")
    }
}
