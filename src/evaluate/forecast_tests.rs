//! What past builds teach the next one: which operation is started first, and what it is likely to take.

use std::path::Path;

use crate::graph::{Graph, OperationId};

use super::forecast::{Expected, Forecast};
use super::imitation::Imitation;
use super::model::{Spec, build, graph};
use super::state::State;

/// An operation that reads files and writes one.
fn spec(title: &str, inputs: &[&str], output: &str) -> Spec {
    let reads = inputs.iter().map(|input| format!("read:/w/{input}"));
    Spec {
        title: title.to_owned(),
        arguments: reads.chain([format!("write:/w/{output}")]).collect(),
        inputs: inputs.iter().map(|input| (*input).to_owned()).collect(),
        outputs: vec![output.to_owned()],
        ..Spec::default()
    }
}

/// All of it built once, with these seconds and MiB on record, by title.
fn built(specs: &[Spec], recorded: &[(&str, u64, u64)]) -> (Imitation, State) {
    let world = Imitation::new(1);
    world.edit("src", "1");
    let mut state = State::in_memory(Path::new("/w"));
    let (summary, _) = build(specs, &mut state, &world, |_| {});
    assert_eq!(summary.ran, specs.len());
    let graph = graph(&mut state, "/bin/sh", specs);
    for operation in graph.operations() {
        let title = graph.cold(operation).title;
        let result = state.result(graph.identity(operation)).unwrap();
        let mut outcome = result.to_outcome().unwrap();
        let (_, seconds, mib) = recorded.iter().find(|(of, ..)| *of == title).unwrap();
        outcome.microseconds = seconds * 1_000_000;
        outcome.memory_kib = mib << 10;
        state.finish(&outcome);
    }
    world.sleep();
    (world, state)
}

/// Catches priorities that count steps: three short ones would go before a long one.
#[test]
fn what_took_long_is_started_first_with_all_that_leads_to_it() {
    let specs = [
        spec("short 1", &["src"], "out/1"),
        spec("short 2", &["out/1"], "out/2"),
        spec("short 3", &["out/2"], "out/3"),
        spec("quick", &["src"], "out/quick"),
        spec("slow", &["out/quick"], "out/slow"),
    ];
    let recorded = [
        ("short 1", 1, 1),
        ("short 2", 1, 1),
        ("short 3", 1, 1),
        ("quick", 1, 1),
        ("slow", 9, 1),
    ];
    let (world, mut state) = built(&specs, &recorded);
    world.edit("src", "2");
    let (_, heard) = build(&specs, &mut state, &world, |_| {});
    assert_eq!(
        heard.ran(),
        ["quick", "slow", "short 1", "short 2", "short 3"]
    );
}

fn find(graph: &Graph, title: &str) -> OperationId {
    let mut all = graph.operations();
    all.find(|one| graph.cold(*one).title == title).unwrap()
}

#[test]
fn what_never_ran_is_likely_to_take_what_its_kind_takes() {
    let mut specs = vec![
        spec("Compile a", &["src"], "out/a"),
        spec("Compile b", &["src"], "out/b"),
        spec("Link c", &["src"], "out/c"),
    ];
    let recorded = [
        ("Compile a", 2, 20),
        ("Compile b", 4, 40),
        ("Link c", 60, 600),
    ];
    let (_world, mut state) = built(&specs, &recorded);
    for title in ["Compile d", "Link e", "Bless f"] {
        let output = format!("out/{title}");
        specs.push(spec(title, &["src"], &output));
    }
    let graph = graph(&mut state, "/bin/sh", &specs);
    let forecast = Forecast::new(&graph, &state);
    let of = |title| {
        let Expected {
            microseconds,
            memory_kib,
        } = forecast.of(&graph, &state, find(&graph, title));
        (microseconds / 1_000_000, memory_kib >> 10)
    };
    assert_eq!(of("Compile a"), (2, 20));
    assert_eq!(of("Compile d"), (3, 30));
    assert_eq!(of("Link e"), (60, 600));
    // Of its kind nothing is known: what all take.
    assert_eq!(of("Bless f"), (22, 220));
}

/// Catches one that was killed for want of memory and is started beside others again, as if it took nothing.
#[test]
fn one_that_failed_takes_the_time_of_its_kind_and_the_memory_it_had() {
    let specs = [
        spec("Link a", &["src"], "out/a"),
        spec("Link b", &["src"], "out/b"),
    ];
    let (_world, mut state) = built(&specs, &[("Link a", 9, 90), ("Link b", 1, 500)]);
    let graph = graph(&mut state, "/bin/sh", &specs);
    let failed = find(&graph, "Link b");
    let result = state.result(graph.identity(failed)).unwrap();
    let mut outcome = result.to_outcome().unwrap();
    outcome.flags = 0;
    state.finish(&outcome);
    let expected = Forecast::new(&graph, &state).of(&graph, &state, failed);
    assert_eq!(expected.microseconds, 9_000_000);
    assert_eq!(expected.memory_kib, 500 << 10);
}

#[test]
fn where_nothing_is_known_all_are_alike() {
    let mut state = State::in_memory(Path::new("/w"));
    let specs = [spec("Compile a", &["src"], "out/a")];
    let graph = graph(&mut state, "/bin/sh", &specs);
    let expected = Forecast::new(&graph, &state).of(&graph, &state, OperationId(0));
    assert_eq!(expected.microseconds, 1_000_000);
    assert_eq!(expected.memory_kib, 0);
}
