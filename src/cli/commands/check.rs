//! `wake check`: what operations were seen to read of the workspace and do not declare, as what to add to their inputs.

use std::path::Path;
use std::process::ExitCode;

use super::why;
use crate::cli::options::Undeclared;
use crate::error::Result;
use crate::evaluate::state::State;
use crate::graph::{Graph, OperationId};
use crate::report::account::{Counts, Read};
use crate::report::{self, ConsoleOptions};

/// Something is not declared.
const INCOMPLETE: u8 = 1;

pub(super) fn run(options: &Undeclared, console: ConsoleOptions) -> Result<ExitCode> {
    let (session, graph) = super::graph_of(
        &options.targets,
        &options.parameters,
        options.declarations,
        console,
    )?;
    let (mut text, mut unknown, mut count) = (String::new(), 0, 0);
    for operation in graph.operations() {
        let missing = missing(&graph, &session.state, operation);
        unknown += usize::from(missing.is_none());
        let missing = missing.unwrap_or_default();
        if !missing.is_empty() {
            count += 1;
            text += &proposal(&graph, operation, &missing);
        }
    }
    session.close()?;
    text += &match count {
        0 => "What operations read is declared\n".to_owned(),
        1 => "1 operation reads what it does not declare\n".to_owned(),
        _ => format!("{count} operations read what they do not declare\n"),
    };
    if unknown > 0 {
        text += &format!("What {unknown} read is not known: they have not run yet\n");
    }
    report::data(&text)?;
    Ok(match count {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::from(INCOMPLETE),
    })
}

/// The files of the workspace that an operation read the last time and does not declare; `None` if it has not run. What
/// is read by those that write a depfile, that declares.
fn missing(graph: &Graph, state: &State, operation: OperationId) -> Option<Vec<String>> {
    let result = state.result(graph.identity(operation))?;
    if graph.cold(operation).depfile.is_some() {
        return Some(Vec::new());
    }
    let reads = why::reads_of(state, &result);
    let order_only = graph.order_only(operation).iter();
    let mut declared: Vec<String> = order_only.map(|file| state.display(*file)).collect();
    let known = reads.iter().filter(|read| read.declared);
    declared.extend(known.map(|read| read.path.clone()));
    // One that lies in a directory that is declared is, too.
    let is_declared = |path: &Path| declared.iter().any(|known| path.starts_with(known));
    let is_missing = |read: &Read| {
        let path = Path::new(&read.path);
        matches!(read.what, Counts::Content) && !path.is_absolute() && !is_declared(path)
    };
    let missing = reads.into_iter().filter(is_missing);
    Some(missing.map(|read| read.path).collect())
}

/// Where the operation is declared, and what to add there.
fn proposal(graph: &Graph, operation: OperationId, missing: &[String]) -> String {
    let cold = graph.cold(operation);
    let at = match cold.declared.as_str() {
        "" => &graph.instance(operation).declared,
        at => at,
    };
    let package = graph.root(operation, "package");
    let package = package.map_or("", |root| root.directory.as_str());
    let mut text = format!("{at}: add to the inputs of `{}`:\n", cold.title);
    for path in missing {
        let below = Path::new(path).strip_prefix(package).ok();
        let path = below.map_or(path.as_str().into(), Path::to_string_lossy);
        text += &format!("  '{}',\n", path.replace('\\', "\\\\").replace('\'', "\\'"));
    }
    text
}
