//! Asking retrievers: which program stands behind an origin, one call per retriever and round, answers become facts.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::Value;

use super::PackageIndex;
use super::decisions::Release;
use super::facts::{Artifact, Candidate, Demand, GLOBAL, Origin, Subject};
use super::frontier::earliest;
use super::globals::Definition;
use super::requirement::Requirement;
use super::resolve::Resolver;
use super::retriever::protocol::{self, Required, Wanted};
use super::retriever::std::Surroundings;
use super::retriever::{self, Retriever};
use crate::declare::model::{
    Exec, NAMES, PackageRequest, Permission, Program, RESOLVER, Source, is_label, version_of,
};
use crate::error::{Error, Location, Result};
use crate::event::{Event, Subscriber};
use crate::fs::path;

/// Who asks a retriever, and how.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) asking: PackageIndex,
    pub(super) exec: Exec,
    pub(super) at: Option<Location>,
    /// What a package that is executed may do: what all grant it who ask it.
    pub(super) granted: BTreeSet<Permission>,
}

/// Which retrievers are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Those that nobody can put another one in the place of.
    First,
    /// Those that come from the global namespace, too: what was executed cannot be taken back.
    Last,
}

/// What is executed for a package: program, arguments, and the directories that it may read.
type Executed = (PathBuf, Vec<String>, Vec<PathBuf>);

/// What is asked of one retriever in one round.
type Batch = (Origin, Retriever, Vec<Demand>);

