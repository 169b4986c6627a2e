//! `wake.operation`, `wake.writeFile`, `wake.copyFile` and `wake.makeDirectory` (DESIGN §4.2).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::rc::Rc;

use jrsonnet_evaluator::{ObjValue, Val};

use super::{Made, opaque, paths};
use crate::error::{Error, suggestion};
use crate::graph::ResponseFile;
use crate::jsonnet::functions::Call;
use crate::jsonnet::json::type_name;
use crate::jsonnet::protocol::{ActionSpec, OperationSpec};
use crate::jsonnet::reference::{Entry, entry};
use crate::jsonnet::session::Evaluated;

/// The fields of `wake.operation`.
pub(in crate::jsonnet) static FIELDS: [Entry; 19] = [
    entry(
        "title",
        "string, required",
        "What people see: `Compile src/main.c`",
    ),
    entry(
        "executable",
        "string, required",
        "A path with a token, an absolute path, or the bare name of a tool in `PATH`",
    ),
    entry(
        "arguments",
        "list of strings",
        "Tokens in them are expanded when the operation starts",
    ),
    entry(
        "workingDirectory",
        "string",
        "`$(package)` unless it is given",
    ),
    entry(
        "environment",
        "object of strings",
        "Nothing else of the user's environment is inherited",
    ),
    entry(
        "inputs",
        "list of paths",
        "Files that it reads: a changed one runs it again",
    ),
    entry(
        "orderOnly",
        "list of paths",
        "Files to be made before it starts: they count only if it was seen to read them",
    ),
    entry(
        "outputs",
        "list of paths",
        "Files that it makes, below `$(target)`; one that ends in `/` is a directory that it owns whole",
    ),
    entry(
        "depfile",
        "path",
        "A file in Make's syntax that it writes, naming what else it read",
    ),
    entry(
        "stdin",
        "path",
        "The file that is its standard input; it is an input",
    ),
    entry(
        "stdout",
        "path",
        "The output that receives its standard output",
    ),
    entry(
        "responseFile",
        "`'auto'`, `'always'` or `'never'`",
        "Whether the arguments are handed over in a file; `auto`: if they are too long otherwise",
    ),
    entry(
        "console",
        "boolean",
        "It gets the terminal for itself, and nothing runs beside it",
    ),
    entry(
        "caches",
        "list of paths",
        "Directories that it keeps things in between builds, `$(cache)/…` or an absolute path: what it reads and writes there counts for nothing",
    ),
    entry("network", "boolean", "It may use the network"),
    entry(
        "timeout",
        "integer",
        "Seconds after which it is stopped and has failed",
    ),
    entry(
        "weight",
        "integer",
        "How many jobs it counts as; 1 unless it is given",
    ),
    entry(
        "pool",
        "string",
        "Operations of one pool run one after the other, or as many at once as `Pools` and `--pool` say",
    ),
    entry("test", "boolean", "It is a test: only `wake test` runs it"),
];

/// `wake.operation({…})`.
pub(in crate::jsonnet) fn operation(call: &Call<'_>) -> Evaluated<Val> {
    let Some(object) = call.needed(0)?.as_obj() else {
        return Err(call.fail(Error::internal("`wake.operation` is given no object")));
    };
    let fields = Fields { call, object };
    fields.check_names()?;
    let (executable, tool) = executable(&fields)?;
    let action = ActionSpec::Run {
        executable,
        tool,
        arguments: fields.texts("arguments")?,
        working_directory: fields
            .text("workingDirectory")?
            .unwrap_or_else(|| "$(package)".to_owned()),
        environment: fields.environment()?,
        stdin: fields.text("stdin")?,
        stdin_text: None,
        stdout: fields.text("stdout")?,
        response_file: fields.response_file()?,
        console: fields.flag("console")?,
        caches: fields.texts("caches")?,
        network: fields.flag("network")?,
        timeout: fields.number("timeout")?,
    };
    let spec = OperationSpec {
        title: fields.needed_text("title")?,
        action,
        inputs: fields.texts("inputs")?,
        order_only: fields.texts("orderOnly")?,
        outputs: fields.texts("outputs")?,
        depfile: fields.text("depfile")?,
        weight: fields.number("weight")?.unwrap_or(1),
        pool: fields.text("pool")?,
        is_test: fields.flag("test")?,
        at: call.at.clone(),
    };
    Ok(made(call, spec))
}

/// `wake.writeFile(path, content, executable)`.
pub(in crate::jsonnet) fn write_file(call: &Call<'_>) -> Evaluated<Val> {
    let path = call.needed_text(0)?;
    let action = ActionSpec::WriteFile {
        content: call.needed_text(1)?,
        executable: call.flag(2)?,
    };
    Ok(made(call, inside(call, "Write", action, Vec::new(), path)))
}

/// `wake.copyFile(from, to)`.
pub(in crate::jsonnet) fn copy_file(call: &Call<'_>) -> Evaluated<Val> {
    let (from, to) = (call.needed_text(0)?, call.needed_text(1)?);
    Ok(made(
        call,
        inside(call, "Copy", ActionSpec::CopyFile, vec![from], to),
    ))
}

/// `wake.makeDirectory(path)`.
pub(in crate::jsonnet) fn make_directory(call: &Call<'_>) -> Evaluated<Val> {
    let path = call.needed_text(0)?;
    Ok(made(
        call,
        inside(
            call,
            "Make the directory",
            ActionSpec::MakeDirectory,
            Vec::new(),
            path,
        ),
    ))
}

fn made(call: &Call<'_>, spec: OperationSpec) -> Val {
    opaque(call.session(), Made::Operation(Rc::new(spec)))
}

