//! The `wake` object: the one table of its functions, and how their arguments are checked.
//!
//! What the functions do is in [`super::library`].

use std::any::Any;
use std::rc::Rc;

use jrsonnet_evaluator::function::builtin::{Builtin, BuiltinParam, ParamDefault, ParamName};
use jrsonnet_evaluator::function::parse::parse_builtin_call;
use jrsonnet_evaluator::function::{ArgsLike, CallLocation, FuncVal};
use jrsonnet_evaluator::{Context, IStr, ObjValue, ObjValueBuilder, Thunk, Val};
use jrsonnet_gcmodule::Trace;

use super::error::raise;
use super::json::type_name;
use super::library::{self, message, module, operation, package, paths, request};
use super::session::{Evaluated, Scope, Session};
use crate::error::{Error, Location, suggestion};

/// What an argument may be. `null` stands for an argument that is not given, where it may be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Not looked at by the call: evaluated when it is needed.
    Lazy,
    Any,
    Text,
    Boolean,
    Object,
    List,
    Function,
    TextOrList,
}

impl Kind {
    fn admits(self, value: &Val) -> bool {
        match self {
            Self::Lazy | Self::Any => true,
            Self::Text => matches!(value, Val::Str(_)),
            Self::Boolean => matches!(value, Val::Bool(_)),
            Self::Object => matches!(value, Val::Obj(_)),
            Self::List => matches!(value, Val::Arr(_)),
            Self::Function => matches!(value, Val::Func(_)),
            Self::TextOrList => matches!(value, Val::Str(_) | Val::Arr(_)),
        }
    }

    fn article(self) -> &'static str {
        match self {
            Self::Lazy | Self::Any => "a value",
            Self::Text => "a string",
            Self::Boolean => "a boolean",
            Self::Object => "an object",
            Self::List => "a list",
            Self::Function => "a function",
            Self::TextOrList => "a string or a list",
        }
    }
}

/// One parameter of a function.
pub(super) struct Parameter {
    name: &'static str,
    kind: Kind,
    is_required: bool,
}

const fn required(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        is_required: true,
    }
}

const fn optional(name: &'static str, kind: Kind) -> Parameter {
    Parameter {
        name,
        kind,
        is_required: false,
    }
}

impl Function {
    /// `wake.glob(pattern: string or list, exclude?: string or list)`.
    pub(super) fn signature(&self) -> String {
        let parameters = self.parameters.iter().map(|parameter| {
            let mark = if parameter.is_required { "" } else { "?" };
            let kind = match parameter.kind.article() {
                "a value" => "any".to_owned(),
                article => article
                    .replacen("an ", "", 1)
                    .replacen("a ", "", 1)
                    .replace(" or a ", " or "),
            };
            format!("{}{mark}: {kind}", parameter.name)
        });
        let parameters: Vec<String> = parameters.collect();
        format!("{}({})", self.name, parameters.join(", "))
    }
}

/// Where a function is of use, so where it is explained.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Audience {
    /// In a `PKG` only.
    Declarations,
    /// In plugins, too.
    Tasks,
    /// It is there for those who try it.
    Nobody,
}

