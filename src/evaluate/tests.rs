//! Named traps, each on the imitated disk; then whole builds with real files and processes.

use std::path::Path;

use crate::event::{Event, Listing, Outcome, Reason};
use crate::fs;
use crate::graph::Action;

use super::causes::Causes;
use super::imitation::{Imitation, TOP};
use super::model::{Heard, Spec, TARGETS, build, preview};
use super::state::State;
use super::{Real, Summary, Wanted};

fn text(list: &[&str]) -> Vec<String> {
    list.iter().map(|&item| item.to_owned()).collect()
}

/// `src/a` → `out/a` → `out/b`.
fn chain() -> Vec<Spec> {
    let step = |title: &str, input: &str, output: &str| Spec {
        title: title.to_owned(),
        arguments: vec![
            format!("read:{TOP}/{input}"),
            format!("write:{TOP}/{output}"),
        ],
        inputs: text(&[input]),
        outputs: text(&[output]),
        ..Spec::default()
    };
    vec![step("a", "src/a", "out/a"), step("b", "out/a", "out/b")]
}

struct Session {
    specs: Vec<Spec>,
    world: Imitation,
    state: State,
}

impl Session {
    /// Built once.
    fn new(specs: Vec<Spec>, sources: &[(&str, &str)]) -> Self {
        let world = Imitation::new(0);
        for (path, text) in sources {
            world.edit(path, text);
        }
        let mut session = Self {
            specs,
            world,
            state: State::in_memory(Path::new(TOP)),
        };
        session.build();
        session.world.sleep();
        session
    }

    fn build(&mut self) -> (Summary, Heard) {
        self.world.sleep();
        build(&self.specs, &mut self.state, &self.world, |_| {})
    }

    fn ran(&mut self) -> Vec<String> {
        self.build().1.ran()
    }

    /// Why each of those that would run would.
    fn preview(&mut self) -> Vec<Reason> {
        self.world.sleep();
        let check = super::Check::Default;
        let steps = preview(TARGETS, &self.specs, &mut self.state, &self.world, check);
        steps.into_iter().map(|(_, reason)| reason).collect()
    }

    fn reasons(&mut self) -> Vec<Reason> {
        let events = self.build().1.0.into_iter();
        let reasons = events.filter_map(|event| match event {
            Event::OperationStarted { reason, .. } => Some(reason),
            _ => None,
        });
        reasons.collect()
    }
}

#[test]
fn nothing_changed_nothing_runs() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    let (summary, heard) = session.build();
    assert_eq!((summary.ran, summary.up_to_date), (0, 2));
    assert_eq!(heard.0, [Event::Planned { operations: 2 }, Event::Surveyed]);
}

/// Neither of the other ways of checking runs anything or makes the state grow.
#[test]
fn nothing_changed_nothing_runs_however_it_is_checked() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    for check in [super::Check::Hash, super::Check::Timestamp] {
        let length = session.state.memory().lock().unwrap().len();
        let (specs, state) = (&session.specs, &mut session.state);
        let (summary, _) = build(specs, state, &session.world, |options| {
            options.check = check
        });
        assert_eq!((summary.ran, summary.up_to_date), (0, 2), "{check:?}");
        assert_eq!(session.state.memory().lock().unwrap().len(), length);
    }
    session.world.touch("src/a");
    let (specs, state) = (&session.specs, &mut session.state);
    let timestamp = |options: &mut super::Options| options.check = super::Check::Timestamp;
    let (summary, _) = build(specs, state, &session.world, timestamp);
    assert_eq!(
        summary.ran, 1,
        "another stamp is another content, and outputs are always compared"
    );
}

#[test]
fn an_edit_of_the_same_size_with_the_same_mtime_is_seen_by_ctime() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.world.edit_secretly("src/a", "2", 0);
    assert_eq!(session.ran(), ["a", "b"]);
}

#[test]
fn an_mtime_that_goes_backwards_is_a_change() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.world.edit_secretly("src/a", "22", 500);
    assert_eq!(session.ran(), ["a", "b"]);
}

#[test]
fn a_touch_and_an_edit_that_is_reverted_run_nothing() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.world.touch("src/a");
    assert!(session.ran().is_empty());
    session.world.edit("src/a", "2");
    session.world.edit("src/a", "1");
    assert!(session.ran().is_empty());
}

