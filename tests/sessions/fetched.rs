//! Packages that are fetched, as those who use them meet them: in builds, in messages, and when the lock is not what it
//! was. The index lies in the workspace, its archives are made by `tar`.

use std::process::Command;

use crate::support::{Session, Space};

/// The index as a `PKG` asks it.
pub(super) const INDEX: &str = "wake.exec(wake.std.index, config={ path: 'index' })";

/// Runs a tool at the top.
fn tool(space: &Space, name: &str, arguments: &[&str]) -> String {
    let output = Command::new(name)
        .args(arguments)
        .current_dir(space.top())
        .output()
        .unwrap();
    assert!(output.status.success(), "{name}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// Puts versions of the C library `acme/<name>`, which says what version it is, into the index.
pub(super) fn index(space: &Space, name: &str, versions: &[&str]) {
    let mut lines = String::new();
    for version in versions {
        let directory = format!("{name}-{version}");
        space
            .file(
                format!("{directory}/PKG"),
                format!(
                    "function(wake) wake.pkg(
  wake.pkgInfo('{name}', version='{version}', namespace='acme'),
  files=['*.[ch]'],
  modules={{ root: function(wake, pkg, config) wake.recipe({{
    Language: 'C',
    PublicIncludePaths: ['.'],
    Defines: if std.objectHas(config, 'tag') then ['TAG=' + wake.env('TAG', '')] else [],
  }}) }},
)
"
                ),
            )
            .file(
                format!("{directory}/{name}.c"),
                format!(
                    "#include \"{name}.h\"\nconst char *{name}_text(void) {{ return \"{version}\"; }}\n"
                ),
            )
            .file(
                format!("{directory}/{name}.h"),
                format!("const char *{name}_text(void);\n"),
            );
        lines += &packed(space, name, version);
    }
    space.file(format!("index/acme/{name}.jsonl"), lines);
}

/// Puts the directory `<name>-<version>` into an archive of the index. Returns the line that tells of it.
pub(super) fn packed(space: &Space, name: &str, version: &str) -> String {
    let directory = format!("{name}-{version}");
    let path = format!("index/archives/{directory}.tar");
    std::fs::create_dir_all(space.path("index/archives")).unwrap();
    tool(space, "tar", &["-cf", &path, &directory]);
    let sum = tool(space, "sha256sum", &[&path]);
    space.remove(&directory);
    let digest = &sum[..64];
    format!(
        "{{\"version\":\"{version}\",\"archive\":{{\"path\":\"archives/{directory}.tar\",\"digest\":\"sha256:{digest}\"}}}}\n"
    )
}

/// A program with these `pkgs`, all of which it links.
pub(super) fn program(space: &Space, pkgs: &str) {
    space
        .file(
            "PKG",
            format!(
                "function(wake) wake.pkg(
  wake.pkgInfo('app', version='1.0.0', namespace='me'),
  pkgs={{ {pkgs} }},
  modules={{ root: function(wake, pkg, config) wake.recipe({{
    Language: 'C', Type: 'Executable', Source: ['main.c'],
    Dependencies: {{ Runtime: [wake.getModule(pkg.pkgs[key]) for key in std.objectFieldsAll(pkg.pkgs)] }},
  }}) }},
)
"
            ),
        )
        .file(
            "main.c",
            "#include <log.h>\n#include <stdio.h>\nint main(void) { puts(log_text()); }\n",
        );
}

