//! The frozen graph: bytes that are mapped and used in place.
//!
//! # Format `wakegraf`, version 5
//!
//! The sections of a file as in `fs/sections.rs`:
//!
//! ```text
//! operations one `Hot` (see view.rs) an operation, in topological order
//! edges      u32: of each operation the file ids of inputs, order-only inputs and outputs, then the operations that it needs
//!            and those that wait for it
//! makers     (file id u32, operation id u32), sorted by file id: who makes what
//! cold       one postcard-encoded `Cold` after the other, each padded to a multiple of 8
//! meta       postcard-encoded `Meta`
//! ```
//!
//! A file id means a path only together with the state it was assigned in: `Meta::state` names that state and
//! `Meta::paths` how many paths it must know. A graph of another version, or one that is damaged, is generated anew. It
//! is never an error.

use std::io::{self, Cursor};

use serde::{Deserialize, Serialize};

use super::check::{self, Contradiction};
use super::view::{Hot, IS_TEST, MAKES_DIRECTORY, SECTIONS};
use super::{Action, FileId, Instance, Operation, OperationId, Root};
use crate::fs::sections::{Kind, Writer};

pub const KIND: Kind = Kind {
    magic: *b"wakegraf",
    version: 5,
};

/// What a graph knows besides its operations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meta {
    /// Names the state whose file ids the graph uses.
    pub state: [u8; 16],
    /// How many paths that state must know.
    pub paths: u32,
    pub instances: Vec<Instance>,
    /// Root tokens with a name, valid in every instance.
    pub roots: Vec<Root>,
    /// What the front end needs to tell whether the graph is still right; opaque here.
    pub front: Vec<u8>,
    /// Outputs that tasks read before they knew all operations. Where one of them becomes another, the graph does, too.
    pub preprocessed: Vec<Preprocessed>,
    /// What tasks had to say; for the front end, opaque here.
    pub messages: Vec<u8>,
}

/// An output that tasks read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preprocessed {
    pub file: FileId,
    /// BLAKE3 of what they read.
    pub hash: [u8; 32],
}

/// Orders, checks and freezes.
pub fn freeze(operations: &[Operation], meta: &Meta) -> Result<Vec<u8>, Contradiction> {
    let writers = check::writers(operations)?;
    let needs = |index: usize| -> Vec<(usize, FileId)> {
        let operation = &operations[index];
        let mut needs: Vec<(usize, FileId)> = operation
            .inputs
            .iter()
            .chain(&operation.order_only)
            .chain(&operation.tool)
            .filter_map(|file| writers.get(file).map(|&maker| (maker, *file)))
            .collect();
        needs.sort_unstable();
        needs.dedup_by_key(|(maker, _)| *maker);
        needs
    };
    let order = check::order(operations.len(), needs)?;
    let mut position = vec![0_usize; order.len()];
    for (place, &index) in order.iter().enumerate() {
        position[index] = place;
    }

    let makers = order.iter().map(|&index| {
        let needs = needs(index).into_iter();
        needs.map(|(maker, _)| OperationId::from_index(position[maker]).0)
    });
    let dependencies = pruned(makers.map(Iterator::collect).collect());
    let mut dependents: Vec<Vec<u32>> = vec![Vec::new(); order.len()];
    for (place, makers) in dependencies.iter().enumerate() {
        for &maker in makers {
            dependents[maker as usize].push(OperationId::from_index(place).0);
        }
    }

    let mut edges: Vec<u32> = Vec::new();
    let mut cold: Vec<u8> = Vec::new();
    let mut hot: Vec<Hot> = Vec::with_capacity(order.len());
    for (place, &index) in order.iter().enumerate() {
        let operation = &operations[index];
        let start = edges.len();
        let counts = [
            push(&mut edges, files(&operation.inputs)),
            push(&mut edges, files(&operation.order_only)),
            push(&mut edges, files(&operation.outputs)),
            push(&mut edges, dependencies[place].iter().copied()),
            push(&mut edges, dependents[place].iter().copied()),
        ];
        let flag = |is_set: bool, flag: u32| if is_set { flag } else { 0 };
        let makes_directory = matches!(operation.cold.action, Action::MakeDirectory);
        hot.push(Hot {
            key: operation.key,
            identity: operation.identity.0,
            instance: operation.instance.0,
            tool: operation.tool.map_or(u32::MAX, |tool| tool.0),
            weight: operation.weight,
            flags: flag(operation.is_test, IS_TEST) | flag(makes_directory, MAKES_DIRECTORY),
            edges: small(start),
            counts,
            cold: small(cold.len() / 8),
        });
        cold.extend_from_slice(&encode(&operation.cold));
        cold.resize(cold.len().next_multiple_of(8), 0);
    }
    let mut makers: Vec<[u32; 2]> = writers
        .iter()
        .map(|(file, &index)| [file.0, OperationId::from_index(position[index]).0])
        .collect();
    makers.sort_unstable();
    Ok(assemble([
        bytemuck::cast_slice(&hot),
        bytemuck::cast_slice(&edges),
        bytemuck::cast_slice(&makers),
        &cold,
        &encode(meta),
    ]))
}

/// The operations that each operation needs, sorted, without those that another one of them needs itself: who waits for
/// that one waits for them.
fn pruned(mut needed: Vec<Vec<u32>>) -> Vec<Vec<u32>> {
    needed.iter_mut().for_each(|of_one| of_one.sort_unstable());
    // The latest operation for which each was found to be redundant.
    let mut redundant_for = vec![u32::MAX; needed.len()];
    let mut pruned = Vec::with_capacity(needed.len());
    for (place, direct) in needed.iter().enumerate() {
        let place = OperationId::from_index(place).0;
        for &maker in direct {
            for &earlier in &needed[maker as usize] {
                redundant_for[earlier as usize] = place;
            }
        }
        let kept = direct
            .iter()
            .filter(|&&maker| redundant_for[maker as usize] != place);
        pruned.push(kept.copied().collect());
    }
    pruned
}

fn files(files: &[FileId]) -> impl Iterator<Item = u32> + '_ {
    files.iter().map(|file| file.0)
}

fn push(edges: &mut Vec<u32>, numbers: impl Iterator<Item = u32>) -> u32 {
    let start = edges.len();
    edges.extend(numbers);
    small(edges.len() - start)
}

/// # Panics
/// As [`FileId::from_index`].
fn small(number: usize) -> u32 {
    FileId::from_index(number).0
}

fn encode<T: Serialize>(value: &T) -> Vec<u8> {
    postcard::to_stdvec(value).expect("BUG: plain data always encodes")
}

fn assemble(sections: [&[u8]; SECTIONS]) -> Vec<u8> {
    let write = || -> io::Result<Vec<u8>> {
        let to = Cursor::new(Vec::new());
        let mut writer: Writer<_, SECTIONS> = Writer::new(to, KIND, [0; 16])?;
        for section in sections {
            writer.section(section)?;
        }
        Ok(writer.finish()?.into_inner())
    };
    write().expect("BUG: memory can be written")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches an edge that is dropped although nothing else leads there, and one that is kept although something does.
    #[test]
    fn an_edge_beside_a_way_of_two_is_dropped() {
        let needed = vec![vec![], vec![0], vec![0, 1], vec![], vec![3, 2, 0]];
        let expected = [vec![], vec![0], vec![1], vec![], vec![2, 3]];
        assert_eq!(pruned(needed), expected);
    }
}
