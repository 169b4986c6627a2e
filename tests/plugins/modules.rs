//! C++20 modules: what is scanned, and what follows from what scans say.

use std::fmt::Write as _;

use serde_json::{Value, json};
use wake::jsonnet::protocol::ActionSpec;

use super::Case;

/// What a library shares that exports the module `math`, which needs `base` of another.
fn math(standard: &str) -> Value {
    let module = |package: &str, name: &str, imports: &[&str]| {
        let path = format!("$(target acme/{package}:root#1)/modules/{name}.gcm");
        json!({"Name": name, "Path": path, "Imports": imports, "Standard": standard})
    };
    json!({
        "LinkLibraries": ["$(target acme/math:root#1)/libmath.a"],
        "Modules": [module("math", "math", &["base"]), module("base", "base", &[])],
        "LinkLanguage": "C++",
    })
}

/// A module whose sources have been scanned, with these results.
fn scanned(recipe: Value, scans: &[(&str, &str)]) -> Case {
    let files: Vec<&str> = scans.iter().map(|(file, _)| *file).collect();
    let mut case = Case::new("cpp", &files, recipe);
    for (file, lines) in scans {
        let path = format!("$(target)/scan/{file}.txt");
        case.input.preprocessed.insert(path, (*lines).to_owned());
    }
    case
}

const CORE: [(&str, &str); 5] = [
    ("core.cppm", "interface core\nimport :part\nimport math\n"),
    ("impl.cpp", "unit core\n"),
    ("inner.cpp", "unit core:inner\n"),
    ("main.cpp", "import core\n"),
    ("part.cpp", "interface core:part\nimport :inner\n"),
];

fn core() -> Case {
    let recipe = json!({
        "Interface": "core.cppm", "Type": "Executable", "Source": ["impl.cpp", "main.cpp"],
        "Partitions": [{"Source": "part.cpp", "Imports": ["inner.cpp"]}, "inner.cpp"],
    });
    scanned(recipe, &CORE).dependency("Runtime", "math", math("c++20"))
}

/// Catches an interface that is compiled after what imports it, and one that is missing from what the compiler is told.
#[test]
fn units_are_compiled_with_what_they_import() {
    insta::assert_snapshot!("gcc", core().plan());
    insta::assert_snapshot!("clang", core().parameter("Compiler", "Clang").plan());
}

/// Catches a first pass that compiles, and a scan that would not see the macros and directories of the compile.
#[test]
fn the_first_pass_scans() {
    let mut case = core();
    case.input.preprocessed.clear();
    let generated = case.generate().unwrap();
    assert!(generated.operations.is_empty());
    let titles: Vec<_> = generated.preprocess.iter().map(|one| &*one.title).collect();
    assert_eq!(
        titles,
        [
            "Write scan/modules.awk",
            "Scan impl.cpp",
            "Scan main.cpp",
            "Scan core.cppm",
            "Scan part.cpp",
            "Scan inner.cpp"
        ]
    );
    let ActionSpec::Run {
        arguments, stdout, ..
    } = &generated.preprocess[1].action
    else {
        panic!("{:?}", generated.preprocess[1]);
    };
    assert_eq!(stdout.as_deref(), Some("$(target)/scan/impl.cpp.txt"));
    insta::assert_snapshot!(arguments[3..].join("\n"));
}

/// Catches scans where nobody uses modules, which would cost every package of C++ a second pass.
#[test]
fn only_modules_are_scanned() {
    let scans = |recipe: Value, dependency: Option<Value>| {
        let mut case = Case::new("cpp", &["a.cpp", "b.c", "m.ixx"], recipe);
        if let Some(dependency) = dependency {
            case = case.dependency("Runtime", "math", dependency);
        }
        let asked = case.generate().unwrap().preprocess;
        asked
            .iter()
            .filter(|one| one.title.starts_with("Scan"))
            .count()
    };
    let plain = || json!({"Source": ["a.cpp", "b.c"]});
    assert_eq!(scans(plain(), None), 0);
    assert_eq!(scans(plain(), Some(json!({"LinkLibraries": []}))), 0);
    assert_eq!(scans(plain(), Some(math("c++20"))), 1);
    let in_c = json!({"Source": ["b.c"]});
    assert_eq!(scans(in_c, Some(math("c++20"))), 0);
    assert_eq!(scans(json!({}), None), 2);
    assert_eq!(
        scans(json!({"Source": ["a.cpp"], "Modules": true}), None),
        1
    );
    assert_eq!(scans(json!({"Modules": false}), Some(math("c++20"))), 0);
}

