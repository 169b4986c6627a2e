//! How one instance comes to need another one, in words.

use std::collections::{HashMap, VecDeque};

use serde_json::json;

use super::{InstanceIndex, Instances};
use crate::error::Location;

impl Instances<'_> {
    /// Where the config of a module is given that is no path package's: there, and not in its `PKG`, its users can change
    /// what it does.
    pub fn configured_at(&self, index: InstanceIndex) -> Option<&Location> {
        let instance = &self.all[index];
        let package = self.packages.get(instance.package);
        let is_configured = package.release.is_some() && instance.config != json!({});
        let mut edges = self.all.iter().flat_map(|one| &one.edges);
        let asking = edges.find(|edge| edge.to == index && is_configured)?;
        asking.at.as_ref()
    }

    /// A shortest way from an instance to one that it needs: the labels with, in parentheses, where each asks for the next.
    pub fn way(&self, from: InstanceIndex, to: InstanceIndex) -> String {
        // How each instance was come to: from which one, and along which of its edges.
        let mut before: HashMap<InstanceIndex, (InstanceIndex, usize)> = HashMap::new();
        let mut queue = VecDeque::from([from]);
        while let Some(instance) = queue.pop_front() {
            if instance == to {
                break;
            }
            for (position, edge) in self.all[instance].edges.iter().enumerate() {
                if edge.to != from && !before.contains_key(&edge.to) {
                    before.insert(edge.to, (instance, position));
                    queue.push_back(edge.to);
                }
            }
        }
        let mut steps = Vec::new();
        let mut instance = to;
        while let Some(&(earlier, position)) = before.get(&instance) {
            let at = self.all[earlier].edges[position].at.as_ref();
            let place = at.map(|at| format!(" ({at})")).unwrap_or_default();
            steps.push(format!("`{}`{place}", self.all[earlier].label));
            instance = earlier;
        }
        steps.reverse();
        steps.join(" → ")
    }
}
