//! A program that is read and parsed, and not evaluated: for `wake fmt` and `wake lint`.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::parser::{LocExpr, ParserSettings, Source, Span, parse};

use super::error::syntax_error;
use super::import::{Owner, PackageFile, missing};
use super::layout::layout;
use super::outline::Outline;
use super::session::Session;
use crate::error::{Error, Location, Result};
use crate::fs;

/// A program and what it is made of.
pub(super) struct Program {
    /// Links resolved.
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) tree: LocExpr,
    source: Source,
}

impl Program {
    /// # Errors
    /// The file is not there, is not UTF-8, or is no jsonnet.
    pub(super) fn read(session: &Session, file: &Path) -> Result<Self> {
        let display = fs::path::display(file, &session.given.top);
        session.work_on(&format!("`{display}`"));
        if !fs::is_file(file) {
            return Err(missing(&display));
        }
        let path = fs::canonicalize(file)?;
        let content = fs::read(&path)?;
        let text = String::from_utf8(content).map_err(|error| {
            Error::user(format!("`{display}` is not UTF-8")).cause(error.to_string())
        })?;
        // As the evaluator reads it.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).to_owned();
        Self::parse(session, path, text)
    }

    fn parse(session: &Session, path: PathBuf, text: String) -> Result<Self> {
        let owner = Owner::Nobody(Rc::default());
        let source = Source::new(
            PackageFile::source(path.clone(), owner),
            text.as_str().into(),
        );
        let place = |start, end| locate(session, &source, start, end);
        if let Some(at) = Outline::of(text.as_bytes()).too_deep {
            let error = Error::user("Brackets are nested too deep");
            return Err(error.at_if_absent(place(at, at + 1).as_ref()));
        }
        let settings = ParserSettings {
            source: source.clone(),
        };
        match parse(&text, &settings) {
            Ok(tree) => Ok(Self {
                path,
                text,
                tree,
                source,
            }),
            Err(error) => {
                let at = error.location.offset;
                let place = place(at, at + 1);
                Err(syntax_error(&text, &error).at_if_absent(place.as_ref()))
            }
        }
    }

    /// The place of the bytes from `start` to `end`.
    pub(super) fn locate(&self, session: &Session, start: usize, end: usize) -> Option<Location> {
        locate(session, &self.source, start, end)
    }

    /// The text in the usual layout.
    ///
    /// # Errors
    /// Laying it out would change what it means.
    pub(super) fn laid_out(self, session: &Session) -> Result<String> {
        let Some(result) = layout(&self.text) else {
            return Err(self.cannot_lay_out(session));
        };
        if result != self.text {
            let parsed = Self::parse(session, self.path.clone(), result.clone());
            parsed.map_err(|_| self.cannot_lay_out(session))?;
        }
        Ok(result)
    }

    fn cannot_lay_out(&self, session: &Session) -> Error {
        let display = fs::path::display(&self.path, &session.given.top);
        Error::internal(format!(
            "The layout of `{display}` cannot be changed without changing its meaning"
        ))
    }
}

fn locate(session: &Session, source: &Source, start: usize, end: usize) -> Option<Location> {
    let offset = |bytes: usize| u32::try_from(bytes).unwrap_or(u32::MAX);
    session.locate(&Span(source.clone(), offset(start), offset(end)))
}
