//! Retrievers that do not end, say too much, or leave something behind.

use std::io::Read;

use wake::sandbox::{Order, Policy, Started};

use super::*;

/// Waits until a process that has left everything, and would live on, has written its id.
const DAEMON: &str = r#"( setsid sh -c 'echo $$ > "$TMPDIR/new"; mv "$TMPDIR/new" "$TMPDIR/pid"; exec sleep infinity' \
    > /dev/null 2>&1 & )
until test -e "$TMPDIR/pid"; do :; done
pid=$(cat "$TMPDIR/pid")"#;

fn is_alive(pid: u64) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Catches a daemon that a retriever leaves in its own session, with an own parent and without pipes.
#[test]
fn what_a_retriever_leaves_behind_is_ended() {
    for is_sandboxed in [true, false] {
        let mut place = Place::shell(&format!(
            "{DAEMON}\necho '[[{{\"version\":\"1.0.0\",\"size\":'$pid'}}]]'"
        ));
        place.is_sandboxed = is_sandboxed;
        let pid = place.candidates().unwrap()[0].size.unwrap();
        assert!(!is_alive(pid));
        let left = std::fs::read_dir(place.path("work/.wake/tmp")).unwrap();
        assert_eq!(left.count(), 0, "private directories are removed");
    }
}

/// Catches a tree that survives wake: the end of the line is all that its supervisor hears of that.
#[test]
fn a_tree_ends_when_nobody_listens() {
    let place = Place::shell(&format!("{DAEMON}\necho $pid; exec sleep infinity"));
    let order = Order {
        program: place.retriever.program.clone(),
        arguments: Vec::new(),
        directory: place.path("package"),
        environment: BTreeMap::from([(
            "TMPDIR".to_owned(),
            place.path("work").display().to_string(),
        )]),
        input: String::new(),
        policy: Policy::unconfined(),
    };
    let mut started = Started::new(env!("CARGO_BIN_EXE_wake").as_ref(), &order).unwrap();
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        let mut byte = [0];
        started.stdout.read_exact(&mut byte).unwrap();
        line.extend(byte);
    }
    let pid = String::from_utf8(line).unwrap().trim().parse().unwrap();
    assert!(is_alive(pid));
    drop(started);
    assert!(!is_alive(pid));
}

/// Catches a retriever that wake waits for, and one whose children are. How long it may take is tried: that it has come
/// so far is what counts.
#[test]
fn a_retriever_that_hangs_is_ended() {
    let mut place = Place::shell(&format!(
        "{DAEMON}\necho waiting for $pid >&2; exec sleep infinity"
    ));
    for seconds in [0.2, 2.0, 20.0] {
        place.limits.timeout = Duration::from_secs_f64(seconds);
        let error = place.candidates().unwrap_err();
        let said = place.said.borrow().join("\n");
        let Some(pid) = said.strip_prefix("waiting for ") else {
            continue;
        };
        assert!(!is_alive(pid.parse().unwrap()));
        let shown = place.shown(&error).replace(pid, "[PID]");
        insta::assert_snapshot!(shown.replace(&format!("{seconds} s"), "[TIME]"));
        return;
    }
    panic!("it never came to hang");
}

/// Catches memory that fills, and pipes that nobody empties.
#[test]
fn output_without_end_is_an_error() {
    let mut place = Place::shell("yes >&2 & yes");
    place.limits.answer = 1 << 20;
    let error = place.candidates().unwrap_err();
    assert_eq!(
        error.report().message,
        "Retriever `acme/fetcher` answers with more than 1048576 bytes"
    );
    let shown = place.shown(&error);
    assert!(shown.len() < 20 << 10, "{} bytes", shown.len());
}

/// Catches a request that is too long for a pipe, and one that nobody reads.
#[test]
fn a_long_request_that_is_not_read_is_no_matter() {
    let mut place = Place::shell("echo '[[]]'");
    place.retriever.config = Value::String("x".repeat(4 << 20));
    assert_eq!(place.candidates().unwrap(), []);
}

/// Catches a program that is not found being an error without a name.
#[test]
fn a_program_that_cannot_be_started_is_named() {
    let mut text = String::new();
    let mut complain = |title: &str, change: &dyn Fn(&mut Place)| {
        let mut place = Place::shell("echo '[[]]'");
        change(&mut place);
        let error = place.candidates().unwrap_err();
        text.push_str(&format!("## {title}\n{}\n", place.shown(&error)));
    };
    complain("missing", &|place| {
        place.retriever.program = place.path("package/other")
    });
    complain("not executable", &|place| {
        std::fs::set_permissions(
            &place.retriever.program,
            std::fs::Permissions::from_mode(0o644),
        )
        .unwrap();
    });
    complain("no interpreter", &|place| {
        std::fs::write(&place.retriever.program, "#!/nowhere/sh\n").unwrap();
    });
    complain("an interpreter that may not be executed", &|place| {
        let shell = place.path("work/sh");
        std::fs::copy("/bin/sh", &shell).unwrap();
        std::fs::write(&place.retriever.program, format!("#!{}\n", shell.display())).unwrap();
    });
    complain("no directory", &|place| {
        place.retriever.directory = place.path("nowhere")
    });
    insta::assert_snapshot!(text);
}

/// Catches an end that always comes too late: for a process that goes on in another one all the time, and for many.
#[test]
fn what_flees_is_caught() {
    // Were it not caught, it would still end: nothing else on this machine must suffer.
    let hydra = "limit = time.monotonic() + 30
def flee():
    while time.monotonic() < limit:
        if os.fork():
            os._exit(0)
        os.setsid()
for head in range(3):
    if os.fork() == 0:
        flee()
print('[[]]')";
    let Some(place) = Place::python(hydra) else {
        return;
    };
    assert_eq!(place.candidates().unwrap(), []);
}
