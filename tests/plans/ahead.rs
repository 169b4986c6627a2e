//! What is generated is evaluated while the rest is still generated. The packages of these tests depend on each other, and
//! a test decides when the tasks of one may run; operations are real.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use wake::error::{Error, Kind, Result};
use wake::evaluate::state::State;
use wake::evaluate::{self, Background, Growth, Interrupt, Options, Real, Step, Wanted};
use wake::event::{Event, Shared, Subscriber, Summary};
use wake::generate::early::{Evaluation, Pace};
use wake::graph::Graph;
use wake::jsonnet::protocol::Request;

use super::{Plan, Surroundings};

/// Far more than anything takes: who waits longer waits for something that never comes.
const FOREVER: Duration = Duration::from_secs(100);

const TOP: &str =
    "function(wake) wake.pkg(wake.pkgInfo('top'), pkgs={ c: wake.getPkg('c', from='c') })";

/// `b` depends on `a`, `c` on both; each has the operations given for it.
fn chain(a: &str, b: &str, c: &str) -> Plan {
    let package = |name: &str, needs: &[&str], operations: &str| {
        let pkgs: String = needs
            .iter()
            .map(|other| format!("{other}: wake.getPkg('{other}', from='../{other}'), "))
            .collect();
        let modules: String = needs
            .iter()
            .map(|other| format!("wake.getModule(pkg.pkgs.{other}), "))
            .collect();
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('{name}'), pkgs={{ {pkgs} }}, modules={{ root: \
             function(wake, pkg, config) wake.recipe({{ Language: 'Command', Operations: [{operations}], \
             Dependencies: {{ Runtime: [{modules}] }} }}) }})"
        )
    };
    Plan::of(&[
        ("a/PKG", &package("a", &[], a)),
        ("b/PKG", &package("b", &["a"], b)),
        ("c/PKG", &package("c", &["a", "b"], c)),
        ("PKG", TOP),
    ])
    .targets(&["c"])
}

/// An operation that runs a script and makes `output`.
fn operation(output: &str, script: &str) -> String {
    format!(
        "{{ Title: '{output}', Executable: 'sh', Arguments: ['-ec', '{script}'], Outputs: ['{output}'] }},"
    )
}

fn writes(output: &str) -> String {
    operation(output, &format!("echo {output} > $(target)/{output}"))
}

/// What happens, as the test sees it while it happens.
struct Heard {
    events: Sender<Event>,
    on_event: Box<dyn FnMut(&Event) + Send>,
}

impl Subscriber for Heard {
    fn event(&mut self, event: &Event) {
        (self.on_event)(event);
        let _ = self.events.send(event.clone());
    }
}

/// Evaluates in the background, as `wake build` does.
struct Ahead<'a> {
    options: Options,
    subscribers: Shared,
    background: &'a mut Option<Background>,
}

impl Evaluation for Ahead<'_> {
    fn pace(&self) -> Pace {
        Pace {
            patience: Duration::ZERO,
            rest: 0,
        }
    }

    fn begin(&mut self, graph: Graph, state: &mut State) -> Result<()> {
        let (options, mut subscribers) = (self.options.clone(), self.subscribers.clone());
        let evaluate = Box::new(
            move |graph: &Graph, state: &mut State, growth: &mut dyn Growth| {
                let world = Real::new(&options.private);
                evaluate::evaluate_growing(graph, state, &world, &options, growth, &mut subscribers)
            },
        );
        *self.background = Some(Background::begin(graph, state, evaluate)?);
        Ok(())
    }

    fn borrow(&mut self, state: &mut State) -> Result<()> {
        if self.background.as_ref().unwrap().borrow(state) {
            return Ok(());
        }
        let summary = self.background.take().unwrap().end(state)?;
        assert!(summary.interrupted);
        Err(Error::new(Kind::Interrupted, "Interrupted"))
    }

    fn give_back(&mut self, state: &mut State, step: Step) {
        self.background.as_ref().unwrap().give_back(state, step);
    }

    fn abandon(&mut self, state: &mut State) -> Result<Summary> {
        self.give_back(state, Step::Abandoned);
        self.background.take().unwrap().end(state)
    }
}

/// A build under way: what it is asked for, and what the test does while it goes on.
struct Build<'a> {
    is_ahead: bool,
    adjust: &'a dyn Fn(&mut Options),
    before: &'a (dyn Fn(&Request) + Sync),
    on_event: Box<dyn FnMut(&Event) + Send>,
    interrupt: Interrupt,
}

