//! The one error type: what went wrong, where, why, and what to do about it.
//!
//! Stages return [`Error`]; it crosses the pipe from an evaluation process to wake unchanged, so it is plain data.
//! It knows nothing of terminals: `report` renders it, `main` turns its [`Kind`] into an exit code.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of every stage.
pub type Result<T> = std::result::Result<T, Error>;

/// Who has to act, and so the exit code (DESIGN §6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// An operation or a test failed: exit code 1.
    Failed,
    /// The user's input is wrong: exit code 2.
    User,
    /// The machine refuses (disk full, no permission, a tool that is not installed): exit code 3.
    Environment,
    /// A bug in wake: exit code 4.
    Internal,
    /// Interrupted by a signal: exit code 130.
    Interrupted,
}

impl Kind {
    /// The exit code of the process.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Failed => 1,
            Self::User => 2,
            Self::Environment => 3,
            Self::Internal => 4,
            Self::Interrupted => 130,
        }
    }
}

/// A place in a text file, with the line itself so that it can be shown with a caret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Location {
    /// Path for display: relative to the workspace's top where it lies below it.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// How many characters the caret underlines, at least 1.
    pub width: u32,
    /// The source line, without its line end.
    pub text: String,
}

impl Location {
    /// The location of the byte range `start..end` of `text`, the content of `file`. Offsets beyond the end, or inside
    /// a character, are moved to the nearest character before.
    pub fn of_bytes(file: impl Into<String>, text: &str, start: usize, end: usize) -> Self {
        let start = text.floor_char_boundary(start.min(text.len()));
        let end = text.floor_char_boundary(end.clamp(start, text.len()));
        let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
        let line_end = text[start..]
            .find('\n')
            .map_or(text.len(), |newline| start + newline);
        let width = text[start..end.min(line_end).max(start)]
            .chars()
            .count()
            .max(1);
        Self {
            file: file.into(),
            line: count(text[..line_start].matches('\n').count() + 1),
            column: count(text[line_start..start].chars().count() + 1),
            width: count(width),
            text: text[line_start..line_end].trim_end_matches('\r').to_owned(),
        }
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl Location {
    /// Whether it lies in a file that is built into wake, which the reader cannot change.
    pub fn is_built_in(&self) -> bool {
        self.file.starts_with("std-plugins/") || self.file.starts_with("wake/")
    }
}

impl fmt::Display for Location {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One line of a jsonnet trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frame {
    pub at: Option<Location>,
    pub description: String,
}

/// What went wrong. Build one with [`Error::user`] and its siblings, then add what helps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error(Box<Report>);

/// The parts of an [`Error`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub kind: Kind,
    /// Subject first, names in backticks, capital first letter, no final period.
    pub message: String,
    /// Where the reader should look first.
    pub at: Option<Location>,
    /// The chain of causes, outermost first, one fact each.
    pub causes: Vec<String>,
    /// The jsonnet trace, innermost first.
    pub trace: Vec<Frame>,
    /// What to do.
    pub hint: Option<String>,
}

impl Error {
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self(Box::new(Report {
            kind,
            message: message.into(),
            at: None,
            causes: Vec::new(),
            trace: Vec::new(),
            hint: None,
        }))
    }

    pub fn user(message: impl Into<String>) -> Self {
        Self::new(Kind::User, message)
    }

    pub fn environment(message: impl Into<String>) -> Self {
        Self::new(Kind::Environment, message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Kind::Internal, message)
    }

    /// An operating-system error: `subject` names what was attempted and on which path.
    pub fn io(subject: impl Into<String>, error: &std::io::Error) -> Self {
        let described = Self::environment(subject).cause(describe_io(error));
        match error.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => described
                .hint("allow more open files, `ulimit -n`, or run fewer operations at once, `-j`"),
            _ => described,
        }
    }

    #[must_use]
    pub fn at(mut self, location: Location) -> Self {
        self.0.at = Some(location);
        self
    }

    #[must_use]
    pub fn at_if_absent(mut self, location: Option<&Location>) -> Self {
        if self.0.at.is_none() {
            self.0.at = location.cloned();
        }
        self
    }

