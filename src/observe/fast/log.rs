//! The log that observed processes write into (`recorder.s`), read while they do. It knows nothing of what the calls mean.
//!
//! It is a file that all of them map. Who writes takes a part of it by adding to a counter, writes its size first and that
//! it is complete last. So whatever a process does or dies of, the others' records are found; and what was begun and never
//! completed is seen. What is read may be anything: the processes could write there what they like.
//!
//! ```text
//! 0   magic u64 · 8 used u64, in bytes from the beginning · 16 lost u32 · records from 64 on, each a multiple of 8 bytes:
//! 0   size u32 · 4 process group u32 · 8 number of the call u32, with the highest bit when complete · 12 unused
//! 16  arguments 2, 3 and 4, u32 each · 28 room of the working directory u32
//! 32  found i64: when what was there was changed last, in nanoseconds; -1: nothing; 0: not looked
//! 40  the working directory, if the path is relative, and after its room the path; each with a zero byte
//! ```

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use memmap2::{MmapOptions, MmapRaw};
use rustix::fs::{
    FallocateFlags, MemfdFlags, Mode, OFlags, SealFlags, fallocate, fcntl_add_seals, ftruncate,
    memfd_create, openat, renameat,
};

/// The name of the file, and that of the next one before it is ready.
pub(super) const NAME: &str = "log";
const NEW: &str = "log.new";

const MAGIC: u64 = 0x3147_4f4c_454b_4157;
const USED: usize = 8;
const LOST: usize = 16;
const FIRST: usize = 64;
const SIZE: usize = 8 << 20;

/// How much is used before a new file is begun. Processes that have this one mapped go on with it.
const ENOUGH: usize = 4 << 20;

const TEXT: usize = 40;
const COMPLETE: u32 = 1 << 31;

/// Of memory that is given back.
const PAGE: usize = 4096;

/// How often one looks at once whether somebody has begun to write where they have taken a place, and how long one waits
/// then before each other look.
const LOOKS: u32 = 100;
const PAUSE: Duration = Duration::from_micros(100);

/// What one call did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Record<'a> {
    pub(in super::super) group: i32,
    pub(in super::super) number: u32,
    /// The second argument and the two after it.
    pub(in super::super) arguments: [u32; 3],
    pub(in super::super) found: i64,
    /// Empty if the path is absolute, or if there was none.
    pub(in super::super) directory: &'a [u8],
    pub(in super::super) path: &'a [u8],
}

/// What reading came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Drained {
    /// Somebody could not write down what they did, or it cannot be read: who, is not known.
    pub(in super::super) is_lost: bool,
    /// The process groups of those that have begun to write and not ended.
    pub(in super::super) unfinished: Vec<i32>,
}

/// See the module.
pub(in super::super) struct Log {
    /// Where it has a name, if it has one: else, who opens it is given it.
    directory: Option<OwnedFd>,
    /// The last one is the one that is found by its name.
    parts: Vec<Part>,
    /// The number of the last one.
    generation: u64,
    /// How long is waited for who has taken a place and not begun to write.
    patience: Duration,
}

struct Part {
    map: MmapRaw,
    file: OwnedFd,
    generation: u64,
    /// Up to where it was read.
    read: usize,
    /// What was not complete then, with the process group.
    unfinished: Vec<(usize, i32)>,
    /// Up to where the memory was given back.
    given_back: usize,
    /// Nobody is to write there any more.
    is_closed: bool,
}

impl Log {
    /// A new one, as a file in a directory that is kept in memory, or without a name.
    pub(in super::super) fn new(
        directory: Option<OwnedFd>,
        patience: Duration,
    ) -> io::Result<Self> {
        let mut log = Self {
            directory,
            parts: Vec::new(),
            generation: 0,
            patience,
        };
        log.begin()?;
        Ok(log)
    }

    /// The number of the part that programs find that start now.
    pub(in super::super) fn generation(&self) -> u64 {
        self.generation
    }

    /// Has all who write now stop, and begins anew for those who start later.
    pub(in super::super) fn close(&mut self) {
        self.parts.iter_mut().for_each(Part::close);
        let _ = self.begin();
    }

