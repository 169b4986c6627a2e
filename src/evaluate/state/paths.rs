//! Paths by dense id: those of the log stay where they are mapped, new ones are kept beside. It knows no files.

use std::hash::Hasher;
use std::sync::Arc;

use crate::graph::FileId;

/// The bytes that a log was loaded from.
pub enum Image {
    Mapped(memmap2::Mmap),
    Buffer(Vec<u8>),
}

impl std::ops::Deref for Image {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Buffer(bytes) => bytes,
        }
    }
}

/// Where a path is in the image.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u64,
    length: u32,
}

/// All paths. A clone is cheap where most of them come from the image, and does not see later ones.
#[derive(Clone)]
pub struct Paths {
    image: Arc<Image>,
    spans: Arc<Vec<Span>>,
    recent: Vec<Arc<[u8]>>,
    /// Open addressing: file ids, `EMPTY` where there is none. Built when first needed: a build that changes nothing
    /// looks nothing up.
    table: Arc<Vec<u32>>,
}

const EMPTY: u32 = u32::MAX;

impl Paths {
    pub fn new(image: Arc<Image>) -> Self {
        Self {
            image,
            spans: Arc::new(Vec::new()),
            recent: Vec::new(),
            table: Arc::new(Vec::new()),
        }
    }

    /// The next path, which lies in the image.
    pub fn push_mapped(&mut self, range: &std::ops::Range<usize>) {
        debug_assert!(self.recent.is_empty(), "mapped paths come first");
        Arc::make_mut(&mut self.spans).push(Span {
            start: range.start as u64,
            length: FileId::from_index(range.len()).0,
        });
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.spans.len() + self.recent.len()
    }

    /// The path of an id.
    pub fn get(&self, file: FileId) -> &[u8] {
        match self.spans.get(file.index()) {
            Some(span) => {
                let start = usize::try_from(span.start).unwrap_or(usize::MAX);
                &self.image[start..start + span.length as usize]
            }
            None => &self.recent[file.index() - self.spans.len()],
        }
    }

    /// The id of a path that is known.
    pub fn find(&mut self, path: &[u8]) -> Option<FileId> {
        self.prepare();
        let id = self.table[self.place(&self.table, path)];
        (id != EMPTY).then_some(FileId(id))
    }

    /// Adds a path that is not known.
    pub fn add(&mut self, path: &[u8]) -> FileId {
        self.recent.push(path.into());
        let file = FileId::from_index(self.count() - 1);
        if !self.table.is_empty() {
            let place = self.place(&self.table, path);
            Arc::make_mut(&mut self.table)[place] = file.0;
        }
        file
    }

    /// Makes the table, with room for one more, at most half full.
    fn prepare(&mut self) {
        if self.table.len() > 2 * (self.count() + 1) {
            return;
        }
        let mut table = vec![EMPTY; (4 * (self.count() + 1)).next_power_of_two().max(64)];
        for index in 0..self.count() {
            let file = FileId::from_index(index);
            let place = self.place(&table, self.get(file));
            table[place] = file.0;
        }
        self.table = Arc::new(table);
    }

    /// Where `path` is in the table, or would be.
    fn place(&self, table: &[u32], path: &[u8]) -> usize {
        let mask = table.len() - 1;
        let mut place = hash(path) & mask;
        while table[place] != EMPTY && self.get(FileId(table[place])) != path {
            place = (place + 1) & mask;
        }
        place
    }
}

fn hash(path: &[u8]) -> usize {
    let mut hasher = std::hash::DefaultHasher::new();
    hasher.write(path);
    usize::try_from(hasher.finish() & u64::from(u32::MAX)).unwrap_or(0)
}
