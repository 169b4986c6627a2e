//! `wake clean`: removes what was built; with `--stale`, only what the workspace no longer declares.

use std::process::ExitCode;

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use crate::cli::options::Clean;
use crate::cli::session::Session;
use crate::error::Result;
use crate::evaluate::{State, stale};
use crate::event::Subscriber;
use crate::fs;
use crate::graph::FileId;
use crate::report::{self, ConsoleOptions, Verbosity};
use crate::workspace::layout;

pub(super) fn run(options: &Clean, console: ConsoleOptions) -> Result<ExitCode> {
    let mut subscribers = super::quiet(console)?;
    let mut session = Session::open(options.declarations, 1, &mut subscribers)?;
    let removed = if options.stale {
        let removed = remove_stale(&mut session, &mut subscribers)?;
        session.close()?;
        removed
    } else {
        remove_all(&mut session)?
    };
    if console.verbosity != Verbosity::Quiet {
        report::say(&format!("Removed {removed}\n"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Removes everything below `.wake/` but the lock, which this process holds, and what hides it from version control; and
/// what was built elsewhere, also below an `OutputRoot` of before.
fn remove_all(session: &mut Session) -> Result<String> {
    let layout = session.place.layout.clone();
    let mut roots: BTreeSet<PathBuf> = layout.output_root().into_iter().collect();
    let directory = layout.wake_directory();
    remove_made(session, &mut roots, |file, state| {
        let file = state.absolute(file);
        file.starts_with(layout.top()) && !file.starts_with(&directory)
    })?;
    for root in &roots {
        layout::remove_output_root(root)?;
    }
    for (name, _) in fs::list(&directory)? {
        if name != "lock" && name != ".gitignore" {
            fs::remove_all(&directory.join(name))?;
        }
    }
    Ok("all that was built".to_owned())
}

/// Removes what the state records as made by wake for modules that no member declares any more, whatever their
/// parameters, or in an `OutputRoot` of before, with the directories that this leaves empty.
fn remove_stale(session: &mut Session, subscriber: &mut dyn Subscriber) -> Result<String> {
    let declared: HashSet<PathBuf> = session.declared(subscriber)?.into_iter().collect();
    let out = session.place.layout.output_directory().to_owned();
    let mut roots = BTreeSet::new();
    let removed = remove_made(session, &mut roots, |file, state| {
        let file = state.display(file);
        match Path::new(&file).starts_with(&out) {
            true => module_directory(&out, &file).is_some_and(|one| !declared.contains(&one)),
            false => !Path::new(&file).is_absolute(),
        }
    })?;
    let current = session.place.layout.output_root();
    for root in roots.iter().filter(|root| Some(*root) != current.as_ref()) {
        layout::remove_output_root(root)?;
    }
    Ok(match removed {
        0 => "nothing: all that was built is still declared".to_owned(),
        1 => "1 file".to_owned(),
        files => format!("{files} files"),
    })
}

/// Removes the files that `is_meant`, of those that the state records as made by wake, with the directories that this
/// leaves empty. Returns how many there were, and adds each `OutputRoot` that they were in.
fn remove_made(
    session: &mut Session,
    roots: &mut BTreeSet<PathBuf>,
    is_meant: impl Fn(FileId, &State) -> bool,
) -> Result<usize> {
    let layout = session.place.layout.clone();
    let output = layout.top().join(layout.output_directory());
    let state = &mut session.state;
    let identities = state.identities();
    let identities: Vec<FileId> = identities.filter(|one| is_meant(*one, state)).collect();
    let mut removed = 0;
    for identity in identities {
        let files = state.written_by(identity).into_iter();
        for file in files
            .filter(|file| is_meant(*file, state))
            .collect::<Vec<_>>()
        {
            let path = state.absolute(file);
            let root = layout::output_root_around(&path).map(Path::to_owned);
            if stale::is_shared_directory(state, file) {
                fs::remove_if_empty(&path);
            } else {
                removed += usize::from(fs::is_occupied(&path));
                fs::remove_all(&path)?;
            }
            let end = match path.starts_with(&output) {
                true => &output,
                false => root.as_deref().unwrap_or(layout.top()),
            };
            remove_empty_above(&path, end);
            roots.extend(root);
        }
        state.forget(identity);
    }
    Ok(removed)
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
