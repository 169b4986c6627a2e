//! Damage: a file that is cut or changed anywhere opens, and what it says is a part of what it said, or it is none.

use std::path::Path;

use super::*;
use crate::event::Reason;
use crate::fs::ContentKind;

fn outcome(identity: FileId, reads: Vec<u32>, outputs: Vec<u32>) -> Outcome {
    Outcome {
        identity,
        key: [7; 32],
        flags: record::SUCCEEDED,
        changed_meanwhile: None,
        declared: reads.len(),
        reads,
        outputs,
        microseconds: 5,
        memory_kib: 6,
        finished: 7,
        story: Story {
            title: "compile".to_owned(),
            reason: Reason::NeverRan,
            output: "warning".to_owned(),
            gap: None,
        },
    }
}

fn content(byte: u8) -> Content {
    Content {
        kind: ContentKind::File,
        hash: [byte; 32],
    }
}

/// Two operations, one of which ran twice; four frames.
fn fill(state: &mut State) {
    let (source, object, other) = (
        state.intern(b"a.c"),
        state.intern(b"out/a\xFF.o"),
        state.intern(b"out/b"),
    );
    for byte in 1..=2 {
        let read = state.see(source, Stamp::ABSENT, content(byte), false);
        state.start(object, &[object]);
        state.flush().unwrap();
        let made = state.see(object, Stamp::ABSENT, content(byte + 10), true);
        state.finish(&outcome(object, vec![read], vec![made]));
        state.flush().unwrap();
    }
    state.start(other, &[other]);
    state.flush().unwrap();
}

fn sample() -> Vec<u8> {
    let mut state = State::in_memory(Path::new("/w"));
    fill(&mut state);
    let memory = state.memory();
    memory.lock().unwrap().clone()
}

/// Everything that a state says of what it knows: reading it must not panic.
fn read_all(state: &State) -> Vec<String> {
    let mut all = Vec::new();
    for identity in state.identities() {
        all.push(state.display(identity));
        state.written_by(identity);
        if let Some(result) = state.result(identity) {
            for number in result.reads().chain(result.outputs()) {
                state.version(number);
            }
            all.extend(result.story().map(|story| story.title));
        }
    }
    all
}

#[test]
fn what_was_recorded_is_there_after_opening() {
    let (mut state, is_whole) = State::of_bytes(Path::new("/w"), sample()).unwrap();
    assert!(is_whole);
    let object = state.intern(b"out/a\xFF.o");
    assert_eq!(object, FileId(1));
    let result = state.result(object).unwrap();
    assert_eq!(result.to_outcome(), Some(outcome(object, vec![2], vec![3])));
    assert!(!state.is_unfinished(object));
    let other = state.intern(b"out/b");
    assert!(state.is_unfinished(other) && state.result(other).is_none());
    assert_eq!(state.written_by(other), [other]);
    assert!(state.version(state.latest(object)).racy);
}

/// A file whose tables know something, with frames behind them.
fn sample_with_tables() -> Vec<u8> {
    let (state, _) = State::of_bytes(Path::new("/w"), sample()).unwrap();
    let mut bytes = compacted(&state);
    let (mut state, is_whole) = State::of_bytes(Path::new("/w"), &bytes).unwrap();
    assert!(is_whole);
    let object = state.intern(b"out/a\xFF.o");
    let new = state.intern(b"d/new");
    let read = state.see(new, Stamp::ABSENT, content(50), false);
    state.finish(&outcome(object, vec![read], vec![object.0]));
    state.forget(FileId(2));
    state.flush().unwrap();
    bytes.clone_from(&state.memory().lock().unwrap());
    bytes
}

fn compacted(state: &State) -> Vec<u8> {
    let to = std::io::Cursor::new(Vec::new());
    state.write_tables(to).unwrap().into_inner()
}

#[test]
fn a_file_cut_anywhere_opens_or_is_none() {
    for whole in [sample(), sample_with_tables()] {
        let (state, _) = State::of_bytes(Path::new("/w"), &whole).unwrap();
        let all = read_all(&state);
        let tables = state.tables.end();
        for length in 0..whole.len() {
            let Some((mut state, _)) = State::of_bytes(Path::new("/w"), &whole[..length]) else {
                assert!(length < tables);
                continue;
            };
            assert!(length >= tables && read_all(&state).len() <= all.len() + 2);
            state.intern(b"another");
            state.flush().unwrap();
            let again = state.memory().lock().unwrap().clone();
            let (again, is_whole) = State::of_bytes(Path::new("/w"), &again).unwrap();
            assert!(
                is_whole && again.find(b"another").is_some(),
                "cut at {length}"
            );
        }
    }
}

