//! `wake.glob`, `wake.dir`, `wake.env`, `ctx.readFile` and `ctx.findTool`: what reads the machine, and says so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jrsonnet_evaluator::Val;

use crate::error::Error;
use crate::fs;
use crate::jsonnet::functions::Call;
use crate::jsonnet::pattern;
use crate::jsonnet::protocol::Read;
use crate::jsonnet::session::{Evaluated, Scope, Session};
use crate::workspace::{front, layout};

/// `wake.glob` and `wake.dir`.
pub(in crate::jsonnet) fn listing(call: &Call<'_>) -> Evaluated<Val> {
    let matched =
        list(call.scope, call.texts(0)?, call.texts(1)?).map_err(|error| call.fail(error))?;
    Ok(Val::Arr(matched.into_iter().map(Val::from).collect()))
}

/// The files of a package that patterns match; the listing is recorded.
pub(in crate::jsonnet) fn list(
    scope: &Scope,
    include: Vec<String>,
    exclude: Vec<String>,
) -> Result<Vec<String>, Error> {
    let mut all = Vec::new();
    let (mut own, mut of_sdks) = (Vec::new(), BTreeMap::new());
    for pattern in include {
        match below_sdk(scope, Path::new(&pattern)) {
            Some((directory, below)) => {
                let patterns: &mut Vec<String> = of_sdks.entry(directory).or_default();
                patterns.push(below.to_string_lossy().into_owned());
            }
            None => own.push(pattern),
        }
    }
    for (directory, include) in &of_sdks {
        let exclude = exclude.iter().filter_map(|pattern| {
            let below = Path::new(pattern).strip_prefix(directory).ok()?;
            Some(below.to_string_lossy().into_owned())
        });
        // What a link of an SDK leads to may lie anywhere in it, however the SDK itself is reached.
        let is_there = fs::is_directory(directory);
        let target = is_there.then(|| fs::canonicalize(directory)).transpose()?;
        let real = target.clone().unwrap_or_else(|| directory.to_path_buf());
        let path = directory.to_path_buf();
        scope.session.record(Read::Link { path, target });
        let found = matching(scope, &real, include.clone(), exclude.collect())?;
        let found = found.iter().map(|path| directory.join(path));
        all.extend(found.map(|path| path.display().to_string()));
    }
    if !own.is_empty() || of_sdks.is_empty() {
        let mut exclude = exclude;
        exclude.retain(|pattern| below_sdk(scope, Path::new(pattern)).is_none());
        all.extend(matching(scope, &scope.package.directory, own, exclude)?);
    }
    all.sort();
    all.dedup();
    Ok(all)
}

/// The files in a directory that patterns match, relative to it; the listing is recorded.
fn matching(
    scope: &Scope,
    directory: &Path,
    include: Vec<String>,
    exclude: Vec<String>,
) -> Result<Vec<String>, Error> {
    let (matched, listed) = pattern::matches(directory, &include, &exclude, &scope.package.top)?;
    scope.session.record(Read::Glob {
        directory: directory.to_owned(),
        include,
        exclude,
        matched: matched.clone(),
        listed,
    });
    Ok(matched)
}

/// The directory of an SDK that a path or pattern lies below, and the rest.
fn below_sdk<'s, 'p>(scope: &'s Scope, path: &'p Path) -> Option<(&'s Path, &'p Path)> {
    let mut directories = scope.session.given.sdk_directories.iter();
    directories.find_map(|directory| {
        let below = path.strip_prefix(directory).ok()?;
        Some((directory.as_path(), below))
    })
}

/// `wake.env`.
pub(in crate::jsonnet) fn environment(call: &Call<'_>) -> Evaluated<Val> {
    let session = call.session();
    session.forbid_in_pkgs("wake.env")?;
    let name = call.needed_text(0)?;
    let granted = call.scope.package.granted.as_ref();
    if granted.is_some_and(|granted| !granted.contains(&name)) {
        return Err(call.fail(
            Error::user(format!("This package may not read the variable `{name}`"))
                .cause("a package that is fetched sees only what it is granted")
                .hint(format!(
                    "write `permissions=['env:{name}']` in the `wake.getPkg` that asks for it"
                )),
        ));
    }
    let value = session.given.setup.environment.get(&name).cloned();
    session.record(Read::Environment {
        name,
        value: value.clone(),
    });
    match (value, call.lazy(1)) {
        (Some(value), _) => Ok(Val::from(value)),
        (None, Some(default)) => default.evaluate(),
        (None, None) => Ok(Val::Null),
    }
}

/// `ctx.readFile`: the text of a file of the package.
pub(in crate::jsonnet) fn read_file(call: &Call<'_>) -> Evaluated<Val> {
    let given = call.needed_text(0)?;
    match read_text(call.scope, &given) {
        Ok(text) => Ok(Val::from(text)),
        Err(error) => Err(call.fail(error)),
    }
}

