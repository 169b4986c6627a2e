//! The retrievers that need no client, asked as `wake __retrieve` asks them: directories, and servers that are honest or
//! not.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::fs;
use crate::pkg::archive::digest::Digest;
use crate::pkg::archive::pack;

/// What a server says to a path: status line with headers, and body.
type Answers = Arc<dyn Fn(&str) -> (String, Vec<u8>) + Send + Sync>;

/// Serves until the test process ends. Returns the address.
fn server(answers: Answers) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answers = Arc::clone(&answers);
            std::thread::spawn(move || talk(stream.unwrap(), &answers));
        }
    });
    address
}

fn talk(stream: TcpStream, answers: &Answers) -> Option<()> {
    let mut lines = BufReader::new(&stream).lines();
    let first = lines.next()?.ok()?;
    while !lines.next()?.ok()?.is_empty() {}
    let (head, body) = answers(first.split(' ').nth(1)?);
    let head = format!("HTTP/1.1 {head}\r\nConnection: close\r\n\r\n");
    (&stream).write_all(head.as_bytes()).ok()?;
    (&stream).write_all(&body).ok()
}

/// A server of the files below a directory.
fn files(directory: &Path) -> Answers {
    let directory = directory.to_owned();
    Arc::new(move |path| {
        let file = directory.join(path.trim_start_matches('/').replace("%2B", "+"));
        match fs::read_if_exists(&file).unwrap() {
            Some(content) => (
                format!("200 OK\r\nContent-Length: {}", content.len()),
                content,
            ),
            None => ("404 Not Found\r\nContent-Length: 0".to_owned(), Vec::new()),
        }
    })
}

fn always(head: &'static str) -> Answers {
    Arc::new(move |_| (head.to_owned(), b"short".to_vec()))
}

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_directories(&directory.path().join("into")).unwrap();
        Self { directory }
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn file(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_directories(path.parent().unwrap()).unwrap();
        fs::write(&path, content.as_ref()).unwrap();
    }

    /// Writes an archive with one file below `top`. Returns its digest.
    fn archive(&self, path: &str, top: &str, name: &str) -> String {
        self.file("packed", "content");
        fs::rename(&self.path("packed"), &self.path(name)).unwrap();
        let tar = pack::tar(self.directory.path(), [name], top).unwrap();
        let content = pack::compress(&tar).unwrap();
        self.file(path, &content);
        Digest::of(&content).to_string()
    }

    fn open(&self, name: &str, config: &Value) -> Result<Box<dyn Finder>> {
        let surroundings = Surroundings {
            directory: self.directory.path().to_owned(),
            environment: BTreeMap::new(),
        };
        open(name, config, &surroundings)
    }

    fn candidates(
        &self,
        name: &str,
        config: &Value,
        label: &str,
        requirement: &str,
    ) -> Result<Value> {
        let found = self
            .open(name, config)?
            .candidates(&[wanted(label, requirement)])?;
        Ok(serde_json::to_value(&found[0]).unwrap())
    }

    fn fetch(&self, name: &str, config: &Value, label: &str, version: &str) -> Result<()> {
        let (namespace, package) = split(label);
        let fetched = Fetched {
            namespace,
            name: package,
            version: version.to_owned(),
            artifact: None,
            into: self.path("into"),
        };
        self.open(name, config)?.fetch(&[fetched])
    }

    /// What an attempt to fetch is told, without the address and the directory. Nothing may be left.
    fn complaint(&self, name: &str, config: &Value, label: &str, version: &str) -> String {
        let error = self.fetch(name, config, label, version).unwrap_err();
        self.told(&error, config)
    }

    fn told(&self, error: &Error, config: &Value) -> String {
        let report = error.report();
        let lines = std::iter::once(&report.message).chain(&report.causes);
        let mut text = lines.cloned().collect::<Vec<_>>().join(": ");
        if let Some(url) = config["url"].as_str() {
            text = text.replace(url, "URL");
        }
        text.replace(&format!("{}/", self.directory.path().display()), "")
    }
}

fn split(label: &str) -> (Option<String>, String) {
    match label.split_once('/') {
        Some((namespace, name)) => (Some(namespace.to_owned()), name.to_owned()),
        None => (None, label.to_owned()),
    }
}

