//! The loop over imitations: declarations are JSON in `PKG`, retrievers are a table; the store and the files are real.

mod globals;
mod kept;
mod random;
mod recipes;
mod rules;
mod waiting;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::declaring::Declaring;
use super::lock::Lock;
use super::origin::origin;
use super::policy::Policy;
use super::resolve::{Outside, Resolver};
use super::retriever::Retriever;
use super::retriever::protocol::{Candidate, Fetched, Required, Wanted};
use super::{PackageIndex, Packages, Tools};
use crate::declare::model::{
    Declaration, Exec, PackageInfo, PackageRequest, Permission, Program, Source,
};
use crate::error::{Error, Location, Result};
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::jsonnet::protocol::{Answer, Answered, Outcome, Request};
use crate::workspace::discover::{PKG, RECIPE};
use crate::workspace::layout::Layout;

/// What stands in an imagined `PKG`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Script {
    declaration: Declaration,
    /// Whose `exports` the declaration reads.
    reads: Vec<PackageRequest>,
    /// Whose `exports` its own `exports` read.
    exports_read: Vec<PackageRequest>,
}

/// A package that asks for nothing.
fn package(label: &str, version: &str) -> Script {
    let info = PackageInfo {
        version: Some(version.to_owned()),
        ..info(label)
    };
    Script {
        declaration: Declaration {
            info,
            language: None,
            files: None,
            pkgs: Vec::new(),
            modules: Vec::new(),
            plugin: None,
            exec: None,
            imports: Vec::new(),
            at: None,
        },
        reads: Vec::new(),
        exports_read: Vec::new(),
    }
}

fn info(label: &str) -> PackageInfo {
    let (namespace, name) = super::asking::split(label);
    PackageInfo {
        name,
        namespace,
        version: None,
    }
}

impl Script {
    /// A visible field of `pkgs`.
    fn asks(mut self, key: &str, mut request: PackageRequest) -> Self {
        let line = u32::try_from(self.declaration.pkgs.len() + 1).unwrap();
        request.at = request.at.or(Some(Location {
            file: format!("{}/PKG", self.declaration.info.label()),
            line,
            column: 1,
            width: 1,
            text: String::new(),
        }));
        self.declaration.pkgs.push((key.to_owned(), request));
        self.declaration.pkgs.sort_by(|a, b| a.0.cmp(&b.0));
        self
    }

    /// Can be executed.
    fn runs(mut self) -> Self {
        self.declaration.exec = Some(exec(Program::File("main".into())));
        self
    }

    /// Cannot be declared before the `exports` are known of what it asks for as `key`.
    fn reads(mut self, key: &str) -> Self {
        let named = self.declaration.pkgs.iter().find(|(name, _)| name == key);
        let request = named.unwrap().1.clone();
        self.reads.push(request);
        self
    }

    /// As [`Self::reads`], for its own `exports`.
    fn exports_read(mut self, key: &str) -> Self {
        let named = self.declaration.pkgs.iter().find(|(name, _)| name == key);
        let request = named.unwrap().1.clone();
        self.exports_read.push(request);
        self
    }

    fn version(&self) -> &str {
        self.declaration.info.version.as_deref().unwrap()
    }

    /// What a retriever would say of it.
    fn forecast(&self, own: &str) -> Candidate {
        let required = |(key, request): &(String, PackageRequest)| {
            let wanted = &request.wanted;
            let version = wanted.version.as_deref().unwrap_or("*");
            let req = format!("{}@{version}", wanted.label());
            match &request.from {
                Source::Retriever(exec) if &*origin(exec) == own => {
                    let said = match request.is_host {
                        false => Required::Same(req),
                        host => Required::From {
                            req,
                            from: None,
                            host,
                        },
                    };
                    Some((key.clone(), said))
                }
                Source::Global => {
                    let said = Required::From {
                        req,
                        from: Some("global".to_owned()),
                        host: request.is_host,
                    };
                    Some((key.clone(), said))
                }
                _ => None,
            }
        };
        let pkgs = self.declaration.pkgs.iter();
        Candidate {
            version: self.version().to_owned(),
            pkgs: pkgs.filter_map(required).collect(),
            ..Candidate::default()
        }
    }
}

