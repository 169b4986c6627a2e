//! From what jsonnet made to operations of a graph: paths are placed, checked and given ids.
//!
//! It looks at the disk only to tell whether sources are there and where links lead.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use super::instances::{Instance, InstanceIndex, Instances};
use crate::error::{Error, Location, Result, suggestion};
use crate::fs;
use crate::fs::path;
use crate::graph::key::{Declared, Terse, describe};
use crate::graph::root::{UnknownToken, expand};
use crate::graph::{
    self, Action, Cold, Command, FileId, InstanceId, Operation, Root, Roots, Stdin,
};
use crate::jsonnet::protocol::{ActionSpec, OperationSpec};
use crate::workspace::layout::Layout;

/// What an operation sees of `PATH` behind the directories of its tools.
const SYSTEM_PATH: &str = "/usr/local/bin:/usr/bin:/bin";

/// Gives a path its id.
pub type Intern<'a> = dyn FnMut(&[u8]) -> FileId + 'a;

/// Everything a graph is frozen from.
pub struct Lowered {
    pub operations: Vec<Operation>,
    pub instances: Vec<graph::Instance>,
    pub roots: Vec<Root>,
    /// Paths relative to the workspace's top, by id, of every file named.
    pub paths: HashMap<FileId, String>,
}

/// Places the operations of all instances.
pub fn lower(
    instances: &Instances<'_>,
    layout: &Layout,
    intern: &mut Intern<'_>,
) -> Result<Lowered> {
    let mut lowering = Lowering::new(instances, layout, intern)?;
    let mut placed = Vec::new();
    for (index, instance) in instances.all.iter().enumerate() {
        for spec in &instance.generated().operations {
            placed.push(lowering.place(index, spec)?);
        }
    }
    lowering.link_directories(&mut placed);
    lowering.check_sources(&placed)?;
    lowering.finish(placed)
}

struct Lowering<'a> {
    instances: &'a Instances<'a>,
    layout: &'a Layout,
    intern: &'a mut Intern<'a>,
    /// Tokens with names, valid in every instance.
    named: HashMap<String, String>,
    /// `package`, `target` and `cache` of each instance.
    own: Vec<Own>,
    roots: Vec<Root>,
    paths: HashMap<FileId, String>,
    /// Directories below which a package's own files must stay after links are followed, by package directory.
    real_directories: HashMap<PathBuf, Option<PathBuf>>,
}

/// The directories of one instance, as [`Root::directory`] is written.
struct Own {
    package: String,
    target: String,
    cache: String,
    /// Commands may name inputs anywhere in the workspace.
    is_command: bool,
}

/// An operation whose paths are known but have no order yet.
struct Placed {
    instance: InstanceIndex,
    title: String,
    action: Action,
    tool: Option<FileId>,
    inputs: Vec<FileId>,
    order_only: Vec<FileId>,
    outputs: Vec<FileId>,
    depfile: Option<FileId>,
    weight: u32,
    pool: Option<String>,
    is_test: bool,
    at: Option<Location>,
}

/// What a path is for, which says where it may lie and what it is relative to.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Input,
    Output,
}

impl<'a> Lowering<'a> {
    fn new(
        instances: &'a Instances<'a>,
        layout: &'a Layout,
        intern: &'a mut Intern<'_>,
    ) -> Result<Self> {
        let mut named = HashMap::new();
        let mut roots = Vec::new();
        let mut own = Vec::new();
        let mut owners: HashMap<String, PathBuf> = HashMap::new();
        for (index, instance) in instances.all.iter().enumerate() {
            let package = instances.packages.get(instance.package);
            let info = &instances.packages.declaration(instance.package)?.info;
            let label = info.label();
            if let Some(other) = owners.insert(label.clone(), package.directory.clone())
                && other != package.directory
            {
                return Err(two_packages(
                    &label,
                    &other,
                    &package.directory,
                    layout.top(),
                ));
            }
            let directory = relative_to(&package.directory, layout.top());
            let target =
                layout.target_directory(info, &instance.directory_name(), &instance.hash)?;
            for (token, directory) in [
                (format!("package {label}"), directory.clone()),
                (instances.target_token_name(index), target.clone()),
            ] {
                if named.insert(token.clone(), directory.clone()).is_none() {
                    roots.push(Root { token, directory });
                }
            }
            let cache = layout.cache_directory(info, &instance.directory_name())?;
            own.push(Own {
                package: directory,
                target,
                cache,
                is_command: instance.is_command(),
            });
        }
        Ok(Self {
            instances,
            layout,
            intern,
            named,
            own,
            roots,
            paths: HashMap::new(),
            real_directories: HashMap::new(),
        })
    }