/// One function of the `wake` object.
pub(super) struct Function {
    /// `wake.glob`.
    pub(super) name: &'static str,
    parameters: &'static [Parameter],
    /// What it returns, for people.
    pub(super) result: &'static str,
    /// What it does, for people.
    pub(super) meaning: &'static str,
    pub(super) audience: Audience,
    run: fn(&Call<'_>) -> Evaluated<Val>,
}

impl Function {
    /// Refuses arguments that are too many, unknown, given twice or not given.
    fn check_names(&self, unnamed: usize, named: &[&str]) -> Result<(), Error> {
        let Self {
            name, parameters, ..
        } = self;
        let mut given: Vec<&str> = parameters.iter().map(|parameter| parameter.name).collect();
        if unnamed > parameters.len() {
            return Err(Error::user(format!(
                "`{name}` takes at most {} arguments, not {unnamed}",
                parameters.len(),
            )));
        }
        given.truncate(unnamed);
        for argument in named {
            let mut known = parameters.iter().map(|parameter| parameter.name);
            if !known.any(|known| known == *argument) {
                let known = parameters.iter().map(|parameter| parameter.name);
                return Err(
                    Error::user(format!("`{name}` has no parameter `{argument}`"))
                        .hint_option(suggestion(argument, known)),
                );
            }
            if given.contains(argument) {
                return Err(Error::user(format!("`{name}` is given `{argument}` twice")));
            }
            given.push(argument);
        }
        let mut parameters = parameters.iter();
        match parameters.find(|one| one.is_required && !given.contains(&one.name)) {
            Some(missing) => Err(Error::user(format!(
                "`{name}` needs the argument `{}`",
                missing.name
            ))),
            None => Ok(()),
        }
    }
}

/// Checks the arguments of a call of `wake.glob` or `ctx.glob`, if it is a function of these: how many have no name, and
/// the names of the others.
pub(super) fn check_call(name: &str, unnamed: usize, named: &[&str]) -> Result<(), Error> {
    let mut functions = FUNCTIONS.iter().chain(CONTEXT_FUNCTIONS);
    match functions.find(|function| function.name == name) {
        Some(function) => function.check_names(unnamed, named),
        None => Ok(()),
    }
}

/// The functions of `wake`, in the order of DESIGN §2.1 and §4.2.
pub(super) static FUNCTIONS: &[Function] = &[
    Function {
        name: "wake.pkgInfo",
        parameters: &[
            required("name", Kind::Text),
            optional("version", Kind::Text),
            optional("namespace", Kind::Text),
        ],
        result: "the identity of a package",
        meaning: "What a package is called, and its version",
        audience: Audience::Declarations,
        run: package::package_info,
    },
    Function {
        name: "wake.pkg",
        parameters: &[
            required("pkgInfo", Kind::Any),
            optional("files", Kind::Lazy),
            optional("pkgs", Kind::Lazy),
            optional("modules", Kind::Lazy),
            optional("inputs", Kind::Lazy),
            optional("exports", Kind::Lazy),
            optional("exec", Kind::Lazy),
            optional("plugin", Kind::Lazy),
            optional("metadata", Kind::Lazy),
        ],
        result: "a package",
        meaning: "Declares the package of a `PKG`",
        audience: Audience::Declarations,
        run: package::package,
    },
    Function {
        name: "wake.getPkg",
        parameters: &[
            required("req", Kind::Any),
            optional("from", Kind::Any),
            optional("global", Kind::Any),
            optional("permissions", Kind::Any),
            optional("versions", Kind::Text),
            optional("when", Kind::Object),
            optional("replace", Kind::Boolean),
        ],
        result: "a package",
        meaning: "Asks for another package",
        audience: Audience::Declarations,
        run: request::get_package,
    },
    Function {
        name: "wake.module",
        parameters: &[
            optional("modules", Kind::Object),
            optional("files", Kind::Function),
            optional("outputs", Kind::Function),
            required("exec", Kind::Function),
            optional("metadata", Kind::Lazy),
        ],
        result: "a module",
        meaning: "A module of one operation",
        audience: Audience::Declarations,
        run: module::module,
    },
    Function {
        name: "wake.recipe",
        parameters: &[required("properties", Kind::Any)],
        result: "a module",
        meaning: "A module whose operations tasks make",
        audience: Audience::Declarations,
        run: module::recipe,
    },
    Function {
        name: "wake.getModule",
        parameters: &[
            required("pkg", Kind::Any),
            optional("name", Kind::Text),
            optional("config", Kind::Any),
        ],
        result: "a module",
        meaning: "Depends on a module of a package",
        audience: Audience::Declarations,
        run: module::get_module,
    },
    Function {
        name: "wake.exec",
        parameters: &[
            required("path", Kind::Any),
            optional("config", Kind::Lazy),
            optional("args", Kind::List),
            optional("env", Kind::Object),
        ],
        result: "what to execute",
        meaning: "A program, its arguments and its environment",
        audience: Audience::Declarations,
        run: module::exec,
    },
    Function {
        name: "wake.file",
        parameters: &[
            required("path", Kind::Text),
            optional("from", Kind::Lazy),
            optional("dump", Kind::Boolean),
        ],
        result: "a file",
        meaning: "A file placed for the operation of a `wake.module`",
        audience: Audience::Declarations,
        run: module::file,
    },
    Function {
        name: "wake.dir",
        parameters: &[
            required("include", Kind::TextOrList),
            optional("exclude", Kind::TextOrList),
        ],
        result: "list of paths",
        meaning: "As `wake.glob`",
        audience: Audience::Tasks,
        run: paths::listing,
    },
    Function {
        name: "wake.glob",
        parameters: &[
            required("pattern", Kind::TextOrList),
            optional("exclude", Kind::TextOrList),
        ],
        result: "list of paths",
        meaning: "The files of the package that is built which match, relative to its directory and sorted; the listing is tracked",
        audience: Audience::Tasks,
        run: paths::listing,
    },
    Function {
        name: "wake.env",
        parameters: &[
            required("name", Kind::Text),
            optional("default", Kind::Lazy),
        ],
        result: "string, or `default`",
        meaning: "A variable of the user's environment; it is tracked. A plugin of a fetched package sees those that it is granted",
        audience: Audience::Tasks,
        run: paths::environment,
    },
    Function {
        name: "wake.operation",
        parameters: &[required("operation", Kind::Object)],
        result: "operation",
        meaning: "A program to run; its fields are below",
        audience: Audience::Tasks,
        run: operation::operation,
    },
    Function {
        name: "wake.writeFile",
        parameters: &[
            required("path", Kind::Text),
            required("content", Kind::Text),
            optional("executable", Kind::Boolean),
        ],
        result: "operation",
        meaning: "Writes a text, without a process",
        audience: Audience::Tasks,
        run: operation::write_file,
    },
    Function {
        name: "wake.copyFile",
        parameters: &[required("from", Kind::Text), required("to", Kind::Text)],
        result: "operation",
        meaning: "Copies a file, without a process",
        audience: Audience::Tasks,
        run: operation::copy_file,
    },
    Function {
        name: "wake.makeDirectory",
        parameters: &[required("path", Kind::Text)],
        result: "operation",
        meaning: "Makes a directory, without a process",
        audience: Audience::Tasks,
        run: operation::make_directory,
    },
    Function {
        name: "wake.info",
        parameters: &[required("text", Kind::Text)],
        result: "message",
        meaning: "Something that people may want to know",
        audience: Audience::Tasks,
        run: message::info,
    },
    Function {
        name: "wake.warning",
        parameters: &[required("text", Kind::Text)],
        result: "message",
        meaning: "Something that people should know",
        audience: Audience::Tasks,
        run: message::warning,
    },
    Function {
        name: "wake.fail",
        parameters: &[required("text", Kind::Text)],
        result: "message",
        meaning: "Ends the build with this text; it points to where the module is declared",
        audience: Audience::Tasks,
        run: message::error,
    },
    // `error` is a keyword of jsonnet: this one can only be written `wake['error']`.
    Function {
        name: "wake.error",
        parameters: &[required("text", Kind::Text)],
        result: "message",
        meaning: "As `wake.fail`",
        audience: Audience::Nobody,
        run: message::error,
    },
];

/// The functions of `ctx`, what a task sees.
pub(super) static CONTEXT_FUNCTIONS: &[Function] = &[
    Function {
        name: "ctx.glob",
        parameters: &[
            required("pattern", Kind::TextOrList),
            optional("exclude", Kind::TextOrList),
        ],
        result: "list of paths",
        meaning: "As `wake.glob`; below the `SourceDirectories` of an SDK, too, by absolute patterns",
        audience: Audience::Tasks,
        run: paths::listing,
    },
    Function {
        name: "ctx.readFile",
        parameters: &[required("path", Kind::Text)],
        result: "string",
        meaning: "The text of a file of the package, or below the `SourceDirectories` of an SDK; it is tracked. Other paths are an error",
        audience: Audience::Tasks,
        run: paths::read_file,
    },
    Function {
        name: "ctx.mentions",
        parameters: &[
            required("paths", Kind::TextOrList),
            required("words", Kind::TextOrList),
        ],
        result: "boolean",
        meaning: "Whether a line of any of these files of the package begins, blanks aside, with one of the words. Only the answer is tracked: an edit that does not change it is no reason to run tasks again",
        audience: Audience::Tasks,
        run: paths::mentions,
    },
    Function {
        name: "ctx.findTool",
        parameters: &[
            required("name", Kind::Text),
            optional("required", Kind::Boolean),
        ],
        result: "string or null",
        meaning: "The file that a tool's name means in the user's `PATH`; it is tracked. If it is nowhere, that is an error, or `null` with `required=false`",
        audience: Audience::Tasks,
        run: paths::find_tool,
    },
];

/// The `wake` object of a package.
pub(super) fn wake_object(scope: &Rc<Scope>) -> ObjValue {
    let mut builder = ObjValueBuilder::with_capacity(FUNCTIONS.len() + 6);
    add_functions(&mut builder, scope, FUNCTIONS);
    for (name, value) in library::constants(scope) {
        builder.field(name).hide().value(value);
    }
    for (name, thunk) in library::readings(scope) {
        // The names are distinct, so this cannot fail.
        let _ = builder.field(name).hide().try_thunk(thunk);
    }
    builder.build()
}

/// The names of what `wake` has.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    let functions = FUNCTIONS.iter().map(|function| bare(function.name));
    functions.chain(["GLOBAL", "resolver", "std", "parameters", "host"])
}

