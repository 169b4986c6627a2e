//! The retrievers that ask through another program: `git` with repositories made here, `cargo`, `npm` and `pip` with
//! the registries that this machine's user has configured.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use wake::error::{Error, Kind};
use wake::pkg::retriever::protocol::{Candidate, Fetched, Required, Wanted};
use wake::pkg::retriever::std::{Finder, Surroundings, open};

use crate::support::{Space, skipped};

/// The retriever as the user's environment, changed by `variables`, has it.
fn finder(
    space: &Space,
    name: &str,
    config: &Value,
    variables: &[(&str, &str)],
) -> Box<dyn Finder> {
    let mut environment: BTreeMap<String, String> = std::env::vars().collect();
    let temporary = space.path("../temporary").display().to_string();
    environment.insert("TMPDIR".to_owned(), temporary);
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    environment.extend(variables);
    let surroundings = Surroundings {
        directory: space.top(),
        environment,
    };
    open(name, config, &surroundings).unwrap()
}

fn wanted(label: &str, requirement: &str) -> Wanted {
    let (namespace, name) = label.split_once('/').unwrap();
    Wanted {
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
        requirement: requirement.to_owned(),
    }
}

/// A package to fetch into `<top>/<directory>`, which is made.
fn fetched(space: &Space, label: &str, version: &str, directory: &str) -> Fetched {
    let into = space.path(directory);
    std::fs::create_dir_all(&into).unwrap();
    let (namespace, name) = label.split_once('/').unwrap();
    Fetched {
        namespace: Some(namespace.to_owned()),
        name: name.to_owned(),
        version: version.to_owned(),
        artifact: None,
        into,
    }
}

fn versions(candidates: &[Candidate]) -> Vec<&str> {
    candidates
        .iter()
        .map(|candidate| candidate.version.as_str())
        .collect()
}

/// An error as a person reads it, without what depends on the machine.
fn told(space: &Space, error: &Error) -> String {
    let report = error.report();
    let hint = report.hint.iter().map(|hint| format!("hint: {hint}"));
    let lines = [report.message.clone()]
        .into_iter()
        .chain(report.causes.clone())
        .chain(hint);
    space.redact(&lines.collect::<Vec<_>>().join("\n"))
}

/// The part of a `PKG` that says what it asks for.
fn asked_for(declaration: &str) -> &str {
    let (_, rest) = declaration.split_once("    pkgs={").unwrap();
    rest.split_once("    modules={").unwrap().0
}

/// Whether a registry can be asked here; else the test is skipped.
fn is_there(test: &str, program: &str, answer: &Result<Vec<Vec<Candidate>>, Error>) -> bool {
    let Err(error) = answer else { return true };
    let told = format!("{error} {}", error.report().causes.join(" ")).to_lowercase();
    let signs = [
        "is not installed",
        "connect",
        "resolve host",
        "enotfound",
        "timed out",
        "network",
        "eai_again",
    ];
    let is_absent =
        error.kind() == Kind::Environment && signs.iter().any(|sign| told.contains(sign));
    if is_absent {
        skipped(&format!("{test}: `{program}` has no registry to ask here"));
    }
    !is_absent
}

/// A repository in `<top>/repository` with a commit for each version.
struct Repository<'a> {
    space: &'a Space,
}

