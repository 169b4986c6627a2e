//! `wake why`: why operations would run now, or why they ran last time.

use std::process::ExitCode;

use std::collections::{BTreeSet, HashSet};

use serde_json::{Value, json};

use crate::cli::options::{TextFormat, Why};
use crate::cli::session::{Asked, Session};
use crate::error::{Error, Result, suggestion};
use crate::evaluate::state::Story;
use crate::evaluate::{self, Real, State};
use crate::event::{Reason, Subscriber};
use crate::fs::path;
use crate::generate::Purpose;
use crate::graph::{FileId, Graph, OperationId};
use crate::report::{self, ConsoleOptions};
use crate::workspace::discover;

pub(super) fn run(options: &Why, console: ConsoleOptions) -> Result<ExitCode> {
    let mut subscribers = super::quiet(console)?;
    let mut session = Session::open(options.declarations, 1, &mut subscribers)?;
    let answers = answers(options, &mut session, &mut subscribers)?;
    session.close()?;
    report::data(&match options.format {
        TextFormat::Text => text(options, &answers),
        TextFormat::Json => format!("{:#}\n", answers.iter().map(to_json).collect::<Value>()),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// What is known of one operation.
struct Answer {
    title: String,
    operation: String,
    /// Why it would run now.
    now: Option<Reason>,
    /// Why it ran last time.
    last: Option<Reason>,
    /// Whether it is no part of what the package here is built with, so what it would do now is not known.
    is_elsewhere: bool,
}

fn answers(
    options: &Why,
    session: &mut Session,
    subscriber: &mut dyn Subscriber,
) -> Result<Vec<Answer>> {
    if let Some(wanted) = &options.operation {
        return Ok(vec![one(wanted, options, session, subscriber)?]);
    }
    let mut answers = Vec::new();
    let graph = graph(options, session, Purpose::Build, subscriber)?;
    let world = Real::new(&session.place.layout.state_directory());
    would_run(&graph, session, &world, &mut answers)?;
    ran_last(session, &mut answers)?;
    Ok(answers)
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
) -> Result<Answer> {
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
    if let Some(answer) = recorded(session, wanted)? {
        return Ok(answer);
    }
    let hint = suggestion(wanted, titles.iter().map(String::as_str));
    Err(
        Error::user(format!("No operation makes `{wanted}` or is called so")).hint(
            hint.unwrap_or_else(|| "`wake graph --format json` lists the operations".to_owned()),
        ),
    )
}

/// What is known of an operation of a graph.
fn planned(graph: &Graph, session: &mut Session, operation: OperationId) -> Result<Answer> {
    let world = Real::new(&session.place.layout.state_directory());
    let now = evaluate::explain(graph, &mut session.state, &world, &[operation])?.pop();
    let last = last(&session.state, graph.identity(operation));
    Ok(Answer {
        title: graph.cold(operation).title,
        operation: evaluate::name(graph, &session.state, operation),
        now: now.map(|(_, reason)| reason),
        last: last.map(|(_, story)| story.reason),
        is_elsewhere: false,
    })
}

/// What is known of an operation that ran here but is no part of what was looked at: of another package, or with other
/// parameters.
fn recorded(session: &mut Session, wanted: &str) -> Result<Option<Answer>> {
    let files = files(session, wanted);
    let state = &session.state;
    let mut found: Vec<(FileId, Story)> = Vec::new();
    for identity in state.identities() {
        let Some((_, story)) = last(state, identity) else {
            continue;
        };
        let is_maker = || {
            files
                .iter()
                .any(|file| state.written_by(identity).contains(file))
        };
        if story.title == wanted || is_maker() {
            found.push((identity, story));
        }
    }
    match found.len() {
        0 | 1 => Ok(found.pop().map(|(identity, story)| Answer {
            title: story.title,
            operation: state.display(identity),
            now: None,
            last: Some(story.reason),
            is_elsewhere: true,
        })),
        _ => {
            let mut names: Vec<String> = found
                .iter()
                .map(|(identity, _)| state.display(*identity))
                .collect();
            names.sort();
            Err(ambiguous(wanted, &names))
        }
    }
}

/// The operations of the package here that are out of date.
fn would_run(
    graph: &Graph,
    session: &mut Session,
    world: &Real,
    answers: &mut Vec<Answer>,
) -> Result<()> {
    let operations: Vec<OperationId> = graph
        .operations()
        .filter(|&operation| !graph.is_test(operation))
        .collect();
    for (operation, now) in evaluate::explain(graph, &mut session.state, world, &operations)? {
        answers.push(Answer {
            title: graph.cold(operation).title,
            operation: evaluate::name(graph, &session.state, operation),
            now: Some(now),
            last: None,
            is_elsewhere: false,
        });
    }
    Ok(())
}

/// The operations that the latest build ran, in the order they finished, but for those that are listed already.
fn ran_last(session: &Session, answers: &mut Vec<Answer>) -> Result<()> {
    let began = session.last_build()?;
    let state = &session.state;
    let mut ran: Vec<(i64, Answer)> = Vec::new();
    for identity in state.identities() {
        if let Some((finished, story)) =
            last(state, identity).filter(|(finished, _)| *finished >= began)
        {
            let operation = state.display(identity);
            let last = Some(story.reason);
            ran.push((
                finished,
                Answer {
                    title: story.title,
                    operation,
                    now: None,
                    last,
                    is_elsewhere: false,
                },
            ));
        }
    }
    ran.sort_by(|a, b| (a.0, &a.1.operation).cmp(&(b.0, &b.1.operation)));
    let listed: HashSet<String> = answers
        .iter()
        .map(|answer| answer.operation.clone())
        .collect();
    answers.extend(
        ran.into_iter()
            .map(|(_, answer)| answer)
            .filter(|answer| !listed.contains(&answer.operation)),
    );
    Ok(())
}

/// When an operation finished last, and what is told of that run.
fn last(state: &State, identity: FileId) -> Option<(i64, Story)> {
    let result = state.result(identity)?;
    Some((result.finished(), result.story()?))
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
            Ok(files.into_iter().find_map(|file| graph.maker(file)))
        }
        [only] => Ok(Some(*only)),
        several => {
            let name = |&operation| evaluate::name(graph, &session.state, operation);
            let names: Vec<String> = several.iter().map(name).collect();
            Err(ambiguous(wanted, &names))
        }
    }
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

/// Several operations share a title; each of `names` is a file that one of them makes.
fn ambiguous(title: &str, names: &[String]) -> Error {
    let error = Error::user(format!("Several operations have the title `{title}`"));
    names
        .iter()
        .fold(error, |error, name| {
            error.cause(format!("one makes `{name}`"))
        })
        .hint("name a file that the operation makes")
}

fn text(options: &Why, answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        let heading = match (&answer.now, &answer.last) {
            (Some(_), _) => "would run now",
            (None, Some(_)) if answer.is_elsewhere => {
                "ran last time, for another package or with other parameters"
            }
            (None, Some(_)) => "ran last time",
            (None, None) => "is up to date",
        };
        text += &format!("{} {heading}\n", answer.title);
        for reason in answer
            .now
            .iter()
            .chain(answer.last.iter().filter(|_| answer.now.is_none()))
        {
            text += &report::why::because(reason);
        }
    }
    if answers.is_empty() && options.operation.is_none() {
        text += "Nothing has run here, and nothing would\n";
    }
    text
}

fn to_json(answer: &Answer) -> Value {
    json!({
        "title": answer.title,
        "operation": answer.operation,
        "now": answer.now,
        "last": answer.last,
    })
}
