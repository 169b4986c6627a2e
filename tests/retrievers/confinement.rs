//! What a retriever may touch, with its permissions and without.

use std::net::TcpListener;

use super::*;

/// Whether each of the attempts, in Python, works, in words.
fn attempts(place: &mut Place, attempts: &[(&str, String)]) -> String {
    let mut script =
        format!("#!{PYTHON}\nimport json, os, signal, socket, subprocess, sys\nsaid = []\n");
    for (title, attempt) in attempts {
        script.push_str(&format!(
            "try:\n    {attempt}\n    said.append({title:?} + ': yes')\n\
             except BaseException as error:\n    said.append({title:?} + ': ' + type(error).__name__)\n"
        ));
    }
    script.push_str("print(json.dumps([[dict(version='1.0.0', pkgs={}, artifacts=[])]]))\n");
    script.push_str("print('\\n'.join(said), file=sys.stderr)\n");
    std::fs::write(&place.retriever.program, script).unwrap();
    place.said.borrow_mut().clear();
    if let Err(error) = place.candidates() {
        panic!("{}", place.shown(&error));
    }
    place.said.borrow().join("\n")
}

fn with_python() -> Option<Place> {
    let place = Place::python("")?;
    for (path, text) in [
        ("home/secret", "x"),
        ("work/PKG", "x"),
        ("package/data", "x"),
        ("work/shared", "x"),
    ] {
        std::fs::write(place.path(path), text).unwrap();
    }
    Some(place)
}

fn read(path: &Path) -> String {
    format!("open({:?}).read()", path.display().to_string())
}

fn write(path: &Path) -> String {
    format!("open({:?}, 'w').write('x')", path.display().to_string())
}

/// Catches a way to the user's files, or out of the sandbox, that is left open; and one that every program needs being
/// closed.
#[test]
fn files_are_those_that_are_granted() {
    let Some(mut place) = with_python() else {
        return;
    };
    let list: Vec<(&str, String)> = vec![
        ("read own package", read(&place.path("package/data"))),
        ("write own package", write(&place.path("package/data"))),
        ("read home", read(&place.path("home/secret"))),
        ("list home", format!("os.listdir({:?})", place.path("home"))),
        ("write home", write(&place.path("home/new"))),
        ("read workspace", read(&place.path("work/PKG"))),
        ("write workspace", write(&place.path("work/PKG"))),
        ("truncate workspace", format!("os.truncate({:?}, 0)", place.path("work/PKG"))),
        ("remove workspace", format!("os.remove({:?})", place.path("work/PKG"))),
        ("rename workspace", format!("os.rename({:?}, os.environ['TMPDIR'] + '/x')", place.path("work/PKG"))),
        ("link to workspace", format!("os.link({:?}, os.environ['TMPDIR'] + '/y')", place.path("work/PKG"))),
        (
            "read by a link",
            format!("os.symlink({:?}, os.environ['TMPDIR'] + '/z'); open(os.environ['TMPDIR'] + '/z')", place.path("work/PKG")),
        ),
        ("execute elsewhere", format!("subprocess.run([{:?}])", place.path("work/tool"))),
        ("read another process", format!("open('/proc/{}/environ').read()", std::process::id())),
        ("end wake", format!("os.kill({}, signal.SIGTERM)", std::process::id())),
        ("end everything", "os.kill(-1, signal.SIGTERM)".to_owned()),
        ("write own home", "open(os.environ['HOME'] + '/x', 'w').write('x')".to_owned()),
        ("write temporary", "open(os.environ['TMPDIR'] + '/x', 'w').write('x')".to_owned()),
        ("rename temporary", "os.mkdir(os.environ['TMPDIR'] + '/d'); os.rename(os.environ['TMPDIR'] + '/x', os.environ['TMPDIR'] + '/d/x')".to_owned()),
        ("read system", "open('/etc/passwd').read()".to_owned()),
        ("run system", "subprocess.run(['/bin/true'], check=True)".to_owned()),
        ("write null", "open('/dev/null', 'w').write('x')".to_owned()),
        ("make a device", "os.mknod(os.environ['TMPDIR'] + '/dev', 0o20600, os.makedev(1, 3))".to_owned()),
        ("descriptors left open", "os.fstat(3)".to_owned()),
    ];
    std::fs::copy("/bin/true", place.path("work/tool")).unwrap();
    let mut text = format!("# without permissions\n{}\n", attempts(&mut place, &list));
    assert_eq!(
        std::fs::read_to_string(place.path("work/PKG")).unwrap(),
        "x"
    );
    place.retriever.has_home = true;
    text.push_str(&format!("# with home\n{}\n", attempts(&mut place, &list)));
    insta::assert_snapshot!(text);
}

