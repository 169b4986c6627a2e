//! The instances of one request, from module functions to operations.
//!
//! An instance passes through: declared package → evaluated module → generated dependencies → generated. Each step that
//! needs jsonnet is a job for an evaluation process; jobs of different instances run at the same time. What flows
//! between instances is paths and tables, never file contents.

use std::collections::HashMap;

use petgraph::graphmap::DiGraphMap;
use serde_json::{Map, Value};

use super::language;
use super::qualify;
use crate::declare::model::{
    Dependency, Module, ModuleBody, PackageRef, PackageRequest, Parameters,
};
use crate::error::{Error, Location, Result, suggestion};
use crate::event::{Event, Level, Subscriber};
use crate::jsonnet::protocol::{
    Answer, Answered, DependencyState, GenerateInput, Generated, Outcome, Plugin, Read, Request,
};
use crate::pkg::resolve::{Ask, unexpected};
use crate::pkg::{PackageIndex, Packages, frontier};
use crate::workspace::layout;

/// A position in [`Instances`].
pub type InstanceIndex = usize;

/// What makes two uses of a module one instance.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Identity {
    package: PackageIndex,
    module: String,
    /// Canonical JSON.
    parameters: String,
    config: String,
    is_tests: bool,
}

/// One instance and how far it has come.
#[derive(Debug)]
pub struct Instance {
    pub package: PackageIndex,
    pub module: String,
    pub config: Value,
    pub parameters: Parameters,
    /// Made from the `Tests` of the module instead of the module itself.
    is_tests: bool,
    /// `acme/calculator`, `acme/calculator:lib`, `acme/calculator:lib.tests`.
    pub label: String,
    /// The last part of the target directory.
    pub hash: String,
    /// Asked for by the user.
    pub requested: bool,
    /// Generated; an instance that is only looked at to see whether it has tests is not.
    needed: bool,
    evaluated: Option<Module>,
    edges: Vec<Edge>,
    plugins: Vec<Plugin>,
    /// Dependencies and plugin packages that are not there yet.
    missing: usize,
    /// Who waits for this one.
    dependents: Vec<InstanceIndex>,
    generated: Option<Generated>,
    /// Shared state with paths that mean the same in every instance.
    shared: Value,
}

/// A dependency on an instance.
#[derive(Debug)]
struct Edge {
    kind: String,
    key: Option<String>,
    to: InstanceIndex,
    at: Option<Location>,
}

impl Instance {
    /// The name of the module in paths: tests have a directory of their own beside the module's.
    pub fn directory_name(&self) -> String {
        if self.is_tests {
            format!("{}.tests", self.module)
        } else {
            self.module.clone()
        }
    }

    /// Where the module is declared.
    pub fn at(&self) -> Option<&Location> {
        self.evaluated
            .as_ref()
            .and_then(|module| module.at.as_ref())
    }

    /// What generating it yielded.
    ///
    /// # Panics
    /// Before [`Instances::generate`] has succeeded.
    pub fn generated(&self) -> &Generated {
        self.generated
            .as_ref()
            .expect("BUG: every instance is generated")
    }

    /// The path of the program that it makes, with plain tokens.
    pub fn executable(&self) -> Option<&str> {
        self.generated
            .as_ref()?
            .shared_state
            .get("Build")?
            .get("RunExecutable")?
            .as_str()
    }

    /// Whether it declares raw operations.
    pub fn is_command(&self) -> bool {
        self.recipe()
            .and_then(|recipe| recipe.get("Language"))
            .and_then(Value::as_str)
            == Some("Command")
    }

    fn recipe(&self) -> Option<&Map<String, Value>> {
        match &self.evaluated.as_ref()?.body {
            ModuleBody::Recipe(recipe) => recipe.as_object(),
            ModuleBody::Operation => None,
        }
    }

    /// Whether its recipe is a test by itself.
    fn is_test(&self) -> bool {
        self.recipe()
            .and_then(|recipe| recipe.get("Type"))
            .and_then(Value::as_str)
            == Some("Test")
    }
}

