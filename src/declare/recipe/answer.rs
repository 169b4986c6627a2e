//! Answers for packages that a recipe declares, as evaluation processes do for those with a `PKG`: the same requests, the
//! same answers, and what was read for them.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value as Json};

use super::dependencies::{self, Asked, FromFile, Names};
use super::document::Document;
use super::package_lock::{self, PackageLock};
use super::tracked::Tracked;
use super::{plugin, properties};
use crate::declare::model::{
    Declaration, DeclaredPlugin, Module, ModuleBody, PackageDirectory, PackageInfo,
};
use crate::error::{Error, Location, Result, suggestion};
use crate::fs::path;
use crate::generate::language;
use crate::jsonnet::protocol::{Answer, Outcome, Read, Request};
use crate::workspace::discover::{PKG, RECIPE, RECIPES, Workspace};
use crate::workspace::{layout, root_recipe};

/// The only module of a recipe.
const ROOT: &str = "root";

/// The front end of recipes in one workspace.
#[derive(Debug)]
pub struct Recipes {
    pub(super) top: PathBuf,
    pub(super) shared: Map<String, Json>,
    /// What `shared` was read from.
    reads: Vec<Read>,
}

impl Recipes {
    /// The front end for a workspace.
    pub fn new(workspace: &Workspace) -> Self {
        let root = workspace.root_recipe.as_ref();
        Self {
            top: workspace.top.clone(),
            shared: root.map(|root| root.properties.clone()).unwrap_or_default(),
            reads: root_recipe::reads(&workspace.top, root),
        }
    }

    /// Answers a request: itself where a recipe declares the package, else `jsonnet` does.
    ///
    /// # Errors
    /// Those of `jsonnet`. What is wrong with a package is in the outcome.
    pub fn ask(
        &self,
        request: &Request,
        jsonnet: impl FnOnce(&Request) -> Result<Outcome>,
    ) -> Result<Outcome> {
        if let Some(outcome) = self.answer(request) {
            return Ok(outcome);
        }
        let mut outcome = jsonnet(request)?;
        if let (Request::Module { package, .. }, Ok(Answer::Module(module))) =
            (request, &mut outcome.result)
        {
            outcome.reads.extend(self.share_module(package, module));
        }
        Ok(outcome)
    }

    /// The answer for a package that a recipe declares; `None`: the request is one for jsonnet.
    pub fn answer(&self, request: &Request) -> Option<Outcome> {
        let (Request::Declare { package, .. }
        | Request::Exports { package, .. }
        | Request::Module { package, .. }) = request
        else {
            return None;
        };
        let mut tracked = Tracked::default();
        if tracked.is_file(&package.directory.join(PKG)) {
            return None;
        }
        let mut reading = Reading {
            recipes: self,
            package,
            tracked,
        };
        let result = match request {
            Request::Declare { .. } => reading.declaration().map(Answer::Declaration),
            Request::Module { module, .. } => reading.module(module).map(Answer::Module),
            _ => Ok(Answer::Value(Json::Null)),
        };
        Some(Outcome {
            result,
            reads: reading.tracked.reads,
            is_recalled: false,
        })
    }

    /// Whether the properties that packages share are those of a package, too.
    fn is_sharing(&self, package: &PackageDirectory) -> bool {
        package.granted.is_none() && package.directory.starts_with(&self.top)
    }

    /// Adds what packages share to the recipe of a module of a `PKG`. Returns what that was read from.
    fn share_module(&self, package: &PackageDirectory, module: &mut Module) -> Vec<Read> {
        let ModuleBody::Recipe(Json::Object(recipe)) = &mut module.body else {
            return Vec::new();
        };
        properties::simplify_language(recipe);
        if !self.is_sharing(package) {
            return Vec::new();
        }
        module.shared_keys = self.share(recipe);
        self.reads.clone()
    }

