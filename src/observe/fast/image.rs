//! Copies of the C library and of the loader in which the system calls that name a path are made by the recorder
//! (`recorder.s`). It knows the format of such files (ELF, see elf(5)) and nothing of how they are put in place.
//!
//! The code is appended as a segment of its own. It needs a program header: that of a note is used, which nobody reads of
//! a library that is loaded. Behind the variables of the library, there is a page more for the state of the process.

use std::mem::offset_of;

use bytemuck::{Pod, Zeroable};
use object::elf::{
    EM_X86_64, ET_DYN, FileHeader64, PF_R, PF_W, PF_X, PT_GNU_PROPERTY, PT_LOAD, PT_NOTE,
    ProgramHeader64, SHF_EXECINSTR, SHT_NOBITS, SectionHeader64,
};
use object::pod::{bytes_of, from_bytes_mut, slice_from_bytes_mut};
use object::{LittleEndian, U32, U64};

use super::sites::{self, JUMP, Site};

#[expect(
    unsafe_code,
    reason = "the recorder is written in assembly; here, it is data"
)]
mod recorder {
    core::arch::global_asm!(include_str!("recorder.s"));

    // SAFETY: the three are labels around bytes that nobody changes; only their addresses are used.
    unsafe extern "C" {
        static wake_recorder_start: u8;
        static wake_recorder_entry: u8;
        static wake_recorder_end: u8;
    }

    pub(super) fn bytes() -> &'static [u8] {
        let (start, end) = (&raw const wake_recorder_start, &raw const wake_recorder_end);
        // SAFETY: the labels are those of one section that is only read, in this order.
        unsafe { std::slice::from_raw_parts(start, end as usize - start as usize) }
    }

    /// Where it is entered, from its beginning.
    pub(super) fn entry() -> u64 {
        (&raw const wake_recorder_entry as usize - &raw const wake_recorder_start as usize) as u64
    }
}

/// There is one for x86-64 only: elsewhere, all ask the observer.
#[cfg(not(target_arch = "x86_64"))]
mod recorder {
    pub(super) fn bytes() -> &'static [u8] {
        &[]
    }

    pub(super) fn entry() -> u64 {
        0
    }
}

/// What the recorder is told, at its beginning. The layout is that of `recorder.s`.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(super) struct Settings {
    /// What the sixth argument of a call is that the filter lets pass.
    pub(super) cookie: u64,
    /// The same of the call that opens the log.
    log_cookie: u64,
    /// What is opened instead of the file with this device and inode, if its path ends with the suffix.
    device: u64,
    inode: u64,
    suffix_size: u64,
    suffix: [u8; 64],
    instead: [u8; 1024],
    log: [u8; 1024],
}

/// A file that is opened instead of another one.
pub(super) struct Instead<'a> {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// The end of the other one's path, from a `/` on.
    pub(super) suffix: &'a [u8],
    pub(super) path: &'a [u8],
}

impl Settings {
    /// `log`: its path, and the cookie of the call that opens it. `None`: a path is too long.
    pub(super) fn new(
        cookie: u64,
        (log, log_cookie): (&[u8], u64),
        instead: Option<&Instead<'_>>,
    ) -> Option<Self> {
        let mut settings = Self {
            cookie,
            log_cookie,
            ..Self::zeroed()
        };
        put(&mut settings.log, log)?;
        if let Some(instead) = instead {
            settings.device = instead.device;
            settings.inode = instead.inode;
            // With the zero byte.
            settings.suffix_size = instead.suffix.len() as u64 + 1;
            put(&mut settings.suffix, instead.suffix)?;
            put(&mut settings.instead, instead.path)?;
        }
        Some(settings)
    }
}

/// Writes a text, and leaves at least one zero after it.
fn put(place: &mut [u8], text: &[u8]) -> Option<()> {
    let (last, place) = place.split_last_mut()?;
    *last = 0;
    place.get_mut(..text.len())?.copy_from_slice(text);
    Some(())
}

