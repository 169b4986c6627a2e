//! Where a library's code makes system calls that name a path. It changes nothing.

use std::collections::HashSet;
use std::ops::Range;

use iced_x86::{
    Code, Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, OpAccess,
    Register,
};
use libc::c_long;

/// A place where a system call is made whose number is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// Where it begins, as an address in the library. It ends with the call.
    pub(super) address: u64,
    pub(super) length: u64,
    /// The instructions before the call. They mean the same elsewhere.
    pub(super) moved: Vec<u8>,
    pub(super) number: u32,
    pub(super) kind: u32,
}

/// How long a jump is, and so a site at least.
pub(super) const JUMP: u64 = 5;

/// How long a site is at most: less than a jump, and one more instruction.
const LONGEST: u64 = JUMP + 15;

/// Bits of kinds, as in `recorder.s`. The path is the second argument, and the first one is the directory that it is
/// relative to; otherwise, the path is the first one.
const AT: u32 = 1;
/// What it does depends on its flags, which follow the path.
const OPENS: u32 = 2;
/// It is written down before the call, with what was there: it may change that, or never come back.
const BEFORE: u32 = 4;

#[cfg(not(target_arch = "x86_64"))]
const KINDS: [(c_long, u32); 0] = [];

/// The system calls that are made from inside. All others ask the observer: they are rare, or name more than one path.
#[cfg(target_arch = "x86_64")]
const KINDS: [(c_long, u32); 22] = [
    (libc::SYS_open, OPENS),
    (libc::SYS_openat, AT | OPENS),
    (libc::SYS_creat, BEFORE),
    (libc::SYS_stat, 0),
    (libc::SYS_lstat, 0),
    (libc::SYS_newfstatat, AT),
    (libc::SYS_statx, AT),
    (libc::SYS_access, 0),
    (libc::SYS_statfs, 0),
    (libc::SYS_faccessat, AT),
    (libc::SYS_faccessat2, AT),
    (libc::SYS_readlink, 0),
    (libc::SYS_readlinkat, AT),
    (libc::SYS_execve, BEFORE),
    (libc::SYS_chdir, BEFORE),
    (libc::SYS_unlink, BEFORE),
    (libc::SYS_unlinkat, AT | BEFORE),
    (libc::SYS_mkdir, BEFORE),
    (libc::SYS_rmdir, BEFORE),
    (libc::SYS_chmod, BEFORE),
    (libc::SYS_fchmodat, AT | BEFORE),
    (libc::SYS_utimensat, AT | BEFORE),
];

/// How a system call is written down.
fn kind(number: u32) -> Option<u32> {
    let is_it = |(known, _): &&(c_long, u32)| *known == c_long::from(number);
    KINDS.iter().find(is_it).map(|(_, kind)| *kind)
}

/// The sites in a piece of code that lies at an address. Whatever jumps into the middle of one makes it none: then it asks
/// the observer, as all other calls do.
pub(super) fn sites(code: &[u8], address: u64) -> Vec<Site> {
    let mut decoder = Decoder::with_ip(64, code, address, DecoderOptions::NONE);
    let mut found = Vec::new();
    let mut targets = HashSet::new();
    // What runs one after the other, up to here.
    let mut block: Vec<Instruction> = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        if instruction.code() == Code::Syscall
            && let Some(place) = place(&block, &instruction)
        {
            found.push(place);
        }
        if instruction.near_branch_target() != 0 {
            targets.insert(instruction.near_branch_target());
        }
        match instruction.flow_control() {
            FlowControl::Next => block.push(instruction),
            _ => block.clear(),
        }
    }
    let is_whole = |place: &Place| {
        !place
            .inside
            .clone()
            .any(|address| targets.contains(&address))
    };
    let site = |place: Place| {
        let start = usize::try_from(place.address - address).ok()?;
        let moved = code.get(start..start + usize::try_from(place.length - 2).ok()?)?;
        Some(Site {
            address: place.address,
            length: place.length,
            moved: moved.to_vec(),
            number: place.number,
            kind: kind(place.number)?,
        })
    };
    found
        .into_iter()
        .filter(is_whole)
        .filter_map(site)
        .collect()
}

/// Where a site may be.
struct Place {
    address: u64,
    length: u64,
    number: u32,
    /// What nobody may jump to: between the number and the call.
    inside: Range<u64>,
}

/// The place before a call: `block` is what runs before it.
fn place(block: &[Instruction], call: &Instruction) -> Option<Place> {
    let mut info = InstructionInfoFactory::new();
    let mut sets_number = |instruction: &&Instruction| {
        let registers = info.info(instruction).used_registers();
        registers.iter().any(|used| {
            used.register().full_register() == Register::RAX && used.access() != OpAccess::Read
        })
    };
    let number = block.iter().rev().find(&mut sets_number)?;
    let is_known = number.code() == Code::Mov_r32_imm32 && number.op0_register() == Register::EAX;
    let is_long = |first: &&Instruction| call.next_ip() - first.ip() >= JUMP;
    let first = block.iter().rev().find(is_long)?;
    let moved = block.iter().filter(|moved| moved.ip() >= first.ip());
    let may_move = |moved: &Instruction| !moved.is_ip_rel_memory_operand();
    let length = call.next_ip() - first.ip();
    let is_usable = is_known && length <= LONGEST && moved.into_iter().all(may_move);
    is_usable.then(|| Place {
        address: first.ip(),
        length,
        number: number.immediate32(),
        inside: first.ip().min(number.ip()) + 1..call.next_ip(),
    })
}
