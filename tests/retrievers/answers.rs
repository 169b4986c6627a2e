//! What is said of retrievers that answer wrongly.

use super::*;

/// Each error, after a title.
fn complaints(cases: &[(&str, &str)], ask: impl Fn(&Place) -> Result<()>) -> String {
    let mut text = String::new();
    for (title, script) in cases {
        let place = Place::shell(script);
        let error = ask(&place).expect_err(title);
        text.push_str(&format!("## {title}\n{}\n", place.shown(&error)));
    }
    text
}

/// Catches an answer that is taken though it is none, and a message that does not say whose it is or what is wrong.
#[test]
fn wrong_answers_are_told_what_is_wrong() {
    let cases = [
        ("nothing", ":"),
        ("half", r#"printf '[[{"version":"1.0'"#),
        ("not JSON", "echo Fetching...; echo '[[]]'"),
        ("an object", "echo '{}'"),
        ("too many answers", "echo '[[],[]]'"),
        ("too few answers", "echo '[]'"),
        ("no list of versions", r#"echo '[{"version":"1.0.0"}]'"#),
        ("a version that is a string", r#"echo '[["1.0.0"]]'"#),
        ("no version", r#"echo '[[{"size":3}]]'"#),
        ("not semver", r#"echo '[[{"version":"1.0"}]]'"#),
        (
            "one version twice",
            r#"echo '[[{"version":"1.0.0"},{"version":"1.0.0"}]]'"#,
        ),
        (
            "not a requirement",
            r#"echo '[[{"version":"1.0.0","pkgs":{"a":"ns/a@one"}}]]'"#,
        ),
        (
            "not a name",
            r#"echo '[[{"version":"1.0.0","pkgs":{"a":"../a@1"}}]]'"#,
        ),
        (
            "from nowhere",
            r#"echo '[[{"version":"1.0.0","pkgs":{"a":{"req":"a","from":"git"}}}]]'"#,
        ),
        (
            "a key of another kind",
            r#"echo '[[{"version":"1.0.0","yanked":"no"}]]'"#,
        ),
        (
            "a size below nothing",
            r#"echo '[[{"version":"1.0.0","size":-1}]]'"#,
        ),
        (
            "no date",
            r#"echo '[[{"version":"1.0.0","published":"yesterday"}]]'"#,
        ),
        (
            "an artifact with a line end",
            r#"echo '[[{"version":"1.0.0","artifacts":[{"name":"a\nb"}]}]]'"#,
        ),
        (
            "a wrong parameter",
            r#"echo '[[{"version":"1.0.0","artifacts":[{"name":"a","when":{"System":1}}]}]]'"#,
        ),
        (
            "a digest with a space",
            r#"echo '[[{"version":"1.0.0","artifacts":[{"name":"a","digest":"b c"}]}]]'"#,
        ),
        (
            "failing",
            "echo connecting >&2; echo 'no route to host' >&2; exit 7",
        ),
        ("killed", "kill -9 $$"),
    ];
    insta::assert_snapshot!(complaints(&cases, |place| place.candidates().map(drop)));
}

/// Catches a retriever that puts a package where nobody looks, and what no package may hold.
#[test]
fn wrong_packages_are_told_what_is_wrong() {
    let answer = r#"sed 's/.*"into":\("[^"]*"\).*/[\1]/'"#;
    let into = "cd ../into";
    let cases = [
        ("another directory", r#"echo '["/elsewhere"]'"#.to_owned()),
        ("nothing in it", answer.to_owned()),
        ("no answer", "exit 0".to_owned()),
        (
            "an absolute link",
            format!("ln -s /etc/passwd ../into/a; {answer}"),
        ),
        (
            "a link that leads out",
            format!("mkdir ../into/d; ln -s ../../x ../into/d/a; {answer}"),
        ),
        (
            "a link that leads out by another",
            format!("{into}; mkdir -p d; ln -s .. d/up; ln -s d/up/../x a; {answer}"),
        ),
        ("a pipe", format!("mkfifo ../into/pipe; {answer}")),
        (
            "setuid",
            format!("{into}; : > run; chmod u+s run; {answer}"),
        ),
        (
            "setgid",
            format!("{into}; mkdir d; : > d/run; chmod g+s d/run; {answer}"),
        ),
    ];
    let cases: Vec<(&str, &str)> = cases
        .iter()
        .map(|(title, script)| (*title, script.as_str()))
        .collect();
    insta::assert_snapshot!(complaints(&cases, Place::fetch));
    let place = Place::shell(answer);
    let _socket = std::os::unix::net::UnixListener::bind(place.path("into/socket")).unwrap();
    let error = place.fetch().unwrap_err();
    assert_eq!(error.report().causes, ["`socket` is a socket"]);
}

/// Catches limits that nobody keeps.
#[test]
fn a_package_is_limited() {
    let script = r#"cd ../into; echo 12345 > a; mkdir b; echo 12345 > b/c; sed 's/.*"into":\("[^"]*"\).*/[\1]/'"#;
    let mut place = Place::shell(script);
    place.fetch().unwrap();
    let mut refused = |bytes, files| {
        std::fs::remove_dir_all(place.path("into")).unwrap();
        std::fs::create_dir(place.path("into")).unwrap();
        (place.limits.fetched.bytes, place.limits.fetched.files) = (bytes, files);
        place.fetch().unwrap_err().report().causes[0].clone()
    };
    assert_eq!(refused(11, 100), "its files have more than 11 bytes");
    assert_eq!(refused(100, 2), "it has more than 2 files");
}

/// Catches what a retriever answers being lost on its way, and keys that later protocols add being refused.
#[test]
fn a_right_answer_is_taken() {
    let place = Place::shell(
        r#"cat > "$TMPDIR/request"
           grep -q '"protocol":1,"method":"candidates"' "$TMPDIR/request" || exit 1
           grep -q '"namespace":"acme","name":"lib","requirement":"^1"' "$TMPDIR/request" || exit 2
           echo one >&2; printf two >&2
           echo '[[{"version":"1.0.0","pkgs":{"a":"b@^1 || ^2","c":{"req":"d/e","from":"global"}},"size":3,"later":[],
                   "published":"2026-01-31","artifacts":[{"name":"x","when":{"System":["Linux"]},"digest":"-"}]}]]'"#,
    );
    let candidates = place.candidates().unwrap();
    assert_eq!(
        serde_json::to_value(candidates).unwrap(),
        json!([{
            "version": "1.0.0",
            "pkgs": { "a": "b@^1 || ^2", "c": { "req": "d/e", "from": "global" } },
            "size": 3,
            "published": "2026-01-31",
            "artifacts": [{ "name": "x", "when": { "System": ["Linux"] }, "digest": "-" }],
        }])
    );
    assert_eq!(*place.said.borrow(), ["one", "two"]);
}