impl Resolver<'_> {
    /// Asks for facts that lack, and for those that the versions so found will most likely lack: solving again and again
    /// to find that out would take longer. Returns whether any was learned; retrievers that are not there yet are noted
    /// as needs.
    ///
    /// # Errors
    /// A retriever that fails; one that may not be asked.
    pub(super) fn learn(
        &mut self,
        lacking: Vec<Demand>,
        when: When,
        subscriber: &mut dyn Subscriber,
    ) -> Result<bool> {
        let mut lacking = lacking;
        let mut is_learned = false;
        while !lacking.is_empty() {
            self.round += 1;
            subscriber.event(&Event::Resolving {
                round: self.round,
                lacking: lacking.len(),
            });
            let learned = self.ask_for(lacking, when, subscriber)?;
            is_learned |= !learned.is_empty();
            lacking = self.anticipated(&learned);
        }
        Ok(is_learned)
    }

    /// Asks for facts, with one call for each retriever. Returns what was answered.
    pub(super) fn ask_for(
        &mut self,
        lacking: Vec<Demand>,
        when: When,
        subscriber: &mut dyn Subscriber,
    ) -> Result<Vec<Demand>> {
        let mut by_origin: BTreeMap<Origin, Vec<Demand>> = BTreeMap::new();
        for demand in lacking {
            let origin = demand.subject.origin.clone();
            if &*origin != GLOBAL && (when == When::Last || !self.is_from_global(&origin)) {
                by_origin.entry(origin).or_default().push(demand);
            }
        }
        if self.policy.mode.is_offline {
            let first = by_origin.values().flatten().next();
            return first.map_or(Ok(Vec::new()), |demand| Err(self.may_not_ask(demand)));
        }
        let mut batches = Vec::new();
        let mut learned = Vec::new();
        for (origin, demands) in by_origin {
            if let Some(retriever) = self.retriever(&origin)? {
                let is_cheap = self.outside.tools.is_cheap(&retriever);
                let asked = if is_cheap {
                    of_all(&demands)
                } else {
                    demands.clone()
                };
                learned.extend(demands);
                batches.push((origin, retriever, asked));
            }
        }
        for (origin, _, demands) in &batches {
            subscriber.event(&Event::RetrieverAsked {
                retriever: origin.to_string(),
                packages: demands.iter().map(asked_for).collect(),
            });
        }
        let answers = self.ask_all(&batches);
        self.pass_on(subscriber);
        let mut errors = Vec::new();
        for ((origin, _, demands), answer) in batches.into_iter().zip(answers) {
            match answer.and_then(|answer| candidates(&origin, answer)) {
                Ok(answer) => {
                    for (demand, found) in demands.iter().zip(answer) {
                        self.facts.add(&demand.subject, &demand.requirement, found);
                    }
                }
                Err(error) => {
                    let at = self
                        .origins
                        .get(&origin)
                        .and_then(|asked| asked.at.as_ref());
                    errors.push(error.at_if_absent(at));
                }
            }
        }
        earliest(errors).map_or(Ok(learned), Err)
    }

    /// What the versions ask for that the solver would choose if nothing else counted, as far as it is not known.
    fn anticipated(&self, learned: &[Demand]) -> Vec<Demand> {
        let mut seen = BTreeSet::new();
        let mut lacking = Vec::new();
        for demand in learned {
            let candidates = self.facts.candidates(&demand.subject).iter().rev();
            let mut fitting = candidates.filter(|one| {
                let standing = self.standing(&demand.subject, &one.version);
                demand.requirement.matches(&one.version)
                    && self.policy.admits(&demand.subject, one, standing).is_ok()
            });
            let chosen = fitting.next().map_or(&[][..], |one| one.demands.as_slice());
            for next in chosen {
                let replaced = &self.packages.decisions.replaced;
                if &*next.subject.origin != GLOBAL
                    && !replaced.contains_key(&*next.subject.label)
                    && !self.facts.is_known(&next.subject, &next.requirement)
                    && seen.insert((&next.subject, &next.requirement))
                {
                    lacking.push(next.clone());
                }
            }
        }
        lacking
    }

    /// Passes on what retrievers have said.
    pub(super) fn pass_on(&self, subscriber: &mut dyn Subscriber) {
        for line in self.outside.tools.take_said() {
            subscriber.event(&Event::RetrieverSaid { line });
        }
    }

    /// One call per retriever, all at the same time: they mostly wait for the network.
    fn ask_all(&self, batches: &[Batch]) -> Vec<Result<Vec<Vec<protocol::Candidate>>>> {
        let tools = self.outside.tools;
        std::thread::scope(|scope| {
            let calls: Vec<_> = batches
                .iter()
                .map(|(_, retriever, demands)| {
                    let wanted: Vec<Wanted> = demands.iter().map(wanted).collect();
                    scope.spawn(move || tools.candidates(retriever, &wanted))
                })
                .collect();
            let ended = calls.into_iter().map(|call| {
                call.join().unwrap_or_else(|_| {
                    Err(Error::internal(
                        "A bug in wake ended the call of a retriever",
                    ))
                })
            });
            ended.collect()
        })
    }

    /// The program behind an origin; `None` while it, or what it needs, is not on disk: then that is noted as a need.
    pub(super) fn retriever(&mut self, origin: &Origin) -> Result<Option<Retriever>> {
        let Some(asked) = self.origins.get(origin).cloned() else {
            self.bring_askers(origin);
            return Ok(None);
        };
        self.runnable(origin, &asked)
            .map_err(|error| error.at_if_absent(asked.at.as_ref()))
    }

    /// Has the releases looked at that ask a retriever of which only the lock speaks.
    fn bring_askers(&mut self, origin: &Origin) {
        let solution = self.packages.decisions.solution.iter();
        let chosen = solution.flat_map(|solution| solution.chosen());
        let is_asking = |release: &&Release| {
            let candidate = self.facts.candidate(&release.subject, &release.version);
            let demands = candidate.into_iter().flat_map(|one| &one.demands);
            demands.into_iter().any(|one| one.subject.origin == *origin)
        };
        let asking: Vec<Release> = chosen.filter(is_asking).cloned().collect();
        for release in &asking {
            self.packages.bring(release);
        }
    }

    /// Whether a retriever is what a global name leads to.
    fn is_from_global(&self, origin: &Origin) -> bool {
        let asked = self.origins.get(origin).map(|asked| &asked.exec.program);
        matches!(asked, Some(Program::Package(request)) if request.from == Source::Global)
    }

    fn runnable(&mut self, origin: &Origin, asked: &Asked) -> Result<Option<Retriever>> {
        let exec = &asked.exec;
        match &exec.program {
            Program::Std(name) => self.built_in(origin, name, exec).map(Some),
            Program::File(path) => Err(Error::user(format!(
                "`{path}` is a file, and a retriever is a package"
            ))
            .hint("make a package whose `exec` is the file, and give that to `wake.exec`")),
            Program::Package(request) => {
                let Some(index) = self.ready(asked.asking, request)? else {
                    return Ok(None);
                };
                let Some((program, mut arguments, readable)) = self.program(index, request, 0)?
                else {
                    return Ok(None);
                };
                if request.from == Source::Global {
                    let label = request.wanted.label();
                    let definition = self.packages.decisions.globals.get(&label);
                    let definition = definition.cloned().unwrap_or(Definition::Path(index));
                    self.executed.insert(label, definition);
                }
                arguments.extend(exec.args.iter().cloned());
                Ok(Some(Retriever {
                    origin: origin.clone(),
                    program,
                    arguments,
                    directory: self.packages.get(index).directory.clone(),
                    readable,
                    config: exec.config.clone(),
                    env: exec.env.clone(),
                    has_network: asked.granted.contains(&Permission::Network),
                    has_home: asked.granted.contains(&Permission::Home),
                }))
            }
        }
    }

    /// A retriever of `wake.std`: wake itself.
    fn built_in(&self, origin: &Origin, name: &str, exec: &Exec) -> Result<Retriever> {
        let top = self.outside.layout.top();
        let surroundings = Surroundings {
            directory: top.to_owned(),
            environment: exec.env.clone(),
        };
        let finder = retriever::std::open(name, &exec.config, &surroundings)?;
        let mut arguments = vec!["__retrieve".to_owned(), name.to_owned()];
        arguments.extend(exec.args.iter().cloned());
        Ok(Retriever {
            origin: origin.clone(),
            program: self.outside.tools.wake().to_owned(),
            arguments,
            directory: top.to_owned(),
            readable: finder.reads(),
            config: exec.config.clone(),
            env: exec.env.clone(),
            has_network: true,
            has_home: true,
        })
    }

    /// The package that a request means, if it is declared.
    fn ready(
        &mut self,
        asking: PackageIndex,
        request: &PackageRequest,
    ) -> Result<Option<PackageIndex>> {
        match self.packages.find(asking, request) {
            Ok(index)
                if self.packages.is_declared(index) && !self.packages.get(index).is_staged =>
            {
                self.packages.check(index, request)?;
                Ok(Some(index))
            }
            Ok(_) => Ok(None),
            Err(_) if !self.packages.needs.is_empty() => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// What is executed for a package: program, arguments, and what may be read.
    fn program(
        &mut self,
        index: PackageIndex,
        request: &PackageRequest,
        depth: usize,
    ) -> Result<Option<Executed>> {
        let label = request.wanted.label();
        let declaration = self.packages.declaration(index)?;
        let Some(exec) = declaration.exec.clone().filter(|_| depth < 16) else {
            return Err(Error::user(format!("`{label}` cannot be executed"))
                .cause("its `wake.pkg` has no `exec`")
                .hint("give it `exec=wake.exec('./main.py')`, or ask another package"));
        };
        let pkgs = declaration.pkgs.clone();
        let directory = self.packages.get(index).directory.clone();
        let mut readable = vec![directory.clone()];
        let mut is_ready = true;
        let is_needed = |named: &PackageRequest| {
            named.wanted.label() != RESOLVER && self.policy.is_when(&named.when)
        };
        let needed: Vec<_> = pkgs.iter().filter(|(_, named)| is_needed(named)).collect();
        for (_, named) in needed {
            match self.ready(index, named)? {
                Some(found) => readable.push(self.packages.get(found).directory.clone()),
                None => is_ready = false,
            }
        }
        if !is_ready {
            return Ok(None);
        }
        let mut arguments = exec.args.clone();
        let program = match &exec.program {
            Program::Std(name) => {
                arguments.splice(0..0, ["__retrieve".to_owned(), name.clone()]);
                self.outside.tools.wake().to_owned()
            }
            Program::File(file) => self.executable(index, &pkgs, file)?,
            Program::Package(inner) => {
                let Some(found) = self.ready(index, inner)? else {
                    return Ok(None);
                };
                let Some(program) = self.program(found, inner, depth + 1)? else {
                    return Ok(None);
                };
                arguments.splice(0..0, program.1);
                readable.extend(program.2);
                program.0
            }
        };
        Ok(Some((program, arguments, readable)))
    }

    /// A file of a package, or `pkgs/<key>/<path>`, a file of what it names `<key>`.
    fn executable(
        &mut self,
        index: PackageIndex,
        pkgs: &[(String, PackageRequest)],
        file: &str,
    ) -> Result<PathBuf> {
        let own = self.packages.get(index).directory.join(file);
        let named = file
            .strip_prefix("pkgs/")
            .and_then(|rest| rest.split_once('/'));
        let Some((key, rest)) = named else {
            return Ok(path::clean(&own));
        };
        match pkgs.iter().find(|(name, _)| name == key) {
            Some((_, request)) => {
                let found = self.packages.find(index, request)?;
                Ok(path::clean(&self.packages.get(found).directory.join(rest)))
            }
            None => Ok(path::clean(&own)),
        }
    }

    fn may_not_ask(&self, demand: &Demand) -> Error {
        let flag = self.policy.mode.flag();
        Error::user(format!("`{}` is not in `wake.lock`", asked_for(demand)))
            .cause(format!(
                "`{flag}` forbids to ask `{}`",
                demand.subject.origin
            ))
            .hint(format!("run once without `{flag}`"))
            .at_if_absent(demand.at.as_ref())
    }
}

/// The demands for all versions of the subjects of others, but where a pre-release is named.
fn of_all(demands: &[Demand]) -> Vec<Demand> {
    let mut seen = BTreeSet::new();
    let mut all = Vec::new();
    for demand in demands {
        let is_special = demand.requirement.text().contains('-');
        let requirement = if is_special {
            demand.requirement.clone()
        } else {
            Requirement::any()
        };
        if seen.insert((&demand.subject, requirement.clone())) {
            all.push(Demand {
                requirement,
                ..demand.clone()
            });
        }
    }
    all
}

/// `ns/name@req`.
pub(super) fn asked_for(demand: &Demand) -> String {
    format!("{}@{}", demand.subject.label, demand.requirement)
}

fn wanted(demand: &Demand) -> Wanted {
    let (namespace, name) = split(&demand.subject.label);
    Wanted {
        namespace,
        name,
        requirement: demand.requirement.text().to_owned(),
    }
}

/// Namespace and name of a label.
pub(super) fn split(label: &str) -> (Option<String>, String) {
    match label.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, label.to_owned()),
    }
}

