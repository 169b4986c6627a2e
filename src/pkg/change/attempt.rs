//! An edit of a declaration that is taken back, the lock with it, if what follows from it fails.

use std::path::PathBuf;

use super::known;
use crate::error::{Error, Result};
use crate::fs;
use crate::fs::{path, stamp, tree};
use crate::pkg::resolution::Context;
use crate::workspace::discover::PKG;

/// The bits of a mode that are permissions.
const PERMISSIONS: u32 = 0o7777;

/// Edits the declaration of the package here. If `work` fails, it and the lock are as they were.
///
/// # Errors
/// There is no declaration here; those of `work`.
pub(super) fn attempt<T>(
    context: &Context<'_>,
    work: impl FnOnce(&mut Attempt) -> Result<T>,
) -> Result<T> {
    let mut attempt = Attempt::open(context)?;
    work(&mut attempt).map_err(|error| match attempt.take_back() {
        Ok(()) => attempt.taken_back(error),
        Err(failure) => error.cause(format!("`{}` stays edited: {failure}", attempt.shown)),
    })
}

/// A declaration that is being edited.
pub(super) struct Attempt {
    /// Of the package: absolute, links resolved.
    pub(super) directory: PathBuf,
    /// The declaration for people.
    pub(super) shown: String,
    /// Whether it is a recipe.
    pub(super) is_recipe: bool,
    /// What the declaration says now.
    pub(super) text: String,
    /// The declaration, links resolved.
    file: PathBuf,
    mode: u32,
    before: String,
    lock: PathBuf,
    locked: Option<Vec<u8>>,
}

impl Attempt {
    fn open(context: &Context<'_>) -> Result<Self> {
        let (directory, name) = known::declared_here(context)?;
        let directory = directory.to_owned();
        let file = directory.join(name);
        let shown = path::display(&file, &context.workspace.top);
        let file = fs::canonicalize(&file)?;
        let text = String::from_utf8(fs::read(&file)?).map_err(|error| {
            Error::user(format!("`{shown}` is not UTF-8")).cause(error.to_string())
        })?;
        let status = stamp::stat(&file)
            .map_err(|error| Error::io(format!("Cannot look at `{shown}`"), &error))?;
        let lock = context.layout.package_lock();
        Ok(Self {
            directory,
            is_recipe: name != PKG,
            shown,
            before: text.clone(),
            text,
            file,
            mode: status.mode & PERMISSIONS,
            locked: fs::read_if_exists(&lock)?,
            lock,
        })
    }

    /// Replaces the text of the declaration.
    ///
    /// # Errors
    /// Somebody else has changed it since it was read; it cannot be written.
    pub(super) fn write(&mut self, text: String) -> Result<()> {
        if !self.replace(&text)? {
            let message = format!("`{}` was changed while wake edited it", self.shown);
            return Err(Error::user(message).hint("run the command again"));
        }
        self.text = text;
        Ok(())
    }

    /// Writes the file if it says what it said when it was read or written last; returns whether it did.
    fn replace(&self, text: &str) -> Result<bool> {
        tree::replace(&self.file, self.text.as_bytes(), text.as_bytes(), self.mode)
    }

    /// Makes everything as it was. What somebody else has written meanwhile stays.
    fn take_back(&self) -> Result<()> {
        if self.text != self.before {
            self.replace(&self.before)?;
        }
        match &self.locked {
            Some(content) => fs::write_if_changed(&self.lock, content).map(drop),
            None => fs::remove_file(&self.lock),
        }
    }

    /// Says of an error that what it points at is not there any more.
    fn taken_back(&self, error: Error) -> Error {
        if self.text == self.before {
            return error;
        }
        let as_before = format!("`{}` is as it was", self.shown);
        match error.report().hint.clone() {
            Some(hint) => error.hint(format!("{hint} ({as_before})")),
            None => error.hint(as_before),
        }
    }
}
