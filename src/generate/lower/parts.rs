//! From placed operations to the parts of a graph: identities, keys, instances.

use std::collections::HashMap;

use super::place::Use;
use super::{InstanceIndex, Lowered, Lowering, Placed, users};
use crate::error::{Error, Location, Result};
use crate::generate::instances::Instance;
use crate::graph::key::{Declared, Terse, describe};
use crate::graph::{self, Cold, FileId, InstanceId, Operation, Root, Roots};

impl Lowering<'_> {
    /// Identities, keys and instances.
    pub(super) fn finish(mut self, placed: Vec<Placed>) -> Result<Lowered> {
        self.check_titles(&placed)?;
        self.check_overlaps(&placed)?;
        self.check_versions(&placed)?;
        let instances = self.instances()?;
        let names = self.names();
        let places = placed
            .iter()
            .map(|one| self.place_of(one).cloned())
            .collect();
        let mut operations = Vec::with_capacity(placed.len());
        for operation in placed {
            let identity = match operation.outputs.first() {
                Some(&output) => output,
                None => {
                    let target = &self.own[operation.instance].target;
                    self.id(format!("{target}#{}", operation.title))
                }
            };
            operations.push(self.operation(operation, identity, &names));
        }
        Ok(Lowered {
            operations,
            places,
            instances,
            roots: self.roots,
            paths: self.paths,
            preprocess: self.preprocess,
            reused: self
                .instances
                .all
                .iter()
                .filter(|one| one.is_recalled)
                .count(),
        })
    }

    fn instances(&mut self) -> Result<Vec<graph::Instance>> {
        let all = self.instances.all.iter().enumerate();
        all.map(|(index, instance)| {
            let executable = match instance.executable() {
                Some(text) => {
                    let path = self.path(index, text, Use::Output);
                    let path = path.map_err(|error| error.at_if_absent(instance.at()))?;
                    Some(self.id(path))
                }
                None => None,
            };
            Ok(self.instance(index, instance, executable))
        })
        .collect()
    }

    /// The paths with tokens, as they stand in keys. What a path is called must not depend on which targets were asked
    /// for, so packages that were declared have tokens here although no instance of theirs is wanted.
    fn names(&self) -> HashMap<FileId, String> {
        let packages = &self.instances.packages;
        let mut declared: Vec<Root> = Vec::new();
        for index in packages.indexes() {
            if packages.is_declared(index) {
                declared.push(Root {
                    token: format!("package {}", self.instances.package_name(index)),
                    directory: packages.get(index).place.clone(),
                });
            }
        }
        let roots = Roots::new(self.roots.iter().chain(&declared));
        let paths = self.paths.iter();
        paths
            .map(|(&id, path)| (id, roots.tokenize(path)))
            .collect()
    }

    fn operation(
        &self,
        placed: Placed,
        identity: FileId,
        names: &HashMap<FileId, String>,
    ) -> Operation {
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
        Operation {
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
        }
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
            is_partial: instance.is_partial(),
        }
    }

    /// Operations without outputs are told apart by their titles.
    fn check_titles(&self, placed: &[Placed]) -> Result<()> {
        let mut seen: HashMap<(InstanceIndex, &str), &Placed> = HashMap::new();
        for operation in placed.iter().filter(|one| one.outputs.is_empty()) {
            let key = (operation.instance, operation.title.as_str());
            if let Some(other) = seen.insert(key, operation) {
                return Err(Error::user(format!(
                    "Two operations without outputs have the title `{}`",
                    operation.title
                ))
                .cause(format!("one is {}", self.describe(other)))
                .cause(format!("the other is {}", self.describe(operation)))
                .at_if_absent(self.place_of(operation))
                .hint("give them different titles, or say what they make"));
            }
        }
        Ok(())
    }

    /// Where the user looks for an operation.
    pub(super) fn place_of<'a>(&'a self, operation: &'a Placed) -> Option<&'a Location> {
        let instance = &self.instances.all[operation.instance];
        users(operation.at.as_ref(), instance)
    }

    /// An operation for people, and where it is declared.
    pub(super) fn describe(&self, operation: &Placed) -> String {
        let instance = &self.instances.all[operation.instance];
        let at = self.place_of(operation);
        let place = at.map(|at| format!("  ({at})")).unwrap_or_default();
        format!("`{}` of `{}`{place}", operation.title, instance.label)
    }
}
