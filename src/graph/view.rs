//! Reading a frozen graph where it lies. The format is specified in `freeze.rs`.

use std::collections::HashMap;
use std::fs::File;
use std::sync::OnceLock;

use bytemuck::{Pod, Zeroable};

use super::freeze::{KIND, Meta};
use super::{Cold, FileId, Instance, OperationId, Root};
pub use crate::fs::sections::Bytes;
use crate::fs::sections::Sections;

pub(super) const SECTIONS: usize = 5;

/// What a build that runs nothing reads of an operation.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Hot {
    pub(super) key: [u8; 32],
    pub(super) identity: u32,
    pub(super) instance: u32,
    /// `u32::MAX`: none.
    pub(super) tool: u32,
    pub(super) weight: u32,
    /// [`IS_TEST`], [`MAKES_DIRECTORY`].
    pub(super) flags: u32,
    /// Where its numbers begin in the section `edges`, one kind after the other.
    pub(super) edges: u32,
    /// How many there are of each kind, in the order of [`Kind`].
    pub(super) counts: [u32; KINDS],
    /// Where its `Cold` begins in the section `cold`, divided by 8.
    pub(super) cold: u32,
}

pub(super) const IS_TEST: u32 = 1;
pub(super) const MAKES_DIRECTORY: u32 = 2;

/// The kinds of edges.
#[derive(Clone, Copy)]
enum Kind {
    Inputs,
    OrderOnly,
    Outputs,
    Dependencies,
    Dependents,
}

pub(super) const KINDS: usize = 5;

/// A frozen graph, checked once when it is opened; after that no access can fail.
pub struct Graph {
    bytes: Bytes,
    sections: Sections<SECTIONS>,
    meta: Meta,
    /// Positions in `meta.roots` by token; made when first asked for.
    roots: OnceLock<HashMap<String, usize>>,
    /// A bit for each file that an operation makes; made when first asked for.
    made: OnceLock<Vec<u64>>,
}

impl Graph {
    /// `None` if the bytes are not a graph of this version, or are damaged. `file`: what they are a map of, if they are.
    pub fn open(bytes: Bytes, file: Option<&File>) -> Option<Self> {
        let sections = Sections::open(&bytes, file, KIND)?;
        let meta = postcard::from_bytes(sections.bytes(&bytes, 4)).ok()?;
        bytemuck::try_cast_slice::<u8, Hot>(sections.bytes(&bytes, 0)).ok()?;
        bytemuck::try_cast_slice::<u8, u32>(sections.bytes(&bytes, 1)).ok()?;
        bytemuck::try_cast_slice::<u8, [u32; 2]>(sections.bytes(&bytes, 2)).ok()?;
        Some(Self {
            bytes,
            sections,
            meta,
            roots: OnceLock::new(),
            made: OnceLock::new(),
        })
    }

    /// A graph from bytes that were just frozen.
    ///
    /// # Panics
    /// If the bytes are not what [`super::freeze::freeze`] returned.
    pub fn of(bytes: &[u8]) -> Self {
        Self::open(Bytes::buffer(bytes), None).expect("BUG: a fresh graph opens")
    }

    fn section<T: Pod>(&self, index: usize) -> &[T] {
        self.sections.slice(&self.bytes, index)
    }

    fn hot(&self, operation: OperationId) -> &Hot {
        self.sections.record(&self.bytes, 0, operation.index())
    }

    fn edges<T: Pod>(&self, operation: OperationId, kind: Kind) -> &[T] {
        let hot = self.hot(operation);
        let before: u32 = hot.counts[..kind as usize].iter().sum();
        let first = (hot.edges + before) as usize;
        let count = hot.counts[kind as usize] as usize;
        self.sections.part(&self.bytes, 1, first, count)
    }

    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// What a token stands for in `operation`: a root of its instance, or one with a name.
    pub fn root(&self, operation: OperationId, token: &str) -> Option<&Root> {
        let own = &self.instance(operation).roots;
        own.iter().find(|root| root.token == token).or_else(|| {
            let roots = self.roots.get_or_init(|| {
                let roots = self.meta.roots.iter().enumerate();
                roots
                    .map(|(index, root)| (root.token.clone(), index))
                    .collect()
            });
            roots.get(token).map(|&index| &self.meta.roots[index])
        })
    }

    pub fn operation_count(&self) -> usize {
        self.section::<Hot>(0).len()
    }

    /// All operations in topological order.
    pub fn operations(
        &self,
    ) -> impl DoubleEndedIterator<Item = OperationId> + ExactSizeIterator + use<> {
        (0..self.operation_count()).map(OperationId::from_index)
    }