impl<'a> Repository<'a> {
    fn new(space: &'a Space) -> Self {
        std::fs::create_dir_all(space.path("repository")).unwrap();
        let repository = Self { space };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// What a command prints.
    fn git(&self, arguments: &[&str]) -> String {
        let output = Command::new("git")
            .args([
                "-c",
                "user.name=A",
                "-c",
                "user.email=a@b",
                "-c",
                "core.autocrlf=false",
                "-c",
                "commit.gpgSign=false",
            ])
            .args([
                "-c",
                "protocol.file.allow=always",
                "-c",
                "tag.gpgSign=false",
            ])
            .args(arguments)
            .current_dir(self.space.path("repository"))
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .output()
            .unwrap();
        assert!(output.status.success(), "git {arguments:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    /// Writes a file, commits everything, and returns the commit.
    fn commit(&self, file: &str, content: &str) -> String {
        self.space.file(format!("repository/{file}"), content);
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "x"]);
        self.git(&["rev-parse", "HEAD"])
    }
}

/// Settings of a user who has everything switched on that runs programs at a checkout or changes files.
fn busy_home(space: &Space) -> String {
    let home = space.path("../home");
    let marker = home.join("marker");
    let hook = format!("#!/bin/sh\ntouch {}\n", marker.display());
    for directory in ["hooks", "template/hooks"] {
        for name in [
            "post-checkout",
            "reference-transaction",
            "post-index-change",
        ] {
            let path = space.path(format!("../home/{directory}/{name}"));
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &hook).unwrap();
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
            std::fs::set_permissions(&path, mode).unwrap();
        }
    }
    let text = format!(
        "[core]\n autocrlf = true\n hooksPath = {0}/hooks\n fsmonitor = {0}/hooks/post-checkout\n[init]\n templateDir = {0}/template\n\
         [filter \"busy\"]\n smudge = sed s/raw/changed/\n required = true\n[submodule]\n recurse = true\n[protocol \"ext\"]\n allow = always\n",
        home.display()
    );
    std::fs::write(home.join(".gitconfig"), text).unwrap();
    home.display().to_string()
}

