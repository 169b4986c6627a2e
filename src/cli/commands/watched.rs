//! A build that a watcher answers (`wake watch`): if there is nothing to do, it says so, and nothing else is looked at. In
//! every other case the build goes on as if there were no watcher.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::cli::environment;
use crate::cli::options::{Build, Check};
use crate::cli::session;
use crate::error::Result;
use crate::event::{Event, Subscriber, Summary};
use crate::fs;
use crate::generate::Purpose;
use crate::report::{self, ConsoleOptions, FirstError};
use crate::watch::message::{Answer, Request};
use crate::watch::service;
use crate::workspace::target::Target;
use crate::workspace::{Workspace, host, parameters, process_lock, user_config};

/// So long a watcher that hangs is waited for, for the request and for the answer.
const PATIENCE: Duration = Duration::from_millis(100);

/// Processes see the same files only where this is the same.
const MOUNTS: &str = "/proc/self/ns/mnt";

/// The exit code of a build that a watcher has answered; it has been told like any other.
pub(super) fn answered(options: &Build, console: ConsoleOptions) -> Result<Option<ExitCode>> {
    let began = Instant::now();
    let files = FirstError::default();
    if !is_plain(options) || options.events.is_some() {
        return Ok(None);
    }
    let mut subscribers = report::subscribers(console, None, &files)?;
    if subscribers.wants_up_to_date() {
        return Ok(None);
    }
    let environment = environment::environment();
    // Whatever is wrong is told by the build.
    let Ok(workspace) = workspace(&environment) else {
        return Ok(None);
    };
    let socket = workspace.layout().watcher_socket();
    if !fs::is_occupied(&socket) || environment.contains_key(process_lock::VARIABLE) {
        return Ok(None);
    }
    let Ok(key) = key(options, &workspace, &environment) else {
        return Ok(None);
    };
    let request = Request { key, environment };
    let Answer::UpToDate {
        operations,
        up_to_date,
        messages,
    } = service::ask(&socket, &request, PATIENCE)
    else {
        return Ok(None);
    };
    subscribers.event(&Event::Started {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        workspace: workspace.top.display().to_string(),
        jobs: options.sharing.jobs,
    });
    let messages: Vec<Event> = serde_json::from_slice(&messages).unwrap_or_default();
    messages.iter().for_each(|event| subscribers.event(event));
    subscribers.event(&Event::GraphReused { operations });
    subscribers.event(&Event::Planned {
        operations: up_to_date,
    });
    subscribers.event(&Event::Finished(Summary {
        up_to_date,
        milliseconds: began.elapsed().as_secs_f64() * 1000.0,
        ..Summary::default()
    }));
    Ok(Some(ExitCode::SUCCESS))
}

/// Whether a build does nothing but bring its targets up to date in the usual way.
pub(super) fn is_plain(options: &Build) -> bool {
    !options.force
        && options.check == Check::Default
        && !options.skip_generate
        && !options.skip_evaluate
        && !options.is_dry_run
        && options.trace.is_none()
        && options.declarations.resolution.published_by.is_none()
}

/// The workspace around the working directory.
pub(super) fn workspace(environment: &BTreeMap<String, String>) -> Result<Workspace> {
    let config_directory = user_config::config_directory(environment);
    Workspace::discover(&environment::working_directory()?)?.configured(config_directory.as_deref())
}

/// The hash of everything that says what is built, from what, and by which wake; all but what was read to know it, and the
/// environment.
pub(super) fn key(
    options: &Build,
    workspace: &Workspace,
    environment: &BTreeMap<String, String>,
) -> Result<[u8; 32]> {
    let host_parameters = parameters::host_defaults();
    let parameters = parameters::combine(&host_parameters, workspace, &options.parameters);
    let targets = options.targets.iter();
    let targets = targets
        .map(|text| Target::parse(text, workspace))
        .collect::<Result<Vec<_>>>()?;
    let mut hasher = blake3::Hasher::new();
    let mut say = |text: String| {
        hasher.update(&(text.len() as u64).to_le_bytes());
        hasher.update(text.as_bytes());
    };
    say(env!("CARGO_PKG_VERSION").to_owned());
    say(session::build()?);
    say(format!("{:?}", fs::link_target(MOUNTS.as_ref())));
    say(format!("{workspace:?} {:?}", workspace.package_here()));
    say(format!(
        "{:?} {targets:?} {:?}",
        host::host(),
        Purpose::Build
    ));
    say(format!("{parameters:?} {host_parameters:?}"));
    say(format!("{:?}", options.has_compile_commands));
    say(format!("{:?}", options.declarations.resolution));
    say(format!("{:?}", session::cache_directory(environment)));
    Ok(*hasher.finalize().as_bytes())
}