/// What to do when a package has been declared.
#[derive(Clone, Debug)]
enum Continuation {
    EvaluateModule(InstanceIndex),
    Retry(Step),
    UsePlugin(InstanceIndex, Option<Location>),
}

/// An evaluation that may have to be asked for again when more is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Exports(PackageIndex),
    Module(InstanceIndex),
    Generate(InstanceIndex),
}

enum Job {
    Declare(PackageIndex, Request),
    Evaluate(Step, Request),
}

/// All instances of one request.
pub struct Instances<'a> {
    pub packages: &'a mut Packages,
    pub all: Vec<Instance>,
    by_identity: HashMap<Identity, InstanceIndex>,
    waiting: HashMap<PackageIndex, Vec<Continuation>>,
    /// What each package knows of those it asks for.
    answers: HashMap<PackageIndex, Vec<(PackageRequest, PackageIndex, Answered)>>,
    exports: HashMap<PackageIndex, Value>,
    waiting_for_exports: HashMap<PackageIndex, Vec<Step>>,
    /// How many answers a step still waits for.
    unanswered: HashMap<Step, usize>,
    /// Whether `Tests` and dependencies of the kind `Test` count.
    testing: bool,
    /// What `Tool` dependencies are made with.
    host_parameters: Parameters,
    pub reads: Vec<Read>,
    jobs: Vec<Job>,
}

impl<'a> Instances<'a> {
    pub fn new(packages: &'a mut Packages, testing: bool, host_parameters: Parameters) -> Self {
        Self {
            packages,
            all: Vec::new(),
            by_identity: HashMap::new(),
            waiting: HashMap::new(),
            answers: HashMap::new(),
            exports: HashMap::new(),
            waiting_for_exports: HashMap::new(),
            unanswered: HashMap::new(),
            testing,
            host_parameters,
            reads: Vec::new(),
            jobs: Vec::new(),
        }
    }

    /// Adds what the user asked for.
    pub fn request(
        &mut self,
        package: PackageIndex,
        module: &str,
        parameters: &Parameters,
    ) -> Result<()> {
        let config = Value::Object(Map::new());
        let index = self.instance(package, module, parameters.clone(), config, None)?;
        self.all[index].requested = true;
        if self.testing {
            Ok(())
        } else {
            self.need(index)
        }
    }

    /// Runs all jobs until every instance is generated.
    pub fn generate(
        &mut self,
        threads: usize,
        ask: &Ask<'_>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let first = std::mem::take(&mut self.jobs);
        let work = |job: &Job| {
            let started = std::time::Instant::now();
            let (Job::Declare(_, request) | Job::Evaluate(_, request)) = job;
            let outcome = ask(request);
            (outcome, started.elapsed())
        };
        frontier::drive(threads, first, work, |job, (outcome, took), more| {
            self.absorb(job, outcome, took, subscriber)?;
            more.append(&mut self.jobs);
            Ok(())
        })?;
        self.all.retain(|instance| instance.needed);
        match self
            .all
            .iter()
            .position(|instance| instance.generated.is_none())
        {
            Some(_) => Err(self.cycle()),
            None => Ok(()),
        }
    }

    fn absorb(
        &mut self,
        job: Job,
        outcome: Result<Outcome>,
        took: std::time::Duration,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let step = match job {
            Job::Declare(package, _) => {
                self.packages.declared(package, outcome, subscriber);
                return self.go_on(package);
            }
            Job::Evaluate(step, _) => step,
        };
        let outcome = outcome?;
        self.reads.extend(outcome.reads);
        let answer = outcome.result.map_err(|error| match step {
            Step::Generate(index) => error.at_users(self.all[index].at()),
            Step::Module(_) | Step::Exports(_) => error,
        })?;
        match (step, answer) {
            (_, Answer::Waiting(requests)) => self.answer(step, requests),
            (Step::Module(index), Answer::Module(module)) => self.evaluated(index, module),
            (Step::Generate(index), Answer::Generated(generated)) => {
                self.generated(index, generated, took, subscriber)
            }
            (Step::Exports(package), Answer::Value(value)) => {
                self.exported(package, value);
                Ok(())
            }
            (_, answer) => Err(unexpected(&answer)),
        }
    }