/// Catches clients that do not find their configuration, and variables that open more than they name.
#[test]
fn with_home_goes_what_variables_name() {
    let Some(mut place) = with_python() else {
        return;
    };
    for path in ["tools/bin", "tools/lib", "certificates", "cargo", "folder"] {
        std::fs::create_dir_all(place.path(path)).unwrap();
    }
    std::fs::copy("/bin/true", place.path("tools/bin/client")).unwrap();
    std::fs::write(place.path("tools/lib/part"), "x").unwrap();
    std::fs::write(place.path("certificates/a b.pem"), "x").unwrap();
    std::fs::write(place.path("certificates/other"), "x").unwrap();
    std::fs::write(place.path("folder/package"), "x").unwrap();
    std::fs::write(place.path(".npmrc"), "x").unwrap();
    let text = |path: &str| place.path(path).display().to_string();
    place.variables = [
        ("PATH", format!("/nowhere:{}:/usr/bin", text("tools/bin"))),
        ("SSL_CERT_FILE", text("certificates/a b.pem")),
        (
            "FOLDERS",
            format!("https://example.com file://{}", text("folder")),
        ),
        ("CARGO_HOME", text("cargo")),
        ("PWD", text("work")),
        ("PREFIX", "/".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into();
    let list: Vec<(&str, String)> = vec![
        (
            "run a client",
            "subprocess.run(['client'], check=True)".to_owned(),
        ),
        ("read beside it", read(&place.path("tools/lib/part"))),
        ("write beside it", write(&place.path("tools/lib/part"))),
        (
            "read a certificate",
            read(&place.path("certificates/a b.pem")),
        ),
        ("read beside that", read(&place.path("certificates/other"))),
        ("read a folder", read(&place.path("folder/package"))),
        ("read configuration above", read(&place.path(".npmrc"))),
        ("write state", write(&place.path("cargo/new"))),
        ("read workspace", read(&place.path("work/PKG"))),
    ];
    let mut text = format!("# without home\n{}\n", attempts(&mut place, &list));
    place.retriever.has_home = true;
    text.push_str(&format!("# with home\n{}\n", attempts(&mut place, &list)));
    insta::assert_snapshot!(text);
}

/// Catches a network that is there without the permission, by whatever socket, and one that is not there with it.
#[test]
fn the_network_is_there_where_it_is_granted() {
    let Some(mut place) = with_python() else {
        return;
    };
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let local = std::os::unix::net::UnixListener::bind(place.path("work/agent")).unwrap();
    let list: Vec<(&str, String)> = vec![
        (
            "connect",
            format!("socket.create_connection(('127.0.0.1', {port}))"),
        ),
        (
            "datagram",
            "socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)".to_owned(),
        ),
        (
            "raw",
            "socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)".to_owned(),
        ),
        (
            "packet",
            "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)".to_owned(),
        ),
        (
            "agent",
            format!(
                "socket.socket(socket.AF_UNIX).connect({:?})",
                place.path("work/agent")
            ),
        ),
        ("pair", "socket.socketpair()".to_owned()),
        (
            "netlink",
            "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)".to_owned(),
        ),
    ];
    let mut text = String::new();
    for (has_network, has_home) in [(false, false), (true, false), (false, true), (true, true)] {
        (place.retriever.has_network, place.retriever.has_home) = (has_network, has_home);
        let said = attempts(&mut place, &list);
        text.push_str(&format!(
            "# network: {has_network}, home: {has_home}\n{said}\n"
        ));
    }
    drop((server, local));
    insta::assert_snapshot!(text);
}

/// Catches variables that leak, and variables that clients need being lost.
#[test]
fn the_environment_is_exactly_what_is_said() {
    let mut place =
        Place::shell(r#"env | sort | sed "s,$TMPDIR,[TMPDIR],; s,$HOME,[HOME]," >&2; echo '[[]]'"#);
    place
        .retriever
        .env
        .insert("TOKEN".to_owned(), "abc".to_owned());
    let mut text = String::new();
    for has_home in [false, true] {
        place.retriever.has_home = has_home;
        place.candidates().unwrap();
        let said = place.said.take().join("\n");
        text.push_str(&format!("# home: {has_home}\n{said}\n"));
    }
    insta::assert_snapshot!(text.replace(&place.path("").display().to_string(), "[PLACE]/"));
}

/// Catches a retriever that runs unconfined where it should not. A thread that may not use Landlock stands for an old
/// kernel.
#[test]
fn what_cannot_be_confined_is_not_run() {
    let place = Place::shell("touch ../into/ran; echo '[[]]'");
    let error = std::thread::scope(|scope| {
        let place = &place;
        let surroundings = place.surroundings();
        let retriever = place.retriever.clone();
        let refused = scope.spawn(move || {
            without_landlock();
            surroundings
                .candidates(&retriever, &[], &|_| ())
                .unwrap_err()
        });
        refused.join().unwrap()
    });
    assert!(!place.path("into/ran").exists());
    insta::assert_snapshot!(place.shown(&error));
}

fn without_landlock() {
    use seccompiler::{SeccompAction, SeccompFilter, apply_filter};
    let filter = SeccompFilter::new(
        [(libc::SYS_landlock_create_ruleset, Vec::new())].into(),
        SeccompAction::Allow,
        SeccompAction::Errno(libc::ENOSYS.unsigned_abs()),
        std::env::consts::ARCH.try_into().unwrap(),
    )
    .unwrap();
    let program: seccompiler::BpfProgram = filter.try_into().unwrap();
    apply_filter(&program).unwrap();
}