    fn id(&mut self, path: String) -> FileId {
        let id = (self.intern)(path.as_bytes());
        self.paths.entry(id).or_insert(path);
        id
    }

    /// The directory a token stands for in an instance.
    fn directory(&self, instance: InstanceIndex, token: &str) -> Option<&str> {
        let own = &self.own[instance];
        match token {
            "package" => Some(&own.package),
            "target" => Some(&own.target),
            "cache" => Some(&own.cache),
            _ => self.named.get(token).map(String::as_str),
        }
    }

    /// Refuses text with tokens that stand for nothing.
    fn check_tokens(&self, instance: InstanceIndex, text: &str) -> Result<()> {
        expand(text, |token| {
            self.directory(instance, token).map(str::to_owned)
        })
        .map(|_| ())
        .map_err(|unknown| self.unknown_token(instance, &unknown))
    }

    fn unknown_token(&self, instance: InstanceIndex, unknown: &UnknownToken) -> Error {
        Error::user(format!(
            "`{}` stands for nothing in `{}`",
            unknown.0, self.instances.all[instance].label
        ))
        .hint("a path begins with `$(package)`, `$(target)` or `$(cache)`; write `$$` for a dollar")
    }

    /// The path that `text` means, relative to the workspace's top, after checking that it may lie there.
    fn path(&self, instance: InstanceIndex, text: &str, use_: Use) -> Result<String> {
        let own = &self.own[instance];
        if text.is_empty() {
            return Err(Error::user("An empty string is no path"));
        }
        let base = match use_ {
            Use::Input => &own.package,
            Use::Output => &own.target,
        };
        let place = |token: &str| {
            self.directory(instance, token)
                .map(|directory| Path::new(".").join(directory))
        };
        let expanded = expand(text, |token| {
            Some(place(token)?.to_string_lossy().into_owned())
        })
        .map_err(|unknown| self.unknown_token(instance, &unknown))?;
        let leading = text
            .strip_prefix("$(")
            .and_then(|rest| rest.split_once(')'));
        let (root, relative) = match leading {
            Some((token, _)) => (
                self.directory(instance, token).unwrap_or(base),
                PathBuf::from(&expanded),
            ),
            None => (base.as_str(), Path::new(base).join(&expanded)),
        };
        let mut cleaned = path::clean(&relative);
        if cleaned.is_absolute()
            && let Ok(below) = cleaned.strip_prefix(self.layout.top())
        {
            cleaned = below.to_owned();
        }
        self.check_place(instance, text, use_, root, &cleaned)?;
        let mut result = cleaned.to_string_lossy().into_owned();
        if use_ == Use::Output && text.ends_with('/') {
            result.push('/');
        }
        Ok(result)
    }

    fn check_place(
        &self,
        instance: InstanceIndex,
        text: &str,
        use_: Use,
        root: &str,
        cleaned: &Path,
    ) -> Result<()> {
        let own = &self.own[instance];
        match use_ {
            Use::Output
                if !cleaned.starts_with(&own.target) || cleaned == Path::new(&own.target) =>
            {
                Err(Error::user(format!(
                    "The output `{text}` lies outside the target directory"
                ))
                .cause(format!(
                    "`$(target)` of `{}` is `{}`",
                    self.instances.all[instance].label, own.target
                ))
                .hint("begin it with `$(target)/`"))
            }
            Use::Input if text.starts_with('/') && !cleaned.is_relative() => Ok(()),
            Use::Input if is_within(cleaned, root) => Ok(()),
            Use::Input if own.is_command && cleaned.is_relative() && !cleaned.starts_with("..") => {
                Ok(())
            }
            Use::Input => Err(
                Error::user(format!("The input `{text}` leaves its package"))
                    .cause(format!(
                        "the package of `{}` is `{}`",
                        self.instances.all[instance].label,
                        if own.package.is_empty() {
                            "."
                        } else {
                            &own.package
                        }
                    ))
                    .hint("depend on the package that it belongs to"),
            ),
            Use::Output => Ok(()),
        }
    }

    fn files(
        &mut self,
        instance: InstanceIndex,
        texts: &[String],
        use_: Use,
    ) -> Result<Vec<FileId>> {
        let mut files = Vec::with_capacity(texts.len());
        let mut seen = HashSet::with_capacity(texts.len());
        for text in texts {
            let path = self.path(instance, text, use_)?;
            let id = self.id(path);
            if seen.insert(id) {
                files.push(id);
            }
        }
        Ok(files)
    }

