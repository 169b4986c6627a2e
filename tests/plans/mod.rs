//! Plans as data: from declarations to operations, nothing is run.
//!
//! A test gives the files of a workspace and what is asked for; the snapshot shows every operation in order, its text
//! with root tokens as it enters the key. To add one: write the test, run it with `INSTA_UPDATE=always`, read the
//! snapshot as a reviewer would.

mod ahead;
mod c_and_cpp;
mod command;
mod errors;
mod packages;
mod random;
mod recipes;
mod requests;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use wake::declare::model::Parameters;
use wake::declare::recipe::Recipes;
use wake::error::Result;
use wake::evaluate::state::State;
use wake::evaluate::{self, Interrupt, Real, Wanted};
use wake::event::{Event, Subscriber};
use wake::generate::early::Evaluation;
use wake::generate::{self, Prepared, Purpose, Request};
use wake::graph::key::{Declared, Parts, describe};
use wake::graph::{FileId, Graph, OperationId, Roots};
use wake::jsonnet::client::{Evaluators, Options};
use wake::jsonnet::protocol::{self, Setup};
use wake::pkg::policy::Policy;
use wake::pkg::resolution::Context;
use wake::pkg::retriever::{Running, run};
use wake::workspace::target::Target;
use wake::workspace::{Workspace, parameters};

/// A workspace on disk, its plan not yet made.
pub(super) struct Plan {
    directory: tempfile::TempDir,
    targets: Vec<String>,
    parameters: Parameters,
    purpose: Purpose,
}

/// What is done around making a plan.
pub(super) struct Surroundings<'a> {
    /// Is called before each evaluation.
    before: &'a (dyn Fn(&protocol::Request) + Sync),
    interrupt: Interrupt,
}

impl Surroundings<'_> {
    fn new() -> Self {
        Self {
            before: &|_| {},
            interrupt: Interrupt::new().unwrap(),
        }
    }
}

/// Counts what was evaluated.
#[derive(Default)]
pub(super) struct Counts {
    pub(super) declared: usize,
    pub(super) generated: usize,
    pub(super) reused: bool,
}

impl Subscriber for Counts {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Declared { .. } => self.declared += 1,
            Event::Generated { .. } => self.generated += 1,
            Event::GraphReused { .. } => self.reused = true,
            _ => {}
        }
    }
}

