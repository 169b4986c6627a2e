//! Observed builds: what operations were seen to do counts, declared or not.

use crate::support::{Stage, skipped};

/// A stage whose builds are observed; `None` where that is not possible.
fn stage(test: &str) -> Option<Stage> {
    let how = wake::observe::How {
        copies: None,
        may_mount: false,
    };
    if let Err(cause) = wake::observe::observer(&how) {
        skipped(&format!("{test}: {cause}"));
        return None;
    }
    Some(Stage::new())
}

/// Catches a header that nobody declares and no depfile names: an edit, its removal, and one that appears.
#[test]
fn a_forgotten_header_counts() {
    let Some(mut stage) = stage("a_forgotten_header_counts") else {
        return;
    };
    stage.tell(
        "file a one
         file h two
         op A: a -> x = cat a h | xargs > @0
         op B: a -> y = cat a > @0
         build A B
         file h three
         build A
         has x one three
         keep h four!
         build A",
    );
}

/// Catches a look-up that found nothing and is forgotten: in a list of directories, in PATH, and where a file is optional.
#[test]
fn what_appears_earlier_is_noticed() {
    let Some(mut stage) = stage("what_appears_earlier_is_noticed") else {
        return;
    };
    stage.tell(
        "file second/h second
         op A: -> x = for d in first second; do if test -e $d/h; then cat $d/h > @0; break; fi; done
         op B: -> y = PATH=$PWD/bin:$PATH; tool=$(command -v greet || echo none); echo $tool > @0
         op C: -> z = if test -e option; then echo with; else echo without; fi > @0
         build A B C
         file first/h first
         build A
         has x first
         file other nothing
         build -
         file option yes
         build C
         has z with
         rm option
         build C
         rm first
         build A
         has x second",
    );
}

/// Catches a listing that counts by the time of its directory, or not at all.
#[test]
fn a_listing_counts_by_its_names() {
    let Some(mut stage) = stage("a_listing_counts_by_its_names") else {
        return;
    };
    stage.tell(
        "file dir/a one
         op A: -> x = ls dir | xargs > @0
         build A
         file dir/a two
         build -
         file dir/b one
         build A
         has x a b
         rm dir/b
         build A
         file dir/sub/c deep
         build A
         file dir/sub/d deep
         build -",
    );
}

/// Catches an operation that walks through everything and so depends on what wake and others make.
#[test]
fn what_wake_makes_counts_for_nothing() {
    let Some(mut stage) = stage("what_wake_makes_counts_for_nothing") else {
        return;
    };
    stage.tell(
        "file src/a.c one
         op A: -> x = find . -name '*.c' | sort | xargs > @0; ls -a @t ../ > /dev/null
         op B: src/a.c -> y
         build A B
         flavor Release
         build A B
         flavor Debug
         build -
         op C: src/a.c -> z
         build C
         file src/b.c two
         build A
         has x ./src/a.c ./src/b.c
         file c.c three
         build A
         has x ./c.c ./src/a.c ./src/b.c",
    );
}

/// Catches what is hidden by what an operation does besides: a link that it removes again, a temporary file beside what it
/// lists, an attempt to change what is not there, and names that cannot exist.
#[test]
fn what_is_done_besides_hides_nothing() {
    let Some(mut stage) = stage("what_is_done_besides_hides_nothing") else {
        return;
    };
    stage.tell(
        "file inc/h one
         file dir/a one
         op A: -> x = ln -s $PWD/inc $TMPDIR/i; cat $TMPDIR/i/h > @0; rm $TMPDIR/i
         op B: -> y = echo > dir/temporary; rm dir/temporary; ls dir | xargs > @0
         op C: -> z = mv maybe $TMPDIR/m 2> /dev/null && cp $TMPDIR/m @0 && cp @0 maybe || echo none > @0
         op D: -> w = ! test -e $(printf '%0300d' 0) && echo > @0",
    );
    let build = ["build", "--no-compile-commands"];
    stage.wake(&build).success();
    // What B did to the directory is seen once more, since nobody had looked at it before.
    stage.wake(&build).success();
    stage.wake(&build).success().says("Nothing to do");
    stage.tell("file inc/h two");
    stage.wake(&build).success().says("1 operation run");
    stage.tell("file dir/b one");
    stage.wake(&build).success().says("1 operation run");
    stage.tell("file maybe now");
    assert!(
        stage.wake(&build).stderr.contains("C"),
        "the absence counts"
    );
}

