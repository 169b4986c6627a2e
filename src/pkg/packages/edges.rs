//! Who needs whom: kept as it turns out, followed, and refused where it leads in a circle.

use std::collections::{HashMap, HashSet};

use super::{Edge, Package, PackageIndex, Packages};
use crate::declare::model::{Declaration, PackageRequest};
use crate::error::{Error, Result};

impl Packages {
    /// Adds that `from` needs `to`, as a module or a declaration of it says. Whether that closes a cycle is for
    /// [`Self::refuse_cycles`], when all is known.
    pub fn connect(&mut self, from: PackageIndex, to: PackageIndex, request: &PackageRequest) {
        let edge = Edge {
            to,
            at: request.at.clone(),
            is_host: request.is_host,
        };
        let edges = &mut self.packages[from].edges;
        if !edges.contains(&edge) {
            edges.push(edge);
        }
    }

    /// Works out which path packages are looked at in the scope of the host: those that members reach in no other way.
    /// `named` are the path packages that answer requests by name, and who asks.
    pub fn refresh_hosts(
        &mut self,
        members: &[PackageIndex],
        named: &[(PackageIndex, PackageIndex)],
    ) {
        let mut in_main: HashSet<PackageIndex> = members.iter().copied().collect();
        let mut waiting = members.to_vec();
        while let Some(from) = waiting.pop() {
            let edges = self.packages[from].edges.iter();
            let edges = edges.filter(|edge| !edge.is_host).map(|edge| edge.to);
            let named = named.iter().filter(|(asking, _)| *asking == from);
            let below = edges.chain(named.map(|(_, to)| *to));
            waiting.extend(below.filter(|to| in_main.insert(*to)));
        }
        for (index, package) in self.packages.iter_mut().enumerate() {
            package.is_host = package.release.is_none() && !in_main.contains(&index);
        }
    }

    /// Forgets that anybody needs releases that are not chosen any more.
    pub fn disconnect_unchosen(&mut self) {
        let is_gone = |package: &Package| {
            let release = package.release.as_ref();
            release.is_some_and(|release| !self.decisions.is_chosen(release))
        };
        let is_gone: Vec<bool> = self.packages.iter().map(is_gone).collect();
        for (package, is_gone_itself) in self.packages.iter_mut().zip(&is_gone) {
            package
                .edges
                .retain(|edge| !is_gone_itself && !is_gone[edge.to]);
        }
    }

    /// A user error if packages need each other: always the same one, in whatever order the packages were found.
    pub fn refuse_cycles(&self) -> Result<()> {
        let mut roots: Vec<PackageIndex> = self.indexes().collect();
        roots.sort_by_key(|&index| &self.packages[index].display);
        let edges: Vec<Vec<&Edge>> = self.indexes().map(|index| self.edges(index)).collect();
        let mut done = vec![false; self.packages.len()];
        let mut depth: Vec<Option<usize>> = vec![None; self.packages.len()];
        for root in roots {
            if done[root] {
                continue;
            }
            let mut way: Vec<(PackageIndex, usize)> = vec![(root, 0)];
            depth[root] = Some(0);
            while let Some((package, next)) = way.last_mut() {
                let Some(Edge { to, .. }) = edges[*package].get(*next) else {
                    done[*package] = true;
                    depth[*package] = None;
                    way.pop();
                    continue;
                };
                *next += 1;
                if let Some(start) = depth[*to] {
                    let cycle = way[start..].iter();
                    return Err(
                        self.cycle(cycle.map(|&(from, next)| (from, edges[from][next - 1])))
                    );
                }
                if !done[*to] {
                    depth[*to] = Some(way.len());
                    way.push((*to, 0));
                }
            }
        }
        Ok(())
    }

    /// What a package needs, in an order that does not depend on when it was found out.
    fn edges(&self, package: PackageIndex) -> Vec<&Edge> {
        let mut edges: Vec<&Edge> = self.packages[package].edges.iter().collect();
        edges.sort_by_key(|edge| {
            let at = edge.at.as_ref();
            let place = at.map(|at| (&at.file, at.line, at.column));
            (&self.packages[edge.to].display, place, edge.is_host)
        });
        edges
    }

    fn cycle<'a>(&self, way: impl Iterator<Item = (PackageIndex, &'a Edge)>) -> Error {
        let name = |index: PackageIndex| match &self.packages[index].declaration {
            Some(Ok(declaration)) => declaration.info.label(),
            _ => self.packages[index].display.clone(),
        };
        let mut error = Error::user("Packages need each other in a cycle");
        for (package, edge) in way {
            let at = edge.at.as_ref();
            let kind = match edge.is_host {
                true => " as a `Build` or `Tool` dependency",
                false => "",
            };
            let place = at.map(|at| format!("  ({at})")).unwrap_or_default();
            let needed = name(edge.to);
            error = error.cause(format!("`{}` needs `{needed}`{kind}{place}", name(package)));
            error = error.at_if_absent(at);
        }
        let is_alone = error.report().causes.len() == 1;
        error.hint(if is_alone {
            "a package reaches its own modules with `wake.getModule(pkg, …)`"
        } else {
            "move what both need into a package of its own"
        })
    }

    /// A user error if two path packages of these are called the same: what is made of both would lie in one place.
    pub fn refuse_twins(&self, reached: &[PackageIndex]) -> Result<()> {
        let mut seen: HashMap<(String, &str), PackageIndex> = HashMap::new();
        for index in reached.iter().copied() {
            let package = &self.packages[index];
            let declared = self
                .declared_of(index)
                .filter(|_| package.release.is_none());
            let Some(Declaration { info, at, .. }) = declared else {
                continue;
            };
            let version = info.version.as_deref().unwrap_or("0.0.0");
            if let Some(first) = seen.insert((info.label(), version), index) {
                let first = &self.packages[first].display;
                return Err(Error::user(format!("Two packages are called `{info}`"))
                    .cause(format!("one is `{first}`"))
                    .cause(format!("the other is `{}`", package.display))
                    .hint(match package.is_recipe {
                        true => "give one another `Name`",
                        false => "give one another name or namespace in its `wake.pkgInfo`",
                    })
                    .at_if_absent(at.as_ref()));
            }
        }
        Ok(())
    }

    /// The packages reached from `roots` along visible `pkgs`, `roots` included, in order of their directories.
    pub fn reached(&self, roots: &[PackageIndex]) -> Vec<PackageIndex> {
        let mut reached: Vec<PackageIndex> = roots.to_vec();
        let mut seen: HashSet<PackageIndex> = roots.iter().copied().collect();
        let mut next = 0;
        while next < reached.len() {
            for Edge { to, .. } in &self.packages[reached[next]].edges {
                if seen.insert(*to) {
                    reached.push(*to);
                }
            }
            next += 1;
        }
        reached.sort_by(|a, b| {
            self.packages[*a]
                .directory
                .cmp(&self.packages[*b].directory)
        });
        reached
    }
}