/// Whose copy is made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    Library,
    /// The kernel loads it. Before Linux 6.6, it makes zeros only behind the last segment, so those of the others are in
    /// the file.
    Loader,
}

type File = FileHeader64<LittleEndian>;
type Program = ProgramHeader64<LittleEndian>;
type Section = SectionHeader64<LittleEndian>;

const E: LittleEndian = LittleEndian;
const PAGE: u64 = 4096;

/// How large the state of a process is.
const STATE: u64 = 64;

/// Makes a copy.
///
/// # Errors
/// What is not as expected: then there is none, and the observer is asked about everything.
pub(super) fn patched(
    original: &[u8],
    settings: &Settings,
    whose: Whose,
) -> Result<Vec<u8>, &'static str> {
    let layout = Layout::of(original, whose)?;
    let sites = layout.sites(original);
    if sites.is_empty() {
        return Err("it makes no system calls that are known");
    }
    let code = code(&sites, &layout, settings);
    let mut copy = layout.spread(original);
    copy[to_usize(layout.code_offset)..][..code.len()].copy_from_slice(&code);
    for (index, site) in sites.iter().enumerate() {
        let offset = layout.offset(site).ok_or("a call is in no segment")?;
        let mut jump = vec![0xe9];
        jump.extend(relative(
            site.address + JUMP,
            layout.code + stub_offset(index),
        ));
        jump.resize(to_usize(site.length), NOTHING);
        copy[to_usize(offset)..][..jump.len()].copy_from_slice(&jump);
    }
    layout.write_headers(&mut copy, code.len() as u64)?;
    Ok(copy)
}

/// Where everything is and goes.
struct Layout {
    whose: Whose,
    programs: Vec<Program>,
    sections: Vec<Section>,
    /// The number of the header of the segment with the variables, which is the last one.
    variables: usize,
    /// The number of the header that becomes that of the code.
    spare: usize,
    /// Addresses, and an offset in the copy.
    state: u64,
    code: u64,
    code_offset: u64,
    /// Where what follows the variables in the file begins, and by how much it moves.
    tail: u64,
    moved: u64,
    length: u64,
}