    /// Adds the properties that a recipe does not give itself. Returns their keys.
    fn share(&self, recipe: &mut Map<String, Json>) -> Vec<String> {
        let mut keys = Vec::new();
        for (key, value) in &self.shared {
            if !recipe.contains_key(key) {
                recipe.insert(key.clone(), value.clone());
                keys.push(key.clone());
            }
        }
        keys
    }
}

/// What a recipe in a file of a package with a `PKG` says, and what was read for it. `path` is relative to the package.
///
/// # Errors
/// `User`: there is no such file, or what it says is wrong.
pub fn from_file(package: &PackageDirectory, path: &str) -> (Result<FromFile>, Vec<Read>) {
    let mut tracked = Tracked::default();
    let result = read_file(package, path, &mut tracked);
    (result, tracked.reads)
}

fn read_file(package: &PackageDirectory, path: &str, tracked: &mut Tracked) -> Result<FromFile> {
    let file = path::clean(&package.directory.join(path));
    let leaves = || {
        Error::user(format!("`{path}` leaves the package"))
            .hint("a package names only files of its own directory")
    };
    if !file.starts_with(&package.directory) {
        return Err(leaves());
    }
    let Some(content) = tracked.read(file.clone())? else {
        let shown = package.display(&file);
        return Err(Error::user(format!("There is no file `{shown}`"))
            .hint("correct the path, or give the properties as an object"));
    };
    if !crate::fs::canonicalize(&file)?.starts_with(&package.directory) {
        return Err(leaves());
    }
    let document = Document::parse(&package.display(&file), &content)?;
    let lock = lock(package, tracked)?;
    let namespace = namespace(package);
    let names = Names {
        namespace: namespace.as_deref(),
        lock: lock.as_ref(),
    };
    let asked = counting(package, dependencies::of_document(&document)?);
    Ok(FromFile {
        properties: properties::of_document(&document)?,
        dependencies: asked.iter().map(|one| one.dependency(names)).collect(),
    })
}

/// The namespace of a fetched package: that under which it was asked for. A recipe does not say its own.
fn namespace(package: &PackageDirectory) -> Option<String> {
    let place = package.place.as_deref()?;
    layout::namespace_of_link(place).map(ToOwned::to_owned)
}

/// What `PackageLock.sml` says beside a recipe. That of a fetched package is about where it was made.
fn lock(package: &PackageDirectory, tracked: &mut Tracked) -> Result<Option<PackageLock>> {
    if package.granted.is_some() {
        return Ok(None);
    }
    let found = first(&package.directory, &package_lock::FILES, tracked)?;
    let lock = found.map(|(file, content)| PackageLock::parse(&package.display(&file), &content));
    lock.transpose()
}

/// The first file of a directory that is there, of several names of one thing.
fn first(
    directory: &Path,
    names: &[&str],
    tracked: &mut Tracked,
) -> Result<Option<(PathBuf, Vec<u8>)>> {
    for name in names {
        let file = directory.join(name);
        if let Some(content) = tracked.read(file.clone())? {
            return Ok(Some((file, content)));
        }
    }
    Ok(None)
}

/// The dependencies that count: what a fetched package is tested with does not.
fn counting(package: &PackageDirectory, mut asked: Vec<Asked>) -> Vec<Asked> {
    asked.retain(|one| package.granted.is_none() || one.kind != "Test");
    asked
}

/// One answer in the making.
struct Reading<'a> {
    recipes: &'a Recipes,
    package: &'a PackageDirectory,
    tracked: Tracked,
}

/// A `Recipe.sml` that was read.
struct Recipe {
    document: Document,
    /// Those that packages share included.
    properties: Map<String, Json>,
    shared_keys: Vec<String>,
    info: PackageInfo,
    /// Where its name stands.
    at: Location,
}

impl Recipe {
    /// The place of a property, where the recipe has it.
    fn location(&self, key: &str) -> Option<Location> {
        let value = self.document.table.get(key)?;
        Some(self.document.location(value.span))
    }

