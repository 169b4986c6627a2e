//! What is found in code, and what is read of a log that others write.

use std::os::fd::OwnedFd;
use std::time::Duration;

use memmap2::MmapRaw;

use super::log::{Drained, Log};
use super::sites::{Site, sites};

/// `mov eax, 257`, `mov edi, -100`, `syscall`.
const OPENAT: [u8; 5] = [0xb8, 1, 1, 0, 0];
const HERE: [u8; 5] = [0xbf, 0x9c, 0xff, 0xff, 0xff];
const SYSCALL: [u8; 2] = [0x0f, 0x05];

fn found(code: &[&[u8]]) -> Vec<Site> {
    sites(&code.concat(), 0x1000)
}

fn addresses(code: &[&[u8]]) -> Vec<(u64, u64)> {
    let found = found(code);
    found
        .iter()
        .map(|site| (site.address, site.length))
        .collect()
}

#[test]
fn a_call_is_found_by_its_number_wherever_that_is_loaded() {
    let nothing: &[u8] = &[0x90];
    assert_eq!(addresses(&[nothing, &OPENAT, &SYSCALL]), [(0x1001, 7)]);
    assert_eq!(addresses(&[&OPENAT, &HERE, &SYSCALL]), [(0x1005, 7)]);
    let moved = &found(&[&OPENAT, &HERE, &SYSCALL])[0].moved;
    assert_eq!(moved.as_slice(), HERE);
}

/// Catches a call that would be made with another number, or code that would mean something else elsewhere.
#[test]
fn what_is_not_sure_is_no_site() {
    let cases: &[(&str, &[&[u8]])] = &[
        (
            "the number is changed",
            &[&OPENAT, &[0x31, 0xc0], &HERE, &SYSCALL],
        ),
        ("another call", &[&[0xb8, 0, 0, 0, 0], &HERE, &SYSCALL]),
        (
            "the number may come from elsewhere",
            &[&OPENAT, &[0xeb, 0], &HERE, &SYSCALL],
        ),
        (
            "somebody jumps between",
            &[&OPENAT, &HERE, &SYSCALL, &[0xeb, 0xfc]],
        ),
        (
            "somebody jumps behind the number",
            &[&OPENAT, &HERE, &SYSCALL, &[0xeb, 0xf7]],
        ),
        // lea rdi, [rip]: it means another place elsewhere.
        (
            "relative to itself",
            &[&OPENAT, &[0x48, 0x8d, 0x3d, 0, 0, 0, 0], &SYSCALL],
        ),
    ];
    for (title, code) in cases {
        assert_eq!(addresses(code), [], "{title}");
    }
}

/// A log, and the memory by which a program writes into it.
struct Place {
    _directory: tempfile::TempDir,
    log: Log,
    map: MmapRaw,
}

