//! Finds the top of the workspace from the directory where wake was started.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::layout::Layout;
use super::root_recipe::{self, RootRecipe};
use super::user_config::UserConfig;
use crate::error::{Error, Result};
use crate::fs;
use crate::fs::path;

/// The declaration of a package, in jsonnet.
pub const PKG: &str = "PKG";
/// The declaration of a package, in SML.
pub const RECIPE: &str = "Recipe.sml";
/// Its names: newer versions of Soup spell it small.
pub const RECIPES: [&str; 2] = [RECIPE, "recipe.sml"];
/// Every name of a declaration. Where a directory has several, the first counts.
pub const DECLARATIONS: [&str; 3] = [PKG, RECIPES[0], RECIPES[1]];

/// The directory that owns `.wake/`.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Absolute, links resolved.
    pub top: PathBuf,
    /// Where wake was started: absolute, links resolved, the top or below it.
    pub start: PathBuf,
    /// `RootRecipe.sml`, where the top has one.
    pub root_recipe: Option<RootRecipe>,
    /// What the user prefers: nothing until [`Self::configured`].
    pub user_config: UserConfig,
}

impl Workspace {
    /// The workspace around `start`, an absolute directory: the nearest ancestor (`start` itself included) with a
    /// `RootRecipe.sml`, else the nearest with a declaration.
    ///
    /// A user error if there is none, if `start` is no directory, or if the root recipe is wrong.
    pub fn discover(start: &Path) -> Result<Self> {
        if !fs::is_directory(start) {
            return Err(Error::user(format!(
                "There is no directory `{}`",
                start.display()
            )));
        }
        let start = fs::canonicalize(start)?;
        let marked = start
            .ancestors()
            .find(|directory| root_recipe::is_in(directory));
        let top = marked.or_else(|| start.ancestors().find(|directory| is_package(directory)));
        let Some(top) = top.map(Path::to_owned) else {
            return Err(no_workspace(&start));
        };
        let root_recipe = RootRecipe::read(&top)?;
        Ok(Self {
            top,
            start,
            root_recipe,
            user_config: UserConfig::default(),
        })
    }

    /// The workspace with the config of the user, whose config directory is given.
    ///
    /// # Errors
    /// As [`UserConfig::read`].
    pub fn configured(self, config_directory: Option<&Path>) -> Result<Self> {
        let user_config = match config_directory {
            Some(directory) => UserConfig::read(directory)?,
            None => UserConfig::default(),
        };
        Ok(Self {
            user_config,
            ..self
        })
    }

    /// The index that packages are looked for in by name: its address, or its path, relative to the top. That of the root
    /// recipe, else of the user's config.
    pub fn registry(&self) -> Option<&str> {
        let shared = self.root_recipe.as_ref();
        let shared = shared.and_then(|recipe| recipe.registry.as_deref());
        shared.or(self.user_config.registry.as_deref())
    }

    /// How many operations of a pool run at once, by its name.
    pub fn pools(&self) -> BTreeMap<String, usize> {
        let shared = self.root_recipe.as_ref();
        shared.map_or_else(BTreeMap::new, |recipe| recipe.pools.clone())
    }

    /// Where wake keeps things in it.
    pub fn layout(&self) -> Layout {
        let root_recipe = self.root_recipe.as_ref();
        let output_root = root_recipe.and_then(|recipe| recipe.output_root.as_deref());
        Layout::with_output_root(&self.top, output_root)
    }

    /// The package that the invoker is in: the nearest directory from [`Self::start`] up to the top that has a
    /// declaration, else the start itself.
    pub fn package_here(&self) -> &Path {
        let ancestors = self.start.ancestors();
        ancestors
            .take_while(|directory| directory.starts_with(&self.top))
            .find(|directory| is_package(directory))
            .unwrap_or(&self.start)
    }

    /// The error of a package that is needed and is no member.
    pub fn no_member(&self, directory: &Path) -> Error {
        let top = &self.top;
        let shown = path::display(directory, top);
        let hint = if directory.starts_with(top) {
            let root_recipe = self.root_recipe.as_ref();
            let file = root_recipe.map_or(root_recipe::FILE, RootRecipe::file);
            format!("add `'{shown}'` to the array `Members` in `{file}`")
        } else {
            "start wake there with `-C`, or name it in `pkgs` of a member".to_owned()
        };
        Error::user(format!(
            "The package in `{shown}` is no member of the workspace"
        ))
        .cause(format!("the workspace is `{}`", top.display()))
        .hint(hint)
    }
}

/// Whether a directory has a declaration.
pub fn is_package(directory: &Path) -> bool {
    declaration_in(directory).is_some()
}

/// The name of the file that declares the package in a directory.
pub fn declaration_in(directory: &Path) -> Option<&'static str> {
    let is_there = |name: &&str| fs::is_file(&directory.join(name));
    DECLARATIONS.into_iter().find(is_there)
}

/// Whether something in a directory has the name of a recipe.
pub fn has_recipe(directory: &Path) -> bool {
    let is_there = |name: &str| fs::is_occupied(&directory.join(name));
    RECIPES.into_iter().any(is_there)
}

fn no_workspace(start: &Path) -> Error {
    Error::user(format!(
        "No `PKG` or `Recipe.sml` in `{}` or any directory above",
        start.display()
    ))
    .hint("`wake init` makes a package here; `-C DIR` starts elsewhere")
}
