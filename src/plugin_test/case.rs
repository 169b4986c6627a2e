//! One case of a test file: what the tasks are given and what is expected of them, checked. It knows nothing of files
//! and of running.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::fields::Fields;
use crate::declare::model::{Host, PackageInfo, Parameters};
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::jsonnet::protocol::{DependencyState, TaskState};

/// The fields of a case. `docs/plugins.md` says what each means.
const FIELDS: [&str; 20] = [
    "activeState",
    "config",
    "dependencies",
    "environment",
    "expect",
    "files",
    "host",
    "module",
    "name",
    "parameters",
    "plugin",
    "plugins",
    "preprocessors",
    "recipe",
    "sdks",
    "sharedKeys",
    "sharedState",
    "tasks",
    "tools",
    "version",
];

/// The fields of a dependency.
const DEPENDENCY_FIELDS: [&str; 6] = [
    "name",
    "module",
    "reference",
    "targetDirectory",
    "executable",
    "sharedState",
];

/// The fields of `expect`.
const EXPECTATION_FIELDS: [&str; 7] = [
    "activeState",
    "failure",
    "messages",
    "operations",
    "preprocess",
    "sharedState",
    "tasks",
];

/// What a test says about one run of tasks.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) plugin: PluginChoice,
    /// Built-in plugins whose tasks run, too.
    pub(super) plugins: Vec<String>,
    pub(super) info: PackageInfo,
    pub(super) module: String,
    pub(super) recipe: Value,
    pub(super) config: Value,
    pub(super) parameters: Parameters,
    pub(super) dependencies: Vec<DependencyState>,
    pub(super) start: TaskState,
    pub(super) sdks: Vec<Value>,
    pub(super) shared_keys: Vec<String>,
    pub(super) preprocessors: BTreeMap<String, String>,
    /// Paths in the package and contents.
    pub(super) files: BTreeMap<String, String>,
    pub(super) machine: Machine,
    /// `None`: all tasks.
    pub(super) tasks: Option<Vec<String>>,
    pub(super) expectation: Expectation,
}

/// Whose tasks are tested.
#[derive(Debug)]
pub(super) enum PluginChoice {
    /// Those of the package that the test lies in.
    Own,
    /// Those of a file of this package, relative to the test.
    File(String),
    /// None but those of `plugins`.
    Nobody,
}

/// What tasks see of the machine. Cases that are alike in it are evaluated by one process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Machine {
    /// Names of tools that are installed.
    pub(super) tools: BTreeSet<String>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) host: Host,
}

/// What is to come out.
#[derive(Debug)]
pub(super) enum Expectation {
    /// What the golden file has.
    Golden,
    /// These parts, of which each may be said in part.
    Parts(Map<String, Value>),
    /// A failure whose message contains this.
    Failure(String),
}

impl Machine {
    /// One where nothing is installed.
    pub(super) fn bare() -> Self {
        Self {
            tools: BTreeSet::new(),
            environment: BTreeMap::new(),
            host: Host {
                kernel: "linux".to_owned(),
                distribution: String::new(),
                codename: String::new(),
                architecture: "x86_64".to_owned(),
            },
        }
    }
}

impl Case {
    /// # Errors
    /// `User`: a field is unknown, or not what it must be.
    pub(super) fn parse(name: &str, value: &Value) -> Result<Self> {
        let fields = Fields::of(value, &format!("the case `{name}`"), &FIELDS)?;
        let recipe = fields.object("recipe")?.unwrap_or_default();
        let written = recipe.get("Version").and_then(Value::as_str);
        let version = fields.text("version")?;
        let info = PackageInfo {
            version: version.or_else(|| written.map(ToOwned::to_owned)),
            ..PackageInfo::parse(fields.text("name")?.as_deref().unwrap_or("app"))
        };
        info.check_names()
            .map_err(|error| error.cause(format!("it is the `name` of {}", fields.subject())))?;
        Ok(Self {
            plugin: plugin(&fields)?,
            plugins: fields.texts("plugins")?.unwrap_or_default(),
            info,
            module: fields.text("module")?.unwrap_or_else(|| "root".to_owned()),
            recipe: Value::Object(recipe),
            config: fields.any("config").cloned().unwrap_or_else(|| json!({})),
            parameters: parameters(&fields)?,
            dependencies: dependencies(&fields)?,
            start: TaskState {
                active: Value::Object(fields.object("activeState")?.unwrap_or_default()),
                shared: Value::Object(fields.object("sharedState")?.unwrap_or_default()),
            },
            sdks: fields.list("sdks")?.unwrap_or_default(),
            shared_keys: fields.texts("sharedKeys")?.unwrap_or_default(),
            preprocessors: fields.text_table("preprocessors")?,
            files: files(&fields)?,
            machine: machine(&fields)?,
            tasks: fields.texts("tasks")?,
            expectation: expectation(&fields)?,
        })
    }
}