    /// Whether anything was ever written.
    pub(in super::super) fn is_used(&self) -> bool {
        self.generation > 1 || self.parts.iter().any(|part| part.used() > FIRST)
    }

    /// Whether there is anything new.
    fn is_quiet(&self) -> bool {
        let is_quiet =
            |part: &Part| part.used() == part.read && part.unfinished.is_empty() && !part.is_lost();
        self.parts.iter().all(is_quiet)
    }

    /// Reads all that is new. `oldest`: the generation of the oldest program that still runs, asked for when it matters.
    pub(in super::super) fn drain(
        &mut self,
        oldest: &dyn Fn() -> u64,
        each: &mut dyn FnMut(Record<'_>),
    ) -> Drained {
        let mut drained = Drained::default();
        if self.is_quiet() {
            return drained;
        }
        let mut buffer = Vec::new();
        for part in &mut self.parts {
            drained.is_lost |= part.read_new(self.patience, &mut buffer, each) || part.is_lost();
            drained
                .unfinished
                .extend(part.unfinished.iter().map(|(_, group)| *group));
        }
        let is_full = self.parts.last().is_none_or(|part| part.used() >= ENOUGH);
        if drained.is_lost || is_full {
            let oldest = oldest();
            // What is lost is lost for all that run now, and is not told again: they write no more.
            if drained.is_lost {
                self.parts.iter_mut().for_each(Part::close);
            }
            self.parts
                .retain(|part| !drained.is_lost && part.generation >= oldest);
            if self.begin().is_err() {
                drained.is_lost = true;
            }
        }
        drained
    }

    /// The file that programs are to write into that start now.
    pub(in super::super) fn file(&self) -> Option<BorrowedFd<'_>> {
        self.parts.last().map(|part| part.file.as_fd())
    }

    /// Begins a new file, under the name of the old one.
    fn begin(&mut self) -> io::Result<()> {
        self.parts.iter_mut().for_each(Part::give_back);
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::TRUNC | OFlags::CLOEXEC;
        let file = match &self.directory {
            Some(directory) => openat(directory, NEW, flags, Mode::RUSR | Mode::WUSR)?,
            None => memfd_create(NAME, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?,
        };
        ftruncate(&file, SIZE as u64)?;
        if self.directory.is_none() {
            // Who is given it could make it shorter, and whoever reads it then would be killed.
            fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL)?;
        }
        let map = MmapOptions::new().len(SIZE).map_raw(&file)?;
        self.generation += 1;
        let part = Part {
            map,
            file,
            generation: self.generation,
            read: FIRST,
            unfinished: Vec::new(),
            given_back: PAGE,
            is_closed: false,
        };
        part.word(USED).store(FIRST as u64, Ordering::Relaxed);
        part.word(0).store(MAGIC, Ordering::Release);
        if let Some(directory) = &self.directory {
            renameat(directory, NEW, directory, NAME)?;
        }
        self.parts.push(part);
        Ok(())
    }
}

impl Part {
    #[expect(unsafe_code, reason = "others write to this memory at the same time")]
    fn word(&self, at: usize) -> &AtomicU64 {
        assert!(at.is_multiple_of(8) && at + 8 <= SIZE);
        // SAFETY: it lies in the mapping, which lives as long as `self`, is aligned, and is only accessed atomically.
        unsafe { AtomicU64::from_ptr(self.map.as_mut_ptr().add(at).cast()) }
    }

    #[expect(unsafe_code, reason = "others write to this memory at the same time")]
    fn half(&self, at: usize) -> &AtomicU32 {
        assert!(at.is_multiple_of(4) && at + 4 <= SIZE);
        // SAFETY: as above.
        unsafe { AtomicU32::from_ptr(self.map.as_mut_ptr().add(at).cast()) }
    }

    fn used(&self) -> usize {
        let used = self.word(USED).load(Ordering::Acquire);
        usize::try_from(used).unwrap_or(SIZE).min(SIZE)
    }

