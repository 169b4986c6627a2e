//! Where paths and texts of operations lead: tokens become directories, and what may not lie there is refused.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::{InstanceIndex, Lowering};
use crate::error::{Error, Result};
use crate::fs::path;
use crate::graph::FileId;
use crate::graph::root::{UnknownToken, expand};

/// What a path is for, which says where it may lie and what it is relative to.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Input,
    Output,
}

impl Lowering<'_> {
    /// The directory a token stands for in an instance.
    pub(super) fn directory(&self, instance: InstanceIndex, token: &str) -> Option<&str> {
        let own = &self.own[instance];
        match token {
            "package" => Some(&own.package),
            "target" => Some(&own.target),
            "cache" => Some(&own.cache),
            _ => self.named.get(token).map(String::as_str),
        }
    }

    /// Refuses text with tokens that stand for nothing.
    pub(super) fn check_tokens(&self, instance: InstanceIndex, text: &str) -> Result<()> {
        expand(text, |token| {
            self.directory(instance, token).map(str::to_owned)
        })
        .map(|_| ())
        .map_err(|unknown| self.unknown_token(instance, &unknown))
    }

    fn unknown_token(&self, instance: InstanceIndex, unknown: &UnknownToken) -> Error {
        Error::user(format!(
            "`{}` stands for nothing in `{}`",
            unknown.0, self.instances.all[instance].label
        ))
        .hint("a path begins with `$(package)`, `$(target)` or `$(cache)`; write `$$` for a dollar")
    }

    /// The path that `text` means, relative to the workspace's top, after checking that it may lie there.
    pub(super) fn path(&self, instance: InstanceIndex, text: &str, use_: Use) -> Result<String> {
        let own = &self.own[instance];
        if text.is_empty() {
            return Err(Error::user("An empty string is no path"));
        }
        check_characters(text)?;
        let base = match use_ {
            Use::Input => &own.package,
            Use::Output => &own.target,
        };
        let place = |token: &str| {
            self.directory(instance, token)
                .map(|directory| Path::new(".").join(directory))
        };
        let expanded = expand(text, |token| {
            Some(place(token)?.to_string_lossy().into_owned())
        })
        .map_err(|unknown| self.unknown_token(instance, &unknown))?;
        let leading = text
            .strip_prefix("$(")
            .and_then(|rest| rest.split_once(')'));
        let (root, relative) = match leading {
            Some((token, _)) => (
                self.directory(instance, token).unwrap_or(base),
                PathBuf::from(&expanded),
            ),
            None => (base.as_str(), Path::new(base).join(&expanded)),
        };
        let mut cleaned = path::clean(&relative);
        if cleaned.is_absolute()
            && let Ok(below) = cleaned.strip_prefix(self.layout.top())
        {
            cleaned = below.to_owned();
        }
        self.check_place(instance, text, use_, root, &cleaned)?;
        let mut result = cleaned.to_string_lossy().into_owned();
        if use_ == Use::Output && text.ends_with('/') {
            result.push('/');
        }
        Ok(result)
    }

    fn check_place(
        &self,
        instance: InstanceIndex,
        text: &str,
        use_: Use,
        root: &str,
        cleaned: &Path,
    ) -> Result<()> {
        let own = &self.own[instance];
        match use_ {
            Use::Output
                if !cleaned.starts_with(&own.target) || cleaned == Path::new(&own.target) =>
            {
                Err(Error::user(format!(
                    "The output `{text}` lies outside the target directory"
                ))
                .cause(format!(
                    "`$(target)` of `{}` is `{}`",
                    self.instances.all[instance].label, own.target
                ))
                .hint("begin it with `$(target)/`"))
            }
            Use::Input if text.starts_with('/') && !cleaned.is_relative() => Ok(()),
            Use::Input if is_within(cleaned, root) => Ok(()),
            Use::Input if own.is_command && cleaned.is_relative() && !cleaned.starts_with("..") => {
                Ok(())
            }
            Use::Input => Err(
                Error::user(format!("The input `{text}` leaves its package"))
                    .cause(format!(
                        "the package of `{}` is `{}`",
                        self.instances.all[instance].label,
                        if own.package.is_empty() {
                            "."
                        } else {
                            &own.package
                        }
                    ))
                    .hint("depend on the package that it belongs to"),
            ),
            Use::Output => Ok(()),
        }
    }

    pub(super) fn files(
        &mut self,
        instance: InstanceIndex,
        texts: &[String],
        use_: Use,
    ) -> Result<Vec<FileId>> {
        let mut files = Vec::with_capacity(texts.len());
        let mut seen = HashSet::with_capacity(texts.len());
        for text in texts {
            let path = self.path(instance, text, use_)?;
            let id = self.id(path);
            if seen.insert(id) {
                files.push(id);
            }
        }
        Ok(files)
    }
}

/// Whether a clean path lies in the directory `root`, as [`Root::directory`] is written, or is it.
fn is_within(path: &Path, root: &str) -> bool {
    path.starts_with(root)
        && !path.starts_with("..")
        && (path.is_relative() || root.starts_with('/'))
}

/// Refuses what no path and no argument of a process can have.
pub(super) fn check_characters(text: &str) -> Result<()> {
    if text.contains('\0') {
        return Err(Error::user(format!(
            "`{}` contains a NUL character",
            text.escape_debug()
        )));
    }
    Ok(())
}