impl Plan {
    /// A workspace with these files.
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let plan = Self {
            directory: tempfile::tempdir().unwrap(),
            targets: Vec::new(),
            parameters: Parameters::new(),
            purpose: Purpose::Build,
        };
        for (path, content) in files {
            plan.write(path, content);
        }
        plan
    }

    pub(super) fn targets(mut self, targets: &[&str]) -> Self {
        self.targets = targets.iter().map(|target| (*target).to_owned()).collect();
        self
    }

    pub(super) fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.insert(name.to_owned(), value.into());
        self
    }

    pub(super) fn for_tests(mut self) -> Self {
        self.purpose = Purpose::Test;
        self
    }

    pub(super) fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Makes the plan from the directory `start`, and says what that took.
    pub(super) fn make_in(&self, start: &str) -> (Result<(Graph, State)>, Counts) {
        let mut counts = Counts::default();
        let result = self.prepare(&self.path(start), &mut counts);
        (result, counts)
    }

    fn prepare(&self, start: &Path, counts: &mut Counts) -> Result<(Graph, State)> {
        let (prepared, state) = self.prepare_with(start, &Surroundings::new(), None, counts)?;
        Ok((prepared.graph, state))
    }

    fn prepare_with(
        &self,
        start: &Path,
        surroundings: &Surroundings<'_>,
        evaluation: Option<&mut dyn Evaluation>,
        subscriber: &mut dyn Subscriber,
    ) -> Result<(Prepared, State)> {
        // A test gives the config of its user as the file `.config/wake/LocalUserConfig.sml`.
        let config_directory = self.path(".config");
        let workspace = Workspace::discover(start)?.configured(Some(&config_directory))?;
        let layout = workspace.layout();
        layout.create()?;
        let (mut state, _) = State::open(&layout.state_directory(), &workspace.top)?;
        let environment: BTreeMap<String, String> =
            [("PATH".to_owned(), std::env::var("PATH").unwrap())].into();
        let host_parameters = parameters::host_defaults();
        let targets = self
            .targets
            .iter()
            .map(|target| Target::parse(target, &workspace));
        let request = Request {
            targets: targets.collect::<Result<_>>()?,
            parameters: parameters::combine(&host_parameters, &workspace, &self.parameters),
            host_parameters,
            purpose: self.purpose,
            trust_saved: false,
        };
        let setup = Setup {
            host: parameters::host(),
            environment: environment.clone(),
            memory: 1 << 30,
        };
        let options = Options::new(PathBuf::from(env!("CARGO_BIN_EXE_wake")));
        let evaluators = Evaluators::new(options, setup, 2);
        let recipes = Recipes::new(&workspace);
        let _ = evaluators.interrupt().set(surroundings.interrupt.clone());
        let ask = |request: &_| {
            (surroundings.before)(request);
            recipes.ask(request, |request| evaluators.ask(request))
        };
        let retrievers = Running::new(run::Surroundings {
            program: PathBuf::from(env!("CARGO_BIN_EXE_wake")),
            environment: environment.clone(),
            temporary: layout.temporary_directory(),
            limits: run::Limits::default(),
            is_sandboxed: true,
        });
        let context = Context {
            workspace: &workspace,
            layout: &layout,
            environment: &environment,
            build: "",
            ask: &ask,
            threads: 2,
            tools: &retrievers,
            policy: &Policy::default(),
            cache_directory: None,
        };
        let interrupt = &surroundings.interrupt;
        let run: &mut generate::Run<'_> = &mut |graph, state, files, subscriber| {
            let options = evaluate::Options {
                wanted: Wanted::Files(files),
                ..evaluate::Options::new(layout.temporary_directory(), interrupt.clone())
            };
            let world = Real::new(&layout.state_directory());
            evaluate::evaluate(graph, state, &world, &options, subscriber)
        };
        let prepared =
            generate::prepare(&context, &mut state, &request, run, evaluation, subscriber)?;
        Ok((prepared, state))
    }

    /// The operations as text.
    pub(super) fn text(&self) -> String {
        let (result, _) = self.make_in("");
        match result {
            Ok((graph, state)) => redact(&show(&graph, &state)),
            Err(error) => panic!("{:#?}", error.report()),
        }
    }

    /// The error as data, without the temporary directory's name.
    pub(super) fn error(&self) -> String {
        self.error_in("")
    }

    pub(super) fn error_in(&self, start: &str) -> String {
        let (result, _) = self.make_in(start);
        let error = result.err().expect("an error");
        let report = error.report();
        let mut text = format!("{:?}: {}", report.kind, report.message);
        if let Some(at) = &report.at {
            text += &format!("\nat {at}\n  {}", at.text);
        }
        for cause in &report.causes {
            text += &format!("\ncause: {cause}");
        }
        for frame in &report.trace {
            let at = frame
                .at
                .as_ref()
                .map_or(String::new(), |at| format!(" at {at}"));
            text += &format!("\nin {}{at}", frame.description);
        }
        if let Some(hint) = &report.hint {
            text += &format!("\nhint: {hint}");
        }
        let top = std::fs::canonicalize(self.directory.path()).unwrap();
        redact(&text.replace(&top.display().to_string(), "[TOP]"))
    }
}

/// Instance hashes differ between machines; places in built-in plugins change with every edit of these.
fn redact(text: &str) -> String {
    let place = |file: &str, text: &str| -> String {
        let mut pieces = text.split(file);
        let first = pieces.next().unwrap_or_default().to_owned();
        pieces.fold(first, |done, piece| {
            done + file + piece.trim_start_matches(|c: char| c == ':' || c.is_ascii_digit())
        })
    };
    let text = &place("command.libsonnet", text);
    let mut result = String::new();
    let mut digits = String::new();
    for character in text.chars().chain(['\n']) {
        if character.is_ascii_hexdigit() {
            digits.push(character);
            continue;
        }
        result.push_str(if digits.len() == 20 { "HASH" } else { &digits });
        digits.clear();
        result.push(character);
    }
    result.pop();
    result
}

fn show(graph: &Graph, state: &State) -> String {
    let roots = Roots::new(&graph.meta().roots);
    let name = |file: FileId| roots.tokenize(&state.display(file));
    graph
        .operations()
        .map(|operation| show_operation(graph, operation, &name))
        .collect()
}

fn show_operation(
    graph: &Graph,
    operation: OperationId,
    name: &impl Fn(FileId) -> String,
) -> String {
    let cold = graph.cold(operation);
    let mut parts = Parts::default();
    let declared = Declared {
        tool: graph.tool(operation),
        inputs: graph.inputs(operation),
        outputs: graph.outputs(operation),
    };
    describe(&cold, declared, name, &mut parts);
    let mut text = format!("{} [{}]\n", cold.title, graph.instance(operation).label);
    let mut arguments = Vec::new();
    for part in &parts.0 {
        match part.name.as_str() {
            "argument" => arguments.push(part.value.clone()),
            "environment PATH" | "tool" | "response file" | "network" => {}
            _ if !arguments.is_empty() => {
                text += &format!(
                    "  arguments: {}\n",
                    std::mem::take(&mut arguments).join(" ")
                );
                text += &format!("  {}: {}\n", part.name, part.value);
            }
            _ => text += &format!("  {}: {}\n", part.name, part.value),
        }
    }
    for &file in graph.order_only(operation) {
        text += &format!("  order only: {}\n", name(file));
    }
    text + "\n"
}
