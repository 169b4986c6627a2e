//! What the tests and samples of Soup name, done with wake: the same situations and shapes, in words and code of wake's own.
//!
//! Not here is what Soup has and wake does not (locks of language extensions, prebuilt artifacts, Wren), and what has its
//! test elsewhere: references and locks in `declare/recipe/tests.rs`; recipes that are wrong, cycles, two directories of one
//! identity, `[Language]` that does not fit, and locks of unknown versions in `plans/recipes.rs`; SML in
//! `declare/sml/tests.rs`; the user's config in `plans/recipes.rs`; adding, publishing and fetching in `recipe_edits.rs` and
//! `pkg_recipes.rs`; undeclared reads of what operations make in `evaluate/tests.rs`.

mod history;
mod load;
mod samples;

use crate::support::{Run, Space};

/// How a version of Soup spells files and languages.
#[derive(Clone, Copy, Debug)]
enum Spelling {
    /// `Recipe.sml`, `(C++@0)`.
    Old,
    /// `recipe.sml`, `'C++|0'`.
    New,
}

const SPELLINGS: [Spelling; 2] = [Spelling::Old, Spelling::New];

/// Files, with recipes in the new spelling, as users of one version of Soup have them.
fn written(spelling: Spelling, files: &[(&str, &str)]) -> Space {
    let space = Space::new();
    for (path, content) in files {
        let (path, content) = match spelling {
            Spelling::New => ((*path).to_owned(), (*content).to_owned()),
            Spelling::Old => (old_path(path), old_content(path, content)),
        };
        space.file(path, content);
    }
    space
}

fn old_path(path: &str) -> String {
    let names = [
        ("root-recipe.sml", "RootRecipe.sml"),
        ("package-lock.sml", "PackageLock.sml"),
        ("recipe.sml", "Recipe.sml"),
    ];
    let renamed = names.into_iter().find_map(|(new, old)| {
        let directory = path.strip_suffix(new)?;
        Some(format!("{directory}{old}"))
    });
    renamed.unwrap_or_else(|| path.to_owned())
}

fn old_content(path: &str, content: &str) -> String {
    if !path.ends_with("recipe.sml") {
        return content.to_owned();
    }
    let mut content = content.to_owned();
    for language in ["C", "C++", "C#", "Jsonnet"] {
        content = content.replace(&format!("'{language}|0'"), &format!("({language}@0)"));
    }
    content
        .replace("soup|build-utils", "Soup|Build.Utils")
        .replace("mwasplund|soup-test-cpp", "Soup|Test.Cpp")
}

/// Builds a package and says what was done.
fn build(space: &Space, package: &str) -> Run {
    let events = space.path("events");
    let events = events.to_str().unwrap();
    space.wake(["-C", package, "build", "--events", events])
}