/// Catches a program that calls whichever of two versions the linker came upon first.
#[test]
fn a_program_has_one_version_of_a_package() {
    let space = Space::new();
    index(&space, "log", &["1.0.0", "2.0.0"]);
    program(
        &space,
        &format!(
            "log: wake.getPkg('acme/log@^2', from={INDEX}), old: wake.getPkg('me/old', from='old')"
        ),
    );
    space.file(
        "old/PKG",
        format!(
            "function(wake) wake.pkg(
  wake.pkgInfo('old', namespace='me'),
  pkgs={{ log: wake.getPkg('acme/log@^1', from={INDEX}) }},
  modules={{ root: function(wake, pkg, config) wake.recipe({{
    Language: 'C', Source: ['old.c'], Dependencies: {{ Runtime: [wake.getModule(pkg.pkgs.log)] }},
  }}) }},
)
"
        ),
    );
    space.file(
        "old/old.c",
        "#include <log.h>\nconst char *old(void) { return log_text(); }\n",
    );
    let run = space.wake(["build"]).code(2);
    insta::assert_snapshot!(run.transcript());
    space.wake(["build", "old"]).success();
}

/// Catches a package that only modules ask for and that is not linked, and a lock that never fits what they ask for.
#[test]
fn what_only_modules_ask_for_is_locked_and_linked() {
    let space = Space::new();
    index(&space, "log", &["1.0.0"]);
    program(
        &space,
        &format!("log:: wake.getPkg('acme/log', from={INDEX})"),
    );
    let run = space.wake(["run"]).success();
    assert_eq!(run.stdout, "1.0.0\n");
    space.remove(".wake");
    let run = space.wake(["run", "--locked"]).success();
    assert_eq!(run.stdout, "1.0.0\n");
    // Whatever is done next, the lock does not depend on it.
    let locked = std::fs::read_to_string(space.path("wake.lock")).unwrap();
    assert!(locked.contains("\"hidden\":true"), "{locked}");
    space.wake(["pkg", "resolve", "--locked"]).success();
    space.wake(["pkg", "resolve"]).success();
    let again = std::fs::read_to_string(space.path("wake.lock")).unwrap();
    assert_eq!(again, locked);
    // What was removed goes with an update.
    program(&space, "");
    space.wake(["pkg", "update"]).success();
    let updated = std::fs::read_to_string(space.path("wake.lock")).unwrap();
    assert!(!updated.contains("acme/log"), "{updated}");
}

/// Catches a lock that is believed although it calls a package what it is not, and messages that name places in the store.
#[test]
fn what_is_wrong_with_a_package_is_told() {
    let mut session = Session::new(Space::new());
    index(session.space(), "log", &["1.0.0", "1.1.0"]);
    program(
        session.space(),
        &format!("log: wake.getPkg('acme/log', from={INDEX})"),
    );
    session.wake(["run"]).success();
    session.note("a version that the digest is not of");
    session.edit("wake.lock", "1.1.0", "1.0.0");
    session.wake(["build"]).code(2);
    session.edit("wake.lock", "1.0.0", "1.1.0");
    session.note("a variable that nobody has granted");
    session.edit(
        "PKG",
        "getModule(pkg.pkgs[key])",
        "getModule(pkg.pkgs[key], config={ tag: 1 })",
    );
    session.wake(["build"]).code(2);
    session.note("a package that the index does not have");
    session.edit(
        "PKG",
        "log: wake.getPkg('acme/log',",
        "other: wake.getPkg('acme/other',",
    );
    session.wake(["build", "--locked"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

/// Catches versions that are forgotten because a package at a path, which asks for them, is away for a while.
#[test]
fn what_a_missing_package_asked_for_stays_locked() {
    let space = Space::new();
    index(&space, "log", &["1.0.0"]);
    program(&space, "other: wake.getPkg('me/other', from='other')");
    space.file(
        "other/PKG",
        format!("function(wake) wake.pkg(wake.pkgInfo('other', namespace='me'), pkgs={{ log: wake.getPkg('acme/log', from={INDEX}) }})\n"),
    );
    space.wake(["pkg", "resolve"]).success();
    let lock = space.read("wake.lock");
    assert!(lock.contains("acme/log"), "{lock}");
    std::fs::rename(space.path("other"), space.path("elsewhere")).unwrap();
    space.wake(["pkg", "resolve"]).success();
    assert_eq!(space.read("wake.lock"), lock);
}
