//! The loop (DESIGN §3): declares, solves, asks, fetches, until nothing is lacking or nothing goes on.
//!
//! Facts accumulate and decisions do not: each round decides anew from all that is known. What is done in a round is in
//! [`super::asking`] and [`super::fetching`]; what comes of it is written down in [`super::locking`].

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::Ask;
use super::asking::{Asked, When};
use super::decisions::Release;
use super::declaring::Declaring;
use super::facts::{Demand, Facts, GLOBAL, Origin, Subject};
use super::frontier::earliest;
use super::globals::Definition;
use super::lock::Lock;
use super::locking::Preferred;
use super::origin::origin;
use super::packages::demand;
use super::policy::Policy;
use super::solve::{self, Problem, Proposed, Root, Solution, Solved};
use super::{PackageIndex, Packages, Tools};
use crate::declare::model::{PackageRequest, Program, RESOLVER, Source};
use crate::error::{Error, Result};
use crate::event::{Event, Subscriber};
use crate::workspace::layout::Layout;

/// More rounds than any packages need that do not lead in a circle.
const MOST_ROUNDS: usize = 1_000;
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
    pub(super) renewed: Preferred,
    /// The packages at the top of what is resolved, the one at the workspace's top first if there is one.
    pub members: Vec<PackageIndex>,
    /// Requests that are no visible field of `pkgs`, and who makes them.
    pub(super) hidden: Vec<(PackageIndex, PackageRequest)>,
    /// Releases that are to be fetched.
    pub(super) wanted: BTreeSet<Release>,
    /// Facts that nobody could be asked for in this round.
    pub(super) lacking: Vec<Demand>,
    pub(super) origins: BTreeMap<Origin, Asked>,
    /// Global names of packages that have been executed, and what they were.
    pub(super) executed: BTreeMap<String, Definition>,
    /// Releases whose declaration has replaced the forecast.
    corrected: BTreeSet<Release>,
    /// Releases that were fetched and are not in the store yet.
    pub(super) staged: Vec<(PackageIndex, Origin)>,
    /// Sizes of releases in bytes, as far as known.
    pub(super) sizes: BTreeMap<(Subject, semver::Version), u64>,
    /// Globals that were defined without permission: errors, unless somebody grants it.
    pub(super) refused: Vec<Error>,
    pub(super) round: usize,
    /// What the solution is one of: the state of the facts, what is asked for, and what path packages replace.
    solved: Option<(u64, Vec<Root>, Vec<String>)>,
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
            preferred: Preferred::new(),
            renewed: Preferred::new(),
            members,
            hidden: Vec::new(),
            wanted: BTreeSet::new(),
            lacking: Vec::new(),
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
        self.packages.refuse_cycles()
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
    fn find_out(&mut self, release: &Release, request: &PackageRequest) -> Result<()> {
        let origin = match &request.from {
            Source::Retriever(exec) => origin(exec),
            Source::Global => GLOBAL.into(),
            Source::Path(_) | Source::Of(..) => return Ok(()),
        };
        let demand = demand(request, origin)?;
        (self.facts).find_out(&release.subject, &release.version, demand);
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

    /// Takes in what declarations say: where packages come from, what versions ask for.
    fn register(&mut self, subscriber: &mut dyn Subscriber) -> Result<()> {
        self.origins.clear();
        for index in self.packages.indexes() {
            if !self.counts(index) {
                continue;
            }
            let package = self.packages.get(index);
            let is_staged = package.is_staged;
            let release = package.release.clone();
            let Some(declaration) = self.packages.declared_of(index) else {
                continue;
            };
            let requests = declaration.pkgs.clone();
            for (_, request) in &requests {
                for request in request.with_retrievers() {
                    self.register_origin(index, request);
                }
            }
            if let (Some(release), false) = (release, is_staged)
                && self.corrected.insert(release.clone())
            {
                self.correct(&release, &requests, subscriber)?;
            }
        }
        for (asking, request) in self.hidden.clone() {
            if self.counts(asking) {
                for request in request.with_retrievers() {
                    self.register_origin(asking, request);
                }
            }
        }
        self.decide_globals()
    }

    /// Notes who asks a retriever. Of several it is one and the same, whoever was found first; what they grant adds up.
    fn register_origin(&mut self, asking: PackageIndex, request: &PackageRequest) {
        let Source::Retriever(exec) = &request.from else {
            return;
        };
        let granted = match &exec.program {
            Program::Package(retriever) => self.packages.granted(asking, retriever),
            Program::Std(_) | Program::File(_) => BTreeSet::new(),
        };
        let mut asked = Asked {
            asking,
            exec: (**exec).clone(),
            at: request.at.clone(),
            granted,
        };
        let place = |asked: &Asked| {
            let package = self.packages.get(asked.asking);
            let at = asked.at.as_ref();
            let at = at.map(|at| (at.file.clone(), at.line, at.column));
            (package.release.is_some(), package.display.clone(), at)
        };
        match self.origins.entry(origin(exec)) {
            Entry::Vacant(entry) => {
                entry.insert(asked);
            }
            Entry::Occupied(mut entry) => {
                let known = entry.get_mut();
                if place(&asked) < place(known) {
                    std::mem::swap(known, &mut asked);
                }
                known.granted.append(&mut asked.granted);
            }
        }
    }

    /// Replaces the forecast of what a version asks for by what its declaration says.
    fn correct(
        &mut self,
        release: &Release,
        requests: &[(String, PackageRequest)],
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let mut demands = Vec::new();
        for (_, request) in requests {
            match &request.from {
                Source::Retriever(exec) => demands.push(demand(request, origin(exec))?),
                Source::Global => demands.push(demand(request, GLOBAL.into())?),
                Source::Path(_) | Source::Of(..) => {}
            }
        }
        // Who fetched the package knows where what it asks for is: its own word on that may be a path on the machine of
        // whoever published it.
        let forecast = self.facts.said(&release.subject, &release.version);
        for demand in demands
            .iter_mut()
            .filter(|one| &*one.subject.origin != GLOBAL)
        {
            if forecast.iter().any(|one| one.is_same(demand)) {
                continue;
            }
            if let Some(vouched) = forecast.iter().find(|one| one.asks_same(demand)) {
                demand.subject.origin = vouched.subject.origin.clone();
            }
        }
        // The retrievers that it names are no part of the forecast.
        for (_, request) in requests {
            for retriever in request.with_retrievers().skip(1) {
                self.find_out(release, retriever)?;
            }
        }
        let said = |demands: &[Demand]| -> BTreeSet<String> {
            let texts = demands.iter();
            texts
                .map(|one| format!("{}@{}", one.subject.label, one.requirement))
                .collect()
        };
        let declared = said(&demands);
        let forecast = self
            .facts
            .correct(&release.subject, &release.version, demands);
        if let Some(forecast) = forecast.map(|forecast| said(&forecast))
            && forecast != declared
            && !forecast.is_empty()
        {
            let list = |set: &BTreeSet<String>| match set.is_empty() {
                true => "nothing".to_owned(),
                false => set
                    .iter()
                    .map(|one| format!("`{one}`"))
                    .collect::<Vec<_>>()
                    .join(", "),
            };
            subscriber.event(&Event::Warning {
                text: format!(
                    "`{release}` asks for {}, while `{}` says that it asks for {}",
                    list(&declared),
                    release.subject.origin,
                    list(&forecast)
                ),
            });
        }
        Ok(())
    }

    /// Solves, and asks for the facts that lack. Returns whether that led to something new.
    fn decide(&mut self, subscriber: &mut dyn Subscriber) -> Result<bool> {
        self.lacking.clear();
        let roots = self.roots()?;
        let replaced = self.packages.decisions.replaced.keys().cloned().collect();
        let asked = (self.facts.changes(), roots, replaced);
        if self.solved.as_ref() == Some(&asked) {
            return Ok(self.declaring.refresh(&mut self.packages));
        }
        let roots = asked.1.clone();
        match self.solve(&roots) {
            Solved::Solution(solution) => {
                self.solved = Some(asked);
                Ok(self.adopt(solution, true))
            }
            Solved::Lacking(demands, partial) => {
                self.packages.decisions.is_final = false;
                self.lacking.clone_from(&demands);
                if self.learn(demands, When::First, subscriber)? {
                    return Ok(true);
                }
                // What is chosen anyway may be what the retrievers need that cannot be asked yet.
                Ok(partial.is_some_and(|partial| self.adopt(partial, false)))
            }
            Solved::Conflict(conflict) => {
                if self.facts.distrust() {
                    return Ok(true);
                }
                self.conflict(&roots, &conflict, subscriber)
            }
            Solved::TooHard(hard) => Err(hard.error()),
        }
    }

    /// A conflict, with a change that resolves it: working that out may need more facts.
    fn conflict(
        &mut self,
        roots: &[Root],
        conflict: &solve::Conflict,
        subscriber: &mut dyn Subscriber,
    ) -> Result<bool> {
        for _ in 0..MOST_ROUNDS {
            let proposed = self.with_problem(roots, |problem| solve::propose(problem, conflict));
            match proposed {
                Proposed::Lacking(demands) => {
                    if !self
                        .learn(demands, When::First, subscriber)
                        .unwrap_or(false)
                    {
                        break;
                    }
                }
                Proposed::Found(proposal) => {
                    return Err(conflict.error().hint(proposal.hint()));
                }
                Proposed::None => break,
            }
        }
        Err(conflict.error())
    }

    fn solve(&self, roots: &[Root]) -> Solved {
        self.with_problem(roots, solve::solve)
    }

    fn with_problem<T>(&self, roots: &[Root], work: impl FnOnce(&Problem<'_>) -> T) -> T {
        let preferred = &self.preferred;
        let answered = self.packages.decisions.replaced.keys();
        let answered = answered.map(|label| label.as_str().into()).collect();
        let admits = |subject: &Subject, candidate: &super::facts::Candidate| {
            let standing = self.standing(subject, &candidate.version);
            self.policy.admits(subject, candidate, standing)
        };
        work(&Problem {
            facts: &self.facts,
            roots,
            preferred,
            admits: &admits,
            answered: &answered,
        })
    }

    /// Takes over a solution. Returns whether it differs from the one before.
    fn adopt(&mut self, solution: Solution, is_final: bool) -> bool {
        let decisions = &mut self.packages.decisions;
        let is_new =
            decisions.solution.as_ref() != Some(&solution) || decisions.is_final != is_final;
        if is_new {
            decisions.solution = Some(solution);
            decisions.is_final = is_final;
            self.packages.refresh_variants();
        }
        is_new | self.declaring.refresh(&mut self.packages)
    }

    /// What path packages ask for, in an order that does not depend on when they were found.
    fn roots(&mut self) -> Result<Vec<Root>> {
        let mut roots: Vec<Root> = Vec::new();
        for (index, request) in self.requests() {
            if let Some(demand) = self.demanded(&request)? {
                let root = Root {
                    by: self.packages.label(index).into(),
                    demand,
                    is_member: true,
                };
                if !roots.contains(&root) {
                    roots.push(root);
                }
            }
        }
        for index in self.packages.reached(&self.members) {
            for demand in self.remembered_demands(index) {
                let is_asked = |root: &Root| root.demand.asks_same(&demand);
                if !roots.iter().any(is_asked) {
                    roots.push(Root {
                        by: self.packages.label(index).into(),
                        demand,
                        is_member: true,
                    });
                }
            }
        }
        Ok(roots)
    }

    /// The requests of path packages, also those for retrievers, and who makes them: first visible ones, in order of
    /// directories.
    pub(super) fn requests(&self) -> Vec<(PackageIndex, PackageRequest)> {
        let is_path = |index: &PackageIndex| self.packages.get(*index).release.is_none();
        let reached = self.packages.reached(&self.members).into_iter();
        let mut requests = Vec::new();
        for index in reached.filter(is_path) {
            if let Some(declaration) = self.packages.declared_of(index) {
                let pkgs = declaration.pkgs.iter();
                let asked = pkgs.flat_map(|(_, request)| request.with_retrievers());
                requests.extend(asked.map(|request| (index, request.clone())));
            }
        }
        for (index, request) in self.hidden.iter().filter(|(index, _)| is_path(index)) {
            let asked = request.with_retrievers();
            requests.extend(asked.map(|request| (*index, request.clone())));
        }
        requests
    }

    /// The demand that a request stands for; `None`: a path package answers it, or nothing can yet.
    fn demanded(&self, request: &PackageRequest) -> Result<Option<Demand>> {
        let label = request.wanted.label();
        let decisions = &self.packages.decisions;
        if label == RESOLVER || decisions.replaced.contains_key(&label) {
            return Ok(None);
        }
        let origin = match &request.from {
            Source::Path(_) | Source::Of(..) => return Ok(None),
            Source::Retriever(exec) => origin(exec),
            Source::Global => match decisions.globals.get(&label) {
                Some(Definition::Retriever(origin)) => origin.clone(),
                Some(Definition::Path(_) | Definition::BuiltIn) | None => return Ok(None),
            },
        };
        demand(request, origin).map(Some)
    }

    /// Connects the packages that are there along what their declarations ask for.
    fn relink(&mut self) {
        self.packages.disconnect_unchosen();
        let needs = std::mem::take(&mut self.packages.needs);
        for index in self.packages.indexes() {
            if !self.counts(index) {
                continue;
            }
            let Some(declaration) = self.packages.declared_of(index) else {
                continue;
            };
            for (_, request) in declaration.pkgs.clone() {
                for request in request.with_retrievers() {
                    if let Ok(found) = self.packages.find(index, request) {
                        self.packages.connect(index, found, request.at.as_ref());
                    }
                }
            }
        }
        for (asking, request) in self.hidden.clone() {
            if let Ok(found) = self.packages.find(asking, &request) {
                self.packages.connect(asking, found, request.at.as_ref());
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
