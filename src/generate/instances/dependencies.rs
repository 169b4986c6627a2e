//! What an evaluated module depends on: instances, and packages whose tasks run for it.

use super::{Edge, InstanceIndex, Instances, Step};
use crate::declare::model::{Dependency, Module, PackageRef};
use crate::error::{Error, Result};
use crate::generate::language;
use crate::pkg::{PackageIndex, frontier};

impl Instances<'_> {
    /// Takes in an evaluated module.
    pub(super) fn evaluated(&mut self, index: InstanceIndex, module: Module) -> Result<()> {
        self.all[index].evaluated = Some(module);
        // Those that use it as a plugin may need it first; then it is expanded as it is needed.
        let was_needed = self.all[index].needed;
        for (user, dependency) in std::mem::take(&mut self.all[index].users) {
            self.use_module(user, index, &dependency)?;
            self.arrived(user)?;
        }
        if was_needed {
            self.expand(index)?;
        } else if self.all[index].is_test() {
            self.need(index)?;
        }
        if self.testing && self.all[index].requested {
            self.add_tests(index)?;
        }
        Ok(())
    }

    /// Says that an instance is to be generated.
    pub(super) fn need(&mut self, index: InstanceIndex) -> Result<()> {
        if std::mem::replace(&mut self.all[index].needed, true)
            || self.all[index].evaluated.is_none()
        {
            return Ok(());
        }
        self.expand(index)
    }

    /// Asks for what an evaluated module depends on, and generates it if that is there. A dependency that cannot be had
    /// does not keep the others from being looked at.
    fn expand(&mut self, index: InstanceIndex) -> Result<()> {
        let dependencies = self.all[index]
            .evaluated
            .as_ref()
            .map(|module| module.dependencies.clone())
            .unwrap_or_default();
        self.choose_language(index)?;
        let mut failures = Vec::new();
        for dependency in &dependencies {
            failures.extend(self.depend(index, dependency).err());
        }
        if let Some(error) = frontier::earliest(failures) {
            // However much of the rest arrives, its tasks do not run without what it lacks.
            self.all[index].missing += 1;
            return Err(error);
        }
        self.generate_if_ready(index)
    }

    fn choose_language(&mut self, index: InstanceIndex) -> Result<()> {
        let instance = &self.all[index];
        if let Some(recipe) = instance.recipe() {
            let plugin = language::plugin(recipe, &instance.label)
                .map_err(|error| error.at_if_absent(instance.at()))?;
            self.all[index].language = plugin;
        }
        Ok(())
    }

    /// Adds one dependency of an evaluated module.
    fn depend(&mut self, index: InstanceIndex, dependency: &Dependency) -> Result<()> {
        if dependency.kind == "Test" && !self.counts_tests(index) {
            return Ok(());
        }
        let package = self.package_meant(index, dependency)?;
        let parameters = match dependency.kind.as_str() {
            "Build" => return self.use_plugin(index, package, dependency),
            "Tool" => self.shared.host_parameters.clone(),
            _ => self.all[index].parameters.clone(),
        };
        let config = dependency.config.clone();
        let at = dependency.at.as_ref();
        let to = self.instance(package, &dependency.module, parameters, config, at)?;
        self.edge(index, to, dependency)
    }

    fn package_meant(
        &mut self,
        index: InstanceIndex,
        dependency: &Dependency,
    ) -> Result<PackageIndex> {
        let own = self.all[index].package;
        match &dependency.package {
            PackageRef::Own => Ok(own),
            PackageRef::Requested(request) => {
                let found = self.packages.require(own, request)?;
                self.packages.connect(own, found, request);
                let requests = &mut self.all[index].requests;
                requests.push((found, request.clone()));
                Ok(found)
            }
        }
    }

    /// Whether dependencies of the kind `Test` of this instance count: they are as `Runtime` for tests themselves.
    fn counts_tests(&self, index: InstanceIndex) -> bool {
        self.all[index].is_tests || self.all[index].is_test()
    }

    fn edge(
        &mut self,
        from: InstanceIndex,
        to: InstanceIndex,
        dependency: &Dependency,
    ) -> Result<()> {
        self.all[from].edges.push(Edge {
            kind: dependency.kind.clone(),
            key: dependency.key.clone(),
            to,
            language: dependency.language.clone(),
            at: dependency.at.clone(),
        });
        if self.all[to].generated.is_none() {
            self.all[from].missing += 1;
            self.all[to].dependents.push(from);
        }
        self.need(to)
    }

    /// Takes the tasks of a package, and whatever its module has for them.
    fn use_plugin(
        &mut self,
        index: InstanceIndex,
        package: PackageIndex,
        dependency: &Dependency,
    ) -> Result<()> {
        self.all[index]
            .builds
            .push((package, dependency.at.clone()));
        self.check_plugin(index, package)?;
        let modules = &self.packages.declaration(package)?.modules;
        if dependency.module == "root" && !modules.contains(&dependency.module) {
            return Ok(());
        }
        let (config, parameters) = (
            dependency.config.clone(),
            self.shared.host_parameters.clone(),
        );
        let at = dependency.at.as_ref();
        let module = self.instance(package, &dependency.module, parameters, config, at)?;
        if self.all[module].evaluated.is_some() {
            return self.use_module(index, module, dependency);
        }
        self.all[index].missing += 1;
        self.all[module].users.push((index, dependency.clone()));
        Ok(())
    }

    /// Depends on the module of a plugin if it is one that is there for its tasks; a package may contain other things.
    fn use_module(
        &mut self,
        index: InstanceIndex,
        module: InstanceIndex,
        dependency: &Dependency,
    ) -> Result<()> {
        match self.all[module].language_name() {
            Some(language::JSONNET) => self.edge(index, module, dependency),
            _ => Ok(()),
        }
    }

    /// Refuses a `Build` dependency on a declared package that has no tasks.
    pub(super) fn check_plugin(&self, index: InstanceIndex, package: PackageIndex) -> Result<()> {
        let declaration = self.packages.declaration(package)?;
        if declaration.plugin.is_some() {
            return Ok(());
        }
        let instance = &self.all[index];
        let mut named = instance.builds.iter();
        let at = named.find_map(|(named, at)| at.as_ref().filter(|_| *named == package));
        if let Some(language) = declaration.language.as_deref().filter(|one| *one == "Wren") {
            return Err(Error::user(format!(
                "`{}` is a plugin in {language}, which wake does not run",
                declaration.info.label()
            ))
            .cause(format!(
                "it is a `Build` dependency of `{}`",
                instance.label
            ))
            .hint("write its tasks in jsonnet: `docs/plugins.md` shows how")
            .at_if_absent(at));
        }
        Err(
            Error::user(format!("`{}` is no plugin", declaration.info.label()))
                .cause(format!("it is a `Build` dependency of `{}`", instance.label))
                .hint("give `plugin=import '…'` to its `wake.pkg`, or make it a recipe with `Language: 'Jsonnet'` (docs/plugins.md); or depend on it as `Runtime` or `Tool`")
                .at_if_absent(at),
        )
    }

    /// One thing that `index` waited for is there.
    pub(super) fn arrived(&mut self, index: InstanceIndex) -> Result<()> {
        self.all[index].missing -= 1;
        self.generate_if_ready(index)
    }

    /// Generates an instance if all that it waits for is there, and is what it asked for.
    fn generate_if_ready(&mut self, index: InstanceIndex) -> Result<()> {
        if self.all[index].missing > 0 {
            return Ok(());
        }
        for (package, request) in &self.all[index].requests {
            self.packages.check(*package, request)?;
        }
        self.check_edges(index)?;
        if !self.awaits_plugin(index) {
            self.ask(Step::Generate(index));
        }
        Ok(())
    }
}