/// Answers as facts. What is malformed was refused when the response was read.
fn candidates(
    origin: &Origin,
    answer: Vec<Vec<protocol::Candidate>>,
) -> Result<Vec<Vec<Candidate>>> {
    let mut reading = Reading {
        origin,
        labels: HashMap::new(),
        requirements: HashMap::new(),
    };
    let mut each = |found: Vec<protocol::Candidate>| -> Result<Vec<Candidate>> {
        found
            .into_iter()
            .map(|one| reading.candidate(one))
            .collect()
    };
    answer.into_iter().map(&mut each).collect()
}

/// The names and requirements of an answer: most occur many times.
struct Reading<'a> {
    origin: &'a Origin,
    labels: HashMap<String, Arc<str>>,
    requirements: HashMap<String, Requirement>,
}

impl Reading<'_> {
    fn candidate(&mut self, said: protocol::Candidate) -> Result<Candidate> {
        let version = version_of(&said.version)
            .map_err(|why| wrong(self.origin, "the version", &said.version).cause(why))?;
        let published = said.published.as_deref().map(|text| {
            seconds(text).ok_or_else(|| wrong(self.origin, "the time of publication", text))
        });
        let demands = said.pkgs.values().map(|required| self.demand(required));
        let demands = demands.collect::<Result<_>>()?;
        Ok(Candidate {
            version,
            demands,
            size: said.size,
            is_yanked: said.yanked,
            published: published.transpose()?,
            artifacts: said.artifacts.into_iter().map(artifact).collect(),
        })
    }

    fn demand(&mut self, required: &Required) -> Result<Demand> {
        let (text, origin) = match required {
            Required::Same(text) => (text, self.origin.clone()),
            Required::From { req, from } if from == GLOBAL => (req, GLOBAL.into()),
            Required::From { from, .. } => {
                return Err(wrong(self.origin, "a requirement from", from));
            }
        };
        let (label, requirement) = text.split_once('@').unwrap_or((text, ""));
        let label = label.trim();
        let label = match self.labels.get(label) {
            Some(known) => known.clone(),
            None if !is_label(label) => {
                return Err(wrong(self.origin, "the name", label).cause(NAMES));
            }
            None => {
                let new: Arc<str> = label.into();
                self.labels.insert(label.to_owned(), new.clone());
                new
            }
        };
        let requirement = match self.requirements.get(requirement) {
            Some(known) => known.clone(),
            None => {
                let new = Requirement::parse(requirement)?;
                self.requirements
                    .insert(requirement.to_owned(), new.clone());
                new
            }
        };
        Ok(Demand {
            subject: Subject { label, origin },
            requirement,
            versions: None,
            at: None,
        })
    }
}

fn wrong(origin: &Origin, what: &str, text: &str) -> Error {
    Error::user(format!(
        "The retriever `{origin}` answers with {what} `{text}`"
    ))
}

fn artifact(said: protocol::Artifact) -> Artifact {
    let when = said.when.iter();
    Artifact {
        when: when
            .map(|(name, value)| (name.clone(), texts(value)))
            .collect(),
        name: said.name,
        digest: said.digest,
    }
}

/// A text or a list of texts.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
        _ => Vec::new(),
    }
}

/// Seconds since the epoch of an RFC 3339 time, or of the begin of a date in UTC.
fn seconds(text: &str) -> Option<i64> {
    let time = text.parse::<jiff::Timestamp>().ok();
    let date = || {
        let day: Date = text.parse().ok()?;
        day.to_zoned(TimeZone::UTC)
            .ok()
            .map(|zoned| zoned.timestamp())
    };
    time.or_else(date).map(jiff::Timestamp::as_second)
}
