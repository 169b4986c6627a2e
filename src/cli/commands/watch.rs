//! `wake watch`: builds, waits for a change, and builds again, until it is interrupted.
//!
//! Each **build** is one as `wake build` does it, with the workspace's lock, told like any other. Beside builds there are
//! **looks**, which run nothing and say nothing: after a build, to know whether what it left is what is there, and when
//! something changed that usually only wake changes. A look that finds something else than the one before leads to a build.
//! A look that finds nothing to do is what the lookout vouches for.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::build::Building;
use super::watched;
use crate::cli::environment;
use crate::cli::options::Build;
use crate::error::{Error, Kind, Result};
use crate::evaluate::interrupt::Listening;
use crate::evaluate::{self, Check, Interrupt, Question, Real, Wanted};
use crate::event::{Event, Reason, Shared, Subscriber};
use crate::fs::{self, Lock};
use crate::generate::{self, Purpose};
use crate::graph::Graph;
use crate::jsonnet::protocol::Read;
use crate::report::{self, ConsoleOptions, EventsFile, FirstError};
use crate::watch::dependencies::{Dependencies, latest_change};
use crate::watch::inotify::Inotify;
use crate::watch::lookout::{Blindness, Lookout, Pending, Vouch, Woken};
use crate::watch::message::Answer;
use crate::watch::notice::Queue;
use crate::watch::scope::{Area, Areas, Scope};
use crate::watch::service::{self, Reception, Service};
use crate::workspace::discover::DECLARATIONS;
use crate::workspace::front::{Front, SavedRead};
use crate::workspace::layout::Layout;
use crate::workspace::root_recipe;
use crate::workspace::target::Target;

/// So often wake looks at everything where changes may be missed, at most.
const POLL: Duration = Duration::from_secs(1);

/// And so many times as long as a look takes it waits for the next one: looking takes a tenth of one processor.
const POLL_SHARE: u32 = 10;

/// After so many builds in a row during which something changed, wake waits longer and longer: most likely it is the
/// build that changes what it depends on.
const RESTLESS: u32 = 3;
const LONGEST_PAUSE: Duration = Duration::from_secs(30);

pub(super) fn run(options: Build, console: ConsoleOptions) -> Result<ExitCode> {
    let mut watching = Watching::begin(options, console)?;
    let ended = watching.work();
    watching.files.check()?;
    ended.map(|()| ExitCode::from(Kind::Interrupted.exit_code()))
}

/// What the last build or look left.
#[derive(Default, PartialEq, Eq)]
struct Left {
    /// Why there is no graph.
    error: Option<Error>,
    /// The operations that are out of date, and why: those that failed, and what waits for them.
    out_of_date: Vec<(String, Reason)>,
}

struct Watching {
    options: Rc<Build>,
    console: ConsoleOptions,
    files: FirstError,
    /// The one file of events, for the builds one after the other.
    events: Option<Shared>,
    interrupt: Interrupt,
    top: PathBuf,
    layout: Layout,
    lookout: Arc<Lookout>,
    reception: Option<Reception>,
    lock: Option<Lock>,
    left: Left,
    /// Why changes may be missed.
    blindness: Option<Blindness>,
    /// What of that was told.
    told: Option<Blindness>,
    /// What the last look took.
    look_time: Duration,
    /// Builds in a row during which something changed.
    restless: u32,
    /// Whether something changed during the last build, and before it was watched.
    is_late: bool,
    /// Whether the last build was one because of what the one before had left.
    is_repeated: bool,
    _listening: Listening,
    _hearing: Service,
}

/// How much is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Breadth {
    /// What is known to have been read.
    Exact,
    /// Whatever could count: nobody knows what an operation that failed has read.
    All,
}

/// What is to be done next.
enum Next {
    /// Because of this; the first time there is nothing.
    Build(Option<Pending>),
    Look,
    Wait,
    End,
}

