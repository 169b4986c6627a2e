//! An edit of a `PKG` that is taken back, the lock with it, if what follows from it fails.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs;
use crate::fs::{path, stamp, tree};
use crate::pkg::resolution::Context;
use crate::workspace::discover::{PKG, RECIPE};

/// The bits of a mode that are permissions.
const PERMISSIONS: u32 = 0o7777;

/// Edits the `PKG` of the package here. If `work` fails, `PKG` and lock are as they were.
///
/// # Errors
/// There is no `PKG` here; those of `work`.
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

/// A `PKG` that is being edited.
pub(super) struct Attempt {
    /// Of the package: absolute, links resolved.
    pub(super) directory: PathBuf,
    /// The `PKG` for people.
    pub(super) shown: String,
    /// What the `PKG` says now.
    pub(super) text: String,
    /// The `PKG`, links resolved.
    file: PathBuf,
    mode: u32,
    before: String,
    lock: PathBuf,
    locked: Option<Vec<u8>>,
}

impl Attempt {
    fn open(context: &Context<'_>) -> Result<Self> {
        let directory = context.workspace.package_here().to_owned();
        let top = &context.workspace.top;
        let file = directory.join(PKG);
        let shown = path::display(&file, top);
        if !fs::is_file(&file) {
            return Err(no_declaration(&directory, top));
        }
        let file = fs::canonicalize(&file)?;
        let text = String::from_utf8(fs::read(&file)?).map_err(|error| {
            Error::user(format!("`{shown}` is not UTF-8")).cause(error.to_string())
        })?;
        let status = stamp::stat(&file)
            .map_err(|error| Error::io(format!("Cannot look at `{shown}`"), &error))?;
        let lock = context.layout.package_lock();
        Ok(Self {
            directory,
            shown,
            before: text.clone(),
            text,
            file,
            mode: status.mode & PERMISSIONS,
            locked: fs::read_if_exists(&lock)?,
            lock,
        })
    }

    /// Replaces the text of the `PKG`.
    ///
    /// # Errors
    /// Somebody else has changed it since it was read; it cannot be written.
    pub(super) fn write(&mut self, text: String) -> Result<()> {
        if !self.is_ours()? {
            let message = format!("`{}` was changed while wake edited it", self.shown);
            return Err(Error::user(message).hint("run the command again"));
        }
        self.replace(&text)?;
        self.text = text;
        Ok(())
    }

    /// Whether the file says what it said when it was read or written last.
    fn is_ours(&self) -> Result<bool> {
        Ok(fs::read_if_exists(&self.file)?.as_deref() == Some(self.text.as_bytes()))
    }

    fn replace(&self, text: &str) -> Result<()> {
        fs::write_atomic(&self.file, text.as_bytes())?;
        tree::set_mode(&self.file, self.mode)
    }

    /// Makes everything as it was. What somebody else has written meanwhile stays.
    fn take_back(&self) -> Result<()> {
        if self.text != self.before && self.is_ours()? {
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
        let taken_back = format!("the edit of `{}` is taken back", self.shown);
        match error.report().hint.clone() {
            Some(hint) => error.hint(format!("{hint}; {taken_back}")),
            None => error.hint(taken_back),
        }
    }
}

fn no_declaration(directory: &Path, top: &Path) -> Error {
    let shown = path::display(directory, top);
    let error = Error::user(format!("There is no `{PKG}` in `{shown}`"));
    if fs::is_file(&directory.join(RECIPE)) {
        error.hint(format!(
            "wake edits no `{RECIPE}`: change its `Dependencies` by hand"
        ))
    } else {
        error.hint(
            "change to the directory of a package, name it with `-C`, or make one with `wake init`",
        )
    }
}
