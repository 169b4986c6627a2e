//! The state of a small build in real files, cut at every byte and with every byte changed: the next build is right, and
//! the one after it has nothing to do and nothing to say. Whatever `State` keeps is tried: the test knows no names.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use super::imitation::{Imitation, TOP};
use super::model::{Spec, TARGETS, attempt};
use super::state::State;
use crate::fs;

/// In memory where there is such a place: a disk would be asked thousands of times to make sure.
fn directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").unwrap_or_else(|_| tempfile::tempdir().unwrap())
}

fn text(list: &[&str]) -> Vec<String> {
    list.iter().map(|&item| item.to_owned()).collect()
}

/// Of every kind of entry: a depfile, a directory, a chain, and one that fails.
fn specs() -> Vec<Spec> {
    let spec = |title: &str, arguments: &[&str], inputs: &[&str], outputs: &[&str]| Spec {
        title: title.to_owned(),
        arguments: text(arguments),
        inputs: text(inputs),
        outputs: text(outputs),
        ..Spec::default()
    };
    let mut scans = spec(
        "scans",
        &["scan:/w/src/a", "write:/w/out/a", "depfile:/w/out/a.d"],
        &["src/a"],
        &["out/a"],
    );
    scans.depfile = Some("out/a.d".to_owned());
    vec![
        scans,
        spec(
            "tree",
            &["read:/w/out/a", "tree:/w/out/t/"],
            &["out/a"],
            &["out/t/"],
        ),
        spec(
            "fails",
            &["read:/w/src/bad", "write:/w/away/x"],
            &["src/bad"],
            &["away/x"],
        ),
    ]
}

/// A world that is built, and the directory of its state.
fn built() -> (Imitation, tempfile::TempDir) {
    let directory = directory();
    let world = Imitation::new(0);
    for (path, text) in [("src/a", "1 @src/h"), ("src/h", "1"), ("src/bad", "ERROR")] {
        world.edit(path, text);
    }
    world.sleep();
    for round in ["1", "2"] {
        world.edit("src/h", round);
        let (mut state, _) = State::open(directory.path(), Path::new(TOP)).unwrap();
        let (result, _) = attempt(TARGETS, &specs(), &mut state, &world, |_| {});
        assert_eq!(result.unwrap().failed, 1);
        state.compact().unwrap();
    }
    (world, directory)
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (name, is_directory) in fs::list(directory).unwrap() {
        let path = directory.join(name);
        match is_directory {
            true => files.extend(self::files(&path)),
            false => files.push(path),
        }
    }
    files
}

/// Builds twice with a state that is damaged in one file.
fn check(world: &Imitation, state: &[(PathBuf, Vec<u8>)], damaged: usize, bytes: &[u8], how: &str) {
    let directory = directory();
    let mut name = String::new();
    for (number, (path, whole)) in state.iter().enumerate() {
        let content = if number == damaged { bytes } else { whole };
        let path_here = directory.path().join(path);
        fs::create_directories(path_here.parent().unwrap()).unwrap();
        fs::write(&path_here, content).unwrap();
        if number == damaged {
            name = path.display().to_string();
        }
    }
    let here = world.copy_without(&[]);
    for is_first in [true, false] {
        let (mut state, loss) = State::open(directory.path(), Path::new(TOP))
            .unwrap_or_else(|error| panic!("{name} {how}: {error}"));
        assert!(is_first || loss.is_none(), "{name} {how}: {loss:?} again");
        let (result, heard) = attempt(TARGETS, &specs(), &mut state, &here, |_| {});
        let summary = result.unwrap_or_else(|error| panic!("{name} {how}: {error}"));
        assert_eq!(summary.failed, 1, "{name} {how}: {}", heard.tell());
        assert!(
            is_first || summary.ran == 0,
            "{name} {how}: {}",
            heard.tell()
        );
        for target in TARGETS {
            assert_eq!(
                here.tree(target),
                world.tree(target),
                "{name} {how}: {}",
                heard.tell()
            );
        }
        state.compact().unwrap();
    }
}

/// Catches a byte that no checksum covers, an end that is missed by nobody, and damage that is told for ever.
#[test]
fn a_state_damaged_anywhere_costs_a_little() {
    let (world, directory) = built();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(directory.path()).unwrap().to_owned();
        let bytes = fs::read(&path).unwrap();
        (name, bytes)
    };
    let state: Vec<(PathBuf, Vec<u8>)> = files(directory.path()).into_iter().map(read).collect();
    let mut places = Vec::new();
    for (number, (_, bytes)) in state.iter().enumerate() {
        places.extend((0..bytes.len()).map(|at| (number, at)));
    }
    assert!(places.len() > 500, "a state of {} bytes", places.len());
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while let Some(&(file, at)) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let whole = &state[file].1;
                    check(&world, &state, file, &whole[..at], &format!("cut at {at}"));
                    let mut changed = whole.clone();
                    changed[at] ^= 1 << (at % 8);
                    check(&world, &state, file, &changed, &format!("changed at {at}"));
                }
            });
        }
    });
}
