//! Files of sections: written once, then mapped and used in place. It knows nothing of what is in a section.
//!
//! # Format
//!
//! Numbers are little-endian; each section starts at a multiple of 8 and is padded with zeros.
//!
//! ```text
//! header    magic, 8 bytes · version u32 · count of sections u32 · tag, 16 bytes, for the owner
//!           · for each section: offset u64, bytes u64 · end of the sums u64
//!           · XXH3 (64 bits) of the sums · XXH3 of the header so far
//! sections
//! sums      XXH3 of each block of 64 KiB from the end of the header to the end of the sections, u64 each
//! ```
//!
//! A file is right as a whole or it is not used. The checksum is there against damage, not against malice: whoever writes
//! right sums over wrong numbers can make wake panic, and could as well write operations of their own. So owners do not
//! check numbers one by one, and must change their version when the format changes.
//!
//! Sums are verified by reading, on several threads, rather than through the map: what is not used afterwards then costs
//! no memory.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::ops::Deref;
use std::os::unix::fs::FileExt;

use bytemuck::{Pod, Zeroable};
use rayon::prelude::*;
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const BLOCK: usize = 64 << 10;

/// How many blocks a thread verifies at a time.
const BLOCKS_AT_ONCE: usize = 16;

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Start {
    magic: [u8; 8],
    version: u32,
    sections: u32,
    tag: [u8; 16],
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct Section {
    offset: u64,
    length: u64,
}

#[repr(C)]
#[derive(Clone, Copy, Debug, Pod, Zeroable)]
struct End {
    end: u64,
    sum_of_sums: u64,
    checksum: u64,
}

/// The bytes of a file: a memory map, or a buffer that is aligned as a map is.
pub enum Bytes {
    Mapped(memmap2::Mmap),
    Buffer { words: Vec<u64>, length: usize },
}

impl Bytes {
    /// Copies `bytes` into an aligned buffer.
    pub fn buffer(bytes: &[u8]) -> Self {
        let mut words = vec![0_u64; bytes.len().div_ceil(8)];
        bytemuck::cast_slice_mut(&mut words)[..bytes.len()].copy_from_slice(bytes);
        Self::Buffer {
            words,
            length: bytes.len(),
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Buffer { words, length } => &bytemuck::cast_slice(words)[..*length],
        }
    }
}

/// What a file is, apart from its sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    pub magic: [u8; 8],
    pub version: u32,
}

/// Where the sections of a file are, whose sums were right.
#[derive(Clone, Copy, Debug)]
pub struct Sections<const COUNT: usize> {
    table: [Section; COUNT],
    pub tag: [u8; 16],
    /// Where the sums end: what is behind belongs to the owner.
    pub end: usize,
}

impl<const COUNT: usize> Sections<COUNT> {
    /// Bytes of the header.
    pub const HEADER: usize = size_of::<Start>() + COUNT * size_of::<Section>() + size_of::<End>();

    /// `None` if the bytes are no such file, or are damaged. `file`: where to read them, if they are a map.
    pub fn open(bytes: &[u8], file: Option<&File>, kind: Kind) -> Option<Self> {
        let start: Start = read(bytes, 0)?;
        let is_kind = start.magic == kind.magic && start.version == kind.version;
        if !is_kind || start.sections as usize != COUNT {
            return None;
        }
        let mut table = [Section::zeroed(); COUNT];
        for (index, section) in table.iter_mut().enumerate() {
            *section = read(bytes, size_of::<Start>() + index * size_of::<Section>())?;
        }
        let end: End = read(bytes, Self::HEADER - size_of::<End>())?;
        let before = Self::HEADER - size_of_val(&end.checksum);
        if xxh3_64(&bytes[..before]) != end.checksum {
            return None;
        }
        // The header is as it was written: only what is behind may be missing or wrong.
        let last = table.last().map_or(Self::HEADER as u64, |last| {
            last.offset + last.length.next_multiple_of(8)
        });
        let (last, end_of_sums) = (usize::try_from(last).ok()?, usize::try_from(end.end).ok()?);
        let sums = bytes.get(last..end_of_sums)?;
        let is_right = xxh3_64(sums) == end.sum_of_sums
            && are_right(&bytes[Self::HEADER..last], Self::HEADER, file, sums);
        is_right.then_some(Self {
            table,
            tag: start.tag,
            end: end_of_sums,
        })
    }

