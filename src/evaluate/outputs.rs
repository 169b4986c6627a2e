//! The outputs of one operation around its run (DESIGN §5.1): old ones aside before, equal ones put back after, nothing
//! left after a failure. It knows no graphs and no processes.

use std::path::{Path, PathBuf};

use crate::error::{Error, Result};
use crate::fs::stamp::Status;
use crate::fs::{Content, ContentKind, Fingerprint, Stamp};
use crate::graph::FileId;

use super::files::{self, Depth};
use super::world::World;

/// What an output is declared to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    File,
    /// A directory that the operation owns whole.
    Tree,
    /// A directory that several operations may write to.
    Directory,
}

/// An output of an operation that is about to run.
#[derive(Clone, Debug)]
pub struct Output {
    pub file: FileId,
    pub path: PathBuf,
    /// For people.
    pub name: String,
    pub form: Form,
    /// What is there now.
    pub old: Fingerprint,
    /// Whether wake made what is there now.
    pub is_ours: bool,
}

impl Output {
    pub fn depth(&self) -> Depth {
        match self.form {
            Form::Directory => Depth::Bare,
            Form::File | Form::Tree => Depth::Whole,
        }
    }
}

/// An output after a run that succeeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Made {
    pub file: FileId,
    pub found: Fingerprint,
    pub racy: bool,
    /// Whether it differs from what was there before.
    pub changed: bool,
}

/// The outputs of a run that succeeded.
#[derive(Debug, Default)]
pub struct Settled {
    pub made: Vec<Made>,
    /// The first one that somebody edited between the end of the run and the look at it.
    pub edited: Option<FileId>,
}

/// Old outputs that were moved away, by position in the list of outputs.
#[derive(Debug, Default)]
pub struct Aside(Vec<Option<PathBuf>>);

/// Moves what is at the outputs into `directory`, where nothing is, and makes the directories they lie in.
///
/// # Errors
/// `Environment`; everything is where it was.
pub fn set_aside(world: &dyn World, outputs: &[Output], directory: &Path) -> Result<Aside> {
    let mut aside = Aside::default();
    for (number, output) in outputs.iter().enumerate() {
        match set_one_aside(world, output, &directory.join(number.to_string())) {
            Ok(moved) => aside.0.push(moved),
            Err(error) => {
                for (output, moved) in outputs.iter().zip(&aside.0) {
                    if let Some(moved) = moved {
                        let _ = world.rename(moved, &output.path);
                    }
                }
                return Err(error);
            }
        }
    }
    Ok(aside)
}

fn set_one_aside(world: &dyn World, output: &Output, to: &Path) -> Result<Option<PathBuf>> {
    let status = status(world, &output.path)?;
    if status.mode == 0 {
        if let Some(parent) = output.path.parent() {
            world.create_directories(parent)?;
        }
        return Ok(None);
    }
    if output.form == Form::Directory && status.is_directory() {
        return Ok(None);
    }
    if let Some(directory) = to.parent() {
        world.create_directories(directory)?;
    }
    if let Err(error) = world.rename(&output.path, to) {
        // Another file system, perhaps: then there is nothing to compare with, which costs no more than that.
        if !output.is_ours {
            return Err(error);
        }
        world.remove(&output.path)?;
        return Ok(None);
    }
    Ok(Some(to.to_owned()))
}

fn status(world: &dyn World, path: &Path) -> Result<Status> {
    world
        .status(path)
        .map_err(|error| Error::io(format!("Cannot look at `{}`", path.display()), &error))
}

/// After success: checks that each output is there and what it was declared to be, puts back what is equal to what was
/// there before, and removes the rest of the old. `left`: the stamps that the operation left, as far as they are known.
///
/// # Errors
/// What is wrong with an output; the caller withdraws.
pub fn settle(
    world: &dyn World,
    outputs: &[Output],
    aside: &Aside,
    left: &[Stamp],
) -> Result<Settled> {
    // Before anything is read: a change right after a file was read must not hide behind the time that others took.
    let seen = world.now();
    // All are looked at before one is put back or removed: an error must leave what can still be withdrawn.
    let mut all = Vec::with_capacity(outputs.len());
    for output in outputs {
        let new = fingerprint(world, output)?;
        check(output, new.content)?;
        all.push(new);
    }
    let is_edited = |(new, left): &(&Fingerprint, &Stamp)| new.stamp != **left;
    let edited = all.iter().zip(left).position(|pair| is_edited(&pair));
    let edited = edited.map(|position| outputs[position].file);
    let mut made = Vec::with_capacity(outputs.len());
    for ((output, moved), new) in outputs.iter().zip(&aside.0).zip(all) {
        let mut found = new;
        let changed = new.content != output.old.content;
        if let Some(moved) = moved {
            if !changed && is_unchanged(world, moved, output) {
                found.stamp = put_back(world, moved, output)?;
            } else {
                world.remove(moved)?;
            }
        }
        let racy = files::is_racy(world, found.stamp, seen);
        made.push(Made {
            file: output.file,
            found,
            racy,
            changed,
        });
    }
    Ok(Settled { made, edited })
}

