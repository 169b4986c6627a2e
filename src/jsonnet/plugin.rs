//! Loads plugins and puts their tasks in order (DESIGN §4.3).
//!
//! It knows nothing of what tasks are given or return: see [`super::tasks`].

use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use jrsonnet_evaluator::function::FuncVal;
use jrsonnet_evaluator::{ObjValue, Val};

use super::declaration::declared;
use super::embedded;
use super::error::raise;
use super::functions::wake_object;
use super::import::{Owner, PackageFile};
use super::json::type_name;
use super::library::paths;
use super::module::place_at;
use super::protocol::Plugin;
use super::reference::{Entry, entry};
use super::session::{Evaluated, Scope, Session, body_of_function, call};
use crate::declare::model::PackageDirectory;
use crate::error::{Error, suggestion};

/// The fields of a task.
pub(super) static TASK_FIELDS: [Entry; 4] = [
    entry(
        "name",
        "string, required",
        "No two tasks of a module have the same",
    ),
    entry(
        "runBefore",
        "list of names",
        "Tasks that run later than this one; names that no task has are passed over",
    ),
    entry("runAfter", "list of names", "Tasks that run earlier"),
    entry(
        "run",
        "function(ctx), required",
        "What the task does: a pure function from what is known to an object; write it with `::`",
    ),
];

/// A named step of one plugin.
pub(super) struct Task {
    pub(super) name: String,
    before: Vec<String>,
    after: Vec<String>,
    pub(super) run: FuncVal,
    /// The plugin's file, for messages.
    pub(super) plugin: String,
}

/// Adds the tasks of a plugin.
pub(super) fn load(
    session: &Rc<Session>,
    scope: &Rc<Scope>,
    plugin: &Plugin,
    tasks: &mut Vec<Task>,
) -> Evaluated<()> {
    let (file, value) = plugin_value(session, plugin)?;
    session.work_on(&format!("the plugin `{file}`"));
    let (file, at, value) = match value {
        Val::Func(function) => {
            let at = body_of_function(session, &function);
            let wake = wake_object(&scope_of(scope, plugin));
            let value = call(session, &function, &[Val::Obj(wake)])?;
            (at.as_ref().map_or(file, |at| at.file.clone()), at, value)
        }
        value => (file, None, value),
    };
    let found = tasks_of(session, &file, &value);
    tasks.extend(found.map_err(|error| place_at(error, at.as_ref()))?);
    Ok(())
}

/// The tasks of a plugin's value.
fn tasks_of(session: &Session, file: &str, value: &Val) -> Evaluated<Vec<Task>> {
    let list = match value {
        Val::Obj(object) => object.get("tasks".into())?,
        _ => None,
    };
    let Some(Val::Arr(list)) = list else {
        return Err(raise(
            Error::user(format!("The plugin `{file}` has no list of `tasks`"))
                .hint("a plugin is `function(wake) { name: …, tasks: [ … ] }`"),
        ));
    };
    (list.iter().enumerate())
        .map(|(index, item)| task(session, file, index, &item?))
        .collect()
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
            let value = session.given.builtin.value(&path)?;
            Ok((format!("std-plugins/{path}"), value))
        }
        Plugin::File(directory, file) => {
            let path = directory.directory.join(file);
            let shown = directory.display(&path);
            session.work_on(&format!("the plugin `{shown}`"));
            let owner = Owner::Package(Rc::new(directory.clone()));
            let value = session
                .state()?
                .import_resolved(PackageFile::source(path.clone(), owner))?;
            if paths::is_made(&directory.top, &path) {
                refuse_neighbours(session, &path, &shown)?;
            }
            Ok((shown, value))
        }
        Plugin::Package(directory) => {
            let file = directory.display(&directory.directory.join("PKG"));
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

/// Refuses a plugin that an operation makes and that imports what lies beside it: nothing tells whether that is up to date.
fn refuse_neighbours(session: &Session, path: &Path, shown: &str) -> Evaluated<()> {
    let imports = session.imports_of(path).map_err(raise)?;
    let mut imports = imports.iter().flat_map(|imports| imports.iter());
    let is_elsewhere = |path: &str| path.starts_with("wake/") || path.starts_with("pkgs/");
    match imports.find(|import| !is_elsewhere(&import.path)) {
        Some(import) => Err(raise(
            Error::user(format!(
                "The plugin `{shown}`, which an operation makes, imports `{}`",
                import.path
            ))
            .hint("have the operation put all that it needs into the one file"),
        )),
        None => Ok(()),
    }
}

/// A plugin works on the package that is built, with the permissions of its own. The built-in ones are wake itself: a
/// fetched package is built with the user's toolchain, wherever variables say that it is.
fn scope_of(built: &Rc<Scope>, plugin: &Plugin) -> Rc<Scope> {
    let granted = match plugin {
        Plugin::Std(_) => None,
        Plugin::Package(package) | Plugin::File(package, _) => package.granted.clone(),
    };
    Scope::new(
        &built.session,
        &PackageDirectory {
            granted,
            ..(*built.package).clone()
        },
    )
}

fn task(session: &Session, file: &str, index: usize, value: &Val) -> Evaluated<Task> {
    let Val::Obj(object) = value else {
        return Err(raise(Error::user(format!(
            "`tasks[{index}]` of the plugin `{file}` must be an object, not {}",
            type_name(session, value)
        ))));
    };
    let Some(Val::Str(name)) = object.get("name".into())? else {
        return Err(raise(Error::user(format!(
            "`tasks[{index}]` of the plugin `{file}` needs a `name`"
        ))));
    };
    let subject = format!("the task `{name}` of `{file}`");
    for field in object.fields() {
        let mut known = TASK_FIELDS.iter().map(|entry| entry.name);
        if !known.any(|name| name == &*field) {
            return Err(raise(
                Error::user(format!("`{field}` is no field of {subject}")).hint_option(suggestion(
                    &field,
                    TASK_FIELDS.iter().map(|entry| entry.name),
                )),
            ));
        }
    }
    let Some(Val::Func(run)) = object.get("run".into())? else {
        return Err(raise(
            Error::user(format!("There is no function `run` in {subject}"))
                .hint("write `run(ctx):: { … }`"),
        ));
    };
    Ok(Task {
        name: name.to_string(),
        before: names(session, object, "runBefore", &subject)?,
        after: names(session, object, "runAfter", &subject)?,
        run,
        plugin: file.to_owned(),
    })
}

/// `runBefore` or `runAfter`.
fn names(session: &Session, task: &ObjValue, field: &str, subject: &str) -> Evaluated<Vec<String>> {
    let wrong = |value: &Val| {
        raise(Error::user(format!(
            "`{field}` of {subject} must be a list of names, not {}",
            type_name(session, value)
        )))
    };
    match task.get(field.into())? {
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
}

/// The tasks in the order in which they run: as `runBefore` and `runAfter` say, then by name.
pub(super) fn ordered(mut tasks: Vec<Task>, label: &str) -> Result<Vec<Task>, Error> {
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
