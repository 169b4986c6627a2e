//! Saved graphs: one file a request (targets, parameters, purpose), used again as long as nothing that the front end
//! read has changed.
//!
//! # Files `.wake/state/graphs/<20 hex digits>`
//!
//! Each is a frozen graph (`graph/freeze.rs`); the name is the hash of the request and of wake itself, so another wake
//! or another plugin set makes its own. `Meta::front` is a postcard-encoded [`Front`]: what was read, with the stamps
//! that make most checks one `stat`. The oldest are removed beyond [`KEPT`].

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs;
use crate::fs::stamp;
use crate::graph::Graph;
use crate::graph::view::Bytes;
use crate::workspace::front::Front;

/// How many graphs a workspace keeps: two flavors of a few targets.
pub const KEPT: usize = 16;

/// Opens a saved graph if there is one and it belongs to this state. Whether it still holds is for [`Front::holds`].
pub fn open(file: &Path, state: [u8; 16], paths: usize) -> Result<Option<(Graph, Front)>> {
    let Some((source, map)) = fs::open_mapped(file)? else {
        return Ok(None);
    };
    let Some(graph) = Graph::open(Bytes::Mapped(map), Some(&source)) else {
        return Ok(None);
    };
    if graph.meta().state != state || graph.meta().paths as usize > paths {
        return Ok(None);
    }
    let Ok(front) = postcard::from_bytes(&graph.meta().front) else {
        return Ok(None);
    };
    Ok(Some((graph, front)))
}

/// Removes the graphs that were made longest ago, so that at most [`KEPT`] stay.
pub fn remove_old(directory: &Path) -> Result<()> {
    let mut files: Vec<(i64, PathBuf)> = fs::list(directory)?
        .into_iter()
        .filter(|(_, is_directory)| !is_directory)
        .map(|(name, _)| directory.join(name))
        .map(|path| {
            (
                stamp::lstat(&path).map_or(0, |status| status.stamp.mtime),
                path,
            )
        })
        .collect();
    files.sort();
    for (_, path) in files.iter().rev().skip(KEPT) {
        fs::remove_file(path)?;
    }
    Ok(())
}
