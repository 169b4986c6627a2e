//! Paths by dense id: those of the tables stay where they are mapped, new ones are kept beside. It knows no files.

use std::collections::HashMap;
use std::sync::Arc;

use crate::graph::FileId;

use super::tables::Tables;

/// All paths. A clone is cheap, and does not see later ones.
#[derive(Clone)]
pub struct Paths {
    tables: Arc<Tables>,
    recent: Arc<Vec<Arc<[u8]>>>,
    /// Ids of recent paths. Not in clones that are only for reading.
    ids: HashMap<Arc<[u8]>, FileId>,
}

impl Paths {
    pub fn new(tables: Arc<Tables>) -> Self {
        Self {
            tables,
            recent: Arc::default(),
            ids: HashMap::new(),
        }
    }

    /// The same paths, to be read by other threads: nothing is found in it by its text.
    pub fn for_reading(&self) -> Self {
        Self {
            tables: Arc::clone(&self.tables),
            recent: Arc::clone(&self.recent),
            ids: HashMap::new(),
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.tables.path_count() + self.recent.len()
    }

    /// The path of an id.
    pub fn get(&self, file: FileId) -> &[u8] {
        match file.index().checked_sub(self.tables.path_count()) {
            None => self.tables.path(file),
            Some(recent) => &self.recent[recent],
        }
    }

    /// The id of a path that is known.
    pub fn find(&self, path: &[u8]) -> Option<FileId> {
        let recent = || self.ids.get(path).copied();
        self.tables.find(path).or_else(recent)
    }

    /// Adds a path that is not known.
    pub fn add(&mut self, path: &[u8]) -> FileId {
        let file = FileId::from_index(self.count());
        let path: Arc<[u8]> = path.into();
        self.ids.insert(Arc::clone(&path), file);
        Arc::make_mut(&mut self.recent).push(path);
        file
    }
}
