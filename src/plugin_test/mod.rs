//! Tests of plugins: `*_test.jsonnet` files say what tasks are given and what is expected of them. Nothing is built.
//!
//! It knows nothing of the terminal: each file's [`FileReport`] is plain data for `report`.

mod bench;
mod case;
mod difference;
mod fields;
mod files;
mod golden;
mod neighbours;
mod outcome;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use bench::Bench;
use case::{Case, Expectation, PluginChoice};
pub use difference::{Difference, Line};
use difference::{Extent, between, field};
use golden::Golden;

use crate::declare::model::PackageDirectory;
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::jsonnet::client;
use crate::jsonnet::protocol::{Plugin, Tried};

/// What to test, and how.
pub struct Request {
    /// The working directory, absolute, links resolved: paths are shown relative to it.
    pub top: PathBuf,
    /// Files and directories; none: the working directory.
    pub paths: Vec<PathBuf>,
    /// A pattern, or a part of the name of a case.
    pub filter: Option<String>,
    /// Whether golden files are written.
    pub is_update: bool,
    pub evaluation: client::Options,
}

/// What the cases of one file came to.
#[derive(Debug)]
pub struct FileReport {
    /// For people.
    pub path: String,
    pub cases: Vec<CaseReport>,
    /// What happened to the golden file.
    pub change: Option<Change>,
}

/// What happened to a golden file, with its path for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    Wrote(String),
    Removed(String),
}

#[derive(Debug)]
pub struct CaseReport {
    /// `None`: it is about the file as a whole.
    pub name: Option<String>,
    pub verdict: Verdict,
}

#[derive(Debug)]
pub enum Verdict {
    Passed,
    /// The golden file has something new for it.
    Updated,
    /// Something else came out than was expected.
    Different(Vec<Difference>),
    /// The tasks failed, or the case is no case.
    Failed(Error),
}

/// How many cases passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Total {
    pub passed: usize,
    pub failed: usize,
}

/// Runs all tests; `tell` hears of each file when it is done.
///
/// # Errors
/// `User`: there are no such tests. `Environment`: the machine refuses.
pub fn run(request: &Request, tell: &mut dyn FnMut(&FileReport)) -> Result<Total> {
    let found = files::find(&request.top, &request.paths)?;
    let mut run = Run {
        request,
        filter: request.filter.as_deref().map(Filter::new),
        bench: Bench::new(request.evaluation.clone())?,
        names: Vec::new(),
    };
    let mut total = Total::default();
    let tests = found.tests.iter().map(|path| (path, false));
    for (path, is_orphan) in tests.chain(found.orphans.iter().map(|path| (path, true))) {
        let report = match is_orphan {
            false => run.file(path)?,
            true => run.orphan(path)?,
        };
        for case in &report.cases {
            match case.verdict {
                Verdict::Passed | Verdict::Updated => total.passed += 1,
                Verdict::Different(_) | Verdict::Failed(_) => total.failed += 1,
            }
        }
        tell(&report);
    }
    let names = std::mem::take(&mut run.names);
    run.bench.clear()?;
    match &request.filter {
        Some(filter) if total == Total::default() => {
            let names = names.iter().map(String::as_str);
            Err(Error::user(format!("No case matches `{filter}`"))
                .hint_option(suggestion(filter, names)))
        }
        _ => Ok(total),
    }
}

struct Filter<'a> {
    text: &'a str,
    pattern: Option<globset::GlobMatcher>,
}

impl<'a> Filter<'a> {
    fn new(text: &'a str) -> Self {
        let pattern = globset::Glob::new(text).ok();
        Self {
            text,
            pattern: pattern.map(|glob| glob.compile_matcher()),
        }
    }

    fn admits(&self, name: &str) -> bool {
        name.contains(self.text)
            || self
                .pattern
                .as_ref()
                .is_some_and(|glob| glob.is_match(name))
    }
}

struct Run<'a> {
    request: &'a Request,
    filter: Option<Filter<'a>>,
    bench: Bench,
    /// The cases that there are, whether or not the filter admits them.
    names: Vec<String>,
}

