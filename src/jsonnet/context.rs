//! `ctx`, what a task sees: one table of its fields, with what each means beside the code that makes it.
//!
//! It knows nothing of the order of tasks and of what they return: see [`super::tasks`]. The functions of `ctx` are in
//! [`super::functions`].

use std::rc::Rc;

use jrsonnet_evaluator::{ObjValueBuilder, Val};
use serde_json::{Map, Value, json};

use super::functions::add_context_functions;
use super::json::to_value;
use super::library::host_value;
use super::protocol::{DependencyState, GenerateInput};
use super::reference::{Entry, entry};
use super::session::{Scope, Session};

/// The kinds of dependencies that `ctx.dependencies` always has.
const KINDS: [&str; 4] = ["Runtime", "Build", "Tool", "Test"];

/// What a field is made from.
pub(super) struct Source<'a> {
    pub(super) session: &'a Session,
    pub(super) input: &'a GenerateInput,
    pub(super) recipe: &'a Value,
}

/// A field that is the same for all tasks of a module.
pub(super) struct Field {
    pub(super) entry: Entry,
    make: fn(&Source<'_>) -> Val,
}

const fn field(
    name: &'static str,
    kind: &'static str,
    meaning: &'static str,
    make: fn(&Source<'_>) -> Val,
) -> Field {
    Field {
        entry: entry(name, kind, meaning),
        make,
    }
}

/// The fields of `ctx` that are the same for all tasks.
pub(super) static FIXED: [Field; 14] = [
    field(
        "name",
        "string",
        "The module's name; that of the package if the module is `root`",
        |of| match of.input.module.as_str() {
            "root" => Val::string(of.input.info.name.as_str()),
            module => Val::string(module),
        },
    ),
    field(
        "label",
        "string",
        "The module as messages call it: `acme/terminal:lib`; that of a recipe's `Tests` ends in `.tests`",
        |of| Val::string(of.input.label.as_str()),
    ),
    field("version", "string or null", "The package's version", |of| {
        to_value(&json!(of.input.info.version))
    }),
    field(
        "module",
        "string",
        "The module's name: `root`, `lib`, …",
        |of| Val::string(of.input.module.as_str()),
    ),
    field(
        "parameters",
        "object",
        "`Flavor`, `Architecture`, `System`, `Compiler` and what `-p` adds; they are the same in everything that the \
         module depends on, but for `Build` and `Tool` dependencies",
        |of| to_value(&json!(of.input.parameters)),
    ),
    field(
        "recipe",
        "object",
        "The properties of the recipe, as they are declared",
        |of| to_value(of.recipe),
    ),
    field(
        "config",
        "any",
        "What the dependent gave with `wake.getModule(…, config=…)`; `{}` if nothing",
        |of| to_value(&of.input.config),
    ),
    field(
        "packageDirectory",
        "string",
        "`$(package)`: where the sources are. Paths are written with such tokens, which mean the same on every machine",
        |_| Val::string("$(package)"),
    ),
    field(
        "targetDirectory",
        "string",
        "`$(target)`: where everything that operations make belongs",
        |_| Val::string("$(target)"),
    ),
    field(
        "host",
        "object",
        "The machine that builds: `kernel`, `distribution`, `codename`, `architecture`",
        |of| host_value(of.session),
    ),
    field(
        "sdks",
        "list of objects",
        "The `SDKs` of the user's `LocalUserConfig.sml`: `Name`, `SourceDirectories`, `Properties`",
        |of| to_value(&json!(of.input.sdks)),
    ),
    field(
        "sharedKeys",
        "list of strings",
        "The keys of `recipe` that come from `RootRecipe.sml` alone: a plugin that does not know one need not mind",
        |of| to_value(&json!(of.input.shared_keys)),
    ),
    field(
        "preprocessors",
        "object",
        "What operations that a task asked for with `preprocess` have made: path, as the task wrote it, to content. \
         Empty until they have run",
        |of| to_value(&json!(of.input.preprocessed)),
    ),
    field(
        "dependencies",
        "object of lists",
        "What the module depends on, by kind, in the order it is declared. `Runtime`, `Build`, `Tool` and `Test` are \
         always there",
        |of| to_value(&dependencies(&of.input.dependencies)),
    ),
];

/// The fields of `ctx` that grow from task to task.
pub(super) static STATE: [Entry; 2] = [
    entry(
        "activeState",
        "object",
        "What the tasks before this one have handed to those after them",
    ),
    entry(
        "sharedState",
        "object",
        "What the tasks before this one have handed to the modules that depend on this one",
    ),
];

/// The fields of an element of `ctx.dependencies.<Kind>`, in the order in which [`dependencies`] writes them.
pub(super) static DEPENDENCY: [Entry; 6] = [
    entry(
        "name",
        "string",
        "The package, without its namespace: `terminal`",
    ),
    entry("module", "string", "Its module: `root`"),
    entry("reference", "string", "The package: `acme/terminal`"),
    entry(
        "targetDirectory",
        "string",
        "Where its operations write: `$(target acme/terminal:root#…)`",
    ),
    entry(
        "executable",
        "string or null",
        "The program that it makes (`Build.RunExecutable` of its shared state), to run in operations",
    ),
    entry(
        "sharedState",
        "object",
        "What its tasks handed to its dependents",
    ),
];

/// The fields that are the same for all tasks, made once.
pub(super) fn fixed(source: &Source<'_>) -> Vec<(&'static str, Val)> {
    let made = FIXED.iter();
    made.map(|field| (field.entry.name, (field.make)(source)))
        .collect()
}

/// `ctx` of one task.
pub(super) fn object(
    scope: &Rc<Scope>,
    fixed: &[(&'static str, Val)],
    active: &Value,
    shared: &Value,
) -> Val {
    let mut builder = ObjValueBuilder::with_capacity(fixed.len() + 5);
    for (name, value) in fixed {
        builder.field(*name).value(value.clone());
    }
    for (entry, state) in STATE.iter().zip([active, shared]) {
        builder.field(entry.name).value(to_value(state));
    }
    add_context_functions(&mut builder, scope);
    Val::Obj(builder.build())
}

/// `{Runtime: [{name, module, …}], …}`.
fn dependencies(states: &[DependencyState]) -> Value {
    let mut kinds = Map::new();
    for kind in KINDS {
        kinds.insert(kind.to_owned(), json!([]));
    }
    for state in states {
        let values = [
            json!(state.name),
            json!(state.module),
            json!(state.reference),
            json!(state.target_directory),
            json!(state.executable),
            state.shared_state.clone(),
        ];
        let names = DEPENDENCY.iter().map(|entry| entry.name.to_owned());
        let dependency: Map<String, Value> = names.zip(values).collect();
        let list = kinds.entry(state.kind.clone()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(Value::Object(dependency));
        }
    }
    Value::Object(kinds)
}
