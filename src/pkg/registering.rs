//! Taking in what declarations say: which retrievers are asked, in whose name, and what versions really ask for.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::PackageIndex;
use super::asking::{Asked, asked_for};
use super::decisions::Release;
use super::facts::{Demand, GLOBAL, Origin};
use super::origin::{origin, origin_of};
use super::packages::demand;
use super::resolve::Resolver;
use crate::declare::model::{PackageRequest, Program, Source};
use crate::error::{Error, Result};
use crate::event::{Event, Subscriber};

impl Resolver<'_> {
    /// Takes in what declarations say: where packages come from, what versions ask for.
    pub(super) fn register(&mut self, subscriber: &mut dyn Subscriber) -> Result<()> {
        self.origins.clear();
        let mut requests = self.visible_requests();
        requests.extend(self.hidden_requests());
        for (asking, request) in &requests {
            for request in request.with_retrievers() {
                self.register_origin(*asking, request);
            }
        }
        self.refuse_namesakes(&requests)?;
        self.correct_forecasts(subscriber)?;
        self.decide_globals()
    }

    /// Refuses two packages of one name that are executed with the same config: what is asked would depend on which.
    fn refuse_namesakes(&mut self, requests: &[(PackageIndex, PackageRequest)]) -> Result<()> {
        let mut executed: BTreeMap<Origin, (PackageIndex, &PackageRequest)> = BTreeMap::new();
        let needs = std::mem::take(&mut self.packages.needs);
        let mut refused = Ok(());
        for (asking, request) in requests {
            for request in request.with_retrievers() {
                let Source::Retriever(exec) = &request.from else {
                    continue;
                };
                let Program::Package(retriever) = &exec.program else {
                    continue;
                };
                let Ok(found) = self.packages.find(*asking, retriever) else {
                    continue;
                };
                let (first, other) = *executed.entry(origin(exec)).or_insert((found, request));
                let directory = |index| &self.packages.get(index).directory;
                if directory(first) != directory(found) && refused.is_ok() {
                    refused = Err(self.namesakes(&retriever.label(), first, found))
                        .map_err(|error: Error| error.at_if_absent(other.at.as_ref()));
                }
            }
        }
        self.packages.needs = needs;
        refused
    }

    fn namesakes(&self, label: &str, first: PackageIndex, second: PackageIndex) -> Error {
        let mut places = [first, second].map(|index| self.packages.get(index).display.clone());
        places.sort();
        Error::user(format!("Two retrievers are called `{label}`"))
            .cause(format!("one is `{}`", places[0]))
            .cause(format!("the other is `{}`", places[1]))
            .hint("give one another name in its `wake.pkgInfo`, or ask both times for the same")
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

    /// Replaces the forecasts of what versions ask for by what their declarations say, once those are here.
    fn correct_forecasts(&mut self, subscriber: &mut dyn Subscriber) -> Result<()> {
        for index in self.packages.indexes() {
            let package = self.packages.get(index);
            let Some(release) = package.release.clone().filter(|_| !package.is_staged) else {
                continue;
            };
            let Some(declaration) = self.packages.declared_of(index) else {
                continue;
            };
            if !self.counts(index) || self.corrected.contains(&release) {
                continue;
            }
            let requests = declaration.pkgs.clone();
            let mut demands = Vec::new();
            for (_, request) in &requests {
                if let Some(origin) = origin_of(&request.from) {
                    demands.push(demand(request, origin)?);
                }
            }
            self.correct(&release, demands, subscriber);
            // The retrievers that it names are no part of the forecast.
            for (_, request) in &requests {
                for retriever in request.with_retrievers().skip(1) {
                    self.find_out(&release, retriever)?;
                }
            }
            self.corrected.insert(release);
        }
        Ok(())
    }

    /// Replaces the forecast of what one version asks for.
    fn correct(
        &mut self,
        release: &Release,
        mut demands: Vec<Demand>,
        subscriber: &mut dyn Subscriber,
    ) {
        let (subject, version) = (&release.subject, &release.version);
        vouch(&mut demands, self.facts.said(subject, version));
        let declared = texts(&demands);
        let forecast = self.facts.correct(subject, version, demands);
        let forecast = texts(&forecast.unwrap_or_default());
        if !forecast.is_empty() && forecast != declared {
            subscriber.event(&Event::Warning {
                text: format!(
                    "`{release}` asks for {}, while `{}` says that it asks for {}",
                    list(&declared),
                    subject.origin,
                    list(&forecast)
                ),
            });
        }
    }
}

/// Has demands lead where the forecast says. Who fetched the package knows where what it asks for is: its own word on that
/// may be a path on the machine of whoever published it.
fn vouch(demands: &mut [Demand], forecast: &[Demand]) {
    for demand in demands {
        let is_vouched =
            |one: &Demand| one.subject == demand.subject && one.requirement == demand.requirement;
        if forecast.iter().any(is_vouched) || &*demand.subject.origin == GLOBAL {
            continue;
        }
        let is_vouching = |one: &&Demand| {
            one.subject.label == demand.subject.label && one.requirement == demand.requirement
        };
        if let Some(vouched) = forecast.iter().find(is_vouching) {
            demand.subject.origin = vouched.subject.origin.clone();
        }
    }
}

fn texts(demands: &[Demand]) -> BTreeSet<String> {
    demands.iter().map(asked_for).collect()
}

fn list(texts: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = texts.iter().map(|one| format!("`{one}`")).collect();
    match quoted.is_empty() {
        true => "nothing".to_owned(),
        false => quoted.join(", "),
    }
}
