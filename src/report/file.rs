//! Files that a run writes about itself while it goes on: a stream of lines, or a document that is whole at any time. A subscriber has no result, so the first error is kept for
//! the command to ask for.

use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// The first error of several report files: share it, and check it after the run.
#[derive(Clone, Debug, Default)]
pub struct FirstError(Arc<Mutex<Option<Error>>>);

impl FirstError {
    /// The error, if there was one.
    pub fn check(&self) -> Result<()> {
        self.lock().take().map_or(Ok(()), Err)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Error>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, error: Error) {
        self.lock().get_or_insert(error);
    }
}

/// A file of which an error while writing ends the writing, not the run.
pub(super) struct ReportFile {
    path: PathBuf,
    to: Option<BufWriter<std::fs::File>>,
    first_error: FirstError,
}

impl ReportFile {
    /// Creates or empties the file, so that a wrong path is an error before anything runs.
    pub(super) fn create(path: &Path, first_error: FirstError) -> Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            to: Some(BufWriter::new(crate::fs::create(path)?)),
            first_error,
        })
    }

    pub(super) fn write(&mut self, text: &[u8]) {
        self.attempt(|to| to.write_all(text));
    }

    pub(super) fn flush(&mut self) {
        self.attempt(Write::flush);
    }

    fn attempt(
        &mut self,
        write: impl FnOnce(&mut BufWriter<std::fs::File>) -> std::io::Result<()>,
    ) {
        let Some(to) = &mut self.to else {
            return;
        };
        if let Err(error) = write(to) {
            let subject = format!("Cannot write `{}`", self.path.display());
            self.first_error.keep(Error::io(subject, &error));
            // What is still buffered cannot be written either.
            if let Some(to) = self.to.take() {
                let _ = to.into_parts();
            }
        }
    }
}

/// What is written at once, at least.
const PIECE: usize = 64 << 10;

/// A document that ends in the same text however long it is, and has this end whenever someone looks: also when wake is
/// killed. Where nobody can go back in the file, a pipe, it is written in one piece at the end.
pub(super) struct Document {
    path: PathBuf,
    file: Option<std::fs::File>,
    /// Whether it is a file in which one can go back.
    is_regular: bool,
    /// How much is in the file, without the end.
    length: u64,
    pending: String,
    end: &'static str,
    first_error: FirstError,
}

impl Document {
    /// Creates or empties the file, and writes the beginning and the end.
    pub(super) fn create(
        path: &Path,
        beginning: &str,
        end: &'static str,
        first_error: FirstError,
    ) -> Result<Self> {
        let file = crate::fs::create(path)?;
        let mut document = Self {
            path: path.to_owned(),
            is_regular: file.metadata().is_ok_and(|metadata| metadata.is_file()),
            file: Some(file),
            length: 0,
            pending: beginning.to_owned(),
            end,
            first_error,
        };
        document.flush();
        Ok(document)
    }

    pub(super) fn push(&mut self, text: &str) {
        self.pending.push_str(text);
        if self.pending.len() >= PIECE {
            self.flush();
        }
    }

    /// Writes what was pushed, and the end behind it.
    pub(super) fn flush(&mut self) {
        let Some(file) = self.file.as_ref().filter(|_| self.is_regular) else {
            return;
        };
        let text = format!("{}{}", self.pending, self.end);
        match file.write_all_at(text.as_bytes(), self.length) {
            Ok(()) => {
                self.length += self.pending.len() as u64;
                self.pending.clear();
            }
            Err(error) => self.fail(&error),
        }
    }

    /// Writes what is left.
    pub(super) fn close(&mut self) {
        self.flush();
        let Some(mut file) = self.file.take().filter(|_| !self.is_regular) else {
            return;
        };
        let text = format!("{}{}", std::mem::take(&mut self.pending), self.end);
        if let Err(error) = file.write_all(text.as_bytes()) {
            self.fail(&error);
        }
    }

    fn fail(&mut self, error: &std::io::Error) {
        let subject = format!("Cannot write `{}`", self.path.display());
        self.first_error.keep(Error::io(subject, error));
        self.file = None;
    }
}

impl Drop for Document {
    /// A run that ends by an error has no last event.
    fn drop(&mut self) {
        self.close();
    }
}