/// `ns/name@req`.
fn get(wanted: &str, from: Source) -> PackageRequest {
    let (label, version) = match wanted.split_once('@') {
        Some((label, version)) => (label, Some(version.to_owned())),
        None => (wanted, None),
    };
    PackageRequest {
        wanted: PackageInfo {
            version,
            ..info(label)
        },
        from,
        global: None,
        permissions: Vec::new(),
        versions: None,
        when: BTreeMap::new(),
        replace: false,
        is_host: false,
        at: None,
    }
}

fn global(request: PackageRequest, priority: u8) -> PackageRequest {
    PackageRequest {
        global: Some(priority),
        ..request
    }
}

fn granting(request: PackageRequest, permissions: &[Permission]) -> PackageRequest {
    PackageRequest {
        permissions: permissions.to_vec(),
        ..request
    }
}

fn path(path: &str) -> Source {
    Source::Path(path.to_owned())
}

fn exec(program: Program) -> Exec {
    Exec {
        program,
        config: Value::Null,
        args: Vec::new(),
        env: BTreeMap::new(),
    }
}

/// From a retriever of `wake.std` that needs no config.
fn std(name: &str) -> Source {
    Source::Retriever(Box::new(exec(Program::Std(name.to_owned()))))
}

fn crates() -> Source {
    std("crates")
}

/// From what executing another package finds.
fn by(retriever: PackageRequest) -> Source {
    let program = Program::Package(Box::new(retriever));
    Source::Retriever(Box::new(exec(program)))
}

/// What a retriever offers.
#[derive(Clone, Debug)]
struct Offer {
    candidate: Candidate,
    script: Script,
}

struct World {
    /// Removed in the end.
    _directory: tempfile::TempDir,
    top: PathBuf,
    cache: PathBuf,
    members: Vec<String>,
    /// By origin and label.
    offers: BTreeMap<(String, String), Vec<Offer>>,
    /// What retrievers were asked, one line for each call, without what they were asked for more than once.
    calls: Mutex<Vec<String>>,
    /// What was evaluated.
    evaluated: Mutex<Vec<String>>,
    /// Decides how long each answer takes.
    seed: AtomicU64,
}

/// What was said.
#[derive(Default)]
struct Heard {
    warnings: Vec<String>,
}

impl Subscriber for Heard {
    fn event(&mut self, event: &Event) {
        if let Event::Warning { text } = event {
            self.warnings.push(text.clone());
        }
    }
}

/// What a resolution came to.
#[derive(Debug)]
struct Resolved {
    lock: Lock,
    calls: Vec<String>,
    warnings: Vec<String>,
}

impl Resolved {
    /// `name@version`, sorted, without path packages.
    fn chosen(&self) -> Vec<String> {
        let entries = self.lock.entries.iter();
        let releases = entries.filter(|entry| entry.version.is_some());
        releases.map(super::lock::Entry::label).collect()
    }
}

