//! Recipes (`Recipe.sml`): every shape of package, and what is wrong with them.

use super::Plan;

const MAIN: (&str, &str) = ("main.cpp", "int main() { return 0; }");

/// An executable at the top that needs the static library beside it.
fn application() -> Plan {
    Plan::of(&[
        ("RootRecipe.sml", "Members: ['application']"),
        (
            "application/Recipe.sml",
            "Name: 'Application'\nLanguage: (C++@0)\nVersion: 1.2\nType: 'Executable'\nSource: [ 'main.cpp' ]\n\
             Dependencies: {\n  Runtime: [ '../library/' ]\n}",
        ),
        ("application/main.cpp", MAIN.1),
        (
            "library/Recipe.sml",
            "Name: 'Library'\nLanguage: 'C++|0'\nVersion: 1.0.0\nType: 'StaticLibrary'\nSource: ['library.cpp']",
        ),
        ("library/library.cpp", ""),
    ])
    .targets(&["application"])
}

/// Catches a recipe that is no package, and a dependency by path that is not linked.
#[test]
fn an_executable_links_the_library_that_its_recipe_names() {
    insta::assert_snapshot!(application().text());
}

/// What a workspace of one recipe is, and what is wrong with it.
fn wrong(recipe: &str) -> String {
    Plan::of(&[("Recipe.sml", recipe), MAIN, ("tool.cpp", "")]).error()
}

const BASE: &str = "Name: 'p'\nLanguage: 'C++'\nSource: ['main.cpp']\n";

/// Catches a message that does not say what is wrong, where, and what to write instead.
#[test]
fn wrong_recipes_are_told_what_is_wrong() {
    let cases = [
        "Language: 'C++'",
        "name: 'p'",
        "Name: 1",
        "Name: 'a b'",
        "Name: 'p'\nVersion: 'x'",
        "Name: 'p'\nVersion: true",
        "Name: 'p'\nVersion: 1.2.3.4",
        "Name: 'p'\nLanguage: 'C++|x'",
        "Name: 'p'\nLanguage: 'C++|'",
        "Name: 'p'\nLanguage: '|0'",
        "Name: 'p'\nLanguage: []",
        "Name: 'p'\nLanguage: 'C++'\nType: 1",
        "Name: 'p'\nName: 'q'",
        "Name: 'p', Language: 'C++'\nType: 'Executable'",
        "Name: 'p\nLanguage: 'C++'",
        "Name: 'p'\nDependencies: {",
        "Name: 'p'\nLanguage: 'Jsonnet'",
        "Name: 'p'\nLanguage: 'Jsonnet'\nSource: ['a.libsonnet', 'b.libsonnet']",
        "Name: 'p'\nLanguage: 'Jsonnet'\nSource: ['plugin.libsonnet']",
        "Name: 'p'\nLanguage: 'Jsonnet'\nSource: ['../plugin.libsonnet']",
        "Name: 'p'\nLanguage: 'Jsonnet'\nSource: 'plugin.libsonnet'",
    ];
    insta::assert_snapshot!(told(cases.map(str::to_owned)));
}

/// Catches a language that is told of elsewhere than where it stands. The hint lists all, so it grows.
#[test]
fn unknown_languages_are_errors_where_they_stand() {
    let unknown = wrong("Name: 'p'\nLanguage: 'C++x|0'");
    let expected = "User: `p` has the unknown language `C++x`\nat Recipe.sml:2:11\n";
    assert!(unknown.starts_with(expected), "{unknown}");
    assert!(unknown.contains("hint: did you mean `C++`"), "{unknown}");
    let none = wrong("Name: 'p'");
    let expected = "User: The recipe of `p` has no `Language`\nat Recipe.sml:1:7\n";
    assert!(none.starts_with(expected), "{none}");
    assert!(none.contains("hint: add `Language: 'C++'`"), "{none}");
}