impl Build<'_> {
    fn new() -> Self {
        Self {
            is_ahead: true,
            adjust: &|_| {},
            before: &|_| {},
            on_event: Box::new(|_| {}),
            interrupt: Interrupt::new().unwrap(),
        }
    }

    fn of(self, plan: &Plan) -> (Result<Summary>, Vec<Event>) {
        let (events, heard) = channel();
        let mut subscribers = Shared::new(vec![Box::new(Heard {
            events,
            on_event: self.on_event,
        })]);
        let private = plan.path(".wake/tmp");
        let mut options = Options::new(private, self.interrupt.clone());
        options.jobs = 2;
        (self.adjust)(&mut options);
        let mut background = None;
        let mut ahead = Ahead {
            options: options.clone(),
            subscribers: subscribers.clone(),
            background: &mut background,
        };
        let surroundings = Surroundings {
            before: self.before,
            interrupt: self.interrupt,
        };
        let evaluation = self.is_ahead.then_some(&mut ahead as &mut dyn Evaluation);
        let start = plan.path("");
        let prepared = plan.prepare_with(&start, &surroundings, evaluation, &mut subscribers);
        let summary = prepared.and_then(|(prepared, mut state)| match background {
            Some(background) => {
                let grown = prepared
                    .grown
                    .expect("what is evaluated becomes the whole graph");
                background.give_back(&mut state, Step::Whole(grown, Wanted::Build));
                background.end(&mut state)
            }
            None => {
                assert!(!self.is_ahead, "nothing was evaluated ahead");
                let world = Real::new(&options.private);
                evaluate::evaluate(
                    &prepared.graph,
                    &mut state,
                    &world,
                    &options,
                    &mut subscribers,
                )
            }
        });
        (summary, heard.try_iter().collect())
    }
}

/// Lets the tasks of a package run when it is told to.
struct Gate(Mutex<Receiver<()>>);

impl Gate {
    fn new() -> (Sender<()>, Self) {
        let (open, closed) = channel();
        (open, Self(Mutex::new(closed)))
    }

    fn wait(&self, request: &Request, label: &str) {
        if matches!(request, Request::Generate(input) if input.label == label) {
            let gate = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            gate.recv_timeout(FOREVER)
                .expect("something is evaluated ahead");
        }
    }
}

/// Opens a gate when an operation is started, or when it has finished.
fn when(title: &'static str, is_finished: bool, open: Sender<()>) -> Box<dyn FnMut(&Event) + Send> {
    Box::new(move |event| {
        let happened = match event {
            Event::OperationStarted { title, .. } if !is_finished => title,
            Event::OperationFinished { title, .. } if is_finished => title,
            _ => return,
        };
        if happened == title {
            let _ = open.send(());
        }
    })
}

fn started(events: &[Event]) -> Vec<&str> {
    let mut titles: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::OperationStarted { title, .. } => Some(title.as_str()),
            _ => None,
        })
        .collect();
    titles.sort_unstable();
    titles
}

/// The files below a directory and what they contain.
fn tree(directory: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut open = vec![directory.to_owned()];
    while let Some(inner) = open.pop() {
        for entry in std::fs::read_dir(inner).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                let name = path.strip_prefix(directory).unwrap().display().to_string();
                files.insert(name, std::fs::read_to_string(&path).unwrap());
            }
        }
    }
    files
}

/// Catches evaluation that waits until all is generated (then this test never ends), an operation that runs again when all
/// is known, counts that are off, and another result than without.
#[test]
fn what_is_generated_runs_before_the_rest_is() {
    let plan = || {
        let b = writes("b1") + &writes("b2");
        chain(&writes("a"), &b, &writes("c"))
    };
    for force in [false, true] {
        let (ahead, plain) = (plan(), plan());
        let (open, gate) = Gate::new();
        let (summary, events) = Build {
            before: &|request| gate.wait(request, "b"),
            on_event: when("a", true, open),
            adjust: &|options| options.force = force,
            ..Build::new()
        }
        .of(&ahead);
        let summary = summary.unwrap();
        assert_eq!(
            (summary.ran, summary.up_to_date, summary.not_run),
            (4, 0, 0)
        );
        assert_eq!(started(&events), ["a", "b1", "b2", "c"]);
        let plain_build = || Build {
            is_ahead: false,
            ..Build::new()
        };
        plain_build().of(&plain).0.unwrap();
        assert_eq!(
            tree(&ahead.path(".wake/out")),
            tree(&plain.path(".wake/out"))
        );
        let (again, _) = plain_build().of(&ahead);
        let again = again.unwrap();
        assert_eq!((again.ran, again.up_to_date), (0, 4));
    }
}