/// Catches a look-up that found nothing only because what it looked for had not been made yet.
#[test]
fn what_is_not_made_yet_is_not_absent() {
    let Some(mut stage) = stage("what_is_not_made_yet_is_not_absent") else {
        return;
    };
    stage.tell(
        "op A: -> a/x = test ! -e @t/z && echo > @0
         op B: a -> z
         file a one",
    );
    let run = stage.wake(&["build", "-j1", "-k0", "--no-compile-commands"]);
    run.code(1)
        .says("which another operation makes and it does not declare");
}

/// Catches what was only looked at and counts as if it had been read, and the reverse.
#[test]
fn what_was_learned_counts_and_no_more() {
    let Some(mut stage) = stage("what_was_learned_counts_and_no_more") else {
        return;
    };
    stage.tell(
        "file a one
         ln a link
         op A: -> x = if test -e a; then echo there; fi > @0
         op B: -> y = readlink link > @0
         op C: -> z = cat link > @0
         build A B C
         file a two
         build C
         has z two
         file b six
         rm link
         ln b link
         build B C
         has y b",
    );
}

/// Catches a generated file that is used before anybody says so: it would be whatever was there.
#[test]
fn what_another_operation_makes_must_be_declared() {
    let Some(mut stage) = stage("what_another_operation_makes_must_be_declared") else {
        return;
    };
    stage.tell(
        "file a one
         op A: a -> x
         op B: a -> y = cat @t/x > @0 || echo nothing > @0",
    );
    let run = stage
        .wake(&["build", "-j1", "--no-compile-commands"])
        .code(1);
    run.says("It read `")
        .says("which another operation makes and it does not declare")
        .says("hint: add the file to its inputs");
    stage.tell(
        "op B: a :x -> y = cat @t/x > @0
         build
         has y one",
    );
}

/// Catches a source that is overwritten, a file that is made somewhere, one that is removed, and a second writer.
#[test]
fn only_its_own_target_directory_may_be_written() {
    let Some(mut stage) = stage("only_its_own_target_directory_may_be_written") else {
        return;
    };
    let wrong = [
        (
            "cat a > @0; echo more >> a",
            "It wrote `a`, which was there before",
        ),
        (
            "cat a > @0; echo more > other",
            "It wrote `other`, outside of its target directory",
        ),
        (
            "cat a > @0; rm a2",
            "It removed `a2`, which was there before",
        ),
        (
            "cat a > @0; mv a2 a3",
            "It removed `a2`, which was there before",
        ),
        (
            "cat a > @0; echo > @t/y",
            "y`, which another operation makes",
        ),
        ("cat a > @0; rm @t/y", "y`, which another operation makes"),
    ];
    for (script, message) in wrong {
        stage.tell(&format!(
            "file a one
             file a2 two
             op B: a -> y
             op A: a :y -> x = {script}"
        ));
        let run = stage.wake(&["build", "--no-compile-commands"]).code(1);
        run.says(message).says("hint: have ");
        assert!(stage.made("x").symlink_metadata().is_err(), "{script}");
        for left in ["other", "a3"] {
            let _ = std::fs::remove_file(stage.space().path(left));
        }
    }
    stage.tell(
        "op A: a :y -> x = cat a > $TMPDIR/t; mv $TMPDIR/t @0; mkdir -p @t/obj; echo > @t/obj/a.o; touch -c nowhere
         build",
    );
    assert!(!stage.space().exists("nowhere"));
}

/// Catches a result that is believed although not all was seen: it runs again, and says why.
#[test]
fn what_was_not_all_seen_is_not_believed() {
    let Some(mut stage) = stage("what_was_not_all_seen_is_not_believed") else {
        return;
    };
    let socket = stage.space().path("socket");
    let _server = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let connect = format!(
        "python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{}\")' && echo > @0",
        socket.display()
    );
    if !std::path::Path::new("/usr/bin/python3").exists() {
        return skipped("what_was_not_all_seen_is_not_believed: no python3");
    }
    stage.tell(&format!("op A: -> x = {connect}"));
    stage.wake(&["build", "--no-compile-commands"]).success();
    stage
        .wake(&["build", "--no-compile-commands", "--explain"])
        .success()
        .says("not all that it touched was seen last time: it talks with another process by the socket");
    stage.wake(&["why", "A"]).success();
}