fn wanted(label: &str, requirement: &str) -> Wanted {
    let (namespace, name) = split(label);
    let requirement = requirement.to_owned();
    Wanted {
        namespace,
        name,
        requirement,
    }
}

const LUA: &str = r#"{"version":"5.3.0"}
{"version":"5.4.0","pkgs":{"m":"acme/m@^1","g":{"req":"acme/g@*","from":"global"}},"size":7,"published":"2020-06-29","of":"later"}

{"version":"5.4.1","yanked":true,"artifacts":[{"name":"linux","when":{"System":"Linux"},"digest":"sha256:0","path":"x"}]}
{"version":"5.5.0-beta.1"}
{"v":2,"version":["6","0","0"]}
{"v":2,"version":"6.0.0"}
"#;

/// Catches versions that nobody asked for, words of a line that are lost, and differences between disk and server.
#[test]
fn an_index_answers_what_is_asked() {
    let place = Place::new();
    place.file("index/acme/lua.jsonl", LUA);
    place.file("index/_/bare.jsonl", "{\"version\":\"1.0.0\"}");
    let served = json!({"url": server(files(&place.path("index"))) + "/"});
    for config in [json!({"path": "index"}), served] {
        let ask = |label: &str, requirement: &str| {
            place
                .candidates("index", &config, label, requirement)
                .unwrap()
        };
        let expected = json!([
            {"version": "5.4.0", "pkgs": {"m": "acme/m@^1", "g": {"req": "acme/g@*", "from": "global"}},
             "size": 7, "published": "2020-06-29"},
            {"version": "5.4.1", "yanked": true,
             "artifacts": [{"name": "linux", "when": {"System": "Linux"}, "digest": "sha256:0"}]},
        ]);
        assert_eq!(ask("acme/lua", "^5.4"), expected);
        assert_eq!(
            ask("acme/lua", "=5.5.0-beta.1"),
            json!([{"version": "5.5.0-beta.1"}])
        );
        assert_eq!(ask("acme/lua", "*").as_array().unwrap().len(), 4);
        assert_eq!(ask("bare", ""), json!([{"version": "1.0.0"}]));
        assert_eq!(ask("acme/bare", "*"), json!([]));
        let many: Vec<_> = (0..40)
            .map(|n| wanted(["bare", "acme/lua", "no"][n % 3], "*"))
            .collect();
        let found = place
            .open("index", &config)
            .unwrap()
            .candidates(&many)
            .unwrap();
        let counts: Vec<_> = found.iter().map(Vec::len).collect();
        assert_eq!(
            counts,
            (0..40).map(|n| [1, 4, 0][n % 3]).collect::<Vec<_>>()
        );
    }
}

/// Catches an index that is taken for empty because it is damaged, or is not there.
#[test]
fn a_damaged_index_is_told_where() {
    let place = Place::new();
    place.file(
        "index/_/half.jsonl",
        "{\"version\":\"1.0.0\"}\n{\"version\":\"1.1.0\"",
    );
    place.file("index/_/two.jsonl", "{\"version\":\"1.0\"}\n");
    place.file("index/_/none.jsonl", "\n{}\n");
    place.file(
        "index/_/pkgs.jsonl",
        "{\"version\":\"1.0.0\",\"pkgs\":[]}\n",
    );
    let here = json!({"path": "index"});
    for (config, label, expected) in [
        (
            &here,
            "half",
            "`index/_/half.jsonl:2:18` is not a line of an index: EOF while parsing an object",
        ),
        (
            &here,
            "two",
            "`index/_/two.jsonl:1:1` is not a line of an index: version `1.0`: unexpected end of input while parsing minor version number",
        ),
        (
            &here,
            "none",
            "`index/_/none.jsonl:2:2` is not a line of an index: missing field `version`",
        ),
        (
            &here,
            "pkgs",
            "`index/_/pkgs.jsonl:1:26` is not a line of an index: invalid type: sequence, expected a map",
        ),
        (&here, "../x", "An index has no namespace `..`"),
        (&here, "_/half", "An index has no namespace `_`"),
        (&here, "archives/x", "An index has no namespace `archives`"),
        (&here, "a/b/c", "An index has no package named `b/c`"),
        (
            &json!({"path": "indx"}),
            "x",
            "Index `indx` is no directory",
        ),
        (
            &json!({"url": "file:///etc"}),
            "x",
            "Index `URL` is no address of a folder",
        ),
        (
            &json!({"url": "http://h/?x"}),
            "x",
            "Index `URL` is no address of a folder",
        ),
        (
            &json!({"url": "http://h", "path": "x"}),
            "x",
            "The config of `wake.std.index` has both `path` and `url`",
        ),
        (
            &json!(null),
            "x",
            "The config of `wake.std.index` lacks `path`",
        ),
        (
            &json!({"ulr": "x"}),
            "x",
            "The config of `wake.std.index` has no key `ulr`",
        ),
    ] {
        let error = place.candidates("index", config, label, "*").unwrap_err();
        assert_eq!(place.told(&error, config), expected);
    }
}

