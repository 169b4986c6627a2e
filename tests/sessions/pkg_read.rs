//! What can be asked about packages: `wake pkg tree`, `why`, `list`, `outdated`, and what `resolve` and `cache gc` say of
//! what they did. The packages come from an index that lies in the workspace.

use serde_json::Value;

use crate::support::{Session, Space};

/// Versions of a package of the index, a line each.
fn index(space: &Space, name: &str, lines: &[&str]) {
    space.file(format!("index/{name}.jsonl"), lines.join("\n") + "\n");
}

/// Two members; a package in two versions, one that is for other machines, one that is asked for with every version
/// alone, and one that a path package answers for everybody.
fn workspace() -> Space {
    let space = Space::new();
    space
        .file("RootRecipe.sml", "Members: ['app', 'tools']\n")
        .file(
            "app/PKG",
            "function(wake)
  local index = wake.exec(wake.std.index, config={ path: 'index' });
  wake.pkg(wake.pkgInfo('app', version='1.0.0', namespace='acme'), pkgs={
    log: wake.getPkg('acme/log@^1', from=index),
    gui: wake.getPkg('acme/gui@^3', from=index, when={ System: ['Windows', 'Darwin'] }),
    tools: wake.getPkg('acme/tools', from='../tools'),
    zip: wake.getPkg('acme/zip', from='../zip', replace=true),
  })
",
        )
        .file(
            "tools/PKG",
            "function(wake)
  local index = wake.exec(wake.std.index, config={ path: 'index' });
  wake.pkg(wake.pkgInfo('tools', namespace='acme'), pkgs={
    text: wake.getPkg('acme/text@>=1, <3', from=index),
    tiny: wake.getPkg('acme/tiny', from=index, versions='any'),
  })
",
        )
        .file(
            "zip/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('zip', version='0.4.0', namespace='acme'))\n",
        );
    index(
        &space,
        "acme/log",
        &[
            r#"{"version": "1.0.0", "pkgs": {"text": "acme/text@^1"}, "size": 1000}"#,
            r#"{"version": "1.2.0", "pkgs": {"text": "acme/text@^1", "zip": "acme/zip@^0.4"}, "size": 123456}"#,
        ],
    );
    index(
        &space,
        "acme/text",
        &[
            r#"{"version": "1.0.0"}"#,
            r#"{"version": "1.5.0"}"#,
            r#"{"version": "2.1.0"}"#,
        ],
    );
    index(&space, "acme/tiny", &[r#"{"version": "0.0.1"}"#]);
    index(
        &space,
        "acme/gui",
        &[r#"{"version": "3.0.1", "pkgs": {"text": "acme/text@^1"}}"#],
    );
    space
}

/// Catches a package that is lost on the way, a requirement that is told of the wrong asker, and order that depends on
/// chance.
#[test]
fn packages_are_told_as_a_tree_a_list_and_by_name() {
    let mut session = Session::new(workspace());
    session.note("what reads writes the lock, too; and fetches nothing");
    session.wake(["pkg", "tree"]).success();
    session.note("what was asked for");
    session.wake(["-C", "tools", "pkg", "tree", "-v"]).success();
    session.wake(["pkg", "list"]).success();
    session.note("by name, with or without namespace and version; the shortest way first");
    session.wake(["pkg", "why", "log"]).success();
    session.wake(["pkg", "why", "acme/text@1.5.0"]).success();
    session
        .note("a member that another one asks for, and a path package that stands in for others");
    session.wake(["pkg", "why", "tools"]).success();
    session.wake(["pkg", "why", "zip"]).success();
    session.note("what is not there");
    session.wake(["pkg", "why", "acme/texd"]).code(2);
    session.wake(["pkg", "why", "text@9.0.0"]).code(2);
    session.wake(["pkg", "why", "zlib"]).code(2);
    session.note("the lock is used as it is");
    session.space().remove("index");
    session.wake(["pkg", "tree", "--frozen"]).success();
    session.wake(["pkg", "list", "--locked", "-q"]).success();
    let store = session.space().path("../home/.cache/wake/store/pkgs");
    assert_eq!(std::fs::read_dir(store).unwrap().count(), 0);
    insta::assert_snapshot!(session.transcript());
}

/// Catches a text among the JSON, places that lead nowhere, and keys that others rely on.
#[test]
fn packages_are_told_to_programs() {
    let space = workspace();
    let document = |arguments: &[&str]| -> Value {
        let format = ["--format", "json"];
        let arguments = ["pkg"].iter().chain(arguments).chain(&format);
        let run = space.wake(arguments).success();
        serde_json::from_str(&run.stdout).unwrap()
    };
    let list = document(&["list"]);
    assert_eq!(list, document(&["tree"]));
    let packages = list["packages"].as_array().unwrap();
    let find = |name: &str| packages.iter().find(|one| one["name"] == name).unwrap();
    let log = find("acme/log");
    assert_eq!(log["size"], 123_456);
    assert_eq!(log["fetched"], false);
    assert_eq!(find("acme/tools")["version"], Value::Null);
    assert_eq!(find("acme/zip")["replace"], true);
    let required = &find("acme/app")["requires"][1];
    assert_eq!(required["key"], "log");
    assert_eq!(required["at"], "app/PKG:4:10");
    let place = required["package"].as_u64().unwrap();
    assert_eq!(packages[usize::try_from(place).unwrap()], *log);

    let why = document(&["why", "text@2.1.0"]);
    let ways = &why["packages"][0]["ways"];
    assert_eq!(ways[0].as_array().unwrap().len(), 1, "{why:#}");
    assert_eq!(ways[1][0]["name"], "acme/app", "{why:#}");
    assert_eq!(ways[1][1]["request"], "acme/text@>=1, <3", "{why:#}");

    let outdated = document(&["outdated"]);
    assert_eq!(outdated["packages"][0]["current"], "1.5.0", "{outdated:#}");
    assert_eq!(outdated["packages"][0]["newest"], "2.1.0", "{outdated:#}");
}

/// Catches yanked, too young and unfinished versions that are recommended, and a lock that is changed by asking.
#[test]
fn outdated_packages_are_those_with_something_newer() {
    let space = Space::new();
    space.file(
        "PKG",
        "function(wake)
  local index = wake.exec(wake.std.index, config={ path: 'index' });
  wake.pkg(wake.pkgInfo('app'), pkgs={
    log: wake.getPkg('acme/log@^1', from=index),
    zip: wake.getPkg('acme/zip@=1.0.0', from=index),
  })
",
    );
    let first = r#"{"version": "1.0.0", "pkgs": {"text": "acme/text@^1"}}"#;
    index(&space, "acme/log", &[first]);
    index(&space, "acme/text", &[r#"{"version": "1.0.0"}"#]);
    index(&space, "acme/zip", &[r#"{"version": "1.0.0"}"#]);
    let mut session = Session::new(space);
    session.note("all is new");
    session.wake(["pkg", "outdated"]).success();
    session.note("the index has grown: one that fits, one that is another major version, and what does not count");
    index(
        session.space(),
        "acme/log",
        &[
            first,
            r#"{"version": "1.1.0", "pkgs": {}, "published": "2020-02-02"}"#,
            r#"{"version": "1.2.0", "published": "2099-01-01T00:00:00Z"}"#,
            r#"{"version": "2.0.0", "published": "2020-02-02"}"#,
            r#"{"version": "3.0.0-rc.1"}"#,
            r#"{"version": "4.0.0", "yanked": true}"#,
        ],
    );
    index(
        session.space(),
        "acme/text",
        &[r#"{"version": "1.0.0"}"#, r#"{"version": "1.0.1"}"#],
    );
    index(
        session.space(),
        "acme/zip",
        &[r#"{"version": "1.0.0"}"#, r#"{"version": "1.0.1"}"#],
    );
    let before = session.space().read("wake.lock");
    session.wake(["pkg", "outdated"]).success();
    session
        .wake(["pkg", "outdated", "--min-age", "3d"])
        .success();
    assert_eq!(session.space().read("wake.lock"), before);
    session.note("who may not ask cannot know");
    session.wake(["pkg", "outdated", "--offline"]).code(2);
    session.wake(["pkg", "outdated", "--frozen"]).code(2);
    session.note("an index that is broken");
    index(session.space(), "acme/log", &["{"]);
    session.wake(["pkg", "outdated"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

/// Puts version 1.0.0 of a package with one file into the index.
fn publish(space: &Space, name: &str) {
    let pkg = format!(
        "function(wake) wake.pkg(wake.pkgInfo('{name}', version='1.0.0', namespace='acme'), files=['{name}.txt'])\n"
    );
    space.file(format!("made/{name}/{name}.txt"), name.repeat(1000));
    publish_made(space, name, &pkg);
}

/// As [`publish`], with a `PKG` and files that were made before.
fn publish_made(space: &Space, name: &str, pkg: &str) {
    let top = format!("made/{name}");
    space.file(format!("{top}/PKG"), pkg);
    let archive = space.path(format!("index/archives/{name}.tar"));
    std::fs::create_dir_all(archive.parent().unwrap()).unwrap();
    let mut tar = tar::Builder::new(std::fs::File::create(&archive).unwrap());
    tar.append_dir_all(format!("{name}-1.0.0"), space.path(top))
        .unwrap();
    tar.into_inner().unwrap().sync_all().unwrap();
    let digest = blake3::hash(&std::fs::read(&archive).unwrap());
    let archive = format!(r#"{{"path": "archives/{name}.tar", "digest": "blake3:{digest}"}}"#);
    let line = format!(r#"{{"version": "1.0.0", "archive": {archive}}}"#);
    index(space, &format!("acme/{name}"), &[&line]);
}

/// Catches a summary that counts wrongly, and a store that loses what a workspace uses or keeps what nobody does.
#[test]
fn what_is_fetched_is_counted_and_what_nobody_uses_is_removed() {
    let space = Space::new();
    publish(&space, "log");
    publish(&space, "zip");
    index(&space, "acme/gui", &[r#"{"version": "1.0.0"}"#]);
    space
        .file(
            "near/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('near'))\n",
        )
        .file(
            "PKG",
            "function(wake)
  local index = wake.exec(wake.std.index, config={ path: 'index' });
  wake.pkg(wake.pkgInfo('app'), pkgs={
    near: wake.getPkg('near', from='near'),
    log: wake.getPkg('acme/log', from=index),
    // zip: wake.getPkg('acme/zip', from=index),
    gui: wake.getPkg('acme/gui', from=index, when={ System: 'Haiku' }),
  })
",
        );
    let mut session = Session::new(space);
    session.note("nothing was ever fetched");
    session.wake(["cache", "gc"]).success();
    session.wake(["pkg", "resolve", "--lock-only"]).success();
    session.wake(["pkg", "resolve"]).success();
    session.edit("PKG", "// zip", "zip");
    session
        .wake(["pkg", "resolve", "--events", "events.jsonl"])
        .success();
    session.wake(["pkg", "resolve"]).success();
    session.wake(["pkg", "resolve", "-q", "--locked"]).success();
    session.wake(["pkg", "list"]).success();
    session.note("both are in use");
    session.wake(["cache", "gc"]).success();
    session.edit("PKG", "zip:", "// zip:");
    session.wake(["pkg", "resolve"]).success();
    session.note("one is not in use any more, but was so lately");
    session
        .wake(["cache", "gc", "--age", "1d", "--size", "1GiB"])
        .success();
    session.wake(["cache", "gc", "-v"]).success();
    session.note("only what is used is left, and fetched is what was removed");
    session.wake(["cache", "gc"]).success();
    session.edit("PKG", "// zip:", "zip:");
    session.wake(["pkg", "resolve"]).success();
    session.note("limits that are none");
    session.wake(["cache", "gc", "--age", "long"]).code(2);
    session.wake(["cache", "gc", "--size", "much"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

/// Catches packages that are removed because the latest build did not need them.
#[test]
fn what_another_member_needs_stays() {
    let space = Space::new();
    publish(&space, "text");
    let from = "from=wake.exec(wake.std.index, config={ path: 'index' })";
    let log = format!(
        "wake.pkgInfo('log', version='1.0.0', namespace='acme'), pkgs={{ text: wake.getPkg('acme/text', {from}) }}"
    );
    publish_made(&space, "log", &format!("function(wake) wake.pkg({log})\n"));
    space
        .file("RootRecipe.sml", "Members: ['app', 'lone']\n")
        .file("app/PKG", format!("function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={{ log: wake.getPkg('acme/log', {from}) }})\n"))
        .file("lone/PKG", "function(wake) wake.pkg(wake.pkgInfo('lone'), modules={ root: function(wake, pkg, config) wake.recipe({ Language: 'Command', Operations: [] }) })\n");
    space.wake(["pkg", "resolve"]).success();
    space.wake(["build", "lone"]).success();
    space
        .wake(["cache", "gc"])
        .success()
        .says("Removed nothing");
    space.wake(["pkg", "resolve", "--offline"]).success();
}

/// Catches retrievers that are packages themselves and are not there when they are to be asked: in the store, but not
/// declared, or not fetched at all.
#[test]
fn retrievers_that_are_packages_are_asked_too() {
    let space = Space::new();
    space.file(
        "made/fetcher/main.sh",
        r#"#!/bin/sh
cat >/dev/null
echo '[[{"version": "1.0.0"}, {"version": "1.1.0"}, {"version": "2.0.0"}]]'
"#,
    );
    let program = space.path("made/fetcher/main.sh");
    std::fs::set_permissions(program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    publish_made(
        &space,
        "fetcher",
        "function(wake) wake.pkg(wake.pkgInfo('fetcher', version='1.0.0', namespace='acme'), exec=wake.exec('./main.sh'))\n",
    );
    space.file(
        "PKG",
        "function(wake) wake.pkg(wake.pkgInfo('app'), pkgs={
  local pkgs = self,
  fetcher: wake.getPkg('acme/fetcher', from=wake.exec(wake.std.index, config={ path: 'index' })),
  parts: wake.getPkg('acme/parts@=1.0.0', from=wake.exec(pkgs.fetcher)),
})
",
    );
    let mut session = Session::new(space);
    session.wake(["pkg", "tree"]).success();
    session.edit("PKG", "@=1.0.0", "@^1.0.0");
    session.note("it is in the store");
    session.wake(["pkg", "outdated"]).success();
    session.note("nothing is there but the lock");
    session.space().remove(".wake");
    let cache = session.space().path("../home/.cache");
    std::fs::rename(&cache, cache.with_file_name("elsewhere")).unwrap();
    session.wake(["pkg", "outdated"]).success();
    insta::assert_snapshot!(session.transcript());
}
