//! Generates one recipe: runs the tasks of its plugins in order and collects what they return (DESIGN §4.3).
//!
//! It knows nothing of what tasks are for: state goes in and comes out as tables.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use jrsonnet_evaluator::function::FuncVal;
use jrsonnet_evaluator::operator::evaluate_add_op;
use jrsonnet_evaluator::{ObjValue, ObjValueBuilder, ResultExt, Val};
use serde_json::{Map, Value, json};

use super::declaration::declared;
use super::embedded;
use super::error::raise;
use super::functions::{add_context_functions, wake_object};
use super::import::{Owner, PackageFile};
use super::json::{to_table, to_value, type_name};
use super::library::{Made, host_value, made_of};
use super::module::place_at;
use super::protocol::{DependencyState, GenerateInput, Generated, Plugin};
use super::session::{Evaluated, Scope, Session, body_of_function, call};
use crate::error::{Error, suggestion};
use crate::event::Level;
use crate::fs;

/// The kinds of dependencies that `ctx.dependencies` always has.
const KINDS: [&str; 4] = ["Runtime", "Build", "Tool", "Test"];

/// The fields of a task.
const TASK_FIELDS: [&str; 4] = ["name", "runBefore", "runAfter", "run"];

/// What a task may return.
const RESULT_FIELDS: [&str; 4] = ["activeState", "sharedState", "operations", "messages"];

/// A named step of one plugin.
struct Task {
    name: String,
    before: Vec<String>,
    after: Vec<String>,
    run: FuncVal,
    /// The plugin's file, for messages.
    plugin: String,
}

/// Runs the tasks of an instance.
pub(super) fn generate(
    session: &Rc<Session>,
    input: &GenerateInput,
    recipe: &Value,
) -> Evaluated<Generated> {
    let scope = Scope::new(session, &input.package);
    let mut tasks = Vec::new();
    for plugin in &input.plugins {
        load(session, &scope, plugin, &mut tasks)?;
    }
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

/// Adds the tasks of a plugin.
fn load(
    session: &Rc<Session>,
    scope: &Rc<Scope>,
    plugin: &Plugin,
    tasks: &mut Vec<Task>,
) -> Evaluated<()> {
    let (file, value) = plugin_value(session, plugin)?;
    session.work_on(&format!("the plugin `{file}`"));
    let (file, value) = match value {
        Val::Func(function) => {
            let at = body_of_function(session, &function);
            let value = call(session, &function, &[Val::Obj(wake_object(scope))])?;
            (at.map_or(file, |at| at.file), value)
        }
        value => (file, value),
    };
    let list = match &value {
        Val::Obj(object) => object.get("tasks".into())?,
        _ => None,
    };
    let Some(Val::Arr(list)) = list else {
        return Err(raise(
            Error::user(format!("The plugin `{file}` has no list of `tasks`"))
                .hint("a plugin is `function(wake) { name: …, tasks: [ … ] }`"),
        ));
    };
    for (index, item) in list.iter().enumerate() {
        tasks.push(task(session, &file, index, &item?)?);
    }
    Ok(())
}

/// A plugin's file, for messages, and its value.
fn plugin_value(session: &Rc<Session>, plugin: &Plugin) -> Evaluated<(String, Val)> {
    match plugin {
        Plugin::Std(name) => {
            let path = format!("{name}.libsonnet");
            if embedded::content(&path).is_none() {
                return Err(raise(
                    Error::user(format!("There is no built-in plugin `{name}`"))
                        .hint_option(suggestion(name, embedded::plugins())),
                ));
            }
            session.work_on(&format!("the plugin `{name}`"));
            let source = PackageFile::source(PathBuf::from(&path), Owner::Wake);
            let value = session.state()?.import_resolved(source)?;
            Ok((format!("std-plugins/{path}"), value))
        }
        Plugin::Package(directory) => {
            let file = fs::path::display(&directory.directory.join("PKG"), &session.given.top);
            let package = declared(session, directory)?.package;
            let value = match &package.plugin {
                Some(plugin) => plugin.evaluate()?,
                None => Val::Null,
            };
            match value {
                Val::Null => Err(raise(
                    Error::user(format!("`{}` has no `plugin`", package.info.label()))
                        .hint("give `plugin=import 'plugin.libsonnet'` to its `wake.pkg`")
                        .at_if_absent(package.at.as_ref()),
                )),
                value => Ok((file, value)),
            }
        }
    }
}

fn task(session: &Session, file: &str, index: usize, value: &Val) -> Evaluated<Task> {
    let Val::Obj(object) = value else {
        return Err(raise(Error::user(format!(
            "`tasks[{index}]` of the plugin `{file}` must be an object, not {}",
            type_name(session, value)
        ))));
    };
    let subject = match object.get("name".into())? {
        Some(Val::Str(name)) => name.into_flat().to_string(),
        _ => {
            return Err(raise(Error::user(format!(
                "`tasks[{index}]` of the plugin `{file}` needs a `name`"
            ))));
        }
    };
    for field in object.fields() {
        if !TASK_FIELDS.contains(&&*field) {
            return Err(raise(
                Error::user(format!(
                    "The task `{subject}` of `{file}` has an unknown field `{field}`"
                ))
                .hint_option(suggestion(&field, TASK_FIELDS)),
            ));
        }
    }
    let names = |field: &str| {
        let wrong = |value: &Val| {
            raise(Error::user(format!(
                "`{field}` of the task `{subject}` of `{file}` must be a list of names, not {}",
                type_name(session, value)
            )))
        };
        match object.get(field.into())? {
            None | Some(Val::Null) => Ok(Vec::new()),
            Some(Val::Arr(items)) => (items.iter())
                .map(|item| {
                    let item = item?;
                    let text = item.as_str().ok_or_else(|| wrong(&item))?;
                    Ok(text.to_string())
                })
                .collect(),
            Some(other) => Err(wrong(&other)),
        }
    };
    let (before, after) = (names("runBefore")?, names("runAfter")?);
    match object.get("run".into())? {
        Some(Val::Func(run)) => Ok(Task {
            name: subject,
            before,
            after,
            run,
            plugin: file.to_owned(),
        }),
        _ => Err(raise(
            Error::user(format!(
                "The task `{subject}` of `{file}` needs a function `run`"
            ))
            .hint("write `run(ctx):: { … }`"),
        )),
    }
}

/// The tasks in the order in which they run: as `runBefore` and `runAfter` say, then by name.
fn ordered(mut tasks: Vec<Task>, label: &str) -> Result<Vec<Task>, Error> {
    tasks.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(pair) = tasks.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(Error::user(format!(
            "Two tasks of `{label}` are named `{}`",
            pair[0].name
        ))
        .cause(format!("one is in `{}`", pair[0].plugin))
        .cause(format!("the other is in `{}`", pair[1].plugin)));
    }
    let mut waits_for: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    let place = |name: &str| {
        tasks
            .binary_search_by(|task| task.name.as_str().cmp(name))
            .ok()
    };
    for (index, task) in tasks.iter().enumerate() {
        let before = task.before.iter().filter_map(|name| place(name));
        before.for_each(|later| waits_for.entry(later).or_default().push(index));
        let after = task.after.iter().filter_map(|name| place(name));
        waits_for.entry(index).or_default().extend(after);
    }
    let mut order: Vec<usize> = Vec::new();
    while order.len() < tasks.len() {
        let next = (waits_for.iter())
            .find(|(_, earlier)| earlier.iter().all(|index| order.contains(index)))
            .map(|(index, _)| *index);
        let Some(next) = next else {
            return Err(cycle(&tasks, &waits_for, &order, label));
        };
        waits_for.remove(&next);
        order.push(next);
    }
    let mut tasks: Vec<Option<Task>> = tasks.into_iter().map(Some).collect();
    Ok(order
        .into_iter()
        .filter_map(|index| tasks[index].take())
        .collect())
}

