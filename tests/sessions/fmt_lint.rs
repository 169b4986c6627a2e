//! `wake fmt` and `wake lint`: what they change, say and leave alone.

use std::os::unix::fs::{PermissionsExt, symlink};

use crate::support::{Session, Space};

/// Files in the usual layout and others, some of which are none of ours.
fn files() -> Space {
    let space = Space::new();
    space
        .file("RootRecipe.sml", "Members: ['a','b']\n")
        .file("a/PKG", "function(wake) wake.pkg(wake.pkgInfo('a'))\n")
        .file(
            "b/PKG",
            "// B\nfunction(wake)\n  wake.pkg( wake.pkgInfo('b'),\n     modules={\n   root: function(wake, pkg, config)\n       \
             wake.recipe({Language:'C'}), // text\n  }\n  )",
        )
        .file(
            "c/Recipe.sml",
            "Name : 'c'\nDependencies:{\n\n  Runtime:[\n  '../a/' # why\n ]\n\n\n}\n",
        )
        .file("c/plugin.libsonnet", "{a:1}\n")
        .file(".wake/pkgs/x/PKG", "{a:1}\n")
        .file("vendor/.wake-vendor", "")
        .file("vendor/x/PKG", "{a:1}\n")
        .file("notes.md", "{a:1}\n");
    space
}

#[test]
fn fmt_changes_blanks_and_says_where() {
    let space = files();
    let plugin = space.path("c/plugin.libsonnet");
    std::fs::set_permissions(&plugin, std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("c/plugin.libsonnet", space.path("link.jsonnet")).unwrap();
    let mut session = Session::new(space);
    session.note("nothing is changed by a check, which fails");
    session.wake(["fmt", "--check"]).code(1);
    session.wake(["fmt"]).success();
    session.wake(["fmt"]).success();
    session.wake(["fmt", "--check"]).success();
    let space = session.space();
    insta::assert_snapshot!("fmt_b_pkg", space.read("b/PKG"));
    insta::assert_snapshot!("fmt_c_recipe", space.read("c/Recipe.sml"));
    assert_eq!(space.read("vendor/x/PKG"), "{a:1}\n");
    let mode = std::fs::metadata(plugin).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    session.note("what cannot be read stops nothing else");
    session
        .space()
        .file("a/PKG", "function(wake) {")
        .file("a/Recipe.sml", "Name: [1, 2\n3]\n")
        .file("b/PKG", "{a:1}");
    session.wake(["fmt", "a", "b"]).code(2);
    session.wake(["fmt", "b/PKG", "notes.md"]).code(2);
    session.wake(["fmt", "none"]).code(2);
    insta::assert_snapshot!(session.transcript());
}

/// Catches a file that is read-only, renamed over because its directory is not.
#[test]
fn what_is_read_only_stays_as_it_is() {
    let space = Space::new();
    let recipe = "Name:   'a'\nLanguage: 'C'\n";
    space.file("Recipe.sml", recipe);
    space.file("b/Recipe.sml", "Name: 'b'\nLanguage: 'C'\n");
    let read_only = std::fs::Permissions::from_mode(0o444);
    std::fs::set_permissions(space.path("Recipe.sml"), read_only).unwrap();
    for command in [vec!["fmt"], vec!["pkg", "add", "./b"]] {
        let run = space.wake(command).code(3);
        run.says("Cannot write").says("it is read-only");
        assert_eq!(space.read("Recipe.sml"), recipe);
    }
}

#[test]
fn lint_tells_errors_from_warnings() {
    let space = Space::new();
    space
        .file(
            "PKG",
            "\
local paths = import 'wake/path.libsonnet';
local helper(a, b, _c) = a;
local twice = 1, twice = 2;
function(wake)
  wake.pkg(
    wake.pkgInfo('p', vesion='1'),
    modules={
      root: function(wake, pkg, config)
        local pkg = 1;
        wake.recip({ Language: 'C', Source: [sorce for source in wake.glob()], 'Source': [] }),
      other(wake, pkg, config):: helper(import 'lib/here.libsonnet', importstr 'gone.txt', 0) + twice,
    },
  )
",
        )
        .file("more/here.libsonnet", "function(x, std) std.length([x for x in [1]])\n")
        .file("Recipe.sml", "Nmae: 'x'\nDependencies: { Biuld: ['../tool/'] }\nSource: ['a.c']\n")
        .file("search/lib/here.libsonnet", "1\n");
    let mut session = Session::new(space);
    session.wake(["lint"]).code(1);
    session.note("warnings alone are no failure");
    session.wake(["lint", "Recipe.sml", "more"]).success();
    session.note("recipes that cannot be read, and keys that would be shared by mistake");
    session
        .space()
        .file(
            "refused/Recipe.sml",
            "Dependencies: { Runtim: [], Runtime: ['a b'] }\n",
        )
        .file("refused/RootRecipe.sml", "OutputRot: 'out'\nRegistry: 1\n");
    session.wake(["lint", "refused"]).code(1);
    session.note("imports are searched as `wake eval` does");
    session.space().file("PKG", "import 'lib/here.libsonnet'\n");
    session
        .wake(["lint", "-q", "PKG", "-J", "search"])
        .success();
    session.note("text that does not parse");
    session
        .space()
        .file("PKG", "{ a: [ }\n")
        .file("Recipe.sml", "a: 'b\n");
    session.wake(["lint", "PKG", "Recipe.sml"]).code(1);
    insta::assert_snapshot!(session.transcript());
}

#[test]
fn help_has_examples() {
    let space = Space::new();
    for command in ["fmt", "lint"] {
        let help = space.wake([command, "--help"]).success();
        assert!(
            help.stdout
                .contains(&format!("Examples:\n  wake {command} "))
        );
    }
}