/// Headers that are only found as copies must be there before sources are scanned, and are copied once.
#[test]
fn copied_headers_are_made_before_the_scan() {
    let recipe = json!({
        "Modules": true, "Source": ["a.cpp"], "PublicHeaders": [{"Root": "src", "Target": "x", "Files": ["a.h"]}],
    });
    let generated = scanned(recipe, &[("a.cpp", ""), ("src/a.h", "")])
        .generate()
        .unwrap();
    let titles = |list: &[wake::jsonnet::protocol::OperationSpec]| {
        let titles: Vec<_> = list.iter().map(|one| one.title.clone()).collect();
        titles.join(", ")
    };
    assert_eq!(
        titles(&generated.preprocess),
        "Write scan/modules.awk, Scan a.cpp, Copy include/x/a.h"
    );
    assert_eq!(
        titles(&generated.operations),
        "Compile a.cpp, Archive libapp.a"
    );
    assert_eq!(
        generated.preprocess[1].order_only,
        ["$(target)/include/x/a.h"]
    );
}

/// What fits together badly, each with what people are told.
#[test]
fn modules_that_do_not_fit_are_errors() {
    let modules = || json!({"Modules": true});
    let cases: Vec<(Value, Vec<(&str, &str)>)> = vec![
        (modules(), vec![("a.cpp", "import maths\n")]),
        (modules(), vec![("a.cpp", "import std\n")]),
        (
            modules(),
            vec![("a.cpp", "unit cor\n"), ("core.cppm", "interface core\n")],
        ),
        (
            modules(),
            vec![("a.cpp", "header <vector>\nheader \"x.h\"\n")],
        ),
        (
            modules(),
            vec![("a.cpp", "interface core\n"), ("b.cpp", "interface core\n")],
        ),
        (modules(), vec![("a.cpp", "interface math\n")]),
        (
            modules(),
            vec![
                ("a.cpp", "interface a\nimport b\n"),
                ("b.cpp", "interface b\nimport c\n"),
                ("c.cpp", "interface c\nimport b\n"),
            ],
        ),
        (modules(), vec![("a.cpp", "interface a\nimport a\n")]),
        (json!({"Interface": "a.cpp"}), vec![("a.cpp", "")]),
        (
            json!({"Interface": "a.cpp"}),
            vec![("a.cpp", "interface m:p\n")],
        ),
        (
            json!({"Partitions": ["a.cpp"]}),
            vec![("a.cpp", "interface m\n")],
        ),
        (
            json!({"LanguageVersion": "C++23"}),
            vec![("a.cpp", "import math\n")],
        ),
        (json!({"LanguageVersion": "C++17"}), vec![("a.cpp", "")]),
        (
            json!({"LanguageVersion": "C++14", "Interface": "a.cpp"}),
            vec![("a.cpp", "")],
        ),
        (
            json!({"LanguageVersion": "C++17", "Source": ["a.c"]}),
            vec![("a.c", "")],
        ),
        (json!({"LanguageVersion": "C++23"}), vec![("a.cpp", "")]),
    ];
    let mut text = String::new();
    for (recipe, scans) in cases {
        let shown = format!("{recipe} {scans:?}");
        let result = scanned(recipe, &scans)
            .dependency("Runtime", "math", math("c++20"))
            .generate();
        let said = match result {
            Ok(_) => "fine".to_owned(),
            Err(error) => error,
        };
        writeln!(text, "{shown}\n  {said}\n").unwrap();
    }
    insta::assert_snapshot!(text);
}

/// A standard that is older than that of a library with modules somewhere below the direct dependency is no concern.
#[test]
fn modules_below_a_library_without_any_do_not_count() {
    let mut shared = math("c++20");
    shared["Modules"].as_array_mut().unwrap().remove(0);
    let recipe = json!({"LanguageVersion": "C++17", "Source": ["a.cpp"]});
    let case = Case::new("cpp", &["a.cpp"], recipe).dependency("Runtime", "math", shared);
    assert!(case.generate().is_ok());
}

/// Deep and wide: the order is found without a stack or a time that grows faster than the modules.
#[test]
fn a_long_chain_of_modules_is_put_in_order() {
    let names: Vec<String> = (0..300).map(|index| format!("m{index}.cppm")).collect();
    let scan = |index: usize| match index {
        0 => "interface m0\n".to_owned(),
        _ => format!("interface m{index}\nimport m{}\n", index - 1),
    };
    let texts: Vec<String> = (0..300).map(scan).collect();
    let scans: Vec<(&str, &str)> = names
        .iter()
        .zip(&texts)
        .map(|(name, text)| (&**name, &**text))
        .collect();
    let generated = scanned(json!({}), &scans).generate().unwrap();
    assert_eq!(
        generated.shared_state["Build"]["Modules"]
            .as_array()
            .unwrap()
            .len(),
        300
    );
}
