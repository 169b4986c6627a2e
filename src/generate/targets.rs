//! What the targets on a command line stand for: modules of member packages.

use std::path::Path;

use super::{Purpose, Request};
use crate::error::{Error, Result, suggestion};
use crate::fs;
use crate::fs::path;
use crate::jsonnet::protocol::Read;
use crate::pkg::{PackageIndex, Packages};
use crate::workspace::target::Target;
use crate::workspace::{Workspace, discover};

/// The (package, module) pairs that the targets of a request mean, without duplicates, in order.
pub fn modules(
    packages: &Packages,
    roots: &[PackageIndex],
    workspace: &Workspace,
    request: &Request,
    reads: &mut Vec<Read>,
) -> Result<Vec<(PackageIndex, String)>> {
    let mut members = packages.reached(roots);
    members.retain(|&member| packages.get(member).release.is_none());
    let finder = Finder {
        packages,
        members: &members,
        workspace,
    };
    let mut modules = Vec::new();
    if request.targets.is_empty() {
        match request.purpose {
            Purpose::Build => modules.push((
                finder.package_at(workspace.package_here(), reads)?,
                "root".to_owned(),
            )),
            Purpose::Test => finder.below(&workspace.start, request.purpose, &mut modules)?,
        }
    }
    for target in &request.targets {
        finder.target(target, request.purpose, &mut modules, reads)?;
    }
    let mut seen = std::collections::HashSet::new();
    modules.retain(|module| seen.insert(module.clone()));
    Ok(modules)
}

struct Finder<'a> {
    packages: &'a Packages,
    members: &'a [PackageIndex],
    workspace: &'a Workspace,
}

impl Finder<'_> {
    fn target(
        &self,
        target: &Target,
        purpose: Purpose,
        modules: &mut Vec<(PackageIndex, String)>,
        reads: &mut Vec<Read>,
    ) -> Result<()> {
        match target {
            Target::Directory { directory, module } => {
                let package = self.package_at(directory, reads)?;
                self.push(package, module.as_deref(), purpose, modules)
            }
            Target::Below { directory } => self.below(directory, purpose, modules),
            Target::Named { name, module } => {
                let package = self.named(name)?;
                self.push(package, module.as_deref(), purpose, modules)
            }
        }
    }

    /// For a build a package stands for its `root`; for tests, for all its modules.
    fn push(
        &self,
        package: PackageIndex,
        module: Option<&str>,
        purpose: Purpose,
        modules: &mut Vec<(PackageIndex, String)>,
    ) -> Result<()> {
        match (module, purpose) {
            (Some(module), _) => modules.push((package, module.to_owned())),
            (None, Purpose::Build) => modules.push((package, "root".to_owned())),
            (None, Purpose::Test) => {
                let declaration = self.packages.declaration(package)?;
                modules.extend(
                    declaration
                        .modules
                        .iter()
                        .map(|module| (package, module.clone())),
                );
            }
        }
        Ok(())
    }

    /// Every member below a directory: for a build those that have a `root`.
    fn below(
        &self,
        directory: &Path,
        purpose: Purpose,
        modules: &mut Vec<(PackageIndex, String)>,
    ) -> Result<()> {
        let before = modules.len();
        for &member in self.members {
            if !self.packages.get(member).directory.starts_with(directory) {
                continue;
            }
            let declaration = self.packages.declaration(member)?;
            if purpose == Purpose::Test || declaration.modules.iter().any(|module| module == "root")
            {
                self.push(member, None, purpose, modules)?;
            }
        }
        if modules.len() == before {
            let shown = path::display(directory, &self.workspace.top);
            return Err(Error::user(format!(
                "There is no package with a module in or below `{shown}`"
            ))
            .hint("`wake init` makes one"));
        }
        Ok(())
    }

    /// The member at a directory.
    fn package_at(&self, directory: &Path, reads: &mut Vec<Read>) -> Result<PackageIndex> {
        let shown = path::display(directory, &self.workspace.top);
        let is_declared = discover::DECLARATIONS.map(|name| {
            let path = directory.join(name);
            let exists = fs::is_file(&path);
            reads.push(Read::Existence { path, exists });
            exists
        });
        if !is_declared.contains(&true) {
            return Err(Error::user(format!("There is no `PKG` and no `Recipe.sml` in `{shown}`"))
                .hint("name a target such as `PATH`, or `./...` for every package below here, or make a package with `wake init`"));
        }
        match self
            .packages
            .at(directory)
            .filter(|package| self.members.contains(package))
        {
            Some(package) => Ok(package),
            None => Err(self.workspace.no_member(directory)),
        }
    }

    fn named(&self, name: &str) -> Result<PackageIndex> {
        let label = |member: PackageIndex| {
            self.packages
                .declaration(member)
                .ok()
                .map(|declaration| declaration.info.label())
        };
        let labels: Vec<(PackageIndex, String)> = self
            .members
            .iter()
            .filter_map(|&member| Some((member, label(member)?)))
            .collect();
        match labels.iter().find(|(_, label)| label == name) {
            Some((member, _)) => Ok(*member),
            None => {
                let error = Error::user(format!(
                    "`{name}` is neither a path nor a package of the workspace"
                ));
                Err(
                    match suggestion(name, labels.iter().map(|(_, label)| label.as_str())) {
                        Some(hint) => error.hint(hint),
                        None => error,
                    },
                )
            }
        }
    }
}