/// Follows who waits for whom until a task comes up again.
fn cycle(
    tasks: &[Task],
    waits_for: &BTreeMap<usize, Vec<usize>>,
    done: &[usize],
    label: &str,
) -> Error {
    let mut path: Vec<usize> = waits_for.keys().take(1).copied().collect();
    while let Some(earlier) = path
        .last()
        .and_then(|last| waits_for.get(last))
        .and_then(|earlier| earlier.iter().find(|index| !done.contains(index)))
    {
        if let Some(start) = path.iter().position(|index| index == earlier) {
            path.drain(..start);
            break;
        }
        path.push(*earlier);
    }
    let mut error = Error::user(format!("The tasks of `{label}` wait for each other"));
    for (position, index) in path.iter().enumerate() {
        let next = path[(position + 1) % path.len()];
        let (task, earlier) = (&tasks[*index], &tasks[next]);
        error = error.cause(format!(
            "`{}` of `{}` runs after `{}` of `{}`",
            task.name, task.plugin, earlier.name, earlier.plugin
        ));
    }
    error.hint("change `runBefore` or `runAfter` of one of them")
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
        ("sdks", to_value(&json!([]))),
        ("preprocessors", to_value(&json!({}))),
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
        self.add_operations(task, &result)?;
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

    fn add_operations(&mut self, task: &Task, result: &ObjValue) -> Evaluated<()> {
        for (path, item) in self.items(task, result, "operations")? {
            match made_of(self.session, &item) {
                Some(Made::Operation(spec)) => self.generated.operations.push((*spec).clone()),
                _ => {
                    let expected = "an operation (`wake.operation`, `wake.writeFile`, …)";
                    return Err(self.wrong(task, &path, expected, &item));
                }
            }
        }
        Ok(())
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
                Some(Made::Message(level, text, _)) => self.generated.messages.push((level, text)),
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
