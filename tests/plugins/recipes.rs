//! Recipes in C and C++: what is compiled, linked and shared.

use serde_json::{Value, json};
use wake::jsonnet::protocol::ActionSpec;

use super::Case;

/// What a static library `acme/<name>` in C++ shares.
fn shared_library(name: &str, needs: &[&str]) -> Value {
    let archives: Vec<String> = std::iter::once(&name)
        .chain(needs)
        .map(|name| format!("$(target acme/{name}:root#1)/lib{name}.a"))
        .collect();
    json!({
        "PublicIncludePaths": [format!("$(package acme/{name})/include")],
        "GeneratedHeaders": [format!("$(target acme/{name}:root#1)/include/{name}.h")],
        "LinkLibraries": archives,
        "PlatformLibraries": ["m"],
        "RuntimeDependencies": [],
        "LinkLanguage": "C++",
    })
}

/// Would catch a library before what needs it: in a diamond, `base` comes after both that need it.
#[test]
fn an_executable_links_what_needs_a_library_before_it() {
    let plan = Case::new(
        "c",
        &["main.c"],
        json!({"Type": "Executable", "Source": ["main.c"], "PlatformLibraries": ["dl"],
               "LinkLibraries": ["vendor/libv.a"], "LinkerFlags": ["-Wl,--gc-sections"]}),
    )
    .dependency(
        "Runtime",
        "left",
        shared_library("left", &["base", "right"]),
    )
    .dependency("Runtime", "right", shared_library("right", &["base"]))
    .plan();
    insta::assert_snapshot!(plan);
}

#[test]
fn an_executable_has_shared_libraries_beside_it() {
    let library = json!({
        "LinkLibraries": ["$(target acme/outer:root#1)/libouter.so"],
        "RuntimeDependencies": ["$(target acme/outer:root#1)/libouter.so", "$(target acme/inner:root#1)/libinner.so"],
    });
    let plan = Case::new("cpp", &["main.cpp"], json!({"Type": "Test", "Timeout": 5}))
        .dependency("Runtime", "outer", library)
        .plan();
    insta::assert_snapshot!(plan);
}

#[test]
fn a_dynamic_library_absorbs_archives_and_passes_on_what_it_loads() {
    let inner = json!({
        "LinkLibraries": ["$(target acme/inner:root#1)/libinner.so"],
        "RuntimeDependencies": ["$(target acme/inner:root#1)/libinner.so"],
    });
    let plan = Case::new("cpp", &["a.cc"], json!({"Type": "DynamicLibrary"}))
        .dependency("Runtime", "base", shared_library("base", &[]))
        .dependency("Runtime", "inner", inner)
        .plan();
    insta::assert_snapshot!(plan);
}

/// A C++ module of all kinds of sources, compiled by Clang; the sources of its tests are not its own.
#[test]
fn every_source_has_its_compiler() {
    let recipe = json!({
        "Defines": ["A", "B=\"b c\""], "IncludePaths": ["./src/", "/usr/include/x"], "CompilerFlags": ["-fno-rtti"],
        "LanguageVersion": "GNU++17", "EnableWarningsAsErrors": true,
        "Source": ["src/**", "$(target)/made.cpp"], "Tests": {"Source": ["tests/*.cpp"]},
    });
    let files = ["src/a b.cpp", "src/$(x).c", "src/y.S", "src/z.s"];
    let plan = Case::new("cpp", &files, recipe)
        .parameter("Flavor", "Debug")
        .parameter("Compiler", "Clang")
        .plan();
    insta::assert_snapshot!(plan);
}

#[test]
fn the_sources_of_tests_are_not_those_of_the_module() {
    let generated = Case::new(
        "c",
        &["a.c", "tests/t.c", "sub/b.c"],
        json!({"Tests": {"Source": ["tests/*.c"]}}),
    )
    .generate()
    .unwrap();
    let titles: Vec<_> = generated.operations.iter().map(|one| &one.title).collect();
    assert_eq!(
        titles,
        ["Compile a.c", "Compile sub/b.c", "Archive libapp.a"]
    );
}

