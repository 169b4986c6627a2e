//! From what jsonnet made to operations of a graph: paths are placed, checked and given ids.
//!
//! It looks at the disk only to tell whether sources are there and where links lead.

mod command;
mod overlap;
mod parts;
mod place;
mod sources;
mod versions;

use std::collections::{HashMap, HashSet};
use std::path::PathBuf;

use super::instances::{Instance, InstanceIndex, Instances};
use crate::error::{Error, Location, Result};
use crate::graph::{self, Action, FileId, Operation, Root};
use crate::jsonnet::protocol::OperationSpec;
use crate::pkg::{PackageIndex, Packages};
use crate::workspace::layout::Layout;
use place::Use;

/// Gives a path its id.
pub type Intern<'a> = dyn FnMut(&[u8]) -> FileId + 'a;

/// Everything a graph is frozen from.
pub struct Lowered {
    pub operations: Vec<Operation>,
    /// Where the user looks for each operation.
    pub places: Vec<Option<Location>>,
    pub instances: Vec<graph::Instance>,
    pub roots: Vec<Root>,
    /// Paths relative to the workspace's top, by id, of every file named.
    pub paths: HashMap<FileId, String>,
    /// What tasks want to read.
    pub preprocess: Vec<Preprocess>,
    /// How many instances did not have their tasks run, since what these made before still holds.
    pub reused: usize,
}

impl Lowered {
    /// Whether all operations are known.
    pub fn is_whole(&self) -> bool {
        !self.instances.iter().any(|instance| instance.is_partial)
    }
}

/// An output that tasks want to read before all operations are known.
pub struct Preprocess {
    pub file: FileId,
    /// See [`Instances::target_token`].
    pub instance: String,
    /// The instance for people.
    pub label: String,
    /// The output as tasks write it.
    pub text: String,
    /// Whether they have not read it yet.
    pub is_pending: bool,
    /// The title of the operation that makes it, and where that was made.
    pub operation: String,
    pub at: Option<Location>,
    /// BLAKE3 of the operation that makes it, as tasks made that.
    pub spec: [u8; 32],
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
        let Some(generated) = instance.generated() else {
            continue;
        };
        for spec in &generated.operations {
            placed.push(lowering.place(index, spec)?);
        }
        for spec in &generated.preprocess {
            placed.push(lowering.place(index, spec)?);
            for output in spec.all_outputs() {
                lowering.preprocess(index, output, instance.is_partial(), Some(spec))?;
            }
        }
        for output in &instance.read_by_users {
            let is_pending = !instances.is_preprocessed(index, output);
            let mut makers = generated.operations.iter();
            let maker = makers.find(|spec| spec.all_outputs().any(|made| made == output));
            lowering.preprocess(index, output, is_pending, maker)?;
        }
    }
    lowering.check_preprocessed()?;
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
    preprocess: Vec<Preprocess>,
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

impl<'a> Lowering<'a> {
    fn new(
        instances: &'a Instances<'a>,
        layout: &'a Layout,
        intern: &'a mut Intern<'_>,
    ) -> Result<Self> {
        let mut lowering = Self {
            instances,
            layout,
            intern,
            named: HashMap::new(),
            own: Vec::new(),
            roots: Vec::new(),
            paths: HashMap::new(),
            preprocess: Vec::new(),
            real_directories: HashMap::new(),
        };
        let mut owners: HashMap<String, PackageIndex> = HashMap::new();
        for (index, instance) in instances.all.iter().enumerate() {
            let label = instances.package_name(instance.package);
            let versioned = instances.versioned_name(instance.package);
            for name in [&label, &versioned] {
                if let Some(other) = owners.insert(name.clone(), instance.package)
                    && instances.packages.get(other).directory
                        != instances.packages.get(instance.package).directory
                {
                    return Err(two_packages(
                        name,
                        other,
                        instance.package,
                        instances.packages,
                    ));
                }
            }
            let own = lowering.directories(instance)?;
            lowering.name(format!("package {label}"), &own.package);
            lowering.name(instances.target_token_name(index), &own.target);
            lowering.own.push(own);
        }
        Ok(lowering)
    }