/// Catches every lie of an index, and anything that is left of it.
#[test]
fn what_an_index_hands_out_is_checked() {
    let place = Place::new();
    let good = place.archive("index/archives/lua-1.0.0+b.tar.zst", "lua-1.0.0+b", "PKG");
    let other = place.archive("index/archives/other.tar.zst", "lua-9.0.0", "PKG");
    let mut lines = String::new();
    for (version, path, digest) in [
        ("1.0.0+b", "archives/lua-1.0.0+b.tar.zst", good.as_str()),
        ("2.0.0", "archives/other.tar.zst", &good),
        ("3.0.0", "archives/other.tar.zst", &other),
        ("4.0.0", "../index/archives/other.tar.zst", &other),
        ("5.0.0", "/etc/passwd", &other),
        ("6.0.0", "https://elsewhere/x.tar.zst", &other),
        ("7.0.0", "archives/other.tar.zst", "md5:0"),
        ("8.0.0", "archives/nothing", &other),
    ] {
        let archive = json!({"version": version, "archive": {"path": path, "digest": digest}});
        lines.push_str(&format!("{archive}\n"));
    }
    place.file("index/_/lua.jsonl", lines + "{\"version\":\"9.0.0\"}\n");
    let url = server(files(&place.path("index")));
    for config in [json!({"path": "index"}), json!({"url": url})] {
        let base = if config.get("url").is_some() {
            "URL"
        } else {
            "index"
        };
        for (version, expected) in [
            (
                "2.0.0",
                format!("`BASE/archives/other.tar.zst` is not what its digest says: wanted `{good}`: found `{other}`"),
            ),
            (
                "3.0.0",
                "`BASE/archives/other.tar.zst` is not an archive of `lua-3.0.0`: what lies at its top is `lua-9.0.0`".to_owned(),
            ),
            (
                "4.0.0",
                "`BASE/_/lua.jsonl` names an archive outside of the index, `../index/archives/other.tar.zst`".to_owned(),
            ),
            (
                "5.0.0",
                "`BASE/_/lua.jsonl` names an archive outside of the index, `/etc/passwd`".to_owned(),
            ),
            (
                "6.0.0",
                "`BASE/_/lua.jsonl` names an archive outside of the index, `https://elsewhere/x.tar.zst`".to_owned(),
            ),
            (
                "7.0.0",
                "`md5:0` is not a digest: `BASE/_/lua.jsonl` says so of version `7.0.0`".to_owned(),
            ),
            ("9.0.0", "`BASE/_/lua.jsonl` names no archive for version `9.0.0`".to_owned()),
            ("9.9.9", "`BASE/_/lua.jsonl` has no version `9.9.9`".to_owned()),
        ] {
            let complaint = place.complaint("index", &config, "lua", version);
            assert_eq!(complaint, expected.replace("BASE", base));
            assert!(fs::is_empty_directory(&place.path("into")) || version == "3.0.0");
            clear(&place);
        }
        place.fetch("index", &config, "lua", "1.0.0+b").unwrap();
        assert_eq!(fs::read(&place.path("into/PKG")).unwrap(), b"content");
        clear(&place);
    }
    let missing = place.complaint("index", &json!({"path": "index"}), "lua", "8.0.0");
    assert_eq!(
        missing,
        "Cannot open `index/archives/nothing`: no such file or directory"
    );
}

fn clear(place: &Place) {
    fs::remove_all(&place.path("into")).unwrap();
    fs::create_directories(&place.path("into")).unwrap();
}