#[test]
fn an_edit_while_an_operation_runs_is_not_lost() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.world.edit("src/a", "2");
    session.world.edit_meanwhile("src/a", "3");
    session.build();
    let path = "src/a".to_owned();
    assert_eq!(session.reasons()[0], Reason::ChangedWhileRunning { path });
    assert!(session.ran().is_empty());
}

/// Catches an edit that is believed to be what was there before, because it left the same stamp and was undone.
#[test]
fn an_undone_edit_within_one_tick_while_an_operation_runs_is_not_lost() {
    let mut session = Session {
        specs: chain(),
        world: Imitation::new(1_000),
        state: State::in_memory(Path::new(TOP)),
    };
    session.world.sleep();
    session.world.edit("src/a", "1");
    session.world.meddle(0, true, "src/a", Some("2"));
    build(&session.specs, &mut session.state, &session.world, |_| {});
    let of_two = session.world.text("out/a");
    session.world.edit("src/a", "1");
    assert!(session.ran().contains(&"a".to_owned()));
    assert_ne!(session.world.text("out/a"), of_two);
}

/// The same for a file that is known from the depfile only: wake has never seen it before.
#[test]
fn an_edit_while_a_file_is_first_discovered_is_not_lost() {
    let specs = vec![Spec {
        title: "a".to_owned(),
        arguments: ["scan:/w/src/a", "write:/w/out/a", "depfile:/w/out/a.d"]
            .map(str::to_owned)
            .to_vec(),
        inputs: text(&["src/a"]),
        outputs: text(&["out/a"]),
        depfile: Some("out/a.d".to_owned()),
        ..Spec::default()
    }];
    let world = Imitation::new(0);
    world.edit("src/a", "@src/h");
    world.edit("src/h", "1");
    world.sleep();
    world.edit_meanwhile("src/h", "2");
    let state = State::in_memory(Path::new(TOP));
    let mut session = Session {
        specs,
        world,
        state,
    };
    session.build();
    assert_eq!(session.ran(), ["a"]);
    assert!(session.ran().is_empty());
    session.world.edit("src/h", "3");
    assert!(
        matches!(&session.reasons()[..], [Reason::InputChanged { path, .. }] if path == "src/h")
    );
    assert_eq!(
        session.world.text("out/a.d"),
        None,
        "the depfile is taken in"
    );
}

#[test]
fn an_equal_output_keeps_inode_and_mtime_and_stops_what_follows() {
    let mut session = Session::new(chain(), &[("src/a", "v1 COARSE")]);
    let mut stopped = 0;
    for round in 2..12 {
        session.world.edit("src/a", &format!("v{round} COARSE"));
        let (text, identity) = (session.world.text("out/a"), session.world.identity("out/a"));
        let ran = session.ran();
        if session.world.text("out/a") == text {
            assert_eq!(ran, ["a"]);
            assert_eq!(session.world.identity("out/a"), identity);
            stopped += 1;
        } else {
            assert_eq!(ran, ["a", "b"]);
        }
    }
    assert!(stopped > 0, "ten inputs and two outputs");
}

#[test]
fn outputs_edited_or_deleted_by_hand_are_made_again() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    let right = session.world.text("out/a");
    session.world.edit("out/a", "by hand");
    assert!(matches!(
        &session.reasons()[..],
        [Reason::OutputChanged { .. }]
    ));
    assert_eq!(session.world.text("out/a"), right);
    session.world.delete("out/b");
    let path = "out/b".to_owned();
    assert_eq!(session.reasons(), [Reason::OutputMissing { path }]);
}

#[test]
fn a_changed_flag_is_told_with_old_and_new() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.specs[1].arguments.push("flag:x".to_owned());
    let reasons = session.reasons();
    let Reason::CommandChanged { changes, .. } = &reasons[0] else {
        panic!("{reasons:?}")
    };
    assert_eq!(
        (changes[0].old.as_deref(), changes[0].new.as_deref()),
        (None, Some("flag:x"))
    );
    assert_eq!(changes.len(), 1);
}

#[test]
fn a_failure_leaves_nothing_and_runs_again() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.world.edit("src/a", "ERROR");
    let (summary, heard) = session.build();
    assert_eq!((summary.failed, summary.not_run), (1, 1));
    assert_eq!(heard.skipped(), ["b"]);
    assert_eq!(session.world.text("out/a"), None);
    assert_eq!(session.reasons(), [Reason::LastFailed]);
    session.world.edit("src/a", "1");
    assert_eq!(session.ran(), ["a"], "`b` has what it read before");
}