impl Watching {
    /// Takes the place of the workspace's watcher. What is wrong and cannot be mended by editing a file is an error.
    fn begin(options: Build, console: ConsoleOptions) -> Result<Self> {
        let environment = environment::environment();
        let workspace = watched::workspace(&environment)?;
        for target in &options.targets {
            Target::parse(target, &workspace)?;
        }
        let interrupt = Interrupt::on_signals()?;
        let files = FirstError::default();
        let queue = Inotify::new().map(|queue| Box::new(queue) as Box<dyn Queue>);
        let lookout = Arc::new(Lookout::new(queue));
        let heard = Arc::clone(&lookout);
        let layout = workspace.layout();
        layout.create()?;
        let mut watching = Self {
            events: None,
            options: Rc::new(options),
            console,
            top: workspace.top,
            layout,
            _hearing: service::hear(&lookout)?,
            _listening: interrupt.listen(move || heard.end()),
            interrupt,
            lookout,
            reception: None,
            lock: None,
            left: Left::default(),
            blindness: None,
            told: None,
            look_time: Duration::ZERO,
            restless: 0,
            is_late: false,
            is_repeated: false,
            files,
        };
        watching.receive()?;
        if let Some(file) = &watching.options.events {
            let events = EventsFile::create(file, watching.files.clone())?;
            watching.events = Some(Shared::new(vec![Box::new(events)]));
        }
        Ok(watching)
    }

    /// Answers at the workspace's socket; anew, if somebody has removed it.
    fn receive(&mut self) -> Result<()> {
        if self.reception.as_ref().is_some_and(Reception::is_there) {
            return Ok(());
        }
        self.reception = None;
        self.lock = None;
        self.lock = Lock::try_acquire(&self.layout.watcher_lock_file())?;
        if self.lock.is_none() {
            let top = self.top.display();
            let error = Error::environment(format!("Another wake watches `{top}`"));
            return Err(error.hint("end that one first: one watcher at a time is enough to know"));
        }
        let socket = self.layout.watcher_socket();
        self.reception = Some(Reception::open(&socket, &self.lookout)?);
        Ok(())
    }

    fn work(&mut self) -> Result<()> {
        let mut next = Next::Build(None);
        loop {
            next = match next {
                Next::Build(because) => self.build(because)?,
                Next::Look => self.look()?,
                Next::Wait => self.wait(),
                Next::End => return Ok(()),
            };
        }
    }

    /// Waits until there is something to do.
    fn wait(&self) -> Next {
        let is_blind = self.blindness.is_some();
        let rest = is_blind.then(|| POLL.max(self.look_time * POLL_SHARE));
        match self.lookout.wait(rest) {
            Woken::Ended => Next::End,
            Woken::Changed | Woken::Late => Next::Look,
        }
    }

    /// Builds and says what comes of it.
    fn build(&mut self, because: Option<Pending>) -> Result<Next> {
        let is_first = because.is_none();
        let mut subscribers = self.subscribers()?;
        match &because {
            Some(pending) => subscribers.event(&self.changed(pending)),
            None => drop(self.lookout.begin()),
        }
        let options = Rc::clone(&self.options);
        let built = self.open(&options, subscribers);
        let built = built.and_then(|building| self.build_with(building));
        if options.force {
            let unforced = Build::clone(&options);
            self.options = Rc::new(Build {
                force: false,
                ..unforced
            });
        }
        let next = match built {
            Ok(None) => return Ok(Next::End),
            Ok(Some(answers)) => self.built(is_first, answers)?,
            Err(error) => self.failed(error)?,
        };
        self.tell_blindness()?;
        if self.lookout.pending().is_change() {
            self.pause()?;
        } else {
            self.restless = 0;
        }
        Ok(next)
    }

    /// One build, and a look at what it left. Returns whether others are answered from now on; `None`: it was interrupted.
    fn build_with(&mut self, mut building: Building<'_>) -> Result<Option<bool>> {
        let began = fs::stamp::now();
        let graph = building.prepare(Purpose::Build)?;
        // What is known by now is watched before it is looked at.
        self.follow(&building, &graph, Breadth::Exact)?;
        let summary = building.build(&graph, Wanted::Build)?;
        let finished = Event::Finished(summary.clone());
        building.subscribers.event(&finished);
        if summary.interrupted {
            building.session.close()?;
            return Ok(None);
        }
        if summary.failed > 0 {
            let (left, _) = self.look_with(building, Breadth::All)?;
            self.left = left;
            self.is_late = latest_change(&self.top, &self.is_left_out()) >= began;
            return Ok(Some(false));
        }
        let is_new = self.follow(&building, &graph, Breadth::Exact)?;
        let is_idle = summary.ran + summary.not_run == 0;
        let is_untouched = self.lookout.pending().outputs.is_empty();
        if is_idle && !is_new && is_untouched {
            self.left = Left::default();
            return self.leave(building, &graph).map(Some);
        }
        let (left, answers) = self.look_with(building, Breadth::Exact)?;
        self.left = left;
        Ok(Some(answers))
    }