/// Catches servers that hang wake, lead it elsewhere, or are believed when they fail.
#[test]
fn servers_that_fail_are_told() {
    let place = Place::new();
    let elsewhere = always("302 Found\r\nLocation: ftp://127.0.0.1:1/x\r\nContent-Length: 0");
    let round = always("302 Found\r\nLocation: /x\r\nContent-Length: 0");
    for (answers, expected) in [
        (always("500 Oh\r\nContent-Length: 5"), "the server says 500"),
        (always("403 No\r\nContent-Length: 5"), "the server says 403"),
        (always("200 OK\r\nContent-Length: 50"), "Peer disconnected"),
        (elsewhere, "unknown scheme"),
        (round, "too many redirects"),
    ] {
        let config = json!({"url": server(answers)});
        let error = place.candidates("index", &config, "x", "*").unwrap_err();
        let told = place.told(&error, &config);
        assert!(told.starts_with("Cannot fetch `URL/_/x.jsonl`: "), "{told}");
        assert!(told.contains(expected), "{told}");
        assert_eq!(error.kind(), crate::error::Kind::Environment);
    }
    let (endless, access) = (
        server(always("200 OK")),
        source::Access::new(&Surroundings::default()),
    );
    let error = access
        .read(&source::Source::Address(endless), 4)
        .unwrap_err();
    assert!(error.report().causes[0].contains("larger"), "{error:?}");
    let unreachable = json!({"url": "http://127.0.0.1:1"});
    let error = place
        .candidates("index", &unreachable, "x", "*")
        .unwrap_err();
    assert!(place.told(&error, &unreachable).contains("refused"));
}

/// Catches an archive that is unpacked without its digest, and packages that nothing can be made of.
#[test]
fn archives_are_packages() {
    let place = Place::new();
    let digest = place.archive("lua-5.4.8.tar", "lua-5.4.8", "lua.c");
    let other = place.archive("other.tar", "lua-5.4.8", "PKG");
    let url = server(files(&place.path("")));
    let one = json!({
        "url": format!("{url}/lua-${{version}}.tar"),
        "versions": {"5.4.8": digest, "5.4.9": {"digest": other, "path": "other.tar", "url": null}},
    });
    let found = place.candidates("archive", &one, "lua", "^5").unwrap();
    assert_eq!(found, json!([{"version": "5.4.8"}, {"version": "5.4.9"}]));
    place.fetch("archive", &one, "any/lua", "5.4.8").unwrap();
    let pkg = String::from_utf8(fs::read(&place.path("into/PKG")).unwrap()).unwrap();
    assert!(
        pkg.contains("wake.pkgInfo(\"lua\", version=\"5.4.8\", namespace=\"any\")"),
        "{pkg}"
    );
    assert!(fs::is_file(&place.path("into/lua.c")));
    clear(&place);
    place.fetch("archive", &one, "lua", "5.4.9").unwrap();
    assert_eq!(fs::read(&place.path("into/PKG")).unwrap(), b"content");
    clear(&place);

    let several = json!({"packages": {
        "acme/lua": {"path": "lua-5.4.8.tar", "strip": 0, "pkg": "the text", "pkgs": {"m": "acme/m@^1"},
                     "versions": {"1.0.0": digest, "2.0.0": {"digest": digest, "pkgs": {}}}},
    }});
    let found = place
        .candidates("archive", &several, "acme/lua", "*")
        .unwrap();
    assert_eq!(
        found,
        json!([{"version": "1.0.0", "pkgs": {"m": "acme/m@^1"}}, {"version": "2.0.0"}])
    );
    assert_eq!(
        place.candidates("archive", &several, "lua", "*").unwrap(),
        json!([])
    );
    place
        .fetch("archive", &several, "acme/lua", "1.0.0")
        .unwrap();
    assert_eq!(fs::read(&place.path("into/PKG")).unwrap(), b"the text");
    assert!(fs::is_file(&place.path("into/lua-5.4.8/lua.c")));
    let reads = place.open("archive", &one).unwrap().reads();
    assert_eq!(reads, [place.path("other.tar")]);
    clear(&place);

    let wrong = json!({"path": "lua-5.4.8.tar", "versions": {"1.0.0": other}});
    let complaint = place.complaint("archive", &wrong, "x", "1.0.0");
    let expected =
        format!("`lua-5.4.8.tar` is not what its digest says: wanted `{other}`: found `{digest}`");
    assert_eq!(complaint, expected);
    assert!(fs::is_empty_directory(&place.path("into")));
    let complaint = place.complaint("archive", &several, "acme/lue", "1.0.0");
    assert_eq!(
        complaint,
        "`packages` in the config of `wake.std.archive` has no `acme/lue`"
    );
    let complaint = place.complaint("archive", &several, "acme/lua", "1.0.1");
    assert_eq!(
        complaint,
        "`versions` of `acme/lua` in the config of `wake.std.archive` has no `1.0.1`"
    );
}