#[test]
fn a_file_that_wake_did_not_make_survives_a_failure() {
    let mut session = Session::new(Vec::new(), &[("src/a", "ERROR"), ("out/a", "mine")]);
    session.specs = chain();
    assert_eq!(session.build().0.failed, 1);
    assert_eq!(session.world.text("out/a").as_deref(), Some("mine"));
}

#[test]
fn why_it_would_run_is_told_without_running_it() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    assert_eq!(session.preview(), []);
    session.world.edit("src/a", "2");
    let reasons = session.preview();
    assert!(matches!(&reasons[0], Reason::InputChanged { path, .. } if path == "src/a"));
    let (path, by) = ("out/a".to_owned(), "out/a".to_owned());
    assert_eq!(reasons[1], Reason::InputMayChange { path, by });
    assert_eq!(session.reasons()[0], reasons[0]);
}

/// Catches a cause that is told of a run it did not lead to.
#[test]
fn what_led_to_a_run_is_told_only_while_it_is_recorded() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.world.edit("src/a", "2");
    assert_eq!(session.ran(), ["a", "b"]);
    let led_to_b = |session: &Session| -> Vec<Reason> {
        let causes = Causes::new(&session.state);
        let found = causes.find(|run| run.title == "b");
        let chain = causes.chain(found[0]);
        chain.iter().map(|run| run.reason.clone()).collect()
    };
    let reasons = led_to_b(&session);
    assert!(
        matches!(&reasons[..], [Reason::InputChanged { path, .. }] if path == "src/a"),
        "{reasons:?}"
    );
    session.world.delete("out/a");
    assert_eq!(session.ran(), ["a"], "it makes the same");
    assert_eq!(led_to_b(&session), []);
}

/// Catches a preview that takes what is wrong on the disk for what will be there: an edited output is made as it was.
#[test]
fn what_is_made_again_may_come_out_as_it_was() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.world.edit("out/a", "by hand");
    let reasons = session.preview();
    assert!(
        matches!(&reasons[0], Reason::OutputChanged { .. }),
        "{reasons:?}"
    );
    assert!(
        matches!(&reasons[1], Reason::InputMayChange { .. }),
        "{reasons:?}"
    );
    assert_eq!(session.ran(), ["a"]);
    session.world.delete("out/a");
    session.world.delete("out/b");
    let missing = |path: &str| Reason::OutputMissing {
        path: path.to_owned(),
    };
    assert_eq!(session.preview(), [missing("out/a"), missing("out/b")]);
    assert_eq!(session.ran(), ["a", "b"]);
}

#[test]
fn an_operation_that_leaves_the_graph_takes_its_files_and_directories_along() {
    let mut specs = chain();
    specs[1].outputs = text(&["out/deep/er/b"]);
    specs[1].arguments[1] = "write:/w/out/deep/er/b".to_owned();
    let mut session = Session::new(specs, &[("src/a", "1")]);
    session.world.edit("out/mine", "not wake's");
    session.specs.truncate(1);
    let (_, heard) = session.build();
    let path = "out/deep/er/b".to_owned();
    assert!(heard.0.contains(&Event::StaleRemoved { path }));
    let left: Vec<String> = session.world.tree("out").into_keys().collect();
    assert_eq!(left, ["out/", "out/a", "out/mine"]);
}

/// Ninja #1995: the cleaner of dead files removed inputs.
#[test]
fn an_output_that_became_a_source_is_not_removed() {
    let mut session = Session::new(chain(), &[("src/a", "1")]);
    session.specs.remove(0);
    session.build();
    assert!(session.world.text("out/a").is_some());
    assert!(session.ran().is_empty());
}