/// Catches hooks, filters, line ends, submodules and other repositories that have a say in what a version contains.
#[test]
fn a_version_of_a_repository_is_its_files_and_nothing_else() {
    let space = Space::new();
    let repository = Repository::new(&space);
    space.file(
        "repository/.gitattributes",
        "*.txt filter=busy eol=crlf\nleft-out export-ignore\n*.id ident\n",
    );
    space
        .file("repository/left-out", "")
        .file("repository/run.sh", "")
        .file("repository/a.id", "$Id$\n");
    let tool = space.path("repository/run.sh");
    std::fs::set_permissions(tool, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    std::os::unix::fs::symlink("a.txt", space.path("repository/link")).unwrap();
    repository.commit("a.txt", "raw\n");
    let url = space.path("repository").display().to_string();
    repository.git(&["submodule", "--quiet", "add", &url, "module"]);
    repository.commit("b.txt", "b\n");
    repository.git(&["tag", "v1.0.0"]);
    repository.commit("a.txt", "raw 2\n");
    repository.git(&["tag", "-a", "-m", "x", "2.0.0"]);
    // A branch that is called as a tag.
    repository.git(&["branch", "v1.0.0"]);
    repository.git(&["tag", "other-3.0.0"]);

    let home = busy_home(&space);
    let elsewhere = space.path("elsewhere").display().to_string();
    let variables = [
        ("HOME", home.as_str()),
        ("GIT_DIR", &elsewhere),
        ("GIT_WORK_TREE", &elsewhere),
    ];
    let git = finder(&space, "git", &json!({"url": "repository"}), &variables);
    let found = git
        .candidates(&[wanted("acme/tool", "*"), wanted("acme/tool", "^1")])
        .unwrap();
    assert_eq!(
        found.iter().map(|one| versions(one)).collect::<Vec<_>>(),
        [vec!["1.0.0", "2.0.0"], vec!["1.0.0"]]
    );

    assert_eq!(git.reads(), [space.path("repository")]);
    git.fetch(&[
        fetched(&space, "acme/tool", "1.0.0", "one"),
        fetched(&space, "acme/tool", "2.0.0", "two"),
    ])
    .unwrap();
    assert_eq!(space.read("one/a.txt"), "raw\n");
    assert_eq!(space.read("two/a.txt"), "raw 2\n");
    assert_eq!(space.read("one/a.id"), "$Id$\n");
    assert!(space.exists("one/left-out") && !space.exists("one/.git"));
    assert!(!space.exists("one/module/a.txt"), "a submodule was fetched");
    assert_eq!(
        std::fs::read_link(space.path("one/link")).unwrap(),
        Path::new("a.txt")
    );
    let mode = std::fs::metadata(space.path("one/run.sh")).unwrap();
    assert!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o100 != 0);
    assert!(
        space
            .read("one/PKG")
            .contains(r#"wake.pkgInfo("tool", version="1.0.0", namespace="acme")"#)
    );
    assert!(!space.path("../home/marker").exists(), "a hook has run");
    let left = std::fs::read_dir(space.path("../temporary"))
        .unwrap()
        .count();
    assert_eq!(left, 0, "something is left in the temporary directory");
}

/// Catches a pin that is looked for among the tags, and one that is fetched as whatever the branch has now.
#[test]
fn a_pinned_commit_is_that_commit() {
    let space = Space::new();
    let repository = Repository::new(&space);
    space.file("repository/PKG", "mine");
    let first = repository.commit("a", "1");
    repository.commit("a", "2");
    repository.git(&["tag", "nightly"]);
    let config = json!({"urls": {
        "acme/a": {"url": "repository", "commit": first, "version": "0.1.0-pre"},
        "acme/b": {"url": space.path("repository"), "tag": "nightly", "version": "0.2.0"},
        "acme/c": "missing",
    }});
    let git = finder(&space, "git", &config, &[]);
    let found = git
        .candidates(&[
            wanted("acme/a", "=0.1.0-pre"),
            wanted("acme/b", "*"),
            wanted("acme/z", "*"),
        ])
        .unwrap();
    assert_eq!(
        found.iter().map(|one| versions(one)).collect::<Vec<_>>(),
        [vec!["0.1.0-pre"], vec!["0.2.0"], vec![]]
    );
    git.fetch(&[
        fetched(&space, "acme/a", "0.1.0-pre", "a"),
        fetched(&space, "acme/b", "0.2.0", "b"),
    ])
    .unwrap();
    assert_eq!(
        (space.read("a/a").as_str(), space.read("b/a").as_str()),
        ("1", "2")
    );
    assert_eq!(space.read("a/PKG"), "mine");
}

/// Catches an error that does not say which repository, and one with a password in it.
#[test]
fn what_git_cannot_do_is_told() {
    let space = Space::new();
    let repository = Repository::new(&space);
    repository.commit("a", "1");
    repository.git(&["tag", "v1.0.0"]);
    let mut complaints = Vec::new();
    let mut complain = |config: Value, version: &str, variables: &[(&str, &str)]| {
        let git = finder(&space, "git", &config, variables);
        let answer = git.candidates(&[wanted("acme/a", "*")]).err();
        let answer = answer.or_else(|| {
            git.fetch(&[fetched(&space, "acme/a", version, version)])
                .err()
        });
        let answer = answer.map(|error| told(&space, &error));
        complaints.push(answer.unwrap_or_else(|| "no error".to_owned()));
    };
    complain(json!({"url": "file:///nowhere/at/all"}), "1.0.0", &[]);
    complain(json!({"url": "file://me:secret@/nowhere"}), "1.0.0", &[]);
    complain(json!({"url": "repository"}), "1.0.1", &[]);
    let missing = "0123456789012345678901234567890123456789";
    complain(
        json!({"url": "repository", "commit": missing, "version": "1.0.0"}),
        "1.0.0",
        &[],
    );
    complain(
        json!({"url": "repository"}),
        "1.0.0",
        &[("PATH", "/nowhere")],
    );
    insta::assert_snapshot!(complaints.join("\n\n"));
}

/// Catches an index of cargo's that is read wrongly, build scripts that run, and traces in the workspace.
#[test]
fn crates_are_found_and_fetched_through_cargo() {
    let space = Space::new();
    let crates = finder(&space, "crates", &Value::Null, &[]);
    let asked = [
        wanted("crates/lua-src", ">=547.0.0, <549"),
        wanted("crates/itoa", "=0.4.3"),
        wanted("crates/no-such-crate-of-wake", "*"),
        wanted("crates/../x", "*"),
    ];
    let answer = crates.candidates(&asked);
    if !is_there(
        "crates_are_found_and_fetched_through_cargo",
        "cargo",
        &answer,
    ) {
        return;
    }
    let found = answer.unwrap();
    assert!(
        versions(&found[0]).starts_with(&["547.0.0", "547.1.0", "548.0.0"]),
        "{found:?}"
    );
    assert_eq!(
        found[0][0].pkgs["cc"],
        Required::Same("crates/cc@^1.0.54".to_owned())
    );
    assert_eq!(versions(&found[1]), ["0.4.3"]);
    assert_eq!((found[2].len(), found[3].len()), (0, 0));

    // Two versions that cargo cannot have in one project, and one with `build.rs`.
    crates
        .fetch(&[
            fetched(&space, "crates/lua-src", "547.0.0", "lua"),
            fetched(&space, "crates/itoa", "1.0.1", "new"),
            fetched(&space, "crates/itoa", "1.0.2", "newer"),
            fetched(&space, "crates/libsqlite3-sys", "0.7.2", "yanked"),
        ])
        .unwrap();
    assert!(space.exists("lua/lua-5.4.7/lapi.c") && !space.exists("lua/.cargo-ok"));
    assert!(space.read("new/Cargo.toml").contains("version = \"1.0.1\""));
    insta::assert_snapshot!(asked_for(&space.read("lua/PKG")));
    assert!(
        space.exists("yanked/Cargo.toml"),
        "a yanked version is kept where it is locked"
    );
    assert_eq!(std::fs::read_dir(space.top()).unwrap().count(), 4);
    assert_eq!(
        std::fs::read_dir(space.path("../temporary"))
            .unwrap()
            .count(),
        0
    );

    let error = crates
        .fetch(&[fetched(&space, "crates/itoa", "0.4.999", "none")])
        .unwrap_err();
    assert_eq!(
        told(&space, &error),
        "The crate `itoa` has no version `0.4.999`"
    );
}

/// Catches scopes, ranges and the layout of npm's archives.
#[test]
fn npm_packages_are_found_and_fetched_through_npm() {
    let space = Space::new();
    let npm = finder(&space, "npm", &Value::Null, &[]);
    let asked = [
        wanted("npm/is-number", ">=5.0.0, <7"),
        wanted("npm/is-number", "^99"),
        wanted("npm/no-such-package-of-wake", "*"),
        wanted("npm/to-regex-range", "=5.0.1"),
        wanted("npm/types+ms", "^0.7"),
    ];
    let answer = npm.candidates(&asked);
    if !is_there(
        "npm_packages_are_found_and_fetched_through_npm",
        "npm",
        &answer,
    ) {
        return;
    }
    let found = answer.unwrap();
    assert_eq!(versions(&found[0]), ["5.0.0", "6.0.0"]);
    assert_eq!((found[1].len(), found[2].len()), (0, 0));
    assert_eq!(
        found[3][0].pkgs["is-number"],
        Required::Same("npm/is-number@^7.0.0".to_owned())
    );
    assert!(!found[4].is_empty());

    npm.fetch(&[
        fetched(&space, "npm/to-regex-range", "5.0.1", "a"),
        fetched(&space, "npm/is-number", "6.0.0", "b"),
    ])
    .unwrap();
    assert!(space.exists("a/package.json") && space.exists("b/index.js"));
    insta::assert_snapshot!(asked_for(&space.read("a/PKG")));
    assert_eq!(std::fs::read_dir(space.top()).unwrap().count(), 2);
    assert_eq!(
        std::fs::read_dir(space.path("../temporary"))
            .unwrap()
            .count(),
        0
    );

    npm.fetch(&[fetched(&space, "npm/is-number", "7.0.0", "c")])
        .unwrap();
    let uses = |key: &str, package: &str| {
        format!("wake.getPkg('npm/{key}', from='../{package}', replace=true)")
    };
    space.file(
        "app/PKG",
        format!(
            "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={{ range: {}, number: {} }}, modules={{
              root: function(wake, pkg, config) wake.recipe({{
                Language: 'JavaScript', Type: 'Executable',
                Dependencies: {{ Runtime: [wake.getModule(pkg.pkgs.range)] }},
              }}),
            }})",
            uses("to-regex-range", "a"),
            uses("is-number", "c"),
        ),
    );
    let main = "console.log(require('to-regex-range')('1', '5'));\n";
    space.file("app/main.js", main);
    let run = space.wake(["-C", "app", "run", "-q"]);
    if !run.stderr.contains("`node` is not installed") {
        assert_eq!(run.success().stdout, "[1-5]\n");
    }
    space.remove("app");

    for (label, version) in [
        ("npm/is-number", "6.0.99"),
        ("npm/no-such-package-of-wake", "1.0.0"),
    ] {
        let error = npm
            .fetch(&[fetched(&space, label, version, version)])
            .unwrap_err();
        assert_eq!(
            told(&space, &error),
            format!("npm has no `{}@{version}`", &label[4..])
        );
    }
}

