//! How packages find each other: what Soup's tests of its load engine, runner and closures name.

use std::collections::BTreeMap;

use super::super::fetched::packed;
use super::{SPELLINGS, Spelling, build, written};
use crate::support::Space;

/// A recipe in C with these dependencies.
fn recipe(name: &str, dependencies: &str) -> String {
    format!("Name: '{name}', Language: 'C|0', Version: 1.0.0, Dependencies: {{ {dependencies} }}")
}

/// A program that prints what `function` returns.
fn main(function: &str) -> String {
    format!(
        "#include <stdio.h>\nint {function}(void);\nint main(void) {{ printf(\"%d\\n\", {function}()); }}\n"
    )
}

/// Catches a package that is built once for each way that leads to it.
#[test]
fn what_two_need_is_built_once() {
    for spelling in SPELLINGS {
        let program = recipe("app", "Runtime: ['../left/', '../right/']");
        let program = program.replace("Version", "Type: 'Executable', Version");
        let space = written(
            spelling,
            &[
                ("app/recipe.sml", &program),
                (
                    "app/main.c",
                    "int left(void);\nint right(void);\nint main(void) { return left() + right() - 2; }\n",
                ),
                ("left/recipe.sml", &recipe("left", "Runtime: ['../base/']")),
                (
                    "left/left.c",
                    "int base(void);\nint left(void) { return base(); }\n",
                ),
                (
                    "right/recipe.sml",
                    &recipe("right", "Runtime: ['../base/']"),
                ),
                (
                    "right/right.c",
                    "int base(void);\nint right(void) { return base(); }\n",
                ),
                ("base/recipe.sml", &recipe("base", "")),
                ("base/base.c", "int base(void) { return 1; }\n"),
            ],
        );
        let first = build(&space, "app").success();
        assert_eq!(
            first.ran(),
            [
                "Archive libbase.a",
                "Archive libleft.a",
                "Archive libright.a",
                "Compile base.c",
                "Compile left.c",
                "Compile main.c",
                "Compile right.c",
                "Link app",
            ]
        );
        space.wake(["-C", "app", "run"]).success();
        let again = build(&space, "app").success();
        again.demand(again.ran().is_empty(), "nothing to do");
    }
}

/// Catches one package that is linked twice because it is referenced by its path and by its name.
#[test]
fn a_path_and_a_name_mean_one_package() {
    let program = recipe("app", "Runtime: ['../library/', 'library', '[C]library@1']");
    let program = program.replace("Version", "Type: 'Executable', Version");
    let space = written(
        Spelling::New,
        &[
            ("root-recipe.sml", "Members: ['*']"),
            ("app/recipe.sml", &program),
            ("app/main.c", &main("answer")),
            ("library/recipe.sml", &recipe("library", "")),
            ("library/library.c", "int answer(void) { return 41; }\n"),
        ],
    );
    let run = build(&space, "app").success();
    assert_eq!(
        run.ran(),
        [
            "Archive liblibrary.a",
            "Compile library.c",
            "Compile main.c",
            "Link app"
        ]
    );
}

/// Catches a kind of dependency that nobody knows and that is dropped.
#[test]
fn dependencies_of_other_kinds_are_linked() {
    let program = recipe(
        "app",
        "Other: ['[C]../library/'], RuntimeReference: ['../more/']",
    );
    let program = program.replace("Version", "Type: 'Executable', Version");
    let space = written(
        Spelling::New,
        &[
            ("app/recipe.sml", &program),
            ("app/main.c", &main("answer")),
            ("library/recipe.sml", &recipe("library", "")),
            (
                "library/library.c",
                "int more(void);\nint answer(void) { return more(); }\n",
            ),
            ("more/recipe.sml", &recipe("more", "")),
            ("more/more.c", "int more(void) { return 41; }\n"),
        ],
    );
    assert_eq!(
        space.wake(["-C", "app", "run", "-q"]).success().stdout,
        "41\n"
    );
}

