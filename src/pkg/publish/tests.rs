//! An index that several versions are put into, and everything that is refused.

use serde_json::json;

use super::*;
use crate::error::Location;

fn request(label: &str, version: Option<&str>, from: Source) -> PackageRequest {
    let (namespace, name) = label.split_once('/').unwrap();
    PackageRequest {
        wanted: PackageInfo {
            name: name.to_owned(),
            namespace: Some(namespace.to_owned()),
            version: version.map(str::to_owned),
        },
        from,
        global: None,
        permissions: Vec::new(),
        versions: None,
        when: BTreeMap::new(),
        replace: false,
        is_host: false,
        at: Some(Location::of_bytes("PKG", "pkgs", 0, 4)),
    }
}

fn std(name: &str, config: Value) -> Source {
    Source::Retriever(Box::new(Exec {
        program: Program::Std(name.to_owned()),
        config,
        args: Vec::new(),
        env: BTreeMap::new(),
    }))
}

struct Place {
    directory: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let place = Self {
            directory: tempfile::tempdir().unwrap(),
        };
        place.file("package/PKG", "function(wake) import 'lib.libsonnet'");
        place.file("package/lib.libsonnet", "{}");
        place.file("package/src/a.c", "int a;");
        place.file("package/secret", "not published");
        place
    }

    fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    fn file(&self, path: &str, content: &str) {
        let path = self.path(path);
        fs::create_directories(path.parent().unwrap()).unwrap();
        fs::write(&path, content.as_bytes()).unwrap();
    }

    fn declaration(&self, version: &str) -> Declaration {
        Declaration {
            info: PackageInfo {
                name: "lua".to_owned(),
                namespace: Some("acme".to_owned()),
                version: Some(version.to_owned()),
            },
            language: None,
            files: Some(vec!["src/a.c".to_owned()]),
            pkgs: Vec::new(),
            modules: Vec::new(),
            plugin: None,
            exec: None,
            imports: vec!["lib.libsonnet".to_owned()],
            at: None,
        }
    }

    fn publish(&self, declaration: &Declaration) -> Result<Published> {
        let top = self.directory.path();
        let package = Package {
            directory: &self.path("package"),
            declaration,
            recipe: None,
        };
        publish(&package, &self.path("index"), top)
    }

    /// What is wrong, and that nothing came of it.
    fn complaint(&self, declaration: &Declaration) -> Vec<String> {
        let error = self.publish(declaration).unwrap_err();
        let lines = fs::read_if_exists(&self.path("index/acme/lua.jsonl"));
        assert!(lines.unwrap().is_none());
        let message = std::iter::once(error.report().message.clone());
        message.chain(error.report().causes.clone()).collect()
    }

    fn versions(&self) -> Vec<(String, bool)> {
        let content = fs::read(&self.path("index/acme/lua.jsonl")).unwrap();
        let lines = index::lines("x", &content, |_| true).unwrap();
        let lines = lines.into_iter();
        lines
            .map(|(version, line)| (version.to_string(), line.yanked))
            .collect()
    }
}

/// Catches a version that changes after it was published, an order that depends on when, and files too many.
#[test]
fn versions_are_added_once_and_in_order() {
    let place = Place::new();
    for version in ["1.10.0", "1.9.0", "2.0.0-beta.1", "1.9.1"] {
        assert!(place.publish(&place.declaration(version)).unwrap().is_new);
    }
    let expected = ["1.9.0", "1.9.1", "1.10.0", "2.0.0-beta.1"];
    let expected = expected.map(|version| (version.to_owned(), false));
    assert_eq!(place.versions(), expected);
    let before = fs::read(&place.path("index/acme/lua.jsonl")).unwrap();
    assert!(!place.publish(&place.declaration("1.9.0")).unwrap().is_new);
    assert_eq!(
        fs::read(&place.path("index/acme/lua.jsonl")).unwrap(),
        before
    );

    place.file("package/src/a.c", "int b;");
    let error = place.publish(&place.declaration("1.9.0")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`acme/lua@1.9.0` is published already, with other content"
    );
    let published = place.publish(&place.declaration("1.9.2")).unwrap();
    let content = fs::open(&published.archive).unwrap();
    let into = place.path("into");
    let unpacked = unpack("x", content, &into, Limits::default(), Strip::Components(1)).unwrap();
    assert_eq!(unpacked.files, 3);
    assert!(fs::is_file(&into.join("PKG")) && fs::is_file(&into.join("lib.libsonnet")));
    let left: Vec<_> = fs::list(&place.path("index")).unwrap();
    let left: Vec<_> = left
        .iter()
        .map(|(name, _)| name.to_str().unwrap())
        .collect();
    assert_eq!(left, [".lock", "acme", "archives"]);
}