    fn language(&self) -> Option<&str> {
        self.properties.get("Language").and_then(Json::as_str)
    }
}

impl Reading<'_> {
    fn recipe(&mut self) -> Result<Recipe> {
        let package = self.package;
        let found = first(&package.directory, &RECIPES, &mut self.tracked)?;
        let Some((file, content)) = found else {
            return Err(no_declaration(package, &package.directory.join(RECIPE)));
        };
        if !crate::fs::canonicalize(&file)?.starts_with(&package.directory) {
            return Err(Error::user(format!(
                "`{}` is a link that leaves its directory",
                package.display(&file)
            )));
        }
        let document = Document::parse(&package.display(&file), &content)?;
        let mut properties = properties::of_document(&document)?;
        let mut shared_keys = Vec::new();
        if self.recipes.is_sharing(package) {
            shared_keys = self.recipes.share(&mut properties);
            self.tracked.reads.extend(self.recipes.reads.clone());
        }
        let (info, at) = properties::identity(&document, &properties, namespace(package))?;
        Ok(Recipe {
            document,
            properties,
            shared_keys,
            info,
            at,
        })
    }

    fn declaration(&mut self) -> Result<Declaration> {
        let recipe = self.recipe()?;
        let asked = self.asked(&recipe)?;
        let lock = self.lock(&asked)?;
        let names = Names {
            namespace: recipe.info.namespace.as_deref(),
            lock: lock.as_ref(),
        };
        let pkgs = dependencies::requests(&asked, names);
        let language = recipe.language().map(ToOwned::to_owned);
        let (plugin, imports) = match language.as_deref() {
            Some(language::JSONNET) => {
                let (file, imports) =
                    plugin::files(&recipe.document, self.package, &mut self.tracked)?;
                (Some(DeclaredPlugin::File(file)), imports)
            }
            _ => (None, Vec::new()),
        };
        Ok(Declaration {
            info: recipe.info,
            language,
            files: None,
            pkgs,
            modules: vec![ROOT.to_owned()],
            plugin,
            exec: None,
            imports,
            at: Some(recipe.at),
        })
    }

    fn module(&mut self, module: &str) -> Result<Module> {
        let recipe = self.recipe()?;
        if module != ROOT {
            return Err(Error::user(format!(
                "`{}` has no module `{module}`",
                recipe.info.label()
            ))
            .at(recipe.at)
            .hint_option(suggestion(module, [ROOT])));
        }
        let asked = self.asked(&recipe)?;
        let lock = self.lock(&asked)?;
        let names = Names {
            namespace: recipe.info.namespace.as_deref(),
            lock: lock.as_ref(),
        };
        language::plugin(&recipe.properties, &recipe.info.label()).map_err(|error| {
            let at = recipe.location("Language");
            error
                .at_if_absent(at.as_ref())
                .at_if_absent(Some(&recipe.at))
        })?;
        Ok(Module {
            dependencies: asked.iter().map(|one| one.dependency(names)).collect(),
            body: ModuleBody::Recipe(Json::Object(recipe.properties)),
            shared_keys: recipe.shared_keys,
            at: Some(recipe.at),
        })
    }

    fn asked(&self, recipe: &Recipe) -> Result<Vec<Asked>> {
        let asked = dependencies::of_document(&recipe.document)?;
        Ok(counting(self.package, asked))
    }

    /// The lock, if anything is asked for by name.
    fn lock(&mut self, asked: &[Asked]) -> Result<Option<PackageLock>> {
        match asked.iter().any(Asked::is_by_name) {
            true => lock(self.package, &mut self.tracked),
            false => Ok(None),
        }
    }
}

fn no_declaration(package: &PackageDirectory, recipe: &Path) -> Error {
    let pkg = package.display(&package.directory.join(PKG));
    Error::user(format!(
        "There is no `{pkg}` and no `{}`",
        package.display(recipe)
    ))
    .hint("make a package there with `wake init`, or correct the path that leads there")
}
