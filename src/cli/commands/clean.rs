//! `wake clean`: removes what was built; with `--stale`, only what the workspace no longer declares.

use std::process::ExitCode;

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use crate::cli::options::Clean;
use crate::cli::session::Session;
use crate::error::Result;
use crate::evaluate::{State, stale};
use crate::event::Subscriber;
use crate::fs;
use crate::graph::FileId;
use crate::report::{self, ConsoleOptions, Verbosity};

pub(super) fn run(options: &Clean, console: ConsoleOptions) -> Result<ExitCode> {
    let mut subscribers = super::quiet(console)?;
    let mut session = Session::open(options.declarations, 1, &mut subscribers)?;
    let removed = if options.stale {
        let removed = remove_stale(&mut session, &mut subscribers)?;
        session.close()?;
        removed
    } else {
        remove_all(&session)?
    };
    if console.verbosity != Verbosity::Quiet {
        report::say(&format!("Removed {removed}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes everything below `.wake/` but the lock, which this process holds, and what hides it from version control.
fn remove_all(session: &Session) -> Result<String> {
    let directory = session.place.layout.wake_directory();
    for (name, _) in fs::list(&directory)? {
        if name != "lock" && name != ".gitignore" {
            fs::remove_all(&directory.join(name))?;
        }
    }
    Ok("all that was built".to_owned())
}

/// Removes what the state records as made by wake for modules that no member declares any more, whatever their
/// parameters, with the directories that this leaves empty.
fn remove_stale(session: &mut Session, subscriber: &mut dyn Subscriber) -> Result<String> {
    let declared: HashSet<PathBuf> = session.declared(subscriber)?.into_iter().collect();
    let out = session.place.layout.output_directory().to_owned();
    let state = &mut session.state;
    let is_stale = |file: &FileId, state: &State| {
        module_directory(&out, &state.display(*file))
            .is_some_and(|module| !declared.contains(&module))
    };
    let identities: Vec<FileId> = state
        .identities()
        .filter(|identity| is_stale(identity, state))
        .collect();
    let mut removed = 0;
    for identity in identities {
        for file in state
            .written_by(identity)
            .into_iter()
            .filter(|file| is_stale(file, state))
            .collect::<Vec<_>>()
        {
            let path = state.absolute(file);
            if stale::is_shared_directory(state, file) {
                fs::remove_if_empty(&path);
            } else {
                removed += usize::from(fs::is_occupied(&path));
                fs::remove_all(&path)?;
            }
            remove_empty_above(&path, &session.place.workspace.top.join(&out));
        }
        state.forget(identity);
    }
    Ok(match removed {
        0 => "nothing: all that was built is still declared".to_owned(),
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    })
}

/// The directory of all instances of the module that a file belongs to: four levels below the outputs.
fn module_directory(out: &Path, file: &str) -> Option<PathBuf> {
    let below = Path::new(file).strip_prefix(out).ok()?;
    let module: PathBuf = below.components().take(4).collect();
    let name = module.file_name()?.to_str()?;
    Some(match name.strip_suffix(".tests") {
        Some(tested) => module.with_file_name(tested),
        None => module.clone(),
    })
}

fn remove_empty_above(path: &Path, end: &Path) {
    let parents = path
        .ancestors()
        .skip(1)
        .take_while(|parent| *parent != end && parent.starts_with(end));
    for parent in parents {
        if !fs::remove_if_empty(parent) {
            break;
        }
    }
}
