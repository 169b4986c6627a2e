//! Archives that no tool makes, and random ones: each is refused with its reason, and nothing outside is touched.

mod random;
mod zip;

use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use super::*;

/// A directory with `inside`, to unpack into, and `outside`, which must stay as it is.
struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_directories(&directory.path().join("inside")).unwrap();
        fs::write(&directory.path().join("outside"), b"mine").unwrap();
        Self { directory }
    }

    fn inside(&self) -> PathBuf {
        self.directory.path().join("inside")
    }

    fn unpack(&self, archive: &[u8], limits: Limits, strip: Strip) -> Result<Unpacked> {
        let unpacked = unpack("x", Cursor::new(archive), &self.inside(), limits, strip);
        let names: Vec<_> = fs::list(self.directory.path()).unwrap();
        assert_eq!(names.len(), 2, "{names:?}");
        let outside = fs::read(&self.directory.path().join("outside")).unwrap();
        assert_eq!(outside, b"mine");
        if unpacked.is_err() {
            assert!(fs::is_empty_directory(&self.inside()), "something is left");
        }
        unpacked
    }

    /// Every path with what is there: `d`, `f` or `x` (executable) with the content, `l` with the target; sorted.
    fn listing(&self) -> Vec<String> {
        let mut lines = Vec::new();
        list(&self.inside(), &self.inside(), &mut lines);
        lines
    }
}

fn list(directory: &Path, top: &Path, lines: &mut Vec<String>) {
    for (name, is_directory) in fs::list(directory).unwrap() {
        let path = directory.join(name);
        let name = fs::path::display(&path, top);
        if is_directory {
            lines.push(format!("d {name}"));
            list(&path, top, lines);
        } else if let Some(target) = fs::place::target(&path).unwrap() {
            lines.push(format!("l {name} {}", target.display()));
        } else {
            let kind = if fs::is_executable(&path) { 'x' } else { 'f' };
            let content = String::from_utf8(fs::read(&path).unwrap()).unwrap();
            lines.push(format!("{kind} {name} {content}"));
        }
    }
}