    /// What to do after a build that came to its end.
    fn built(&mut self, is_first: bool, answers: bool) -> Result<Next> {
        self.tell_watching(is_first, answers)?;
        let mut reasons = self.left.out_of_date.iter().map(|(_, reason)| reason);
        let is_late = std::mem::take(&mut self.is_late) || reasons.any(is_late);
        // An operation that changes what it has read or made is not run for ever.
        self.is_repeated = !self.is_repeated && is_late;
        Ok(match self.is_repeated {
            true => Next::Build(Some(self.lookout.begin())),
            false => Next::Wait,
        })
    }

    /// Says why nothing could be built, and waits for a change of whatever could mend it.
    fn failed(&mut self, error: Error) -> Result<Next> {
        if self.interrupt.is_requested() || self.reception.is_none() {
            return Err(error);
        }
        report::say(&report::error::render(&error, self.console.style));
        let mut dependencies = Dependencies::new(self.areas());
        self.add_all(&mut dependencies);
        for file in places(&error) {
            dependencies.file(&self.top.join(file));
        }
        let (is_new, blindness) = self.lookout.watch(dependencies.finish());
        self.blindness = blindness;
        self.left = Left {
            error: Some(error),
            out_of_date: Vec::new(),
        };
        self.tell_watching(false, false)?;
        // It may have been mended before it was watched.
        Ok(if is_new { Next::Look } else { Next::Wait })
    }

    /// Looks whether anything is not as it was left, and builds if so.
    fn look(&mut self) -> Result<Next> {
        let pending = self.lookout.begin();
        if pending.is_change() {
            return Ok(Next::Build(Some(pending)));
        }
        let options = Rc::clone(&self.options);
        let building = self.open(&options, Shared::default());
        let breadth = match self.left.out_of_date.is_empty() {
            true => Breadth::Exact,
            false => Breadth::All,
        };
        let looked = building.and_then(|building| self.look_with(building, breadth));
        let (left, answers) = match looked {
            Ok(looked) => looked,
            Err(error) => {
                let left = Left {
                    error: Some(error),
                    out_of_date: Vec::new(),
                };
                (left, false)
            }
        };
        if left != self.left {
            return Ok(Next::Build(Some(pending)));
        }
        if let Some(events) = &mut self.events {
            let directories = self.lookout.watched();
            events.event(&Event::Watching {
                directories,
                answers,
            });
        }
        Ok(Next::Wait)
    }

    /// Looks at everything and runs nothing. Returns what is out of date, and whether others are answered from now on.
    fn look_with(&mut self, mut building: Building<'_>, breadth: Breadth) -> Result<(Left, bool)> {
        let began = Instant::now();
        building.subscribers = Shared::default();
        loop {
            self.lookout.forget_outputs();
            let graph = building.prepare(Purpose::Build)?;
            let out_of_date = out_of_date(&mut building, &graph)?;
            // What was not watched while it was looked at is looked at again.
            if self.follow(&building, &graph, breadth)? && !self.lookout.pending().is_change() {
                continue;
            }
            self.look_time = began.elapsed();
            let left = Left {
                error: None,
                out_of_date,
            };
            let answers = match left.out_of_date.is_empty() {
                true => self.leave(building, &graph)?,
                false => {
                    let lookout = &self.lookout;
                    building.session.close_after(|| lookout.forget_state())?;
                    false
                }
            };
            return Ok((left, answers));
        }
    }