fn told(recipes: impl IntoIterator<Item = String>) -> String {
    let told = recipes.into_iter();
    let told: Vec<String> = told
        .map(|recipe| format!("{recipe}\n---\n{}\n", wrong(&recipe)))
        .collect();
    told.join("\n==========\n")
}

/// Catches a reference that is taken for something else, and one whose error points elsewhere.
#[test]
fn wrong_dependencies_are_told_what_is_wrong() {
    let cases = [
        "Dependencies: []",
        "Dependencies: { Runtime: 'x' }",
        "Dependencies: { Runtime: [1] }",
        "Dependencies: { Runtime: [''] }",
        "Dependencies: { Runtime: ['a b'] }",
        "Dependencies: { Runtime: ['Name@'] }",
        "Dependencies: { Runtime: ['Name@1.x'] }",
        "Dependencies: { Runtime: ['Name@1.2.3.4'] }",
        "Dependencies: { Runtime: ['[C#Name'] }",
        "Dependencies: { Runtime: ['[]Name'] }",
        "Dependencies: { Runtime: ['[C#]'] }",
        "Dependencies: { Runtime: ['|Name'] }",
        "Dependencies: { Runtime: ['User|'] }",
        "Dependencies: { Runtime: ['A|B|C'] }",
        "Dependencies: { Runtime: ['..\\\\library'] }",
        "Dependencies: { Runtime: [{}] }",
        "Dependencies: { Runtime: [{ Reference: 1 }] }",
        "Dependencies: { Runtime: [{ Referense: './x' }] }",
        "Dependencies: { Runtime: [{ Reference: './x', ExcludeRuntime: 1 }] }",
        "Dependencies: { Runtime: ['./x', './x'] }",
        "Dependencies: { Runtime: ['./nowhere/'] }",
        "Dependencies: { Runtime: ['./'] }",
    ];
    insta::assert_snapshot!(told(cases.map(|case| format!("{BASE}{case}"))));
}

/// Catches a library of another shape than its `Type` says.
#[test]
fn libraries_are_what_their_type_says() {
    let library = |kind: &str, more: &str| {
        format!("Name: 'Library'\nLanguage: 'C++|0'\nVersion: 1.0.0\nType: '{kind}'\n{more}")
    };
    let plan = application().targets(&["application"]);
    let titles = |plan: &Plan| -> Vec<String> {
        let text = plan.text();
        let titles = text
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with(' '));
        titles.map(ToOwned::to_owned).collect()
    };
    plan.write(
        "library/Recipe.sml",
        &library("DynamicLibrary", "Source: ['library.cpp']"),
    );
    let dynamic = titles(&plan);
    assert!(
        dynamic.iter().any(|title| title.contains("libLibrary.so")),
        "{dynamic:?}"
    );
    plan.write(
        "library/Recipe.sml",
        &library(
            "HeaderLibrary",
            "PublicHeaders: [{ Root: './', Files: ['library.h'] }]",
        ),
    );
    plan.write("library/library.h", "");
    let header = titles(&plan);
    assert!(
        header.iter().all(|title| !title.contains("libLibrary")),
        "{header:?}"
    );
}

/// Catches front ends that do not meet: a `PKG` needs a recipe, which needs a `PKG`, which reads a recipe from a file.
#[test]
fn declarations_of_both_kinds_need_each_other() {
    let plan = Plan::of(&[
        (
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('top'), pkgs={ middle: wake.getPkg('Middle', from='middle') }, modules={
  root: function(wake, pkg, config) wake.recipe({
    Language: 'C++|0', Type: 'Executable', Source: ['main.cpp'],
    Dependencies: { Runtime: [wake.getModule(pkg.pkgs.middle)] },
  }),
})",
        ),
        MAIN,
        (
            "middle/Recipe.sml",
            "Name: 'Middle', Language: 'C++', Source: ['middle.cpp'], Dependencies: { Runtime: ['../bottom'] }",
        ),
        ("middle/middle.cpp", ""),
        (
            "bottom/PKG",
            "function(wake) wake.pkg(wake.pkgInfo('bottom'), modules={
  root: function(wake, pkg, config) wake.recipe('./Recipe.sml'),
})",
        ),
        (
            "bottom/Recipe.sml",
            "Language: 'C|0', Source: ['bottom.c'], Dependencies: { Runtime: ['../deepest'] }",
        ),
        ("bottom/bottom.c", ""),
        (
            "deepest/Recipe.sml",
            "Name: 'Deepest', Language: 'C', Source: ['deepest.c']",
        ),
        ("deepest/deepest.c", ""),
    ]);
    let text = plan.text();
    let links = "libMiddle.a $(target bottom:root#HASH)/libbottom.a $(target Deepest:root#HASH)/libDeepest.a";
    assert!(text.contains(links), "{text}");
}

