//! The input table of an instance (DESIGN §4, step 1), and the tokens that name instances.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Edge, InstanceIndex, Instances};
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
            dependencies: instance
                .edges
                .iter()
                .map(|edge| self.dependency_state(edge))
                .collect(),
            plugins: self.plugins(index),
            answers,
            sdks: Vec::new(),
            shared_keys: Vec::new(),
            preprocessed: self.preprocessed_for(index),
            at: module.at.clone(),
        })
    }

    fn preprocessed_for(&self, index: InstanceIndex) -> BTreeMap<String, String> {
        let known = self.preprocessed.get(&self.target_token(index));
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