    /// Opens the workspace. It must be the same as ever, and the socket be there.
    fn open<'a>(&mut self, options: &'a Build, subscribers: Shared) -> Result<Building<'a>> {
        let socket = self.layout.watcher_socket();
        let last = move || drop(fs::remove_file(&socket));
        let (interrupt, files) = (self.interrupt.clone(), self.files.clone());
        let building = Building::begin_with(options, interrupt, subscribers, files, last)?;
        let top = &building.session.place.workspace.top;
        if *top != self.top {
            self.reception = None;
            let error = Error::user(format!("The workspace is now `{}`", top.display()));
            return Err(error.hint("start `wake watch` again"));
        }
        self.layout = building.session.place.layout.clone();
        self.receive()?;
        Ok(building)
    }

    /// Watches all that a graph depends on. Returns whether any of it was not watched before.
    fn follow(&mut self, building: &Building<'_>, graph: &Graph, breadth: Breadth) -> Result<bool> {
        let scope = self.scope(building, graph, breadth);
        let (is_new, blindness) = self.lookout.watch(scope);
        self.blindness = blindness;
        Ok(is_new)
    }

    fn scope(&self, building: &Building<'_>, graph: &Graph, breadth: Breadth) -> Scope {
        let workspace = &building.session.place.workspace;
        let front = front(graph);
        let mut dependencies = Dependencies::new(self.areas());
        dependencies.operations(graph, &building.session.state);
        dependencies.front(&front);
        let around = workspace.start.ancestors();
        for directory in around.take_while(|directory| directory.starts_with(&self.top)) {
            for name in DECLARATIONS.iter().chain(&root_recipe::FILES) {
                dependencies.file(&directory.join(name));
            }
        }
        if let Some(Read::File { path, .. }) = &workspace.user_config.read {
            dependencies.file(path);
        }
        dependencies.file(&self.top.join(generate::compile_commands::NAME));
        dependencies.file(&self.layout.watcher_socket());
        dependencies.whole(&self.layout.state_directory());
        if breadth == Breadth::All {
            self.add_all(&mut dependencies);
        }
        let path_variable = environment::environment().remove("PATH");
        dependencies.tools(&front, path_variable.as_deref());
        dependencies.finish()
    }

    /// All that could mend what is broken: whatever lies in the workspace, and where something was read until now.
    fn add_all(&self, dependencies: &mut Dependencies) {
        let is_left_out = self.is_left_out();
        let known = self.lookout.directories();
        for directory in known.iter().filter(|directory| !is_left_out(directory)) {
            dependencies.whole(directory);
        }
        dependencies.tree(&self.top, &is_left_out);
    }

    /// Whether a path is one where wake writes, or that no declaration can reach.
    fn is_left_out(&self) -> impl Fn(&Path) -> bool + use<> {
        let areas = self.areas();
        move |path: &Path| areas.of(path) != Area::Sources || path.ends_with(".git")
    }

    fn areas(&self) -> Areas {
        let real = |path: PathBuf| fs::canonicalize(&path).unwrap_or(path);
        Areas {
            top: self.top.clone(),
            wake: real(self.layout.wake_directory()),
            state: real(self.layout.state_directory()),
            output_root: self.layout.output_root().map(real),
        }
    }

    /// Closes the workspace and vouches that all is up to date. Returns whether it does: not where changes may be missed.
    fn leave(&self, building: Building<'_>, graph: &Graph) -> Result<bool> {
        let mut front = front(graph);
        front
            .reads
            .retain(|read| matches!(read, SavedRead::Environment { .. } | SavedRead::Tool { .. }));
        let is_build = |operation: &_| !graph.is_test(*operation);
        let vouch = Vouch {
            key: watched::key(
                &self.options,
                &building.session.place.workspace,
                &environment::environment(),
            )?,
            answer: Answer::UpToDate {
                operations: graph.operation_count(),
                up_to_date: graph.operations().filter(is_build).count(),
                messages: graph.meta().messages.clone(),
            },
            front,
            top: self.top.clone(),
        };
        let is_sure = self.blindness.is_none() && watched::is_plain(&self.options);
        let lookout = &self.lookout;
        let mut answers = false;
        building.session.close_after(|| match is_sure {
            true => answers = lookout.vouch(vouch),
            false => lookout.forget_state(),
        })?;
        Ok(answers)
    }

    /// Who hears of a build: a console of its own, and the one file of events.
    fn subscribers(&self) -> Result<Shared> {
        let subscribers = report::subscribers(self.console, None, &self.files)?;
        let subscribers = Shared::new(subscribers);
        if let Some(events) = &self.events {
            subscribers.push(Box::new(events.clone()));
        }
        Ok(subscribers)
    }

    fn changed(&self, pending: &Pending) -> Event {
        let files: &BTreeSet<PathBuf> = match pending.is_change() {
            true => &pending.sources,
            false => &pending.outputs,
        };
        let shown = files.iter().map(|file| fs::path::display(file, &self.top));
        Event::Changed {
            paths: shown.collect(),
            lost: pending.is_lost,
        }
    }

    fn tell_watching(&mut self, is_first: bool, answers: bool) -> Result<()> {
        let event = Event::Watching {
            directories: self.lookout.watched(),
            answers,
        };
        if is_first {
            self.subscribers()?.event(&event);
        } else if let Some(events) = &mut self.events {
            events.event(&event);
        }
        Ok(())
    }

    /// Says why changes may be missed, once.
    fn tell_blindness(&mut self) -> Result<()> {
        if self.blindness == self.told {
            return Ok(());
        }
        self.told.clone_from(&self.blindness);
        if let Some(blindness) = &self.blindness {
            let text = why_blind(blindness);
            self.subscribers()?.event(&Event::Warning { text });
        }
        Ok(())
    }

    /// Waits before one more build because of what changed during the last one, the longer the more often that was so.
    fn pause(&mut self) -> Result<()> {
        self.restless += 1;
        let Some(more) = self.restless.checked_sub(RESTLESS) else {
            return Ok(());
        };
        if more == 0 {
            let Event::Changed { paths, .. } = self.changed(&self.lookout.pending()) else {
                return Ok(());
            };
            let name = paths.first().map_or("something", String::as_str);
            let text = format!(
                "`{name}` changes whenever wake builds: it waits longer from build to build, until that ends"
            );
            self.subscribers()?.event(&Event::Warning { text });
        }
        let pause = Duration::from_secs(1 << more.min(5)).min(LONGEST_PAUSE);
        self.lookout.pause(pause);
        Ok(())
    }
}

