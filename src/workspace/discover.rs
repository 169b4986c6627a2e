//! Finding the top of the workspace and the members that it declares.
//!
//! The top is the nearest ancestor with a `RootRecipe.sml`, else the nearest with a `PKG`. Members are the package at
//! the top, those that `Members` in the root recipe names, and every path package they reach (`pkg/resolve.rs`).

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use crate::declare::recipe;
use crate::error::{Error, Result};
use crate::fs;
use crate::jsonnet::protocol::Read;

/// The name of the file that marks the top of a workspace and holds what its packages share.
pub const ROOT_RECIPE: &str = "RootRecipe.sml";

/// The name of a package's declaration.
pub const DECLARATION: &str = "PKG";

/// A workspace as seen from a directory.
#[derive(Clone, Debug)]
pub struct Workspace {
    /// Absolute, links resolved.
    pub top: PathBuf,
    /// The directory that the invocation is about: the working directory, links resolved.
    pub start: PathBuf,
    /// The properties of `RootRecipe.sml`; empty where there is none.
    pub root_recipe: Map<String, Value>,
    has_root_recipe: bool,
}

/// The directories of the members that are declared, and what finding them read.
#[derive(Clone, Debug, Default)]
pub struct Members {
    pub directories: Vec<PathBuf>,
    pub reads: Vec<Read>,
}

impl Workspace {
    /// The workspace that an absolute directory belongs to.
    pub fn discover(start: &Path) -> Result<Self> {
        let start = fs::canonicalize(start)?;
        let above = |name: &str| {
            start
                .ancestors()
                .find(|above| fs::is_file(&above.join(name)))
        };
        let marked = above(ROOT_RECIPE);
        let Some(top) = marked.or_else(|| above(DECLARATION)) else {
            return Err(Error::user(format!(
                "There is no `{DECLARATION}` in `{}` or above",
                start.display()
            ))
            .hint("`wake init` makes a package that builds"));
        };
        let root_recipe = match marked {
            Some(directory) => read_root_recipe(directory)?,
            None => Map::new(),
        };
        Ok(Self {
            top: top.to_owned(),
            start: start.clone(),
            root_recipe,
            has_root_recipe: marked.is_some(),
        })
    }

    /// The package at the top, if there is one, and those that `Members` names.
    pub fn members_declared(&self) -> Result<Members> {
        let mut members = Members::default();
        let declaration = self.top.join(DECLARATION);
        let exists = fs::is_file(&declaration);
        if exists {
            members.directories.push(self.top.clone());
        }
        members.reads.push(Read::Existence {
            path: declaration,
            exists,
        });
        // A root recipe that appears or vanishes moves the top; its content says who the members are.
        let root_recipe = self.top.join(ROOT_RECIPE);
        let content = fs::read_if_exists(&root_recipe)?;
        let hash = content.map(|content| *blake3::hash(&content).as_bytes());
        members.reads.push(Read::File {
            path: root_recipe,
            hash,
        });
        if self.has_root_recipe {
            self.add_named(&mut members)?;
        }
        Ok(members)
    }

    fn add_named(&self, members: &mut Members) -> Result<()> {
        let Some(named) = self.root_recipe.get("Members") else {
            return Ok(());
        };
        let wrong = || {
            Error::user(format!(
                "`Members` in `{ROOT_RECIPE}` must be an array of paths and patterns"
            ))
            .hint("for example `Members: ['libraries/*', 'tools/generator']`")
        };
        for named in named.as_array().ok_or_else(wrong)? {
            let named = named.as_str().ok_or_else(wrong)?.trim_end_matches('/');
            let (directories, listings) = matching(&self.top, named)?;
            members.reads.extend(listings);
            let found: Vec<PathBuf> = directories
                .into_iter()
                .filter(|directory| fs::is_file(&directory.join(DECLARATION)))
                .collect();
            if found.is_empty() {
                return Err(
                    Error::user(format!("`{named}` in `Members` names no package"))
                        .cause(format!(
                            "no directory that it matches in `{}` has a `{DECLARATION}`",
                            self.top.display()
                        ))
                        .hint(format!("correct it in `{ROOT_RECIPE}`")),
                );
            }
            for directory in found {
                let directory = fs::canonicalize(&directory)?;
                if !members.directories.contains(&directory) {
                    members.directories.push(directory);
                }
            }
        }
        Ok(())
    }
}

fn read_root_recipe(directory: &Path) -> Result<Map<String, Value>> {
    let content = fs::read(&directory.join(ROOT_RECIPE))?;
    recipe::properties(ROOT_RECIPE, &content)
}

/// The directories that a pattern names, one path component at a time, and the listings that were needed.
fn matching(top: &Path, pattern: &str) -> Result<(Vec<PathBuf>, Vec<Read>)> {
    let mut directories = vec![top.to_owned()];
    let mut reads = Vec::new();
    for component in pattern
        .split('/')
        .filter(|component| !matches!(*component, "" | "."))
    {
        let is_literal = !component.contains(['*', '?', '[', '{']);
        let mut next = Vec::new();
        for directory in directories {
            if is_literal {
                next.push(directory.join(component));
                continue;
            }
            let glob = globset::GlobBuilder::new(component)
                .literal_separator(true)
                .build();
            let glob = glob.map_err(|error| {
                Error::user(format!("`{pattern}` in `Members` is no pattern"))
                    .cause(error.kind().to_string())
            })?;
            let matcher = glob.compile_matcher();
            let names = directory_names(&directory)?;
            let is_visible = |name: &&String| component.starts_with('.') || !name.starts_with('.');
            next.extend(
                names
                    .iter()
                    .filter(is_visible)
                    .filter(|name| matcher.is_match(name))
                    .map(|name| directory.join(name)),
            );
            reads.push(Read::Listing {
                path: directory,
                names,
            });
        }
        directories = next;
    }
    Ok((directories, reads))
}

/// The names of the directories in a directory, sorted; none where it is missing.
pub fn directory_names(directory: &Path) -> Result<Vec<String>> {
    if !fs::is_directory(directory) {
        return Ok(Vec::new());
    }
    let entries = fs::list(directory)?;
    Ok(entries
        .into_iter()
        .filter(|(_, is_directory)| *is_directory)
        .filter_map(|(name, _)| name.into_string().ok())
        .collect())
}