    /// The bytes of a section.
    pub fn bytes<'a>(&self, bytes: &'a [u8], index: usize) -> &'a [u8] {
        let start = usize::try_from(self.table[index].offset).unwrap_or(usize::MAX);
        let length = usize::try_from(self.table[index].length).unwrap_or(usize::MAX);
        &bytes[start..start + length]
    }

    /// One record of a section.
    pub fn record<'a, T: Pod>(&self, bytes: &'a [u8], index: usize, number: usize) -> &'a T {
        let start = number * size_of::<T>();
        bytemuck::from_bytes(&self.bytes(bytes, index)[start..start + size_of::<T>()])
    }

    /// Some records of a section. Unlike a part of [`Self::slice`], it costs no division.
    pub fn part<'a, T: Pod>(
        &self,
        bytes: &'a [u8],
        index: usize,
        first: usize,
        count: usize,
    ) -> &'a [T] {
        let start = first * size_of::<T>();
        let part = &self.bytes(bytes, index)[start..start + count * size_of::<T>()];
        bytemuck::cast_slice(part)
    }

    /// A section as numbers or records.
    pub fn slice<'a, T: Pod>(&self, bytes: &'a [u8], index: usize) -> &'a [T] {
        bytemuck::cast_slice(self.bytes(bytes, index))
    }
}

fn read<T: Pod>(bytes: &[u8], at: usize) -> Option<T> {
    Some(bytemuck::pod_read_unaligned(
        bytes.get(at..at + size_of::<T>())?,
    ))
}

/// Whether each block of `region`, which begins at `start` of `file`, has its sum.
fn are_right(region: &[u8], start: usize, file: Option<&File>, sums: &[u8]) -> bool {
    if sums.len() != region.len().div_ceil(BLOCK) * 8 {
        return false;
    }
    let expected = sums.par_chunks(8 * BLOCKS_AT_ONCE).enumerate();
    expected.all(|(turn, sums)| {
        let first = turn * BLOCKS_AT_ONCE * BLOCK;
        let mut buffer = Vec::new();
        sums.chunks_exact(8).enumerate().all(|(index, sum)| {
            let from = first + index * BLOCK;
            let block = &region[from..region.len().min(from + BLOCK)];
            let found = match file {
                None => xxh3_64(block),
                Some(file) => {
                    buffer.resize(block.len(), 0);
                    match file.read_exact_at(&mut buffer, (start + from) as u64) {
                        Ok(()) => xxh3_64(&buffer),
                        Err(_) => return false,
                    }
                }
            };
            found.to_le_bytes() == sum
        })
    })
}

/// Writes such a file, a section after the other.
pub struct Writer<W, const COUNT: usize> {
    to: W,
    kind: Kind,
    tag: [u8; 16],
    table: [Section; COUNT],
    /// Sections that are complete.
    done: usize,
    at: usize,
    sums: Vec<u64>,
    block: Xxh3,
    in_block: usize,
}

impl<W: Write + Seek, const COUNT: usize> Writer<W, COUNT> {
    /// Begins a file where `to` begins.
    ///
    /// # Errors
    /// Those of writing, here and below.
    pub fn new(mut to: W, kind: Kind, tag: [u8; 16]) -> io::Result<Self> {
        to.write_all(&vec![0; Sections::<COUNT>::HEADER])?;
        let mut writer = Self {
            to,
            kind,
            tag,
            table: [Section::zeroed(); COUNT],
            done: 0,
            at: Sections::<COUNT>::HEADER,
            sums: Vec::new(),
            block: Xxh3::new(),
            in_block: 0,
        };
        writer.table[0].offset = writer.at as u64;
        Ok(writer)
    }

