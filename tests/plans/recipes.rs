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
        "Name: 'p'",
        "Name: 'p'\nLanguage: 'Cpp|0'",
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