impl Run<'_> {
    fn shown(&self, path: &Path) -> String {
        fs::path::display(path, &self.request.top)
    }

    fn file(&mut self, path: &Path) -> Result<FileReport> {
        let mut report = FileReport {
            path: self.shown(path),
            cases: Vec::new(),
            change: None,
        };
        match self.cases(path) {
            Ok(cases) => self.judge_all(path, &cases, &mut report)?,
            Err(error) => report.cases.push(CaseReport {
                name: None,
                verdict: Verdict::Failed(error),
            }),
        }
        Ok(report)
    }

    /// The cases of a file, not looked at.
    fn cases(&mut self, path: &Path) -> Result<Map<String, Value>> {
        let shown = self.shown(path);
        match self.bench.value(path, &self.request.top)? {
            Value::Object(cases) if !cases.is_empty() => Ok(cases),
            Value::Object(_) => Err(Error::user(format!("There is no case in `{shown}`"))
                .hint("a test file is `{ 'what it shows': { recipe: …, expect: … }, … }`")),
            other => Err(Error::user(format!(
                "`{shown}` must be an object of cases, not {}",
                fields::kind(&other)
            ))
            .hint("a test file is `{ 'what it shows': { recipe: …, expect: … }, … }`")),
        }
    }

    fn judge_all(
        &mut self,
        path: &Path,
        cases: &Map<String, Value>,
        report: &mut FileReport,
    ) -> Result<()> {
        let golden_path = files::golden_of(path);
        let shown = self.shown(&golden_path);
        let mut golden = match Golden::read(&golden_path, &shown) {
            Ok(golden) => golden,
            Err(_) if self.request.is_update => Golden::default(),
            Err(error) => {
                report.cases.push(CaseReport {
                    name: None,
                    verdict: Verdict::Failed(error),
                });
                return Ok(());
            }
        };
        let mut used = BTreeSet::new();
        for (name, value) in cases {
            self.names.push(name.clone());
            let is_golden = value.get("expect").is_none_or(Value::is_null);
            if is_golden {
                used.insert(name.as_str());
            }
            if self
                .filter
                .as_ref()
                .is_none_or(|filter| filter.admits(name))
            {
                let verdict = self.judge(path, name, value, &mut golden);
                report.cases.push(CaseReport {
                    name: Some(name.clone()),
                    verdict: verdict.unwrap_or_else(Verdict::Failed),
                });
            }
        }
        for name in golden.stale(&used) {
            match self.request.is_update {
                true => golden.remove(&name),
                false if self.filter.is_some() => {}
                false => report.cases.push(CaseReport {
                    verdict: Verdict::Failed(stale(&name, &shown, cases)),
                    name: Some(name),
                }),
            }
        }
        if self.request.is_update {
            report.change = golden.write(&golden_path, &shown)?;
        }
        Ok(())
    }

    fn judge(
        &mut self,
        path: &Path,
        name: &str,
        value: &Value,
        golden: &mut Golden,
    ) -> Result<Verdict> {
        let case = Case::parse(name, value)?;
        let plugins = self.plugins(path, &case)?;
        let result = self.bench.run(&case, plugins, &self.request.top);
        let different = |differences: Vec<Difference>| match differences.is_empty() {
            true => Verdict::Passed,
            false => Verdict::Different(differences),
        };
        match (&case.expectation, result) {
            (Expectation::Failure(wanted), result) => {
                Ok(different(failure_difference(wanted, result)))
            }
            (_, Err(error)) => Err(error),
            (Expectation::Parts(parts), Ok(tried)) => {
                Ok(different(part_differences(parts, &tried)))
            }
            (Expectation::Golden, Ok(tried)) => {
                let actual = outcome::compact(&outcome::full(&tried));
                if self.request.is_update {
                    return Ok(match golden.set(name, actual) {
                        true => Verdict::Updated,
                        false => Verdict::Passed,
                    });
                }
                match golden.get(name) {
                    Some(expected) => Ok(different(between("", expected, &actual, Extent::Whole))),
                    None => Err(missing(&self.shown(&files::golden_of(path)))),
                }
            }
        }
    }

    /// The plugins whose tasks run, the built-in ones first, as in a build.
    fn plugins(&self, path: &Path, case: &Case) -> Result<Vec<Plugin>> {
        let mut plugins: Vec<Plugin> = case.plugins.iter().cloned().map(Plugin::Std).collect();
        let package = files::package_of(&self.request.top, path);
        match (&case.plugin, package) {
            (PluginChoice::Nobody, _) if plugins.is_empty() => {
                return Err(Error::user("No plugin is tested")
                    .hint("with `plugin: null`, name built-in ones: `plugins: ['cpp']`"));
            }
            (PluginChoice::Nobody, _) => {}
            (PluginChoice::Own, Some(package)) => plugins.push(files::plugin_of(package)?),
            (PluginChoice::Own, None) => {
                return Err(Error::user("The test lies in no package")
                    .cause("neither here nor above is a `PKG` or a `Recipe.sml`")
                    .hint("name the file of the plugin: `plugin: './plugin.libsonnet'`"));
            }
            (PluginChoice::File(file), package) => {
                plugins.push(self.file_plugin(path, file, package)?);
            }
        }
        Ok(plugins)
    }

    /// A file beside a test, as a plugin by itself.
    fn file_plugin(
        &self,
        test: &Path,
        file: &str,
        package: Option<PackageDirectory>,
    ) -> Result<Plugin> {
        let beside = test.parent().unwrap_or(&self.request.top);
        let package = package.unwrap_or_else(|| files::directory_of(&self.request.top, beside));
        let path = fs::path::clean(&beside.join(file));
        let Ok(below) = path.strip_prefix(&package.directory) else {
            return Err(Error::user(format!(
                "The plugin `{file}` leaves the package"
            )));
        };
        let below = below.display().to_string();
        match fs::is_file(&path) {
            true => Ok(Plugin::File(package, below)),
            false => Err(Error::user(format!("There is no plugin `{file}`"))),
        }
    }

    /// A golden file whose test file is gone.
    fn orphan(&mut self, path: &Path) -> Result<FileReport> {
        let shown = self.shown(path);
        let mut report = FileReport {
            path: shown.clone(),
            cases: Vec::new(),
            change: None,
        };
        if self.request.is_update {
            fs::remove_file(path)?;
            report.change = Some(Change::Removed(shown));
        } else if self.filter.is_none() {
            let error = Error::user(format!("`{shown}` has no test file beside it"))
                .hint("remove it, or run `wake plugin test --update`");
            report.cases.push(CaseReport {
                name: None,
                verdict: Verdict::Failed(error),
            });
        }
        Ok(report)
    }
}