/// Puts the package `acme/<name>`, declared by a recipe, into the index.
fn publish(space: &Space, spelling: Spelling, name: &str, version: &str, files: &[(&str, &str)]) {
    let directory = format!("{name}-{version}");
    let fetched = written(spelling, files);
    space.copy(fetched.top(), &directory);
    let mut lines = BTreeMap::new();
    lines.insert(version, packed(space, name, version));
    let index = format!("index/acme/{name}.jsonl");
    let before = if space.exists(&index) {
        space.read(&index)
    } else {
        String::new()
    };
    space.file(&index, before + &lines.into_values().collect::<String>());
}

/// A plugin that writes what its tool and the package that it needs at runtime say into a header.
const PLUGIN: &str = "function(wake) { name: 'plugin', tasks: [{ name: 'Stamp', runBefore: ['Build'], run(ctx):: {
  local tools = [one for one in ctx.dependencies.Tool if one.reference == 'acme/tool'],
  operations: [wake.operation({
    title: 'Make stamp.h', executable: tools[0].executable, outputs: ['$(target)/stamp.h'], stdout: '$(target)/stamp.h',
  })],
  activeState: { Build+: { IncludePaths+: ['$(target)'], GeneratedHeaders+: ['$(target)/stamp.h'] } },
} }] }";

/// A workspace whose program needs the plugin `acme/plugin` of the index, which needs `tool` without saying whose.
fn with_plugin(spelling: Spelling) -> Space {
    let program = "Name: 'app', Language: 'C|0', Type: 'Executable', Dependencies: { Build: ['acme|plugin@1'] }";
    let space = written(
        spelling,
        &[
            ("root-recipe.sml", "Members: ['app'], Registry: './index/'"),
            ("app/recipe.sml", program),
            (
                "app/main.c",
                "#include <stamp.h>\n#include <stdio.h>\nint main(void) { puts(STAMP); return 0; }\n",
            ),
        ],
    );
    let plugin = "Name: 'plugin', Language: 'Jsonnet|0', Version: 1.0.0, Source: ['plugin.libsonnet'], \
                  Dependencies: { Tool: ['[C]tool@1'], Runtime: ['soup|build-utils@0'] }";
    publish(
        &space,
        spelling,
        "plugin",
        "1.0.0",
        &[("recipe.sml", plugin), ("plugin.libsonnet", PLUGIN)],
    );
    for version in ["1.0.0", "1.2.0"] {
        let tool = format!(
            "Name: 'tool', Language: 'C|0', Version: {version}, Type: 'Executable', Dependencies: {{ Runtime: ['text@1'] }}"
        );
        let source = format!(
            "#include <stdio.h>\nconst char *text(void);\nint main(void) {{ printf(\"#define STAMP \\\"{version} %s\\\"\\n\", text()); }}\n"
        );
        publish(
            &space,
            spelling,
            "tool",
            version,
            &[("recipe.sml", &tool), ("tool.c", &source)],
        );
    }
    let text = "Name: 'text', Language: 'C|0', Version: 1.0.0";
    publish(
        &space,
        spelling,
        "text",
        "1.0.0",
        &[
            ("recipe.sml", text),
            ("text.c", "const char *text(void) { return \"text\"; }\n"),
        ],
    );
    space
}

/// Catches a fetched plugin whose tool, and what that needs, are looked for under no owner or under another one; and a build
/// that asks for a lock of Soup.
#[test]
fn names_without_an_owner_are_of_the_owner_of_the_package() {
    for spelling in SPELLINGS {
        let space = with_plugin(spelling);
        assert_eq!(
            space.wake(["-C", "app", "run", "-q"]).success().stdout,
            "1.2.0 text\n"
        );
        let lock = space.read("wake.lock");
        for name in ["acme/plugin", "acme/tool", "acme/text"] {
            assert!(lock.contains(name), "{name} in {lock}");
        }
        let locked = space.wake(["-C", "app", "build", "--frozen"]).success();
        locked.says("up to date");
    }
}

/// Catches a package of one's own whose name without owner is looked for under somebody's.
#[test]
fn a_name_without_an_owner_has_none_in_the_workspace() {
    let space = with_plugin(Spelling::New);
    space.edit("app/recipe.sml", "acme|plugin@1", "plugin@1");
    insta::assert_snapshot!(space.wake(["-C", "app", "build"]).code(2).transcript());
}