    /// Points at `location` unless the error points already at something that the user wrote.
    #[must_use]
    pub fn at_users(mut self, location: Option<&Location>) -> Self {
        if let (Some(location), true) = (
            location,
            self.0.at.as_ref().is_none_or(Location::is_built_in),
        ) && let Some(built_in) = self.0.at.replace(location.clone())
        {
            self.0.trace.insert(
                0,
                Frame {
                    at: Some(built_in),
                    description: "here".to_owned(),
                },
            );
        }
        self
    }

    /// The error that this one is the first cause of; all else of it stays.
    #[must_use]
    pub fn as_cause_of(mut self, message: impl Into<String>) -> Self {
        let cause = std::mem::replace(&mut self.report_mut().message, message.into());
        self.report_mut().causes.insert(0, cause);
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: impl Into<String>) -> Self {
        self.0.causes.push(cause.into());
        self
    }

    #[must_use]
    pub fn frame(mut self, at: Option<Location>, description: impl Into<String>) -> Self {
        self.0.trace.push(Frame {
            at,
            description: description.into(),
        });
        self
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// As [`Self::hint`], if there is one to give.
    #[must_use]
    pub fn hint_option(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint.or(self.0.hint.take());
        self
    }

    pub fn kind(&self) -> Kind {
        self.0.kind
    }

    pub fn report(&self) -> &Report {
        &self.0
    }

    pub fn report_mut(&mut self) -> &mut Report {
        &mut self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(at) = &self.0.at {
            write!(formatter, "{at}: ")?;
        }
        formatter.write_str(&self.0.message)
    }
}

impl std::error::Error for Error {}

/// An operating-system error in words a user knows, without the number where the name says it.
fn describe_io(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file or directory".to_owned(),
        std::io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        std::io::ErrorKind::IsADirectory => "it is a directory".to_owned(),
        std::io::ErrorKind::StorageFull => "no space left on the device".to_owned(),
        std::io::ErrorKind::ReadOnlyFilesystem => "the file system is read-only".to_owned(),
        _ => error.to_string(),
    }
}

/// From 0 to 1. Short names with two letters swapped, or one wrong, are near.
fn nearness(a: &str, b: &str) -> f64 {
    let is_slip = a.len() > 2 && strsim::osa_distance(a, b) <= 1;
    strsim::jaro_winkler(a, b).max(if is_slip { 0.9 } else { 0.0 })
}

/// The candidates that look like `name`, best first: for "did you mean".
pub fn near<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut scored: Vec<(f64, &str)> = candidates
        .into_iter()
        .map(|candidate| {
            (
                nearness(&name.to_lowercase(), &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(score, _)| *score > 0.8)
        .collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.truncate(3);
    scored.into_iter().map(|(_, candidate)| candidate).collect()
}

/// "did you mean `a` or `b`?" for [`near`] candidates; else the list of what there is, if that is short.
pub fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let all: Vec<&str> = candidates.into_iter().collect();
    let near = near(name, all.iter().copied());
    let quoted = |names: &[&str], last: &str| {
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        match names.split_last() {
            Some((only, [])) => only.clone(),
            Some((end, start)) => format!("{} {last} {end}", start.join(", ")),
            None => String::new(),
        }
    };
    if !near.is_empty() {
        Some(format!("did you mean {}?", quoted(&near, "or")))
    } else if !all.is_empty() && all.len() <= 12 {
        Some(format!("there is {}", quoted(&all, "and")))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_count_characters_not_bytes() {
        let text = "äää\n  ö wrong\n";
        let start = text.find("wrong").unwrap();
        let location = Location::of_bytes("PKG", text, start, start + 5);
        assert_eq!((location.line, location.column, location.width), (2, 5, 5));
        assert_eq!(location.text, "  ö wrong");
    }

    #[test]
    fn locations_survive_offsets_outside_the_text() {
        let location = Location::of_bytes("PKG", "é", 1, 900);
        assert_eq!((location.line, location.column), (1, 1));
    }

    #[test]
    fn near_names_come_before_the_list_of_all() {
        assert_eq!(
            suggestion("Sorce", ["Source", "Type"]),
            Some("did you mean `Source`?".to_owned())
        );
        assert_eq!(
            suggestion("zzz", ["a", "b", "c"]),
            Some("there is `a`, `b` and `c`".to_owned())
        );
        assert_eq!(suggestion("zzz", []), None);
    }
}