/// `ctx.mentions`: whether files of the package have a line that begins with a word.
pub(in crate::jsonnet) fn mentions(call: &Call<'_>) -> Evaluated<Val> {
    let words = call.texts(1)?;
    let files = call.texts(0)?.into_iter();
    let files = files.map(|given| own_file(call.scope, &given));
    let files: Vec<PathBuf> = files
        .collect::<Result<_, Error>>()
        .map_err(|error| call.fail(error))?;
    let found = front::is_mentioned(&files, &words);
    call.session().record(Read::Mention {
        files,
        words,
        found,
    });
    Ok(Val::Bool(found))
}

/// A path of the package, relative to it: with the token, a dollar is written twice.
fn relative(given: &str) -> String {
    match given.strip_prefix("$(package)/") {
        Some(relative) => relative.replace("$$", "$"),
        None => given.to_owned(),
    }
}

/// The path of a file that tasks may read: of the package or of an SDK. It need not be there.
fn own_file(scope: &Scope, given: &str) -> Result<PathBuf, Error> {
    let directory = &scope.package.directory;
    let path = fs::path::clean(&directory.join(relative(given)));
    let leaves = || {
        Error::user(format!("`{given}` leaves the package")).hint(
            "a task reads files of the package that is built, and what lies below the `SourceDirectories` of an SDK",
        )
    };
    let is_own = path.starts_with(directory);
    let around = match below_sdk(scope, &path) {
        Some((sdk, _)) if !is_own => sdk,
        _ if is_own => directory,
        _ => return Err(leaves()),
    };
    let real_around = fs::canonicalize(around)?;
    if fs::canonicalize(&path).is_ok_and(|real| !real.starts_with(&real_around)) {
        return Err(leaves());
    }
    if is_own && is_made(directory, &path) {
        return Err(Error::user(format!(
            "`{given}` is what wake makes, no file of the package"
        ))
        .hint("`preprocess` makes files that tasks read"));
    }
    Ok(path)
}

fn read_text(scope: &Scope, given: &str) -> Result<String, Error> {
    let path = own_file(scope, given)?;
    if fs::is_directory(&path) {
        return Err(Error::user(format!("`{given}` is a directory")).hint("`ctx.glob` lists files"));
    }
    let Some(content) = scope.session.read_file(&path)? else {
        let missing = Error::user(format!("There is no file `{}`", scope.display(&path)));
        return Err(match relative(given).starts_with("$(") {
            true => missing.hint(
                "what operations make is not there yet: `preprocess` makes it before the rest is known",
            ),
            false => missing,
        });
    };
    String::from_utf8(content).map_err(|_| Error::user(format!("`{given}` is not UTF-8 text")))
}

/// Whether `path` lies in `.wake`, or in an `OutputRoot`: patterns do not look there, either.
pub(in crate::jsonnet) fn is_made(directory: &Path, path: &Path) -> bool {
    let below = path.strip_prefix(directory).unwrap_or(path);
    let is_closed = |inside: &&Path| fs::is_occupied(&inside.join(layout::BUILT));
    below.iter().any(|step| step == ".wake")
        || (path.ancestors().skip(1))
            .take_while(|inside| *inside != directory)
            .any(|inside| is_closed(&inside))
}

/// `ctx.findTool`.
pub(in crate::jsonnet) fn find_tool(call: &Call<'_>) -> Evaluated<Val> {
    let name = call.needed_text(0)?;
    let is_required = call
        .value(1)?
        .and_then(|value| value.as_bool())
        .unwrap_or(true);
    match tool(call.session(), &name).map_err(|error| call.fail(error))? {
        Some(path) => Ok(Val::from(path.display().to_string())),
        None if is_required => Err(call.fail(not_installed(&name))),
        None => Ok(Val::Null),
    }
}

/// The file that a tool's name means in the invoker's `PATH`; its directory goes into the `PATH` of operations.
pub(in crate::jsonnet) fn tool(session: &Session, name: &str) -> Result<Option<PathBuf>, Error> {
    if let Some(found) = session.known_tool(name) {
        return Ok(found);
    }
    if name.is_empty() || (name.contains('/') && !name.starts_with('/')) {
        return Err(Error::user(format!("`{name}` is not the name of a tool")));
    }
    let found = front::find_tool(name, &session.given.setup.environment);
    session.record(Read::Tool {
        name: name.to_owned(),
        found: found.clone(),
    });
    if let Some(directory) = found.as_deref().and_then(Path::parent) {
        session.add_tool_directory(directory);
    }
    Ok(found)
}

pub(in crate::jsonnet) fn not_installed(name: &str) -> Error {
    Error::environment(format!("`{name}` is not installed"))
        .cause("it is in no directory of `PATH`")
        .hint(format!("install `{name}`, or add its directory to `PATH`"))
}
