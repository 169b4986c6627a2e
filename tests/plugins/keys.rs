//! Every key of a C or C++ recipe, alone: what it does to the operations.

use serde_json::{Value, json};

use super::Case;

/// A recipe of one source with a key, its plan.
fn plan(plugin: &str, files: &[&str], recipe: Value) -> String {
    Case::new(plugin, files, recipe).plan()
}

/// A package whose files fit most keys.
const FILES: [&str; 9] = [
    "a.cpp",
    "b.cpp",
    "linux.cpp",
    "windows.cpp",
    "fast.s",
    "head.S",
    "vector.asm",
    "include/a.h",
    "data.txt",
];

/// One snapshot for each: catches a key that changes nothing, or changes what it should not.
#[test]
fn each_key_does_what_it_says() {
    let recipes = [
        ("windows", json!({"Type": "Windows", "Source": ["a.cpp"]})),
        (
            "other_system",
            json!({"TargetSystems": ["Windows", "MacOS"], "PublicIncludePaths": ["include"]}),
        ),
        (
            "this_system",
            json!({"TargetSystems": ["Windows", "Linux"], "Source": ["a.cpp"]}),
        ),
        ("exclude", json!({"Exclude": ["windows.cpp", "./b*"]})),
        (
            "exclude_listed",
            json!({"Exclude": ["b.cpp"], "Source": ["a.cpp", "./b.cpp"]}),
        ),
        (
            "assembly",
            json!({"AssemblySource": ["fast.s", "*.S"], "Source": ["a.cpp"]}),
        ),
        (
            "nasm",
            json!({"AssemblySource": ["vector.asm"], "Source": [], "IncludePaths": ["include"], "Defines": ["X=1"]}),
        ),
        (
            "headers_only",
            json!({"PublicHeaders": ["include/a.h"], "Source": []}),
        ),
        (
            "disabled_warnings",
            json!({"DisabledWarnings": ["unused-variable", "-Wshadow", "-Wno-parentheses", 4100, "C4201"], "Source": ["a.cpp"]}),
        ),
        (
            "warnings_as_errors",
            json!({"EnableWarningsAsErrors": true, "Source": ["a.cpp"]}),
        ),
        (
            "resources",
            json!({"Resources": "app.rc", "Source": ["a.cpp"]}),
        ),
        (
            "language_version",
            json!({"LanguageVersion": "C++17", "Source": ["a.cpp"]}),
        ),
        (
            "runtime_dependencies",
            json!({"RuntimeDependencies": ["data.txt"], "Type": "Executable", "Source": ["a.cpp"]}),
        ),
        (
            "libraries",
            json!({"PlatformLibraries": ["m"], "LinkLibraries": ["vendor/libz.a", "/opt/liby.so"], "Type": "Executable", "Source": ["a.cpp"]}),
        ),
    ];
    for (name, recipe) in recipes {
        let mut case = Case::new("cpp", &FILES, recipe.clone());
        case.tools.push("nasm");
        insta::with_settings!({ description => recipe.to_string(), omit_expression => true }, {
            insta::assert_snapshot!(name, case.plan());
        });
    }
}

/// Groups count where all of their filter fits, are mixed with what is no group, and stand in every list.
#[test]
fn conditional_groups_count_for_their_parameters() {
    let linux = json!({"System": "Linux"});
    let recipe = json!({
        "Source": [
            "a.cpp",
            {"Filter": linux, "Files": ["linux*.cpp"]},
            {"Filter": {"System": ["Windows", "MacOS"]}, "Files": ["windows.cpp"]},
        ],
        "Defines": [
            {"Filter": {"Architecture": "x64", "Compiler": "GCC"}, "Values": ["FITS"]},
            {"Filter": {"System": "Linux", "Flavor": "Debug"}, "Values": ["FITS_HALF"]},
            "LAST",
        ],
        "PublicHeaders": [
            {"Filter": linux, "Root": "include", "Target": "x", "Files": ["a.h"]},
            {"Filter": {"System": "Windows"}, "Root": "include", "Files": ["w.h"]},
        ],
        "PlatformLibraries": [{"Filter": linux, "Files": ["dl"]}],
        "DisabledWarnings": [{"Filter": {"Compiler": "MSVC"}, "Values": ["C4100"]}],
        "IncludePaths": [{"Filter": linux, "Files": ["."]}],
        "Type": "Executable",
    });
    let case = Case::new("cpp", &FILES, recipe).parameter("Compiler", "GCC-12");
    let mut case = case;
    case.tools.extend(["gcc-12", "g++-12"]);
    insta::assert_snapshot!(case.plan());
}

/// The same keys, of C.
#[test]
fn c_knows_the_keys_of_soup() {
    let recipe = json!({
        "Source": [{"Filter": {"System": "Linux"}, "Files": ["a.c"]}], "Exclude": ["b.c"], "LanguageVersion": "C11",
        "AssemblySource": ["f.S"], "DisabledWarnings": ["unused-parameter"], "Type": "DynamicLibrary",
    });
    insta::assert_snapshot!(plan("c", &["a.c", "b.c", "f.S"], recipe));
}

/// C links as C++ as soon as it uses a library in C++, and C++ uses libraries in C without becoming anything else.
#[test]
fn c_and_cpp_use_each_other() {
    let linker = |plugin: &str, source: &str, language: &str| {
        let recipe = json!({"Type": "Executable", "Source": [source]});
        let shared =
            json!({"LinkLibraries": ["$(target acme/l:root#1)/libl.a"], "LinkLanguage": language});
        let plan = Case::new(plugin, &[source], recipe)
            .dependency("Runtime", "l", shared)
            .plan();
        let link = plan.split("Link app\n  $ ").nth(1).unwrap();
        link.split(' ').next().unwrap().to_owned()
    };
    assert_eq!(linker("c", "a.c", "C"), "gcc");
    assert_eq!(linker("c", "a.c", "C++"), "g++");
    assert_eq!(linker("cpp", "a.cpp", "C"), "g++");
    assert_eq!(linker("cpp", "a.c", "C"), "gcc");
}
