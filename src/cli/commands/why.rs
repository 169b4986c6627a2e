//! `wake why`: why operations would run now, or why they ran last time.

use std::process::ExitCode;

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use crate::cli::options::{TextFormat, Why};
use crate::cli::session::{Asked, Session};
use crate::error::{Error, Result, suggestion};
use crate::evaluate::causes::{Causes, Run};
use crate::evaluate::state::Recorded;
use crate::evaluate::{self, Check, Preview, Question, Real, State, Wanted, files};
use crate::event::Subscriber;
use crate::fs::fingerprint::Part;
use crate::fs::path;
use crate::generate::Purpose;
use crate::graph::{FileId, Graph, OperationId};
use crate::report::account::{self, Account, Counts, Link, Read};
use crate::report::{self, ConsoleOptions};
use crate::workspace::discover;

pub(super) fn run(options: &Why, console: ConsoleOptions) -> Result<ExitCode> {
    let mut subscribers = super::quiet(console)?;
    let mut session = Session::open(options.declarations, 1, &mut subscribers)?;
    let accounts = match &options.operation {
        Some(wanted) => {
            let mut account = one(wanted, options, &mut session, &mut subscribers)?;
            if options.reads {
                account.reads = reads(&session.state, &account.operation);
            }
            vec![account]
        }
        None => all(options, &mut session, &mut subscribers)?,
    };
    session.close()?;
    report::data(&match (options.format, &options.operation) {
        (TextFormat::Text, Some(_)) if options.reads => accounts
            .iter()
            .map(|account| account::reads(&account.reads))
            .collect(),
        (TextFormat::Text, Some(_)) => accounts.iter().map(account::text).collect(),
        (TextFormat::Text, None) => account::summary(&accounts),
        (TextFormat::Json, _) => {
            format!(
                "{:#}\n",
                accounts.iter().map(account::json).collect::<Value>()
            )
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What would run of the package here, and what the latest build ran.
fn all(
    options: &Why,
    session: &mut Session,
    subscriber: &mut dyn Subscriber,
) -> Result<Vec<Account>> {
    let graph = graph(options, session, Purpose::Build, subscriber)?;
    let preview = foresee(&graph, session, &Wanted::Build)?;
    let causes = Causes::new(&session.state);
    let mut accounts: Vec<Account> = Vec::new();
    let mut places = HashMap::new();
    for run in causes.since(session.last_build()?) {
        places.insert(run.identity, accounts.len());
        accounts.push(Account {
            title: run.title.clone(),
            operation: run.operation.clone(),
            last: links(&causes, run),
            ..Account::default()
        });
    }
    for step in &preview.steps {
        let now = preview_links(&graph, session, &preview, step.operation);
        match places.get(&graph.identity(step.operation)) {
            Some(&place) => accounts[place].now = now,
            None => accounts.push(Account {
                title: graph.cold(step.operation).title,
                operation: evaluate::name(&graph, &session.state, step.operation),
                now,
                ..Account::default()
            }),
        }
    }
    Ok(accounts)
}

/// What would run now of what is wanted of a graph.
fn foresee(graph: &Graph, session: &mut Session, wanted: &Wanted) -> Result<Preview> {
    let world = Real::new(&session.place.layout.state_directory());
    let question = Question {
        wanted,
        force: false,
        check: Check::Default,
    };
    evaluate::preview(graph, &mut session.state, &world, &question)
}

/// A run, and those that led to it.
fn links(causes: &Causes, run: &Run) -> Vec<Link> {
    let chain = std::iter::once(run).chain(causes.chain(run));
    let link = |run: &Run| Link {
        title: run.title.clone(),
        operation: run.operation.clone(),
        reason: run.reason.clone(),
        failed: !run.succeeded,
    };
    chain.map(link).collect()
}

/// An operation that would run, and those that would lead to it; none if it is up to date.
fn preview_links(
    graph: &Graph,
    session: &Session,
    preview: &Preview,
    operation: OperationId,
) -> Vec<Link> {
    let first = preview.step(operation);
    let steps = std::iter::successors(first, |step| preview.step(step.after?));
    steps
        .map(|step| Link {
            title: graph.cold(step.operation).title,
            operation: evaluate::name(graph, &session.state, step.operation),
            reason: step.reason.clone(),
            failed: false,
        })
        .collect()
}

/// The graph of the package here; where there is none, of every member below.
fn graph(
    options: &Why,
    session: &mut Session,
    purpose: Purpose,
    subscriber: &mut dyn Subscriber,
) -> Result<Graph> {
    let is_package = discover::is_package(session.place.workspace.package_here());
    let targets = if is_package {
        Vec::new()
    } else {
        vec!["./...".to_owned()]
    };
    let asked = Asked {
        targets: &targets,
        parameters: &options.parameters,
        purpose,
        trust_saved: false,
    };
    Ok(session.prepare(&asked, subscriber)?.graph)
}

/// What is known of the operation that `wanted` names: one that the package here is built with, or its tests, or any
/// that ever ran in the workspace.
fn one(
    wanted: &str,
    options: &Why,
    session: &mut Session,
    subscriber: &mut dyn Subscriber,
) -> Result<Account> {
    let mut titles = BTreeSet::new();
    for purpose in [Purpose::Build, Purpose::Test] {
        let graph = graph(options, session, purpose, subscriber)?;
        if let Some(operation) = find(&graph, session, wanted)? {
            return planned(&graph, session, operation);
        }
        titles.extend(
            graph
                .operations()
                .map(|operation| graph.cold(operation).title),
        );
    }
    if let Some(account) = recorded(session, wanted)? {
        return Ok(account);
    }
    let hint = suggestion(wanted, titles.iter().map(String::as_str));
    Err(
        Error::user(format!("No operation makes `{wanted}` or is called so")).hint(
            hint.unwrap_or_else(|| "`wake graph --format json` lists the operations".to_owned()),
        ),
    )
}

/// What the operation with a name read when it ran last.
fn reads(state: &State, operation: &str) -> Vec<Read> {
    let causes = Causes::new(state);
    let found = causes.find(|run| run.operation == operation);
    let result = found.first().and_then(|run| state.result(run.identity));
    result.map_or_else(Vec::new, |result| reads_of(state, &result))
}

/// What an operation read, by its result: what it declares first.
pub(super) fn reads_of(state: &State, result: &Recorded<'_>) -> Vec<Read> {
    let declared = result.declared().len();
    let read = |(place, number)| {
        let version = state.version(number);
        let what = match files::split(state.path(version.file)).1 {
            _ if version.content.is_absent() => Counts::Absence,
            None => Counts::Content,
            Some(Part::Entry) => Counts::Existence,
            Some(Part::Listing) => Counts::Listing,
        };
        Read {
            path: state.display(version.file),
            what,
            declared: place < declared,
        }
    };
    let mut reads: Vec<Read> = result.reads().enumerate().map(read).collect();
    reads.sort_by(|a, b| (!a.declared, &a.path).cmp(&(!b.declared, &b.path)));
    reads
}

/// What is known of an operation of a graph.
fn planned(graph: &Graph, session: &mut Session, operation: OperationId) -> Result<Account> {
    let outputs = graph.outputs(operation).to_vec();
    let wanted = match (outputs.is_empty(), graph.is_test(operation)) {
        (false, _) => Wanted::Files(outputs),
        (true, false) => Wanted::Build,
        (true, true) => Wanted::Test {
            filter: None,
            rerun: false,
        },
    };
    let preview = foresee(graph, session, &wanted)?;
    let causes = Causes::new(&session.state);
    let last = causes.of(graph.identity(operation));
    Ok(Account {
        title: graph.cold(operation).title,
        operation: evaluate::name(graph, &session.state, operation),
        now: preview_links(graph, session, &preview, operation),
        last: last.map(|run| links(&causes, run)).unwrap_or_default(),
        ..Account::default()
    })
}

/// What is known of an operation that ran here but is no part of what was looked at: of another package, or with other
/// parameters.
fn recorded(session: &mut Session, wanted: &str) -> Result<Option<Account>> {
    let files = files(session, wanted);
    let causes = Causes::new(&session.state);
    let makers: Vec<FileId> = files
        .iter()
        .filter_map(|file| causes.maker(&session.state.display(*file)))
        .collect();
    let found = causes.find(|run| run.title == wanted || makers.contains(&run.identity));
    match found.as_slice() {
        [] => Ok(None),
        [run] => Ok(Some(Account {
            title: run.title.clone(),
            operation: run.operation.clone(),
            now: Vec::new(),
            last: links(&causes, run),
            is_elsewhere: true,
            ..Account::default()
        })),
        several => {
            let names: Vec<String> = several.iter().map(|run| run.operation.clone()).collect();
            let subject = format!("Several operations that ran have the title `{wanted}`");
            Err(ambiguous(subject, &names))
        }
    }
}

/// The operation of `graph` that makes a file, or that has a title.
fn find(graph: &Graph, session: &mut Session, wanted: &str) -> Result<Option<OperationId>> {
    let titled: Vec<OperationId> = graph
        .operations()
        .filter(|&operation| graph.cold(operation).title == wanted)
        .collect();
    match titled.as_slice() {
        [] => {
            let files = files(session, wanted);
            match files.into_iter().find_map(|file| graph.maker(file)) {
                Some(operation) => Ok(Some(operation)),
                None => find_by_name(graph, session, wanted),
            }
        }
        [only] => Ok(Some(*only)),
        several => {
            let name = |&operation| evaluate::name(graph, &session.state, operation);
            let names: Vec<String> = several.iter().map(name).collect();
            let subject = format!("Several operations have the title `{wanted}`");
            Err(ambiguous(subject, &names))
        }
    }
}

/// The operation that makes a file whose path ends in `wanted`: few people type the directory in which outputs lie.
fn find_by_name(graph: &Graph, session: &Session, wanted: &str) -> Result<Option<OperationId>> {
    let ending = format!("/{}", wanted.trim_end_matches('/'));
    let state = &session.state;
    let found: Vec<(OperationId, FileId)> = graph
        .operations()
        .flat_map(|operation| {
            graph
                .outputs(operation)
                .iter()
                .map(move |&file| (operation, file))
        })
        .filter(|(_, file)| {
            let path = state.path(*file);
            path.strip_suffix(b"/")
                .unwrap_or(path)
                .ends_with(ending.as_bytes())
        })
        .collect();
    let makers: BTreeSet<OperationId> = found.iter().map(|(operation, _)| *operation).collect();
    if makers.len() > 1 {
        let names: Vec<String> = found.iter().map(|(_, file)| state.display(*file)).collect();
        return Err(ambiguous(
            format!("Several operations make a file `{wanted}`"),
            &names,
        ));
    }
    Ok(makers.first().copied())
}

/// The files that a path may mean: relative to the workspace's top, or to where wake was started.
fn files(session: &mut Session, wanted: &str) -> Vec<FileId> {
    let absolute = path::clean(&session.place.workspace.start.join(wanted));
    let here = path::display(&absolute, &session.place.workspace.top);
    let mut files = Vec::new();
    for candidate in [wanted, &here] {
        for spelling in [candidate.to_owned(), format!("{candidate}/")] {
            files.extend(session.state.find(spelling.as_bytes()));
        }
    }
    files
}

/// The most operations that are listed.
const MOST_LISTED: usize = 20;

/// Several operations may be meant; each of `names` is a file that one of them makes.
fn ambiguous(subject: String, names: &[String]) -> Error {
    let mut error = Error::user(subject);
    for name in names.iter().take(MOST_LISTED) {
        error = error.cause(format!("one makes `{name}`"));
    }
    if let Some(more @ 1..) = names.len().checked_sub(MOST_LISTED) {
        error = error.cause(format!("and there are {more} more"));
    }
    error.hint("name a file that the operation makes")
}
