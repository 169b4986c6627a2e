//! C++20 modules with the compilers of this machine, in recipes of both kinds.

use crate::support::{Space, skipped};

const PKG: &str = "function(wake) wake.pkg(wake.pkgInfo('p'), modules={
  root: function(wake, pkg, config) wake.recipe({
    Language: 'C++', Type: 'Executable', Source: ['a b/main.cpp'],
    Dependencies: { Runtime: [wake.getModule(pkg, 'core')] },
  }),
  core: function(wake, pkg, config) wake.recipe({
    Language: 'C++', Interface: 'a b/core.cpp', Source: ['a b/impl.cpp'],
    Dependencies: { Runtime: [wake.getModule(pkg, 'base')] },
  }),
  base: function(wake, pkg, config) wake.recipe({
    Language: 'C++', Type: 'DynamicLibrary', Source: ['a b/base.cppm'],
  }),
})";

/// A program that imports a module with an implementation unit, which needs the module of a dynamic library. What looks
/// like an import in a raw string is none, and a directory has a space.
fn modules() -> Space {
    let space = Space::new();
    let main = "#include <cstdio>\nimport core;\nconst char *text = R\"(\nimport nothing;\n)\";\n\
                int main() { std::printf(\"%d\\n\", sum()); }\n";
    space
        .file("PKG", PKG)
        .file("a b/main.cpp", main)
        .file(
            "a b/core.cpp",
            "module;\n#include <string>\nexport module core;\nimport base;\nexport int sum();\nint half() { return base() / 2; }\n",
        )
        .file("a b/impl.cpp", "module core;\nint sum() { return half() + 1; }\n")
        .file("a b/base.cppm", "export module base;\nexport int base() { return 40; }\n");
    space
}

fn ran(space: &Space, compiler: &str) -> Vec<String> {
    let run = space
        .wake(["build", "--compiler", compiler, "--events", "events"])
        .success();
    let mut ran: Vec<String> = run.ran().into_iter().map(str::to_owned).collect();
    ran.retain(|title| !title.starts_with("Write "));
    ran.sort_unstable();
    ran
}

fn printed(space: &Space, compiler: &str) -> String {
    let run = space.wake(["run", "-q", "--compiler", compiler]);
    run.success().stdout
}

/// Builds, edits and builds again with one compiler.
fn follow_edits(compiler: &str) {
    let space = modules();
    ran(&space, compiler);
    assert_eq!(printed(&space, compiler), "21\n");
    assert!(ran(&space, compiler).is_empty());
    // Behind the interface nobody has to be compiled again.
    space.edit("a b/impl.cpp", "+ 1", "+ 2");
    assert_eq!(
        ran(&space, compiler),
        [
            "Archive libcore.a",
            "Compile a b/impl.cpp",
            "Link p",
            "Scan a b/impl.cpp"
        ]
    );
    // An interface that changes reaches those who only import it by way of another.
    space.edit(
        "a b/base.cppm",
        "base() { return 40; }",
        "base(int more = 6) { return 40 + more; }",
    );
    assert_eq!(printed(&space, compiler), "25\n");
    // A module that is new, and imported where nothing was before.
    space.file(
        "a b/extra.cppm",
        "export module extra;\nexport int extra() { return 100; }\n",
    );
    space.edit(
        "PKG",
        "['a b/impl.cpp']",
        "['a b/impl.cpp', 'a b/extra.cppm']",
    );
    space.edit(
        "a b/impl.cpp",
        "module core;",
        "module core;\nimport extra;",
    );
    space.edit("a b/impl.cpp", "+ 2", "+ extra()");
    assert_eq!(printed(&space, compiler), "123\n");
    assert!(ran(&space, compiler).is_empty());
}

#[test]
fn gcc_follows_edits_of_modules() {
    follow_edits("GCC");
}

#[test]
fn clang_follows_edits_of_modules() {
    if !std::path::Path::new("/usr/bin/clang++").exists() {
        skipped("clang_follows_edits_of_modules: clang++ is not installed");
        return;
    }
    follow_edits("Clang");
}

/// Catches a scan that fails without saying of what, and one that leaves the module broken when it is mended.
#[test]
fn a_source_that_cannot_be_scanned_is_named() {
    let space = modules();
    space.edit(
        "a b/impl.cpp",
        "module core;",
        "module;\n#include \"missing.h\"\nmodule core;",
    );
    let run = space.wake(["build"]).code(1);
    run.demand(
        run.stderr.contains("`Scan a b/impl.cpp` failed"),
        "the operation",
    );
    run.demand(
        run.stderr.contains("missing.h: No such file"),
        "what the compiler says",
    );
    space.edit("a b/impl.cpp", "#include \"missing.h\"\n", "");
    assert_eq!(printed(&space, "GCC"), "21\n");
}

/// Recipes of Soup, as they are: a library with an interface and partitions, and a program.
#[test]
fn recipes_of_soup_have_modules() {
    let space = Space::new();
    space
        .file("RootRecipe.sml", "Members: [ 'application' ]\n")
        .file(
            "application/Recipe.sml",
            "Name: 'Application'\nLanguage: 'C++|0'\nType: 'Executable'\nVersion: 1.0.0\nSource: [\n  'Main.cpp'\n]\n\
             Dependencies: {\n  Runtime: [\n    '../library/'\n  ]\n}\n",
        )
        .file("application/Main.cpp", "import Library;\nint main() { return twice(one()) - 2; }\n")
        .file(
            "library/Recipe.sml",
            "Name: 'Library'\nLanguage: 'C++|0'\nType: 'DynamicLibrary'\nVersion: 1.0.0\nInterface: 'Module.cpp'\n\
             Partitions: [\n  'A.cpp'\n  { Source: 'B.cpp', Imports: [ 'A.cpp' ] }\n]\nSource: [\n  'Twice.cpp'\n]\n\
             DisabledWarnings: [\n  4100\n]\n",
        )
        .file(
            "library/Module.cpp",
            "#ifdef SOUP_BUILD\nmodule;\n#endif\n#include <cstdint>\nexport module Library;\nexport import :A;\n\
             export import :B;\nexport std::int32_t twice(int value);\n",
        )
        .file("library/A.cpp", "export module Library:A;\nint none() { return 0; }\n")
        .file(
            "library/B.cpp",
            "export module Library:B;\nimport :A;\nexport int one() { return 1 + none(); }\n",
        )
        .file("library/Twice.cpp", "module Library;\nint twice(int value) { return value + value; }\n");
    let run = space.wake(["-C", "application", "build"]).success();
    run.demand(
        run.stderr.contains("4100"),
        "the note about a warning of MSVC",
    );
    space.wake(["-C", "application", "run"]).success();
    // An older standard cannot read the interface.
    space.edit(
        "application/Recipe.sml",
        "Version: 1.0.0",
        "Version: 1.0.0\nLanguageVersion: 'C++17'",
    );
    let run = space.wake(["-C", "application", "build"]).code(2);
    run.demand(
        run.stderr
            .contains("write `LanguageVersion: 'C++20'` in the recipe of `Application`"),
        "what to change",
    );
}