    fn place(&mut self, instance: InstanceIndex, spec: &OperationSpec) -> Result<Placed> {
        self.try_place(instance, spec).map_err(|error| {
            let subject = format!(
                "in the operation `{}` of `{}`",
                spec.title, self.instances.all[instance].label
            );
            let at = users(spec.at.as_ref(), &self.instances.all[instance]);
            error.cause(subject).at_if_absent(at)
        })
    }

    fn try_place(&mut self, instance: InstanceIndex, spec: &OperationSpec) -> Result<Placed> {
        let mut inputs = self.files(instance, &spec.inputs, Use::Input)?;
        let order_only = self.files(instance, &spec.order_only, Use::Input)?;
        let mut outputs = self.files(instance, &spec.outputs, Use::Output)?;
        let depfile = match &spec.depfile {
            Some(depfile) => {
                let path = self.path(instance, depfile, Use::Output)?;
                Some(self.id(path))
            }
            None => None,
        };
        let mut tool = None;
        let action = match &spec.action {
            ActionSpec::WriteFile {
                content,
                executable,
            } => {
                self.check_tokens(instance, content)?;
                Action::WriteFile {
                    content: content.clone(),
                    executable: *executable,
                }
            }
            ActionSpec::CopyFile => Action::CopyFile,
            ActionSpec::MakeDirectory => Action::MakeDirectory,
            ActionSpec::Run { .. } => {
                let (command, file) =
                    self.command(instance, &spec.action, &mut inputs, &mut outputs)?;
                tool = Some(file);
                Action::Run(command)
            }
        };
        Ok(Placed {
            instance,
            title: spec.title.clone(),
            action,
            tool,
            inputs,
            order_only,
            outputs,
            depfile,
            weight: spec.weight.max(1),
            pool: spec.pool.clone(),
            is_test: spec.is_test,
            at: spec.at.clone(),
        })
    }

    fn command(
        &mut self,
        instance: InstanceIndex,
        action: &ActionSpec,
        inputs: &mut Vec<FileId>,
        outputs: &mut Vec<FileId>,
    ) -> Result<(Command, FileId)> {
        let ActionSpec::Run {
            executable,
            tool,
            arguments,
            working_directory,
            environment,
            stdin,
            stdin_text,
            stdout,
            response_file,
            console,
            caches: _,
            network,
            timeout,
        } = action
        else {
            return Err(Error::internal("Only a process has a command"));
        };
        let texts = arguments
            .iter()
            .chain(environment.values())
            .chain(stdin_text);
        for text in texts.chain([working_directory]) {
            self.check_tokens(instance, text)?;
        }
        let (executable, tool) = match tool {
            Some(found) => (
                found.display().to_string(),
                self.id(found.to_string_lossy().into_owned()),
            ),
            None => {
                let path = self.path(instance, executable, Use::Input)?;
                let text = if executable.starts_with("$(") || executable.starts_with('/') {
                    executable.clone()
                } else {
                    format!("$(package)/{executable}")
                };
                (text, self.id(path))
            }
        };
        let stdin = match (stdin, stdin_text) {
            (Some(file), _) => {
                let path = self.path(instance, file, Use::Input)?;
                let id = self.id(path);
                add(inputs, id);
                Stdin::File(id)
            }
            (None, Some(text)) => Stdin::Text(text.clone()),
            (None, None) => Stdin::Nothing,
        };
        let stdout = match stdout {
            Some(file) => {
                let path = self.path(instance, file, Use::Output)?;
                let id = self.id(path);
                add(outputs, id);
                Some(id)
            }
            None => None,
        };
        let command = Command {
            executable,
            arguments: arguments.clone(),
            working_directory: if working_directory.starts_with("$(")
                || working_directory.starts_with('/')
            {
                working_directory.clone()
            } else {
                format!("$(package)/{working_directory}")
            },
            environment: environment.clone(),
            path: self.search_path(instance),
            stdin,
            stdout,
            response_file: *response_file,
            console: *console,
            network: *network,
            timeout: *timeout,
        };
        Ok((command, tool))
    }

    fn search_path(&self, instance: InstanceIndex) -> String {
        let mut directories: Vec<&str> = Vec::new();
        let tools = &self.instances.all[instance].generated().tool_directories;
        for directory in tools
            .iter()
            .map(String::as_str)
            .chain(SYSTEM_PATH.split(':'))
        {
            if !directories.contains(&directory) {
                directories.push(directory);
            }
        }
        directories.join(":")
    }