    /// The instance of a use of a module: an equal one, or a new one whose module is evaluated next.
    fn instance(
        &mut self,
        package: PackageIndex,
        module: &str,
        parameters: Parameters,
        config: Value,
        at: Option<&Location>,
    ) -> Result<InstanceIndex> {
        let (index, is_new) = self.add(package, module, parameters, config, false);
        if is_new {
            if self.packages.is_declared(package) {
                self.evaluate_module(index)
                    .map_err(|error| error.at_if_absent(at))?;
            } else {
                self.declare_then(package, Continuation::EvaluateModule(index));
            }
        }
        Ok(index)
    }

    fn add(
        &mut self,
        package: PackageIndex,
        module: &str,
        parameters: Parameters,
        config: Value,
        is_tests: bool,
    ) -> (InstanceIndex, bool) {
        let parameters_value = serde_json::to_value(&parameters).unwrap_or(Value::Null);
        let identity = Identity {
            package,
            module: module.to_owned(),
            parameters: layout::canonical_json(&parameters_value),
            config: layout::canonical_json(&config),
            is_tests,
        };
        if let Some(&index) = self.by_identity.get(&identity) {
            return (index, false);
        }
        let index = self.all.len();
        self.by_identity.insert(identity, index);
        self.all.push(Instance {
            package,
            module: module.to_owned(),
            hash: layout::instance_hash(&parameters_value, &config, ""),
            config,
            parameters,
            is_tests,
            label: String::new(),
            requested: false,
            needed: false,
            evaluated: None,
            edges: Vec::new(),
            plugins: Vec::new(),
            missing: 0,
            dependents: Vec::new(),
            generated: None,
            shared: Value::Null,
        });
        (index, true)
    }

    fn declare_then(&mut self, package: PackageIndex, continuation: Continuation) {
        let waiting = self.waiting.entry(package).or_default();
        waiting.push(continuation);
        if waiting.len() == 1 {
            let request = Request::Declare {
                package: self.packages.directory(package),
            };
            self.jobs.push(Job::Declare(package, request));
        }
    }

    /// Goes on with what waited for the declaration of a package.
    fn go_on(&mut self, package: PackageIndex) -> Result<()> {
        for continuation in self.waiting.remove(&package).unwrap_or_default() {
            match continuation {
                Continuation::EvaluateModule(index) => self.evaluate_module(index)?,
                Continuation::Retry(step) => self.answered(step),
                Continuation::UsePlugin(index, at) => {
                    self.use_plugin(index, package, at.as_ref())?;
                    self.arrived(index);
                }
            }
        }
        Ok(())
    }

    /// Starts the evaluation of a module whose package is declared.
    fn evaluate_module(&mut self, index: InstanceIndex) -> Result<()> {
        let instance = &self.all[index];
        let declaration = self.packages.declaration(instance.package)?;
        let package = declaration.info.label();
        if !declaration.modules.contains(&instance.module) {
            let names = declaration.modules.iter().map(String::as_str);
            let error = Error::user(format!("`{package}` has no module `{}`", instance.module));
            return Err(match suggestion(&instance.module, names) {
                Some(hint) => error.hint(hint),
                None => error.hint(format!(
                    "declare it in `modules` of `{}/PKG`",
                    self.packages.get(instance.package).display
                )),
            });
        }
        let name = self.all[index].directory_name();
        self.all[index].label = if name == "root" {
            package
        } else {
            format!("{package}:{name}")
        };
        self.ask(Step::Module(index));
        Ok(())
    }