    pub fn key(&self, operation: OperationId) -> &[u8; 32] {
        &self.hot(operation).key
    }

    /// The id under which the state keeps what is known of the operation.
    pub fn identity(&self, operation: OperationId) -> FileId {
        FileId(self.hot(operation).identity)
    }

    pub fn instance(&self, operation: OperationId) -> &Instance {
        &self.meta.instances[self.hot(operation).instance as usize]
    }

    pub fn tool(&self, operation: OperationId) -> Option<FileId> {
        let tool = self.hot(operation).tool;
        (tool != u32::MAX).then_some(FileId(tool))
    }

    pub fn weight(&self, operation: OperationId) -> u32 {
        self.hot(operation).weight
    }

    pub fn is_test(&self, operation: OperationId) -> bool {
        self.hot(operation).flags & IS_TEST != 0
    }

    /// Whether it is [`super::Action::MakeDirectory`]: its output counts as a directory, whatever is in it.
    pub fn makes_directory(&self, operation: OperationId) -> bool {
        self.hot(operation).flags & MAKES_DIRECTORY != 0
    }

    /// The declared inputs that always count, without the tool.
    pub fn inputs(&self, operation: OperationId) -> &[FileId] {
        self.edges(operation, Kind::Inputs)
    }

    /// Made before it; they count only where a depfile says that they were read.
    pub fn order_only(&self, operation: OperationId) -> &[FileId] {
        self.edges(operation, Kind::OrderOnly)
    }

    pub fn outputs(&self, operation: OperationId) -> &[FileId] {
        self.edges(operation, Kind::Outputs)
    }

    /// The operations that must be done before it.
    pub fn dependencies(&self, operation: OperationId) -> &[OperationId] {
        self.edges(operation, Kind::Dependencies)
    }

    /// The operations that wait for it.
    pub fn dependents(&self, operation: OperationId) -> &[OperationId] {
        self.edges(operation, Kind::Dependents)
    }

    /// The operation that makes a file, if one does.
    pub fn maker(&self, file: FileId) -> Option<OperationId> {
        if !self.is_made(file) {
            return None;
        }
        let makers: &[[u32; 2]] = self.section(2);
        let found = makers
            .binary_search_by_key(&file.0, |maker| maker[0])
            .ok()?;
        Some(OperationId(makers[found][1]))
    }

    /// Whether an operation makes a file. Much faster than [`Graph::maker`], for those who ask about every file.
    pub fn is_made(&self, file: FileId) -> bool {
        let made = self.made.get_or_init(|| {
            let makers: &[[u32; 2]] = self.section(2);
            let words = makers.last().map_or(0, |[file, _]| *file as usize / 64 + 1);
            let mut made = vec![0; words];
            for [file, _] in makers {
                made[*file as usize / 64] |= 1 << (file % 64);
            }
            made
        });
        let bits = made.get(file.index() / 64).copied().unwrap_or(0);
        bits & (1 << (file.index() % 64)) != 0
    }

    /// Decodes what only a running operation needs.
    pub fn cold(&self, operation: OperationId) -> Cold {
        let start = self.hot(operation).cold as usize * 8;
        let decoded = postcard::take_from_bytes(&self.section(3)[start..]);
        decoded
            .expect("BUG: the checksum was right and the version is ours")
            .0
    }
}

#[cfg(test)]
mod tests {
    use super::super::freeze::freeze;
    use super::super::{Action, InstanceId, Operation};
    use super::*;

    fn operation(number: u32) -> Operation {
        Operation {
            instance: InstanceId(0),
            identity: FileId(number),
            inputs: vec![FileId(number + 1)],
            order_only: Vec::new(),
            outputs: vec![FileId(number)],
            key: [7; 32],
            tool: None,
            weight: 1,
            is_test: false,
            cold: Cold {
                title: "Make".to_owned(),
                action: Action::MakeDirectory,
                depfile: None,
                pool: None,
                declared: String::new(),
            },
        }
    }

    /// Catches damage that is not seen: a graph is opened as it was frozen, or not at all.
    #[test]
    fn no_bit_of_a_frozen_graph_may_change() {
        let operations: Vec<Operation> = (0..3).map(operation).collect();
        let mut bytes = freeze(&operations, &Meta::default()).unwrap();
        assert_eq!(Graph::of(&bytes).operation_count(), 3);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = Graph::open(Bytes::buffer(&bytes), None);
            assert!(opened.is_none(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}
