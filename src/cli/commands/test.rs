//! `wake test`: builds and runs tests.

use std::process::ExitCode;

use std::collections::HashMap;

use super::build::Building;
use crate::cli::options::Test;
use crate::error::{Error, Result, suggestion};
use crate::evaluate::Wanted;
use crate::evaluate::state::State;
use crate::event::Summary;
use crate::generate::Purpose;
use crate::graph::Graph;
use crate::report::{self, ConsoleOptions, Junit, Verbosity};

pub(super) fn run(options: &Test, console: ConsoleOptions) -> Result<ExitCode> {
    let mut building = Building::begin(&options.build, console)?;
    building.test_arguments.clone_from(&options.arguments);
    building.test_timeout = options.timeout;
    if options.build.is_dry_run {
        return building.foresee(Purpose::Test, &wanted(options, 0));
    }
    let graph = building.prepare(Purpose::Test)?;
    if let Some(file) = &options.junit {
        let tests = tests(&graph, &building.session.state);
        let junit = Junit::create(file, tests, building.files.clone());
        let junit = building.or_abandon(junit)?;
        building.subscribers.push(Box::new(junit));
    }
    if !wanted(options, 0).has_tests(&graph) {
        let said = none(options, &graph, console);
        building.or_abandon(said)?;
    }
    let mut total = Summary::default();
    for round in 0..options.runs {
        let wanted = wanted(options, round);
        let ran = total.ran;
        total = building.build(&graph, wanted)?;
        total.ran += ran;
        if total.failed > 0 || total.tests_failed > 0 || total.interrupted {
            break;
        }
    }
    building.finish(&total).map(ExitCode::from)
}

fn wanted(options: &Test, round: u32) -> Wanted {
    Wanted::Test {
        filter: options.filter.clone(),
        // Tests that are given arguments do something else than what is recorded of them.
        rerun: options.rerun || round > 0 || !options.arguments.is_empty(),
    }
}

/// Says that there are no tests; a filter that matches none was mistyped.
fn none(options: &Test, graph: &Graph, console: ConsoleOptions) -> Result<()> {
    let Some(filter) = &options.filter else {
        if console.verbosity != Verbosity::Quiet {
            report::say("There are no tests here\n");
        }
        return Ok(());
    };
    let titles: Vec<String> = graph
        .operations()
        .filter(|&operation| graph.is_test(operation))
        .map(|operation| graph.cold(operation).title)
        .collect();
    let error = Error::user(format!("No test matches `{filter}`"));
    Err(error.hint_option(suggestion(filter, titles.iter().map(String::as_str))))
}

/// The operations that are tests, by their names in events, with the label of their instance.
fn tests(graph: &Graph, state: &State) -> HashMap<String, String> {
    let tests = graph
        .operations()
        .filter(|&operation| graph.is_test(operation));
    tests
        .map(|operation| {
            let name = crate::evaluate::name(graph, state, operation);
            (name, graph.instance(operation).label.clone())
        })
        .collect()
}