    /// The package whose declaration a step evaluates.
    fn package_of(&self, step: Step) -> PackageIndex {
        match step {
            Step::Exports(package) => package,
            Step::Module(index) | Step::Generate(index) => self.all[index].package,
        }
    }

    /// Asks for a step, with all that is known by now.
    fn ask(&mut self, step: Step) {
        let package = self.packages.directory(self.package_of(step));
        let answers = self
            .answers
            .get(&self.package_of(step))
            .map(|known| {
                known
                    .iter()
                    .map(|(request, _, answer)| (request.clone(), answer.clone()))
                    .collect()
            })
            .unwrap_or_default();
        let request = match step {
            Step::Exports(_) => Request::Exports { package, answers },
            Step::Module(index) => {
                let instance = &self.all[index];
                Request::Module {
                    package,
                    module: instance.module.clone(),
                    config: instance.config.clone(),
                    parameters: instance.parameters.clone(),
                    answers,
                }
            }
            Step::Generate(index) => {
                let Some(input) = self.input(index, answers) else {
                    return;
                };
                Request::Generate(Box::new(input))
            }
        };
        self.jobs.push(Job::Evaluate(step, request));
    }

    /// Finds out what a step waits for: the declaration of a package first, its exports if it asks again.
    fn answer(&mut self, step: Step, requests: Vec<PackageRequest>) -> Result<()> {
        let asking = self.package_of(step);
        *self.unanswered.entry(step).or_default() += 1;
        for request in requests {
            let package = self.packages.find(asking, &request)?;
            self.packages
                .connect(asking, package, request.at.as_ref())?;
            if !self.packages.is_declared(package) {
                *self.unanswered.entry(step).or_default() += 1;
                self.declare_then(package, Continuation::Retry(step));
                continue;
            }
            let info = self.packages.declaration(package)?.info.clone();
            let known = self.answers.entry(asking).or_default();
            let exports = self.exports.get(&package).cloned();
            match known.iter_mut().find(|(known, _, _)| *known == request) {
                None => known.push((request, package, Answered { info, exports })),
                Some((_, _, answer)) if answer.exports.is_some() => {
                    return Err(Error::internal(format!(
                        "`{}` is asked for again and again",
                        request.wanted.label()
                    ))
                    .at_if_absent(request.at.as_ref()));
                }
                Some((_, _, answer)) if exports.is_some() => answer.exports = exports,
                Some(_) => {
                    *self.unanswered.entry(step).or_default() += 1;
                    let waiting = self.waiting_for_exports.entry(package).or_default();
                    waiting.push(step);
                    if waiting.len() == 1 {
                        self.ask(Step::Exports(package));
                    }
                }
            }
        }
        self.answered(step);
        Ok(())
    }

    /// The exports of a package are known: tells all that ask for the package, and goes on with those that waited.
    fn exported(&mut self, package: PackageIndex, exports: Value) {
        for (_, _, answer) in self
            .answers
            .values_mut()
            .flatten()
            .filter(|(_, asked, _)| *asked == package)
        {
            answer.exports = Some(exports.clone());
        }
        self.exports.insert(package, exports);
        for step in self
            .waiting_for_exports
            .remove(&package)
            .unwrap_or_default()
        {
            self.answered(step);
        }
    }

    /// One answer that a step waited for is there; after the last one it is asked for again.
    fn answered(&mut self, step: Step) {
        if let Some(unanswered) = self.unanswered.get_mut(&step) {
            *unanswered -= 1;
            if *unanswered == 0 {
                self.unanswered.remove(&step);
                self.ask(step);
            }
        }
    }

    /// Takes in an evaluated module.
    fn evaluated(&mut self, index: InstanceIndex, module: Module) -> Result<()> {
        self.all[index].evaluated = Some(module);
        if self.all[index].needed {
            self.expand(index)?;
        } else if self.all[index].is_test() {
            self.need(index)?;
        }
        if self.testing && self.all[index].requested {
            self.add_tests(index)?;
        }
        Ok(())
    }