/// Catches an operation of the instance that completes a contradiction, and of those that need it, that starts before it
/// is found; and one of before that is not recorded.
#[test]
fn nothing_of_a_contradiction_runs() {
    let cases = [
        (
            writes("x") + &writes("x").replace("Title: 'x'", "Title: 'y'"),
            "Two operations write `.wake/out/_/b/0.0.0/root/",
            ["one is `x` of `b`", "the other is `y` of `b`"],
        ),
        (
            "{ Title: 'y', Executable: 'sh', Inputs: ['$(target)/lost'], Outputs: ['y'] },"
                .to_owned(),
            "No operation makes `.wake/out/_/b/0.0.0/root/",
            ["it is an input of `y` of `b`", ""],
        ),
        (
            "{ Title: 'x', Executable: 'sh', Inputs: ['$(target)/y'], Outputs: ['x'] }, \
             { Title: 'y', Executable: 'sh', Inputs: ['$(target)/x'], Outputs: ['y'] },"
                .to_owned(),
            "Operations need each other in a cycle",
            ["`x` of `b`", "`y` of `b`"],
        ),
    ];
    for (b, message, causes) in cases {
        let plan = chain(&writes("a"), &b, &writes("c"));
        let (open, gate) = Gate::new();
        let (result, events) = Build {
            before: &|request| gate.wait(request, "b"),
            on_event: when("a", false, open),
            ..Build::new()
        }
        .of(&plan);
        let error = result.unwrap_err();
        let report = error.report();
        assert!(report.message.starts_with(message), "{report:?}");
        let all = report.causes.join("\n");
        assert!(causes.iter().all(|cause| all.contains(cause)), "{report:?}");
        assert_eq!(started(&events), ["a"]);
        let right = chain(&writes("a"), &writes("b"), &writes("c"));
        plan.write(
            "b/PKG",
            &std::fs::read_to_string(right.path("b/PKG")).unwrap(),
        );
        let (summary, _) = Build {
            is_ahead: false,
            ..Build::new()
        }
        .of(&plan);
        let summary = summary.unwrap();
        assert_eq!((summary.ran, summary.up_to_date), (2, 1));
    }
}

/// Catches a failure that is forgotten, told or counted twice when more is known: what needs it does not run, and the
/// rest only if it is asked to keep going.
#[test]
fn a_failure_counts_once_and_for_all_that_comes_later() {
    for (keep_going, expected, not_run) in [(1, ["a"].as_slice(), 2), (0, ["a", "b"].as_slice(), 1)]
    {
        let fails = operation("a", "exit 7");
        let c = "{ Title: 'c', Executable: 'sh', Inputs: ['$(target a:root#HASH)/a'], Outputs: ['c'] },";
        let plan = chain(&fails, &writes("b"), "");
        let text = std::fs::read_to_string(plan.path("c/PKG")).unwrap();
        let c = c.replace("HASH", &instance_hash());
        plan.write(
            "c/PKG",
            &text.replace("Operations: []", &format!("Operations: [{c}]")),
        );
        let (open, gate) = Gate::new();
        let (summary, events) = Build {
            before: &|request| gate.wait(request, "b"),
            on_event: when("a", true, open),
            adjust: &|options| options.keep_going = keep_going,
            ..Build::new()
        }
        .of(&plan);
        let summary = summary.unwrap();
        assert_eq!(started(&events), expected);
        assert_eq!((summary.failed, summary.not_run), (1, not_run));
        let failures = events.iter().filter(|event| {
            matches!(event, Event::OperationFinished { outcome, .. } if !outcome.is_success())
        });
        assert_eq!(failures.count(), 1);
    }
}

/// The hash in target directories: all have the same parameters.
fn instance_hash() -> String {
    let (result, _) = chain("", "", "").make_in("");
    let (graph, _) = result.expect("it is right");
    let directory = &graph.meta().instances[0].target_directory;
    directory.rsplit('/').next().unwrap().to_owned()
}

/// Catches a build that goes on generating after an interrupt (the module of `b` is evaluated without end), and one whose
/// operations are left behind.
#[test]
fn an_interrupt_ends_operations_and_evaluations() {
    let plan = chain(&operation("a", "exec sleep 1000"), "", "");
    let endless = std::fs::read_to_string(plan.path("b/PKG"))
        .unwrap()
        .replace(
            "Operations: []",
            "Operations: local f(n) = f(n + 1) tailstrict; f(0)",
        );
    plan.write("b/PKG", &endless);
    let interrupt = Interrupt::new().unwrap();
    let asked = interrupt.clone();
    let (result, events) = Build {
        on_event: Box::new(move |event| {
            if matches!(event, Event::OperationStarted { .. }) {
                asked.request();
            }
        }),
        interrupt,
        ..Build::new()
    }
    .of(&plan);
    assert_eq!(result.unwrap_err().kind(), Kind::Interrupted);
    assert_eq!(started(&events), ["a"]);
    let ended = events.iter().filter(|event| {
        matches!(
            event,
            Event::OperationFinished {
                outcome: wake::event::Outcome::Interrupted,
                ..
            }
        )
    });
    assert_eq!(ended.count(), 1);
}
