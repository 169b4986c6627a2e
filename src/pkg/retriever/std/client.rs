//! Running the program that an ecosystem comes with, as the user has set it up: its environment, its configuration, its
//! credentials.
//!
//! It knows nothing of what the programs say, but that standard error says why they failed.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use super::Surroundings;
use crate::error::{Error, Result};
use crate::fs;
use crate::report;

/// How many processes of one client run at once: they wait for the network, not for the processor.
const PROCESSES: usize = 8;
/// How many lines of standard error an error shows: the last ones.
const SHOWN_LINES: usize = 12;

/// A program of an ecosystem.
#[derive(Clone, Copy, Debug)]
pub(super) struct Client<'a> {
    pub(super) program: &'static str,
    /// What to install where there is none.
    pub(super) hint: &'static str,
    pub(super) surroundings: &'a Surroundings,
}

/// What a run left.
#[derive(Clone, Debug)]
pub(super) struct Output {
    /// What was run, as messages show it.
    pub(super) title: String,
    pub(super) status: ExitStatus,
    pub(super) stdout: String,
    pub(super) stderr: String,
}

impl Client<'_> {
    /// The command, at the workspace's top, with the user's environment and nothing to read. `subcommand` is what
    /// messages show of it.
    pub(super) fn command(&self, subcommand: &[&str]) -> Command {
        let mut command = Command::new(self.program);
        command
            .args(subcommand)
            .current_dir(&self.surroundings.directory)
            .env_clear()
            .envs(&self.surroundings.environment)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that [`Self::command`] has made to its end, whatever that is.
    ///
    /// # Errors
    /// The program is not installed, or cannot be started.
    pub(super) fn finish(&self, command: &mut Command, title: &str) -> Result<Output> {
        let output = command.output().map_err(|error| match error.kind() {
            ErrorKind::NotFound => {
                Error::environment(format!("`{}` is not installed", self.program)).hint(self.hint)
            }
            _ => Error::io(format!("Cannot start `{}`", self.program), &error),
        })?;
        Ok(Output {
            title: title.to_owned(),
            status: output.status,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        })
    }

    /// Runs `subcommand` with arguments. A failure is for the caller to judge.
    ///
    /// # Errors
    /// As [`Self::finish`].
    pub(super) fn run<A: AsRef<OsStr>>(
        &self,
        subcommand: &[&str],
        arguments: impl IntoIterator<Item = A>,
    ) -> Result<Output> {
        let title = format!("{} {}", self.program, subcommand.join(" "));
        self.finish(self.command(subcommand).args(arguments), &title)
    }
}

impl Output {
    /// # Errors
    /// The run failed: [`Self::failure`].
    pub(super) fn succeeded(self) -> Result<Self> {
        if self.status.success() {
            Ok(self)
        } else {
            Err(self.failure(&format!("`{}` failed", self.title)))
        }
    }

    /// The error for a run that failed: what it was for, how it ended, and what it said.
    pub(super) fn failure(&self, message: &str) -> Error {
        let end = match (self.status.code(), self.status.signal()) {
            (Some(code), _) => format!("`{}` ended with exit code {code}", self.title),
            (None, Some(signal)) => format!("`{}` was killed by signal {signal}", self.title),
            (None, None) => format!("`{}` did not end", self.title),
        };
        let said = shortened(&without_credentials(&self.stderr));
        let error = Error::environment(message).cause(end);
        if said.is_empty() {
            error.cause("it wrote nothing to standard error")
        } else {
            error.cause(format!("it wrote to standard error:\n{said}"))
        }
    }
}

/// The last lines that are not empty, indented.
fn shortened(text: &str) -> String {
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim_end)
        .filter(|line| !line.is_empty())
        .collect();
    let first = lines.len().saturating_sub(SHOWN_LINES);
    let omitted = (first > 0).then(|| format!("  … {first} lines before"));
    let shown = lines[first..].iter().map(|line| format!("  {line}"));
    omitted
        .into_iter()
        .chain(shown)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A text without the passwords that addresses in it have: `https://user:secret@host` becomes `https://***@host`.
pub(super) fn without_credentials(text: &str) -> String {
    let mut cleaned = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        cleaned.push_str(before);
        let end = after.find(|c: char| c == '/' || c.is_whitespace() || "'\"`".contains(c));
        let authority = &after[..end.unwrap_or(after.len())];
        let Some(at) = authority.rfind('@') else {
            rest = after;
            continue;
        };
        cleaned.push_str("***");
        rest = &after[at..];
    }
    cleaned + rest
}

/// A message on standard error, which is where a retriever speaks to people (DESIGN §3.1).
pub(super) fn say(retriever: &str, message: &str) {
    report::say(&format!("{retriever}: {message}\n"));
}

/// A directory below the temporary one, removed with all in it when it is dropped.
#[derive(Debug)]
pub(super) struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// # Errors
    /// It cannot be made.
    pub(super) fn new(surroundings: &Surroundings) -> Result<Self> {
        static COUNT: AtomicU64 = AtomicU64::new(0);
        let temporary = surroundings.environment.get("TMPDIR");
        let temporary = temporary.map_or_else(std::env::temp_dir, PathBuf::from);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("wake-retriever-{}-{count}", std::process::id());
        let path = temporary.join(name);
        // What a killed process of the same number left.
        fs::remove_all(&path)?;
        fs::create_directories(&path)?;
        Ok(Self { path })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = fs::remove_all(&self.path);
    }
}

/// The files of some names in a directory and those above it: where clients look for what is configured for a project.
pub(super) fn upward(directory: &Path, names: &[&str]) -> Vec<PathBuf> {
    let all = directory
        .ancestors()
        .flat_map(|directory| names.iter().map(|name| directory.join(name)));
    all.filter(|path| fs::exists(path)).collect()
}

/// Applies `work` to all items, several at a time. The results are in the order of the items.
///
/// # Errors
/// The error of the first item that has one.
pub(super) fn for_each<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
) -> Result<Vec<R>> {
    let next = AtomicUsize::new(0);
    let results: Vec<Mutex<Option<Result<R>>>> = items.iter().map(|_| Mutex::new(None)).collect();
    let drain = || {
        loop {
            let place = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(place) else { break };
            let result = work(item);
            *results[place]
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = Some(result);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..PROCESSES.min(items.len()) {
            scope.spawn(drain);
        }
        drain();
    });
    results
        .into_iter()
        .filter_map(|result| result.into_inner().ok().flatten())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Catches a password in a message that ends up in somebody's log.
    #[test]
    fn credentials_are_not_shown() {
        let cleaned = without_credentials(
            "fatal: 'https://me:se@cret@host/a@b' and ssh://git@host/x, git@host:y; file:///a@b",
        );
        assert_eq!(
            cleaned,
            "fatal: 'https://***@host/a@b' and ssh://***@host/x, git@host:y; file:///a@b"
        );
    }

    /// Catches answers that are given to another question, and a failure that is lost.
    #[test]
    fn results_are_in_the_order_of_the_items() {
        let items: Vec<u32> = (0..100).collect();
        let doubled = for_each(&items, |item| Ok(item * 2)).unwrap();
        assert_eq!(
            doubled,
            items.iter().map(|item| item * 2).collect::<Vec<_>>()
        );
        let failed = for_each(&items, |item| match item {
            40.. => Err(Error::user(format!("{item}"))),
            _ => Ok(()),
        });
        assert_eq!(failed.unwrap_err().to_string(), "40");
    }
}