/// Catches a config that is half understood.
#[test]
fn wrong_configs_of_archives_are_told() {
    let place = Place::new();
    let digest = format!("sha256:{}", "0".repeat(64));
    for (config, expected) in [
        (
            json!(null),
            "The config of `wake.std.archive` lacks `versions`",
        ),
        (
            json!({"versions": {}, "digest": "x"}),
            "The config of `wake.std.archive` has no key `digest`",
        ),
        (
            json!({"versions": {"1": digest}}),
            "`1` in the config of `wake.std.archive` is not a version: unexpected end of input while parsing major version number",
        ),
        (
            json!({"versions": {"1.0.0": digest}}),
            "The config of `wake.std.archive` lacks `url`",
        ),
        (
            json!({"url": "ftp://x", "versions": {"1.0.0": digest}}),
            "`url` in the config of `wake.std.archive` must start with `https://` or `http://`, not `\"ftp://x\"`",
        ),
        (
            json!({"url": "http://x", "versions": {"1.0.0": {}}}),
            "Version `1.0.0` in the config of `wake.std.archive` lacks `digest`",
        ),
        (
            json!({"path": "x", "versions": {"1.0.0": {"digest": "x", "sha": 1}}}),
            "Version `1.0.0` in the config of `wake.std.archive` has no key `sha`",
        ),
        (
            json!({"path": "x", "versions": {"1.0.0": "x"}}),
            "`x` is not a digest",
        ),
        (
            json!({"path": "x", "strip": -1, "versions": {"1.0.0": digest}}),
            "`strip` in the config of `wake.std.archive` must be a number up to 16, not `-1`",
        ),
        (
            json!({"path": "x", "url": "http://x", "versions": {"1.0.0": digest}}),
            "`path` in the config of `wake.std.archive` must be missing, since there is a `url`, not `\"x\"`",
        ),
        (
            json!({"packages": {"a": {"versions": 1}}}),
            "`versions` in `a` in the config of `wake.std.archive` must be a table, not `1`",
        ),
        (
            json!({"packages": {}, "url": "http://x"}),
            "The config of `wake.std.archive` has no key `url`",
        ),
    ] {
        let error = place.candidates("archive", &config, "x", "*").unwrap_err();
        assert_eq!(place.told(&error, &Value::Null), expected);
    }
}

/// Catches a process that answers just once, and requests that are half understood.
#[test]
fn one_process_answers_many_requests() {
    let place = Place::new();
    place.file("index/_/x.jsonl", "{\"version\":\"1.0.0\"}\n");
    let surroundings = Surroundings {
        directory: place.path(""),
        environment: BTreeMap::new(),
    };
    let request = |protocol: u32, method: &str| {
        json!({"protocol": protocol, "method": method, "config": {"path": "index"}, "env": {},
               "requests": [{"namespace": null, "name": "x", "requirement": "*"}]})
        .to_string()
    };
    let answer = |name: &str, text: &str| {
        let mut responses = Vec::new();
        let served = serve(name, &surroundings, text.as_bytes(), &mut responses);
        let responses = String::from_utf8(responses).unwrap();
        (responses, served.err().map(|error| error.to_string()))
    };
    let good = request(1, "candidates");
    let response = "[[{\"version\":\"1.0.0\"}]]\n";
    assert_eq!(
        answer("index", &format!("{good}\n{good}\n")),
        (response.repeat(2), None)
    );
    assert_eq!(answer("index", ""), (String::new(), None));
    let complaint = |name: &str, text: &str| answer(name, text).1.unwrap();
    let wrong = "The request is not one of protocol 1";
    assert_eq!(complaint("index", "{"), wrong);
    assert_eq!(complaint("index", &request(1, "install")), wrong);
    assert_eq!(
        complaint("index", &request(2, "candidates")),
        "The request is of protocol 2; this wake speaks 1"
    );
    assert_eq!(
        complaint("indx", &good),
        "`wake.std` has no retriever `indx`"
    );
}