#[test]
fn a_file_with_any_bit_flipped_opens_in_part_or_is_none() {
    for whole in [sample(), sample_with_tables()] {
        let tables = State::of_bytes(Path::new("/w"), &whole)
            .unwrap()
            .0
            .tables
            .end();
        for place in 0..whole.len() {
            for bit in [1, 0x80] {
                let mut damaged = whole.clone();
                damaged[place] ^= bit;
                match State::of_bytes(Path::new("/w"), &damaged) {
                    None => assert!(place < tables, "flip at {place}"),
                    Some((state, is_whole)) => {
                        read_all(&state);
                        assert!(place >= tables && !is_whole, "flip at {place}");
                    }
                }
            }
        }
    }
}

/// What was recorded since the tables were written replaces what they say.
#[test]
fn frames_behind_tables_count_more_than_these() {
    let (state, is_whole) = State::of_bytes(Path::new("/w"), sample_with_tables()).unwrap();
    assert!(is_whole);
    let object = state.find(b"out/a\xFF.o").unwrap();
    let new = state.find(b"d/new").unwrap();
    let result = state.result(object).unwrap();
    let read: Vec<FileId> = result.reads().map(|number| state.file_of(number)).collect();
    assert_eq!(
        (read, state.content_of(state.latest(new))),
        (vec![new], content(50))
    );
    assert!(state.result(FileId(2)).is_none() && !state.is_unfinished(FileId(2)));
    assert_eq!(state.identities().collect::<Vec<_>>(), [object]);
}

/// Catches names that are looked for in another directory than theirs.
#[test]
fn tables_know_the_directory_of_each_path() {
    let mut state = State::in_memory(Path::new("/w"));
    for path in [
        &b"a"[..],
        b"d/e/f",
        b"/x",
        b"/usr/bin/cp",
        b"d/tree/",
        b"d/e/g",
        b"d/e",
    ] {
        state.intern(path);
    }
    let (state, _) = State::of_bytes(Path::new("/w"), compacted(&state)).unwrap();
    let snapshot = state.snapshot();
    let place = |number: u32| {
        let file = FileId(number);
        let known = Some(snapshot.directory_of(file)).filter(|directory| *directory != NONE);
        let (directory, name) = (snapshot.directory(known?), snapshot.name(file)?);
        Some(directory.join(name.to_str().unwrap()).display().to_string())
    };
    let places: Vec<_> = (0..7).map(place).collect();
    let at = |path: &str| Some(path.to_owned());
    let expected = [
        at("/w/a"),
        at("/w/d/e/f"),
        at("/x"),
        at("/usr/bin/cp"),
        None,
        at("/w/d/e/g"),
        at("/w/d/e"),
    ];
    assert_eq!(places, expected);
    assert_eq!(state.directory_of(FileId(1)), state.directory_of(FileId(5)));
    assert_eq!(state.find(b"d/e"), Some(FileId(6)));
    assert_eq!(state.find(b"d"), None);
}

/// A frame whose checksum is right and whose entries refer to nothing: from another wake, or a bug in this one.
#[test]
fn entries_that_make_no_sense_end_the_log() {
    let version = record::encode_version(&Version {
        file: FileId(9),
        stamp: Stamp::ABSENT,
        content: content(1),
        racy: false,
    });
    let result = record::encode_result(&outcome(FileId(0), vec![77], vec![]));
    for (kind, bytes) in [
        (record::VERSION, version.as_slice()),
        (record::RESULT, &result),
        (record::RESULT, &[1, 2, 3]),
        (record::STARTED, &[0, 0, 0, 0, 9, 0, 0, 0]),
        (record::STARTED, &[0]),
        (record::FORGOTTEN, &[200, 0, 0, 0]),
        (99, &[]),
    ] {
        let mut log = State::in_memory(Path::new("/w"))
            .memory()
            .lock()
            .unwrap()
            .clone();
        for (kind, bytes) in [(record::PATH, b"a".as_slice()), (kind, bytes)] {
            let mut payload = Vec::new();
            // The good entry before the bad one in the same frame must not count either.
            log::push(&mut payload, record::PATH, b"x");
            log::push(&mut payload, kind, bytes);
            log::enclose(&mut log, &payload);
        }
        let (state, is_whole) = State::of_bytes(Path::new("/w"), &log).unwrap();
        assert!(!is_whole);
        assert_eq!(state.path_count(), 2, "kind {kind}");
    }
}

