//! `wake why`: why operations would run now, or why they ran last time.

use std::process::ExitCode;

use std::collections::HashSet;

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

pub(super) fn run(options: &Why, console: ConsoleOptions) -> Result<ExitCode> {
    let mut subscribers = super::quiet(console)?;
    let mut session = Session::open(options.evaluation, 1, &mut subscribers)?;
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
}

fn answers(
    options: &Why,
    session: &mut Session,
    subscriber: &mut dyn Subscriber,
) -> Result<Vec<Answer>> {
    let asked = Asked {
        targets: &[],
        parameters: &options.parameters,
        purpose: Purpose::Build,
        trust_saved: false,
    };
    let graph = session.prepare(&asked, subscriber)?.graph;
    let world = Real::new(&session.layout.state_directory());
    let mut answers = Vec::new();
    match &options.operation {
        Some(wanted) => {
            let operation = find(&graph, session, wanted)?;
            let now = evaluate::explain(&graph, &mut session.state, &world, operation)?;
            let last = last(&session.state, graph.identity(operation)).map(|(_, story)| story);
            answers.push(Answer {
                title: graph.cold(operation).title,
                operation: evaluate::name(&graph, &session.state, operation),
                now,
                last: last.map(|story| story.reason),
            });
        }
        None => {
            would_run(&graph, session, &world, &mut answers)?;
            ran_last(session, &mut answers)?;
        }
    }
    Ok(answers)
}

/// The operations of the package here that are out of date.
fn would_run(
    graph: &Graph,
    session: &mut Session,
    world: &Real,
    answers: &mut Vec<Answer>,
) -> Result<()> {
    for operation in graph
        .operations()
        .filter(|&operation| !graph.is_test(operation))
    {
        if let Some(now) = evaluate::explain(graph, &mut session.state, world, operation)? {
            answers.push(Answer {
                title: graph.cold(operation).title,
                operation: evaluate::name(graph, &session.state, operation),
                now: Some(now),
                last: None,
            });
        }
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

/// The operation that makes a file, or that has a title.
fn find(graph: &Graph, session: &mut Session, wanted: &str) -> Result<OperationId> {
    let titled: Vec<OperationId> = graph
        .operations()
        .filter(|&operation| graph.cold(operation).title == wanted)
        .collect();
    match titled.as_slice() {
        [only] => return Ok(*only),
        [] => {}
        several => {
            let mut error = Error::user(format!("Several operations have the title `{wanted}`"));
            for &operation in several {
                let name = evaluate::name(graph, &session.state, operation);
                error = error.cause(format!("one makes `{name}`"));
            }
            return Err(error.hint("name a file that the operation makes"));
        }
    }
    let absolute = path::clean(&session.workspace.start.join(wanted));
    let candidates = [
        wanted.to_owned(),
        path::display(&absolute, &session.workspace.top),
    ];
    for candidate in &candidates {
        for spelling in [candidate.clone(), format!("{candidate}/")] {
            let file = session.state.find(spelling.as_bytes());
            if let Some(operation) = file.and_then(|file| graph.maker(file)) {
                return Ok(operation);
            }
        }
    }
    let titles: Vec<String> = graph
        .operations()
        .map(|operation| graph.cold(operation).title)
        .collect();
    let error = Error::user(format!(
        "No operation of the package here makes `{wanted}` or is called so"
    ));
    Err(
        match suggestion(wanted, titles.iter().map(String::as_str)) {
            Some(hint) => error.hint(hint),
            None => error.hint("`wake graph --format json` lists the operations"),
        },
    )
}

fn text(options: &Why, answers: &[Answer]) -> String {
    let mut text = String::new();
    for answer in answers {
        let heading = match (&answer.now, &answer.last) {
            (Some(_), _) => "would run now",
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