/// Catches a plan that holds although a recipe, what recipes share, or which file declares a package has changed.
#[test]
fn a_plan_holds_until_a_recipe_changes() {
    let plan = application();
    let reused = |plan: &Plan| {
        let (result, counts) = plan.make_in("");
        result.unwrap();
        counts.reused
    };
    assert!(!reused(&plan) && reused(&plan));
    let recipe = "Name: 'Library'\nLanguage: 'C++'\nSource: ['library.cpp']\nDefines: ['X']";
    plan.write("library/Recipe.sml", recipe);
    assert!(!reused(&plan) && reused(&plan));
    assert!(plan.text().contains("-DX"));
    plan.write("RootRecipe.sml", "Members: ['application']\nDefines: ['Y']");
    assert!(!reused(&plan) && reused(&plan));
    plan.write(
        "library/PKG",
        "function(wake) wake.pkg(wake.pkgInfo('Library'), modules={
  root: function(wake, pkg, config) wake.recipe({ Language: 'C++', Source: ['library.cpp'] }),
})",
    );
    assert!(!reused(&plan) && reused(&plan));
    assert!(!plan.text().contains("-DX"));
    // What packages share is what those with a `PKG` share, too.
    assert_eq!(plan.text().matches("-DY").count(), 2);
    std::fs::remove_file(plan.path("library/PKG")).unwrap();
    assert!(!reused(&plan));
    assert!(plan.text().contains("-DX"));
}

/// Catches shared properties that replace a recipe's own, reach packages outside of the workspace, or are warned of.
#[test]
fn properties_are_shared_below_the_top() {
    let plan = Plan::of(&[
        (
            "work/RootRecipe.sml",
            "Language: (C++@0), Version: 2.1, Defines: ['SHARED'], EnableWarningsAsErrors: true, OutputRoot: 'out'",
        ),
        (
            "work/Recipe.sml",
            "Name: 'app', Type: 'Executable', Source: ['main.cpp'], Dependencies: { Runtime: ['./own', '../outside'] }",
        ),
        ("work/main.cpp", ""),
        (
            "work/own/Recipe.sml",
            "Name: 'own', Defines: ['OWN'], Source: ['own.cpp']",
        ),
        ("work/own/own.cpp", ""),
        (
            "outside/Recipe.sml",
            "Name: 'outside', Language: 'C', Source: ['outside.c']",
        ),
        ("outside/outside.c", ""),
    ]);
    let (result, _) = plan.make_in("work");
    let (graph, state) = result.unwrap_or_else(|error| panic!("{:#?}", error.report()));
    let text = super::redact(&super::show(&graph, &state));
    let compiles: Vec<(&str, [bool; 3])> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("arguments: -c"))
        .map(|line| {
            let source = line.rsplit('/').next().unwrap_or_default();
            (
                source,
                ["-DSHARED", "-DOWN", "-Werror"].map(|flag| line.contains(flag)),
            )
        })
        .collect();
    assert_eq!(
        compiles,
        [
            ("outside.c", [false, false, false]),
            ("main.cpp", [true, false, true]),
            ("own.cpp", [false, true, true]),
        ],
        "{text}"
    );
    let made: Vec<String> = graph
        .operations()
        .flat_map(|operation| graph.outputs(operation).to_vec())
        .map(|file| state.display(file))
        .collect();
    assert!(
        made.iter().all(|path| path.starts_with("out/_/")),
        "{made:?}"
    );
    assert!(
        made[0].contains("/outside/0.0.0/") || made[0].contains("/2.1.0/"),
        "{made:?}"
    );
}

