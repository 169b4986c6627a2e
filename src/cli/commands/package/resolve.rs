//! `wake pkg resolve`: brings the lock and `.wake/pkgs/` up to date.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use crate::cli::options::Declarations;
use crate::cli::session::Session;
use crate::declare::model::Parameters;
use crate::error::Result;
use crate::event::{Event, Subscriber};
use crate::fs;
use crate::pkg::lock::PATH;
use crate::pkg::overview::Overview;
use crate::pkg::resolution;
use crate::report::packages_summary::{self, Resolved};
use crate::report::{self, ConsoleOptions, FirstError, Verbosity};

pub(super) fn run(
    declarations: Declarations,
    is_lock_only: bool,
    events: Option<&Path>,
    parameters: &Parameters,
    console: ConsoleOptions,
) -> Result<ExitCode> {
    let files = FirstError::default();
    let summary = {
        let mut subscribers = report::subscribers(console, events, &files)?;
        let mut session = Session::open(declarations, 1, &mut subscribers)?;
        let policy = session.policy(parameters, !is_lock_only);
        let mut noting = Noting::new(&mut subscribers);
        let overview =
            session.packages(&policy, |context| resolution::resolve(context, &mut noting))?;
        let mut summary = noting.summary(&overview);
        summary.has_lock = fs::is_file(&session.place.layout.package_lock());
        session.close()?;
        summary
    };
    files.check()?;
    if console.verbosity != Verbosity::Quiet {
        report::say(&packages_summary::resolved(&summary));
    }
    Ok(ExitCode::SUCCESS)
}

/// Passes events on, and notes those that the summary is made of.
struct Noting<'a> {
    to: &'a mut dyn Subscriber,
    /// `namespace/name@version`.
    stored: BTreeSet<String>,
    is_lock_written: bool,
}

impl<'a> Noting<'a> {
    fn new(to: &'a mut dyn Subscriber) -> Self {
        Self {
            to,
            stored: BTreeSet::new(),
            is_lock_written: false,
        }
    }

    fn summary(&self, overview: &Overview) -> Resolved {
        let mut summary = Resolved {
            is_lock_new: self.is_lock_written,
            ..Resolved::default()
        };
        // What is chosen in several scopes is one package.
        let mut seen = BTreeSet::new();
        for entry in &overview.packages {
            let label = match &entry.version {
                Some(version) => format!("{}@{version}", entry.name),
                None => entry.name.clone(),
            };
            let count = match entry {
                _ if entry.origin.starts_with(PATH) => &mut summary.by_path,
                _ if !seen.insert(label.clone()) => continue,
                _ if self.stored.contains(&label) => &mut summary.fetched_now,
                _ if entry.fetched => &mut summary.fetched_before,
                _ => &mut summary.not_fetched,
            };
            *count += 1;
        }
        summary
    }
}

impl Subscriber for Noting<'_> {
    fn event(&mut self, event: &Event) {
        match event {
            Event::Stored { package, .. } => {
                self.stored.insert(package.clone());
            }
            Event::LockWritten { .. } => self.is_lock_written = true,
            _ => {}
        }
        self.to.event(event);
    }

    fn wants_up_to_date(&self) -> bool {
        self.to.wants_up_to_date()
    }

    fn tick(&mut self) {
        self.to.tick();
    }

    fn lend_terminal(&mut self, operation: &str) {
        self.to.lend_terminal(operation);
    }
}