#[test]
fn compaction_keeps_what_counts_and_the_ids() {
    let (state, _) = State::of_bytes(Path::new("/w"), sample()).unwrap();
    let (mut state, is_whole) = State::of_bytes(Path::new("/w"), compacted(&state)).unwrap();
    assert!(is_whole);
    let object = state.intern(b"out/a\xFF.o");
    assert_eq!(object, FileId(1));
    let result = state.result(object).unwrap();
    let contents = |number: u32| state.version(number).content;
    assert_eq!(
        result.reads().map(contents).collect::<Vec<_>>(),
        [content(2)]
    );
    assert_eq!(
        result.outputs().map(contents).collect::<Vec<_>>(),
        [content(12)]
    );
    assert!(state.is_unfinished(FileId(2)));
}

#[test]
fn files_that_are_no_log_are_replaced_and_told_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state-3");
    for garbage in [
        b"".as_slice(),
        b"x",
        b"wakestat\x03\0\0\0 and more",
        &[0; 4096],
    ] {
        fs::write(&path, garbage).unwrap();
        let (mut state, loss) = State::open(directory.path(), Path::new("/w")).unwrap();
        assert_eq!(loss.unwrap().path, path);
        state.intern(b"a");
        state.flush().unwrap();
        let (state, loss) = State::open(directory.path(), Path::new("/w")).unwrap();
        assert_eq!((state.path_count(), loss), (1, None));
    }
}

/// File ids behind a cut will mean other paths: a graph that was made before must not be used.
#[test]
fn a_cut_log_gets_another_name() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state-3");
    let (mut state, _) = State::open(directory.path(), Path::new("/w")).unwrap();
    fill(&mut state);
    let name = state.name();
    drop(state);
    let bytes = fs::read(&path).unwrap();
    fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let (state, loss) = State::open(directory.path(), Path::new("/w")).unwrap();
    assert!(loss.is_some());
    assert_ne!(state.name(), name);
    let renamed = state.name();
    drop(state);
    let (state, loss) = State::open(directory.path(), Path::new("/w")).unwrap();
    assert_eq!((state.name(), loss), (renamed, None));
    assert!(state.result(FileId(1)).is_some());
}

#[test]
fn texts_of_commands_survive_damage_behind_them() {
    use crate::graph::key::{Part, Parts};
    let directory = tempfile::tempdir().unwrap();
    let parts = |value: &str| {
        Parts(vec![Part {
            name: "argument".to_owned(),
            value: value.to_owned(),
        }])
    };
    let mut commands = Commands::new(directory.path());
    commands.keep(&[1; 32], &parts("-O2"));
    commands.flush().unwrap();
    let path = directory.path().join("commands-2");
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"torn");
    fs::write(&path, &bytes).unwrap();
    let mut commands = Commands::new(directory.path());
    commands.keep(&[2; 32], &parts("-g"));
    assert_eq!(commands.parts(&[1; 32]), Some(parts("-O2")));
    assert_eq!(commands.parts(&[2; 32]), Some(parts("-g")));
    assert_eq!(commands.parts(&[3; 32]), None);
}

/// Catches texts that are kept for ever, and those that are dropped while something still refers to them.
#[test]
fn texts_that_nothing_refers_to_are_dropped_when_there_are_many() {
    use crate::graph::key::{Part, Parts};
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("commands-2");
    let long = Parts(vec![Part {
        name: "argument".to_owned(),
        value: "x".repeat(1 << 20),
    }]);
    let mut commands = Commands::new(directory.path());
    for key in 0..6 {
        commands.keep(&[key; 32], &long);
        commands.flush().unwrap();
        commands.retain(|| [[key; 32], [1; 32]].into()).unwrap();
    }
    let length = fs::read(&path).unwrap().len();
    assert!(length < 5 << 20, "{length} bytes");
    assert_eq!(commands.parts(&[0; 32]), None);
    for key in [1, 5] {
        assert_eq!(commands.parts(&[key; 32]), Some(long.clone()));
    }
}

#[test]
fn a_full_disk_is_an_error_that_names_the_file() {
    let mut appender = Appender::open(Path::new("/dev/full"), 0).unwrap();
    let error = appender.append(b"anything").unwrap_err();
    assert_eq!(error.kind(), crate::error::Kind::Environment);
    assert_eq!(error.report().message, "Cannot write `/dev/full`");
    assert_eq!(error.report().causes, ["no space left on the device"]);
    assert_eq!(appender.length(), 0);
}