/// Catches an index that is silently empty, a source archive that is built, and a wheel that is not unpacked.
#[test]
fn wheels_are_found_and_fetched_through_pip() {
    let space = Space::new();
    space.file(
        "random.py",
        "import sys; sys.exit('the workspace is no part of Python')",
    );
    let pypi = finder(&space, "pypi", &Value::Null, &[]);
    let asked = [
        wanted("pypi/six", ">=1.15, <1.17"),
        wanted("pypi/Six", "*"),
        wanted("pypi/no-such-package-of-wake", "*"),
        wanted("pypi/requests", "=2.31.0"),
    ];
    let answer = pypi.candidates(&asked);
    if !is_there("wheels_are_found_and_fetched_through_pip", "pip", &answer) {
        return;
    }
    let found = answer.unwrap();
    assert_eq!(versions(&found[0]), ["1.15.0", "1.16.0"]);
    assert_eq!((found[1].len(), found[2].len()), (0, 0));
    assert_eq!(
        found[3][0].pkgs["idna"],
        Required::Same("pypi/idna@<4.0.0, >=2.5.0".to_owned())
    );

    pypi.fetch(&[fetched(&space, "pypi/requests", "2.31.0", "a")])
        .unwrap();
    assert!(
        space.exists("a/requests/__init__.py")
            && space.exists("a/requests-2.31.0.dist-info/METADATA")
    );
    insta::assert_snapshot!(asked_for(&space.read("a/PKG")));
    assert_eq!(std::fs::read_dir(space.top()).unwrap().count(), 2);
    assert_eq!(
        std::fs::read_dir(space.path("../temporary"))
            .unwrap()
            .count(),
        0
    );

    pypi.fetch(&[fetched(&space, "pypi/six", "1.16.0", "six")])
        .unwrap();
    space.file(
        "app/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={ six: wake.getPkg('pypi/six', from='../six') }, modules={
          root: function(wake, pkg, config) wake.recipe({
            Language: 'Python', Type: 'Executable', Dependencies: { Runtime: [wake.getModule(pkg.pkgs.six)] },
          }),
        })",
    );
    let main = "import importlib.metadata, six\nprint(importlib.metadata.version('six'), six.text_type('a'))\n";
    space.file("app/main.py", main);
    let run = space.wake(["-C", "app", "run", "-q"]).success();
    assert_eq!(run.stdout, "1.16.0 a\n");
    space.remove("app");

    let complain = |label: &str, version: &str| {
        let error = pypi
            .fetch(&[fetched(&space, label, version, version)])
            .unwrap_err();
        told(&space, &error)
    };
    let complaints = [
        complain("pypi/six", "1.16.99"),
        complain("pypi/no-such-package-of-wake", "1.0.0"),
    ];
    insta::assert_snapshot!(complaints.join("\n\n"));
}