/// Catches the config of the user that is not read, or that wins over what the workspace says.
#[test]
fn the_users_config_gives_sdks_and_parameters() {
    let plugin = "function(wake) { name: 'show', tasks: [{ name: 'Show', run(ctx):: {
      operations: [wake.writeFile('$(target)/sdks', std.toString(ctx.sdks) + ctx.parameters.Mine + ctx.parameters.Ours)],
    } }] }";
    let plan = Plan::of(&[
        (
            ".config/wake/LocalUserConfig.sml",
            "SDKs: [{ Name: 'Kit', SourceDirectories: ['/opt/kit'], Properties: { Root: '/opt/kit/bin' } }]
Parameters: { Mine: 'user', Ours: 'user' }",
        ),
        ("RootRecipe.sml", "Parameters: { Ours: 'workspace' }"),
        (
            "Recipe.sml",
            "Name: 'app', Language: 'C', Source: ['main.c'], Dependencies: { Build: ['./plugin'] }",
        ),
        ("main.c", ""),
        ("plugin/Recipe.sml", "Name: 'plugin', Language: 'Jsonnet', Source: ['plugin.libsonnet']"),
        ("plugin/plugin.libsonnet", plugin),
    ]);
    let text = plan.text();
    let sdk = r#"[{"Name": "Kit", "Properties": {"Root": "/opt/kit/bin"}, "SourceDirectories": ["/opt/kit"]}]userworkspace"#;
    assert!(text.contains(sdk), "{text}");
    let (_, counts) = plan.make_in("");
    assert!(counts.reused);
    plan.write(
        ".config/wake/LocalUserConfig.sml",
        "Parameters: { Mine: 'other', Ours: 'x' }",
    );
    assert!(plan.text().contains("[ ]otherworkspace"), "{}", plan.text());
    plan.write(".config/wake/LocalUserConfig.sml", "SDK: []");
    let error = plan.error();
    assert!(
        error.contains("The user's config has no key `SDK`"),
        "{error}"
    );
    assert!(error.contains("did you mean `SDKs`?"), "{error}");
}

/// Catches names that a lock of Soup gives a directory and that are looked for elsewhere.
#[test]
fn a_lock_of_soup_says_where_names_are() {
    let plan = Plan::of(&[
        (
            "Recipe.sml",
            "Name: 'app', Language: 'C', Type: 'Executable', Source: ['main.c'], Dependencies: { Runtime: ['Acme|Log@7'] }",
        ),
        ("main.c", ""),
        (
            "PackageLock.sml",
            "Version: 5\nClosures: { Root: { C: { 'Acme|Log': { Version: './log/' } } } }",
        ),
        (
            "log/Recipe.sml",
            "Name: 'Log', Language: 'C', Source: ['log.c'], Version: 1.0.0",
        ),
        ("log/log.c", ""),
    ]);
    assert!(plan.text().contains("libLog.a"));
}