/// Catches reads that cannot be asked for.
#[test]
fn reads_are_listed() {
    let Some(mut stage) = stage("reads_are_listed") else {
        return;
    };
    stage.tell(
        "file a one
         file h two
         file dir/b three
         op A: a -> x = cat a h > @0; ls dir >> @0; test ! -e no
         build A",
    );
    let run = stage.wake(&["why", "--reads", "A"]).success();
    let here: Vec<&str> = run
        .stdout
        .lines()
        .filter(|line| !line.contains("  /"))
        .collect();
    assert_eq!(
        here,
        [
            "content    declared  a",
            "listing    observed  dir",
            "content    observed  h",
            "absence    observed  no",
        ]
    );
    let json = stage
        .wake(&["why", "--reads", "A", "--format", "json"])
        .success()
        .stdout;
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    let reads = json[0]["reads"].as_array().unwrap();
    assert!(
        reads
            .iter()
            .any(|read| read["path"] == "h" && read["what"] == "content")
    );
    // What was declared when nobody looked is all that is known.
    stage.wake(&["why", "--reads"]).code(2);
}

/// Catches a build that fails, or says nothing, where somebody else is asked about system calls already; and what its own
/// operations do being lost on whoever observes it.
#[test]
fn where_it_is_not_possible_it_says_so() {
    let Some(mut stage) = stage("where_it_is_not_possible_it_says_so") else {
        return;
    };
    let wake = env!("CARGO_BIN_EXE_wake");
    stage.space().file(
        "inner",
        "function(wake) wake.pkg(wake.pkgInfo('inner'), modules={ root: function(wake, pkg, config) wake.recipe({
           Language: 'Command', Operations: [
             { Title: 'Copy', Executable: 'cp', Arguments: ['$(input 0)', '$(output 0)'], Inputs: ['far'], Outputs: ['o'] },
           ] }) })",
    );
    stage.tell(&format!(
        "file far one
         op A: inner -> x = mkdir $TMPDIR/w; cp inner $TMPDIR/w/PKG; ln -s $PWD/far $TMPDIR/w/far; cd $TMPDIR/w; {wake} build -q --monitor 2> @0"
    ));
    stage.wake(&["build", "--no-compile-commands"]).success();
    let said = std::fs::read_to_string(stage.made("x")).unwrap();
    assert_eq!(
        said,
        "warning: operations are not observed: another program observes wake by seccomp already\n"
    );
    // What the inner one ran, the outer one saw.
    stage
        .wake(&["build", "--explain"])
        .success()
        .says("Nothing to do");
    stage.tell("file far two");
    stage.wake(&["build"]).success().says("1 operation run");
    stage.wake(&["build"]).success().says("Nothing to do");
}

/// Catches a file that is read or made without a declaration where only declared ones may be, and one that is declared
/// and refused all the same: itself, by its directory, or by a depfile.
#[test]
fn strictly_everything_is_declared() {
    let Some(mut stage) = stage("strictly_everything_is_declared") else {
        return;
    };
    stage.tell(
        "file a one
         file h two
         file dir/b three
         op A: a dir -> x = cat a h dir/b > @0; ls . > /dev/null; test ! -e other
         op B: a -> y = cat a > @0
         op D: a -> w w.d = cat a h > @0; echo w: h > @t/w.d",
    );
    let strictly = ["build", "--no-compile-commands", "--strict"];
    stage
        .wake(&strictly)
        .code(1)
        .says("`A` failed: It read `h`, which it does not declare")
        .says("hint: add it to its inputs, or build without `--strict`");
    stage.tell("op A: a h dir -> x = cat a h dir/b > @0");
    stage.wake(&strictly).success();
    stage.tell("op B: a -> y = cat a > @0; echo > @t/stray; cat dir/b h > /dev/null");
    stage
        .wake(&strictly)
        .code(1)
        .says("It read `dir/b`, which it does not declare")
        .says("nor `h`");
    stage.tell("op B: a -> y = cat a > @0; echo > @t/stray");
    stage
        .wake(&strictly)
        .code(1)
        .says("/stray`, which it does not declare");
    stage.wake(&["build", "--no-compile-commands"]).success();
    stage
        .wake(&["build", "--strict", "--no-monitor"])
        .code(2)
        .says("cannot be used with");
}

