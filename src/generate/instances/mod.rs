//! The instances of one request, from module functions to operations.
//!
//! An instance passes through: declared package → evaluated module → generated dependencies → generated. Each step that
//! needs jsonnet is a job for an evaluation process; jobs of different instances run at the same time. What flows
//! between instances is paths and tables, never file contents.

mod answers;
mod cycle;
mod dependencies;
mod edges;
mod input;
mod plugins;
mod recipe_tests;
#[cfg(test)]
mod tests;
mod way;

use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::qualify;
use crate::declare::model::{Dependency, Module, ModuleBody, PackageRequest, Parameters};
use crate::error::{Error, Location, Result, suggestion};
use crate::event::{Event, Subscriber};
use crate::jsonnet::protocol::{Answer, Answered, Generated, Outcome, Read, Request};
use crate::pkg::Ask;
use crate::pkg::frontier::{Failure, News};
use crate::pkg::packages::unexpected;
use crate::pkg::{PackageIndex, Packages, frontier};
use crate::workspace::layout::{self, Layout};

/// Of how many configs and parameters one module may be asked for: modules that ask for themselves with ever other
/// configs would never end.
const MOST_INSTANCES: usize = 10_000;

/// By instance (see [`Instances::target_token`]) and output as tasks write it: what `preprocess` has made.
pub type Preprocessed = HashMap<String, BTreeMap<String, String>>;

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
    /// The std plugin of its language.
    language: Option<&'static str>,
    /// The packages whose tasks run for it, and where it says so, in declared order.
    builds: Vec<(PackageIndex, Option<Location>)>,
    /// The packages that its dependencies asked for, and how.
    requests: Vec<(PackageIndex, PackageRequest)>,
    /// Dependencies and plugin packages that are not there yet.
    missing: usize,
    /// Who waits for this one to be generated.
    dependents: Vec<InstanceIndex>,
    /// Who waits for this one to be evaluated, since its package has tasks for them.
    users: Vec<(InstanceIndex, Dependency)>,
    generated: Option<Generated>,
    /// What its tasks made so far, while they wait for the outputs of what they asked for with `preprocess`.
    pending: Option<Generated>,
    /// What it makes that those who depend on it read before they are generated.
    pub read_by_users: Vec<String>,
    /// Its tasks did not run: what they made in an earlier run still holds.
    pub is_recalled: bool,
    /// Shared state with paths that mean the same in every instance.
    shared: Value,
}

/// A dependency on an instance.
#[derive(Debug)]
struct Edge {
    kind: String,
    key: Option<String>,
    to: InstanceIndex,
    /// What the language of `to` must be.
    language: Option<String>,
    at: Option<Location>,
}

impl Instance {
    /// The name of the module in paths: tests have a directory of their own beside the module's.
    pub fn directory_name(&self) -> String {
        if self.is_tests {
            format!("{}{}", self.module, layout::TESTS)
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

    /// What generating it yielded; of one that [is partial](Self::is_partial), what it asked for with `preprocess`.
    pub fn generated(&self) -> Option<&Generated> {
        self.generated.as_ref().or(self.pending.as_ref())
    }

    /// Whether not all of its operations are known.
    pub fn is_partial(&self) -> bool {
        self.generated.is_none()
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
        self.language_name() == Some("Command")
    }

    /// The `Language` of its recipe.
    fn language_name(&self) -> Option<&str> {
        self.recipe()?.get("Language")?.as_str()
    }

    /// Whether its language has symbols without versions.
    pub fn is_c_or_cpp(&self) -> bool {
        matches!(self.language, Some("c" | "cpp"))
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

/// An evaluation that may have to be asked for again when more is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Step {
    Exports(PackageIndex),
    Module(InstanceIndex),
    Generate(InstanceIndex),
}

/// Sees again and again how far generating has come. Its error ends that.
pub type Watch<'a> = dyn FnMut(&Instances<'_>) -> Result<()> + 'a;

/// What is asked for a step.
struct Job(Step, Request);

/// What is the same for all instances.
#[derive(Clone, Copy)]
pub struct Shared<'a> {
    /// What `Build` and `Tool` dependencies are made with.
    pub host_parameters: &'a Parameters,
    /// As tasks see them.
    pub sdks: &'a [Value],
    pub layout: &'a Layout,
    /// What was made of what tasks asked for with `preprocess`.
    pub preprocessed: &'a Preprocessed,
}

/// All instances of one request.
pub struct Instances<'a> {
    pub packages: &'a mut Packages,
    pub all: Vec<Instance>,
    by_identity: HashMap<Identity, InstanceIndex>,
    /// How many instances there are of each module.
    counts: HashMap<(PackageIndex, String), usize>,
    /// What each package knows of those it asks for.
    answers: HashMap<PackageIndex, Vec<(PackageRequest, PackageIndex, Answered)>>,
    exports: HashMap<PackageIndex, Value>,
    waiting_for_exports: HashMap<PackageIndex, Vec<Step>>,
    /// How many answers a step still waits for.
    unanswered: HashMap<Step, usize>,
    /// Whether `Tests` and dependencies of the kind `Test` count.
    testing: bool,
    shared: Shared<'a>,
    pub reads: Vec<Read>,
    jobs: Vec<Job>,
}