fn missing(golden: &str) -> Error {
    Error::user(format!("There is nothing in `{golden}` to compare with"))
        .cause("the case has no `expect`")
        .hint("run `wake plugin test --update`, and read what it writes")
}

fn stale(name: &str, golden: &str, cases: &Map<String, Value>) -> Error {
    let cause = match cases.contains_key(name) {
        true => "the case says what it expects itself",
        false => "there is no such case",
    };
    Error::user(format!("Nobody compares with `{name}` in `{golden}`"))
        .cause(cause)
        .hint("run `wake plugin test --update` to remove it")
}

/// Where the tasks did not fail as they should.
fn failure_difference(wanted: &str, result: Result<Tried>) -> Vec<Difference> {
    let actual = match result {
        Ok(_) => "the tasks do not fail".to_owned(),
        Err(error) => {
            let report = error.report();
            let texts = std::iter::once(&report.message).chain(&report.causes);
            let text: Vec<&str> = texts.chain(&report.hint).map(String::as_str).collect();
            let text = text.join("\n");
            if text.contains(wanted) {
                return Vec::new();
            }
            text
        }
    };
    let actual = actual.lines().map(|line| Line::Actual(line.to_owned()));
    vec![Difference {
        path: "failure".to_owned(),
        lines: std::iter::once(Line::Expected(wanted.to_owned()))
            .chain(actual)
            .collect(),
    }]
}

/// Where the parts that are expected differ.
fn part_differences(parts: &Map<String, Value>, tried: &Tried) -> Vec<Difference> {
    let actual = outcome::full(tried);
    let mut differences = Vec::new();
    for (name, expected) in parts {
        let actual = actual.get(name).unwrap_or(&Value::Null);
        match (expected, actual) {
            (Value::Object(expected), Value::Array(operations)) => {
                differences.extend(by_title(name, expected, operations));
            }
            _ => differences.extend(between(name, expected, actual, Extent::Part)),
        }
    }
    differences
}

/// Operations that are expected by their titles, among others.
fn by_title(path: &str, expected: &Map<String, Value>, operations: &[Value]) -> Vec<Difference> {
    let mut differences = Vec::new();
    for (title, wanted) in expected {
        let found = operations.iter().find(|one| one["title"] == title.as_str());
        match (found, wanted) {
            (None, Value::Null) => {}
            (Some(actual), wanted) => {
                let path = field(path, title);
                differences.extend(between(&path, wanted, actual, Extent::Part));
            }
            (None, _) => {
                let titles = operations.iter().filter_map(|one| one["title"].as_str());
                let titles = titles.map(|title| Line::Actual(title.to_owned()));
                differences.push(Difference {
                    path: path.to_owned(),
                    lines: std::iter::once(Line::Expected(title.clone()))
                        .chain(titles)
                        .collect(),
                });
            }
        }
    }
    differences
}