#[test]
fn a_read_of_something_generated_must_be_declared() {
    let mut specs = chain();
    specs[1] = Spec {
        title: "b".to_owned(),
        arguments: ["scan:/w/src/b", "write:/w/out/b", "depfile:/w/out/b.d"]
            .map(str::to_owned)
            .to_vec(),
        inputs: text(&["src/b"]),
        outputs: text(&["out/b"]),
        depfile: Some("out/b.d".to_owned()),
        ..Spec::default()
    };
    let mut session = Session::new(specs, &[("src/a", "1"), ("src/b", "@out/a")]);
    assert_eq!(session.world.text("out/b"), None);
    let (_, heard) = session.build();
    let cause = heard.0.iter().find_map(|event| match event {
        Event::OperationFinished {
            outcome: Outcome::Unusable { cause, .. },
            ..
        } => Some(cause.clone()),
        _ => None,
    });
    assert_eq!(
        cause.as_deref(),
        Some(
            "It read `out/a`, which another operation makes and it does not declare: `out/b` reads it: `out/a` makes it"
        )
    );
    session.specs[1].order_only = text(&["out/a"]);
    assert_eq!(session.ran(), ["b"]);
    session.world.edit("src/a", "2");
    assert_eq!(session.ran(), ["a", "b"]);
}

/// `out/b` from `src/b` and what that names.
fn scanner() -> Spec {
    let arguments = ["scan:/w/src/b", "write:/w/out/b", "depfile:/w/out/b.d"];
    Spec {
        title: "b".to_owned(),
        arguments: text(&arguments),
        inputs: text(&["src/b"]),
        outputs: text(&["out/b"]),
        depfile: Some("out/b.d".to_owned()),
        ..Spec::default()
    }
}

#[test]
fn a_source_that_has_become_generated_must_be_declared_even_if_it_is_equal() {
    let mut session = Session::new(
        vec![scanner()],
        &[("src/b", "@out/a"), ("out/a", "by hand")],
    );
    let write = Action::WriteFile {
        content: "by hand".to_owned(),
        executable: false,
    };
    session.specs.push(Spec {
        title: "a".to_owned(),
        outputs: text(&["out/a"]),
        action: Some(write),
        ..Spec::default()
    });
    assert_eq!(session.build().0.failed, 1);
}

#[test]
fn a_file_in_a_generated_directory_is_looked_at_again_when_that_was_made_anew() {
    let tree = Spec {
        title: "tree".to_owned(),
        arguments: text(&["read:/w/src/a", "tree:/w/out/d/"]),
        inputs: text(&["src/a"]),
        outputs: text(&["out/d/"]),
        ..Spec::default()
    };
    let mut reader = scanner();
    reader.order_only = text(&["out/d/"]);
    let sources = [("src/a", "1"), ("src/b", "@out/d/leaf0 @out/d/leaf1")];
    let mut session = Session::new(vec![tree, reader], &sources);
    // Which leaf there is depends on what was read: the other one cannot be read.
    for text in ["2", "3", "4", "5"] {
        let leaf = ["out/d/leaf0", "out/d/leaf1"].map(|path| session.world.text(path).is_some());
        let named = if leaf[0] {
            "@out/d/leaf0"
        } else {
            "@out/d/leaf1"
        };
        session.world.edit("src/b", named);
        session.build();
        session.world.edit("src/a", text);
        assert_eq!(session.ran(), ["tree", "b"]);
    }
}

#[test]
fn without_depfile_another_order_only_input_is_a_change() {
    let mut specs = chain();
    let mut session = Session::new(specs.clone(), &[("src/a", "1"), ("src/c", "1")]);
    specs[1].order_only = text(&["src/c"]);
    session.specs = specs;
    let path = "src/c".to_owned();
    let listing = Listing::Added;
    assert_eq!(
        session.reasons(),
        [Reason::OrderOnlyChanged { path, listing }]
    );
    assert!(session.ran().is_empty());
    session.world.edit("src/c", "2");
    assert_eq!(session.ran(), ["b"]);
}

/// What a killed operation left is known as wake's although it never ended.
#[test]
fn the_remains_of_a_killed_operation_that_leaves_the_graph_are_removed() {
    let mut specs = chain();
    specs[0].arguments.swap(0, 1);
    let mut session = Session::new(Vec::new(), &[("src/a", "1")]);
    session.specs = specs;
    session.world.die_after(0, &session.state);
    session.build();
    let log = session.world.revive().unwrap();
    assert!(
        session.world.text("out/a").is_some(),
        "it died after it had written"
    );
    session.state = State::of_bytes(Path::new(TOP), log).unwrap().0;
    session.specs.clear();
    session.build();
    assert!(session.world.text("out/a").is_none());
}

