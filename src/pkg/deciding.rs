//! Deciding which versions are used: what path packages ask for goes to the solver with the facts, and what comes of it
//! is taken over, asked for, or told as a conflict.

use super::PackageIndex;
use super::asking::When;
use super::decisions::{Answerer, Release};
use super::facts::{Candidate, Demand, Subject};
use super::globals::Definition;
use super::near::did_you_mean;
use super::resolve::{MOST_ROUNDS, Resolver};
use super::solve::{self, Conflict, Problem, Proposed, Reason, Root, Scope, Solution, Solved};
use crate::declare::model::{PackageRequest, Source};
use crate::error::{Error, Result};
use crate::event::Subscriber;

impl Resolver<'_> {
    /// Solves, and asks for the facts that lack. Returns whether that led to something new.
    pub(super) fn decide(&mut self, subscriber: &mut dyn Subscriber) -> Result<bool> {
        self.lacking.clear();
        self.conflict = None;
        let roots = self.roots()?;
        let replaced = self.packages.decisions.replaced.keys().cloned().collect();
        let asked = (self.facts.changes(), roots, replaced);
        if self.solved.as_ref() == Some(&asked) {
            return Ok(self.declaring.refresh(&mut self.packages));
        }
        self.solved = None;
        let roots = asked.1.clone();
        match self.solve(&roots) {
            Solved::Solution(solution) => {
                self.solved = Some(asked);
                Ok(self.adopt(solution, true))
            }
            Solved::Lacking(demands, partial) => self.lack(demands, partial, subscriber),
            Solved::Conflict(conflict) => {
                self.packages.decisions.is_final = false;
                let is_new = self.decide_for_waiting(subscriber)?;
                self.conflict = Some((roots, conflict));
                Ok(is_new)
            }
            Solved::TooHard(hard) => Err(hard.error()),
        }
    }

    /// Asks for facts that lack. Returns whether that led to something new.
    fn lack(
        &mut self,
        demands: Vec<Demand>,
        partial: Option<Solution>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<bool> {
        self.packages.decisions.is_final = false;
        self.lacking.clone_from(&demands);
        if self.learn(demands, When::First, subscriber)? {
            return Ok(true);
        }
        // What is chosen anyway may be what the retrievers need that cannot be asked yet.
        Ok(partial.is_some_and(|partial| self.adopt(partial, false)))
    }

    /// Decides on what evaluations of path packages wait for, apart from all else that is in conflict: how many versions
    /// there may be is theirs to say, so a conflict counts when they have spoken. Returns whether that led to something
    /// new.
    fn decide_for_waiting(&mut self, subscriber: &mut dyn Subscriber) -> Result<bool> {
        let is_path = |index: PackageIndex| self.packages.get(index).release.is_none();
        let mut requests = self.waiting();
        if !requests.iter().any(|(index, _)| is_path(*index)) {
            return Ok(false);
        }
        // Retrievers may lack something, too, before they can be asked.
        requests.extend(self.hidden.iter().cloned());
        requests.retain(|(index, _)| is_path(*index));
        let mut roots = Vec::new();
        for (index, request) in &requests {
            self.ask_in_name_of(*index, request.with_retrievers(), &mut roots)?;
        }
        match self.solve(&roots) {
            Solved::Solution(solution) => Ok(self.adopt(solution, false)),
            Solved::Lacking(demands, partial) => self.lack(demands, partial, subscriber),
            Solved::Conflict(_) | Solved::TooHard(_) => Ok(false),
        }
    }

    /// Takes up a conflict that nothing else resolved. Returns whether there is more to know than the lock.
    ///
    /// # Errors
    /// The conflict.
    pub(super) fn take_conflict(&mut self, subscriber: &mut dyn Subscriber) -> Result<bool> {
        let Some((roots, mut conflict)) = self.conflict.take() else {
            return Ok(false);
        };
        if self.facts.distrust() {
            return Ok(true);
        }
        Err(self.explained(&roots, &mut conflict, subscriber))
    }

    /// A conflict, with a change that resolves it: working that out may need more facts.
    fn explained(
        &mut self,
        roots: &[Root],
        conflict: &mut Conflict,
        subscriber: &mut dyn Subscriber,
    ) -> Error {
        if let Reason::Nothing(missing) = &mut conflict.reason
            && missing.suggestion.is_none()
        {
            let mut known = self.known_names();
            known.remove(&*missing.subject.label);
            let known = known.iter().map(String::as_str);
            missing.suggestion = did_you_mean(&missing.subject.label, known);
        }
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
                    return conflict.error().hint(proposal.hint());
                }
                Proposed::None => break,
            }
        }
        conflict.error()
    }

    fn solve(&self, roots: &[Root]) -> Solved {
        self.with_problem(roots, solve::solve)
    }

    fn with_problem<T>(&self, roots: &[Root], work: impl FnOnce(&Problem<'_>) -> T) -> T {
        let answered = self.packages.decisions.replaced.keys();
        let answered = answered.map(|label| label.as_str().into()).collect();
        let admits = |subject: &Subject, candidate: &Candidate| {
            let standing = self.standing(subject, &candidate.version);
            self.policy.admits(subject, candidate, standing)
        };
        work(&Problem {
            facts: &self.facts,
            roots,
            preferred: &self.preferred,
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
        let named = self.named_by_path();
        self.packages.refresh_hosts(&self.members, &named);
        let mut roots: Vec<Root> = Vec::new();
        for (index, request) in self.requests() {
            self.ask_in_name_of(index, [&request], &mut roots)?;
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

    /// Adds what requests of a path package ask for.
    fn ask_in_name_of<'r>(
        &self,
        index: PackageIndex,
        requests: impl IntoIterator<Item = &'r PackageRequest>,
        roots: &mut Vec<Root>,
    ) -> Result<()> {
        for request in requests {
            let Some(demand) = self.demanded(index, request)? else {
                continue;
            };
            let root = Root {
                by: self.packages.label(index).into(),
                demand,
                is_member: true,
            };
            if !roots.contains(&root) {
                roots.push(root);
            }
        }
        Ok(())
    }

    /// The requests of path packages, and who makes them: first visible ones, in order of directories.
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

    /// The path packages that answer requests by name outside of the host's scope, and who asks.
    fn named_by_path(&self) -> Vec<(PackageIndex, PackageIndex)> {
        let mut requests = self.visible_requests();
        requests.extend(self.hidden_requests());
        requests.retain(|(_, request)| request.from == Source::Global && !request.is_host);
        let answered = requests.iter().filter_map(|(asking, request)| {
            let is_of_host = |release: &Release| release.scope == Scope::HOST;
            let release = self.packages.get(*asking).release.as_ref();
            let definition = self.packages.decisions.globals.get(&request.wanted.label());
            match definition? {
                Definition::Path(found) if !release.is_some_and(is_of_host) => {
                    Some((*asking, *found))
                }
                _ => None,
            }
        });
        answered.collect()
    }

    /// The demand that a request stands for; `None`: a path package answers it, or nothing can yet.
    fn demanded(&self, index: PackageIndex, request: &PackageRequest) -> Result<Option<Demand>> {
        match self.packages.decisions.answerer(request) {
            Answerer::Origin(origin) => self.packages.demanded(index, request, origin).map(Some),
            Answerer::Path | Answerer::Nobody => Ok(None),
        }
    }
}
