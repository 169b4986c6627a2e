//! Packages that are declared by a recipe, as a user meets them: published, fetched, verified, vendored, told of.

use crate::support::Space;

/// A library that is declared by a recipe, and an application that fetches it from an index.
fn workspace() -> Space {
    let space = Space::new();
    space
        .file(
            "base/Recipe.sml",
            "Name: 'base'\nLanguage: 'C'\nVersion: 1.2.0\nType: 'StaticLibrary'\nSource: ['base.c']\n",
        )
        .file(
            "base/base.c",
            "const char *base(void) { return \"base of a recipe\"; }\n",
        )
        .file("base/.hidden", "of nobody else\n")
        .file("base/PackageLock.sml", "Version: 6\n")
        .file("base/parts/Recipe.sml", "Name: 'parts'\nLanguage: 'C'\n")
        .file(
            "app/PKG",
            "function(wake)
  wake.pkg(
    wake.pkgInfo('app', version='0.1.0'),
    pkgs={ base: wake.getPkg('base@^1', from=wake.exec(wake.std.index, config={path: '../index'})) },
    modules={
      root: function(wake, pkg, config) wake.recipe({
        Language: 'C', Type: 'Executable', Source: ['main.c'],
        Dependencies: { Runtime: [wake.getModule(pkg.pkgs.base)] },
      }),
    },
  )
",
        )
        .file(
            "app/main.c",
            "#include <stdio.h>\nconst char *base(void);\nint main(void) { puts(base()); }\n",
        );
    space
}

/// Catches a recipe that cannot be published, whose files are not those that are fetched, or whose digest is another one
/// when it is computed again.
#[test]
fn a_recipe_is_published_fetched_verified_and_vendored() {
    let space = workspace();
    let publish = ["-C", "base", "pkg", "publish", "../index"];
    space.wake(publish).success();
    space.wake(publish).success();
    let run = space.wake(["-C", "app", "run", "-q"]).success();
    assert_eq!(run.stdout, "base of a recipe\n");
    let files = std::fs::read_dir(space.path("app/.wake/pkgs/_/base@1.2.0")).unwrap();
    let mut files: Vec<_> = files.map(|one| one.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["Recipe.sml", "base.c"]);
    space.wake(["-C", "app", "pkg", "verify"]).success();
    space
        .wake(["-C", "app", "pkg", "vendor", "third-party"])
        .success();
    std::fs::rename(space.path("index"), space.path("away")).unwrap();
    space.remove("../home/.cache");
    space.remove("app/.wake");
    let run = space.wake(["-C", "app", "run", "-q", "--frozen"]).success();
    assert_eq!(run.stdout, "base of a recipe\n");
    std::fs::rename(space.path("away"), space.path("index")).unwrap();
    space.file("base/base.c", "");
    let refused = space.wake(publish).code(2);
    assert!(
        refused
            .stderr
            .contains("is published already, with other content")
    );
}

/// Catches a recipe without a version that is published as whatever.
#[test]
fn a_recipe_needs_a_version_to_be_published() {
    let space = workspace();
    space.file("base/Recipe.sml", "Name: 'base'\nLanguage: 'C'\n");
    let refused = space
        .wake(["-C", "base", "pkg", "publish", "../index"])
        .code(2);
    assert!(
        refused.stderr.contains("hint: Version: 1.0.0"),
        "{}",
        refused.stderr
    );
}