#[test]
fn a_made_directory_may_be_filled_by_others() {
    let directory = Spec {
        title: "directory".to_owned(),
        outputs: text(&["out/include"]),
        action: Some(Action::MakeDirectory),
        ..Spec::default()
    };
    let mut copy = chain().remove(0);
    copy.arguments[1] = "write:/w/out/include/a".to_owned();
    copy.outputs = text(&["out/include/a"]);
    copy.order_only = text(&["out/include"]);
    let mut session = Session::new(vec![directory, copy], &[("src/a", "1")]);
    assert!(session.ran().is_empty());
    session.world.edit("src/a", "2");
    assert_eq!(session.ran(), ["a"]);
    session.specs.clear();
    session.build();
    assert!(session.world.tree("out/include").is_empty());
}

#[test]
fn a_missing_input_is_named_and_nothing_runs() {
    let mut session = Session::new(chain(), &[]);
    let (summary, heard) = session.build();
    assert_eq!(
        (summary.failed, summary.not_run, heard.ran().len()),
        (1, 1, 0)
    );
    assert!(format!("{:?}", heard.0).contains("Its input `src/a` does not exist"));
}

#[test]
fn passed_tests_are_up_to_date_and_failed_ones_run_again() {
    let mut specs = chain();
    for (title, input) in [("good", "out/b"), ("bad", "src/bad")] {
        specs.push(Spec {
            title: title.to_owned(),
            arguments: vec![format!("read:{TOP}/{input}")],
            inputs: text(&[input]),
            is_test: true,
            ..Spec::default()
        });
    }
    let mut session = Session::new(specs, &[("src/a", "1"), ("src/bad", "ERROR")]);
    let mut test = |filter: Option<&str>, rerun| {
        session.world.sleep();
        let filter = filter.map(str::to_owned);
        build(
            &session.specs,
            &mut session.state,
            &session.world,
            |options| {
                options.keep_going = 1;
                options.wanted = Wanted::Test { filter, rerun };
            },
        )
    };
    let (summary, heard) = test(None, false);
    assert_eq!((summary.tests_passed, summary.tests_failed), (1, 1));
    assert_eq!(heard.ran().len(), 2);
    assert_eq!(test(None, false).1.ran(), ["bad"]);
    assert_eq!(test(Some("go*"), true).1.ran(), ["good"]);
    assert!(test(Some("oo"), false).1.ran().is_empty());
}

/// A workspace on the real disk; commands are scripts.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_directories(&directory.path().join("src")).unwrap();
        Self { directory }
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.directory.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        fs::write(&self.path(path), text.as_bytes()).unwrap();
    }

    fn read(&self, path: &str) -> String {
        String::from_utf8(fs::read(&self.path(path)).unwrap()).unwrap()
    }

    fn build(&self, specs: &[Spec]) -> (Summary, Heard) {
        self.build_with(specs, |_| {})
    }

    fn build_with(
        &self,
        specs: &[Spec],
        adjust: impl FnOnce(&mut super::Options),
    ) -> (Summary, Heard) {
        let top = self.directory.path().canonicalize().unwrap();
        let directory = top.join(".wake/state");
        let (mut state, loss) = State::open(&directory, &top).unwrap();
        assert_eq!(loss, None);
        build(specs, &mut state, &Real::new(&directory), adjust)
    }
}

fn script(title: &str, script: &str, inputs: &[&str], outputs: &[&str]) -> Spec {
    Spec {
        title: title.to_owned(),
        arguments: text(&["-ec", script]),
        inputs: text(inputs),
        outputs: text(outputs),
        ..Spec::default()
    }
}

#[test]
fn real_files_are_built_in_parallel_and_once() {
    let place = Place::new();
    let mut specs = Vec::new();
    for index in 0..40 {
        place.write(&format!("src/{index}"), "x");
        let (input, output) = (format!("src/{index}"), format!("out/o/{index}"));
        specs.push(script(
            &output,
            &format!("cp {input} {output}"),
            &[&input],
            &[&output],
        ));
    }
    let all: Vec<String> = (0..40).map(|index| format!("out/o/{index}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    specs.push(script(
        "all",
        "cat out/o/* > $(target)/all",
        &all,
        &["out/all"],
    ));
    let (summary, _) = place.build_with(&specs, |options| options.jobs = 4);
    assert_eq!((summary.ran, summary.failed), (41, 0));
    assert_eq!(place.read("out/all"), "x".repeat(40));
    assert_eq!(place.build(&specs).0.ran, 0);
    place.write("src/7", "y");
    assert_eq!(place.build(&specs).1.ran(), ["out/o/7", "all"]);
    let private = fs::list(&place.path(".wake/tmp")).unwrap();
    assert!(private.is_empty(), "{private:?}");
}