fn plugin(fields: &Fields<'_>) -> Result<PluginChoice> {
    if fields.is_null("plugin") {
        return Ok(PluginChoice::Nobody);
    }
    Ok(match fields.text("plugin")? {
        Some(file) => PluginChoice::File(file),
        None => PluginChoice::Own,
    })
}

/// What a test does not say is the same on every machine.
fn parameters(fields: &Fields<'_>) -> Result<Parameters> {
    let usual = [
        ("Flavor", "Debug"),
        ("Architecture", "x86_64"),
        ("System", "Linux"),
        ("Compiler", "GCC"),
    ];
    let usual = usual.map(|(name, value)| (name.to_owned(), json!(value)));
    let mut parameters = Parameters::from(usual);
    parameters.extend(fields.object("parameters")?.unwrap_or_default());
    Ok(parameters)
}

fn dependencies(fields: &Fields<'_>) -> Result<Vec<DependencyState>> {
    let mut dependencies = Vec::new();
    for (kind, list) in fields.object("dependencies")?.unwrap_or_default() {
        let Value::Array(list) = list else {
            return Err(fields.wrong(&format!("dependencies.{kind}"), "a list", &list));
        };
        for (index, value) in list.iter().enumerate() {
            let subject = format!("`dependencies.{kind}[{index}]` of {}", fields.subject());
            let given = Fields::of(value, &subject, &DEPENDENCY_FIELDS)?;
            dependencies.push(dependency(&kind, &given)?);
        }
    }
    Ok(dependencies)
}

fn dependency(kind: &str, fields: &Fields<'_>) -> Result<DependencyState> {
    let name = fields.needed_text("name")?;
    let module = fields.text("module")?.unwrap_or_else(|| "root".to_owned());
    let target = fields.text("targetDirectory")?;
    Ok(DependencyState {
        kind: kind.to_owned(),
        key: None,
        reference: fields.text("reference")?.unwrap_or_else(|| name.clone()),
        target_directory: target.unwrap_or_else(|| format!("$(target {name}:{module})")),
        executable: fields.text("executable")?,
        shared_state: Value::Object(fields.object("sharedState")?.unwrap_or_default()),
        name,
        module,
    })
}

fn files(fields: &Fields<'_>) -> Result<BTreeMap<String, String>> {
    let files = fields.text_table("files")?;
    for path in files.keys() {
        let cleaned = fs::path::clean(std::path::Path::new(path));
        let is_inside =
            !cleaned.as_os_str().is_empty() && cleaned.is_relative() && !cleaned.starts_with("..");
        if !is_inside || path.ends_with('/') {
            return Err(Error::user(format!(
                "`{path}` in `files` of {} is no path of a file in the package",
                fields.subject()
            )));
        }
    }
    Ok(files)
}

fn machine(fields: &Fields<'_>) -> Result<Machine> {
    let tools = fields.texts("tools")?.unwrap_or_default();
    if let Some(path) = tools
        .iter()
        .find(|tool| tool.is_empty() || tool.contains('/'))
    {
        return Err(Error::user(format!(
            "`{path}` in `tools` of {} is not the name of a tool",
            fields.subject()
        )));
    }
    let environment = fields.text_table("environment")?;
    if environment.contains_key("PATH") {
        return Err(Error::user(format!(
            "`PATH` cannot be in `environment` of {}",
            fields.subject()
        ))
        .hint("name the tools that are installed in `tools`"));
    }
    Ok(Machine {
        tools: tools.into_iter().collect(),
        environment,
        host: host(fields)?,
    })
}

