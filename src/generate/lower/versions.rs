//! Two versions of one package in one C or C++ program: symbols have no versions, so the linker would take whichever
//! comes first.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{InstanceIndex, Lowering, Placed};
use crate::error::{Error, Result};
use crate::graph::FileId;
use crate::pkg::PackageIndex;

impl Lowering<'_> {
    /// Refuses operations of C and C++ that put together what two versions of one package made.
    ///
    /// # Errors
    /// `User`, with the ways to both.
    pub(super) fn check_versions(&self, placed: &[Placed]) -> Result<()> {
        let several = self.of_several_versions();
        if several.is_empty() {
            return Ok(());
        }
        let of_several =
            |one: &&Placed| several.contains_key(&self.instances.all[one.instance].package);
        let makers: HashMap<FileId, InstanceIndex> = placed
            .iter()
            .filter(of_several)
            .flat_map(|one| one.outputs.iter().map(|output| (*output, one.instance)))
            .collect();
        for operation in placed {
            if self.instances.all[operation.instance].is_c_or_cpp() {
                let used = operation.inputs.iter().filter_map(|file| makers.get(file));
                self.check_used(operation, used.copied(), &several)?;
            }
        }
        Ok(())
    }

    /// The packages of which there is another version, with what they are called.
    fn of_several_versions(&self) -> HashMap<PackageIndex, String> {
        let packages = &self.instances.packages;
        let mut versions: BTreeMap<String, HashSet<PackageIndex>> = BTreeMap::new();
        for instance in &self.instances.all {
            if packages.get(instance.package).release.is_some() {
                let label = packages.label(instance.package);
                versions.entry(label).or_default().insert(instance.package);
            }
        }
        versions.retain(|_, packages| packages.len() > 1);
        let labelled = versions.into_iter().flat_map(|(label, packages)| {
            packages
                .into_iter()
                .map(move |index| (index, label.clone()))
        });
        labelled.collect()
    }

    fn check_used(
        &self,
        operation: &Placed,
        used: impl Iterator<Item = InstanceIndex>,
        several: &HashMap<PackageIndex, String>,
    ) -> Result<()> {
        let mut first_of: HashMap<&str, InstanceIndex> = HashMap::new();
        for second in used {
            let package = self.instances.all[second].package;
            let first = *first_of.entry(&several[&package]).or_insert(second);
            if self.instances.all[first].package != package {
                return Err(self.two_versions(operation, first, second, &several[&package]));
            }
        }
        Ok(())
    }

    fn two_versions(
        &self,
        operation: &Placed,
        first: InstanceIndex,
        second: InstanceIndex,
        label: &str,
    ) -> Error {
        let way = |to: InstanceIndex| {
            let package = self.instances.package_name(self.instances.all[to].package);
            let way = self.instances.way(operation.instance, to);
            format!("`{package}` is needed by {way}")
        };
        Error::user(format!(
            "`{}` of `{}` would contain two versions of `{label}`",
            operation.title, self.instances.all[operation.instance].label
        ))
        .cause(way(first))
        .cause(way(second))
        .at_if_absent(self.place_of(operation))
        .hint(format!(
            "ask for requirements of `{label}` that one version satisfies; `versions='one'` in a `wake.getPkg` of it makes sure of that"
        ))
    }
}
