//! From a request (targets, parameters, purpose) to a graph: the saved one if nothing that it was made from has
//! changed, else a new one.
//!
//! Nothing here runs an operation or knows what is out of date.

mod attempts;
pub mod compile_commands;
pub mod contradiction;
pub mod early;
pub mod instances;
pub mod language;
pub mod lower;
mod preprocess;
pub mod qualify;
pub mod saved;
pub mod targets;

use std::path::{Path, PathBuf};

use crate::declare::model::Parameters;
use crate::error::{Error, Result};
use crate::evaluate::state::State;
use crate::event::{Event, Subscriber, Summary};
use crate::fs;
use crate::graph::freeze::Meta;
use crate::graph::{self, FileId, Graph};
use crate::jsonnet;
use crate::jsonnet::protocol::Read;
use crate::pkg::Ask;
use crate::pkg::resolution::{self, Context};
use crate::pkg::resolve::Resolver;
use crate::workspace::evaluations::Evaluations;
use crate::workspace::front::{self, Surroundings};
use crate::workspace::host;
use crate::workspace::target::Target;
use attempts::{Memo, Once};
use early::{Early, Evaluation};
use instances::{Instances, Preprocessed, Shared};
use lower::Lowered;
use preprocess::Made;

/// What a graph is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Build,
    /// `Tests` and `Test` dependencies count, and targets stand for all their modules.
    Test,
}

/// What the user asks for.
#[derive(Clone, Debug)]
pub struct Request {
    pub targets: Vec<Target>,
    pub parameters: Parameters,
    /// What `Tool` dependencies are made with.
    pub host_parameters: Parameters,
    pub purpose: Purpose,
    /// Use the saved graph even if what it was made from has changed.
    pub trust_saved: bool,
}

/// A graph and whether it was made anew.
pub struct Prepared {
    pub graph: Graph,
    pub is_new: bool,
    /// The graph as what [`Evaluation`] knows of it becomes it, if that has begun.
    pub grown: Option<Graph>,
}

/// Runs what is out of date of a graph: what makes some files.
pub type Run<'a> =
    dyn FnMut(&Graph, &mut State, Vec<FileId>, &mut dyn Subscriber) -> Result<Summary> + 'a;

/// The graph for a request. `run` runs what tasks ask for with `preprocess`; `evaluation` evaluates what is generated while
/// the rest still is, and has the borrowed state to get back if it has begun.
pub fn prepare(
    context: &Context<'_>,
    state: &mut State,
    request: &Request,
    run: &mut Run<'_>,
    evaluation: Option<&mut dyn Evaluation>,
    subscriber: &mut dyn Subscriber,
) -> Result<Prepared> {
    let file = saved_file(context, request);
    let around = Surroundings {
        top: &context.workspace.top,
        environment: context.environment,
    };
    if let Some((graph, front)) = saved::open(&file, state.name(), state.path_count())?
        && (request.trust_saved
            || (front.holds(around) && preprocess::holds(&graph, state, run, subscriber)?))
    {
        say_again(&graph, subscriber);
        return Ok(Prepared {
            graph,
            is_new: false,
            grown: None,
        });
    }
    let mut early = Early::new(evaluation);
    let prepared = make(context, state, request, run, &mut early, subscriber, &file);
    if prepared.is_err() {
        // What runs comes to its end; then the first error is told.
        let _ = early.abandon(state);
    }
    prepared
}

/// Makes a new graph and saves it.
fn make(
    context: &Context<'_>,
    state: &mut State,
    request: &Request,
    run: &mut Run<'_>,
    early: &mut Early<'_>,
    subscriber: &mut dyn Subscriber,
    file: &Path,
) -> Result<Prepared> {
    let (bytes, lowered) = generate(context, state, request, run, early, subscriber)?;
    state.sync()?;
    fs::create_directories(&context.layout.graphs_directory())?;
    fs::write_atomic(file, &bytes)?;
    saved::remove_old(&context.layout.graphs_directory())?;
    Ok(Prepared {
        graph: Graph::of(&bytes),
        is_new: true,
        grown: early.whole(lowered, state)?,
    })
}

/// Tells that a saved graph is used, and what its tasks had to say when they ran.
fn say_again(graph: &Graph, subscriber: &mut dyn Subscriber) {
    let messages: Vec<Event> = serde_json::from_slice(&graph.meta().messages).unwrap_or_default();
    messages.iter().for_each(|event| subscriber.event(event));
    subscriber.event(&Event::GraphReused {
        operations: graph.operation_count(),
    });
}

/// The file of the saved graph for a request: named after all that says what is asked for and cannot be checked as
/// something that was read.
fn saved_file(context: &Context<'_>, request: &Request) -> PathBuf {
    let workspace = context.workspace;
    let mut hasher = blake3::Hasher::new();
    hasher.update(env!("CARGO_PKG_VERSION").as_bytes());
    hasher.update(context.build.as_bytes());
    hasher.update(&jsonnet::library_digest());
    // What was read is named by absolute paths: a copy of a workspace must not look at the original.
    hasher.update(format!("{:?} {:?}", workspace.top, workspace.start).as_bytes());
    hasher.update(format!("{:?} {:?}", workspace.package_here(), host::host()).as_bytes());
    hasher.update(format!("{:?} {:?}", request.targets, request.purpose).as_bytes());
    hasher.update(format!("{:?} {:?}", request.parameters, request.host_parameters).as_bytes());
    context
        .layout
        .graphs_directory()
        .join(&hasher.finalize().to_hex()[..20])
}