    /// Says that an instance is to be generated.
    fn need(&mut self, index: InstanceIndex) -> Result<()> {
        if std::mem::replace(&mut self.all[index].needed, true)
            || self.all[index].evaluated.is_none()
        {
            return Ok(());
        }
        self.expand(index)
    }

    /// Asks for what an evaluated module depends on, and generates it if that is there.
    fn expand(&mut self, index: InstanceIndex) -> Result<()> {
        let dependencies = self.all[index]
            .evaluated
            .as_ref()
            .map(|module| module.dependencies.clone())
            .unwrap_or_default();
        self.choose_language(index)?;
        for dependency in &dependencies {
            self.depend(index, dependency)?;
        }
        if self.all[index].missing == 0 {
            self.ask(Step::Generate(index));
        }
        Ok(())
    }

    fn choose_language(&mut self, index: InstanceIndex) -> Result<()> {
        let instance = &self.all[index];
        let Some(recipe) = instance.recipe() else {
            return Ok(());
        };
        let plugin = language::plugin(recipe, &instance.label)
            .map_err(|error| error.at_if_absent(instance.at()))?;
        self.all[index].plugins.push(Plugin::Std(plugin.to_owned()));
        Ok(())
    }

    /// Adds one dependency of an evaluated module.
    fn depend(&mut self, index: InstanceIndex, dependency: &Dependency) -> Result<()> {
        let own = self.all[index].package;
        let package = match &dependency.package {
            PackageRef::Own => own,
            PackageRef::Requested(request) => {
                let found = self.packages.find(own, request)?;
                self.packages.connect(own, found, request.at.as_ref())?;
                found
            }
        };
        let at = dependency.at.as_ref();
        match dependency.kind.as_str() {
            "Build" => {
                if self.packages.is_declared(package) {
                    return self.use_plugin(index, package, at);
                }
                self.all[index].missing += 1;
                self.declare_then(
                    package,
                    Continuation::UsePlugin(index, dependency.at.clone()),
                );
                Ok(())
            }
            "Test" if !self.counts_tests(index) => Ok(()),
            "Tool" => {
                let parameters = self.host_parameters.clone();
                let to = self.instance(
                    package,
                    &dependency.module,
                    parameters,
                    dependency.config.clone(),
                    at,
                )?;
                self.edge(index, to, dependency)
            }
            _ => {
                let parameters = self.all[index].parameters.clone();
                let to = self.instance(
                    package,
                    &dependency.module,
                    parameters,
                    dependency.config.clone(),
                    at,
                )?;
                self.edge(index, to, dependency)
            }
        }
    }

    /// Whether dependencies of the kind `Test` of this instance count: they are as `Runtime` for tests themselves.
    fn counts_tests(&self, index: InstanceIndex) -> bool {
        self.all[index].is_tests || self.all[index].is_test()
    }

    fn edge(
        &mut self,
        from: InstanceIndex,
        to: InstanceIndex,
        dependency: &Dependency,
    ) -> Result<()> {
        self.all[from].edges.push(Edge {
            kind: dependency.kind.clone(),
            key: dependency.key.clone(),
            to,
            at: dependency.at.clone(),
        });
        if self.all[to].generated.is_none() {
            self.all[from].missing += 1;
            self.all[to].dependents.push(from);
        }
        self.need(to)
    }

    fn use_plugin(
        &mut self,
        index: InstanceIndex,
        package: PackageIndex,
        at: Option<&Location>,
    ) -> Result<()> {
        let declaration = self.packages.declaration(package)?;
        if !declaration.is_plugin {
            let error = Error::user(format!("`{}` is no plugin", declaration.info.label()))
                .cause(format!("it is a `Build` dependency of `{}`", self.all[index].label))
                .hint("give `plugin=import '…'` to its `wake.pkg`, or depend on it as `Runtime` or `Tool`");
            return Err(error.at_if_absent(at));
        }
        let plugin = Plugin::Package(self.packages.directory(package));
        if !self.all[index].plugins.contains(&plugin) {
            self.all[index].plugins.push(plugin);
        }
        Ok(())
    }

