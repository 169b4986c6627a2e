//! Several commands with a comment each, recorded as one transcript: what a snapshot of a story holds.

use std::path::Path;

use super::{Run, Space};

/// A [`Space`] and the transcript of what was done there.
pub(crate) struct Session {
    space: Space,
    transcript: String,
}

impl Session {
    pub(crate) fn new(space: Space) -> Self {
        Self {
            space,
            transcript: String::new(),
        }
    }

    pub(crate) fn space(&self) -> &Space {
        &self.space
    }

    /// Says in the transcript what comes next.
    pub(crate) fn note(&mut self, comment: &str) -> &mut Self {
        if !self.transcript.is_empty() {
            self.transcript.push('\n');
        }
        self.transcript.push_str(&format!("# {comment}\n"));
        self
    }

    /// Runs wake and records it.
    pub(crate) fn wake<'a>(&mut self, arguments: impl IntoIterator<Item = &'a str>) -> Run {
        let run = self.space.wake(arguments);
        self.transcript.push_str(&run.transcript());
        run
    }

    /// Edits a file; see [`Space::edit`].
    pub(crate) fn edit(&mut self, path: impl AsRef<Path>, old: &str, new: &str) -> &mut Self {
        self.space.edit(&path, old, new);
        let path = path.as_ref().display();
        self.transcript
            .push_str(&format!("~ {path}: {old:?} -> {new:?}\n"));
        self
    }

    /// All that happened.
    pub(crate) fn transcript(&self) -> &str {
        &self.transcript
    }
}