/// Catches a lock of Soup whose path for a published plugin, or for its tool, is not taken.
#[test]
fn a_path_in_the_lock_stands_for_a_published_plugin() {
    let lock = "Version: 6
Closure: { C: { app: { Version: './', Build: '0', Tool: '0' } } }
Builds: { '0': { Jsonnet: { 'acme|plugin': { Version: '../plugin/' } } } }
Tools: { '0': { C: { 'acme|tool': { Version: 1.0.0, Digest: 'sha256:00', Artifacts: { Linux: 'sha256:01' } } } } }";
    for spelling in SPELLINGS {
        let space = with_plugin(spelling);
        let local = written(
            spelling,
            &[
                ("package-lock.sml", lock),
                (
                    "recipe.sml",
                    "Name: 'plugin', Language: 'Jsonnet|0', Version: 1.5.0, Source: ['plugin.libsonnet'], Dependencies: { Tool: ['acme|tool@1'] }",
                ),
                (
                    "plugin.libsonnet",
                    &PLUGIN.replace("Make stamp.h", "Make it here"),
                ),
            ],
        );
        space.copy(local.top(), "plugin");
        let name = if matches!(spelling, Spelling::Old) {
            "PackageLock.sml"
        } else {
            "package-lock.sml"
        };
        std::fs::rename(
            space.path("plugin").join(name),
            space.path("app").join(name),
        )
        .unwrap();
        let run = build(&space, "app").success();
        run.demand(
            run.ran().contains(&"Make it here"),
            "the plugin at the path",
        );
        // Versions in it do not count: they are what `wake.lock` is for.
        assert_eq!(
            space.wake(["-C", "app", "run", "-q"]).success().stdout,
            "1.2.0 text\n"
        );
    }
}

/// Catches a build that chooses versions although it was told to take those of a lock that is not there.
#[test]
fn a_locked_build_needs_a_lock() {
    let space = with_plugin(Spelling::New);
    insta::assert_snapshot!(
        space
            .wake(["-C", "app", "build", "--locked"])
            .code(2)
            .transcript()
    );
    assert!(!space.exists("wake.lock"));
}

/// Catches a package of the workspace that answers for a version that it is not.
#[test]
fn a_package_of_another_version_does_not_answer() {
    let space = written(
        Spelling::New,
        &[
            ("root-recipe.sml", "Members: ['*']"),
            ("app/recipe.sml", &recipe("app", "Runtime: ['library@2']")),
            ("app/app.c", ""),
            ("library/recipe.sml", &recipe("library", "")),
            ("library/library.c", ""),
        ],
    );
    insta::assert_snapshot!(space.wake(["-C", "app", "build"]).code(2).transcript());
}

/// Catches tools of a library that its users can run, too: only those of `Build` dependencies are for them.
#[test]
fn tools_are_for_the_package_that_asks_for_them() {
    let plugin = "function(wake) { name: 'show', tasks: [{ name: 'Show', run(ctx):: {
  local tools = std.get(ctx.dependencies, 'Tool', []),
  messages: [wake.warning('%s: %s' % [ctx.name, std.join(' ', [one.name for one in tools])])],
} }] }";
    let program = recipe("app", "Runtime: ['../library/'], Build: ['../show/']");
    let space = written(
        Spelling::New,
        &[
            ("app/recipe.sml", &program),
            ("app/app.c", ""),
            (
                "library/recipe.sml",
                &recipe("library", "Tool: ['../tool/'], Build: ['../show/']"),
            ),
            ("library/library.c", ""),
            (
                "tool/recipe.sml",
                &recipe("tool", "").replace("Version", "Type: 'Executable', Version"),
            ),
            ("tool/tool.c", "int main(void) { return 0; }\n"),
            (
                "show/recipe.sml",
                "Name: 'show', Language: 'Jsonnet|0', Source: ['show.libsonnet']",
            ),
            ("show/show.libsonnet", plugin),
        ],
    );
    let run = build(&space, "app").success();
    run.demand(
        run.stderr.contains(": library: tool\n"),
        "the tool of the library",
    );
    run.demand(
        run.stderr.contains(": app: \n") || run.stderr.contains(": app:\n"),
        "no tool of the program",
    );
}