impl Layout {
    fn of(original: &[u8], whose: Whose) -> Result<Self, &'static str> {
        // What is read must be aligned.
        let mut bytes = original.to_vec();
        let (file, _) = from_bytes_mut::<File>(&mut bytes).map_err(|()| "it is too short")?;
        let is_expected = file.e_ident.magic == *b"\x7fELF"
            && file.e_ident.class == 2
            && file.e_ident.data == 1
            && file.e_machine.get(E) == EM_X86_64
            && file.e_type.get(E) == ET_DYN
            && usize::from(file.e_phentsize.get(E)) == size_of::<Program>()
            && usize::from(file.e_shentsize.get(E)) == size_of::<Section>();
        if !is_expected {
            return Err("it is no library of this machine");
        }
        let (at, count) = (file.e_phoff.get(E), file.e_phnum.get(E));
        let programs = table::<Program>(original, at, count)?;
        let sections = table::<Section>(original, file.e_shoff.get(E), file.e_shnum.get(E))?;
        let variables = programs
            .iter()
            .rposition(|header| header.p_type.get(E) == PT_LOAD);
        let variables = variables.ok_or("it has no segments")?;
        let spare =
            |kind| (variables + 1..programs.len()).find(|&at| programs[at].p_type.get(E) == kind);
        let spare = spare(PT_GNU_PROPERTY).or_else(|| spare(PT_NOTE));
        let last = &programs[variables];
        if last.p_flags.get(E) != PF_R | PF_W {
            return Err("its last segment is not that of its variables");
        }
        let state = (last.p_vaddr.get(E) + last.p_memsz.get(E)).next_multiple_of(PAGE);
        let code = state + PAGE;
        let length = original.len() as u64;
        let tail = last.p_offset.get(E) + last.p_filesz.get(E);
        let (code_offset, moved) = match whose {
            Whose::Library => (length.next_multiple_of(PAGE), 0),
            Whose::Loader => {
                let end = last.p_offset.get(E) + state + STATE - last.p_vaddr.get(E);
                let code_offset = end.next_multiple_of(PAGE);
                (
                    code_offset,
                    (code_offset + CODE - tail).next_multiple_of(PAGE),
                )
            }
        };
        Ok(Self {
            whose,
            variables,
            spare: spare.ok_or("it has no note")?,
            state,
            code,
            code_offset,
            tail,
            moved,
            length: (code_offset + CODE).max(length + moved),
            programs,
            sections,
        })
    }

    fn sites(&self, original: &[u8]) -> Vec<Site> {
        let code = code_in(&self.sections, original).into_iter();
        code.flat_map(|(code, address)| sites::sites(code, address))
            .collect()
    }

    /// Where a site lies in the file.
    fn offset(&self, site: &Site) -> Option<u64> {
        let loaded = self
            .programs
            .iter()
            .filter(|header| header.p_type.get(E) == PT_LOAD);
        let mut offsets = loaded.filter_map(|header| {
            let inside = site.address.checked_sub(header.p_vaddr.get(E))?;
            (inside + site.length <= header.p_filesz.get(E))
                .then(|| header.p_offset.get(E) + inside)
        });
        offsets.next()
    }

    /// The bytes of the original, where they go.
    fn spread(&self, original: &[u8]) -> Vec<u8> {
        let mut copy = vec![0; to_usize(self.length)];
        let (head, tail) = original.split_at(to_usize(self.tail));
        copy[..head.len()].copy_from_slice(head);
        copy[to_usize(self.tail + self.moved)..][..tail.len()].copy_from_slice(tail);
        copy
    }

    fn write_headers(&self, copy: &mut [u8], size: u64) -> Result<(), &'static str> {
        let mut programs = self.programs.clone();
        let variables = &mut programs[self.variables];
        let in_memory = self.state + STATE - variables.p_vaddr.get(E);
        variables.p_memsz = U64::new(E, in_memory);
        if self.whose == Whose::Loader {
            variables.p_filesz = U64::new(E, in_memory);
        }
        programs[self.spare] = Program {
            p_type: U32::new(E, PT_LOAD),
            p_flags: U32::new(E, PF_R | PF_X),
            p_offset: U64::new(E, self.code_offset),
            p_vaddr: U64::new(E, self.code),
            p_paddr: U64::new(E, self.code),
            p_filesz: U64::new(E, size),
            p_memsz: U64::new(E, size),
            p_align: U64::new(E, PAGE),
        };
        let (file, _) = from_bytes_mut::<File>(copy).map_err(|()| "it is too short")?;
        let sections_at = file.e_shoff.get(E);
        let sections_at = sections_at
            + if sections_at >= self.tail {
                self.moved
            } else {
                0
            };
        file.e_shoff = U64::new(E, sections_at);
        let programs_at = to_usize(file.e_phoff.get(E));
        let mut write = |at: usize, bytes: &[u8]| -> Result<(), &'static str> {
            let place = copy.get_mut(at..at + bytes.len());
            place.ok_or("it is too short")?.copy_from_slice(bytes);
            Ok(())
        };
        for (index, header) in programs.iter().enumerate() {
            write(programs_at + index * size_of::<Program>(), bytes_of(header))?;
        }
        for (index, section) in self.sections.iter().enumerate() {
            let mut section = *section;
            let offset = section.sh_offset.get(E);
            if offset >= self.tail && section.sh_type.get(E) != SHT_NOBITS {
                section.sh_offset = U64::new(E, offset + self.moved);
            }
            write(
                to_usize(sections_at) + index * size_of::<Section>(),
                bytes_of(&section),
            )?;
        }
        Ok(())
    }
}

