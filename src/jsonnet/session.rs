//! What belongs to one request: what is known, what was read, what the `wake` functions made.
//!
//! A session lives as long as one evaluation; nothing but the built-in plugins is kept from one request to the next.
//! It knows nothing of the meaning of requests.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::error::{ErrorKind, StackTraceElement};
use jrsonnet_evaluator::function::{CallLocation, FuncVal};
use jrsonnet_evaluator::parser::Span;
use jrsonnet_evaluator::{ContextBuilder, State, Val};
use serde_json::Value;

use super::builtin::Builtin;
use super::error::raise;
use super::import::PackageFile;
use super::knowledge::Knowledge;
use super::library::Made;
use super::outline::{Import, Outline};
use super::protocol::{Read, Setup};
use crate::declare::model::{PackageDirectory, Parameters};
use crate::error::{Error, Location};
use crate::fs;

/// A result that fails with the library's error, so that it gathers a trace on its way out.
pub(super) type Evaluated<T> = jrsonnet_evaluator::Result<T>;

/// What a request knows before it starts.
pub(super) struct Given {
    pub(super) setup: Rc<Setup>,
    pub(super) builtin: Rc<Builtin>,
    /// The workspace's top.
    pub(super) top: PathBuf,
    /// `None`: nothing of this request may depend on them.
    pub(super) parameters: Option<Parameters>,
    /// The config of the module that is evaluated.
    pub(super) config: Value,
    /// What tasks may read besides the package: the `SourceDirectories` of the user's SDKs. Absolute.
    pub(super) sdk_directories: Vec<PathBuf>,
    /// What is known of other packages.
    pub(super) knowledge: Knowledge,
}

pub(super) struct Session {
    pub(super) given: Given,
    state: RefCell<Option<State>>,
    made: RefCell<Vec<Made>>,
    reads: RefCell<Vec<Read>>,
    tool_directories: RefCell<Vec<String>>,
    traced: RefCell<Vec<String>>,
    /// What the programs that were read import.
    imports: RefCell<HashMap<PathBuf, Rc<[Import]>>>,
    is_in_pkgs: Cell<bool>,
    /// Packages whose `pkgs` an import waits for.
    importing: RefCell<Vec<PathBuf>>,
    current: RefCell<String>,
    working: Box<dyn Fn(&str)>,
}

impl Session {
    /// `working` hears what is being evaluated.
    pub(super) fn new(given: Given, working: Box<dyn Fn(&str)>) -> Rc<Self> {
        Rc::new(Self {
            given,
            state: RefCell::default(),
            made: RefCell::default(),
            reads: RefCell::default(),
            tool_directories: RefCell::default(),
            traced: RefCell::default(),
            imports: RefCell::default(),
            is_in_pkgs: Cell::new(false),
            importing: RefCell::default(),
            current: RefCell::default(),
            working,
        })
    }

    /// Says what is being evaluated from now on, for the case that it never ends.
    pub(super) fn work_on(&self, what: &str) {
        (self.working)(what);
        what.clone_into(&mut self.current.borrow_mut());
    }

    /// What [`Self::work_on`] was told last.
    pub(super) fn current(&self) -> String {
        self.current.borrow().clone()
    }

    pub(super) fn set_state(&self, state: State) {
        *self.state.borrow_mut() = Some(state);
    }

    /// The library's state; there is one from the start of the evaluation to its end.
    pub(super) fn state(&self) -> Evaluated<State> {
        (self.state.borrow().clone())
            .ok_or_else(|| raise(Error::internal("The evaluation is over")))
    }

    /// Drops all values: they refer to the session, and the session to them.
    pub(super) fn end(&self) {
        self.made.borrow_mut().clear();
        self.state.borrow_mut().take();
    }

    /// Keeps what a function made; the number is how its value refers to it.
    pub(super) fn keep(&self, made: Made) -> usize {
        let mut all = self.made.borrow_mut();
        all.push(made);
        all.len() - 1
    }

    pub(super) fn made(&self, number: usize) -> Option<Made> {
        self.made.borrow().get(number).cloned()
    }

    /// Records what was read, once.
    pub(super) fn record(&self, read: Read) {
        let mut reads = self.reads.borrow_mut();
        if !reads.contains(&read) {
            reads.push(read);
        }
    }

    pub(super) fn take_reads(&self) -> Vec<Read> {
        self.reads.take()
    }

    /// Reads a file and records its content, or that it is not there.
    pub(super) fn read_file(&self, path: &Path) -> crate::error::Result<Option<Vec<u8>>> {
        if path.to_str().is_none() {
            return Err(Error::user(format!("The path {path:?} is not UTF-8")));
        }
        let content = fs::read_if_exists(path)?;
        self.record(Read::File {
            path: path.to_owned(),
            hash: content
                .as_deref()
                .map(|bytes| *blake3::hash(bytes).as_bytes()),
        });
        Ok(content)
    }

    /// Keeps what a program imports.
    pub(super) fn keep_imports(&self, program: &Path, imports: Vec<Import>) {
        let mut all = self.imports.borrow_mut();
        all.insert(program.to_owned(), imports.into());
    }

    /// What a file imports, read now if evaluation did not come to it. `None` where it is not there.
    pub(super) fn imports_of(&self, program: &Path) -> crate::error::Result<Option<Rc<[Import]>>> {
        if let Some(known) = self.imports.borrow().get(program) {
            return Ok(Some(Rc::clone(known)));
        }
        let content = self.read_file(program)?;
        Ok(content.map(|content| Outline::of(&content).imports.into()))
    }

