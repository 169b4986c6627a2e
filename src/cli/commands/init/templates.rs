//! What `wake init` writes in each language: a program that greets, what it says apart from it, and a test of that.
//! Ignorant of names of packages: `@name@` stands for it in declarations.

use crate::cli::options::Language;

/// The files of a package.
pub(super) struct Template {
    /// The `PKG`.
    pub(super) package: &'static str,
    /// The `Recipe.sml`, where one module is enough for the language.
    pub(super) recipe: Option<&'static str>,
    /// What both declare: paths and contents.
    pub(super) sources: &'static [(&'static str, &'static str)],
}

macro_rules! file {
    ($path:literal) => {
        include_str!(concat!("templates/", $path))
    };
}

/// What there is for `language`.
pub(super) fn template(language: Language) -> &'static Template {
    match language {
        Language::C => &C,
        Language::Cpp => &CPP,
        Language::CSharp => &CSHARP,
        Language::Command => &COMMAND,
        Language::Go => &GO,
        Language::Java => &JAVA,
        Language::JavaScript => &JAVASCRIPT,
        Language::Python => &PYTHON,
        Language::Rust => &RUST,
    }
}

const C: Template = Template {
    package: file!("c/package.jsonnet"),
    recipe: Some(file!("c/recipe.sml")),
    sources: &[
        ("src/greeting.h", file!("c/greeting.h")),
        ("src/greeting.c", file!("c/greeting.c")),
        ("src/main.c", file!("c/main.c")),
        ("tests/greeting.c", file!("c/test.c")),
    ],
};

const CPP: Template = Template {
    package: file!("cpp/package.jsonnet"),
    recipe: Some(file!("cpp/recipe.sml")),
    sources: &[
        ("src/greeting.hpp", file!("cpp/greeting.hpp")),
        ("src/greeting.cpp", file!("cpp/greeting.cpp")),
        ("src/main.cpp", file!("cpp/main.cpp")),
        ("tests/greeting.cpp", file!("cpp/test.cpp")),
    ],
};

const CSHARP: Template = Template {
    package: file!("csharp/package.jsonnet"),
    recipe: Some(file!("csharp/recipe.sml")),
    sources: &[
        ("src/Greeting.cs", file!("csharp/Greeting.cs")),
        ("src/Program.cs", file!("csharp/Program.cs")),
        ("tests/GreetingTest.cs", file!("csharp/GreetingTest.cs")),
    ],
};

const COMMAND: Template = Template {
    package: file!("command/package.jsonnet"),
    recipe: None,
    sources: &[
        ("src/greet.in", file!("command/greet.in")),
        ("tools/make.sh", file!("command/make.sh")),
        ("tests/greet.sh", file!("command/test.sh")),
    ],
};

const GO: Template = Template {
    package: file!("go/package.jsonnet"),
    recipe: Some(file!("go/recipe.sml")),
    sources: &[
        ("go.mod", file!("go/go.mod")),
        ("greeting.go", file!("go/greeting.go")),
        ("main.go", file!("go/main.go")),
        ("greeting_test.go", file!("go/greeting_test.go")),
    ],
};

const JAVA: Template = Template {
    package: file!("java/package.jsonnet"),
    recipe: Some(file!("java/recipe.sml")),
    sources: &[
        ("src/greeting/Greeting.java", file!("java/Greeting.java")),
        ("src/greeting/Main.java", file!("java/Main.java")),
        (
            "tests/greeting/GreetingTest.java",
            file!("java/GreetingTest.java"),
        ),
    ],
};

const JAVASCRIPT: Template = Template {
    package: file!("javascript/package.jsonnet"),
    recipe: Some(file!("javascript/recipe.sml")),
    sources: &[
        ("package.json", file!("javascript/package.json")),
        ("src/greeting.mjs", file!("javascript/greeting.mjs")),
        ("src/main.mjs", file!("javascript/main.mjs")),
        (
            "tests/greeting.test.mjs",
            file!("javascript/greeting.test.mjs"),
        ),
    ],
};

const PYTHON: Template = Template {
    package: file!("python/package.jsonnet"),
    recipe: Some(file!("python/recipe.sml")),
    sources: &[
        ("src/greeting.py", file!("python/greeting.py")),
        ("src/main.py", file!("python/main.py")),
        ("tests/test_greeting.py", file!("python/test_greeting.py")),
    ],
};

const RUST: Template = Template {
    package: file!("rust/package.jsonnet"),
    recipe: None,
    sources: &[
        ("src/lib.rs", file!("rust/lib.rs")),
        ("src/main.rs", file!("rust/main.rs")),
    ],
};