/// Catches a recipe that means something else when it is fetched than in the workspace that it was written in: without
/// what `RootRecipe.sml` shares, under another name, or with what it is tested with.
#[test]
fn a_recipe_is_published_as_it_holds_in_its_workspace() {
    let space = workspace();
    space
        .file(
            "RootRecipe.sml",
            "Members: ['base', 'text', 'checks']\nVersion: 1.2\nLanguage: 'C'\nDefines: ['SHARED=\\'s\\'']\n",
        )
        .file("checks/Recipe.sml", "Name: 'checks'\nType: 'StaticLibrary'\nSource: []\n")
        .file("text/Recipe.sml", "Name: 'text', Type: 'StaticLibrary', Source: ['text.c']")
        .file("text/text.c", "int text(void) { return SHARED; }\n")
        .file(
            "base/Recipe.sml",
            "Name: 'base'\nType: 'StaticLibrary'\nSource: ['base.c']\nDependencies: {\n  Runtime: ['text@1']\n  Test: ['../checks/']\n}\n",
        )
        .file("base/base.c", "int text(void);\nint base(void) { return text() + SHARED; }\n")
        .file(
            "app/RootRecipe.sml",
            "Registry: '../index'",
        )
        .file(
            "app/Recipe.sml",
            "Name: 'app'\nLanguage: 'C'\nType: 'Executable'\nSource: ['main.c']\nDependencies: { Runtime: ['acme|base@1'] }\n",
        )
        .file(
            "app/main.c",
            "#include <stdio.h>\nint base(void);\nint main(void) { printf(\"%d\\n\", base()); }\n",
        );
    space.remove("app/PKG");
    let publish = |name: &str| {
        let index = ["pkg", "publish", "../index", "--namespace", "acme"];
        space.wake(
            ["-C", name]
                .iter()
                .chain(&index)
                .copied()
                .collect::<Vec<_>>(),
        )
    };
    let early = publish("base").code(2);
    let told = "`acme/text` is in the workspace by path, and not in the index";
    assert!(early.stderr.contains(told), "{}", early.stderr);
    publish("text").success();
    publish("base").success();
    publish("base").success().says("already");
    let run = space.wake(["-C", "app", "run"]).success();
    assert_eq!(run.stdout, "230\n");
    assert!(!run.stderr.contains("warning"), "{}", run.stderr);
    space.wake(["-C", "app", "pkg", "verify"]).success();
    // A `PKG` says itself whose it is, and is published as it stands.
    space.file(
        "text/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('text', version='2.0.0'), files=[])",
    );
    let refused = publish("text").code(2);
    let told = "`--namespace acme` is not what `PKG` says";
    assert!(refused.stderr.contains(told), "{}", refused.stderr);
    let warned = space
        .wake(["-C", "text", "pkg", "publish", "../index"])
        .success();
    assert!(warned.stderr.contains("`Defines`"), "{}", warned.stderr);
}

/// Catches a name that is not found among the members, and a tool that is not told apart.
#[test]
fn recipes_ask_for_members_by_name() {
    let space = Space::new();
    let recipe = |name: &str, rest: &str| {
        space.file(
            format!("{name}/Recipe.sml"),
            format!(
                "Name: '{name}'\nLanguage: 'C'\nVersion: 1.0.0\nSource: ['{name}.c']\n{rest}\n"
            ),
        );
        space.file(
            format!("{name}/{name}.c"),
            format!("int {name}(void) {{ return 0; }}\n"),
        );
    };
    space.file("RootRecipe.sml", "Members: ['app', 'text']\n");
    recipe("text", "Type: 'StaticLibrary'");
    recipe("tool", "Type: 'StaticLibrary'");
    recipe(
        "app",
        "Type: 'StaticLibrary'\nDependencies: { Runtime: ['text@1'], Tool: ['[C]../tool/'] }",
    );
    let tree = space.wake(["pkg", "tree"]).success();
    assert_eq!(
        tree.stdout,
        "app 1.0.0 (path:app)\n├── text 1.0.0 (path:text)\n└── tool 1.0.0 (path:tool) (host)\n\
         text 1.0.0 (path:text)\n"
    );
    recipe("app", "Dependencies: { Runtime: ['txet@1'] }");
    let refused = space.wake(["pkg", "tree"]).code(2);
    assert!(
        refused.stderr.contains("app/Recipe.sml:5:"),
        "{}",
        refused.stderr
    );
    assert!(
        refused.stderr.contains("did you mean `text`?"),
        "{}",
        refused.stderr
    );
    recipe("app", "Dependencies: { Build: ['../tool/'] }");
    recipe("tool", "Dependencies: { Runtime: ['../app/'] }");
    let refused = space.wake(["pkg", "tree"]).code(2);
    let expected = "`app` needs `tool` as a `Build` or `Tool` dependency  (app/Recipe.sml:5:";
    assert!(refused.stderr.contains(expected), "{}", refused.stderr);
}

/// Catches a name that is not asked of the registry, and a lock of it that does not hold.
#[test]
fn what_no_member_is_called_is_asked_of_the_registry() {
    let space = workspace();
    let publish = ["-C", "base", "pkg", "publish", "../index"];
    space.wake(publish).success();
    space
        .file("app/RootRecipe.sml", "Registry: '../index'\n")
        .file(
            "app/Recipe.sml",
            "Name: 'app'\nLanguage: 'C'\nVersion: 1.0.0\nType: 'Executable'\nSource: ['main.c']\n\
             Dependencies: { Runtime: ['base@1'] }\n",
        )
        .remove("app/PKG");
    let run = space.wake(["-C", "app", "run", "-q"]).success();
    assert_eq!(run.stdout, "base of a recipe\n");
    space
        .wake(["-C", "app", "pkg", "resolve", "--locked"])
        .success();
}