#[test]
fn public_headers_are_copied_to_where_dependents_look() {
    let groups = json!([{"Root": "src", "Target": "acme", "Files": ["*.h"]}]);
    let groups = json!({"Type": "StaticLibrary", "PublicHeaders": groups});
    let list = json!({"Type": "HeaderLibrary", "PublicHeaders": ["include/x.h", "include/**/*.h"]});
    let outside = json!({"Type": "HeaderLibrary", "PublicHeaders": ["include/x.h", "top.h"]});
    let files = [
        "src/a.cpp",
        "src/a.h",
        "include/x.h",
        "include/deep/y.h",
        "top.h",
    ];
    let plans: Vec<String> = [groups, list, outside]
        .into_iter()
        .map(|recipe| Case::new("cpp", &files, recipe).module("lib").plan())
        .collect();
    insta::assert_snapshot!(plans.join("\n"));
}

/// Another plugin's task between those of C++ adds a directory, a header and a source.
#[test]
fn another_plugin_extends_the_build() {
    let plan = Case::new("cpp", &["main.cpp"], json!({"Type": "Executable"}))
        .plugin(
            "[{ name: 'Version', runBefore: ['Build'], runAfter: ['ResolveDependencies'], run(ctx):: {
                activeState: { Build+: {
                  IncludePaths+: [ctx.targetDirectory], GeneratedHeaders+: ['$(target)/v.h'], Source+: ['$(target)/v.cpp'],
                } },
                sharedState: { Build+: { GeneratedHeaders+: ['$(target)/v.h'] } },
             } }]",
        )
        .plan();
    insta::assert_snapshot!(plan);
}

/// Would catch a test that stays passed when the data that it reads is edited.
#[test]
fn a_test_counts_the_files_that_it_reads() {
    let recipe = json!({"Type": "Test", "Source": ["a.c"], "Inputs": ["data/*", "PKG"]});
    let generated = Case::new("c", &["a.c", "data/1.xml", "data/2.xml"], recipe)
        .generate()
        .unwrap();
    let test = generated.operations.last().unwrap();
    assert!(test.is_test);
    assert_eq!(
        test.inputs.join(" "),
        "$(target)/app $(package)/data/1.xml $(package)/data/2.xml $(package)/PKG"
    );
}

/// A linker script that is edited links again, though no depfile speaks of it; directories and files elsewhere are no
/// inputs, nor is what is no file at all.
#[test]
fn files_that_flags_name_are_inputs() {
    let files = [
        "a.c",
        "api.map",
        "boot.ld",
        "order.txt",
        "a.profdata",
        "dir.d/x",
    ];
    let recipe = json!({
        "Type": "DynamicLibrary",
        "CompilerFlags": ["-fprofile-use=a.profdata", "-DFILE=order.txt"],
        "LinkerFlags": [
            "-Wl,--version-script,$(package)/api.map", "-Tboot.ld", "-Wl,--symbol-ordering-file=./order.txt",
            "-Wl,-rpath-link,dir.d", "-Wl,-z,max-page-size=0.5", "-Wl,-T,/lib/x.ld", "-Wl,-T,../a.ld",
        ],
    });
    let generated = Case::new("c", &files, recipe).generate().unwrap();
    let inputs: Vec<_> = generated
        .operations
        .iter()
        .map(|one| one.inputs.join(" "))
        .collect();
    assert_eq!(
        inputs,
        [
            "$(package)/a.c $(package)/a.profdata",
            "$(target)/obj/a.c.o $(package)/api.map $(package)/boot.ld $(package)/order.txt",
        ]
    );
}