    /// Adds the instance that a recipe's `Tests` stands for: a test that depends on the module itself and on what that
    /// depends on, `Test` dependencies included.
    fn add_tests(&mut self, of: InstanceIndex) -> Result<()> {
        let base = &self.all[of];
        let Some((recipe, tests)) = base
            .recipe()
            .and_then(|recipe| Some((recipe, recipe.get("Tests")?)))
        else {
            return Ok(());
        };
        let Some(tests) = tests.as_object() else {
            return Err(
                Error::user(format!("`Tests` of `{}` must be an object", base.label))
                    .hint("for example `Tests: { Source: ['test/main.cpp'] }`")
                    .at_if_absent(base.at()),
            );
        };
        let body = ModuleBody::Recipe(Value::Object(tests_recipe(recipe, tests)));
        let (package, module, at) = (base.package, base.module.clone(), base.at().cloned());
        let (parameters, config) = (base.parameters.clone(), base.config.clone());
        let mut dependencies = base
            .evaluated
            .as_ref()
            .map(|module| module.dependencies.clone())
            .unwrap_or_default();
        dependencies.push(Dependency {
            kind: "Runtime".into(),
            key: None,
            package: PackageRef::Own,
            module: module.clone(),
            config: config.clone(),
            at: at.clone(),
        });
        let (index, _) = self.add(package, &module, parameters, config, true);
        let label = self.packages.declaration(package)?.info.label();
        let tests = &mut self.all[index];
        tests.label = format!("{label}:{}", tests.directory_name());
        tests.requested = true;
        tests.evaluated = Some(Module {
            body,
            dependencies,
            at,
        });
        self.need(index)
    }

    /// One thing that `index` waited for is there.
    fn arrived(&mut self, index: InstanceIndex) {
        self.all[index].missing -= 1;
        if self.all[index].missing == 0 {
            self.ask(Step::Generate(index));
        }
    }

    fn input(
        &self,
        index: InstanceIndex,
        answers: Vec<(PackageRequest, Answered)>,
    ) -> Option<GenerateInput> {
        let instance = &self.all[index];
        let declaration = self.packages.declaration(instance.package).ok()?;
        let module = instance.evaluated.as_ref()?;
        Some(GenerateInput {
            package: self.packages.directory(instance.package),
            info: declaration.info.clone(),
            module: instance.module.clone(),
            label: instance.label.clone(),
            config: instance.config.clone(),
            parameters: instance.parameters.clone(),
            body: module.body.clone(),
            files: declaration.files.clone().unwrap_or_default(),
            dependencies: instance
                .edges
                .iter()
                .map(|edge| self.dependency_state(edge))
                .collect(),
            plugins: instance.plugins.clone(),
            answers,
            at: module.at.clone(),
        })
    }

