//! The packages that the workspace itself declares as its members: the one at the top and those of `Members`.
//!
//! A pattern of `Members` is a path relative to the top with `*`, `?`, `[]`, `{a,b}` and `**`. It names directories
//! with a declaration. A leading dot must be written, links are followed only where the pattern writes their name,
//! `.wake/` and `.git/` are never entered, and `**` goes no further below a package that it has found.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobMatcher};

use super::Workspace;
use super::discover::DECLARATIONS;
use super::layout::is_closed;
use super::root_recipe::{self, MemberPattern};
use crate::error::{Error, Result};
use crate::fs;
use crate::jsonnet::protocol::Read;

/// The declared members of a workspace.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Members {
    /// Absolute, links resolved: the package at the top first, then the others by bytes; none twice.
    pub directories: Vec<PathBuf>,
    /// What this was found out from.
    pub reads: Vec<Read>,
}

impl Workspace {
    /// The declared members; what they reach by path are members too, which only resolving finds out.
    ///
    /// A pattern that is malformed, leaves the workspace or names no package is a user error.
    pub fn members_declared(&self) -> Result<Members> {
        let recipe = self.root_recipe.as_ref();
        let mut walk = Walk {
            top: &self.top,
            found: BTreeSet::new(),
            reads: Vec::new(),
        };
        walk.reads.extend(root_recipe::reads(&self.top, recipe));
        walk.reads.extend(self.user_config.read.clone());
        let top = walk.is_package(&self.top);
        for pattern in recipe.iter().flat_map(|recipe| &recipe.members) {
            walk.pattern(pattern)?;
        }
        walk.found.remove(&self.top);
        let directories = top
            .then(|| self.top.clone())
            .into_iter()
            .chain(walk.found)
            .collect();
        Ok(Members {
            directories,
            reads: walk.reads,
        })
    }
}

/// The names of the directories in a directory, links not followed, sorted by bytes, without `.wake` and `.git`: what a
/// pattern of `Members` sees. Names that are not UTF-8 are left out, since no package can have one; so are all in a
/// directory of vendored packages, which are copies of what others declare, and in that of what is built.
pub fn subdirectories(directory: &Path) -> Result<Vec<String>> {
    let entries = fs::list(directory)?;
    if entries.iter().any(|(name, _)| is_closed(name)) {
        return Ok(Vec::new());
    }
    let entries = entries.into_iter();
    let names =
        entries.filter_map(|(name, is_directory)| name.into_string().ok().filter(|_| is_directory));
    Ok(names
        .filter(|name| name != ".wake" && name != ".git")
        .collect())
}

/// One part of a pattern, between slashes.
enum Step {
    /// `**`: any number of directories.
    Any,
    Literal(String),
    Wild {
        matcher: GlobMatcher,
        /// Whether the pattern writes the leading dot.
        dotted: bool,
    },
}

impl Step {
    fn matches(&self, name: &str) -> bool {
        match self {
            Self::Any => !name.starts_with('.'),
            Self::Literal(literal) => literal == name,
            Self::Wild { matcher, dotted } => {
                (*dotted || !name.starts_with('.')) && matcher.is_match(name)
            }
        }
    }
}

/// The paths that a pattern stands for, without braces, each cut at its slashes.
fn alternatives(pattern: &MemberPattern) -> Result<Vec<Vec<Step>>> {
    let wrong = |what: &str| {
        Error::user(format!("The member `{}` {what}", pattern.text))
            .at(pattern.at.clone())
            .hint("members are named by paths below the workspace, such as `libs/*`")
    };
    if pattern.text.is_empty() || pattern.text.contains('\0') {
        return Err(wrong("is no path"));
    }
    let alternatives = expand_braces(&pattern.text);
    let alternatives = alternatives.map_err(|cause| wrong("is no pattern").cause(cause))?;
    let steps = |alternative: &String| {
        if alternative.starts_with('/') {
            return Err(wrong("is an absolute path"));
        }
        if alternative.split('/').any(|part| part == "..") {
            return Err(wrong("may lie outside of the workspace"));
        }
        steps(alternative).map_err(|error| wrong("is no pattern").cause(error.kind().to_string()))
    };
    alternatives.iter().map(steps).collect()
}

fn steps(path: &str) -> std::result::Result<Vec<Step>, globset::Error> {
    let mut steps = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            // `**/**` is `**`.
            "**" if matches!(steps.last(), Some(Step::Any)) => {}
            "**" => steps.push(Step::Any),
            part if !part.contains(['*', '?', '[', '\\']) => {
                steps.push(Step::Literal(part.to_owned()));
            }
            part => {
                let matcher = GlobBuilder::new(part)
                    .backslash_escape(true)
                    .build()?
                    .compile_matcher();
                steps.push(Step::Wild {
                    matcher,
                    dotted: part.starts_with('.'),
                });
            }
        }
    }
    Ok(steps)
}

/// More alternatives than anybody writes by hand.
const MOST_ALTERNATIVES: usize = 1_000;