    pub(super) fn add_tool_directory(&self, directory: &Path) {
        let directory = directory.display().to_string();
        let mut directories = self.tool_directories.borrow_mut();
        if !directories.contains(&directory) {
            directories.push(directory);
        }
    }

    pub(super) fn take_tool_directories(&self) -> Vec<String> {
        self.tool_directories.take()
    }

    /// What looking a tool up found before in this evaluation.
    pub(super) fn known_tool(&self, wanted: &str) -> Option<Option<PathBuf>> {
        self.reads.borrow().iter().find_map(|read| match read {
            Read::Tool { name, found } if name == wanted => Some(found.clone()),
            _ => None,
        })
    }

    /// Keeps a line of `std.trace`.
    pub(super) fn trace(&self, line: String) {
        self.traced.borrow_mut().push(line);
    }

    pub(super) fn take_traced(&self) -> Vec<String> {
        self.traced.take()
    }

    /// Evaluates something of `pkgs`, where what differs from machine to machine must not be read.
    pub(super) fn within_pkgs<T>(&self, evaluate: impl FnOnce() -> T) -> T {
        let before = self.is_in_pkgs.replace(true);
        let result = evaluate();
        self.is_in_pkgs.set(before);
        result
    }

    /// Works out `pkgs` of the package in `directory` for an import; an import that is needed for that itself fails.
    pub(super) fn for_import<T>(
        &self,
        directory: &Path,
        evaluate: impl FnOnce() -> Evaluated<T>,
    ) -> Evaluated<T> {
        if self
            .importing
            .borrow()
            .iter()
            .any(|other| other == directory)
        {
            return Err(raise(Error::user(
                "An import of `pkgs/…` is needed to work out `pkgs` itself",
            )));
        }
        self.importing.borrow_mut().push(directory.to_owned());
        let result = evaluate();
        self.importing.borrow_mut().pop();
        result
    }

    /// Fails if `what` (`wake.env`) is read in `pkgs`.
    pub(super) fn forbid_in_pkgs(&self, what: &str) -> Evaluated<()> {
        if self.is_in_pkgs.get() {
            return Err(raise(
                Error::user(format!("`pkgs` may not read `{what}`"))
                    .cause("`pkgs` is solved and locked once, for all machines and parameters")
                    .hint("say where a package is needed with `when` of `wake.getPkg`"),
            ));
        }
        Ok(())
    }

    /// The place of a span, if it is in a file that the user can see.
    pub(super) fn locate(&self, span: &Span) -> Option<Location> {
        let path = span.0.source_path();
        let name = match path.downcast_ref::<PackageFile>() {
            Some(file) => file.display(&self.given.top),
            None => path.to_string(),
        };
        let (start, end) = (span.1 as usize, span.2 as usize);
        Some(shortened(Location::of_bytes(
            name,
            span.0.code(),
            start,
            end,
        )))
    }
}

/// The longest line of source that is shown, in characters.
const LONGEST_LINE: usize = 500;

/// A location whose line can be shown: of a longer line only the beginning, if the place is there.
pub(super) fn shortened(mut location: Location) -> Location {
    if location.text.chars().count() > LONGEST_LINE {
        let is_shown = (location.column as usize) < LONGEST_LINE;
        let shown = if is_shown { LONGEST_LINE } else { 0 };
        location.text = location.text.chars().take(shown).collect();
        location.width = location.width.min(80);
    }
    location
}

/// A session and the package that a `wake` object speaks for.
pub(super) struct Scope {
    pub(super) session: Rc<Session>,
    pub(super) package: Rc<PackageDirectory>,
}

impl Scope {
    pub(super) fn new(session: &Rc<Session>, package: &PackageDirectory) -> Rc<Self> {
        Rc::new(Self {
            session: Rc::clone(session),
            package: Rc::new(package.clone()),
        })
    }

    /// A path of the package for people.
    pub(super) fn display(&self, path: &Path) -> String {
        self.package.display(path)
    }
}

/// Calls a jsonnet function with as many of `arguments` as it takes.
pub(super) fn call(session: &Session, function: &FuncVal, arguments: &[Val]) -> Evaluated<Val> {
    let parameters = function.params();
    let missing = parameters
        .iter()
        .skip(arguments.len())
        .find(|parameter| !parameter.has_default());
    if let Some(missing) = missing {
        let name = missing.name().as_str().unwrap_or("?");
        return Err(raise(
            Error::user(format!(
                "wake gives nothing for the parameter `{name}` of this function"
            ))
            .cause(format!("the function gets {} arguments", arguments.len()))
            .at_if_absent(body_of_function(session, function).as_ref()),
        ));
    }
    let taken = parameters.len().min(arguments.len());
    let context = ContextBuilder::dangerous_empty_state().build();
    let arguments = arguments[..taken].to_vec();
    let result = function.evaluate(context, CallLocation::native(), &arguments, false);
    result.map_err(|error| located(error, function))
}

/// The library gives some errors no place at all: then at least the function that wake called is one.
fn located(mut error: jrsonnet_evaluator::Error, function: &FuncVal) -> jrsonnet_evaluator::Error {
    let is_own = matches!(error.error(), ErrorKind::Other(_));
    let is_located = error
        .trace()
        .0
        .iter()
        .any(|element| element.location.is_some());
    if let (FuncVal::Normal(description), false) = (function, is_own || is_located) {
        error.trace_mut().0.push(StackTraceElement {
            location: Some(description.body.span()),
            desc: "in this function".to_owned(),
        });
    }
    error
}

/// Where the body of a function stands.
pub(super) fn body_of_function(session: &Session, function: &FuncVal) -> Option<Location> {
    match function {
        FuncVal::Normal(description) => session.locate(&description.body.span()),
        _ => None,
    }
}