/// One entry of a tar archive, byte by byte.
fn entry(kind: u8, name: &[u8], target: &[u8], mode: u32, content: &[u8]) -> Vec<u8> {
    let mut block = [0; 512];
    block[..name.len()].copy_from_slice(name);
    block[100..108].copy_from_slice(format!("{mode:07o}\0").as_bytes());
    block[124..136].copy_from_slice(format!("{:011o}\0", content.len()).as_bytes());
    block[156] = kind;
    block[157..157 + target.len()].copy_from_slice(target);
    block[257..265].copy_from_slice(b"ustar\x0000");
    let mut bytes = sealed(block).to_vec();
    bytes.extend_from_slice(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// The block with its checksum.
fn sealed(mut block: [u8; 512]) -> [u8; 512] {
    block[148..156].fill(b' ');
    let sum: u32 = block.iter().map(|byte| u32::from(*byte)).sum();
    block[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    block
}

fn file(name: &str, content: &str) -> Vec<u8> {
    entry(b'0', name.as_bytes(), b"", 0o644, content.as_bytes())
}

fn directory(name: &str) -> Vec<u8> {
    entry(b'5', name.as_bytes(), b"", 0o755, b"")
}

fn link(name: &str, target: &str) -> Vec<u8> {
    entry(b'2', name.as_bytes(), target.as_bytes(), 0o777, b"")
}

fn hard_link(name: &str, target: &str) -> Vec<u8> {
    entry(b'1', name.as_bytes(), target.as_bytes(), 0o644, b"")
}

fn pax(records: &[(&str, &str)], kind: u8) -> Vec<u8> {
    let mut text = String::new();
    for (key, value) in records {
        let rest = format!(" {key}={value}\n");
        let mut length = rest.len() + 1;
        while rest.len() + length.to_string().len() != length {
            length += 1;
        }
        text.push_str(&format!("{length}{rest}"));
    }
    entry(kind, b"pax", b"", 0o644, text.as_bytes())
}

/// A whole tar archive.
fn archive(entries: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = entries.concat();
    bytes.resize(bytes.len() + 1024, 0);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn xz(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 6);
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// What is wrong with an archive.
fn complaint(archive: &[u8]) -> String {
    complaint_with(archive, Limits::default(), Strip::Top)
}

fn complaint_with(archive: &[u8], limits: Limits, strip: Strip) -> String {
    let error = Place::new().unpack(archive, limits, strip).unwrap_err();
    assert_eq!(error.to_string(), "Cannot unpack `x`");
    assert_eq!(error.kind(), crate::error::Kind::User, "{error:?}");
    error.report().causes.join(": ")
}

fn sample() -> Vec<u8> {
    archive(&[
        directory("p-1/"),
        file("./p-1/a", "A"),
        entry(b'0', b"p-1/deep/b", b"", 0o755, b"B"),
        link("p-1/deep/up", "../a"),
        link("p-1/later", "deep/nothing"),
        hard_link("p-1/copy", "p-1/deep/b"),
    ])
}

/// Catches a format that is not told by its content, and paths, bits and links that are lost.
#[test]
fn every_format_unpacks_to_the_same_files() {
    let expected = [
        "f a A",
        "x copy B",
        "d deep",
        "x deep/b B",
        "l deep/up ../a",
        "l later deep/nothing",
    ];
    let tar = sample();
    let parts = [gzip(&tar[..700]), gzip(&tar[700..])].concat();
    for packed in [
        tar.clone(),
        gzip(&tar),
        parts,
        xz(&tar),
        pack::compress(&tar).unwrap(),
    ] {
        let place = Place::new();
        let unpacked = place
            .unpack(&packed, Limits::default(), Strip::Top)
            .unwrap();
        assert_eq!(place.listing(), expected);
        assert_eq!((unpacked.files, unpacked.bytes), (5, 3));
        assert_eq!(unpacked.top.as_deref(), Some("p-1"));
    }
}

/// Catches components that are counted differently for the targets of hard links.
#[test]
fn directories_at_the_front_are_left_out() {
    let place = Place::new();
    let outer = archive(&[
        file("README", ""),
        file("a/b/x", "X"),
        link("a/b/l", "../b/x"),
        hard_link("a/b/h", "./a/b/x"),
        directory("a/b/d"),
    ]);
    let complaint = complaint_with(&outer, Limits::default(), Strip::Components(2));
    assert!(complaint.contains("leads out"), "{complaint}");
    place
        .unpack(&outer, Limits::default(), Strip::Components(1))
        .unwrap();
    let expected = ["d b", "d b/d", "f b/h X", "l b/l ../b/x", "f b/x X"];
    assert_eq!(place.listing(), expected);
}

/// Catches a directory that vanishes because it has the name of the one that it lies in.
#[test]
fn a_top_in_a_top_stays() {
    let place = Place::new();
    let archive = archive(&[file("top/top/top", "x"), file("top/top-", "y")]);
    place
        .unpack(&archive, Limits::default(), Strip::Top)
        .unwrap();
    assert_eq!(place.listing(), ["d top", "f top/top x", "f top- y"]);
    let several = super::tests::archive(&[file("a", "x"), file("b", "y")]);
    let place = Place::new();
    let unpacked = place
        .unpack(&several, Limits::default(), Strip::Top)
        .unwrap();
    assert_eq!((place.listing().len(), unpacked.top), (2, None));
}

/// Catches every way out of the directory, and everything else that no package may have.
#[test]
fn what_no_package_may_have_is_refused() {
    let one = |entry: Vec<u8>| archive(&[entry]);
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (one(file("/etc/x", "")), "`/etc/x` is an absolute path"),
        (
            one(file("a/../../outside", "bad")),
            "`a/../../outside` leads out of the archive by `..`",
        ),
        (
            one(file("a/..", "")),
            "`a/..` leads out of the archive by `..`",
        ),
        (one(file("", "")), "it has an entry without a name"),
        (
            one(file("a\u{1b}[2J/..", "")),
            "`a\\u{1b}[2J/..` leads out of the archive by `..`",
        ),
        (
            one(entry(b'0', b"caf\xe9", b"", 0o644, b"")),
            "`caf�` has a name that is not UTF-8",
        ),
        (
            archive(&[pax(&[("path", "a\0b")], b'x'), file("x", "")]),
            "`a\\0b` has a NUL in its name",
        ),
        (
            one(link("l", "/etc/passwd")),
            "`l` is a link to `/etc/passwd`, which leads out of the archive",
        ),
        (
            one(link("d/l", "../../outside")),
            "`l` is a link to `../../outside`, which leads out of the archive",
        ),
        (one(link("l", "")), "`l` is a link to nothing that can be"),
        (one(link("l", "l/x")), "`l` is a link that leads to itself"),
        (
            archive(&[link("l", "d"), directory("d"), file("l/x", "bad")]),
            "`l/x` lies below `l`, which is a link",
        ),
        (
            archive(&[file("f", ""), file("f/x", "bad")]),
            "`f/x` lies below `f`, which is a file",
        ),
        (
            archive(&[link("l", "x"), file("l", "bad")]),
            "`l` is in the archive twice",
        ),
        (
            archive(&[link("l", "x"), directory("l")]),
            "`l` is in the archive twice",
        ),
        (
            archive(&[directory("l"), link("l", ".")]),
            "`l` is in the archive twice",
        ),
        (
            archive(&[file("a", "1"), file("./a", "2")]),
            "`a` is in the archive twice",
        ),
        (
            one(hard_link("h", "../outside")),
            "`h` is a link to `../outside`, which leads out of the archive",
        ),
        (
            one(hard_link("h", "nothing")),
            "`h` is a hard link to `nothing`, which is no file before it in the archive",
        ),
        (
            archive(&[link("l", "x"), hard_link("h", "l")]),
            "`h` is a hard link to `l`, which is no file before it in the archive",
        ),
        (one(entry(b'3', b"c", b"", 0o644, b"")), "`c` is a device"),
        (one(entry(b'4', b"b", b"", 0o644, b"")), "`b` is a device"),
        (one(entry(b'6', b"p", b"", 0o644, b"")), "`p` is a pipe"),
        (
            one(entry(b'S', b"s", b"", 0o644, b"")),
            "`s` is a sparse file, which wake does not unpack",
        ),
        (
            one(entry(b'V', b"v", b"", 0o644, b"")),
            "`v` is of a kind that wake does not know, `V`",
        ),
        (
            one(entry(b'0', b"su", b"", 0o4755, b"")),
            "`su` would run with another user's or group's rights (setuid, setgid)",
        ),
        (
            one(entry(b'0', b"sg", b"", 0o2755, b"")),
            "`sg` would run with another user's or group's rights (setuid, setgid)",
        ),
        (
            one(entry(b'5', b"d", b"", 0o755, b"x")),
            "`d` has content, but is no file",
        ),
        (
            archive(&[pax(&[("size", "3")], b'x'), file("x", "")]),
            "`x` has two sizes",
        ),
        (
            archive(&[pax(&[("GNU.sparse.major", "1")], b'x'), file("x", "")]),
            "it has a sparse file, which wake does not unpack",
        ),
        (
            archive(&[pax(&[("path", "y")], b'g'), file("x", "")]),
            "it has one header with a name for all entries",
        ),
        (
            archive(&[entry(b'x', b"p", b"", 0o644, b"99 path=x\n"), file("x", "")]),
            "it is damaged: a pax header is not one",
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(complaint(&bytes), expected);
        assert_eq!(complaint(&gzip(&bytes)), expected);
    }
}

/// Catches paths that the system refuses half-way, when much is unpacked already.
#[test]
fn paths_are_not_endless() {
    let (long, deep) = ("n".repeat(256), "d/".repeat(129));
    let parts = "12345678901234567890/".repeat(100);
    for (path, rule) in [
        (&long, "has a name longer than 255 bytes"),
        (&deep, "lies in more than 128 directories"),
        (&parts, "is a path longer than 2048 bytes"),
    ] {
        let bytes = archive(&[pax(&[("path", path)], b'x'), file("x", "")]);
        let shown = &path[..200];
        assert_eq!(complaint(&bytes), format!("`{shown}…` {rule}"));
    }
}

/// Catches a check that looks at the text of a link alone: `a/b/c/d` leads three directories up, not one.
#[test]
fn links_are_resolved_through_links() {
    let entries = [
        file("keep", ""),
        file("a/b/c/x", ""),
        link("a/b/c/d", "../../.."),
        link("e", "a/b/c/d/../outside"),
    ];
    assert_eq!(
        complaint(&archive(&entries)),
        "`e` is a link to `a/b/c/d/../outside`, which leads out of the archive"
    );
    let fine = [&entries[..3], &[link("e", "a/b/c/d/a/b")]].concat();
    let place = Place::new();
    place
        .unpack(&archive(&fine), Limits::default(), Strip::Top)
        .unwrap();
    assert!(fs::is_file(&place.inside().join("e/c/x")));
    let stripped = archive(&[file("top/x", ""), link("top/l", "../y")]);
    assert!(
        complaint_with(&stripped, Limits::default(), Strip::Components(1)).contains("leads out")
    );
    assert!(complaint(&stripped).contains("leads out"));
}

/// Catches archives that end early and are taken for whole, and what is hidden behind the end.
#[test]
fn archives_must_be_whole_and_nothing_more() {
    let tar = archive(&[file("a", &"x".repeat(600)), file("b", "y")]);
    assert_eq!(complaint(b""), "it is empty");
    assert_eq!(
        complaint(b"<!DOCTYPE html>"),
        "it is a web page, not an archive"
    );
    assert_eq!(complaint(b"BZh91AY"), "it is compressed by bzip2");
    assert_eq!(complaint(&[7; 600]), "its content is that of no archive");
    assert_eq!(complaint(&tar[..1536]), "it is cut off");
    assert_eq!(complaint(&tar[..800]), "it is cut off: in `a`");
    for packed in [gzip(&tar), xz(&tar), pack::compress(&tar).unwrap()] {
        for length in [packed.len() - 1, packed.len() / 2] {
            let complaint = complaint(&packed[..length]);
            assert!(
                ["cut off", "damaged"]
                    .iter()
                    .any(|word| complaint.contains(word)),
                "{complaint}"
            );
        }
        let complaint = complaint(&[packed, b"rubbish".to_vec()].concat());
        assert!(
            complaint.starts_with("something follows its end"),
            "{complaint}"
        );
    }
    let more = [tar.clone(), b"rubbish".to_vec()].concat();
    assert_eq!(complaint(&more), "something follows its end");
    let mut changed = tar;
    changed[0] = b'z';
    changed[1540] = b'!';
    assert_eq!(complaint(&changed), "its content is that of no archive");
    changed[0] = b'a';
    assert_eq!(
        complaint(&changed),
        "it is damaged: the checksum of a header is wrong"
    );
}

/// Catches limits that are looked at when the disk is full already.
#[test]
fn bombs_are_stopped_while_they_unpack() {
    let limits = Limits {
        bytes: 1 << 20,
        entries: 10,
        ratio: 1_000,
    };
    let big = archive(&[file("a", &"x".repeat(2 << 20))]);
    let many = archive(
        &(0..11)
            .map(|n| file(&n.to_string(), ""))
            .collect::<Vec<_>>(),
    );
    let copies: Vec<_> = std::iter::once(file("a", &"x".repeat(300 << 10)))
        .chain((0..5).map(|n| hard_link(&n.to_string(), "a")))
        .collect();
    let headers = archive(&vec![pax(&[("comment", "x")], b'g'); 11]);
    let mut endless = archive(&[]);
    endless.resize(2 << 20, 0);
    let too_large = "it is larger than 1048576 bytes when it is unpacked";
    for (bytes, expected) in [
        (&big, too_large),
        (&many, "it has more than 10 entries"),
        (&archive(&copies), too_large),
        (&headers, "it has more than 10 entries"),
        (&endless, too_large),
    ] {
        assert_eq!(complaint_with(&gzip(bytes), limits, Strip::Top), expected);
    }
    // What is left out counts, too.
    let left_out = complaint_with(&gzip(&big), limits, Strip::Components(1));
    assert_eq!(left_out, too_large);
    let blank = pack::compress(&archive(&[file("a", &"\0".repeat(70 << 20))])).unwrap();
    assert_eq!(
        complaint(&blank),
        "it becomes more than 1000 times as large as it is"
    );
    let named = archive(&[entry(b'L', b"l", b"", 0o644, &vec![b'x'; 2 << 20])]);
    assert_eq!(complaint(&named), "it has a header longer than a megabyte");
}

/// Catches names that tar keeps in headers of their own.
#[test]
fn long_names_are_whole() {
    let long = format!("{}/name", "directory".repeat(20));
    let place = Place::new();
    let entries = [
        entry(
            b'L',
            b"././@LongLink",
            b"",
            0o644,
            format!("{long}\0").as_bytes(),
        ),
        file("cut", "x"),
        pax(&[("path", "päx"), ("mtime", "1.5")], b'x'),
        file("cut", "y"),
    ];
    place
        .unpack(&archive(&entries), Limits::default(), Strip::Components(0))
        .unwrap();
    assert_eq!(
        place.listing()[1..],
        [format!("f {long} x"), "f päx y".to_owned()]
    );
}

/// Catches archives that differ by who packs them and when, and files that come back other than they were.
#[test]
fn packing_depends_on_nothing_but_the_files() {
    let make = |is_late: bool| {
        let place = Place::new();
        let at = |name: &str| place.inside().join(name);
        fs::create_directories(&at("src")).unwrap();
        fs::write(&at("src/a.c"), b"int a;").unwrap();
        drop(fs::place::file(&at("run"), true).unwrap());
        fs::place::link(&at("link"), Path::new("src/a.c")).unwrap();
        let long = format!("src/{}", "n".repeat(200));
        fs::write(&at(&long), b"long").unwrap();
        if is_late {
            let file = fs::open(&at("src/a.c")).unwrap();
            file.set_modified(std::time::SystemTime::UNIX_EPOCH)
                .unwrap();
        }
        let mut files = vec!["src/a.c", "run", "link", &long];
        if is_late {
            files.reverse();
        }
        pack::tar(&place.inside(), files, "p-1").unwrap()
    };
    let tar = make(false);
    assert_eq!(tar, make(true));
    let packed = pack::compress(&tar).unwrap();
    assert!(pack::is_same(&packed, &tar) && !pack::is_same(&packed, &tar[1..]));
    assert!(!pack::is_same(b"nonsense", &tar));
    let place = Place::new();
    let unpacked = place
        .unpack(&packed, Limits::default(), Strip::Top)
        .unwrap();
    assert_eq!(unpacked.top.as_deref(), Some("p-1"));
    let listing = place.listing();
    assert_eq!(
        listing[..4],
        ["l link src/a.c", "x run ", "d src", "f src/a.c int a;"]
    );
    assert_eq!(fs::list(&place.inside().join("src")).unwrap().len(), 2);
}