/// Catches a tool of a plugin that is there twice, and packages that are called otherwise than the page on `ctx` says.
#[test]
fn dependencies_are_told_by_name_and_reference() {
    let plugin = "function(wake) { name: 'show', tasks: [{ name: 'Show', run(ctx):: {
  messages: [
    wake.warning(std.join(', ', [kind] + [one.name + ' is ' + one.reference for one in ctx.dependencies[kind]]))
    for kind in std.objectFields(ctx.dependencies)
  ],
} }] }";
    let space = written(
        Spelling::New,
        &[
            (
                "root-recipe.sml",
                "Members: ['app', 'library'], Registry: './index/'",
            ),
            (
                "app/recipe.sml",
                &recipe(
                    "app",
                    "Runtime: ['library', 'acme|text@1'], Build: ['../show/']",
                ),
            ),
            ("app/app.c", ""),
            ("library/recipe.sml", &recipe("library", "")),
            ("library/library.c", ""),
            (
                "tool/recipe.sml",
                &recipe("tool", "").replace("Version", "Type: 'Executable', Version"),
            ),
            ("tool/tool.c", "int main(void) { return 0; }\n"),
            (
                "show/recipe.sml",
                "Name: 'show', Language: 'Jsonnet|0', Source: ['show.libsonnet'], Dependencies: { Tool: ['../tool/'] }",
            ),
            ("show/show.libsonnet", plugin),
        ],
    );
    let text = "Name: 'text', Language: 'C|0', Version: 1.0.0";
    publish(
        &space,
        Spelling::New,
        "text",
        "1.0.0",
        &[("recipe.sml", text), ("text.c", "")],
    );
    let run = build(&space, "app").success();
    let said = run
        .stderr
        .lines()
        .filter(|line| line.starts_with("warning"));
    let said: Vec<&str> = said.filter_map(|line| line.split("): ").nth(1)).collect();
    let expected = [
        "Build, show is show",
        "Runtime, library is library, text is acme/text",
        "Test",
        "Tool, tool is tool",
    ];
    run.demand(said == expected, &format!("{expected:?}, not {said:?}"));
}

/// Catches newer names of files that are taken for less than the older ones: two in one directory, a package inside another
/// one, and changes of them.
#[test]
fn newer_names_mean_what_the_older_ones_do() {
    let space = written(
        Spelling::New,
        &[
            (
                "root-recipe.sml",
                "OutputRoot: './out/', Defines: ['ANSWER=41']",
            ),
            (
                "recipe.sml",
                "Name: 'app', Language: 'C|0', Type: 'Executable', Dependencies: { Runtime: ['./inner/'] }",
            ),
            ("main.c", &main("answer")),
            ("inner/recipe.sml", "Name: 'inner', Language: 'C|0'"),
            ("inner/answer.c", "int answer(void) { return ANSWER; }\n"),
        ],
    );
    let output = || space.wake(["run", "-q"]).success().stdout;
    // The sources of `inner` are not those of `app`.
    assert_eq!(output(), "41\n");
    assert!(space.exists("out/_/app") && !space.exists(".wake/out"));
    space.edit("root-recipe.sml", "41", "42");
    assert_eq!(output(), "42\n");
    space.edit("inner/recipe.sml", "'C|0'", "'C|0', Defines: ['ANSWER=43']");
    assert_eq!(output(), "43\n");
    space.file(
        "inner/Recipe.sml",
        "Name: 'inner', Language: 'C', Defines: ['ANSWER=44']",
    );
    assert_eq!(output(), "44\n", "the older name counts");
    space.file("RootRecipe.sml", "OutputRoot: './other/'");
    assert_eq!(output(), "44\n");
    assert!(space.exists("other/_/app"), "the older name counts");
    space.remove("RootRecipe.sml");
    space.remove("inner/Recipe.sml");
    assert_eq!(output(), "43\n");
    let shown = space.wake(["fmt", "--check"]).code(1).stdout;
    assert_eq!(shown, "inner/recipe.sml\nrecipe.sml\nroot-recipe.sml\n");
    space.wake(["pkg", "add", "'./more'"]).code(2);
    space.file(
        "more/recipe.sml",
        "Name: 'more', Language: 'C', PublicDefines: ['MORE']",
    );
    space.wake(["pkg", "add", "./more"]).success();
    let recipe = space.read("recipe.sml");
    assert!(recipe.contains("['./inner/', './more/']"), "{recipe}");
}