/// Catches requirements that those who fetch the package could not have.
#[test]
fn only_what_others_can_have_is_published() {
    let place = Place::new();
    let mut declaration = place.declaration("1.0.0");
    let of = request("acme/x", None, Source::Global);
    declaration.pkgs = [
        (
            "a",
            request("acme/a", Some("^1"), std("index", json!({"path": "index"}))),
        ),
        (
            "b",
            request("acme/b", None, std("index", json!({"url": "https://h/i"}))),
        ),
        ("c", request("acme/c", Some("1"), Source::Global)),
    ]
    .map(|(key, request)| (key.to_owned(), request))
    .to_vec();
    fs::create_directories(&place.path("index")).unwrap();
    place.publish(&declaration).unwrap();
    let line = fs::read(&place.path("index/acme/lua.jsonl")).unwrap();
    let line: Value = serde_json::from_slice(&line).unwrap();
    let expected =
        json!({"a": "acme/a@^1", "b": "acme/b@*", "c": {"req": "acme/c@1", "from": "global"}});
    assert_eq!(line["pkgs"], expected);

    declaration.pkgs = [
        (
            "a",
            request("acme/a", None, Source::Path("../a".to_owned())),
        ),
        ("b", request("acme/b", None, std("crates", Value::Null))),
        (
            "c",
            request("acme/c", None, std("index", json!({"path": "other"}))),
        ),
        (
            "d",
            request("acme/d", None, Source::Of(Box::new(of), "d".to_owned())),
        ),
    ]
    .map(|(key, request)| (key.to_owned(), request))
    .to_vec();
    fs::remove_all(&place.path("index")).unwrap();
    assert_eq!(
        place.complaint(&declaration),
        [
            "`acme/lua` cannot be published",
            "PKG:1:1: `a` comes from the path `../a`, which others do not have",
            "PKG:1:1: `b` comes from a retriever that is no index",
            "PKG:1:1: `c` comes from another index",
            "PKG:1:1: `d` is what another package asks for",
        ]
    );
}

/// Catches packages that nobody could name, choose or unpack.
#[test]
fn what_nobody_could_use_is_refused() {
    let place = Place::new();
    let good = place.declaration("1.0.0");
    let with = |change: &dyn Fn(&mut Declaration)| {
        let mut declaration = good.clone();
        change(&mut declaration);
        place.complaint(&declaration).join(": ")
    };
    let unpublishable = "`acme/lua` cannot be published";
    assert_eq!(
        with(&|one| one.info.version = None),
        format!("{unpublishable}: it has no version")
    );
    assert!(with(&|one| one.info.version = Some("1.0".to_owned())).contains("`1.0` is not one"));
    assert_eq!(
        with(&|one| one.files = None),
        format!("{unpublishable}: it does not say which files belong to it")
    );
    assert_eq!(
        with(&|one| one.info.namespace = Some("_".to_owned())),
        "An index has no namespace `_`"
    );
    assert!(with(&|one| one.files = Some(vec!["gone".to_owned()])).contains("no such file"));
    fs::place::link(&place.path("package/out"), Path::new("../secret")).unwrap();
    assert!(
        with(&|one| one.files = Some(vec!["out".to_owned()])).contains("leads out of the archive")
    );
}

/// Catches lines of a later wake that are lost, and a yank that says it did something when it did not.
#[test]
fn yanking_changes_one_word() {
    let place = Place::new();
    let later = "{\"v\":9,\"version\":\"9.0.0\",\"new\":true}\n";
    place.file("index/acme/lua.jsonl", later);
    let info = place.declaration("1.0.0");
    place.publish(&info).unwrap();
    let version = Version::new(1, 0, 0);
    let yank = |is_yanked| yank(&place.path("index"), &info.info, &version, is_yanked);
    let before = fs::read(&place.path("index/acme/lua.jsonl")).unwrap();
    assert!(yank(true).unwrap() && !yank(true).unwrap());
    assert_eq!(place.versions(), [("1.0.0".to_owned(), true)]);
    let after = fs::read(&place.path("index/acme/lua.jsonl")).unwrap();
    assert!(before.starts_with(later.as_bytes()) && after.starts_with(later.as_bytes()));
    assert!(yank(false).unwrap() && !yank(false).unwrap());
    let nine = Version::new(9, 9, 9);
    let error = super::yank(&place.path("index"), &info.info, &nine, true).unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("index` has no `acme/lua@9.9.9`"),
        "{error}"
    );
}
