//! The plugins whose tasks run for an instance. The file of one may be made by operations: then all that need it wait until
//! these have run.

use super::{Instance, InstanceIndex, Instances};
use crate::declare::model::{DeclaredPlugin, MADE, PackageDirectory};
use crate::jsonnet::protocol::Plugin;
use crate::pkg::PackageIndex;

impl Instances<'_> {
    /// The language's, then the others in declared order.
    pub(super) fn plugins(&self, index: InstanceIndex) -> Vec<Plugin> {
        let instance = &self.all[index];
        let language = instance.language.iter();
        let mut plugins: Vec<Plugin> = language.map(|name| Plugin::Std((*name).into())).collect();
        for (package, _) in &instance.builds {
            let plugin = self.plugin(instance, *package);
            if !plugins.contains(&plugin) {
                plugins.push(plugin);
            }
        }
        plugins
    }

    fn plugin(&self, user: &Instance, package: PackageIndex) -> Plugin {
        let directory = self.packages.directory(package);
        let Some(file) = self.plugin_file(package) else {
            return Plugin::Package(directory);
        };
        let made = file.strip_prefix(MADE).zip(self.maker(user, package));
        let made = made.and_then(|(file, maker)| Some((file, self.target_directory(maker)?)));
        match made {
            Some((file, target)) => Plugin::File(
                PackageDirectory {
                    directory: directory.top.join(target),
                    place: None,
                    ..directory
                },
                file.to_owned(),
            ),
            None => Plugin::File(directory, file.to_owned()),
        }
    }

    /// Whether the tasks of an instance are not there yet. Notes what lacks, and what is there of its kind.
    pub(super) fn awaits_plugin(&mut self, index: InstanceIndex) -> bool {
        let mut is_waiting = false;
        for place in 0..self.all[index].builds.len() {
            let instance = &self.all[index];
            let package = instance.builds[place].0;
            let Some(file) = self
                .plugin_file(package)
                .filter(|file| file.starts_with(MADE))
            else {
                continue;
            };
            let (file, Some(maker)) = (file.to_owned(), self.maker(instance, package)) else {
                continue;
            };
            is_waiting |= !self.is_preprocessed(maker, &file);
            let read = &mut self.all[maker].read_by_users;
            if !read.contains(&file) {
                read.push(file);
            }
        }
        is_waiting
    }

    fn plugin_file(&self, package: PackageIndex) -> Option<&str> {
        match self.packages.declared_of(package)?.plugin.as_ref()? {
            DeclaredPlugin::File(file) => Some(file),
            DeclaredPlugin::Pkg => None,
        }
    }

    /// The instance of a plugin that its user depends on.
    fn maker(&self, user: &Instance, package: PackageIndex) -> Option<InstanceIndex> {
        let mut plugins = user.edges.iter().filter(|edge| edge.kind == "Build");
        let edge = plugins.find(|edge| self.all[edge.to].package == package)?;
        Some(edge.to)
    }

    /// Relative to the workspace's top.
    pub(super) fn target_directory(&self, index: InstanceIndex) -> Option<String> {
        let instance = &self.all[index];
        let info = &self.packages.declared_of(instance.package)?.info;
        let layout = self.shared.layout;
        (layout.target_directory(info, &instance.directory_name(), &instance.hash)).ok()
    }
}
