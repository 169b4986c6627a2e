//! The format, what is refused, and what people are told of a change.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;

const BASE: &str = r#"{"name":"acme/base","version":"1.2.0","origin":"crates","digest":"-"}"#;

fn entry(name: &str, version: &str) -> Entry {
    Entry {
        name: name.to_owned(),
        version: Some(Version::parse(version).unwrap()),
        origin: Arc::from("crates"),
        scope: None,
        digest: Some(PackageId::from_bytes([7; 32])),
        size: Some(10),
        requires: Vec::new(),
        artifact: None,
        replace: false,
    }
}

fn file(lines: &[&str]) -> String {
    format!("{{\"wake.lock\":1}}\n{}\n", lines.join("\n"))
}

/// The error as `line:column`, message, causes and hint.
fn refusal(text: &str) -> (String, String) {
    let error = Lock::parse(text, "wake.lock").unwrap_err();
    let report = error.report();
    let at = report
        .at
        .as_ref()
        .expect("an error of the lock has a place");
    let words = [&report.message]
        .into_iter()
        .chain(&report.causes)
        .chain(&report.hint);
    let words: Vec<&str> = words.map(String::as_str).collect();
    (format!("{}:{}", at.line, at.column), words.join("; "))
}

#[test]
fn the_format_is_as_specified() {
    let mut path = entry("acme/terminal", "1.0.0");
    path.version = None;
    path.digest = None;
    path.size = None;
    path.origin = Arc::from("path:../terminal");
    path.replace = true;
    let mut asking = entry("acme/base", "1.2.0-beta.1");
    asking.scope = Some("host".to_owned());
    asking.requires = vec![
        Requires {
            name: "acme/x".to_owned(),
            requirement: Requirement::parse("^1 || >=3, <4").unwrap(),
            origin: None,
            versions: None,
            is_host: false,
            is_hidden: false,
        },
        Requires {
            name: "y".to_owned(),
            requirement: Requirement::any(),
            origin: Some(Arc::from("index({\"path\":\"../index\"})")),
            versions: Some(Versions::OnePerMinor),
            is_host: true,
            is_hidden: true,
        },
    ];
    let mut artifact = entry("acme/base", "1.2.0");
    artifact.digest = None;
    artifact.size = None;
    artifact.artifact = Some(Artifact {
        name: "linux".to_owned(),
        when: [("System".to_owned(), vec!["Linux".to_owned()])].into(),
    });
    let lock = Lock::new(vec![path, artifact, asking]);
    let seven = "07".repeat(32);
    let expected = format!(
        r#"{{"wake.lock":2}}
{{"name":"acme/base","version":"1.2.0-beta.1","origin":"crates","scope":"host","digest":"{seven}","size":10,"requires":["acme/x@^1 || >=3, <4",{{"req":"y@*","from":"index({{\"path\":\"../index\"}})","versions":"onePerMinor","host":true,"hidden":true}}]}}
{{"name":"acme/base","version":"1.2.0","origin":"crates","digest":"-","artifact":{{"name":"linux","when":{{"System":["Linux"]}}}}}}
{{"name":"acme/terminal","origin":"path:../terminal","replace":true}}
"#
    );
    assert_eq!(lock.to_text(), expected);
    assert_eq!(Lock::parse(&expected, "wake.lock").unwrap(), lock);
    // What older wakes understand stays readable for them.
    let mut lock = lock;
    lock.entries[0].requires[1].is_host = false;
    assert!(lock.to_text().starts_with("{\"wake.lock\":1}\n"));
}

/// Catches a lock that is refused after a merge by lines, or by an editor that ends lines otherwise.
#[test]
fn lines_may_come_in_any_order_and_end_in_any_way() {
    let other = BASE.replace("base", "aaa");
    let sorted = Lock::parse(&file(&[&other, BASE]), "wake.lock").unwrap();
    assert_eq!(sorted.entries[0].name, "acme/aaa");
    for text in [
        file(&[BASE, &other]),
        file(&[BASE, &other]).replace('\n', "\r\n"),
        file(&[BASE, "", &other]).trim_end().to_owned(),
    ] {
        assert_eq!(Lock::parse(&text, "wake.lock").unwrap(), sorted, "{text:?}");
    }
}

