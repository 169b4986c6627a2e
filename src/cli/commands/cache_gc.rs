//! `wake cache gc`: removes packages from the store that no workspace uses.

use std::process::ExitCode;
use std::time::{Duration, SystemTime};

use crate::cli::environment;
use crate::cli::package_options::CacheGc;
use crate::cli::session;
use crate::error::Result;
use crate::pkg::store::{Limits, Store};
use crate::report::{self, ConsoleOptions, Verbosity, packages_summary};

pub(super) fn run(options: &CacheGc, console: ConsoleOptions) -> Result<ExitCode> {
    let environment = environment::environment();
    let directory = session::cache_directory(&environment);
    let is_quiet = console.verbosity == Verbosity::Quiet;
    let mut store = Store::of_user(directory.as_deref())?;
    let collected = store.collect(limits(options), SystemTime::now(), || {
        if !is_quiet {
            report::say("Waiting for another wake that uses the store\n");
        }
    })?;
    if matches!(console.verbosity, Verbosity::Verbose(_)) {
        for id in &collected.removed {
            report::say(&format!("Removed {id}\n"));
        }
    }
    if !is_quiet {
        report::say(&packages_summary::collected(
            (collected.removed.len(), collected.removed_size),
            (collected.kept, collected.kept_size),
            collected.used,
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// Without limits nothing may stay that no workspace uses.
fn limits(options: &CacheGc) -> Limits {
    if options.age.is_none() && options.size.is_none() {
        return Limits {
            age: Some(Duration::ZERO),
            size: Some(0),
        };
    }
    Limits {
        age: options.age.map(Duration::from_secs),
        size: options.size,
    }
}