const USED: usize = 8;
const LOST: usize = 16;
const SIZE: usize = 8 << 20;

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let opened = std::fs::File::open(directory.path()).unwrap();
        let log = Log::new(Some(OwnedFd::from(opened)), Duration::ZERO).unwrap();
        let map = Self::map(&directory);
        Self {
            _directory: directory,
            log,
            map,
        }
    }

    fn map(directory: &tempfile::TempDir) -> MmapRaw {
        let file = std::fs::File::options();
        let file = file
            .clone()
            .read(true)
            .write(true)
            .open(directory.path().join("log"));
        MmapRaw::map_raw(&file.unwrap()).unwrap()
    }

    #[expect(unsafe_code, reason = "it is written as programs write it")]
    fn put(&self, at: usize, bytes: &[u8]) {
        assert!(at + bytes.len() <= SIZE);
        // SAFETY: it lies in the mapping, and nobody else writes in this test.
        unsafe {
            std::ptr::copy_nonoverlapping(
                bytes.as_ptr(),
                self.map.as_mut_ptr().add(at),
                bytes.len(),
            );
        }
    }

    #[expect(unsafe_code, reason = "it is read as programs read it")]
    fn used(&self) -> usize {
        // SAFETY: as above; it is aligned.
        let used = unsafe { self.map.as_mut_ptr().add(USED).cast::<u64>().read() };
        usize::try_from(used).unwrap()
    }

    fn take(&self, size: usize) -> usize {
        let at = self.used();
        self.put(USED, &((at + size) as u64).to_ne_bytes());
        at
    }

    /// Writes a record as far as `steps` go: its size, its text, that it is complete.
    fn write(&self, group: i32, path: &str, steps: usize) -> usize {
        let size = (40 + path.len() + 1).next_multiple_of(8);
        let at = self.take(size);
        if steps > 0 {
            self.put(at, &(size as u32).to_ne_bytes());
            self.put(at + 4, &group.to_ne_bytes());
        }
        if steps > 1 {
            self.put(at + 40, path.as_bytes());
        }
        if steps > 2 {
            self.complete(at);
        }
        at
    }

    fn complete(&self, at: usize) {
        self.put(at + 8, &(257_u32 | 1 << 31).to_ne_bytes());
    }

    fn drain(&mut self) -> (Vec<String>, Drained) {
        let mut read = Vec::new();
        let drained = self.log.drain(&|| 0, &mut |record| {
            read.push(format!(
                "{} {}",
                record.group,
                String::from_utf8_lossy(record.path)
            ));
        });
        (read, drained)
    }
}

#[test]
fn what_was_begun_and_not_ended_is_told_until_it_is() {
    let mut place = Place::new();
    place.write(1, "/a", 3);
    let open = place.write(2, "/b", 2);
    place.write(1, "/c", 3);
    let (read, drained) = place.drain();
    assert_eq!(read, ["1 /a", "1 /c"]);
    assert_eq!((drained.unfinished, drained.is_lost), (vec![2], false));
    place.complete(open);
    let (read, drained) = place.drain();
    assert_eq!(
        (read.as_slice(), drained.unfinished.as_slice()),
        (&["2 /b".to_owned()][..], &[][..])
    );
    assert_eq!(place.drain().0, Vec::<String>::new());
}

/// Catches that one who died before the first word hides all that comes after.
#[test]
fn a_place_that_was_taken_and_never_written_is_a_loss() {
    let mut place = Place::new();
    place.write(1, "/a", 3);
    place.write(1, "/b", 0);
    place.write(1, "/c", 3);
    let (_, drained) = place.drain();
    assert!(drained.is_lost);
    // From then on, all is well, and who still has the old one sees that it is closed.
    assert_eq!(place.drain().1, Drained::default());
}

#[test]
fn whatever_stands_there_is_read_or_is_a_loss() {
    let cases: &[(&str, usize, &[u8])] = &[
        ("size of another multiple", 64, &[49, 0, 0, 0, 1, 0, 0, 0]),
        ("too small", 64, &[8, 0, 0, 0, 1, 0, 0, 0]),
        ("too large", 64, &[0, 0, 0, 0x7f, 1, 0, 0, 0]),
        ("room beyond its end", 64 + 28, &[0xff, 0xff, 0, 0]),
        ("another magic", 0, &[1]),
        ("somebody found no room", LOST, &[1]),
    ];
    for (title, at, bytes) in cases {
        let mut place = Place::new();
        place.write(1, "/a", 3);
        place.put(*at, bytes);
        assert!(place.drain().1.is_lost, "{title}");
    }
    let mut place = Place::new();
    place.put(USED, &u64::MAX.to_ne_bytes());
    assert!(place.drain().1.is_lost);
}

/// Catches that what programs write is lost while they go over to the next file.
#[test]
fn a_new_file_is_begun_and_the_old_one_still_read() {
    let mut place = Place::new();
    let long = format!("/{}", "x".repeat(4000));
    while place.used() < 5 << 20 {
        place.write(1, &long, 3);
    }
    let begun = place.log.generation();
    let count = place.drain().0.len();
    assert!(count > 1000);
    assert_eq!(place.log.generation(), begun + 1);
    place.write(1, "/late", 3);
    assert_eq!(place.drain().0, ["1 /late"]);
}