#[test]
fn what_is_no_lock_is_refused_with_its_place() {
    let conflict = file(&["<<<<<<< HEAD", BASE, "=======", BASE, ">>>>>>> theirs"]);
    let with =
        |from: &str, to: &str| file(&[BASE, &BASE.replace("base", "other").replace(from, to)]);
    let cases = [
        (String::new(), "1:1", "is empty"),
        ("\n \n".to_owned(), "1:1", "is empty"),
        (conflict, "2:1", "keep the lines of both sides"),
        ("{\"wake.lock\":3}\n".to_owned(), "1:1", "use a newer wake"),
        ("{\"wake.lock\":0}\n".to_owned(), "1:1", "never was"),
        (
            "{\"wake.lock\":1,\"more\":2}".to_owned(),
            "1:16",
            "unknown key `more`",
        ),
        (BASE.to_owned(), "1:1", "the first line must be"),
        ("[1]".to_owned(), "1:1", "the first line must be"),
        (
            file(&[BASE, BASE]),
            "3:9",
            "locked twice; the other line is wake.lock:2:1",
        ),
        (file(&["{\"name\":\"a\""]), "2:11", "EOF"),
        (file(&["{}"]), "2:2", "missing field `name`"),
        (file(&["nonsense"]), "2:2", "expected"),
        (
            with("\"digest\"", "\"colour\":1,\"digest\""),
            "3:58",
            "unknown key `colour`",
        ),
        (with("\"-\"", "\"ABC\""), "3:67", "`ABC` is not a digest"),
        (with("1.2.0", "1.2"), "3:32", "`1.2` is not a version"),
        (
            with("acme/other", "acme//other"),
            "3:9",
            "`acme//other` is not the name",
        ),
        (
            with("acme/other", "../other"),
            "3:9",
            "`../other` is not the name",
        ),
        (with(",\"digest\":\"-\"", ""), "3:9", "has no digest"),
        (with("\"version\":\"1.2.0\",", ""), "3:9", "has no version"),
        (with("\"crates\"", "\"path:x\""), "3:9", "lies at a path"),
        (
            with("\"-\"", "\"-\",\"replace\":true"),
            "3:9",
            "replaces others",
        ),
        (
            with("\"-\"", "\"-\",\"requires\":[\"x@what\"]"),
            "3:83",
            "`what` is not a requirement",
        ),
        (
            with("\"-\"", "\"-\",\"requires\":[7]"),
            "3:71",
            "no requirement",
        ),
        (
            with(
                "\"-\"",
                "\"-\",\"requires\":[{\"req\":\"x@1\",\"versions\":\"oen\"}]",
            ),
            "3:107",
            "did you mean `one`?",
        ),
        (with("\"-\"", "\"-\",\"size\":-1"), "3:79", "u64"),
    ];
    for (text, place, words) in cases {
        let (at, said) = refusal(&text);
        assert!(said.contains(words), "{text}\n{said}");
        assert_eq!(at, place, "{text}\n{said}");
    }
}

#[test]
fn a_change_is_told_in_one_line() {
    let mut other_digest = entry("acme/same", "1.0.0");
    other_digest.digest = Some(PackageId::from_bytes([1; 32]));
    let asks = |name: &str| Requires {
        name: name.to_owned(),
        requirement: Requirement::any(),
        origin: None,
        versions: None,
        is_host: false,
        is_hidden: false,
    };
    let mut asking = entry("acme/asking", "1.0.0");
    asking.requires = vec![asks("acme/kept"), asks("acme/gone")];
    let mut asking_others = asking.clone();
    asking_others.requires = vec![asks("acme/kept"), asks("acme/new")];
    let old = Lock::new(vec![
        asking,
        entry("acme/major", "1.0.0"),
        entry("acme/major", "2.0.0"),
        entry("acme/gone", "1.0.0"),
        entry("acme/same", "1.0.0"),
        entry("acme/untouched", "1.0.0"),
    ]);
    let new = Lock::new(vec![
        asking_others,
        entry("acme/major", "2.1.0"),
        entry("acme/new", "0.1.0"),
        other_digest,
        entry("acme/untouched", "1.0.0"),
    ]);
    assert_eq!(
        old.diff(&new).to_string(),
        "~ acme/asking@1.0.0: requires -acme/gone@* +acme/new@*\n\
         - acme/gone 1.0.0 (crates)\n\
         - acme/major 1.0.0 (crates)\n\
         ~ acme/major 2.0.0 → 2.1.0\n\
         + acme/new 0.1.0 (crates)\n\
         ~ acme/same@1.0.0: digest 070707070707 → 010101010101\n"
    );
    assert!(old.diff(&old).changes.is_empty());
}