/// Declares, resolves and generates, and freezes the result.
fn generate(
    context: &Context<'_>,
    state: &mut State,
    request: &Request,
    run: &mut Run<'_>,
    early: &mut Early<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<(Vec<u8>, Lowered)> {
    let (mut resolver, member_reads) = resolution::open(context)?;
    let evaluations = Evaluations::open(
        &context.layout.modules_file(),
        &context.workspace.top,
        context.environment,
        resolution::salt(context),
    )?;
    let memo = Memo::new(context.ask, &evaluations);
    let ask = |request: &_| memo.ask(request);
    let mut once = Once::new(subscriber);
    let mut made = Made::default();
    loop {
        resolver.settle(&mut once)?;
        resolution::link(context, &resolver)?;
        let given = &made.contents;
        let attempt = attempt(
            context,
            state,
            &mut resolver,
            request,
            given,
            &ask,
            early,
            &mut once,
        );
        if !resolver.packages.needs.is_empty() {
            early.go_on(state);
            continue;
        }
        // Modules ask for packages, too; and what is found is found, also where a module is broken.
        let lock = resolution::finish(context, &mut resolver, &mut once);
        let kept = evaluations.save(&context.layout.modules_file(), &context.clock());
        let (lowered, mut reads) = attempt?;
        let lock = lock?;
        kept?;
        if lowered.is_whole() {
            made.check(&lowered)?;
            once.all_generated(&lowered);
            reads.push(lock);
            reads.extend(member_reads);
            let messages = once.messages();
            let bytes = freeze(context, state, &lowered, &made, reads, messages)?;
            return Ok((bytes, lowered));
        }
        early.abandon(state)?;
        let bytes = freeze(context, state, &lowered, &made, Vec::new(), Vec::new())?;
        made.run(&lowered, &Graph::of(&bytes), state, run, &mut once)?;
    }
}

/// Generates with the packages that are there by now, and with what `preprocess` has made by now. What packages lack is
/// noted in their needs.
#[expect(
    clippy::too_many_arguments,
    reason = "a struct for one caller would say no more"
)]
fn attempt(
    context: &Context<'_>,
    state: &mut State,
    resolver: &mut Resolver<'_>,
    request: &Request,
    preprocessed: &Preprocessed,
    ask: &Ask<'_>,
    early: &mut Early<'_>,
    subscriber: &mut dyn Subscriber,
) -> Result<(Lowered, Vec<Read>)> {
    let mut reads = Vec::new();
    let roots = resolver.members.clone();
    let packages = &mut resolver.packages;
    let modules = targets::modules(packages, &roots, context.workspace, request, &mut reads)?;
    let shared = Shared {
        host_parameters: &request.host_parameters,
        sdks: &context.workspace.user_config.sdks,
        layout: context.layout,
        preprocessed,
    };
    let is_test = request.purpose == Purpose::Test;
    let mut instances = Instances::new(packages, is_test, shared);
    for (package, module) in &modules {
        instances.request(*package, module, &request.parameters)?;
    }
    let watch = &mut |instances: &Instances<'_>| early.offer(instances, context.layout, state);
    let generated = instances.generate(context.threads, ask, subscriber, watch);
    early.hold(state)?;
    generated?;
    reads.append(&mut instances.reads);
    let intern = &mut |path: &[u8]| -> FileId { state.intern(path) };
    let lowered = lower::lower(&instances, context.layout, intern)?;
    reads.extend(instances.packages.reads.iter().cloned());
    Ok((lowered, reads))
}

/// The bytes of a graph that is complete, or of what of it is known by now.
fn freeze(
    context: &Context<'_>,
    state: &State,
    lowered: &Lowered,
    made: &Made,
    reads: Vec<Read>,
    messages: Vec<Event>,
) -> Result<Vec<u8>> {
    let front = front::save(reads, &context.clock(), &context.workspace.top);
    let unsaved = |cause: String| Error::internal("A graph cannot be saved").cause(cause);
    let front = postcard::to_stdvec(&front).map_err(|error| unsaved(error.to_string()))?;
    let messages = serde_json::to_vec(&messages).map_err(|error| unsaved(error.to_string()))?;
    let meta = Meta {
        state: state.name(),
        paths: FileId::from_index(state.path_count()).0,
        instances: lowered.instances.clone(),
        roots: lowered.roots.clone(),
        front,
        preprocessed: made.read(lowered),
        messages,
    };
    graph::freeze::freeze(&lowered.operations, &meta)
        .map_err(|contradiction| contradiction::explain(&contradiction, lowered))
}

/// The directories, relative to that of all outputs, of the modules that members declare.
///
/// # Errors
/// Those of any member's declaration: without it, nobody knows what it declares.
pub fn declared(context: &Context<'_>, subscriber: &mut dyn Subscriber) -> Result<Vec<PathBuf>> {
    let (mut resolver, _) = resolution::open(context)?;
    resolver.settle(subscriber)?;
    let (packages, roots) = (&resolver.packages, &resolver.members);
    let mut directories = Vec::new();
    for member in packages.reached(roots) {
        let declaration = packages.declaration(member)?;
        for module in &declaration.modules {
            let instance = context
                .layout
                .target_directory(&declaration.info, module, "_")?;
            let below = Path::new(&instance).strip_prefix(context.layout.output_directory());
            directories.extend(below.ok().and_then(Path::parent).map(Path::to_owned));
        }
    }
    Ok(directories)
}