#[test]
fn a_process_sees_its_private_directories_and_nothing_else() {
    let place = Place::new();
    let look = "env | cut -d= -f1 | sort | tr '\\n' ' ' > out/e; test -d $TMPDIR; ls -A $HOME $TMPDIR | wc -w >> out/e; touch $TMPDIR/litter $HOME/litter";
    let look = look.replace('$', "$$");
    let first = script("first", &look, &[], &["out/e"]);
    let second = script(
        "second",
        &look.replace("out/e", "out/f"),
        &["out/e"],
        &["out/f"],
    );
    let (summary, heard) = place.build(&[first, second]);
    assert_eq!(summary.ran, 2, "{}", heard.tell());
    // The shell adds `PWD` and its like by itself.
    for path in ["out/e", "out/f"] {
        let text = place.read(path);
        let names: Vec<&str> = text
            .split_whitespace()
            .filter(|name| !matches!(*name, "PWD" | "_" | "SHLVL" | "OLDPWD"))
            .collect();
        let (count, names) = names.split_last().unwrap();
        assert_eq!(names, ["HOME", "LANG", "PATH", "TMPDIR", "TZ"]);
        assert!(
            matches!(*count, "0" | "2"),
            "only the two headings of ls: {text}"
        );
    }
}

#[test]
fn outputs_that_are_missing_or_of_another_kind_are_named() {
    let place = Place::new();
    let specs = [
        script("missing", "true", &[], &["out/missing"]),
        script(
            "directory",
            "mkdir -p out/directory/x",
            &[],
            &["out/directory"],
        ),
        script("file", "echo > out/file", &[], &["out/file/"]),
    ];
    let (summary, heard) = place.build(&specs);
    assert_eq!(summary.failed, 3);
    let told = heard.tell();
    for cause in [
        "It did not make its output `out/missing`",
        "Its output `out/directory` is a directory, and was declared as a file",
        "Its output `out/file/` is a file, and was declared as a directory",
    ] {
        assert!(told.contains(cause), "{told}");
    }
    let left = fs::list(&place.path("out")).unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_kept_output_keeps_its_inode_on_the_real_disk() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    place.write("src/a", "1");
    let specs = [script("a", "wc -l < src/a > out/a", &["src/a"], &["out/a"])];
    place.build(&specs);
    let identity = || {
        let metadata = fs::open(&place.path("out/a")).unwrap().metadata().unwrap();
        (metadata.ino(), metadata.mtime_nsec())
    };
    let before = identity();
    place.write("src/a", "2");
    assert_eq!(place.build(&specs).0.ran, 1);
    assert_eq!(identity(), before);
    assert_eq!(place.build(&specs).0.ran, 0);
}

#[test]
fn an_interrupted_build_leaves_no_output_and_goes_on_later() {
    let place = Place::new();
    let slow = "echo half > out/a; if ! test -e src/go; then sleep 600; fi";
    let specs = [script("a", slow, &[], &["out/a"])];
    let (summary, _) = place.build_with(&specs, |options| {
        let interrupt = options.interrupt.clone();
        let half = place.path("out/a");
        std::thread::spawn(move || {
            while !fs::exists(&half) {
                std::thread::yield_now();
            }
            interrupt.request();
        });
    });
    assert!(summary.interrupted);
    assert!(!fs::exists(&place.path("out/a")));
    place.write("src/go", "");
    let (summary, heard) = place.build(&specs);
    assert_eq!(summary.ran, 1);
    assert!(heard.tell().contains("Interrupted"), "{}", heard.tell());
}

#[test]
fn an_operation_that_cannot_start_says_why() {
    let place = Place::new();
    let specs = [script("a", "$(nowhere)/x", &[], &["out/a"])];
    let (summary, heard) = place.build(&specs);
    assert_eq!(summary.failed, 1);
    let unusable = heard.0.iter().any(|event| {
        matches!(event, Event::OperationFinished { outcome: Outcome::Unusable { cause, .. }, .. } if cause.contains("`$(nowhere)` stands for nothing"))
    });
    assert!(unusable, "{:?}", heard.0);
}