fn requires() -> impl Strategy<Value = Requires> {
    (
        "[a-z][a-z0-9._+-]{0,6}(/[a-z0-9]{1,6})?",
        prop::sample::select(vec!["*", "^1.2", ">=2, <4", "=1.0.0-rc.1", "^1 || ^2"]),
        prop::option::of("\\PC{1,12}"),
        prop::option::of(prop::sample::select(VERSIONS.map(|(one, _)| one).to_vec())),
        any::<bool>(),
    )
        .prop_map(|(name, requirement, origin, versions, is_host)| Requires {
            name,
            requirement: Requirement::parse(requirement).unwrap(),
            origin: origin.map(Arc::from),
            versions,
            is_host,
            is_hidden: false,
        })
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let artifact = (
        "\\PC{0,8}",
        prop::collection::btree_map("\\PC{0,5}", prop::collection::vec("\\PC{0,5}", 0..3), 0..3),
    );
    (
        "[a-z][a-z0-9._+-]{0,3}(/[a-z0-9]{1,2})?",
        prop::option::of((0..3_u64, 0..3_u64, 0..3_u64)),
        "\\PC{1,12}",
        prop::option::of("\\PC{0,8}"),
        prop::option::of(any::<[u8; 32]>()),
        prop::option::of(any::<u64>()),
        prop::collection::vec(requires(), 0..3),
        prop::option::of(artifact),
    )
        .prop_map(
            |(name, version, origin, scope, digest, size, requires, artifact)| {
                let version =
                    version.map(|(major, minor, patch)| Version::new(major, minor, patch));
                Entry {
                    name,
                    origin: match version {
                        Some(_) => Arc::from(format!("o{origin}")),
                        None => Arc::from(format!("path:{origin}")),
                    },
                    scope,
                    digest: digest
                        .map(PackageId::from_bytes)
                        .filter(|_| version.is_some()),
                    size,
                    requires,
                    artifact: artifact.map(|(name, when)| Artifact { name, when }),
                    replace: version.is_none() && size.is_none(),
                    version,
                }
            },
        )
}

fn any_lock() -> impl Strategy<Value = Lock> {
    prop::collection::vec(any_entry(), 0..12).prop_map(|entries| {
        let mut lock = Lock::new(entries);
        lock.entries.dedup_by(|a, b| a.is_same(b));
        lock
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(lock in any_lock()) {
        prop_assert_eq!(Lock::parse(&lock.to_text(), "wake.lock").unwrap(), lock);
    }

    /// Two branches add different packages: their lines together are the lock of both.
    #[test]
    fn additions_merge_by_lines(ours in any_lock(), theirs in any_lock(), mine_first in any::<bool>()) {
        let is_ours = |entry: &Entry| ours.entries.iter().any(|one| one.is_same(entry));
        let theirs = Lock::new(theirs.entries.into_iter().filter(|entry| !is_ours(entry)).collect());
        let (ours_text, theirs_text) = (ours.to_text(), theirs.to_text());
        let (first, second) = if mine_first { (&ours_text, &theirs_text) } else { (&theirs_text, &ours_text) };
        let merged: String = first.lines().chain(second.lines().skip(1)).map(|line| format!("{line}\n")).collect();
        let both = Lock::new(ours.entries.into_iter().chain(theirs.entries).collect());
        prop_assert_eq!(Lock::parse(&merged, "wake.lock").unwrap().to_text(), both.to_text());
    }

    /// Catches a panic on a damaged file.
    #[test]
    fn nothing_that_is_read_ends_wake(lock in any_lock(), place in any::<prop::sample::Index>(), with in "\\PC{0,3}") {
        let mut text: Vec<char> = lock.to_text().chars().collect();
        let place = place.index(text.len());
        text.splice(place..(place + 1), with.chars());
        let _ = Lock::parse(&text.into_iter().collect::<String>(), "wake.lock");
    }
}