    fn directories(&self, instance: &Instance) -> Result<Own> {
        let packages = &self.instances.packages;
        let info = &packages.declaration(instance.package)?.info;
        let module = instance.directory_name();
        Ok(Own {
            package: packages.get(instance.package).place.clone(),
            target: (self.layout).target_directory(info, &module, &instance.hash)?,
            // The tests of a module use what it left there.
            cache: self.layout.cache_directory(info, &instance.module)?,
            is_command: instance.is_command(),
        })
    }

    /// Makes a token valid in every instance.
    fn name(&mut self, token: String, directory: &str) {
        if self
            .named
            .insert(token.clone(), directory.to_owned())
            .is_none()
        {
            let directory = directory.to_owned();
            self.roots.push(Root { token, directory });
        }
    }

    /// Notes what tasks want to read.
    fn preprocess(
        &mut self,
        index: InstanceIndex,
        output: &str,
        is_pending: bool,
        maker: Option<&OperationSpec>,
    ) -> Result<()> {
        let path = self.path(index, output, Use::Output)?;
        let file = self.id(path);
        self.preprocess.push(Preprocess {
            file,
            instance: self.instances.target_token(index),
            label: self.instances.all[index].label.clone(),
            text: output.to_owned(),
            is_pending,
            operation: maker.map(|spec| spec.title.clone()).unwrap_or_default(),
            spec: *blake3::hash(&serde_json::to_vec(&maker).unwrap_or_default()).as_bytes(),
            at: maker.and_then(|spec| spec.at.clone()),
        });
        Ok(())
    }

    /// What tasks have read is asked for until the end: what a graph does not know of is not looked at again when it
    /// changes.
    fn check_preprocessed(&self) -> Result<()> {
        let instances = self.instances;
        if instances.all.iter().any(Instance::is_partial) {
            return Ok(());
        }
        let mut asked: HashMap<&str, HashSet<&str>> = HashMap::new();
        for one in &self.preprocess {
            let of_instance = asked.entry(&one.instance).or_default();
            of_instance.insert(&one.text);
        }
        for (index, instance) in instances.all.iter().enumerate() {
            let asked = asked.get(&*instances.target_token(index));
            let mut read = instances.preprocessed(index);
            if let Some(text) = read.find(|text| !asked.is_some_and(|asked| asked.contains(text))) {
                return Err(Error::user(format!(
                    "The tasks of `{}` have read `{text}` and ask for it no more",
                    instance.label
                ))
                .cause("wake would not notice when it changes")
                .hint("return the operation that makes it in `preprocess` every time, not only the first")
                .at_if_absent(instance.at()));
            }
        }
        Ok(())
    }

    fn id(&mut self, path: String) -> FileId {
        let id = (self.intern)(path.as_bytes());
        self.paths.entry(id).or_insert(path);
        id
    }
}

/// Where the user looks for an operation: where it is made, or where the module is declared if a built-in plugin made it.
fn users<'a>(at: Option<&'a Location>, instance: &'a Instance) -> Option<&'a Location> {
    at.filter(|at| !at.is_built_in()).or(instance.at()).or(at)
}

fn two_packages(
    name: &str,
    first: PackageIndex,
    second: PackageIndex,
    packages: &Packages,
) -> Error {
    let origin = |index| {
        let package = packages.get(index);
        match &package.release {
            Some(release) => format!("from `{}`", release.subject.origin),
            None => format!("`{}`", package.display),
        }
    };
    let is_fetched = |index| packages.get(index).release.is_some();
    Error::user(format!("Two packages are called `{name}`"))
        .cause(format!("one is {}", origin(first)))
        .cause(format!("the other is {}", origin(second)))
        .hint(match is_fetched(first) || is_fetched(second) {
            true => "have the one at the path answer for everybody, with `replace=true` in its `wake.getPkg`, or give it another version",
            false => "give one another name or namespace in its `wake.pkgInfo`",
        })
}