/// Catches what is wrong between recipes and is told badly: which is wrong, where, and what to do.
#[test]
fn wrong_workspaces_of_recipes_are_told_what_is_wrong() {
    let base = "Language: 'C++', Source: ['main.cpp']";
    let recipe = |name: &str, dependencies: &str| {
        format!("Name: '{name}', {base}, Dependencies: {{ {dependencies} }}")
    };
    let told = |files: &[(&str, String)]| {
        let plan = Plan::of(&[MAIN, ("a/main.cpp", ""), ("b/main.cpp", "")]);
        for (path, content) in files {
            plan.write(path, content);
        }
        let shown = files
            .iter()
            .map(|(path, content)| format!("{path}: {content}\n"));
        format!("{}---\n{}\n", shown.collect::<String>(), plan.error())
    };
    let top = |dependencies: &str| ("Recipe.sml", recipe("top", dependencies));
    let cases = [
        told(&[
            top("Runtime: ['./a']"),
            ("a/Recipe.sml", recipe("a", "Build: ['../b']")),
            (
                "b/Recipe.sml",
                "Name: 'b', Language: 'Jsonnet', Source: ['p.libsonnet'], Dependencies: { Runtime: ['../a'] }".to_owned(),
            ),
            ("b/p.libsonnet", "function(wake) { name: 'p', tasks: [] }".to_owned()),
        ]),
        told(&[
            top("Runtime: ['./a', './b']"),
            ("a/Recipe.sml", recipe("same", "")),
            ("b/Recipe.sml", recipe("same", "")),
        ]),
        told(&[
            top("Build: ['./a']"),
            ("a/Recipe.sml", "Name: 'a', Language: 'Wren|0', Source: ['Task.wren'], Dependencies: { Runtime: ['Soup|Build.Utils@0'] }".to_owned()),
        ]),
        told(&[top("Build: ['./a']"), ("a/Recipe.sml", recipe("a", ""))]),
        told(&[top("Runtime: ['[C#]./a']"), ("a/Recipe.sml", recipe("a", ""))]),
        told(&[top("Runtime: ['./a']"), ("a/nothing", String::new())]),
        told(&[top("Runtime: ['./b/main.cpp']")]),
        told(&[top("Runtime: ['Nobody|Nothing@1']")]),
        told(&[
            top("Runtime: ['Log']"),
            ("PackageLock.sml", "Version: 5\nClosures: { Root: { 'C++': { Log: { Version: 'a' } } } }".to_owned()),
            ("a/Recipe.sml", recipe("a", "")),
        ]),
        told(&[
            top("Runtime: ['Log']"),
            ("PackageLock.sml", "Version: 5\nClosures: { Root: { 'C++': { Log: { Version: './gone/' } } } }".to_owned()),
        ]),
        told(&[top("Runtime: ['Log']"), ("PackageLock.sml", "Version: 3".to_owned())]),
        told(&[top(""), ("RootRecipe.sml", "OutputRoot: '../out'".to_owned())]),
        told(&[top(""), ("RootRecipe.sml", "OutputRoot: './'".to_owned())]),
        told(&[top(""), ("RootRecipe.sml", "OutputRoot: '.wake/x'".to_owned())]),
        told(&[top(""), ("RootRecipe.sml", "OutputRoot: 'main.cpp'".to_owned())]),
        told(&[
            top(""),
            ("RootRecipe.sml", "OutputRoot: 'a'".to_owned()),
            ("a/Recipe.sml", recipe("a", "")),
        ]),
        told(&[top(""), ("RootRecipe.sml", "Name: 'x'".to_owned())]),
        told(&[top(""), ("RootRecipe.sml", "Language: 'C++|x'".to_owned())]),
        told(&[top(""), ("RootRecipe.sml", "Registry: 1".to_owned())]),
        told(&[(
            "PKG",
            "function(wake) wake.pkg(wake.pkgInfo('p'), modules={\n  root: function(wake, pkg, config) wake.recipe('./Recipe.sml'),\n})".to_owned(),
        )]),
        told(&[
            ("PKG", "function(wake) wake.pkg(wake.pkgInfo('p'), modules={\n  root: function(wake, pkg, config) wake.recipe('./Recipe.sml'),\n})".to_owned()),
            top("Runtime: ['a b']"),
        ]),
        told(&[
            ("PKG", "function(wake) wake.pkg(wake.pkgInfo('p'), modules={\n  root: function(wake, pkg, config) wake.recipe('../Recipe.sml'),\n})".to_owned()),
        ]),
    ];
    insta::assert_snapshot!(cases.join("\n==========\n"));
}