    /// An input that is, or lies below, a directory that an operation owns whole means that directory.
    fn link_directories(&mut self, placed: &mut [Placed]) {
        let directories: HashMap<String, FileId> = placed
            .iter()
            .flat_map(|operation| &operation.outputs)
            .filter_map(|id| Some((self.paths[id].strip_suffix('/')?.to_owned(), *id)))
            .collect();
        if directories.is_empty() {
            return;
        }
        let made: HashSet<FileId> = placed
            .iter()
            .flat_map(|operation| &operation.outputs)
            .copied()
            .collect();
        for operation in placed {
            for input in operation.inputs.iter_mut().chain(&mut operation.order_only) {
                if made.contains(input) {
                    continue;
                }
                let above = Path::new(&self.paths[input]).ancestors();
                if let Some(id) = above
                    .filter_map(Path::to_str)
                    .find_map(|above| directories.get(above))
                {
                    *input = *id;
                }
            }
        }
    }

    /// Every input that no operation makes must be there, and must not lead out of its package by a link.
    fn check_sources(&mut self, placed: &[Placed]) -> Result<()> {
        let made: HashSet<FileId> = placed
            .iter()
            .flat_map(|operation| &operation.outputs)
            .copied()
            .collect();
        let mut checked: HashSet<FileId> = HashSet::new();
        for operation in placed {
            let sources = operation
                .inputs
                .iter()
                .chain(&operation.order_only)
                .chain(&operation.tool);
            for &source in sources {
                if !made.contains(&source) && checked.insert(source) {
                    self.check_source(operation, source)?;
                }
            }
        }
        Ok(())
    }

    fn check_source(&mut self, operation: &Placed, source: FileId) -> Result<()> {
        let shown = &self.paths[&source].clone();
        let path = self.layout.top().join(shown);
        let status = fs::stamp::lstat(&path)
            .map_err(|error| Error::io(format!("Cannot look at `{}`", path.display()), &error))?;
        let subject = format!(
            "`{}` of `{}`",
            operation.title, self.instances.all[operation.instance].label
        );
        if status.mode == 0 {
            let is_generated = Path::new(shown).starts_with(self.layout.output_directory());
            let mut error = Error::user(if is_generated {
                format!("No operation makes `{shown}`")
            } else {
                format!("`{shown}` does not exist")
            });
            error = error.cause(format!("it is an input of {subject}"));
            if let Some(hint) = self.near_files(&path) {
                error = error.hint(hint);
            }
            let declared = users(
                operation.at.as_ref(),
                &self.instances.all[operation.instance],
            );
            return Err(error.at_if_absent(declared));
        }
        let own = &self.own[operation.instance];
        if own.is_command
            || !Path::new(shown).starts_with(&own.package)
            || Path::new(shown).is_absolute()
        {
            return Ok(());
        }
        let package = self.layout.top().join(&own.package);
        if self.leads_out(&path, &package, status.is_link()) {
            return Err(
                Error::user(format!("`{shown}` leads out of its package by a link"))
                    .cause(format!("it is an input of {subject}"))
                    .hint("depend on the package that the file belongs to")
                    .at_if_absent(users(
                        operation.at.as_ref(),
                        &self.instances.all[operation.instance],
                    )),
            );
        }
        Ok(())
    }

    /// Whether `path`, links resolved, lies outside `package`. Directories are resolved once.
    fn leads_out(&mut self, path: &Path, package: &Path, is_link: bool) -> bool {
        if is_link {
            return fs::canonicalize(path).is_ok_and(|real| !real.starts_with(package));
        }
        let Some(parent) = path.parent() else {
            return false;
        };
        let real = self
            .real_directories
            .entry(parent.to_owned())
            .or_insert_with(|| fs::canonicalize(parent).ok());
        real.as_ref().is_some_and(|real| !real.starts_with(package))
    }

    fn near_files(&self, path: &Path) -> Option<String> {
        let name = path.file_name()?.to_str()?;
        let files = fs::list(path.parent()?).ok()?;
        let names: Vec<&str> = files.iter().filter_map(|(name, _)| name.to_str()).collect();
        suggestion(name, names).filter(|hint| hint.starts_with("did you mean"))
    }

