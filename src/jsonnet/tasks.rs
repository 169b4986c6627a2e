//! Generates one recipe: runs the tasks of its plugins in order and collects what they return (DESIGN §4.3).
//!
//! It knows nothing of what tasks are for: state goes in and comes out as tables.

use std::rc::Rc;

use jrsonnet_evaluator::operator::evaluate_add_op;
use jrsonnet_evaluator::{ObjValue, ObjValueBuilder, ResultExt, Val};
use serde_json::{Map, Value, json};

use super::error::raise;
use super::functions::add_context_functions;
use super::json::{to_table, to_value, type_name};
use super::library::{Made, host_value, made_of};
use super::module::place_at;
use super::plugin::{Task, load, ordered};
use super::protocol::{DependencyState, GenerateInput, Generated, OperationSpec, TaskMessage};
use super::session::{Evaluated, Scope, Session, body_of_function, call};
use crate::error::{Error, suggestion};
use crate::event::Level;

/// The kinds of dependencies that `ctx.dependencies` always has.
const KINDS: [&str; 4] = ["Runtime", "Build", "Tool", "Test"];

/// What a task may return.
const RESULT_FIELDS: [&str; 5] = [
    "activeState",
    "sharedState",
    "operations",
    "messages",
    "preprocess",
];

/// Runs the tasks of an instance.
pub(super) fn generate(
    session: &Rc<Session>,
    input: &GenerateInput,
    recipe: &Value,
) -> Evaluated<Generated> {
    let scope = Scope::new(session, &input.package);
    let mut tasks = Vec::new();
    for (index, plugin) in input.plugins.iter().enumerate() {
        if input.plugins[..index].contains(plugin) {
            continue;
        }
        load(session, &scope, plugin, &mut tasks)?;
    }
    session.work_on(&format!("the tasks of `{}`", input.label));
    let fixed = fixed_context(session, input, recipe);
    let mut run = Run {
        session,
        scope: &scope,
        input,
        active: json!({}),
        generated: Generated {
            shared_state: json!({}),
            ..Generated::default()
        },
    };
    for task in ordered(tasks, &input.label).map_err(raise)? {
        let at = body_of_function(session, &task.run);
        run.task(&task, &fixed)
            .map_err(|error| place_at(error, at.as_ref()))
            .with_description(|| {
                format!(
                    "task `{}` of `{}` for `{}`",
                    task.name, task.plugin, input.label
                )
            })?;
    }
    run.generated.tool_directories = session.take_tool_directories();
    Ok(run.generated)
}

/// The part of `ctx` that is the same for all tasks.
fn fixed_context(
    session: &Session,
    input: &GenerateInput,
    recipe: &Value,
) -> Vec<(&'static str, Val)> {
    let name = match input.module.as_str() {
        "root" => input.info.name.as_str(),
        module => module,
    };
    vec![
        ("name", Val::string(name)),
        ("version", to_value(&json!(input.info.version))),
        ("module", Val::string(input.module.as_str())),
        ("parameters", to_value(&json!(input.parameters))),
        ("recipe", to_value(recipe)),
        ("config", to_value(&input.config)),
        ("packageDirectory", Val::string("$(package)")),
        ("targetDirectory", Val::string("$(target)")),
        ("host", host_value(session)),
        ("sdks", to_value(&json!(input.sdks))),
        ("sharedKeys", to_value(&json!(input.shared_keys))),
        ("preprocessors", to_value(&json!(input.preprocessed))),
        ("dependencies", to_value(&dependencies(&input.dependencies))),
    ]
}

/// `{Runtime: [{name, module, …}], …}`.
fn dependencies(states: &[DependencyState]) -> Value {
    let mut kinds = Map::new();
    for kind in KINDS {
        kinds.insert(kind.to_owned(), json!([]));
    }
    for state in states {
        let list = kinds.entry(state.kind.clone()).or_insert_with(|| json!([]));
        if let Value::Array(list) = list {
            list.push(json!({
                "name": state.name,
                "module": state.module,
                "reference": state.reference,
                "targetDirectory": state.target_directory,
                "executable": state.executable,
                "sharedState": state.shared_state,
            }));
        }
    }
    Value::Object(kinds)
}

/// Tasks running one after the other.
struct Run<'a> {
    session: &'a Rc<Session>,
    scope: &'a Rc<Scope>,
    input: &'a GenerateInput,
    active: Value,
    generated: Generated,
}

