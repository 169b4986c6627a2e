//! Files that a run writes about itself while it goes on. A subscriber has no result, so the first error is kept for
//! the command to ask for.

use std::io::{BufWriter, Write};
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
