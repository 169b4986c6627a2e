//! Reading a frozen graph where it lies. The format is specified in `freeze.rs`.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::OnceLock;

use bytemuck::{Pod, Zeroable};

use super::freeze::{MAGIC, Meta, VERSION};
use super::{Cold, FileId, Instance, OperationId, Root};

pub(super) const SECTIONS: usize = 5;

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct Section {
    pub(super) offset: u64,
    pub(super) length: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Pod, Zeroable)]
pub(super) struct Header {
    pub(super) magic: [u8; 8],
    pub(super) version: u32,
    pub(super) sections: u32,
    pub(super) table: [Section; SECTIONS],
    pub(super) checksum: [u8; 32],
}

/// A run of numbers in the section `edges`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
pub(super) struct Range {
    pub(super) start: u32,
    pub(super) count: u32,
}

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
    pub(super) is_test: u32,
    pub(super) makes_directory: u32,
    pub(super) inputs: Range,
    pub(super) order_only: Range,
    pub(super) outputs: Range,
    pub(super) dependencies: Range,
    pub(super) dependents: Range,
    pub(super) cold_offset: u64,
    pub(super) cold_length: u64,
}

/// The bytes a [`Graph`] stands on: a memory map, or a buffer that was just frozen. Both are aligned to 8.
pub enum Bytes {
    Mapped(memmap2::Mmap),
    Buffer(Vec<u64>),
}

impl Bytes {
    /// Copies `bytes` into an aligned buffer.
    pub fn buffer(bytes: &[u8]) -> Self {
        let mut buffer = vec![0_u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut buffer)[..bytes.len()].copy_from_slice(bytes);
        Self::Buffer(buffer)
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Buffer(buffer) => bytemuck::cast_slice(buffer),
        }
    }
}

/// A frozen graph, checked once when it is opened; after that no access can fail.
pub struct Graph {
    bytes: Bytes,
    table: [Section; SECTIONS],
    meta: Meta,
    /// Positions in `meta.roots` by token; made when first asked for.
    roots: OnceLock<HashMap<String, usize>>,
}

impl Graph {
    /// `None` if the bytes are not a graph of this version, or are damaged.
    pub fn open(bytes: Bytes) -> Option<Self> {
        let header: &Header = bytemuck::try_from_bytes(bytes.get(..size_of::<Header>())?).ok()?;
        if header.magic != MAGIC
            || header.version != VERSION
            || header.sections as usize != SECTIONS
        {
            return None;
        }
        let table = header.table;
        let end = table
            .iter()
            .try_fold(size_of::<Header>() as u64, |last, section| {
                let end = section.offset.checked_add(section.length)?;
                (section.offset >= last && section.offset % 8 == 0 && end <= bytes.len() as u64)
                    .then_some(end)
            })?;
        let end = usize::try_from(end).ok()?.next_multiple_of(8);
        let behind = bytes.get(size_of::<Header>()..end)?;
        if checksum(header, behind) != header.checksum {
            return None;
        }
        let meta = postcard::from_bytes(section(&bytes, &table, 4)).ok()?;
        let graph = Self {
            bytes,
            table,
            meta,
            roots: OnceLock::new(),
        };
        bytemuck::try_cast_slice::<u8, Hot>(graph.section(0)).ok()?;
        bytemuck::try_cast_slice::<u8, u32>(graph.section(1)).ok()?;
        bytemuck::try_cast_slice::<u8, [u32; 2]>(graph.section(2)).ok()?;
        Some(graph)
    }

    /// A graph from bytes that were just frozen.
    ///
    /// # Panics
    /// If the bytes are not what [`super::freeze::freeze`] returned.
    pub fn of(bytes: &[u8]) -> Self {
        Self::open(Bytes::buffer(bytes)).expect("BUG: a fresh graph opens")
    }

    fn section(&self, index: usize) -> &[u8] {
        section(&self.bytes, &self.table, index)
    }

    fn hot(&self, operation: OperationId) -> &Hot {
        &bytemuck::cast_slice::<u8, Hot>(self.section(0))[operation.index()]
    }

    fn edges<T: Pod>(&self, range: Range) -> &[T] {
        let start = range.start as usize;
        bytemuck::cast_slice(
            &bytemuck::cast_slice::<u8, u32>(self.section(1))[start..start + range.count as usize],
        )
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
        self.section(0).len() / size_of::<Hot>()
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
        self.hot(operation).is_test != 0
    }

    /// Whether it is [`super::Action::MakeDirectory`]: its output counts as a directory, whatever is in it.
    pub fn makes_directory(&self, operation: OperationId) -> bool {
        self.hot(operation).makes_directory != 0
    }

    /// The declared inputs that always count, without the tool.
    pub fn inputs(&self, operation: OperationId) -> &[FileId] {
        self.edges(self.hot(operation).inputs)
    }

    /// Made before it; they count only where a depfile says that they were read.
    pub fn order_only(&self, operation: OperationId) -> &[FileId] {
        self.edges(self.hot(operation).order_only)
    }

    pub fn outputs(&self, operation: OperationId) -> &[FileId] {
        self.edges(self.hot(operation).outputs)
    }

    /// The operations that must be done before it.
    pub fn dependencies(&self, operation: OperationId) -> &[OperationId] {
        self.edges(self.hot(operation).dependencies)
    }

    /// The operations that wait for it.
    pub fn dependents(&self, operation: OperationId) -> &[OperationId] {
        self.edges(self.hot(operation).dependents)
    }

    /// The operation that makes a file, if one does.
    pub fn maker(&self, file: FileId) -> Option<OperationId> {
        let makers: &[[u32; 2]] = bytemuck::cast_slice(self.section(2));
        let found = makers
            .binary_search_by_key(&file.0, |maker| maker[0])
            .ok()?;
        Some(OperationId(makers[found][1]))
    }

    /// Decodes what only a running operation needs.
    pub fn cold(&self, operation: OperationId) -> Cold {
        let hot = self.hot(operation);
        let start = usize::try_from(hot.cold_offset).unwrap_or(usize::MAX);
        let length = usize::try_from(hot.cold_length).unwrap_or(usize::MAX);
        let bytes = &self.section(3)[start..start + length];
        postcard::from_bytes(bytes).expect("BUG: the checksum was right and the version is ours")
    }
}

/// BLAKE3 of the header before its checksum and of everything behind the header.
pub(super) fn checksum(header: &Header, behind: &[u8]) -> [u8; 32] {
    let before = size_of::<Header>() - size_of_val(&header.checksum);
    *blake3::Hasher::new()
        .update(&bytemuck::bytes_of(header)[..before])
        .update_rayon(behind)
        .finalize()
        .as_bytes()
}

fn section<'a>(bytes: &'a Bytes, table: &[Section; SECTIONS], index: usize) -> &'a [u8] {
    let start = usize::try_from(table[index].offset).unwrap_or(usize::MAX);
    let length = usize::try_from(table[index].length).unwrap_or(usize::MAX);
    &bytes[start..start + length]
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

    /// Catches damage that the checksum does not see: a graph is opened as it was frozen, or not at all.
    #[test]
    fn no_bit_of_a_frozen_graph_may_change() {
        let operations: Vec<Operation> = (0..3).map(operation).collect();
        let mut bytes = freeze(&operations, &Meta::default()).unwrap();
        assert_eq!(Graph::of(&bytes).operation_count(), 3);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            assert!(Graph::open(Bytes::buffer(&bytes)).is_none(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for length in (0..bytes.len()).step_by(8) {
            assert!(
                Graph::open(Bytes::buffer(&bytes[..length])).is_none(),
                "{length} bytes"
            );
        }
    }
}