fn host(fields: &Fields<'_>) -> Result<Host> {
    const NAMES: [&str; 4] = ["kernel", "distribution", "codename", "architecture"];
    let value = Value::Object(fields.object("host")?.unwrap_or_default());
    let given = Fields::of(&value, &format!("`host` of {}", fields.subject()), &NAMES)?;
    let usual = Machine::bare().host;
    let text =
        |name: &str, usual: String| -> Result<String> { Ok(given.text(name)?.unwrap_or(usual)) };
    Ok(Host {
        kernel: text("kernel", usual.kernel)?,
        distribution: text("distribution", usual.distribution)?,
        codename: text("codename", usual.codename)?,
        architecture: text("architecture", usual.architecture)?,
    })
}

fn expectation(fields: &Fields<'_>) -> Result<Expectation> {
    let Some(parts) = fields.object("expect")? else {
        return Ok(Expectation::Golden);
    };
    let subject = format!("`expect` of {}", fields.subject());
    for name in parts.keys() {
        if !EXPECTATION_FIELDS.contains(&name.as_str()) {
            return Err(Error::user(format!("`{name}` is no field of {subject}"))
                .hint_option(suggestion(name, EXPECTATION_FIELDS)));
        }
    }
    if parts.is_empty() {
        return Err(Error::user(format!("There is nothing in {subject}"))
            .hint("leave it out to compare everything with the golden file"));
    }
    match parts.get("failure") {
        None => Ok(Expectation::Parts(parts)),
        Some(Value::String(text)) if parts.len() == 1 && !text.is_empty() => {
            Ok(Expectation::Failure(text.clone()))
        }
        Some(Value::String(text)) if !text.is_empty() => Err(Error::user(format!(
            "`failure` is not alone in {subject}: tasks that fail make nothing"
        ))),
        Some(_) => Err(Error::user(format!(
            "`failure` in {subject} must be a part of the message"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(value: &Value) -> String {
        let error = Case::parse("x", value).unwrap_err();
        let hint = error.report().hint.clone().unwrap_or_default();
        format!("{error}; {hint}")
    }

    #[test]
    fn what_a_case_does_not_say_is_the_same_everywhere() {
        let case = Case::parse("x", &json!({"recipe": {"Version": "1.2.3"}})).unwrap();
        assert_eq!(case.info.version.as_deref(), Some("1.2.3"));
        assert_eq!(case.parameters["Architecture"], json!("x86_64"));
        assert_eq!(case.machine.host.kernel, "linux");
        assert!(matches!(case.expectation, Expectation::Golden));
        assert!(matches!(case.plugin, PluginChoice::Own));
    }

    #[test]
    fn wrong_shapes_are_told_what_is_wrong() {
        let cases = [
            json!([]),
            json!({"recepe": {}}),
            json!({"recipe": []}),
            json!({"tools": "gcc"}),
            json!({"tools": ["/bin/gcc"]}),
            json!({"files": {"../a": ""}}),
            json!({"files": {"a": 1}}),
            json!({"host": {"kernal": "x"}}),
            json!({"dependencies": {"Tool": {}}}),
            json!({"dependencies": {"Tool": [{"executable": "x"}]}}),
            json!({"dependencies": {"Tool": [{"name": "x", "shared": {}}]}}),
            json!({"environment": {"PATH": "/bin"}}),
            json!({"expect": {}}),
            json!({"expect": {"operation": []}}),
            json!({"expect": {"failure": "x", "messages": []}}),
            json!({"expect": {"failure": true}}),
            json!({"name": "a b"}),
        ];
        let all: Vec<String> = cases.iter().map(wrong).collect();
        insta::assert_snapshot!(all.join("\n"));
    }
}