/// What a library wants defined reaches all that include it, once, and goes on to those that depend on them; a module's
/// own definitions come last.
#[test]
fn public_defines_flow() {
    let shares = || json!({"PublicDefines": ["BASE"]});
    let recipe = json!({"PublicDefines": ["HERE"], "Defines": ["OWN"]});
    let generated = Case::new("cpp", &["a.cpp"], recipe)
        .dependency("Runtime", "left", shares())
        .dependency("Runtime", "right", shares())
        .generate()
        .unwrap();
    let ActionSpec::Run { arguments, .. } = &generated.operations[0].action else {
        panic!("{:?}", generated.operations[0]);
    };
    let arguments = arguments.join(" ");
    assert!(
        arguments.contains(" -DBASE -DHERE -DOWN -I")
            || arguments.contains(" -DBASE -DHERE -DOWN -f"),
        "{arguments}"
    );
    assert_eq!(
        generated.shared_state["Build"]["PublicDefines"],
        json!(["HERE", "BASE"])
    );
}

/// The modules of two packages have the same name, as `shared` and `lib` often are.
#[test]
fn shared_libraries_of_one_name_are_told_apart_by_name() {
    let library = |name: &str| json!({ "RuntimeDependencies": [format!("$(target acme/{name}:shared#1)/libshared.so")] });
    let error = Case::new("c", &["a.c"], json!({"Type": "Executable"}))
        .dependency("Runtime", "x", library("x"))
        .dependency("Runtime", "y", library("y"))
        .generate()
        .unwrap_err();
    assert!(
        error.contains("`acme/x/shared/libshared.so` and `acme/y/shared/libshared.so`"),
        "{error}"
    );
    assert!(error.contains("another `Name`"), "{error}");
    let named = Case::new(
        "c",
        &["a.c"],
        json!({"Type": "DynamicLibrary", "Name": "y"}),
    )
    .module("shared")
    .generate()
    .unwrap();
    assert_eq!(
        named.shared_state["Build"]["RuntimeDependencies"],
        json!(["$(target)/liby.so"])
    );
}

/// Objects lie in `obj`, so a program of this name could not be written.
#[test]
fn a_program_is_not_named_like_a_directory_beside_it() {
    let case = Case::new("c", &["a.c"], json!({"Type": "Executable"})).module("obj");
    assert!(
        case.generate()
            .unwrap_err()
            .contains("cannot be named `obj`")
    );
}

#[test]
fn parameters_that_mean_nothing_are_errors() {
    let case = || Case::new("cpp", &["a.cpp"], json!({}));
    insta::assert_snapshot!(case().parameter("Flavor", "Fast").plan());
    insta::assert_snapshot!(case().parameter("Compiler", "GGC").plan());
    insta::assert_snapshot!(case().parameter("Compiler", "").plan());
}

/// A key that nothing reads is worth a warning only where no other plugin might read it.
#[test]
fn keys_that_nothing_reads_are_warned_about() {
    let recipe = json!({"Sources": ["a.cpp"], "Color": "red"});
    let alone = Case::new("cpp", &["a.cpp"], recipe.clone())
        .generate()
        .unwrap();
    let messages: Vec<_> = alone
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(
        messages,
        [
            "`Color` in the recipe of `app` is not used",
            "`Sources` in the recipe of `app` is not used; did you mean `Source` or `Resources`?",
        ]
    );
    let accompanied = Case::new("cpp", &["a.cpp"], recipe)
        .dependency("Build", "plugin", json!({}))
        .generate()
        .unwrap();
    assert_eq!(accompanied.messages, []);
}

/// A header library compiles nothing, so it builds on a machine without a compiler.
#[test]
fn a_tool_is_needed_only_by_operations_that_use_it() {
    let with = |tools: &[&'static str], recipe: Value| {
        let mut case = Case::new("cpp", &["a.cpp"], recipe);
        case.tools = tools.to_vec();
        case.generate()
    };
    assert!(with(&[], json!({"Type": "HeaderLibrary"})).is_ok());
    assert!(with(&["g++"], json!({"Type": "Executable"})).is_ok());
    let missing = with(&["g++"], json!({"Type": "StaticLibrary"}));
    assert!(missing.unwrap_err().ends_with("`ar` is not installed"));
}