impl<'a> Instances<'a> {
    pub fn new(packages: &'a mut Packages, testing: bool, shared: Shared<'a>) -> Self {
        Self {
            packages,
            all: Vec::new(),
            by_identity: HashMap::new(),
            counts: HashMap::new(),
            answers: HashMap::new(),
            exports: HashMap::new(),
            waiting_for_exports: HashMap::new(),
            unanswered: HashMap::new(),
            testing,
            shared,
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

    /// Runs all jobs until every instance is generated, or waits for what `preprocess` makes; `watch` sees how far that has
    /// come. The result does not depend
    /// on which process answers first: neither the order of [`Self::all`], nor which of several errors is returned.
    pub fn generate(
        &mut self,
        threads: usize,
        ask: &Ask<'_>,
        subscriber: &mut dyn Subscriber,
        watch: &mut Watch<'_>,
    ) -> Result<()> {
        let first = std::mem::take(&mut self.jobs);
        let work = |job: &Job| {
            let started = Instant::now();
            let outcome = ask(&job.1);
            (outcome, started.elapsed())
        };
        let driven = frontier::drive_with_lulls(threads, first, work, |news, more| {
            let mut absorbed = Ok(());
            if let News::Done(job, (outcome, took)) = news {
                absorbed = self.absorb(job, outcome, took, subscriber);
                more.append(&mut self.jobs);
            }
            watch(self).map_err(Failure::end).and(absorbed)
        });
        self.packages.refuse_cycles()?;
        driven?;
        self.settle();
        let is_done = self.all.iter().all(|one| one.generated.is_some());
        if is_done || self.waits_for_files() {
            Ok(())
        } else {
            Err(self.cycle())
        }
    }

    /// How many instances are generated by now.
    pub fn complete(&self) -> usize {
        let all = self.all.iter();
        all.filter(|one| one.generated.is_some()).count()
    }

    fn absorb(
        &mut self,
        job: Job,
        outcome: Result<Outcome>,
        took: Duration,
        subscriber: &mut dyn Subscriber,
    ) -> std::result::Result<(), Failure> {
        let Job(step, request) = job;
        let outcome = outcome.map_err(Failure::end)?;
        Ok(self.advance(step, &request, outcome, took, subscriber)?)
    }

    /// Takes in what a step yielded.
    fn advance(
        &mut self,
        step: Step,
        request: &Request,
        outcome: Outcome,
        took: Duration,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        let is_recalled = outcome.is_recalled;
        self.reads.extend(outcome.reads);
        let answer = outcome.result.map_err(|error| match step {
            Step::Generate(index) => error.at_users(self.all[index].at()),
            Step::Module(_) | Step::Exports(_) => error,
        })?;
        match (step, answer) {
            (_, Answer::Waiting(wanted)) => self.answer(step, answers::given(request), wanted),
            (Step::Module(index), Answer::Module(module)) => self.evaluated(index, module),
            (Step::Generate(index), Answer::Generated(generated)) => {
                let took = (!is_recalled).then_some(took);
                self.generated(index, generated, took, subscriber)
            }
            (Step::Exports(package), Answer::Value(value)) => {
                self.exported(package, value);
                Ok(())
            }
            (_, answer) => Err(unexpected(&answer)),
        }
    }

    /// Drops the instances that nobody needs and orders the others by what they are, not by when they were found.
    fn settle(&mut self) {
        let mut order: Vec<InstanceIndex> = (0..self.all.len()).collect();
        order.retain(|&index| self.all[index].needed);
        order.sort_by_cached_key(|&index| {
            let instance = &self.all[index];
            let directory = &self.packages.get(instance.package).directory;
            (
                directory.clone(),
                instance.directory_name(),
                instance.hash.clone(),
            )
        });
        let mut places = vec![None; self.all.len()];
        for (place, &index) in order.iter().enumerate() {
            places[index] = Some(place);
        }
        let mut old: Vec<Option<Instance>> = self.all.drain(..).map(Some).collect();
        self.all
            .extend(order.iter().filter_map(|&index| old[index].take()));
        for instance in &mut self.all {
            instance.dependents.clear();
            for edge in &mut instance.edges {
                edge.to = places[edge.to].expect("BUG: what a needed instance needs is needed");
            }
        }
        self.by_identity.clear();
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
            self.count(package, module, at)?;
            self.evaluate_module(index)
                .map_err(|error| error.at_if_absent(at))?;
        }
        Ok(index)
    }

    /// Counts one more instance of a module.
    fn count(&mut self, package: PackageIndex, module: &str, at: Option<&Location>) -> Result<()> {
        let count = self.counts.entry((package, module.to_owned())).or_default();
        *count += 1;
        if *count <= MOST_INSTANCES {
            return Ok(());
        }
        let label = self.packages.declaration(package)?.info.label();
        Err(Error::user(format!(
            "The module `{module}` of `{label}` is asked for with more than {MOST_INSTANCES} different configs"
        ))
        .hint("a module that asks for itself, however indirectly, must come to a config that it was asked for with before")
        .at_if_absent(at))
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
        let variant = &self.packages.get(package).variant;
        self.all.push(Instance {
            package,
            module: module.to_owned(),
            hash: layout::instance_hash(&parameters_value, &config, variant),
            config,
            parameters,
            is_tests,
            label: String::new(),
            requested: false,
            needed: false,
            evaluated: None,
            edges: Vec::new(),
            language: None,
            builds: Vec::new(),
            requests: Vec::new(),
            missing: 0,
            dependents: Vec::new(),
            users: Vec::new(),
            generated: None,
            pending: None,
            read_by_users: Vec::new(),
            is_recalled: false,
            shared: Value::Null,
        });
        (index, true)
    }

    /// Starts the evaluation of a module whose package is declared.
    fn evaluate_module(&mut self, index: InstanceIndex) -> Result<()> {
        let instance = &self.all[index];
        let declaration = self.packages.declaration(instance.package)?;
        let package = declaration.info.label();
        let mut names = declaration.modules.iter().map(String::as_str);
        if !names.clone().any(|name| name == instance.module) {
            let error = Error::user(format!("`{package}` has no module `{}`", instance.module));
            return Err(match suggestion(&instance.module, &mut names) {
                Some(hint) => error.hint(hint),
                None => error.hint(format!(
                    "declare it in `modules` of `{}/PKG`",
                    self.packages.get(instance.package).display
                )),
            });
        }
        layout::check_module_name(&instance.module)
            .map_err(|error| error.at_if_absent(declaration.at.as_ref()))?;
        self.all[index].label = match instance.module.as_str() {
            "root" => package,
            module => format!("{package}:{module}"),
        };
        self.ask(Step::Module(index));
        Ok(())
    }

    fn generated(
        &mut self,
        index: InstanceIndex,
        generated: Generated,
        took: Option<Duration>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<()> {
        if self.waits_for_preprocess(index, &generated) {
            self.all[index].pending = Some(Generated {
                operations: Vec::new(),
                messages: Vec::new(),
                ..generated
            });
            return Ok(());
        }
        let label = self.all[index].label.clone();
        for message in &generated.messages {
            subscriber.event(&Event::Message {
                instance: label.clone(),
                level: message.level,
                text: message.text.clone(),
                task: message.task.clone(),
            });
        }
        match took {
            Some(took) => subscriber.event(&Event::Generated {
                instance: label,
                target_directory: self.target_directory(index).unwrap_or_default(),
                operations: generated.operations.len(),
                milliseconds: took.as_secs_f64() * 1000.0,
            }),
            None => self.all[index].is_recalled = true,
        }
        let package = format!("package {}", self.package_name(self.all[index].package));
        let target = self.target_token_name(index);
        self.all[index].shared = qualify::qualify(&generated.shared_state, &package, &target);
        self.all[index].generated = Some(generated);
        for dependent in std::mem::take(&mut self.all[index].dependents) {
            self.arrived(dependent)?;
        }
        Ok(())
    }

    /// Whether tasks asked for outputs that they have not been given.
    fn waits_for_preprocess(&self, index: InstanceIndex, generated: &Generated) -> bool {
        let mut outputs = generated
            .preprocess
            .iter()
            .flat_map(|one| one.all_outputs());
        outputs.any(|output| !self.is_preprocessed(index, output))
    }

    /// Whether what an operation of an instance makes has been made and read.
    pub fn is_preprocessed(&self, index: InstanceIndex, output: &str) -> bool {
        let given = self.shared.preprocessed.get(&self.target_token(index));
        given.is_some_and(|given| given.contains_key(output))
    }

    /// What of that which an instance makes has been made and read, as tasks write it.
    pub fn preprocessed(&self, index: InstanceIndex) -> impl Iterator<Item = &str> {
        let given = self.shared.preprocessed.get(&self.target_token(index));
        given.into_iter().flatten().map(|(output, _)| &**output)
    }

    /// Whether something can only be generated when something else was made.
    fn waits_for_files(&self) -> bool {
        let mut all = self.all.iter().enumerate();
        all.any(|(index, one)| {
            let mut read = one.read_by_users.iter();
            one.pending.is_some() || read.any(|file| !self.is_preprocessed(index, file))
        })
    }
}
