//! `wake graph`: prints the operations and what they need of each other.

use std::process::ExitCode;

use petgraph::dot::{Config, Dot};
use petgraph::graph::{DiGraph, NodeIndex};
use serde_json::{Value, json};

use crate::cli::options::{self, GraphFormat};
use crate::error::Result;
use crate::evaluate::state::State;
use crate::graph::{FileId, Graph, OperationId};
use crate::report::{self, ConsoleOptions};

pub(super) fn run(options: &options::Graph, console: ConsoleOptions) -> Result<ExitCode> {
    let (session, graph) = super::graph_of(
        &options.targets,
        &options.parameters,
        options.declarations,
        console,
    )?;
    let text = match options.format {
        GraphFormat::Dot => dot(&graph),
        GraphFormat::Json => format!("{:#}\n", json(&graph, &session.state)),
    };
    session.close()?;
    report::data(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn dot(graph: &Graph) -> String {
    let mut drawn = DiGraph::<OperationId, ()>::with_capacity(graph.operation_count(), 0);
    for operation in graph.operations() {
        let node = drawn.add_node(operation);
        for dependency in graph.dependencies(operation) {
            drawn.add_edge(NodeIndex::new(dependency.index()), node, ());
        }
    }
    let label = |_, (_, operation): (NodeIndex, &OperationId)| {
        let label = format!(
            "{}\n{}",
            graph.cold(*operation).title,
            graph.instance(*operation).label
        );
        format!("label = {}", Value::from(label))
    };
    let config = [Config::EdgeNoLabel, Config::NodeNoLabel];
    format!(
        "{:?}",
        Dot::with_attr_getters(&drawn, &config, &|_, _| String::new(), &label)
    )
}

/// `operations`: a list in topological order of `{id, title, instance, inputs, orderOnly, outputs, needs, test}`;
/// `instances`: of `{label, targetDirectory, requested}`. Paths are relative to the workspace's top.
fn json(graph: &Graph, state: &State) -> Value {
    let paths = |files: &[FileId]| -> Vec<String> {
        files.iter().map(|file| state.display(*file)).collect()
    };
    let operations: Vec<Value> = graph
        .operations()
        .map(|operation| {
            let needs: Vec<u32> = graph
                .dependencies(operation)
                .iter()
                .map(|needed| needed.0)
                .collect();
            json!({
                "id": operation.0,
                "title": graph.cold(operation).title,
                "instance": graph.instance(operation).label,
                "inputs": paths(graph.inputs(operation)),
                "orderOnly": paths(graph.order_only(operation)),
                "outputs": paths(graph.outputs(operation)),
                "needs": needs,
                "test": graph.is_test(operation),
            })
        })
        .collect();
    let instances: Vec<Value> = graph
        .meta()
        .instances
        .iter()
        .map(|instance| {
            json!({
                "label": instance.label,
                "targetDirectory": instance.target_directory,
                "requested": instance.requested,
            })
        })
        .collect();
    json!({ "instances": instances, "operations": operations })
}
