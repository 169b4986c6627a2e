//! Requests and their answers: what is evaluated of a package, and in which order.
//!
//! It knows nothing of processes. What tasks do is in [`super::tasks`], what a `wake.module` runs in
//! [`super::operation_module`].

use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::State;
use jrsonnet_evaluator::trace::PathResolver;
use serde_json::Value;

use super::builtin::Builtin;
use super::declaration::{Declared, declare, declared};
use super::error::{raise, translate};
use super::import::Imports;
use super::json::to_json;
use super::knowledge::{Knowledge, is_unresolved};
use super::library::package::work_out;
use super::module::module_of;
use super::program::Program;
use super::protocol::{Answer, Answered, GenerateInput, Outcome, Request, Setup};
use super::session::{Evaluated, Given, Session};
use super::{lint, natives, operation_module, script, tasks};
use crate::declare::model::{ModuleBody, PackageDirectory, PackageRequest, Parameters};
use crate::error::Error;
use crate::fs::path;

/// Evaluates one request. `working` hears what is being evaluated.
pub(super) fn evaluate(
    setup: &Rc<Setup>,
    builtin: &Rc<Builtin>,
    request: &Request,
    working: Box<dyn Fn(&str)>,
) -> Outcome {
    let session = Session::new(given(setup, builtin, request), working);
    session.set_state(state(&session));
    let evaluated = answer(&session, request);
    let result = match evaluated {
        Ok(answer) => Ok(answer),
        Err(error) if is_unresolved(&error) => {
            Ok(Answer::Waiting(session.given.knowledge.take_waiting()))
        }
        Err(error) => Err(with_traced(&session, translate(&session, &error))),
    };
    session.end();
    Outcome {
        result,
        reads: session.take_reads(),
        is_recalled: false,
    }
}

fn given(setup: &Rc<Setup>, builtin: &Rc<Builtin>, request: &Request) -> Given {
    let mut given = Given {
        setup: Rc::clone(setup),
        builtin: Rc::clone(builtin),
        top: PathBuf::new(),
        parameters: None,
        config: Value::Null,
        sdk_directories: Vec::new(),
        knowledge: Knowledge::new(None, Vec::new()),
    };
    let (package, answers) = match request {
        Request::Setup(_) => return given,
        Request::Eval { top, .. } | Request::Format { top, .. } | Request::Lint { top, .. } => {
            given.top.clone_from(top);
            given.parameters = Some(Parameters::new());
            return given;
        }
        Request::Declare { package, answers } | Request::Exports { package, answers } => {
            (package, answers)
        }
        Request::Module {
            package,
            config,
            parameters,
            answers,
            ..
        } => {
            given.parameters = Some(parameters.clone());
            given.config.clone_from(config);
            (package, answers)
        }
        Request::Generate(input) => of_instance(&mut given, input),
        Request::Try(trial) => of_instance(&mut given, &trial.input),
    };
    given.top.clone_from(&package.top);
    given.knowledge = Knowledge::new(Some(package.directory.clone()), answers.clone());
    given
}

/// What the tasks of an instance may read, and the packages that it knows.
fn of_instance<'a>(
    given: &mut Given,
    input: &'a GenerateInput,
) -> (&'a PackageDirectory, &'a Vec<(PackageRequest, Answered)>) {
    given.parameters = Some(input.parameters.clone());
    given.config.clone_from(&input.config);
    let directories = input.sdks.iter().flat_map(|sdk| {
        let directories = sdk["SourceDirectories"].as_array();
        directories.into_iter().flatten().filter_map(Value::as_str)
    });
    given.sdk_directories = directories.map(|one| path::clean(Path::new(one))).collect();
    (&input.package, &input.answers)
}

/// The library's state of a session.
fn state(session: &Rc<Session>) -> State {
    let library =
        jrsonnet_stdlib::ContextInitializer::new(PathResolver::Relative(session.given.top.clone()));
    library.settings_mut().trace_printer = Box::new(Tracer(Rc::clone(session)));
    natives::add_to(&library);
    let mut builder = State::builder();
    builder.import_resolver(Imports::new(session));
    builder.context_initializer(library);
    builder.build()
}

/// Keeps what `std.trace` says for the error message.
struct Tracer(Rc<Session>);

impl jrsonnet_stdlib::TracePrinter for Tracer {
    fn print_trace(
        &self,
        location: jrsonnet_evaluator::function::CallLocation<'_>,
        text: jrsonnet_evaluator::IStr,
    ) {
        let place = location.0.and_then(|span| self.0.locate(span));
        self.0.trace(match place {
            Some(place) => format!("{place}: {text}"),
            None => text.to_string(),
        });
    }
}

/// What `std.trace` said helps to understand an error.
fn with_traced(session: &Session, error: Error) -> Error {
    (session.take_traced().into_iter())
        .fold(error, |error, line| error.cause(format!("trace: {line}")))
}

fn answer(session: &Rc<Session>, request: &Request) -> Evaluated<Answer> {
    match request {
        Request::Setup(_) => Ok(Answer::Ready),
        Request::Declare { package, .. } => declare(session, package).map(Answer::Declaration),
        Request::Exports { package, .. } => exports(session, package).map(Answer::Value),
        Request::Module {
            package, module, ..
        } => module_of(session, package, module).map(Answer::Module),
        Request::Generate(input) => match &input.body {
            ModuleBody::Recipe(properties) => tasks::generate(session, input, properties),
            ModuleBody::Operation => operation_module::generate(session, input),
        }
        .map(Answer::Generated),
        Request::Format { file, .. } => Program::read(session, file)
            .and_then(|program| program.laid_out(session))
            .map(|text| Answer::Value(Value::String(text)))
            .map_err(raise),
        Request::Lint {
            file, library_path, ..
        } => lint::lint(session, file, library_path)
            .map(Answer::Findings)
            .map_err(raise),
        Request::Try(trial) => tasks::attempt(session, trial).map(Answer::Tried),
        Request::Eval {
            file,
            library_path,
            arguments,
            ..
        } => script::evaluate(session, file, library_path, arguments).map(Answer::Value),
    }
}

fn exports(session: &Rc<Session>, directory: &PackageDirectory) -> Evaluated<Value> {
    let Declared { scope, package } = declared(session, directory)?;
    let label = package.info.label();
    session.work_on(&format!("`exports` of `{label}`"));
    let value = work_out(&scope, &package, "exports")?;
    to_json(session, &value, "exports")
}