    /// Whoever has it mapped asks the observer from now on.
    fn close(&mut self) {
        self.is_closed = true;
        self.word(0).store(0, Ordering::Release);
    }

    fn is_lost(&self) -> bool {
        self.half(LOST).load(Ordering::Acquire) != 0
            || !self.is_closed && self.word(0).load(Ordering::Acquire) != MAGIC
    }

    /// Reads what is new. Returns whether something cannot be.
    fn read_new(
        &mut self,
        patience: Duration,
        buffer: &mut Vec<u8>,
        each: &mut dyn FnMut(Record<'_>),
    ) -> bool {
        for (at, group) in std::mem::take(&mut self.unfinished) {
            match self.record(at, patience, buffer) {
                Some((_, Some(record))) => each(record),
                Some((_, None)) => self.unfinished.push((at, group)),
                None => return true,
            }
        }
        let end = self.used();
        while self.read < end {
            let at = self.read;
            let Some((size, record)) = self.record(at, patience, buffer) else {
                return true;
            };
            if size == 0 {
                // Who took this part has died, or was stopped. They had not made their call either, or had not heard of its
                // result; but where the next one begins is not known.
                return true;
            }
            match record {
                Some(record) => each(record),
                None => {
                    let group = self.half(at + 4).load(Ordering::Acquire).cast_signed();
                    self.unfinished.push((at, group));
                }
            }
            self.read += size;
        }
        false
    }

    /// The record at a place, with its size; without it where it is not complete. `None`: it cannot be one.
    fn record<'a>(
        &self,
        at: usize,
        patience: Duration,
        buffer: &'a mut Vec<u8>,
    ) -> Option<(usize, Option<Record<'a>>)> {
        let head = self.settled(at, patience);
        let (size, group) = (head as u32 as usize, (head >> 32) as u32);
        if size == 0 {
            return Some((0, None));
        }
        if !size.is_multiple_of(8) || size < TEXT || at + size > SIZE {
            return None;
        }
        let number = self.half(at + 8).load(Ordering::Acquire);
        if number & COMPLETE == 0 {
            return Some((size, None));
        }
        let number = number & !COMPLETE;
        let half = |offset: usize| self.half(at + offset).load(Ordering::Relaxed);
        let (arguments, room) = ([half(16), half(20), half(24)], half(28) as usize);
        let found = self.word(at + 32).load(Ordering::Relaxed).cast_signed();
        buffer.clear();
        for offset in (TEXT..size).step_by(8) {
            let word = self.word(at + offset).load(Ordering::Relaxed);
            buffer.extend(word.to_ne_bytes());
        }
        let text = |from: usize| {
            let text = buffer.get(from..)?;
            let end = text.iter().position(|&byte| byte == 0)?;
            Some(&text[..end])
        };
        let record = Record {
            group: group.cast_signed(),
            number,
            arguments,
            found,
            directory: if room == 0 { b"" } else { text(0)? },
            // One that was begun anew with more room says nothing.
            path: if number == 0 { b"" } else { text(room)? },
        };
        Some((size, Some(record)))
    }

    /// The first word of a record: waits a moment for who has taken the place and not yet written it.
    fn settled(&self, at: usize, patience: Duration) -> u64 {
        let word = || self.word(at).load(Ordering::Acquire);
        // Between the two there is no system call: who has not written yet waits for a processor.
        for _ in 0..LOOKS {
            if word() as u32 != 0 {
                return word();
            }
            std::thread::yield_now();
        }
        let begun = Instant::now();
        while word() as u32 == 0 && begun.elapsed() < patience {
            std::thread::sleep(PAUSE);
        }
        word()
    }

    /// Gives back the memory of what was read: nobody writes there any more.
    fn give_back(&mut self) {
        let end = self
            .unfinished
            .iter()
            .map(|(at, _)| *at)
            .min()
            .unwrap_or(self.read);
        let end = end / PAGE * PAGE;
        if end > self.given_back {
            let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
            let (from, length) = (self.given_back as u64, (end - self.given_back) as u64);
            let _ = fallocate(self.file.as_fd(), flags, from, length);
            self.given_back = end;
        }
    }
}
