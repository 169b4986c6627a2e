//! `wake pkg add` and `remove` in a directory with a `Recipe.sml`: what is written, and what is taken back.

use crate::support::{Session, Space};

/// An application and two packages beside it, and an index that defines `acme/log` for all.
fn workspace() -> Space {
    let space = Space::new();
    let recipe = |name: &str, kind: &str| {
        format!(
            "Name: '{name}'\nLanguage: (C@0)\nVersion: 1.0.0\nType: '{kind}'\nSource: ['{name}.c']\n"
        )
    };
    for version in ["1.0.0", "1.4.2"] {
        space
            .file(
                "log/PKG",
                format!(
                    "function(wake) wake.pkg(wake.pkgInfo('log', version='{version}', namespace='acme'), files=['*.c'], \
                     modules={{\n  root: function(wake, pkg, config) wake.recipe({{ Language: 'C', Source: ['log.c'] }}),\n}})\n"
                ),
            )
            .file("log/log.c", "int log_(void) { return 1; }\n");
        space
            .wake(["-C", "log", "pkg", "publish", "../index"])
            .success();
    }
    space
        .file("top/RootRecipe.sml", "Members: ['*']\n")
        .file(
            "top/globals/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('globals'), pkgs={\n  log: wake.getPkg('acme/log@^1', global=true, \
             from=wake.exec(wake.std.index, config={ path: '../index' })),\n})\n",
        )
        .file("top/lib/Recipe.sml", recipe("lib", "StaticLibrary"))
        .file("top/lib/lib.c", "int lib(void) { return 3; }\n")
        .file("top/tool/Recipe.sml", recipe("tool", "Executable"))
        .file("top/tool/tool.c", "int main(void) { return 0; }\n")
        .file(
            "top/app/Recipe.sml",
            format!("# The application\n{}", recipe("app", "Executable")),
        )
        .file("top/app/app.c", "int main(void) { return 0; }\n");
    space
}

const RECIPE: &str = "top/app/Recipe.sml";

#[test]
fn what_is_added_and_removed_keeps_the_rest_of_the_recipe() {
    let mut session = Session::new(workspace());
    let before = session.space().read(RECIPE);
    let pkg = |session: &mut Session, code: i32, words: &[&str]| {
        let start = ["-C", "top/app", "pkg"];
        session
            .wake(start.into_iter().chain(words.iter().copied()))
            .code(code);
    };
    session.note("by the name of a package of the workspace, by path, by name");
    pkg(&mut session, 0, &["add", "lib"]);
    pkg(&mut session, 0, &["add", "../tool", "--kind", "Tool"]);
    pkg(&mut session, 0, &["add", "acme|log"]);
    pkg(
        &mut session,
        0,
        &["add", "[C]acme|log@1.4", "--kind", "Test"],
    );
    insta::assert_snapshot!("recipe_after_add", session.space().read(RECIPE));
    session.note("what is there, and what cannot be");
    let full = session.space().read(RECIPE);
    pkg(&mut session, 2, &["add", "acme/log@1"]);
    pkg(&mut session, 2, &["add", "../lib/"]);
    pkg(&mut session, 2, &["add", "../none"]);
    pkg(&mut session, 2, &["add", "acme/gone"]);
    pkg(
        &mut session,
        2,
        &["add", "acme/log@=1.0.0", "--kind", "Other"],
    );
    pkg(
        &mut session,
        2,
        &["add", "[C++]acme|log@1.0", "--key", "log"],
    );
    pkg(&mut session, 2, &["add", "Soup|Cpp", "--kind", "Build"]);
    pkg(&mut session, 2, &["add", "crates/x", "--from", "crates"]);
    assert_eq!(session.space().read(RECIPE), full);
    session.note("update knows what recipes ask for");
    pkg(&mut session, 0, &["update", "acme/log"]);
    session.note("removed by name, by path, by reference");
    pkg(&mut session, 2, &["remove", "log"]);
    pkg(&mut session, 0, &["remove", "log", "--kind", "Test"]);
    pkg(&mut session, 0, &["remove", "acme|log@1.4.2"]);
    pkg(&mut session, 2, &["remove", "lob"]);
    pkg(&mut session, 0, &["remove", "../lib"]);
    pkg(&mut session, 0, &["remove", "tool"]);
    let after = session.space().read(RECIPE);
    assert!(after.starts_with(&before));
    session.note("kinds are for recipes");
    let words = [
        "-C",
        "top/globals",
        "pkg",
        "add",
        "acme/log",
        "--kind",
        "Tool",
    ];
    session.wake(words).code(2);
    insta::assert_snapshot!(session.transcript());
}