/// `a/{b,c/d}` → `a/b`, `a/c/d`: replaces the innermost braces until there are none.
fn expand_braces(text: &str) -> std::result::Result<Vec<String>, String> {
    let mut waiting = vec![text.to_owned()];
    let mut done = Vec::new();
    while let Some(text) = waiting.pop() {
        let Some(close) = text.find('}') else {
            if text.contains('{') {
                return Err("a `{` has no `}`".to_owned());
            }
            done.push(text);
            continue;
        };
        let open = text[..close].rfind('{').ok_or("a `}` has no `{`")?;
        let inside = text[open + 1..close].split(',');
        waiting.extend(
            inside.map(|choice| format!("{}{choice}{}", &text[..open], &text[close + 1..])),
        );
        if waiting.len() + done.len() > MOST_ALTERNATIVES {
            return Err(format!("it has more than {MOST_ALTERNATIVES} alternatives"));
        }
    }
    Ok(done)
}

/// The positions, and those behind each `**`, which may also stand for no directory.
fn with_nothing_for_any(steps: &[Step], positions: &[usize]) -> BTreeSet<usize> {
    let any = positions
        .iter()
        .filter(|&&at| matches!(steps.get(at), Some(Step::Any)));
    any.map(|at| at + 1)
        .chain(positions.iter().copied())
        .collect()
}

struct Walk<'a> {
    top: &'a Path,
    found: BTreeSet<PathBuf>,
    reads: Vec<Read>,
}

impl Walk<'_> {
    fn pattern(&mut self, pattern: &MemberPattern) -> Result<()> {
        let alternatives = alternatives(pattern)?;
        let mut found = Vec::new();
        for steps in &alternatives {
            self.enter(self.top, steps, &[0], &mut found)?;
        }
        if found.is_empty() {
            return Err(self.names_none(pattern, &alternatives));
        }
        for directory in found {
            let target = fs::canonicalize(&directory)?;
            self.reads.push(Read::Link {
                path: directory,
                target: Some(target.clone()),
            });
            self.found.insert(target);
        }
        Ok(())
    }

    /// Looks at a directory that the steps before each of `positions` lead to. Each directory is entered once, however
    /// many ways lead there.
    fn enter(
        &mut self,
        directory: &Path,
        steps: &[Step],
        positions: &[usize],
        found: &mut Vec<PathBuf>,
    ) -> Result<()> {
        let mut open = with_nothing_for_any(steps, positions);
        let is_any = |at: &usize| matches!(steps.get(*at), Some(Step::Any));
        let is_end = open.remove(&steps.len());
        let is_package = (is_end || open.iter().any(is_any)) && self.is_package(directory);
        if is_package && is_end {
            found.push(directory.to_owned());
        }
        if is_package && directory != self.top {
            open.retain(|at| !is_any(at));
        }
        if open.iter().all(|&at| matches!(steps[at], Step::Literal(_))) {
            for at in open {
                if let Step::Literal(name) = &steps[at] {
                    self.enter_literal(&directory.join(name), steps, at + 1, found)?;
                }
            }
            return Ok(());
        }
        let names = subdirectories(directory)?;
        for name in &names {
            let matching = open.iter().filter(|&&at| steps[at].matches(name));
            let next: Vec<usize> = matching
                .map(|at| if is_any(at) { *at } else { at + 1 })
                .collect();
            if !next.is_empty() {
                self.enter(&directory.join(name), steps, &next, found)?;
            }
        }
        self.reads.push(Read::Subdirectories {
            directory: directory.to_owned(),
            names,
        });
        Ok(())
    }

    /// A directory that the pattern writes by name: it may be a link, and it may be missing.
    fn enter_literal(
        &mut self,
        directory: &Path,
        steps: &[Step],
        position: usize,
        found: &mut Vec<PathBuf>,
    ) -> Result<()> {
        let exists = fs::is_directory(directory);
        self.reads.push(Read::Existence {
            path: directory.to_owned(),
            exists,
        });
        if exists {
            self.enter(directory, steps, &[position], found)
        } else {
            Ok(())
        }
    }

    /// Whether a directory has a declaration, recorded.
    fn is_package(&mut self, directory: &Path) -> bool {
        DECLARATIONS.iter().any(|name| {
            let path = directory.join(name);
            let exists = fs::is_file(&path);
            self.reads.push(Read::Existence { path, exists });
            exists
        })
    }

    fn names_none(&self, pattern: &MemberPattern, alternatives: &[Vec<Step>]) -> Error {
        let is_literal =
            |steps: &Vec<Step>| steps.iter().all(|step| matches!(step, Step::Literal(_)));
        let cause = if alternatives.len() > 1 || !alternatives.iter().all(is_literal) {
            "no directory that it matches has a `PKG` or `Recipe.sml`"
        } else if fs::is_directory(&self.top.join(&pattern.text)) {
            "the directory has no `PKG` and no `Recipe.sml`"
        } else {
            "there is no such directory"
        };
        Error::user(format!("The member `{}` names no package", pattern.text))
            .at(pattern.at.clone())
            .cause(cause)
            .hint("correct the path, or remove it from `Members`")
    }
}