/// The code of a library, piece by piece, and the address of each.
///
/// # Errors
/// What is not as expected.
pub(super) fn code_of(original: &[u8]) -> Result<Vec<(&[u8], u64)>, &'static str> {
    let layout = Layout::of(original, Whose::Library)?;
    Ok(code_in(&layout.sections, original))
}

fn code_in<'a>(sections: &[Section], original: &'a [u8]) -> Vec<(&'a [u8], u64)> {
    let is_code = |section: &&Section| section.sh_flags.get(E) & u64::from(SHF_EXECINSTR) != 0;
    let of_section = |section: &Section| {
        let start = to_usize(section.sh_offset.get(E));
        let end = start.saturating_add(to_usize(section.sh_size.get(E)));
        let code = original.get(start..end).unwrap_or_default();
        (code, section.sh_addr.get(E))
    };
    let sections = sections.iter().filter(is_code);
    sections.map(of_section).collect()
}

/// Reads a table of the file.
fn table<T: object::Pod + Clone>(
    original: &[u8],
    at: u64,
    count: u16,
) -> Result<Vec<T>, &'static str> {
    let mut bytes = original
        .get(to_usize(at)..)
        .ok_or("a table is not there")?
        .to_vec();
    let (table, _) = slice_from_bytes_mut::<T>(&mut bytes, usize::from(count))
        .map_err(|()| "a table is not there")?;
    Ok(table.to_vec())
}

/// How large the code may become.
const CODE: u64 = 16 << 10;

/// The recorder, its settings, and for each site what calls it.
fn code(sites: &[Site], layout: &Layout, settings: &Settings) -> Vec<u8> {
    let mut code = recorder::bytes().to_vec();
    code[..size_of::<Settings>()].copy_from_slice(bytemuck::bytes_of(settings));
    for (index, site) in sites.iter().enumerate() {
        let start = stub_offset(index);
        code.resize(to_usize(start), NOTHING);
        code.extend(&site.moved);
        let at = |code: &Vec<u8>, more: u64| layout.code + code.len() as u64 + more;
        // lea rsp, [rsp - 128]: below the stack, a function that calls none keeps its variables.
        code.extend([0x48, 0x8d, 0x64, 0x24, 0x80]);
        // mov r11d, kind
        code.extend([0x41, 0xbb]);
        code.extend(site.kind.to_le_bytes());
        // lea rcx, [rip + state]
        let after = at(&code, 7);
        code.extend([0x48, 0x8d, 0x0d]);
        code.extend(relative(after, layout.state));
        // mov eax, number
        code.push(0xb8);
        code.extend(site.number.to_le_bytes());
        // call recorder
        let after = at(&code, 5);
        code.push(0xe8);
        code.extend(relative(after, layout.code + recorder::entry()));
        // lea rsp, [rsp + 128]
        code.extend([0x48, 0x8d, 0xa4, 0x24, 0x80, 0, 0, 0]);
        // jmp back
        let after = at(&code, 5);
        code.push(0xe9);
        code.extend(relative(after, site.address + site.length));
    }
    code
}

/// The room for what calls the recorder from one site.
const STUB: u64 = 64;

/// An instruction that does nothing.
const NOTHING: u8 = 0x90;

/// Where that of a site lies in the code.
fn stub_offset(index: usize) -> u64 {
    (recorder::bytes().len() as u64).next_multiple_of(16) + index as u64 * STUB
}

/// How far it is, in 32 bits: both are in one library.
fn relative(from: u64, to: u64) -> [u8; 4] {
    (to.wrapping_sub(from) as u32).to_le_bytes()
}

/// Names what copies are made of and how: with another one, they are others.
pub(super) fn version() -> blake3::Hash {
    let mut hasher = blake3::Hasher::new();
    hasher.update(recorder::bytes());
    hasher.update(&STUB.to_le_bytes());
    hasher.finalize()
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

const _: () = assert!(offset_of!(Settings, log) == 8 * 5 + 64 + 1024);
