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