/// An operation that runs inside wake.
fn inside(
    call: &Call<'_>,
    verb: &str,
    action: ActionSpec,
    inputs: Vec<String>,
    output: String,
) -> OperationSpec {
    OperationSpec {
        title: format!("{verb} {}", without_root(&output)),
        action,
        inputs,
        order_only: Vec::new(),
        outputs: vec![output],
        depfile: None,
        weight: 1,
        pool: None,
        is_test: false,
        at: call.at.clone(),
    }
}

/// `$(target)/include/a.h` → `include/a.h`: what a title needs.
pub(in crate::jsonnet) fn without_root(path: &str) -> &str {
    path.strip_prefix("$(")
        .and_then(|rest| rest.split_once(")/"))
        .map_or(path, |(_, rest)| rest)
}

/// The executable, and the file that a bare name means.
fn executable(fields: &Fields<'_>) -> Evaluated<(String, Option<PathBuf>)> {
    let executable = fields.needed_text("executable")?;
    let tool =
        find_executable(fields.call, &executable).map_err(|error| fields.call.fail(error))?;
    Ok((executable, tool))
}

/// The file that a bare name means; `None` for a path.
pub(in crate::jsonnet) fn find_executable(
    call: &Call<'_>,
    executable: &str,
) -> Result<Option<PathBuf>, Error> {
    if executable.starts_with('/') || executable.starts_with("$(") {
        return Ok(None);
    }
    if executable.contains('/') {
        return Err(
            Error::user(format!("The executable `{executable}` is a relative path")).hint(format!(
                "write `$(package)/{}`",
                executable.trim_start_matches("./")
            )),
        );
    }
    match paths::tool(call.session(), executable)? {
        Some(found) => Ok(Some(found)),
        None => Err(paths::not_installed(executable)),
    }
}

/// The object given to `wake.operation`.
struct Fields<'a> {
    call: &'a Call<'a>,
    object: ObjValue,
}

impl Fields<'_> {
    fn check_names(&self) -> Evaluated<()> {
        for name in self.object.fields() {
            let mut known = FIELDS.iter().map(|entry| entry.name);
            if !known.any(|known| known == &*name) {
                return Err(self.call.fail(
                    Error::user(format!("`wake.operation` has no field `{name}`"))
                        .hint_option(suggestion(&name, FIELDS.iter().map(|entry| entry.name))),
                ));
            }
        }
        Ok(())
    }

    /// The field; `null` counts as not given.
    fn value(&self, name: &str) -> Evaluated<Option<Val>> {
        let value = self.object.get(name.into())?;
        Ok(value.filter(|value| !matches!(value, Val::Null)))
    }

    fn wrong(&self, name: &str, expected: &str, value: &Val) -> jrsonnet_evaluator::Error {
        self.call.wrong(name, expected, value)
    }

    fn text(&self, name: &str) -> Evaluated<Option<String>> {
        match self.value(name)? {
            None => Ok(None),
            Some(Val::Str(text)) => Ok(Some(text.into_flat().to_string())),
            Some(other) => Err(self.wrong(name, "a string", &other)),
        }
    }

    fn needed_text(&self, name: &str) -> Evaluated<String> {
        match self.text(name)? {
            Some(text) if !text.is_empty() => Ok(text),
            _ => Err(self.call.fail(Error::user(format!(
                "`wake.operation` needs the field `{name}`"
            )))),
        }
    }

    fn flag(&self, name: &str) -> Evaluated<bool> {
        match self.value(name)? {
            None => Ok(false),
            Some(Val::Bool(flag)) => Ok(flag),
            Some(other) => Err(self.wrong(name, "a boolean", &other)),
        }
    }

    fn number(&self, name: &str) -> Evaluated<Option<u32>> {
        let Some(value) = self.value(name)? else {
            return Ok(None);
        };
        match value.as_num() {
            Some(number)
                if number.fract() == 0.0 && (1.0..=f64::from(u32::MAX)).contains(&number) =>
            {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "checked by the pattern"
                )]
                Ok(Some(number as u32))
            }
            _ => Err(self.wrong(name, "a whole number of at least 1", &value)),
        }
    }

    fn texts(&self, name: &str) -> Evaluated<Vec<String>> {
        let items = match self.value(name)? {
            None => return Ok(Vec::new()),
            Some(Val::Arr(items)) => items,
            Some(other) => return Err(self.wrong(name, "a list of strings", &other)),
        };
        let mut texts = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match item? {
                Val::Str(text) => texts.push(text.into_flat().to_string()),
                other => return Err(self.wrong(&format!("{name}[{index}]"), "a string", &other)),
            }
        }
        Ok(texts)
    }

    fn environment(&self) -> Evaluated<BTreeMap<String, String>> {
        let object = match self.value("environment")? {
            None => return Ok(BTreeMap::new()),
            Some(Val::Obj(object)) => object,
            Some(other) => return Err(self.wrong("environment", "an object", &other)),
        };
        let mut environment = BTreeMap::new();
        for (name, value) in object.iter() {
            let value = value?;
            let Some(text) = value.as_str() else {
                return Err(self.wrong(&format!("environment.{name}"), "a string", &value));
            };
            environment.insert(name.to_string(), text.to_string());
        }
        Ok(environment)
    }

    fn response_file(&self) -> Evaluated<ResponseFile> {
        Ok(match self.value("responseFile")? {
            None => ResponseFile::Auto,
            Some(value) => match value.as_str().as_deref() {
                Some("auto") => ResponseFile::Auto,
                Some("always") => ResponseFile::Always,
                Some("never") => ResponseFile::Never,
                _ => {
                    let expected = format!(
                        "`auto`, `always` or `never` (it is {})",
                        type_name(self.call.session(), &value)
                    );
                    return Err(self.wrong("responseFile", &expected, &value));
                }
            },
        })
    }
}
