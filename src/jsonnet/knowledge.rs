//! What an evaluation knows of other packages, and what it still has to learn.
//!
//! Whoever answers knows only what the package under evaluation asks for. What others ask for, whose files it imports or
//! whose plugins run for it, is put in its words: "what the package in that directory names so".

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use jrsonnet_evaluator::error::ErrorKind;

use super::error::raise;
use super::library::request::plain;
use super::protocol::Answered;
use super::session::Evaluated;
use crate::declare::model::{PackageInfo, PackageRequest, Source};
use crate::error::Error;

/// What ends an evaluation that cannot go on without knowing more. It is no error for people.
#[derive(Debug)]
struct Unresolved;

impl fmt::Display for Unresolved {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a package is not resolved yet")
    }
}

impl std::error::Error for Unresolved {}

/// Whether an evaluation failed only because a package is not known yet.
pub(super) fn is_unresolved(error: &jrsonnet_evaluator::Error) -> bool {
    match error.error() {
        ErrorKind::Other(other) => other.is::<Unresolved>(),
        _ => false,
    }
}

/// What is known of the packages that others ask for.
pub(super) struct Knowledge {
    /// The package under evaluation; `None`: there is none, and nothing is waited for.
    main: Option<PathBuf>,
    answers: Vec<(PackageRequest, Answered)>,
    waiting: RefCell<Vec<PackageRequest>>,
    /// What the packages that were evaluated call themselves, by directory.
    identities: RefCell<HashMap<PathBuf, PackageInfo>>,
}

impl Knowledge {
    pub(super) fn new(main: Option<PathBuf>, answers: Vec<(PackageRequest, Answered)>) -> Self {
        Self {
            main,
            answers,
            waiting: RefCell::default(),
            identities: RefCell::default(),
        }
    }

    /// Remembers what the package in a directory calls itself.
    pub(super) fn identify(&self, directory: &Path, info: &PackageInfo) {
        let mut identities = self.identities.borrow_mut();
        identities.insert(directory.to_owned(), info.clone());
    }

    /// The requests that the evaluation cannot go on without.
    pub(super) fn take_waiting(&self) -> Vec<PackageRequest> {
        self.waiting.take()
    }

    /// What is known of what the package in `asking` asks for. An evaluation that needs more ends here.
    pub(super) fn answer(
        &self,
        asking: &Path,
        request: &PackageRequest,
        with_exports: bool,
    ) -> Evaluated<&Answered> {
        let asked = self.asked(asking, request)?;
        match self.known(&asked) {
            Some(answered) if !with_exports || answered.exports.is_some() => Ok(answered),
            _ => Err(self.wait_for(asked)),
        }
    }

    /// As [`Self::answer`], for the package that the one in `asking` calls `key`. `None`: nothing is known, and nothing
    /// is waited for since its files are found by path.
    pub(super) fn answer_if_needed(
        &self,
        asking: &Path,
        key: &str,
        request: &PackageRequest,
    ) -> Evaluated<Option<&Answered>> {
        let asked = match self.is_main(asking) {
            true => Some(request.clone()),
            false => self.itself(asking).map(|outer| of(outer, key, request)),
        };
        match (asked.as_ref().and_then(|asked| self.known(asked)), asked) {
            (Some(answered), _) => Ok(Some(answered)),
            (None, _) if matches!(request.from, Source::Path(_)) => Ok(None),
            (None, Some(asked)) => Err(self.wait_for(asked)),
            (None, None) => Err(raise(unreachable_from_here(request))),
        }
    }

    /// What a package that is not under evaluation is known to ask for as `key`.
    pub(super) fn request_of_other(&self, asking: &Path, key: &str) -> Option<PackageRequest> {
        if self.is_main(asking) {
            return None;
        }
        let (_, answered) = self.answered_at(asking)?;
        let mut pkgs = answered.pkgs.iter();
        let (_, request) = pkgs.find(|(name, _)| name == key)?;
        Some(request.clone())
    }

    /// A request of the package in `asking`, as the package under evaluation asks for it.
    fn asked(&self, asking: &Path, request: &PackageRequest) -> Evaluated<PackageRequest> {
        if self.is_main(asking) {
            return Ok(request.clone());
        }
        match (self.answered_at(asking), self.itself(asking)) {
            (Some((outer, answered)), _) => within(outer, answered, request)
                .ok_or_else(|| raise(unreachable_from_here(request))),
            (None, Some(itself)) => Err(self.wait_for(itself)),
            (None, None) => Err(raise(unreachable_from_here(request))),
        }
    }

    fn is_main(&self, directory: &Path) -> bool {
        self.main.as_deref().is_none_or(|main| main == directory)
    }

    fn known(&self, asked: &PackageRequest) -> Option<&Answered> {
        let mut answers = self.answers.iter();
        let (_, answered) = answers.find(|(request, _)| request.is_same(asked))?;
        Some(answered)
    }

    fn answered_at(&self, directory: &Path) -> Option<&(PackageRequest, Answered)> {
        let mut answers = self.answers.iter();
        answers.find(|(_, answered)| answered.directory.directory == directory)
    }

    /// How the package under evaluation asks for the package in a directory: as it was answered, else by its path.
    fn itself(&self, directory: &Path) -> Option<PackageRequest> {
        if let Some((request, _)) = self.answered_at(directory) {
            return Some(request.clone());
        }
        let identities = self.identities.borrow();
        let wanted = PackageInfo {
            version: None,
            ..identities.get(directory)?.clone()
        };
        let from = Source::Path(directory.display().to_string());
        Some(plain(wanted, from, None))
    }

    fn wait_for(&self, request: PackageRequest) -> jrsonnet_evaluator::Error {
        if self.main.is_none() {
            return raise(
                Error::user(format!("`{}` is not known here", request.label()))
                    .cause("a file that is evaluated on its own waits for no package")
                    .at_if_absent(request.at.as_ref()),
            );
        }
        let mut waiting = self.waiting.borrow_mut();
        if !waiting.iter().any(|known| known.is_same(&request)) {
            waiting.push(request);
        }
        ErrorKind::Other(Rc::new(anyhow::Error::new(Unresolved))).into()
    }
}

/// What an answered package asks for, as the one that asked for that package says it.
fn within(
    outer: &PackageRequest,
    answered: &Answered,
    request: &PackageRequest,
) -> Option<PackageRequest> {
    let mut pkgs = answered.pkgs.iter();
    if let Some((key, known)) = pkgs.find(|(_, known)| known.is_same(request)) {
        return Some(of(outer.clone(), key, known));
    }
    match &request.from {
        Source::Of(inner, key) => Some(of(within(outer, answered, inner)?, key, request)),
        _ => None,
    }
}

fn of(outer: PackageRequest, key: &str, request: &PackageRequest) -> PackageRequest {
    let at = request.at.clone();
    let from = Source::Of(Box::new(outer), key.to_owned());
    plain(request.wanted.clone(), from, at)
}

fn unreachable_from_here(request: &PackageRequest) -> Error {
    Error::user(format!("`{}` cannot be read here", request.label()))
        .cause("it is no visible field of `pkgs` of the package whose file asks for it")
        .at_if_absent(request.at.as_ref())
}