fn fingerprint(world: &dyn World, output: &Output) -> Result<Fingerprint> {
    files::fingerprint(world, &output.path, output.depth())
        .map_err(|error| Error::io(format!("Cannot read its output `{}`", output.name), &error))
}

fn check(output: &Output, content: Content) -> Result<()> {
    let is_directory = content.kind == ContentKind::Directory;
    let name = &output.name;
    if content.is_absent() {
        return Err(Error::user(format!("It did not make its output `{name}`"))
            .hint("declare only what it writes, or look at what it printed"));
    }
    match output.form {
        Form::File if is_directory => Err(Error::user(format!(
            "Its output `{name}` is a directory, and was declared as a file"
        ))
        .hint(format!("declare it as `{name}/`"))),
        Form::Tree | Form::Directory if !is_directory => Err(Error::user(format!(
            "Its output `{name}` is a file, and was declared as a directory"
        ))
        .hint(format!("declare it as `{}`", name.trim_end_matches('/')))),
        _ => Ok(()),
    }
}

/// Whether what was moved aside is what was looked at before: nobody edited it in between.
fn is_unchanged(world: &dyn World, moved: &Path, output: &Output) -> bool {
    if output.form != Form::File || output.old.content.kind == ContentKind::Link {
        return files::fingerprint(world, moved, Depth::Whole)
            .is_ok_and(|found| found.content == output.old.content);
    }
    let same = |now: Stamp, before: Stamp| {
        (now.mtime, now.size, now.inode) == (before.mtime, before.size, before.inode)
    };
    world
        .stamp(moved)
        .is_ok_and(|now| same(now, output.old.stamp))
}

fn put_back(world: &dyn World, moved: &Path, output: &Output) -> Result<Stamp> {
    if output.form != Form::File {
        world.remove(&output.path)?;
    }
    world.rename(moved, &output.path)?;
    files::stamp(world, &output.path, output.depth()).map_err(|error| {
        Error::io(
            format!("Cannot look at `{}`", output.path.display()),
            &error,
        )
    })
}

/// After a failure: removes what was written, and puts back only what wake had not made.
///
/// # Errors
/// `Environment`: the first thing that could not be removed; the others are.
pub fn withdraw(world: &dyn World, outputs: &[Output], aside: &Aside) -> Result<()> {
    let mut result = Ok(());
    let mut attempt = |tried: Result<()>| {
        if result.is_ok() {
            result = tried;
        }
    };
    for (number, output) in outputs.iter().enumerate() {
        if output.form == Form::Directory {
            world.remove_if_empty(&output.path);
        } else {
            attempt(world.remove(&output.path));
        }
        match aside.0.get(number) {
            Some(Some(moved)) if output.is_ours => attempt(world.remove(moved)),
            Some(Some(moved)) => attempt(world.rename(moved, &output.path)),
            _ => {}
        }
    }
    result
}

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "edits files from outside of wake"
)]
mod tests {
    use super::super::world::Real;
    use super::*;

    /// Catches an edit that is recorded as what the operation made: it would never be made again.
    #[test]
    fn an_edit_between_the_end_and_the_look_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        let world = Real::new(directory.path());
        let outputs = ["a", "b"].map(|name| Output {
            file: FileId::from_index(usize::from(name == "b")),
            path: directory.path().join(name),
            name: name.to_owned(),
            form: Form::File,
            old: Fingerprint::default(),
            is_ours: true,
        });
        let aside = set_aside(&world, &outputs, &directory.path().join("aside")).unwrap();
        for output in &outputs {
            std::fs::write(&output.path, "made").unwrap();
        }
        let left: Vec<Stamp> = outputs
            .iter()
            .map(|output| world.stamp(&output.path).unwrap())
            .collect();
        let settled = settle(&world, &outputs, &aside, &left).unwrap();
        assert_eq!((settled.made.len(), settled.edited), (2, None));
        std::fs::write(&outputs[1].path, "edited").unwrap();
        let settled = settle(&world, &outputs, &aside, &left).unwrap();
        assert_eq!(settled.edited, Some(outputs[1].file));
    }
}
