//! Generates one recipe: runs the tasks of its plugins in order and collects what they return (DESIGN §4.3).
//!
//! It knows nothing of what tasks are for: state goes in and comes out as tables.

use std::rc::Rc;

use jrsonnet_evaluator::operator::evaluate_add_op;
use jrsonnet_evaluator::{ObjValue, ResultExt, Val};
use serde_json::Value;

use super::context::{self, Source};
use super::error::raise;
use super::json::{to_table, to_value, type_name};
use super::library::{Made, made_of};
use super::module::place_at;
use super::plugin::{Task, load, ordered};
use super::protocol::{
    GenerateInput, Generated, OperationSpec, TaskMessage, TaskState, Trial, Tried,
};
use super::reference::{Entry, entry};
use super::session::{Evaluated, Scope, Session, body_of_function, call};
use crate::declare::model::ModuleBody;
use crate::error::{Error, suggestion};
use crate::event::Level;

/// What a task may return.
pub(super) static RESULTS: [Entry; 5] = [
    entry(
        "activeState",
        "object",
        "Added to the active state with jsonnet's `+`: a plain field replaces, `+:` extends",
    ),
    entry(
        "sharedState",
        "object",
        "Added to the shared state in the same way",
    ),
    entry(
        "operations",
        "list of operations",
        "What is to be run: `wake.operation`, `wake.writeFile`, `wake.copyFile`, `wake.makeDirectory`",
    ),
    entry(
        "messages",
        "list of messages",
        "What people are told: `wake.info`, `wake.warning`; `wake.fail` ends the build",
    ),
    entry(
        "preprocess",
        "list of operations",
        "Operations to run before the rest is known: the module is generated again when their outputs are in \
         `ctx.preprocessors`, and until then everything else that its tasks return is dropped",
    ),
];

/// Runs the tasks of an instance.
pub(super) fn generate(
    session: &Rc<Session>,
    input: &GenerateInput,
    recipe: &Value,
) -> Evaluated<Generated> {
    let scope = Scope::new(session, &input.package);
    let tasks = tasks_of(session, &scope, input)?;
    let mut run = Run::new(session, &scope, input, TaskState::default());
    run.all(&tasks, recipe)?;
    Ok(run.generated)
}

/// Runs tasks from a state that is given.
pub(super) fn attempt(session: &Rc<Session>, trial: &Trial) -> Evaluated<Tried> {
    let input = &trial.input;
    let ModuleBody::Recipe(recipe) = &input.body else {
        return Err(raise(Error::internal("Only a recipe has tasks to try")));
    };
    let scope = Scope::new(session, &input.package);
    let mut tasks = tasks_of(session, &scope, input)?;
    if let Some(names) = &trial.tasks {
        tasks = chosen(tasks, names).map_err(raise)?;
    }
    let mut run = Run::new(session, &scope, input, trial.start.clone());
    run.all(&tasks, recipe)?;
    Ok(Tried {
        generated: run.generated,
        active_state: run.active,
        tasks: tasks.into_iter().map(|task| task.name).collect(),
    })
}

/// The tasks of all plugins of an instance, in their order.
fn tasks_of(
    session: &Rc<Session>,
    scope: &Rc<Scope>,
    input: &GenerateInput,
) -> Evaluated<Vec<Task>> {
    let mut tasks = Vec::new();
    for (index, plugin) in input.plugins.iter().enumerate() {
        if input.plugins[..index].contains(plugin) {
            continue;
        }
        load(session, scope, plugin, &mut tasks)?;
    }
    session.work_on(&format!("the tasks of `{}`", input.label));
    ordered(tasks, &input.label).map_err(raise)
}

/// The tasks of these names.
fn chosen(mut tasks: Vec<Task>, names: &[String]) -> Result<Vec<Task>, Error> {
    let mut chosen = Vec::with_capacity(names.len());
    for name in names {
        let Some(index) = tasks.iter().position(|task| task.name == *name) else {
            let left = tasks.iter().map(|task| task.name.as_str());
            return Err(Error::user(format!("There is no task `{name}` to run"))
                .hint_option(suggestion(name, left)));
        };
        chosen.push(tasks.remove(index));
    }
    Ok(chosen)
}

/// Tasks running one after the other.
struct Run<'a> {
    session: &'a Rc<Session>,
    scope: &'a Rc<Scope>,
    input: &'a GenerateInput,
    active: Value,
    generated: Generated,
}

impl<'a> Run<'a> {
    fn new(
        session: &'a Rc<Session>,
        scope: &'a Rc<Scope>,
        input: &'a GenerateInput,
        start: TaskState,
    ) -> Self {
        Self {
            session,
            scope,
            input,
            active: start.active,
            generated: Generated {
                shared_state: start.shared,
                ..Generated::default()
            },
        }
    }

    fn all(&mut self, tasks: &[Task], recipe: &Value) -> Evaluated<()> {
        let (session, input) = (self.session, self.input);
        let fixed = context::fixed(&Source {
            session,
            input,
            recipe,
        });
        for task in tasks {
            let at = body_of_function(session, &task.run);
            self.task(task, &fixed)
                .map_err(|error| place_at(error, at.as_ref()))
                .with_description(|| {
                    format!(
                        "task `{}` of `{}` for `{}`",
                        task.name, task.plugin, input.label
                    )
                })?;
        }
        self.generated.tool_directories = session.take_tool_directories();
        Ok(())
    }

    fn task(&mut self, task: &Task, fixed: &[(&'static str, Val)]) -> Evaluated<()> {
        self.session.work_on(&format!(
            "the task `{}` of `{}`",
            task.name, self.input.label
        ));
        let (active, shared) = (&self.active, &self.generated.shared_state);
        let context = context::object(self.scope, fixed, active, shared);
        let result = match call(self.session, &task.run, &[context])? {
            Val::Obj(result) => result,
            other => {
                return Err(raise(Error::user(format!(
                    "`run` of the task `{}` must return an object, not {}",
                    task.name,
                    type_name(self.session, &other)
                ))));
            }
        };
        for field in result.fields() {
            let mut known = RESULTS.iter().map(|entry| entry.name);
            if !known.any(|name| name == &*field) {
                return Err(raise(
                    Error::user(format!(
                        "The task `{}` returns an unknown field `{field}`",
                        task.name
                    ))
                    .hint_option(suggestion(&field, RESULTS.iter().map(|entry| entry.name))),
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