/// Catches a directory that is declared as a cache and counts all the same, by reading it or by writing to it.
#[test]
fn what_is_kept_in_a_cache_counts_for_nothing() {
    let Some(stage) = stage("what_is_kept_in_a_cache_counts_for_nothing") else {
        return;
    };
    let kept = stage.space().path("../kept");
    stage.space().file(
        "PKG",
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('kept'), modules={{ root: function(wake, pkg, config) wake.recipe({{
               Language: 'Command', Operations: [{{
                 Title: 'Keep', Executable: 'sh', Arguments: ['-c', 'mkdir -p {kept}/in; cat {kept}/in/* > $(output 0) 2> /dev/null; date +%N > {kept}/in/n'],
                 Outputs: ['o'], Caches: ['{kept}'],
               }}] }}) }})",
            kept = kept.display()
        ),
    );
    let space = stage.space();
    space.wake(["build"]).success();
    space.wake(["build"]).success().says("Nothing to do");
    std::fs::write(kept.join("in/other"), "edited").unwrap();
    space.wake(["build"]).success().says("Nothing to do");
    let package = space
        .read("PKG")
        .replace("Caches: ['", "Caches: ['/nowhere', '/nowhere");
    space.file("PKG", package);
    space
        .wake(["build", "--force"])
        .code(1)
        .says("`caches` are for what it keeps between runs");
}

/// Catches a machine of which nobody can say whether it observes, and a way that is said and not gone.
#[test]
fn how_it_is_done_is_said() {
    let Some(mut stage) = stage("how_it_is_done_is_said") else {
        return;
    };
    let doctor = stage.space().wake(["doctor"]).success();
    let line = doctor.stdout.lines().nth(1).unwrap_or_default().to_owned();
    doctor.demand(line.starts_with("Operations are observed"), "how");
    stage.tell("file a one\n op A: a -> x");
    let build = ["build", "-v", "--no-compile-commands"];
    stage.wake(&build).success().says(&line);
    let idle = stage.wake(&build).success();
    idle.demand(!idle.stderr.contains("observed"), "nothing to observe");
    // Without a place for copies, all ask; and what users keep elsewhere is not touched.
    let mut slow = stage.space().command(["doctor"]);
    slow.env_remove("HOME").env_remove("XDG_CACHE_HOME");
    let slow = crate::support::Run::of(stage.space(), slow).success();
    slow.demand(slow.stdout.contains("by asking about each call"), "slower");
}

/// Catches a proposal that leaves something out, and one of what is declared: itself, by its directory, only as an order, or
/// by what lies outside of the workspace.
#[test]
fn what_is_missing_is_proposed() {
    let Some(mut stage) = stage("what_is_missing_is_proposed") else {
        return;
    };
    stage.tell(
        "file a one
         file it's two
         file dir/b three
         op A: a dir -> x = cat a \"it's\" dir/b > @0; ls . > /dev/null
         op B: a -> y = cat a dir/b > @0
         op C: a -> z",
    );
    let check = stage.wake(&["check"]).success();
    check.demand(check.stdout.contains("What 3 read is not known"), "unknown");
    stage.wake(&["build", "--no-compile-commands"]).success();
    let check = stage.wake(&["check"]).code(1);
    let lines: Vec<&str> = check.stdout.lines().collect();
    let wanted = [
        "add to the inputs of `A`:",
        "  'it\\'s',",
        "add to the inputs of `B`:",
        "  'dir/b',",
        "2 operations read what they do not declare",
    ];
    let is_it = |(line, end): (&&str, &&str)| line.ends_with(*end);
    let is_told = lines.len() == wanted.len() && lines.iter().zip(&wanted).all(is_it);
    check.demand(is_told, "both");
    stage.tell("drop A\nop B: a dir/b -> y = cat a dir/b > @0");
    stage.wake(&["build", "--no-compile-commands"]).success();
    let check = stage.wake(&["check"]).success();
    assert_eq!(check.stdout, "What operations read is declared\n");
}