    /// Keys, identities and instances.
    fn finish(mut self, placed: Vec<Placed>) -> Result<Lowered> {
        let mut instances = Vec::with_capacity(self.instances.all.len());
        for (index, instance) in self.instances.all.iter().enumerate() {
            let executable = match instance.executable() {
                Some(text) => {
                    let path = self.path(index, text, Use::Output)?;
                    Some(self.id(path))
                }
                None => None,
            };
            instances.push(self.instance(index, instance, executable));
        }
        let roots = Roots::new(&self.roots);
        let mut names: HashMap<FileId, String> = HashMap::with_capacity(self.paths.len());
        for (&id, path) in &self.paths {
            names.insert(id, roots.tokenize(path));
        }
        let mut operations = Vec::with_capacity(placed.len());
        for operation in placed {
            let identity = match operation.outputs.first() {
                Some(&output) => output,
                None => {
                    let path = format!(
                        "{}#{}",
                        self.own[operation.instance].target, operation.title
                    );
                    self.id(path)
                }
            };
            operations.push(self.operation(operation, identity, &names)?);
        }
        check_identities(&operations)?;
        Ok(Lowered {
            operations,
            instances,
            roots: self.roots,
            paths: self.paths,
        })
    }

    fn operation(
        &self,
        placed: Placed,
        identity: FileId,
        names: &HashMap<FileId, String>,
    ) -> Result<Operation> {
        let instance = &self.instances.all[placed.instance];
        let declared = users(placed.at.as_ref(), instance)
            .map(ToString::to_string)
            .unwrap_or_default();
        let cold = Cold {
            title: placed.title,
            action: placed.action,
            depfile: placed.depfile,
            pool: placed.pool,
            declared,
        };
        let mut terse = Terse::default();
        let declared = Declared {
            tool: placed.tool,
            inputs: &placed.inputs,
            outputs: &placed.outputs,
        };
        describe(
            &cold,
            declared,
            |file| names.get(&file).cloned().unwrap_or_default(),
            &mut terse,
        );
        Ok(Operation {
            instance: InstanceId::from_index(placed.instance),
            identity,
            inputs: placed.inputs,
            order_only: placed.order_only,
            outputs: placed.outputs,
            key: terse.finish(),
            tool: placed.tool,
            weight: placed.weight,
            is_test: placed.is_test,
            cold,
        })
    }

    fn instance(
        &self,
        index: InstanceIndex,
        instance: &Instance,
        executable: Option<FileId>,
    ) -> graph::Instance {
        let own = &self.own[index];
        let root = |token: &str, directory: &str| Root {
            token: token.into(),
            directory: directory.into(),
        };
        graph::Instance {
            label: instance.label.clone(),
            target_directory: own.target.clone(),
            roots: vec![
                root("package", &own.package),
                root("target", &own.target),
                root("cache", &own.cache),
            ],
            declared: instance.at().map(ToString::to_string).unwrap_or_default(),
            requested: instance.requested,
            executable,
        }
    }
}

/// Where the user looks for an operation: where it is made, or where the module is declared if a built-in plugin made it.
fn users<'a>(at: Option<&'a Location>, instance: &'a Instance) -> Option<&'a Location> {
    at.filter(|at| !at.is_built_in()).or(instance.at()).or(at)
}

/// Whether a clean path lies in the directory `root`, as [`Root::directory`] is written, or is it.
fn is_within(path: &Path, root: &str) -> bool {
    path.starts_with(root)
        && !path.starts_with("..")
        && (path.is_relative() || root.starts_with('/'))
}

fn add(files: &mut Vec<FileId>, file: FileId) {
    if !files.contains(&file) {
        files.push(file);
    }
}

/// Operations without outputs are told apart by their titles.
fn check_identities(operations: &[Operation]) -> Result<()> {
    let mut seen: BTreeMap<FileId, &str> = BTreeMap::new();
    for operation in operations
        .iter()
        .filter(|operation| operation.outputs.is_empty())
    {
        if seen
            .insert(operation.identity, &operation.cold.declared)
            .is_some()
        {
            return Err(Error::user(format!(
                "Two operations without outputs have the title `{}`",
                operation.cold.title
            ))
            .cause(format!("one is made at {}", operation.cold.declared))
            .hint("give them different titles"));
        }
    }
    Ok(())
}

fn relative_to(directory: &Path, top: &Path) -> String {
    directory
        .strip_prefix(top)
        .unwrap_or(directory)
        .to_string_lossy()
        .into_owned()
}

fn two_packages(label: &str, first: &Path, second: &Path, top: &Path) -> Error {
    Error::user(format!("Two packages are called `{label}`"))
        .cause(format!("one is `{}`", path::display(first, top)))
        .cause(format!("the other is `{}`", path::display(second, top)))
        .hint("give one another name or namespace in its `wake.pkgInfo`")
}