/// What the front end read to know a graph.
fn front(graph: &Graph) -> Front {
    postcard::from_bytes(&graph.meta().front).unwrap_or_default()
}

/// The operations of a build that are out of date, and why.
fn out_of_date(building: &mut Building<'_>, graph: &Graph) -> Result<Vec<(String, Reason)>> {
    let session = &mut building.session;
    let world = Real::new(&session.place.layout.state_directory());
    let question = Question {
        wanted: &Wanted::Build,
        force: false,
        check: Check::Default,
    };
    let preview = evaluate::preview(graph, &mut session.state, &world, &question)?;
    session.state.flush()?;
    let named = preview.steps.into_iter().map(|step| {
        let name = evaluate::name(graph, &session.state, step.operation);
        (name, step.reason)
    });
    Ok(named.collect())
}

/// Whether something has changed that an operation read or made, since it ran.
fn is_late(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::OutputMissing { .. }
            | Reason::OutputChanged { .. }
            | Reason::InputChanged { .. }
            | Reason::ToolChanged { .. }
            | Reason::ChangedWhileRunning { .. }
            | Reason::ObservedIncompletely { .. }
    )
}

/// The files that an error points at.
fn places(error: &Error) -> BTreeSet<&str> {
    let report = error.report();
    let trace = report.trace.iter().filter_map(|frame| frame.at.as_ref());
    let places = report.at.iter().chain(trace);
    places.map(|place| place.file.as_str()).collect()
}

fn why_blind(blindness: &Blindness) -> String {
    let (what, hint) = match blindness {
        Blindness::NoQueue(cause) => (
            format!("The kernel does not tell of changes: {cause}"),
            "raise `fs.inotify.max_user_instances` with `sysctl`, then start `wake watch` again",
        ),
        Blindness::Limit { watched, wanted } => (
            format!("The kernel watches {watched} of {wanted} directories, and no more"),
            "raise `fs.inotify.max_user_watches` with `sysctl`",
        ),
        Blindness::FileSystem { name, directory } => (
            format!(
                "`{}` is on {name}, which does not tell what others change",
                directory.display()
            ),
            "a copy on a local file system would be watched",
        ),
        Blindness::Refused { directory, cause } => (
            format!("`{}` cannot be watched: {cause}", directory.display()),
            "make it readable",
        ),
    };
    format!(
        "{what}\nwake looks at everything every now and then instead, and answers no other wake\nhint: {hint}"
    )
}