    /// Adds to the current section.
    pub fn extend(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.at += bytes.len();
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(BLOCK - self.in_block));
            self.block.update(now);
            self.in_block += now.len();
            if self.in_block == BLOCK {
                self.end_block();
            }
            bytes = later;
        }
        Ok(())
    }

    /// Ends the current section; the next one begins.
    pub fn end_section(&mut self) -> io::Result<()> {
        let section = &mut self.table[self.done];
        section.length = self.at as u64 - section.offset;
        let padding = self.at.next_multiple_of(8) - self.at;
        self.extend(&[0; 8][..padding])?;
        self.done += 1;
        if let Some(next) = self.table.get_mut(self.done) {
            next.offset = self.at as u64;
        }
        Ok(())
    }

    /// A section as a whole.
    pub fn section(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.extend(bytes)?;
        self.end_section()
    }

    fn end_block(&mut self) {
        self.sums.push(self.block.digest());
        self.block.reset();
        self.in_block = 0;
    }

    /// Ends the file, all of whose sections are complete. What is written to the result comes behind it.
    pub fn finish(mut self) -> io::Result<W> {
        debug_assert_eq!(self.done, COUNT, "all sections are complete");
        if self.in_block > 0 {
            self.end_block();
        }
        let sums: &[u8] = bytemuck::cast_slice(&self.sums);
        self.to.write_all(sums)?;
        let end = self.at + sums.len();
        let start = Start {
            magic: self.kind.magic,
            version: self.kind.version,
            sections: u32::try_from(COUNT).expect("BUG: few sections"),
            tag: self.tag,
        };
        let mut header = bytemuck::bytes_of(&start).to_vec();
        header.extend_from_slice(bytemuck::cast_slice(&self.table));
        header.extend_from_slice(&(end as u64).to_le_bytes());
        header.extend_from_slice(&xxh3_64(sums).to_le_bytes());
        header.extend_from_slice(&xxh3_64(&header).to_le_bytes());
        self.to.seek(SeekFrom::Start(0))?;
        self.to.write_all(&header)?;
        self.to.seek(SeekFrom::End(0))?;
        Ok(self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KIND: Kind = Kind {
        magic: *b"waketest",
        version: 3,
    };

    fn written(sections: [&[u8]; 3]) -> Vec<u8> {
        let to = io::Cursor::new(Vec::new());
        let mut writer: Writer<_, 3> = Writer::new(to, KIND, [9; 16]).unwrap();
        for section in sections {
            writer.section(section).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// Catches sums that do not fit the blocks, and a file that is read otherwise than a buffer.
    #[test]
    fn sections_of_several_blocks_are_read_as_they_were_written() {
        let long: Vec<u8> = (0..BLOCK * 40 + 5).map(|at| (at % 251) as u8).collect();
        let mut bytes = written([b"one", &long, b""]);
        bytes.extend_from_slice(b"behind");
        let file = tempfile::NamedTempFile::new().unwrap();
        file.as_file().write_all_at(&bytes, 0).unwrap();
        for file in [None, Some(file.as_file())] {
            let sections = Sections::<3>::open(&bytes, file, KIND).unwrap();
            assert_eq!(sections.bytes(&bytes, 0), b"one");
            assert!(sections.bytes(&bytes, 1) == long);
            assert_eq!(sections.bytes(&bytes, 2), b"");
            assert_eq!(&bytes[sections.end..], b"behind");
            assert_eq!(sections.tag, [9; 16]);
        }
    }

    /// Catches damage that no sum sees: a file is opened as it was written, or not at all.
    #[test]
    fn no_bit_may_change_and_nothing_may_be_cut() {
        let mut bytes = written([b"one", &[7; 100], b"three"]);
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let opened = Sections::<3>::open(&bytes, None, KIND);
            assert!(opened.is_none(), "bit {bit}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for length in 0..bytes.len() {
            let opened = Sections::<3>::open(&bytes[..length], None, KIND);
            assert!(opened.is_none(), "{length} bytes");
        }
    }
}