impl World {
    /// With the package at the workspace's top.
    fn new(top: Script) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let all = fs::canonicalize(directory.path()).unwrap();
        let world = Self {
            _directory: directory,
            top: all.join("top"),
            cache: all.join("cache"),
            members: vec![String::new()],
            offers: BTreeMap::new(),
            calls: Mutex::default(),
            evaluated: Mutex::default(),
            seed: AtomicU64::new(0),
        };
        world.path("", &top);
        world
    }

    /// Writes a path package, relative to the top.
    fn path(&self, directory: &str, script: &Script) {
        let directory = self.top.join(directory);
        fs::create_directories(&directory).unwrap();
        write(&directory, script);
    }

    fn member(&mut self, directory: &str, script: &Script) {
        self.path(directory, script);
        self.members.push(directory.to_owned());
    }

    /// Writes a path package that is declared by a recipe, relative to the top.
    fn recipe(&self, directory: &str, script: &Script) {
        self.path(directory, script);
        let directory = self.top.join(directory);
        fs::rename(&directory.join(PKG), &directory.join(RECIPE)).unwrap();
    }

    /// Has a retriever offer a version, with the forecast that its declaration comes to.
    fn offer(&mut self, origin: &str, script: Script) -> &mut Candidate {
        let key = (origin.to_owned(), script.declaration.info.label());
        let offers = self.offers.entry(key).or_default();
        offers.push(Offer {
            candidate: script.forecast(origin),
            script,
        });
        &mut offers.last_mut().unwrap().candidate
    }

    /// A resolution, and what somebody does with it.
    fn with<T>(
        &self,
        policy: &Policy,
        locked: Option<&Lock>,
        work: impl FnOnce(&mut Resolver<'_>, &mut Heard) -> T,
    ) -> T {
        let mut packages = Packages::new(self.top.clone());
        packages.decisions.cache_directory = Some(self.cache.clone());
        let members = self.members.iter();
        let members = members
            .map(|one| packages.add(fs::canonicalize(&self.top.join(one)).unwrap()))
            .collect();
        let layout = Layout::new(&self.top);
        let ask = |request: &Request| self.ask(request);
        let outside = Outside {
            layout: &layout,
            ask: &ask,
            tools: self,
            threads: 3,
        };
        let declaring = Declaring::default();
        let mut resolver = Resolver::new(
            outside,
            policy.clone(),
            packages,
            members,
            locked.cloned(),
            declaring,
        );
        work(&mut resolver, &mut Heard::default())
    }

    /// Resolves with a lock, or without one.
    fn resolve_with(&self, policy: &Policy, locked: Option<&Lock>) -> Result<Resolved> {
        self.calls.lock().unwrap().clear();
        self.with(policy, locked, |resolver, heard| {
            resolver.settle(heard)?;
            let lock = resolver.lock().unwrap_or_default();
            assert_eq!(Lock::parse(&lock.to_text(), "wake.lock").unwrap(), lock);
            Ok(Resolved {
                lock,
                calls: self.calls.lock().unwrap().clone(),
                warnings: std::mem::take(&mut heard.warnings),
            })
        })
    }

    /// Resolves from nothing, and fetches all.
    fn resolve(&self) -> Result<Resolved> {
        self.resolve_with(&all(), None)
    }

    /// What would be written of an error, in lines.
    fn error(&self) -> Vec<String> {
        lines(&self.resolve().unwrap_err())
    }

    fn answer(&self, request: &Request) -> Result<Answer> {
        let (package, answers, is_declare) = match request {
            Request::Declare { package, answers } => (package, answers, true),
            Request::Exports { package, answers } => (package, answers, false),
            _ => return Err(Error::internal("Not imagined")),
        };
        let file = super::contents::declaration_file(&package.directory);
        let content = fs::read(&package.directory.join(file))?;
        let script: Script = serde_json::from_slice(&content)
            .map_err(|error| Error::user("Not a `PKG`").cause(error.to_string()))?;
        let label = script.declaration.info.label();
        let what = if is_declare { "declare" } else { "exports of" };
        self.evaluated
            .lock()
            .unwrap()
            .push(format!("{what} {label}"));
        let reads = if is_declare {
            &script.reads
        } else {
            &script.exports_read
        };
        let lacking: Vec<PackageRequest> = reads
            .iter()
            .filter(|wanted| !is_exported(answers, wanted))
            .cloned()
            .collect();
        Ok(match (lacking.is_empty(), is_declare) {
            (false, _) => Answer::Waiting(lacking),
            (true, true) => Answer::Declaration(script.declaration),
            (true, false) => Answer::Value(json!({"label": label, "version": script.version()})),
        })
    }

    /// Lets other answers go first, as often as the seed says.
    fn dawdle(&self) {
        let next = |seed: u64| Some(seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        let seed = self.seed.fetch_update(Relaxed, Relaxed, next).unwrap();
        for _ in 0..seed >> 58 {
            std::thread::yield_now();
        }
    }

    fn ask(&self, request: &Request) -> Result<Outcome> {
        self.dawdle();
        Ok(Outcome {
            result: self.answer(request),
            reads: Vec::new(),
            is_recalled: false,
        })
    }

    fn note(&self, call: String) {
        self.calls.lock().unwrap().push(call);
    }
}

fn is_exported(answers: &[(PackageRequest, Answered)], wanted: &PackageRequest) -> bool {
    let answered = answers.iter().find(|(known, _)| known.is_same(wanted));
    answered.is_some_and(|(_, answered)| answered.exports.is_some())
}

fn write(directory: &Path, script: &Script) {
    let text = serde_json::to_vec(script).unwrap();
    fs::write(&directory.join("PKG"), &text).unwrap();
    if let Some(Program::File(file)) = script.declaration.exec.as_ref().map(|one| &one.program) {
        fs::write(&directory.join(file), b"").unwrap();
    }
}

/// Fetches all that `when` admits, as `wake pkg resolve` does.
fn all() -> Policy {
    Policy {
        fetches_all: true,
        ..Policy::default()
    }
}

/// Message, causes and hint.
fn lines(error: &Error) -> Vec<String> {
    let report = error.report();
    let mut lines = vec![report.message.clone()];
    lines.extend(report.causes.iter().cloned());
    lines.extend(report.hint.iter().map(|hint| format!("hint: {hint}")));
    lines
}

/// Has a target need a package, as generating does.
fn need(
    resolver: &mut Resolver<'_>,
    heard: &mut Heard,
    asking: PackageIndex,
    request: &PackageRequest,
) -> Result<PackageIndex> {
    for _ in 0..100 {
        resolver.settle(heard)?;
        let found = resolver.packages.require(asking, request);
        if resolver.packages.needs.is_empty() {
            return found;
        }
    }
    Err(Error::internal("It is needed for ever"))
}

impl Tools for World {
    fn is_cheap(&self, _: &Retriever) -> bool {
        false
    }

    fn candidates(&self, retriever: &Retriever, wanted: &[Wanted]) -> Result<Vec<Vec<Candidate>>> {
        self.dawdle();
        let label = |one: &Wanted| match &one.namespace {
            Some(namespace) => format!("{namespace}/{}", one.name),
            None => one.name.clone(),
        };
        let shown: Vec<String> = wanted
            .iter()
            .map(|one| format!("{}@{}", label(one), one.requirement))
            .collect();
        self.note(format!("{}? {}", retriever.origin, shown.join(" ")));
        let found = wanted.iter().map(|one| {
            let offers = self.offers.get(&(retriever.origin.to_string(), label(one)));
            let offers = offers.into_iter().flatten();
            offers.map(|offer| offer.candidate.clone()).collect()
        });
        Ok(found.collect())
    }

    fn fetch(&self, retriever: &Retriever, packages: &[Fetched]) -> Result<()> {
        self.dawdle();
        let mut shown = Vec::new();
        for one in packages {
            let label = match &one.namespace {
                Some(namespace) => format!("{namespace}/{}", one.name),
                None => one.name.clone(),
            };
            shown.push(format!("{label}@{}", one.version));
            let offers = self.offers.get(&(retriever.origin.to_string(), label));
            let mut offers = offers.into_iter().flatten();
            let offer = offers.find(|offer| offer.candidate.version == one.version);
            let offer = offer.ok_or_else(|| Error::user("There is no such version"))?;
            assert_eq!(fs::list(&one.into).unwrap(), [], "not empty");
            write(&one.into, &offer.script);
        }
        self.note(format!("{}! {}", retriever.origin, shown.join(" ")));
        Ok(())
    }

    fn take_said(&self) -> Vec<String> {
        Vec::new()
    }

    fn wake(&self) -> &Path {
        Path::new("/wake")
    }
}