    fn dependency_state(&self, edge: &Edge) -> DependencyState {
        let to = &self.all[edge.to];
        let token = self.target_token(edge.to);
        let reference = match self.packages.declaration(to.package) {
            Ok(declaration) => declaration.info.label(),
            Err(_) => String::new(),
        };
        DependencyState {
            kind: edge.kind.clone(),
            key: edge.key.clone(),
            name: reference.rsplit('/').next().unwrap_or_default().to_owned(),
            module: to.module.clone(),
            reference,
            target_directory: token,
            executable: to
                .shared
                .get("Build")
                .and_then(|build| build.get("RunExecutable"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            shared_state: to.shared.clone(),
        }
    }

    /// `$(target NAME:MODULE#HASH)` of an instance.
    pub fn target_token(&self, index: InstanceIndex) -> String {
        format!("$({})", self.target_token_name(index))
    }

    /// [`Self::target_token`] without `$(` and `)`.
    pub fn target_token_name(&self, index: InstanceIndex) -> String {
        let instance = &self.all[index];
        let package = self.package_name(instance.package);
        format!(
            "target {package}:{}#{}",
            instance.directory_name(),
            instance.hash
        )
    }

    /// The name of a package in tokens.
    pub fn package_name(&self, package: PackageIndex) -> String {
        self.packages
            .declaration(package)
            .map(|declaration| declaration.info.label())
            .unwrap_or_default()
    }

    fn generated(
        &mut self,
        index: InstanceIndex,
        generated: Generated,
        took: std::time::Duration,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let label = self.all[index].label.clone();
        for (level, text) in &generated.messages {
            subscriber.event(&Event::Message {
                instance: label.clone(),
                level: *level,
                text: text.clone(),
            });
        }
        if let Some((_, text)) = generated
            .messages
            .iter()
            .find(|(level, _)| *level == Level::Error)
        {
            return Err(Error::user(format!("`{label}` cannot be generated"))
                .cause(text.clone())
                .at_if_absent(self.all[index].at()));
        }
        subscriber.event(&Event::Generated {
            instance: label,
            operations: generated.operations.len(),
            milliseconds: took.as_secs_f64() * 1000.0,
        });
        let package = format!("$(package {})", self.package_name(self.all[index].package));
        let target = self.target_token(index);
        self.all[index].shared = qualify::qualify(&generated.shared_state, &package, &target);
        self.all[index].generated = Some(generated);
        for dependent in std::mem::take(&mut self.all[index].dependents) {
            self.arrived(dependent);
        }
        Ok(())
    }

    /// The error for instances that wait for each other.
    fn cycle(&self) -> Error {
        let mut graph = DiGraphMap::<usize, usize>::new();
        for (from, instance) in self
            .all
            .iter()
            .enumerate()
            .filter(|(_, instance)| instance.generated.is_none())
        {
            for (position, edge) in instance.edges.iter().enumerate() {
                if self.all[edge.to].generated.is_none() {
                    graph.add_edge(from, edge.to, position);
                }
            }
        }
        let component = petgraph::algo::tarjan_scc(&graph)
            .into_iter()
            .find(|component| {
                component.len() > 1 || graph.contains_edge(component[0], component[0])
            });
        let mut error = Error::user("Modules need each other in a cycle");
        let Some(component) = component else {
            return Error::internal("Instances are left that nothing generates");
        };
        let mut way = vec![component[0]];
        loop {
            let from = way[way.len() - 1];
            let Some(next) = graph.neighbors(from).find(|next| component.contains(next)) else {
                break;
            };
            let edge = &self.all[from].edges[graph[(from, next)]];
            let place = edge
                .at
                .as_ref()
                .map(|at| format!("  ({at})"))
                .unwrap_or_default();
            error = error
                .cause(format!(
                    "`{}` needs `{}`{place}",
                    self.all[from].label, self.all[next].label
                ))
                .at_if_absent(edge.at.as_ref());
            if way.contains(&next) {
                break;
            }
            way.push(next);
        }
        error.hint("move what both need into a module of its own")
    }
}

/// The recipe of a module's tests: what says how to compile is the module's, the rest is what `Tests` says.
fn tests_recipe(recipe: &Map<String, Value>, tests: &Map<String, Value>) -> Map<String, Value> {
    const INHERITED: [&str; 6] = [
        "Language",
        "LanguageVersion",
        "IncludePaths",
        "Defines",
        "CompilerFlags",
        "EnableWarningsAsErrors",
    ];
    let mut result = Map::new();
    for key in INHERITED {
        if let Some(value) = recipe.get(key) {
            result.insert(key.to_owned(), value.clone());
        }
    }
    result.insert("Type".to_owned(), Value::from("Test"));
    for (key, value) in tests {
        match (result.get_mut(key), value) {
            (Some(Value::Array(inherited)), Value::Array(own)) => {
                inherited.extend(own.iter().cloned())
            }
            _ => {
                result.insert(key.clone(), value.clone());
            }
        }
    }
    result
}
