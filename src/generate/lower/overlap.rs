//! Outputs that cannot be there together: one lies in another, or is a depfile of somebody else.
//!
//! Two operations with one and the same output are found when the graph is ordered (`graph/check.rs`).

use std::collections::HashMap;

use super::{Lowering, Placed};
use crate::error::{Error, Result};
use crate::graph::Action;

/// A path without its final slash, and the operation that makes it.
type Makers<'a> = HashMap<&'a str, &'a Placed>;

impl Lowering<'_> {
    /// Refuses outputs that lie in outputs and depfiles that others write. Only what `wake.makeDirectory` makes is
    /// there for others to write into.
    pub(super) fn check_overlaps(&self, placed: &[Placed]) -> Result<()> {
        let mut makers = Makers::new();
        let mut depfiles = Makers::new();
        for operation in placed {
            for output in &operation.outputs {
                let path = self.paths[output].trim_end_matches('/');
                if let Some(other) = makers.insert(path, operation)
                    && !other.outputs.contains(output)
                {
                    return Err(self.two_writers(path, other, operation));
                }
            }
        }
        for operation in placed {
            if let Some(depfile) = operation.depfile {
                let path = self.paths[&depfile].as_str();
                let maker = makers.get(path).copied();
                let maker = maker.filter(|_| !operation.outputs.contains(&depfile));
                if let Some(other) = maker.or(depfiles.insert(path, operation)) {
                    return Err(self.two_writers(path, other, operation));
                }
            }
        }
        for operation in placed {
            for path in operation.outputs.iter().chain(&operation.depfile) {
                self.check_above(operation, &self.paths[path], &makers)?;
            }
        }
        Ok(())
    }

    /// Refuses an output with another output above it.
    fn check_above(&self, operation: &Placed, path: &str, makers: &Makers<'_>) -> Result<()> {
        let target = &self.own[operation.instance].target;
        let mut above = path.trim_end_matches('/');
        while let Some((parent, _)) = above.rsplit_once('/')
            && parent.len() > target.len()
        {
            above = parent;
            let Some(other) = makers.get(above) else {
                continue;
            };
            if !matches!(other.action, Action::MakeDirectory) {
                return Err(Error::user(format!(
                    "The output `{path}` lies in the output `{above}`"
                ))
                .cause(format!("`{above}` is made by {}", self.describe(other)))
                .cause(format!("`{path}` is made by {}", self.describe(operation)))
                .at_if_absent(self.place_of(operation))
                .hint("an output is a file, or a directory that its operation owns whole: choose paths beside each other"));
            }
        }
        Ok(())
    }

    fn two_writers(&self, path: &str, first: &Placed, second: &Placed) -> Error {
        Error::user(format!("Two operations write `{path}`"))
            .cause(format!("one is {}", self.describe(first)))
            .cause(format!("the other is {}", self.describe(second)))
            .at_if_absent(self.place_of(second))
            .hint("give one of them another output, or drop it")
    }
}
