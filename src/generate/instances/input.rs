//! The input table of an instance (DESIGN §4, step 1), and the tokens that name instances.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Edge, Instance, InstanceIndex, Instances};
use crate::declare::model::PackageRequest;
use crate::jsonnet::protocol::{Answered, DependencyState, GenerateInput};
use crate::pkg::PackageIndex;

impl Instances<'_> {
    pub(super) fn input(
        &self,
        index: InstanceIndex,
        answers: Vec<(PackageRequest, Answered)>,
    ) -> Option<GenerateInput> {
        let instance = &self.all[index];
        let declaration = self.packages.declaration(instance.package).ok()?;
        let module = instance.evaluated.as_ref()?;
        Some(GenerateInput {
            package: self.packages.directory(instance.package),
            info: declaration.info.clone(),
            module: instance.module.clone(),
            label: instance.label.clone(),
            config: instance.config.clone(),
            parameters: instance.parameters.clone(),
            body: module.body.clone(),
            files: declaration.files.clone().unwrap_or_default(),
            dependencies: self.dependency_states(instance),
            plugins: self.plugins(index),
            answers,
            sdks: self.shared.sdks.to_vec(),
            shared_keys: module.shared_keys.clone(),
            preprocessed: self.preprocessed_for(index),
            at: module.at.clone(),
        })
    }

    /// What its dependencies share, and the tools of its plugins.
    fn dependency_states(&self, instance: &Instance) -> Vec<DependencyState> {
        let is_build = |edge: &&Edge| edge.kind == "Build";
        let plugins = instance.edges.iter().filter(is_build);
        let of_plugins = plugins.flat_map(|plugin| &self.all[plugin.to].edges);
        let tools = of_plugins.filter(|edge| edge.kind == "Tool");
        let edges = instance.edges.iter().chain(tools);
        let states = edges.map(|edge| self.dependency_state(edge));
        let bare = instance.builds.iter().map(|(package, _)| *package);
        let bare = bare.filter(|&package| {
            let mut plugins = instance.edges.iter().filter(is_build);
            !plugins.any(|edge| self.all[edge.to].package == package)
        });
        states
            .chain(bare.map(|package| self.plugin_state(package)))
            .collect()
    }

    /// A plugin that has nothing but tasks.
    fn plugin_state(&self, package: PackageIndex) -> DependencyState {
        let reference = self.packages.label(package);
        DependencyState {
            kind: "Build".to_owned(),
            key: None,
            name: reference.rsplit('/').next().unwrap_or_default().to_owned(),
            module: "root".to_owned(),
            reference,
            target_directory: String::new(),
            executable: None,
            shared_state: json!({}),
        }
    }

    fn preprocessed_for(&self, index: InstanceIndex) -> BTreeMap<String, String> {
        let known = self.shared.preprocessed.get(&self.target_token(index));
        known.cloned().unwrap_or_default()
    }

    fn dependency_state(&self, edge: &Edge) -> DependencyState {
        let to = &self.all[edge.to];
        let token = self.target_token(edge.to);
        let reference = match self.packages.declaration(to.package) {
            Ok(declaration) => declaration.info.label(),
            Err(_) => String::new(),
        };
        DependencyState {
            kind: edge.kind.clone(),
            key: edge.key.clone(),
            name: reference.rsplit('/').next().unwrap_or_default().to_owned(),
            module: to.module.clone(),
            reference,
            target_directory: token,
            executable: to
                .shared
                .get("Build")
                .and_then(|build| build.get("RunExecutable"))
                .and_then(Value::as_str)
                .map(str::to_owned),
            shared_state: to.shared.clone(),
        }
    }

    /// `$(target NAME:MODULE#HASH)` of an instance.
    pub fn target_token(&self, index: InstanceIndex) -> String {
        format!("$({})", self.target_token_name(index))
    }

    /// [`Self::target_token`] without `$(` and `)`.
    pub fn target_token_name(&self, index: InstanceIndex) -> String {
        let instance = &self.all[index];
        let package = self.package_name(instance.package);
        format!(
            "target {package}:{}#{}",
            instance.directory_name(),
            instance.hash
        )
    }

    /// The name and the version of a package, as its target directories are called.
    pub fn versioned_name(&self, index: PackageIndex) -> String {
        let declaration = self.packages.declaration(index).ok();
        let version = declaration.and_then(|declaration| declaration.info.version.as_deref());
        format!(
            "{}@{}",
            self.packages.label(index),
            version.unwrap_or("0.0.0")
        )
    }

    /// The name of a package in tokens.
    pub fn package_name(&self, index: PackageIndex) -> String {
        let package = self.packages.get(index);
        match &package.release {
            // There may be several versions of one name.
            Some(release) => release.to_string(),
            None => self.packages.label(index),
        }
    }
}
