//! What a process prints, kept to a bound: the head and the tail, with a note of what was cut between.

use std::collections::VecDeque;

/// Head and tail are kept whole up to this many bytes each.
pub const HALF: usize = 256 << 10;

/// See the module.
#[derive(Debug)]
pub struct Kept {
    half: usize,
    head: Vec<u8>,
    tail: VecDeque<u8>,
    cut: usize,
}

impl Default for Kept {
    fn default() -> Self {
        Self::new(HALF)
    }
}

impl Kept {
    /// Keeps `half` bytes at each end.
    pub fn new(half: usize) -> Self {
        Self {
            half,
            head: Vec::new(),
            tail: VecDeque::new(),
            cut: 0,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        let (head, rest) = bytes.split_at(bytes.len().min(self.half - self.head.len()));
        self.head.extend_from_slice(head);
        self.tail.extend(rest);
        let excess = self.tail.len().saturating_sub(self.half);
        self.tail.drain(..excess);
        self.cut += excess;
    }

    /// All of it, or head, note and tail.
    pub fn finish(self) -> Vec<u8> {
        let mut bytes = self.head;
        if self.cut > 0 {
            bytes.extend_from_slice(format!("\n[… {} bytes cut …]\n", self.cut).as_bytes());
        }
        bytes.extend(self.tail);
        bytes
    }
}

/// `text` kept to `half` bytes at each end, as valid UTF-8.
pub fn shorten(text: &[u8], half: usize) -> String {
    let mut kept = Kept::new(half);
    kept.push(text);
    String::from_utf8_lossy(&kept.finish()).into_owned()
}
