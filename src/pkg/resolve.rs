//! The loop (DESIGN §3): declares, solves, asks, fetches, until nothing is lacking or nothing goes on.
//!
//! Facts accumulate and decisions do not: each round decides anew from all that is known. What is done in a round is in
//! [`super::asking`] and [`super::fetching`]; what comes of it is written down in [`super::locking`].

use std::collections::{BTreeMap, BTreeSet};

use super::Ask;
use super::asking::Asked;
use super::decisions::Release;
use super::declaring::Declaring;
use super::facts::{Demand, Facts, GLOBAL, Origin, Subject};
use super::globals::{self, Claim, Definition};
use super::lock::Lock;
use super::locking::Preferred;
use super::origin::origin;
use super::packages::demand;
use super::policy::Policy;
use super::solve::{self, Problem, Proposed, Root, Solution, Solved};
use super::{PackageIndex, Packages, Tools};
use crate::declare::model::{PackageRequest, Permission, Source};
use crate::error::{Error, Result};
use crate::event::{Event, Subscriber};
use crate::workspace::layout::Layout;

/// More rounds than any packages need that do not lead in a circle.
const MOST_ROUNDS: usize = 1_000;
/// More packages than any workspace has.
const MOST_PACKAGES: usize = 100_000;
/// The name of the global that answers names which nobody defines.
pub const RESOLVER: &str = "wake.resolver";

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
    /// The packages at the top of what is resolved, the one at the workspace's top first if there is one.
    pub members: Vec<PackageIndex>,
    /// Requests that are no visible field of `pkgs`, and who makes them.
    hidden: Vec<(PackageIndex, PackageRequest)>,
    pub(super) origins: BTreeMap<Origin, Asked>,
    /// Global names of packages that have been executed, and what they were.
    pub(super) executed: BTreeMap<String, Definition>,
    /// Releases whose declaration has replaced the forecast.
    corrected: BTreeSet<Release>,
    /// Releases that were fetched and are not in the store yet.
    pub(super) staged: Vec<(PackageIndex, Origin)>,
    /// Sizes of releases in bytes, as far as known.
    pub(super) sizes: BTreeMap<(Subject, semver::Version), u64>,
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
            members,
            hidden: Vec::new(),
            origins: BTreeMap::new(),
            executed: BTreeMap::new(),
            corrected: BTreeSet::new(),
            staged: Vec::new(),
            sizes: BTreeMap::new(),
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
        let mut wanted = BTreeSet::new();
        loop {
            self.round += 1;
            if self.round > MOST_ROUNDS || self.packages.indexes().len() > MOST_PACKAGES {
                return Err(self.endless());
            }
            wanted.extend(self.take_needs());
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
            wanted.extend(self.take_needs());
            if self.policy.fetches_all && self.packages.decisions.is_final {
                wanted.extend(self.admitted());
            }
            wanted.retain(|release| self.is_lacking(release));
            if !wanted.is_empty() {
                self.fetch(&std::mem::take(&mut wanted), subscriber)?;
                continue;
            }
            if is_progress {
                continue;
            }
            return self.settled();
        }
    }

    /// What a round ends with in which nothing went on.
    fn settled(&mut self) -> Result<()> {
        if self.declaring.refresh(&mut self.packages) {
            return Err(self.endless());
        }
        let is_final = self.packages.decisions.is_final;
        if !is_final || self.declaring.waiting().next().is_some() || !self.unanswered().is_empty() {
            return Err(self.stuck());
        }
        self.relink();
        self.packages.refuse_cycles()
    }

    /// Takes over what finding packages lacked: requests become demands. Returns the releases that are to be fetched.
    fn take_needs(&mut self) -> BTreeSet<Release> {
        let needs = std::mem::take(&mut self.packages.needs);
        for one in needs.demands {
            if !self.hidden.contains(&one) {
                self.hidden.push(one);
            }
        }
        needs.releases
    }

    /// Takes in what declarations say: where packages come from, what versions ask for.
    fn register(&mut self, subscriber: &mut dyn Subscriber) -> Result<()> {
        for index in self.packages.indexes() {
            let package = self.packages.get(index);
            let is_staged = package.is_staged;
            let release = package.release.clone();
            let Ok(declaration) = self.packages.declared_of(index) else {
                continue;
            };
            let requests = declaration.pkgs.clone();
            for (_, request) in &requests {
                self.register_origin(index, request);
            }
            if let (Some(release), false) = (release, is_staged)
                && self.corrected.insert(release.clone())
            {
                self.correct(&release, &requests, subscriber)?;
            }
        }
        for (asking, request) in self.hidden.clone() {
            self.register_origin(asking, &request);
        }
        self.decide_globals()
    }

    fn register_origin(&mut self, asking: PackageIndex, request: &PackageRequest) {
        if let Source::Retriever(exec) = &request.from {
            self.origins.entry(origin(exec)).or_insert_with(|| Asked {
                asking,
                exec: (**exec).clone(),
                at: request.at.clone(),
            });
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

    /// Decides where global names lead.
    fn decide_globals(&mut self) -> Result<()> {
        let mut claims = Vec::new();
        let mut replaced: BTreeMap<String, (PackageIndex, PackageRequest)> = BTreeMap::new();
        for index in self.packages.indexes() {
            let Ok(declaration) = self.packages.declared_of(index) else {
                continue;
            };
            let by = declaration.info.label();
            for (_, request) in declaration.pkgs.clone() {
                if request.replace {
                    self.replace(index, &request, &mut replaced)?;
                }
                if let Some(priority) = request.global {
                    claims.extend(self.claim(index, &by, &request, priority)?);
                }
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
            .map(|(label, claim)| ((*label).to_owned(), claim.definition.clone()))
            .collect();
        let decisions = &mut self.packages.decisions;
        decisions.globals = definitions;
        decisions.replaced = replaced
            .into_iter()
            .map(|(label, (index, _))| (label, index))
            .collect();
        let origins = decisions
            .globals
            .iter()
            .filter_map(|(label, definition)| match definition {
                Definition::Retriever(origin) => Some((label.as_str().into(), origin.clone())),
                _ => None,
            });
        self.facts.redirect(&origins.collect());
        Ok(())
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
        by: &str,
        request: &PackageRequest,
        priority: u8,
    ) -> Result<Option<Claim>> {
        let package = self.packages.get(index);
        if package.release.is_some() && !package.permissions.contains(&Permission::DefineGlobal) {
            return Err(Error::user(format!(
                "`{by}` may not define the global `{}`",
                request.wanted.label()
            ))
            .cause(format!(
                "the permission `defineGlobal` is not granted to `{by}`"
            ))
            .hint(format!(
                "give `permissions=['defineGlobal']` to the `getPkg` that asks for `{by}`"
            ))
            .at_if_absent(request.at.as_ref()));
        }
        let (definition, shown) = match &request.from {
            Source::Path(path) => match self.packages.find(index, request) {
                Ok(target) => (Definition::Path(target), format!("from='{path}'")),
                Err(_) => return Ok(None),
            },
            Source::Retriever(exec) => {
                let origin = origin(exec);
                (
                    Definition::Retriever(origin.clone()),
                    format!("from {origin}"),
                )
            }
            Source::Global | Source::Of(..) => (Definition::BuiltIn, "from=null".to_owned()),
        };
        Ok(Some(Claim {
            label: request.wanted.label(),
            definition,
            priority,
            is_root: self.members.first() == Some(&index) && self.is_at_top(index),
            by: by.to_owned(),
            at: request.at.clone(),
            shown,
        }))
    }

    fn is_at_top(&self, index: PackageIndex) -> bool {
        self.packages.get(index).place.is_empty()
    }

    /// Solves, and asks for the facts that lack. Returns whether that led to something new.
    fn decide(&mut self, subscriber: &mut dyn Subscriber) -> Result<bool> {
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
            Solved::Lacking(demands) => {
                self.packages.decisions.is_final = false;
                Ok(self.learn(demands, subscriber)? || self.decide_without_lacking(roots))
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

    /// What can be decided before some retrievers can be asked: that may be what they need to be found themselves.
    fn decide_without_lacking(&mut self, mut roots: Vec<Root>) -> bool {
        loop {
            match self.solve(&roots) {
                Solved::Solution(solution) => return self.adopt(solution, false),
                Solved::Lacking(demands) => {
                    let before = roots.len();
                    let is_lacking =
                        |origin: &Origin| demands.iter().any(|one| one.subject.origin == *origin);
                    roots.retain(|root| !is_lacking(&root.demand.subject.origin));
                    if roots.len() == before {
                        return false;
                    }
                }
                Solved::Conflict(_) | Solved::TooHard(_) => return false,
            }
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
                    if !self.learn(demands, subscriber).unwrap_or(false) {
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
            let locked = preferred.get(subject);
            let is_locked = locked.is_some_and(|locked| locked.contains(&candidate.version));
            self.policy.admits(subject, candidate, is_locked)
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
        let reached = self.packages.reached(&self.members);
        let is_path = |index: &PackageIndex| self.packages.get(*index).release.is_none();
        let paths: Vec<PackageIndex> = reached.into_iter().filter(is_path).collect();
        let mut requests = Vec::new();
        for index in paths {
            if let Ok(declaration) = self.packages.declared_of(index) {
                let by: std::sync::Arc<str> = declaration.info.label().into();
                let pkgs = declaration.pkgs.iter();
                requests.extend(pkgs.map(|(_, request)| (by.clone(), index, request.clone())));
            }
        }
        for (index, request) in &self.hidden {
            let by = self.packages.label(*index).into();
            requests.push((by, *index, request.clone()));
        }
        let mut roots: Vec<Root> = Vec::new();
        for (by, index, request) in requests {
            if let Some(demand) = self.demanded(index, &request)? {
                let root = Root {
                    by,
                    demand,
                    is_member: self.packages.get(index).release.is_none(),
                };
                if !roots.contains(&root) {
                    roots.push(root);
                }
            }
        }
        Ok(roots)
    }

    /// The demand that a request stands for; `None`: a path package answers it, or nothing can yet.
    fn demanded(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
    ) -> Result<Option<Demand>> {
        let label = request.wanted.label();
        if label == RESOLVER || self.packages.decisions.replaced.contains_key(&label) {
            return Ok(None);
        }
        match &request.from {
            Source::Path(_) => Ok(None),
            Source::Retriever(exec) => demand(request, origin(exec)).map(Some),
            Source::Of(..) => Ok(None),
            Source::Global => match self.global(&label) {
                Some(Definition::Retriever(origin)) => demand(request, origin).map(Some),
                Some(Definition::Path(_) | Definition::BuiltIn) => Ok(None),
                None => {
                    self.packages.needs.demand(asking, request);
                    Ok(None)
                }
            },
        }
    }

    /// Where a global name leads, also if nobody defines it: to what `wake.resolver` is defined as, else to the path package of
    /// that name.
    fn global(&mut self, label: &str) -> Option<Definition> {
        let decisions = &mut self.packages.decisions;
        if let Some(known) = decisions.globals.get(label) {
            return Some(known.clone());
        }
        let definition = match decisions.globals.get(RESOLVER) {
            Some(Definition::Retriever(origin)) => Definition::Retriever(origin.clone()),
            _ => match self.packages.labelled(label).as_slice() {
                [only] => Definition::Path(*only),
                _ => return None,
            },
        };
        let globals = &mut self.packages.decisions.globals;
        globals.insert(label.to_owned(), definition.clone());
        Some(definition)
    }

    /// Connects the packages that are there along what their declarations ask for.
    fn relink(&mut self) {
        let needs = std::mem::take(&mut self.packages.needs);
        for index in self.packages.indexes() {
            let Ok(declaration) = self.packages.declared_of(index) else {
                continue;
            };
            for (_, request) in declaration.pkgs.clone() {
                if let Ok(found) = self.packages.find(index, &request) {
                    self.packages.connect(index, found, request.at.as_ref());
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

    /// Requests that nothing answers.
    fn unanswered(&mut self) -> Vec<(PackageIndex, PackageRequest)> {
        let mut unanswered = self.hidden.clone();
        unanswered.retain(|(asking, request)| {
            self.packages.find(*asking, request).is_err() && !self.is_answered(*asking, request)
        });
        unanswered
    }

    /// Whether the solution answers a request, fetched or not.
    fn is_answered(&self, asking: PackageIndex, request: &PackageRequest) -> bool {
        let origin = match &request.from {
            Source::Retriever(exec) => origin(exec),
            Source::Global => match self.packages.decisions.globals.get(&request.wanted.label()) {
                Some(Definition::Retriever(origin)) => origin.clone(),
                _ => return false,
            },
            Source::Path(_) | Source::Of(..) => return false,
        };
        let asker = self.packages.get(asking).release.as_ref();
        let label = self.packages.label(asking);
        let decisions = &self.packages.decisions;
        demand(request, origin)
            .is_ok_and(|demand| decisions.answer(asker, &label, &demand).is_some())
    }

    fn endless(&self) -> Error {
        Error::user("Resolving the packages does not end")
            .cause(format!("{} rounds led to ever new packages", self.round))
            .hint("look for a package that asks for itself under ever other names or configs")
    }

    /// Nothing goes on: who waits for what.
    fn stuck(&mut self) -> Error {
        let mut waiting: Vec<(PackageIndex, PackageRequest)> = self.unanswered();
        let declarations = self.declaring.waiting();
        waiting.extend(declarations.map(|(index, request)| (index, request.clone())));
        let place = |request: &PackageRequest| {
            let at = request.at.as_ref();
            at.map(|at| (at.file.clone(), at.line, at.column))
        };
        waiting.sort_by_cached_key(|(index, request)| {
            (
                place(request),
                self.packages.label(*index),
                request.wanted.label(),
            )
        });
        waiting.dedup_by(|one, other| one.0 == other.0 && one.1.is_same(&other.1));
        super::stuck::explain(self, &waiting)
    }
}

fn overridden(winner: &Claim) -> Error {
    Error::user(format!(
        "The global `{}` is overridden after it was executed",
        winner.label
    ))
    .cause(format!("`{}` says `{}`", winner.by, winner.shown))
    .hint("what has run cannot be taken back: define it where it is known from the start, in the package at the top")
    .at_if_absent(winner.at.as_ref())
}