/// `wake.glob` → `glob`.
fn bare(name: &'static str) -> &'static str {
    name.rsplit('.').next().unwrap_or(name)
}

/// Adds `glob`, `readFile` and the others of a package to the object that tasks see.
pub(super) fn add_context_functions(builder: &mut ObjValueBuilder, scope: &Rc<Scope>) {
    add_functions(builder, scope, CONTEXT_FUNCTIONS);
}

fn add_functions(builder: &mut ObjValueBuilder, scope: &Rc<Scope>, functions: &'static [Function]) {
    for function in functions {
        let native = Native::new(scope, function);
        builder.method(bare(function.name), FuncVal::builtin(native));
    }
}

/// A function of the table, bound to a package.
#[derive(Trace)]
struct Native {
    #[trace(skip)]
    scope: Rc<Scope>,
    #[trace(skip)]
    function: &'static Function,
    params: Vec<BuiltinParam>,
}

impl Native {
    fn new(scope: &Rc<Scope>, function: &'static Function) -> Self {
        let params = function.parameters.iter().map(|parameter| {
            BuiltinParam::new(
                ParamName::new_static(parameter.name),
                ParamDefault::exists(!parameter.is_required),
            )
        });
        Self {
            scope: Rc::clone(scope),
            function,
            params: params.collect(),
        }
    }

    /// What the library would say less clearly, or with less of a hint.
    fn check_names(&self, args: &dyn ArgsLike) -> Result<(), Error> {
        let mut named: Vec<IStr> = Vec::new();
        args.named_names(&mut |argument| named.push(argument.clone()));
        let named: Vec<&str> = named.iter().map(|name| &**name).collect();
        self.function.check_names(args.unnamed_len(), &named)
    }

    fn check_kinds(&self, call: &Call<'_>) -> Evaluated<()> {
        for (index, parameter) in self.function.parameters.iter().enumerate() {
            if parameter.kind == Kind::Lazy {
                continue;
            }
            let Some(argument) = &call.arguments[index] else {
                continue;
            };
            let value = argument.evaluate()?;
            let may_be_null = !parameter.is_required && matches!(value, Val::Null);
            if !parameter.kind.admits(&value) && !may_be_null {
                return Err(call.wrong(parameter.name, parameter.kind.article(), &value));
            }
        }
        Ok(())
    }
}

impl Builtin for Native {
    fn name(&self) -> &str {
        self.function.name
    }

    fn params(&self) -> &[BuiltinParam] {
        &self.params
    }

    fn call(
        &self,
        context: Context,
        location: CallLocation<'_>,
        args: &dyn ArgsLike,
    ) -> Evaluated<Val> {
        let at = location.0.and_then(|span| self.scope.session.locate(span));
        self.check_names(args)
            .map_err(|error| raise(error.at_if_absent(at.as_ref())))?;
        let call = Call {
            scope: &self.scope,
            function: self.function,
            arguments: parse_builtin_call(context, &self.params, args, false)?,
            at,
        };
        self.check_kinds(&call)?;
        (self.function.run)(&call)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// One call of a function: its arguments are of the kinds that the table says.
pub(super) struct Call<'a> {
    pub(super) scope: &'a Rc<Scope>,
    pub(super) function: &'static Function,
    arguments: Vec<Option<Thunk<Val>>>,
    /// Where the call stands.
    pub(super) at: Option<Location>,
}

impl Call<'_> {
    pub(super) fn session(&self) -> &Rc<Session> {
        &self.scope.session
    }

    /// The argument as it was given, not evaluated.
    pub(super) fn lazy(&self, index: usize) -> Option<Thunk<Val>> {
        self.arguments[index].clone()
    }

    /// The argument; `null` counts as not given.
    pub(super) fn value(&self, index: usize) -> Evaluated<Option<Val>> {
        match &self.arguments[index] {
            Some(argument) => {
                Ok(Some(argument.evaluate()?).filter(|value| !matches!(value, Val::Null)))
            }
            None => Ok(None),
        }
    }

    /// A required argument.
    pub(super) fn needed(&self, index: usize) -> Evaluated<Val> {
        Ok(self.value(index)?.unwrap_or_default())
    }

    /// A [`Kind::Text`] argument.
    pub(super) fn text(&self, index: usize) -> Evaluated<Option<String>> {
        let value = self.value(index)?;
        Ok(value
            .and_then(|value| value.as_str())
            .map(|text| text.to_string()))
    }

    /// A required [`Kind::Text`] argument.
    pub(super) fn needed_text(&self, index: usize) -> Evaluated<String> {
        Ok(self.text(index)?.unwrap_or_default())
    }

    /// A [`Kind::Boolean`] argument, false where it is not given.
    pub(super) fn flag(&self, index: usize) -> Evaluated<bool> {
        Ok(self
            .value(index)?
            .and_then(|value| value.as_bool())
            .unwrap_or(false))
    }

    /// An error at the place of the call.
    pub(super) fn fail(&self, error: Error) -> jrsonnet_evaluator::Error {
        raise(error.at_if_absent(self.at.as_ref()))
    }

    /// "`version` of `wake.pkgInfo` must be a string, not a number".
    pub(super) fn wrong(
        &self,
        name: &str,
        expected: &str,
        value: &Val,
    ) -> jrsonnet_evaluator::Error {
        self.fail(self.wrong_error(name, expected, value))
    }

    /// As [`Self::wrong`], to be added to.
    pub(super) fn wrong_error(&self, name: &str, expected: &str, value: &Val) -> Error {
        Error::user(format!(
            "`{name}` of `{}` must be {expected}, not {}",
            self.function.name,
            type_name(self.session(), value)
        ))
    }

    /// A list of strings, or one string as a list of one.
    pub(super) fn texts(&self, index: usize) -> Evaluated<Vec<String>> {
        let name = self.function.parameters[index].name;
        match self.value(index)? {
            None => Ok(Vec::new()),
            Some(Val::Arr(items)) => items
                .iter()
                .map(|item| {
                    let item = item?;
                    match item.as_str() {
                        Some(text) => Ok(text.to_string()),
                        None => Err(self.wrong(name, "a list of strings", &item)),
                    }
                })
                .collect(),
            Some(value) => Ok(value
                .as_str()
                .map(|text| text.to_string())
                .into_iter()
                .collect()),
        }
    }
}
