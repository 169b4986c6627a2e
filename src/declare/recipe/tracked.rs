//! Reads files and notes what was read, so that what is made from it can be used again until that changes.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::fs;
use crate::jsonnet::protocol::Read;

/// What was read for one answer.
#[derive(Debug, Default)]
pub(super) struct Tracked {
    pub(super) reads: Vec<Read>,
}

impl Tracked {
    /// The content of a file; `None`: it is not there.
    pub(super) fn read(&mut self, path: PathBuf) -> Result<Option<Vec<u8>>> {
        let content = fs::read_if_exists(&path)?;
        let hash = content.as_deref();
        let hash = hash.map(|content| *blake3::hash(content).as_bytes());
        self.reads.push(Read::File { path, hash });
        Ok(content)
    }

    /// Whether there is a file.
    pub(super) fn is_file(&mut self, path: &Path) -> bool {
        let exists = fs::is_file(path);
        self.reads.push(Read::Existence {
            path: path.to_owned(),
            exists,
        });
        exists
    }
}