/// Catches a registry that does not answer and is taken for one that has nothing.
#[test]
fn an_index_that_does_not_answer_is_an_error() {
    let space = Space::new();
    // A port that nobody listens on: it was free a moment ago.
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let address = format!("http://127.0.0.1:{port}/");
    let home = space.path("../home").display().to_string();
    let variables = [
        ("PIP_INDEX_URL", address.as_str()),
        ("PIP_RETRIES", "0"),
        ("PIP_CONFIG_FILE", "/dev/null"),
        ("npm_config_registry", &address),
        ("npm_config_fetch_retries", "0"),
        ("npm_config_cache", &home),
    ];
    for (name, label) in [
        ("pypi", "pypi/no-such-package-of-wake"),
        ("npm", "npm/no-such-package-of-wake"),
    ] {
        let error = finder(&space, name, &Value::Null, &variables)
            .candidates(&[wanted(label, "*")])
            .unwrap_err();
        assert_eq!(error.kind(), Kind::Environment, "{error:?}");
    }
}

/// Catches a message that does not say what to install.
#[test]
fn clients_that_are_not_installed_are_named() {
    let space = Space::new();
    let complaints = ["crates", "npm", "pypi"].map(|name| {
        let finder = finder(&space, name, &Value::Null, &[("PATH", "/nowhere")]);
        let error = finder
            .candidates(&[wanted(&format!("{name}/x"), "*")])
            .unwrap_err();
        told(&space, &error)
    });
    insta::assert_snapshot!(complaints.join("\n\n"));
}