impl Run<'_> {
    fn task(&mut self, task: &Task, fixed: &[(&'static str, Val)]) -> Evaluated<()> {
        self.session.work_on(&format!(
            "the task `{}` of `{}`",
            task.name, self.input.label
        ));
        let result = match call(self.session, &task.run, &[self.context(fixed)])? {
            Val::Obj(result) => result,
            other => return Err(self.wrong(task, "what `run` returns", "an object", &other)),
        };
        for field in result.fields() {
            if !RESULT_FIELDS.contains(&&*field) {
                return Err(raise(
                    Error::user(format!(
                        "The task `{}` returns an unknown field `{field}`",
                        task.name
                    ))
                    .hint_option(suggestion(&field, RESULT_FIELDS)),
                ));
            }
        }
        let (active, shared) = (self.active.take(), self.generated.shared_state.take());
        self.active = self.merged(task, active, &result, "activeState")?;
        self.generated.shared_state = self.merged(task, shared, &result, "sharedState")?;
        let operations = self.operations(task, &result, "operations")?;
        self.generated.operations.extend(operations);
        let preprocess = self.operations(task, &result, "preprocess")?;
        self.generated.preprocess.extend(preprocess);
        self.add_messages(task, &result)
    }

    fn context(&self, fixed: &[(&'static str, Val)]) -> Val {
        let mut builder = ObjValueBuilder::with_capacity(fixed.len() + 5);
        for (name, value) in fixed {
            builder.field(*name).value(value.clone());
        }
        builder.field("activeState").value(to_value(&self.active));
        builder
            .field("sharedState")
            .value(to_value(&self.generated.shared_state));
        add_context_functions(&mut builder, self.scope);
        Val::Obj(builder.build())
    }

    /// `state + result.<field>`, as the next task sees it.
    fn merged(
        &self,
        task: &Task,
        state: Value,
        result: &ObjValue,
        field: &str,
    ) -> Evaluated<Value> {
        let added = match result.get(field.into())? {
            None | Some(Val::Null) => return Ok(state),
            Some(added @ Val::Obj(_)) => added,
            Some(other) => return Err(self.wrong(task, field, "an object", &other)),
        };
        let merged = evaluate_add_op(&to_value(&state), &added)?;
        to_table(self.session, &merged, field)
    }

    fn operations(
        &self,
        task: &Task,
        result: &ObjValue,
        field: &str,
    ) -> Evaluated<Vec<OperationSpec>> {
        let items = self.items(task, result, field)?.into_iter();
        let operation = |(path, item): (String, Val)| match made_of(self.session, &item) {
            Some(Made::Operation(spec)) => Ok((*spec).clone()),
            _ => {
                let expected = "an operation (`wake.operation`, `wake.writeFile`, …)";
                Err(self.wrong(task, &path, expected, &item))
            }
        };
        items.map(operation).collect()
    }

    fn add_messages(&mut self, task: &Task, result: &ObjValue) -> Evaluated<()> {
        for (path, item) in self.items(task, result, "messages")? {
            match made_of(self.session, &item) {
                Some(Made::Message(Level::Error, text, at)) => {
                    // It is the declaration that has to change, not the plugin.
                    let at = self.input.at.clone().or(at);
                    let cause =
                        format!("the task `{}` of `{}` says so", task.name, self.input.label);
                    return Err(raise(
                        Error::user(text).cause(cause).at_if_absent(at.as_ref()),
                    ));
                }
                Some(Made::Message(level, text, _)) => {
                    let task = format!("{} of {}", task.name, task.plugin);
                    let messages = &mut self.generated.messages;
                    messages.push(TaskMessage { level, text, task });
                }
                _ => {
                    let expected = "a message (`wake.info`, `wake.warning`, `wake.fail`)";
                    return Err(self.wrong(task, &path, expected, &item));
                }
            }
        }
        Ok(())
    }

    /// The items of a list that a task returned, with their paths.
    fn items(&self, task: &Task, result: &ObjValue, field: &str) -> Evaluated<Vec<(String, Val)>> {
        match result.get(field.into())? {
            None | Some(Val::Null) => Ok(Vec::new()),
            Some(Val::Arr(items)) => (items.iter().enumerate())
                .map(|(index, item)| Ok((format!("{field}[{index}]"), item?)))
                .collect(),
            Some(other) => Err(self.wrong(task, field, "a list", &other)),
        }
    }

    fn wrong(
        &self,
        task: &Task,
        field: &str,
        expected: &str,
        value: &Val,
    ) -> jrsonnet_evaluator::Error {
        raise(Error::user(format!(
            "`{field}` of the task `{}` must be {expected}, not {}",
            task.name,
            type_name(self.session, value)
        )))
    }
}
