//! Every file of the state is cut, changed, replaced and removed: the next build rebuilds a little and is right, and the
//! one after it has nothing to do and nothing to say. Whatever lies in `.wake/state` is tried: the test knows no names.

use std::path::{Path, PathBuf};

use super::{outputs, yard};
use crate::support::Stage;

/// The files of the state, relative to the top.
fn files(stage: &Stage) -> Vec<PathBuf> {
    let top = stage.space().top();
    let entries = walkdir::WalkDir::new(top.join(".wake/state")).sort_by_file_name();
    let files = entries
        .into_iter()
        .flatten()
        .filter(|entry| entry.file_type().is_file());
    let files: Vec<PathBuf> = files
        .map(|entry| entry.path().strip_prefix(&top).unwrap().to_owned())
        .collect();
    assert!(!files.is_empty(), "no state");
    files
}

/// Does something to each file of the state, and builds.
fn try_all(damages: impl Fn(&[u8]) -> Vec<(String, Damage)>) {
    let mut stage = yard();
    stage.tell("build");
    let wanted = outputs(&stage);
    for file in files(&stage) {
        let path = stage.space().path(&file);
        let whole = std::fs::read(&path).unwrap();
        for (name, damage) in damages(&whole) {
            damage(&path, &whole);
            let when = format!("with `{}` {name}", file.display());
            let run = stage.wake(&["build"]);
            run.demand(run.status == 0, &format!("exit code 0 {when}"));
            run.demand(
                outputs(&stage) == wanted,
                &format!("the right outputs {when}"),
            );
            let again = stage.wake(&["build"]);
            let is_silent = again.status == 0
                && again.stderr.starts_with("Nothing to do")
                && again.stderr.lines().count() == 1;
            again.demand(is_silent, &format!("nothing to do after a build {when}"));
            clear(&path);
            std::fs::write(&path, &whole).unwrap();
        }
    }
}

type Damage = Box<dyn Fn(&Path, &[u8])>;

fn clear(path: &Path) {
    match path.symlink_metadata() {
        Ok(data) if data.is_dir() => std::fs::remove_dir_all(path).unwrap(),
        Ok(_) => std::fs::remove_file(path).unwrap(),
        Err(_) => {}
    }
}

/// Some places of so many bytes, the first and the last ones among them.
fn places(length: usize) -> Vec<usize> {
    let mut places: Vec<usize> = (1..6).map(|part| length * part / 6).collect();
    places.extend([0, 1, 9, 17, length.saturating_sub(1)]);
    places.retain(|&place| place < length);
    places.sort_unstable();
    places.dedup();
    places
}

/// Catches a file that is believed although its end is missing, or that makes every later build fail.
#[test]
fn a_state_that_is_cut_costs_a_little() {
    try_all(|whole| {
        let cut = |place: usize| -> (String, Damage) {
            let damage = move |path: &Path, whole: &[u8]| {
                clear(path);
                std::fs::write(path, &whole[..place]).unwrap();
            };
            (format!("cut at {place}"), Box::new(damage))
        };
        places(whole.len()).into_iter().map(cut).collect()
    });
}

/// Catches a checksum that does not cover everything.
#[test]
fn a_state_that_is_changed_costs_a_little() {
    try_all(|whole| {
        let flip = |place: usize| -> (String, Damage) {
            let damage = move |path: &Path, whole: &[u8]| {
                let mut bytes = whole.to_vec();
                bytes[place] ^= 1 << (place % 8);
                clear(path);
                std::fs::write(path, bytes).unwrap();
            };
            (format!("changed at {place}"), Box::new(damage))
        };
        places(whole.len()).into_iter().map(flip).collect()
    });
}

/// Catches an error that stays because something lies in the place of a file.
#[test]
fn a_state_that_is_replaced_costs_a_little() {
    fn boxed(name: &str, damage: impl Fn(&Path, &[u8]) + 'static) -> (String, Damage) {
        (name.to_owned(), Box::new(damage))
    }
    try_all(|_| {
        vec![
            boxed("removed", |path, _| clear(path)),
            boxed("replaced by a directory", |path, _| {
                clear(path);
                std::fs::create_dir(path).unwrap();
                std::fs::write(path.join("inside"), "x").unwrap();
            }),
            boxed("replaced by a link to itself", |path, _| {
                clear(path);
                std::os::unix::fs::symlink(path, path).unwrap();
            }),
            boxed("replaced by a link to nothing", |path, _| {
                clear(path);
                std::os::unix::fs::symlink("nowhere/at/all", path).unwrap();
            }),
            boxed("replaced by text", |path, _| {
                clear(path);
                std::fs::write(path, "not what it was\n").unwrap();
            }),
            boxed("twice as long", |path, whole| {
                clear(path);
                std::fs::write(path, [whole, whole].concat()).unwrap();
            }),
            boxed("made of zeros", |path, whole| {
                clear(path);
                std::fs::write(path, vec![0; whole.len()]).unwrap();
            }),
        ]
    });
}

/// Catches a state that is believed together with one of another time: each file of it alone is from before.
#[test]
fn a_file_of_the_state_that_is_from_before_costs_a_little() {
    let mut stage = yard();
    stage.tell("build");
    let before: Vec<(PathBuf, Vec<u8>)> = files(&stage)
        .into_iter()
        .map(|file| {
            (
                stage.space().path(&file),
                std::fs::read(stage.space().path(&file)).unwrap(),
            )
        })
        .collect();
    stage.tell(
        "file a two
         op B: :x c -> d/y
         op E: c -> w
         build",
    );
    let wanted = outputs(&stage);
    for (path, old) in before {
        let new = std::fs::read(&path).unwrap_or_default();
        std::fs::write(&path, old).unwrap();
        let when = format!("with an old `{}`", path.display());
        let run = stage.wake(&["build"]);
        run.demand(
            run.status == 0 && outputs(&stage) == wanted,
            &format!("the right outputs {when}"),
        );
        let again = stage.wake(&["build"]).success().says("Nothing to do");
        again.demand(outputs(&stage) == wanted, &when);
        std::fs::write(&path, new).unwrap();
    }
}
